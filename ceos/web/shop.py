"""The HTTP of what agents sell: `/x402/{agent}/{skill}`, asked with GET and a query, or with POST and a JSON object."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from ceos.errors import InvalidInput

if TYPE_CHECKING:
    from ceos.chain.x402.seller import SaleRequest, SaleResponse, Seller

PATH = "/x402/{agent}/{skill}"
#: How many buyers are served at once: each waits for a facilitator and for a skill. The rest queues up.
THREADS = 4
#: What is paid for is nobody else's, and may be read by pages of other sites.
HEADERS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
}


def add_shop(
    app: FastAPI,
    shop: Seller,
    in_thread: Callable[..., Awaitable[Any]],
    read_body: Callable[[Request], Awaitable[bytes]],
) -> None:
    """Add what is on offer to the app.

    `in_thread` is for what only waits for Redis, and gives up soon; buyers who pay have threads of their own.
    """
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="ceos-shop")

    @app.api_route(PATH, methods=["GET", "POST"])
    async def serve(agent: str, skill: str, request: Request) -> Response:
        try:
            order = _order(shop, request, await read_body(request) if request.method == "POST" else b"")
        except InvalidInput as error:
            return Response(_told(str(error)), 400, HEADERS, "application/json")
        if shop.wants_payment(order.headers):
            return _response(await in_thread(shop.serve, agent, skill, order))
        # Not cancelled with a buyer who leaves: what was begun with a payment is brought to its end.
        work = asyncio.get_running_loop().run_in_executor(pool, shop.serve, agent, skill, order)
        return _response(await asyncio.shield(work))


def _order(shop: Seller, request: Request, body: bytes) -> SaleRequest:
    from ceos.chain.x402.seller import SaleRequest  # noqa: PLC0415  # only where something is sold

    try:
        told = json.loads(body) if body else None
    except (ValueError, RecursionError):
        raise InvalidInput("The body is not JSON.") from None
    path = request.url.path
    url = f"{shop.public_url}{path}" if shop.public_url else str(request.url.replace(query=""))
    return SaleRequest(url, dict(request.headers), dict(request.query_params), told)


def _response(served: SaleResponse) -> Response:
    return Response(served.body, served.status, {**HEADERS, **served.headers}, served.content_type)


def _told(words: str) -> bytes:
    return json.dumps({"ok": False, "error": words}).encode()
