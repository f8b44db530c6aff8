"""Benchmarks of a start: the time of `ceos --help` and the memory of a worker process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.posts import post_and_wait
from bench.system import figure, make_agents, resident_mb, system
from ceos.domain.posts import Kind


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
    """Measure the memory of a worker process that has published, without chain use."""
    with system() as bench:
        bench.runtime.apply(make_agents(20))
        bench.start(1, 8)
        post_and_wait(bench, 20, kind=Kind.MEDIA)
        figure("worker process after 20 posts with pictures, peak RSS", max(resident_mb(bench.workers)), "MB", "< 90")
