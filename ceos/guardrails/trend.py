"""Checks posts about trends and events before they are published.

Anybody writes the casts behind a trend, and a model may obey them, so the post is checked as if it had: links,
addresses, tickers, @names and hashtags are published only where the agent's own description contains them, and no
sentence of another author is published as the agent's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Protocol

from ceos.domain.agent import Agent
from ceos.domain.mentions import ConversationContext
from ceos.domain.text import similarity
from ceos.domain.topics import words_of
from ceos.guardrails.reply import token_violations

#: Words in a row that are a quotation.
QUOTED_WORDS = 7
#: The similarity from which a part repeats another author's cast.
COPY_SIMILARITY = 0.7

_TOP_LEVEL = (
    "com|org|net|io|xyz|app|dev|co|me|eth|ai|gg|fun|link|info|biz|site|online|shop|club|lol|finance|network|money|cash|"
    "tv|us|uk|de|fr|ru|cn|in|eu|ly|to|so|art|base|farcaster|cast|zip|click|live|pro|vip|win|top|icu|claims?"
)
#: Tokens that need provenance, each with its name in a violation.
_SMUGGLED = (
    ("the link", re.compile(rf"[a-z][a-z0-9+.-]*://\S+|\bwww\.\S+|\b(?:[\w-]+\.)+(?:{_TOP_LEVEL})\b(?:/\S*)?|\b[\w-]+\.[a-z]{{2,}}/\S+")),
    ("the address", re.compile(r"\b0x[0-9a-f]{4,}|\b(?=[a-z]*\d)[0-9a-z]{30,}\b|\bbc1[a-z0-9]{8,}")),
    ("the ticker", re.compile(r"\$[a-z][a-z0-9_]{1,14}\b")),
    ("the name", re.compile(r"(?<![\w.])@[a-z0-9][\w.-]*")),
    ("the hashtag", re.compile(r"(?<![\w&])#\w+")),
)  # fmt: skip


class UntrustedText(Protocol):
    """A text of another author: a cast of a trend, a text in an event."""

    @property
    def text(self) -> str:
        """Its words."""


def trend_violations(parts: Sequence[str], *, agent: Agent, casts: Sequence[UntrustedText]) -> list[str]:
    """Return the violations of the parts of a post about a trend, a sentence each."""
    trusted = _plain(" ".join((agent.persona.bio, *agent.persona.topics, *agent.persona.examples)))
    found = [sentence for part in parts for sentence in (*_smuggled(part, trusted), *_copied(part, casts))]
    # The rules of replies find disguised and spelled-out tokens too.
    untrusted = [cast.text for cast in casts]
    found += [
        sentence.replace("The answer", "The post")
        for part in parts
        for sentence in token_violations(part, agent, ConversationContext(), untrusted)
    ]
    return list(dict.fromkeys(found))


def _smuggled(part: str, trusted: str) -> Iterator[str]:
    plain = _plain(part)
    for what, pattern in _SMUGGLED:
        for match in pattern.finditer(plain):
            if match[0] not in trusted:
                yield f'The post contains {what} "{match[0][:60]}"; say it without.'


def _copied(part: str, casts: Sequence[UntrustedText]) -> Iterator[str]:
    runs = _runs(part)
    for cast in casts:
        if runs & _runs(cast.text) or similarity(part, cast.text) >= COPY_SIMILARITY:
            yield "The post repeats the text of another author; say what you think in words of your own."
            return


def _runs(text: str) -> set[tuple[str, ...]]:
    words = words_of(text)
    return {tuple(words[start : start + QUOTED_WORDS]) for start in range(len(words) - QUOTED_WORDS + 1)}


def _plain(text: str) -> str:
    """Return a text in one form and one case, without invisible characters."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(char for char in plain if unicodedata.category(char) != "Cf").casefold()
