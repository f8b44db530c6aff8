"""Finds links in any spelling: with a scheme, as a bare host under any top-level domain, spaced out or spelled.

Names of files and frameworks, code and abbreviations, such as `main.py`, `ASP.NET`, `self.name` and "B.Sc.", are no
links, although each ends in a top-level domain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ceos.guardrails.patterns import load_patterns, word_set
from ceos.guardrails.tlds import top_level_domains

_DATA = load_patterns("tokens")
_FILE_ENDINGS, _FILE_NAMES = word_set(_DATA["files"]["endings"]), word_set(_DATA["files"]["names"])
_OTHER_ENDINGS = word_set(_DATA["files"]["other_endings"])
_PRODUCTS = word_set(_DATA["names"]["products"])
_OBJECTS, _ATTRIBUTES = word_set(_DATA["code"]["objects"]), word_set(_DATA["code"]["attributes"])
_BEFORE_DOT, _NOT_AFTER_DOT = word_set(_DATA["dots"]["before"]), word_set(_DATA["dots"]["not_after"])
_COMMON = "|".join(_DATA["dots"]["common"].split())
#: Endings that programs turn into links even when more letters follow behind a dot.
_STRONG = frozenset({"com", "net", "org", "xyz"})

#: Letters of India are written with marks, which `\w` leaves out.
_MARKS = "\u0900-\u0dff"
_LABEL = rf"[^\W_](?:[\w{_MARKS}-]{{0,62}}(?:[^\W_]|[{_MARKS}]))?"
_DOT = r"(?:dot|punkt|punto|ponto|point|точка|点|點|ドット|닷|nokta)"
_TAIL = r"(?::\d{2,5})?(?:[/?#]\S*)?"
_HOST = re.compile(
    rf"(?<![\w@.-])((?:{_LABEL}[.。．｡])+)(xn--[\w-]+|[A-Za-z]{{2,63}}(?![A-Za-z0-9_\-\u00c0-\u024f])|[^\W\d_][\w{_MARKS}]{{1,62}}(?![\w-]))({_TAIL})"
)
_SCHEME = re.compile(
    r"\b(?:[a-z][a-z0-9+.-]{1,20}|h\s?x\s?x\s?p\s?s?)\s?:\s?/\s?/\s?\S+|\bh\s?t\s?t\s?p\s?s?\s?:\s?/\s?/\s?\S+"
    r"|\b(?:javascript|ipfs|ipns|web3|bitcoin|solana|ethereum|litecoin|tg|whatsapp|farcaster):[^\s:]\S*"
    r"|\b(?:tel|sms):\+?\d\S*|\bmailto:\S+|\bmagnet:\?\S+|\bdata:[a-z]+/\S+|\bwww\s?\.\s?\S+|\bxn--[a-z0-9-]+",
    re.IGNORECASE,
)
_NUMERIC = re.compile(r"(?<![\w.])(?<!v )((?:\d{1,3}\.){3}\d{1,3})(?![\w]|\.\d)" + _TAIL)
#: Addresses of this machine and of private networks, which lead a reader nowhere.
_LOCAL = re.compile(r"(?:127|10|0)\.|192\.168\.")
_CODE = re.compile(r"`[^`\n]+`|```.*?```", re.DOTALL)
_PATH = re.compile(r"(?<![\w@./-])([\w-]+(?:\.[\w-]+)*)\.([a-z]{2,})/[^\s/]\S*", re.IGNORECASE)
_ENDING = r"([^\W\d_]{2,63})\b(\s?/\s?\w)?"
_BRACKETS = re.compile(rf"\b(?:{_LABEL}\s?[\[({{<]\s?(?:\.|{_DOT})\s?[\])}}>]\s?)+{_ENDING}", re.IGNORECASE)
_SPACED = re.compile(
    rf"\b(?:{_LABEL}\s\.\s)+{_ENDING}|\b{_LABEL}\.\s((?-i:com|net|org|xyz|eth))\b"
    rf"|\b{_LABEL}[-_]{_DOT}[-_]([^\W\d_]{{2,63}})\b",
    re.IGNORECASE,
)
_SPELLED_DOT = re.compile(
    rf"\b([\w-]+)\s(?:dot\s(?:[\w-]+\sdot\s)*{_ENDING}|\.((?!net\b)(?:{_COMMON}))\b)", re.IGNORECASE
)
_SPELLED = re.compile(
    rf"\b{_LABEL}\s{_DOT}\s(?:{_COMMON})\b|\b[a-z0-9-]+\s(?:com|net|org|xyz|io|me|ly|gg|cc|co|app)\s"
    r"(?:(?:forward )?slash|barra|schrägstrich|слэш)\s\w+",
    re.IGNORECASE,
)


def find_links(text: str) -> Iterator[str]:
    """Yield the links in a normalized text."""
    for pattern in (_SCHEME, _SPELLED):
        yield from (match[0] for match in pattern.finditer(text))
    if "." in text or "。" in text or "．" in text or "｡" in text:
        yield from _hosts(text)
    for match in _SPELLED_DOT.finditer(text):
        is_last = bool(match[3]) or not text[match.end() :].strip(" .!?")
        if match[1].casefold() not in _BEFORE_DOT and _is_domain(match[2] or match[4], match[3], is_last=is_last):
            yield match[0]
    for match in _BRACKETS.finditer(text):
        if _is_domain(match[1], match[2], is_last=True):
            yield match[0]
    for match in _SPACED.finditer(text):
        ending = next(filter(None, match.groups()))
        # A space before a full stop is a slip; the next sentence begins with a capital letter.
        if _is_domain(ending, match[2], is_last=not ending.istitle()):
            yield match[0]


def _is_domain(ending: str, path: str | None, *, is_last: bool) -> bool:
    """Say whether a word behind a spelled dot is a domain: any with a path, and a short ordinary word at the end."""
    ending = ending.casefold()
    return bool(path) or (ending in top_level_domains() and (is_last or ending not in _NOT_AFTER_DOT))


def _hosts(text: str) -> Iterator[str]:
    code = [span.span() for span in _CODE.finditer(text)]
    for match in _HOST.finditer(text):
        is_call = text[match.end() : match.end() + 1] == "("
        if is_call and any(start < match.start() < end for start, end in code):
            continue
        if _is_host(match, is_call=is_call):
            yield match[0]
    for match in _PATH.finditer(text):
        if match[2].casefold() not in _OTHER_ENDINGS and not _is_file(match[1], match[2]):
            yield match[0]
    for match in _NUMERIC.finditer(text):
        is_version = re.search(r"(?:version|release|v)\s*$", text[: match.start()], re.IGNORECASE)
        is_local = _LOCAL.match(match[1]) and match[0] == match[1]
        if all(int(octet) < 256 for octet in match[1].split(".")) and not is_version and not is_local:
            yield match[0]


def _is_host(match: re.Match[str], *, is_call: bool) -> bool:
    """Say whether labels with dots between them are a host, not a file, a product, code or an abbreviation."""
    labels = re.split("[.。．｡]", match[1].casefold())[:-1]
    ending, tail = match[2].casefold(), match[3]
    domains = top_level_domains()
    if "。" in match[1] and not ending.isascii():
        # The full stop of Chinese and Japanese between two sentences.
        return False
    if ending not in domains:
        return any(label in _STRONG for label in labels[1:])
    if len(labels) > 1 or tail:
        return labels[-1] not in _OBJECTS or bool(tail)
    # Letters without case stand before a name without a space.
    stem = labels[0] if labels[0].isascii() else re.sub(r".*[^\x00-\x7f]", "", labels[0]) or labels[0]
    if f"{stem}.{ending}" in _PRODUCTS or _is_file(stem, ending):
        return False
    if stem in _OBJECTS and (ending in _ATTRIBUTES or is_call):
        return False
    # A time of day, such as 10.am.
    return not (stem.isdigit() and ending in ("am", "pm", "in", "km"))


def _is_file(stem: str, ending: str) -> bool:
    """Say whether a name with an ending is a file: by its name, its underscore, or a domain without such names."""
    stem, ending = stem.casefold(), ending.casefold()
    # Paraguay registers no names directly below its domain.
    return ending in _FILE_ENDINGS and (ending == "py" or "_" in stem or stem in _FILE_NAMES)
