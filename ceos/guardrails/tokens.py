"""Finds what can be clicked, paid or called in a text: links, addresses, tickers, @names, hashtags and channels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ceos.guardrails.deobfuscate import normalize, to_ascii


class Token(NamedTuple):
    """A token with its rule, as it stands in the normalized text."""

    rule: str
    text: str


_ENDINGS = (
    "com net org info biz xyz app dev page site online club top vip shop store tech live pro fun art blog "
    "cloud world life finance money cash fund exchange market markets network digital social media news email "
    "chat zone space icu lol wtf ninja rocks run tools team agency link click download zip mov gift gifts win "
    "bet casino game games wallet crypto nft dao eth sol lens bnb base arb degen farcaster frame frames meme "
    "coin token claim claims airdrop reward rewards support help center services solutions systems software "
    "name mobi onion global foundation community codes wiki study black red pink blue green gold"
)
_ENDING = rf"(?:[a-z]{{2}}|{'|'.join(_ENDINGS.split())}|xn--[a-z0-9-]+|рф|онлайн|中国|中國|公司|网络|भारत|السعودية)"
_LABEL = r"[^\W_](?:[\w-]{0,62}[^\W_])?"
_TOKENS: dict[str, re.Pattern[str]] = {
    "link": re.compile(
        r"\b(?:h\w{2}ps?|ftp|ipfs|ar|web3|data|javascript|magnet|tel|sms|mailto|ethereum|bitcoin|solana|farcaster|"
        r"warpcast|file)"
        r"\s?:\s?(?:/\s?/|\?|[^\s:])\S*"
        rf"|\bwww\s?\.\s?\S+|(?<![\w@.])(?:{_LABEL}[.。．｡])+{_ENDING}(?![\w-])(?:[:/?#]\S*)?"
        rf"|\b{_LABEL}\s?[\[({{<]\s?(?:\.|dot|punkt|punto|point|точка|点|ドット)\s?[\])}}>]\s?{_ENDING}\b"
        rf"|\b{_LABEL}\s(?:dot|punkt|punto|точка|点|ドット)\s(?:{'|'.join(_ENDINGS.split())}|io|gg|ly|cc)\b"
        rf"|\b{_LABEL}[-_](?:dot|punkt|punto|точка)[-_](?:{'|'.join(_ENDINGS.split())}|[a-z]{{2}})\b"
        r"|\b[a-z0-9-]+\s(?:com|net|org|xyz|io|me|ly|gg|cc|co|app)\s(?:forward )?slash\s\w+"
        rf"|\b{_LABEL}\s?\.\s(?:com|net|org|xyz|eth|io|app)\b|\b{_LABEL}\s\.(?:{_ENDING})\b"
        r"|\b(?:\d{1,3}\.){3}\d{1,3}\b|\bxn--[a-z0-9-]+|\b[\w-]+\.[a-z]{2,}/\S+",
        re.IGNORECASE,
    ),
    "address": re.compile(
        r"(?:0|\b(?:zero|null|cero|zéro|ноль))\s?[x×]\s?(?:[0-9a-f][\s.\-_:]?){6,}|\b[0-9a-f]{24,}\b|\b(?:bc1|addr1|cosmos1|tb1|ltc1)[a-z0-9]{8,}"
        r"|\b(?=\w*\d)(?=\w*[A-Z])(?=\w*[a-z])[1-9A-HJ-NP-Za-km-z]{26,64}\b|\b[TUE]Q[\w-]{40,}",
        re.IGNORECASE,
    ),
    "ticker": re.compile(r"[$＄﹩]\s?[a-z_][\w]{0,15}", re.IGNORECASE),
    "name": re.compile(r"[@＠﹫]\s?[^\W_][\w.-]*", re.IGNORECASE),
    "hashtag": re.compile(r"(?<![\w&])#(?!\d+\b)\w+"),
    "channel": re.compile(r"(?<![\w/<.])/[a-z][a-z0-9-]{1,30}\b(?!/)", re.IGNORECASE),
}


def find_tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a text, and those that only appear when look-alikes of Latin letters are replaced."""
    for form in dict.fromkeys((normalize(text), to_ascii(text))):
        for rule, pattern in _TOKENS.items():
            for match in pattern.finditer(form):
                yield Token(rule, match[0])
    # An address in pieces: the signs between them are left out.
    joined = re.sub(r"[^0-9a-z]", "", to_ascii(text).casefold())
    yield from (Token("address", piece) for piece in re.findall(r"0x[0-9a-f]{40}", joined))


def without_tokens(text: str, tokens: frozenset[str]) -> str:
    """Return a text without the tokens whose canonical form begins with one of these."""
    for pattern in _TOKENS.values():
        text = pattern.sub(lambda match: "" if is_listed(match[0], tokens) else match[0], text)
    return text


def canonical(token: str) -> str:
    """Return a token without case, scheme, `www.` and the punctuation behind it."""
    bare = re.sub(r"^(?:https?://)?(?:www\.)?", "", token.casefold().strip())
    return bare.rstrip(".,;:!?)]}»”\"'/")


def is_listed(token: str, listed: frozenset[str]) -> bool:
    """Say whether a token is in a list of canonical ones, or is a page of a host in it."""
    found = canonical(token)
    return any(found == one or found.startswith(f"{one}/") for one in listed)
