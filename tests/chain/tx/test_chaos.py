"""Each transaction happens once, whoever is killed at whatever instruction; `scripts/chaos/chain.py` sees to it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.evm import Evm

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[3] / "scripts" / "chaos" / "chain.py"


def test_each_of_many_transactions_is_mined_once_whoever_is_killed(shared_evm: Evm) -> None:
    # The script has a chain of its own; without anvil, this is skipped like all the others.
    assert shared_evm.head() >= 0
    command = [sys.executable, str(SCRIPT), "--count", "16", "--crash", "0.02"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    found = json.loads(done.stdout)
    assert (found["mined"], found["twice"], found["lost"], found["nonces_are_whole"]) == (16, 0, 0, True)
    assert found["crashes"] >= 1
