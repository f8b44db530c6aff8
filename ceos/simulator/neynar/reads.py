"""Neynar's reads: casts, feeds, users, channels, reactions, storage."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable
from typing import Any

from ceos.simulator.chance import number
from ceos.simulator.neynar.objects import Shapes, timestamp
from ceos.simulator.neynar.publishing import refuse
from ceos.simulator.people import channel_id_of, channel_object, is_channel
from ceos.simulator.wire import Handler, Refusal, Reply, Request, json_reply
from ceos.simulator.world import Cast, Key, World, decode_cursor, encode_cursor

_HASH = re.compile(r"^0x[0-9a-f]{40}$")
_HASH_IN_URL = re.compile(r"0x[0-9a-f]{40}")
_KINDS = {"likes": ("like",), "recasts": ("recast",), "all": ("like", "recast")}


def bad_query(name: str, message: str) -> Refusal:
    """The error shape of invalid query parameters."""
    error = {"code": "invalid_type", "expected": "valid", "received": "invalid", "path": [name], "message": message}
    return Refusal(json_reply({"message": "Invalid query parameters", "code": "InvalidField", "errors": [error]}, 400))


def integer(request: Request, name: str, default: int | None, low: int, high: int) -> int:
    """A whole-number parameter within its limits; required without a default."""
    text = request.param(name)
    if not text and default is not None:
        return default
    if not text.isdecimal() or not low <= int(text) <= high:
        raise bad_query(name, f"{name} is a number from {low} to {high}")
    return int(text)


def fid_param(request: Request) -> int:
    """The required `fid`."""
    return integer(request, "fid", None, 1, 2**53)


def fids_param(request: Request, most: int) -> list[int]:
    """The required list `fids`."""
    values = request.params("fids")
    if not values or len(values) > most or not all(value.isdecimal() and int(value) > 0 for value in values):
        raise bad_query("fids", f"fids is a list of 1 to {most} fids")
    return [int(value) for value in values]


def paged(field: str, values: list[Any], cursor: str | None) -> Reply:
    """The usual list answer."""
    return json_reply({field: values, "next": {"cursor": cursor}})


class Reads:
    """All reads."""

    def __init__(self, world: World, shapes: Shapes) -> None:
        self.world = world
        self.shapes = shapes

    def routes(self) -> dict[str, Handler]:
        """Paths below /v2/farcaster/."""
        return {
            "cast": self.cast,
            "casts": self.casts,
            "cast/search": self.search_casts,
            "cast/quotes": self.quotes,
            "feed": self.feed,
            "feed/user/casts": self.user_casts,
            "feed/user/popular": self.popular,
            "feed/user/replies_and_recasts": self.replies_and_recasts,
            "feed/following": self.following_feed,
            "channel": self.channel,
            "user/bulk": self.users,
            "user/by_username": self.user_by_name,
            "user/search": self.search_users,
            "reactions/cast": self.cast_reactions,
            "reactions/user": self.user_reactions,
            "followers": self.followers,
            "following": self.following,
            "storage/usage": self.storage,
        }

    def cast(self, request: Request) -> Reply:
        """One cast by hash or URL."""
        return json_reply({"cast": self.shapes.cast(self.identified(request))})

    def casts(self, request: Request) -> Reply:
        """Several casts by hash; those that do not exist are left out."""
        hashes = request.params("casts")
        if not hashes:
            raise bad_query("casts", "Required")
        found = [cast for cast in map(self.world.find, hashes) if cast]
        return json_reply({"result": {"casts": [self.shapes.cast(cast) for cast in found]}})

    def search_casts(self, request: Request) -> Reply:
        """Return the casts whose text contains every word of the query."""
        if not request.param("q"):
            raise bad_query("q", "Required")
        words = re.findall(r"\w+", request.param("q").lower())
        author = integer(request, "author_fid", 0, 1, 2**53)
        key: Key = ("fid", author) if author else ("all",)
        casts, cursor = self._page(request, [key], 25, 100, lambda cast: all(w in cast.text.lower() for w in words))
        return json_reply({"result": {"casts": casts, "next": {"cursor": cursor}}})

    def quotes(self, request: Request) -> Reply:
        """Casts that quote a cast."""
        return self.feed_page(request, [("quotes", self.identified(request).hash)], 25, 100)

    def user_casts(self, request: Request) -> Reply:
        """A user's casts, newest first."""
        channel_id = request.param("channel_id") or channel_id_of(request.param("parent_url"))
        replies = request.flag("include_replies", True)
        keep: Callable[[Cast], bool] | None = None
        if channel_id or not replies:

            def keep(cast: Cast) -> bool:
                return (replies or not cast.parent_hash) and (not channel_id or cast.channel_id == channel_id)

        return self.feed_page(request, [("fid", fid_param(request))], 25, 150, keep)

    def popular(self, request: Request) -> Reply:
        """A user's ten casts with the most reactions."""
        recent, _ = self.world.page([("fid", fid_param(request))], 200, "")
        recent.sort(key=lambda cast: -len(cast.reacted("like")) - len(cast.reacted("recast")) - cast.replies)
        return json_reply({"casts": [self.shapes.cast(cast) for cast in recent[:10]]})

    def replies_and_recasts(self, request: Request) -> Reply:
        """A user's replies, the casts that it recast, or first these and then the replies."""
        fid, wanted = fid_param(request), request.param("filter", "all")
        if wanted not in ("all", "replies", "recasts"):
            raise bad_query("filter", "filter is all, replies or recasts")
        if wanted == "replies":
            return self.feed_page(request, [("fid", fid)], 25, 50, lambda cast: bool(cast.parent_hash))
        shared = self.world.liked.get((fid, "recast"), {}).values()
        stamped = [(cast.reacted("recast")[fid], "recast", cast) for cast in shared if self.world.visible(cast)]
        if wanted == "all":
            replies = (cast for cast in self.world.latest(("fid", fid)) if cast.parent_hash)
            stamped += [((cast.seq, cast.at), "reply", cast) for cast in replies]
        page, cursor = self._stamped(request, stamped, 25, 50)
        return paged("casts", [self.shapes.cast(cast) for _, _, cast in page], cursor)

    def feed(self, request: Request) -> Reply:
        """The general feed with its filters."""
        if request.param("feed_type", "following") == "following":
            return self.following_feed(request)
        match request.param("filter_type"):
            case "fids":
                keys: list[Key] = [("fid", fid) for fid in fids_param(request, 100)]
            case "channel_id":
                keys = [("channel", request.param("channel_id"))]
            case "parent_url":
                keys = [("parent_url", request.param("parent_url"))]
            case "embed_url" if wanted := request.param("embed_url"):
                prefix = wanted if "://" in wanted else f"https://{wanted}"
                return self.feed_page(request, [("all",)], 25, 100, lambda cast: _embeds(cast, prefix))
            case "embed_types" if request.params("embed_types"):
                # The simulator does not fetch addresses: it knows a file by the end of its name.
                types = tuple(request.params("embed_types"))
                return self.feed_page(request, [("all",)], 25, 100, lambda cast: _has_type(cast, types))
            case other:
                raise bad_query("filter_type", f"{other!r} is not a filter this feed has")
        return self.feed_page(request, keys, 25, 100)

    def following_feed(self, request: Request) -> Reply:
        """Return the casts of all accounts that a user follows."""
        keys: list[Key] = [("fid", fid) for fid in self.world.following.get(fid_param(request), ())]
        return self.feed_page(request, keys or [("fid", 0)], 25, 100)

    def channel(self, request: Request) -> Reply:
        """One channel by id or parent URL."""
        wanted = request.param("id")
        channel_id = channel_id_of(wanted) if request.param("type") == "parent_url" else wanted
        if not channel_id or not is_channel(channel_id):
            raise refuse(404, "Channel not found", "NotFound")
        return json_reply({"channel": channel_object(channel_id)})

    def users(self, request: Request) -> Reply:
        """Up to 100 users by fid, in the configured order; those that do not exist are left out."""
        missing = self.shapes.options["missing_fids"]
        fids = [fid for fid in dict.fromkeys(fids_param(request, 100)) if fid not in missing]
        if self.shapes.options["bulk_order"] == "shuffled":
            fids.sort(key=lambda fid: number("bulk", fid))
        return json_reply({"users": [self.shapes.user(fid) for fid in fids]})

    def user_by_name(self, request: Request) -> Reply:
        """One user by name."""
        fid = self.world.fid_named(request.param("username"))
        if fid is None:
            raise refuse(404, "User not found", "NotFound")
        return json_reply({"user": self.shapes.user(fid)})

    def search_users(self, request: Request) -> Reply:
        """The user of exactly that name, if there is one."""
        if not request.param("q"):
            raise bad_query("q", "Required")
        fid = self.world.fid_named(request.param("q"))
        return json_reply({"result": {"users": [self.shapes.user(fid)] if fid else [], "next": {"cursor": None}}})

    def cast_reactions(self, request: Request) -> Reply:
        """Return the reactions to a cast, newest first."""
        cast = self.world.find(request.param("hash").lower())
        if cast is None:
            raise refuse(404, "Cast not found", "NotFound")
        kinds = _reaction_kinds(request, "types")
        stamped = [(stamp, kind, fid) for kind in kinds for fid, stamp in cast.reacted(kind).items()]
        page, cursor = self._stamped(request, stamped, 25, 100)
        reactions = [_reaction(kind, stamp[1]) | {"user": self.shapes.user(fid)} for stamp, kind, fid in page]
        return paged("reactions", reactions, cursor)

    def user_reactions(self, request: Request) -> Reply:
        """Return the reactions of a user, newest first."""
        fid = fid_param(request)
        kinds = _reaction_kinds(request, "type")
        liked = [(kind, cast) for kind in kinds for cast in self.world.liked.get((fid, kind), {}).values()]
        stamped = [(cast.reacted(kind)[fid], kind, cast) for kind, cast in liked if self.world.visible(cast)]
        page, cursor = self._stamped(request, stamped, 25, 100)
        user = self.shapes.short_user(fid)
        reactions = [
            _reaction(kind, stamp[1]) | {"cast": self.shapes.cast(cast), "user": user} for stamp, kind, cast in page
        ]
        return paged("reactions", reactions, cursor)

    def followers(self, request: Request) -> Reply:
        """Return the followers of a user, newest first."""
        return self._links(request, self.world.followers.get(fid_param(request), {}))

    def following(self, request: Request) -> Reply:
        """Return the accounts that a user follows, newest first."""
        return self._links(request, self.world.following.get(fid_param(request), {}))

    def storage(self, request: Request) -> Reply:
        """Return the storage of a user: one unit per account."""
        fid = fid_param(request)

        def store(capacity: int, used: int) -> dict[str, Any]:
            return {"object": "storage", "capacity": capacity, "used": min(used, capacity)}

        reactions = sum(len(self.world.liked.get((fid, kind), ())) for kind in _KINDS["all"])
        usage = {
            "object": "storage_usage",
            "user": self.shapes.short_user(fid),
            "total_active_units": 1,
            "casts": store(100, len(self.world.index.get(("fid", fid), ()))),
            "reactions": store(200, reactions),
            "links": store(200, len(self.world.following.get(fid, ()))),
            "verified_addresses": store(5, 1),
            "username_proofs": store(5, 1),
            "signers": store(1000, 1),
        }
        return json_reply(usage)

    def identified(self, request: Request) -> Cast:
        """The cast of `identifier` and `type`."""
        identifier = request.param("identifier").lower()
        if request.param("type") == "url":
            match = _HASH_IN_URL.search(identifier)
            identifier = match[0] if match else ""
        elif not _HASH.match(identifier):
            raise bad_query("identifier", "identifier is not a cast hash")
        cast = self.world.find(identifier)
        if cast is None:
            raise refuse(int(self.shapes.options["missing_cast_status"]), "Cast not found", "NotFound")
        return cast

    def _page(
        self, request: Request, keys: list[Key], default: int, most: int, keep: Callable[[Cast], bool] | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        limit = integer(request, "limit", default, 1, most)
        try:
            casts, cursor = self.world.page(keys, limit, request.param("cursor"), keep)
        except ValueError as error:
            raise bad_query("cursor", str(error)) from None
        return [self.shapes.cast(cast) for cast in casts], cursor

    def feed_page(
        self, request: Request, keys: list[Key], default: int, most: int, keep: Callable[[Cast], bool] | None = None
    ) -> Reply:
        """One page of casts under some keys."""
        return paged("casts", *self._page(request, keys, default, most, keep))

    def _stamped(
        self, request: Request, values: list[tuple[tuple[int, float], Any, Any]], default: int, most: int
    ) -> tuple[list[tuple[tuple[int, float], Any, Any]], str | None]:
        limit = integer(request, "limit", default, 1, most)
        try:
            before = decode_cursor(request.param("cursor"))
        except ValueError as error:
            raise bad_query("cursor", str(error)) from None
        newest = sorted((v for v in values if before is None or v[0][0] < before), key=lambda v: -v[0][0])
        more = len(newest) > limit
        return newest[:limit], encode_cursor(newest[limit - 1][0][0]) if more else None

    def _links(self, request: Request, links: dict[int, tuple[int, float]]) -> Reply:
        page, cursor = self._stamped(request, [(stamp, fid, None) for fid, stamp in links.items()], 20, 100)
        return paged("users", [{"object": "follower", "user": self.shapes.user(fid)} for _, fid, _ in page], cursor)


def _addresses(cast: Cast) -> list[str]:
    return [embed["url"] for embed in cast.embeds if "url" in embed]


def _embeds(cast: Cast, prefix: str) -> bool:
    return any(url.startswith(prefix) for url in _addresses(cast))


def _has_type(cast: Cast, types: tuple[str, ...]) -> bool:
    found = [mimetypes.guess_type(url)[0] or "text/html" for url in _addresses(cast)]
    return any(one == kind or one.partition("/")[0] == kind for one in found for kind in types)


def _reaction_kinds(request: Request, name: str) -> list[str]:
    values = request.params(name)
    if not values or not all(value in _KINDS for value in values):
        raise bad_query(name, f"{name} is all, likes or recasts")
    return list(dict.fromkeys(kind for value in values for kind in _KINDS[value]))


def _reaction(kind: str, at: float) -> dict[str, Any]:
    return {"object": kind + "s", "reaction_type": kind, "reaction_timestamp": timestamp(at)}
