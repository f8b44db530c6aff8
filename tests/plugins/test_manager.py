"""Loading plugins: where they come from, what they register, and one sentence for everything that can be wrong."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.installed_packages import install

import ceos
from ceos import errors
from ceos.errors import NotFound, PluginError
from ceos.plugins.inspection import HOOKS
from ceos.plugins.manager import PluginInfo, Plugins, load_plugins
from ceos.runtime import Runtime
from ceos.settings import Settings

VERSION = importlib.metadata.version("ceos")
OURS = PluginInfo(
    "strategies",
    "ceos",
    VERSION,
    ("register_strategies",),
    ("balanced", "engagement", "media-heavy", "text-heavy", "trending"),
)

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
    assert (
        str(caught.value)
        == "No strategy named 'Balancd'. Known: balanced, engagement, media-heavy, text-heavy, trending."
    )


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
            MARK + "def qqq(): ...", f"implements an unknown hook qqq; known: {', '.join(HOOKS)}", id="unknown hook"
        ),
        pytest.param(
            MARK + "def register_strategies(register, registry): ...",
            "asks register_strategies for 'registry'; the hook offers register",
            id="wrong signature",
        ),
        pytest.param(
            "import ceos\n@ceos.hookimpl(wrapper=True)\ndef register_strategies(register): yield",
            "wraps register_strategies, but each plugin is called on its own; implement the hook without wrapper=True",
            id="wrapper",
        ),
        pytest.param(
            "import ceos\n@ceos.hookimpl(hookwrapper=True)\ndef review_draft(draft): yield",
            "wraps review_draft, but each plugin is called on its own; implement the hook without wrapper=True",
            id="old-style wrapper",
        ),
        pytest.param(
            MARK + "async def cast_published(cast): ...",
            "implements cast_published with async or yield, so calling it would do nothing; write a plain function",
            id="coroutine",
        ),
        pytest.param(
            MARK + "def review_draft(draft): yield 'no'",
            "implements review_draft with async or yield, so calling it would do nothing; write a plain function",
            id="generator",
        ),
        pytest.param(
            MARK + "def register_strategies(register): {}['tone']",
            "failed in register_strategies: KeyError 'tone'",
            id="hook fails",
        ),
        pytest.param(
            "import sys\n" + MARK + "def register_commands(register): sys.exit()",
            "failed in register_commands: SystemExit",
            id="hook exits",
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
            f"registers a strategy 'balanced', which plugin 'strategies' (ceos {VERSION}) has registered already",
            id="name of ours",
        ),
        pytest.param(
            HAIKU + "    register(Haiku())\n",
            "registers a strategy 'haiku', which plugin 'bad' ({file}) has registered already",
            id="twice",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, source: str, sentence: str) -> None:
    file = tmp_path / "bad.py"
    file.write_text(source)
    expected = sentence.replace("{file}", str(file)).replace("{name}", file.name)
    assert problems(tmp_path) == [f"Plugin 'bad' ({file}) {expected}" + ("" if expected.endswith("?") else ".")]


def test_all_problems_of_all_plugins_are_one_report(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(MARK + "def one(): ...\n@ceos.hookimpl\ndef register_strategies(x): ...")
    (tmp_path / "b.py").write_text("import nope  # hookimpl")
    (tmp_path / "c.py").write_text(HAIKU)
    missing = tmp_path / "missing"
    found = problems(f"{tmp_path}{os.pathsep}{missing}")
    assert [line.split()[1] for line in found] == ["'a'", "'a'", "'b'", "is"]
    assert found[-1] == f"There is no plugin folder '{missing}'; correct CEOS_SKILL_PATH."


def test_a_module_that_failed_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import nope  # hookimpl")
    problems(tmp_path)
    assert "ceos_plugin_bad" not in sys.modules


def test_two_files_of_one_name_are_reported(tmp_path: Path) -> None:
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


def test_a_package_adds_a_strategy_under_an_entry_point_of_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "packaged_haiku", HAIKU)
    plugins = load_plugins(entry_points=importlib.metadata.entry_points(group="ceos"))
    theirs = PluginInfo("strategies", "ceos-haiku", "0.2", ("register_strategies",), ("haiku",))
    assert [one for one in plugins.describe() if one.name == "strategies"] == [OURS, theirs]


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


# Skills

#: A whole skill in one file. It must never be run here, however much it looks like a plugin.
GATE = """
SKILL = {"name": "plain", "version": "1.0", "summary": "Objects to nothing.", "stage": "gate"}

raise SystemExit("executed by whoever looks for hookimpl")

def run(ctx, params):
    return None
