"""The files that fal.ai's answers name: each is checked by its first bytes before a cast embeds it."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

import requests

from ceos.clients.fal.api import ContentRefused, Wasted
from ceos.clients.http.safe_fetch import Reply, ask
from ceos.domain.media import EMBED_URL_BYTES, identify
from ceos.domain.text import byte_length
from ceos.errors import HostRefused, RequestRefused

#: The kinds of media that a cast embeds.
MediaKind = Literal["picture", "video"]

#: The first bytes that are read of a file, and the seconds that this may take.
HEAD_BYTES, HEAD_SECONDS = 4096, 15.0
#: A picture is paid for by then, so a broken connection is no reason yet to make another.
ATTEMPTS = 2

_ALLOWED = {"picture": re.compile(r"image/[\w.+-]+"), "video": re.compile(r"video/mp4")}
#: Types that say nothing about a file.
_SILENT = frozenset({"", "application/octet-stream", "binary/octet-stream"})


class ResultFiles:
    """Checks the files of answers: there, not empty, and of the type that was asked for.

    Files of the hosts in `own_urls`, which the operator configured, are read there. Other addresses come
    from a third party: they are read from hosts on the public internet only.
    """

    def __init__(self, own_urls: Sequence[str]) -> None:
        self._own = {origin(urlsplit(url)) for url in own_urls}

    def check(self, url: str, declared: str, kind: MediaKind) -> str:
        """Return the content type of a file; raises `Wasted` for one that must not be embedded.

        `declared` is the content type in the answer that named the file, if there was one.
        """
        if declared.lower() not in _SILENT and not _ALLOWED[kind].fullmatch(declared.lower()):
            raise Wasted(f"fal.ai's {kind} is {declared[:60]!r}, which a cast cannot show.", status=200)
        reply = self._head(url, kind)
        if not reply.body:
            raise Wasted(f"fal.ai's {kind} is empty.", status=200)
        found = identify(reply.body)
        if found is None or found.is_image != (kind == "picture") or not _ALLOWED[kind].fullmatch(found.content_type):
            name = found.content_type if found else "neither a picture nor a video"
            raise Wasted(f"fal.ai's {kind} is {name} by its first bytes, which a cast cannot show.", status=200)
        served = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        if served not in _SILENT and not _ALLOWED[kind].fullmatch(served):
            raise Wasted(f"fal.ai's {kind} is served as {served[:60]!r}, which a cast cannot show.", status=200)
        return found.content_type

    def _head(self, url: str, kind: MediaKind) -> Reply:
        failure = ""
        for _ in range(ATTEMPTS):
            try:
                reply = self._read(url)
            except HostRefused as error:
                failure = str(error)
            except requests.RequestException as error:
                failure = f"{type(error).__name__}."
            else:
                if 200 <= reply.status < 300:
                    return reply
                failure = f"the answer was {reply.status}."
        raise Wasted(f"fal.ai's {kind} could not be read at its address: {failure}", status=200)

    def _read(self, url: str) -> Reply:
        headers = {"Range": f"bytes=0-{HEAD_BYTES - 1}"}
        if origin(urlsplit(url)) in self._own:
            with requests.Session() as session:
                # No proxy, no login and no other setting of the environment.
                session.trust_env = False
                options: dict[str, Any] = {"stream": True, "timeout": HEAD_SECONDS, "allow_redirects": False}
                with session.get(url, headers=headers, **options) as answer:
                    body = next(answer.iter_content(HEAD_BYTES), b"")
                    return Reply(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, body)
        host = urlsplit(url).hostname or ""
        deadline = time.monotonic() + HEAD_SECONDS
        return ask(url, hosts=[host], max_bytes=HEAD_BYTES, deadline=deadline, headers=headers)


def media_of(output: Any, item: Any, kind: MediaKind) -> tuple[str, str]:
    """Return the address and the declared type of a finished file; raises `ContentRefused` or `Wasted`."""
    flags = output.get("has_nsfw_concepts") if isinstance(output, dict) else None
    if any(flags) if isinstance(flags, list) else flags:
        # The file is then a black rectangle.
        raise ContentRefused(f"fal.ai flagged the {kind} as not safe for work; it is not used.", status=200)
    url = item.get("url") if isinstance(item, dict) else None
    if not isinstance(url, str) or not url:
        raise Wasted(f"fal.ai's answer holds no {kind}.", status=200)
    if not url.startswith(("http://", "https://")):
        raise Wasted(f"fal.ai gave the {kind} an address that is not http(s): {url[:40]!r}.", status=200)
    if (size := byte_length(url)) > EMBED_URL_BYTES:
        raise Wasted(
            f"The address of the {kind} has {size:,} bytes, but a cast can embed at most {EMBED_URL_BYTES}.", status=200
        )
    return url, str(item.get("content_type") or "").partition(";")[0].strip()


def check_own(base_url: str, url: str) -> None:
    """Raise `RequestRefused` for an address outside `base_url`: its host would receive the key."""
    try:
        own, other = origin(urlsplit(base_url)), origin(urlsplit(url))
    except ValueError:
        own, other = None, None
    # No blanks, control characters or backslashes, which different parsers read differently.
    if own is None or own != other or not re.fullmatch(r"[!-\[\]-~]+", url):
        raise RequestRefused(f"fal.ai's queue named an address outside {base_url}, which must not be given the key.")


def origin(parts: SplitResult) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an address without user name, or None."""
    scheme, port = parts.scheme.lower(), parts.port
    if (
        scheme not in ("http", "https")
        or not parts.hostname
        or parts.username is not None
        or parts.password is not None
    ):
        return None
    return scheme, parts.hostname, port or (443 if scheme == "https" else 80)
