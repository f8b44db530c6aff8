"""The publication of a cast: its validation, and faults before and after the commit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ceos.simulator.faults import PUBLISH_FAULTS, Faults
from ceos.simulator.people import channel_id_of, channel_url, is_channel
from ceos.simulator.wire import Later, Refusal, Reply, Request, json_reply
from ceos.simulator.world import Cast, World

CAST_BYTES = 320
LONG_CAST_BYTES = 1024
TEN_K_CAST_BYTES = 10_000
URL_BYTES = 256
MENTIONS_MAX = 10

#: An @name that is not part of an address or a longer word.
_MENTION = re.compile(r"(?<![\w@.])@([a-z0-9][a-z0-9-]{0,15})(?![\w@-])")
_HASH = re.compile(r"^0x[0-9a-fA-F]{40}$")


def refuse(status: int, message: str, code: str = "InvalidField", prop: str | None = None) -> Refusal:
    """An `ErrorRes`."""
    body: dict[str, Any] = {"message": message, "code": code, "status": status}
    if prop:
        body["property"] = prop
    return Refusal(json_reply(body, status))


def invalid_field(path: str, expected: str, received: object) -> Refusal:
    """The other error shape, for fields of the wrong type."""
    kind = "undefined" if received is None else type(received).__name__
    error = {
        "code": "invalid_type",
        "expected": expected,
        "received": kind,
        "path": [path],
        "message": "Required" if received is None else f"Expected {expected}, received {kind}",
    }
    return Refusal(json_reply({"message": "Invalid request body", "code": "InvalidField", "errors": [error]}, 400))


def rate_limited(retry_after: float | None) -> Reply:
    """A 429, with or without advice."""
    reply = json_reply({"message": "Rate limit exceeded", "code": "RateLimitExceeded", "status": 429}, 429)
    if retry_after is not None:
        reply.headers.append((b"retry-after", f"{retry_after:g}".encode()))
    return reply


def cast_type(text: str) -> str:
    """The protocol's name for a cast of this length."""
    size = len(text.encode())
    return "CAST" if size <= CAST_BYTES else "LONG_CAST" if size <= LONG_CAST_BYTES else "TEN_K_CAST"


