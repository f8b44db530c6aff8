"""The web app on a port, webhooks as Neynar sends them, and stand-ins for the objects behind the app."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ceos.clients.neynar.types import FeedCast
from ceos.domain.agent import Agent
from ceos.errors import NotFound
from ceos.testing import make_agent
from ceos.web import app as web_app
from ceos.web.listener import listen
from ceos.web.server import make_server
from ceos.web.webhooks import WebhookReceipt, Webhooks, sign

SECRET = "test-secret"
#: From the fact sheet.
VECTOR = b'{"created_at":1708025006,"type":"cast.created","data":{}}'
VECTOR_SIGNATURE = (
    "23c7120cced9ebed419802cf52ee11b395b9cf6aa889f49230e557fa83d52768"
    "d25811d111d20f8a666e1a543aa4c876d998aa7f77d4d52e8ee82c1a3b0367f9"
)
HASH = "0x" + "ab" * 20
STRANGER = {"object": "user", "fid": 77, "username": "bob", "score": 0.9}


def make_cast(**overrides: Any) -> dict[str, Any]:
    """Return a cast that mentions fid 1001, as Neynar tells it; None leaves a field out."""
    cast = {
        "object": "cast",
        "hash": HASH,
        "author": STRANGER,
        "text": "@ada what do you think?",
        "timestamp": "2026-03-02T08:58:00.000Z",
        "parent_hash": None,
        "parent_author": {"fid": None},
        "embeds": [],
        "mentioned_profiles": [{"object": "user", "fid": 1001}],
        **overrides,
    }
    return {name: value for name, value in cast.items() if value is not None or name not in overrides}


def make_event(data: Any = None, kind: str = "cast.created") -> bytes:
    body = {"created_at": 1708025006, "type": kind, "data": make_cast() if data is None else data}
    return json.dumps(body).encode()


class Agents:
    """Stands for the store: some agents, found by their fids."""

    def __init__(self, *agents: Agent) -> None:
        self._found = {agent.id: agent for agent in agents}

    def agents_of(self, fids: Iterable[int]) -> dict[int, list[str]]:
        ids = {fid: [agent.id for agent in self._found.values() if agent.fid == fid] for fid in fids}
        return {fid: found or ["removed"] for fid, found in ids.items() if found or fid == 1003}

    def agent(self, agent_id: str) -> Agent:
        if agent_id not in self._found:
            raise NotFound
        return self._found[agent_id]


class Taken(list[tuple[str, str, str]]):
    """Stands for `MentionPoller.receive_cast`: notes agent, hash and concern, and knows what it was given before."""

    def __call__(self, agent: Agent, cast: FeedCast, kind: str) -> str:
        is_known = any((agent.id, cast.hash) == (who, what) for who, what, _ in self)
        self.append((agent.id, cast.hash, kind))
        return "known" if is_known else "opened"


def make_webhooks(*agents: Agent, secrets: Sequence[str] = (SECRET,)) -> tuple[Webhooks, Taken]:
    taken = Taken()
    return Webhooks(secrets, Agents(*(agents or [make_agent()])), taken), taken  # type: ignore[arg-type]


def receive(webhooks: Webhooks, body: bytes) -> WebhookReceipt:
    return webhooks.receive(body, sign(body, SECRET))


class Site:
    """A web app at a free port of this machine."""

    def __init__(self, webhooks: Webhooks | None, **parts: Any) -> None:
        self._listener = listen("127.0.0.1", 0)
        self.address: tuple[str, int] = self._listener.getsockname()
        self._server = make_server(web_app.create_app(webhooks, **parts))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)
        self._thread.start()

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    def ask(
        self, method: str, path: str, body: bytes | Iterator[bytes] | None = None, **headers: str
    ) -> tuple[int, dict[str, Any]]:
        """Send a request; names of headers are written with underscores. An iterator is sent in chunks."""
        status, answer = self._ask(method, path, body, headers)
        return status, json.loads(answer)

    def body(self, method: str, path: str) -> bytes:
        """Send a request and return the bytes of the answer."""
        return self._ask(method, path, None, {})[1]

    def _ask(
        self, method: str, path: str, body: bytes | Iterator[bytes] | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named, encode_chunked=not isinstance(body, bytes | None))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def post(self, body: bytes, signature: str | None = None) -> tuple[int, dict[str, Any]]:
        """Send a webhook, signed well unless told otherwise."""
        signature = sign(body, SECRET) if signature is None else signature
        return self.ask("POST", "/webhooks/neynar", body, X_Neynar_Signature=signature)

    def raw(self, *pieces: bytes) -> socket.socket:
        """Return a connection on which these bytes were sent."""
        connection = socket.create_connection(self.address, timeout=60)
        for piece in pieces:
            connection.sendall(piece)
        return connection


@contextmanager
def site_of(webhooks: Webhooks, **parts: Any) -> Iterator[Site]:
    with Site(webhooks, **parts) as site:
        yield site
