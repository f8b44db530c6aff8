#!/usr/bin/env python3
"""Benchmark of chain events: a hundred thousand events of fifty thousand blocks, each delivered once.

scripts/bench.py chain                 speed and memory of a back-fill, and the same blocks with kills and re-orgs
python -m bench.chain --proof BLOCKS   a smaller one with two kills and one re-org, as JSON
python -m bench.chain NAME             follows the subscription NAME, as one process of the benchmark
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import requests

from bench.generated_chain import CHAIN_ID, CONTRACT, EVENT, GeneratedChain
from bench.system import figure
from ceos.chain.config.contracts import Contracts
from ceos.chain.config.models import ChainConfig
from ceos.chain.due_queue import DueQueue
from ceos.chain.events.follower import Follower, FollowerDeps
from ceos.chain.events.store import EventStore
from ceos.cli.demo.command import free_port
from ceos.runtime import Runtime
from ceos.sandbox.kernel import die_with_parent, is_linux
from ceos.settings import Settings
from ceos.supervisor import wait_until

BLOCKS, CONFIRMATIONS = 50_000, 3
#: The longest wait for one condition.
MAX_WAIT_SECONDS = 900
#: The plugin of the benchmark: writes each event into a file, and reads the file when an event may be repeated.
PLUGIN = """
import os, time
import ceos

