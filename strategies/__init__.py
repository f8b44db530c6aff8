"""The strategies that come with ceos, registered through the same hook as everyone else's."""

from __future__ import annotations

from collections.abc import Callable

import ceos

from .balanced import Balanced
from .media_heavy import MediaHeavy
from .text_heavy import TextHeavy


@ceos.hookimpl
def register_strategies(register: Callable[[ceos.Strategy], None]) -> None:
    """Offer balanced, media-heavy and text-heavy."""
    register(Balanced())
    register(MediaHeavy())
    register(TextHeavy())
