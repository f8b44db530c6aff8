"""Helpers for tests of ceos, plugins and skills: a runtime on a real server and simulated services, in this process.

    def test_mondays_only(fake_runtime):
        fake_runtime.apply(strategy="mondays-only")
        run_id = fake_runtime.runtime.post("ada")
        fake_runtime.drive()
        assert fake_runtime.runtime.runs.run(run_id).status == "published"

`pytest_plugins = ["ceos.testing"]` in a conftest.py provides the fixture; `fake_runtime()` is the same as a context
manager. `run_skill` runs one skill in the sandbox. Only the fixtures need pytest.
"""

from __future__ import annotations

import atexit
import datetime as dt
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.lifecycle import Stage
from ceos.domain.runs import Run
from ceos.domain.text import CAST_BYTES
from ceos.engine.scheduler import Scheduler
from ceos.errors import InvalidInput
from ceos.runtime import Runtime, set_runtime
from ceos.sandbox.executor import Sandbox, SandboxLimits
from ceos.settings import Settings
from ceos.simulator import running
from ceos.skills.grants import GRANTS, Grants
from ceos.skills.host import SkillHost
from ceos.skills.loader import is_skill_file, read_skill, read_source, skill_of_text
from ceos.skills.runner import EXAMPLE_AGENT
from ceos.skills.skill import Skill, usual_seconds
from ceos.skills.stub_host import StubHost
from ceos.supervisor import simulator_environ

try:
    import pytest
except ImportError:  # only the fixtures need it
    pytest = None  # type: ignore[assignment]


class ManualClock(Clock):
    """A clock that moves only when a test moves it."""

    def __init__(self, start: dt.datetime) -> None:
        super().__init__()
        self._now = start

    def now(self) -> dt.datetime:
        """Return the time it was set to."""
        return self._now

    def set(self, moment: dt.datetime) -> None:
        """Set it to a time with a zone."""
        self._now = moment.astimezone(dt.UTC)

    def advance(self, **delta: float) -> None:
        """Move it forward, by the keywords of `timedelta`."""
        self._now += dt.timedelta(**delta)


#: The agent that `make_agent` makes by default.
ADA: dict[str, Any] = {
    "id": "ada",
    "name": "Ada",
    "fid": 1001,
    "signer_uuid": "00000000-0000-4000-8000-000000001001",
    "persona": {"bio": "An engineer of small machines.", "tone": "dry", "topics": ["clocks", "bridges"]},
    "schedule": {"cron": "0 * * * *", "jitter_seconds": 0},
}


def make_agent(**overrides: Any) -> Agent:
    """Return an agent with defaults for everything that `overrides` do not set; its signer is that of its fid.

    The simulator takes the signer `00000000-0000-4000-8000-{fid:012d}` for that of an account.
    """
    signer = {"signer_uuid": f"00000000-0000-4000-8000-{overrides.get('fid', ADA['fid']):012d}"}
    return Agent.model_validate({**ADA, **signer, **overrides})


#: The attributes of `ctx` that a call of `run_skill` may set.
INPUTS = ("agent", "topic", "kind", "draft", "recent", "limit")


def run_skill(
    source_or_path: str | Path,
    params: Mapping[str, Any] | None = None,
    *,
    grants: Mapping[str, Any] | Iterable[str] | None = None,
    seconds: float | None = None,
    memory_mb: int | None = None,
    answers: Mapping[str, Any] | None = None,
    now: dt.datetime | None = None,
    **inputs: Any,
) -> Any:
    """Run a skill in the real sandbox and return its value.

        assert run_skill("def run(ctx, params):\n    return params['n'] + 1\n", {"n": 1}) == 2

    A path is a skill's folder or file; a string with a line break, or one that begins with `def`, is a source. `grants`
    are as in a manifest, or names alone for grants without settings, and replace the manifest's. `answers` are as in a
    manifest's examples, and may be bytes for pages in any encoding; without them pages are fetched from public
    addresses, the memory lasts for the one call, and no model is asked. `inputs` are attributes of `ctx`: `agent`,
    `topic`, `kind`, `draft`, `recent` and `limit`. Raises `SkillForbidden`, `SkillTimedOut`, `SkillOutOfMemory`,
    `SkillFailed`, or `InvalidInput` for a path without a skill and for arguments that do not fit it.
    """
    skill, source = _found(source_or_path)
    granted = _granted(skill.grants if skill else Grants(), grants)
    usual = skill.limits_in_force() if skill else None
    limits = SandboxLimits(
        seconds=seconds if seconds is not None else usual.seconds if usual else usual_seconds(granted),
        memory_mb=memory_mb if memory_mb is not None else usual.memory_mb if usual else SandboxLimits.memory_mb,
    )
    if problems := _misfits(skill, params or {}, inputs, limits, now):
        raise InvalidInput("\n".join(problems))
    read = _sandbox().read_document
    host = (
        SkillHost(granted, params or {}, read=read)
        if answers is None
        else StubHost(answers, granted, params or {}, read=read)
    )
    about = {"topic": "clocks", "kind": "original", "draft": None, "recent": [], "limit": CAST_BYTES, **inputs}
    outcome = _sandbox().run(
        source,
        dict(params or {}),
        inputs={**about, "agent": {**EXAMPLE_AGENT, **inputs.get("agent", {})}},
        grants=granted.names(),
        host=host,
        limits=limits,
        seed="test",
        now=now,
    )
    return outcome.value


