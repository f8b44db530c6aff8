"""Runs the simulator under uvicorn: in the foreground, or in a thread beside a test."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ceos.simulator.app import CUT_EXTENSION, App, create_app

log = logging.getLogger("ceos.simulator")


class CuttableProtocol(HttpToolsProtocol):
    """Gives each request a function that drops its connection, which ASGI does not have."""

    def on_message_begin(self) -> None:
        """Extend the scope of a new request."""
        super().on_message_begin()
        self.scope["extensions"] = {CUT_EXTENSION: {"abort": self.transport.abort}}


class Running:
    """A running simulator, accessed over its own HTTP interface."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self.url = f"http://{host}:{port}"
        self.neynar_url = f"{self.url}/v2"
        self.openrouter_url = f"{self.url}/api/v1"
        self.fal_run_url = f"{self.url}/fal-run"
        self.fal_queue_url = f"{self.url}/fal-queue"
        self.fal_rest_url = f"{self.url}/fal-rest"

    def casts(self) -> list[dict[str, Any]]:
        """Every committed cast in commit order."""
        casts: list[dict[str, Any]] = self._ask("GET", "casts")["casts"]
        return casts

    def timeline(self, since: int = 0) -> list[dict[str, Any]]:
        """Events from a sequence number on."""
        events: list[dict[str, Any]] = self._ask("GET", f"timeline?since={since}")["events"]
        return events

    def stats(self) -> dict[str, int]:
        """Counters by name; those that never counted are missing."""
        return self._ask("GET", "stats")

    def faults(self, **config: Any) -> dict[str, Any]:
        """Merge a configuration and return the result."""
        return self._ask("POST", "faults", config)

    def signer(self, signer_uuid: str, fid: int, status: str = "approved") -> None:
        """Add or change a signer."""
        self._ask("POST", "signers", {"signer_uuid": signer_uuid, "fid": fid, "status": status})

    def reset(self) -> None:
        """Start with an empty state."""
        self._ask("POST", "reset")

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(*self._address, timeout=30)
        try:
            connection.request(method, f"/_sim/{path}", None if body is None else json.dumps(body))
            answer = connection.getresponse()
            value: dict[str, Any] = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise ValueError(value["error"])
        return value


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
    app = create_app(seed, clock=clock, **(config or {}))
    listener = _listen(host, port)
    listening()
    log.info("Simulator listens at http://%s:%d", host, listener.getsockname()[1])
    # uvicorn shuts down in order and then raises the interrupt again.
    with suppress(KeyboardInterrupt):
        _server(app).run(sockets=[listener])


@contextmanager
def running(seed: int = 7, *, host: str = "127.0.0.1", port: int = 0, **config: Any) -> Iterator[Running]:
    """A simulator for as long as the block lasts; port 0 takes a free one."""
    app = create_app(seed, **config)
    # It listens before the thread starts, so that the first request waits instead of failing.
    listener = _listen(host, port)
    server = _server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="simulator", daemon=True)
    thread.start()
    try:
        yield Running(*listener.getsockname()[:2])
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio switches Nagle's delay off only for sockets that say they are TCP;
    # with it, every answer on a kept connection would take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    return listener


def _server(app: App) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=CuttableProtocol,
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="warning",
            ws="none",
            backlog=2048,
            timeout_graceful_shutdown=1,
        )
    )
