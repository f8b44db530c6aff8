"""Benchmarks of mentions: a thousand agents polled by one worker process, and ten thousand mentions, each decided once.

The first takes five minutes of real time.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from bench.system import Bench, cpu_seconds, figure, make_agents, system
from ceos.clients.neynar.client import Neynar
from ceos.clients.neynar.types import FeedCast
from ceos.domain.agent import Agent, Engagement
from ceos.domain.lifecycle import RunStatus
from ceos.errors import StoreUnavailable
from ceos.runs.ids import RunId
from ceos.storage.agents import poll_offset
from ceos.supervisor import wait_until

AGENTS, INTERVAL, PER_MINUTE, LATENCY = 1000, 300, 600, 0.2
MENTIONS, MENTIONED, AUTHORS = 10_000, 100, 2_000


def bench_polls() -> None:
    """Poll the mentions of a thousand agents by one worker process, while they post now and then."""
    with system(neynar={"latency_seconds": LATENCY}) as bench:
        _bench_polls(bench, make_agents(AGENTS))


def _bench_polls(bench: Bench, agents: Sequence[Agent]) -> None:
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
    now = dt.datetime.now(dt.UTC)
    cursors = {agent.id: cursor for agent in agents if (cursor := bench.runtime.mention_store.cursor(agent.id))}
    polls = {agent_id: cursor.polled_at for agent_id, cursor in cursors.items() if cursor.polled_at}
    ages = [(now - at).total_seconds() for at in polls.values()]
    figure(f"agents of {len(agents):,} polled", len(polls), "agents")
    figure("longest time since the last poll of any agent", max(ages), "s", f"about {INTERVAL} at most")
    late = sorted(_lateness(agent_id, at) for agent_id, at in polls.items())
    figure("poll after its scheduled moment, median", late[len(late) // 2], "s")
    figure("poll after its scheduled moment, the latest", late[-1], "s")
    figure("failed polls", sum(cursor.failures for cursor in cursors.values()), "polls", "0")
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
    """Return the agent with engagement enabled."""
    return agent.model_copy(update={"engagement": Engagement(enabled=True, **engagement)})


def _requested(bench: Bench) -> int:
    return int(requests.get(f"{bench.url}/_sim/stats", timeout=10).json().get("neynar.requests", 0))


class Authors:
    """Two thousand accounts that mention agents; some casts also arrive by webhook, late and more than once."""

    def __init__(self, bench: Bench, agents: Sequence[Agent], names: dict[int, str]) -> None:
        self._runtime = bench.runtime
        self._neynar = Neynar("key", f"{bench.url}/v2")
        self._agents = agents
        self._names = names
        self._chance = random.Random(7)
        self._hooks: list[tuple[Agent, FeedCast]] = []
        self._lock = threading.Lock()
        #: The run ids of all mentions.
        self.expected: set[str] = set()

    def publish_mention(self, number: int) -> None:
        """Publish one mention, and perhaps queue its webhooks."""
        agent = self._agents[number % len(self._agents)]
        fid = 50_000 + number % AUTHORS
        name = self._names[agent.fid]
        text = f"@{name} that one was lovely, number {number}."
        if number % 2:
            text = f"@{name} which clock do you like best, and why? ({number})"
        signer = f"00000000-0000-4000-8000-{fid:012d}"
        hash = self._neynar.publish_cast(signer, text, idem=f"author-{number:07d}").hash
        row = {"hash": hash, "text": text, "timestamp": dt.datetime.now(dt.UTC), "author": {"fid": fid}}
        with self._lock:
            self.expected.add(str(RunId.mention(agent.id, hash)))
            if self._chance.random() < 0.6:
                copies = self._chance.choice([1, 1, 2, 3])
                self._hooks += [(agent, FeedCast.model_validate(row | {"author": {"fid": fid, "score": 0.9}}))] * copies

    def deliver(self, stop: threading.Event) -> None:
        """Deliver webhooks in random order until `stop` is set and none is left."""
        while not stop.wait(0.05) or self._hooks:
            with self._lock:
                self._chance.shuffle(self._hooks)
                batch, self._hooks = self._hooks[:200], self._hooks[200:]
            for agent, cast in batch:
                with contextlib.suppress(StoreUnavailable):
                    self._runtime.mention_poller.receive_cast(agent, cast, "mention")


def bench_mentions() -> None:
    """Cast ten thousand mentions while workers are killed, and check that each was decided exactly once."""
    with system() as bench:
        _bench_mentions(bench, make_agents(MENTIONED))


def _bench_mentions(bench: Bench, agents: Sequence[Agent]) -> None:
    limits = {"answers_per_person_per_hour": 100, "answers_per_thread": 100}
    agents = [listening(agent, **limits) for agent in agents]
    bench.runtime.apply(agents)
    bench.environ |= {"CEOS_POLL_SECONDS": "10", "CEOS_LEASE_SECONDS": "4", "CEOS_SETTLE_SECONDS": "1"}
    names = {fid: user.username for fid, user in Neynar("key", f"{bench.url}/v2").users(a.fid for a in agents).items()}
    authors, stop = Authors(bench, agents, names), threading.Event()
    webhooks = threading.Thread(target=authors.deliver, args=(stop,))
    webhooks.start()
    begun, kills = time.monotonic(), 0
    bench.start(2, 8)
    with ThreadPoolExecutor(4) as pool:
        published = pool.map(authors.publish_mention, range(MENTIONS))
        for _ in published:
            if time.monotonic() - begun > (kills + 1) * 8:
                bench.kill_workers()
                kills += 1
    stop.set()
    webhooks.join()
    for _ in range(3):
        time.sleep(8)
        bench.kill_workers()
        kills += 1
    done = wait_until(lambda: _ended(bench, authors.expected) == MENTIONS, 900, interval=5)
    figure(
        f"mentions decided in the end, with {kills} kills of all workers", _ended(bench, authors.expected), "mentions"
    )
    _compare(bench, authors.expected)
    figure("from the first cast to the last decision", time.monotonic() - begun, "s", "" if done else "NOT DONE")


def _ended(bench: Bench, expected: set[str]) -> int:
    return sum(run.status.is_final for run in bench.runtime.runs.runs(sorted(expected)))


def _compare(bench: Bench, expected: set[str]) -> None:
    """Compare the runs with the published casts and reactions."""
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
    figure("likes, and the runs that record one", likes, "likes", f"{reacted:,}")
    figure("answers twice", sum(count > 1 for count in replies.values()), "mentions", "0")
    figure("answers without an answered run", len(set(replies) - answered), "mentions", "0")
    figure("answered runs without an answer", len(answered - set(replies)), "mentions", "0")
    reasonless = sum(not run.reason for run in runs.values() if run.id not in answered)
    figure("not answered, without a reason", reasonless, "mentions", "0")
    reasons = Counter(run.reason[:70] for run in runs.values() if run.id not in answered)
    for reason, count in reasons.most_common(8):
        figure(f"  {reason}", count, "mentions")
