"""Loading plugins: where they come from, what they register, and one sentence for everything that can be wrong."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ceos
from ceos import errors
from ceos.errors import NotFound, PluginError
from ceos.plugins import PluginInfo, load_plugins

VERSION = importlib.metadata.version("ceos")
OURS = PluginInfo("strategies", "ceos", VERSION, ("register_strategies",), ("balanced", "media-heavy", "text-heavy"))

#: A whole third-party strategy.
HAIKU = """
import ceos

class Haiku(ceos.Strategy):
    name = "haiku"
    def brief_post(self, agent, situation):
        return ceos.Brief.text(situation.topics[0])

@ceos.hookimpl
def register_strategies(register):
    register(Haiku())
"""


@pytest.fixture(autouse=True)
def modules_as_before() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("ceos_plugin_", "packaged_")):
            del sys.modules[name]


def problems(skill_path: Path | str, **options: object) -> list[str]:
    with pytest.raises(PluginError) as caught:
        load_plugins(str(skill_path), **options)  # type: ignore[arg-type]
    return str(caught.value).splitlines()


def test_our_own_strategies_come_through_the_entry_point() -> None:
    plugins = load_plugins()
    assert OURS in plugins.describe()
    assert plugins.strategy("balanced") is plugins.strategies["balanced"]


def test_an_unknown_strategy_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotFound) as caught:
        load_plugins().strategy("Balancd")
    assert str(caught.value) == "No strategy named 'Balancd'. Known: balanced, media-heavy, text-heavy."


def test_a_file_in_a_folder_adds_a_strategy(tmp_path: Path) -> None:
    file = tmp_path / "haiku.py"
    file.write_text(HAIKU)
    plugins = load_plugins(str(tmp_path))
    assert plugins.strategy("haiku").name == "haiku"
    assert plugins.describe()[-1] == PluginInfo("haiku", str(file), "", ("register_strategies",), ("haiku",))
    assert "ceos_plugin_haiku" in sys.modules


def test_several_folders_are_separated_like_path_and_repeats_are_harmless(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.py").write_text(HAIKU.replace('"haiku"', f'"{name}"'))
    folders = [str(tmp_path / "one"), "", str(tmp_path / "two"), str(tmp_path / "one")]
    assert {"one", "two"} < set(load_plugins(os.pathsep.join(folders)).strategies)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("skill.py", id="a file that mentions no hook may be a skill"),
        pytest.param("inner/skill.py", id="folders in the folder are not entered"),
        pytest.param(".hidden.py", id="hidden files are not plugins"),
    ],
)
def test_what_is_no_plugin_is_not_executed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    suspicious = "" if name == "skill.py" else "# hookimpl\n"
    (tmp_path / name).write_text(f"{suspicious}raise SystemExit('executed')\n")
    assert load_plugins(str(tmp_path)).describe() == load_plugins().describe()


MARK = "import ceos\n@ceos.hookimpl\n"


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        pytest.param("hookimpl = 1 +", "could not be loaded: SyntaxError invalid syntax ({name}, line 1)", id="syntax"),
        pytest.param(
            "import nope\nhookimpl",
            "could not be loaded: ModuleNotFoundError No module named 'nope'",
            id="import",
        ),
        pytest.param("hookimpl\n", "could not be loaded: NameError name 'hookimpl' is not defined", id="raises"),
        pytest.param("import sys  # hookimpl\nsys.exit(3)", "could not be loaded: SystemExit 3", id="exits"),
        pytest.param("# hookimpl", "implements no hook; mark its functions with @ceos.hookimpl", id="no hook"),
        pytest.param(
            "def register_strategies(register): ...",
            "defines register_strategies without @ceos.hookimpl",
            id="unmarked",
        ),
        pytest.param(
            MARK + "def register_strategy(register): ...",
            "implements an unknown hook register_strategy; did you mean register_strategies?",
            id="misspelt hook",
        ),
        pytest.param(
            MARK + "def qqq(): ...", "implements an unknown hook qqq; known: register_strategies", id="unknown hook"
        ),
        pytest.param(
            MARK + "def register_strategies(register, registry): ...",
            "asks register_strategies for 'registry'; the hook offers register",
            id="wrong signature",
        ),
        pytest.param(
            MARK + "def register_strategies(register): {}['tone']",
            "failed in register_strategies: KeyError 'tone'",
            id="hook fails",
        ),
        pytest.param(
            MARK + "def register_strategies(register): register(ceos.Strategy)",
            "registers the class Strategy; register an object of it: register(Strategy())",
            id="a class",
        ),
        pytest.param(
            MARK + "def register_strategies(register): register(5)",
            "registers an object of type int, which is not a ceos.Strategy",
            id="no strategy",
        ),
        pytest.param(
            MARK + "def register_strategies(register): register(ceos.Strategy())",
            "registers the strategy Strategy without a name; give the class one",
            id="no name",
        ),
        pytest.param(
            HAIKU.replace("agent, situation", "agent"),
            "registers the strategy 'haiku' whose brief_post takes (agent), not (agent, situation)",
            id="wrong method",
        ),
        pytest.param(
            HAIKU.replace('"haiku"', '"balanced"'),
            f"registers a strategy 'balanced', which 'strategies' (ceos {VERSION}) has registered already",
            id="name of ours",
        ),
        pytest.param(
            HAIKU + "    register(Haiku())\n",
            "registers a strategy 'haiku', which 'bad' ({file}) has registered already",
            id="twice",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, source: str, sentence: str) -> None:
    file = tmp_path / "bad.py"
    file.write_text(source)
    expected = sentence.replace("{file}", str(file)).replace("{name}", file.name)
    assert problems(tmp_path) == [f"Plugin 'bad' ({file}) {expected}" + ("" if expected.endswith("?") else ".")]


def test_a_wrapper_that_is_no_generator_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("import ceos\n@ceos.hookimpl(wrapper=True)\ndef register_strategies(register): ...")
    [problem] = problems(tmp_path)
    assert problem.startswith(f"Plugin 'bad' ({file}) could not be registered: PluginValidationError")


def test_all_problems_of_all_plugins_are_one_report(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(MARK + "def one(): ...\n@ceos.hookimpl\ndef register_strategies(x): ...")
    (tmp_path / "b.py").write_text("import nope  # hookimpl")
    (tmp_path / "c.py").write_text(HAIKU)
    missing = tmp_path / "missing"
    found = problems(f"{tmp_path}{os.pathsep}{missing}")
    assert [line.split()[1] for line in found] == ["'a'", "'a'", "'b'", "is"]
    assert found[-1] == f"There is no plugin folder '{missing}'; mend CEOS_SKILL_PATH."


def test_a_module_that_failed_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import nope  # hookimpl")
    problems(tmp_path)
    assert "ceos_plugin_bad" not in sys.modules


def test_two_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        (folder / "haiku.py").write_text(HAIKU)
    [problem] = problems(os.pathsep.join(map(str, folders)))
    first, second = (folder / "haiku.py" for folder in folders)
    assert problem == f"Plugin 'haiku' ({second}) has the same name as 'haiku' ({first}); rename one of the files."


def test_a_hook_that_may_be_missing_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "later.py").write_text(HAIKU + "\n@ceos.hookimpl(optionalhook=True)\ndef not_yet(x): ...\n")
    assert load_plugins(str(tmp_path)).describe()[-1].hooks == ("register_strategies",)


def install(
    folder: Path, module: str, source: str, *, package: str = "ceos-haiku"
) -> list[importlib.metadata.EntryPoint]:
    """Lay out a package as pip would have installed it and return its entry points."""
    info = folder / f"{package.replace('-', '_')}-0.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.2\n")
    (info / "entry_points.txt").write_text(f"[ceos]\nstrategies = {module}\n")
    (folder / f"{module}.py").write_text(source)
    return list(importlib.metadata.Distribution.at(info).entry_points)


def test_a_package_adds_a_strategy_under_an_entry_point_of_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "packaged_haiku", HAIKU)
    plugins = load_plugins(entry_points=importlib.metadata.entry_points(group="ceos"))
    theirs = PluginInfo("strategies", "ceos-haiku", "0.2", ("register_strategies",), ("haiku",))
    assert [one for one in plugins.describe() if one.package in ("ceos", "ceos-haiku")] == [OURS, theirs]


def test_a_broken_package_is_named_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    points = install(tmp_path, "packaged_broken", "import nope")
    assert problems("", entry_points=points) == [
        "Plugin 'strategies' (ceos-haiku 0.2) could not be loaded: ModuleNotFoundError No module named 'nope'."
    ]


def test_one_module_behind_two_entry_points_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    points = install(tmp_path, "packaged_twice", HAIKU)
    points += install(tmp_path, "packaged_twice", HAIKU, package="ceos-tanka")
    assert problems("", entry_points=points) == [
        "Plugin 'strategies' (ceos-tanka 0.2) is the same module as another plugin; remove one of the two entry points."
    ]


def test_the_hooks_can_be_called_directly(tmp_path: Path) -> None:
    (tmp_path / "haiku.py").write_text(HAIKU)
    names: list[str] = []
    load_plugins(str(tmp_path)).hook.register_strategies(register=lambda strategy: names.append(strategy.name))
    assert set(names) == {"balanced", "media-heavy", "text-heavy", "haiku"}


# The front door


def test_every_public_name_can_be_had_and_is_listed() -> None:
    assert all(getattr(ceos, name) is not None for name in ceos.__all__)
    assert set(ceos.__all__) <= set(dir(ceos))


def test_every_error_is_at_the_front_door() -> None:
    ours = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert ours <= set(ceos.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'ceos' has no attribute 'Stratgy'"):
        ceos.Stratgy  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("module", ["ceos", "ceos.plugins"])
def test_importing_it_does_not_load_pydantic(module: str) -> None:
    code = f"import sys, {module}; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
