"""The look-ups of the Neynar client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ceos.clients.neynar.api import NeynarApi, cursor_of, read_record, unreadable
from ceos.clients.neynar.types import (
    PLURAL,
    CastCounts,
    Channel,
    Conversation,
    FeedCast,
    Notification,
    NotificationKind,
    OwnCast,
    Page,
    Response,
    Responses,
    Signer,
    Storage,
    Topic,
    TrendingChannel,
    User,
    normal_hash,
)
from ceos.logs import register_secret

#: Users per request, the documented maximum.
USERS_PER_CALL = 100
#: Casts per request; Neynar documents no maximum, so this stays well below the limit of an address line.
CASTS_PER_CALL = 25
#: Channels per request of their casts, the documented maximum.
CHANNELS_PER_CALL = 10
#: Quotes and reactions, and replies, per request: the documented maxima.
RESPONSES_PER_CALL, REPLIES_PER_CALL = 100, 50
#: How many responses of one kind to a cast are listed; more is "many", and not worth the calls.
MAX_LISTED = 300


class NeynarReads:
    """The part of `Neynar` that reads."""

    def __init__(self, api: NeynarApi) -> None:
        self._api = api

    def check_key(self) -> None:
        """Return quietly when the key is accepted; it costs one lookup."""
        self._api.get("/farcaster/user/bulk/", {"fids": "3"}, "check the key")

    def user_casts(self, fid: int, limit: int = 25, cursor: str | None = None) -> Page[OwnCast]:
        """Return a page of an account's casts and replies, newest first and none left out; `limit` is at most 150."""
        params = {"fid": fid, "limit": _clamp(limit, 150), "include_replies": "true", "cursor": cursor}
        return self._api.page(OwnCast, "/farcaster/feed/user/casts/", params, "casts", "list an account's casts")

    def casts(self, hashes: Iterable[str]) -> dict[str, CastCounts]:
        """Return the counts of each cast by its hash as given; one that is gone, or cannot be read, is left out."""
        asked = {same_hash(item): item for item in hashes}
        found: dict[str, CastCounts] = {}
        for chunk in _chunks([item for item in asked if item], CASTS_PER_CALL):
            task = "read the counts of casts"
            body = self._api.lookup("/farcaster/casts/", {"casts": ",".join(chunk)}, task)
            rows = self._api.rows(CastCounts, body and body.get("result"), "casts", task, skips_unreadable=True)
            for counts in rows:
                if counts.hash in asked:
                    found[asked[counts.hash]] = counts
        return found

    def conversation(self, cast_hash: str, answers: int = 50) -> Conversation | None:
        """Return a cast with the casts above it and up to 50 that answer it, or None when it is gone."""
        params = {
            "identifier": cast_hash,
            "type": "hash",
            "reply_depth": 1,
            "include_chronological_parent_casts": "true",
            "limit": _clamp(answers, 50),
        }
        task = "read a conversation"
        body = self._api.lookup("/farcaster/cast/conversation/", params, task)
        if body is None:
            return None
        found: Any = body.get("conversation")
        cast = found.get("cast") if isinstance(found, dict) else None
        if isinstance(cast, dict) and normal_hash(cast.get("hash")) is None:
            # The answer may write the hash in another form.
            found = {**found, "cast": {**cast, "hash": cast_hash}}
        return read_record(Conversation, found, task)

    def quotes(self, cast_hash: str) -> Responses | None:
        """Return the accounts that quote a cast, up to `MAX_LISTED`; None for a cast that is gone."""
        params = {"identifier": cast_hash, "type": "hash", "limit": RESPONSES_PER_CALL}
        return self._listed("/farcaster/cast/quotes/", params, _quoted_by, "list the quotes of a cast")

    def replies(self, cast_hash: str) -> Responses | None:
        """Return the accounts that answer a cast directly, up to `MAX_LISTED`; None for a cast that is gone."""
        params = {"identifier": cast_hash, "type": "hash", "reply_depth": 1, "limit": REPLIES_PER_CALL}
        return self._listed("/farcaster/cast/conversation/", params, _answered_by, "list the answers to a cast")

    def reactions(self, cast_hash: str) -> Responses | None:
        """Return the accounts that like or recast a cast, up to `MAX_LISTED`; None for a cast that is gone."""
        params = {"hash": cast_hash, "types": ["all"], "limit": RESPONSES_PER_CALL}
        return self._listed("/farcaster/reactions/cast/", params, _reacted_by, "list the reactions to a cast")

    def _listed(
        self,
        path: str,
        params: Mapping[str, Any],
        responses_in: Callable[[Mapping[str, Any]], list[Response]],
        task: str,
    ) -> Responses | None:
        found: list[Response] = []
        cursor: str | None = None
        while True:
            body = self._api.lookup(path, {**params, "cursor": cursor}, task)
            if body is None:
                return None
            try:
                page = responses_in(body)
            except (AttributeError, KeyError, TypeError):
                raise unreadable(task, "it holds no list of casts or accounts") from None
            found += page
            cursor = cursor_of(body) if page else None
            if cursor is None or len(found) >= MAX_LISTED:
                return Responses(items=tuple(found[:MAX_LISTED]), is_complete=cursor is None)

    def full_casts(self, hashes: Iterable[str]) -> dict[str, FeedCast]:
        """Return casts by hash; one that is gone, or cannot be read, is left out."""
        found: dict[str, FeedCast] = {}
        for chunk in _chunks(list(dict.fromkeys(hashes)), CASTS_PER_CALL):
            task = "read casts"
            body = self._api.lookup("/farcaster/casts/", {"casts": ",".join(chunk)}, task)
            rows = self._api.rows(FeedCast, body and body.get("result"), "casts", task, skips_unreadable=True)
            found.update((cast.hash, cast) for cast in rows)
        return found

    def notifications(
        self, fid: int, kinds: Sequence[NotificationKind] = (), limit: int = 15, cursor: str | None = None
    ) -> Page[Notification]:
        """Return a page of an account's notifications, all kinds by default; `limit` is at most 25.

        Likes, recasts and follows come in bundles that grow and move to the top again: they are no log of events.
        """
        params = {
            "fid": fid,
            "type": [PLURAL[kind] for kind in kinds],
            "limit": _clamp(limit, 25),
            "cursor": cursor,
        }
        return self._api.page(Notification, "/farcaster/notifications/", params, "notifications", "list notifications")

    def users(self, fids: Iterable[int]) -> dict[int, User]:
        """Return accounts by fid; one that does not exist is left out."""
        found: dict[int, User] = {}
        for chunk in _chunks(list(dict.fromkeys(fids)), USERS_PER_CALL):
            body = self._api.lookup("/farcaster/user/bulk/", {"fids": ",".join(map(str, chunk))}, "look up accounts")
            found.update((user.fid, user) for user in self._api.rows(User, body, "users", "look up accounts"))
        return found

    def user_by_name(self, name: str) -> User | None:
        """Return the account with this username, or None."""
        task = "look up an account by name"
        body = self._api.lookup("/farcaster/user/by_username/", {"username": name.removeprefix("@")}, task)
        return read_record(User, body.get("user"), task) if body is not None else None

    def signer(self, signer_uuid: str) -> Signer:
        """Return the state and the account of a signer; `RequestRefused` when Neynar does not know it."""
        task = "look up a signer"
        return read_record(
            Signer, self._api.get("/farcaster/signer/", {"signer_uuid": secret_signer(signer_uuid)}, task), task
        )

    def channel(self, channel_id: str) -> Channel | None:
        """Return the channel with this id, or None."""
        body = self._api.lookup("/farcaster/channel/", {"id": channel_id, "type": "id"}, "look up a channel")
        return read_record(Channel, body.get("channel"), "look up a channel") if body is not None else None

    def storage(self, fid: int) -> Storage:
        """Return how much of an account's rented storage its casts fill."""
        return read_record(
            Storage, self._api.get("/farcaster/storage/usage/", {"fid": fid}, "read storage"), "read storage"
        )

    def trending_topics(self, limit: int = 10) -> tuple[Topic, ...]:
        """Return the trending topics, hottest first; `limit` is at most 25."""
        params = {"limit": _clamp(limit, 25)}
        task = "list trending topics"
        return self._api.page(Topic, "/farcaster/topic/trending/", params, "topics", task, skips_unreadable=True).items

    def trending_channels(self, limit: int = 10) -> tuple[TrendingChannel, ...]:
        """Return the busiest channels of the last day, busiest first; `limit` is at most 25."""
        params = {"time_window": "1d", "limit": _clamp(limit, 25)}
        path, task = "/farcaster/channel/trending/", "list trending channels"
        return self._api.page(TrendingChannel, path, params, "channels", task, skips_unreadable=True).items

    def topic_feed(self, slug: str, limit: int = 25) -> tuple[FeedCast, ...]:
        """Return recent casts about a trending topic; `limit` is at most 100. What cannot be read is left out."""
        params = {"slug": slug, "limit": _clamp(limit, 100), "with_recasts": "false"}
        task = "list the casts about a topic"
        return self._api.page(FeedCast, "/farcaster/feed/topic/", params, "casts", task, skips_unreadable=True).items

    def channel_feed(self, channel_ids: Sequence[str], limit: int = 100) -> tuple[FeedCast, ...]:
        """Return recent casts of up to ten channels; `limit` is at most 100. What cannot be read is left out."""
        params = {
            "channel_ids": ",".join(channel_ids[:CHANNELS_PER_CALL]),
            "limit": _clamp(limit, 100),
            "with_recasts": "false",
        }
        task = "list the casts of channels"
        return self._api.page(FeedCast, "/farcaster/feed/channels/", params, "casts", task, skips_unreadable=True).items


