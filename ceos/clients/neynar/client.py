"""Farcaster through Neynar: publish and react as an account, look things up, find the cast whose answer was lost.

The address carries the version (`…/v2`), and every path ends with a slash, so that no write is answered by a redirect.
There is no trending feed: Neynar removed it; `trending_topics` and `trending_channels` remain.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from ceos.clients.neynar.api import NeynarApi, unreadable
from ceos.clients.neynar.reads import NeynarReads, same_hash, secret_signer
from ceos.clients.neynar.types import (
    OwnCast,
    PublishedCast,
    ReactionKind,
    normal_hash,
)
from ceos.domain.media import EMBED_URL_BYTES, MAX_EMBEDS
from ceos.domain.text import CAST_BYTES, byte_length
from ceos.errors import OutcomeUnknown, RequestRefused, ServiceUnavailable
from ceos.logs import register_secret

#: How far a cast's time may lie before the moment we sent it: clocks differ, and Farcaster counts whole seconds.
CLOCK_SLACK = dt.timedelta(seconds=60)
#: How far `find_cast` looks back: pages of casts, and casts per page.
LOOKUP_PAGES, LOOKUP_PAGE = 20, 50


class Neynar(NeynarReads):
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
        sleep: Callable[[float], None] = time.sleep,
        before_request: Callable[[], None] | None = None,
    ) -> None:
        register_secret(key)
        super().__init__(
            NeynarApi(
                "Neynar",
                base_url,
                key=key,
                key_variable="NEYNAR_API_KEY",
                headers=lambda secret: {"x-api-key": secret},
                sleep=sleep,
                before_request=before_request,
            )
        )

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
        body: dict[str, Any] = {"signer_uuid": secret_signer(signer_uuid), "idem": idem}
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
        answer = self._api.write("POST", "/farcaster/cast/", body, "publish a cast", attempts=1)
        cast = answer.get("cast")
        cast_hash = normal_hash(cast.get("hash")) if isinstance(cast, dict) else None
        if cast_hash is None or answer.get("success") is False:
            raise OutcomeUnknown("Neynar answered the publish without a readable hash.", status=200)
        author = cast.get("author") if isinstance(cast, dict) else None
        fid = author.get("fid") if isinstance(author, dict) else None
        return PublishedCast(hash=cast_hash, author_fid=fid if type(fid) is int else None)

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
        body = {"signer_uuid": secret_signer(signer_uuid), "target_hash": cast_hash}
        self._api.do("DELETE", "/farcaster/cast/", body, "delete a cast")

    def react(self, signer_uuid: str, kind: ReactionKind, cast_hash: str, author_fid: int, *, idem: str) -> None:
        """Like or recast a cast."""
        body = _reaction(signer_uuid, kind, cast_hash, author_fid, idem)
        self._api.do("POST", "/farcaster/reaction/", body, f"{kind} a cast")

    def unreact(
        self, signer_uuid: str, kind: ReactionKind, cast_hash: str, author_fid: int | None, *, idem: str
    ) -> None:
        """Take a like or a recast back."""
        body = _reaction(signer_uuid, kind, cast_hash, author_fid, idem)
        self._api.do("DELETE", "/farcaster/reaction/", body, f"take back the {kind} of a cast")

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
        matches the oldest is returned. An error leaves the outcome unknown, and must never be read as "not there".
        """
        parent, taken = same_hash(parent), {same_hash(item) for item in used}
        found = [
            cast
            for cast in self._casts_since(fid, since - CLOCK_SLACK)
            if cast.parent_hash == parent
            and cast.hash not in taken
            and cast.author_fid in (None, fid)
            and cast.looks_like(text, embeds)
        ]
        if not found:
            return None
        # The feed is newest first: of two casts of one second, the later in the list is the older.
        oldest = min(reversed(found), key=lambda cast: cast.at)
        if normal_hash(oldest.hash) is None:
            raise unreadable("list an account's casts", "the lost cast is there, but has no readable hash")
        return oldest.hash

    def _casts_since(self, fid: int, oldest: dt.datetime) -> Iterator[OwnCast]:
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

    def _check_cast(self, text: str, embeds: Sequence[str], max_bytes: int) -> None:
        size = byte_length(text)
        if size > max_bytes:
            raise RequestRefused(
                f"The cast has {size:,} bytes, but at most {max_bytes:,} are allowed; an emoji has four."
            )
        if not text.strip() and not embeds:
            raise RequestRefused("The cast is empty: it needs a text or an embed.")
        if len(embeds) > MAX_EMBEDS:
            raise RequestRefused(f"The cast has {len(embeds)} embeds, but at most {MAX_EMBEDS} are allowed.")
        for url in embeds:
            if not url.startswith(("http://", "https://")):
                raise RequestRefused(f"The embed {url[:80]!r} is not an http(s) address.")
            if byte_length(url) > EMBED_URL_BYTES:
                size = byte_length(url)
                raise RequestRefused(
                    f"The embed {url[:80]!r}… has {size:,} bytes, but at most {EMBED_URL_BYTES} are allowed."
                )


def _reaction(signer_uuid: str, kind: str, cast_hash: str, author_fid: int | None, idem: str) -> dict[str, Any]:
    author = {} if author_fid is None else {"target_author_fid": author_fid}
    return {
        "signer_uuid": secret_signer(signer_uuid),
        "reaction_type": kind,
        "target": cast_hash,
        **author,
        "idem": idem,
    }
