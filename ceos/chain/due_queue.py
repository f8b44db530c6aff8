"""The background tasks of the chain features, ordered by the time at which they are due."""

from __future__ import annotations

from typing import cast

from ceos.storage.connection import Database, redis_errors

#: A sorted set: task id → due time in milliseconds. `chain_due.lua` claims from it.
KEY = "ceos:chain:due"


class DueQueue:
    """Tasks by id, such as transactions (`tx/…`) and subscriptions (`sub/…`), each until a feature removes it."""

    def __init__(self, database: Database) -> None:
        self._client = database.client

    def add(self, *task_ids: str) -> None:
        """Make tasks due at once, unless they are queued already."""
        if task_ids:
            with redis_errors():
                self._client.zadd(KEY, dict.fromkeys(task_ids, 0), nx=True)

    def postpone(self, task_id: str, seconds: float) -> None:
        """Make a queued task due again in so many seconds."""
        with redis_errors():
            at, micros = self._client.time()
            self._client.zadd(KEY, {task_id: at * 1000 + micros // 1000 + int(seconds * 1000)}, xx=True)

    def remove(self, task_id: str) -> None:
        """Remove a task."""
        with redis_errors():
            self._client.zrem(KEY, task_id)

    def task_ids(self) -> list[str]:
        """Return all queued tasks, the earliest due first."""
        with redis_errors():
            return cast("list[str]", self._client.zrange(KEY, 0, -1))
