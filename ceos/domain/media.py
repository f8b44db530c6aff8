"""Media files by their first bytes, not by a name or a header: type and dimensions."""

from __future__ import annotations

import struct
from dataclasses import dataclass

#: The media that one cast may embed, in number; Farcaster allows four since August 2026.
MAX_EMBEDS = 4
#: The longest address that a cast can embed, in bytes.
EMBED_URL_BYTES = 256
#: The largest files that clients show, in bytes.
MAX_IMAGE_BYTES, MAX_VIDEO_BYTES = 10 * 2**20, 100 * 2**20
#: The shortest and the longest side, in pixels.
MIN_SIDE, MAX_SIDE = 16, 8192
#: The types that every client shows.
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
VIDEO_TYPES = ("video/mp4",)

#: Brands of files that share MP4's container: still pictures, and QuickTime, which not every client plays.
_OTHER_BRANDS = {b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic"} | {
    b"mif1": "image/heic",
    b"qt  ": "video/quicktime",
}
#: Markers of JPEG that carry the dimensions (ITU T.81, table B.1: all SOFn but DHT, JPG and DAC).
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class MediaType:
    """The type of a file, and its width and height in pixels; 0 where its first bytes do not contain them."""

    content_type: str
    width: int = 0
    height: int = 0

    @property
    def is_image(self) -> bool:
        """Say whether it is a picture."""
        return self.content_type.startswith("image/")


def identify(data: bytes) -> MediaType | None:
    """Return the type of a file from its beginning, or None for anything but a picture or a video."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        return MediaType("image/png", *_two(">II", data, 16))
    if data.startswith(b"\xff\xd8\xff"):
        return MediaType("image/jpeg", *_jpeg_size(data))
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return MediaType("image/gif", *_two("<HH", data, 6))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return MediaType("image/webp", *_webp_size(data))
    if data[4:8] == b"ftyp" and len(data) >= 12:
        other = _OTHER_BRANDS.get(data[8:12])
        return MediaType(other) if other else MediaType("video/mp4", *_mp4_size(data))
    return None


def media_problem(found: MediaType, size: int | None, kind: str) -> str:
    """Return the reason why a cast cannot show a file as a "picture" or a "video", or an empty string.

    `size` is in bytes; None, like a side of 0, is unknown and not an objection.
    """
    types, most = (IMAGE_TYPES, MAX_IMAGE_BYTES) if kind == "picture" else (VIDEO_TYPES, MAX_VIDEO_BYTES)
    if found.content_type not in types:
        names = ", ".join(one.partition("/")[2].upper() for one in types)
        return f"is {found.content_type}, but a {kind} is {names}"
    if size is not None and size > most:
        return f"has {size / 2**20:.1f} MiB, but a {kind} has at most {most // 2**20}"
    sides = [side for side in (found.width, found.height) if side]
    if any(not MIN_SIDE <= side <= MAX_SIDE for side in sides):
        return f"is {found.width} × {found.height} pixels, but each side of a {kind} has {MIN_SIDE} to {MAX_SIDE}"
    return ""


def _two(layout: str, data: bytes, at: int) -> tuple[int, int]:
    """Return two numbers, or zeros when the data ends before them."""
    if len(data) < at + struct.calcsize(layout):
        return 0, 0
    first, second = struct.unpack_from(layout, data, at)
    return first, second


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _START_OF_FRAME:
            height, width = _two(">HH", data, at + 5)
            return width, height
        # A marker may be preceded by fill bytes; 0x01 and 0xD0 to 0xD9 stand alone.
        if marker == 0xFF:
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD9:
            at += 2
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return 0, 0


def _webp_size(data: bytes) -> tuple[int, int]:
    """Return the size in one of the three forms of WebP: extended, lossless or lossy (RFC 9649)."""
    form = data[12:16]
    if form == b"VP8X" and len(data) >= 30:
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if form == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if form == b"VP8 ":
        width, height = _two("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def _mp4_size(data: bytes) -> tuple[int, int]:
    """Return the size of the first track that is shown: the last 8 bytes of its header, in 16.16 fixed point."""
    at = data.find(b"tkhd")
    while at >= 4:
        size = struct.unpack_from(">I", data, at - 4)[0]
        width, height = _two(">II", data, at - 4 + size - 8)
        if 84 <= size <= 128 and width >> 16 and height >> 16:
            return width >> 16, height >> 16
        at = data.find(b"tkhd", at + 4)
    return 0, 0
