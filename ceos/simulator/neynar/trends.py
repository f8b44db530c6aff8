"""Neynar's trends: topics, busy channels, and their feeds."""

from __future__ import annotations

import re

from ceos.simulator.audience.waves import trending
from ceos.simulator.chance import number
from ceos.simulator.neynar.reads import Reads, bad_query, integer, paged
from ceos.simulator.people import CHANNEL_IDS, channel_object
from ceos.simulator.wire import Handler, Reply, Request
from ceos.simulator.world import Cast


class Trends:
    """The reads under `topic/`, `channel/trending`, `feed/topic` and `feed/channels`."""

    def __init__(self, reads: Reads) -> None:
        self.reads = reads
        self.world = reads.world

    def routes(self) -> dict[str, Handler]:
        """Paths below /v2/farcaster/."""
        return {
            "feed/channels": self.channel_feed,
            "feed/topic": self.topic_feed,
            "topic/trending": self.topics,
            "channel/trending": self.channels,
        }

    def topics(self, request: Request) -> Reply:
        """Return the trending topics, the highest first."""
        limit = integer(request, "limit", 10, 1, 25)
        topics = [
            {
                "name": topic.name,
                "slug": topic.slug,
                "summary": None if number(topic.name) % 4 == 0 else f"People compare notes on {topic.name.lower()}.",
                "authors": [self.reads.shapes.short_user(2 + number(topic.name, i) % 900) for i in range(3)],
                "top_level_topic": topic.group,
            }
            for _, topic in trending(self.world.seed, self.world.now())[:limit]
        ]
        return paged("topics", topics, None)

    def topic_feed(self, request: Request) -> Reply:
        """Recent casts that name a topic."""
        slug = request.param("slug")
        if not re.fullmatch(r"[a-z0-9_]+", slug):
            raise bad_query("slug", "slug has lower-case letters, digits and underscores")
        words = slug.split("_")
        return self.reads.feed_page(
            request, [("all",)], 25, 100, lambda cast: all(word in cast.text.lower() for word in words)
        )

    def channels(self, request: Request) -> Reply:
        """The busiest channels; the counts are strings."""
        limit = integer(request, "limit", 10, 1, 25)
        channels = []
        for channel_id in CHANNEL_IDS:
            n = len(self.world.index.get(("channel", channel_id), ())) + number("activity", channel_id) % 400
            counts = {"cast_count_1d": str(n), "cast_count_7d": str(n * 6), "cast_count_30d": str(n * 25)}
            channels.append((n, {"object": "channel_activity", "channel": channel_object(channel_id), **counts}))
        channels.sort(key=lambda ranked: -ranked[0])
        return paged("channels", [activity for _, activity in channels[:limit]], None)

    def channel_feed(self, request: Request) -> Reply:
        """The casts of up to ten channels."""
        ids = request.params("channel_ids")
        if not 1 <= len(ids) <= 10:
            raise bad_query("channel_ids", "channel_ids is a list of 1 to 10 channels")
        keep = None if request.flag("with_replies", False) else _is_root
        return self.reads.feed_page(request, [("channel", channel_id) for channel_id in ids], 25, 100, keep)


def _is_root(cast: Cast) -> bool:
    return not cast.parent_hash
