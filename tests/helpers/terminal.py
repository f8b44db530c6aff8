"""The command line as an operator sees it: what went to standard output and standard error, and the exit code."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ceos.cli import main
from ceos.settings import Settings

#: The first table of an agent file; `agent_file` changes or adds lines, and replaces the other tables.
AGENT = {
    "id": '"ada"',
    "name": '"Ada"',
    "fid": "1001",
    "signer_uuid": '"00000000-0000-4000-8000-000000001001"',
    "strategy": '"text-heavy"',
}
PERSONA = 'bio = "An engineer."\ntone = "dry"\ntopics = ["clocks"]'
SCHEDULE = 'cron = "0 * * * *"\njitter_seconds = 0'


@dataclass(frozen=True)
class Outcome:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What `--json` printed."""
        return json.loads(self.out)


def agent_file(*, persona: str = PERSONA, schedule: str = SCHEDULE, extra: str = "", **keys: str | None) -> str:
    """Return the text of a file of one agent; values are TOML, None leaves a key out; the signer is that of the fid."""
    fid = keys.get("fid") or AGENT["fid"]
    signer = {"signer_uuid": f'"00000000-0000-4000-8000-{int(fid):012d}"'} if fid.isdigit() else {}
    lines = [f"{key} = {value}" for key, value in {**AGENT, **signer, **keys}.items() if value is not None]
    return "\n".join(["[[agent]]", *lines, "[agent.persona]", persona, "[agent.schedule]", schedule, extra, ""])


class Terminal:
    """Runs commands in this process, through the same `main()` as the console script."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> Outcome:
        """Run `ceos WORDS…`."""
        self._capsys.readouterr()
        arguments, sys.argv = sys.argv, ["ceos", *words]
        code: Any = None
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code
        finally:
            sys.argv = arguments
        captured = self._capsys.readouterr()
        return Outcome(code or 0, captured.out, captured.err)


@contextmanager
def terminal(capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    """Yield a terminal, and put the log back as it was afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield Terminal(capsys)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def clean_environ(home: Path, **variables: str) -> dict[str, str]:
    """Return this process's environment without anything that ceos reads, but with a home and the given variables."""
    known = Settings.variables()
    inherited = {name: value for name, value in os.environ.items() if name not in known}
    return {**inherited, "CEOS_HOME": str(home), **variables}


def ceos(*words: str, environ: Mapping[str, str], cwd: Path, timeout: float = 120) -> Outcome:
    """Run `ceos WORDS…` as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "ceos", *words],
        env=dict(environ),
        cwd=cwd,
        timeout=timeout,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
