"""Finds payment targets: addresses and names of any chain, bank accounts, cards, and accounts of payment services."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ceos.guardrails.patterns import alternatives, load_patterns, word_set

_DATA = load_patterns("tokens")
_FILE_NAMES = word_set(_DATA["files"]["names"])
_NAMES, _WORDS = alternatives(_DATA["services"]["names"]), alternatives(_DATA["services"]["words"])
_PAYMENT, _UPI = alternatives(_DATA["payment"]["services"]), alternatives(_DATA["payment"]["upi"])

#: Bech32 of any chain (BIP 173), and Lightning invoices, which have it inside.
_BECH32 = r"\b[a-z][a-z0-9]{0,14}1[02-9ac-hj-np-z]{20,}\b|\b(?:bc|tb|ltc|addr|cosmos)1[a-z0-9]{8,}"
_ADDRESS = re.compile(
    r"(?:\b0|\b(?:zero|null|cero|zéro|ноль))\s?[x×]\s?(?:[0-9a-f][\s.\-_:]?){7,}"
    r"|\b0x[0-9a-f]{2,}\s?(?:…|\.{2,4})\s?[0-9a-f]{2,}\b"
    rf"|\b[0-9a-f]{{24,}}\b|{_BECH32}|(?<![a-z0-9])(?=[a-z]*\d)[a-z0-9]{{40,}}\b"
    r"|\b(?:[0-9a-f]{2}[\s:-]){19,}[0-9a-f]{2}\b",
    re.IGNORECASE,
)
_ADDRESS_BY_CASE = re.compile(
    # Base58 of Bitcoin, Solana, Tron, XRP, Tezos, Polkadot, Monero and IPFS.
    r"\b(?=[A-Za-z]*\d)(?=\w*[A-Z])(?=\w*[a-z])[1-9A-HJ-NP-Za-km-z]{26,110}\b"
    # The same in one case, which no wallet takes and every reader repairs.
    r"|\b(?=(?:[A-Za-z]*\d){3})(?=(?:\d*[A-Za-z]){3})[A-Za-z0-9]{26,}\b"
    # TON; Stellar and Algorand.
    r"|\b[EUk0]Q[A-Za-z0-9_-]{44,48}|\b[A-Z2-7]{55,58}\b"
)
_NAME = re.compile(
    rf"\b([\w-]+)(?:\s?[.。．]\s?|\sdot\s|\s?[\[(]\s?(?:dot|\.)\s?[\])]\s?)({_NAMES})\b|\b([\w-]+)(?:\.|\s\.\s|\s?[\[(]\s?(?:\.|dot)\s?[\])]\s?)({_WORDS})\b(?![./])",
    re.IGNORECASE,
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,4})?\b")
_CARD = re.compile(r"\b[3-6]\d{3}(?:[ -]?\d){9,15}\b")
_ACCOUNT = re.compile(
    rf"\b[\w.-]{{2,}}\s?@\s?{_UPI}\b|\b\d{{3}}\.\d{{3}}\.\d{{3}}-\d{{2}}\b"
    rf"|(?<!\w){_PAYMENT}\s?(?:(?:me|us|id|tag|name|handle|account)\s?)?(?:[:：=]|\s(?:is|ist|es|est|é|è)\s)\s?[$@]?[\w.+-]*[\d_.-][\w.+-]*"
    rf"|(?<!\w){_PAYMENT}\s(?:me|us)\s(?:at|to|on|@|:)\s?\S+|(?<!\w){_PAYMENT}[:：]\s?[$@]\w+",
    re.IGNORECASE,
)


def find_addresses(text: str) -> Iterator[str]:
    """Yield the addresses of chains and the names of name services in a normalized text."""
    for pattern in (_ADDRESS, _ADDRESS_BY_CASE):
        yield from (match[0] for match in pattern.finditer(text))
    for match in _NAME.finditer(text):
        stem, ending = match[1] or match[3], match[2] or match[4]
        is_file = ending == "sol" and stem.casefold() in _FILE_NAMES
        if not is_file and not stem.isdigit():
            yield match[0]
    # An address in pieces: the signs between them are left out.
    joined = re.sub(r"[^0-9a-z]", "", text.casefold())
    yield from re.findall(r"0x[0-9a-f]{40}", joined)


def find_accounts(text: str) -> Iterator[str]:
    """Yield the bank accounts, cards and accounts of payment services in a normalized text."""
    yield from (match[0] for match in _ACCOUNT.finditer(text))
    for match in _IBAN.finditer(text):
        if _is_iban(match[0]) or re.search(r"\bIBAN\W{0,3}$", text[: match.start()], re.IGNORECASE):
            yield match[0]
    yield from (match[0] for match in _CARD.finditer(text) if _is_card(match[0]))


def _is_iban(text: str) -> bool:
    """Check the digits of an IBAN (ISO 13616), whose last group may be the next word of the sentence."""
    groups = text.split()
    for count in range(len(groups), 0, -1):
        iban = "".join(groups[:count])
        number = "".join(str(int(char, 36)) for char in iban[4:] + iban[:4])
        if len(iban) >= 15 and int(number) % 97 == 1:
            return True
    return False


def _is_card(text: str) -> bool:
    """Check the last digit of a card number (Luhn, ISO/IEC 7812)."""
    digits = [int(char) for char in text if char.isdigit()][::-1]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return 13 <= len(digits) <= 19 and (sum(digits[::2]) + sum(doubled)) % 10 == 0
