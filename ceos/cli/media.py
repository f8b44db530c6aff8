"""The media of `ceos post --image` and `--video`: read, checked and uploaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from ceos.domain.media import MAX_EMBEDS, MAX_VIDEO_BYTES
from ceos.errors import InvalidInput
from ceos.operations.media import MediaFile, OwnMedia, check_address, check_file, is_address, upload_file

if TYPE_CHECKING:
    from ceos.runtime import Runtime


def own_media(
    runtime: Runtime, text: str | None, images: Sequence[str], videos: Sequence[str], *, is_preview: bool
) -> list[OwnMedia]:
    """Return the operator's media, pictures first; a preview uploads no file.

    Raises `click.UsageError` for options that do not fit together, and `InvalidInput` for a file or an address that a
    cast cannot show. Every one is checked before the first is uploaded.
    """
    if not images and not videos:
        return []
    if text is None:
        raise click.UsageError(
            "--image and --video go with --text; a post that a model writes gets its media by fal.ai."
        )
    if len(images) + len(videos) > MAX_EMBEDS:
        raise click.UsageError(f"A cast embeds at most {MAX_EMBEDS} files; {len(images) + len(videos)} are given.")
    found: list[MediaFile | OwnMedia] = [_checked(runtime, one, "picture", is_preview=is_preview) for one in images]
    found += [_checked(runtime, one, "video", is_preview=is_preview) for one in videos]
    return [upload_file(runtime, one) if isinstance(one, MediaFile) else one for one in found]


def _checked(
    runtime: Runtime, source: str, kind: Literal["picture", "video"], *, is_preview: bool
) -> MediaFile | OwnMedia:
    """Return an address or, in a preview, a file with its facts; otherwise the file, to be uploaded."""
    if is_address(source):
        return check_address(runtime, source, kind)
    file = MediaFile(name=source, kind=kind, data=_read(source))
    facts = check_file(runtime, file)
    return facts if is_preview else file


def describe_media(one: OwnMedia) -> str:
    """Return the line of a preview about a file."""
    kind = "picture" if one.content_type.startswith("image/") else "video"
    facts = [one.content_type]
    if one.width and one.height:
        facts.append(f"{one.width} × {one.height}")
    if one.size is not None:
        facts.append(f"{one.size / 1000:,.0f} kB" if one.size >= 1000 else f"{one.size} bytes")
    later = "" if one.url else "; it is uploaded when it is posted"
    return f"{kind}: {one.source} ({', '.join(facts)}){later}"


def _read(source: str) -> bytes:
    path = Path(source).expanduser()
    try:
        # Even a video of the greatest size is read; a larger file is not.
        with path.open("rb") as file:
            data = file.read(MAX_VIDEO_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{source} cannot be read: {error.strerror}.") from None
    if len(data) > MAX_VIDEO_BYTES:
        raise InvalidInput(f"{path.name} has more than {MAX_VIDEO_BYTES // 2**20} MiB, the most that a video may have.")
    return data
