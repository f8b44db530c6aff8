"""Neynar's less common reads: summaries, cast counts over time, feeds by parent URL, storage, addresses, channels."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from ceos.simulator.neynar.objects import timestamp
from ceos.simulator.neynar.reads import Reads, bad_query, fid_param, integer, paged
from ceos.simulator.people import CHANNEL_IDS, channel_id_of, channel_object, is_channel
from ceos.simulator.wire import Handler, Reply, Request, json_reply
from ceos.simulator.world import Cast, Key, decode_cursor, encode_cursor

_DAY = 86_400
_INTERVALS = {"1d": 1, "7d": 7, "30d": 30, "90d": 90, "180d": 180}
_ADDRESS = re.compile(r"^0x[0-9a-fA-F]{40}$")


class Lookups:
    """The reads that agents rarely need."""

    def __init__(self, reads: Reads) -> None:
        self.world = reads.world
        self.shapes = reads.shapes
        self.reads = reads

    def routes(self) -> dict[str, Handler]:
        """Paths below /v2/farcaster/."""
        return {
            "cast/conversation/summary": self.summary,
            "cast/metrics": self.metrics,
            "feed/parent_urls": self.parent_urls,
            "storage/allocations": self.allocations,
            "user/bulk-by-address": self.users_by_address,
            "channel/search": self.search_channels,
            "channel/bulk": self.channels,
        }

    def summary(self, request: Request) -> Reply:
        """Return a summary of a conversation; it only says how many casts there are."""
        root = self.reads.identified(request)
        limit = integer(request, "limit", 20, 1, 50)
        casts = [root, *list(self.world.latest(("children", root.hash)))[:limit]]
        mentioned = dict.fromkeys(fid for cast in casts for fid, _, _ in cast.mentions)
        summary = {
            "text": f"A conversation of {len(casts)} casts.",
            "participants": [self.shapes.user(fid) for fid in dict.fromkeys(cast.fid for cast in casts)],
            "mentioned_profiles": [self.shapes.user(fid) for fid in mentioned],
        }
        return json_reply({"summary": summary})

    def metrics(self, request: Request) -> Reply:
        """Return how many casts contain all words of a query, day by day, newest first."""
        words = re.findall(r"\w+", request.param("q").lower())
        interval = request.param("interval", "30d")
        if not words or interval not in _INTERVALS:
            raise bad_query("q" if not words else "interval", "q is required, interval is 1d, 7d, 30d, 90d or 180d")
        author = integer(request, "author_fid", 0, 1, 2**53)
        channel = request.param("channel_id")
        key: Key = ("fid", author) if author else ("channel", channel) if channel else ("all",)
        since = self.world.now() - _INTERVALS[interval] * _DAY
        days = Counter(
            int(cast.at) // _DAY
            for cast in self.world.latest(key)
            if cast.at >= since and all(word in cast.text.lower() for word in words)
        )
        rows = [
            {"start": timestamp(day * _DAY), "resolution_in_seconds": _DAY, "cast_count": days[day]}
            for day in sorted(days, reverse=True)
        ]
        return json_reply({"metrics": rows})

    def parent_urls(self, request: Request) -> Reply:
        """Return the casts under up to ten parent URLs."""
        urls = request.params("parent_urls")
        if not urls or len(urls) > 10:
            raise bad_query("parent_urls", "parent_urls is a list of 1 to 10 URLs")
        replies = request.flag("with_replies", False)

        def keep(cast: Cast) -> bool:
            return replies or not cast.parent_hash

        return self.reads.feed_page(request, [("parent_url", url) for url in urls], 25, 100, keep)

    def allocations(self, request: Request) -> Reply:
        """Return the storage that a user rents: one unit for a year."""
        fid, now = fid_param(request), self.world.now()
        allocation = {
            "object": "storage_allocation",
            "user": self.shapes.short_user(fid),
            "units": 1,
            "expiry": timestamp(now + 180 * _DAY),
            "timestamp": timestamp(now - 185 * _DAY),
        }
        return json_reply({"total_active_units": 1, "allocations": [allocation]})

    def users_by_address(self, request: Request) -> Reply:
        """Return the accounts with each address; only accounts that have cast are searched."""
        addresses = request.params("addresses")
        if not 1 <= len(addresses) <= 350 or not all(map(_ADDRESS.match, addresses)):
            raise bad_query("addresses", "addresses is a list of 1 to 350 addresses")
        fids = {key[1] for key in self.world.index if key[0] == "fid" and len(key) > 1}
        found: dict[str, list[dict[str, Any]]] = {}
        for user in map(self.shapes.user, sorted(fids)):
            for address in addresses:
                if address.lower() in {user["custody_address"], *user["verifications"]}:
                    found.setdefault(address.lower(), []).append(user)
        if not found:
            raise bad_query("addresses", "No users found")
        return json_reply(found)

    def search_channels(self, request: Request) -> Reply:
        """Return the channels whose id contains the query."""
        query = request.param("q").lower()
        if not query:
            raise bad_query("q", "Required")
        limit = integer(request, "limit", 20, 1, 200)
        try:
            start = decode_cursor(request.param("cursor")) or 0
        except ValueError as error:
            raise bad_query("cursor", str(error)) from None
        found = [one for one in CHANNEL_IDS if query in one]
        cursor = encode_cursor(start + limit) if len(found) > start + limit else None
        return paged("channels", [channel_object(one) for one in found[start : start + limit]], cursor)

    def channels(self, request: Request) -> Reply:
        """Return several channels by id or parent URL; those that do not exist are left out."""
        ids = request.params("ids")
        if not ids:
            raise bad_query("ids", "Required")
        by_url = request.param("type") == "parent_url"
        known = [channel_id_of(one) if by_url else one for one in ids]
        return json_reply({"channels": [channel_object(one) for one in known if one and is_channel(one)]})
