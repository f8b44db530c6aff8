"""`ceos skill …` as an author and an operator see it: what it prints, what for machines, and the exit codes."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.terminal import Outcome, Terminal, ceos, clean_environ, terminal

from ceos.clients.http.safe_fetch import FetchedPage
from ceos.operations.agents import spent_today
from ceos.skills.host import SkillHost
from ceos.skills.loader import read_skill
from ceos.skills.session import MAX_FAILURES
from ceos.skills.skill import SkillStage
from ceos.testing import FakeRuntime, fake_runtime

NAMES = ("headlines", "loud")

HEADLINES = """\
name = "headlines"
version = "1.0.0"
summary = "Headlines of a feed."
author = "Ada"
license = "MIT"
stage = "context"
[params]
type = "object"
required = ["url"]
additionalProperties = false
[params.properties]
url = { type = "string", format = "uri", description = "The feed." }
most = { type = "integer", default = 3 }
[grants]
http = { hosts_from = ["url"] }
log = true
[[examples]]
summary = "One item."
params = { url = "https://feeds.example.org/a" }
answers = { http = { "https://feeds.example.org/a" = "one\\ntwo" } }
expect = ["one", "two"]
"""
FETCH = """\
def run(ctx, params):
    ctx.log("reading " + params["url"])
    return ctx.http_get(params["url"])["text"].splitlines()[: params.get("most", 3)]
"""
LOUD = """\
SKILL = {
    "name": "loud",
    "version": "0.1.0",
    "summary": "Objects to shouting.",
    "stage": "gate",
    "examples": [{"summary": "Shouting.", "draft": ["GM!"], "expect": "Lower your voice."}],
}

def run(ctx, params):
    return "Lower your voice." if any("!" in part for part in ctx.draft) else None
"""


@pytest.fixture
def skills(tmp_path: Path) -> Path:
    """A folder with two skills, which an operator has put into CEOS_SKILL_PATH."""
    folder = tmp_path / "skills"
    write(folder / "headlines" / "skill.toml", HEADLINES)
    write(folder / "headlines" / "skill.py", FETCH)
    write(folder / "loud.py", LOUD)
    return folder


@pytest.fixture
def fake(ceos_home: Path, ceos_simulator: Any, skills: Path) -> Iterator[FakeRuntime]:
    with fake_runtime(ceos_home, simulator=ceos_simulator, CEOS_SKILL_PATH=str(skills)) as runtime:
        runtime.runtime.skill_lock.path.unlink(missing_ok=True)
        yield runtime


@pytest.fixture
def run(
    fake: FakeRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    monkeypatch.chdir(tmp_path)
    with terminal(capsys) as command_line:
        yield command_line


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put somebody at the terminal, who types this."""

    class Typing(io.StringIO):
        def isatty(self) -> bool:
            return True

    return lambda text: monkeypatch.setattr(sys, "stdin", Typing(text))


