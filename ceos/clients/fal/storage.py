"""fal.ai's storage: a file of the operator's own gets a public address that does not expire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from ceos.clients.fal.api import KEEP, FalApi, Wasted
from ceos.clients.fal.files import origin
from ceos.domain.media import EMBED_URL_BYTES
from ceos.domain.text import byte_length
from ceos.errors import OutcomeUnknown, RequestRefused, ServiceUnavailable

#: Where an upload begins; the answer names an address for the bytes and the later address of the file.
INITIATE = "/storage/upload/initiate"
#: Seconds for the bytes of one file.
UPLOAD_SECONDS = 300.0
#: Storing a file again harms nothing.
ATTEMPTS = 3


class MediaStorage:
    """The storage of files for one key."""

    def __init__(self, rest: FalApi) -> None:
        self._rest = rest

    def upload(self, data: bytes, content_type: str, file_name: str) -> str:
        """Store a file and return its public address; raises a `ServiceError`."""
        answer = self._rest.call(
            "POST",
            INITIATE,
            task="store a file",
            effect="read",
            params={"storage_type": "fal-cdn-v3"},
            body={"content_type": content_type, "file_name": file_name},
            headers=KEEP,
        ).body
        upload_url, file_url = _addresses(answer if isinstance(answer, dict) else {})
        self._put(upload_url, data, content_type)
        return file_url

    def _put(self, url: str, data: bytes, content_type: str) -> None:
        """Send the bytes; the address itself allows that, so the key does not go along."""
        own = origin(urlsplit(self._rest.base_url))
        if not url.startswith("https://") and origin(urlsplit(url)) != own:
            raise RequestRefused("fal.ai named an address for the file that is not encrypted; nothing was sent.")
        reason = ""
        for _ in range(ATTEMPTS):
            try:
                status = self._send(url, data, content_type)
            except requests.RequestException as error:
                reason = type(error).__name__
                continue
            if 200 <= status < 300:
                return
            reason = f"the answer was {status}"
            if status < 500 and status not in (408, 425, 429):
                raise RequestRefused(f"fal.ai's storage refused the file: {reason}.", status=status)
        raise ServiceUnavailable(f"fal.ai's storage did not take the file: {reason}.")

    @staticmethod
    def _send(url: str, data: bytes, content_type: str) -> int:
        with requests.Session() as session:
            # No proxy, no login and no other setting of the environment.
            session.trust_env = False
            headers = {"Content-Type": content_type}
            timeout = (10.0, UPLOAD_SECONDS)
            with session.put(url, data=data, headers=headers, timeout=timeout, allow_redirects=False) as answer:
                return answer.status_code


def _addresses(answer: Mapping[str, Any]) -> tuple[str, str]:
    """Return the address for the bytes and that of the file."""
    upload_url, file_url = answer.get("upload_url"), answer.get("file_url")
    if not isinstance(upload_url, str) or not isinstance(file_url, str):
        raise OutcomeUnknown("fal.ai's storage did not say where the file goes.", status=200)
    if not file_url.startswith(("https://", "http://")) or byte_length(file_url) > EMBED_URL_BYTES:
        raise Wasted(
            f"fal.ai's storage gave the file an address that no cast can embed: {file_url[:60]!r}.", status=200
        )
    return upload_url, file_url
