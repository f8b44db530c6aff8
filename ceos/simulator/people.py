"""Accounts and channels: every fid exists and always has the same profile."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from ceos.simulator.chance import hex_hash, number

_NAMES = (
    "ada", "bo", "cleo", "dara", "emil", "fern", "gus", "hana", "ivo", "june", "kaya", "leo", "mira", "nils", "odile",
    "pax", "quinn", "rosa", "sven", "tova", "uma", "vito", "wren", "xena", "yuri", "zoe", "alba", "bruno", "celia",
    "dov", "elka",
)  # fmt: skip
_BIOS = (
    "I fix bicycles and arguments.",
    "Slow coffee, fast tests.",
    "Collecting small wonders. Opinions are borrowed.",
    "Builder of quiet things.",
    "Here for the questions.",
    "Mostly gardens, sometimes compilers.",
    "Writes letters. Yes, on paper.",
    "Learning in public, failing politely.",
)
_CHANNELS = {
    "base": "Base",
    "farcaster": "Farcaster",
    "dev": "Builders",
    "art": "Art",
    "music": "Music",
    "food": "Food",
    "books": "Books",
    "garden": "Garden",
    "photography": "Photography",
    "ai": "AI",
    "travel": "Travel",
    "running": "Running",
}
#: The value in a profile for a field that the account lacks.
WITHHELD = object()
_NAME = re.compile(r"^([a-z]+)(\d{1,9})$")
_CHANNEL_ID = re.compile(r"^[a-z0-9]{1,15}$")

CHANNEL_IDS = tuple(_CHANNELS)


def username(fid: int) -> str:
    """Return the default name of an account, which contains the fid."""
    return f"{_NAMES[number('name', fid) % len(_NAMES)]}{fid}"


def fid_of(name: str) -> int | None:
    """The account behind a name made by `username`."""
    match = _NAME.match(name)
    if match and username(fid := int(match[2])) == name:
        return fid
    return None


@lru_cache(maxsize=4096)
def _account(fid: int) -> dict[str, Any]:
    n = number("account", fid)
    address = "0x" + hex_hash(20, "custody", fid)
    verified = ["0x" + hex_hash(20, "verified", fid)] if n % 3 else []
    name = username(fid)
    user: dict[str, Any] = {
        "object": "user",
        "fid": fid,
        "username": name,
        "display_name": None if n % 17 == 0 else name.rstrip("0123456789").capitalize(),
        "pfp_url": None if n % 19 == 0 else f"https://example.com/pfp/{fid}.png",
        "custody_address": address,
        "registered_at": f"2024-{1 + n % 12:02}-{1 + n // 12 % 28:02}T08:00:00.000Z",
        "profile": {"bio": {"text": _BIOS[n % len(_BIOS)]}},
        "follower_count": n // 29 % 5000,
        "following_count": n // 31 % 900,
        "verifications": verified,
        "verified_addresses": {
            "eth_addresses": verified,
            "sol_addresses": [],
            "primary": {"eth_address": verified[0] if verified else None, "sol_address": None},
        },
        "auth_addresses": [],
        "verified_accounts": [{"platform": "github", "username": name}] if n % 5 == 0 else [],
    }
    score = round(0.2 + n // 37 % 80 / 100, 2)
    # Some have the score under its old name only, some have none yet.
    if n % 7:
        user["score"] = score
    if n % 11:
        user["experimental"] = {"neynar_user_score": score}
    return user


def user_object(fid: int, profile: dict[str, Any] | None = None, new_followers: int = 0) -> dict[str, Any]:
    """Return the full User of an fid, with later changes."""
    user = _account(fid)
    if not profile and not new_followers:
        return user
    changed = {key: value for key, value in (user | (profile or {})).items() if value is not WITHHELD}
    changed["follower_count"] = user["follower_count"] + new_followers
    return changed


def user_short(fid: int, profile: dict[str, Any] | None = None) -> dict[str, Any]:
    """The dehydrated User of an fid."""
    user = user_object(fid, profile)
    short = {key: user[key] for key in ("fid", "username", "display_name", "pfp_url", "custody_address")}
    return {"object": "user_dehydrated"} | short


def channel_url(channel_id: str) -> str:
    """The parent URL of a channel."""
    return f"https://farcaster.xyz/~/channel/{channel_id}"


def channel_id_of(url: str) -> str | None:
    """The channel a parent URL belongs to."""
    head, _, tail = url.rpartition("/")
    return tail if head.endswith("/~/channel") and _CHANNEL_ID.match(tail) else None


def is_channel(channel_id: str) -> bool:
    """Say whether an id is valid for a channel."""
    return bool(_CHANNEL_ID.match(channel_id))


@lru_cache(maxsize=512)
def channel_object(channel_id: str) -> dict[str, Any]:
    """The full Channel of an id."""
    n = number("channel", channel_id)
    return {
        "object": "channel",
        "id": channel_id,
        "url": channel_url(channel_id),
        "name": _CHANNELS.get(channel_id, channel_id.capitalize()),
        "description": f"Everything about {_CHANNELS.get(channel_id, channel_id)}.",
        "parent_url": channel_url(channel_id),
        "image_url": f"https://example.com/channel/{channel_id}.png",
        "created_at": "2023-11-01T09:00:00.000Z",
        "follower_count": 100 + n % 90_000,
        "member_count": 10 + n // 7 % 2_000,
        "lead": user_object(2 + n % 900),
        "moderator_fids": [],
    }


@lru_cache(maxsize=512)
def channel_short(channel_id: str) -> dict[str, Any]:
    """The dehydrated Channel of an id."""
    full = channel_object(channel_id)
    return {"object": "channel_dehydrated", "id": full["id"], "name": full["name"], "image_url": full["image_url"]}
