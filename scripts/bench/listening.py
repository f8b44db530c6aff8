"""How a fleet listens: a thousand agents in one worker process, and ten thousand mentions that each count once.

scripts/bench.py listen          the first, in five minutes of real time
scripts/bench.py mentions        the second
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from ceos.clients.neynar.client import Neynar
from ceos.clients.neynar.types import FeedCast
from ceos.domain.agent import Agent, Engagement
from ceos.domain.lifecycle import RunStatus
from ceos.errors import StoreUnavailable
from ceos.runs.ids import RunId
from ceos.storage.agents import poll_offset
from ceos.supervisor import wait_until

#: What a figure is printed with: what, value, unit, target.
Figure = Callable[..., None]

AGENTS, INTERVAL, PER_MINUTE, LATENCY = 1000, 300, 600, 0.2
MENTIONS, HEARERS, STRANGERS = 10_000, 100, 2_000


def bench_polls(bench: Any, agents: Sequence[Agent], figure: Figure, cpu_seconds: Callable[[list[int]], float]) -> None:
    """Let one worker process look at the mentions of a thousand agents, while they post now and then."""
    bench.environ |= {"CEOS_NEYNAR_PER_MINUTE": str(PER_MINUTE), "CEOS_POLL_SECONDS": str(INTERVAL)}
    bench.runtime.apply([listening(agent) for agent in agents])
    bench.start(1, 8)
    begun, cpu, requested = time.monotonic(), cpu_seconds(bench.workers), [0]
    posted: list[str] = []
    before = _requested(bench)
    while time.monotonic() - begun < INTERVAL + 10:
        time.sleep(max(0.0, begun + len(requested) - time.monotonic()))
        requested.append(_requested(bench) - before)
        if len(requested) % 5 == 0:
            run = bench.runtime.post(agents[len(posted)].id, text=f"Number {len(posted)} of a few posts in between.")
            posted.append(run)
    wait_until(lambda: not bench.runtime.ops.counts()["open"], 60)
    now, polled = dt.datetime.now(dt.UTC), [bench.runtime.inbox.ear(agent.id) for agent in agents]
    looks = {agent.id: ear.at for agent, ear in zip(agents, polled, strict=True) if ear.at}
    ages = [(now - at).total_seconds() for at in looks.values()]
    figure(f"agents of {len(agents):,} polled", len(looks), "agents")
    figure("longest time since the last look of any agent", max(ages), "s", f"about {INTERVAL} at most")
    late = sorted(_lateness(agent_id, at) for agent_id, at in looks.items())
    figure("a look after its agent's moment, median", late[len(late) // 2], "s")
    figure("a look after its agent's moment, the latest", late[-1], "s")
    figure("looks that failed", sum(ear.failures for ear in polled), "looks", "0")
    busiest = max(later - sooner for sooner, later in zip(requested, requested[60:], strict=False))
    figure("requests in the busiest minute", busiest, "requests", f"<= {PER_MINUTE}")
    figure("requests in the busiest second", max(b - a for a, b in itertools.pairwise(requested)), "requests")
    figure("CPU of the worker process", (cpu_seconds(bench.workers) - cpu) / INTERVAL * 100, "% of one")
    ended = bench.runtime.runs.runs(posted)
    out = sum(run.status is RunStatus.PUBLISHED for run in ended)
    figure(f"posts of {len(posted)} published in between", out, "posts")


def _lateness(agent_id: str, at: dt.datetime) -> float:
    moment = poll_offset(agent_id) * INTERVAL / 2**32
    return (at.timestamp() - moment) % INTERVAL


def listening(agent: Agent, **engagement: Any) -> Agent:
    """Return an agent that listens."""
    return agent.model_copy(update={"engagement": Engagement(enabled=True, **engagement)})


def _requested(bench: Any) -> int:
    return int(requests.get(f"{bench.url}/_sim/stats", timeout=10).json().get("neynar.requests", 0))


class Strangers:
    """Two thousand people who mention agents, some of whose casts reach us by webhook too, late and more than once."""

    def __init__(self, bench: Any, agents: Sequence[Agent], names: dict[int, str]) -> None:
        self._runtime = bench.runtime
        self._neynar = Neynar("key", f"{bench.url}/v2")
        self._agents = agents
        self._names = names
        self._chance = random.Random(7)
        self._hooks: list[tuple[Agent, FeedCast]] = []
        self._lock = threading.Lock()
        #: What was cast, as run ids.
        self.expected: set[str] = set()

    def speak(self, number: int) -> None:
        """Publish one mention, and perhaps line up its webhooks."""
        agent = self._agents[number % len(self._agents)]
        fid = 50_000 + number % STRANGERS
        name = self._names[agent.fid]
        text = f"@{name} that one was lovely, number {number}."
        if number % 2:
            text = f"@{name} which clock do you like best, and why? ({number})"
        signer = f"00000000-0000-4000-8000-{fid:012d}"
        hash = self._neynar.publish_cast(signer, text, idem=f"stranger-{number:07d}").hash
        row = {"hash": hash, "text": text, "timestamp": dt.datetime.now(dt.UTC), "author": {"fid": fid}}
        with self._lock:
            self.expected.add(str(RunId.mention(agent.id, hash)))
            if self._chance.random() < 0.6:
                copies = self._chance.choice([1, 1, 2, 3])
                self._hooks += [(agent, FeedCast.model_validate(row | {"author": {"fid": fid, "score": 0.9}}))] * copies

    def deliver(self, stop: threading.Event) -> None:
        """Deliver webhooks in no order until told to stop and none is left."""
        while not stop.wait(0.05) or self._hooks:
            with self._lock:
                self._chance.shuffle(self._hooks)
                batch, self._hooks = self._hooks[:200], self._hooks[200:]
            for agent, cast in batch:
                with contextlib.suppress(StoreUnavailable):
                    self._runtime.listening.take(agent, cast, "mention")


def bench_mentions(bench: Any, agents: Sequence[Agent], figure: Figure) -> None:
    """Cast ten thousand mentions, lose workers meanwhile, and see that each was answered or ignored exactly once."""
    limits = {"answers_per_person_per_hour": 100, "answers_per_thread": 100}
    agents = [listening(agent, **limits) for agent in agents]
    bench.runtime.apply(agents)
    bench.environ |= {"CEOS_POLL_SECONDS": "10", "CEOS_LEASE_SECONDS": "4", "CEOS_SETTLE_SECONDS": "1"}
    names = {fid: user.username for fid, user in Neynar("key", f"{bench.url}/v2").users(a.fid for a in agents).items()}
    strangers, stop = Strangers(bench, agents, names), threading.Event()
    webhooks = threading.Thread(target=strangers.deliver, args=(stop,))
    webhooks.start()
    begun, kills = time.monotonic(), 0
    bench.start(2, 8)
    with ThreadPoolExecutor(4) as pool:
        spoken = pool.map(strangers.speak, range(MENTIONS))
        for _ in spoken:
            if time.monotonic() - begun > (kills + 1) * 8:
                bench.fleet.kill()
                bench.fleet.start()
                kills += 1
    stop.set()
    webhooks.join()
    for _ in range(3):
        time.sleep(8)
        bench.fleet.kill()
        bench.fleet.start()
        kills += 1
    done = wait_until(lambda: _ended(bench, strangers.expected) == MENTIONS, 900, look=5)
    figure(
        f"mentions decided in the end, with {kills} kills of all workers", _ended(bench, strangers.expected), "mentions"
    )
    _judge(bench, strangers.expected, figure)
    figure("from the first cast to the last decision", time.monotonic() - begun, "s", "" if done else "NOT DONE")


def _ended(bench: Any, expected: set[str]) -> int:
    return sum(run.status.is_final for run in bench.runtime.runs.runs(sorted(expected)))


def _judge(bench: Any, expected: set[str], figure: Figure) -> None:
    """Compare what the runs say with what is out."""
    runs = {run.id: run for run in bench.runtime.runs.runs(sorted(expected))}
    casts = requests.get(f"{bench.url}/_sim/casts", timeout=60).json()["casts"]
    ids = {agent.fid: agent.id for agent in map(bench.runtime.agents.agent, bench.runtime.agents.agent_ids())}
    replies = Counter(
        str(RunId.mention(ids[cast["author"]["fid"]], cast["parent_hash"]))
        for cast in casts
        if cast["author"]["fid"] in ids and cast["parent_hash"]
    )
    stored = sum(1 for _ in bench.runtime.database.client.scan_iter(f"ceos:run:{RunId.mention('*', '*')}", count=1000))
    figure("runs of mentions", stored, "runs", f"{MENTIONS:,}")
    for status in RunStatus:
        if count := sum(run.status is status for run in runs.values()):
            figure(f"  {status}", count, "runs")
    answered = {run.id for run in runs.values() if run.status is RunStatus.PUBLISHED}
    likes = sum(cast["reactions"]["likes_count"] for cast in casts)
    reacted = sum(run.status is RunStatus.REACTED for run in runs.values())
    figure("likes that are out, and the runs that say so", likes, "likes", f"{reacted:,}")
    figure("answers twice", sum(count > 1 for count in replies.values()), "mentions", "0")
    figure("answers without a run that says so", len(set(replies) - answered), "mentions", "0")
    figure("runs that say answered, without an answer", len(answered - set(replies)), "mentions", "0")
    reasonless = sum(not run.reason for run in runs.values() if run.id not in answered)
    figure("not answered, without a reason", reasonless, "mentions", "0")
    reasons = Counter(run.reason[:70] for run in runs.values() if run.id not in answered)
    for reason, count in reasons.most_common(8):
        figure(f"  {reason}", count, "mentions")
