"""Neynar: keys, signers and every write except publishing, and the table of its routes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from ceos.simulator.audience.audience import Audience
from ceos.simulator.audience.waves import TOPICS
from ceos.simulator.chance import hex_hash, number
from ceos.simulator.faults import READ_FAULTS, Faults
from ceos.simulator.neynar.lookups import Lookups
from ceos.simulator.neynar.notifications import Notifications
from ceos.simulator.neynar.objects import Shapes
from ceos.simulator.neynar.publishing import Publishing, body_object, invalid_field, rate_limited, refuse
from ceos.simulator.neynar.reads import Reads
from ceos.simulator.neynar.threads import Threads
from ceos.simulator.neynar.trends import Trends
from ceos.simulator.neynar.webhooks import Webhooks
from ceos.simulator.people import CHANNEL_IDS
from ceos.simulator.prose import Prose
from ceos.simulator.wire import Handler, Reply, Request, Routes, dump, json_reply
from ceos.simulator.world import Cast, Signer, World

PREFIX = "/v2/farcaster/"
#: The accounts of `neighbours`, which post when the simulator starts and may answer.
NEIGHBOURS = range(2, 14)
STATUSES = ("generated", "pending_approval", "approved", "revoked")

_REACTIONS = {"like", "recast"}
_COUNTED_ON = {"author", "text", "timestamp", "username", "type", "most_recent_timestamp", "slug"}
_HASH = re.compile(r"^0x[0-9a-f]{40}$")


class Neynar:
    """The service behind /v2/farcaster."""

    def __init__(self, world: World, faults: Faults) -> None:
        self.world = world
        self.faults = faults
        self.options = faults.options["neynar"]
        self.shapes = Shapes(world, faults)
        self.prose = Prose(world.seed)
        self.publishing = Publishing(world, faults, self.account, self._published)
        self.audience = Audience(world, self.options, self.publishing, self.prose)
        self.reads = Reads(world, self.shapes)
        self.notifications = Notifications(world, self.shapes)
        self.webhooks = Webhooks(world, faults, self.shapes)
        self.sync()
        self._neighbours_post()

    def sync(self) -> None:
        """Apply changed options."""
        self.world.lag = self.options["lookup_lag_seconds"]
        self.audience.sync()
        self.audience.catch_up()

    def routes(self) -> Routes:
        """Every route of the service."""
        writes: dict[tuple[str, str], Handler] = {
            ("POST", "cast"): self.publishing.publish,
            ("DELETE", "cast"): self.delete_cast,
            ("POST", "reaction"): self.react,
            ("DELETE", "reaction"): self.unreact,
            ("POST", "user/follow"): self.follow,
            ("DELETE", "user/follow"): self.unfollow,
            ("PATCH", "user"): self.update_user,
            ("POST", "notifications/seen"): self.mark_seen,
            ("POST", "signer"): self.create_signer,
            ("POST", "signer/signed_key"): self.register_signer,
        }
        reads: dict[str, Handler] = {
            **self.reads.routes(),
            **Threads(self.reads).routes(),
            **Lookups(self.reads).routes(),
            **Trends(self.reads).routes(),
            "notifications": self.notifications.show,
            "signer": self.signer,
        }
        table: Routes = {(method, PREFIX + path): self._keyed(handler) for (method, path), handler in writes.items()}
        for path, handler in reads.items():
            table["GET", PREFIX + path] = self._keyed(self._faulty(handler))
        return table

    def account(self, body: dict[str, Any]) -> int:
        """Return the fid that a request writes for; raises for an invalid signer."""
        uuid = body.get("signer_uuid")
        if not isinstance(uuid, str):
            raise invalid_field("signer_uuid", "string", uuid)
        signer = self._find_signer(uuid)
        if signer.status != "approved" or signer.fid is None:
            status = int(self.options["unapproved_signer_status"])
            raise refuse(status, "Signer is not approved", "SignerNotApproved", "signer_uuid")
        return signer.fid

    def delete_cast(self, request: Request) -> Reply:
        """Delete one of the account's own casts."""
        body = body_object(request)
        fid = self.account(body)
        cast = self._target(body.get("target_hash"), "target_hash")
        if cast.fid != fid:
            raise refuse(403, "The cast belongs to another account", "Forbidden", "target_hash")
        self.world.delete(cast)
        return _done()

    def react(self, request: Request) -> Reply:
        """Like or recast."""
        return self._reaction(request, self.world.react)

    def unreact(self, request: Request) -> Reply:
        """Remove a like or a recast."""
        return self._reaction(request, self.world.unreact)

    def follow(self, request: Request) -> Reply:
        """Follow up to 100 accounts."""
        return self._follows(request, self.world.follow)

    def unfollow(self, request: Request) -> Reply:
        """Stop following up to 100 accounts."""
        return self._follows(request, self.world.unfollow)

    def update_user(self, request: Request) -> Reply:
        """Change the profile of the signer's account."""
        body = body_object(request)
        fid = self.account(body)
        profile = self.world.profiles.setdefault(fid, {})
        profile |= {key: body[key] for key in ("username", "display_name", "pfp_url") if key in body}
        if "bio" in body:
            profile["profile"] = {"bio": {"text": body["bio"]}}
        self.world.timeline.record("neynar", "user.updated", fid=fid)
        return _done()

    def mark_seen(self, request: Request) -> Reply:
        """Mark the notifications of the signer's account as seen."""
        self.world.seen[self.account(body_object(request))] = self.world.next_seq()
        return _done()

    def create_signer(self, _request: Request) -> Reply:
        """Create a signer that is not approved yet."""
        digits = hex_hash(16, self.world.seed, "signer", self.world.next_seq())
        uuid = str(UUID(digits, version=4))
        self.world.signers[uuid] = Signer(uuid, "generated", None)
        return json_reply(_signer_object(self.world.signers[uuid]))

    def register_signer(self, request: Request) -> Reply:
        """Request approval, which `POST /_sim/signers` gives."""
        signer = self._find_signer(str(body_object(request).get("signer_uuid")))
        signer.status = "pending_approval"
        self.world.signers[signer.uuid] = signer
        approval = {
            "signer_approval_url": f"https://client.farcaster.xyz/deeplinks/signed-key-request?token={signer.uuid}"
        }
        return json_reply(_signer_object(signer) | approval)

    def signer(self, request: Request) -> Reply:
        """Look a signer up."""
        return json_reply(_signer_object(self._find_signer(request.param("signer_uuid"))))

    def set_signer(self, uuid: str, fid: int | None, status: str) -> Signer:
        """Register or change a signer from outside the API."""
        if status not in STATUSES:
            raise ValueError(f"status is one of {', '.join(STATUSES)}, not {status!r}.")
        signer = self.world.signers[uuid] = Signer(uuid, status, fid)
        return signer

    def _find_signer(self, uuid: str) -> Signer:
        try:
            UUID(uuid)
        except ValueError:
            raise refuse(400, "signer_uuid is not a uuid", prop="signer_uuid") from None
        signer = self.world.signer(uuid, strict=self.options["signers"] == "strict")
        if signer is None:
            raise refuse(int(self.options["unknown_signer_status"]), "Signer not found", "NotFound", "signer_uuid")
        return signer

    def _target(self, value: Any, name: str) -> Cast:
        if not isinstance(value, str) or not _HASH.match(value.lower()):
            raise refuse(400, f"{name} is not a cast hash", prop=name)
        cast = self.world.casts.get(value.lower())
        if cast is None or cast.deleted:
            raise refuse(404, "Cast not found", "NotFound", name)
        return cast

    def _reaction(self, request: Request, change: Callable[[Cast, str, int], None]) -> Reply:
        body = body_object(request)
        fid = self.account(body)
        if (kind := body.get("reaction_type")) not in _REACTIONS:
            raise refuse(400, "reaction_type is like or recast", prop="reaction_type")
        target = body.get("target")
        # A URL may be reacted to as well; nothing here shows such reactions.
        if not isinstance(target, str) or not re.match(r"(?:https?|chain)://", target):
            change(self._target(target, "target"), kind, fid)
        return _done()

    def _follows(self, request: Request, change: Callable[[int, int], None]) -> Reply:
        body = body_object(request)
        fid = self.account(body)
        targets = body.get("target_fids")
        if not isinstance(targets, list) or not all(type(target) is int and target > 0 for target in targets):
            raise invalid_field("target_fids", "array of fids", targets)
        if len(targets) > 100:
            raise refuse(400, "At most 100 accounts at once", prop="target_fids")
        for target in targets:
            change(fid, target)
        details = [
            {"success": True, "target_fid": target, "hash": "0x" + hex_hash(20, "follow", fid, target)}
            for target in targets
        ]
        return json_reply({"success": True, "details": details})

    def _keyed(self, handler: Handler) -> Handler:
        def checked(request: Request) -> Reply:
            key = request.header(b"x-api-key")
            accepted = self.options["keys"]
            if not key or (accepted and key not in accepted):
                status = int(self.options["wrong_key_status"])
                raise refuse(status, "Invalid or missing API key", "Unauthorized")
            self.audience.catch_up()
            return handler(request)

        return checked

    def _faulty(self, handler: Handler) -> Handler:
        def spoiled(request: Request) -> Reply:
            fault = self.faults.draw("neynar", READ_FAULTS, scripted=False)
            if fault is None:
                return handler(request)
            self.world.timeline.fault("neynar", fault, path=request.path)
            if fault == "read_rate_limited":
                return rate_limited(self.options["retry_after"])
            if fault == "read_error_500":
                raise refuse(500, "Internal Server Error", "InternalServerError")
            if fault == "read_holes_200":
                return _with_holes(handler(request))
            if fault == "read_garbage_200":
                return Reply(200, b"<html>", b"text/html")
            return Reply(cut=True)

        return spoiled

    def _published(self, cast: Cast) -> None:
        self._neighbour_answers(cast)
        self.audience.published(cast)

    def _neighbours_post(self) -> None:
        for i in range(int(self.options["neighbours"])):
            fid = NEIGHBOURS[i % len(NEIGHBOURS)]
            topic = TOPICS[number(self.world.seed, "neighbour", i) % len(TOPICS)].name.lower()
            place = self.publishing.place({"channel_id": CHANNEL_IDS[i % len(CHANNEL_IDS)]})
            self.world.commit(fid, self.prose.neighbour(f"neighbour {fid}", topic), **place)

    def _neighbour_answers(self, cast: Cast) -> None:
        chance = self.options["neighbour_replies"]
        n = number(self.world.seed, "answer", cast.hash)
        if not chance or cast.parent_hash or cast.fid in NEIGHBOURS or n % 10_000 >= chance * 10_000:
            return
        fid = NEIGHBOURS[n // 10_000 % len(NEIGHBOURS)]
        text = self.prose.reply(f"neighbour {fid}", "this")
        self.world.commit(fid, text, **self.publishing.place({"parent": cast.hash}))
        self.world.react(cast, "like", fid)


def _with_holes(reply: Reply) -> Reply:
    """Return an answer whose lists have a first entry without expected fields."""
    value = json.loads(reply.body)
    for rows in value.values():
        if isinstance(rows, list) and rows and isinstance(rows[0], dict):
            for row in (rows[0], rows[0].get("cast") or {}):
                for key in _COUNTED_ON & row.keys():
                    del row[key]
    reply.body = dump(value)
    return reply


def _signer_object(signer: Signer) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "object": "signer",
        "signer_uuid": signer.uuid,
        "public_key": signer.public_key,
        "status": signer.status,
    }
    if signer.status == "approved" and signer.fid is not None:
        shape |= {"fid": signer.fid, "permissions": ["WRITE_ALL"]}
    return shape


def _done() -> Reply:
    return json_reply({"success": True})
