"""The word lists of the guardrails, which are data: TOML files of patterns in `data/`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib import resources
from typing import Any


def load_patterns(name: str) -> dict[str, Any]:
    """Return a file of `data/` by its name."""
    return tomllib.loads((resources.files("ceos.guardrails") / "data" / f"{name}.toml").read_text(encoding="utf-8"))


def compile_any(patterns: Iterable[str]) -> re.Pattern[str]:
    """Compile alternatives without regard to case; `~` stands for up to 40 characters of the same sentence."""
    return re.compile("|".join(patterns).replace("~", r"[^.!?\n。！？]{0,40}?"), re.IGNORECASE)


def word_set(words: str) -> frozenset[str]:
    """Return the words of a list in a data file."""
    return frozenset(words.split())


def alternatives(words: str) -> str:
    """Return a list of patterns in a data file as alternatives of one pattern."""
    return f"(?:{'|'.join(words.split())})"
