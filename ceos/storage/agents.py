"""Agents in Redis: their descriptions, states, changes of state and missed slots."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from typing import cast

from ceos.domain.agent import Agent, AgentStatus, MissedSlot, Transition
from ceos.domain.base import from_ms
from ceos.domain.lifecycle import AgentState
from ceos.errors import NotFound
from ceos.storage.connection import Database, redis_errors

#: How many agents a process keeps in memory, at some kilobytes each.
MAX_CACHED = 20_000


class AgentStore:
    """Reads and writes agents and their states."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._client = database.client
        #: Agents by id and revision; a changed agent has another revision.
        self._cached: dict[tuple[str, str], Agent] = {}

    def save_agent(
        self, agent: Agent, *, slot: int | None, fire: int, moves_slot: bool, now_ms: int | None = None
    ) -> str:
        """Store an agent and its next slot; return "created", "changed" or "unchanged".

        An agent whose engagement is switched on ignores casts from before `now_ms`, by default the present time.
        """
        config = agent.model_dump_json()
        present = int(time.time() * 1000) if now_ms is None else now_ms
        place = poll_offset(agent.id) if agent.engagement.enabled else ""
        return str(
            self.database.run_script(
                "save", agent.id, config, revision_of(config), slot or "", fire, int(moves_slot), agent.fid, place,
                present,
            )
        )  # fmt: skip

    def agents_of(self, fids: Iterable[int]) -> dict[int, list[str]]:
        """Return the ids of the agents that have these accounts, by fid; other fids are left out."""
        wanted = list(dict.fromkeys(fids))
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            for fid in wanted:
                pipe.smembers(f"ceos:fid:{fid}")
            found = pipe.execute() if wanted else []
        return {fid: sorted(ids) for fid, ids in zip(wanted, found, strict=True) if ids}

    def agent(self, agent_id: str, revision: str | None = None) -> Agent:
        """Return an agent, from the cache of this process if it holds the `revision`; raises `NotFound`."""
        if revision is None:
            with redis_errors():
                revision = cast("str | None", self._client.hget(f"ceos:agent:{agent_id}", "rev"))
        cached = self._cached.get((agent_id, revision or ""))
        return cached or self._cache(agent_id, revision or "", self._config(agent_id))

    def all_agents(self) -> list[Agent]:
        """Return all agents, sorted by id, in two round trips."""
        ids = self.agent_ids()
        with redis_errors():
            configs = cast("list[str | None]", self._client.mget([f"ceos:config:{one}" for one in ids])) if ids else []
        # An agent may have been removed between the two.
        return [Agent.model_validate_json(config) for config in configs if config is not None]

    def cache_agents(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Read the agents of these (id, revision) pairs that the cache lacks, in one round trip."""
        unknown = [pair for pair in wanted if pair not in self._cached]
        if unknown:
            with redis_errors():
                configs = cast("list[str | None]", self._client.mget([f"ceos:config:{name}" for name, _ in unknown]))
            for (agent_id, revision), config in zip(unknown, configs, strict=True):
                if config is not None:
                    self._cache(agent_id, revision, config)

    def _cache(self, agent_id: str, revision: str, config: str | None) -> Agent:
        if config is None:
            raise self._not_found(agent_id)
        if len(self._cached) >= MAX_CACHED:
            self._cached.clear()
        agent = Agent.model_validate_json(config)
        # The agent may have been changed since its revision was read.
        if revision_of(config) == revision:
            self._cached[agent_id, revision] = agent
        return agent

    def _not_found(self, agent_id: str) -> NotFound:
        known = ", ".join(self.agent_ids()[:8]) or "none yet; 'ceos agent apply FILE' makes one"
        return NotFound(f"No agent named {agent_id[:64]!r}. Known: {known}.")

    def _config(self, agent_id: str) -> str | None:
        with redis_errors():
            return cast("str | None", self._client.get(f"ceos:config:{agent_id}"))

    def agent_ids(self) -> list[str]:
        """Return the ids of all agents, sorted."""
        with redis_errors():
            return sorted(cast("set[str]", self._client.smembers("ceos:agents")))

    def agent_statuses(self, agent_ids: Sequence[str]) -> list[AgentStatus]:
        """Return the state of each of these agents; raises `NotFound` for an unknown one."""
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            for agent_id in agent_ids:
                pipe.hgetall(f"ceos:agent:{agent_id}")
            rows = pipe.execute()
            for row in rows:
                pipe.hget(f"ceos:run:{row.get('run') or '-'}", "lease")
            leases = pipe.execute() if rows else []
        statuses = []
        for agent_id, row, lease in zip(agent_ids, rows, leases, strict=True):
            if not row:
                raise self._not_found(agent_id)
            slot = row.get("slot") if row["state"] != AgentState.PAUSED else None
            statuses.append(
                AgentStatus(
                    agent_id=agent_id,
                    state=AgentState(row["state"]),
                    since=from_ms(row["since"]) if row.get("since") else None,
                    run_id=row.get("run", ""),
                    lease_until=from_ms(lease) if lease else None,
                    failures=int(row.get("failures", 0)),
                    reason=row.get("reason", ""),
                    next_slot=from_ms(slot) if slot else None,
                    missed=int(row.get("missed", 0)),
                )
            )
        return statuses

    def history(self, agent_id: str) -> list[Transition]:
        """Return the last 50 changes of state, newest first."""
        with redis_errors():
            rows = cast("list[str]", self._client.lrange(f"ceos:history:{agent_id}", 0, -1))
        return [transition_from(*json.loads(row)) for row in rows]

    def missed(self, agent_id: str) -> list[MissedSlot]:
        """Return the last 50 missed slots, newest first."""
        with redis_errors():
            rows = cast("list[str]", self._client.lrange(f"ceos:missed:{agent_id}", 0, -1))
        return [MissedSlot(slot=from_ms(slot), reason=reason) for slot, reason in map(json.loads, rows)]

    def signer_account(self, digest: str) -> int | None:
        """Return the fid for which a signer, given by a digest of its id, was found to write; None once that is old."""
        with redis_errors():
            fid = cast("str | None", self._client.get(f"ceos:signer:{digest}"))
        return int(fid) if fid else None

    def save_signer_account(self, digest: str, fid: int, seconds: int) -> None:
        """Store the fid for which a signer writes, for so many seconds."""
        with redis_errors():
            self._client.set(f"ceos:signer:{digest}", fid, ex=seconds)

    def steer(self, verb: str, agent_id: str, reason: str = "", *, slot: int | None = None, fire: int = 0) -> str:
        """Pause, resume or remove an agent; return "ok" or "unchanged"; raises `NotFound`."""
        answer = str(self.database.run_script("steer", agent_id, verb, reason, slot or "", fire))
        if answer == "missing":
            raise self._not_found(agent_id)
        return answer


def poll_offset(agent_id: str) -> int:
    """Return the offset of an agent's polls in the interval: 32 bits of a hash of its id."""
    return int.from_bytes(hashlib.sha256(agent_id.encode()).digest()[:4], "big")


def revision_of(config: str) -> str:
    """Return the revision of an agent's description."""
    return hashlib.sha256(config.encode()).hexdigest()[:16]


def transition_from(at: float, old: str, new: str, run: str, reason: str) -> Transition:
    """Return a stored change of state."""
    return Transition(at=from_ms(at), old=AgentState(old), new=AgentState(new), run_id=run, reason=reason)
