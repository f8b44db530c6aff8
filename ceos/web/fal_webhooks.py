"""fal.ai's webhooks without their HTTP: the signature, the secret in the address, and the run that they wake.

A webhook only says that a video has ended; the run fetches the video from the queue, as it does without webhooks. So a
webhook may be repeated, late or missing.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ceos.clients.fal.webhooks import is_signed, may_be_signed
from ceos.errors import InvalidInput
from ceos.logs import event
from ceos.web.webhooks import NotSigned

log = logging.getLogger(__name__)

#: Seconds for which fal.ai's keys are kept; it asks for a day at most.
KEYS_SECONDS = 12 * 3600.0
#: Keys are not fetched again within so many seconds, however many webhooks are wrongly signed.
REFRESH_SECONDS = 60.0


@dataclass(frozen=True)
class VideoReceipt:
    """The outcome of one webhook."""

    #: The reason why no run was woken; empty if one was.
    ignored: str = ""


_IGNORED = {
    "ok": "",
    "known": "The run has its video.",
    "unknown": "No run waits for this video.",
    "forged": "The address is not one that this installation gave to fal.ai.",
    "another": "The run waits for another video.",
}


class FalWebhooks:
    """Receives webhooks, and wakes the runs whose videos have ended."""

    def __init__(
        self, fetch_keys: Callable[[], Sequence[bytes]], report: Callable[[str, str, str], str], *,
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._fetch_keys = fetch_keys
        self._report = report
        self._now = now
        self._lock = threading.Lock()
        self._keys: Sequence[bytes] = ()
        self._fetched = 0.0

    def may_be_signed(self, headers: Mapping[str, str]) -> bool:
        """Say whether the headers are those of a recent webhook."""
        return may_be_signed(headers, self._now())

    def receive(self, headers: Mapping[str, str], body: bytes, run: str, key: str) -> VideoReceipt:
        """Process one webhook; `run` and `key` are those of its address. Receiving it again changes nothing.

        Raises `NotSigned`, `InvalidInput` for a body without the id of a job, a `ServiceError` when fal.ai's keys
        cannot be read, or `StoreUnavailable`; after the last two the sender should send it again.
        """
        if not self.may_be_signed(headers) or not self._is_signed(headers, body):
            raise NotSigned("The webhook is not signed by fal.ai.")
        try:
            read = json.loads(body.decode())
        except (ValueError, RecursionError):
            raise InvalidInput("The body is not JSON.") from None
        request_id = read.get("request_id") if isinstance(read, dict) else None
        if not isinstance(request_id, str) or not 0 < len(request_id) <= 100:
            raise InvalidInput("The body names no request_id.")
        outcome = self._report(run, key, request_id)
        log.info("Webhook of a video received", extra=event("webhook.video", draft=run, outcome=outcome))
        return VideoReceipt(_IGNORED[outcome])

    def _is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        with self._lock:
            age = self._now() - self._fetched
            if not self._keys or age > KEYS_SECONDS:
                self._refresh()
                return is_signed(headers, body, self._keys)
            if is_signed(headers, body, self._keys):
                return True
            # fal.ai may have changed its keys.
            if age <= REFRESH_SECONDS:
                return False
            self._refresh()
            return is_signed(headers, body, self._keys)

    def _refresh(self) -> None:
        self._keys = tuple(self._fetch_keys())
        self._fetched = self._now()
