"""The prompt of a reply: our instructions, the conversation as data, and the request.

Untrusted text is one line of JSON for each cast, in a message of its own, between marks that its authors cannot know.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ceos.clients.neynar.types import FeedCast
from ceos.clients.openrouter.client import Message
from ceos.domain.agent import Agent
from ceos.domain.mentions import ConversationContext, Mention, ThreadCast
from ceos.domain.text import byte_length, fit
from ceos.domain.untrusted import as_data
from ceos.guardrails.disclosure import nature_question
from ceos.posts.prompt import fill, in_character

#: The size of a conversation in the prompt, in bytes; about 2,000 tokens at two bytes for a token.
MAX_CONTEXT_BYTES = 4_000
#: The size of one cast, and of the mention itself.
MAX_CAST_BYTES, MAX_MENTION_BYTES = 600, 1_500


def prompt(
    agent: Agent, mention: Mention, context: ConversationContext, violations: Sequence[str] = ()
) -> list[Message]:
    """Return the messages that ask for a reply; `violations` are those of the reply before."""
    system = in_character("reply_system", agent)
    request = fill("reply")
    if nature_question(mention.text):
        request += "\n\n" + fill("reply_nature")
    if context.earlier:
        request += "\n\n" + fill("reply_earlier", earlier="\n".join(f"- {text}" for text in context.earlier))
    if violations:
        request += "\n\n" + fill("reply_objection", objection=" ".join(violations))
    # A cast cannot contain its own hash, so its author cannot write this mark.
    mark = "talk-" + hashlib.sha256(mention.hash.encode()).hexdigest()[:12]
    data = fill("reply_talk", mark=mark, talk="\n".join(_context_lines(agent, mention, context)))
    return [
        Message(role="system", content=system, cache=True),
        # A message of its own, before the request: untrusted text is never in one message with ours.
        Message(role="user", content=data),
        Message(role="user", content=request),
    ]


def _context_lines(agent: Agent, mention: Mention, context: ConversationContext) -> list[str]:
    """Return the conversation as lines of JSON within its size: the mention, the nearest casts, then the first one."""
    last = _line(mention.author_name, mention.text, MAX_MENTION_BYTES, context.quotes)
    room = MAX_CONTEXT_BYTES - byte_length(last)
    lines = [
        _line(f"{agent.name} (you)" if cast.is_own else cast.name, cast.text, MAX_CAST_BYTES, cast.quotes)
        for cast in context.casts
    ]
    kept: dict[int, str] = {}
    # The beginning of a conversation matters more than its middle.
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
    line: dict[str, object] = {"by": fit(name, 60), "text": fit(text, limit)}
    if quotes:
        line["quotes"] = [fit(quote, limit // 2) for quote in quotes[:2]]
    return as_data(line)


def thread_cast(cast: FeedCast, agent: Agent) -> ThreadCast:
    """Return a cast of a conversation as strategies see it."""
    return ThreadCast(
        hash=cast.hash,
        fid=cast.author_fid,
        name=cast.author.username if cast.author else "",
        text=cast.text,
        at=cast.at,
        is_own=cast.author_fid == agent.fid,
        quotes=tuple(quoted.text for quoted in cast.quoted if quoted.text),
    )


def untrusted_texts(mention: Mention, context: ConversationContext) -> list[str]:
    """Return all untrusted texts of a conversation, one by one, and its casts together as one text."""
    theirs = [cast for cast in context.casts if not cast.is_own]
    texts = [*(cast.text for cast in theirs), mention.text]
    quotes = [*(quote for cast in context.casts for quote in cast.quotes), *context.quotes]
    names = {*(cast.name for cast in theirs), mention.author_name}
    return [*texts, *quotes, *sorted(names), " ".join(texts)]
