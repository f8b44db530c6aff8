"""Measures what ceos promises about speed and memory, beside a bare Dramatiq message in the same run.

    scripts/bench.py                 everything
    scripts/bench.py start posts     only these: start, memory, ledger, posts, flight, schedule, sandbox, listen,
                                     mentions, learning, series, chain

Each figure is printed with its target. The simulated services run on the same cores; their
CPU time is counted apart.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from bench.chain import bench_chain
from bench.learning import bench_learning, bench_series
from bench.listening import AGENTS, HEARERS, LATENCY, bench_mentions, bench_polls
from bench.sandbox import bench_sandbox
from ceos.cli.demo.command import free_port
from ceos.domain.agent import Agent
from ceos.domain.lifecycle import RunStatus, Stage
from ceos.domain.posts import Draft, Kind, Part
from ceos.runs.ledger import Ledger
from ceos.runtime import Runtime
from ceos.settings import Settings
from ceos.storage.agents import revision_of
from ceos.supervisor import Fleet, simulator_command, simulator_environ, wait_until, worker_command

TICK = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Run the benchmarks asked for and print one line for each figure."""
    benches: dict[str, Callable[[], None]] = {
        "start": bench_start,
        "memory": bench_memory,
        "ledger": bench_ledger,
        "posts": bench_posts,
        "flight": bench_flight,
        "schedule": bench_schedule,
        "sandbox": lambda: bench_sandbox(figure),
        "listen": bench_listen,
        "learning": lambda: bench_learning(figure),
        "series": bench_numbers,
        "mentions": bench_all_mentions,
        "chain": lambda: bench_chain(figure),
    }
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(benches)}")
    options = parser.parse_args()
    for name in options.names or benches:
        benches[name]()
    return 0


def figure(what: str, value: float, unit: str, target: str = "") -> None:
    """Print one figure."""
    print(f"{what:<58} {value:>10,.2f} {unit:<10} {target}", flush=True)


# Processes


def cpu_seconds(pids: list[int]) -> float:
    """Return the CPU time, user and system, of these processes so far."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICK


def resident_mb(pids: list[int], field_name: str = "VmHWM") -> list[float]:
    """Return the memory of each of these processes, at its peak by default."""
    found = []
    for pid in pids:
        with contextlib.suppress(OSError, StopIteration):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            found.append(int(next(line for line in lines if line.startswith(field_name)).split()[1]) / 1024)
    return found


def children(pid: int) -> list[int]:
    """Return the direct children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@dataclass
class Bench:
    """A running system: simulator, embedded server and workers, on accelerated schedules or none."""

    runtime: Runtime
    url: str
    environ: dict[str, str]
    simulator: int
    fleet: Fleet | None = None
    workers: list[int] = field(default_factory=list)

    def start(self, processes: int, threads: int, module: str = "ceos.actors") -> None:
        """Start the workers and wait until they are at work."""
        self.fleet = Fleet(worker_command(processes, threads, module), self.environ, threads=threads)
        self.fleet.start()
        wait_until(lambda: self.runtime.ops.counts()["workers"] >= processes, 30)
        self.workers = children(self.fleet.pid or 0)

    @property
    def server(self) -> int:
        """The process id of Valkey."""
        info: Any = self.runtime.database.client.info("server")
        return int(info["process_id"])


@contextlib.contextmanager
def system(**services: Any) -> Iterator[Bench]:
    """Yield a system whose simulated services behave as told."""
    with tempfile.TemporaryDirectory(prefix="ceos-bench-") as folder:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        simulator = subprocess.Popen(
            simulator_command(port, 7, json.dumps(services)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CEOS_")},
            **simulator_environ(url),
            "CEOS_HOME": folder,
            "CEOS_LOG_LEVEL": "warning",
            "CEOS_LEASE_SECONDS": "60",
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }
        runtime = Runtime(Settings.from_env(environ, dotenv=None))
        bench = Bench(runtime, url, environ, simulator.pid)
        try:
            wait_until(lambda: _answers(url), 20)
            yield bench
        finally:
            if bench.fleet:
                bench.fleet.stop()
            simulator.kill()
            simulator.wait()
            runtime.close()


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/_sim/stats", timeout=1).ok
    except requests.RequestException:
        return False


def make_agents(count: int) -> list[Agent]:
    """Return agents that post once a year by themselves."""
    return [
        Agent.model_validate(
            {
                "id": f"agent{number:04d}",
                "name": f"Agent {number}",
                "fid": 7000 + number,
                "signer_uuid": f"00000000-0000-4000-8000-{7000 + number:012d}",
                "strategy": "balanced",
                "persona": {"bio": "One of many.", "tone": "dry", "topics": ["bridges", "clocks", "weather", "maps"]},
                "schedule": {"cron": "0 0 1 1 *"},
                "limits": {"casts_per_hour": 1000, "usd_per_day": 1000},
            }
        )
        for number in range(count)
    ]


# The figures


def bench_start() -> None:
    """Time `ceos --help` as a whole process."""
    command = [str(Path(sys.executable).parent / "ceos"), "--help"]
    times = []
    for _ in range(11):
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begun)
    figure("ceos --help, median of 11", statistics.median(times), "s", "< 0.3")


def bench_memory() -> None:
    """Weigh a worker process that has published, without chain use."""
    with system() as bench:
        bench.runtime.apply(make_agents(20))
        bench.start(1, 8)
        post_and_wait(bench, 20, kind=Kind.MEDIA)
        figure("worker process after 20 posts with pictures, peak RSS", max(resident_mb(bench.workers)), "MB", "< 90")


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
            _ledger_road(ledger, f"bench{number}", draft)
        figure("ledger steps of one post: CPU here", (time.process_time() - cpu) / count * 1000, "ms", "< 5")
        figure("ledger steps of one post: CPU in Valkey", (cpu_seconds([server]) - cpu_server) / count * 1000, "ms")
        figure("ledger steps of one post: elapsed", (time.perf_counter() - wall) / count * 1000, "ms", "< 10")


def _ledger_road(ledger: Ledger, key: str, draft: Draft) -> None:
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
    """Line up so many posts over all agents, wait until the last is out, and return the seconds that took."""
    ids = bench.runtime.agents.agent_ids()
    begun = time.perf_counter()
    for number in range(count):
        bench.runtime.ledger.create_run(ids[number % len(ids)], f"b{number}-{time.time_ns()}", kind=kind)
    if not wait_until(lambda: not bench.runtime.ops.counts()["open"], 300, look=0.1):
        raise SystemExit("The posts did not all come out.")
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
    wait_until(lambda: not broker.do_qsize("noop"), 120, look=0.02)
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


def bench_listen() -> None:
    """Poll the mentions of a thousand agents for five minutes."""
    with system(neynar={"latency_seconds": LATENCY}) as bench:
        bench_polls(bench, make_agents(AGENTS), figure, cpu_seconds)


def bench_numbers() -> None:
    """Weigh the time series of accounts."""
    with system() as bench:
        bench.runtime.apply(make_agents(100))
        bench_series(figure, bench.runtime)


def bench_all_mentions() -> None:
    """Decide about ten thousand mentions, each once."""
    with system() as bench:
        bench_mentions(bench, make_agents(HEARERS), figure)


def _timed(function: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun
