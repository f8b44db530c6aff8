"""A strategy that mixes all kinds of posts."""

from __future__ import annotations

from .mix import Mix


class Balanced(Mix):
    """Mostly single posts and threads, regularly a question or a picture."""

    name = "balanced"

    def __init__(self) -> None:
        super().__init__(original=35, thread=25, engagement=20, media=20)
