"""Benchmarks of the sandbox, beside a bare fork and a fresh interpreter in the same run."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from bench.system import figure
from ceos.sandbox.executor import Sandbox, SandboxLimits

TRIVIAL = "def run(ctx, params):\n    return params['n'] + 1\n"
BROKERED = """
def run(ctx, params):
    return [ctx.memory_get(str(n)) for n in range(5)]
"""
#: Thirty lines as an author would write them.
REAL = '''
import json
import re
from collections import Counter

WORD = re.compile(r"[a-z']+")
DULL = {"the", "a", "an", "and", "of", "to", "in", "is", "it", "that", "over"}


def words(text):
    """Return the words that carry meaning."""
    return [word for word in WORD.findall(text.lower()) if word not in DULL]


def score(counts, weights):
    total = 0.0
    for word, count in counts.items():
        total += count * weights.get(word, 1)
    return round(total, 2)


def run(ctx, params):
    weights = json.loads(params["weights"])
    found = []
    for line in params["text"].splitlines():
        counts = Counter(words(line))
        if not counts:
            continue
        best, often = counts.most_common(1)[0]
        found.append({"line": line[:40], "best": best, "often": often, "score": score(counts, weights)})
    found.sort(key=lambda row: -row["score"])
    return {"rows": found, "summary": f"{len(found)} lines, best: {found[0]['best']}"}
'''
REAL_PARAMS = {
    "text": "\n".join("The quick brown fox jumps over the lazy dog and the other dog barks at it" for _ in range(10)),
    "weights": '{"fox": 2.5, "dog": 0.5}',
}

#: Forks, ends and reaps processes of the same size as the zygote; the argument is their number.
_BARE_FORKS = """
import gc, os, sys, time
sys.path[:] = {path!r}
from ceos.sandbox import child
child.prepare(True)
gc.collect(); gc.freeze()
times = []
for _ in range(int(sys.argv[1])):
    time.sleep(0.01)
    begun = time.perf_counter()
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    times.append(time.perf_counter() - begun)
print(sorted(times)[len(times) // 2] * 1000)
"""
#: A call that starts its own interpreter.
_FRESH = """
import sys
sys.path[:] = {path!r}
from ceos.sandbox import guards, policy
code = policy.compile_skill({source!r})
namespace = guards.make_globals(guards.Output(), "")
exec(code, namespace)
print(namespace["run"](None, {{"n": 1}}))
"""


def bench_sandbox() -> None:
    """Measure the start, paced calls, calls back to back, and the memory of a waiting child."""
    sandbox = Sandbox(spares=2)
    try:
        begun = time.perf_counter()
        sandbox.warm()
        figure("sandbox: start of the zygote", (time.perf_counter() - begun) * 1000, "ms", "<= 250")
        forks = float(_python(_BARE_FORKS.format(path=_places()), "300"))
        trivial = _paced(sandbox, TRIVIAL, {"n": 1})
        fresh = _fresh_interpreters()
        median = statistics.median(trivial)
        figure("bare fork, exit and waitpid of the same zygote, median", forks, "ms")
        figure("trivial call, paced, median", median, "ms", "<= 1.5, and faster than the bare fork")
        figure("trivial call, paced, p99", _p99(trivial), "ms", "<= 5")
        figure("fresh interpreter for each call, median", fresh, "ms")
        figure("a fresh interpreter against a call", fresh / median, "times", ">= 50")
        brokered = _paced(sandbox, BROKERED, {}, grants=("memory",), host=_host)
        figure("five brokered calls add", statistics.median(brokered) - median, "ms", "<= 0.7")
        real = statistics.median(_paced(sandbox, REAL, REAL_PARAMS))
        figure("a 30-line skill with re, json and Counter, median", real, "ms", "<= 3.5")
        figure("a feed of 100 items and 160 KB, read in a child, median", _feed_ms(sandbox), "ms")
        figure("calls back to back, from two callers", _back_to_back(sandbox), "calls/s", ">= 400")
        time.sleep(0.5)
        figure("private memory of a waiting child", _spare_mb(), "MB", "<= 1")
    finally:
        sandbox.close()


def _feed_ms(sandbox: Sandbox, count: int = 20) -> float:
    """Return the milliseconds of reading a feed."""
    text = "<p>The quick brown fox &amp; the lazy dog.</p>" * 32
    items = (f"<item><title>Item {n}</title><description><![CDATA[{text}]]></description></item>" for n in range(100))
    feed = f"<rss version='2.0'><channel>{''.join(items)}</channel></rss>".encode()
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        sandbox.read_document("feed", feed, url="https://example.org/", content_type="", label="", seconds=30)
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


def _host(method: str, args: list[Any], kwargs: dict[str, Any], deadline: float) -> Any:
    del method, kwargs, deadline
    return args[0]


def _paced(sandbox: Sandbox, source: str, params: dict[str, Any], count: int = 400, **options: Any) -> list[float]:
    """Return the milliseconds of calls that come one at a time."""
    sandbox.run(source, params, **options)
    times = []
    for _ in range(count):
        time.sleep(0.01)
        begun = time.perf_counter()
        sandbox.run(source, params, **options)
        times.append((time.perf_counter() - begun) * 1000)
    return times


def _back_to_back(sandbox: Sandbox, count: int = 600) -> float:
    """Return the calls per second of two threads."""

    def call() -> None:
        for _ in range(count):
            sandbox.run(TRIVIAL, {"n": 1}, limits=SandboxLimits(seconds=10))

    threads = [threading.Thread(target=call) for _ in range(2)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 2 * count / (time.perf_counter() - begun)


def _fresh_interpreters(count: int = 10) -> float:
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        _python(_FRESH.format(path=_places(), source=TRIVIAL))
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


def _spare_mb() -> float:
    """Return the private memory of a waiting child beyond what it shares with its zygote; only root may read it."""
    sizes = []
    for pid in _leaves(os.getpid()):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        rows = dict(line.split(":", 1) for line in lines[1:])
        sizes.append(sum(int(rows[name].split()[0]) for name in ("Private_Clean", "Private_Dirty")) / 1024)
    return max(sizes)


def _leaves(pid: int) -> list[int]:
    """Return the descendants of a process that have no children: here, the children that wait for a call."""
    lists = [(task / "children").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir()]
    children = [int(child) for each in lists for child in each]
    return [leaf for child in children for leaf in _leaves(child) or [child]]


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


def _places() -> list[str]:
    return [str(Path(__file__).parents[2]), *(place for place in sys.path if place)]


def _python(program: str, *arguments: str) -> str:
    command = [sys.executable, "-I", "-S", "-c", program, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
