"""The server of the web app, under uvicorn."""

from __future__ import annotations

import asyncio
import signal
import socket

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Time for the requests under way when the app has to stop, in seconds: longer than any response takes.
GRACE_SECONDS = 20
#: Connections at once; each may hold one body in memory.
MAX_CONNECTIONS = 256
#: Time for a whole request, in seconds. The app has a shorter limit for the bodies that it reads.
REQUEST_SECONDS = 20.0


class ImpatientProtocol(HttpToolsProtocol):
    """Ends connections whose request does not end; uvicorn would wait, and a few hundred would block the rest."""

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time limit of the first request."""
        super().connection_made(transport)
        self._expect_request()

    def on_message_begin(self) -> None:
        """Start the time limit of a later request."""
        super().on_message_begin()
        if self._limit is None:
            self._expect_request()

    def on_message_complete(self) -> None:
        """Stop the time limit."""
        self._stop_waiting()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time limit."""
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
            # It would log query strings; the app has its own log.
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; requests under way are still answered."""
    server = make_server(app)
    # uvicorn handles the first two while it serves, and raises them again afterwards: for these handlers, because the
    # default ones would end the process before it has released anything.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listener])
