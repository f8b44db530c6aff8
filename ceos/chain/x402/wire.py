"""What buyers and sellers write to each other over HTTP (x402), in both versions, read and written.

    402 answer    version 2: header PAYMENT-REQUIRED, base64 of JSON     version 1: the body, JSON
    payment       PAYMENT-SIGNATURE                                      X-PAYMENT
    result        PAYMENT-RESPONSE                                       X-PAYMENT-RESPONSE

Each offer is read by itself, so that an offer on an unknown kind of chain does not hide the others. A payment returns
the seller's offer unchanged, as the standard requires, and not only the fields that are known here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import from_json, to_json

from ceos.chain.x402.policy import PaymentOffer, Version
from ceos.evm.types import checksummed

#: The headers, by version.
PAYMENT_HEADERS: dict[Version, str] = {2: "PAYMENT-SIGNATURE", 1: "X-PAYMENT"}
RESULT_HEADERS: dict[Version, str] = {2: "PAYMENT-RESPONSE", 1: "X-PAYMENT-RESPONSE"}
REQUIRED_HEADER = "PAYMENT-REQUIRED"
#: The longest header, and the longest body of a 402 answer, that is read as terms.
MOST_BYTES = 64 * 1024
#: More offers of one answer are not looked at.
MOST_OFFERS = 32

_HEX32 = re.compile(r"0x[0-9a-fA-F]{64}")
#: Signatures of contracts are longer than the 65 bytes of a key's; the facilitator knows what to make of them.
_SIGNATURE = re.compile(r"0x(?:[0-9a-fA-F]{2}){65,4096}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,77}")
#: Longer than a hash, as signatures are.
_LONG_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]{65,}")

#: The type of the message that pays (EIP-3009), for a signature by EIP-712.
AUTHORIZATION = {
    "TransferWithAuthorization": [
        {"name": "from", "type": "address"},
        {"name": "to", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "validAfter", "type": "uint256"},
        {"name": "validBefore", "type": "uint256"},
        {"name": "nonce", "type": "bytes32"},
    ]
}


class WireModel(BaseModel):
    """Base of what others send: camel case, and unknown fields are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore")


class _RequirementsV2(WireModel):
    """An offer in version 2."""

    scheme: str
    network: str
    asset: str
    amount: str
    pay_to: str
    max_timeout_seconds: int
    extra: dict[str, Any] = {}


class _RequirementsV1(WireModel):
    """An offer in version 1."""

    scheme: str
    network: str
    asset: str
    max_amount_required: str
    resource: str
    pay_to: str
    max_timeout_seconds: int
    extra: dict[str, Any] | None = None

    @property
    def amount(self) -> str:
        """The price, under its name in version 2."""
        return self.max_amount_required


class SettleResponse(WireModel):
    """The result of a payment, as a seller or a facilitator reports it."""

    success: bool
    transaction: str
    payer: str | None = None
    error_reason: str | None = None
    error_message: str | None = None


@dataclass(frozen=True)
class Authorization:
    """An order to the token to pay somebody once."""

    sender: str
    to: str
    value: int
    valid_after: int
    valid_before: int
    #: 32 bytes as hex; the token takes each only once of a sender.
    nonce: str

    def message(self) -> dict[str, Any]:
        """Return it as it is signed."""
        return {
            "from": self.sender,
            "to": self.to,
            "value": self.value,
            "validAfter": self.valid_after,
            "validBefore": self.valid_before,
            "nonce": bytes.fromhex(self.nonce[2:]),
        }

    def told(self) -> dict[str, str]:
        """Return it as it travels: all numbers are texts."""
        numbers = {"value": self.value, "validAfter": self.valid_after, "validBefore": self.valid_before}
        told = {"from": self.sender, "to": self.to, **{name: str(number) for name, number in numbers.items()}}
        return {**told, "nonce": self.nonce}


@dataclass(frozen=True)
class PaymentTerms:
    """What a seller wants to be paid."""

    version: Version
    offers: tuple[PaymentOffer, ...]
    #: What it says of the thing itself; only in version 2, and to be sent back.
    resource: Mapping[str, Any] | None = None
    #: Why it asks, such as what was wrong with a payment.
    error: str = ""


