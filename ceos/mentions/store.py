"""Mentions in Redis: casts received once, how far each agent has read, decisions about them, claims and limits."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from ceos.domain.agent import Agent
from ceos.domain.base import from_ms
from ceos.domain.mentions import Decision, Mention
from ceos.domain.runs import Run
from ceos.runs.budget import utc_day
from ceos.runs.ids import RunId
from ceos.runs.ledger import KEEP_SECONDS
from ceos.storage.connection import Database, redis_errors
from ceos.storage.runs import RunStore

#: What `take` makes of a cast: its run is opened; it is on record as ignored; it was taken before; it is from before
#: the agent listened, or too old; the agent does not listen; there is no such agent.
Taken = Literal["opened", "ignored", "known", "old", "off", "missing"]

#: For how long, and how many of an agent's mentions are remembered; what is older than all of them is not taken.
MEMORY_MS = 30 * 86_400_000
MEMORY = 50_000
#: How many mentions of an agent may wait; further ones are on record as ignored.
WAITING = 20_000

#: How long a decision stands, in seconds: longer than any run is driven.
KEEP_DECISION_SECONDS = 7 * 86_400
#: How long a cast stays with the agent that reacted to it, in seconds; nobody answers what is older.
KEEP_CLAIM_SECONDS = 30 * 86_400

#: What stands in the way: another agent's claim, or one of the limits.
Obstacle = Literal["claimed", "day", "person", "thread"]


@dataclass(frozen=True)
class Ear:
    """How far an agent has read its notifications; times are milliseconds of the service's clock."""

    #: Casts up to this moment are none of the agent's business.
    floor: int
    #: Everything up to this moment has been read.
    mark: int
    #: A look that was not finished goes on at this cursor; when it ends, everything up to `top` has been read.
    cursor: str = ""
    top: int = 0
    #: That look has begun again from the top, for its cursor was not accepted any more.
    again: bool = False
    #: How many looks there were; two looks at once have the same number, and only one of them counts.
    looks: int = 0
    #: When the last look ended well.
    at: dt.datetime | None = None
    #: Looks that failed in a row, and why the last one did.
    failures: int = 0
    why: str = ""


