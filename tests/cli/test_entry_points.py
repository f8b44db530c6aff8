"""How ceos is started: the console script, `python -m ceos` and `scripts/post_now.py`, as processes of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

from ceos.cli import COMMANDS, cli

ROOT = Path(__file__).parents[2]

STARTS = {
    "console script": [str(Path(sys.executable).with_name("ceos"))],
    "module": [sys.executable, "-m", "ceos"],
}


def run(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command in an environment without any of our variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CEOS_")}
    return subprocess.run(command, env={**kept, **environ}, capture_output=True, text=True, timeout=90, check=False)


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_help_names_every_command(start: list[str]) -> None:
    done = run(*start, "--help")
    assert done.returncode == 0
    assert not done.stderr
    assert [name for name in COMMANDS if not re.search(rf"^  {name} ", done.stdout, re.MULTILINE)] == []


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_version_is_that_of_the_package(start: list[str]) -> None:
    done = run(*start, "--version")
    assert done.stdout.strip().endswith(f"version {version('ceos')}")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(name: str) -> None:
    done = CliRunner().invoke(cli, [name, "--help"], prog_name="ceos")
    assert done.exit_code == 0, done.exception
    assert done.output.startswith(f"Usage: ceos {name}")


@pytest.mark.parametrize("arguments", [["pots"], ["post", "--wiat"], ["agent", "pause"], ["sim", "--port", "0x"]])
def test_wrong_usage_is_one_sentence_and_exit_code_2(arguments: list[str], tmp_path: Path) -> None:
    done = run(*STARTS["module"], *arguments, CEOS_HOME=str(tmp_path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_variable_is_one_sentence_and_exit_code_2() -> None:
    done = run(*STARTS["module"], "status", CEOS_REDIS_URL="localhost:6379", CEOS_LOG_LEVEL="loud")
    assert done.returncode == 2
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["CEOS_REDIS_URL", "CEOS_LOG_LEVEL"]


def test_redis_out_of_reach_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    done = run(*STARTS["module"], "status", CEOS_REDIS_URL=f"unix://{tmp_path}/nobody.sock")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "CEOS_REDIS_URL" in done.stderr


@pytest.mark.slow
def test_the_demo_shows_the_main_job_without_a_key() -> None:
    done = run(*STARTS["module"], "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "  ↳ " in done.stdout, "no thread"
    assert "[picture] " in done.stdout
    assert re.search(r"@\w+: .*\n +↳ ", done.stdout), "nobody was answered"
    assert "♥ reacted: liked: " in done.stdout
    assert re.search(r"✗ ignored: \w+", done.stdout), "nobody was ignored, with a reason"
    likes = re.findall(r"^(?:ada|basho|coco) +[\d,]+ → [\d,]+ +(\d+) ", done.stdout, re.MULTILINE)
    assert len(likes) == 3
    assert sum(map(int, likes)) > 0
    counts = re.search(r"(\d+) posts, (\d+) casts in (\d+) s .*; 0 published twice, 0 lost\.", done.stdout)
    assert counts, done.stdout
    assert int(counts[2]) >= 12
    # The table has a row for every post.
    assert len(re.findall(r"^(?:ada|basho|coco) +\d\d-\d\d ", done.stdout, re.MULTILINE)) == int(counts[1])


def test_post_now_is_ceos_post() -> None:
    script = ROOT / "scripts" / "post_now.py"
    assert os.access(script, os.X_OK)
    done = run(sys.executable, str(script), "--help")
    assert done.returncode == 0, done.stderr
    for option in ("--kind", "--text", "--dry-run", "--wait", "--key", "--json"):
        assert option in done.stdout


def test_post_now_reports_as_ceos_post_does(tmp_path: Path) -> None:
    script = str(ROOT / "scripts" / "post_now.py")
    done = run(sys.executable, script, "nobody", CEOS_HOME=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("No agent named 'nobody'.")
