"""Generated pictures and a video: small, but valid files."""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from importlib import resources

from ceos.simulator.chance import number

SIDE = 64


@lru_cache(maxsize=256)
def gradient(seed: str) -> bytes:
    """A PNG with a colour gradient of its own."""
    n = number("gradient", seed)
    from_rgb = (n & 255, n >> 8 & 255, n >> 16 & 255)
    to_rgb = (n >> 24 & 255, n >> 32 & 255, n >> 40 & 255)
    rows = []
    for y in range(SIDE):
        pixels = bytearray()
        for x in range(SIDE):
            share = (x * (1 + n % 3) + y * (1 + n // 3 % 3)) % (2 * SIDE) / (2 * SIDE)
            pixels += bytes(round(a + (b - a) * share) for a, b in zip(from_rgb, to_rgb, strict=True))
        rows.append(bytes(pixels))
    return _png(rows)


@lru_cache(maxsize=1)
def black() -> bytes:
    """Return the black picture that replaces an unsafe one."""
    return _png([bytes(3 * SIDE)] * SIDE)


@lru_cache(maxsize=1)
def film() -> bytes:
    """Two seconds of a moving gradient, upright: H.264 in MP4."""
    return resources.files(__package__).joinpath("film.mp4").read_bytes()


def vector(seed: str) -> bytes:
    """A drawing as SVG."""
    colour = f"#{number('vector', seed) & 0xFFFFFF:06x}"
    circle = f'<circle cx="32" cy="32" r="24" fill="{colour}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">{circle}</svg>'.encode()


def _png(rows: list[bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", SIDE, len(rows), 8, 2, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
