"""The skills that come with ceos, registered through the same hook as everyone else's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ceos


@ceos.hookimpl
def register_skills(register: Callable[[ceos.Skill | Path | str], None]) -> None:
    """Offer every skill that has a folder here."""
    register(Path(__file__).parent)