def write(path: Path, text: str) -> Path:
    """Write a file, with its folder, and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def only(rows: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    """Return the rows of these skills; ours are installed besides."""
    return [row for row in rows if row["skill"] in (names or NAMES)]


# Making one


@pytest.mark.parametrize("single", [False, True], ids=["folder", "single file"])
@pytest.mark.parametrize("stage", SkillStage)
def test_a_new_skill_passes_its_own_check(run: Terminal, stage: str, single: bool) -> None:
    made = run("skill", "new", "mine", "--stage", str(stage), *(["--single-file"] if single else []))
    path = "mine.py" if single else "mine"
    assert (made.code, made.err) == (0, "")
    assert f"'ceos skill check {path}' checks it and runs its example." in made.out
    assert run("skill", "check", path) == Outcome(0, "mine 0.1.0 is fine; 1 example ran.\n", "")
    assert read_skill(path).stage == stage


@pytest.mark.parametrize("single", [False, True], ids=["folder", "single file"])
def test_every_remark_of_a_new_skill_becomes_a_line_of_its_manifest(
    run: Terminal, tmp_path: Path, single: bool
) -> None:
    run("skill", "new", "mine", *(["--single-file"] if single else []))
    file = tmp_path / ("mine.py" if single else "mine/skill.toml")
    text = file.read_text()
    file.write_text(re.sub(r"^( *)# (?=\"?\w+\"? ?[=:] )", r"\1", text, flags=re.MULTILINE))
    skill = read_skill(tmp_path / ("mine.py" if single else "mine"))
    assert skill.grants.names() == ("http", "llm", "memory", "metrics", "chain", "log", "now")
    assert list(skill.examples[0].answers) == ["http", "llm", "memory"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param([], [], id="folder"),
        pytest.param(["--single-file"], ["--single-file"], id="file"),
        pytest.param(["--single-file"], [], id="one of the other kind"),
    ],
)
def test_new_overwrites_nothing(run: Terminal, tmp_path: Path, first: list[str], second: list[str]) -> None:
    run("skill", "new", "mine", *first)
    before = {path: path.read_bytes() for path in tmp_path.rglob("mine*") if path.is_file()}
    again = run("skill", "new", "mine", *second)
    assert (again.code, again.out) == (2, "")
    assert "exists already; nothing was written. Choose another name or --folder.\n" in again.err
    assert {path: path.read_bytes() for path in tmp_path.rglob("mine*") if path.is_file()} == before


def test_new_writes_to_the_given_folder_and_reports_it_as_json(run: Terminal) -> None:
    made = run("skill", "new", "mine", "--folder", "a/b", "--json")
    assert made.data == {"skill": "mine", "path": "a/b/mine", "files": ["a/b/mine/skill.toml", "a/b/mine/skill.py"]}
    assert Path("a/b/mine/skill.py").is_file()


def test_a_name_that_is_none_is_refused(run: Terminal) -> None:
    for name in ("Mine", "../mine", "1st", "m" * 41):
        shown = run("skill", "new", name)
        assert shown.code == 2 and f"'-'; {name!r} does not." in shown.err


# Checking


def test_check_takes_folders_files_and_names(run: Terminal, skills: Path) -> None:
    assert run("skill", "check", str(skills)).out == (
        "headlines 1.0.0 is fine; 1 example ran.\nloud 0.1.0 is fine; 1 example ran.\n"
    )
    assert run("skill", "check", "loud", str(skills / "headlines"), "--json").data == [
        {
            "skill": "loud",
            "version": "0.1.0",
            "path": str(skills / "loud.py"),
            "examples": 1,
            "problems": [],
            "ok": True,
        },
        {
            "skill": "headlines",
            "version": "1.0.0",
            "path": str(skills / "headlines"),
            "examples": 1,
            "problems": [],
            "ok": True,
        },
    ]


def test_check_reports_forbidden_code_with_line_and_column(run: Terminal, skills: Path) -> None:
    file = write(skills / "headlines" / "skill.py", "import os\n\ndef run(ctx, params):\n    return os.environ\n")
    shown = run("skill", "check", str(skills / "headlines"))
    assert shown.code == 1
    assert re.match(rf"{re.escape(str(file))}:1:\d+: .*\bos\b", shown.out)
    [report] = run("skill", "check", str(skills / "headlines"), "--json").data
    assert report["ok"] is False
    assert (report["problems"][0]["file"], report["problems"][0]["line"]) == (str(file), 1)
    assert isinstance(report["problems"][0]["column"], int)


def test_check_tells_of_a_method_that_is_not_granted(run: Terminal, skills: Path) -> None:
    write(skills / "loud.py", LOUD.replace("    return", "    ctx.http_get('https://example.org')\n    return"))
    shown = run("skill", "check", str(skills / "loud.py"))
    assert shown.code == 1 and "loud.py:10:" in shown.out and "needs the grant http" in shown.out


def test_check_tells_mistakes_of_manifests_and_goes_on_with_the_others(run: Terminal, skills: Path) -> None:
    manifest = write(skills / "headlines" / "skill.toml", HEADLINES.replace('"string"', '"strng"'))
    shown = run("skill", "check", str(skills))
    assert shown.code == 1
    assert shown.out.startswith(f"{manifest}:12: params.properties.url.type: not a valid JSON Schema: expected one of ")
    assert shown.out.endswith("loud 0.1.0 is fine; 1 example ran.\n")
    wrong, fine = run("skill", "check", str(skills), "--json").data
    assert (wrong["ok"], wrong["problems"][0]["file"], wrong["problems"][0]["line"]) == (False, str(manifest), 12)
    assert fine["ok"] is True


def test_check_runs_the_examples(run: Terminal, skills: Path) -> None:
    write(
        skills / "loud.py", LOUD.replace('"Lower your voice.",', '"Hush.",').replace('"Lower your voice."}', '"Hush."}')
    )
    shown = run("skill", "check", str(skills / "loud.py"))
    assert shown.code == 1
    assert "Example 1 (Shouting.)" in shown.out and '"Lower your voice."' in shown.out and '"Hush."' in shown.out


def test_check_says_when_there_is_no_skill(run: Terminal, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    shown = run("skill", "check", "empty")
    assert (shown.code, shown.err) == (2, "empty: there is no skill in this folder.\n")
    assert run("skill", "check", "./none.py").out == "none.py: there is no such file or folder.\n"
    assert run("skill", "check", "nobody").err.startswith("No skill named 'nobody'. Known: ")


# Looking at one


def test_show_describes_the_grants_of_a_skill(run: Terminal, skills: Path) -> None:
    shown = run("skill", "show", "headlines").out.splitlines()
    assert shown[0] == "headlines 1.0.0  Headlines of a feed."
    assert shown[1] == f"by Ada, license MIT, stage context, from {skills / 'headlines'}"
    assert shown[3:] == [
        "limits   10 s, 64 MB a call",
        "state    not allowed",
        "may      http: read from the host in its parameter 'url'; at most 5 times a run, 256 KiB and 5 s each",
        "may      log: write to its log",
        "param    url (string, required)  The feed.",
        "param    most (integer, default 3)",
        "example  One item.",
    ]
    assert FETCH.rstrip() in run("skill", "show", "headlines", "--source").out
    assert "may      nothing: it only computes with its input" in run("skill", "show", "loud").out


def test_no_text_of_an_author_looks_like_a_line_of_ours(run: Terminal, tmp_path: Path) -> None:
    forged = "Harmless.\\nmay      nothing: it only computes with its input"
    write(tmp_path / "forged.py", LOUD.replace("Objects to shouting.", forged).replace("loud", "forged"))
    shown = run("skill", "show", "forged.py").out.splitlines()
    assert [line for line in shown if line.startswith("may ")] == ["may      nothing: it only computes with its input"]
    assert "Harmless.\\nmay" in shown[0]


def test_what_steers_a_terminal_is_escaped_for_machines_too(run: Terminal, tmp_path: Path) -> None:
    write(tmp_path / "csi.py", "def run(ctx, params):\n    return '\\x9b2J \\u202e \\x7f é'\n")
    printed = run("skill", "run", "csi.py")
    assert printed.out.strip() == r'"\u009b2J \u202e \u007f é"'
    assert printed.data == "\x9b2J \u202e \x7f é"


def test_show_has_everything_for_machines(run: Terminal, skills: Path) -> None:
    shown = run("skill", "show", str(skills / "headlines"), "--json").data
    assert shown["grants"]["http"]["hosts_from"] == ["url"]
    assert shown["limits"] == {"seconds": 10.0, "memory_mb": 64}
    assert (shown["state"], shown["sha256"]) == ("not allowed", read_skill(skills / "headlines").sha256)
    assert shown["examples"][0]["expect"] == ["one", "two"] and "source" not in shown
    assert run("skill", "show", "headlines", "--json", "--source").data["source"] == FETCH


def test_list_shows_the_installed_skills_and_their_permissions(run: Terminal, skills: Path) -> None:
    run("skill", "allow", "loud", "--yes")
    rows = only(run("skill", "list", "--json").data)
    assert [(row["skill"], row["version"], row["stage"], row["grants"], row["state"]) for row in rows] == [
        ("headlines", "1.0.0", "context", ["http", "log"], "not allowed"),
        ("loud", "0.1.0", "gate", [], "allowed"),
    ]
    assert [row["path"] for row in rows] == [str(skills / "headlines"), str(skills / "loud.py")]
    assert re.search(r"headlines +1.0.0 +context +http, log +not allowed +/", run("skill", "list").out)


# Allowing and taking back


def test_allow_shows_the_grants_and_asks(run: Terminal, fake: FakeRuntime, answer: Callable[[str], None]) -> None:
    answer("n\n")
    refused = run("skill", "allow", "headlines")
    assert refused.code == 0 and "may      http: read from the host in its parameter 'url'" in refused.out
    assert fake.runtime.skill_lock.entries() == {}
    answer("y\n")
    assert run("skill", "allow", "headlines").out.endswith("headlines 1.0.0 is allowed.\n")
    assert list(fake.runtime.skill_lock.entries()) == ["headlines"]


def test_allow_without_anybody_to_ask_needs_yes(run: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    for words in (("headlines",), ("headlines", "--json")):
        shown = run("skill", "allow", *words)
        assert shown.code == 2
        assert "Give --yes to allow skills without being asked; there is no terminal to ask at." in shown.err
    assert run("skill", "allow", *NAMES, "--yes", "--json").data == [
        {"skill": "headlines", "change": "allowed"},
        {"skill": "loud", "change": "allowed"},
    ]
    assert run("skill", "allow", "loud", "--yes", "--json").data == [{"skill": "loud", "change": "unchanged"}]


def test_an_unknown_skill_among_several_allows_none(run: Terminal, fake: FakeRuntime) -> None:
    shown = run("skill", "allow", "loud", "luod", "--yes")
    assert (shown.code, shown.out) == (2, "") and "No skill named 'luod'. Known: " in shown.err
    assert fake.runtime.skill_lock.entries() == {}


def test_a_changed_skill_is_marked_until_it_is_allowed_again(run: Terminal, fake: FakeRuntime, skills: Path) -> None:
    run("skill", "allow", "headlines", "--yes")
    write(skills / "headlines" / "skill.toml", HEADLINES.replace("hosts_from", 'hosts = ["example.net"], hosts_from'))
    write(skills / "headlines" / "skill.py", FETCH + "#\n")
    # As a later command would: in a process of its own.
    del fake.runtime.plugins
    assert only(run("skill", "list", "--json").data, "headlines")[0]["state"] == "changed"
    shown = run("skill", "show", "headlines").out
    assert "state    changed\n         its grants are wider: http to example.net\n" in shown
    assert "         its source changed since 1.0.0 was allowed\n" in shown
    again = run("skill", "allow", "headlines", "--yes").out
    assert "changed  its grants are wider: http to example.net\n" in again
    assert only(run("skill", "list", "--json").data, "headlines")[0]["state"] == "allowed"


def test_allowing_a_skill_again_forgives_its_failures(run: Terminal, fake: FakeRuntime) -> None:
    fake.apply()
    fake.runtime.skill_store.count_skill_failure("ada", "loud")
    assert fake.runtime.skill_store.skill_failures("ada") == {"loud": 1}
    run("skill", "allow", "loud", "--yes")
    assert fake.runtime.skill_store.skill_failures("ada") == {}


def test_a_skill_that_is_switched_off_is_seen_until_it_is_allowed_again(run: Terminal, fake: FakeRuntime) -> None:
    fake.apply(skills=[{"name": "loud"}])
    run("skill", "allow", "loud", "--yes")
    for _ in range(MAX_FAILURES):
        fake.runtime.skill_store.count_skill_failure("ada", "loud")
    assert re.search(r"loud .* allowed, off for ada ", run("skill", "list").out)
    assert only(run("skill", "list", "--json").data, "loud")[0]["off_for"] == ["ada"]
    assert re.search(r"loud +switched off +5\n", run("agent", "show", "ada").out)
    again = run("skill", "allow", "loud", "--yes").out
    assert again.endswith("loud 0.1.0 was allowed already, and is switched on again for ada.\n")
    assert run("agent", "show", "ada", "--json").data[0]["skills"] == [
        {"skill": "loud", "state": "allowed", "failures": 0}
    ]


def test_an_agent_is_shown_where_its_skills_cannot_be_judged(run: Terminal, fake: FakeRuntime) -> None:
    fake.apply(skills=[{"name": "loud"}])
    fake.runtime.skill_lock.path.write_text("{")
    shown = run("agent", "show", "ada")
    assert shown.code == 0 and re.search(r"loud +- +0\n", shown.out)
    assert shown.err.startswith("Without the states of skills: ") and "skills.lock is not a lock file" in shown.err


def test_forget_takes_a_permission_back(run: Terminal, fake: FakeRuntime) -> None:
    run("skill", "allow", "loud", "--yes")
    assert run("skill", "forget", "loud").out == "loud is not allowed any more.\n"
    assert fake.runtime.skill_lock.entries() == {}
    again = run("skill", "forget", "loud", "--json")
    assert (again.code, again.err) == (2, "No skill named 'loud' is allowed. Allowed: none yet.\n")


def test_a_broken_lock_file_is_one_sentence(run: Terminal, fake: FakeRuntime) -> None:
    fake.runtime.skill_lock.path.write_text("{")
    shown = run("skill", "list")
    assert shown.code == 2 and "skills.lock is not a lock file of skills: " in shown.err
    assert shown.err.endswith("'ceos skill allow'.\n") and shown.err.count("\n") == 1


# Running one


def test_whatever_is_refused_is_a_line_of_its_own(run: Terminal, tmp_path: Path) -> None:
    write(tmp_path / "two.py", "import os\n\n\ndef run(ctx, params):\n    return eval('1')\n")
    refused = run("skill", "run", "two.py").err.splitlines()
    assert [line.partition(":")[0] for line in refused] == ["line 1", "line 5"]


def test_run_prints_exact_json(run: Terminal, tmp_path: Path) -> None:
    write(tmp_path / "plain.py", "def run(ctx, params):\n    print('at work')\n    return {'n': params['n'] + 1}\n")
    shown = run("skill", "run", "plain.py", "--params", '{"n": 1}', "--json")
    assert (shown.code, shown.err) == (0, "")
    assert list(shown.data) == ["ok", "value", "log", "ms"]
    assert (shown.data["ok"], shown.data["value"], shown.data["log"]) == (True, {"n": 2}, ["at work"])
    assert shown.data["ms"] > 0
    person = run("skill", "run", "plain.py", "--params", '{"n": 1}')
    assert (person.code, json.loads(person.out), person.err) == (0, {"n": 2}, "at work\n")


@pytest.mark.parametrize(
    ("source", "kind", "line"),
    [
        pytest.param("def run(ctx, params):\n    return 1 / 0\n", "error", 2, id="fails"),
        pytest.param("import os\ndef run(ctx, params):\n    return 1\n", "rejected", 1, id="refused"),
        pytest.param("def run(ctx, params):\n    while True:\n        pass\n", None, None, id="never ends"),
        pytest.param("def run(ctx, params):\n    return ctx.http_get('https://a.org')\n", "rejected", 2, id="no grant"),
        pytest.param("def run(", "rejected", 1, id="no Python"),
    ],
)
def test_failures_of_skills_have_one_json_shape(
    run: Terminal, tmp_path: Path, source: str, kind: str | None, line: int | None
) -> None:
    write(tmp_path / "bad.py", source)
    shown = run("skill", "run", "bad.py", "--json", "--seconds", "0.5")
    assert (shown.code, shown.err) == (1, "")
    assert list(shown.data) == ["ok", "error"] and list(shown.data["error"]) == ["kind", "message", "line"]
    assert shown.data["ok"] is False and shown.data["error"]["message"]
    assert shown.data["error"]["kind"] in ([kind] if kind else ["wall", "cpu"])
    assert shown.data["error"]["line"] == line
    person = run("skill", "run", "bad.py", "--seconds", "0.5")
    assert (person.code, person.out) == (1, "") and shown.data["error"]["message"][:20] in person.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(("plain.py", "--params", "{"), "--params is not JSON: ", id="bad JSON"),
        pytest.param(("none.py",), "none.py: there is no such file.", id="unknown file"),
        pytest.param(("a/none",), "a/none: there is no such file.", id="unknown path"),
        pytest.param(("nobody",), "No skill named 'nobody'. Known: ", id="unknown name"),
        pytest.param(("latin.py",), "latin.py:1: not UTF-8", id="unreadable"),
        pytest.param(("headlines", "--params", "[]"), "--params is not a JSON object", id="no object"),
        pytest.param(("headlines",), "params.url: required param is missing.", id="params that do not fit"),
        pytest.param(("loud",), "Give a draft with --draft; loud is a skill of the stage gate.", id="no draft"),
        pytest.param(("plain.py", "--grant", "all"), "No grant 'all'. Known: http, llm, ", id="unknown grant"),
        pytest.param(("plain.py", "--grant", "http"), "at least one host", id="http to nowhere"),
        pytest.param(("plain.py", "--grant", "http=127.0.0.1"), "a host such as ", id="http to an address"),
        pytest.param(("plain.py", "--agent", "bob"), "No agent named 'bob'.", id="unknown agent"),
        pytest.param(("plain.py", "--seconds", "0"), "0 is not in the range", id="no time"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_clear_sentence(run: Terminal, tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    write(tmp_path / "plain.py", "def run(ctx, params):\n    return 1\n")
    (tmp_path / "latin.py").write_bytes(b"x = '\xff'")
    shown = run("skill", "run", *words, "--json")
    assert (shown.code, shown.out) == (2, "")
    assert says in shown.err and "Traceback" not in shown.err


def test_a_draft_given_by_hand_is_seen_by_the_skill(run: Terminal) -> None:
    assert run("skill", "run", "loud", "--draft", "gm", "--draft", "GM!", "--json").data["value"] == "Lower your voice."
    assert run("skill", "run", "loud", "--draft", "gm", "--json").data["value"] is None


def test_standard_input_is_a_source_too(run: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    for text, words in (("def run(ctx, params):\n    return 'gm'\n", ()), (LOUD, ("--draft", "gm!"))):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        assert run("skill", "run", "-", *words, "--json").data["value"] in ("gm", "Lower your voice.")


def test_grants_of_the_command_line_are_given_to_a_plain_source(run: Terminal, tmp_path: Path) -> None:
    write(
        tmp_path / "notes.py",
        """\
