"""The state of the simulated network: casts, reactions, follows, signers.

Lists are kept per key in commit order (`index`), so that every feed is a read from the end:

    ("fid", 7)          casts of a user            ("channel", "base")  casts in a channel
    ("mention", 7)      casts that name a user     ("parent_url", url)  casts under a parent URL
    ("reply_to", 7)     replies to a user          ("children", hash)   replies to a cast
    ("quote_of", 7)     quotes of a user's casts   ("quotes", hash)     quotes of a cast
    ("all",)            everything
"""

from __future__ import annotations

import base64
import binascii
import heapq
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ceos.simulator.chance import hex_hash, number
from ceos.simulator.people import fid_of
from ceos.simulator.timeline import Timeline

Key = tuple[str, Any] | tuple[str]

#: The most casts that one read examines.
_DEPTH = 5_000
_FID_UUID_PREFIX = "00000000-0000-4000-8000-"


@dataclass(slots=True, eq=False)
class Cast:
    """A committed cast."""

    seq: int
    hash: str
    fid: int
    text: str
    at: float
    parent_hash: str | None = None
    parent_fid: int | None = None
    parent_url: str | None = None
    root_parent_url: str | None = None
    thread_hash: str | None = None
    channel_id: str | None = None
    embeds: list[dict[str, Any]] = field(default_factory=list)
    #: (fid, start, end) of every @name, in characters of the text.
    mentions: list[tuple[int, int, int]] = field(default_factory=list)
    idem: str | None = None
    deleted: bool = False
    replies: int = 0
    #: fid to (sequence number, time), for "like" and "recast".
    reactions: dict[str, dict[int, tuple[int, float]]] = field(default_factory=dict)

    def reacted(self, kind: str) -> dict[int, tuple[int, float]]:
        """Return the reactions of one kind, oldest first."""
        return self.reactions.get(kind, {})


@dataclass(slots=True)
class Signer:
    """A key that may write for one account once it is approved."""

    uuid: str
    status: str
    fid: int | None

    @property
    def public_key(self) -> str:
        """The key's public half; it stands for no real key."""
        return "0x" + hex_hash(32, "signer", self.uuid)


