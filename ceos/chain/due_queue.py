"""What goes on on chain, and when somebody must see to it next."""

from __future__ import annotations

from typing import cast

from ceos.storage.connection import Database, redis_errors


class Agenda:
    """The names of transactions (`tx/…`), subscriptions (`sub/…`) and the like by the time they are due."""

    def __init__(self, database: Database) -> None:
        self._client = database.client

    def add(self, *names: str) -> None:
        """Have names seen to at once, unless they are on the agenda already."""
        if names:
            with redis_errors():
                self._client.zadd("ceos:chain:due", dict.fromkeys(names, 0), nx=True)

    def put_off(self, name: str, seconds: float) -> None:
        """Have a name seen to again in so many seconds, if it is on the agenda still."""
        with redis_errors():
            at, micros = self._client.time()
            self._client.zadd("ceos:chain:due", {name: at * 1000 + micros // 1000 + int(seconds * 1000)}, xx=True)

    def remove(self, name: str) -> None:
        """Take a name off the agenda."""
        with redis_errors():
            self._client.zrem("ceos:chain:due", name)

    def names(self) -> list[str]:
        """Return everything on the agenda, what is due first."""
        with redis_errors():
            return cast("list[str]", self._client.zrange("ceos:chain:due", 0, -1))
