"""fal.ai's webhooks of jobs that have ended: signed by Ed25519, and by faults lost, doubled or forged."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from ceos.simulator.chance import hex_hash
from ceos.simulator.faults import FAL_WEBHOOK_FAULTS, Faults
from ceos.simulator.neynar.webhooks import Delivery
from ceos.simulator.timeline import Timeline
from ceos.simulator.wire import Reply, Request, dump, json_reply

if TYPE_CHECKING:
    from Crypto.PublicKey.ECC import EccKey

#: Where the public keys are.
KEYS = "/fal-rest/.well-known/jwks.json"


class FalWebhooks:
    """The outbox of webhooks; a job is completed when its webhook is due."""

    def __init__(self, seed: int, timeline: Timeline, faults: Faults) -> None:
        self._seed = seed
        self._timeline = timeline
        self._faults = faults
        self._waiting: list[Callable[[], Delivery]] = []

    @property
    def seconds(self) -> float:
        """The time until a job is completed."""
        return float(self._faults.options["fal"]["webhook_seconds"])

    def promise(self, end: Callable[[], Delivery]) -> None:
        """Have a job completed, and its webhook sent, when the time has come."""
        self._waiting.append(end)

    def collect(self) -> list[Callable[[], Delivery]]:
        """Empty the outbox."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def deliveries(self, delivery: Delivery) -> list[Delivery]:
        """Return the requests that a webhook leads to, by faults none, two, or a forged one beside it."""
        fault = self._faults.draw("fal", FAL_WEBHOOK_FAULTS)
        if fault:
            self._timeline.fault("fal", fault, url=delivery.url)
        match fault:
            case "webhook_drop":
                return []
            case "webhook_duplicate":
                return [delivery, delivery]
            case "webhook_forge":
                return [delivery, replace(delivery, body=delivery.body + b" ")]
        return [delivery]

    def signed(self, url: str, body: dict[str, Any]) -> Delivery:
        """Return a signed webhook."""
        from Crypto.Signature import eddsa  # noqa: PLC0415  # only where webhooks are asked for

        data = dump(body)
        parts = (body["request_id"], "simulated-user", str(int(time.time())))
        message = "\n".join([*parts, hashlib.sha256(data).hexdigest()])
        signature = eddsa.new(_key(self._seed), "rfc8032").sign(message.encode()).hex()
        names = ("Request-Id", "User-Id", "Timestamp", "Signature")
        headers = {f"X-Fal-Webhook-{name}": text for name, text in zip(names, (*parts, signature), strict=True)}
        return Delivery(url, data, headers)

    def keys(self, request: Request) -> Reply:
        """Return the public keys; the first signs nothing, as after a change of keys."""
        del request
        own = _key(self._seed).public_key().export_key(format="raw")
        return json_reply({"keys": [_jwk(_key(-1).public_key().export_key(format="raw")), _jwk(own)]})


def _jwk(key: bytes | str) -> dict[str, str]:
    assert isinstance(key, bytes)
    return {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(key).rstrip(b"=").decode()}


@cache
def _key(seed: int) -> EccKey:
    from Crypto.Signature import eddsa  # noqa: PLC0415  # only where webhooks are asked for

    return eddsa.import_private_key(bytes.fromhex(hex_hash(32, seed, "webhook key")))
