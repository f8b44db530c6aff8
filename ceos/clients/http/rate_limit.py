"""One limit on the requests to a service, counted over all workers, so that the service does not have to refuse any.

Places are granted in Redis: a number in any minute, and no burst above a second's share. Requests made inside
`in_background()` leave a fifth of the places to the others, so that posts are published while polls wait.
"""

from __future__ import annotations

import math
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from ceos.errors import RateLimited

#: The length of a minute and of a second here, in milliseconds: a request takes time to arrive after its grant.
MINUTE_MS, SECOND_MS = 62_000, 1_050
#: The part of the places that requests in the background leave to the others.
RESERVE = 0.2
#: Seconds that a request waits for a place; far below the settle time, which runs while a cast waits.
PATIENCE_SECONDS = 2.0

_local = threading.local()


class LocallyRateLimited(RateLimited):
    """Our own limit does not allow the request now; it was not sent."""


class Places(Protocol):
    """Grants places: the database."""

    def run_script(self, name: str, *args: str | int | float) -> Any:
        """Run a script."""


@contextmanager
def in_background() -> Iterator[None]:
    """Mark the requests of this thread as background: they wait for those of foreground threads."""
    before = is_in_background()
    _local.background = True
    try:
        yield
    finally:
        _local.background = before


def is_in_background() -> bool:
    """Say whether this thread's requests are in the background."""
    return getattr(_local, "background", False)


class RateLimiter:
    """Asks for a place before each request: call it, and when it returns, send."""

    def __init__(
        self, store: Places, per_minute: int, name: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._store = store
        self._per_minute = per_minute
        self._name = name
        self._sleep = sleep

    def __call__(self) -> None:
        """Return once a request may be sent; raises `LocallyRateLimited` with the time to wait if that is too long."""
        if not self._per_minute:
            return
        share = 1 - RESERVE if is_in_background() else 1.0
        per_minute = max(1, int(self._per_minute * share))
        per_second = max(1, int(math.ceil(self._per_minute / 60) * share))
        token, waited = uuid.uuid4().hex, 0.0
        while wait_ms := int(
            self._store.run_script("pace", self._name, token, per_minute, per_second, MINUTE_MS, SECOND_MS)
        ):
            seconds = wait_ms / 1000
            if waited + seconds > PATIENCE_SECONDS:
                raise LocallyRateLimited(
                    f"No further request to {self._name} fits into this minute; CEOS_NEYNAR_PER_MINUTE allows "
                    f"{self._per_minute}.",
                    status=None,
                    retry_after=seconds,
                )
            self._sleep(seconds)
            waited += seconds
