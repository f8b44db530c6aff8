"""The public pages of agents: their ERC-8004 registration files, and the inputs of their scores on chain.

These documents are meant to be public, and nothing else is reachable here: an agent that is not registered has no page.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ceos.errors import NotFound

if TYPE_CHECKING:
    from ceos.chain.erc8004.anchoring import ScoreAnchors
    from ceos.chain.erc8004.identity import Identity

REGISTRATION = "/agents/{agent_id}/registration.json"
SCORE = "/agents/{agent_id}/scores/{epoch}.json"
#: Where ERC-8004 looks for the proof that a domain speaks for its agents.
DOMAIN = "/.well-known/agent-registration.json"
#: Explorers and other agents read the documents, also from their own web pages; a copy may be a minute old.
HEADERS = {
    "access-control-allow-origin": "*",
    "cache-control": "public, max-age=60",
    "x-content-type-options": "nosniff",
}


class Pages:
    """The documents, without their HTTP; each method raises `NotFound` for a document that is not public."""

    def __init__(self, identity: Identity, anchors: ScoreAnchors) -> None:
        self._identity = identity
        self._anchors = anchors

    def registration(self, agent_id: str) -> bytes:
        """Return an agent's registration file."""
        return _json(self._identity.public_file(agent_id))

    def domain(self) -> bytes:
        """Return the agents that belong to this domain."""
        return _json(self._identity.domain_file())

    def score(self, agent_id: str, epoch: str) -> bytes:
        """Return the inputs of a week's score on chain, byte for byte as they were hashed."""
        return self._anchors.public_text(agent_id, epoch)


def add_pages(app: FastAPI, pages: Pages, in_thread: Callable[..., Awaitable[Any]]) -> None:
    """Add the pages to the app."""

    @app.get(REGISTRATION)
    async def registration(agent_id: str) -> Response:
        return _document(await in_thread(pages.registration, agent_id))

    @app.get(DOMAIN)
    async def domain() -> Response:
        return _document(await in_thread(pages.domain))

    @app.get(SCORE)
    async def score(agent_id: str, epoch: str) -> Response:
        return _document(await in_thread(pages.score, agent_id, epoch))

    @app.exception_handler(NotFound)
    async def nothing(request: Request, error: NotFound) -> JSONResponse:
        # The message of the error is not shown: it names the existing agents.
        del request, error
        return JSONResponse({"ok": False, "error": "There is nothing here."}, 404)


def _document(body: bytes) -> Response:
    return Response(body, media_type="application/json", headers=HEADERS)


def _json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, indent=1).encode()
