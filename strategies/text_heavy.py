"""A strategy that posts mostly text."""

from __future__ import annotations

from .mix import Mix


class TextHeavy(Mix):
    """Single posts and threads in equal measure; a picture is the exception."""

    name = "text-heavy"

    def __init__(self) -> None:
        super().__init__(original=40, thread=40, engagement=15, media=5)
