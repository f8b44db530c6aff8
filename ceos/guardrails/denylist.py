"""Word lists about meaning that no judge covers: money in a cast that the agent would like or recast, and languages.

The word lists of `data/denylist.toml` cannot be complete. The agent's own texts are judged by a model (`judge.py`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from ceos.guardrails.deobfuscate import normalize, to_ascii
from ceos.guardrails.patterns import compile_any, load_patterns

_DATA = load_patterns("denylist")
_MONEY = compile_any([*_DATA["money"]["amounts"], *_DATA["money"]["advice"]])
_COMMON_WORDS = {code: frozenset(words.split()) for code, words in _DATA["languages"].items()}


def is_about_money(text: str) -> bool:
    """Say whether a text speaks of payments, tokens or buying."""
    return any(_MONEY.search(form) for form in (normalize(text), to_ascii(text)))


@lru_cache(maxsize=512)
def language_of(text: str) -> str:
    """Return the code of a text's language in Latin letters if its common words are unambiguous, or an empty string."""
    words = set(re.findall(r"[^\W\d_]+", text.casefold()))
    counts = {code: len(words & common) for code, common in _COMMON_WORDS.items()}
    best, *others = sorted(counts, key=lambda code: -counts[code])
    return best if counts[best] >= 3 and counts[best] >= 2 * counts[others[0]] else ""
