"""`ceos sim -- COMMAND`: the simulator for as long as one command runs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.terminal import ceos, clean_environ

#: Asks the simulator that the variables point at, at once and without a retry, and prints what it was given.
ASK = """
import json, os, sys, urllib.request
url = os.environ["NEYNAR_BASE_URL"].removesuffix("/v2")
answer = urllib.request.urlopen(url + "/_sim/timeline", timeout=60)
print(json.dumps({"status": answer.status, "key": os.environ["NEYNAR_API_KEY"], "url": url, "words": sys.argv[1:]}))
"""


def test_the_command_runs_with_the_variables_once_the_simulator_answers(tmp_path: Path) -> None:
    done = ceos(
        "sim", "--", sys.executable, "-c", ASK, "--port", "two words", environ=clean_environ(tmp_path), cwd=tmp_path
    )
    assert (done.code, done.err) == (0, "")
    assert (done.data["status"], done.data["key"]) == (200, "simulated-key")
    assert done.data["words"] == ["--port", "two words"]


def test_the_simulator_ends_with_the_command_whose_exit_code_it_returns(tmp_path: Path) -> None:
    code = ASK + "sys.exit(7)"
    done = ceos("sim", "--", sys.executable, "-c", code, environ=clean_environ(tmp_path), cwd=tmp_path)
    assert done.code == 7
    port = int(json.loads(done.out)["url"].rpartition(":")[2])
    again = ceos(
        "sim", "--port", str(port), "--", sys.executable, "-c", ASK, environ=clean_environ(tmp_path), cwd=tmp_path
    )
    assert again.data["url"].endswith(f":{port}")


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = ceos("sim", "--", "no-such-command", environ=clean_environ(tmp_path), cwd=tmp_path)
    assert (done.code, done.out) == (1, "")
    assert done.err.strip() == "'no-such-command' cannot be run: No such file or directory."


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_command_too(tmp_path: Path, sent: signal.Signals) -> None:
    wait = "import signal, sys; print('ready', flush=True); signal.pause()"
    process = subprocess.Popen(
        [sys.executable, "-m", "ceos", "sim", "--", sys.executable, "-c", wait],
        env=clean_environ(tmp_path), cwd=tmp_path, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout and process.stdout.readline() == "ready\n"
        process.send_signal(sent)
        # The pipe is closed when the command is gone as well.
        assert process.communicate(timeout=60)[0] == ""
        assert process.returncode == 128 + sent
    finally:
        process.kill()
