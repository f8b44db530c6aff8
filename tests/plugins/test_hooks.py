"""The hooks at work, told from the plugin author's side: who is asked and told, and what a failure costs."""

from __future__ import annotations

import datetime as dt
import itertools
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.installed_packages import install
from helpers.terminal import terminal

import ceos
from ceos.domain.lifecycle import AgentState
from ceos.domain.mentions import Mention
from ceos.domain.posts import Cast, Draft, Kind, Part
from ceos.engine.scheduler import MAX_CHANGES
from ceos.plugins.manager import Plugins, load_plugins
from ceos.runtime import Runtime, set_runtime
from ceos.settings import Settings
from ceos.testing import FakeRuntime, fake_runtime, make_agent

ADA = make_agent()
DRAFT = Draft(kind=Kind.ORIGINAL, topic="clocks", parts=(Part(text="tick"),))
CAST = Cast(hash="0xabc", text="tick", part=0, at=dt.datetime(2026, 3, 2, tzinfo=dt.UTC))
MENTION = Mention(
    hash="0xdef", author_fid=7, author_name="bob", text="hi @ada", at=CAST.at, parent="0xabc", kind="reply"
)

#: What the plugins of a test have noted, in order.
heard: list[Any] = []


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    heard.clear()
    monkeypatch.setitem(sys.modules, "heard_by_plugins", sys.modules[__name__])
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("ceos_plugin_", "packaged_")):
            del sys.modules[name]


