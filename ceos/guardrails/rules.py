"""The rules for every text that an agent publishes: posts, replies, captions and prompts of pictures.

The rules look at the form of a text and at where its words come from, never at its meaning, and each has a name:

    link, address, ticker, name, hashtag, channel    tokens without provenance, see `provenance.py`
    echo, prompt                                     words of other people, and of the prompt
    command, encoded, disguised                      marks of programs, and text that hides its words

A violation goes back to the model as a sentence. It quotes the text only when no untrusted text was in sight, because
the quotation might be dictated by that text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ceos.domain.agent import Agent
from ceos.domain.text import fit
from ceos.guardrails import echo
from ceos.guardrails.deobfuscate import normalize
from ceos.guardrails.encoding import encoded_rules
from ceos.guardrails.provenance import trusted_tokens, without_links
from ceos.guardrails.tokens import canonical, find_tokens, is_listed, without_tokens


class Violation(NamedTuple):
    """One objection to a text: the name of the rule, and a sentence that says what to do instead."""

    rule: str
    sentence: str


@dataclass(frozen=True)
class TextContext:
    """The context of a text: what it may contain, and whose words it must not repeat."""

    agent: Agent
    #: The word for the text in violations.
    noun: str = "post"
    #: The agent's own earlier casts.
    own: tuple[str, ...] = ()
    #: Links that skills returned and that their settings permit, character by character.
    links: frozenset[str] = frozenset()
    #: Texts of other people that the model was shown as the subject of this text.
    untrusted: tuple[str, ...] = ()
    #: The part of the prompt that no reader may learn.
    prompt: str = ""


#: The sentences of the rules; `{quoted}` is a quotation of the token, where that is allowed.
SENTENCES = {
    "link": "contains a link{quoted} or something that clients turn into one; write it without.",
    "address": "contains the address{quoted} of an account or a contract; write it without.",
    "ticker": "contains a ticker{quoted}; write it without.",
    "name": "contains an @name{quoted}; write it without.",
    "hashtag": "contains a hashtag{quoted}; write it without.",
    "channel": "names a channel with a slash{quoted}; write it without.",
    "echo": "repeats the words of another person; say it in words of your own.",
    "prompt": "repeats what you were told in confidence; leave that out.",
    "acrostic": "has first letters that spell something; write it differently.",
    "command": "contains marks or commands of a program; write plain sentences.",
    "encoded": "contains encoded or spelled-out text; write plain words.",
    "disguised": "writes words in letters that only look like ordinary ones; use ordinary letters.",
}


def rule_violations(texts: Sequence[str], context: TextContext) -> list[Violation]:
    """Return the violations of the texts that belong together, such as the parts of a thread, without duplicates."""
    trusted = trusted_tokens(context.agent, context.own)
    found = [violation for text in texts for violation in _violations(text, context, trusted)]
    return list(dict.fromkeys(found))


def _violations(text: str, context: TextContext, trusted: frozenset[str]) -> Iterator[Violation]:
    text = without_links(text, context.links)
    for rule, token in _untrusted_tokens(text, context.untrusted, trusted):
        yield _violation(rule, context, token)
    bare = without_tokens(text, trusted)
    for rule in encoded_rules(bare) if context.untrusted else ():
        yield _violation(rule, context)
    if context.prompt and echo.discloses(bare, context.prompt):
        yield _violation("prompt", context)
    if context.prompt and context.untrusted and echo.spells(bare, context.prompt):
        yield _violation("acrostic", context)
    if context.untrusted and echo.repeats(text, context.untrusted):
        yield _violation("echo", context)


def token_rules(text: str, agent: Agent, own: Sequence[str] = ()) -> set[str]:
    """Return the rules of the tokens in a text that have no provenance."""
    return {rule for rule, _ in _untrusted_tokens(text, (), trusted_tokens(agent, own))}


def _untrusted_tokens(text: str, untrusted: Sequence[str], trusted: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield the first token of each rule that has no provenance."""
    found: dict[str, str] = {}
    for token in find_tokens(text):
        if not is_listed(token.text, trusted):
            found.setdefault(token.rule, token.text)
    # A ticker of the untrusted text is a ticker without its sign too; in lower case it is an ordinary word.
    raised = {canonical(token.text)[1:] for one in untrusted for token in find_tokens(one) if token.rule == "ticker"}
    for word in re.findall(r"\w+", normalize(text)) if raised else ():
        if not word.islower() and word.casefold() in raised and not is_listed(f"${word}", trusted):
            found.setdefault("ticker", word)
    yield from found.items()


def _violation(rule: str, context: TextContext, token: str = "") -> Violation:
    quoted = f' "{fit(token.strip(), 60)}"' if token and not context.untrusted else ""
    sentence = SENTENCES[rule].format(quoted=quoted)
    return Violation(rule, f"The {context.noun} {sentence}")
