"""Provenance: where the links, addresses, tickers, names and tags of a text may come from.

They come from the persona, from the operator's lists, from the agent's own earlier casts, or, links alone, from a skill
whose `links` setting permits it. Everything else was made up by the model or slipped to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from ceos.domain.agent import Agent, SkillUse
from ceos.domain.text import SPACELESS
from ceos.domain.untrusted import strings_in
from ceos.guardrails.deobfuscate import normalize
from ceos.guardrails.tokens import canonical, find_tokens, squeezed

_URL = re.compile(rf"https?://[^\s<>\"'`{{}}|\\^{SPACELESS}]+", re.IGNORECASE)
#: Punctuation behind a link that is part of the sentence.
_BEHIND = ".,;:!?)]}»”’"


def trusted_tokens(agent: Agent, own: Sequence[str]) -> frozenset[str]:
    """Return the canonical tokens that any text of the agent may contain; `own` are its earlier casts."""
    persona = agent.persona
    texts = [persona.bio, persona.tone, *persona.topics, *persona.examples, agent.name, *own]
    tokens = [token.text for text in texts for token in find_tokens(text)]
    tokens += [normalize(entry) for entry in (*agent.output.allow, *agent.engagement.allow)]
    found = {form(token) for token in tokens for form in (canonical, squeezed)}
    return frozenset(filter(None, found | {f"/{agent.channel}"}))


def links_of_skill(use: SkillUse, answer: Any) -> frozenset[str]:
    """Return the links in a skill's answer that a post may contain, by the skill's `links` setting."""
    if use.links == "none":
        return frozenset()
    found = {link for text in strings_in(answer) for link in links_in(text)}
    if use.links == "any":
        return frozenset(found)
    hosts = {_host(link) for text in strings_in(use.params) for link in links_in(text)} - {""}
    return frozenset(link for link in found if _host(link) in hosts)


def links_in(text: str) -> Iterator[str]:
    """Yield the links with a scheme in a text, character by character."""
    for match in _URL.finditer(text):
        yield match[0].rstrip(_BEHIND)


def without_links(text: str, links: frozenset[str]) -> str:
    """Return a text without these links; a longer link that begins with one of them stays."""
    return _URL.sub(lambda match: "" if match[0].rstrip(_BEHIND) in links else match[0], text)


def _host(link: str) -> str:
    try:
        parts = urlsplit(link)
    except ValueError:
        return ""
    # A link with a user name shows one host and leads to another.
    return "" if "@" in parts.netloc else (parts.hostname or "").removeprefix("www.")
