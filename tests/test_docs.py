"""The README keeps its word: its tables name everything there is, and what it shows runs."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint, version
from pathlib import Path
from typing import Any

import click
import pytest
from helpers.terminal import terminal
from pydantic.fields import FieldInfo

from ceos.actors.middleware import EXIT_BROKEN, EXIT_MISCONFIGURED
from ceos.chain.config.loader import load_chain
from ceos.chain.config.models import (
    X402,
    Allow,
    ChainConfig,
    ContractEntry,
    CreatorScore,
    Offer,
    PaymentHost,
    TxPolicy,
)
from ceos.chain.tx.policy import ENTRY_RULES
from ceos.cli import cli
from ceos.config.agents import parse_agents
from ceos.domain.agent import IMAGE_STYLES, Agent, Engagement, Limits, Models, Persona, SkillUse, Trends
from ceos.domain.base import Frozen
from ceos.domain.chain_event import ChainEvent, Subscription
from ceos.domain.lifecycle import AgentState, RunStatus
from ceos.domain.mentions import Mention
from ceos.domain.posts import Kind, Part
from ceos.domain.schedule import Schedule
from ceos.errors import SandboxUnavailable, SkillError, SkillForbidden, SkillOutOfMemory, SkillTimedOut
from ceos.plugins.inspection import HOOKS
from ceos.plugins.manager import load_plugins
from ceos.sandbox import wire
from ceos.sandbox.modules import MODULES
from ceos.settings import Settings
from ceos.skills.chain_reads import READS
from ceos.skills.skill import SkillStage
from ceos.testing import fake_runtime

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

TABLES: dict[str, type[Frozen]] = {
    "": Agent,
    "persona.": Persona,
    "schedule.": Schedule,
    "models.": Models,
    "limits.": Limits,
    "engagement.": Engagement,
    "trends.": Trends,
    "skills.": SkillUse,
}


CHAIN_TABLES: dict[str, type[Frozen]] = {
    "": ChainConfig,
    "contract.": ContractEntry,
    "subscription.": Subscription,
    "policy.": TxPolicy,
    "policy.allow.": Allow,
    "x402.": X402,
    "x402.allow.": PaymentHost,
    "x402.offer.": Offer,
    "creator_score.": CreatorScore,
}


def section(title: str) -> str:
    """Return the text under a heading, up to the next one of its level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, f"the README has no section {title!r}"
    return found[1]


def rows(head: str, *, of: str) -> dict[str, list[str]]:
    """Return the rows of the table headed `head` in section `of`, by their first cell without its backquotes."""
    found = re.search(rf"^\| {head} \|.*\n\|[ |-]+\n((?:\|.*\n)+)", section(of), re.MULTILINE)
    assert found, f"section {of!r} has no table of every {head}"
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found[1].splitlines()]
    return {first.strip("`"): rest for first, *rest in cells}


