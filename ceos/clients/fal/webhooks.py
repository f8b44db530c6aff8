"""fal.ai's webhooks: their signature, an Ed25519 one by any of the keys that fal.ai publishes.

It proves that fal.ai sent a webhook, not that it is about a job of ours: any account may name any address to fal.ai.
The receiver compares the secret in its own address and the id of the job, and fetches the result from the queue.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

#: The path at which fal.ai's webhooks arrive.
WEBHOOK_PATH = "/webhooks/fal"
#: Where fal.ai publishes its keys.
KEYS_PATH = "/.well-known/jwks.json"
#: A webhook that was signed longer ago, or later than now, is refused; seconds.
MAX_AGE_SECONDS = 300.0

_PREFIX = "x-fal-webhook-"
_SIGNATURE = re.compile(r"[0-9a-fA-F]{128}")


def may_be_signed(headers: Mapping[str, str], now: float) -> bool:
    """Say whether the headers are those of a recent webhook; cheap enough to be checked before the body is read.

    `headers` have lower-case names; `now` is in Unix seconds.
    """
    moment = headers.get(f"{_PREFIX}timestamp", "")
    if not (moment.isascii() and moment.isdecimal() and len(moment) <= 12):
        return False
    is_recent = abs(now - int(moment)) <= MAX_AGE_SECONDS
    return is_recent and _SIGNATURE.fullmatch(headers.get(f"{_PREFIX}signature", "")) is not None


def is_signed(headers: Mapping[str, str], body: bytes, keys: Sequence[bytes]) -> bool:
    """Say whether one of the public keys signed a webhook with headers that `may_be_signed`."""
    from Crypto.PublicKey import ECC  # noqa: PLC0415  # only where webhooks arrive
    from Crypto.Signature import eddsa  # noqa: PLC0415

    parts = [headers.get(f"{_PREFIX}{name}", "") for name in ("request-id", "user-id", "timestamp")]
    message = "\n".join([*parts, hashlib.sha256(body).hexdigest()]).encode("latin-1", "replace")
    signature = bytes.fromhex(headers[f"{_PREFIX}signature"])
    for key in keys:
        try:
            verifier = eddsa.new(eddsa.import_public_key(key), "rfc8032")
            verifier.verify(message, signature)
        except (ValueError, ECC.UnsupportedEccFeature):
            continue
        return True
    return False


def public_keys(jwks: Any) -> list[bytes]:
    """Return the Ed25519 keys of a JSON Web Key Set (RFC 8037), 32 bytes each; others are left out."""
    found = jwks.get("keys") if isinstance(jwks, dict) else None
    keys = []
    for item in found if isinstance(found, list) else []:
        text = item.get("x") if isinstance(item, dict) else None
        if not isinstance(text, str):
            continue
        try:
            key = base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
        except (binascii.Error, UnicodeEncodeError):
            continue
        if len(key) == 32:
            keys.append(key)
    return keys
