"""The corpora of the guardrails: harmless texts, and texts that each break a structural rule, read from TSV files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "corpora"


@dataclass(frozen=True)
class Sample:
    """One text of a corpus."""

    #: The language and subject of a harmless text, or the rule that a text breaks.
    label: str
    text: str
    #: The words of another person that the text repeats, if it does.
    other: str = ""


def harmless() -> list[Sample]:
    """Return the texts that every rule must let pass."""
    return [Sample(f"{language} {subject}", text) for language, subject, text in _rows("harmless")]


def breaking() -> list[Sample]:
    """Return the texts that break a rule."""
    return [Sample(*row) for row in _rows("breaking")]


def _rows(name: str) -> list[list[str]]:
    lines = (FOLDER / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    return [[_unescaped(cell) for cell in line.split("\t")] for line in lines if not line.startswith("#")]


def _unescaped(cell: str) -> str:
    return re.sub(r"\\u\{([0-9a-f]+)\}", lambda match: chr(int(match[1], 16)), cell.replace("⏎", "\n"))