"""

#: A plugin that brings the skills of the folder beside it.
BRINGS_SKILLS = """
from pathlib import Path
import ceos

@ceos.hookimpl
def register_skills(register):
    register(Path(__file__).parent / "mine")
"""


def skill_folder(folder: Path, **keys: str) -> Path:
    """Make the folder of a skill, with the given keys of the manifest changed, and return it."""
    folder.mkdir(parents=True)
    manifest = {"name": folder.name, "version": "1.0", "summary": "Objects to nothing.", "stage": "gate", **keys}
    (folder / "skill.toml").write_text("".join(f"{key} = '{value}'\n" for key, value in manifest.items()))
    (folder / "skill.py").write_text("raise SystemExit('executed')  # hookimpl\n\ndef run(ctx, params): ...\n")
    return folder


def test_a_plugin_brings_the_skills_of_a_folder(tmp_path: Path) -> None:
    for name in ("one", "two"):
        skill_folder(tmp_path / "mine" / name)
    (tmp_path / "brings.py").write_text(BRINGS_SKILLS)
    plugins = load_plugins(str(tmp_path))
    assert plugins.describe()[-1].skills == ("one", "two")
    assert plugins.skill("one").path == str(tmp_path / "mine" / "one")


def test_a_plugin_brings_a_skill_that_it_read_itself(tmp_path: Path) -> None:
    folder = skill_folder(tmp_path / "mine" / "one")
    call = f"from ceos.skills.loader import read_skill; register(read_skill({str(folder)!r}))"
    (tmp_path / "brings.py").write_text(MARK + f"def register_skills(register): {call}")
    assert load_plugins(str(tmp_path)).describe()[-1].skills == ("one",)


def test_skills_that_lie_in_a_folder_are_found_and_never_run(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(GATE)
    skill_folder(tmp_path / "other")
    plugins = load_plugins(str(tmp_path))
    assert {"plain", "other"} <= set(plugins.skills)
    assert plugins.skill("plain").path == str(tmp_path / "plain.py")
    assert plugins.describe() == load_plugins().describe(), "a skill is no plugin"


def test_a_folder_that_is_a_skill_itself_is_read_and_never_run(tmp_path: Path) -> None:
    folder = skill_folder(tmp_path / "other")
    assert load_plugins(str(folder)).skill("other").path == str(folder)


def test_a_file_that_means_to_be_a_skill_is_never_run_as_a_plugin(tmp_path: Path) -> None:
    file = tmp_path / "sly.py"
    file.write_text("# hookimpl\nSKILL = dict(name='sly')\nraise SystemExit('executed')\n")
    found = problems(tmp_path)
    assert found and all(line.startswith(str(file)) for line in found)


def test_an_unknown_skill_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(GATE)
    plugins = load_plugins(str(tmp_path))
    with pytest.raises(NotFound) as caught:
        plugins.skill("plian")
    assert str(caught.value) == f"No skill named 'plian'. Known: {', '.join(sorted(plugins.skills))}."


def test_everything_wrong_with_skills_is_in_the_one_report(tmp_path: Path) -> None:
    # Given a plugin with two bad skills, and another bad one that lies in the folder itself
    for name in ("one", "two"):
        skill_folder(tmp_path / "mine" / name, stage="gaet")
    (tmp_path / "brings.py").write_text(BRINGS_SKILLS)
    skill_folder(tmp_path / "other", version="")
    # When everything is loaded, then each line says whose it is and where
    first, second, third = problems(tmp_path)
    prefix = f"Plugin 'brings' ({tmp_path / 'brings.py'}) registers a skill that is not valid: "
    assert first.startswith(f"{prefix}{tmp_path / 'mine' / 'one' / 'skill.toml'}") and "gaet" in first
    assert second.startswith(f"{prefix}{tmp_path / 'mine' / 'two' / 'skill.toml'}")
    assert third.startswith(str(tmp_path / "other" / "skill.toml")) and "version" in third


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        pytest.param(
            "register('{folder}/nowhere')",
            "registers a skill that is not valid: {folder}/nowhere: there is no such file or folder.",
            id="nowhere",
        ),
        pytest.param(
            "register('{folder}/mine')", "registers the skills of '{folder}/mine', where there are none.", id="nothing"
        ),
        pytest.param(
            "register(5)", "registers an object of type int, which is neither a ceos.Skill nor a path.", id="a number"
        ),
    ],
)
def test_what_is_no_skill_is_one_sentence(tmp_path: Path, call: str, sentence: str) -> None:
    (tmp_path / "mine").mkdir()
    file = tmp_path / "bad.py"
    file.write_text(MARK + f"def register_skills(register): {call.format(folder=tmp_path)}")
    assert problems(tmp_path) == [f"Plugin 'bad' ({file}) {sentence.format(folder=tmp_path)}"]


def test_two_skills_of_one_name_are_a_problem_that_names_both(tmp_path: Path) -> None:
    skill_folder(tmp_path / "mine" / "plain")
    (tmp_path / "brings.py").write_text(BRINGS_SKILLS)
    (tmp_path / "plain.py").write_text(GATE)
    other = tmp_path / "other"
    skill_folder(other / "mine" / "plain")
    (other / "more.py").write_text(BRINGS_SKILLS)
    owner = f"plugin 'brings' ({tmp_path / 'brings.py'})"
    assert problems(f"{tmp_path}{os.pathsep}{other}") == [
        f"{tmp_path / 'plain.py'} registers a skill 'plain', which {owner} has registered already.",
        f"Plugin 'more' ({other / 'more.py'}) registers a skill 'plain', which {owner} has registered already.",
    ]


# CEOS_PLUGINS


@pytest.fixture
def several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Plugins]:
    """Load with CEOS_PLUGINS set, where a package, two files and a skill are to be had."""
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "packaged_haiku", HAIKU)
    folder = tmp_path / "plugins"
    folder.mkdir()
    for name in ("mondays", "tanka"):
        (folder / f"{name}.py").write_text(HAIKU.replace('"haiku"', f'"{name}"'))
    (folder / "plain.py").write_text(GATE)
    points = importlib.metadata.entry_points(group="ceos")
    return lambda only: load_plugins(str(folder), only, entry_points=points)


@pytest.mark.parametrize(
    ("only", "loaded"),
    [
        pytest.param("", {"haiku", "mondays", "tanka"}, id="unset: all"),
        pytest.param("none", set(), id="none: only ours"),
        pytest.param("mondays", {"mondays"}, id="the name of a file"),
        pytest.param("ceos-haiku", {"haiku"}, id="the name of a package"),
        pytest.param("Ceos_Haiku", {"haiku"}, id="as pip compares it"),
        pytest.param("strategies, tanka,", {"haiku", "tanka"}, id="the name of an entry point, and several"),
        pytest.param("ceos", set(), id="ours load anyway"),
    ],
)
def test_only_the_named_plugins_load_besides_ours(
    several: Callable[[str], Plugins], only: str, loaded: set[str]
) -> None:
    plugins = several(only)
    assert set(plugins.strategies) == {"balanced", "engagement", "media-heavy", "text-heavy", "trending"} | loaded
    assert "plain" in plugins.skills, "a skill is text, and runs only when it is allowed"


def test_a_plugin_that_is_not_named_is_not_executed(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("raise SystemExit('executed')  # hookimpl")
    load_plugins(str(tmp_path), "none")


def test_an_unknown_name_is_a_problem_that_names_the_known_ones(several: Callable[[str], Plugins]) -> None:
    with pytest.raises(PluginError) as caught:
        several("mondays,hiku")
    assert str(caught.value) == (
        "CEOS_PLUGINS names an unknown plugin 'hiku'. Known: ceos-haiku, mondays, strategies, tanka."
    )
    assert problems("", only="haiku", entry_points=[]) == [
        "CEOS_PLUGINS names an unknown plugin 'haiku'. Known: none besides those of ceos."
    ]


def test_the_variable_reaches_the_plugins(tmp_path: Path) -> None:
    (tmp_path / "mondays.py").write_text(HAIKU)
    environ = {"CEOS_SKILL_PATH": str(tmp_path), "CEOS_PLUGINS": "none", "CEOS_HOME": str(tmp_path)}
    assert "haiku" not in Runtime(Settings.from_env(environ, dotenv=None)).plugins.strategies


# The front door


def test_every_public_name_can_be_had_and_is_listed() -> None:
    assert all(getattr(ceos, name) is not None for name in ceos.__all__)
    assert set(ceos.__all__) <= set(dir(ceos))


def test_every_error_is_at_the_front_door() -> None:
    ours = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert ours <= set(ceos.__all__)


def test_a_renamed_error_still_works_and_names_its_successor() -> None:
    with pytest.warns(DeprecationWarning, match=r"ceos\.Fenced is deprecated .* use ceos\.StaleLease"):
        assert ceos.Fenced is ceos.StaleLease


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'ceos' has no attribute 'Stratgy'"):
        ceos.Stratgy  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("module", ["ceos", "ceos.plugins.manager"])
def test_importing_it_does_not_load_pydantic(module: str) -> None:
    code = f"import sys, {module}; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
