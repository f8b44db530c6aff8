"""Finds plugins, checks them, and keeps what they register; whatever is wrong with any of them is one report.

A plugin is a module that implements hooks: an entry point of the group `ceos` in an installed package, or a single
file in a folder of `CEOS_SKILL_PATH`. Both are trusted code and run in this process. Our own strategies come in the
same way.
"""

from __future__ import annotations

import difflib
import inspect
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pluggy

from ceos import hookspecs
from ceos.errors import NotFound, PluginError
from ceos.logs import event
from ceos.strategy import Strategy

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

log = logging.getLogger(__name__)

#: Modules of single files get this prefix, so that `json.py` in a plugin folder replaces nothing.
MODULE_PREFIX = "ceos_plugin_"


@dataclass(frozen=True)
class PluginInfo:
    """What `ceos plugin list` says about a plugin."""

    name: str
    #: The installed package, or the path of a single file.
    package: str
    #: Empty for a single file.
    version: str
    hooks: tuple[str, ...]
    strategies: tuple[str, ...]


def load_plugins(skill_path: str = "", *, entry_points: Iterable[EntryPoint] | None = None) -> Plugins:
    """Load every plugin: of installed packages, and of the folders in `skill_path`.

    Raises `PluginError` with a line for each problem of each plugin. `entry_points` defaults to the installed ones.
    """
    plugins = Plugins()
    points = _installed() if entry_points is None else entry_points
    # Ours first, so that of two strategies with one name the newcomer gets the blame.
    for point in sorted(points, key=lambda point: (_package(point)[0] != "ceos", _package(point), point.name)):
        plugins.add_entry_point(point)
    for folder in dict.fromkeys(filter(None, skill_path.split(os.pathsep))):
        plugins.add_folder(Path(folder).expanduser())
    plugins.check()
    return plugins


