"""The actors of `scripts/bench.py`: the real ones, and one that does nothing, for comparison."""

from __future__ import annotations

import dramatiq

from ceos.actors import broker as broker  # noqa: PLC0414  # dramatiq looks for it here


@dramatiq.actor(queue_name="noop")
def noop() -> None:
    """Do nothing."""
