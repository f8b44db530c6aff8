#!/usr/bin/env python3
"""Calls skills from many threads while children and zygotes are killed, and checks that nothing is left behind.

    scripts/chaos/sandbox.py --calls 10000 --threads 8

Every call must answer or raise in time; afterwards there are no zombies and no more descriptors or memory than before.
Otherwise the exit code is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from ceos.errors import SandboxUnavailable, SkillError
from ceos.sandbox.executor import READY_SECONDS, TRIES, Sandbox, SandboxLimits

#: Source, outcome when nothing is killed, and limit in seconds of each kind of call.
CALLS = (
    ("def run(ctx, params):\n    return params['n'] + 1\n", "ok", 3.0),
    ("def run(ctx, params):\n    return 1 / 0\n", "error", 3.0),
    ("def run(ctx, params):\n    return sum(range(200_000))\n", "ok", 3.0),
    ("def run(ctx, params):\n    return 'x' * 10_000_000_000\n", "memory", 3.0),
    ("def run(ctx, params):\n    while True:\n        pass\n", "wall", 0.2),
)
#: How often each of them is called; a call that runs into its limit costs a core that long.
WEIGHTS = (70, 10, 14, 5, 1)
#: The share of kills that hits a zygote or its guard; a new zygote takes longer to start than the time between kills.
ZYGOTE_SHARE = 0.1


class Chaos:
    """The calls, the kills, and the counts of both."""

    def __init__(self, calls: int, threads: int, seed: int, kill_every: float) -> None:
        self.sandbox = Sandbox(spares=4)
        self.threads = threads
        self.left = calls
        self.seed = seed
        self.kill_every = kill_every
        self.lock = threading.Lock()
        self.outcomes: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.late: list[float] = []
        self.slowest = 0.0
        self.kills: Counter[str] = Counter()
        self.done = threading.Event()

    def run(self) -> None:
        """Make all calls."""
        self.sandbox.warm()
        killer = threading.Thread(target=self._kill)
        callers = [threading.Thread(target=self._call, args=(number,)) for number in range(self.threads)]
        for thread in (killer, *callers):
            thread.start()
        for thread in callers:
            thread.join()
        self.done.set()
        killer.join()

    def _call(self, number: int) -> None:
        chance = random.Random(f"{self.seed}|{number}")
        while True:
            with self.lock:
                if self.left == 0:
                    return
                self.left -= 1
            source, expected, seconds = chance.choices(CALLS, WEIGHTS)[0]
            begun = time.monotonic()
            try:
                value = self.sandbox.run(source, {"n": 1}, limits=SandboxLimits(seconds=seconds)).value
                outcome = "ok"
                right = value == (2 if "params" in source.splitlines()[1] else 19999900000)
            except SkillError as error:
                outcome, right = error.kind, True
            took = time.monotonic() - begun
            with self.lock:
                self.outcomes[outcome] += 1
                self.slowest = max(self.slowest, took - seconds)
                if took > READY_SECONDS + TRIES * seconds:
                    self.late.append(took)
                if not right or outcome not in (expected, "infrastructure", "wall", "crashed"):
                    self.wrong.append(f"{expected} became {outcome}")

    def _kill(self) -> None:
        chance = random.Random(self.seed)
        while not self.done.wait(self.kill_every):
            guard, zygotes, children = processes()
            victims = [*zygotes, *guard] if chance.random() < ZYGOTE_SHARE else children
            if victims:
                victim = chance.choice(victims)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    self.kills["child" if victim in children else "zygote"] += 1


def processes() -> tuple[list[int], list[int], list[int]]:
    """Return the process ids of the zygotes' guards, of the zygotes, and of their children."""
    guards = below([os.getpid()])
    zygotes = below(guards)
    return guards, zygotes, below(zygotes)


def below(pids: list[int]) -> list[int]:
    """Return the children of these processes; each thread has a list of its own."""
    found: list[int] = []
    for pid in pids:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def zombies() -> int:
    """Return how many of all processes below this one are dead and not reaped."""
    count, pids = 0, below([os.getpid()])
    while pids:
        for pid in pids:
            with contextlib.suppress(OSError):
                count += Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        pids = below(pids)
    return count


def descriptors() -> int:
    """Return how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def resident_mb() -> float:
    """Return the memory of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> int:
    """Run the calls, print the counts, and return 1 if a condition does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kill-every", type=float, default=0.05, help="seconds between two kills")
    options = parser.parse_args()
    # The counts after a first round are the baseline of the second.
    rehearsal = Chaos(200, options.threads, options.seed, options.kill_every)
    rehearsal.run()
    rehearsal.sandbox.close()
    fds, memory = descriptors(), resident_mb()

    chaos = Chaos(options.calls, options.threads, options.seed, options.kill_every)
    begun = time.monotonic()
    chaos.run()
    seconds = time.monotonic() - begun
    calm = works_again(chaos.sandbox)
    left = wait_until_reaped()
    chaos.sandbox.close()

    print(f"{options.calls} calls from {options.threads} threads in {seconds:.1f} s, kills: {dict(chaos.kills)}")
    print(f"outcomes: {dict(chaos.outcomes)}")
    print(f"latest answer: {chaos.slowest * 1000:+.0f} ms after its limit; too late: {len(chaos.late)}")
    print(f"wrong answers: {len(chaos.wrong)} {chaos.wrong[:5]}")
    print(f"works afterwards: {calm}; zombies: {left}; descriptors: {descriptors() - fds:+d}")
    print(f"memory: {memory:.1f} MB before, {resident_mb():.1f} MB after")
    total = sum(chaos.outcomes.values())
    is_sound = total == options.calls and calm and not (chaos.late or chaos.wrong or left)
    return 0 if is_sound and descriptors() <= fds else 1


def works_again(sandbox: Sandbox, seconds: float = 5.0) -> bool:
    """Say whether a call succeeds within the time that the sandbox pauses after several failed starts."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            return bool(sandbox.run(CALLS[0][0], {"n": 1}).value == 2)
        except SandboxUnavailable:
            time.sleep(0.1)
    return False


def wait_until_reaped(seconds: float = 5.0) -> int:
    """Return the number of zombies once the zygote has had time to reap them."""
    end = time.monotonic() + seconds
    while (left := zombies()) and time.monotonic() < end:
        time.sleep(0.05)
    return left


if __name__ == "__main__":
    sys.exit(main())
