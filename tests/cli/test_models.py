"""Retired models on the command line: `agent apply`, `agent show` and `status` have one sentence for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.terminal import Terminal, agent_file, terminal

from ceos.cli.output import listing
from ceos.testing import FakeRuntime

SENTENCE = (
    "OpenRouter does not list anthropic/claude-sonnet-4 (retired by its maker on 2026-06-15); "
    "anthropic/claude-sonnet-4.5 takes its place."
)


@pytest.fixture
def run(fake_runtime: FakeRuntime, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    fake_runtime.simulator.faults(openrouter={"retired_models": ["anthropic/claude-sonnet-4"]})
    with terminal(capsys) as command_line:
        yield command_line


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "agents.toml"
    agents = [("ada", ""), ("bob", ""), ("eve", "[agent.models]\ntext = 'openai/gpt-4o-mini'\nfallbacks = []")]
    path.write_text(
        "\n".join(agent_file(id=f'"{name}"', fid=str(1001 + n), extra=more) for n, (name, more) in enumerate(agents))
    )
    return str(path)


def test_apply_says_once_what_takes_the_place_of_a_model(run: Terminal, file: str) -> None:
    outcome = run("agent", "apply", file)
    assert outcome.code == 0
    assert outcome.err.splitlines() == [f"ada and bob: {SENTENCE}"]


def test_apply_tells_machines_for_each_agent(run: Terminal, file: str) -> None:
    rows = run("agent", "apply", file, "--json").data
    assert [row.get("models") for row in rows] == [[SENTENCE], [SENTENCE], None]


def test_show_and_status_say_it_too(run: Terminal, file: str) -> None:
    run("agent", "apply", file)
    assert f"model      {SENTENCE}" in run("agent", "show", "ada").out
    assert run("agent", "show", "ada", "--json").data[0]["models"] == [SENTENCE]
    assert "model   " not in run("agent", "show", "eve").out
    assert f"ada and bob: {SENTENCE}" in run("status").out
    assert run("status", "--json").data["models"] == [
        {
            "model": "anthropic/claude-sonnet-4",
            "used": "anthropic/claude-sonnet-4.5",
            "sentence": SENTENCE,
            "agents": ["ada", "bob"],
        }
    ]


def test_status_and_show_never_ask_openrouter(run: Terminal, file: str, fake_runtime: FakeRuntime) -> None:
    run("agent", "apply", file)
    fake_runtime.runtime.database.client.delete("ceos:models")
    del fake_runtime.runtime.__dict__["model_catalogue"]
    assert "takes its place" not in run("status").out + run("agent", "show", "ada").out
    assert not fake_runtime.runtime.database.client.exists("ceos:models")


def test_apply_works_while_openrouter_is_away(run: Terminal, file: str, fake_runtime: FakeRuntime) -> None:
    fake_runtime.runtime.settings = fake_runtime.runtime.settings.model_copy(
        update={"openrouter_base_url": "http://127.0.0.1:1"}
    )
    outcome = run("agent", "apply", file)
    assert outcome.code == 0
    assert outcome.out.count("created") == 3


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (["a"], "a"),
        (["a", "b", "c"], "a, b and c"),
        (["a", "b", "c", "d"], "a, b and 2 others"),
    ],
)
def test_a_list_of_agents_stays_short(ids: list[str], words: str) -> None:
    assert listing(ids) == words
