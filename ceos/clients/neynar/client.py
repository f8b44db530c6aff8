"""Farcaster through Neynar: publish and react as an account, look things up, find the cast whose answer was lost.

The address carries the version (`…/v2`), and every path ends with a slash, so that no write is answered by a redirect.
There is no trending feed: Neynar removed it; `trending_topics` and `trending_channels` are what is left to build on.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

import requests
import urllib3
from pydantic import ValidationError

from ceos.clients.http.api import ATTEMPTS, Api, Effect, error_for, explain, read_body, retry_after_seconds
from ceos.clients.neynar.types import (
    PLURAL,
    CastCounts,
    Channel,
    Conversation,
    FeedCast,
    Notification,
    NotificationKind,
    Page,
    PublishedCast,
    Quoted,
    Reaction,
    ReactionKind,
    Record,
    Signer,
    Storage,
    Topic,
    TrendingChannel,
    User,
    normal_hash,
)
from ceos.domain.text import CAST_BYTES, byte_length
from ceos.errors import OutcomeUnknown, RequestRefused, ServiceError, ServiceUnavailable
from ceos.logs import event, redact, register_secret

#: The longest address the protocol accepts as an embed, in bytes.
EMBED_URL_BYTES = 256
#: Seconds that a publish may take after connecting.
PUBLISH_SECONDS = 20.0
#: Users per request, the documented maximum.
USERS_PER_CALL = 100
#: Casts per request; Neynar documents no maximum, so this stays well below what an address line can carry.
CASTS_PER_CALL = 25
#: Channels per request of their casts, the documented maximum.
CHANNELS_PER_CALL = 10
#: Quotes per request, and how many of one cast are counted; more is "many", and not worth the calls.
QUOTES_PER_CALL, QUOTES_COUNTED = 100, 300
#: How far a cast's time may lie before the moment we sent it: clocks differ, and Farcaster counts whole seconds.
CLOCK_SLACK = dt.timedelta(seconds=60)
#: How far `find_cast` looks back: pages of casts, and casts per page.
LOOKUP_PAGES, LOOKUP_PAGE = 20, 50

log = logging.getLogger(__name__)

_R = TypeVar("_R", bound=Record)

_SIGNER_HINT = "If it is the signer that was refused: it must be approved and belong to this API key."


class Neynar:
    """Neynar's API for one key, in ceos's words. A signer id, which may write as an account, is a secret.

        cast = neynar.publish_cast(signer, "gm", idem="a1b2c3d4e5f60718", channel="base")
        neynar.reply(signer, "as I said", to=cast.hash, to_fid=1001, idem="b1b2c3d4e5f60718")

    Every method raises a `ServiceError`. A write that raises `OutcomeUnknown` may have happened: see `find_cast`.
    """

    def __init__(
        self,
        key: str | None,
        base_url: str = "https://api.neynar.com/v2",
        *,
        max_embeds: int = 2,
        sleep: Callable[[float], None] = time.sleep,
        before_request: Callable[[], None] | None = None,
    ) -> None:
        register_secret(key)
        self._max_embeds = max_embeds
        self._api = _NeynarApi(
            "Neynar",
            base_url,
            key=key,
            key_variable="NEYNAR_API_KEY",
            headers=lambda secret: {"x-api-key": secret},
            sleep=sleep,
            before_request=before_request,
        )

    def check_key(self) -> None:
        """Return quietly when the key is accepted; it costs one lookup."""
        self._get("/farcaster/user/bulk/", {"fids": "3"}, "check the key")

    # Writing

    def publish_cast(
        self,
        signer_uuid: str,
        text: str,
        *,
        idem: str,
        embeds: Sequence[str] = (),
        channel: str | None = None,
        parent: str | None = None,
        parent_fid: int | None = None,
        max_bytes: int = CAST_BYTES,
    ) -> PublishedCast:
        """Publish one cast and return its hash; `embeds` are addresses, `parent` is the hash of the cast it answers.

        A repeat of the same cast must carry the same `idem`. A reply lands in its parent's channel, so `channel` counts
        only without a parent. After `OutcomeUnknown`, which a repeated `idem` may also raise, ask `find_cast`.
        """
        self._check_cast(text, embeds, max_bytes)
        body: dict[str, Any] = {"signer_uuid": _secret(signer_uuid), "idem": idem}
        if text:
            body["text"] = text
        if embeds:
            body["embeds"] = [{"url": url} for url in embeds]
        if parent is not None:
            body["parent"] = parent
            if parent_fid is not None:
                body["parent_author_fid"] = parent_fid
        elif channel is not None:
            body["channel_id"] = channel
        # Once: the ledger's note of the send, and the settle time that counts from it, hold for one request only.
        answer = self._write("POST", "/farcaster/cast/", body, "publish a cast", attempts=1)
        cast = answer.get("cast")
        cast_hash = normal_hash(cast.get("hash")) if isinstance(cast, dict) else None
        if cast_hash is None or answer.get("success") is False:
            raise OutcomeUnknown("Neynar answered the publish without a readable hash.", status=200)
        return PublishedCast(hash=cast_hash)

    def reply(
        self,
        signer_uuid: str,
        text: str,
        *,
        to: str,
        to_fid: int,
        idem: str,
        embeds: Sequence[str] = (),
        max_bytes: int = CAST_BYTES,
    ) -> PublishedCast:
        """Publish one cast in answer to the cast `to` of the account `to_fid`."""
        return self.publish_cast(
            signer_uuid, text, idem=idem, embeds=embeds, parent=to, parent_fid=to_fid, max_bytes=max_bytes
        )

    def delete_cast(self, signer_uuid: str, cast_hash: str) -> None:
        """Delete one of the signer's own casts."""
        body = {"signer_uuid": _secret(signer_uuid), "target_hash": cast_hash}
        self._do("DELETE", "/farcaster/cast/", body, "delete a cast")

    def react(self, signer_uuid: str, kind: ReactionKind, cast_hash: str, author_fid: int, *, idem: str) -> None:
        """Like or recast a cast."""
        body = _reaction(signer_uuid, kind, cast_hash, author_fid, idem)
        self._do("POST", "/farcaster/reaction/", body, f"{kind} a cast")

    def unreact(self, signer_uuid: str, kind: ReactionKind, cast_hash: str, author_fid: int, *, idem: str) -> None:
        """Take a like or a recast back."""
        body = _reaction(signer_uuid, kind, cast_hash, author_fid, idem)
        self._do("DELETE", "/farcaster/reaction/", body, f"take back the {kind} of a cast")

    # Finding a cast whose answer was lost

    def find_cast(
        self,
        fid: int,
        text: str,
        *,
        parent: str | None,
        since: dt.datetime,
        used: Collection[str],
        embeds: Sequence[str] = (),
    ) -> str | None:
        """Return the hash of the cast that a publish with a lost answer left behind, or None when there is none.

        `since` is when the first send began; `used` are the hashes already known to belong to other casts. Texts are
        equal when a reader could not tell them apart; a cast without text is recognised by its embeds. Of several
        matches the oldest is returned. An error means that nobody knows, and must never be read as "not there".
        """
        parent, taken = _same_hash(parent), {_same_hash(item) for item in used}
        found = [
            cast
            for cast in self._casts_since(fid, since - CLOCK_SLACK)
            if cast.parent_hash == parent
            and cast.hash not in taken
            and cast.author_fid in (None, fid)
            and cast.looks_like(text, embeds)
        ]
        # The feed is newest first: of two casts of one second, the later in the list is the older.
        return min(reversed(found), key=lambda cast: cast.at).hash if found else None

    def _casts_since(self, fid: int, oldest: dt.datetime) -> Iterator[FeedCast]:
        cursor: str | None = None
        for _ in range(LOOKUP_PAGES):
            page = self.user_casts(fid, LOOKUP_PAGE, cursor)
            recent = [cast for cast in page.items if cast.at >= oldest]
            yield from recent
            cursor = page.cursor
            # A whole page must be too old: one backdated or pinned cast does not end the search.
            if cursor is None or (page.items and not recent):
                return
        raise ServiceUnavailable(
            f"Neynar lists more than {LOOKUP_PAGES * LOOKUP_PAGE:,} casts of fid {fid} since {oldest.isoformat()}, "
            "so the lost one could not be looked up."
        )

    # Reading

    def user_casts(self, fid: int, limit: int = 25, cursor: str | None = None) -> Page[FeedCast]:
        """Return a page of an account's casts and replies, newest first; `limit` is at most 150."""
        params = {"fid": fid, "limit": _clamp(limit, 150), "include_replies": "true", "cursor": cursor}
        return self._page(FeedCast, "/farcaster/feed/user/casts/", params, "casts", "list an account's casts")

    def casts(self, hashes: Iterable[str]) -> dict[str, CastCounts]:
        """Return the counts of each cast by its hash as given; a cast that is gone is left out."""
        asked = {_same_hash(item): item for item in hashes}
        found: dict[str, CastCounts] = {}
        for chunk in _chunks([item for item in asked if item], CASTS_PER_CALL):
            what = "read the counts of casts"
            body = self._lookup("/farcaster/casts/", {"casts": ",".join(chunk)}, what)
            for counts in self._rows(CastCounts, body and body.get("result"), "casts", what):
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
        what = "read a conversation"
        body = self._lookup("/farcaster/cast/conversation/", params, what)
        return _read(Conversation, body.get("conversation"), what) if body is not None else None

    def quotes(self, cast_hash: str) -> int | None:
        """Return how many casts quote a cast, counted up to `QUOTES_COUNTED`; None for a cast that is gone."""
        what, found, cursor = "count the quotes of a cast", 0, None
        while found < QUOTES_COUNTED:
            params = {"identifier": cast_hash, "type": "hash", "limit": QUOTES_PER_CALL, "cursor": cursor}
            try:
                page = self._page(Quoted, "/farcaster/cast/quotes/", params, "casts", what)
            except RequestRefused as error:
                if error.status == 404:
                    return None
                raise
            found += len(page.items)
            cursor = page.cursor
            if cursor is None or not page.items:
                break
        return min(found, QUOTES_COUNTED)

    def full_casts(self, hashes: Iterable[str]) -> dict[str, FeedCast]:
        """Return casts by hash; one that is gone, or cannot be read, is left out."""
        found: dict[str, FeedCast] = {}
        for chunk in _chunks(list(dict.fromkeys(hashes)), CASTS_PER_CALL):
            what = "read casts"
            body = self._lookup("/farcaster/casts/", {"casts": ",".join(chunk)}, what)
            rows = self._rows(FeedCast, body and body.get("result"), "casts", what, skips_unreadable=True)
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
        return self._page(Notification, "/farcaster/notifications/", params, "notifications", "list notifications")

    def users(self, fids: Iterable[int]) -> dict[int, User]:
        """Return accounts by fid; one that does not exist is left out."""
        found: dict[int, User] = {}
        for chunk in _chunks(list(dict.fromkeys(fids)), USERS_PER_CALL):
            body = self._lookup("/farcaster/user/bulk/", {"fids": ",".join(map(str, chunk))}, "look up accounts")
            found.update((user.fid, user) for user in self._rows(User, body, "users", "look up accounts"))
        return found

    def user_by_name(self, name: str) -> User | None:
        """Return the account with this username, or None."""
        what = "look up an account by name"
        body = self._lookup("/farcaster/user/by_username/", {"username": name.removeprefix("@")}, what)
        return _read(User, body.get("user"), what) if body is not None else None

    def reactions(
        self,
        cast_hash: str,
        kind: Literal["all", "likes", "recasts"] = "all",
        limit: int = 25,
        cursor: str | None = None,
    ) -> Page[Reaction]:
        """Return a page of the reactions to a cast; `limit` is at most 100."""
        params = {"hash": cast_hash, "types": [kind], "limit": _clamp(limit, 100), "cursor": cursor}
        return self._page(Reaction, "/farcaster/reactions/cast/", params, "reactions", "list the reactions to a cast")

    def signer(self, signer_uuid: str) -> Signer:
        """Return what a signer may do and for whom; `RequestRefused` when Neynar does not know it."""
        what = "look up a signer"
        return _read(Signer, self._get("/farcaster/signer/", {"signer_uuid": _secret(signer_uuid)}, what), what)

    def channel(self, channel_id: str) -> Channel | None:
        """Return the channel with this id, or None."""
        body = self._lookup("/farcaster/channel/", {"id": channel_id, "type": "id"}, "look up a channel")
        return _read(Channel, body.get("channel"), "look up a channel") if body is not None else None

    def storage(self, fid: int) -> Storage:
        """Return how much of an account's rented storage its casts fill."""
        return _read(Storage, self._get("/farcaster/storage/usage/", {"fid": fid}, "read storage"), "read storage")

    def trending_topics(self, limit: int = 10) -> tuple[Topic, ...]:
        """Return what people talk about, hottest first; `limit` is at most 25."""
        params = {"limit": _clamp(limit, 25)}
        what = "list trending topics"
        return self._page(Topic, "/farcaster/topic/trending/", params, "topics", what, skips_unreadable=True).items

    def trending_channels(self, limit: int = 10) -> tuple[TrendingChannel, ...]:
        """Return the busiest channels of the last day, busiest first; `limit` is at most 25."""
        params = {"time_window": "1d", "limit": _clamp(limit, 25)}
        path, what = "/farcaster/channel/trending/", "list trending channels"
        return self._page(TrendingChannel, path, params, "channels", what, skips_unreadable=True).items

    def topic_feed(self, slug: str, limit: int = 25) -> tuple[FeedCast, ...]:
        """Return recent casts about a trending topic; `limit` is at most 100. What cannot be read is left out."""
        params = {"slug": slug, "limit": _clamp(limit, 100), "with_recasts": "false"}
        what = "list the casts about a topic"
        return self._page(FeedCast, "/farcaster/feed/topic/", params, "casts", what, skips_unreadable=True).items

    def channel_feed(self, channel_ids: Sequence[str], limit: int = 100) -> tuple[FeedCast, ...]:
        """Return recent casts of up to ten channels; `limit` is at most 100. What cannot be read is left out."""
        params = {
            "channel_ids": ",".join(channel_ids[:CHANNELS_PER_CALL]),
            "limit": _clamp(limit, 100),
            "with_recasts": "false",
        }
        what = "list the casts of channels"
        return self._page(FeedCast, "/farcaster/feed/channels/", params, "casts", what, skips_unreadable=True).items

    # One level down

    def _check_cast(self, text: str, embeds: Sequence[str], max_bytes: int) -> None:
        size = byte_length(text)
        if size > max_bytes:
            raise RequestRefused(
                f"The cast has {size:,} bytes, but at most {max_bytes:,} are allowed; an emoji has four."
            )
        if not text.strip() and not embeds:
            raise RequestRefused("The cast is empty: it needs a text or an embed.")
        if len(embeds) > self._max_embeds:
            raise RequestRefused(f"The cast has {len(embeds)} embeds, but at most {self._max_embeds} are allowed.")
        for url in embeds:
            if not url.startswith(("http://", "https://")):
                raise RequestRefused(f"The embed {url[:80]!r} is not an http(s) address.")
            if byte_length(url) > EMBED_URL_BYTES:
                size = byte_length(url)
                raise RequestRefused(
                    f"The embed {url[:80]!r}… has {size:,} bytes, but at most {EMBED_URL_BYTES} are allowed."
                )

    def _write(
        self, method: str, path: str, body: Mapping[str, Any], what: str, *, attempts: int = ATTEMPTS
    ) -> dict[str, Any]:
        answer = self._api.call(
            method, path, what=what, effect="write", body=body, seconds=PUBLISH_SECONDS, attempts=attempts
        ).body
        if not isinstance(answer, dict):
            raise OutcomeUnknown(f"Neynar gave an unreadable answer when asked to {what}.", status=200)
        return answer

    def _do(self, method: str, path: str, body: Mapping[str, Any], what: str) -> None:
        answer = self._write(method, path, body, what)
        if answer.get("success") is False:
            words = redact(explain(answer))
            raise RequestRefused(f"Neynar refused to {what}" + (f": {words}" if words else "."), status=200)

    def _get(self, path: str, params: Mapping[str, Any], what: str) -> dict[str, Any]:
        body = self._api.call("GET", path, what=what, effect="read", params=params).body
        if not isinstance(body, dict):
            raise _unreadable(what, "the answer is not an object")
        return body

    def _lookup(self, path: str, params: Mapping[str, Any], what: str) -> dict[str, Any] | None:
        """Read what may not exist; 404 is an answer here."""
        try:
            return self._get(path, params, what)
        except RequestRefused as error:
            if error.status == 404:
                return None
            raise

    def _page(
        self,
        record: type[_R],
        path: str,
        params: Mapping[str, Any],
        key: str,
        what: str,
        *,
        skips_unreadable: bool = False,
    ) -> Page[_R]:
        body = self._get(path, params, what)
        following = body.get("next")
        cursor = following.get("cursor") if isinstance(following, dict) else None
        rows = self._rows(record, body, key, what, skips_unreadable=skips_unreadable)
        return Page(items=tuple(rows), cursor=cursor or None)

    def _rows(
        self, record: type[_R], body: Any, key: str, what: str, *, skips_unreadable: bool = False
    ) -> Iterator[_R]:
        if body is None:
            return
        rows = body.get(key) if isinstance(body, dict) else None
        if not isinstance(rows, list):
            raise _unreadable(what, f"it holds no list {key!r}")
        for row in rows:
            try:
                yield _read(record, row, what)
            except ServiceUnavailable as error:
                if not skips_unreadable:
                    raise
                log.info("Part of an answer was left out", extra=event("neynar.unreadable", error=str(error)))


