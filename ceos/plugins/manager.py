"""Finds plugins, checks them, and keeps what they register; whatever is wrong with any of them is one report.

A plugin is a module that implements hooks: an entry point of the group `ceos` in an installed package, or a single
file in a folder of `CEOS_SKILL_PATH`. Both are trusted code and run in this process. Our own strategies and skills come
in the same way. Skills that lie in such a folder are found too; they are text, and are only read.
"""

from __future__ import annotations

import inspect
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pluggy

from ceos import hookspecs
from ceos.errors import InvalidInput, NotFound, PluginError
from ceos.logs import event
from ceos.plugins import calls as plugin_calls
from ceos.plugins.calls import OnCall, cause
from ceos.plugins.inspection import HOOKS, Implementation, Plugin, marks_of, mistakes_of
from ceos.plugins.reserved_commands import COMMANDS
from ceos.strategy import Strategy

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import click

    from ceos.skills.skill import Skill

log = logging.getLogger(__name__)

#: Modules of single files get this prefix, so that `json.py` in a plugin folder replaces nothing.
MODULE_PREFIX = "ceos_plugin_"
#: Our own package; its plugins always load, and first.
OURS = "ceos"
#: What a file says that is meant as a skill, be its manifest readable or not.
_SKILL = re.compile(rb"^SKILL[ \t]*[:=]", re.MULTILINE)


@dataclass(frozen=True)
class PluginInfo:
    """What `ceos plugin list` says about a plugin."""

    name: str
    #: The installed package, or the path of a single file.
    package: str
    #: Empty for a single file.
    version: str
    hooks: tuple[str, ...]
    strategies: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    #: What its calls are counted under, see `Store.hook_counts`.
    key: str = field(default="", compare=False)


def load_plugins(skill_path: str = "", only: str = "", *, entry_points: Iterable[EntryPoint] | None = None) -> Plugins:
    """Load every plugin: of installed packages, and of the folders in `skill_path`.

    `only` names those that load besides ours, separated by commas; "none" means ours alone. Raises `PluginError` with
    a line for each problem of each plugin. `entry_points` defaults to the installed ones.
    """
    plugins = Plugins(only)
    points = installed() if entry_points is None else entry_points
    # Ours first, so that of two strategies with one name the newcomer gets the blame.
    for point in sorted(points, key=lambda point: (_package(point)[0] != OURS, _package(point), point.name)):
        plugins.add_entry_point(point)
    for folder in dict.fromkeys(filter(None, skill_path.split(os.pathsep))):
        plugins.add_folder(Path(folder).expanduser())
    plugins.check()
    return plugins