@dataclass(frozen=True)
class SentPayment:
    """A payment that a buyer has sent."""

    version: Version
    scheme: str
    network: str
    authorization: Authorization
    #: Whoever has it can have the payment carried out.
    signature: str = field(repr=False)
    #: The offer it is for, in version 2.
    accepted: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class PaymentOutcome:
    """What became of a payment, as the seller says."""

    success: bool
    transaction: str = ""
    reason: str = ""


# The buyer's side


def read_terms(headers: Mapping[str, str], body: bytes) -> PaymentTerms:
    """Return what a 402 answer asks for; raises `ValueError` with what is wrong with it."""
    header = _header(headers, REQUIRED_HEADER)
    told = _decoded(header, "its header PAYMENT-REQUIRED") if header else _object(body, "its body")
    version = told.get("x402Version")
    if version not in (1, 2) or isinstance(version, bool) or (header and version != 2):
        raise ValueError(f"it speaks version {str(version)[:20]!r} of x402; known are 1 and 2")
    entries = told.get("accepts")
    if not isinstance(entries, list):
        raise ValueError("it says not how to pay ('accepts' is no list)")
    number = cast("Version", version)
    offers = [offer for entry in entries[:MOST_OFFERS] if (offer := _offer(number, entry))]
    resource = told.get("resource") if version == 2 else None
    keeps = isinstance(resource, dict) and _can_be_kept(resource)
    return PaymentTerms(number, tuple(offers), resource if keeps else None, _words(told.get("error")))


def _offer(version: Version, entry: Any) -> PaymentOffer | None:
    """Return one of the offers, or None for one that is of another sort."""
    model: type[_RequirementsV1 | _RequirementsV2] = _RequirementsV2 if version == 2 else _RequirementsV1
    try:
        told = model.model_validate(entry)
    except (ValidationError, RecursionError):
        return None
    if not _can_be_kept(entry):
        return None
    return PaymentOffer(
        version=version,
        scheme=told.scheme,
        network=told.network,
        asset=told.asset,
        amount=told.amount,
        pay_to=told.pay_to,
        seconds=told.max_timeout_seconds,
        extra=told.extra or {},
        raw=entry,
    )


def write_payment(
    terms: PaymentTerms, offer: PaymentOffer, authorization: Authorization, signature: str
) -> tuple[str, str]:
    """Return the header that pays: its name and value."""
    message = payment_message(offer, authorization, signature)
    if terms.version == 2 and terms.resource is not None:
        message["resource"] = terms.resource
    return PAYMENT_HEADERS[terms.version], _encoded(message)


def payment_message(offer: PaymentOffer, authorization: Authorization, signature: str) -> dict[str, Any]:
    """Return the payment of an offer, as a seller and a facilitator want it."""
    payload = {"signature": signature, "authorization": authorization.told()}
    if offer.version == 1:
        return {"x402Version": 1, "scheme": offer.scheme, "network": offer.network, "payload": payload}
    return {"x402Version": 2, "accepted": offer.raw, "payload": payload}


def read_outcome(headers: Mapping[str, str]) -> PaymentOutcome | None:
    """Return what a seller says of a payment, or None when it says nothing that can be read."""
    header = next((value for name in RESULT_HEADERS.values() if (value := _header(headers, name))), "")
    if not header:
        return None
    try:
        told = SettleResponse.model_validate({"transaction": "", **_decoded(header, "the result")})
    except (ValueError, RecursionError):
        return None
    transaction = told.transaction.lower() if _HEX32.fullmatch(told.transaction) else ""
    return PaymentOutcome(told.success, transaction, _words(told.error_reason or told.error_message))


# The seller's side


