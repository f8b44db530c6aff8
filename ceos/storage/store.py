"""Everything ceos keeps, in one Redis database; the only code that knows its keys. Typed in, typed out.

    ceos:agents             set     ids of all agents
    ceos:config:{agent}     string  the agent's description, JSON
    ceos:agent:{agent}      hash    rev, slot (next, un-jittered), done (watermark: last published slot), state, since,
                                    run (the run that owns the agent), failures (in a row), reason, missed (count),
                                    fid, listen (its place among those that listen; absent if it does not)
    ceos:fid:{fid}          set     the agents that have this account
    ceos:history:{agent}    list    the last 50 changes of state, JSON [ms, old, new, run, reason]
    ceos:missed:{agent}     list    the last 50 missed slots, JSON [slot, reason]
    ceos:recent:{agent}     list    the last 50 casts, JSON Cast, newest first
    ceos:queue:{agent}      zset    the agent's open runs by time of opening; the first is served first
    ceos:runs:{agent}       zset    the agent's last 200 runs by time of opening
    ceos:mentions:{agent}   zset    the runs of the agent's last 200 mentions by time of opening
    ceos:inbox:{agent}      zset    planned runs of mentions that wait for their place in the queue, by time of the cast
    ceos:seen:{agent}       zset    hashes of the casts that were taken, by time of the cast; complete down to `floor`
    ceos:ear:{agent}        hash    floor (casts up to it are old), mark (notifications up to it were read), top and
                                    cursor (of a look that was not finished), again (it began again), looks (number),
                                    at, failures, why
    ceos:casts:{agent}      zset    places taken in the agent's hour
    ceos:spend:{agent}:{day} hash   total and reservations of a UTC day, micro-USD
    ceos:memory:{agent}     hash    what its skills remember: {skill}\\x1f{key} → JSON, {skill} → bytes held
    ceos:skills:{agent}     hash    skill → failures in a row; absent while it works
    ceos:due                zset    agent by the time its next slot fires (slot + jitter)
    ceos:open               zset    run by the time at which somebody must drive it: outbox, timer and lease index
    ceos:review             zset    parked run by the time it expires
    ceos:dead               zset    failed or partial run by the time it ended
    ceos:measure            zset    published run by the time of its next measurement
    ceos:run:{run}          hash    st(atus), was (status before its end), again (retried by command), at, end, why,
                                    kind, fence, token, lease, deliv(eries), d (calls in vain), tries, waits;
                                    per part i: s{i} first send, l{i} last send, a{i} failed sends, h{i} hash.
                                    No value over 64 bytes but `why`, so Redis keeps it compact.
    ceos:draft:{run}        string  the draft, JSON; shortened once published
    ceos:mention:{run}      string  the cast that the run reacts to, JSON Mention
    ceos:decision:{run}     string  what was decided about a mention, JSON Decision; the first word stands
    ceos:claim:{cast}       string  the run that reacts to a cast of somebody else; no other agent does
    ceos:person:{agent}:{fid} zset  runs that answered a person in the last hour
    ceos:thread:{agent}:{cast} set  runs that answered in the conversation that began with this cast
    ceos:reacted:{agent}:{day}:{like | recast} set  runs that did so on a UTC day
    ceos:said:{agent}:{fid} list    the agent's last 5 answers to a person, newest first
    ceos:heard              string  how many mentions are open
    ceos:heard:{day}        hash    opened, and each end → count of mentions on a UTC day (days since 1970)
    ceos:listen             zset    agent by the time of its next look at its mentions; 0: it has just begun
    ceos:pace:{service}     zset    requests of the last minute by their time
    ceos:trends             hash    found (the last look at what many talk about, JSON Look) and by (who looked)
    ceos:trends:agents      set     the agents that care
    ceos:trends:due         string  time of the next look; absent while no agent cares
    ceos:trends:turn        string  token of the worker that looks now
    ceos:trends:asked:{agent}:{look} string  present once the agent was asked about a look
    ceos:trends:judged:{agent} hash topic → how relevant it is to the agent, JSON Relevance
    ceos:trends:taken:{agent} zset  slots of the posts about trends of the last 31 days by their time
    ceos:trend:{run}        string  the trend that the run takes up, JSON TakenUp
    ceos:metrics:{run}      hash    cast hash → its measurements, packed
    ceos:count              hash    done (the last hour whose accounts were counted), until (when the claim ends)
    ceos:series:{agent}     hash    h{day} → hourly points of the account, d{year} and p{year} → daily rows of the
                                    account and of its posts, packed, days and hours counted since 1970; folded (day)
    ceos:posts:{agent}      hash    slot → post and measurements, JSON [at, kind, parts, attempts, repeats, followers,
                                    packed]
    ceos:tally:{agent}      hash    {day}:{what became of it} → slots of the schedule on that day
    ceos:scores:{agent}     hash    ISO week → score and inputs, JSON
    ceos:chain:due          zset    what goes on on chain (tx/…, sub/…, anchor/…) by the time somebody must see to it
    ceos:identities:{place} hash    agent → its entry in a registry of one chain, JSON Registration; outlives the agent
    ceos:anchors:{place}:{agent} hash ISO week → what was anchored of it, JSON Anchored; outlives the agent
    ceos:tx/{id}            hash    a transaction: key, req(uest, JSON), account, st(atus), why, at, ok (wei approved);
                                    once it is signed nonce, n (versions), raw{n} and hash{n} (of each), worst (wei),
                                    day, caps (reserved, JSON), quote, signed, sent (times), cancel (the first version
                                    that only takes its place); once it is mined hash, block, bhash, cost (wei),
                                    receipt (JSON)
    ceos:txs                zset    the last 500 transactions by time
    ceos:tx-nonce:{chain}:{account} string  the next nonce of an account
    ceos:tx-spent:{day}     hash    name of a cap → what was signed for of it on a UTC day, in its own unit
    ceos:subs               hash    subscription → fingerprint of what it follows
    ceos:sub:{name}:{print} hash    how far a subscription has come: token, lease; from, next, head (blocks), end (mark
                                    of the last block that is done), at (block:index:hash of the event begun last, with
                                    :done once that is known), doubts (how often it was told of in doubt), fork (newest
                                    block that stays, while events are announced as removed), gone (the one announced
                                    last), handed, removed, odd, range, fails, why
    ceos:sub:{name}:{print}:marks zset block:hash of ends of ranges and of blocks with events, by block, as far back as
                                    re-orgs may reach, and one more
    ceos:sub:{name}:{print}:kept list events handed over in these blocks, "block JSON", newest last
    ceos:event:{run}        string  the event that the run takes up, JSON ChainEvent; `removed` once it did not happen
    ceos:event:taken:{event} hash   agent → the slot in which it was asked about the event
    ceos:event:day:{agent}:{sub}:{day} set  events about which the agent was asked on a UTC day
    ceos:event:day:{agent}:{sub}:{day}:passed set  those of them that its strategy let pass
    ceos:pay/{id}           hash    one purchase over HTTP: st(atus), plan (what is signed, JSON), sig, key, tx, why,
                                    at, day, agent, micro (USD set aside)
    ceos:pay-answer:pay/{id} string what the seller sent for it, JSON
    ceos:pays               zset    the last 500 purchases by time
    ceos:pay-spent:{day}    hash    micro-USD paid or set aside on a UTC day (YYYYMMDD): total, a:{agent}
    ceos:sale:{network}:{account}:{nonce} hash a payment that a buyer has sent us: st(atus), for (digest of what it
                                    buys), token and lease of who serves it, answer, tx, fails, fell (who failed last)
    ceos:sale-open:{network}:{account} string its payment that was run for last; until that is settled, no other is
    ceos:workers            zset    process by the time it was last seen
    ceos:panic              string  present while all publishing is stopped
    ceos:hooks              hash    "{calls | failures | micros} {hook} {plugin}" → count over all processes
    ceos:listeners          string  present while some scheduler's plugins listen to changes of state
    ceos:changes            list    changes of state they have not heard yet, JSON [agent, [ms, old, new, run, reason]]

All times are milliseconds UTC. Those of runs are Redis's own; those of slots are the schedule's clock.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import redis

from ceos.domain.agent import Agent, AgentStatus, MissedSlot, Transition
from ceos.domain.lifecycle import AgentState, RunStatus
from ceos.domain.mentions import Mention
from ceos.domain.posts import Cast, CastMetrics, Draft, Kind
from ceos.domain.runs import Run
from ceos.errors import NotFound, StoreMisconfigured
from ceos.storage.codec import pack, unpack
from ceos.storage.connection import Scripts, redis_errors

#: A worker process not seen for this long is not counted as running.
WORKER_SEEN_MS = 30_000
#: How many agents a process keeps in memory, at some kilobytes each.
REMEMBERED = 20_000


@dataclass(frozen=True)
class Due:
    """What a scheduler finds to do."""

    #: (agent id, stored slot in milliseconds, revision)
    agents: list[tuple[str, int, str]]
    has_open: bool
    has_measurements: bool
    expired_reviews: list[str]
    has_listeners: bool = False
    has_trends: bool = False
    has_chain: bool = False
    #: Changes of state that plugins have not heard of, with the agent of each.
    changes: list[tuple[str, Transition]] = field(default_factory=list)


@dataclass(frozen=True)
class HookCount:
    """How one plugin did in one hook, in all processes together."""

    calls: int = 0
    failures: int = 0
    seconds: float = 0.0


class Store:
    """Agents, runs and their records in Redis."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self._scripts = Scripts(client)
        #: Agents by id and revision; a changed agent has another revision.
        self._known: dict[tuple[str, str], Agent] = {}

    def run_script(self, name: str, *args: str | int | float) -> Any:
        """Run one of the scripts in `lua/` and return its raw answer."""
        return self._scripts.run(name, *args)

    def ping(self) -> None:
        """Raise `StoreUnavailable` unless Redis answers."""
        with redis_errors():
            self.client.ping()

    def check_configuration(self) -> None:
        """Raise `StoreMisconfigured` unless Redis keeps what it is given: an append-only file, and no eviction."""
        with redis_errors():
            persistence = self.client.info("persistence")
            memory = self.client.info("memory")
        if not persistence.get("aof_enabled"):
            raise StoreMisconfigured(
                "Redis has no append-only file, so a restart would lose posts: set 'appendonly yes' in its "
                "configuration (or run CONFIG SET appendonly yes)."
            )
        policy = memory.get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            raise StoreMisconfigured(
                f"Redis may throw records away (maxmemory-policy {policy}): set 'maxmemory-policy noeviction' in its "
                "configuration (or run CONFIG SET maxmemory-policy noeviction)."
            )

    # Agents

    def save_agent(
        self, agent: Agent, *, slot: int | None, fire: int, moves_slot: bool, now_ms: int | None = None
    ) -> str:
        """Store an agent and its next slot; return "created", "changed" or "unchanged".

        An agent that begins to listen is not concerned with casts from before `now_ms`, by default from before now.
        """
        config = agent.model_dump_json()
        present = int(time.time() * 1000) if now_ms is None else now_ms
        place = listening_place(agent.id) if agent.engagement.enabled else ""
        return str(
            self.run_script(
                "save", agent.id, config, revision_of(config), slot or "", fire, int(moves_slot), agent.fid, place,
                present,
            )
        )  # fmt: skip

    def agents_of(self, fids: Iterable[int]) -> dict[int, list[str]]:
        """Return the ids of the agents that have these accounts, by fid; fids of others are left out."""
        wanted = list(dict.fromkeys(fids))
        with redis_errors():
            pipe = self.client.pipeline(transaction=False)
            for fid in wanted:
                pipe.smembers(f"ceos:fid:{fid}")
            found = pipe.execute() if wanted else []
        return {fid: sorted(ids) for fid, ids in zip(wanted, found, strict=True) if ids}

    def agent(self, agent_id: str, revision: str | None = None) -> Agent:
        """Return an agent, from this process's memory if it knows the `revision`; raises `NotFound`."""
        if revision is None:
            with redis_errors():
                revision = cast("str | None", self.client.hget(f"ceos:agent:{agent_id}", "rev"))
        known = self._known.get((agent_id, revision or ""))
        return known or self._learn(agent_id, revision or "", self._config(agent_id))

    def learn_agents(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Read the agents of these (id, revision) pairs that this process does not know yet, in one round trip."""
        unknown = [pair for pair in wanted if pair not in self._known]
        if unknown:
            with redis_errors():
                configs = cast("list[str | None]", self.client.mget([f"ceos:config:{name}" for name, _ in unknown]))
            for (agent_id, revision), config in zip(unknown, configs, strict=True):
                if config is not None:
                    self._learn(agent_id, revision, config)

    def _learn(self, agent_id: str, revision: str, config: str | None) -> Agent:
        if config is None:
            known = ", ".join(self.agent_ids()[:8]) or "none yet; 'ceos agent apply FILE' makes one"
            raise NotFound(f"No agent named {agent_id[:64]!r}. Known: {known}.")
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        agent = Agent.model_validate_json(config)
        # The agent may have been changed since its revision was read.
        if revision_of(config) == revision:
            self._known[agent_id, revision] = agent
        return agent

    def _config(self, agent_id: str) -> str | None:
        with redis_errors():
            return cast("str | None", self.client.get(f"ceos:config:{agent_id}"))

    def agent_ids(self) -> list[str]:
        """Return the ids of all agents, sorted."""
        with redis_errors():
            return sorted(cast("set[str]", self.client.smembers("ceos:agents")))

    def agent_statuses(self, agent_ids: Sequence[str]) -> list[AgentStatus]:
        """Return what each of these agents is doing; raises `NotFound` for one that does not exist."""
        with redis_errors():
            pipe = self.client.pipeline(transaction=False)
            for agent_id in agent_ids:
                pipe.hgetall(f"ceos:agent:{agent_id}")
            rows = pipe.execute()
            for row in rows:
                pipe.hget(f"ceos:run:{row.get('run') or '-'}", "lease")
            leases = pipe.execute() if rows else []
        statuses = []
        for agent_id, row, lease in zip(agent_ids, rows, leases, strict=True):
            if not row:
                self.agent(agent_id)
            statuses.append(
                AgentStatus(
                    agent_id=agent_id,
                    state=AgentState(row["state"]),
                    since=moment(row.get("since")),
                    run_id=row.get("run", ""),
                    lease_until=moment(lease),
                    failures=int(row.get("failures", 0)),
                    reason=row.get("reason", ""),
                    next_slot=moment(row.get("slot")) if row["state"] != AgentState.PAUSED else None,
                    missed=int(row.get("missed", 0)),
                )
            )
        return statuses

    def history(self, agent_id: str) -> list[Transition]:
        """Return the last 50 changes of state, newest first."""
        with redis_errors():
            rows = cast("list[str]", self.client.lrange(f"ceos:history:{agent_id}", 0, -1))
        return [_transition(*json.loads(row)) for row in rows]

    def missed(self, agent_id: str) -> list[MissedSlot]:
        """Return the last 50 missed slots, newest first."""
        with redis_errors():
            rows = cast("list[str]", self.client.lrange(f"ceos:missed:{agent_id}", 0, -1))
        return [MissedSlot(slot=_at(slot), reason=reason) for slot, reason in map(json.loads, rows)]

    def recent_casts(self, agent_id: str) -> list[Cast]:
        """Return the agent's last 50 casts, newest first."""
        with redis_errors():
            rows = cast("list[str]", self.client.lrange(f"ceos:recent:{agent_id}", 0, -1))
        return [Cast.model_validate_json(row) for row in rows]

    def recent_texts(self, agent_id: str) -> list[str]:
        """Return the texts of the agent's last 50 casts, newest first."""
        with redis_errors():
            rows = cast("list[str]", self.client.lrange(f"ceos:recent:{agent_id}", 0, -1))
        return [json.loads(row)["text"] for row in rows]

    def steer(self, verb: str, agent_id: str, reason: str = "", *, slot: int | None = None, fire: int = 0) -> str:
        """Pause, resume or remove an agent; return "ok" or "unchanged"; raises `NotFound`."""
        answer = str(self.run_script("steer", agent_id, verb, reason, slot or "", fire))
        if answer == "missing":
            self._learn(agent_id, "", None)
        return answer

    # Skills

    def skill_failures(self, agent_id: str) -> dict[str, int]:
        """Return how often in a row each of an agent's skills has failed; those that work are not named."""
        with redis_errors():
            found = cast("dict[str, str]", self.client.hgetall(f"ceos:skills:{agent_id}"))
        return {name: int(count) for name, count in found.items()}

    def count_skill_failure(self, agent_id: str, skill: str) -> int:
        """Count one more failure in a row and return how many they are."""
        with redis_errors():
            return self.client.hincrby(f"ceos:skills:{agent_id}", skill, 1)

    def forgive_skill(self, skill: str, agent_ids: Iterable[str]) -> None:
        """Forget that a skill has failed for these agents."""
        with redis_errors():
            pipe = self.client.pipeline(transaction=False)
            for agent_id in agent_ids:
                pipe.hdel(f"ceos:skills:{agent_id}", skill)
            pipe.execute()

    # Runs

    def run(self, run_id: str) -> Run:
        """Return the record of one run; raises `NotFound` when it never was or has expired."""
        found = self.runs([run_id])
        if not found:
            raise NotFound(f"No draft or run named {run_id[:80]!r}; 'ceos draft list' shows the ones there are.")
        return found[0]

    def runs(self, run_ids: Sequence[str]) -> list[Run]:
        """Return the records of those runs that still exist, in the given order."""
        rows = self.run_script("runs", *run_ids) if run_ids else []
        return [run_from(run_id, *row) for run_id, row in zip(run_ids, rows, strict=True) if row[-1]]

    def recent_runs(self, agent_id: str, limit: int = 20) -> list[Run]:
        """Return the agent's latest runs, newest first."""
        with redis_errors():
            ids = cast("list[str]", self.client.zrevrange(f"ceos:runs:{agent_id}", 0, limit - 1))
        return self.runs(ids)

    def mention(self, run_id: str) -> Mention | None:
        """Return the cast that a run reacts to, or None for a run of another sort and for one that has expired."""
        with redis_errors():
            row = cast("str | None", self.client.get(f"ceos:mention:{run_id}"))
        return Mention.model_validate_json(row) if row else None

    def mentions(self, agent_id: str, limit: int = 20) -> list[Run]:
        """Return the runs of the last mentions of an agent, newest first; at most 200 are known."""
        with redis_errors():
            ids = cast("list[str]", self.client.zrevrange(f"ceos:mentions:{agent_id}", 0, limit - 1))
        return self.runs(ids)

    def parked(self, limit: int = 500) -> list[str]:
        """Return the ids of the runs that wait for review, the one that expires first first."""
        with redis_errors():
            return cast("list[str]", self.client.zrange("ceos:review", 0, limit - 1))

    def places_taken(self, agent_id: str, since_ms: int) -> int:
        """Return how many places of the agent's hour were taken after a moment."""
        with redis_errors():
            return self.client.zcount(f"ceos:casts:{agent_id}", f"({since_ms}", "+inf")

    def dead(self, limit: int = 500) -> list[str]:
        """Return the ids of the failed and partial runs, newest first."""
        with redis_errors():
            return cast("list[str]", self.client.zrevrange("ceos:dead", 0, limit - 1))

    def counts(self) -> dict[str, int]:
        """Return how many runs are open, parked, dead and waiting for measurement, and how many workers live."""
        with redis_errors():
            seconds, micros = self.client.time()
            pipe = self.client.pipeline(transaction=False)
            for name in ("open", "review", "dead", "measure", "due"):
                pipe.zcard(f"ceos:{name}")
            pipe.zcount("ceos:workers", seconds * 1000 + micros // 1000 - WORKER_SEEN_MS, "+inf")
            pipe.exists("ceos:panic")
            values = pipe.execute()
        return dict(zip(("open", "review", "dead", "measure", "due", "workers", "panic"), values, strict=True))

    def spent(self, agent_id: str, day: str) -> float:
        """Return what the agent has spent or set aside on a UTC day (YYYYMMDD), in USD."""
        with redis_errors():
            return int(cast("str | None", self.client.hget(f"ceos:spend:{agent_id}:{day}", "total")) or 0) / 1e6

    def due(self, slots_ms: int, limit: int, *, changes: int = 0) -> Due:
        """Return everything a scheduler has to do now, in one round trip (two when agents are due).

        `slots_ms` is the schedule's clock; open runs, reviews and measurements go by Redis's own. Up to `changes` of
        state are taken off the list of those that no plugin has heard of, so that each is reported once at most.
        """
        with redis_errors():
            pipe = self.client.pipeline(transaction=False)
            pipe.zrange("ceos:due", "-inf", slots_ms, byscore=True, offset=0, num=limit)
            pipe.zrange("ceos:open", 0, 0, withscores=True)
            pipe.zrange("ceos:measure", 0, 0, withscores=True)
            pipe.zrange("ceos:review", 0, 99, withscores=True)
            pipe.zrange("ceos:listen", 0, 0, withscores=True)
            pipe.get("ceos:trends:due")
            pipe.zrange("ceos:chain:due", 0, 0, withscores=True)
            pipe.time()
            if changes:
                pipe.lpop("ceos:changes", changes)
            ids, open_runs, measures, reviews, looks, trends, chain, (seconds, micros), *unheard = pipe.execute()
            for agent_id in ids:
                pipe.hmget(f"ceos:agent:{agent_id}", "slot", "rev")
            rows = pipe.execute() if ids else []
        now = seconds * 1000 + micros // 1000
        return Due(
            agents=[(agent, int(slot), rev) for agent, (slot, rev) in zip(ids, rows, strict=True) if slot and rev],
            has_open=bool(open_runs) and open_runs[0][1] <= now,
            has_measurements=bool(measures) and measures[0][1] <= now,
            expired_reviews=[run for run, expires in reviews if expires <= now],
            has_listeners=bool(looks) and looks[0][1] <= now,
            has_trends=trends is not None and float(trends) <= now,
            has_chain=bool(chain) and chain[0][1] <= now,
            changes=[
                (agent, _transition(*change)) for rows in unheard for agent, change in map(json.loads, rows or ())
            ],
        )

    # Metrics

    def due_measurements(self, limit: int = 200) -> list[str]:
        """Return runs whose casts should be measured now, and put each off for ten minutes in case nobody does it."""
        return cast("list[str]", self.run_script("measure", limit, 600_000))

    def cast_hashes(self, run_id: str) -> dict[str, list[CastMetrics]]:
        """Return the measurements so far of every cast of a published run."""
        with redis_errors():
            rows = cast("dict[str, str]", self.client.hgetall(f"ceos:metrics:{run_id}"))
        return {hash: unpack_measurements(hash, row) for hash, row in rows.items()}

    def record_metrics(self, run_id: str, metrics: Iterable[CastMetrics], next_due_ms: int | None) -> None:
        """Append one measurement per cast, unless one of that minute is there, and set the time of the next or none."""
        known = self.cast_hashes(run_id)
        with redis_errors():
            pipe = self.client.pipeline()
            for item in metrics:
                if item.hash in known and not any(row.at >= _minute(item.at) for row in known[item.hash]):
                    pipe.hset(f"ceos:metrics:{run_id}", item.hash, pack_measurements((*known[item.hash], item)))
            if next_due_ms is None:
                pipe.zrem("ceos:measure", run_id)
            else:
                pipe.zadd("ceos:measure", {run_id: next_due_ms}, xx=True)
            pipe.execute()

    def measured_casts(self, agent_id: str) -> list[tuple[Cast, CastMetrics]]:
        """Return those of the agent's last 50 casts that were measured, each with its latest counts, newest first."""
        rows = cast("list[str]", self.run_script("numbers", agent_id))
        return [
            (one, unpack_measurements(one.hash, measured)[-1])
            for one, measured in zip(map(Cast.model_validate_json, rows[::2]), rows[1::2], strict=True)
        ]

    # What skills remember

    def skill_note(self, agent_id: str, skill: str, key: str) -> str | None:
        """Return what a skill keeps for an agent under a key, or None."""
        with redis_errors():
            return cast("str | None", self.client.hget(f"ceos:memory:{agent_id}", f"{skill}\x1f{key}"))

    def keep_skill_note(self, agent_id: str, skill: str, key: str, note: str | None, most: int) -> bool:
        """Keep a note for a skill and an agent, or forget it; return whether it fits into `most` bytes for all of them.

        For an agent that has been removed nothing is kept.
        """
        return bool(self.run_script("remember", agent_id, skill, key, note or "", most))

    # Plugins

    def listen(self, seconds: int) -> None:
        """Have changes of state kept for the plugins of this process, for the given time."""
        with redis_errors():
            self.client.set("ceos:listeners", 1, ex=seconds)

    def count_hook(self, plugin: str, hook: str, micros: int, failures: int, calls: int = 1) -> None:
        """Count calls of a plugin's hook, one by default."""
        with redis_errors():
            pipe = self.client.pipeline(transaction=False)
            for what, amount in (("calls", calls), ("micros", micros), ("failures", int(failures))):
                if amount:
                    pipe.hincrby("ceos:hooks", f"{what} {hook} {plugin}", amount)
            pipe.execute()

    def hook_counts(self) -> dict[tuple[str, str], HookCount]:
        """Return what was counted, by plugin and hook."""
        with redis_errors():
            rows = cast("dict[str, str]", self.client.hgetall("ceos:hooks"))
        counts: dict[tuple[str, str], dict[str, int]] = {}
        for name, value in rows.items():
            what, hook, plugin = name.split(" ", 2)
            counts.setdefault((plugin, hook), {})[what] = int(value)
        return {
            place: HookCount(found.get("calls", 0), found.get("failures", 0), found.get("micros", 0) / 1e6)
            for place, found in counts.items()
        }

    # The fleet

    def note_worker(self, name: str) -> None:
        """Say that this worker process is alive."""
        with redis_errors():
            seconds, micros = self.client.time()
            at = seconds * 1000 + micros // 1000
            pipe = self.client.pipeline(transaction=False)
            pipe.zadd("ceos:workers", {name: at})
            pipe.zremrangebyscore("ceos:workers", "-inf", at - 10 * WORKER_SEEN_MS)
            pipe.execute()

    def forget_worker(self, name: str) -> None:
        """Say that this worker process has stopped."""
        with redis_errors():
            self.client.zrem("ceos:workers", name)

    def set_panic(self, reason: str | None) -> None:
        """Stop all publishing (with a reason), or with None let it go on."""
        with redis_errors():
            if reason is None:
                self.client.delete("ceos:panic")
                waiting = cast("list[str]", self.client.zrange("ceos:open", 0, -1))
                if waiting:
                    self.client.zadd("ceos:open", dict.fromkeys(waiting, 0), xx=True)
            else:
                self.client.set("ceos:panic", reason or "panic")

    def panic_reason(self) -> str | None:
        """Return why publishing is stopped, or None while it is not."""
        with redis_errors():
            return cast("str | None", self.client.get("ceos:panic"))


def listening_place(agent_id: str) -> int:
    """Return where in the interval an agent looks at its mentions: 32 bits of a hash of its id."""
    return int.from_bytes(hashlib.sha256(agent_id.encode()).digest()[:4], "big")


def revision_of(config: str) -> str:
    """Return the revision of an agent's description."""
    return hashlib.sha256(config.encode()).hexdigest()[:16]


def run_from(run_id: str, agent_id: str, slot: str, draft: str | None, row: Sequence[str]) -> Run:
    """Build the record of a run from its draft and its hash, names and values in turn."""
    fields = dict(zip(row[::2], row[1::2], strict=True))
    parsed = Draft.model_validate_json(draft) if draft else None
    count = len(parsed.parts) if parsed else 0
    return Run(
        id=run_id,
        agent_id=agent_id,
        slot=slot,
        status=RunStatus(fields["st"]),
        reason=fields.get("why", ""),
        kind=Kind(fields["kind"]) if fields.get("kind") else (parsed.kind if parsed else None),
        opened_at=_at(fields["at"]),
        draft=parsed,
        hashes=tuple(fields.get(f"h{index}") for index in range(count)),
        deliveries=int(fields.get("deliv", 0)),
    )


def pack_measurements(rows: Iterable[CastMetrics]) -> str:
    """Return measurements of one cast as they are kept: to the minute, see `packing`."""
    return pack(
        (int(row.at.timestamp()) // 60, (row.likes, row.recasts, row.replies, row.quotes))
        for row in sorted(rows, key=lambda row: row.at)
    )


def unpack_measurements(hash: str, text: str) -> list[CastMetrics]:
    """Return the measurements of the cast `hash`, oldest first."""
    # Until version 0.1 they were kept as JSON, for 30 days.
    if text.startswith("["):
        return [CastMetrics.model_validate(item) for item in json.loads(text)]
    return [
        CastMetrics(
            hash=hash,
            at=_at(minute * 60_000),
            likes=likes or 0,
            recasts=recasts or 0,
            replies=replies or 0,
            quotes=quotes,
        )
        for minute, (likes, recasts, replies, quotes) in unpack(text, 4)
    ]


def _minute(at: dt.datetime) -> dt.datetime:
    return at.replace(second=0, microsecond=0)


def _transition(at: float, old: str, new: str, run: str, reason: str) -> Transition:
    return Transition(at=_at(at), old=AgentState(old), new=AgentState(new), run_id=run, reason=reason)


def _at(ms: str | float) -> dt.datetime:
    return dt.datetime.fromtimestamp(float(ms) / 1000, dt.UTC)


def moment(ms: str | None) -> dt.datetime | None:
    """Return the moment of a stored time, or None where none is stored."""
    return _at(ms) if ms else None
