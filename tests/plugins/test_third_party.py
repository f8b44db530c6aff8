"""A stranger's package from pip to post: installed into a fresh environment, found, checked, allowed, and used."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers.terminal import Outcome, agent_file, clean_environ

from ceos.runtime import Runtime
from ceos.settings import Settings
from ceos.simulator import running
from ceos.simulator.server import Running
from ceos.supervisor import simulator_environ, wait_until

pytestmark = pytest.mark.slow

PACKAGE = Path(__file__).parents[1] / "third_party"
#: An agent that uses both skills of the package.
SKILLS = """
[[agent.skills]]
name = "season-words"
params = { hemisphere = "south" }

[[agent.skills]]
name = "haiku-shape"
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment with the stranger's package, which sees the ceos under test."""
    folder = tmp_path_factory.mktemp("third-party")
    # Copied, so that what building it leaves behind does not end up in the checkout.
    package = shutil.copytree(PACKAGE, folder / "ceos-haiku")
    environment = folder / "environment"
    venv.create(environment, symlinks=True)
    install = [sys.executable, "-m", "pip", "--python", str(environment), "install", "--no-deps", "--quiet"]
    subprocess.run([*install, str(package)], timeout=300, check=True)
    bases = dict.fromkeys(("base", "platbase"), str(environment))
    # A plain line with the folder would do for packages, but not for an editable install, which is a .pth file itself.
    ours = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    lines = [f"import site; site.addsitedir({path!r})" for path in sorted(ours)]
    (Path(sysconfig.get_path("purelib", "venv", bases)) / "ceos-under-test.pth").write_text("\n".join(lines) + "\n")
    return environment / "bin" / "python"