def write_terms(terms: PaymentTerms, url: str, description: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the headers and the JSON body of a 402 answer: version 2 in the header, version 1 in the body."""
    error = terms.error or "payment_required"
    accepts = {version: [dict(offer.raw) for offer in terms.offers if offer.version == version] for version in (1, 2)}
    resource = {"url": url, "description": description, "mimeType": "application/json"}
    header = _encoded({"x402Version": 2, "error": error, "resource": resource, "accepts": accepts[2]})
    return {REQUIRED_HEADER: header}, {"x402Version": 1, "error": error, "accepts": accepts[1]}


def read_payment(headers: Mapping[str, str]) -> SentPayment | None:
    """Return the payment in a request, or None when there is none; raises `ValueError` with what is wrong with it."""
    version: Version = 2 if _header(headers, PAYMENT_HEADERS[2]) else 1
    header = _header(headers, PAYMENT_HEADERS[version])
    if not header:
        return None
    told = _decoded(header, f"the header {PAYMENT_HEADERS[version]}")
    if told.get("x402Version") != version:
        raise ValueError(f"the header {PAYMENT_HEADERS[version]} holds a payment of another version")
    if not _can_be_kept(told):
        raise ValueError(f"the header {PAYMENT_HEADERS[version]} is not plain JSON")
    accepted = told.get("accepted") if version == 2 else None
    place = accepted if version == 2 else told
    payload = told.get("payload")
    if not isinstance(place, dict) or not isinstance(payload, dict):
        raise ValueError("the payment has not the parts it should have")
    signature = payload.get("signature")
    if not isinstance(signature, str) or not _SIGNATURE.fullmatch(signature):
        raise ValueError("the payment has no signature")
    return SentPayment(
        version=version,
        scheme=str(place.get("scheme"))[:40],
        network=str(place.get("network"))[:80],
        authorization=_authorization(payload.get("authorization")),
        signature=signature,
        accepted=accepted,
    )


def write_outcome(
    version: Version, *, success: bool, network: str, transaction: str = "", payer: str = "", reason: str = ""
) -> dict[str, str]:
    """Return the header that tells a buyer what became of its payment."""
    outcome = {"success": success, "transaction": transaction, "network": network}
    optional = {"payer": payer, "errorReason": reason}
    return {RESULT_HEADERS[version]: _encoded({**outcome, **{name: text for name, text in optional.items() if text}})}


def _authorization(told: Any) -> Authorization:
    if not isinstance(told, dict):
        raise ValueError("the payment has no authorization")
    numbers = [told.get(name) for name in ("value", "validAfter", "validBefore")]
    nonce = told.get("nonce")
    if not all(isinstance(number, str) and _NUMBER.fullmatch(number) for number in numbers):
        raise ValueError("the numbers of the authorization are no decimal texts")
    if not isinstance(nonce, str) or not _HEX32.fullmatch(nonce):
        raise ValueError("the nonce of the authorization is not 32 bytes")
    try:
        sender, to = (checksummed(str(told.get(name))) for name in ("from", "to"))
    except ValueError:
        raise ValueError("the authorization names no accounts") from None
    value, valid_after, valid_before = (int(str(number)) for number in numbers)
    return Authorization(sender, to, value, valid_after, valid_before, nonce.lower())


# Base64 and JSON


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "").strip()


def _encoded(told: Mapping[str, Any]) -> str:
    return base64.b64encode(json.dumps(told, separators=(",", ":")).encode()).decode()


def _decoded(header: str, what: str) -> dict[str, Any]:
    if len(header) > MOST_BYTES:
        raise ValueError(f"{what} is longer than {MOST_BYTES} bytes")
    try:
        text = base64.b64decode(header, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{what} is not base64") from None
    return _object(text, what)


def _object(text: bytes, what: str) -> dict[str, Any]:
    if len(text) > MOST_BYTES:
        raise ValueError(f"{what} is longer than {MOST_BYTES} bytes")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{what} is not JSON") from None
    if not isinstance(told, dict):
        raise ValueError(f"{what} is no JSON object")
    return told


def _can_be_kept(value: Any) -> bool:
    """Say whether a stranger's data comes back from a record as it went in: not too deep, and all of it JSON."""
    try:
        return bool(from_json(to_json(value)) == value)
    except (ValueError, RecursionError):
        return False


def _words(value: Any) -> str:
    """Return a stranger's reason for a message: one short line of plain signs, without the signature it may repeat."""
    text = _LONG_HEX.sub("[hex]", " ".join(value.split())) if isinstance(value, str) else ""
    return "".join(sign if sign.isprintable() else "?" for sign in text)[:200]