class Plugins:
    """The loaded plugins: what they registered, and the way to ask and to tell them."""

    def __init__(self, only: str = "") -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._choice = _Choice(only)
        self._loaded: list[Plugin] = []
        self._problems: list[str] = []
        #: The implementations of each hook, in the order they are called.
        self._calls: dict[str, tuple[Implementation, ...]] = {}
        self._strategies: dict[str, Strategy] = {}
        self._skills: dict[str, Skill] = {}
        self._commands: dict[str, click.Command] = {}
        #: Who brought what: the owner by (sort of thing, name).
        self._owners: dict[tuple[str, str], str] = {}
        #: The strategies, skills and commands by name.
        self.strategies: Mapping[str, Strategy] = MappingProxyType(self._strategies)
        self.skills: Mapping[str, Skill] = MappingProxyType(self._skills)
        self.commands: Mapping[str, click.Command] = MappingProxyType(self._commands)
        #: Told of every call of a decision or event hook.
        self.on_call: OnCall | None = None

    def strategy(self, name: str) -> Strategy:
        """Return the strategy called `name`, or raise `NotFound` with the names there are."""
        if name not in self.strategies:
            raise NotFound(f"No strategy named {name!r}. Known: {', '.join(sorted(self.strategies)) or 'none'}.")
        return self.strategies[name]

    def skill(self, name: str) -> Skill:
        """Return the skill called `name`, or raise `NotFound` with the names there are."""
        if name not in self.skills:
            raise NotFound(f"No skill named {name!r}. Known: {', '.join(sorted(self.skills)) or 'none'}.")
        return self.skills[name]

    def describe(self) -> list[PluginInfo]:
        """Return what each plugin is and brings, in the order they were loaded."""
        return [
            PluginInfo(
                plugin.name,
                plugin.package,
                plugin.version,
                plugin.hooks,
                strategies=tuple(plugin.brought["strategy"]),
                skills=tuple(plugin.brought["skill"]),
                commands=tuple(plugin.brought["command"]),
                key=plugin.key,
            )
            for plugin in self._loaded
        ]

    # Asking and telling

    def listens(self, hook: str) -> bool:
        """Say whether any plugin implements `hook`."""
        return bool(self._calls.get(hook))

    def violations(self, agent: Any, draft: Any) -> list[str]:
        """Return what the plugins have to say against a draft; one that fails objects thereby."""
        asked = self._calls.get("review_draft", ())
        return plugin_calls.violations(asked, {"agent": agent, "draft": draft}, self.on_call) if asked else []

    def notify(self, hook: str, /, **arguments: Any) -> None:
        """Report an event to every plugin that implements `hook`; one that fails is logged and harms nobody."""
        assert set(arguments) == set(HOOKS[hook]), f"{hook} is told with {', '.join(HOOKS[hook])}"
        if told := self._calls.get(hook):
            plugin_calls.notify(told, arguments, self.on_call)

    def dispatcher(self, hook: str) -> plugin_calls.EventDispatcher:
        """Return a way to report many events in a row: it does not ask Redis to count each single call."""
        return plugin_calls.EventDispatcher(self._calls.get(hook, ()), self.on_call)

    # Loading

    def add_entry_point(self, point: EntryPoint) -> None:
        """Load the plugin of an installed package."""
        package, version = _package(point)
        if self._choice.takes(point.name, package, is_ours=package == OURS):
            self._add(Plugin(point.name, package, version), point.load)

    def add_folder(self, folder: Path) -> None:
        """Load every plugin file of `folder` and read every skill; other subfolders are not entered."""
        if not folder.is_dir():
            self._problems.append(f"There is no plugin folder {str(folder)!r}; mend CEOS_SKILL_PATH.")
            return
        if _is_skill_folder(folder):
            self._read_skill(folder)
            return
        for entry in sorted(folder.glob("[!.]*")):
            if _is_skill_folder(entry):
                self._read_skill(entry)
            elif entry.suffix == ".py" and not entry.is_dir():
                self._add_file(entry)

    def check(self) -> None:
        """Raise `PluginError` if anything was wrong with any plugin so far."""
        if problems := [*self._problems, *self._choice.problems()]:
            raise PluginError("\n".join(problems))

    def _add_file(self, file: Path) -> None:
        from ceos.skills.loader import is_skill_file  # noqa: PLC0415  # keeps importing this module instant

        plugin = Plugin(file.stem, str(file), module=MODULE_PREFIX + re.sub(r"\W", "_", file.stem))
        try:
            source = file.read_bytes()
        except OSError as error:
            self._blame(plugin, f"could not be read: {error.strerror}", error)
            return
        # A skill is a stranger's, and must not be run here, whatever else it mentions.
        if is_skill_file(file) or _SKILL.search(source):
            self._read_skill(file)
        elif not any(name.encode() in source for name in ("hookimpl", *HOOKS)) or not self._choice.takes(plugin.name):
            return
        elif twin := next((other for other in self._loaded if other.module == plugin.module), None):
            self._blame(plugin, f"has the same name as {twin.label}; rename one of the files")
        else:
            self._add(plugin, partial(_import_file, file, plugin.module))

    def _add(self, plugin: Plugin, load: Callable[[], Any]) -> None:
        try:
            module = load()
        # Code we did not write may raise anything, and sys.exit() at import must not end the worker without a word.
        except (Exception, SystemExit) as error:
            self._blame(plugin, f"could not be loaded: {cause(error)}", error)
            return
        if self._manager.is_registered(module):
            self._blame(plugin, "is the same module as another plugin; remove one of the two entry points")
            return
        marks = marks_of(self._manager, module)
        mistakes = mistakes_of(module, marks)
        for sentence in mistakes:
            self._blame(plugin, sentence)
        if mistakes:
            return
        try:
            self._manager.register(module, name=plugin.key)
        except (pluggy.PluginValidationError, ValueError) as error:
            self._blame(plugin, f"could not be registered: {cause(error)}", error)
            return
        plugin.hooks = tuple(hook for hook in HOOKS if any(mark.hook == hook for mark in marks))
        self._loaded.append(plugin)
        self._arrange()
        self._collect(plugin)

    def _arrange(self) -> None:
        """Put the implementations of each hook into pluggy's order: tryfirst, the plugin loaded last, trylast."""
        plugins = {plugin.key: plugin for plugin in self._loaded}
        for hook in HOOKS:
            found = reversed(getattr(self._manager.hook, hook).get_hookimpls())
            self._calls[hook] = tuple(Implementation(plugins[one.plugin_name], hook, one.function) for one in found)

    def _collect(self, plugin: Plugin) -> None:
        """Let one plugin register what it brings, so that each problem is put down to the right one."""
        ways: dict[str, Callable[[Plugin, Any], None]] = {
            "register_strategies": self._register_strategy,
            "register_skills": self._register_skills,
            "register_commands": self._register_command,
        }
        for hook, way in ways.items():
            for implementation in self._calls[hook]:
                if implementation.plugin is not plugin:
                    continue
                try:
                    implementation({"register": partial(way, plugin)})
                except (Exception, SystemExit) as error:
                    self._blame(plugin, f"failed in {hook}: {cause(error)}", error)

    # What plugins register

    def _register_strategy(self, plugin: Plugin, strategy: Strategy) -> None:
        if wrong := _strategy_trouble(strategy):
            self._blame(plugin, wrong)
        elif self._claim(f"plugin {plugin.label}", "strategy", strategy.name):
            self._strategies[strategy.name] = strategy
            plugin.brought["strategy"].append(strategy.name)

    def _register_skills(self, plugin: Plugin, skills: Skill | Path | str) -> None:
        from ceos.skills.loader import read_skills  # noqa: PLC0415  # keeps importing this module instant
        from ceos.skills.skill import Skill  # noqa: PLC0415

        if isinstance(skills, Skill):
            found = [skills]
        elif isinstance(skills, Path | str):
            try:
                found = read_skills(skills)
            except InvalidInput as error:
                for problem in error.problems:
                    self._blame(plugin, f"registers a skill that is not valid: {problem}")
                return
            if not found:
                self._blame(plugin, f"registers the skills of {str(skills)!r}, where there are none")
        else:
            kind = type(skills).__name__
            self._blame(plugin, f"registers an object of type {kind}, which is neither a ceos.Skill nor a path")
            return
        for skill in found:
            if self._claim(f"plugin {plugin.label}", "skill", skill.name):
                self._skills[skill.name] = skill
                plugin.brought["skill"].append(skill.name)

    def _register_command(self, plugin: Plugin, command: click.Command) -> None:
        if wrong := _command_trouble(command):
            self._blame(plugin, wrong)
        elif command.name in COMMANDS:
            self._blame(plugin, f"registers a command {command.name!r}, which is one of ceos's own")
        elif command.name and self._claim(f"plugin {plugin.label}", "command", command.name):
            self._commands[command.name] = command
            plugin.brought["command"].append(command.name)

    def _read_skill(self, path: Path) -> None:
        """Read a skill that lies in one of the folders."""
        from ceos.skills.loader import read_skill  # noqa: PLC0415  # keeps importing this module instant

        try:
            skill = read_skill(path)
        except InvalidInput as error:
            self._problems += error.problems
            return
        if self._claim(str(path), "skill", skill.name):
            self._skills[skill.name] = skill

    def _claim(self, who: str, sort: str, name: str) -> bool:
        """Give a name to the first who brings it, and blame every other."""
        if owner := self._owners.get((sort, name)):
            who = who[0].upper() + who[1:]
            self._problems.append(f"{who} brings a {sort} {name!r}, which {owner} has brought already.")
            return False
        self._owners[sort, name] = who
        return True

    def _blame(self, plugin: Plugin, sentence: str, error: BaseException | None = None) -> None:
        self._problems.append(f"Plugin {plugin.label} {sentence}" + ("" if sentence.endswith(("?", ".")) else "."))
        if error is not None:
            fields = event("plugin.failed", plugin=plugin.name, package=plugin.package)
            log.warning("A plugin failed while it was loaded", exc_info=error, extra=fields)


