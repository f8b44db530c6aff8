"""The reasons that interrupt a stage without ending its run: it goes on later, and another worker may do so."""

from __future__ import annotations

from ceos.errors import CeosError


class PublishingHalted(CeosError):
    """Sending is not allowed now: the agent is paused, in error or removed, or all publishing is stopped."""


class RetryLater(CeosError):
    """The run cannot go on now; it is processed again later."""

    def __init__(self, seconds: float, reason: str, *, is_limited: bool = True) -> None:
        super().__init__(reason)
        #: How long to leave the run alone, in seconds.
        self.seconds = seconds
        #: Whether the deferral counts towards `MAX_DEFERRALS`: it waits for something that may never come.
        self.is_limited = is_limited


class ShuttingDown(RetryLater):
    """This process is shutting down; another worker goes on at once."""

    def __init__(self) -> None:
        super().__init__(0.0, "released at shutdown")
