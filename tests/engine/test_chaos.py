"""The crash proof: real workers and the real server, killed at every step, against services that cut off answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "scripts" / "chaos.py"


def chaos(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    # Workers that also count their lines would take three times as long.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    command = [sys.executable, str(SCRIPT), "--json", *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=900, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_thousand_parts_come_out_once_each_whatever_is_killed() -> None:
    code, rounds = chaos("--parts", "1000")
    for verdict in rounds:
        assert verdict["duplicates"] == verdict["lost"] == verdict["strays"] == 0, verdict
        assert verdict["broken_threads"] == verdict["unaccounted_slots"] == verdict["open"] == 0, verdict
        assert verdict["paid_twice"] == 0, verdict
        assert verdict["resumed"] <= 5, verdict
        assert verdict["crashes"] >= 20, verdict
        assert verdict["killed_workers"] >= 1, verdict
        assert verdict["faults"]["neynar.fault.cut_after"] >= 20, verdict
    assert [verdict["idem"] for verdict in rounds] == ["honour", "ignore"]
    assert sum(verdict["parts"] for verdict in rounds) >= 1000
    assert sum(verdict["killed_servers"] for verdict in rounds) >= 1
    assert code == 0


def test_without_the_look_up_the_same_faults_do_double_posts() -> None:
    code, (verdict,) = chaos("--parts", "150", "--control")
    assert verdict["duplicates"] > 0, verdict
    assert code == 0