class Inbox:
    """Takes casts that concern agents, and remembers how far each has read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    def take(self, agent_id: str, mention: Mention, now_ms: int, *, ignored: str = "") -> Taken:
        """Open the run of a cast that concerns an agent, unless it was taken before or is too old.

        One that is `ignored`, for this reason, is only put on record.
        """
        run = RunId.mention(agent_id, mention.hash)
        answer: Taken = self._database.run_script(
            "take_mention", agent_id, str(run), mention.hash, int(mention.at.timestamp() * 1000), uuid.uuid4().hex,
            mention.model_dump_json(), now_ms, MEMORY_MS, MEMORY, WAITING, KEEP_SECONDS, ignored,
        )  # fmt: skip
        return answer

    def mention(self, run_id: str) -> Mention | None:
        """Return the cast that a run reacts to, or None for a run of another kind and for one that has expired."""
        with redis_errors():
            row = cast("str | None", self._client.get(f"ceos:mention:{run_id}"))
        return Mention.model_validate_json(row) if row else None

    def mention_runs(self, agent_id: str, limit: int = 20) -> list[Run]:
        """Return the runs of the last mentions of an agent, newest first; at most 200 are known."""
        with redis_errors():
            ids = cast("list[str]", self._client.zrevrange(f"ceos:mentions:{agent_id}", 0, limit - 1))
        return RunStore(self._database).runs(ids)

    def known(self, agent_id: str, hashes: Sequence[str]) -> set[str]:
        """Return which of these casts the agent has taken."""
        if not hashes:
            return set()
        with redis_errors():
            scores = self._client.zmscore(f"ceos:seen:{agent_id}", list(hashes))
        return {hash for hash, score in zip(hashes, scores, strict=True) if score is not None}

    def ear(self, agent_id: str) -> Ear | None:
        """Return how far an agent has read, or None for one that has never listened."""
        with redis_errors():
            row = cast("dict[str, str]", self._client.hgetall(f"ceos:ear:{agent_id}"))
        if not row:
            return None
        return Ear(
            floor=int(float(row.get("floor", 0))),
            mark=int(float(row.get("mark", 0))),
            cursor=row.get("cursor", ""),
            top=int(float(row.get("top") or 0)),
            again=bool(row.get("again")),
            looks=int(row.get("looks", 0)),
            at=from_ms(row["at"]) if row.get("at") else None,
            failures=int(row.get("failures", 0)),
            why=row.get("why", ""),
        )

    def heard(self, agent_id: str, before: Ear, after: Ear, *, seconds: float | None = None) -> int | None:
        """Note a look that went well; return how many had failed before it, or None if another look was faster.

        The next look comes in so many `seconds`, or at the agent's usual moment.
        """
        soon = "" if seconds is None else int(seconds * 1000)
        again = 1 if after.again else ""
        answer = self._note(agent_id, before.looks, after.mark, after.top or "", after.cursor, again, "", soon)
        return None if answer is None else abs(answer)

    def failed(self, agent_id: str, before: Ear, why: str, *, seconds: float | None = None) -> int | None:
        """Note a look that failed; return how many have failed in a row, or None if another look was faster."""
        soon = "" if seconds is None else int(seconds * 1000)
        return self._note(agent_id, before.looks, "", "", "", "", why[:300] or "it failed", soon)

    def put_off(self, agent_id: str, seconds: float) -> None:
        """Have an agent look in so many seconds."""
        at = self._database.now_ms()
        with redis_errors():
            self._client.zadd("ceos:listen", {agent_id: int(at + seconds * 1000)}, xx=True)

    def _note(self, agent_id: str, *args: str | int) -> int | None:
        answer: Any = self._database.run_script("heard", agent_id, *args)
        return None if answer == "outdated" else int(answer)

    def waiting(self, agent_ids: Sequence[str]) -> dict[str, int]:
        """Return how many mentions of each agent wait for their place in its queue."""
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            for agent_id in agent_ids:
                pipe.zcard(f"ceos:inbox:{agent_id}")
            counts = pipe.execute() if agent_ids else []
        return dict(zip(agent_ids, counts, strict=True))

    def counts(self, day: dt.date | None = None) -> dict[str, int]:
        """Return how many mentions are open, how many were opened on a UTC day, and how many ended in which way.

        The day is today by default.
        """
        number = self._database.now_ms() // 86_400_000 if day is None else (day - dt.date(1970, 1, 1)).days
        with redis_errors():
            row = cast("dict[str, str]", self._client.hgetall(f"ceos:heard:{number}"))
            unfinished = self._client.get("ceos:heard")
        return {"open": int(unfinished or 0), **{what: int(count) for what, count in row.items()}}


@dataclass(frozen=True)
class Refusal:
    """Why an agent may not react to a cast."""

    obstacle: Obstacle
    #: The agent that claimed it.
    by: str = ""


class Claims:
    """Which agent reacts to which cast, and how often to whom."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    def decision(self, run: str) -> Decision | None:
        """Return what was decided about a mention, or None while nothing was."""
        with redis_errors():
            row = cast("str | None", self._client.get(f"ceos:decision:{run}"))
        return Decision.model_validate_json(row) if row else None

    def decide(self, run: str, decision: Decision) -> Decision:
        """Store a decision and return the one that stands: the first."""
        row = decision.model_dump_json()
        with redis_errors():
            self._client.set(f"ceos:decision:{run}", row, nx=True, ex=KEEP_DECISION_SECONDS)
        return self.decision(run) or decision

    def claim(
        self, agent: Agent, mention: Mention, what: Literal["answer", "like", "recast"], at: dt.datetime
    ) -> Refusal | None:
        """Claim a cast for an agent and count the reaction, or return what stands in the way; repeatable."""
        rules = agent.engagement
        daily = {"answer": 0, "like": rules.likes_per_day, "recast": rules.recasts_per_day}[what]
        refused, *by = self._database.run_script(
            "claim", agent.id, str(RunId.mention(agent.id, mention.hash)), mention.hash, mention.author_fid,
            mention.thread or mention.hash, utc_day(at), int(at.timestamp() * 1000), what, daily,
            rules.answers_per_person_per_hour, rules.answers_per_thread, KEEP_CLAIM_SECONDS,
        )  # fmt: skip
        return None if refused == "ok" else Refusal(refused, *by)

    def said_to(self, agent_id: str, fid: int) -> list[str]:
        """Return what the agent last answered to a person, newest first; at most 5 answers of 90 days."""
        with redis_errors():
            return cast("list[str]", self._client.lrange(f"ceos:said:{agent_id}:{fid}", 0, -1))
