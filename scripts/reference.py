#!/usr/bin/env python
"""Rewrites the reference tables in ceos/docs from the code. `scripts/reference.py --check` only names stale pages.

A table stands between `<!-- generated: NAME -->` and `<!-- end -->`; NAME is a key of `TABLES`.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import click
from pydantic.fields import FieldInfo

from ceos import hookspecs, score
from ceos.chain.config import models as chain
from ceos.cli import cli
from ceos.domain import agent, posts
from ceos.domain.base import Frozen
from ceos.domain.posts import Kind
from ceos.metrics.timeseries import AccountCounts
from ceos.plugins.inspection import HOOKS
from ceos.plugins.manager import load_plugins
from ceos.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "ceos" / "docs"
BLOCK = re.compile(r"(?<=<!-- generated: )([a-z-]+)( -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)

#: The models behind the numbers of `ceos metrics`, by what they are about.
NUMBERS: dict[str, type[Frozen]] = {
    "cast": posts.CastMetrics,
    "account": AccountCounts,
    "score of a post": score.PostInputs,
    "score of a week": score.Inputs,
}
KINDS = (Kind.ORIGINAL, Kind.THREAD, Kind.ENGAGEMENT, Kind.MEDIA)
LEVELS = ("debug", "info", "warning", "error", "exception", "critical", "log")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


# Commands


def commands(group: click.Group = cli, prefix: str = "ceos") -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its full name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        elif command:
            yield f"{prefix} {name}", command


def command_table() -> str:
    """Return every command with its sentence, arguments and options."""
    return table(
        ["command", "description", "options"],
        [[f"`{name}`", _sentence(command), _options(command)] for name, command in commands()],
    )


def _sentence(command: click.Command) -> str:
    return " ".join(command.get_short_help_str(limit=300).split()).replace("|", "\\|")


def _options(command: click.Command) -> str:
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    return ", ".join(f"`{max(one.opts, key=len)}`" for one in options) or "none"


# Settings and files


def environment_table() -> str:
    """Return every variable with its default and its sentence."""
    rows = [
        [f"`{field.alias}`", _setting_default(field.default), field.description or ""]
        for field in Settings.model_fields.values()
    ]
    return table(["variable", "default", "meaning"], rows)


def _setting_default(value: Any) -> str:
    if value is None or value == "":
        return "unset"
    return f"`{value:g}`" if isinstance(value, int | float) else f"`{value}`"


def file_table(root: type[Frozen]) -> str:
    """Return every key of a TOML file with its default and its meaning."""
    return table(["key", "default", "meaning"], file_keys(root))


def file_keys(model: type[Frozen], prefix: str = "") -> Iterator[list[str]]:
    """Yield the rows of a model, and those of its tables after its own keys."""
    meanings, tables = notes(model), []
    for name, field in model.model_fields.items():
        if inner := _inner_model(field.annotation):
            tables.append((inner, f"{prefix}{name}."))
        else:
            yield [f"`{prefix}{name}`", _key_default(name, field), _meaning(model, name, meanings)]
    for inner, inner_prefix in tables:
        yield from file_keys(inner, inner_prefix)


def _inner_model(annotation: Any) -> type[Frozen] | None:
    """Return the model of a table, or of a list of tables."""
    if isinstance(annotation, type) and issubclass(annotation, Frozen):
        return annotation
    return next(filter(None, map(_inner_model, get_args(annotation))), None)


def _key_default(name: str, field: FieldInfo) -> str:
    if name.startswith("signer_uuid"):
        return "one of the two"
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if default is None:
        return "none"
    # Amounts are strings in a file.
    return f"`{json.dumps(list(default) if isinstance(default, tuple) else default, default=str)}`"


def _meaning(model: type[Frozen], name: str, meanings: Mapping[str, str]) -> str:
    if name not in meanings:
        raise SystemExit(f"{model.__name__}.{name} has no '#:' line above it, which the documentation needs.")
    return meanings[name]


def notes(model: type[Frozen]) -> dict[str, str]:
    """Return the `#:` lines above each field of a model."""
    found, lines = {}, []
    for line in inspect.getsource(model).splitlines():
        stripped = line.strip()
        if stripped.startswith("#: "):
            lines.append(stripped[3:])
        elif named := re.match(r"    (\w+): ", line):
            if lines:
                found[named[1]] = " ".join(lines)
            lines = []
        elif stripped:
            lines = []
    return found


# Plugins


def hook_table() -> str:
    """Return every hook with its signature and the first sentence of its docstring."""
    rows = [
        [f"`{name}({', '.join(arguments)})`", (getattr(hookspecs, name).__doc__ or "").split("\n\n")[0].strip()]
        for name, arguments in HOOKS.items()
    ]
    return table(["hook", "purpose"], rows)


def strategy_table() -> str:
    """Return the strategies that have fixed shares."""
    rows = [
        [f"`{name}`", *(f"{strategy.shares[kind]}%" for kind in KINDS)]
        for name, strategy in load_plugins().strategies.items()
        if strategy.shares
    ]
    return table(["strategy", *KINDS], rows)


# Numbers


def number_table() -> str:
    """Return the numbers that are counted and stored."""
    rows = []
    for about, model in NUMBERS.items():
        meanings = notes(model)
        rows += [[about, f"`{name}`", _meaning(model, name, meanings)] for name in model.model_fields]
    return table(["of a", "field", "meaning"], rows)


# Log events


def log_table() -> str:
    """Return every log event with its level, message and fields."""
    found: dict[str, list[tuple[str, str, tuple[str, ...]]]] = defaultdict(list)
    for path in sorted((ROOT / "ceos").rglob("*.py")):
        if "simulator" not in path.parts:
            for name, level, message, fields in log_events(ast.parse(path.read_text(encoding="utf-8"))):
                found[name].append((level, message, fields))
    rows = []
    for name in sorted(found):
        records = found[name]
        levels = ", ".join(dict.fromkeys(level for level, _, _ in records if level))
        messages = " / ".join(dict.fromkeys(message for _, message, _ in records if message))
        listed = ", ".join(f"`{one}`" for one in dict.fromkeys(one for *_, names in records for one in names))
        rows.append([f"`{name}`", levels or "varies", messages, listed or "none"])
    return table(["event", "level", "message", "fields"], rows)


def log_events(tree: ast.Module) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Yield name, level, message and fields of each log event that a module writes."""
    named = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "ceos.logs"
        for alias in node.names
        if alias.name == "event"
    }
    for scope in _functions(tree):
        calls = [node for node in ast.walk(scope) if isinstance(node, ast.Call)]
        for call in calls:
            if isinstance(call.func, ast.Name) and call.func.id in named and call.args:
                level, message = _record(call, calls)
                fields = tuple(keyword.arg for keyword in call.keywords if keyword.arg)
                for name in _names(call.args[0]):
                    yield name, level, message, fields


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Yield the outermost functions and methods, so that no call is met twice."""
    todo: list[ast.AST] = [tree]
    while todo:
        for node in ast.iter_child_nodes(todo.pop()):
            if isinstance(node, ast.FunctionDef):
                yield node
            else:
                todo.append(node)


def _record(made: ast.Call, calls: Sequence[ast.Call]) -> tuple[str, str]:
    """Return level and message of the log call that an event belongs to, as far as the source shows them."""
    logging = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in LEVELS]
    around = [call for call in logging if any(made is node for node in ast.walk(call))]
    with_extra = [call for call in logging if any(one.arg == "extra" for one in call.keywords)]
    call = next(iter(around or [call for call in with_extra if call.lineno >= made.lineno]), None)
    if call is None or not isinstance(call.func, ast.Attribute):
        return "", ""
    level = {"exception": "error", "log": ""}.get(call.func.attr, call.func.attr)
    words = next((one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)), "")
    return level, "" if words == "%s" else words.rstrip(".").replace("%s", "…")


def _names(argument: ast.expr) -> list[str]:
    """Return the names that an expression can be; what is only known at run time is written in capitals."""
    if isinstance(argument, ast.Constant):
        return [str(argument.value)]
    if isinstance(argument, ast.IfExp):
        return [*_names(argument.body), *_names(argument.orelse)]
    if isinstance(argument, ast.JoinedStr):
        return ["".join(str(p.value) if isinstance(p, ast.Constant) else _capitals(p) for p in argument.values)]
    return []


def _capitals(part: ast.expr) -> str:
    return ast.unparse(part).strip("f'\"{}").rpartition(".")[2].upper()


TABLES: dict[str, Callable[[], str]] = {
    "commands": command_table,
    "environment": environment_table,
    "agent-file": lambda: file_table(agent.Agent),
    "chain-toml": lambda: file_table(chain.ChainConfig),
    "hooks": hook_table,
    "strategies": strategy_table,
    "numbers": number_table,
    "log-events": log_table,
}


def rewritten(text: str) -> str:
    """Return a page with every generated table as the code has it now."""
    return BLOCK.sub(lambda match: f"{match[1]}{match[2]}{TABLES[match[1]]()}", text)


def stale() -> dict[Path, str]:
    """Return the pages whose tables differ from the code, with the text that they should have."""
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
    return {path: new for path, text in pages.items() if (new := rewritten(text)) != text}


def main() -> None:
    """Rewrite the pages, or with --check name the stale ones and fail."""
    pages = stale()
    for path, text in pages.items():
        print(path.relative_to(ROOT))
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
    sys.exit(1 if pages and "--check" in sys.argv else 0)


if __name__ == "__main__":
    main()
