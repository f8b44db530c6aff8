"""A plugin package and a skill written against the documentation of the version before still work."""

from __future__ import annotations

import datetime as dt
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import ceos
from ceos.plugins.manager import Plugins, load_plugins
from ceos.skills.lockfile import LOCK_FILE, SkillLock
from ceos.skills.runner import run_examples
from ceos.testing import FakeRuntime, make_agent

BEFORE = Path(__file__).parent / "written_before"
#: Names of version 0.1 and the ones that replace them.
RENAMED = {"Fenced": "StaleLease", "Said": "ThreadCast", "Talk": "ConversationContext"}
THIRD_PARTY = Path(__file__).parents[1] / "third_party"
DOCS = Path(ceos.__file__).parent / "docs"

#: The package uses former names, whose warnings a test of its own expects.
pytestmark = pytest.mark.filterwarnings("ignore:ceos.* is deprecated:DeprecationWarning")


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    """The plugins of ceos, the package, and the skill in one file."""
    monkeypatch.syspath_prepend(str(BEFORE))
    ours = [EntryPoint("strategies", "ceos_strategies", "ceos"), EntryPoint("skills", "ceos_skills", "ceos")]
    return load_plugins(str(BEFORE), entry_points=[*ours, EntryPoint("tides", "ceos_tides", "ceos")])


def test_an_older_plugin_and_older_skills_are_loaded(plugins: Plugins) -> None:
    one = next(info for info in plugins.describe() if info.name == "tides")
    assert one.hooks == (
        *("register_strategies", "register_skills", "register_commands"),
        *("review_draft", "draft_created", "cast_published", "agent_state_changed"),
    )
    assert (one.strategies, one.skills, one.commands) == (("tides",), ("word-budget",), ("tides",))
    assert plugins.skill("feed-title").grants.names() == ("http", "memory", "log", "now")


def test_the_examples_of_older_skills_still_succeed(plugins: Plugins, fake_runtime: FakeRuntime) -> None:
    for name in ("word-budget", "feed-title"):
        assert run_examples(fake_runtime.runtime.sandbox, plugins.skill(name)) == []


def test_an_older_plugin_takes_part_in_a_post(
    plugins: Plugins, fake_runtime: FakeRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[Any] = []
    monkeypatch.setattr("ceos_tides.NOTES", notes)
    fake_runtime.runtime.plugins = plugins
    fake_runtime.runtime.skill_lock = SkillLock(tmp_path / LOCK_FILE)
    fake_runtime.runtime.skill_lock.allow(plugins.skill("word-budget"))
    fake_runtime.apply(strategy="tides", skills=[{"name": "word-budget", "params": {"words": 300}}])
    run = fake_runtime.post()
    assert (run.status, run.reason) == ("published", "")
    assert run.draft is not None
    assert [(one.skill, one.outcome) for one in run.draft.skills] == [("word-budget", "ok")]
    (cast,) = fake_runtime.casts()
    assert notes == [("draft", "ada", "original"), ("cast", "ada", cast["hash"])]


def test_older_names_of_conversations_still_work(plugins: Plugins) -> None:
    moment = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    mention = ceos.Mention(hash="0x1", author_fid=2, author_name="bob", text="Why?", at=moment, kind="reply")
    before = ceos.Said(hash="0x0", fid=1, name="ada", text="Clocks drift.", at=moment, is_own=True)
    decision = plugins.strategy("tides").decide(make_agent(), mention, ceos.Talk(casts=(before,)))
    assert (decision.action, decision.reason) == ("answer", "somebody asks back")


def test_a_former_error_is_still_caught(plugins: Plugins) -> None:
    import ceos_tides

    assert ceos_tides.is_taken_over(ceos.StaleLease("taken over"))


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_a_former_name_warns_and_names_its_replacement(old: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"ceos\.{old} is deprecated .* use ceos\.{new}"):
        assert getattr(ceos, old) is getattr(ceos, new)


def test_the_documented_package_is_built_like_the_tested_one() -> None:
    page = (DOCS / "plugins.md").read_text(encoding="utf-8")
    section = page[page.index("\n## A package\n") :]
    manifest, module = (section.split(f"```{kind}\n", 1)[1].split("```", 1)[0] for kind in ("toml", "python"))
    shown = tomllib.loads(manifest.replace("ceos_words", "ceos_haiku"))
    tested = tomllib.loads((THIRD_PARTY / "pyproject.toml").read_text(encoding="utf-8"))
    for key in ("build-system", "tool"):
        assert shown[key] == tested[key]
    assert shown["project"]["dependencies"] == tested["project"]["dependencies"]
    (shown_plugin,), (tested_plugin,) = (one["project"]["entry-points"]["ceos"].values() for one in (shown, tested))
    assert shown_plugin == tested_plugin
    body = 'register(Path(__file__).parent / "skills")'
    assert body in module and body in (THIRD_PARTY / "ceos_haiku" / "__init__.py").read_text(encoding="utf-8")
