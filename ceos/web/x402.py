"""The HTTP side of sales over x402: `/x402/{agent}/{skill}`, by GET with a query or by POST with a JSON object."""

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
#: How many payments are served at once: each waits for a facilitator and for a skill. Further ones are queued.
THREADS = 4
#: Responses are not cached, because they belong to one buyer, and pages of other origins may read them.
HEADERS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
}


def add_seller(
    app: FastAPI,
    seller: Seller,
    in_thread: Callable[..., Awaitable[Any]],
    read_body: Callable[[Request], Awaitable[bytes]],
) -> None:
    """Add the route of the offers to the app.

    `in_thread` is for calls that only wait for Redis, and times out soon; payments are served by threads of their own.
    """
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="ceos-x402")

    @app.api_route(PATH, methods=["GET", "POST"])
    async def serve(agent: str, skill: str, request: Request) -> Response:
        try:
            sale = _sale_request(seller, request, await read_body(request) if request.method == "POST" else b"")
        except InvalidInput as error:
            body = json.dumps({"ok": False, "error": str(error)}).encode()
            return Response(body, 400, HEADERS, "application/json")
        if not seller.has_payment(sale.headers):
            return _response(await in_thread(seller.serve, agent, skill, sale))
        # A buyer who disconnects does not cancel the sale: a payment that is being served is served to the end.
        work = asyncio.get_running_loop().run_in_executor(pool, seller.serve, agent, skill, sale)
        return _response(await asyncio.shield(work))


def _sale_request(seller: Seller, request: Request, body: bytes) -> SaleRequest:
    from ceos.chain.x402.seller import SaleRequest  # noqa: PLC0415  # heavy, and only needed where there are offers

    try:
        parameters = json.loads(body) if body else None
    except (ValueError, RecursionError):
        raise InvalidInput("The body is not JSON.") from None
    path = request.url.path
    url = f"{seller.public_url}{path}" if seller.public_url else str(request.url.replace(query=""))
    return SaleRequest(url, dict(request.headers), dict(request.query_params), parameters)


def _response(sale: SaleResponse) -> Response:
    return Response(sale.body, sale.status, {**HEADERS, **sale.headers}, sale.content_type)
