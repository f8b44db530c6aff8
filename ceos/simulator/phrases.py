"""The phrases of the simulated writers and of the audience, from `data/`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Bank:
    """Details that belong to a family of topics."""

    keywords: tuple[str, ...]
    things: tuple[str, ...]
    places: tuple[str, ...]
    units: tuple[str, ...]


def load(name: str) -> dict[str, Any]:
    """Return a file of `data/` with its lists as tuples."""
    text = (resources.files("ceos.simulator") / "data" / f"{name}.toml").read_text(encoding="utf-8")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in tomllib.loads(text).items()}


PHRASES = load("phrases")
BANKS = tuple(Bank(**{name: tuple(values) for name, values in row.items()}) for row in PHRASES["bank"])
