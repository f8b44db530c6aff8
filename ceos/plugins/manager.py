"""Finds and checks plugins and holds their registrations; all mistakes of all plugins are one report.

A plugin is a module that implements hooks: an entry point of the group `ceos` in an installed package, or a single
file in a folder of `CEOS_SKILL_PATH`. Both are trusted code and run in this process. The strategies and skills of ceos
are registered in the same way. Skills in such a folder are found too; they are text, and are only read.
"""

from __future__ import annotations

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
from ceos.plugins.inspection import (
    HOOKS,
    Implementation,
    Plugin,
    marks_of,
    mistake_of_command,
    mistake_of_strategy,
    mistakes_of,
)
from ceos.plugins.reserved_commands import COMMANDS
from ceos.strategy import Strategy

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import click

    from ceos.skills.skill import Skill

log = logging.getLogger(__name__)

#: The prefix of modules of single files, so that `json.py` in a plugin folder does not replace another module.
MODULE_PREFIX = "ceos_plugin_"
#: The package of ceos itself; its plugins are always loaded, and first.
OURS = "ceos"
#: A line that marks a file as a skill, even if its manifest cannot be read.
_SKILL = re.compile(rb"^SKILL[ \t]*[:=]", re.MULTILINE)


@dataclass(frozen=True)
class PluginInfo:
    """The row of a plugin in `ceos plugin list`."""

    name: str
    #: The installed package, or the path of a single file.
    package: str
    #: Empty for a single file.
    version: str
    hooks: tuple[str, ...]
    strategies: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    #: The key of its calls in the hook counts.
    key: str = field(default="", compare=False)


def load_plugins(skill_path: str = "", only: str = "", *, entry_points: Iterable[EntryPoint] | None = None) -> Plugins:
    """Load every plugin: of installed packages, and of the folders in `skill_path`.

    `only` names the plugins to load besides those of ceos, separated by commas; "none" means those of ceos alone.
    Raises `PluginError` with a line for each problem of each plugin. `entry_points` defaults to the installed ones.
    """
    plugins = Plugins(only)
    points = installed() if entry_points is None else entry_points
    # Those of ceos first, so that a name conflict is reported for the other plugin.
    for point in sorted(points, key=lambda point: (_package(point)[0] != OURS, _package(point), point.name)):
        plugins.add_entry_point(point)
    for folder in dict.fromkeys(filter(None, skill_path.split(os.pathsep))):
        plugins.add_folder(Path(folder).expanduser())
    plugins.check()
    return plugins


