"""Operations on media of the operator's own: check them, and give files a public address."""

from __future__ import annotations

import time
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from ceos.domain.base import Frozen
from ceos.domain.media import EMBED_URL_BYTES, identify, media_problem
from ceos.domain.text import byte_length
from ceos.errors import HostRefused, InvalidInput
from ceos.operations.table import Scope, operation

if TYPE_CHECKING:
    from ceos.clients.http.safe_fetch import Reply
    from ceos.operations.context import Context

#: The first bytes that are read of a file at an address, and the seconds that this may take.
HEAD_BYTES, HEAD_SECONDS = 262_144, 20.0


class MediaFile(Frozen):
    """A file of the operator's own."""

    name: str
    kind: Literal["picture", "video"]
    data: bytes

    def __str__(self) -> str:
        """Return its name, which is all that an audit record says of it."""
        return self.name


class OwnMedia(Frozen):
    """A checked picture or video of the operator's own."""

    #: The name of the file, or its address.
    source: str
    content_type: str
    #: In pixels; 0 where the beginning of a file at an address does not tell it.
    width: int
    height: int
    #: In bytes; None where a host does not tell it.
    size: int | None
    #: The address that a cast embeds; empty for a file that is not uploaded.
    url: str = ""


@operation("media.check", Scope.READ)
def check_file(context: Context, file: MediaFile) -> OwnMedia:
    """Return the facts of a file that a cast can show; raises `InvalidInput` for any other."""
    del context
    return _checked_file(file)


@operation("media.check_address", Scope.READ)
def check_address(context: Context, url: str, kind: Literal["picture", "video"]) -> OwnMedia:
    """Return the facts of the file at an address, of which only the beginning is read.

    Only hosts on the public internet are asked. Raises `InvalidInput` for an address that a cast cannot embed.
    """
    del context
    if (size := byte_length(url)) > EMBED_URL_BYTES:
        raise InvalidInput(f"{url[:60]!r}… has {size:,} bytes, but a cast embeds addresses of up to {EMBED_URL_BYTES}.")
    reply = _head(url)
    if reply.status in (301, 302, 303, 307, 308):
        raise InvalidInput(f"{url} redirects to {reply.headers.get('location', 'nowhere')[:200]}; give that address.")
    if not 200 <= reply.status < 300:
        raise InvalidInput(f"{url} could not be read: the answer was {reply.status}.")
    served = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if served not in ("", "application/octet-stream") and not served.startswith(("image/", "video/mp4")):
        raise InvalidInput(f"{url} is served as {served[:60]!r}, so a cast would not show it.")
    return _checked(url, kind, reply.body, _whole_size(reply)).model_copy(update={"url": url})


@operation("media.upload", Scope.POST)
def upload_file(context: Context, file: MediaFile) -> OwnMedia:
    """Store a file at fal.ai and return it with its public address.

    Raises as `check_file`, and a `ServiceError` when fal.ai cannot or will not store it.
    """
    found = _checked_file(file)
    # The name of a file may contain more than its owner wants to publish.
    name = f"{file.kind}.{found.content_type.partition('/')[2]}"
    return found.model_copy(update={"url": context.fal.upload(file.data, found.content_type, name)})


def is_address(source: str) -> bool:
    """Say whether a source is an address and not the name of a file."""
    return source.lower().startswith(("http://", "https://"))


def _checked_file(file: MediaFile) -> OwnMedia:
    found = _checked(file.name, file.kind, file.data, len(file.data))
    if not (found.width and found.height):
        raise InvalidInput(f"{PurePath(file.name).name} is damaged or not whole: it does not say its size in pixels.")
    return found


def _checked(source: str, kind: Literal["picture", "video"], data: bytes, size: int | None) -> OwnMedia:
    name = source if is_address(source) else PurePath(source).name
    found = identify(data)
    if found is None:
        raise InvalidInput(f"{name} is {'empty' if not data else 'neither a picture nor a video'}.")
    if problem := media_problem(found, size, kind):
        raise InvalidInput(f"{name} {problem}.")
    return OwnMedia(source=source, content_type=found.content_type, width=found.width, height=found.height, size=size)


def _head(url: str) -> Reply:
    from ceos.clients.http import safe_fetch  # noqa: PLC0415  # only where an address is given

    deadline = time.monotonic() + HEAD_SECONDS
    headers = {"Range": f"bytes=0-{HEAD_BYTES - 1}"}
    try:
        host = urlsplit(url).hostname or ""
        return safe_fetch.ask(url, hosts=[host], max_bytes=HEAD_BYTES, deadline=deadline, headers=headers)
    except (HostRefused, ValueError) as error:
        raise InvalidInput(f"{url} cannot be used: {error}") from None


def _whole_size(reply: Reply) -> int | None:
    """Return the size of the whole file by the headers of an answer to a range (RFC 9110, 14.4), or None."""
    whole = reply.headers.get("content-range", "").rpartition("/")[2]
    if reply.status != 206:
        whole = reply.headers.get("content-length", "")
    return int(whole) if whole.isdecimal() else None
