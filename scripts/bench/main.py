"""Measures the speed and memory that ceos promises, beside a bare Dramatiq message in the same run.

    scripts/bench.py                 everything
    scripts/bench.py start posts     only these: start, memory, ledger, posts, flight, schedule, sandbox, listen,
                                     mentions, learning, series, chain, models, guardrails, cost

Each figure is printed with its target. The simulated services run on the same cores; their CPU time is counted apart.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from bench.chain import bench_chain
from bench.cost import bench_cost
from bench.guardrails import bench_guardrails
from bench.learning import bench_learning, bench_series
from bench.listening import bench_mentions, bench_polls
from bench.models import bench_models
from bench.posts import bench_flight, bench_ledger, bench_posts
from bench.sandbox import bench_sandbox
from bench.schedule import bench_schedule
from bench.start import bench_memory, bench_start

BENCHES: dict[str, Callable[[], None]] = {
    "start": bench_start,
    "memory": bench_memory,
    "ledger": bench_ledger,
    "posts": bench_posts,
    "flight": bench_flight,
    "schedule": bench_schedule,
    "sandbox": bench_sandbox,
    "listen": bench_polls,
    "learning": bench_learning,
    "series": bench_series,
    "mentions": bench_mentions,
    "chain": bench_chain,
    "models": bench_models,
    "guardrails": bench_guardrails,
    "cost": bench_cost,
}


def main() -> int:
    """Run the named benchmarks, or all, and print one line for each figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage="%(prog)s [-h] [NAME ...]"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*BENCHES, []], help=", ".join(BENCHES))
    for name in parser.parse_args().names or BENCHES:
        BENCHES[name]()
    return 0
