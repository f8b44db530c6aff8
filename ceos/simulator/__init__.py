"""A simulator of Neynar, OpenRouter and fal.ai, to try a runtime without keys.

    with running(seed=7, neynar={"cut_after": 0.1}) as simulator:
        ...  # point the base URLs at simulator.neynar_url, simulator.openrouter_url, ...
        simulator.casts()

Its wire formats are the contract; it shares no code with the clients that talk to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ceos.simulator.app import create_app

if TYPE_CHECKING:
    from ceos.simulator.server import Running

__all__ = ["create_app", "running", "serve"]


def serve(
    port: int,
    *,
    seed: int = 7,
    host: str = "127.0.0.1",
    config: dict[str, Any] | None = None,
    clock: Callable[[], float] = time.time,
    listening: Callable[[], None] = lambda: None,
) -> None:
    """Serve until interrupted; port 0 takes a free one. `listening` is called as soon as it accepts requests."""
    from ceos.simulator import server  # noqa: PLC0415 - uvicorn is slow to import

    server.serve(port, seed=seed, host=host, config=config, clock=clock, listening=listening)


def running(seed: int = 7, *, host: str = "127.0.0.1", port: int = 0, **config: Any) -> AbstractContextManager[Running]:
    """A simulator for as long as the block lasts; port 0 takes a free one."""
    from ceos.simulator import server  # noqa: PLC0415 - uvicorn is slow to import

    return server.running(seed, host=host, port=port, **config)
