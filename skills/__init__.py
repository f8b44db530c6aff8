"""The skills that come with ceos, registered through the same hook as those of other packages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ceos


@ceos.hookimpl
def register_skills(register: Callable[[ceos.Skill | Path | str], None]) -> None:
    """Register every skill in this folder."""
    register(Path(__file__).parent)
