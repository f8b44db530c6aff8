"""Commands that plugins add: what may be registered, how they run, and what help makes of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.terminal import ceos, clean_environ, terminal

from ceos.errors import PluginError
from ceos.plugins.manager import load_plugins
from ceos.testing import fake_runtime

#: A plugin with a command of its own.
GREET = """
import ceos, click

@click.command()
@click.argument("name")
def greet(name):
    \"\"\"Greet somebody.\"\"\"
    click.echo(f"gm {name}")

@ceos.hookimpl
def register_commands(register):
    register(greet)
"""


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        pytest.param(
            GREET.replace("greet", "post"),
            "registers a command 'post', which is one of ceos's own",
            id="a name of ours",
        ),
        pytest.param(
            GREET + "    register(greet)",
            "registers a command 'greet', which plugin 'bad' ({file}) has registered already",
            id="twice",
        ),
        pytest.param(
            GREET.replace("register(greet)", "register(greet.callback)"),
            "registers an object of type function, which is not a click command; "
            "decorate the function with @click.command()",
            id="a bare function",
        ),
        pytest.param(
            GREET.replace("register(greet)", "register(click.Command)"),
            "registers an object of type type, which is not a click command",
            id="a class",
        ),
        pytest.param(
            GREET.replace("@click.command()", "@click.command('Gm All')"),
            "registers a command named 'Gm All'; use lower-case letters, digits and dashes",
            id="an impossible name",
        ),
    ],
)
def test_what_is_wrong_with_a_command_is_one_sentence(tmp_path: Path, source: str, sentence: str) -> None:
    file = tmp_path / "bad.py"
    file.write_text(source)
    with pytest.raises(PluginError) as caught:
        load_plugins(str(tmp_path))
    assert str(caught.value) == f"Plugin 'bad' ({file}) {sentence.format(file=file)}."


@pytest.fixture
def greeter(tmp_path: Path) -> Path:
    """A folder with a plugin that registers a command."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "greet.py").write_text(GREET)
    return folder


def test_a_command_of_a_plugin_runs_and_is_listed(
    greeter: Path, ceos_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CEOS_SKILL_PATH", str(greeter))
    with fake_runtime(ceos_home, CEOS_SKILL_PATH=str(greeter)), terminal(capsys) as run:
        assert run("greet", "Ada").out == "gm Ada\n"
        shown = run("--help").out
        assert shown.index("  status ") < shown.index("Commands of plugins:") < shown.index("  greet  Greet somebody.")
        assert "Usage: ceos greet [OPTIONS] NAME" in run("greet", "--help").out
        wrong = run("gret")
        assert (wrong.code, "Did you mean 'greet'?" in wrong.err) == (2, True)
        plugin = next(one for one in run("plugin", "list", "--json").data if one["name"] == "greet")
        assert plugin["commands"] == ["greet"]


def test_a_folder_named_in_a_dotenv_file_counts(greeter: Path, ceos_home: Path) -> None:
    (greeter.parent / ".env").write_text("CEOS_SKILL_PATH=plugins\n")
    shown = ceos("greet", "Ada", environ=clean_environ(ceos_home), cwd=greeter.parent)
    assert (shown.out, shown.err) == ("gm Ada\n", "")


def test_a_broken_plugin_breaks_neither_help_nor_our_commands(greeter: Path, ceos_home: Path) -> None:
    (greeter / "bad.py").write_text("1 / 0  # hookimpl")
    environ = clean_environ(ceos_home, CEOS_SKILL_PATH=str(greeter))
    shown = ceos("--help", environ=environ, cwd=greeter)
    assert (shown.code, "'ceos plugin list' says why" in shown.out) == (0, True)
    assert "Traceback" not in shown.err
    near = ceos("stat", environ=environ, cwd=greeter)
    assert "Did you mean 'status'? Commands of plugins are missing; 'ceos plugin list' says why." in near.err
    for words in (("xyzzy",), ("plugin", "list")):
        shown = ceos(*words, environ=environ, cwd=greeter)
        assert (shown.code, "could not be loaded: ZeroDivisionError" in shown.err) == (1, True)


def test_without_other_plugins_help_loads_none(tmp_path: Path, ceos_home: Path) -> None:
    code = (
        "import sys; from ceos.cli import cli; cli(['--help'], standalone_mode=False); "
        "sys.stderr.write(str(sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environ(ceos_home),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "'ceos.plugins.reserved_commands'" in done.stderr
    assert "'ceos.plugins.manager'" not in done.stderr and "'pydantic'" not in done.stderr


def test_an_unknown_command_is_wrong_usage(
    ceos_home: Path, capsys: pytest.CaptureFixture[str], greeter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CEOS_SKILL_PATH", str(greeter))
    with fake_runtime(ceos_home, CEOS_SKILL_PATH=str(greeter)), terminal(capsys) as run:
        shown = run("xyzzy")
    assert (shown.code, "No such command 'xyzzy'." in shown.err) == (2, True)
