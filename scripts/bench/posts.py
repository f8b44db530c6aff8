"""Benchmarks of publishing: the ledger's steps alone, whole posts, and many posts in flight."""

from __future__ import annotations

import os
import time
from typing import Any

from bench.system import Bench, cpu_seconds, figure, make_agents, resident_mb, system
from ceos.domain.lifecycle import RunStatus, Stage
from ceos.domain.posts import Draft, Kind, Part
from ceos.runs.ledger import Ledger
from ceos.supervisor import wait_until


def bench_ledger() -> None:
    """Time the ledger's own steps of one post, without any service."""
    with system() as bench:
        ledger = Ledger(bench.runtime.database)
        bench.runtime.apply(make_agents(1))
        draft = Draft(
            kind=Kind.ORIGINAL, topic="bench", parts=(Part(text="One cast of an ordinary length, for the ledger."),)
        )
        count = 500
        server, cpu, wall = bench.server, time.process_time(), time.perf_counter()
        cpu_server = cpu_seconds([server])
        for number in range(count):
            _ledger_steps(ledger, f"bench{number}", draft)
        figure("ledger steps of one post: CPU here", (time.process_time() - cpu) / count * 1000, "ms", "< 5")
        figure("ledger steps of one post: CPU in Valkey", (cpu_seconds([server]) - cpu_server) / count * 1000, "ms")
        figure("ledger steps of one post: elapsed", (time.perf_counter() - wall) / count * 1000, "ms", "< 10")


def _ledger_steps(ledger: Ledger, key: str, draft: Draft) -> None:
    run = ledger.create_run("agent0000", key)
    lease = ledger.begin_stage(run, Stage.WRITE)
    assert lease is not None
    ledger.advance_run(lease, RunStatus.ILLUSTRATED, draft)
    lease = ledger.begin_stage(run, Stage.PUBLISH)
    assert lease is not None
    ledger.record_sending(lease, 0)
    ledger.record_sent(lease, 0, "0x" + "0" * 40)
    ledger.finish_run(lease, RunStatus.PUBLISHED, draft=draft)


def post_and_wait(bench: Bench, count: int, *, kind: Kind | None = None) -> float:
    """Create posts over all agents, wait until the last is published, and return the seconds that took."""
    ids = bench.runtime.agents.agent_ids()
    begun = time.perf_counter()
    for number in range(count):
        bench.runtime.ledger.create_run(ids[number % len(ids)], f"b{number}-{time.time_ns()}", kind=kind)
    if not wait_until(lambda: not bench.runtime.ops.counts()["open"], 300, interval=0.1):
        raise SystemExit("Not all posts were published within 300 s.")
    return time.perf_counter() - begun


def bench_posts() -> None:
    """Publish as fast as possible with services that answer at once, beside bare Dramatiq messages."""
    count = 1500
    with system() as bench:
        bench.runtime.apply(make_agents(300))
        bench.start(2, 4, "bench.actors")
        post_and_wait(bench, 200, kind=Kind.ORIGINAL)
        cpu, services, server = cpu_seconds(bench.workers), cpu_seconds([bench.simulator]), cpu_seconds([bench.server])
        seconds = post_and_wait(bench, count, kind=Kind.ORIGINAL)
        figure("posts published per second, instant services", count / seconds, "posts/s", ">= 120")
        figure("CPU of the workers per post", (cpu_seconds(bench.workers) - cpu) / count * 1000, "ms", "< 9")
        figure("CPU of Valkey per post", (cpu_seconds([bench.server]) - server) / count * 1000, "ms")
        figure(
            "CPU of the simulated services per post", (cpu_seconds([bench.simulator]) - services) / count * 1000, "ms"
        )
        figure("worker process, peak RSS", max(resident_mb(bench.workers)), "MB")
        bench_noop(bench)


def bench_noop(bench: Bench) -> None:
    """Send bare Dramatiq messages through the same workers."""
    os.environ.update(bench.environ)
    from bench import actors  # builds its broker from the variables just set

    broker: Any = actors.broker
    count = 3000
    cpu, begun = cpu_seconds(bench.workers), time.perf_counter()
    for _ in range(count // 500):
        broker.enqueue_many([actors.noop.message() for _ in range(500)])
    wait_until(lambda: not broker.do_qsize("noop"), 120, interval=0.02)
    figure("bare Dramatiq no-op messages per second", count / (time.perf_counter() - begun), "msg/s")
    figure("CPU of the workers per no-op message", (cpu_seconds(bench.workers) - cpu) / count * 1000, "ms")


def bench_flight() -> None:
    """Keep 200 posts in flight at services that take two seconds."""
    with system(openrouter={"latency_seconds": 2}, neynar={"latency_seconds": 2}) as bench:
        bench.runtime.apply(make_agents(400))
        bench.start(2, 100)
        seconds = post_and_wait(bench, 400, kind=Kind.ORIGINAL)
        figure("400 posts, 200 in flight at 2 s of latency", seconds, "s", "8 at best")
        figure("both worker processes together, peak RSS", sum(resident_mb(bench.workers)), "MB", "< 500")
