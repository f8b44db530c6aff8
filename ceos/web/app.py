"""The HTTP of the web app: webhooks, the public pages of agents, and the skills that they sell.

Bodies are read within limits, and a webhook is answered as soon as its cast is stored in Redis.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from ceos.clients.fal.webhooks import WEBHOOK_PATH
from ceos.domain.text import visible
from ceos.errors import InvalidInput, ServiceError, StoreUnavailable
from ceos.logs import event
from ceos.web.agents import Pages, add_pages
from ceos.web.fal_webhooks import FalWebhooks
from ceos.web.webhooks import PATH, NotSigned, Webhooks, may_be_signature
from ceos.web.x402 import add_seller

if TYPE_CHECKING:
    from ceos.chain.x402.seller import Seller

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
#: Runs a function that waits for Redis in a thread, so that the event loop goes on serving.
InThread = Callable[..., Awaitable[Any]]

#: The longest body that is read; a cast with everything Neynar adds to it has a hundredth of that.
MAX_BODY_BYTES = 2**20
#: Time for the body of a request, in seconds.
BODY_SECONDS = 10.0
#: Time for an answer of Redis, in seconds; after it, the sender is asked to try again.
STORE_SECONDS = 8.0
#: Time for which the body of a refused request is still read, in seconds.
LINGER_SECONDS = 2.0
#: Threads that wait for Redis; further requests wait in a queue.
THREADS = 8


class Refused(Exception):
    """The webhook is answered with an error."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Refusal(JSONResponse):
    """An error response that ends the connection after the sender had time to read it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond, read and discard the rest of the body for a while, and close."""
        del scope
        start: MutableMapping[str, Any] = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": [*self.raw_headers, (b"connection", b"close")],
        }
        await send(start)
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        # A connection that is closed while its sender still sends loses the response.
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while (await receive()).get("more_body"):
                    pass
        await send({"type": "http.response.body", "body": b""})


def create_app(
    webhooks: Webhooks | None,
    *,
    videos: FalWebhooks | None = None,
    pages: Pages | None = None,
    seller: Seller | None = None,
    check: Callable[[], None] | None = None,
) -> ASGIApp:
    """Return the app with the given parts; `check` raises `StoreUnavailable` while the app cannot work."""
    app = FastAPI(title="ceos", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    # Not the library's pool: its threads come and go, and each would open its own connection to Redis.
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="ceos-web")

    async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            async with asyncio.timeout(STORE_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(pool, lambda: function(*args, **kwargs))
        except TimeoutError:
            raise StoreUnavailable from None

    if webhooks is not None:
        _add_webhooks(app, webhooks, in_thread)
    if videos is not None:
        _add_video_webhooks(app, videos, in_thread)
    if pages is not None:
        add_pages(app, pages, in_thread)
    if seller is not None:
        add_seller(app, seller, in_thread, read_body)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        if check is not None:
            await in_thread(check)
        return JSONResponse({"ok": True})

    @app.exception_handler(Refused)
    async def refuse(request: Request, error: Refused) -> Refusal:
        client = visible(request.client.host[:64]) if request.client else ""
        extra = event("webhook.refused", status=error.status, why=error.why, client=client)
        log.warning("Webhook refused", extra=extra)
        return Refusal({"ok": False, "error": error.why}, error.status)

    @app.exception_handler(StoreUnavailable)
    async def come_again(request: Request, error: StoreUnavailable) -> JSONResponse:
        del request, error
        log.warning("Redis does not answer; the sender has to try again", extra=event("web.unavailable"))
        return JSONResponse({"ok": False, "error": "Try again later."}, 503, headers={"retry-after": "10"})

    return AccessLog(app)


def _add_webhooks(app: FastAPI, webhooks: Webhooks, in_thread: InThread) -> None:
    @app.post(PATH)
    async def neynar(request: Request) -> JSONResponse:
        signature = request.headers.get("x-neynar-signature", "")
        if not may_be_signature(signature):
            raise Refused(401, "The header X-Neynar-Signature is missing, or is not an HMAC-SHA512 in hex.")
        body = await read_body(request)
        try:
            receipt = await in_thread(webhooks.receive, body, signature)
        except NotSigned as error:
            raise Refused(401, str(error)) from None
        except InvalidInput as error:
            raise Refused(400, str(error)) from None
        return JSONResponse({"ok": True, "taken": receipt.taken, "ignored": receipt.ignored})


def _add_video_webhooks(app: FastAPI, videos: FalWebhooks, in_thread: InThread) -> None:
    @app.post(WEBHOOK_PATH)
    async def fal(request: Request) -> JSONResponse:
        headers = dict(request.headers)
        if not videos.may_be_signed(headers):
            raise Refused(401, "The headers X-Fal-Webhook-… are missing, or are not those of a recent webhook.")
        body = await read_body(request)
        run, key = (request.query_params.get(name, "")[:300] for name in ("run", "key"))
        try:
            receipt = await in_thread(videos.receive, headers, body, run, key)
        except NotSigned as error:
            raise Refused(401, str(error)) from None
        except InvalidInput as error:
            raise Refused(400, str(error)) from None
        except ServiceError:
            raise StoreUnavailable from None
        return JSONResponse({"ok": True, "ignored": receipt.ignored})


async def read_body(request: Request) -> bytes:
    """Return the body of a request; raises `Refused` if it is too long or takes too long."""
    if int(request.headers.get("content-length", 0)) > MAX_BODY_BYTES:
        raise Refused(413, f"The body is longer than {MAX_BODY_BYTES} bytes.")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise Refused(413, f"The body is longer than {MAX_BODY_BYTES} bytes.")
    except TimeoutError:
        raise Refused(408, "The body took too long.") from None
    except ClientDisconnect:
        raise Refused(400, "The sender disconnected before the body was complete.") from None
    return bytes(body)


class AccessLog:
    """Logs the method, path and status of every request, without its query and body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and log its status."""
        started, status = time.monotonic(), 0

        async def noting(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            path = visible(scope["path"][:100], keep="")
            # Health checks come every few seconds and are logged at level debug.
            level = logging.DEBUG if path == "/healthz" and status == 200 else logging.INFO
            ms = round((time.monotonic() - started) * 1000)
            log.log(
                level, "Request", extra=event("web.request", method=scope["method"], path=path, status=status, ms=ms)
            )
