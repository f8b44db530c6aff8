"""Benchmarks of a start: the time and CPU of short commands, and the memory of a worker process."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.posts import post_and_wait
from bench.system import figure, make_agents, resident_mb, system
from ceos.domain.posts import Kind

#: The commands that need only Redis.
SHORT_COMMANDS = ("agent list", "status", "draft list", "dead list", "panic", "unpanic")
#: Runs of each command.
RUNS = 11


def bench_start() -> None:
    """Time `ceos --help` as a whole process, and the CPU of the commands that need only Redis."""
    times = [_run("--help")[0] for _ in range(RUNS)]
    figure(f"ceos --help, median of {RUNS}", statistics.median(times), "s", "< 0.3")
    with system() as bench:
        bench.runtime.apply(make_agents(5))
        for command in SHORT_COMMANDS:
            cpu = [_run(*command.split(), environ=bench.environ)[1] for _ in range(RUNS)]
            figure(f"ceos {command}, CPU, median of {RUNS}", statistics.median(cpu), "s", "<= 0.35")


def _run(*arguments: str, environ: dict[str, str] | None = None) -> tuple[float, float]:
    """Run one command and return its time and its CPU time, in seconds."""
    command = [str(Path(sys.executable).parent / "ceos"), *arguments]
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begun, cpu


def bench_memory() -> None:
    """Measure the memory of a worker process that has published, without chain use."""
    with system() as bench:
        bench.runtime.apply(make_agents(20))
        bench.start(1, 8)
        post_and_wait(bench, 20, kind=Kind.MEDIA)
        figure("worker process after 20 posts with pictures, peak RSS", max(resident_mb(bench.workers)), "MB", "< 90")
