"""The documentation agrees with the code: its tables are complete, its links lead somewhere, and its examples run."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
import zipfile
from importlib.metadata import EntryPoint, version
from pathlib import Path
from types import ModuleType

import pytest
from helpers.pages import CHANGELOG, PAGES, README, ROOT, blocks, example, rows
from helpers.terminal import ceos as run_ceos
from helpers.terminal import clean_environ, terminal
from rich.console import Console

from ceos.actors.middleware import EXIT_BROKEN, EXIT_MISCONFIGURED
from ceos.chain.config.loader import load_chain
from ceos.chain.config.models import ChainConfig
from ceos.chain.tx.policy import ENTRY_RULES
from ceos.config.agents import parse_agents
from ceos.domain.agent import IMAGE_STYLES, Agent
from ceos.domain.chain_event import ChainEvent, Subscription
from ceos.domain.lifecycle import AgentState, RunStatus
from ceos.domain.mentions import Mention
from ceos.domain.posts import Kind, Part
from ceos.errors import SandboxUnavailable, SkillError, SkillForbidden, SkillOutOfMemory, SkillTimedOut
from ceos.plugins.inspection import HOOKS
from ceos.plugins.manager import load_plugins
from ceos.sandbox import wire
from ceos.sandbox.modules import MODULES
from ceos.settings import Settings
from ceos.skills.chain_reads import READS
from ceos.skills.skill import SkillStage
from ceos.testing import fake_runtime

#: Everything that is written for users, by its path.
DOCUMENTS = {"README.md": README, "CHANGELOG.md": CHANGELOG} | {
    f"ceos/docs/{topic}.md": text for topic, text in PAGES.items()
}
FOLDERS = ("skills", "strategies", "scripts", "tests")


def _reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = _reference()


# Reference tables


def test_no_generated_table_is_stale() -> None:
    stale = [str(path.relative_to(ROOT)) for path in reference.stale()]
    assert stale == [], "a generated table differs from the code; run scripts/reference.py"


def test_every_generated_table_is_on_a_page() -> None:
    shown = re.findall(r"<!-- generated: ([a-z-]+) -->", "\n".join(PAGES.values()))
    assert sorted(shown) == sorted(reference.TABLES)


def test_the_tables_name_every_command_setting_hook_and_key() -> None:
    # The generator could lose a row of its own; these lists come from elsewhere.
    assert list(rows("command", of="commands")) == [name for name, _ in reference.commands()]
    assert list(rows("variable", of="environment")) == [str(one.alias) for one in Settings.model_fields.values()]
    assert list(rows("hook", of="plugins")) == [f"{name}({', '.join(names)})" for name, names in HOOKS.items()]
    for model, page in ((Agent, "agent-file"), (ChainConfig, "chain/chain-toml")):
        groups = {key.rpartition(".")[0] for key in rows("key", of=page)}
        assert {key.partition(".")[0] for key in rows("key", of=page)} == set(model.model_fields)
        assert groups >= {"", "persona", "schedule"} or groups >= {"", "policy.allow", "x402.offer"}


def test_the_log_table_names_the_events_that_users_rely_on() -> None:
    listed = rows("event", of="log-events")
    assert {"cast.published", "slot.fired", "run.published", "run.STATUS", "skill.failed", "tx.mined"} <= set(listed)
    assert listed["cast.published"] == ["info", "Cast published", "`hash`, `part`, `parts`, `kind`"]


def test_every_command_the_documents_mention_exists() -> None:
    known = {name for name, _ in reference.commands()}
    # And those that a plugin shown there adds.
    text = "\n".join(DOCUMENTS.values())
    known |= {f"ceos {name}" for name in re.findall(r"^@click\.command\(\)\ndef (\w+)", text, re.MULTILINE)}
    shell = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    code = "\n".join([*shell, *re.findall(r"`(ceos [^`]+)`", text)])
    mentioned = re.findall(r"(?:^ *|; |& |-- )(ceos [a-z]+)( [a-z]+)?( [a-z]+)?", code, re.MULTILINE)
    # A group is mentioned by its name alone.
    groups = {" ".join(name.split()[:words]) for name in known for words in (2, 3)}
    assert [
        one + two
        for one, two, three in mentioned
        if not {one, one + two, one + two + three} & known and one + two not in groups
    ] == []


def test_every_exit_code_is_listed() -> None:
    assert {int(code) for code in rows("code", of="commands")} == {0, 1, 2, EXIT_BROKEN, EXIT_MISCONFIGURED}


def test_every_rule_is_listed() -> None:
    listed = set(rows("rule", of="chain/policy"))
    sources = "".join(path.read_text() for path in (ROOT / "ceos" / "chain").rglob("*.py") if "x402" not in path.parts)
    named = set(re.findall(r'(?:refused\(\s*|RuleProblem\("\w+", |rule = )"([a-z-]+)"', sources)) | set(ENTRY_RULES)
    assert named - {"min_out"} <= listed
    bought = (ROOT / "ceos" / "chain" / "x402" / "policy.py").read_text()
    assert set(re.findall(r'"(x402-[a-z-]+)"', bought)) == set(re.findall(r"`(x402-[a-z-]+)`", PAGES["chain/payments"]))


def test_everything_that_a_skill_may_read_on_chain_is_listed() -> None:
    listed = [key.partition("`")[0] for key in rows("`ctx.chain_read`", of="skills")]
    assert [re.findall(r"[a-z_]+", one) for one in listed] == [[what, *names] for what, names in READS.items()]


def test_every_picture_style_is_listed() -> None:
    listed = rows("key", of="agent-file")["models.style"][1]
    assert [style for style in IMAGE_STYLES if f"`{style}`" not in listed] == []


def test_every_state_is_listed() -> None:
    assert list(rows("state", of="concepts")) == list(AgentState)
    assert list(rows("status", of="concepts")) == list(RunStatus)


def test_every_hook_has_an_example() -> None:
    code = "\n".join(blocks("python", of="plugins"))
    assert set(re.findall(r"^@ceos\.hookimpl\ndef (\w+)\(", code, re.MULTILINE)) == set(HOOKS)


def test_every_module_of_a_skill_is_listed() -> None:
    named = set(re.findall(r"`([a-z0-9._]+)`", PAGES["writing-a-skill"]))
    assert named >= MODULES.keys() - {"urllib"}


def test_every_kind_of_failure_is_listed() -> None:
    kinds = {error.kind for error in (SkillError, SkillForbidden, SkillTimedOut, SkillOutOfMemory, SandboxUnavailable)}
    assert kinds <= set(rows("kind", of="writing-a-skill"))
    assert set(rows("grant", of="skills")) == set(wire.METHODS)
    assert set(rows("stage", of="skills")) == set(SkillStage)


# Examples


def test_the_chain_file_is_valid(tmp_path: Path) -> None:
    (text,) = blocks("toml", of="chain/chain-toml")
    (tmp_path / "chain.toml").write_text(text)
    config = load_chain(tmp_path / "chain.toml")
    assert config.policy.allow
    assert config.x402.offer


def test_every_toml_block_is_valid() -> None:
    found = [(topic, text) for topic in PAGES for text in blocks("toml", of=topic)]
    agent_files = [text for _, text in found if "[[agent]]" in text]
    assert agent_files
    for text in agent_files:
        assert parse_agents(text, "quickstart.md")
    for topic, text in found:
        assert tomllib.loads(text), topic


@pytest.mark.slow
def test_the_strategy_and_its_test_run_as_they_are_printed(tmp_path: Path) -> None:
    strategy, test, *_ = blocks("python", of="plugins")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "mondays.py").write_text(strategy)
    (tmp_path / "test_mondays.py").write_text(test)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert "1 passed" in done.stdout, done.stdout


def test_the_journal_hears_of_everything_and_has_its_word(
    tmp_path: Path, ceos_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given the plugin of its page, in a folder of CEOS_SKILL_PATH,
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "journal.py").write_text(blocks("python", of="plugins")[2])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CEOS_SKILL_PATH", "plugins")
    with fake_runtime(ceos_home, CEOS_SKILL_PATH="plugins") as fake, terminal(capsys) as run:
        agent = fake.apply()
        fake.step()
        plugins = fake.runtime.plugins

        # when an agent posts, is mentioned, and is paused,
        post = fake.post(kind=Kind.ORIGINAL)
        mention = Mention(hash="0x1", author_fid=7, author_name="bob", text="hi", at=post.opened_at, kind="mention")
        plugins.notify("mention_received", agent=agent, mention=mention)
        follows = Subscription(name="new-agents", contract="identity", event="Registered")
        registered = ChainEvent(
            subscription="new-agents", id="0x1:0", contract="0x8004A169FB4a3325136EB29fA0ceB6D2e539a432",
            name="Registered", args={"agentId": 0}, block=1, block_hash=f"0x{1:064x}", tx_hash=f"0x{2:064x}", index=0,
        )  # fmt: skip
        for event in (registered, registered.model_copy(update={"removed": True})):
            plugins.notify("chain_event", subscription=follows, event=event)
        fake.runtime.pause("ada", "on holiday")
        fake.step()

        # then its command prints all of that,
        noted = [json.loads(line) for line in run("journal").out.splitlines()]
        assert [line["event"] for line in noted] == ["draft", "cast", "mention", "event", "event removed", "paused"]
        assert noted[1]["hash"] == post.hashes[0]
        assert (noted[3]["follows"], noted[3]["args"]) == ("new-agents", {"agentId": 0})
        assert (noted[5]["before"], noted[5]["reason"]) == ("sleeping", "on holiday")

        # and a draft that guarantees something does not pass.
        assert post.draft is not None
        assert plugins.violations(agent, post.draft) == []
        bold = post.draft.model_copy(update={"parts": (Part(text="Guaranteed to rise."),)})
        assert plugins.violations(agent, bold) == ["The post guarantees something; say what is likely instead."]


@pytest.mark.slow
def test_the_skill_and_its_tests_run_as_they_are_printed(tmp_path: Path) -> None:
    # Given the manifest, the source and the tests of its page,
    (manifest,) = blocks("toml", of="writing-a-skill")
    source, tests, hook = blocks("python", of="writing-a-skill")
    folder = tmp_path / "word-budget"
    folder.mkdir()
    (folder / "skill.toml").write_text(manifest)
    (folder / "skill.py").write_text(source)
    (tmp_path / "test_it.py").write_text(tests)
    (tmp_path / "hook.py").write_text(hook)

    # when the commands beside them are typed, and the tests run, then all of them succeed,
    (lines,) = (block for block in blocks("sh", of="writing-a-skill") if "skill check word-budget" in block)
    environ = {**os.environ, "CEOS_HOME": str(tmp_path / "home")}
    done = [
        subprocess.run(
            [sys.executable, "-m", *shlex.split(line)],
            cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=True,
        )
        for line in lines.splitlines()
    ]  # fmt: skip
    assert "word-budget 1.0.0 is fine; 1 example ran." in done[0].stdout
    assert "Use at most 3 words; this has 4." in done[1].stdout
    assert json.loads(done[2].stdout).keys() == {"ok", "value", "log", "ms"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "test_it.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert "2 passed" in ran.stdout, ran.stdout

    # and the hook finds the skill beside it.
    point = EntryPoint("words", "hook", "ceos")
    sys.path.insert(0, str(tmp_path))
    try:
        assert "word-budget" in load_plugins(entry_points=[point]).skills
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("hook", None)


@pytest.mark.slow
def test_the_package_of_the_page_builds_and_brings_its_skill(tmp_path: Path) -> None:
    # Given the package of the page around the skill of the other page,
    project = next(block for block in blocks("toml", of="plugins") if "[build-system]" in block)
    skill = tmp_path / "source" / "ceos_words" / "skills" / "word-budget"
    skill.mkdir(parents=True)
    (tmp_path / "source" / "pyproject.toml").write_text(project)
    module = example("from pathlib import Path\n\nimport ceos\n\n\n@ceos.hookimpl\ndef register_skills", of="plugins")
    (skill.parents[1] / "__init__.py").write_text(module)
    (skill / "skill.toml").write_text(blocks("toml", of="writing-a-skill")[0])
    (skill / "skill.py").write_text(blocks("python", of="writing-a-skill")[0])

    # when its wheel is installed,
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--skip-dependency-check"]
    subprocess.run(command, cwd=tmp_path / "source", capture_output=True, timeout=300, check=True)
    (wheel,) = (tmp_path / "source" / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(tmp_path / "site")
    environ = clean_environ(tmp_path / "home", PYTHONPATH=str(tmp_path / "site"))

    # then the plugin and its skill are listed.
    plugins = run_ceos("plugin", "list", "--json", environ=environ, cwd=tmp_path).data
    assert "ceos-words" in {one["package"] for one in plugins}
    assert "word-budget" in run_ceos("skill", "list", environ=environ, cwd=tmp_path).out


@pytest.mark.slow
def test_the_first_lines_run_without_keys(tmp_path: Path) -> None:
    # Given the lines of the README that start an agent without keys,
    (lines,) = (text for text in re.findall(r"^```sh\n(.*?)^```$", README, re.M | re.S) if "ceos sim -- " in text)
    assert len(lines.splitlines()) <= 15
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CEOS_")}
    environ = {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    # when they are typed in,
    shell = subprocess.Popen(
        ["bash", "-c", lines],
        cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = shell.communicate(timeout=180)
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGTERM)

    # then a thread is published, everything that was started ends, and everything is in one folder.
    assert re.search(r"^ada:m:\w+ +published +thread", output, re.MULTILINE), output
    assert "Traceback" not in output
    assert "ada  created" in re.sub(" +", "  ", output)
    assert [path.name for path in tmp_path.iterdir()] == ["trial"]


# The documents themselves


def test_the_readme_is_short_and_shows_the_two_commands_and_a_picture() -> None:
    assert len(README.encode()) <= 10_000
    assert "\nscripts/demo " in README and "\nscripts/test " in README
    (picture,) = re.findall(r"!\[[^\]]+\]\((ceos/docs/[^)]+\.svg)\)", README)
    assert (ROOT / picture).stat().st_size < 40_000
    assert "0 published twice, 0 lost" in "".join(ET.parse(ROOT / picture).getroot().itertext()).replace("\xa0", " ")


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_folder_has_a_short_readme_whose_names_exist(folder: str) -> None:
    text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    named = re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE)
    for name in re.findall(r"`([\w./]+)`", " ".join(named)):
        assert (ROOT / folder / name).exists(), name


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", [*DOCUMENTS, *(f"{folder}/README.md" for folder in FOLDERS)])
def test_every_relative_link_and_anchor_leads_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if path.startswith(("http://", "https://")):
            continue
        file = ((ROOT / document).parent / path).resolve() if path else ROOT / document
        assert file.exists(), target
        assert not anchor or anchor in _anchors(file.read_text(encoding="utf-8")), target


def test_every_script_and_module_the_documents_name_is_there() -> None:
    text = "\n".join(DOCUMENTS.values())
    for name in set(re.findall(r"scripts/\w[\w./]*\w", text)):
        assert os.access(ROOT / name, os.X_OK), name
    for name in set(re.findall(r"`((?:ceos|tests|strategies)/[\w./]+?)/?`", text)):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_documents_are_about_ceos_alone(document: str) -> None:
    # No folder of a machine, no open ends, no advertising.
    places = r"/home/|/root/|/Users/|/tmp/|index-url"
    words = r"TODO|FIXME|blazing|seamless|cutting-edge|powerful|effortless"
    assert re.findall(f"{places}|{words}", DOCUMENTS[document], re.IGNORECASE) == []


def test_the_changelog_has_the_version_of_the_package() -> None:
    assert f"## [{version('ceos')}]" in CHANGELOG
    assert set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE)) <= {
        "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"
    }  # fmt: skip


def test_every_step_of_the_walks_is_in_the_file_that_it_names() -> None:
    steps = re.findall(r"^\| .+ \| `([\w./]+\.py)` \| (.+) \|$", PAGES["architecture"], re.MULTILINE)
    assert len(steps) > 25
    for file, functions in steps:
        source = (ROOT / "ceos" / file).read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", functions):
            assert re.search(rf"def {name}\(", source), (file, name)
    for script in re.findall(r"`lua/(\w+\.lua)`", PAGES["architecture"]):
        assert list((ROOT / "ceos").rglob(f"lua/{script}")), script


# ceos docs


def test_the_index_lists_every_page_once_with_its_first_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    listed = re.findall(r"^- \[[^\]]+\]\(([\w/-]+)\.md\): (.+)$", PAGES["index"], re.MULTILINE)
    assert sorted(page for page, _ in listed) == sorted(set(PAGES) - {"index"})
    assert dict(listed) == {page: PAGES[page].splitlines()[2] for page, _ in listed}
    with terminal(capsys) as run:
        shown = run("docs")
    assert all(page.removesuffix("/index") in shown.out and sentence in shown.out for page, sentence in listed)


@pytest.mark.parametrize(
    ("topic", "page"), [("trends", "trends"), ("chain", "chain/index"), ("chain/events", "chain/events"),
                        ("chain-toml", "chain/chain-toml"), ("Quickstart.md", "quickstart")],
)  # fmt: skip
def test_a_topic_is_printed_as_it_is_written_but_without_comments(
    topic: str, page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with terminal(capsys) as run:
        shown = run("docs", topic)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out == re.sub(r"^<!--.*-->\n", "", PAGES[page], flags=re.MULTILINE)


def test_an_unknown_topic_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal(capsys) as run:
        mistyped, unknown = run("docs", "tredns"), run("docs", "xyzzy")
    assert (mistyped.code, mistyped.out) == (2, "")
    assert mistyped.err.strip() == "No page about 'tredns'. Did you mean 'trends'?"
    assert unknown.err.strip() == "No page about 'xyzzy'. 'ceos docs' lists the topics."


def test_a_terminal_gets_the_page_rendered(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("rich.console.Console", lambda: Console(file=written, width=100))
    with terminal(capsys) as run:
        assert run("docs", "limits").code == 0
    assert "casts_per_hour" in written.getvalue()
    assert "# Limits" not in written.getvalue() and "`" not in written.getvalue()
