"""The messages of buyers and sellers over HTTP (x402), in both versions.

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
#: The longest header, and the longest body of a 402 answer, that is read.
MAX_BYTES = 64 * 1024
#: The number of offers that are read of one answer.
MAX_OFFERS = 32

_HEX32 = re.compile(r"0x[0-9a-fA-F]{64}")
#: A signature by a contract is longer than the 65 bytes of a key's; the facilitator verifies both.
_SIGNATURE = re.compile(r"0x(?:[0-9a-fA-F]{2}){65,4096}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,77}")
#: Hex that is longer than a hash, such as a signature.
_LONG_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]{65,}")

#: The type of the signed message (EIP-3009), for EIP-712.
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
    """Base of received messages: camel case, unknown fields are ignored."""

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
    """An authorization to transfer an amount of the token once."""

    sender: str
    to: str
    value: int
    valid_after: int
    valid_before: int
    #: 32 bytes as hex; the token accepts each nonce of a sender once.
    nonce: str

    def message(self) -> dict[str, Any]:
        """Return the message to sign."""
        return {
            "from": self.sender,
            "to": self.to,
            "value": self.value,
            "validAfter": self.valid_after,
            "validBefore": self.valid_before,
            "nonce": bytes.fromhex(self.nonce[2:]),
        }

    def to_json(self) -> dict[str, str]:
        """Return the authorization as JSON, in which the numbers are strings."""
        numbers = {"value": self.value, "validAfter": self.valid_after, "validBefore": self.valid_before}
        return {
            "from": self.sender,
            "to": self.to,
            **{name: str(number) for name, number in numbers.items()},
            "nonce": self.nonce,
        }


@dataclass(frozen=True)
class PaymentTerms:
    """The terms of a seller."""

    version: Version
    offers: tuple[PaymentOffer, ...]
    #: The description of the resource, to be returned with a payment; in version 2 only.
    resource: Mapping[str, Any] | None = None
    #: Why the seller asks for a payment, such as the fault of an earlier one.
    error: str = ""


@dataclass(frozen=True)
class SentPayment:
    """A payment that a buyer sent."""

    version: Version
    scheme: str
    network: str
    authorization: Authorization
    #: Anyone who has it can charge the payment.
    signature: str = field(repr=False)
    #: The offer that it pays, in version 2.
    accepted: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class PaymentOutcome:
    """The outcome of a payment, as reported by the seller."""

    success: bool
    transaction: str = ""
    reason: str = ""


# The buyer's side


def read_terms(headers: Mapping[str, str], body: bytes) -> PaymentTerms:
    """Return the terms of a 402 answer; raises `ValueError` with the fault of the answer."""
    header = _header(headers, REQUIRED_HEADER)
    required = _decoded(header, "its header PAYMENT-REQUIRED") if header else _object(body, "its body")
    version = required.get("x402Version")
    if version not in (1, 2) or isinstance(version, bool) or (header and version != 2):
        raise ValueError(f"it uses version {str(version)[:20]!r} of x402; versions 1 and 2 are supported")
    entries = required.get("accepts")
    if not isinstance(entries, list):
        raise ValueError("it does not say how to pay ('accepts' is not a list)")
    number = cast("Version", version)
    offers = [offer for entry in entries[:MAX_OFFERS] if (offer := _offer(number, entry))]
    resource = required.get("resource") if version == 2 else None
    is_usable = isinstance(resource, dict) and _is_plain_json(resource)
    return PaymentTerms(number, tuple(offers), resource if is_usable else None, _one_line(required.get("error")))


def _offer(version: Version, entry: Any) -> PaymentOffer | None:
    """Return one of the offers, or None for an offer in an unknown format."""
    model: type[_RequirementsV1 | _RequirementsV2] = _RequirementsV2 if version == 2 else _RequirementsV1
    try:
        requirements = model.model_validate(entry)
    except (ValidationError, RecursionError):
        return None
    if not _is_plain_json(entry):
        return None
    return PaymentOffer(
        version=version,
        scheme=requirements.scheme,
        network=requirements.network,
        asset=requirements.asset,
        amount=requirements.amount,
        pay_to=requirements.pay_to,
        seconds=requirements.max_timeout_seconds,
        extra=requirements.extra or {},
        raw=entry,
    )


def write_payment(
    terms: PaymentTerms, offer: PaymentOffer, authorization: Authorization, signature: str
) -> tuple[str, str]:
    """Return the header of a payment: its name and value."""
    message = payment_message(offer, authorization, signature)
    if terms.version == 2 and terms.resource is not None:
        message["resource"] = terms.resource
    return PAYMENT_HEADERS[terms.version], _encoded(message)


def payment_message(offer: PaymentOffer, authorization: Authorization, signature: str) -> dict[str, Any]:
    """Return the payment of an offer in the form of sellers and facilitators."""
    payload = {"signature": signature, "authorization": authorization.to_json()}
    if offer.version == 1:
        return {"x402Version": 1, "scheme": offer.scheme, "network": offer.network, "payload": payload}
    return {"x402Version": 2, "accepted": offer.raw, "payload": payload}


def read_outcome(headers: Mapping[str, str]) -> PaymentOutcome | None:
    """Return the outcome that a seller reports, or None without a valid report."""
    header = next((value for name in RESULT_HEADERS.values() if (value := _header(headers, name))), "")
    if not header:
        return None
    try:
        result = SettleResponse.model_validate({"transaction": "", **_decoded(header, "the result")})
    except (ValueError, RecursionError):
        return None
    transaction = result.transaction.lower() if _HEX32.fullmatch(result.transaction) else ""
    return PaymentOutcome(result.success, transaction, _one_line(result.error_reason or result.error_message))


# The seller's side


def write_terms(terms: PaymentTerms, url: str, description: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the headers and the JSON body of a 402 answer: version 2 in the header, version 1 in the body."""
    error = terms.error or "payment_required"
    accepts = {version: [dict(offer.raw) for offer in terms.offers if offer.version == version] for version in (1, 2)}
    resource = {"url": url, "description": description, "mimeType": "application/json"}
    header = _encoded({"x402Version": 2, "error": error, "resource": resource, "accepts": accepts[2]})
    return {REQUIRED_HEADER: header}, {"x402Version": 1, "error": error, "accepts": accepts[1]}