class Plugins:
    """The loaded plugins: their registrations, and the calls of their hooks."""

    def __init__(self, only: str = "") -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._selection = _Selection(only)
        self._loaded: list[Plugin] = []
        self._problems: list[str] = []
        #: The implementations of each hook, in the order they are called.
        self._calls: dict[str, tuple[Implementation, ...]] = {}
        self._strategies: dict[str, Strategy] = {}
        self._skills: dict[str, Skill] = {}
        self._commands: dict[str, click.Command] = {}
        #: The owner of each registration, by kind and name.
        self._owners: dict[tuple[str, str], str] = {}
        #: The strategies, skills and commands by name.
        self.strategies: Mapping[str, Strategy] = MappingProxyType(self._strategies)
        self.skills: Mapping[str, Skill] = MappingProxyType(self._skills)
        self.commands: Mapping[str, click.Command] = MappingProxyType(self._commands)
        #: Counts every call of a decision or event hook.
        self.on_call: OnCall | None = None

    def strategy(self, name: str) -> Strategy:
        """Return the strategy `name`, or raise `NotFound` with the known names."""
        if name not in self.strategies:
            raise NotFound(f"No strategy named {name!r}. Known: {', '.join(sorted(self.strategies)) or 'none'}.")
        return self.strategies[name]

    def skill(self, name: str) -> Skill:
        """Return the skill `name`, or raise `NotFound` with the known names."""
        if name not in self.skills:
            raise NotFound(f"No skill named {name!r}. Known: {', '.join(sorted(self.skills)) or 'none'}.")
        return self.skills[name]

    def describe(self) -> list[PluginInfo]:
        """Return a description of each plugin, in the order in which they were loaded."""
        return [
            PluginInfo(
                plugin.name,
                plugin.package,
                plugin.version,
                plugin.hooks,
                strategies=tuple(plugin.registered["strategy"]),
                skills=tuple(plugin.registered["skill"]),
                commands=tuple(plugin.registered["command"]),
                key=plugin.key,
            )
            for plugin in self._loaded
        ]

    # Calling

    def listens(self, hook: str) -> bool:
        """Return True if any plugin implements `hook`."""
        return bool(self._calls.get(hook))

    def violations(self, agent: Any, draft: Any) -> list[str]:
        """Return the violations that the plugins find in a draft; a plugin that fails counts as a violation."""
        reviewers = self._calls.get("review_draft", ())
        return plugin_calls.violations(reviewers, {"agent": agent, "draft": draft}, self.on_call) if reviewers else []

    def notify(self, hook: str, /, **arguments: Any) -> None:
        """Report an event to every plugin that implements `hook`; a failure is logged and affects no other plugin."""
        assert set(arguments) == set(HOOKS[hook]), f"the arguments of {hook} are {', '.join(HOOKS[hook])}"
        if listeners := self._calls.get(hook):
            plugin_calls.notify(listeners, arguments, self.on_call)

    def dispatcher(self, hook: str) -> plugin_calls.EventDispatcher:
        """Return a dispatcher for many events in a row, which does not count each single call in Redis."""
        return plugin_calls.EventDispatcher(self._calls.get(hook, ()), self.on_call)

    # Loading

    def add_entry_point(self, point: EntryPoint) -> None:
        """Load the plugin of an installed package."""
        package, version = _package(point)
        if self._selection.includes(point.name, package, is_ours=package == OURS):
            self._add(Plugin(point.name, package, version), point.load)

    def add_folder(self, folder: Path) -> None:
        """Load every plugin file of `folder` and read every skill; other subfolders are not entered."""
        if not folder.is_dir():
            self._problems.append(f"There is no plugin folder {str(folder)!r}; correct CEOS_SKILL_PATH.")
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
        """Raise `PluginError` with every problem so far, if there is any."""
        if problems := [*self._problems, *self._selection.problems()]:
            raise PluginError("\n".join(problems))

    def _add_file(self, file: Path) -> None:
        from ceos.skills.loader import is_skill_file  # noqa: PLC0415  # keeps importing this module instant

        plugin = Plugin(file.stem, str(file), module=MODULE_PREFIX + re.sub(r"\W", "_", file.stem))
        try:
            source = file.read_bytes()
        except OSError as error:
            self._report(plugin, f"could not be read: {error.strerror}", error)
            return
        # A skill is untrusted and must not be executed here, even if it mentions hooks.
        if is_skill_file(file) or _SKILL.search(source):
            self._read_skill(file)
        elif not any(name.encode() in source for name in ("hookimpl", *HOOKS)) or not self._selection.includes(
            plugin.name
        ):
            return
        elif twin := next((other for other in self._loaded if other.module == plugin.module), None):
            self._report(plugin, f"has the same name as {twin.label}; rename one of the files")
        else:
            self._add(plugin, partial(_import_file, file, plugin.module))

    def _add(self, plugin: Plugin, load: Callable[[], Any]) -> None:
        try:
            module = load()
        # Foreign code may raise anything, and sys.exit() at import must not end the worker silently.
        except (Exception, SystemExit) as error:
            self._report(plugin, f"could not be loaded: {cause(error)}", error)
            return
        if self._manager.is_registered(module):
            self._report(plugin, "is the same module as another plugin; remove one of the two entry points")
            return
        marks = marks_of(self._manager, module)
        mistakes = mistakes_of(module, marks)
        for sentence in mistakes:
            self._report(plugin, sentence)
        if mistakes:
            return
        try:
            self._manager.register(module, name=plugin.key)
        except (pluggy.PluginValidationError, ValueError) as error:
            self._report(plugin, f"could not be registered: {cause(error)}", error)
            return
        plugin.hooks = tuple(hook for hook in HOOKS if any(mark.hook == hook for mark in marks))
        self._loaded.append(plugin)
        self._arrange()
        self._collect(plugin)

    def _arrange(self) -> None:
        """Put the implementations of each hook into pluggy's order: tryfirst, the last loaded first, trylast."""
        plugins = {plugin.key: plugin for plugin in self._loaded}
        for hook in HOOKS:
            found = reversed(getattr(self._manager.hook, hook).get_hookimpls())
            self._calls[hook] = tuple(Implementation(plugins[one.plugin_name], hook, one.function) for one in found)

    def _collect(self, plugin: Plugin) -> None:
        """Call the registration hooks of one plugin, so that each problem is attributed to the right plugin."""
        registrars: dict[str, Callable[[Plugin, Any], None]] = {
            "register_strategies": self._register_strategy,
            "register_skills": self._register_skills,
            "register_commands": self._register_command,
        }
        for hook, registrar in registrars.items():
            for implementation in self._calls[hook]:
                if implementation.plugin is not plugin:
                    continue
                try:
                    implementation({"register": partial(registrar, plugin)})
                except (Exception, SystemExit) as error:
                    self._report(plugin, f"failed in {hook}: {cause(error)}", error)

    # Registrations

    def _register_strategy(self, plugin: Plugin, strategy: Strategy) -> None:
        if wrong := mistake_of_strategy(strategy):
            self._report(plugin, wrong)
        elif self._claim(f"plugin {plugin.label}", "strategy", strategy.name):
            self._strategies[strategy.name] = strategy
            plugin.registered["strategy"].append(strategy.name)

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
                    self._report(plugin, f"registers a skill that is not valid: {problem}")
                return
            if not found:
                self._report(plugin, f"registers the skills of {str(skills)!r}, where there are none")
        else:
            kind = type(skills).__name__
            self._report(plugin, f"registers an object of type {kind}, which is neither a ceos.Skill nor a path")
            return
        for skill in found:
            if self._claim(f"plugin {plugin.label}", "skill", skill.name):
                self._skills[skill.name] = skill
                plugin.registered["skill"].append(skill.name)

    def _register_command(self, plugin: Plugin, command: click.Command) -> None:
        if wrong := mistake_of_command(command):
            self._report(plugin, wrong)
        elif command.name in COMMANDS:
            self._report(plugin, f"registers a command {command.name!r}, which is one of ceos's own")
        elif command.name and self._claim(f"plugin {plugin.label}", "command", command.name):
            self._commands[command.name] = command
            plugin.registered["command"].append(command.name)

    def _read_skill(self, path: Path) -> None:
        """Read a skill in one of the folders."""
        from ceos.skills.loader import read_skill  # noqa: PLC0415  # keeps importing this module instant

        try:
            skill = read_skill(path)
        except InvalidInput as error:
            self._problems += error.problems
            return
        if self._claim(str(path), "skill", skill.name):
            self._skills[skill.name] = skill

    def _claim(self, owner: str, kind: str, name: str) -> bool:
        """Register a name for its first owner, and report every other."""
        if first := self._owners.get((kind, name)):
            owner = owner[0].upper() + owner[1:]
            self._problems.append(f"{owner} registers a {kind} {name!r}, which {first} has registered already.")
            return False
        self._owners[kind, name] = owner
        return True

    def _report(self, plugin: Plugin, sentence: str, error: BaseException | None = None) -> None:
        self._problems.append(f"Plugin {plugin.label} {sentence}" + ("" if sentence.endswith(("?", ".")) else "."))
        if error is not None:
            fields = event("plugin.failed", plugin=plugin.name, package=plugin.package)
            log.warning("A plugin failed while it was loaded", exc_info=error, extra=fields)


