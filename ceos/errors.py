"""Every error that ceos raises on purpose, cut by what the catcher will do.

Retry: `RateLimited`, `ServiceUnavailable`. Look before you repeat: `OutcomeUnknown`. Give up: `RequestRefused`. Book
what it cost: `AnswerUnusable`. Treat as a normal outcome: `DraftRejected`, `LimitReached`. Carry on without:
`SkillError`. Tell the operator: `InvalidInput`, `NotFound`, `StoreUnavailable`.

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
    """There is no such thing."""


class IllegalTransition(CeosError):
    """The agent cannot change into that state from the one it is in."""


class DraftRejected(CeosError):
    """The review objected to the draft twice."""

    def __init__(self, message: str | None = None, *, draft: Any = None) -> None:
        super().__init__(message)
        #: The `Draft` that was rejected last, where there is one.
        self.draft = draft


class LimitReached(CeosError):
    """The agent has reached one of its limits."""


class StoreUnavailable(CeosError):
    """Redis does not answer; start it, or unset CEOS_REDIS_URL to use the embedded server."""


class StoreMisconfigured(CeosError):
    """Redis is not configured to keep what it is given."""


class StaleLease(CeosError):
    """Another worker has taken over this run; nothing was written."""


class PluginError(CeosError):
    """A plugin could not be loaded, or failed."""


class ServiceError(CeosError):
    """A call to an outside service did not succeed."""

    #: The HTTP status, or None when no answer was read.
    status: int | None

    def __init__(self, message: str | None = None, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class RateLimited(ServiceError):
    """The service asked us to slow down; the request was certainly not carried out."""

    def __init__(
        self, message: str | None = None, *, status: int | None = 429, retry_after: float | None = None
    ) -> None:
        super().__init__(message, status=status)
        #: Seconds the service asked us to wait, or None when it did not say.
        self.retry_after = retry_after


class ServiceUnavailable(ServiceError):
    """The service could not be reached or cannot answer now; the request was certainly not carried out."""

    def __init__(
        self, message: str | None = None, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, status=status)
        #: Seconds the service asked us to wait, or None when it did not say.
        self.retry_after = retry_after


class OutcomeUnknown(ServiceError):
    """The request was sent and no readable answer came back: it may or may not have been carried out."""


class AnswerUnusable(ServiceError):
    """The model answered, and was paid, but not in the form asked for."""

    def __init__(self, message: str | None = None, *, status: int | None = 200, cost_usd: float = 0.0) -> None:
        super().__init__(message, status=status)
        #: What the unusable answers cost, in USD.
        self.cost_usd = cost_usd


class RequestRefused(ServiceError):
    """The service refused the request; repeating it will not help."""


class KeyRefused(RequestRefused):
    """The service refused the key, the account or the payment; no other model or retry will help."""


class Reverted(RequestRefused):
    """The contract refused the call."""

    def __init__(self, message: str | None = None, *, reason: str = "", data: str = "0x") -> None:
        super().__init__(message)
        #: What the contract said: a text, or a custom error with its arguments, as in "TooMuch(7)".
        self.reason = reason
        #: The raw bytes it returned, as hex.
        self.data = data


class WrongChain(RequestRefused):
    """The node belongs to another chain than the configured one; nothing was signed."""


class RangeRefused(RequestRefused):
    """The node refuses to search so many blocks at once; ask for fewer."""


class NonceTaken(RequestRefused):
    """The account has sent another transaction with this nonce already."""


class FeeTooLow(RequestRefused):
    """The node wants a higher fee for this transaction, or for one in the place of another."""


class PolicyRefused(CeosError):
    """The policy does not allow this; nothing was signed."""

    def __init__(self, message: str | None = None, *, rule: str = "") -> None:
        super().__init__(message)
        #: The rule that refused it, such as "contract" or "value-per-day".
        self.rule = rule


class SkillError(CeosError):
    """The skill could not be run to its end."""

    #: What happened, in a word: error, calls, output, crashed, wall, cpu, memory, rejected, violation, infrastructure.
    kind = "error"

    def __init__(
        self, message: str | None = None, *, kind: str | None = None, line: int | None = None, log: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.kind = kind or type(self).kind
        #: The line of the skill's source, where one is to blame.
        self.line = line
        #: What the skill had printed and logged by then.
        self.log = log


class SkillForbidden(SkillError):
    """The skill does what no skill may do."""

    kind = "rejected"


class SkillTimedOut(SkillError):
    """The skill took too long and was stopped."""

    kind = "wall"


class SkillOutOfMemory(SkillError):
    """The skill used more memory than it may."""

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
        #: The lines of the skill's own traceback; nothing of ours is in it.
        self.traceback = traceback


class SandboxUnavailable(SkillError):
    """The sandbox cannot run anything now; that is not the skill's fault."""

    kind = "infrastructure"


class HostRefused(CeosError):
    """The host did not do what the skill asked for; the skill reads the sentence and may carry on."""