class Plugins:
    """The loaded plugins; `hook` calls them all, `strategies` holds what they registered."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        #: The arguments of every hook, by its name.
        self._hooks = {
            name: tuple(inspect.signature(function).parameters)
            for name, function in inspect.getmembers(hookspecs, inspect.isfunction)
            if self._manager.parse_hookspec_opts(hookspecs, name) is not None
        }
        self._loaded: list[_Plugin] = []
        self._strategies: dict[str, Strategy] = {}
        self._problems: list[str] = []
        #: The strategies by name.
        self.strategies: Mapping[str, Strategy] = MappingProxyType(self._strategies)

    @property
    def hook(self) -> pluggy.HookRelay:
        """Calls a hook of every plugin: `plugins.hook.<name>(<argument>=…)`."""
        return self._manager.hook

    def strategy(self, name: str) -> Strategy:
        """Return the strategy called `name`, or raise `NotFound` with the names there are."""
        if name not in self._strategies:
            raise NotFound(f"No strategy named {name!r}. Known: {', '.join(sorted(self._strategies))}.")
        return self._strategies[name]

    def describe(self) -> list[PluginInfo]:
        """Return what each plugin is and brings, in the order they were loaded."""
        return [
            PluginInfo(
                plugin.name, plugin.package, plugin.version, tuple(sorted(plugin.hooks)), tuple(plugin.strategies)
            )
            for plugin in self._loaded
        ]

    def add_entry_point(self, point: EntryPoint) -> None:
        """Load the plugin of an installed package."""
        self._add(_Plugin(point.name, *_package(point)), point.load)

    def add_folder(self, folder: Path) -> None:
        """Load every plugin file of `folder`; subfolders are not entered."""
        if not folder.is_dir():
            self._problems.append(f"There is no plugin folder {str(folder)!r}; mend CEOS_SKILL_PATH.")
            return
        for file in sorted(folder.glob("[!.]*.py")):
            plugin = _Plugin(file.stem, str(file), module=MODULE_PREFIX + re.sub(r"\W", "_", file.stem))
            if not self._is_meant_as_plugin(file, plugin):
                continue
            if twin := next((other for other in self._loaded if other.module == plugin.module), None):
                self._blame(plugin, f"has the same name as {twin.label}; rename one of the files")
            else:
                self._add(plugin, partial(_import_file, file, plugin.module))

    def check(self) -> None:
        """Raise `PluginError` if anything was wrong with any plugin so far."""
        if self._problems:
            raise PluginError("\n".join(self._problems))

    def _is_meant_as_plugin(self, file: Path, plugin: _Plugin) -> bool:
        """Say whether a file mentions a hook; one that does not may be a skill, which this process must not run."""
        try:
            source = file.read_bytes()
        except OSError as error:
            self._blame(plugin, f"could not be read: {error.strerror}", error)
            return False
        return any(name.encode() in source for name in ("hookimpl", *self._hooks))

    def _add(self, plugin: _Plugin, load: Callable[[], Any]) -> None:
        try:
            module = load()
        # Code we did not write may raise anything, and sys.exit() at import must not end the worker without a word.
        except (Exception, SystemExit) as error:
            self._blame(plugin, f"could not be loaded: {_cause(error)}", error)
            return
        if not self._is_sound(plugin, module):
            return
        try:
            self._manager.register(module, name=plugin.key)
        except pluggy.PluginValidationError as error:
            self._blame(plugin, f"could not be registered: {_cause(error)}", error)
            return
        self._loaded.append(plugin)
        self._collect(plugin, module)

    def _is_sound(self, plugin: _Plugin, module: Any) -> bool:
        """Check names and arguments of all hooks; pluggy itself would stop at the first mistake."""
        if self._manager.is_registered(module):
            self._blame(plugin, "is the same module as another plugin; remove one of the two entry points")
            return False
        plugin.hooks = self._implementations(module)
        wrong = [*self._unmarked(module, plugin.hooks), *self._misfits(plugin.hooks)]
        if not plugin.hooks and not wrong:
            wrong = ["implements no hook; mark its functions with @ceos.hookimpl"]
        for sentence in wrong:
            self._blame(plugin, sentence)
        return not wrong

    def _implementations(self, module: Any) -> dict[str, Callable[..., Any]]:
        """Return the functions of a plugin that are marked as hooks, by the name of the hook."""
        found = {}
        for attribute in dir(module):
            options = self._manager.parse_hookimpl_opts(module, attribute)
            if options is None:
                continue
            name = options.get("specname") or attribute
            if name in self._hooks or not options.get("optionalhook"):
                found[name] = getattr(module, attribute)
        return found

    def _unmarked(self, module: Any, marked: Mapping[str, Any]) -> Iterator[str]:
        for name in self._hooks:
            if name not in marked and inspect.isfunction(getattr(module, name, None)):
                yield f"defines {name} without @ceos.hookimpl"

    def _misfits(self, hooks: Mapping[str, Callable[..., Any]]) -> Iterator[str]:
        known = self._hooks
        for name, function in hooks.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                yield f"implements an unknown hook {name}; " + (
                    f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
                )
            elif extra := [argument for argument in _arguments(function) if argument not in known[name]]:
                yield f"asks {name} for {', '.join(map(repr, extra))}; the hook offers {', '.join(known[name])}"

    def _collect(self, plugin: _Plugin, module: Any) -> None:
        """Let one plugin register its strategies, so that each problem is put down to the right one."""
        others = [other for other in self._manager.get_plugins() if other is not module]
        try:
            call = self._manager.subset_hook_caller("register_strategies", others)
            call(register=partial(self._register, plugin))
        except Exception as error:
            self._blame(plugin, f"failed in register_strategies: {_cause(error)}", error)

    def _register(self, plugin: _Plugin, strategy: Strategy) -> None:
        if wrong := _strategy_trouble(strategy):
            self._blame(plugin, wrong)
        elif strategy.name in self._strategies:
            owner = next(other for other in self._loaded if strategy.name in other.strategies)
            self._blame(plugin, f"registers a strategy {strategy.name!r}, which {owner.label} has registered already")
        else:
            self._strategies[strategy.name] = strategy
            plugin.strategies.append(strategy.name)

    def _blame(self, plugin: _Plugin, sentence: str, error: BaseException | None = None) -> None:
        self._problems.append(f"Plugin {plugin.label} {sentence}" + ("" if sentence.endswith("?") else "."))
        if error is not None:
            fields = event("plugin.failed", plugin=plugin.name, package=plugin.package)
            log.warning("A plugin failed while it was loaded", exc_info=error, extra=fields)


class _Plugin:
    """One plugin while it is loaded: where it comes from and what it brought."""

    def __init__(self, name: str, package: str, version: str = "", *, module: str = "") -> None:
        self.name = name
        self.package = package
        self.version = version
        #: The private module name of a single file; empty for a package.
        self.module = module
        self.hooks: dict[str, Callable[..., Any]] = {}
        self.strategies: list[str] = []

    @property
    def key(self) -> str:
        """The name pluggy knows it by; many packages will call their entry point 'strategies'."""
        return f"{self.package}:{self.name}"

    @property
    def label(self) -> str:
        return f"{self.name!r} ({' '.join(filter(None, (self.package, self.version)))})"


@cache
def _installed() -> tuple[EntryPoint, ...]:
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


def _arguments(function: Callable[..., Any]) -> list[str]:
    """Return the arguments that have to be passed to `function`."""
    parameters = inspect.signature(function).parameters.values()
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one.name for one in parameters if one.default is one.empty and one.kind not in optional]


def _strategy_trouble(strategy: object) -> str | None:
    """Return what is wrong with a strategy that is to be registered."""
    if isinstance(strategy, type) and issubclass(strategy, Strategy):
        return f"registers the class {strategy.__name__}; register an object of it: register({strategy.__name__}())"
    if not isinstance(strategy, Strategy):
        return f"registers an object of type {type(strategy).__name__}, which is not a ceos.Strategy"
    kind = type(strategy).__name__
    if not isinstance(strategy.name, str) or not strategy.name.strip():
        return f"registers the strategy {kind} without a name; give the class one"
    try:
        inspect.signature(strategy.brief_post).bind("agent", "situation")
    except TypeError:
        own = inspect.signature(strategy.brief_post)
        return f"registers the strategy {strategy.name!r} whose brief_post takes {own}, not (agent, situation)"
    return None


def _cause(error: BaseException) -> str:
    """Return type and message of an exception on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__} {text[:200]}".strip()