Load = Callable[..., Plugins]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load single-file plugins, given as name=source; each may use `ceos` and note things in `heard`."""

    def load(**sources: str) -> Plugins:
        write(tmp_path, **sources)
        return load_plugins(str(tmp_path))

    return load


def write(folder: Path, **sources: str) -> Path:
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(f"import ceos\nfrom heard_by_plugins import heard\n{source}")
    return folder


def hook(signature: str, body: str, options: str = "") -> str:
    return f"@ceos.hookimpl{options}\ndef {signature}: {body}\n"


# Who is called with what


def test_an_implementation_receives_only_the_arguments_that_it_names(load: Load) -> None:
    plugins = load(
        all=hook("cast_published(agent, cast)", "heard.append((agent.id, cast.hash))"),
        one=hook("cast_published(cast)", "heard.append(cast.hash)"),
        none=hook("cast_published()", "heard.append('nothing')"),
        turned=hook("cast_published(cast, agent)", "heard.append((cast.hash, agent.id))"),
        named=hook("cast_published(*, agent)", "heard.append(agent.id)"),
        placed=hook("cast_published(cast, /, tone='dry')", "heard.append((cast.hash, tone))"),
    )
    plugins.notify("cast_published", agent=ADA, cast=CAST)
    expected = [("ada", "0xabc"), "0xabc", "nothing", ("0xabc", "ada"), "ada", ("0xabc", "dry")]
    assert sorted(heard, key=str) == sorted(expected, key=str)


def test_the_order_is_pluggys(load: Load) -> None:
    plugins = load(
        a=hook("cast_published(cast)", "heard.append('a')"),
        b=hook("cast_published(cast)", "heard.append('b, last')", "(trylast=True)"),
        c=hook("cast_published(cast)", "heard.append('c')"),
        d=hook("cast_published(cast)", "heard.append('d, first')", "(tryfirst=True)"),
        e=hook("cast_published(cast)", "heard.append('e')"),
    )
    plugins.notify("cast_published", agent=ADA, cast=CAST)
    assert heard == ["d, first", "e", "c", "a", "b, last"]


def test_a_plugin_may_implement_a_hook_under_another_name_and_twice(load: Load) -> None:
    other = hook("tell_the_world(cast)", "heard.append('world')", "(specname='cast_published')")
    plugins = load(two=hook("cast_published(cast)", "heard.append('plain')") + other)
    plugins.notify("cast_published", agent=ADA, cast=CAST)
    assert sorted(heard) == ["plain", "world"]
    assert plugins.describe()[-1].hooks == ("cast_published",)


def test_a_mention_reaches_the_plugin_whole(load: Load) -> None:
    body = "heard.append((agent.name, mention.author_name, mention.kind, mention.parent))"
    load(m=hook("mention_received(agent, mention)", body)).notify("mention_received", agent=ADA, mention=MENTION)
    assert heard == [("Ada", "bob", "reply", "0xabc")]
    assert isinstance(MENTION, ceos.Mention)


def test_an_event_without_listeners_does_nothing() -> None:
    plugins = load_plugins(entry_points=[])
    plugins.on_call = lambda *call: heard.append(call)
    assert not plugins.listens("cast_published")
    plugins.notify("cast_published", agent=ADA, cast=CAST)
    assert plugins.violations(ADA, DRAFT) == []
    assert heard == []


# Events


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        pytest.param("{}['tone']", "KeyError 'tone'", id="an exception"),
        pytest.param("exit(3)", "SystemExit 3", id="an exit"),
        pytest.param("1 / 0", "ZeroDivisionError division by zero", id="another"),
        pytest.param("(lambda f: f(f))(lambda f: f(f))", "RecursionError maximum recursion depth", id="deep recursion"),
        pytest.param("fail()", "Silent", id="an exception that cannot even be shown"),
    ],
)
def test_a_plugin_that_fails_harms_no_other_and_is_named(
    load: Load, caplog: pytest.LogCaptureFixture, body: str, cause: str
) -> None:
    silent = "class Silent(Exception):\n    def __str__(self): raise KeyError\ndef fail(): raise Silent\n"
    plugins = load(
        a=hook("cast_published(cast)", "heard.append('a')"),
        b=silent + hook("cast_published(cast)", body),
        c=hook("cast_published(cast)", "heard.append('c')"),
    )
    plugins.notify("cast_published", agent=ADA, cast=CAST)
    assert heard == ["c", "a"]
    [record] = [one for one in caplog.records if getattr(one, "event", "") == "plugin.failed"]
    assert record.message.startswith("Plugin 'b' (")
    assert f"failed in cast_published: {cause}" in record.message
    assert record.message.endswith(". Other plugins were not affected.")
    assert record.exc_info and record.levelno == logging.ERROR
    assert (record.plugin, record.hook) == ("b", "cast_published")  # type: ignore[attr-defined]


def test_a_plugin_of_a_package_is_named_with_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    points = install(tmp_path, "packaged_haiku", "import ceos\n" + hook("cast_published(cast)", "{}['tone']"))
    load_plugins(entry_points=points).notify("cast_published", agent=ADA, cast=CAST)
    assert caplog.messages == [
        "Plugin 'strategies' (ceos-haiku 0.2) failed in cast_published: KeyError 'tone'. "
        "Other plugins were not affected."
    ]


def test_who_interrupts_a_worker_is_not_stopped_by_a_plugin(load: Load) -> None:
    plugins = load(a=hook("cast_published(cast)", "raise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt):
        plugins.notify("cast_published", agent=ADA, cast=CAST)


# Decisions


@pytest.mark.parametrize(
    ("body", "objections"),
    [
        pytest.param("return None", [], id="nothing"),
        pytest.param("return ''", [], id="an empty sentence"),
        pytest.param("return []", [], id="an empty list"),
        pytest.param("return [' ', '']", [], id="empty sentences"),
        pytest.param("return 'Write it\\n shorter.'", ["Write it shorter."], id="a sentence"),
        pytest.param("return ['Shorter.', 'Drier.', 'Shorter.']", ["Shorter.", "Drier."], id="a list"),
        pytest.param("return ('Shorter.',)", ["Shorter."], id="a tuple"),
    ],
)
def test_what_a_plugin_objects_to_is_a_list_of_sentences(load: Load, body: str, objections: list[str]) -> None:
    assert load(strict=hook("review_draft(agent, draft)", body)).violations(ADA, DRAFT) == objections


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        pytest.param("return {}['tone']", "KeyError 'tone'", id="an exception"),
        pytest.param("exit()", "SystemExit", id="an exit"),
        pytest.param("return False", "TypeError it returned an object of type bool, not a sentence", id="a bool"),
        pytest.param("return {'no': 1}", "TypeError it returned an object of type dict, not a sentence", id="a dict"),
        pytest.param("return ['no', 1]", "TypeError it returned a list of int, str, not a sentence", id="a mixed list"),
    ],
)
def test_a_plugin_that_fails_while_it_is_asked_objects_thereby(
    load: Load, caplog: pytest.LogCaptureFixture, body: str, failure: str
) -> None:
    plugins = load(
        a=hook("review_draft(draft)", "return 'Write it shorter.'"),
        b=hook("review_draft(draft)", body),
        c=hook("review_draft(draft)", "heard.append(draft.text)"),
    )
    first, second = plugins.violations(ADA, DRAFT)
    assert heard == ["tick"]
    assert first.startswith(f"The plugin 'b' failed while it reviewed the draft: {failure}")
    assert second == "Write it shorter."
    [record] = caplog.records
    assert record.message.endswith("That counts as a violation.") and record.exc_info


def test_an_objection_reaches_the_writer_and_a_second_one_ends_the_run(tmp_path: Path, ceos_home: Path) -> None:
    folder = write(tmp_path, strict=hook("review_draft(draft)", "heard.append(draft); return 'Say it in verse.'"))
    with fake_runtime(ceos_home, CEOS_SKILL_PATH=str(folder)) as fake:
        fake.apply()
        run = fake.post(kind=Kind.ORIGINAL)
    assert (run.status, len(heard)) == ("failed", 2)
    assert "Say it in verse." in run.reason


# On the road of a post


def test_drafts_and_casts_are_reported_once_each(tmp_path: Path, ceos_home: Path) -> None:
    folder = write(
        tmp_path,
        journal=hook("draft_created(agent, draft)", "heard.append((agent.id, draft.kind, len(draft.parts)))")
        + hook("cast_published(agent, cast)", "heard.append((agent.id, cast.part, cast.hash))"),
    )
    with fake_runtime(ceos_home, CEOS_SKILL_PATH=str(folder)) as fake:
        fake.apply()
        run = fake.post(kind=Kind.THREAD)
    assert run.draft is not None
    assert heard == [
        ("ada", "thread", len(run.draft.parts)),
        *(("ada", part, hash) for part, hash in enumerate(run.hashes)),
    ]


def test_a_plugin_that_fails_costs_no_post(tmp_path: Path, ceos_home: Path) -> None:
    broken = hook("draft_created(draft)", "1 / 0") + hook("cast_published(cast)", "exit(1)")
    with fake_runtime(ceos_home, CEOS_SKILL_PATH=str(write(tmp_path, broken=broken))) as fake:
        fake.apply()
        assert fake.post(kind=Kind.ORIGINAL).status == "published"


# Changes of state

NOTES_CHANGES = hook(
    "agent_state_changed(agent, old, new, reason)", "heard.append((agent.id, old.value, new.value, reason))"
)


@pytest.fixture
def listening(tmp_path: Path, ceos_home: Path, ceos_simulator: Any) -> Iterator[FakeRuntime]:
    """A runtime with one agent, ada, and a plugin that notes every change of state."""
    folder = write(tmp_path, states=NOTES_CHANGES)
    with fake_runtime(ceos_home, simulator=ceos_simulator, CEOS_SKILL_PATH=str(folder)) as fake:
        fake.apply()
        fake.step()
        yield fake


def test_every_change_of_state_is_reported_once_and_in_order(listening: FakeRuntime) -> None:
    listening.runtime.pause("ada", "on holiday")
    listening.runtime.resume("ada")
    listening.post(kind=Kind.ORIGINAL)
    listening.step()
    listening.step()
    assert heard == [
        ("ada", "idle", "paused", "on holiday"),
        ("ada", "paused", "idle", "resumed"),
        ("ada", "idle", "generating", ""),
        ("ada", "generating", "publishing", ""),
        ("ada", "publishing", "sleeping", ""),
    ]
    assert AgentState(heard[0][2]) is AgentState.PAUSED


def test_without_listeners_nothing_is_kept(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    fake_runtime.post(kind=Kind.ORIGINAL)
    client = fake_runtime.runtime.database.client
    assert client.exists("ceos:changes", "ceos:listeners", "ceos:hooks") == 0


def test_undelivered_state_changes_expire(listening: FakeRuntime) -> None:
    listening.runtime.pause("ada")
    client: Any = listening.runtime.database.client
    assert 0 < client.ttl("ceos:listeners") <= 60
    assert 0 < client.ttl("ceos:changes") <= 600


def test_a_script_that_is_sent_twice_reports_its_change_once(listening: FakeRuntime) -> None:
    for _ in range(2):
        listening.runtime.database.run_script("steer", "ada", "pause", "why", "", 0)
    listening.step()
    assert len(heard) == 1


def test_an_agent_that_was_removed_in_the_meantime_is_passed_over(listening: FakeRuntime) -> None:
    listening.apply(id="bob", fid=1002)
    for agent in ("ada", "bob"):
        listening.runtime.pause(agent)
    listening.runtime.remove("ada")
    listening.step()
    assert [agent for agent, *_ in heard] == ["bob"]


def test_two_schedulers_share_the_changes(listening: FakeRuntime) -> None:
    other = listening.runtime.scheduler(listening.sent.extend, lambda: 0)
    for _ in range(3):
        listening.runtime.pause("ada")
        listening.runtime.resume("ada")
        other.tick()
        listening.scheduler.tick()
    assert [new for _, _, new, _ in heard] == ["paused", "idle"] * 3


def test_a_listener_costs_no_round_trip_while_nothing_changes(listening: FakeRuntime) -> None:
    client: Any = listening.runtime.database.client
    listening.scheduler.tick()
    before = client.info("stats")["total_reads_processed"]
    for _ in range(10):
        listening.scheduler.tick()
    assert client.info("stats")["total_reads_processed"] - before == 10 + 1, "the ticks, and the question itself"


def test_a_slow_listener_gets_the_rest_at_the_next_tick(
    listening: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given more changes than are fetched at once, and no time to report more than one of them in a tick
    for _ in range(MAX_CHANGES):
        listening.runtime.pause("ada")
        listening.runtime.resume("ada")
    seconds = itertools.count()
    monkeypatch.setattr("ceos.engine.scheduler.time", SimpleNamespace(monotonic=lambda: next(seconds)))
    monkeypatch.setattr("ceos.engine.scheduler.REPORT_SECONDS", 2)
    # When ticks follow each other
    assert listening.scheduler.tick() is True, "there is more to do at once"
    assert len(heard) == 1
    for _ in range(2 * MAX_CHANGES):
        listening.scheduler.tick()
    # Then every change was reported, in order
    assert [new for _, _, new, _ in heard] == ["paused", "idle"] * MAX_CHANGES


# Counts


def test_calls_time_and_failures_of_all_processes_are_shown(
    tmp_path: Path, ceos_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a plugin that listens in two runtimes of one server, and fails in one hook
    folder = write(
        tmp_path,
        journal=hook("draft_created(draft)", "1 / 0") + hook("cast_published(cast)", "heard.append(cast.hash)"),
    )
    with fake_runtime(ceos_home, CEOS_SKILL_PATH=str(folder)) as fake, terminal(capsys) as run:
        other = Runtime(fake.runtime.settings)
        fake.apply()
        fake.post(kind=Kind.ORIGINAL)
        other.plugins.notify("cast_published", agent=ADA, cast=CAST)
        other.close()
        # When they are listed, for machines and for people
        found = {one["name"]: one for one in run("plugin", "list", "--json").data}
        shown = run("plugin", "list").out
    # Then each hook has its calls, failures and time
    calls = found["journal"]["calls"]
    assert found["journal"]["hooks"] == ["draft_created", "cast_published"]
    assert {hook: (count["calls"], count["failures"]) for hook, count in calls.items()} == {
        "draft_created": (1, 1),
        "cast_published": (2, 0),
    }
    assert all(0 < count["seconds"] < 5 for count in calls.values())
    assert found["strategies"]["calls"] == {}
    [line] = [line for line in shown.splitlines() if line.startswith("journal ")]
    assert line.split()[-4:-2] == ["3", "1"]


def test_plugins_are_listed_while_redis_is_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path, journal=hook("cast_published(cast)", "..."))
    environ = {"CEOS_SKILL_PATH": str(folder), "CEOS_REDIS_URL": "redis://127.0.0.1:1/0", "CEOS_HOME": str(tmp_path)}
    set_runtime(Runtime(Settings.from_env(environ, dotenv=None)))
    try:
        with terminal(capsys) as run:
            shown = run("plugin", "list", "--json")
    finally:
        set_runtime(None)
    assert (shown.code, shown.data[-1]["name"], shown.data[-1]["calls"]) == (0, "journal", {})
    assert shown.err.startswith("Without the calls: Redis does not answer")
