"""`ceos doctor`: every fault it knows, each found beside the others and each with the way out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from helpers.terminal import Terminal, ceos, clean_environ, terminal

import ceos as public
from ceos.cli.doctor.command import examine
from ceos.cli.doctor.findings import Finding
from ceos.runtime import Runtime
from ceos.settings import Settings
from ceos.supervisor import simulator_environ
from ceos.testing import FakeRuntime, make_agent

CLOSED = "redis://127.0.0.1:1/0"
SIGNER = "00000000-0000-4000-8000-000000001001"


@pytest.fixture
def run(fake_runtime: FakeRuntime, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    with terminal(capsys) as command_line:
        yield command_line


@pytest.fixture
def other(fake_runtime: FakeRuntime, ceos_home: Path) -> Callable[..., Runtime]:
    """Make a runtime on the same server and simulator with other variables; None unsets one."""

    def make(**variables: str | None) -> Runtime:
        wanted = {"CEOS_HOME": str(ceos_home), **simulator_environ(fake_runtime.simulator.url), **variables}
        runtime = Runtime(Settings.from_env({key: value for key, value in wanted.items() if value}, dotenv=None))
        runtime.sleep = lambda seconds: None  # type: ignore[method-assign]
        return runtime

    return make


def by_check(findings: Iterator[Finding]) -> dict[str, Finding]:
    found = list(findings)
    assert len({finding.check for finding in found}) == len(found)
    return {finding.check: finding for finding in found}


def assert_finding(finding: Finding, status: str, *words: str) -> None:
    """The finding has this status, and its two sentences hold these words."""
    text = f"{finding.found} {finding.fix}"
    assert finding.status == status, text
    assert [word for word in words if word not in text] == [], text
    assert finding.found.endswith((".", "?"))
    assert status in ("ok", "info") or finding.fix.endswith(".")


def set_bio(fake: FakeRuntime, bio: str) -> None:
    """Change the bio of ada's account."""
    url = f"{fake.simulator.url}/v2/farcaster/user"
    requests.patch(url, json={"signer_uuid": SIGNER, "bio": bio}, headers={"x-api-key": "key"}, timeout=30)


