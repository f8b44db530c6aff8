"""Casts in the shape Neynar sends them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ceos.simulator.chance import number
from ceos.simulator.faults import Faults
from ceos.simulator.people import channel_short, user_object, user_short
from ceos.simulator.world import Cast, World

#: The seconds in which a cast gets two thirds of its simulated reactions.
_CROWD_SECONDS = 1800.0


def timestamp(at: float) -> str:
    """ISO 8601 as Neynar writes it; the protocol keeps whole seconds."""
    return _written(int(at))


@lru_cache(maxsize=8192)
def _written(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Shapes:
    """Builds the objects of answers from the world's records."""

    def __init__(self, world: World, faults: Faults) -> None:
        self.world = world
        self.options = faults.options["neynar"]

    def user(self, fid: int) -> dict[str, Any]:
        """A full User."""
        followers = self.world.followers.get(fid)
        return user_object(fid, self.world.profiles.get(fid), len(followers) if followers else 0)

    def short_user(self, fid: int) -> dict[str, Any]:
        """A dehydrated User."""
        return user_short(fid, self.world.profiles.get(fid))

    def cast(self, cast: Cast) -> dict[str, Any]:
        """A full Cast."""
        likes, recasts = self._counts(cast)
        return {
            "object": "cast",
            "hash": cast.hash,
            "author": self.user(cast.fid),
            "app": None,
            **self._body(cast),
            "thread_hash": cast.thread_hash,
            "embeds": [self._embed(embed) for embed in cast.embeds],
            "reactions": {"likes_count": likes, "recasts_count": recasts, "likes": [], "recasts": []},
            "replies": {"count": cast.replies},
            "mentioned_profiles": [self.user(fid) for fid, _, _ in cast.mentions],
            "mentioned_profiles_ranges": [{"start": start, "end": end} for _, start, end in cast.mentions],
            "mentioned_channels": [],
            "mentioned_channels_ranges": [],
            "channel": channel_short(cast.channel_id) if cast.channel_id else None,
        }

    def _body(self, cast: Cast) -> dict[str, Any]:
        return {
            "text": cast.text,
            "timestamp": timestamp(cast.at),
            "parent_hash": cast.parent_hash,
            "parent_url": cast.parent_url,
            "root_parent_url": cast.root_parent_url,
            "parent_author": {"fid": cast.parent_fid},
        }

    def _embed(self, embed: dict[str, Any]) -> dict[str, Any]:
        if "url" in embed:
            return {"url": embed["url"], "metadata": {"_status": "PENDING"}}
        quoted = self.world.find(embed["cast_id"]["hash"])
        if quoted is None:
            return {"url": f"https://farcaster.xyz/~/conversations/{embed['cast_id']['hash']}"}
        short = {
            "object": "cast_embedded",
            "hash": quoted.hash,
            "author": self.short_user(quoted.fid),
            **self._body(quoted),
            "embeds": [inner for inner in quoted.embeds if "url" in inner],
            "channel": channel_short(quoted.channel_id) if quoted.channel_id else None,
        }
        return {"cast_id": embed["cast_id"], "cast": short}

    def _counts(self, cast: Cast) -> tuple[int, int]:
        likes, recasts = len(cast.reacted("like")), len(cast.reacted("recast"))
        mean = self.options["crowd"]
        if mean:
            # Between none and twice the mean, growing with age.
            interest = mean * 2 * (number("crowd", cast.hash) % 1000) / 1000
            crowd = interest * (1 - math.exp(-(self.world.now() - cast.at) / _CROWD_SECONDS))
            likes, recasts = likes + round(crowd), recasts + round(crowd / 5)
        return likes, recasts
