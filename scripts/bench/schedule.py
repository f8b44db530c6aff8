"""Benchmark of the scheduler: ticks without work, and many agents that are due at once."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.system import figure, make_agents, system
from ceos.domain.lifecycle import Stage
from ceos.storage.agents import revision_of


def bench_schedule() -> None:
    """Fire 20,000 due agents, and tick over as many that are not due."""
    count = 20_000
    with system() as bench:
        agent = make_agents(1)[0]
        database, now = bench.runtime.database, bench.runtime.clock.now_ms()
        pipe = database.client.pipeline(transaction=False)
        config = agent.model_copy(update={"schedule": agent.schedule.model_copy(update={"cron": ("* * * * *",)})})
        for number in range(count):
            name = f"s{number}"
            text = config.model_copy(update={"id": name}).model_dump_json()
            pipe.set(f"ceos:config:{name}", text)
            pipe.hset(
                f"ceos:agent:{name}",
                mapping={"rev": revision_of(text), "state": "idle", "slot": now // 60_000 * 60_000},
            )
            pipe.zadd("ceos:due", {name: now + 3_600_000})
        pipe.execute()
        sent: list[tuple[str, Stage]] = []
        scheduler = bench.runtime.scheduler(sent.extend, lambda: 2_000)
        times = [_timed(scheduler.tick) for _ in range(200)]
        figure(f"idle tick over {count:,} agents, median", statistics.median(times) * 1000, "ms", "one round trip")
        database.client.zunionstore("ceos:due", {"ceos:due": 0})
        begun = time.perf_counter()
        while scheduler.tick():
            pass
        figure(
            "agents fired per second, configurations read for the first time",
            count / (time.perf_counter() - begun),
            "agents/s",
        )


def _timed(function: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun
