"""The ASGI application: finds the handler of a request and delivers its reply.

A raw callable with a dictionary for a router, because it shares its processors with what it is there to test.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, TypeVar

from ceos.simulator.control import Control
from ceos.simulator.fal.routes import Fal
from ceos.simulator.faults import Faults
from ceos.simulator.neynar.routes import Neynar
from ceos.simulator.neynar.webhooks import Delivery, send
from ceos.simulator.openrouter.routes import OpenRouter
from ceos.simulator.timeline import Timeline
from ceos.simulator.wire import Handler, Later, Refusal, Reply, Request, Routes, json_reply
from ceos.simulator.world import World

_T = TypeVar("_T")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: The scope key of the function that drops a connection.
CUT_EXTENSION = "ceos.simulator.cut"

#: Seconds between two checks for due webhooks.
_LOOK_SECONDS = 0.1
#: Concurrent deliveries.
_SENDERS = 16

log = logging.getLogger("ceos.simulator")


class Simulation:
    """One run of the three services; a reset makes a new one."""

    def __init__(self, seed: int, clock: Callable[[], float], config: dict[str, Any]) -> None:
        self.timeline = Timeline(clock)
        self.faults = Faults(seed, config)
        self.world = World(seed, self.timeline)
        self.neynar = Neynar(self.world, self.faults)
        self.openrouter = OpenRouter(seed, self.timeline, self.faults)
        self.fal = Fal(seed, self.timeline, self.faults)


class App:
    """Serves one simulation at a time."""

    def __init__(self, seed: int, clock: Callable[[], float], config: dict[str, Any]) -> None:
        self._arguments = (seed, clock, config)
        self._control = Control(lambda: self.simulation, self.reset)
        #: Effects that outlive their requests; the loop itself holds tasks only weakly.
        self._pending: set[asyncio.Task[Any]] = set()
        self._telling: asyncio.Task[None] | None = None
        self.reset()

    def reset(self) -> None:
        """Start with an empty state."""
        self.simulation = Simulation(*self._arguments)
        for task in self._pending:
            task.cancel()
        services = self.simulation
        self._routes: Routes = {
            **services.neynar.routes(),
            **services.openrouter.routes(),
            **services.fal.routes(),
            **self._control.routes(),
        }
        self._prefixes: dict[str, Handler] = {**services.openrouter.prefixes(), **services.fal.prefixes()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        request = await _read(scope, receive)
        service = _service(request.path)
        simulation = self.simulation
        simulation.timeline.count(f"{service}.requests")
        reply = self.answer(request)
        self._keep_telling()
        for end in simulation.fal.webhooks.collect():
            self._start(self._call_back(end))
        reply.delay += simulation.faults.latency(service)
        if reply.later:
            promised = await self._promise(reply.later)
            promised.delay += reply.delay
            reply = promised
        await _deliver(reply, scope, receive, send)

    def answer(self, request: Request) -> Reply:
        """The reply to a request, without waiting for anything."""
        path = request.path.rstrip("/")
        handler = self._routes.get((request.method, path)) or self._prefixed(request.path)
        if handler is None:
            return json_reply(
                {"message": f"Route {request.method} {request.path} not found", "error": "Not Found"}, 404
            )
        try:
            return handler(request)
        except Refusal as refusal:
            reply = refusal.reply
            if reply.status >= 400 and not path.startswith("/_sim"):
                service = _service(path)
                self.simulation.timeline.count(f"{service}.refused")
                self.simulation.timeline.record(
                    service,
                    "refused",
                    status=reply.status,
                    method=request.method,
                    path=path,
                    answer=reply.body[:300].decode(errors="replace"),
                )
            return reply
        except Exception:
            log.exception("The simulator itself failed", extra={"event": "simulator.failed", "path": path})
            return json_reply({"message": "The simulator itself failed; see its log."}, 500)

    def _prefixed(self, path: str) -> Handler | None:
        return next((handler for prefix, handler in self._prefixes.items() if path.startswith(prefix)), None)

    async def _promise(self, later: Later) -> Reply:
        async def happen() -> Reply:
            await asyncio.sleep(later.seconds)
            return later.effect()

        task = self._start(happen())
        if later.cut_after is not None:
            await asyncio.sleep(later.cut_after)
            return Reply(cut=True)
        await asyncio.wait({task})
        # A reset cancels pending effects; their clients get no answer.
        return Reply(cut=True) if task.cancelled() else task.result()

    def _start(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        task = asyncio.create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
        return task

    def _keep_telling(self) -> None:
        """Start the delivery of webhooks at the first request that needs it."""
        if self.simulation.neynar.webhooks.is_on and (self._telling is None or self._telling.done()):
            self._telling = self._start(self._tell())

    async def _tell(self) -> None:
        free = asyncio.Semaphore(_SENDERS)
        while (neynar := self.simulation.neynar).webhooks.is_on:
            neynar.audience.catch_up()
            for delivery in neynar.webhooks.collect():
                self._start(self._send(delivery, free))
            await asyncio.sleep(_LOOK_SECONDS)

    async def _call_back(self, end: Callable[[], Delivery]) -> None:
        webhooks = self.simulation.fal.webhooks
        await asyncio.sleep(webhooks.seconds)
        for delivery in webhooks.deliveries(end()):
            await self._send(delivery, asyncio.Semaphore(), "fal")

    async def _send(self, delivery: Delivery, free: asyncio.Semaphore, service: str = "neynar") -> None:
        timeline = self.simulation.timeline
        await asyncio.sleep(delivery.delay)
        for attempt in range(self.simulation.neynar.webhooks.retries + 1):
            await asyncio.sleep(attempt * _LOOK_SECONDS)
            async with free:
                status = await send(delivery)
            timeline.count(f"{service}.webhooks")
            timeline.record(service, "webhook.sent", status=status, attempt=attempt)
            if 200 <= status < 300:
                return


async def _read(scope: Scope, receive: Receive) -> Request:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return Request(scope["method"], scope["path"], scope["query_string"], scope["headers"], body)


async def _deliver(reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
    if reply.delay:
        await asyncio.sleep(reply.delay)
    if reply.cut:
        await _cut(scope, receive, send)
        return
    headers = [(b"content-type", reply.content_type), *reply.headers]
    if reply.chunks is None:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    for chunk in reply.chunks or ():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if reply.pause:
            await asyncio.sleep(reply.pause)
    await send({"type": "http.response.body", "body": reply.body})


async def _cut(scope: Scope, receive: Receive, send: Send) -> None:
    """Close the connection without a byte, or, on a server that cannot, in the middle of an answer."""
    extension = scope.get("extensions", {}).get(CUT_EXTENSION)
    if extension is None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100000")]})
        raise ConnectionAbortedError("cut on purpose")
    extension["abort"]()
    # Returning before the server has noticed would make it write an error page of its own.
    while (await receive())["type"] != "http.disconnect":
        pass


def _service(path: str) -> str:
    if path.startswith("/v2/"):
        return "neynar"
    if path.startswith("/api/"):
        return "openrouter"
    return "fal" if path.startswith("/fal-") else "control"


def create_app(seed: int = 7, *, clock: Callable[[], float] = time.time, **config: Any) -> App:
    """An ASGI app that imitates Neynar, OpenRouter and fal.ai."""
    return App(seed, clock, config)
