"""The errors of ceos, divided by the reaction of the caller.

Retry: `RateLimited`, `ServiceUnavailable`, `GateFailed`. Look the outcome up before a retry: `OutcomeUnknown`. Give up:
`RequestRefused`, `AnswerUnusable` (and record the cost). Stop the agent: `WrongAccount`. Treat as a normal outcome:
`DraftRejected`, `LimitReached`. Continue without: `SkillError`. Report to the operator: `InvalidInput`, `NotFound`,
`StoreUnavailable`.

A class's docstring is its default message.
"""

from __future__ import annotations

from typing import Any


class CeosError(Exception):
    """Something in ceos failed."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().split("\n\n")[0].replace("\n", " "))


class InvalidInput(CeosError):
    """The input is not valid."""

    @property
    def problems(self) -> list[str]:
        """Every problem on a line of its own."""
        return str(self).splitlines()


class NotFound(CeosError):
    """The object does not exist."""


class IllegalTransition(CeosError):
    """The agent cannot change from its state into that one."""


class DraftRejected(CeosError):
    """The draft violated a guardrail twice."""

    def __init__(self, message: str | None = None, *, draft: Any = None) -> None:
        super().__init__(message)
        #: The last `Draft`, if there is one.
        self.draft = draft


class GateFailed(CeosError):
    """A gate skill gave no answer about the text, which is not published without one."""


class LimitReached(CeosError):
    """The agent has reached one of its limits."""


class StoreUnavailable(CeosError):
    """Redis does not answer; start it, or unset CEOS_REDIS_URL to use the embedded server."""


class StoreMisconfigured(CeosError):
    """Redis is not configured to keep its data."""


class StaleLease(CeosError):
    """Another worker has taken over this run; nothing was written."""


class PluginError(CeosError):
    """A plugin could not be loaded, or failed."""


class ServiceError(CeosError):
    """A call of an external service failed."""

    #: The HTTP status, or None when no answer was read.
    status: int | None
    #: The cost in USD of unusable answers before the call failed.
    cost_usd: float = 0.0

    def __init__(self, message: str | None = None, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class RateLimited(ServiceError):
    """The service limits the rate of requests; it did not carry out this one."""

    def __init__(
        self, message: str | None = None, *, status: int | None = 429, retry_after: float | None = None
    ) -> None:
        super().__init__(message, status=status)
        #: Seconds to wait as the service asks, or None.
        self.retry_after = retry_after


class ServiceUnavailable(ServiceError):
    """The service is unavailable; it did not carry out the request."""

    def __init__(
        self, message: str | None = None, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, status=status)
        #: Seconds to wait as the service asks, or None.
        self.retry_after = retry_after


class OutcomeUnknown(ServiceError):
    """The request was sent, but no readable answer came back: it may or may not have been carried out."""


class AnswerUnusable(ServiceError):
    """The models answered, at a cost, but wrote no text, or not in the requested form."""

    def __init__(self, message: str | None = None, *, status: int | None = 200, cost_usd: float = 0.0) -> None:
        super().__init__(message, status=status)
        self.cost_usd = cost_usd


class RequestRefused(ServiceError):
    """The service refused the request; a retry does not help."""


class KeyRefused(RequestRefused):
    """The service refused the key, the account or the payment; neither a retry nor another model helps."""


class WrongAccount(KeyRefused):
    """The cast was published by another account than the agent's."""

    def __init__(self, message: str | None = None, *, hash: str) -> None:
        super().__init__(message)
        #: The hash of the cast.
        self.hash = hash


class Reverted(RequestRefused):
    """The contract refused the call."""

    def __init__(self, message: str | None = None, *, reason: str = "", data: str = "0x") -> None:
        super().__init__(message)
        #: The reason that the contract gave: a text, or a custom error with its arguments, such as "TooMuch(7)".
        self.reason = reason
        #: The bytes that the contract returned, as hex.
        self.data = data


class WrongChain(RequestRefused):
    """The node is on another chain than the configured one; nothing was signed."""


class RangeRefused(RequestRefused):
    """The node refuses to search this many blocks at once; ask for fewer."""


class NonceTaken(RequestRefused):
    """The account has already sent another transaction with this nonce."""


class FeeTooLow(RequestRefused):
    """The node requires a higher fee for this transaction or replacement."""


class PolicyRefused(CeosError):
    """The policy does not allow this; nothing was signed."""

    def __init__(self, message: str | None = None, *, rule: str = "") -> None:
        super().__init__(message)
        #: The rule that refused it, such as "contract" or "value-per-day".
        self.rule = rule


class SkillError(CeosError):
    """The skill did not finish."""

    #: One of error, calls, output, crashed, wall, cpu, memory, rejected, violation and infrastructure.
    kind = "error"

    def __init__(
        self, message: str | None = None, *, kind: str | None = None, line: int | None = None, log: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.kind = kind or type(self).kind
        #: The line of the skill's source that caused the error, if known.
        self.line = line
        #: The lines that the skill had printed and logged.
        self.log = log


class SkillForbidden(SkillError):
    """The skill does something that skills may not do."""

    kind = "rejected"


class SkillTimedOut(SkillError):
    """The skill took too long and was stopped."""

    kind = "wall"


class SkillOutOfMemory(SkillError):
    """The skill used more memory than allowed."""

    kind = "memory"


class SkillFailed(SkillError):
    """The skill failed."""

    def __init__(
        self,
        message: str | None = None,
        *,
        kind: str | None = None,
        line: int | None = None,
        log: tuple[str, ...] = (),
        traceback: str = "",
    ) -> None:
        super().__init__(message, kind=kind, line=line, log=log)
        #: The traceback, limited to the lines of the skill.
        self.traceback = traceback


class SandboxUnavailable(SkillError):
    """The sandbox is unavailable; the skill is not the cause."""

    kind = "infrastructure"


class HostRefused(CeosError):
    """The host refused a call of the skill, which reads this message and may continue."""
