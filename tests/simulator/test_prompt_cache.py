"""The prompt cache of the simulated models."""

from __future__ import annotations

from typing import Any

import pytest

from ceos.simulator.openrouter.caching import CacheUse, PromptCache, prompt_tokens
from ceos.simulator.openrouter.catalogue import MODELS

SONNET, MINI = MODELS["anthropic/claude-sonnet-4.5"], MODELS["openai/gpt-4o-mini"]
LLAMA = MODELS["meta-llama/llama-3.3-70b-instruct"]
LONG, SHORT = "stable " * 1000, "stable " * 100
LONG_TOKENS = len(LONG) // 4 + 4


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def body(*messages: tuple[str, bool], **more: Any) -> dict[str, Any]:
    """Return a request with these texts, the first as system prompt, each marked or not."""
    sent = []
    for index, (text, is_marked) in enumerate(messages):
        part = {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}
        sent.append({"role": "user" if index else "system", "content": [part] if is_marked else text})
    return {"messages": sent, **more}


def test_a_marked_beginning_is_written_once_and_then_read() -> None:
    cache = PromptCache(Clock())
    assert cache.use(SONNET, body((LONG, True), ("one", False))) == CacheUse(0, LONG_TOKENS)
    assert cache.use(SONNET, body((LONG, True), ("two", False))) == CacheUse(LONG_TOKENS, 0)


def test_a_later_mark_reads_what_an_earlier_one_wrote() -> None:
    cache = PromptCache(Clock())
    cache.use(SONNET, body((LONG, True), ("one", False)))
    found = cache.use(SONNET, body((LONG, True), (SHORT, True)))
    assert found == CacheUse(LONG_TOKENS, len(SHORT) // 4 + 4)


@pytest.mark.parametrize(
    ("model", "first", "second"),
    [
        pytest.param(SONNET, (LONG, False), (LONG, False), id="no mark"),
        pytest.param(SONNET, (SHORT, True), (SHORT, True), id="too short"),
        pytest.param(SONNET, (LONG, True), ("x" + LONG, True), id="other bytes"),
        pytest.param(MINI, ("x" + LONG, False), (LONG, False), id="other first bytes"),
        pytest.param(LLAMA, (LONG, False), (LONG, False), id="a model without a cache"),
    ],
)
def test_nothing_is_read(model: Any, first: tuple[str, bool], second: tuple[str, bool]) -> None:
    cache = PromptCache(Clock())
    cache.use(model, body(first))
    assert cache.use(model, body(second)).read == 0


def test_other_models_cache_the_beginning_of_every_prompt_without_a_charge() -> None:
    cache = PromptCache(Clock())
    assert cache.use(MINI, body((LONG, False), ("one", False))) == CacheUse()
    found = cache.use(MINI, body((LONG, False), ("two", False)))
    assert found.written == 0
    assert LONG_TOKENS - 128 <= found.read <= LONG_TOKENS


def test_a_beginning_is_forgotten_five_minutes_after_its_last_use() -> None:
    clock = Clock()
    cache = PromptCache(clock)
    cache.use(SONNET, body((LONG, True)))
    for _ in range(3):
        clock.now += 299
        assert cache.use(SONNET, body((LONG, True))).read
    clock.now += 301
    assert not cache.use(SONNET, body((LONG, True))).read


def test_tools_are_a_part_of_the_beginning() -> None:
    cache = PromptCache(Clock())
    tools = [{"type": "function", "function": {"name": "lookup"}}]
    cache.use(SONNET, body((LONG, True), tools=tools))
    assert not cache.use(SONNET, body((LONG, True))).read
    assert cache.use(SONNET, body((LONG, True), tools=tools)).read


def test_marks_do_not_change_the_number_of_tokens() -> None:
    assert prompt_tokens(body((LONG, True), ("x", False))) == prompt_tokens(body((LONG, False), ("x", False)))