class _Choice:
    """Which plugins load besides ours: those that CEOS_PLUGINS names, or all when it names none."""

    def __init__(self, names: str) -> None:
        self._wanted = {_plain(name): name.strip() for name in names.split(",") if name.strip()}
        self._is_restricted = bool(self._wanted)
        if list(self._wanted) == ["none"]:
            self._wanted.clear()
        self._known: dict[str, str] = {}

    def takes(self, *names: str, is_ours: bool = False) -> bool:
        """Say whether a plugin that goes by these names loads; ours always do."""
        self._known |= {_plain(name): "" if is_ours else name for name in names}
        return is_ours or not self._is_restricted or any(_plain(name) in self._wanted for name in names)

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each wanted plugin that was not there."""
        known = ", ".join(sorted(filter(None, self._known.values()))) or "none besides ours"
        for plain, name in self._wanted.items():
            if plain not in self._known:
                yield f"CEOS_PLUGINS names an unknown plugin {name!r}. Known: {known}."


def _is_skill_folder(path: Path) -> bool:
    try:
        return (path / "skill.toml").is_file()
    except OSError:  # a folder that may not be entered
        return False


def _plain(name: str) -> str:
    """Return the name of a package as pip compares it."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


@cache
def installed() -> tuple[EntryPoint, ...]:
    """Return the entry points of all installed packages; reading them takes milliseconds, so once in a process."""
    from importlib.metadata import entry_points  # noqa: PLC0415  # only whoever loads plugins pays for it

    return tuple(entry_points(group=hookspecs.PROJECT))


