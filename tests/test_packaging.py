"""A built wheel holds everything that runs, an sdist everything that is tracked, and building prints no warning."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
PACKAGES = {"ceos": "ceos", "strategies": "ceos_strategies", "skills": "ceos_skills"}
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".coverage*", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "build", "dist"
)


@dataclass(frozen=True)
class Built:
    """What `python -m build` made of a copy of this checkout."""

    wheel: set[str]
    sdist: set[str]
    output: str
    tracked: set[str]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    if not shutil.which("git"):
        pytest.skip("needs git, which says which files belong to the sdist")
    copy = tmp_path_factory.mktemp("build") / "ceos"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    # A cache that was compiled before the build must not be installed.
    (copy / "ceos" / "__pycache__").mkdir()
    (copy / "ceos" / "__pycache__" / "score.cpython-311.pyc").write_bytes(b"")
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "Everything"]):
        subprocess.run([*git, *arguments], cwd=copy, check=True, timeout=60)
    listed = subprocess.run(["git", "ls-files"], cwd=copy, check=True, capture_output=True, text=True, timeout=60)
    command = [sys.executable, "-m", "build", "--no-isolation"]
    # setuptools warns where Python is told not to compile.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=copy, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (copy / "dist").glob("*.whl")
    (sdist,) = (copy / "dist").glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as opened:
        in_wheel = set(opened.namelist())
    with tarfile.open(sdist) as archive:
        in_sdist = {member.name.partition("/")[2] for member in archive if member.isfile()}
    return Built(in_wheel, in_sdist, done.stdout + done.stderr, set(listed.stdout.splitlines()))


def test_the_wheel_holds_every_file_of_the_three_packages_and_no_other(built: Built) -> None:
    wanted = {
        PACKAGES[folder] + name.removeprefix(folder)
        for name in built.tracked
        if (folder := name.partition("/")[0]) in PACKAGES and not name.endswith("/README.md")
    }
    assert {name for name in built.wheel if ".dist-info/" not in name} == wanted
    for kind in ("ceos/storage/lua/*.lua", "ceos/evm/abis/*.json", "ceos/posts/prompts/*.md", "ceos/docs/*.md"):
        assert any(Path(name).match(kind) for name in built.wheel), kind
    assert {"ceos/py.typed", "ceos_skills/alt-text/skill.toml", "ceos_skills/alt-text/skill.py"} <= built.wheel


def test_the_sdist_holds_every_tracked_file(built: Built) -> None:
    assert built.tracked - built.sdist == set()
    assert {"CHANGELOG.md", "tests/conftest.py", "scripts/demo"} <= built.sdist


def test_building_prints_no_warning(built: Built) -> None:
    assert re.findall(r".*(?:[Ww]arning|WARN|[Dd]eprecat).*", built.output) == []