class _Selection:
    """The plugins to load besides those of ceos: the ones in CEOS_PLUGINS, or all if it is empty."""

    def __init__(self, names: str) -> None:
        self._wanted = {_canonical(name): name.strip() for name in names.split(",") if name.strip()}
        self._is_restricted = bool(self._wanted)
        if list(self._wanted) == ["none"]:
            self._wanted.clear()
        self._known: dict[str, str] = {}

    def includes(self, *names: str, is_ours: bool = False) -> bool:
        """Return True if a plugin with these names is to be loaded; those of ceos always are."""
        self._known |= {_canonical(name): "" if is_ours else name for name in names}
        return is_ours or not self._is_restricted or any(_canonical(name) in self._wanted for name in names)

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each requested plugin that does not exist."""
        known = ", ".join(sorted(filter(None, self._known.values()))) or "none besides those of ceos"
        for canonical, name in self._wanted.items():
            if canonical not in self._known:
                yield f"CEOS_PLUGINS names an unknown plugin {name!r}. Known: {known}."


def _is_skill_folder(path: Path) -> bool:
    try:
        return (path / "skill.toml").is_file()
    except OSError:  # a folder that may not be entered
        return False


def _canonical(name: str) -> str:
    """Return the name of a package in the form in which pip compares names."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


@cache
def installed() -> tuple[EntryPoint, ...]:
    """Return the entry points of all installed packages; they are read once per process, which takes milliseconds."""
    from importlib.metadata import entry_points  # noqa: PLC0415  # only needed to load plugins

    return tuple(entry_points(group=hookspecs.PROJECT))


def _package(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else (point.value, "")


def _import_file(file: Path, name: str) -> Any:
    spec = spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None, "a .py file has a loader"
    module = module_from_spec(spec)
    # Dataclasses and pydantic look up the module of a class by its name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