def _package(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else (point.value, "")


def _import_file(file: Path, name: str) -> Any:
    spec = spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None, "a .py file has a loader"
    module = module_from_spec(spec)
    # Dataclasses and pydantic look the module of a class up by its name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


#: What the methods of a strategy are called with.
_STRATEGY_CALLS = {
    "brief_post": ("agent", "situation"),
    "brief_trend": ("agent", "situation", "trend"),
    "brief_event": ("agent", "situation", "event"),
    "decide": ("agent", "mention", "talk"),
}


def _strategy_trouble(strategy: object) -> str | None:
    """Return what is wrong with a strategy that is to be registered."""
    if isinstance(strategy, type) and issubclass(strategy, Strategy):
        return f"registers the class {strategy.__name__}; register an object of it: register({strategy.__name__}())"
    if not isinstance(strategy, Strategy):
        return f"registers an object of type {type(strategy).__name__}, which is not a ceos.Strategy"
    kind = type(strategy).__name__
    if not isinstance(strategy.name, str) or not strategy.name.strip():
        return f"registers the strategy {kind} without a name; give the class one"
    for name, arguments in _STRATEGY_CALLS.items():
        own = inspect.signature(getattr(strategy, name))
        try:
            own.bind(*arguments)
        except TypeError:
            return f"registers the strategy {strategy.name!r} whose {name} takes {own}, not ({', '.join(arguments)})"
    return None


def _command_trouble(command: Any) -> str | None:
    """Return what is wrong with a command that is to be registered."""
    # Workers load plugins too, and have no use for click itself.
    needed = ("name", "make_context", "invoke", "get_short_help_str")
    if isinstance(command, type) or not all(hasattr(command, name) for name in needed):
        hint = "; decorate the function with @click.command()" if inspect.isfunction(command) else ""
        return f"registers an object of type {type(command).__name__}, which is not a click command{hint}"
    if not isinstance(command.name, str) or not re.fullmatch(r"[a-z][a-z0-9_-]*", command.name):
        return f"registers a command named {command.name!r}; use lower-case letters, digits and dashes"
    return None
