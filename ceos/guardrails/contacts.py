"""Finds contacts: telephone numbers, e-mail addresses and handles of messengers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ceos.guardrails.patterns import alternatives, load_patterns

_DATA = load_patterns("tokens")["contact"]
_CALLS, _VERBS, _MAIL = alternatives(_DATA["calls"]), alternatives(_DATA["verbs"]), alternatives(_DATA["mail"])
_MESSENGERS, _WITH_ID = alternatives(_DATA["messengers"]), alternatives(_DATA["messengers_with_id"])

#: The fewest digits of a telephone number with a country code, or in brackets, or with a leading zero.
MIN_DIGITS = 8, 9

_INTERNATIONAL = re.compile(r"(?<![\w.,+])(?:\+\s?|00)[1-9]\d{0,2}[\s().\-/]{0,2}(?:\(?\d[\s().\-/]{0,2}){6,14}")
_NATIONAL = re.compile(
    r"(?<![A-Za-z0-9.])\(\d{2,5}\)\s?\d{2,4}(?:[\s-]?\d{2,4}){1,3}\b|(?<![A-Za-z0-9.,])0\d{1,4}(?:[\s./-]?\d{2,6}){1,4}(?!\d)"
    r"|(?<![\d+])[0+](?:[\s-]{1,3}\d){8,}(?!\d)"
    r"|(?<![\w.,-])\d{3}[-. ]\d{3}[-. ]\d{4}(?![\w-])|(?<![\w.,-])1[3-9]\d[\s-]\d{4}[\s-]\d{4}\b"
)
_CALLED = re.compile(rf"(?<!\w){_CALLS}\b[^\d+\n]{{0,25}}?(\+?(?:\(?\d[\s().\-/]{{0,2}}){{6,15}})", re.IGNORECASE)
_E_MAIL = re.compile(
    r"[\w.+-]+\s?@\s?[^\W_][\w-]*(?:(?:\.|\s?[\[(]\s?(?:\.|dot)\s?[\])]\s?)[\w-]+)+"
    r"|[\w.+-]+\s?[\[({]\s?(?:at|@|arroba|chez|собака)\s?[\])}]\s?[\w-]+"
    rf"|\b[\w.+-]+\s(?:at|arroba)\s{_MAIL}(?:\s?dot\s?|\s?\.\s?)\w+",
    re.IGNORECASE,
)
_HANDLE = re.compile(
    rf"(?<!\w){_MESSENGERS}\s?(?:id|user(?:name)?|handle|nick|name|아이디|号|號)?\s?[:：=]\s?[@+]?[\w.#-]{{3,}}"
    rf"|(?<!\w){_MESSENGERS}\s?(?:id|username|handle|nick|아이디|号|號)\s[\w.#-]{{3,}}"
    rf"|(?<!\w){_MESSENGERS}\s[\w.-]*[\d_#][\w.#-]*\b(?!\s?[%°€$])"
    rf"|(?<!\w)(?:{_WITH_ID}|threema)\s?(?:id|username|handle|号|號)\s?[:：=]?\s?[\w.#-]{{3,}}"
    rf"|(?<!\w){_WITH_ID}\s?[:：=]\s?[@+]?(?:(?=[\w.#-]*[a-z])[\w-]*[\d_.#]+[\w.#-]+|\d{{5,}})"
    r"|\b\w{2,32}#\d{4}\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    rf"(?<!\w){_VERBS}[\s-](?:\S+\s){{0,3}}?(?:on|at|via|over|per|auf|[uü]ber|por|en|sur|par|su|в|на|w|'da|على|through)?"
    rf"\s?(?:my\s)?(?:{_MESSENGERS})(?!\w)"
    rf"|\b\S+\s(?:over\s|up\s)?on\s(?:telegram|whatsapp|wechat|viber)\b(?=\s?[.!?]?$)|(?:加|联系)我?(?:的)?{_MESSENGERS}"
    rf"|(?<!\w){_VERBS}[\s-](?:me|us|mich|mir|uns|moi|nous|m[ei])\s(?:on|via|at|over|auf|[uü]ber|sur|par|por|su|в)\s{_WITH_ID}\b"
    rf"|{_MESSENGERS}(?:で|에서|으로|로|'?[dt][ae]n?)?\s?(?:連絡|メッセージ|메시지|연락|ulaş|yaz|联系|聯繫|私信)",
    re.IGNORECASE,
)


def find_contacts(text: str) -> Iterator[str]:
    """Yield the telephone numbers, e-mail addresses and handles of messengers in a normalized text."""
    for pattern, least in ((_INTERNATIONAL, MIN_DIGITS[0]), (_NATIONAL, MIN_DIGITS[1])):
        for match in pattern.finditer(text):
            if sum(map(str.isdigit, match[0])) >= least and not _is_date(match[0]):
                yield match[0].strip()
    yield from (match[1].strip() for match in _CALLED.finditer(text))
    for pattern in (_E_MAIL, _HANDLE, _ASKS):
        yield from (match[0].strip() for match in pattern.finditer(text))


def _is_date(text: str) -> bool:
    """Say whether digits with signs between them are a date and perhaps a time, or a span of years."""
    return bool(re.fullmatch(r"\d{1,2}[./-]\d{1,2}[./-]\d{4}(?:\s\d{1,4})*", text.strip()))
