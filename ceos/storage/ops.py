"""The installation as a whole: workers, the halt switch, hook counters and the configuration of the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from ceos.errors import StoreMisconfigured
from ceos.storage.connection import Database, redis_errors

#: A worker process not seen for this long is not counted as running.
WORKER_SEEN_MS = 30_000


@dataclass(frozen=True)
class HookCount:
    """Calls of one plugin in one hook, over all processes."""

    calls: int = 0
    failures: int = 0
    seconds: float = 0.0


class OpsStore:
    """Reads and writes the data that concerns all agents and processes."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._client = database.client

    def check_configuration(self) -> None:
        """Raise `StoreMisconfigured` unless Redis has an append-only file and evicts nothing."""
        with redis_errors():
            persistence = self._client.info("persistence")
            memory = self._client.info("memory")
        if not persistence.get("aof_enabled"):
            raise StoreMisconfigured(
                "Redis has no append-only file, so a restart would lose posts: set 'appendonly yes' in its "
                "configuration (or run CONFIG SET appendonly yes)."
            )
        policy = memory.get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            raise StoreMisconfigured(
                f"Redis may evict records (maxmemory-policy {policy}): set 'maxmemory-policy noeviction' in its "
                "configuration (or run CONFIG SET maxmemory-policy noeviction)."
            )

    def counts(self) -> dict[str, int]:
        """Return the numbers of open, parked, dead and unmeasured runs, of due agents and of running workers."""
        now = self.database.now_ms()
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            for name in ("open", "review", "dead", "measure", "due"):
                pipe.zcard(f"ceos:{name}")
            pipe.zcount("ceos:workers", now - WORKER_SEEN_MS, "+inf")
            pipe.exists("ceos:panic")
            values = pipe.execute()
        return dict(zip(("open", "review", "dead", "measure", "due", "workers", "panic"), values, strict=True))

    # Workers

    def note_worker(self, name: str) -> None:
        """Record that this worker process is running."""
        now = self.database.now_ms()
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            pipe.zadd("ceos:workers", {name: now})
            pipe.zremrangebyscore("ceos:workers", "-inf", now - 10 * WORKER_SEEN_MS)
            pipe.execute()

    def forget_worker(self, name: str) -> None:
        """Record that this worker process has stopped."""
        with redis_errors():
            self._client.zrem("ceos:workers", name)

    # The halt switch

    def set_panic(self, reason: str | None) -> None:
        """Halt all publishing with a reason, or let it continue with None."""
        with redis_errors():
            if reason is not None:
                self._client.set("ceos:panic", reason or "panic")
                return
            self._client.delete("ceos:panic")
        self.wake_runs()

    def wake_runs(self) -> int:
        """Make every open run due now, and return their number."""
        with redis_errors():
            waiting = cast("list[str]", self._client.zrange("ceos:open", 0, -1))
            if waiting:
                self._client.zadd("ceos:open", dict.fromkeys(waiting, 0), xx=True)
        return len(waiting)

    def panic_reason(self) -> str | None:
        """Return the reason why publishing is halted, or None while it is not."""
        with redis_errors():
            return cast("str | None", self._client.get("ceos:panic"))

    # Plugins

    def keep_changes(self, seconds: int) -> None:
        """Have changes of state kept for the plugins of this process, for the given time."""
        with redis_errors():
            self._client.set("ceos:listeners", 1, ex=seconds)

    def count_hook(self, plugin: str, hook: str, micros: int, failures: int, calls: int = 1) -> None:
        """Count calls of a plugin's hook, one by default."""
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            for counter, amount in (("calls", calls), ("micros", micros), ("failures", int(failures))):
                if amount:
                    pipe.hincrby("ceos:hooks", f"{counter} {hook} {plugin}", amount)
            pipe.execute()

    def hook_counts(self) -> dict[tuple[str, str], HookCount]:
        """Return the counts by plugin and hook."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall("ceos:hooks"))
        counts: dict[tuple[str, str], dict[str, int]] = {}
        for name, value in rows.items():
            counter, hook, plugin = name.split(" ", 2)
            counts.setdefault((plugin, hook), {})[counter] = int(value)
        return {
            place: HookCount(found.get("calls", 0), found.get("failures", 0), found.get("micros", 0) / 1e6)
            for place, found in counts.items()
        }
