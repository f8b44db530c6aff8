"""For an eye more than a pen."""

from __future__ import annotations

from .mix import Mix


class MediaHeavy(Mix):
    """Most posts carry a picture; threads are rare."""

    name = "media-heavy"

    def __init__(self) -> None:
        super().__init__(media=60, original=20, engagement=15, thread=5)
