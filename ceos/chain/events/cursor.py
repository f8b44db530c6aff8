"""How far each subscription has come, in Redis: the chain itself is the queue, and this is the place in it.

One script call comes before each hand-over: it says which event is begun, and thereby that all before it are done. So
a process may be killed at any instruction, and exactly one event is in doubt: the one that was begun last. It is handed
over again and says so (`repeated`). Every call carries the token of the turn; who has lost it writes nothing.

A changed subscription is another one: its key holds a fingerprint of what is followed. So workers with the old file and
workers with the new one do not undo each other's work. The keys are in the map at the head of `store.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from ceos.domain.chain_event import ChainEvent
from ceos.errors import Fenced
from ceos.storage.connection import redis_errors
from ceos.storage.store import Store

#: How many events of a subscription are kept at most, for the case that a re-org removes them.
KEPT = 20_000
#: How long what re-orgs may need is kept of a subscription that has become another one, in seconds.
SUPERSEDED_SECONDS = 7 * 86_400
#: Of an event that is longer than this as JSON, only the beginnings of its texts and lists are kept: so many characters
#: and items, or if that is still too long, fewer.
KEPT_BYTES = 4_000
KEPT_PARTS = ((200, 20), (60, 5), (20, 1))


class Checkpoint(NamedTuple):
    """A block that we have seen."""

    block: int
    hash: str

    def __str__(self) -> str:
        return f"{self.block}:{self.hash}"

    @classmethod
    def read(cls, text: str) -> Checkpoint:
        """Return a mark as it is stored."""
        block, _, hash = text.partition(":")
        return cls(int(block), hash)


class EventCursor(NamedTuple):
    """The event that was begun last."""

    block: int
    #: The index of its log in the block.
    position: int
    hash: str
    #: It was handed over; otherwise that is not known.
    is_done: bool = False

    def __str__(self) -> str:
        return f"{self.block}:{self.position}:{self.hash}" + (":done" if self.is_done else "")

    @classmethod
    def read(cls, text: str) -> EventCursor:
        """Return a place as it is stored."""
        block, position, hash, *rest = text.split(":")
        return cls(int(block), int(position), hash, bool(rest))


@dataclass
class PollSession:
    """One worker's turn at a subscription, and how far that has come."""

    name: str
    key: str
    token: str
    lease_ms: int
    #: The first block that counts, and the next one to look at; None before the first look.
    start: int | None = None
    next: int | None = None
    #: The last block that was looked at to its end.
    end: Checkpoint | None = None
    #: The event that was begun last, while its block is not done.
    at: EventCursor | None = None
    #: How often an event, or its removal, was told of in doubt: whoever was at it died.
    doubts: int = 0
    #: While events are being announced as removed: the newest block that stays.
    fork: int | None = None
    #: The event that was announced as removed last, as it is kept.
    gone: str = ""
    handed: int = 0
    removed: int = 0
    #: Logs that did not fit the event they claim to be.
    odd: int = 0
    #: How many blocks a node is asked about at once.
    range: int = 0
    fails: int = 0
    #: The newest block that was seen.
    head: int | None = None
    #: Why it does not go on, in a sentence.
    why: str = ""
    is_held: bool = field(default=False, compare=False)