def blocks(language: str, *, of: str | None = None) -> list[str]:
    """Return the code blocks of a language, in all of the README or in one section."""
    text = README if of is None else section(of)
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(group: click.Group, prefix: str) -> Iterator[str]:
    """Yield the full name of every command."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


# Tables


def default_of_setting(value: Any) -> str:
    if value is None or value == "":
        return "unset"
    return f"`{value:g}`" if isinstance(value, int | float) else f"`{value}`"


def test_every_variable_is_listed_with_its_default_and_help() -> None:
    wanted = [
        f"| `{field.alias}` | {default_of_setting(field.default)} | {field.description} |"
        for field in Settings.model_fields.values()
    ]
    assert [line for line in section("Environment").splitlines() if line.startswith("| `")] == wanted


def test_every_command_is_listed_and_no_other() -> None:
    assert sorted(rows("command", of="Commands")) == sorted(commands(cli, "ceos"))


def test_every_command_the_readme_mentions_exists() -> None:
    known = set(commands(cli, "ceos"))
    # And those that a plugin shown there adds.
    known |= {f"ceos {name}" for name in re.findall(r"^@click\.command\(\)\ndef (\w+)", README, re.MULTILINE)}
    code = "\n".join([*blocks("sh"), *re.findall(r"`(ceos [^`]+)`", README)])
    mentioned = re.findall(r"(?:^|; |& )(ceos [a-z]+)( [a-z]+)?( [a-z]+)?", code, re.MULTILINE)
    assert [one + two for one, two, three in mentioned if not {one, one + two, one + two + three} & known] == []


def test_every_exit_code_is_listed() -> None:
    assert {int(code) for code in rows("code", of="Commands")} == {0, 1, 2, EXIT_BROKEN, EXIT_MISCONFIGURED}


def default_of_key(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if default is None:
        return "none"
    # Amounts are texts in a file.
    return f"`{json.dumps(list(default) if isinstance(default, tuple) else default, default=str)}`"


@pytest.mark.parametrize(
    ("key", "field"),
    [
        pytest.param(prefix + name, field, id=prefix + name)
        for prefix, model in TABLES.items()
        for name, field in model.model_fields.items()
        if f"{name}." not in TABLES
    ],
)
def test_every_key_of_the_agent_file_is_listed_with_its_default(key: str, field: FieldInfo) -> None:
    default, meaning = rows("key", of="Agent file")[key]
    assert default == ("one of the two" if key.startswith("signer_uuid") else default_of_key(field))
    assert meaning


def test_no_key_is_listed_that_the_agent_file_does_not_have() -> None:
    known = {prefix + name for prefix, model in TABLES.items() for name in model.model_fields}
    assert set(rows("key", of="Agent file")) <= known


def test_every_key_of_the_chain_file_is_listed_with_its_default_and_no_other() -> None:
    wanted = {
        prefix + name: default_of_key(field)
        for prefix, model in CHAIN_TABLES.items()
        for name, field in model.model_fields.items()
        if f"{prefix}{name}." not in CHAIN_TABLES
    }
    assert {key: default for key, (default, _) in rows("key", of="On Base").items()} == wanted


def test_every_rule_is_listed() -> None:
    listed = set(rows("rule", of="On Base"))
    sources = "".join((ROOT / "ceos" / "chain" / f"{name}.py").read_text() for name in ("policy", "risks"))
    named = set(re.findall(r'(?:refused\(\s*|Objection\("\w+", |rule = )"([a-z-]+)"', sources)) | set(ENTRY_RULES)
    assert named - {"min_out"} <= listed
    bought = (ROOT / "ceos" / "chain" / "x402_policy.py").read_text()
    assert set(re.findall(r'"(x402-[a-z-]+)"', bought)) == set(re.findall(r"`(x402-[a-z-]+)`", section("On Base")))


def test_what_a_skill_may_read_on_chain_is_listed() -> None:
    listed = [key.partition("`")[0] for key in rows("`ctx.chain_read`", of="Skills")]
    assert [re.findall(r"[a-z_]+", one) for one in listed] == [[what, *names] for what, names in READS.items()]


def test_the_chain_file_is_valid(tmp_path: Path) -> None:
    (text,) = blocks("toml", of="On Base")
    (tmp_path / "chain.toml").write_text(text)
    config = load_chain(tmp_path / "chain.toml")
    assert config.policy.allow
    assert config.x402.offer


def test_every_strategy_is_listed_with_its_shares() -> None:
    assert "| strategy | original | thread | engagement | media |" in section("Agent file")
    assert rows("strategy", of="Agent file") == {
        name: [f"{strategy.shares[kind]}%" for kind in (Kind.ORIGINAL, Kind.THREAD, Kind.ENGAGEMENT, Kind.MEDIA)]
        for name, strategy in load_plugins().strategies.items()
        if strategy.shares
    }


def test_every_picture_style_is_listed() -> None:
    assert [
        style for style in IMAGE_STYLES if f"`{style}`" not in rows("key", of="Agent file")["models.style"][1]
    ] == []


def test_every_state_is_listed() -> None:
    assert list(rows("state", of="States")) == list(AgentState)
    assert list(rows("status", of="States")) == list(RunStatus)


def test_every_hook_is_listed_with_its_signature_and_no_other() -> None:
    signatures = [f"{name}({', '.join(arguments)})" for name, arguments in HOOKS.items()]
    assert list(rows("hook", of="Writing a plugin")) == signatures


def test_every_hook_has_an_example() -> None:
    shown = set(re.findall(r"^@ceos\.hookimpl\ndef (\w+)\(", "\n".join(blocks("python")), re.MULTILINE))
    assert shown == set(HOOKS)


# What it shows


def test_every_toml_block_is_valid() -> None:
    agent_files = [text for text in blocks("toml") if "[[agent]]" in text]
    assert agent_files
    for text in agent_files:
        assert parse_agents(text, "README.md")
    for text in blocks("toml"):
        assert tomllib.loads(text)


def test_the_strategy_and_its_test_run_as_they_are_printed(tmp_path: Path) -> None:
    strategy, test, _ = blocks("python", of="Writing a plugin")
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
    # Given the plugin of the README, in a folder of CEOS_SKILL_PATH,
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "journal.py").write_text(blocks("python", of="Writing a plugin")[2])
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
        assert [line["event"] for line in noted] == ["draft", "cast", "mention", "event", "event taken back", "paused"]
        assert noted[1]["hash"] == post.hashes[0]
        assert (noted[3]["follows"], noted[3]["args"]) == ("new-agents", {"agentId": 0})
        assert (noted[5]["before"], noted[5]["reason"]) == ("sleeping", "on holiday")

        # and a draft that guarantees something does not pass.
        assert post.draft is not None
        assert plugins.violations(agent, post.draft) == []
        bold = post.draft.model_copy(update={"parts": (Part(text="Guaranteed to rise."),)})
        assert plugins.violations(agent, bold) == ["The post guarantees something; say what is likely instead."]


def test_the_skill_and_its_tests_run_as_they_are_printed(tmp_path: Path) -> None:
    # Given the manifest, the source and the tests of the README,
    text = section("Writing a skill")
    manifest = re.search(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    source, tests, hook = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert manifest
    folder = tmp_path / "word-budget"
    folder.mkdir()
    (folder / "skill.toml").write_text(manifest[1])
    (folder / "skill.py").write_text(source)
    (tmp_path / "test_it.py").write_text(tests)
    (tmp_path / "hook.py").write_text(hook)

    # when the commands beside them are typed, and the tests run, then all of them succeed,
    (lines,) = (block for block in blocks("sh") if "ceos skill check word-budget" in block)
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


def test_every_module_of_a_skill_is_listed() -> None:
    named = set(re.findall(r"`([a-z0-9._]+)`", section("Writing a skill")))
    assert named >= MODULES.keys() - {"urllib"}


def test_every_kind_of_failure_is_listed() -> None:
    kinds = {error.kind for error in (SkillError, SkillForbidden, SkillTimedOut, SkillOutOfMemory, SandboxUnavailable)}
    assert kinds <= set(rows("kind", of="Writing a skill"))
    assert set(rows("grant", of="Skills")) == set(wire.METHODS)
    assert set(rows("stage", of="Skills")) == set(SkillStage)


def test_the_first_lines_run_without_keys(tmp_path: Path) -> None:
    # Given the first block of the README, on a free port, in a folder where ceos is installed already,
    lines = blocks("sh")[0]
    assert len(lines.splitlines()) <= 16
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = (
        lines.replace("pip install .\n", "")
        .replace("ceos sim >sim.env", f"ceos sim --port {port} >sim.env")
        .replace("sleep 2", "until grep -q timeline sim.env; do sleep 0.1; done")
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CEOS_")}
    environ = {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    # when they are typed in,
    shell = subprocess.Popen(
        ["bash", "-c", script + "wait\n"],
        cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = shell.communicate(timeout=120)
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGTERM)

    # then a thread is published, and everything that was started ends.
    assert re.search(r"^ada:m:\w+ +published +thread", output, re.MULTILINE), output
    assert "Traceback" not in output
    assert "ada  created" in re.sub(" +", "  ", output)


def test_every_relative_link_leads_somewhere() -> None:
    for text in (README, CHANGELOG):
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = target.partition("#")
            if path.startswith(("http://", "https://")):
                continue
            assert not path or (ROOT / path).exists(), target
            headings = [
                re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^#+ (.+)$", text, re.M)
            ]
            assert not anchor or anchor in headings, target


def test_every_script_it_names_is_there() -> None:
    for name in set(re.findall(r"scripts/[\w.]+", README)):
        assert os.access(ROOT / name, os.X_OK), name


@pytest.mark.parametrize("text", [README, CHANGELOG], ids=["README", "CHANGELOG"])
def test_the_documents_are_about_ceos_alone(text: str) -> None:
    # No folder of somebody's machine, no open ends, no salesman.
    places = r"/home/|/root/|/Users/|/tmp/|index-url"
    words = r"TODO|FIXME|blazing|seamless|cutting-edge|powerful|effortless"
    assert re.findall(f"{places}|{words}", text, re.IGNORECASE) == []


def test_the_changelog_has_the_version_of_the_package() -> None:
    assert f"## [{version('ceos')}]" in CHANGELOG
    assert set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE)) <= {
        "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"
    }  # fmt: skip