PATH = os.environ["BENCH_JOURNAL"]
FILE = os.open(PATH, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

@ceos.hookimpl
def chain_event(subscription, event):
    line = f"{'-' if event.removed else '+'}{event.id}\\n"
    if event.repeated:
        open(PATH + ".repeated", "a").write(line)
        lines = open(PATH).read().split()
        is_there = lines.count(f"+{event.id}") > lines.count(f"-{event.id}")
        if is_there != event.removed:
            return
    if event.removed:
        time.sleep(0.02)  # so that a kill has a chance
    os.write(FILE, line.encode())
"""


def bench_chain() -> None:
    """Back-fill without and with kills and re-orgs."""
    with _system(_head(BLOCKS)) as system:
        process = system.follow("swift")
        report = json.loads(process.communicate(timeout=300)[0])
        figure(f"events of {BLOCKS:,} blocks delivered", report["events"], "events", f"{2 * BLOCKS:,}")
        figure("events per second, with a plugin", report["events"] / report["seconds"], "events/s", "> 5,000")
        figure("CPU of the process per 1,000 events", report["cpu"] / report["events"] * 1e6, "ms")
        figure("memory of the process before", report["before_mb"], "MB")
        figure("memory growth, at its peak", report["peak_mb"] - report["before_mb"], "MB", "< 30")
        figure("events missing, doubled or invented", system.wrong("swift"), "events", "0")
    with _system(_head(8_000)) as system:
        # For each stage: the blocks the chain grows to, and the number of blocks that are replaced then.
        found = _with_kills(system, ((18_000, 8), (34_000, 5), (BLOCKS, 8)))
        what = f"the same with {found['kills']} x kill -9 and {found['reorgs']} re-orgs"
        figure(f"{what}: delivered", found["handed"], "events")
        figure("announced as removed", found["removed"], "events")
        figure("delivered again and marked so", found["repeated"], "events")
        figure("events missing, doubled or invented", found["wrong"], "events", "0")


def proof(blocks: int) -> dict[str, int]:
    """Follow a small chain with two kills and a re-org, and return the counts."""
    with _system(_head(blocks // 5)) as system:
        return _with_kills(system, ((blocks, 8),))


def _with_kills(system: _System, stages: Sequence[tuple[int, int]]) -> dict[str, int]:
    """Follow the chain while it grows and its end is replaced, and kill the process during both."""
    chance, kills, name = random.Random(7), 0, "hard"
    process = system.follow(name)
    for blocks, depth in stages:
        _wait(partial(system.is_done, name), interval=0.02)
        lines, more = system.lines(name), 2 * _head(blocks) - 2 * system.chain.head
        system.rpc("test_head", _head(blocks))
        enough = lines + chance.randrange(more // 5, more // 2)
        _wait(partial(system.has, name, enough + 1), interval=0.005)
        process, kills = system.kill(process, name), kills + 1
        _wait(partial(system.is_done, name), interval=0.02)
        lines = system.lines(name)
        system.rpc("test_reorg", depth)
        if depth == 8:
            enough = lines + chance.randrange(1, 9)
            _wait(partial(system.has, name, enough), interval=0.005)
            process, kills = system.kill(process, name), kills + 1
        _wait(partial(system.is_done, name), interval=0.02)
    process.kill()
    process.wait()
    counts = Counter(line[0] for line in system.journal(name))
    return {
        "kills": kills,
        "reorgs": len(system.chain.reorgs),
        "handed": counts["+"],
        "removed": counts["-"],
        "repeated": system.repeated(name),
        "wrong": system.wrong(name),
    }


def _wait(condition: Callable[[], object], interval: float = 0.05) -> None:
    """Wait for a condition; the time limit only ends a benchmark that hangs, however busy the machine is."""
    if not wait_until(condition, MAX_WAIT_SECONDS, interval=interval):
        raise SystemExit(f"The benchmark has waited for {MAX_WAIT_SECONDS} seconds in vain.")


def _head(blocks: int) -> int:
    """Return the head of a chain in which this many blocks are confirmed."""
    return blocks + CONFIRMATIONS - 1


class _System:
    """A node, Redis, and processes that follow."""

    def __init__(self, folder: str, head: int) -> None:
        self.folder = Path(folder)
        self.port = free_port()
        self.chain = GeneratedChain(head)
        script = str(Path(__file__).parent / "generated_chain.py")
        self._processes: list[subprocess.Popen[Any]] = []
        self._start([sys.executable, script, str(self.port), str(head)])
        (self.folder / "plugins").mkdir()
        (self.folder / "plugins" / "journal.py").write_text(PLUGIN)
        self.environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith("CEOS_")},
            "CEOS_HOME": folder,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "CEOS_SKILL_PATH": str(self.folder / "plugins"),
            "CEOS_LOG_LEVEL": "error",
            "CEOS_LEASE_SECONDS": "2",
            "BASE_RPC_URL": f"http://127.0.0.1:{self.port}",
        }
        self.runtime = Runtime(Settings.from_env(self.environ | {"CEOS_SKILL_PATH": ""}, dotenv=None))

    def rpc(self, method: str, *params: Any) -> Any:
        """Call the node, and apply the call to our copy of its chain."""
        self.chain.answer(method, list(params))
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return requests.post(f"http://127.0.0.1:{self.port}", json=body, timeout=30).json()["result"]

    def follow(self, name: str) -> subprocess.Popen[str]:
        """Start a process that follows."""
        environ = {**self.environ, "BENCH_JOURNAL": str(self.folder / name)}
        command = [sys.executable, "-m", "bench.chain", name]
        return self._start(command, env=environ, stdout=subprocess.PIPE, text=True)

    def _start(self, command: list[str], **options: Any) -> subprocess.Popen[Any]:
        process = subprocess.Popen(command, **options)
        self._processes.append(process)
        return process

    def close(self) -> None:
        """End every process, and the server with the last user."""
        for process in self._processes:
            process.kill()
            process.wait()
        self.runtime.close()

    def kill(self, process: subprocess.Popen[str], name: str) -> subprocess.Popen[str]:
        """Kill a process and start another."""
        process.send_signal(signal.SIGKILL)
        process.wait()
        return self.follow(name)

    def journal(self, name: str, last: int = 0) -> list[str]:
        """Return the words that the plugin has written, or those of about the `last` bytes."""
        path = self.folder / name
        if not path.exists():
            return []
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - last) if last else 0)
            return file.read().decode().split()

    def lines(self, name: str) -> int:
        """Return the number of lines, which all have one length."""
        path = self.folder / name
        return path.stat().st_size // 70 if path.exists() else 0

    def has(self, name: str, lines: int) -> bool:
        """Say whether the plugin has written this many lines."""
        return self.lines(name) >= lines

    def is_done(self, name: str) -> bool:
        """Say whether every confirmed event of the chain has been delivered."""
        last = self.chain.head - CONFIRMATIONS
        wanted = {f"+{one}" for one in self.chain.event_ids(last, last)}
        (state,) = _follower(self.runtime, name).state()
        return state.next_block == last + 1 and not state.lag and wanted <= set(self.journal(name, 10_000))

    def wrong(self, name: str) -> int:
        """Count events that are missing, doubled, or removed without having been delivered."""
        there: set[str] = set()
        mistakes = 0
        for line in self.journal(name):
            sign, one = line[0], line[1:]
            mistakes += (one in there) == (sign == "+")
            (there.add if sign == "+" else there.discard)(one)
        return mistakes + len(there ^ self.chain.event_ids(0, self.chain.head - CONFIRMATIONS))

    def repeated(self, name: str) -> int:
        """Return the number of events that were delivered as possible repetitions."""
        path = self.folder / f"{name}.repeated"
        return len(path.read_text().split()) if path.exists() else 0

    def answers(self) -> bool:
        """Say whether the node answers."""
        try:
            return bool(requests.post(f"http://127.0.0.1:{self.port}", json=[], timeout=30).ok)
        except requests.RequestException:
            return False


@contextmanager
def _system(head: int) -> Iterator[_System]:
    with tempfile.TemporaryDirectory(prefix="ceos-bench-") as folder:
        system = _System(folder, head)
        try:
            system.runtime.database.ping()
            _wait(system.answers)
            yield system
        finally:
            system.close()


def _follower(runtime: Runtime, name: str) -> Follower:
    from ceos.evm.client import EvmClient

    subscription = {"name": name, "contract": CONTRACT, "event": EVENT, "from_block": 0, "confirmations": CONFIRMATIONS}
    config = ChainConfig.model_validate({"subscription": [subscription]})
    client = EvmClient(runtime.settings.rpc_urls(), CHAIN_ID)
    return Follower(
        FollowerDeps(
            client=lambda: client,
            chain_id=CHAIN_ID,
            contracts=Contracts(config, CHAIN_ID, runtime.settings.home_folder()),
            subscriptions=config.subscription,
            events=EventStore(runtime.database, lease_seconds=runtime.settings.lease_seconds),
            posts=runtime.event_posts,
            plugins=runtime.plugins,
            due_queue=DueQueue(runtime.database),
            stopping=threading.Event(),
        )
    )


def _memory_mb(what: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) / 1024


def follow(name: str) -> None:
    """Follow one subscription: `swift` to the head with a report, any other until the process is killed."""
    logging.disable(logging.WARNING)
    runtime = Runtime(Settings.from_env(os.environ, dotenv=None))
    follower = _follower(runtime, name)
    follower.state()
    before, cpu, begun, events = _memory_mb("VmRSS"), time.process_time(), time.perf_counter(), 0
    while True:
        poll = follower.poll(name)
        events += poll.delivered
        if poll.reason and name == "swift":
            raise SystemExit(poll.reason)
        if not poll.has_more:
            if name == "swift":
                break
            time.sleep(0.05)
    report = {
        "events": events,
        "seconds": time.perf_counter() - begun,
        "cpu": time.process_time() - cpu,
        "before_mb": before,
        "peak_mb": _memory_mb("VmHWM"),
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--proof":
        print(json.dumps(proof(int(sys.argv[2]))))
    else:
        if is_linux():
            die_with_parent()
        follow(sys.argv[1])
