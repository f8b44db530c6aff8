"""The facilitator (x402): a service that verifies a payment and settles it on chain.

    facilitator = Facilitator("https://x402.org/facilitator")
    facilitator.verify(2, payment, requirements).is_valid
    facilitator.settle(2, payment, requirements).transaction

It is called twice for every sale and needs no key. Settling a payment twice charges it once, because the token accepts
an authorization once. The second call fails, so a caller that lost the first answer has to look at the token.
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

#: The longest time to verify, and to settle including mining, in seconds.
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
    """The verdict of a facilitator on a payment."""

    is_valid: bool
    reason: str = ""
    payer: str = ""


class Settlement(Frozen):
    """The result of settling a payment."""

    success: bool
    #: The hash of its transaction.
    transaction: str = ""
    reason: str = ""
    payer: str = ""


class Facilitator:
    """A client of one facilitator."""

    def __init__(self, url: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._api = _KeylessApi(
            "The facilitator",
            url,
            key=None,
            key_variable="X402_FACILITATOR_URL",
            headers=lambda key: {},  # noqa: ARG005  # there is no key
            sleep=sleep,
        )

    def verify(self, version: int, payment: Mapping[str, Any], requirements: Mapping[str, Any]) -> PaymentVerdict:
        """Return the verdict on a payment; raises `ServiceUnavailable` without one."""
        body = _body(version, payment, requirements)
        try:
            answer = self._api.call(
                "POST", "/verify", task="verify a payment", effect="read", body=body, seconds=VERIFY_SECONDS
            )
            verdict = _VerifyResponse.model_validate(answer.body)
        except KeyRefused:
            # This is about our request, and not about the payment.
            raise
        except RequestRefused as error:
            # Some facilitators refuse a payment with a status.
            return PaymentVerdict(is_valid=False, reason=_reason(str(error)))
        except ValidationError:
            raise ServiceUnavailable("The facilitator's answer to 'verify' is not in the format of x402.") from None
        return PaymentVerdict(
            is_valid=verdict.is_valid,
            reason=_reason(verdict.invalid_reason or verdict.invalid_message),
            payer=verdict.payer or "",
        )

    def settle(self, version: int, payment: Mapping[str, Any], requirements: Mapping[str, Any]) -> Settlement:
        """Settle a payment; raises `OutcomeUnknown` when it may or may not have been settled."""
        body = _body(version, payment, requirements)
        try:
            answer = self._api.call(
                "POST", "/settle", task="settle a payment", effect="write", body=body, seconds=SETTLE_SECONDS
            )
            result = SettleResponse.model_validate({"transaction": "", **answer.body})
        except KeyRefused:
            raise
        except RequestRefused as error:
            return Settlement(success=False, reason=_reason(str(error)))
        except (ValidationError, TypeError):
            raise OutcomeUnknown("The facilitator's answer to 'settle' is not in the format of x402.") from None
        if not result.success and result.error_reason == "settlement_pending":
            raise OutcomeUnknown("The facilitator has sent the payment, and its transaction is not mined yet.")
        return Settlement(
            success=result.success,
            transaction=result.transaction,
            reason=_reason(result.error_reason or result.error_message),
            payer=result.payer or "",
        )

    def supported(self) -> list[tuple[int, str, str]]:
        """Return the supported kinds of payment: version, scheme and network of each."""
        answer = self._api.call(
            "GET", "/supported", task="list its payment kinds", effect="read", seconds=VERIFY_SECONDS
        )
        try:
            supported = _SupportedResponse.model_validate(answer.body)
        except ValidationError:
            raise ServiceUnavailable(
                "The facilitator's list of supported payments is not in the format of x402."
            ) from None
        return [(kind.x402_version, kind.scheme, kind.network) for kind in supported.kinds]


class _KeylessApi(Api):
    def _usable_key(self, what: str) -> str:
        del what
        return ""


def _body(version: int, payment: Mapping[str, Any], requirements: Mapping[str, Any]) -> dict[str, Any]:
    return {"x402Version": version, "paymentPayload": dict(payment), "paymentRequirements": dict(requirements)}


def _reason(text: str | None) -> str:
    """Return a facilitator's reason in a form that a record and a header can hold."""
    line = " ".join((text or "").split())
    return "".join(sign if sign.isprintable() else "?" for sign in line)[:200]
