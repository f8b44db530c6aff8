"""Each transaction happens once, whichever process is killed at whichever step, as `scripts/chaos/chain.py` shows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.evm import Evm

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[3] / "scripts" / "chaos" / "chain.py"


def test_each_of_many_transactions_is_mined_once_while_workers_are_killed(shared_evm: Evm) -> None:
    # The script starts a chain of its own; this fixture only skips the test without anvil.
    assert shared_evm.head() >= 0
    command = [sys.executable, str(SCRIPT), "--count", "16", "--crash", "0.02"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    found = json.loads(done.stdout)
    assert (found["mined"], found["twice"], found["lost"], found["nonces_are_whole"]) == (16, 0, 0, True)
    assert found["crashes"] >= 1