class World:
    """The state of the network, with bounded memory."""

    def __init__(self, seed: int, timeline: Timeline, keep: int = 200_000) -> None:
        self.seed = seed
        self.timeline = timeline
        self.keep = keep
        self.lag = 0.0
        self.casts: dict[str, Cast] = {}
        self.committed: deque[Cast] = deque()
        self.index: defaultdict[Key, list[Cast]] = defaultdict(list)
        self.idem: dict[tuple[int, str], Cast] = {}
        self.signers: dict[str, Signer] = {}
        self.profiles: dict[int, dict[str, Any]] = {}
        self.followers: defaultdict[int, dict[int, tuple[int, float]]] = defaultdict(dict)
        self.following: defaultdict[int, dict[int, tuple[int, float]]] = defaultdict(dict)
        self.liked: defaultdict[tuple[int, str], dict[str, Cast]] = defaultdict(dict)
        self.seen: dict[int, int] = {}
        #: Called with every cast once it is stored.
        self.listeners: list[Callable[[Cast], None]] = []
        self._seq = 0

    def now(self) -> float:
        """Seconds since 1970."""
        return self.timeline.now()

    def next_seq(self) -> int:
        """One counter for casts, reactions and follows, so that they can be ordered among each other."""
        self._seq += 1
        return self._seq

    def commit(self, fid: int, text: str, **fields: Any) -> Cast:
        """Store a cast and return it."""
        seq = self.next_seq()
        cast = Cast(seq, "0x" + hex_hash(20, self.seed, seq, fid, text), fid, text, self.now(), **fields)
        cast.thread_hash = cast.thread_hash or cast.hash
        self.casts[cast.hash] = cast
        self.committed.append(cast)
        for key in self._keys(cast):
            self.index[key].append(cast)
        if cast.parent_hash and (parent := self.casts.get(cast.parent_hash)):
            parent.replies += 1
        if cast.idem:
            self.idem[(fid, cast.idem)] = cast
        self.timeline.record("neynar", "cast.committed", fid=fid, hash=cast.hash, text=text, parent=cast.parent_hash)
        if len(self.committed) > self.keep:
            self._evict()
        for tell in self.listeners:
            tell(cast)
        return cast

    def delete(self, cast: Cast) -> None:
        """Hide a cast from every read."""
        cast.deleted = True
        if cast.parent_hash and (parent := self.casts.get(cast.parent_hash)):
            parent.replies -= 1
        self.timeline.record("neynar", "cast.deleted", fid=cast.fid, hash=cast.hash)

    def visible(self, cast: Cast) -> bool:
        """Say whether reads show a cast now."""
        return not cast.deleted and (not self.lag or cast.at <= self.now() - self.lag)

    def find(self, cast_hash: str) -> Cast | None:
        """A cast that reads may show."""
        cast = self.casts.get(cast_hash)
        return cast if cast and self.visible(cast) else None

    def latest(self, key: Key, before: int | None = None) -> Iterator[Cast]:
        """The visible casts under a key, newest first, from before a sequence number on."""
        casts = self.index.get(key, [])
        end = len(casts) if before is None else bisect_left(casts, before, key=lambda cast: cast.seq)
        for i in range(end - 1, -1, -1):
            if self.visible(casts[i]):
                yield casts[i]

    def page(
        self, keys: Iterable[Key], limit: int, cursor: str, keep: Callable[[Cast], bool] | None = None
    ) -> tuple[list[Cast], str | None]:
        """One page of a feed and the cursor of the next; a filter sees a bounded number of casts."""
        before = decode_cursor(cursor)
        streams = [self.latest(key, before) for key in keys]
        merged = streams[0] if len(streams) == 1 else heapq.merge(*streams, key=lambda cast: -cast.seq)
        found: list[Cast] = []
        for cast in islice(merged, _DEPTH):
            if keep is None or keep(cast):
                if len(found) == limit:
                    return found, encode_cursor(found[-1].seq)
                found.append(cast)
        return found, None

    def react(self, cast: Cast, kind: str, fid: int) -> None:
        """Like or recast; repeating it changes nothing."""
        stamps = cast.reactions.setdefault(kind, {})
        if fid not in stamps:
            stamps[fid] = (self.next_seq(), self.now())
            self.liked[(fid, kind)][cast.hash] = cast
            self.timeline.record("neynar", f"{kind}.added", fid=fid, hash=cast.hash)

    def unreact(self, cast: Cast, kind: str, fid: int) -> None:
        """Remove a reaction."""
        if cast.reacted(kind).pop(fid, None):
            self.liked[(fid, kind)].pop(cast.hash, None)
            self.timeline.record("neynar", f"{kind}.removed", fid=fid, hash=cast.hash)

    def follow(self, fid: int, target: int) -> None:
        """Let one account follow another."""
        if target not in self.following[fid]:
            stamp = (self.next_seq(), self.now())
            self.following[fid][target] = self.followers[target][fid] = stamp
            self.timeline.record("neynar", "follow.added", fid=fid, target=target)

    def unfollow(self, fid: int, target: int) -> None:
        """End a follow."""
        if self.following[fid].pop(target, None):
            self.followers[target].pop(fid, None)
            self.timeline.record("neynar", "follow.removed", fid=fid, target=target)

    def fid_named(self, name: str) -> int | None:
        """The account of a username, taken or derived."""
        renamed = {profile.get("username"): fid for fid, profile in self.profiles.items()}
        return renamed.get(name) or fid_of(name)

    def signer(self, uuid: str, *, strict: bool) -> Signer | None:
        """The signer of a uuid; unless strict, an unregistered one is approved and its fid follows from the uuid."""
        known = self.signers.get(uuid)
        if known or strict:
            return known
        return Signer(uuid, "approved", derived_fid(uuid))

    def _keys(self, cast: Cast) -> list[Key]:
        keys: list[Key] = [("all",), ("fid", cast.fid)]
        if cast.channel_id:
            keys.append(("channel", cast.channel_id))
        if cast.root_parent_url:
            keys.append(("parent_url", cast.root_parent_url))
        if cast.parent_hash:
            keys.append(("children", cast.parent_hash))
        if cast.parent_fid:
            keys.append(("reply_to", cast.parent_fid))
        keys += [("mention", fid) for fid in dict.fromkeys(fid for fid, _, _ in cast.mentions)]
        for embed in cast.embeds:
            if quoted := embed.get("cast_id"):
                keys += [("quotes", quoted["hash"]), ("quote_of", quoted["fid"])]
        return list(dict.fromkeys(keys))

    def _evict(self) -> None:
        cast = self.committed.popleft()
        del self.casts[cast.hash]
        for key in self._keys(cast):
            # The oldest of all is the first of each of its lists.
            del self.index[key][0]
            if not self.index[key]:
                del self.index[key]
        if cast.idem:
            self.idem.pop((cast.fid, cast.idem), None)


def derived_fid(uuid: str) -> int:
    """Return the fid of an unregistered uuid."""
    if uuid.startswith(_FID_UUID_PREFIX) and (tail := uuid[len(_FID_UUID_PREFIX) :]).isdigit():
        return int(tail)
    return 100_000 + number("fid", uuid.lower()) % 800_000


def encode_cursor(seq: int) -> str:
    """Return an opaque cursor."""
    return base64.urlsafe_b64encode(f"before:{seq}".encode()).decode()


def decode_cursor(cursor: str) -> int | None:
    """Return the sequence number in a cursor; ValueError if it is not one of this simulator."""
    if not cursor:
        return None
    try:
        word, _, seq = base64.urlsafe_b64decode(cursor).decode().partition(":")
        if word != "before":
            raise ValueError
        return int(seq)
    except (ValueError, binascii.Error) as error:
        raise ValueError("Invalid cursor") from error
