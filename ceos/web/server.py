"""Serves the web app under uvicorn."""

from __future__ import annotations

import asyncio
import signal
import socket

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: How long what is being answered may take when the app is told to stop, in seconds: longer than any answer takes.
GRACE_SECONDS = 20
#: How many connections there may be at once; each may hold one body in memory.
CONNECTIONS = 256
#: Within how many seconds a request must have come whole. The app gives up sooner on the bodies that it reads.
REQUEST_SECONDS = 20.0


class ImpatientProtocol(HttpToolsProtocol):
    """Ends connections whose request does not end: uvicorn would wait for ever, and a few hundred keep the rest out."""

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._expect_request()

    def on_message_begin(self) -> None:
        """Begin to wait for the end of a later one."""
        super().on_message_begin()
        if self._limit is None:
            self._expect_request()

    def on_message_complete(self) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        self._limit = self.loop.call_later(REQUEST_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None


def make_server(app: ASGIApp) -> uvicorn.Server:
    """Return a server of the app; `run(sockets=[listener])` serves until its `should_exit` is set."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=ImpatientProtocol,
            ws="none",
            lifespan="off",
            # It would show the query strings; the app has a log of its own.
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; what is being answered then is answered still."""
    server = make_server(app)
    # uvicorn takes the first two over while it serves, and then raises them again: for these handlers, not the usual
    # ones, which would end the process before it has let go of anything.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listener])
