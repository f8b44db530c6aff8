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

#: The result of `receive_mention`: its run was opened; it is recorded as ignored; it was received before; it is old
#: (or older than the engagement); the engagement is off; the agent does not exist.
ReceiveResult = Literal["opened", "ignored", "known", "old", "off", "missing"]

#: The hashes of received casts are kept for this long, and this many of them for each agent; older casts are ignored.
KEEP_RECEIVED_MS = 30 * 86_400_000
MAX_RECEIVED = 50_000
#: The number of mentions of an agent that may wait; further ones are recorded as ignored.
MAX_WAITING = 20_000

#: How long a decision is kept, in seconds: longer than any run is processed.
KEEP_DECISION_SECONDS = 7 * 86_400
#: How long a claim on a cast is kept, in seconds; older casts are not answered.
KEEP_CLAIM_SECONDS = 30 * 86_400

#: The obstacle: another agent's claim, or one of the limits.
Obstacle = Literal["claimed", "day", "person", "thread"]


@dataclass(frozen=True)
class NotificationCursor:
    """The position up to which an agent has read its notifications; times are milliseconds of the service's clock."""

    #: Casts up to this moment are ignored.
    floor: int
    #: Everything up to this moment has been read.
    watermark: int
    #: An unfinished poll continues at this cursor of the service; its end moves the watermark to `next_watermark`.
    page_cursor: str = ""
    next_watermark: int = 0
    #: Whether that poll has started again from the top, because its page cursor was refused.
    restarted: bool = False
    #: The number of polls; of two concurrent polls, which have the same number, only one is stored.
    poll_count: int = 0
    #: Time of the last poll that succeeded.
    polled_at: dt.datetime | None = None
    #: Failed polls in a row, and the reason of the last failure.
    failures: int = 0
    reason: str = ""


@dataclass(frozen=True)
class ClaimRefusal:
    """The reason why an agent may not react to a cast."""

    obstacle: Obstacle
    #: The agent that holds the claim.
    by: str = ""


