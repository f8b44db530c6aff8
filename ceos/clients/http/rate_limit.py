"""One limit on the requests to a service, counted over all workers, so that it never has to refuse us.

Places are handed out in Redis: at most so many in any minute, and no burst above a second's share. Requests made inside
`in_background()` leave a fifth of the places to the others, so that posts go out while polls wait.
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

#: What counts as a minute and as a second, in milliseconds: a request is on its way for a while after it got its place.
MINUTE_MS, SECOND_MS = 62_000, 1_050
#: The part of the places that requests in the background leave to the others.
RESERVE = 0.2
#: How long a request waits for a place here; it is far below the settle time, which runs while a cast waits.
PATIENCE_SECONDS = 2.0

_local = threading.local()


class Crowded(RateLimited):
    """Our own limit leaves no room for a request now; it did not leave."""


class Places(Protocol):
    """What hands out places: the store."""

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
    """Say whether this thread's requests are in no hurry."""
    return getattr(_local, "background", False)


class Pace:
    """Asks for a place before each request: call it, and when it returns, send."""

    def __init__(
        self, store: Places, per_minute: int, name: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._store = store
        self._per_minute = per_minute
        self._name = name
        self._sleep = sleep

    def __call__(self) -> None:
        """Return once a request may leave; raises `Crowded`, with the time to wait, when that takes too long."""
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
                raise Crowded(
                    f"No further request to {self._name} fits into this minute; CEOS_NEYNAR_PER_MINUTE allows "
                    f"{self._per_minute}.",
                    status=None,
                    retry_after=seconds,
                )
            self._sleep(seconds)
            waited += seconds
