"""The imports of the product as a graph of packages.

Run as a program, it prints the figures of the graph and of the functions (see `functions.py`).
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2] / "ceos"

#: The layers of docs/architecture.md from the bottom up: the packages and root modules of each.
LAYERS = {
    "pure": "domain errors logs clock score",
    "configuration": "config settings",
    "storage": "storage",
    "services": "guardrails runs sandbox clients evm",
    "skills": "skills",
    "extension": "plugins hookspecs strategy",
    "posts": "posts",
    "features": "mentions trends metrics chain",
    "engine": "engine",
    "operations": "operations",
    "wiring": "runtime",
    "entry points": "cli web actors supervisor testing __main__",
}
HEIGHT = {name: height for height, names in enumerate(LAYERS.values()) for name in names.split()}
#: It imitates the services of others and shares nothing with what it tests.
APART = "simulator"


@dataclass(frozen=True)
class Import:
    """One import of a module of ceos by another."""

    importer: str
    target: str
    line: int

    @property
    def packages(self) -> tuple[str, str]:
        """The packages or root modules on both ends."""
        return package(self.importer), package(self.target)


def package(module: str) -> str:
    """Return the package below ceos that holds a module, or the root module itself."""
    return module.split(".", maxsplit=1)[0] or "__init__"


def modules() -> dict[str, Path]:
    """Return the modules of ceos by their name without the leading `ceos.`; the root package is "__init__"."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imports() -> Iterator[Import]:
    """Yield every import between modules of ceos, those inside functions and under TYPE_CHECKING included."""
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ceos":
                home = (node.module or "").removeprefix("ceos").removeprefix(".")
                for alias in node.names:
                    inner = f"{home}.{alias.name}".removeprefix(".")
                    yield Import(name, inner if inner in MODULES else home or "__init__", node.lineno)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.split(".")[0] == "ceos":
                        yield Import(
                            name, alias.name.removeprefix("ceos.").removeprefix("ceos") or "__init__", node.lineno
                        )


def edges() -> set[tuple[str, str]]:
    """Return the edges between packages and root modules."""
    pairs = {one.packages for one in imports()}
    return {(here, there) for here, there in pairs if here != there}


def is_upward(here: str, there: str) -> bool:
    """Say whether an import from one package into another points up, or into or out of the simulator."""
    if there == "__init__" or here == "__init__":
        return False
    if APART in (here, there):
        return here == APART != there
    return HEIGHT[there] > HEIGHT[here]


def loaded(code: str) -> set[str]:
    """Return the modules that running `code` loads into a fresh interpreter.

    What was there before does not count: where coverage is measured, each interpreter starts with its modules.
    """
    script = (
        f"import sys, json\nbefore = set(sys.modules)\n{code}\n"
        "sys.stderr.write(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(done.stderr.rpartition("\n")[2]))


def circles(graph: set[tuple[str, str]]) -> list[list[str]]:
    """Return the groups of packages that import each other in a circle (Tarjan's strongly connected components)."""
    after: dict[str, set[str]] = {}
    for here, there in graph:
        after.setdefault(here, set()).add(there)

    def reaches(start: str) -> set[str]:
        seen: set[str] = set()
        queue = [start]
        while queue:
            for one in after.get(queue.pop(), ()):
                if one not in seen:
                    seen.add(one)
                    queue.append(one)
        return seen

    reach = {name: reaches(name) for name in after}
    found = {name: tuple(sorted(o for o in reach[name] if name in reach.get(o, ()))) for name in after}
    return [list(group) for group in sorted(set(filter(None, found.values())))]


def main() -> None:
    """Print the figures of the graph and of the functions."""
    from functions import figures  # this folder is on the path of a program

    graph = edges()
    nodes = {package(name) for name in MODULES}
    upward = sorted({f"{one.importer} -> {one.target}" for one in imports() if is_upward(*one.packages)})
    lines = [
        f"{len(list(ROOT.glob('*.py')))} modules at the root of ceos/",
        f"{len(nodes)} nodes, {len(graph)} edges, {len(upward)} upward, {len(circles(graph))} circles",
        *upward,
        *figures(),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
