"""The hostile sources in `escapes/`: one file for each way out that was ever thought of, read but never imported here.

A file begins with its head, one `# key: value` per line, which is no part of what the sandbox is given:

    tries    what the source is after, in a sentence
    layer    language: what the guarded language has to refuse
             kernel:   plain Python with the system in its hands; what the kernel's layers have to refuse
             both:     each of the two has to hold alone
             host:     aims at the trusted side, through results, frames and brokered calls
    grants   what the source is granted, separated by commas; nothing by default
    limits   how long it may run; most attacks fail at once
    plain    why the same source proves nothing as plain Python; without this line it must succeed there, which shows
             that it fails in the sandbox because of the sandbox
    expand   a name that stands for a text too long to write down

`run` returns a text that begins with ESCAPED when the attack has succeeded, and one that begins with "held" when it
saw itself fail.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "escapes"

_LAYERS = ("language", "kernel", "both", "host")
_HEAD = re.compile(r"# (tries|layer|grants|limits|plain|expand): (.*)")
_EXPAND = re.compile(r"([A-Z]+) = (\".*\") \* (\d+)")


@dataclass(frozen=True)
class EscapeSource:
    """A hostile source and what its head says about it."""

    name: str
    text: str
    tries: str
    layer: str
    grants: tuple[str, ...] = ()
    seconds: float = 2.0
    #: Why plain Python would not let it succeed either; empty when it would.
    plain: str = ""

    @property
    def family(self) -> str:
        """The folder it is in."""
        return self.name.partition("/")[0]

    def __str__(self) -> str:
        return self.name


def escape_sources() -> list[EscapeSource]:
    """Return all of them, by name."""
    return [read(path) for path in sorted(FOLDER.rglob("*.py"))]


def read(path: Path) -> EscapeSource:
    """Return one; raises `ValueError` when its head is not complete."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    head: dict[str, str] = {}
    expansions = []
    while lines and (line := _HEAD.fullmatch(lines[0].rstrip("\n"))):
        if line[1] == "expand":
            expansions.append(line[2])
        else:
            head[line[1]] = line[2]
        del lines[0]
    if not head.get("tries") or head.get("layer") not in _LAYERS:
        raise ValueError(f"{path}: the head needs 'tries' and a 'layer' of {', '.join(_LAYERS)}")
    grants = tuple(grant.strip() for grant in head.get("grants", "").split(",") if grant.strip())
    limit = head.get("limits", "seconds=2").removeprefix("seconds=")
    name = path.relative_to(FOLDER).with_suffix("").as_posix()
    text = _expanded("".join(lines), expansions)
    return EscapeSource(name, text, head["tries"], head["layer"], grants, float(limit), head.get("plain", ""))


def _expanded(text: str, expansions: list[str]) -> str:
    for expansion in expansions:
        found = _EXPAND.fullmatch(expansion)
        if found is None or found[1] not in text:
            raise ValueError(f"cannot expand {expansion!r}")
        text = text.replace(found[1], ast.literal_eval(found[2]) * int(found[3]))
    return text
