"""The sandbox survives the death of its processes, whichever and whenever; `scripts/chaos/sandbox.py` sees to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "scripts" / "chaos" / "sandbox.py"


def test_kills_leave_no_call_unanswered_and_nothing_behind() -> None:
    command = [sys.executable, str(SCRIPT), "--calls", "2500", "--threads", "8"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2500 calls from 8 threads" in done.stdout
    assert "'child'" in done.stdout
    assert "'zygote'" in done.stdout
