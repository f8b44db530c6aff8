"""The strategies that come with ceos, registered through the same hook as those of other packages."""

from __future__ import annotations

from collections.abc import Callable

import ceos

from .balanced import Balanced
from .engagement import Engagement
from .media_heavy import MediaHeavy
from .text_heavy import TextHeavy
from .trending import Trending


@ceos.hookimpl
def register_strategies(register: Callable[[ceos.Strategy], None]) -> None:
    """Register the mixes for posts, one strategy for mentions and one for trends."""
    register(Balanced())
    register(Engagement())
    register(MediaHeavy())
    register(TextHeavy())
    register(Trending())
