"""Subscriptions and posts about their events in Redis; the keys are in the map at the head of `storage/__init__.py`.

One script call precedes every delivery: it records which event begins, and thereby that all events before it are
delivered. A process can be killed at any instruction, and exactly one event is in doubt, the one that began last. It is
delivered again with `repeated` set. Every call carries the token of the session, and a worker whose lease was taken
over writes nothing.

The key of a subscription holds a fingerprint of its filter, so a changed subscription begins anew, and hosts with the
old file and hosts with the new one do not overwrite each other's progress.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ceos.chain.events.cursor import Checkpoint, EventCursor, PollSession, parse_event, short_json, stored_event
from ceos.domain.chain_event import ChainEvent, Subscription
from ceos.errors import StaleLease
from ceos.runs.ids import RunId
from ceos.storage.connection import Database, redis_errors

#: The number of delivered events of a subscription that are kept, to be announced as removed after a re-org.
MAX_KEPT = 20_000
#: How long the checkpoints and events of a changed subscription are kept, in seconds.
SUPERSEDED_SECONDS = 7 * 86_400
#: How long an agent is not asked about the same event again, in seconds.
ASKED_SECONDS = 31 * 86_400
#: About how many events of a subscription an agent is asked in a UTC day, those that it skips included.
MAX_ASKED_PER_DAY = 200
DAY_MS, TWO_DAYS = 86_400_000, 172_800

#: The fields of a subscription's hash, by the attributes of `PollSession`.
_NUMBERS = {
    "start": "from",
    "next_block": "next",
    "retry_count": "doubts",
    "fork_block": "fork",
    "delivered": "handed",
    "removed": "removed",
    "malformed": "odd",
    "range_blocks": "range",
    "failures": "fails",
    "head": "head",
}
_OPTIONAL = ("start", "next_block", "fork_block", "head")
_STRINGS = {"rolled_back": "gone", "reason": "why"}


class EventStore:
    """The progress of subscriptions, and the events that agents are asked about."""

    def __init__(self, database: Database, *, lease_seconds: float = 60.0) -> None:
        self._database = database
        self._client = database.client
        self._lease_ms = int(lease_seconds * 1000)
        #: How often a session has to be renewed.
        self.renewal_seconds = lease_seconds / 3

    # Sessions

    def claim_session(self, name: str, fingerprint: str) -> PollSession | None:
        """Return a session at a subscription, or None while another worker has one."""
        key, token = _key(name, fingerprint), uuid.uuid4().hex
        found = cast("list[str]", self._database.run_script("event_turn", key, token, self._lease_ms))
        if not found:
            return None
        fields = dict(zip(found[::2], found[1::2], strict=True))
        return _session(name, key, token, self._lease_ms, fields)

    def renew_session(self, session: PollSession) -> bool:
        """Extend the lease of a session; return whether it was still held."""
        return bool(self._database.run_script("event_turn", session.key, session.token, session.lease_ms))

    def save_session(
        self, session: PollSession, *, floor: int | None = None, above: int | None = None, release: bool = False
    ) -> None:
        """Store the progress of a session; raises `StaleLease`.

        Checkpoints and events below the block `floor` are deleted, and so are checkpoints above the block `above`.
        """
        lease = 0 if release else session.lease_ms
        fields = [part for pair in _fields(session).items() for part in pair]
        cuts = ("" if cut is None else cut for cut in (floor, above))
        is_held = self._database.run_script("event_keep", session.key, session.token, lease, *cuts, *fields)
        if not is_held and not release:
            raise StaleLease

    def release_session(self, session: PollSession) -> None:
        """Release the lease of a session without storing its progress, which is unknown."""
        self._database.run_script("event_keep", session.key, session.token, 0, "", "")

    def sessions(self, subscriptions: Sequence[tuple[str, str]]) -> list[PollSession]:
        """Return the progress of subscriptions, given by name and fingerprint, without claiming them."""
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            pipe.time()
            for name, fingerprint in subscriptions:
                pipe.hgetall(_key(name, fingerprint))
            (seconds, micros), *rows = pipe.execute()
        found = []
        for (name, fingerprint), fields in zip(subscriptions, rows, strict=True):
            session = _session(name, _key(name, fingerprint), "", 0, fields)
            session.is_leased = float(fields.get("lease") or 0) > seconds * 1000 + micros // 1000
            found.append(session)
        return found

    def record_fingerprint(self, name: str, fingerprint: str) -> bool:
        """Store the filter of a subscription; return whether the subscription had another one before."""
        with redis_errors():
            before = cast("str | None", self._client.hget("ceos:subs", name))
            if before == fingerprint:
                return False
            pipe = self._client.pipeline()
            pipe.hset("ceos:subs", name, fingerprint)
            for what in ("marks", "kept"):
                # The progress itself stays: without it, returning to the old file would deliver everything again.
                pipe.expire(f"{_key(name, before or '')}:{what}", SUPERSEDED_SECONDS)
                pipe.persist(f"{_key(name, fingerprint)}:{what}")
            pipe.execute()
        return before is not None

    # Deliveries

    def begin_event(self, session: PollSession, event: ChainEvent, *, keep: bool) -> EventCursor:
        """Record that the delivery of an event begins and all before it are delivered; raises `StaleLease`.

        An event whose delivery begins again is counted once. `keep` keeps it for the case of a re-org.
        """
        cursor = EventCursor(event.block, event.index, event.block_hash)
        retry_count = session.retry_count + 1 if event.repeated else 0
        entry = stored_event(event) if keep else ""
        delivered = session.delivered + (not event.repeated)
        is_held = self._database.run_script(
            "event_begin", session.key, session.token, session.lease_ms, str(cursor), event.block, delivered, entry,
            f"{event.block}:{event.block_hash}" if keep else "", MAX_KEPT, retry_count,
        )  # fmt: skip
        if not is_held:
            raise StaleLease
        session.cursor, session.next_block = cursor, event.block
        session.delivered, session.retry_count = delivered, retry_count
        return cursor

    def begin_removal(self, session: PollSession, entry: str) -> None:
        """Record that the announcement of the newest kept event as removed begins; raises `StaleLease`."""
        removed = session.removed + 1
        if not self._database.run_script("event_remove", session.key, session.token, session.lease_ms, entry, removed):
            raise StaleLease
        session.rolled_back, session.removed, session.retry_count = entry, removed, 0

    def checkpoints(self, session: PollSession) -> list[Checkpoint]:
        """Return the checkpoints that are kept, newest first."""
        with redis_errors():
            found = cast("list[str]", self._client.zrange(f"{session.key}:marks", 0, -1, desc=True))
        return sorted(map(Checkpoint.parse, found), reverse=True)

    def newest_event(self, session: PollSession) -> str:
        """Return the newest kept event in its stored form, or nothing."""
        with redis_errors():
            return cast("str | None", self._client.lindex(f"{session.key}:kept", -1)) or ""

    def has_dropped(self, session: PollSession, above: int) -> bool:
        """Say whether delivered events above a block may be missing because there were more than are kept."""
        with redis_errors():
            count = self._client.llen(f"{session.key}:kept")
            oldest = cast("str | None", self._client.lindex(f"{session.key}:kept", 0))
        return count >= MAX_KEPT and oldest is not None and parse_event(oldest).block > above

    # Posts

    def open_event_run(self, run: RunId, subscription: Subscription, event: ChainEvent, *, at_ms: int) -> bool:
        """Open the run in which an agent may post about an event; return whether it is open.

        An agent gets one run for an event, and at most `posts_per_day` runs of a subscription that end in a post.
        """
        answer = self._database.run_script(
            "event_open", run.agent_id, subscription.name, event_digest(event), run.slot, at_ms // DAY_MS,
            subscription.posts_per_day, MAX_ASKED_PER_DAY, ASKED_SECONDS, short_json(event),
        )  # fmt: skip
        return bool(answer == "opened")

    def record_skipped(self, run: RunId, event: ChainEvent) -> None:
        """Record that there is no post about an event, so that the event takes no place in the agent's day."""
        at_ms = int(run.moment.timestamp() * 1000) if run.moment else 0
        key = f"ceos:event:day:{run.agent_id}:{event.subscription}:{at_ms // DAY_MS}:passed"
        with redis_errors():
            pipe = self._client.pipeline()
            pipe.sadd(key, event_digest(event))
            pipe.expire(key, TWO_DAYS)
            pipe.execute()

    def asked_agents(self, event: ChainEvent) -> dict[str, str]:
        """Return the slot of every agent that was asked about an event, by agent."""
        with redis_errors():
            return cast("dict[str, str]", self._client.hgetall(f"ceos:event:taken:{event_digest(event)}"))

    def event_of_run(self, run: str) -> ChainEvent | None:
        """Return the event that a run is about, or None for a run of another kind."""
        with redis_errors():
            found = cast("str | None", self._client.get(f"ceos:event:{run}"))
        return ChainEvent.model_validate_json(found) if found else None

    def update_event_of_run(self, run: str, event: ChainEvent) -> None:
        """Replace the event that a run is about, if the run is known."""
        with redis_errors():
            self._client.set(f"ceos:event:{run}", short_json(event), xx=True, keepttl=True)


