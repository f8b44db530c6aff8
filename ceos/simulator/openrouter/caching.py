"""The prompt caches of the simulated models: a beginning that was read lately costs less.

Models with a price for writing (Anthropic's) cache up to the parts that are marked with `cache_control`; models with a
lower price for reading alone cache the beginning of every prompt in steps of 128 tokens; the others cache nothing.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ceos.simulator.openrouter.catalogue import Model
from ceos.simulator.wire import dump

#: How long a beginning stays cached after its last use, in seconds.
KEEP_SECONDS = 300.0
#: The shortest beginning of a prompt that is cached, in tokens, and the steps of unmarked ones.
MIN_TOKENS, STEP_TOKENS = 1024, 128
#: Characters of a token, and the tokens that a message costs beside its text.
TOKEN_CHARACTERS, MESSAGE_TOKENS = 4, 4
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class CacheUse:
    """The tokens of one prompt that were read from the cache, and those written to it."""

    read: int = 0
    written: int = 0


class PromptCache:
    """The beginnings of prompts that are cached, by model."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def use(self, model: Model, body: dict[str, Any]) -> CacheUse:
        """Return the tokens that a request reads and writes, and keep its beginning."""
        if model.cache_read_price is None:
            return CacheUse()
        beginnings = list(_marked(model, body) if model.cache_write_price is not None else _steps(model, body))
        last = max((index for index, one in enumerate(beginnings) if one.is_kept), default=-1)
        if last < 0 or beginnings[last].tokens < MIN_TOKENS:
            return CacheUse()
        known = [one for one in beginnings[: last + 1] if self._until.get(one.digest, 0.0) > self._clock()]
        read = known[-1].tokens if known else 0
        for one in (*known, *(one for one in beginnings if one.is_kept and one.tokens >= MIN_TOKENS)):
            self._until[one.digest] = self._clock() + KEEP_SECONDS
            self._until.move_to_end(one.digest)
        while len(self._until) > _REMEMBERED:
            self._until.popitem(last=False)
        return CacheUse(read, beginnings[last].tokens - read if model.cache_write_price is not None else 0)


@dataclass(frozen=True, slots=True)
class _Beginning:
    digest: bytes
    tokens: int
    is_kept: bool


def text_of(content: Any) -> str:
    """Return the text of a message's content: a string, or a list of parts."""
    return "\n".join(text for text, _ in _parts(content))


def prompt_tokens(body: dict[str, Any]) -> int:
    """Return the tokens of a prompt with its tools."""
    characters = len(dump(body.get("tools") or "")) + sum(len(text_of(one.get("content"))) for one in body["messages"])
    return max(characters // TOKEN_CHARACTERS, 1) + MESSAGE_TOKENS * len(body["messages"])


def _parts(content: Any) -> Iterator[tuple[str, bool]]:
    """Yield the texts of a content, each with whether it is marked."""
    if isinstance(content, str):
        yield content, False
    for part in content if isinstance(content, list) else []:
        if isinstance(part, dict):
            yield str(part.get("text", "")), bool(part.get("cache_control"))


def _pieces(body: dict[str, Any]) -> Iterator[tuple[bytes, int, bool]]:
    """Yield a prompt piece by piece: its bytes, its tokens, and whether it is marked; tools come first."""
    tools = dump(body.get("tools") or "")
    yield tools, len(tools) // TOKEN_CHARACTERS, False
    for message in body["messages"]:
        extra = MESSAGE_TOKENS
        yield f"\n<{message.get('role')}>".encode() + dump(message.get("tool_calls") or ""), 0, False
        for text, is_marked in _parts(message.get("content")):
            yield text.encode(errors="replace"), len(text) // TOKEN_CHARACTERS + extra, is_marked
            extra = 0


def _marked(model: Model, body: dict[str, Any]) -> Iterator[_Beginning]:
    digest, tokens = hashlib.sha256(model.id.encode()), 0
    for piece, count, is_marked in _pieces(body):
        digest.update(piece)
        tokens += count
        yield _Beginning(digest.digest(), tokens, is_marked)


def _steps(model: Model, body: dict[str, Any]) -> Iterator[_Beginning]:
    whole = b"".join(piece for piece, _, _ in _pieces(body))
    size, digest = STEP_TOKENS * TOKEN_CHARACTERS, hashlib.sha256(model.id.encode())
    for start in range(0, len(whole) - size + 1, size):
        digest.update(whole[start : start + size])
        tokens = (start + size) // TOKEN_CHARACTERS
        yield _Beginning(digest.digest(), tokens, tokens >= MIN_TOKENS)
