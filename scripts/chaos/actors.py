"""The actors of `scripts/chaos.py`: the real ones, in a process that may kill itself around every step of a run.

Each step of a run is a method of the ledger, of a client or of the broker; the classes here are those, with a crash
point on either side. `CHAOS_CRASH` is the chance of each point, `CHAOS_LOG` the file that says which were hit and which
runs began.
"""

from __future__ import annotations

import functools
import os
import random
import signal
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from ceos.clients.fal.client import Fal
from ceos.clients.neynar.client import Neynar
from ceos.clients.openrouter.client import OpenRouter
from ceos.runs.lease import Lease
from ceos.runs.ledger import Ledger
from ceos.runtime import Runtime, set_runtime
from ceos.settings import Settings

CHANCE = float(os.environ["CHAOS_CRASH"])
LOG = Path(os.environ["CHAOS_LOG"])
LOOKUP = os.environ.get("CHAOS_LOOKUP") != "off"

#: Every step of a run, by the class that carries it out.
STEPS = {
    "Ledger": (
        *("fire_slots", "claim_due_runs", "begin_stage", "record_sending", "record_sent", "record_unsent"),
        *("record_unanswered", "record_video", "advance_run", "defer_run", "finish_run"),
    ),
    "Neynar": ("publish_cast", "find_cast"),
    "OpenRouter": ("complete",),
    "Fal": ("image", "submit_video", "poll_video"),
    "Broker": ("enqueue_many",),
}


def note(what: str, run: str) -> None:
    """Append one line to the log, whole even when several processes write."""
    handle = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{what} {run or '-'} {time.time():.3f}\n".encode())
    os.close(handle)


def crash_point(label: str, run: str) -> None:
    """Kill this process, or do nothing."""
    if random.random() < CHANCE:
        note(f"crash:{label}", run)
        os.kill(os.getpid(), signal.SIGKILL)


def _run_of(args: tuple[Any, ...]) -> str:
    first = args[0] if args else ""
    return first.run_id if isinstance(first, Lease) else first if isinstance(first, str) and ":" in first else ""


def between_crash_points(method: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a method in a crash point before and one after it."""

    @functools.wraps(method)
    def wrapped(self: Any, *args: Any, **options: Any) -> Any:
        run = _run_of(args)
        crash_point(f"before_{method.__name__}", run)
        result = method(self, *args, **options)
        if method.__name__ == "begin_stage" and result is not None:
            note("begin", run)
        crash_point(f"after_{method.__name__}", run)
        return result

    return wrapped


def crashing(cls: type) -> type:
    """Return a class like `cls` whose steps may crash."""
    return type(cls.__name__, (cls,), {name: between_crash_points(getattr(cls, name)) for name in STEPS[cls.__name__]})


class BlindNeynar(Neynar):
    """A client for control runs whose look-up finds nothing, so every unknown outcome is sent again."""

    def find_cast(self, *args: Any, **options: Any) -> str | None:
        """Find nothing."""
        del args, options
        return None


class ChaosRuntime(Runtime):
    """The real runtime, with crash points."""

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, crashing."""
        made: Ledger = crashing(Ledger)(self.database, lease_seconds=self.settings.lease_seconds)
        return made

    @cached_property
    def neynar(self) -> Neynar:
        """The publisher's client, crashing, and blind in a control run."""
        key = self.settings.neynar_api_key.get_secret_value() if self.settings.neynar_api_key else None
        client = Neynar if LOOKUP else BlindNeynar
        wrapped = type(
            "Neynar", (client,), {name: between_crash_points(getattr(client, name)) for name in STEPS["Neynar"]}
        )
        made: Neynar = wrapped(key, self.settings.neynar_base_url, sleep=self.sleep)
        return made

    @cached_property
    def openrouter(self) -> OpenRouter:
        """The writer's client, crashing."""
        key = self.settings.openrouter_api_key.get_secret_value() if self.settings.openrouter_api_key else None
        made: OpenRouter = crashing(OpenRouter)(key, self.settings.openrouter_base_url, sleep=self.sleep)
        return made

    @cached_property
    def fal(self) -> Fal:
        """The client for media, crashing."""
        settings = self.settings
        key = settings.fal_key.get_secret_value() if settings.fal_key else None
        urls = (settings.fal_run_url, settings.fal_queue_url, settings.fal_rest_url)
        made: Fal = crashing(Fal)(key, *urls, sleep=self.sleep)
        return made


set_runtime(ChaosRuntime(Settings.from_env(dotenv=None)))

from ceos.actors import broker as broker  # noqa: E402, PLC0414  # dramatiq looks for it here, built on the runtime above

broker.enqueue_many = functools.partial(between_crash_points(type(broker).enqueue_many), broker)  # type: ignore[method-assign]