def test_all_is_well_with_a_sound_agent(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    set_bio(fake_runtime, "An AI that repairs clocks.")
    fake_runtime.runtime.ops.note_worker("host:1")
    found = by_check(examine(fake_runtime.runtime))
    assert {name: str(finding.status) for name, finding in found.items() if finding.status != "ok"} == {}
    assert_finding(found["redis"], "ok", "The embedded server answers", "Valkey")
    assert_finding(found["fal key"], "ok", "costs money")
    assert_finding(found["signer of ada"], "ok", "fid 1001")
    assert_finding(found["openrouter key"], "ok", fake_runtime.simulator.url)
    assert list(found)[:2] == ["settings", "redis"]


def test_without_keys_each_finding_names_the_variable_and_the_demo(
    fake_runtime: FakeRuntime, other: Callable[..., Runtime]
) -> None:
    fake_runtime.apply(signer_uuid=None, signer_uuid_env="ADA_SIGNER")
    found = by_check(examine(other(OPENROUTER_API_KEY=None, FAL_KEY=None, NEYNAR_API_KEY=None)))
    assert_finding(found["openrouter key"], "failed", "OPENROUTER_API_KEY is not set", "'ceos demo'")
    assert_finding(found["neynar key"], "failed", "NEYNAR_API_KEY is not set", "'ceos demo'")
    assert_finding(found["fal key"], "warning", "FAL_KEY is not set", "ada", "'ceos demo'")
    assert_finding(found["models"], "warning", "OPENROUTER_API_KEY")
    assert_finding(found["signer of ada"], "failed", "ADA_SIGNER is not set", "'ada'", ".env")


def test_a_missing_fal_key_is_no_matter_when_nobody_makes_pictures(
    fake_runtime: FakeRuntime, other: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Plain(public.Strategy):
        name = "plain"

        def brief_post(self, agent: public.Agent, situation: public.Situation) -> public.Brief:
            return public.Brief.text(situation.topics[0])

    class Broken(public.Strategy):
        name = "broken"

        def brief_post(self, agent: public.Agent, situation: public.Situation) -> public.Brief:
            raise KeyError("tone")

    strategies = {"plain": Plain(), "broken": Broken()}
    monkeypatch.setattr(fake_runtime.runtime.plugins, "strategies", strategies)
    runtime = other(FAL_KEY=None)
    monkeypatch.setattr(runtime.plugins, "strategies", strategies)
    fake_runtime.apply(strategy="plain")
    fake_runtime.apply(id="bob", fid=1002, strategy="broken")
    assert_finding(by_check(examine(runtime))["fal key"], "info", "FAL_KEY", "no agent")


def test_wrong_keys_are_told_from_services_that_are_away(
    fake_runtime: FakeRuntime, other: Callable[..., Runtime]
) -> None:
    fake_runtime.apply()
    fake_runtime.simulator.faults(neynar={"keys": ["right"]}, openrouter={"keys": ["right"]})
    found = by_check(examine(fake_runtime.runtime))
    assert_finding(found["openrouter key"], "failed", "401", "Correct OPENROUTER_API_KEY")
    assert_finding(found["neynar key"], "failed", "401", "Correct NEYNAR_API_KEY")
    assert_finding(found["signer of ada"], "warning", "not looked up", "key")
    away = by_check(examine(other(OPENROUTER_BASE_URL="http://127.0.0.1:1", NEYNAR_BASE_URL="http://127.0.0.1:1")))
    assert_finding(away["openrouter key"], "failed", "could not be reached", "OPENROUTER_BASE_URL")
    assert_finding(away["neynar key"], "failed", "could not be reached", "NEYNAR_BASE_URL")
    assert_finding(away["models"], "failed", "could not be reached")


@pytest.mark.parametrize(
    ("credits", "status", "words"),
    [
        pytest.param(None, "ok", "no limit", id="unlimited"),
        pytest.param(3.5, "ok", "3.50 USD", id="some left"),
        pytest.param(0.0, "failed", "nothing of its limit is left", id="used up"),
    ],
)
def test_what_is_left_of_the_openrouter_key(
    fake_runtime: FakeRuntime, credits: float | None, status: str, words: str
) -> None:
    fake_runtime.simulator.faults(openrouter={"credits": credits})
    assert_finding(by_check(examine(fake_runtime.runtime))["openrouter key"], status, words)


def test_a_model_that_does_not_exist_names_every_agent_that_uses_it(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply(models={"text": "nobody/nothing-9"})
    fake_runtime.apply(id="bob", fid=1002, models={"fallbacks": ("nobody/nothing-9", "nobody/else")})
    findings = [finding for finding in examine(fake_runtime.runtime) if finding.check == "models"]
    assert_finding(
        findings[0], "failed", "does not list nobody/nothing-9", "ada, bob (as a fallback)", "openrouter.ai/models"
    )
    assert_finding(findings[1], "warning", "nobody/else", "bob (as a fallback)")
    assert len(findings) == 2


def test_a_bio_that_does_not_disclose_the_agent_is_a_warning(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    set_bio(fake_runtime, "I repair clocks.")
    found = by_check(examine(fake_runtime.runtime))["disclosure"]
    assert_finding(found, "warning", "does not say that it is a program: ada.", "'AI' or 'bot'", 'disclosure = "post"')
    fake_runtime.apply(output={"disclosure": "post"})
    assert "disclosure" not in by_check(examine(fake_runtime.runtime))


def test_signers_are_judged_one_by_one(fake_runtime: FakeRuntime) -> None:
    simulator = fake_runtime.simulator
    simulator.faults(neynar={"signers": "strict"})
    ids = {name: SIGNER[:-2] + f"{index:02}" for index, name in enumerate(("ada", "bob", "cy", "dan"))}
    for index, name in enumerate(ids):
        fake_runtime.apply(id=name, fid=1001 + index, signer_uuid=ids[name])
    simulator.signer(ids["ada"], 1001)
    simulator.signer(ids["bob"], 1002, status="pending_approval")
    simulator.signer(ids["cy"], 77)
    found = by_check(examine(fake_runtime.runtime))
    assert_finding(found["signer of ada"], "ok")
    assert_finding(found["signer of bob"], "failed", "'bob'", "not approved", "pending_approval", "fid 1002")
    assert_finding(found["signer of cy"], "failed", "fid 77", "'cy' has fid 1003")
    assert_finding(found["signer of dan"], "failed", "'dan'", "Signer not found", "NEYNAR_API_KEY")
    everything = json.dumps([(finding.found, finding.fix) for finding in found.values()])
    assert [name for name, uuid in ids.items() if uuid in everything] == []


def test_an_agent_whose_strategy_is_gone_or_that_has_stopped(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    fake_runtime.apply(id="bob", fid=1002)
    agents = fake_runtime.runtime.agents
    gone = agents.agent("bob").model_copy(update={"strategy": "haiku"})
    agents.save_agent(gone, slot=None, fire=0, moves_slot=False)
    agents.database.client.hset("ceos:agent:ada", mapping={"state": "error", "reason": "no money"})
    found = by_check(examine(fake_runtime.runtime))
    assert_finding(found["agent bob"], "failed", "'haiku'", "Install its plugin", "balanced")
    assert_finding(found["agent ada"], "warning", "no money", "'ceos agent resume ada'")
    assert "agents" not in found


def test_every_plugin_that_does_not_load_is_a_finding(
    fake_runtime: FakeRuntime, other: Callable[..., Runtime], tmp_path: Path
) -> None:
    (tmp_path / "one.py").write_text("import ceos\n@ceos.hookimpl\ndef register_strategys(register): ...\n")
    (tmp_path / "two.py").write_text("import ceos\nraise RuntimeError('hookimpl')\n")
    findings = [one for one in examine(other(CEOS_SKILL_PATH=str(tmp_path))) if one.check == "plugins"]
    assert len(findings) == 2
    assert_finding(findings[0], "failed", "'one'", "register_strategies", "that plugin")
    assert_finding(findings[1], "failed", "'two'", "RuntimeError")


@pytest.mark.parametrize(
    ("skew", "status"), [(0.0, "ok"), (1.9, "ok"), (-3.0, "warning"), (9.0, "warning"), (-11.0, "failed")]
)
def test_the_clock_may_be_off_by_two_seconds(fake_runtime: FakeRuntime, skew: float, status: str) -> None:
    finding = by_check(examine(fake_runtime.runtime, now=lambda: time.time() + skew))["clock"]
    assert_finding(finding, status, *([] if status == "ok" else [f"{abs(skew):.0f}.", "NTP"]))


def test_an_accelerated_clock_is_a_warning(other: Callable[..., Runtime]) -> None:
    assert_finding(by_check(examine(other(CEOS_CLOCK_SPEED="300")))["clock speed"], "warning", "300 times")


def test_panic_and_missing_workers_are_warnings(fake_runtime: FakeRuntime) -> None:
    fake_runtime.runtime.ops.set_panic("a bad prompt")
    found = by_check(examine(fake_runtime.runtime))
    assert_finding(found["panic"], "warning", "a bad prompt", "'ceos unpanic'")
    assert_finding(found["workers"], "warning", "'ceos up'")
    assert_finding(found["agents"], "info", "'ceos agent apply FILE'")


# Skills


def test_a_skill_that_changed_is_said_with_every_change(fake_runtime: FakeRuntime) -> None:
    runtime = fake_runtime.runtime
    fake_runtime.apply(skills=[{"name": "freshness"}])
    skill = runtime.plugins.skill("freshness")
    runtime.skill_lock.path.unlink(missing_ok=True)
    runtime.skill_lock.allow(skill.model_copy(update={"version": "0.9", "source": "old"}))
    try:
        finding = by_check(examine(runtime))["skills"]
    finally:
        runtime.skill_lock.path.unlink()
    assert finding.found.endswith("changed since 0.9 was allowed; its version is 1.0.0, and 0.9 was allowed.")
    assert finding.fix.startswith("Look at it with 'ceos skill show freshness'")


def test_a_skill_that_is_not_here_is_a_warning(fake_runtime: FakeRuntime) -> None:
    fake_runtime.runtime.agents.save_agent(make_agent(skills=[{"name": "gone"}]), slot=None, fire=0, moves_slot=True)
    assert_finding(
        by_check(examine(fake_runtime.runtime))["skills"], "warning", "'gone' is installed", "CEOS_SKILL_PATH"
    )


def test_a_broken_plugin_is_said_once(other: Callable[..., Runtime], tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import ceos\n\n\n@ceos.hookimpl\ndef review_drafts(draft): ...\n")
    failed = [one for one in examine(other(CEOS_SKILL_PATH=str(tmp_path))) if "review_drafts" in one.found]
    assert [one.check for one in failed] == ["plugins"]


def test_a_sandbox_that_an_operator_opened_is_said_to_be_their_choice(other: Callable[..., Runtime]) -> None:
    assert_finding(by_check(examine(other(CEOS_SANDBOX="dev")))["sandbox"], "warning", "Mode dev", "CEOS_SANDBOX=dev")


# Redis


def test_a_redis_that_would_lose_posts(fake_runtime: FakeRuntime) -> None:
    client = fake_runtime.runtime.database.client
    client.config_set("appendonly", "no")
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        found = by_check(examine(fake_runtime.runtime))
    finally:
        client.config_set("appendonly", "yes")
        client.config_set("maxmemory-policy", "noeviction")
    assert_finding(found["redis append-only"], "failed", "would lose posts", "appendonly yes")
    assert_finding(found["redis eviction"], "failed", "allkeys-lru", "noeviction")


def test_a_stopped_redis_does_not_hide_the_state_of_the_keys(other: Callable[..., Runtime]) -> None:
    found = by_check(examine(other(CEOS_REDIS_URL=CLOSED, NEYNAR_API_KEY=None)))
    assert_finding(found["redis"], "failed", "Redis does not answer", "start it".capitalize())
    assert_finding(found["models"], "warning", "Not checked", "Redis")
    assert_finding(found["openrouter key"], "ok")
    assert_finding(found["neynar key"], "failed", "NEYNAR_API_KEY")
    assert {"broker", "workers", "panic", "clock", "agents", "signers", "plugins", "fal key"} <= found.keys()


def test_a_broker_in_the_database_of_the_data(other: Callable[..., Runtime], fake_runtime: FakeRuntime) -> None:
    url = fake_runtime.runtime.redis_url
    found = by_check(examine(other(CEOS_REDIS_URL=url, CEOS_BROKER_URL=url)))
    assert_finding(found["broker"], "failed", "CEOS_BROKER_URL", "/1")


def test_a_broker_that_is_away(other: Callable[..., Runtime]) -> None:
    found = by_check(examine(other(CEOS_BROKER_URL=CLOSED)))
    assert_finding(found["broker"], "failed", "does not answer")
    assert_finding(found["redis"], "ok")


# Bad variables


def test_bad_variables_are_named_and_what_needs_them_is_left_out(fake_runtime: FakeRuntime, ceos_home: Path) -> None:
    environ = {
        **simulator_environ(fake_runtime.simulator.url),
        "CEOS_HOME": str(ceos_home),
        "CEOS_LOG_LEVEL": "loud",
        "NEYNAR_BASE_URL": "neynar.com",
        "CEOS_BROKER_URL": "localhost",
    }
    settings, problems = Settings.inspect(environ, dotenv=None)
    found = list(examine(Runtime(settings), problems))
    failed = [finding for finding in found if finding.check == "settings"]
    assert [finding.found.split()[0] for finding in failed] == ["CEOS_BROKER_URL", "CEOS_LOG_LEVEL", "NEYNAR_BASE_URL"]
    skipped = {finding.check: finding for finding in found if finding.found.startswith("Not checked")}
    assert skipped.keys() == {"broker", "neynar key", "signers", "disclosure"}
    assert "NEYNAR_BASE_URL is not valid" in skipped["neynar key"].found


# The command


def test_json_is_a_list_of_findings_and_the_code_tells_failure(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    shown = run("doctor", "--json")
    assert shown.code == 0
    assert {tuple(item) for item in shown.data} == {("check", "status", "found", "fix", "mend")}
    fake_runtime.simulator.faults(neynar={"keys": ["right"]})
    shown = run("doctor", "--json")
    assert shown.code == 1
    assert [item["check"] for item in shown.data if item["status"] == "failed"] == ["neynar key"]


def test_in_a_pipe_every_finding_is_one_line(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    shown = run("doctor")
    *lines, last = shown.out.splitlines()
    assert {line.split()[0] for line in lines} == {"ok", "warning"}
    # No worker is running, and the bio of the simulated account says nothing of a program.
    assert last == f"{len(lines)} findings: 2 warnings, 0 failed."
    assert shown.err == ""


def test_on_a_terminal_the_way_out_stands_below(
    run: Terminal, fake_runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ceos.cli.doctor.command.sys.stdout.isatty", lambda: True, raising=False)
    shown = run("doctor")
    assert "→ 'ceos up' starts some." in shown.out
    assert "findings:" in shown.out


def test_no_secret_is_ever_printed(tmp_path: Path, fake_runtime: FakeRuntime, ceos_home: Path) -> None:
    fake_runtime.apply(signer_uuid=None, signer_uuid_env="ADA_SIGNER")
    secrets = {
        "OPENROUTER_API_KEY": "sk-or-v1-0123456789abcdef",
        "FAL_KEY": "0123456789:fedcba9876543210",
        "NEYNAR_API_KEY": "NEYNAR-0123-4567-89AB",
        "ADA_SIGNER": SIGNER,
        "CEOS_BROKER_URL": "redis://user:pass-word-123@127.0.0.1:1/0",
        "NEYNAR_WEBHOOK_SECRET": "webhook-secret-123",
    }
    environ = clean_environ(ceos_home, **simulator_environ(fake_runtime.simulator.url) | secrets)
    fake_runtime.simulator.faults(neynar={"keys": ["other"]}, openrouter={"keys": ["other"]})
    shown = ceos("doctor", environ=environ, cwd=tmp_path)
    assert shown.code == 1
    everything = shown.out + shown.err
    hidden = [*secrets.values(), "pass-word-123", "fedcba9876543210"]
    assert [value for value in hidden if value in everything] == []
    assert "Traceback" not in everything
