"""Finds everything in a text that can be clicked, paid or called: the tokens that need provenance.

Each token has a rule: `link`, `address`, `payment`, `contact`, `ticker`, `name`, `hashtag`, `channel`, or `command` for
orders that other agents obey.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from ceos.guardrails.contacts import find_contacts
from ceos.guardrails.deobfuscate import normalize, to_ascii
from ceos.guardrails.links import find_links
from ceos.guardrails.patterns import alternatives, load_patterns, word_set
from ceos.guardrails.payments import find_accounts, find_addresses

_DATA = load_patterns("tokens")
_PLACES = word_set(_DATA["code"]["places"])
_AT, _HASH = word_set(_DATA["code"]["at"]), word_set(_DATA["code"]["hash"])
_VARIABLES, _PATHS = word_set(_DATA["code"]["variables"]), word_set(_DATA["code"]["paths"])
_AGENTS, _POLITE, _ORDERS = (alternatives(_DATA["agents"][key]) for key in ("names", "polite", "orders"))

_CURRENCIES = "USD|EUR|GBP|CAD|AUD|NZD|CHF|JPY|CNY|INR|BRL|MXN|USDC|USDT"
#: All currency signs of Unicode's category Sc, and two that are used as such.
_SIGNS = "".join(chr(code) for code in range(0x20C1) if unicodedata.category(chr(code)) == "Sc") + "₿💲"
_TICKER = re.compile(
    rf"(?<!\w)[{_SIGNS}](?:([^\W\d_]\w{{1,20}})|\d{{1,3}}(?!(?:{_CURRENCIES})\b)[A-Z]{{3,}}\b"
    rf"|\s(?!(?:{_CURRENCIES})\b)[A-Z]{{3,}}\b)|(?<![\w`\n])(?<!\d\s)(?<!^)\$\s[a-z]\w{{1,20}}"
)
_NAME = re.compile(r"(?<!\w)@([^\W_][\w.-]*)|@\s([^\W\d_][\w.-]+|\d{5,})")
_HASHTAG = re.compile(r"(?<![\w&])#(?!\d+\b)(\w+)")
_CHANNEL = re.compile(r"(?<![\w/<.~])/([a-z][a-z0-9-]{1,30})\b(?![/(]|\.\w)", re.IGNORECASE)
_METHOD = re.compile(r"(?:GET|POST|PUT|PATCH|DELETE|HEAD)\s$")
_TIP = rf"(?:{'|'.join(_DATA['agents']['tips'].split())})"
_TIP_WITH_SIGN = rf"(?:{'|'.join(_DATA['agents']['tips_with_sign'].split())})"
_COMMAND = re.compile(
    rf"(?<!\w)@?{_AGENTS}\b[\s,:;!…-]*(?:{_POLITE}[\s,]+){{0,3}}{_ORDERS}(?!\w)"
    rf"|(?<!\w)@?{_AGENTS}\s?[,:!]+\s[^.!?\n]{{0,60}}?(?<!\w){_ORDERS}(?!\w)"
    rf"|{_TIP}\s?[x×*]?\s?\d+|\d+\s?[x×*]?\s?{_TIP}|{_TIP_WITH_SIGN}\s?[x×*]\s?\d+|\d+\s?[x×*]\s?{_TIP_WITH_SIGN}"
    r"|^\s*[!/][a-z]{2,}\w*(?=\s|$)|^\s*\.(?:tip|send|pay|withdraw|claim|buy|sell)\b"
    r"|(?<=\s)!(?:tip|send|pay|attack|claim|buy|sell|swap|mint|stake|withdraw|rain|gift|bet)\b",
    re.IGNORECASE,
)


class Token(NamedTuple):
    """A token with its rule, as it stands in the normalized text."""

    rule: str
    text: str


@lru_cache(maxsize=1_024)
def find_tokens(text: str) -> tuple[Token, ...]:
    """Return the tokens of a text, and those that only appear when look-alikes of Latin letters are replaced."""
    forms = dict.fromkeys((normalize(text), to_ascii(text)))
    return tuple(dict.fromkeys(token for form in forms for token in _tokens(form)))


def _tokens(text: str) -> Iterator[Token]:
    for rule, find in _FINDERS.items():
        for found in find(text):
            yield Token(rule, found)


def _tickers(text: str) -> Iterator[str]:
    return (match[0] for match in _TICKER.finditer(text) if (match[1] or "").casefold() not in _VARIABLES)


def _names(text: str) -> Iterator[str]:
    for match in _NAME.finditer(text):
        # A price, such as @ 0.80 apiece, or a decorator of program code.
        word = (match[1] or match[2]).rstrip(".-").casefold()
        is_number = word.replace(".", "").isdigit() and len(word) < 5
        if not is_number and word not in (_AT if match[1] else _PLACES):
            yield match[0].rstrip(".-")


def _hashtags(text: str) -> Iterator[str]:
    for match in _HASHTAG.finditer(text):
        word = match[1].casefold()
        is_color = re.fullmatch(r"[0-9a-f]{3}|[0-9a-f]{6}|[0-9a-f]{8}", word) and any(map(str.isdigit, word))
        if not is_color and word not in _HASH:
            yield match[0]


def _channels(text: str) -> Iterator[str]:
    for match in _CHANNEL.finditer(text):
        if match[1].casefold() not in _PATHS and not _METHOD.search(text[: match.start()]):
            yield match[0]


def _commands(text: str) -> Iterator[str]:
    return (match[0].strip() for match in _COMMAND.finditer(text))


_FINDERS = {
    "link": find_links,
    "address": find_addresses,
    "payment": find_accounts,
    "contact": find_contacts,
    "ticker": _tickers,
    "name": _names,
    "hashtag": _hashtags,
    "channel": _channels,
    "command": _commands,
}


def without_tokens(text: str, tokens: frozenset[str]) -> str:
    """Return a text without the tokens that are in a list of canonical ones."""
    for token in find_tokens(text):
        if is_listed(token.text, tokens):
            # A longer token that begins or ends with this one stays whole; a letter keeps its neighbours apart.
            text = re.sub(rf"(?<![\w@.-]){re.escape(token.text)}(?![\w-]|[.:/@?#]\w)", "x", text)
    return text


def canonical(token: str) -> str:
    """Return a token without case, scheme, `www.` and the punctuation behind it."""
    bare = re.sub(r"^(?:https?://)?(?:www\.)?", "", token.casefold().strip())
    return bare.rstrip(".,;:!?)]}»”\"'/")


def squeezed(token: str) -> str:
    """Return an account or a number without the signs between its groups, marked apart from canonical tokens."""
    return "=" + re.sub(r"[\s().\-/]", "", token.casefold())


def is_listed(token: str, listed: frozenset[str]) -> bool:
    """Say whether a token is in a list of canonical ones, is a page of a host in it, or differs only in its spaces."""
    found = canonical(token)
    return any(found == one or found.startswith(f"{one}/") for one in listed) or squeezed(token) in listed
