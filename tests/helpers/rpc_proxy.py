"""A JSON-RPC server that forwards requests to a real node, except those that a test has it falsify, refuse or lose.

    with RpcProxy(evm.url) as node:
        node.answer("eth_chainId", "0x1")                        # lies
        node.answer("eth_call", fault(3, "execution reverted"))  # refuses
        node.answer("eth_sendRawTransaction", lose_answer)       # carries it out, and hangs up
        node.max_range = 500                                     # of eth_getLogs, as public nodes do
        node.status = 503                                        # everything fails
        EvmClient([node.url], 8453)

An answer may be a value, an exception of ours or a function `act(params, forward)` that returns one or raises; with
`times=1` it holds for one request only. `node.calls` lists what was asked for, as (method, params).
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

#: Given the parameters and a function that asks the real node, returns a result or raises `Fault` or `HangUp`.
Act = Callable[[list[Any], Callable[[], Any]], Any]


class Fault(Exception):
    """A JSON-RPC error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, **({} if data is None else {"data": data})}


class HangUp(Exception):
    """The connection is closed without an answer."""


def fault(code: int, message: str, data: Any = None) -> Fault:
    return Fault(code, message, data)


def lose_answer(params: list[Any], forward: Callable[[], Any]) -> Any:
    """Carry the request out and say nothing about it."""
    forward()
    raise HangUp


def hang_up(params: list[Any], forward: Callable[[], Any]) -> Any:
    """Do nothing and close the connection."""
    raise HangUp


class RpcProxy:
    """One node; what is not set otherwise comes from the real one at `upstream`, where there is one."""

    def __init__(self, upstream: str | None = None, *, path: str = "") -> None:
        self.upstream = upstream
        self.calls: list[tuple[str, list[Any]]] = []
        #: The number of HTTP requests.
        self.requests = 0
        #: Any but 200: every request is answered with this, these headers and this body.
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b"{}"
        self.takes_batches = True
        #: The most blocks of one eth_getLogs.
        self.max_range: int | None = None
        self.connections: set[socket.socket] = set()
        self._acts: dict[str, list[tuple[Any, int | None]]] = {}
        self._lock = threading.Lock()
        self._session = threading.local()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}{path}"

    def __enter__(self) -> RpcProxy:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        for connection in tuple(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def answer(self, method: str, act: Any, *, times: int | None = None) -> None:
        """Answer a method so, for ever or a number of times; acts set earlier for a number of times come first."""
        with self._lock:
            acts = self._acts.get(method, [])
            limited = [one for one in acts if one[1] is not None]
            lasting = [one for one in acts if one[1] is None]
            self._acts[method] = [*limited, (act, times), *(lasting if times is not None else [])]

    def asked(self, method: str) -> list[list[Any]]:
        """Return the parameters of every request of a method."""
        return [params for name, params in self.calls if name == method]

    def reply(self, request: Any) -> Any:
        """Return the answer to one request, or to a batch."""
        if isinstance(request, list):
            if not self.takes_batches:
                return {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batches are not supported"}}
            return [self.reply(one) for one in request]
        answer = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            return {**answer, "result": self._result(request["method"], request["params"])}
        except Fault as fault:
            return {**answer, "error": fault.error}

    def _result(self, method: str, params: list[Any]) -> Any:
        with self._lock:
            self.calls.append((method, params))
            act = self._next_act(method)
        if method == "eth_getLogs" and self.max_range is not None:
            blocks = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
            if blocks > self.max_range:
                raise Fault(-32005, f"query exceeds max block range {self.max_range}")
        if isinstance(act, Exception):
            raise act
        if callable(act):
            return act(params, lambda: self._forward(method, params))
        return self._forward(method, params) if act is _REAL else act

    def _next_act(self, method: str) -> Any:
        acts = self._acts.get(method, [])
        if not acts:
            return _REAL
        act, times = acts[0]
        if times is not None:
            acts[0] = (act, times - 1)
            if times <= 1:
                acts.pop(0)
        return act

    def _forward(self, method: str, params: list[Any]) -> Any:
        if self.upstream is None:
            raise Fault(-32601, f"the method {method} does not exist/is not available")
        if not hasattr(self._session, "it"):
            self._session.it = requests.Session()
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self._session.it.post(self.upstream, json=body, timeout=60).json()
        if "error" in answer:
            raise Fault(answer["error"]["code"], answer["error"]["message"], answer["error"].get("data"))
        return answer["result"]


_REAL = object()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that gave up is part of many tests.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _handler(node: RpcProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            node.connections.add(self.connection)

        def finish(self) -> None:
            node.connections.discard(self.connection)
            super().finish()

        def do_POST(self) -> None:
            node.requests += 1
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if node.status != 200:
                self._send(node.status, node.body)
                return
            try:
                answer = node.reply(request)
            except HangUp:
                self.close_connection = True
                return
            self._send(200, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in node.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    return Handler
