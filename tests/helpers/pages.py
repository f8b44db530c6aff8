"""The pages of the documentation with their tables and code blocks."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "ceos" / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
#: Every page by its topic, such as "chain/events".
PAGES = {
    path.relative_to(DOCS).with_suffix("").as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(DOCS.rglob("*.md"))
}


def rows(head: str, *, of: str) -> dict[str, list[str]]:
    """Return the rows of the table headed `head` on a page, by their first cell without its backquotes."""
    found = re.search(rf"^\| {re.escape(head)} \|.*\n\|[ |-]+\n((?:\|.*\n)+)", PAGES[of], re.MULTILINE)
    assert found, f"page {of!r} has no table of every {head}"
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found[1].splitlines()]
    return {first.strip("`"): rest for first, *rest in cells}


def blocks(language: str, *, of: str) -> list[str]:
    """Return the code blocks of a language on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGES[of], re.MULTILINE | re.DOTALL)


def example(beginning: str, *, of: str) -> str:
    """Return the one Python block of a page that begins in this way."""
    (found,) = (block for block in blocks("python", of=of) if block.startswith(beginning))
    return found