def _found(source_or_path: str | Path) -> tuple[Skill | None, str]:
    """Return the skill, or None for a source without a manifest, and the source."""
    if isinstance(source_or_path, str) and ("\n" in source_or_path or source_or_path.startswith("def ")):
        skill = skill_of_text(source_or_path)
        return skill, skill.source if skill else source_or_path
    path = Path(source_or_path)
    if path.is_dir() or not path.exists() or is_skill_file(path):
        skill = read_skill(path)
        return skill, skill.source
    return None, read_source(path)


def _granted(own: Grants, grants: Mapping[str, Any] | Iterable[str] | None) -> Grants:
    """Return the grants of a call; those of the manifest by default."""
    if grants is None:
        return own
    names = [grants] if isinstance(grants, str) else grants
    wanted = names if isinstance(names, Mapping) else dict.fromkeys(names, True)
    # A name is enough for these; http needs hosts.
    settings: dict[str, Any] = {
        name: {} if on is True and name in ("memory", "llm") else on for name, on in wanted.items()
    }
    if unknown := [name for name in settings if name not in GRANTS]:
        raise InvalidInput(f"No grant {unknown[0]!r}. Known: {', '.join(GRANTS)}.")
    if settings.get("http") is True:
        raise InvalidInput('The grant http needs hosts: grants={"http": {"hosts": ["api.example.org"]}}.')
    try:
        return Grants.model_validate(settings)
    except ValidationError as error:
        found = [(".".join(map(str, detail["loc"])), detail["msg"]) for detail in error.errors()]
        raise InvalidInput("\n".join(f"grants.{place}: {words}." for place, words in found)) from None


def _misfits(
    skill: Skill | None,
    params: Mapping[str, Any],
    inputs: Mapping[str, Any],
    limits: SandboxLimits,
    now: dt.datetime | None,
) -> list[str]:
    """Return a sentence for each argument of `run_skill` that does not fit."""
    problems = [f"No input {name!r}. Known: {', '.join(INPUTS)}." for name in inputs if name not in INPUTS]
    if isinstance(inputs.get("draft"), str):
        problems.append("draft is a list of strings, the parts of the draft; got a string.")
    if limits.seconds <= 0 or limits.memory_mb <= 0:
        problems.append("seconds and memory_mb are more than 0.")
    if now is not None and now.tzinfo is None:
        problems.append("now needs a zone, such as datetime.UTC.")
    if skill is not None:
        problems += skill.check_params(params)
        if skill.stage.has_draft and inputs.get("draft") is None:
            problems.append(f"Give a draft=[…]; {skill.name} is a skill of the stage {skill.stage}.")
    return problems


@cache
def _sandbox() -> Sandbox:
    """Return the sandbox that all calls of this process share."""
    sandbox = Sandbox()
    atexit.register(sandbox.close)
    return sandbox


