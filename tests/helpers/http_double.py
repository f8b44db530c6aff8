"""An HTTP server for tests of the clients: it records requests and answers from a script."""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """One request as it arrived; `query` holds every value of a key in order, `headers` has lower-case names."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """The JSON body, or None when there was none."""
        return json.loads(self.raw) if self.raw else None


@dataclass(frozen=True)
class Reply:
    """One scripted answer; bytes are sent as they are, everything else as JSON."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    #: "unanswered" hangs up after reading the request, "midway" after half of the answer's body.
    cut: Literal["no", "unanswered", "midway"] = "no"


class HttpDouble:
    """A server on a free local port that gives each request the next scripted answer.

        with HttpDouble() as http:
            http.answer({"users": []})
            Neynar("key", http.url + "/v2").users([3])
        assert http.requests[0].query == {"fids": ["3"]}

    A request without a scripted answer gets 418, which no client takes for a success or repeats.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._script: deque[Reply] = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(
        self,
        body: Any = None,
        status: int = 200,
        *,
        headers: Mapping[str, str] | None = None,
        cut: Literal["no", "unanswered", "midway"] = "no",
        times: int = 1,
    ) -> None:
        """Script the answer to the next `times` requests."""
        self._script.extend([Reply(body, status, headers or {}, cut)] * times)

    def discard(self) -> None:
        """Drop the answers that are left."""
        self._script.clear()

    @property
    def unused(self) -> int:
        """The number of scripted answers that are left."""
        return len(self._script)

    def __enter__(self) -> HttpDouble:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _next(self, request: Request) -> Reply:
        self.requests.append(request)
        if self._script:
            return self._script.popleft()
        return Reply({"message": f"nothing scripted for {request.method} {request.path}"}, 418)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        http = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                query = parse_qs(parts.query, keep_blank_values=True)
                self.send_reply(http._next(Request(self.command, parts.path, query, headers, raw)))

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def send_reply(self, reply: Reply) -> None:
                self.close_connection = True
                if reply.cut == "unanswered":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                # One connection per request: no idle connection outlives its test.
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if reply.cut == "midway" else data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler
