"""What agents hear, in Redis: casts taken once, how far each agent has read, and what became of it all.

The map of the keys is at the top of store.py.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from ceos.domain.mentions import Mention
from ceos.runs.ids import RunId
from ceos.runs.ledger import KEEP_SECONDS
from ceos.storage.connection import redis_errors
from ceos.storage.store import Store, moment

#: What `take` makes of a cast: its run is opened; it is on record as ignored; it was taken before; it is from before
#: the agent listened, or too old; the agent does not listen; there is no such agent.
Taken = Literal["opened", "ignored", "known", "old", "off", "missing"]

#: For how long, and how many of an agent's mentions are remembered; what is older than all of them is not taken.
MEMORY_MS = 30 * 86_400_000
MEMORY = 50_000
#: How many mentions of an agent may wait; further ones are on record as ignored.
WAITING = 20_000


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

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, agent_id: str, mention: Mention, now_ms: int, *, ignored: str = "") -> Taken:
        """Open the run of a cast that concerns an agent, unless it was taken before or is too old.

        One that is `ignored`, for this reason, is only put on record.
        """
        run = RunId.mention(agent_id, mention.hash)
        answer: Taken = self._store.run_script(
            "take_mention", agent_id, str(run), mention.hash, int(mention.at.timestamp() * 1000), uuid.uuid4().hex,
            mention.model_dump_json(), now_ms, MEMORY_MS, MEMORY, WAITING, KEEP_SECONDS, ignored,
        )  # fmt: skip
        return answer

    def known(self, agent_id: str, hashes: Sequence[str]) -> set[str]:
        """Return which of these casts the agent has taken."""
        if not hashes:
            return set()
        with redis_errors():
            scores = self._store.client.zmscore(f"ceos:seen:{agent_id}", list(hashes))
        return {hash for hash, score in zip(hashes, scores, strict=True) if score is not None}

    def ear(self, agent_id: str) -> Ear | None:
        """Return how far an agent has read, or None for one that has never listened."""
        with redis_errors():
            row = cast("dict[str, str]", self._store.client.hgetall(f"ceos:ear:{agent_id}"))
        if not row:
            return None
        return Ear(
            floor=int(float(row.get("floor", 0))),
            mark=int(float(row.get("mark", 0))),
            cursor=row.get("cursor", ""),
            top=int(float(row.get("top") or 0)),
            again=bool(row.get("again")),
            looks=int(row.get("looks", 0)),
            at=moment(row.get("at")),
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
        with redis_errors():
            at, _ = self._store.client.time()
            self._store.client.zadd("ceos:listen", {agent_id: int((at + seconds) * 1000)}, xx=True)

    def _note(self, agent_id: str, *args: str | int) -> int | None:
        answer: Any = self._store.run_script("heard", agent_id, *args)
        return None if answer == "outdated" else int(answer)

    def waiting(self, agent_ids: Sequence[str]) -> dict[str, int]:
        """Return how many mentions of each agent wait for their place in its queue."""
        with redis_errors():
            pipe = self._store.client.pipeline(transaction=False)
            for agent_id in agent_ids:
                pipe.zcard(f"ceos:inbox:{agent_id}")
            counts = pipe.execute() if agent_ids else []
        return dict(zip(agent_ids, counts, strict=True))

    def counts(self, day: dt.date | None = None) -> dict[str, int]:
        """Return how many mentions are open, how many were opened on a UTC day, and how many ended in which way.

        The day is today by default.
        """
        with redis_errors():
            seconds, _ = self._store.client.time()
            number = seconds // 86_400 if day is None else (day - dt.date(1970, 1, 1)).days
            row = cast("dict[str, str]", self._store.client.hgetall(f"ceos:heard:{number}"))
            unfinished = self._store.client.get("ceos:heard")
        return {"open": int(unfinished or 0), **{what: int(count) for what, count in row.items()}}
