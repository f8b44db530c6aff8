"""OpenRouter's catalogue of models in Redis: read by one process, shared by all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

from ceos.storage.connection import Database, redis_errors

#: The longest time of one reading, in seconds; after it another process may read.
MAX_REFRESH_SECONDS = 60


class CatalogueStore:
    """Reads and writes the shared catalogue.

    It takes a function that returns the database, because the client of OpenRouter also works without one.
    """

    def __init__(self, database: Callable[[], Database]) -> None:
        self._database = database

    def load_newer(self, than: float) -> tuple[float, Any] | None:
        """Return the catalogue with the time of its reading (seconds since 1970), if it is newer than `than`."""
        client = self._database().client
        with redis_errors():
            at = cast("str | None", client.hget("ceos:models", "at"))
            if at is None or float(at) <= than:
                return None
            at, rows = cast("list[str | None]", client.hmget("ceos:models", ["at", "rows"]))
        return (float(at), json.loads(rows)) if at and rows else None

    def save(self, at: float, body: Any) -> None:
        """Store a catalogue that was read at this time."""
        client = self._database().client
        with redis_errors():
            client.hset("ceos:models", mapping={"at": at, "rows": json.dumps(body, separators=(",", ":"))})
            client.delete("ceos:models:turn")

    def claim_refresh(self) -> bool:
        """Claim the next reading; return False while another process reads."""
        client = self._database().client
        with redis_errors():
            return bool(client.set("ceos:models:turn", 1, nx=True, ex=MAX_REFRESH_SECONDS))