class Site:
    """A home, a simulator, and the commands of the environment with the stranger's package."""

    def __init__(self, python: Path, home: Path, simulator: Running) -> None:
        self.simulator = simulator
        self._python = python
        self._home = home
        self._environ = clean_environ(home, CEOS_LEASE_SECONDS="4", **simulator_environ(simulator.url))
        # Of this process, which does not have the package: only to see how many workers there are.
        self.runtime = Runtime(Settings.from_env(self._environ, dotenv=None))

    def ceos(self, *words: str) -> Outcome:
        """Run `ceos WORDS…`."""
        done = subprocess.run(
            [self._python, "-m", "ceos", *words],
            env=self._environ,
            cwd=self._home,
            timeout=60,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def up(self) -> Iterator[None]:
        """Run `ceos up` inside the block."""
        command = [self._python, "-m", "ceos", "up", "--processes", "1", "--threads", "1"]
        with (self._home / "up.log").open("ab") as log:
            process = subprocess.Popen(command, env=self._environ, cwd=self._home, stderr=log)
        try:
            assert wait_until(lambda: self.runtime.ops.counts()["workers"] == 1, 60), self.log()
            yield
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0, self.log()
        finally:
            process.kill()
            process.wait()

    def apply(self) -> Outcome:
        """Apply the agent that uses both skills."""
        file = self._home / "ada.toml"
        file.write_text(agent_file(schedule='cron = "0 0 1 1 *"', extra=SKILLS))
        return self.ceos("agent", "apply", str(file))

    def post(self) -> tuple[str, str]:
        """Have the agent post, and return the cast's text and what `ceos draft show` says about the post."""
        ended = self.ceos("post", "ada", "--kind", "original", "--wait", "--json")
        assert ended.code == 0, ended.err + self.log()
        shown = self.ceos("draft", "show", ended.data[0]["id"])
        return self.simulator.casts()[-1]["text"], shown.out

    def log(self) -> str:
        return (self._home / "up.log").read_text()


@pytest.fixture
def site(python: Path, tmp_path: Path) -> Iterator[Site]:
    with running(seed=7) as simulator:
        found = Site(python, tmp_path, simulator)
        yield found
        found.runtime.close()


@contextmanager
def changed(file: Path, old: str, new: str) -> Iterator[None]:
    """Change a file inside the block, as an update of its package would."""
    before = file.read_text()
    assert old in before
    file.write_text(before.replace(old, new))
    try:
        yield
    finally:
        file.write_text(before)


def test_an_installed_package_is_found_and_checked(site: Site) -> None:
    plugin = next(one for one in site.ceos("plugin", "list", "--json").data if one["package"] == "ceos-haiku")
    assert (plugin["name"], plugin["version"]) == ("haiku", "1.2.0")
    assert plugin["hooks"] == ["register_skills", "register_commands", "cast_published"]
    assert (plugin["skills"], plugin["commands"]) == (["haiku-shape", "season-words"], ["syllables"])
    listed = [one for one in site.ceos("skill", "list", "--json").data if one["package"] == "ceos-haiku"]
    assert {one["skill"]: one["state"] for one in listed} == dict.fromkeys(plugin["skills"], "not allowed")
    assert site.ceos("syllables", "An old silent pond").out == "5\n"

    checked = site.ceos("skill", "check", "haiku-shape", "season-words")
    assert (checked.code, checked.err) == (0, "")
    assert checked.out.splitlines() == [
        "haiku-shape 1.2.0 is fine; 2 examples ran.",
        "season-words 1.0.1 is fine; 2 examples ran.",
    ]
    shown = site.ceos("skill", "show", "season-words").out
    for line in ("state    not allowed", "may      log: write to its log", "may      now: know the time"):
        assert line in shown


def test_its_skills_and_hooks_take_part_in_a_post_once_they_are_allowed(site: Site) -> None:
    # Given an agent whose skills are a stranger's
    applied = site.apply()
    assert applied.code == 0
    for name in ("season-words", "haiku-shape"):
        assert f"Skill '{name}' is not allowed yet; look at it with 'ceos skill show {name}'" in applied.err
    with site.up():
        # When it posts before they are allowed, then it does without them
        text, shown = site.post()
        assert "\n" not in text
        assert "skill season-words (context): skipped\n    Skill 'season-words' is not allowed yet" in shown
        assert "skill haiku-shape (transform): skipped\n    Skill 'haiku-shape' is not allowed yet" in shown
        # When they are allowed, then the running worker uses them from the next post on
        allowed = site.ceos("skill", "allow", "haiku-shape", "season-words", "--yes")
        assert (allowed.code, "season-words 1.0.1 is allowed." in allowed.out) == (0, True)
        text, shown = site.post()
    assert text.count("\n") == 2
    assert "skill season-words 1.0.1 (context): ok" in shown
    assert "skill haiku-shape 1.2.0 (transform): ok" in shown
    assert site.log().count('"haiku.published"') == 1
    plugin = next(one for one in site.ceos("plugin", "list", "--json").data if one["package"] == "ceos-haiku")
    assert plugin["calls"]["cast_published"]["calls"] == 2


def test_a_source_that_changes_is_left_out_until_it_is_allowed_again(site: Site, python: Path) -> None:
    # Given a skill that was allowed, and an update that changes its source
    site.apply()
    assert site.ceos("skill", "allow", "haiku-shape", "season-words", "--yes").code == 0
    path = Path(site.ceos("skill", "show", "haiku-shape", "--json").data["path"])
    assert path.is_relative_to(python.parents[1]), "the installed one"
    with changed(path / "skill.py", '"\\n".join', '" / ".join'), site.up():
        # When the agent posts, then the changed skill is left out, and the record says why
        text, shown = site.post()
        assert " / " not in text and "\n" not in text
        assert "skill season-words 1.0.1 (context): ok" in shown
        assert "skill haiku-shape (transform): skipped" in shown
        assert "Skill 'haiku-shape' is not what was allowed: its source changed since 1.2.0 was allowed." in shown
        # When it is allowed again, then it is back
        allowed = site.ceos("skill", "allow", "haiku-shape", "--yes").out
        assert "changed  its source changed since 1.2.0 was allowed" in allowed
        text, shown = site.post()
    assert text.count(" / ") == 2
    assert "skill haiku-shape 1.2.0 (transform): ok" in shown
