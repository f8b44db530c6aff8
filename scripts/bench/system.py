"""The system that the benchmarks measure, and the output of a figure."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from ceos.cli.demo.command import free_port
from ceos.domain.agent import Agent
from ceos.runtime import Runtime
from ceos.settings import Settings
from ceos.supervisor import Supervisor, simulator_command, simulator_environ, wait_until, worker_command

TICK = os.sysconf("SC_CLK_TCK")


def figure(what: str, value: float, unit: str, target: str = "") -> None:
    """Print one figure."""
    print(f"{what:<58} {value:>10,.2f} {unit:<10} {target}", flush=True)


def cpu_seconds(pids: list[int]) -> float:
    """Return the CPU time, user and system, of these processes so far."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICK


def resident_mb(pids: list[int], field_name: str = "VmHWM") -> list[float]:
    """Return the memory of each of these processes, by default at its peak."""
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
    """A running system: simulator, embedded server and workers."""

    runtime: Runtime
    url: str
    environ: dict[str, str]
    simulator: int
    supervisor: Supervisor | None = None
    workers: list[int] = field(default_factory=list)

    def start(self, processes: int, threads: int, module: str = "ceos.actors") -> None:
        """Start the workers and wait until they have registered."""
        self.supervisor = Supervisor(worker_command(processes, threads, module), self.environ, threads=threads)
        self.supervisor.start()
        wait_until(lambda: self.runtime.ops.counts()["workers"] >= processes, 60)
        self.workers = children(self.supervisor.pid or 0)

    def kill_workers(self) -> None:
        """Kill all workers and start new ones."""
        assert self.supervisor is not None
        self.supervisor.kill()
        self.supervisor.start()

    @property
    def server(self) -> int:
        """The process id of Valkey."""
        info: Any = self.runtime.database.client.info("server")
        return int(info["process_id"])


@contextlib.contextmanager
def system(**services: Any) -> Iterator[Bench]:
    """Yield a system whose simulated services have the given faults."""
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
            wait_until(lambda: _answers(url), 60)
            yield bench
        finally:
            if bench.supervisor:
                bench.supervisor.stop()
            simulator.kill()
            simulator.wait()
            runtime.close()


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/_sim/stats", timeout=1).ok
    except requests.RequestException:
        return False


def make_agents(count: int) -> list[Agent]:
    """Return agents whose schedule fires once a year."""
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