def _quoted_by(body: Mapping[str, Any]) -> list[Response]:
    return [Response(kind="quote", fid=_fid(row, "author")) for row in body["casts"]]


def _answered_by(body: Mapping[str, Any]) -> list[Response]:
    # The list may be null, and a cast that was deleted leaves a stub without a time.
    rows = body["conversation"]["cast"].get("direct_replies") or ()
    return [Response(kind="reply", fid=_fid(row, "author")) for row in rows if row.get("timestamp")]


def _reacted_by(body: Mapping[str, Any]) -> list[Response]:
    return [Response(kind=str(row.get("reaction_type")), fid=_fid(row, "user")) for row in body["reactions"]]


def _fid(row: Mapping[str, Any], field: str) -> int | None:
    account = row.get(field)
    fid = account.get("fid") if isinstance(account, dict) else None
    return fid if isinstance(fid, int) and not isinstance(fid, bool) else None


def secret_signer(signer_uuid: str) -> str:
    """Return a signer id after it was registered as a secret."""
    register_secret(signer_uuid)
    return signer_uuid


def same_hash(value: str | None) -> str | None:
    """Return a hash in its normal form, or a value that is not a hash as it is."""
    return normal_hash(value) or value or None


def _clamp(limit: int, most: int) -> int:
    return max(1, min(limit, most))


_T = TypeVar("_T")


def _chunks(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
