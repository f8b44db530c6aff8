"""The types and sizes of media files by their first bytes."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ceos.domain.media import MediaType, identify
from ceos.simulator.fal.pixels import film


def drawn(form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (321, 123), "teal").save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        pytest.param(drawn("PNG"), MediaType("image/png", 321, 123), id="PNG"),
        pytest.param(drawn("JPEG"), MediaType("image/jpeg", 321, 123), id="JPEG"),
        pytest.param(drawn("JPEG", progressive=True), MediaType("image/jpeg", 321, 123), id="progressive JPEG"),
        pytest.param(drawn("GIF"), MediaType("image/gif", 321, 123), id="GIF"),
        pytest.param(drawn("WEBP"), MediaType("image/webp", 321, 123), id="lossy WebP"),
        pytest.param(drawn("WEBP", lossless=True), MediaType("image/webp", 321, 123), id="lossless WebP"),
        pytest.param(
            drawn("WEBP", exif=b"Exif\0\0II*\0\10\0\0\0\0\0"), MediaType("image/webp", 321, 123), id="extended WebP"
        ),
        pytest.param(film(), MediaType("video/mp4", 180, 320), id="MP4"),
        pytest.param(film()[:40], MediaType("video/mp4"), id="an MP4 whose track is further on"),
        pytest.param(b"\0\0\0\x1cftypavif\0\0\0\0avif", MediaType("image/avif"), id="AVIF"),
        pytest.param(b"\0\0\0\x18ftypheic\0\0\0\0mif1", MediaType("image/heic"), id="HEIC"),
        pytest.param(b"\0\0\0\x14ftypqt  \0\0\2\0", MediaType("video/quicktime"), id="QuickTime"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", None, id="SVG"),
        pytest.param(b"<!doctype html>", None, id="a page"),
        pytest.param(b"%PDF-1.7", None, id="PDF"),
        pytest.param(b"\x1aE\xdf\xa3", None, id="WebM"),
        pytest.param(b"\x89PNG\r\n", None, id="half a signature"),
        pytest.param(b"RIFF\0\0\0\0WAVE", None, id="sound in the same container"),
    ],
)
def test_a_file_is_told_by_its_first_bytes(data: bytes, found: MediaType | None) -> None:
    assert identify(data) == found


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from([drawn("PNG"), drawn("JPEG"), drawn("GIF"), drawn("WEBP"), film()]),
    st.integers(0, 400),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
)
def test_a_broken_file_never_raises(data: bytes, length: int, changes: list[tuple[int, int]]) -> None:
    broken = bytearray(data[:length])
    for at, value in changes:
        if at < len(broken):
            broken[at] = value
    found = identify(bytes(broken))
    assert found is None or (found.width >= 0 and found.height >= 0)


def test_a_jpeg_with_a_segment_before_its_size_is_read() -> None:
    data = drawn("JPEG")
    comment = b"\xff\xfe" + struct.pack(">H", 2002) + bytes(2000)
    assert identify(data[:2] + comment + data[2:]) == MediaType("image/jpeg", 321, 123)