class _NeynarApi(Api):
    """The shared layer, with what the hubs behind Neynar say in the body of a plain 400."""

    def _error(self, response: requests.Response, what: str, effect: Effect, deadline: float) -> ServiceError:
        try:
            body = json.loads(read_body(response, deadline))
        except (ValueError, RecursionError, requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            body = None
        code = str(body.get("code") or "") if isinstance(body, dict) else ""
        words = redact(_explain(body))
        status = response.status_code
        message = f"Neynar answered {status} when asked to {what}" + (f": {words}" if words else ".")
        if effect == "write" and status in (403, 404):
            message = f"{message.rstrip('.')}. {_SIGNER_HINT}"
        if status == 400 and "bad_request.duplicate" in (code + words).lower():
            # The very same message is there already; which cast it became has to be looked up.
            return OutcomeUnknown(message, status=status)
        if status == 400 and "bad_request.rate_limited" in (code + words).lower():
            status = 429
        return error_for(status, message, effect, retry_after=retry_after_seconds(response.headers))


def _explain(body: Any) -> str:
    """Return Neynar's own words and, of a validation error, the fields it means; never what was in them."""
    errors = body.get("errors") if isinstance(body, dict) else None
    paths = [item.get("path") for item in errors if isinstance(item, dict)] if isinstance(errors, list) else []
    fields = ", ".join(".".join(map(str, path)) for path in paths[:5] if isinstance(path, list))
    return explain(body) + (f" ({fields})" if fields else "")


def _read(record: type[_R], data: Any, what: str) -> _R:
    try:
        return record.model_validate(data)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, item["loc"])) or "the answer" for item in error.errors()}))
        raise _unreadable(what, f"cannot make sense of {fields}") from None


def _unreadable(what: str, why: str) -> ServiceUnavailable:
    return ServiceUnavailable(f"Neynar gave an unreadable answer when asked to {what}: {why}.", status=200)


def _reaction(signer_uuid: str, kind: str, cast_hash: str, author_fid: int, idem: str) -> dict[str, Any]:
    return {
        "signer_uuid": _secret(signer_uuid),
        "reaction_type": kind,
        "target": cast_hash,
        "target_author_fid": author_fid,
        "idem": idem,
    }


def _secret(signer_uuid: str) -> str:
    register_secret(signer_uuid)
    return signer_uuid


def _same_hash(value: str | None) -> str | None:
    return normal_hash(value) or value or None


def _clamp(limit: int, most: int) -> int:
    return max(1, min(limit, most))


_T = TypeVar("_T")


def _chunks(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