def read_payment(headers: Mapping[str, str]) -> SentPayment | None:
    """Return the payment in a request, or None when there is none; raises `ValueError` with its fault."""
    version: Version = 2 if _header(headers, PAYMENT_HEADERS[2]) else 1
    header = _header(headers, PAYMENT_HEADERS[version])
    if not header:
        return None
    message = _decoded(header, f"the header {PAYMENT_HEADERS[version]}")
    if message.get("x402Version") != version:
        raise ValueError(f"the header {PAYMENT_HEADERS[version]} holds a payment of another version")
    if not _is_plain_json(message):
        raise ValueError(f"the header {PAYMENT_HEADERS[version]} is not plain JSON")
    accepted = message.get("accepted") if version == 2 else None
    offer = accepted if version == 2 else message
    payload = message.get("payload")
    if not isinstance(offer, dict) or not isinstance(payload, dict):
        raise ValueError("the payment lacks 'payload' or 'accepted'")
    signature = payload.get("signature")
    if not isinstance(signature, str) or not _SIGNATURE.fullmatch(signature):
        raise ValueError("the payment has no valid signature")
    return SentPayment(
        version=version,
        scheme=str(offer.get("scheme"))[:40],
        network=str(offer.get("network"))[:80],
        authorization=_authorization(payload.get("authorization")),
        signature=signature,
        accepted=accepted,
    )


def write_outcome(
    version: Version, *, success: bool, network: str, transaction: str = "", payer: str = "", reason: str = ""
) -> dict[str, str]:
    """Return the header that reports the outcome of a payment to its buyer."""
    outcome = {"success": success, "transaction": transaction, "network": network}
    optional = {"payer": payer, "errorReason": reason}
    return {RESULT_HEADERS[version]: _encoded({**outcome, **{name: text for name, text in optional.items() if text}})}


def _authorization(fields: Any) -> Authorization:
    if not isinstance(fields, dict):
        raise ValueError("the payment has no authorization")
    numbers = [fields.get(name) for name in ("value", "validAfter", "validBefore")]
    nonce = fields.get("nonce")
    if not all(isinstance(number, str) and _NUMBER.fullmatch(number) for number in numbers):
        raise ValueError("the numbers of the authorization are not decimal strings")
    if not isinstance(nonce, str) or not _HEX32.fullmatch(nonce):
        raise ValueError("the nonce of the authorization is not 32 bytes")
    try:
        sender, to = (checksummed(str(fields.get(name))) for name in ("from", "to"))
    except ValueError:
        raise ValueError("the accounts of the authorization are not addresses") from None
    value, valid_after, valid_before = (int(str(number)) for number in numbers)
    return Authorization(sender, to, value, valid_after, valid_before, nonce.lower())


# Base64 and JSON


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "").strip()


def _encoded(message: Mapping[str, Any]) -> str:
    return base64.b64encode(json.dumps(message, separators=(",", ":")).encode()).decode()


def _decoded(header: str, what: str) -> dict[str, Any]:
    if len(header) > MAX_BYTES:
        raise ValueError(f"{what} is longer than {MAX_BYTES} bytes")
    try:
        text = base64.b64decode(header, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{what} is not base64") from None
    return _object(text, what)


def _object(text: bytes, what: str) -> dict[str, Any]:
    if len(text) > MAX_BYTES:
        raise ValueError(f"{what} is longer than {MAX_BYTES} bytes")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{what} is not JSON") from None
    if not isinstance(data, dict):
        raise ValueError(f"{what} is not a JSON object")
    return data


def _is_plain_json(value: Any) -> bool:
    """Say whether received data is JSON that a record returns unchanged, and not nested too deeply."""
    try:
        return bool(from_json(to_json(value)) == value)
    except (ValueError, RecursionError):
        return False


def _one_line(value: Any) -> str:
    """Return a received reason as one short printable line, without a signature that it may repeat."""
    text = _LONG_HEX.sub("[hex]", " ".join(value.split())) if isinstance(value, str) else ""
    return "".join(sign if sign.isprintable() else "?" for sign in text)[:200]
