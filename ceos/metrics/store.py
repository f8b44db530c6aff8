"""The counts of casts in Redis: what was measured of each, and which measurements are due."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from typing import cast

from ceos.domain.base import from_ms
from ceos.domain.posts import Cast, CastMetrics
from ceos.storage.codec import pack, unpack
from ceos.storage.connection import Database, redis_errors

#: When a due measurement that no worker made is due again, in milliseconds.
RETRY_MS = 600_000

#: The times at which the casts of a run are measured, in hours after publication.
MEASURE_HOURS = (1, 6, 24, 168)


class MetricsStore:
    """Reads and writes the measurements of casts."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    def due_measurements(self, limit: int = 200) -> list[str]:
        """Return runs whose casts should be measured now, and make each due again later in case no worker does it."""
        return cast("list[str]", self._database.run_script("measure", limit, RETRY_MS))

    def cast_hashes(self, run_id: str) -> dict[str, list[CastMetrics]]:
        """Return the measurements so far of every cast of a published run."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:metrics:{run_id}"))
        return {hash: unpack_measurements(hash, row) for hash, row in rows.items()}

    def record_metrics(self, run_id: str, metrics: Iterable[CastMetrics], next_due_ms: int | None) -> None:
        """Append one measurement per cast, unless one of that minute is there, and set the time of the next or none."""
        known = self.cast_hashes(run_id)
        with redis_errors():
            pipe = self._client.pipeline()
            for item in metrics:
                if item.hash in known and not any(row.at >= _minute(item.at) for row in known[item.hash]):
                    pipe.hset(f"ceos:metrics:{run_id}", item.hash, pack_measurements((*known[item.hash], item)))
            if next_due_ms is None:
                pipe.zrem("ceos:measure", run_id)
            else:
                pipe.zadd("ceos:measure", {run_id: next_due_ms}, xx=True)
            pipe.execute()

    def measured_casts(self, agent_id: str) -> list[tuple[Cast, CastMetrics]]:
        """Return those of the agent's last 50 casts that were measured, each with its latest counts, newest first."""
        rows = cast("list[str]", self._database.run_script("numbers", agent_id))
        return [
            (one, unpack_measurements(one.hash, measured)[-1])
            for one, measured in zip(map(Cast.model_validate_json, rows[::2]), rows[1::2], strict=True)
        ]


def pack_measurements(rows: Iterable[CastMetrics]) -> str:
    """Return measurements of one cast as they are stored: to the minute, see `storage.codec`."""
    return pack(
        (int(row.at.timestamp()) // 60, (row.likes, row.recasts, row.replies, row.quotes))
        for row in sorted(rows, key=lambda row: row.at)
    )


def unpack_measurements(hash: str, text: str) -> list[CastMetrics]:
    """Return the measurements of the cast `hash`, oldest first."""
    # Until version 0.1 they were kept as JSON, for 30 days.
    if text.startswith("["):
        return [CastMetrics.model_validate(item) for item in json.loads(text)]
    return [
        CastMetrics(
            hash=hash,
            at=from_ms(minute * 60_000),
            likes=likes or 0,
            recasts=recasts or 0,
            replies=replies or 0,
            quotes=quotes,
        )
        for minute, (likes, recasts, replies, quotes) in unpack(text, 4)
    ]


def _minute(at: dt.datetime) -> dt.datetime:
    return at.replace(second=0, microsecond=0)
