"""Finds the tokens of other people's text in a text in any spelling, also where they are no tokens any more.

A reader joins "@ name", "$ coin", "host . com" and the digits of a number again. In a text that
no untrusted text has influenced such spellings mean nothing; after a token of another author they are its copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from ceos.guardrails.deobfuscate import normalize
from ceos.guardrails.tokens import Token, canonical, find_tokens, is_listed

#: Rules whose tokens begin with a sign, which makes a word into a token.
_SIGNED = frozenset({"ticker", "name", "hashtag"})
#: Shortest account or number that is looked for, in letters and digits: shorter ones are parts of ordinary words.
_MIN_LETTERS = 7
_DOT = r"[\W_]{0,4}(?:dot|punkt|punto|ponto|point|точка|点|點|ドット)?[\W_]{0,4}"


def copied_tokens(text: str, seen: Sequence[str], trusted: frozenset[str]) -> Iterator[Token]:
    """Yield the tokens of `seen` texts that a text repeats in any spelling, without those in a list of trusted ones."""
    plain = normalize(text)
    for token in dict.fromkeys(token for one in seen for token in find_tokens(one)):
        if not is_listed(token.text, trusted):
            spelling = _spelling(token)
            if spelling is not None and spelling.search(plain):
                yield token


@lru_cache(maxsize=2_048)
def _spelling(token: Token) -> re.Pattern[str] | None:
    """Return the pattern of all spellings of a token; None for one that only its own form makes a token."""
    bare = canonical(token.text)
    if token.rule in _SIGNED:
        pattern = rf"{re.escape(bare[0])}\s{{0,3}}{re.escape(bare[1:].strip())}(?!\w)"
    elif token.rule == "link":
        host = re.findall(r"[^\W_]+", re.split(r"[/?#:]", bare.rpartition("://")[2])[0])
        if len(host) < 2:
            return None
        pattern = rf"(?<!\w){_DOT.join(host)}(?!\w)"
    elif token.rule in {"address", "payment", "contact"}:
        letters = [char for char in bare if char.isalnum()]
        if len(letters) < _MIN_LETTERS:
            return None
        pattern = rf"(?<!\w){'[^a-zA-Z0-9]{0,4}'.join(letters)}(?!\w)"
    else:
        return None
    return re.compile(pattern, re.IGNORECASE)
