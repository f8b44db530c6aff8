"""A strategy that posts mostly pictures."""

from __future__ import annotations

from .mix import Mix


class MediaHeavy(Mix):
    """Most posts have a picture, a quarter of these a video where the agent has a model for it; threads are rare."""

    name = "media-heavy"

    def __init__(self) -> None:
        super().__init__(videos=25, media=60, original=20, engagement=15, thread=5)
