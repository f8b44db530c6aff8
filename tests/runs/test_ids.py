"""The grammar of run ids, and that only one module and one script know it."""

from __future__ import annotations

import ast
import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.imports import MODULES, ROOT

from ceos.runs.ids import RunId, RunKind, slot_moment
from ceos.testing import FakeRuntime

NINE = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
NINE_MS = 1_772_442_000_000


@pytest.mark.parametrize(
    ("run", "text", "kind", "moment"),
    [
        pytest.param(RunId.scheduled("ada", NINE_MS), "ada:1772442000000", RunKind.SCHEDULE, NINE, id="a slot"),
        pytest.param(RunId.manual("ada", "release-1"), "ada:m:release-1", RunKind.MANUAL, None, id="a manual post"),
        pytest.param(RunId.manual("ada", "1772442000000"), "ada:m:1772442000000", RunKind.MANUAL, None, id="digits"),
        pytest.param(RunId.mention("ada", "0xabc"), "ada:r:0xabc", RunKind.MENTION, None, id="a mention"),
        pytest.param(RunId.trend("ada", "fog", NINE_MS), "ada:t:fog:1772442000000", RunKind.TREND, NINE, id="a trend"),
        pytest.param(
            RunId.chain_event("ada", "pings", "00ff", NINE_MS),
            "ada:e:pings:00ff:1772442000000",
            RunKind.CHAIN_EVENT,
            NINE,
            id="an event",
        ),
    ],
)
def test_every_kind_of_run_keeps_its_id_and_is_read_back(
    run: RunId, text: str, kind: RunKind, moment: dt.datetime | None
) -> None:
    assert str(run) == text
    assert RunId.parse(text) == run
    assert (run.agent_id, run.kind, run.moment) == ("ada", kind, moment)
    assert slot_moment(run.slot) == moment


@pytest.mark.parametrize("text", ["", "-", "ada", "tx/0011"])
def test_a_text_that_is_not_an_id_has_no_slot(text: str) -> None:
    assert RunId.parse(text) == RunId(text, "")


def test_scripts_read_ids_as_this_module_does(fake_runtime: FakeRuntime) -> None:
    runs = fake_runtime.runtime.runs
    ids = [
        RunId.scheduled("ada", NINE_MS),
        RunId.manual("ada", "a"),
        RunId.mention("ada", "0xabc"),
        RunId.trend("ada", "fog", NINE_MS),
        RunId.chain_event("ada", "pings", "00ff", NINE_MS),
    ]
    for one in ids:
        runs.database.client.hset(f"ceos:run:{one}", mapping={"st": "planned", "at": NINE_MS})
    found = runs.runs([str(one) for one in [*ids, RunId.manual("ada", "gone")]])
    assert [(run.id, run.agent_id, run.slot) for run in found] == [(str(one), one.agent_id, one.slot) for one in ids]


# One place

#: A text that spells the beginning of a slot, alone or after an agent.
SPELLED = re.compile(r"(^|:)[mrte]:")
#: Scripts whose field names begin like the slots of mentions.
RESERVATIONS = {"reserve.lua", "settle.lua"}


def spelled_in_python(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            if SPELLED.search(node.value):
                yield f"{path.name}:{node.lineno} spells {node.value!r}"
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("partition", "rpartition", "split", "rsplit")
            and re.search(r"\b(run|slot|draft)(_id)?$", ast.unparse(node.func.value))
        ):
            yield f"{path.name}:{node.lineno} takes {ast.unparse(node.func.value)} apart"


def test_no_other_module_knows_the_grammar() -> None:
    others = [path for name, path in MODULES.items() if name != "runs.ids" and not name.startswith("simulator")]
    scripts = sorted((ROOT.parent / "scripts").rglob("*.py"))
    assert not [offence for path in [*others, *scripts] for offence in spelled_in_python(path)]


def test_no_other_script_knows_the_grammar() -> None:
    offenders = []
    for path in sorted(ROOT.rglob("*.lua")):
        code = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
        if path.name != "lib.lua" and path.name not in RESERVATIONS and re.search(r"['\":^][mrte]:", code):
            offenders.append(f"{path.name} spells a kind of slot")
        if path.name != "lib.lua" and re.search(r"agent(_id)? \.\. ':' \.\. \w*slot", code):
            offenders.append(f"{path.name} puts an id together")
    assert not offenders
