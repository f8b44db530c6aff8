"""The functions of the product in figures: lines, nesting and parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: What counts as the product; the sources of the skills are texts for the sandbox.
FOLDERS = ("ceos", "strategies", "scripts", "skills")

#: Functions with the signature of another one.
SIGNATURES = {"ceos/sandbox/modules.py _dumps"}

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)


@dataclass(frozen=True)
class Function:
    """One function of the product."""

    module: str
    name: str
    lines: int
    nesting: int
    #: Without `self` and `cls`.
    parameters: int

    def __str__(self) -> str:
        return f"{self.module} {self.name}"


def sources() -> list[Path]:
    """Return the modules of the product."""
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def functions() -> Iterator[Function]:
    """Yield every function of the product."""
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        methods = {child for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for child in node.body}
        for node in ast.walk(tree):
            if isinstance(node, _Function):
                yield Function(
                    str(path.relative_to(ROOT)),
                    node.name,
                    _lines(node),
                    _nesting(node.body),
                    _parameters(node, is_method=node in methods),
                )


def _lines(node: _Function) -> int:
    """Return the lines of the body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 1


def _nesting(body: list[ast.stmt]) -> int:
    """Return the depth of the blocks in a body; a chain of `elif` is one block."""
    depth = 0
    for statement in body:
        if isinstance(statement, _BLOCKS):
            parts = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
            parts += [part.body for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ()))]
            is_chain = isinstance(statement, ast.If) and len(parts[1]) == 1 and isinstance(parts[1][0], ast.If)
            inner = [_nesting(part) - (is_chain and part is parts[1]) for part in parts]
            depth = max(depth, 1 + max(inner))
    return depth


def _parameters(node: _Function, *, is_method: bool) -> int:
    found = node.args
    names = [*found.posonlyargs, *found.args, *found.kwonlyargs, *filter(None, (found.vararg, found.kwarg))]
    is_static = any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in node.decorator_list)
    return len(names) - (is_method and not is_static)


def figures() -> list[str]:
    """Return the figures as lines of text, with the functions and modules beyond the limits."""
    every = list(functions())
    lines = [f"{len(every)} functions"]
    for name in ("lines", "nesting", "parameters"):
        values = sorted(getattr(one, name) for one in every)
        median, most = values[len(values) // 2], values[int(len(values) * 0.9)]
        lines.append(f"{name}: median {median}, p90 {most}, max {values[-1]}")
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    lines.append(f"{sum(lengths.values())} lines in {len(lengths)} modules, at most {max(lengths.values())}")
    return [*lines, *long_modules(400), *long_functions(50), *broad_functions(8)]


def long_modules(limit: int) -> list[str]:
    """Return the modules with more than `limit` lines, without the sources of skills.

    A skill is one file, and operators have allowed it by its hash: a shorter text would take the permission away.
    """
    modules = [path for path in sources() if path.name != "skill.py" or path.parts[-3] != "skills"]
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules}
    return [f"{path.relative_to(ROOT)}: {count} lines" for path, count in lengths.items() if count > limit]


def broad_functions(limit: int) -> list[str]:
    """Return the functions with more than `limit` parameters."""
    return [
        f"{one}: {one.parameters} parameters"
        for one in functions()
        if one.parameters > limit and str(one) not in SIGNATURES
    ]


def long_functions(limit: int) -> list[str]:
    """Return the functions with more than `limit` lines."""
    return [f"{one}: {one.lines} lines" for one in functions() if one.lines > limit]