class FakeRuntime:
    """A runtime whose services are simulated and whose clock stands still."""

    def __init__(self, runtime: Runtime, simulator: Any, clock: ManualClock) -> None:
        self.runtime = runtime
        self.simulator = simulator
        self.clock = clock
        self.sent: list[tuple[str, Stage]] = []
        #: Tasks for all agents at once that were sent, such as counting; `step` does not run them.
        self.errands: list[tuple[str, Stage]] = []
        self.scheduler: Scheduler = runtime.scheduler(self.take, lambda: 0)

    def apply(self, **overrides: Any) -> Agent:
        """Store an agent made by `make_agent` and return it."""
        agent = make_agent(**overrides)
        self.runtime.apply([agent])
        return agent

    def take(self, calls: Sequence[tuple[str, Stage]]) -> None:
        """Queue the tasks that a scheduler sends."""
        for call in calls:
            (self.errands if call[1] is Stage.COUNT else self.sent).append(call)

    def step(self) -> int:
        """Let the scheduler tick, run the tasks it sends stage by stage, and return the number of stages."""
        self.scheduler.tick()
        count = 0
        while self.sent:
            run_id, stage = self.sent.pop(0)
            if stage is Stage.LISTEN:
                self.runtime.mention_poller.poll(run_id)
                continue
            if stage is Stage.TRENDS:
                self.sent += [(agent_id, stage) for agent_id in self.runtime.trends.handle(run_id)]
                continue
            if stage is Stage.CHAIN:
                self.runtime.chain.handle(run_id)
                continue
            following = getattr(self.runtime.pipeline, stage)(run_id)
            count += 1
            if following is not None:
                self.sent.append((run_id, following))
        return count

    def drive(self, rounds: int = 30) -> None:
        """Step until no run is open; runs that wait for their next attempt are made due."""
        for _ in range(rounds):
            self.step()
            if not self.runtime.ops.wake_runs():
                return

    def wake(self) -> int:
        """Make every open run due now, and return their number."""
        return self.runtime.ops.wake_runs()

    def post(self, agent_id: str = "ada", **options: Any) -> Run:
        """Post by hand, drive it to its end, and return its record."""
        run_id = self.runtime.post(agent_id, **options)
        self.drive()
        return self.runtime.runs.run(run_id)

    def casts(self) -> list[dict[str, Any]]:
        """Return the casts on the simulated Farcaster, in order."""
        found: list[dict[str, Any]] = self.simulator.casts()
        return found


def _no_wait(seconds: float) -> None:
    del seconds


@contextmanager
def fake_runtime(
    home: Path | None = None, *, seed: int = 7, simulator: Any = None, **environ: str
) -> Iterator[FakeRuntime]:
    """Yield a runtime on an embedded server under `home` (a temporary folder by default), emptied first.

    `simulator` is a running simulator to use instead of an own one; it is reset first. `environ` are further variables.
    Attempts follow each other without waiting.
    """
    own = running(seed=seed) if simulator is None else nullcontext(simulator)
    with tempfile.TemporaryDirectory(prefix="ceos-test-") as temporary, own as services:
        services.reset()
        variables = {
            "CEOS_HOME": str(home or temporary),
            "CEOS_SETTLE_SECONDS": "0",
            "CEOS_NEYNAR_PER_MINUTE": "0",
            **simulator_environ(services.url),
            **environ,
        }
        runtime = Runtime(Settings.from_env(variables, dotenv=None))
        clock = ManualClock(dt.datetime(2026, 3, 2, 8, 59, tzinfo=dt.UTC))
        runtime.clock = clock
        runtime.sleep = _no_wait  # type: ignore[method-assign]
        runtime.database.client.flushall()
        set_runtime(runtime)
        try:
            yield FakeRuntime(runtime, services, clock)
        finally:
            set_runtime(None)
            runtime.close()


if pytest is not None:

    @pytest.fixture(scope="session")
    def ceos_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
        """Yield a folder with an embedded server that all tests of the session share."""
        from ceos.storage.embedded import EmbeddedServer  # noqa: PLC0415  # only this fixture needs it

        home = tmp_path_factory.mktemp("ceos-home")
        server = EmbeddedServer(home)
        server.ensure()
        yield home
        server.release()

    @pytest.fixture(scope="session")
    def ceos_simulator() -> Iterator[Any]:
        """Yield the simulated services that all tests of the session share; `fake_runtime` resets them."""
        with running(seed=7) as simulator:
            yield simulator

    @pytest.fixture(name="fake_runtime")
    def fake_runtime_fixture(ceos_home: Path, ceos_simulator: Any) -> Iterator[FakeRuntime]:
        """Yield a runtime for one test: an emptied server, simulated services, a clock that stands still."""
        with fake_runtime(ceos_home, simulator=ceos_simulator) as fake:
            yield fake