def run(ctx, params):
    ctx.memory_set("seen", 1)
    ctx.log(str(ctx.now.year))
    return [ctx.memory_get("seen"), ctx.metrics()]
""",
    )
    words = ("skill", "run", "notes.py", "--json")
    refused = run(*words)
    assert (refused.code, refused.data["error"]["kind"]) == (1, "rejected")
    given = run(*words, *(f"--grant={name}" for name in ("memory", "now", "log", "metrics")))
    assert (given.data["value"], given.data["log"]) == ([1, []], ["2026"])


def test_a_page_is_fetched_and_a_private_address_is_refused(run: Terminal) -> None:
    shown = run("skill", "run", "headlines", "--params", '{"url": "http://127.0.0.1:1/feed"}', "--json")
    assert (shown.code, shown.data["error"]["kind"], shown.data["error"]["line"]) == (1, "error", 3)
    assert "HostError" in shown.data["error"]["message"]


def test_a_trial_reads_feeds_in_the_sandbox(run: Terminal, fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = b"<rss><channel><item><title>One</title></item></channel></rss>"

    def fetched(host: SkillHost, url: str, *args: Any, **options: Any) -> FetchedPage:
        return FetchedPage(200, url, "application/octet-stream", feed)

    monkeypatch.setattr(SkillHost, "page", fetched)
    fake.runtime.skill_lock.allow(fake.runtime.plugins.skill("rss-headlines"))
    shown = run("skill", "run", "rss-headlines", "--params", '{"url": "https://a.example.org/feed"}', "--json")
    assert shown.data["value"] == {"feed": "", "headlines": [{"title": "One"}]}


ASK = "def run(ctx, params):\n    return ctx.llm_generate('Say gm.', max_tokens=50)\n"


def test_a_model_is_asked_only_for_an_agent_that_pays(run: Terminal, fake: FakeRuntime, tmp_path: Path) -> None:
    write(tmp_path / "ask.py", ASK)
    fake.apply()
    alone = run("skill", "run", "ask.py", "--grant", "llm", "--json")
    assert alone.code == 1 and "agent" in alone.data["error"]["message"]
    paid = run("skill", "run", "ask.py", "--grant", "llm", "--agent", "ada", "--json")
    assert paid.code == 0 and paid.data["value"]
    assert spent_today(fake.runtime, "ada") > 0


def test_an_author_needs_no_server_and_no_keys(skills: Path, tmp_path: Path) -> None:
    environ = clean_environ(tmp_path / "home")
    shown = ceos("skill", "run", str(skills / "loud.py"), "--draft", "GM!", "--json", environ=environ, cwd=tmp_path)
    assert (shown.code, shown.data["value"]) == (0, "Lower your voice.")
    assert not (tmp_path / "home").exists()
