"""The facilitator (x402): a service that says whether a payment is good, and carries it out on chain.

    facilitator = Facilitator("https://x402.org/facilitator")
    facilitator.verify(2, payment, requirements).is_valid
    facilitator.settle(2, payment, requirements).transaction

It is asked twice for every sale, and needs no key. To settle a payment again is safe for the money, for the token takes
a payment once; but the second answer says that it was used, so whoever lost the first asks the token.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from ceos.chain.x402.wire import SettleResponse, WireModel
from ceos.clients.http.api import Api
from ceos.domain.base import Frozen
from ceos.errors import KeyRefused, OutcomeUnknown, RequestRefused, ServiceUnavailable

#: How long it may take to verify, and to have a payment mined, in seconds.
VERIFY_SECONDS, SETTLE_SECONDS = 15.0, 45.0


class _VerifyResponse(WireModel):
    """The answer to `/verify`."""

    is_valid: bool
    invalid_reason: str | None = None
    invalid_message: str | None = None
    payer: str | None = None


class _SupportedKind(WireModel):
    """One kind of payment that a facilitator settles."""

    x402_version: int
    scheme: str
    network: str


class _SupportedResponse(WireModel):
    """The answer to `/supported`."""

    kinds: list[_SupportedKind]


class PaymentVerdict(Frozen):
    """Whether a payment is good, and why not."""

    is_valid: bool
    reason: str = ""
    payer: str = ""


class Settlement(Frozen):
    """Whether a payment was carried out, and why not."""

    success: bool
    #: Its hash.
    transaction: str = ""
    reason: str = ""
    payer: str = ""


class Facilitator:
    """The service at one address."""

    def __init__(self, url: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._api = _KeylessApi(
            "The facilitator",
            url,
            key=None,
            key_variable="X402_FACILITATOR_URL",
            headers=lambda key: {},  # noqa: ARG005  # there is none
            sleep=sleep,
        )

    def verify(self, version: int, payment: Mapping[str, Any], requirements: Mapping[str, Any]) -> PaymentVerdict:
        """Say whether a payment is good; raises `ServiceUnavailable` when that cannot be learned now."""
        body = _body(version, payment, requirements)
        try:
            answer = self._api.call(
                "POST", "/verify", task="verify a payment", effect="read", body=body, seconds=VERIFY_SECONDS
            )
            told = _VerifyResponse.model_validate(answer.body)
        except KeyRefused:
            # About us, not about the payment.
            raise
        except RequestRefused as error:
            # Some say no with a status.
            return PaymentVerdict(is_valid=False, reason=_reason(str(error)))
        except ValidationError:
            raise ServiceUnavailable("The facilitator gave no verdict that can be read.") from None
        return PaymentVerdict(
            is_valid=told.is_valid, reason=_reason(told.invalid_reason or told.invalid_message), payer=told.payer or ""
        )

    def settle(self, version: int, payment: Mapping[str, Any], requirements: Mapping[str, Any]) -> Settlement:
        """Have a payment carried out; raises `OutcomeUnknown` when it may or may not have been."""
        body = _body(version, payment, requirements)
        try:
            answer = self._api.call(
                "POST", "/settle", task="settle a payment", effect="write", body=body, seconds=SETTLE_SECONDS
            )
            told = SettleResponse.model_validate({"transaction": "", **answer.body})
        except KeyRefused:
            raise
        except RequestRefused as error:
            return Settlement(success=False, reason=_reason(str(error)))
        except (ValidationError, TypeError):
            raise OutcomeUnknown("The facilitator gave no answer that can be read when asked to settle.") from None
        if not told.success and told.error_reason == "settlement_pending":
            raise OutcomeUnknown("The facilitator has sent a payment off, and not seen yet what became of it.")
        return Settlement(
            success=told.success,
            transaction=told.transaction,
            reason=_reason(told.error_reason or told.error_message),
            payer=told.payer or "",
        )

    def supported(self) -> list[tuple[int, str, str]]:
        """Return what it takes: version, scheme and network of each."""
        answer = self._api.call(
            "GET", "/supported", task="list its payment kinds", effect="read", seconds=VERIFY_SECONDS
        )
        try:
            told = _SupportedResponse.model_validate(answer.body)
        except ValidationError:
            raise ServiceUnavailable("The facilitator does not say what it takes.") from None
        return [(kind.x402_version, kind.scheme, kind.network) for kind in told.kinds]


class _KeylessApi(Api):
    def _usable_key(self, what: str) -> str:
        del what
        return ""


def _body(version: int, payment: Mapping[str, Any], requirements: Mapping[str, Any]) -> dict[str, Any]:
    return {"x402Version": version, "paymentPayload": dict(payment), "paymentRequirements": dict(requirements)}


def _reason(words: str | None) -> str:
    """Return a stranger's reason as a record and a header can hold it."""
    text = " ".join((words or "").split())
    return "".join(sign if sign.isprintable() else "?" for sign in text)[:200]
