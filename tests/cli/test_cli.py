"""Every command: what it prints, what it prints for machines, and its exit code."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from helpers.terminal import Terminal, agent_file, ceos, clean_environ, terminal

from ceos.cli import COMMANDS, cli
from ceos.cli.output import show_table
from ceos.testing import FakeRuntime

GROUPS = {
    name: command for name in COMMANDS if isinstance(command := cli.get_command(click.Context(cli), name), click.Group)
}


@pytest.fixture
def run(fake_runtime: FakeRuntime, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    with terminal(capsys) as command_line:
        yield command_line


def parked(fake: FakeRuntime, agent_id: str = "ada", key: str = "one") -> str:
    """Leave one draft of an agent with `approval = "review"` waiting, and return its id."""
    run_id = fake.runtime.post(agent_id, key=key)
    fake.drive()
    assert fake.runtime.runs.run(run_id).status == "review"
    return run_id


def failed(fake: FakeRuntime, agent_id: str = "ada", key: str = "bad") -> str:
    """Leave one failed post, whose signer was refused, and return its id."""
    fake.simulator.faults(neynar={"signers": "strict"})
    run_id = fake.runtime.post(agent_id, text=f"A post that nobody lets out: {key}.", key=key)
    fake.drive()
    fake.simulator.faults(neynar={"signers": "any"})
    assert fake.runtime.runs.run(run_id).status == "failed"
    return run_id


# The command itself


def test_help_lists_every_command_in_the_order_of_use(run: Terminal) -> None:
    shown = run("--help")
    assert shown.code == 0
    positions = [shown.out.index(f"\n  {name} ") for name in COMMANDS]
    assert positions == sorted(positions)
    assert "Exit codes: 0 done, 1 failed, 2 wrong usage or input." in " ".join(shown.out.split())


@pytest.mark.parametrize(
    "words",
    [(name,) for name in COMMANDS] + [(name, verb) for name, group in GROUPS.items() for verb in group.commands],
    ids=" ".join,
)
def test_every_command_explains_itself(run: Terminal, words: tuple[str, ...]) -> None:
    shown = run(*words, "--help")
    assert (shown.code, shown.err) == (0, "")
    assert "Usage: ceos" in shown.out


def test_a_mistyped_command_names_the_nearest(run: Terminal) -> None:
    shown = run("stat")
    assert shown.code == 2 and "No such command 'stat'. Did you mean 'status'?" in shown.err


def test_a_simulator_whose_port_is_taken_prints_no_variables(run: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        shown = run("sim", "--port", str(port))
    assert (shown.code, shown.out) == (1, "")
    assert shown.err.startswith(f"The simulator cannot listen at 127.0.0.1:{port}: ") and "--port" in shown.err


def test_version_is_that_of_the_package(run: Terminal) -> None:
    assert "0." in run("--version").out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(("agnet",), "No such command 'agnet'", id="unknown command"),
        pytest.param(("agent", "stop"), "No such command 'stop'", id="unknown verb"),
        pytest.param(("status", "--jsno"), "--jsno", id="unknown option"),
        pytest.param(("agent", "apply"), "FILE", id="missing file"),
        pytest.param(("agent", "pause"), "Name at least one agent, or use --all.", id="no agent"),
        pytest.param(("draft", "approve"), "Name at least one draft, or use --all.", id="no draft"),
        pytest.param(("post",), "Name at least one agent, or use --all.", id="nobody posts"),
        pytest.param(("post", "ada", "--kind", "poem"), "'poem' is not one of", id="unknown kind"),
        pytest.param(("up", "--processes", "0"), "0 is not in the range", id="no process"),
        pytest.param(("sim", "--port", "70000"), "70000 is not in the range", id="no such port"),
    ],
)
def test_wrong_usage_ends_with_code_2_and_says_what_is_wrong(run: Terminal, words: tuple[str, ...], says: str) -> None:
    shown = run(*words)
    assert (shown.code, shown.out) == (2, "")
    assert says in shown.err
    assert "Traceback" not in shown.err


def test_an_unexpected_error_is_one_line_without_secrets(
    run: Terminal, fake_runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> dict[str, int]:
        raise ZeroDivisionError("with Authorization: Bearer abcdefgh12345678")

    monkeypatch.setattr(fake_runtime.runtime.ops, "counts", fail)
    shown = run("status")
    assert shown.code == 1
    assert shown.err == (
        "ceos met an unexpected error: ZeroDivisionError: with Authorization: Bearer [redacted]. "
        "CEOS_LOG_LEVEL=debug shows where.\n"
    )


# Agents


def test_apply_reports_created_changed_and_unchanged(run: Terminal, tmp_path: Path) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text(agent_file())
    two.write_text(agent_file(id='"bob"', fid="1002"))
    assert run("agent", "apply", str(one), "--json").data == [{"agent": "ada", "change": "created"}]
    one.write_text(agent_file(name='"Ada the Second"'))
    both = run("agent", "apply", str(one), str(two), "--json")
    assert both.data == [{"agent": "ada", "change": "changed"}, {"agent": "bob", "change": "created"}]
    again = run("agent", "apply", str(one), str(two))
    assert (again.code, again.out.count("unchanged")) == (0, 2)


def test_a_skill_that_is_not_allowed_is_said_to_be_left_out(run: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "agents.toml"
    file.write_text(agent_file(extra='[[agent.skills]]\nname = "plain-style"'))
    outcome = run("agent", "apply", str(file))
    assert outcome.code == 0
    assert "allow it with 'ceos skill allow plain-style'" in outcome.err


def test_a_broken_lock_file_keeps_no_agent_from_being_stored(
    run: Terminal, fake_runtime: FakeRuntime, tmp_path: Path
) -> None:
    file = tmp_path / "agents.toml"
    file.write_text(agent_file(extra='[[agent.skills]]\nname = "plain-style"'))
    lock = fake_runtime.runtime.skill_lock.path
    lock.write_text("{")
    try:
        outcome = run("agent", "apply", str(file))
    finally:
        lock.unlink()
    assert outcome.code == 0 and "ada" in outcome.out
    assert outcome.err.startswith("Agents work without their skills for now. ") and "not a lock file" in outcome.err


@pytest.mark.parametrize(
    ("skill", "sentence"),
    [
        ('name = "plain-stile"', "agent 'ada', skills[0].name: expected one of alt-text"),
        ('name = "plain-style"\nparams = { max_emojis = 3 }', "agent 'ada', skills[0].params.max_emojis: unknown"),
    ],
)
def test_unknown_skills_and_parameters_are_refused(run: Terminal, tmp_path: Path, skill: str, sentence: str) -> None:
    file = tmp_path / "agents.toml"
    file.write_text(agent_file(extra=f"[[agent.skills]]\n{skill}"))
    outcome = run("agent", "apply", str(file))
    assert outcome.code == 2
    assert sentence in outcome.err
    assert run("agent", "list", "--json").out.strip() == "[]"


def test_list_shows_every_agent_once(run: Terminal, fake_runtime: FakeRuntime) -> None:
    assert "ceos agent apply" in run("agent", "list").out
    assert run("agent", "list", "--json").data == []
    fake_runtime.apply()
    fake_runtime.apply(id="bob", fid=1002)
    assert [row["id"] for row in run("agent", "list", "--json").data] == ["ada", "bob"]
    table = run("agent", "list").out.splitlines()
    assert [line.split()[0] for line in table] == ["agent", "ada", "bob"]


def test_show_tells_state_posts_and_changes_of_several_agents(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    fake_runtime.apply(id="bob", fid=1002)
    post = fake_runtime.post(text="Clocks drift.")
    shown = run("agent", "show", "ada", "bob", "--json").data
    assert [one["id"] for one in shown] == ["ada", "bob"]
    ada = shown[0]
    assert ada["runs"][0]["id"] == post.id
    assert {"state", "limits", "spent_usd_today", "transitions", "missed_slots"} <= ada.keys()
    assert [item["new"] for item in ada["transitions"]][-1] == "publishing"
    text = run("agent", "show", "--all").out
    assert "Last posts" in text and "Last changes of state" in text and post.id in text


@pytest.mark.parametrize(
    "words", [("agent", "show", "ada"), ("agent", "show", "ada", "--json"), ("agent", "export", "ada")]
)
def test_a_signer_in_the_description_is_not_shown(
    run: Terminal, fake_runtime: FakeRuntime, words: tuple[str, ...]
) -> None:
    agent = fake_runtime.apply()
    assert agent.signer_uuid and agent.signer_uuid not in run(*words).out


def test_export_with_secrets_gives_a_file_that_changes_nothing(
    run: Terminal, fake_runtime: FakeRuntime, tmp_path: Path
) -> None:
    fake_runtime.apply()
    fake_runtime.apply(id="bob", fid=1002)
    file = tmp_path / "agents.toml"
    file.write_text(run("agent", "export", "--all", "--with-secrets").out)
    assert [row["change"] for row in run("agent", "apply", str(file), "--json").data] == ["unchanged", "unchanged"]


def test_pause_resume_and_remove_take_several_ids_and_all(run: Terminal, fake_runtime: FakeRuntime) -> None:
    for index, name in enumerate(("ada", "bob", "cy")):
        fake_runtime.apply(id=name, fid=1001 + index)
    assert run("agent", "pause", "ada", "bob", "--json").data == [
        {"agent": "ada", "change": "paused"},
        {"agent": "bob", "change": "paused"},
    ]
    assert [row["change"] for row in run("agent", "pause", "--all", "--json").data] == [
        "unchanged",
        "unchanged",
        "paused",
    ]
    assert [row["state"] for row in run("agent", "list", "--json").data] == ["paused"] * 3
    assert run("agent", "resume", "--all").out.count("resumed") == 3
    assert run("agent", "remove", "ada", "cy").code == 0
    assert [row["id"] for row in run("agent", "list", "--json").data] == ["bob"]


def test_one_unknown_agent_among_several_changes_none(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    shown = run("agent", "pause", "ada", "bod")
    assert (shown.code, shown.out) == (2, "")
    assert shown.err == "No agent named 'bod'. Known: ada.\n"
    assert run("agent", "list", "--json").data[0]["state"] == "idle"


# Posting


def test_post_lines_up_and_says_when_nobody_will_publish_it(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    shown = run("post", "ada", "--text", "Clocks drift.", "--key", "first")
    assert (shown.code, shown.out) == (0, "ada:m:first is lined up.\n")
    assert "No worker is running; 'ceos up' starts some" in shown.err
    fake_runtime.drive()
    assert [cast["text"] for cast in fake_runtime.casts()] == ["Clocks drift."]


def test_the_same_key_is_the_same_post(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    for _ in range(2):
        assert run("post", "ada", "--text", "Once.", "--key", "k", "--json").data == [
            {"agent": "ada", "draft": "ada:m:k"}
        ]
        fake_runtime.drive()
    assert len(fake_runtime.casts()) == 1
    assert run("post", "ada", "--text", "Once.", "--key", "k").out == "ada:m:k is published already.\n"


def test_a_post_during_a_panic_says_why_it_waits(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    run("panic")
    assert "It waits: all publishing is stopped; 'ceos unpanic' lets it go on." in run("post", "ada").err


def test_what_means_all_agents_says_so_when_there_are_none(run: Terminal) -> None:
    for words in (("post",), ("post", "--dry-run"), ("agent", "show"), ("agent", "pause")):
        shown = run(*words, "--all")
        assert (shown.code, shown.out.partition(";")[0].rstrip(".\n"), shown.err) == (0, "No agents yet", ""), words


def test_names_beside_all_are_refused_for_they_may_be_meant_alone(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    shown = run("agent", "remove", "ada", "--all")
    assert shown.code == 2 and "Name agents or use --all, not both." in shown.err
    assert "not both" in run("draft", "reject", "ada:m:x", "--all").err
    assert [row["id"] for row in run("agent", "list", "--json").data] == ["ada"]


def test_json_has_the_whole_text_of_a_published_post(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    text = "Clocks drift. " * 20 + "So do people."
    fake_runtime.post(text=text, key="k")
    assert fake_runtime.runtime.runs.run("ada:m:k").draft.text != text  # type: ignore[union-attr]
    for words in (("draft", "show", "ada:m:k"), ("post", "ada", "--text", text, "--key", "k", "--wait")):
        assert run(*words, "--json").data[0]["draft"]["parts"][0]["text"] == text


def test_post_for_all_agents_opens_one_run_each(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    fake_runtime.apply(id="bob", fid=1002)
    assert [row["agent"] for row in run("post", "--all", "--kind", "original", "--json").data] == ["ada", "bob"]


def test_a_dry_run_prints_the_draft_and_publishes_nothing(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    written = run("post", "ada", "--kind", "thread", "--dry-run", "--json").data["ada"]
    assert written["kind"] == "thread" and written["parts"][0]["text"]
    assert "not published" in run("post", "ada", "--text", "Only looking.", "--dry-run").out
    fake_runtime.drive()
    assert (fake_runtime.casts(), run("draft", "list", "--every", "--json").data) == ([], [])


def test_wait_returns_the_casts_of_a_post_that_is_out(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    fake_runtime.post(text="Clocks drift.", key="k")
    shown = run("post", "ada", "--text", "Clocks drift.", "--key", "k", "--wait", "--json")
    assert (shown.code, shown.data[0]["status"]) == (0, "published")
    assert shown.data[0]["hashes"][0] in run("post", "ada", "--text", "Clocks drift.", "--key", "k", "--wait").out


def test_wait_ends_with_code_1_when_the_post_failed(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    failed(fake_runtime, key="k")
    shown = run("post", "ada", "--text", "A post that nobody lets out: k.", "--key", "k", "--wait")
    assert shown.code == 1
    assert "failed" in shown.out and "signer" in shown.out.lower()
    assert shown.err == "'ceos doctor' finds the cause; then 'ceos dead retry ada:m:k' continues.\n"


def test_wait_without_a_worker_says_so(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    shown = run("post", "ada", "--text", "Clocks drift.", "--key", "k", "--wait", "--timeout", "0")
    assert (shown.code, shown.err) == (1, "No worker is running, so ada:m:k stays lined up; 'ceos up' starts some.\n")


def test_post_of_a_paused_agent_is_refused_with_the_way_out(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    run("agent", "pause", "ada")
    shown = run("post", "ada", "--text", "Clocks drift.")
    assert (shown.code, shown.err) == (2, "Agent 'ada' is paused; 'ceos agent resume ada' lets it go on.\n")


# Status, panic


def test_status_counts_and_lists(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply(approval="review")
    parked(fake_runtime)
    data = run("status", "--json").data
    assert data["counts"]["review"] == 1
    assert (data["panic"], data["agents"][0]["agent_id"]) == (None, "ada")
    assert run("status").out.startswith("0 worker processes, 0 open runs, 1 draft in review, 0 dead posts.\n")


def test_panic_stops_publishing_and_unpanic_lets_it_go_on(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    assert run("panic", "--reason", "a bad prompt").code == 0
    assert "a bad prompt" in run("status").out
    run("post", "ada", "--text", "Clocks drift.")
    fake_runtime.drive(3)
    assert fake_runtime.casts() == []
    assert run("unpanic").code == 0
    fake_runtime.drive()
    assert len(fake_runtime.casts()) == 1


# Drafts


def test_a_draft_is_listed_shown_edited_and_approved(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply(approval="review")
    draft = parked(fake_runtime)
    assert [row["id"] for row in run("draft", "list", "--json").data] == [draft]
    assert draft in run("draft", "list", "--agent", "ada").out
    assert "not published" in run("draft", "show", draft).out
    assert (
        run("draft", "edit", draft, "--text", "Better words.", "--json").data["draft"]["parts"][0]["text"]
        == "Better words."
    )
    assert run("draft", "approve", draft, "--json").data == [{"draft": draft, "change": "approved"}]
    fake_runtime.drive()
    assert [cast["text"] for cast in fake_runtime.casts()] == ["Better words."]
    assert run("draft", "list").out == "No draft waits for approval.\n"
    assert fake_runtime.casts()[0]["hash"] in run("draft", "show", draft).out


def test_rejecting_all_drafts_publishes_none(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply(approval="review")
    draft = parked(fake_runtime)
    assert run("draft", "reject", "--all", "--reason", "not today").out == f"{draft} rejected\n"
    fake_runtime.drive()
    assert fake_runtime.casts() == []
    assert run("draft", "show", draft, "--json").data[0]["reason"].startswith("not today")
    assert run("draft", "approve", "--all").out == "There are none.\n"


@pytest.mark.parametrize("verb", ["approve", "reject", "edit", "show"])
def test_an_unknown_draft_is_named(run: Terminal, verb: str) -> None:
    words = ("--text", "x y z") if verb == "edit" else ()
    shown = run("draft", verb, "ada:m:nothing", *words)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err == "No draft or run named 'ada:m:nothing'; 'ceos draft list' shows the ones there are.\n"


def test_a_published_draft_cannot_be_approved_again(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    post = fake_runtime.post(text="Clocks drift.")
    shown = run("draft", "approve", post.id)
    assert (shown.code, shown.err) == (2, f"Draft {post.id!r} is published, not in review; it cannot be approved.\n")


def test_an_unknown_draft_among_several_leaves_the_others_alone(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply(approval="review")
    draft = parked(fake_runtime)
    shown = run("draft", "approve", draft, "ada:m:nope")
    assert (shown.code, shown.out) == (2, "") and "'ada:m:nope'" in shown.err
    assert [row["status"] for row in run("draft", "list", "--json").data] == ["review"]


def test_edit_without_text_and_terminal_asks_for_the_text(
    run: Terminal, fake_runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_runtime.apply(approval="review")
    draft = parked(fake_runtime)
    with Path("/dev/null").open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        shown = run("draft", "edit", draft)
    assert shown.code == 2
    assert "Give the new text with --text" in shown.err


def test_dead_posts_are_listed_retried_and_dropped(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    assert run("dead", "list").out == "Nothing has failed.\n"
    first, second = failed(fake_runtime, key="a"), failed(fake_runtime, key="b")
    assert {row["id"] for row in run("dead", "list", "--json").data} == {first, second}
    assert run("dead", "drop", second, "--json").data == [{"draft": second, "change": "dropped"}]
    assert run("dead", "retry", "--all", "--json").data == [{"draft": first, "change": "lined up again"}]
    fake_runtime.drive()
    assert [cast["text"] for cast in fake_runtime.casts()] == ["A post that nobody lets out: a."]
    assert run("dead", "list", "--json").data == []


# What extends ceos


def test_strategies_and_plugins_are_listed(run: Terminal) -> None:
    rows = run("strategy", "list", "--json").data
    assert {"balanced", "media-heavy", "text-heavy"} <= {row["name"] for row in rows}
    plugins = run("plugin", "list", "--json").data
    assert {"name", "package", "version", "hooks", "strategies", "skills", "commands", "calls"} == set(plugins[0])
    assert "balanced" in run("strategy", "list").out and "ceos" in run("plugin", "list").out


# As a process


def test_the_process_ends_with_the_right_code_and_without_a_traceback(tmp_path: Path, ceos_home: Path) -> None:
    environ = clean_environ(ceos_home)
    codes = {
        ("--help",): 0,
        (): 2,
        ("status",): 0,
        ("agent", "show", "nobody"): 2,
        ("doctor",): 1,
    }
    for words, code in codes.items():
        shown = ceos(*words, environ=environ, cwd=tmp_path)
        assert shown.code == code, (words, shown)
        assert "Traceback" not in shown.err


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path, ceos_home: Path) -> None:
    command = f"{sys.executable} -m ceos strategy list | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], env=clean_environ(ceos_home), cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (done.stderr, done.stdout) == ("", "0\n")


def test_json_is_the_same_for_a_machine_in_another_locale(tmp_path: Path, ceos_home: Path) -> None:
    shown = ceos("strategy", "list", "--json", environ=clean_environ(ceos_home, LC_ALL="C"), cwd=tmp_path)
    found: list[dict[str, Any]] = json.loads(shown.out)
    assert len(found) >= 3


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        pytest.param(
            46,
            [
                "journal  cast_published,      plugins  0.008 s",
                "         agent_state_changed  /journa",
                "                              l.py",
            ],
            id="room",
        ),
        pytest.param(200, ["journal  cast_published, agent_state_changed  plugins/journal.py  0.008 s"], id="plenty"),
    ],
)
def test_a_table_on_a_terminal_breaks_paths_before_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int, lines: list[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    row = ("journal", "cast_published, agent_state_changed", "plugins/journal.py", "0.008 s")
    show_table(["plugin", "hooks", "package", "time"], [row], empty="")
    _, *shown = capsys.readouterr().out.splitlines()
    assert [line.rstrip() for line in shown] == lines
