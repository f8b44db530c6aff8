"""The conversation around a mention: what of it a strategy and a model get to see, and in which form.

A model gets strangers' text as data: one line of JSON for each cast, between marks that nobody can write, in a message
of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ceos.clients.neynar.types import FeedCast
from ceos.clients.openrouter.client import Message
from ceos.domain.agent import Agent
from ceos.domain.mentions import Mention, Said, Talk
from ceos.domain.text import byte_length, fit
from ceos.domain.untrusted import as_data
from ceos.posts.prompt import fill, in_character

#: What a model is shown of a conversation, in bytes; at two bytes for a token, as the prices reckon, 2,000 tokens.
TALK_BYTES = 4_000
#: What it is shown of one cast, and of the mention itself.
CAST_SHOWN_BYTES, MENTION_SHOWN_BYTES = 600, 1_500


def prompt(agent: Agent, mention: Mention, talk: Talk, complaint: Sequence[str] = ()) -> list[Message]:
    """Return the messages that ask for an answer: our words, the conversation as data, and the request."""
    system = in_character("reply_system", agent)
    request = fill("reply")
    if talk.earlier:
        request += "\n\n" + fill("reply_earlier", earlier="\n".join(f"- {text}" for text in talk.earlier))
    if complaint:
        request += "\n\n" + fill("reply_objection", objection=" ".join(complaint))
    # Nobody can write a text that contains the hash of the cast it is in.
    mark = "talk-" + hashlib.sha256(mention.hash.encode()).hexdigest()[:12]
    data = fill("reply_talk", mark=mark, talk="\n".join(_shown(agent, mention, talk)))
    return [
        Message(role="system", content=system),
        # A message of its own, before the request: strangers' words are never in one with ours.
        Message(role="user", content=data),
        Message(role="user", content=request),
    ]


def _shown(agent: Agent, mention: Mention, talk: Talk) -> list[str]:
    """Return the conversation as lines of JSON inside its budget: the mention, then the nearest casts and the first."""
    last = _line(mention.author_name, mention.text, MENTION_SHOWN_BYTES, talk.quotes)
    room = TALK_BYTES - byte_length(last)
    lines = [
        _line(f"{agent.name} (you)" if cast.is_own else cast.name, cast.text, CAST_SHOWN_BYTES, cast.quotes)
        for cast in talk.casts
    ]
    kept: dict[int, str] = {}
    # How a conversation began says more than its middle.
    for index in [*range(len(lines) - 1, len(lines) - 3, -1), 0, *range(len(lines) - 3, 0, -1)]:
        if 0 <= index < len(lines) and index not in kept:
            room -= byte_length(lines[index])
            if room < 0:
                break
            kept[index] = lines[index]
    shown = [kept[index] for index in sorted(kept)]
    if len(kept) < len(lines):
        shown.insert(1 if 0 in kept else 0, as_data({"left_out": len(lines) - len(kept)}))
    return [*shown, last]


def _line(name: str, text: str, limit: int, quotes: Sequence[str] = ()) -> str:
    said: dict[str, object] = {"by": fit(name, 60), "text": fit(text, limit)}
    if quotes:
        said["quotes"] = [fit(quote, limit // 2) for quote in quotes[:2]]
    return as_data(said)


def said(cast: FeedCast, agent: Agent) -> Said:
    return Said(
        hash=cast.hash,
        fid=cast.author_fid,
        name=cast.author.username if cast.author else "",
        text=cast.text,
        at=cast.at,
        is_own=cast.author_fid == agent.fid,
        quotes=tuple(quoted.text for quoted in cast.quoted if quoted.text),
    )


def strangers_words(mention: Mention, talk: Talk) -> list[str]:
    """Return everything strangers have said here, each cast on its own, and all of it in one."""
    theirs = [cast for cast in talk.casts if not cast.is_own]
    texts = [*(cast.text for cast in theirs), mention.text]
    quotes = [*(quote for cast in talk.casts for quote in cast.quotes), *talk.quotes]
    names = {*(cast.name for cast in theirs), mention.author_name}
    return [*texts, *quotes, *sorted(names), " ".join(texts)]
