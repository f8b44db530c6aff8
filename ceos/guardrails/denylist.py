"""Statements that a reply must not make: about instructions, owners, keys, deeds and money, in many languages.

The word lists of `data/denylist.toml` cannot be complete. What a mention dictates, and every link, address and name,
is found without them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from ceos.domain.agent import Agent
from ceos.guardrails.deobfuscate import deobfuscate, normalize, to_ascii
from ceos.guardrails.patterns import compile_any, load_patterns

_DATA = load_patterns("denylist")
_STATEMENTS = {entry["sentence"]: compile_any(entry["patterns"]) for entry in _DATA["statement"]}
_AMOUNT, _ADVICE = compile_any(_DATA["money"]["amounts"]), compile_any(_DATA["money"]["advice"])
_YOU_ARE = f"(?:{'|'.join(_DATA['names']['you_are'])})"
_ORDINARY = frozenset(_DATA["names"]["ordinary"])
_COMMON_WORDS = {code: frozenset(words.split()) for code, words in _DATA["languages"].items()}


def statement_violations(text: str, agent: Agent, *, allow_amounts: bool = False) -> Iterator[str]:
    """Yield the violations of the statements in a text; `allow_amounts` permits amounts of money."""
    forms = deobfuscate(text)
    for sentence, pattern in _STATEMENTS.items():
        if any(pattern.search(form) for form in forms):
            yield sentence
    yield from money_violations(text, allow_amounts=allow_amounts)
    known = " ".join([agent.persona.bio, *agent.persona.topics, *agent.engagement.allow]).casefold()
    if any(word not in known for form in forms for word in re.findall(_model_names(agent), form.casefold())):
        yield "The answer names a language model or its maker; leave that out."
    if re.search(rf"\b{_YOU_ARE}\W{{0,3}}{re.escape(agent.name.casefold())}\b", normalize(text).casefold()):
        yield "The answer describes the agent from outside, as its prompt would; speak as yourself."


def money_violations(text: str, *, allow_amounts: bool = False) -> Iterator[str]:
    """Yield the violations of what a text says about money."""
    patterns = (_ADVICE,) if allow_amounts else (_ADVICE, _AMOUNT)
    if any(pattern.search(form) for form in (normalize(text), to_ascii(text)) for pattern in patterns):
        yield "The answer is about payments, tokens or buying; leave money out."


def _model_names(agent: Agent) -> str:
    names = "/".join(agent.models.writers).casefold()
    own = {re.escape(word) for word in re.findall(r"[a-z]{4,}", names) if word not in _ORDINARY}
    return rf"\b(?:{'|'.join(sorted({*_DATA['names']['models'], *own}))})(?=\b|[-_\d])"


@lru_cache(maxsize=512)
def language_of(text: str) -> str:
    """Return the code of a text's language in Latin letters if its common words are unambiguous, or an empty string."""
    words = set(re.findall(r"[^\W\d_]+", text.casefold()))
    counts = {code: len(words & common) for code, common in _COMMON_WORDS.items()}
    best, *others = sorted(counts, key=lambda code: -counts[code])
    return best if counts[best] >= 3 and counts[best] >= 2 * counts[others[0]] else ""