class MentionStore:
    """Reads and writes mentions, the cursors of polls, decisions and claims."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    def receive_mention(self, agent_id: str, mention: Mention, now_ms: int, *, ignored: str = "") -> ReceiveResult:
        """Open the run of a cast that concerns an agent, unless it was received before or is too old.

        A reason in `ignored` only records the cast as ignored.
        """
        run = RunId.mention(agent_id, mention.hash)
        answer: ReceiveResult = self._database.run_script(
            "receive_mention", agent_id, str(run), mention.hash, int(mention.at.timestamp() * 1000), uuid.uuid4().hex,
            mention.model_dump_json(), now_ms, KEEP_RECEIVED_MS, MAX_RECEIVED, MAX_WAITING, KEEP_SECONDS, ignored,
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

    def received_hashes(self, agent_id: str, hashes: Sequence[str]) -> set[str]:
        """Return those of these casts that the agent has received."""
        if not hashes:
            return set()
        with redis_errors():
            scores = self._client.zmscore(f"ceos:seen:{agent_id}", list(hashes))
        return {hash for hash, score in zip(hashes, scores, strict=True) if score is not None}

    def cursor(self, agent_id: str) -> NotificationCursor | None:
        """Return the cursor of an agent, or None for one whose engagement was never on."""
        with redis_errors():
            row = cast("dict[str, str]", self._client.hgetall(f"ceos:ear:{agent_id}"))
        if not row:
            return None
        return NotificationCursor(
            floor=int(float(row.get("floor", 0))),
            watermark=int(float(row.get("mark", 0))),
            page_cursor=row.get("cursor", ""),
            next_watermark=int(float(row.get("top") or 0)),
            restarted=bool(row.get("again")),
            poll_count=int(row.get("looks", 0)),
            polled_at=from_ms(row["at"]) if row.get("at") else None,
            failures=int(row.get("failures", 0)),
            reason=row.get("why", ""),
        )

    def save_poll(
        self, agent_id: str, before: NotificationCursor, after: NotificationCursor, *, seconds: float | None = None
    ) -> int | None:
        """Store a successful poll; return the number of failures before it, or None if another poll was faster.

        The next poll is in `seconds`, or by default at the agent's regular time.
        """
        soon = "" if seconds is None else int(seconds * 1000)
        restarted = 1 if after.restarted else ""
        answer = self._save_poll(
            agent_id,
            before.poll_count,
            after.watermark,
            after.next_watermark or "",
            after.page_cursor,
            restarted,
            "",
            soon,
        )
        return None if answer is None else abs(answer)

    def save_failed_poll(
        self, agent_id: str, before: NotificationCursor, reason: str, *, seconds: float | None = None
    ) -> int | None:
        """Store a failed poll; return the number of failures in a row, or None if another poll was faster."""
        soon = "" if seconds is None else int(seconds * 1000)
        return self._save_poll(agent_id, before.poll_count, "", "", "", "", reason[:300] or "it failed", soon)

    def postpone_poll(self, agent_id: str, seconds: float) -> None:
        """Make the next poll of an agent due in `seconds`."""
        at = self._database.now_ms()
        with redis_errors():
            self._client.zadd("ceos:listen", {agent_id: int(at + seconds * 1000)}, xx=True)

    def _save_poll(self, agent_id: str, *args: str | int) -> int | None:
        answer: Any = self._database.run_script("save_poll", agent_id, *args)
        return None if answer == "outdated" else int(answer)

    def waiting(self, agent_ids: Sequence[str]) -> dict[str, int]:
        """Return the number of mentions of each agent that wait for its queue."""
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            for agent_id in agent_ids:
                pipe.zcard(f"ceos:inbox:{agent_id}")
            counts = pipe.execute() if agent_ids else []
        return dict(zip(agent_ids, counts, strict=True))

    def counts(self, day: dt.date | None = None) -> dict[str, int]:
        """Return how many mentions are open, and how many were opened and ended on a UTC day, by default today."""
        number = self._database.now_ms() // 86_400_000 if day is None else (day - dt.date(1970, 1, 1)).days
        with redis_errors():
            row = cast("dict[str, str]", self._client.hgetall(f"ceos:heard:{number}"))
            unfinished = self._client.get("ceos:heard")
        return {"open": int(unfinished or 0), **{outcome: int(count) for outcome, count in row.items()}}

    # Decisions and claims

    def decision(self, run: str) -> Decision | None:
        """Return the decision about a mention, or None before there is one."""
        with redis_errors():
            row = cast("str | None", self._client.get(f"ceos:decision:{run}"))
        return Decision.model_validate_json(row) if row else None

    def save_decision(self, run: str, decision: Decision) -> Decision:
        """Store a decision unless there is one; return the stored one."""
        row = decision.model_dump_json()
        with redis_errors():
            self._client.set(f"ceos:decision:{run}", row, nx=True, ex=KEEP_DECISION_SECONDS)
        return self.decision(run) or decision

    def claim_mention(
        self, agent: Agent, mention: Mention, reaction: Literal["answer", "like", "recast"], at: dt.datetime, *,
        only_asks: bool = False,
    ) -> ClaimRefusal | None:  # fmt: skip
        """Claim a cast for an agent and count the reaction, or return the refusal; repeatable.

        With `only_asks` nothing is claimed: the result is that of a claim.
        """
        rules = agent.engagement
        daily = {"answer": 0, "like": rules.likes_per_day, "recast": rules.recasts_per_day}[reaction]
        refused, *by = self._database.run_script(
            "claim", agent.id, str(RunId.mention(agent.id, mention.hash)), mention.hash, mention.author_fid,
            mention.thread or mention.hash, utc_day(at), int(at.timestamp() * 1000), reaction, daily,
            rules.answers_per_person_per_hour, rules.answers_per_thread, KEEP_CLAIM_SECONDS, int(only_asks),
        )  # fmt: skip
        return None if refused == "ok" else ClaimRefusal(refused, *by)

    def claimed_by(self, hash: str) -> str | None:
        """Return the run that reacted to a cast in the last 30 days, or None."""
        with redis_errors():
            return cast("str | None", self._client.get(f"ceos:claim:{hash}"))

    def earlier_replies(self, agent_id: str, fid: int) -> list[str]:
        """Return the agent's last replies to a person, newest first; at most 5 of the last 90 days."""
        with redis_errors():
            return cast("list[str]", self._client.lrange(f"ceos:said:{agent_id}:{fid}", 0, -1))
