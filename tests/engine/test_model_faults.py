"""The calls, waits, costs and result of a post for every fault of a model, measured as in the table of the docs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ceos.testing import FakeRuntime

ROOT = Path(__file__).parents[2]


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_models", ROOT / "scripts" / "bench" / "models.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_models"] = module
    spec.loader.exec_module(module)
    return module


models = _load()


def documented() -> dict[str, list[str]]:
    """The rows of the table in the docs: called, waited, paid and published by the fault."""
    page = (ROOT / "ceos" / "docs" / "failure-modes.md").read_text(encoding="utf-8")
    table = page.partition("| fault of the chosen model |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]
    return {row[0]: row[1:] for row in rows}


def test_the_docs_name_every_fault() -> None:
    assert list(documented()) == [fault.name for fault in models.FAULTS]


@pytest.mark.parametrize("fault", models.FAULTS, ids=lambda fault: fault.name)
def test_a_fault_ends_as_documented(fake_runtime: FakeRuntime, fault: Any) -> None:
    row = models.measure(fake_runtime, fault)
    called, waited, paid, published = documented()[fault.name]
    assert (row.called, row.waited, row.published) == (called, waited, published)
    # Prompts change, and with them the last digits.
    assert float(row.paid) == pytest.approx(float(paid), rel=0.5, abs=1e-4)
    if fault.name != "none" and not fault.is_streamed:
        state = fake_runtime.runtime.agents.agent_statuses(["ada"])[0]
        assert state.state == "sleeping"