class EventStore:
    """The subscriptions in Redis."""

    def __init__(self, store: Store, *, lease_seconds: float = 60.0) -> None:
        self._store = store
        self._client = store.client
        self._lease_ms = int(lease_seconds * 1000)
        #: How often whoever has the turn says that it still does.
        self.beat_seconds = lease_seconds / 3

    # Turns

    def take(self, name: str, fingerprint: str) -> PollSession | None:
        """Take the turn at a subscription, or return None while another worker has it."""
        key, token = _key(name, fingerprint), uuid.uuid4().hex
        found = cast("list[str]", self._store.run_script("event_turn", key, token, self._lease_ms))
        if not found:
            return None
        fields = dict(zip(found[::2], found[1::2], strict=True))
        return _turn(name, key, token, self._lease_ms, fields)

    def renew(self, turn: PollSession) -> bool:
        """Keep the turn for another while; return whether it is still ours."""
        return bool(self._store.run_script("event_turn", turn.key, turn.token, turn.lease_ms))

    def note(self, name: str, fingerprint: str) -> bool:
        """Note what a subscription follows; return whether that is something else than before."""
        with redis_errors():
            before = cast("str | None", self._client.hget("ceos:subs", name))
            if before == fingerprint:
                return False
            pipe = self._client.pipeline()
            pipe.hset("ceos:subs", name, fingerprint)
            for what in ("marks", "kept"):
                # The place stays for good, or going back to the old file would repeat everything.
                pipe.expire(f"{_key(name, before or '')}:{what}", SUPERSEDED_SECONDS)
                pipe.persist(f"{_key(name, fingerprint)}:{what}")
            pipe.execute()
        return before is not None

    # Handing over

    def begin(self, turn: PollSession, event: ChainEvent, *, keep: bool) -> EventCursor:
        """Say that an event is about to be handed over, and that all before it were; raises `Fenced`.

        One that is begun again counts once.
        """
        place = EventCursor(event.block, event.index, event.block_hash)
        doubts = turn.doubts + 1 if event.repeated else 0
        entry = entry_of(event) if keep else ""
        handed = turn.handed + (not event.repeated)
        answer = self._store.run_script(
            "event_begin", turn.key, turn.token, turn.lease_ms, str(place), event.block, handed, entry,
            f"{event.block}:{event.block_hash}" if keep else "", KEPT, doubts,
        )  # fmt: skip
        if not answer:
            raise Fenced
        turn.at, turn.next, turn.handed, turn.doubts = place, event.block, handed, doubts
        return place

    def remove(self, turn: PollSession, entry: str) -> None:
        """Say that the newest event that is kept is about to be announced as removed; raises `Fenced`."""
        removed = turn.removed + 1
        if not self._store.run_script("event_remove", turn.key, turn.token, turn.lease_ms, entry, removed):
            raise Fenced
        turn.gone, turn.removed, turn.doubts = entry, removed, 0

    def keep(
        self, turn: PollSession, *, floor: int | None = None, above: int | None = None, leave: bool = False
    ) -> None:
        """Store how far the turn has come; raises `Fenced`.

        Marks and events below the block `floor` are forgotten, marks above the block `above` are void. `leave` hands
        the turn back.
        """
        lease = 0 if leave else turn.lease_ms
        fields = [part for pair in _fields(turn).items() for part in pair]
        cuts = ("" if cut is None else cut for cut in (floor, above))
        if not self._store.run_script("event_keep", turn.key, turn.token, lease, *cuts, *fields) and not leave:
            raise Fenced

    def release(self, turn: PollSession) -> None:
        """Hand the turn back without a word on how far it has come: that is not known."""
        self._store.run_script("event_keep", turn.key, turn.token, 0, "", "")

    # Re-orgs

    def marks(self, turn: PollSession) -> list[Checkpoint]:
        """Return the blocks that are remembered, newest first."""
        with redis_errors():
            found = cast("list[str]", self._client.zrange(f"{turn.key}:marks", 0, -1, desc=True))
        return sorted(map(Checkpoint.read, found), reverse=True)

    def newest(self, turn: PollSession) -> str:
        """Return the newest event that is kept, as it is kept, or nothing."""
        with redis_errors():
            return cast("str | None", self._client.lindex(f"{turn.key}:kept", -1)) or ""

    def has_dropped(self, turn: PollSession, above: int) -> bool:
        """Say whether events above a block may be missing among those that are kept: there were too many."""
        with redis_errors():
            count = self._client.llen(f"{turn.key}:kept")
            oldest = cast("str | None", self._client.lindex(f"{turn.key}:kept", 0))
        return count >= KEPT and oldest is not None and event_of(oldest).block > above

    # Looking

    def states(self, subscriptions: Sequence[tuple[str, str]]) -> list[PollSession]:
        """Return how far subscriptions have come, given by name and fingerprint; nobody's turn changes."""
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            pipe.time()
            for name, fingerprint in subscriptions:
                pipe.hgetall(_key(name, fingerprint))
            (seconds, micros), *rows = pipe.execute()
        found = []
        for (name, fingerprint), fields in zip(subscriptions, rows, strict=True):
            turn = _turn(name, _key(name, fingerprint), "", 0, fields)
            turn.is_held = float(fields.get("lease") or 0) > seconds * 1000 + micros // 1000
            found.append(turn)
        return found


def _key(name: str, fingerprint: str) -> str:
    return f"ceos:sub:{name}:{fingerprint}"


def _turn(name: str, key: str, token: str, lease_ms: int, fields: Mapping[str, str]) -> PollSession:
    def number(field_name: str) -> int | None:
        value = fields.get(field_name, "")
        return int(value) if value else None

    return PollSession(
        name=name,
        key=key,
        token=token,
        lease_ms=lease_ms,
        start=number("from"),
        next=number("next"),
        end=Checkpoint.read(fields["end"]) if fields.get("end") else None,
        at=EventCursor.read(fields["at"]) if fields.get("at") else None,
        doubts=number("doubts") or 0,
        fork=number("fork"),
        gone=fields.get("gone", ""),
        handed=number("handed") or 0,
        removed=number("removed") or 0,
        odd=number("odd") or 0,
        range=number("range") or 0,
        fails=number("fails") or 0,
        head=number("head"),
        why=fields.get("why", ""),
    )


def _fields(turn: PollSession) -> dict[str, str | int]:
    values: dict[str, Any] = {
        "from": turn.start, "next": turn.next, "at": turn.at, "doubts": turn.doubts, "fork": turn.fork,
        "gone": turn.gone, "handed": turn.handed, "removed": turn.removed, "odd": turn.odd, "range": turn.range,
        "fails": turn.fails, "head": turn.head, "why": turn.why,
    }  # fmt: skip
    found: dict[str, str | int] = {name: "" if value is None else str(value) for name, value in values.items()}
    if turn.end is not None:
        found["end"] = str(turn.end)
    return found


def entry_of(event: ChainEvent) -> str:
    """Return an event as it is kept: its block, and its JSON."""
    return f"{event.block} {short_json(event)}"


def short_json(event: ChainEvent) -> str:
    """Return an event as JSON in which long texts are cut: strangers write them, and we keep them.

    Whatever is cut keeps its type, for plugins and strategies rely on that.
    """
    text = event.model_dump_json(exclude={"repeated"})
    for characters, items in KEPT_PARTS:
        if len(text) <= KEPT_BYTES:
            break
        args = {name: _cut(value, characters, items) for name, value in event.args.items()}
        text = event.model_copy(update={"args": args}).model_dump_json(exclude={"repeated"})
    return text


def event_of(entry: str) -> ChainEvent:
    """Return an event that was kept."""
    return ChainEvent.model_validate_json(entry.partition(" ")[2])


def _cut(value: Any, characters: int, items: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= characters else value[:characters] + "…"
    if isinstance(value, list):
        return [_cut(one, characters, items) for one in value[:items]]
    if isinstance(value, dict):
        return {name: _cut(one, characters, items) for name, one in value.items()}
    return value