class Publishing:
    """`POST /v2/farcaster/cast/`."""

    def __init__(
        self, world: World, faults: Faults, account: Callable[[dict[str, Any]], int], published: Callable[[Cast], None]
    ) -> None:
        self.world = world
        self.faults = faults
        self.options = faults.options["neynar"]
        self._account = account
        self._published = published

    def publish(self, request: Request) -> Reply:
        """Answer one publish request, possibly with a fault."""
        fault = self.faults.draw("neynar", PUBLISH_FAULTS)
        if fault:
            self.world.timeline.fault("neynar", fault)
        if fault == "rate_limited":
            return rate_limited(self.options["retry_after"])
        if fault == "error_500_before":
            return _server_error()
        if fault == "cut_before":
            return Reply(cut=True)
        body = body_object(request)
        fid = self._account(body)
        fields = self._validate(fid, body)
        if fault == "late_commit":
            seconds = self.options["late_commit_seconds"]
            later = Later(seconds, lambda: self._commit(fid, fields), self.options["late_commit_cut_seconds"])
            return Reply(later=later)
        return self._spoil(fault, self._commit(fid, fields))

    def _commit(self, fid: int, fields: dict[str, Any]) -> Reply:
        mode, idem = self.options["idem"], fields["idem"]
        earlier = self.world.idem.get((fid, idem)) if idem and mode != "ignore" else None
        if earlier is None:
            cast = self.world.commit(fid, **fields)
            self.world.timeline.count("neynar.casts")
            self._published(cast)
            return _published_reply(cast)
        self.world.timeline.count("neynar.idem_replays")
        self.world.timeline.record("neynar", "idem.replayed", fid=fid, hash=earlier.hash, mode=mode)
        if mode == "conflict":
            return json_reply({"message": "Cast already exists", "code": "Conflict", "key": idem}, 409)
        return _published_reply(earlier)

    def _spoil(self, fault: str | None, reply: Reply) -> Reply:
        if fault == "error_500_after":
            return _server_error()
        if fault == "cut_after":
            return Reply(cut=True)
        if fault == "stall_after":
            reply.delay = self.options["stall_seconds"]
        elif fault == "garbage_200":
            reply.body = b"<html><body>upstream con"
            reply.content_type = b"text/html"
        elif fault == "no_hash_200":
            return json_reply({"success": True, "cast": {}})
        return reply

    def _validate(self, fid: int, body: dict[str, Any]) -> dict[str, Any]:
        text = body.get("text", "")
        if not isinstance(text, str):
            raise invalid_field("text", "string", text)
        embeds = self._embeds(body.get("embeds") or [])
        mentions = self.mentions(text)
        self._check_text(fid, text, embeds)
        idem = body.get("idem")
        if idem is not None and not isinstance(idem, str):
            raise invalid_field("idem", "string", idem)
        place = self.place(body)
        return {"text": text, "embeds": embeds, "mentions": mentions, "idem": idem or None, **place}

    def _check_text(self, fid: int, text: str, embeds: list[dict[str, Any]]) -> None:
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise refuse(400, "text is not valid UTF-8", prop="text") from None
        if not text and not embeds:
            raise refuse(400, "cast is empty", "bad_request.validation_failure", "text")
        limit = TEN_K_CAST_BYTES if fid in self.options["pro_fids"] else LONG_CAST_BYTES
        if size > limit:
            message = f"text is {size} bytes long, the limit of this account is {limit}"
            raise refuse(400, message, "bad_request.validation_failure", "text")

    def _embeds(self, embeds: Any) -> list[dict[str, Any]]:
        if not isinstance(embeds, list):
            raise invalid_field("embeds", "array", embeds)
        most = self.options["embeds_max"]
        if len(embeds) > most:
            raise refuse(400, f"At most {most:g} embeds are allowed", prop="embeds")
        return [_embed(embed) for embed in embeds]

    def mentions(self, text: str) -> list[tuple[int, int, int]]:
        """Return the accounts that a text mentions, with their positions."""
        names = _MENTION.finditer(text) if "@" in text else ()
        found = [(fid, name.start(), name.end()) for name in names if (fid := self.world.fid_named(name[1]))]
        if len(found) > MENTIONS_MAX:
            raise refuse(400, f"At most {MENTIONS_MAX} mentions are allowed", "bad_request.validation_failure", "text")
        return found

    def place(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the place of a cast: under a cast, in a channel, under a URL, or none."""
        parent, channel_id = body.get("parent"), body.get("channel_id")
        if parent is not None and not isinstance(parent, str):
            raise invalid_field("parent", "string", parent)
        if parent and _HASH.match(parent):
            return self._reply_place(parent.lower(), body.get("parent_author_fid"))
        if parent and len(parent.encode("utf-8", "replace")) > URL_BYTES:
            raise refuse(400, f"parent is longer than {URL_BYTES} bytes", prop="parent")
        if channel_id is not None:
            if not isinstance(channel_id, str) or not is_channel(channel_id):
                raise refuse(400, f"Channel {channel_id!r} does not exist", prop="channel_id")
            parent = parent or channel_url(channel_id)
        if not parent:
            return {}
        if "://" not in parent:
            raise refuse(400, "parent is neither a cast hash nor a URL", prop="parent")
        return {"parent_url": parent, "root_parent_url": parent, "channel_id": channel_id or channel_id_of(parent)}

    def _reply_place(self, parent_hash: str, author: Any) -> dict[str, Any]:
        if author is not None and (isinstance(author, bool) or not isinstance(author, int)):
            raise invalid_field("parent_author_fid", "number", author)
        # The write path knows every cast at once; only reads lag behind.
        parent = self.world.casts.get(parent_hash)
        if parent is None and author is None:
            raise refuse(400, "parent cast was not found and parent_author_fid is missing", prop="parent")
        if parent is None:
            return {"parent_hash": parent_hash, "parent_fid": author, "thread_hash": parent_hash}
        if author is not None and author != parent.fid:
            raise refuse(400, "parent_author_fid is not the author of the parent cast", prop="parent_author_fid")
        return {
            "parent_hash": parent.hash,
            "parent_fid": parent.fid,
            "thread_hash": parent.thread_hash,
            "root_parent_url": parent.root_parent_url,
            "channel_id": parent.channel_id,
        }


def body_object(request: Request) -> dict[str, Any]:
    """The request's JSON object, or a refusal."""
    try:
        body = request.json()
    except ValueError:
        raise refuse(400, "The request body is not valid JSON", "InvalidJSON") from None
    if not isinstance(body, dict):
        raise invalid_field("body", "object", body)
    return body


def _embed(embed: Any) -> dict[str, Any]:
    if not isinstance(embed, dict) or len(embed) != 1:
        raise refuse(400, "An embed has exactly one of url, cast_id", prop="embeds")
    ((kind, value),) = embed.items()
    if kind == "url" and isinstance(value, str):
        if not 1 <= len(value.encode("utf-8", "replace")) <= URL_BYTES:
            raise refuse(400, f"An embed URL has 1 to {URL_BYTES} bytes", prop="embeds")
        return {"url": value}
    if kind in {"cast_id", "castId"} and isinstance(value, dict) and value.keys() == {"fid", "hash"}:
        if not isinstance(value["fid"], int) or not _HASH.match(str(value["hash"])):
            raise refuse(400, "cast_id takes an fid and a cast hash", prop="embeds")
        return {"cast_id": {"fid": value["fid"], "hash": value["hash"].lower()}}
    raise refuse(400, f"Unknown embed {kind!r}", prop="embeds")


def _published_reply(cast: Cast) -> Reply:
    return json_reply(
        {"success": True, "cast": {"hash": cast.hash, "author": {"fid": cast.fid}, "text": cast.text}},
    )


def _server_error() -> Reply:
    return json_reply({"message": "Internal Server Error", "code": "InternalServerError", "status": 500}, 500)
