"""Webhooks of `cast.created`: signed, and by faults lost, doubled, late or forged.

A service only fills the outbox; the app's loop sends, so that no answer waits for a receiver.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from ceos.simulator.audience.population import FIRST_FID
from ceos.simulator.chance import hex_hash
from ceos.simulator.faults import WEBHOOK_FAULTS, Faults
from ceos.simulator.neynar.objects import Shapes
from ceos.simulator.wire import dump
from ceos.simulator.world import Cast, World

#: Seconds that a receiver may take.
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request to a receiver."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    #: Seconds until it is sent.
    delay: float = 0.0


class Webhooks:
    """The outbox: a delivery for each cast that mentions, answers or quotes a watched account."""

    def __init__(self, world: World, faults: Faults, shapes: Shapes) -> None:
        self.world = world
        self.faults = faults
        self.shapes = shapes
        self._waiting: list[Delivery] = []
        world.listeners.append(self._consider)

    @property
    def is_on(self) -> bool:
        """Say whether there is a receiver."""
        return bool(self._hook.get("url"))

    @property
    def retries(self) -> int:
        """The number of retries of a delivery without a 2xx answer."""
        return int(self.faults.options["neynar"]["webhook_retries"])

    def collect(self) -> list[Delivery]:
        """Empty the outbox."""
        deliveries, self._waiting = self._waiting, []
        return deliveries

    @property
    def _hook(self) -> dict[str, Any]:
        hook: dict[str, Any] = self.faults.options["neynar"]["webhook"]
        return hook

    def _consider(self, cast: Cast) -> None:
        if self.is_on and self._concerns_watched(cast):
            event = {"created_at": int(cast.at), "type": "cast.created", "data": self.shapes.cast(cast)}
            self._waiting += self._spoiled(cast.hash, dump(event))

    def _concerns_watched(self, cast: Cast) -> bool:
        quoted = [embed["cast_id"]["fid"] for embed in cast.embeds if "cast_id" in embed]
        concerned = {cast.parent_fid, *quoted, *(fid for fid, _, _ in cast.mentions)} - {None, cast.fid}
        watched = self._hook.get("fids")
        if watched:
            return not concerned.isdisjoint(watched)
        return any(fid is not None and fid < FIRST_FID for fid in concerned)

    def _spoiled(self, cast_hash: str, body: bytes) -> list[Delivery]:
        delivery = Delivery(self._hook["url"], body, {"X-Neynar-Signature": self._sign(body)})
        fault = self.faults.draw("neynar", WEBHOOK_FAULTS)
        if fault:
            self.world.timeline.fault("neynar", fault, hash=cast_hash)
        late = replace(delivery, delay=float(self.faults.options["neynar"]["webhook_late_seconds"]))
        match fault:
            case "webhook_drop":
                return []
            case "webhook_duplicate":
                return [delivery, late]
            case "webhook_late":
                return [late]
            case "webhook_forge":
                forged = body.replace(cast_hash.encode(), f"0x{hex_hash(20, 'forged', cast_hash)}".encode())
                return [delivery, replace(delivery, body=forged)]
        return [delivery]

    def _sign(self, body: bytes) -> str:
        return hmac.new(str(self._hook.get("secret", "")).encode(), body, hashlib.sha512).hexdigest()


async def send(delivery: Delivery) -> int:
    """Post one delivery and return the status of the answer; 0 when there is none."""
    address = urlsplit(delivery.url)
    path = (address.path or "/") + (f"?{address.query}" if address.query else "")
    own = "".join(f"{name}: {value}\r\n" for name, value in delivery.headers.items())
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(delivery.body)}\r\n{own}Connection: close\r\n\r\n"
    )
    secure = address.scheme == "https"
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(
                address.hostname, address.port or (443 if secure else 80), ssl=secure or None
            )
            try:
                writer.write(head.encode() + delivery.body)
                await writer.drain()
                line = (await reader.readline()).split()
            finally:
                writer.close()
    except OSError:
        # TimeoutError is one too.
        return 0
    return int(line[1]) if len(line) > 1 and line[1].isdigit() else 0