def event_digest(event: ChainEvent) -> str:
    """Return the 16 hex digits that stand for an event in keys and in the ids of runs."""
    return hashlib.sha256(event.id.encode()).hexdigest()[:16]


def _key(name: str, fingerprint: str) -> str:
    return f"ceos:sub:{name}:{fingerprint}"


def _session(name: str, key: str, token: str, lease_ms: int, fields: Mapping[str, str]) -> PollSession:
    values: dict[str, Any] = {attribute: fields.get(stored, "") for attribute, stored in _STRINGS.items()}
    for attribute, stored in _NUMBERS.items():
        text = fields.get(stored, "")
        values[attribute] = int(text) if text else (None if attribute in _OPTIONAL else 0)
    return PollSession(
        name,
        key,
        token,
        lease_ms,
        checkpoint=Checkpoint.parse(fields["end"]) if fields.get("end") else None,
        cursor=EventCursor.parse(fields["at"]) if fields.get("at") else None,
        **values,
    )


def _fields(session: PollSession) -> dict[str, str]:
    values = {stored: getattr(session, attribute) for attribute, stored in {**_NUMBERS, **_STRINGS}.items()}
    found = {stored: "" if value is None else str(value) for stored, value in {**values, "at": session.cursor}.items()}
    if session.checkpoint is not None:
        found["end"] = str(session.checkpoint)
    return found
