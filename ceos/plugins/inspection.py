"""A plugin, its implementations of hooks, and the checks of its hooks and registrations."""

from __future__ import annotations

import difflib
import inspect
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pluggy

from ceos import hookspecs
from ceos.strategy import Strategy

_CATCH_ALL = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _hooks() -> dict[str, tuple[str, ...]]:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    return {
        name: tuple(inspect.signature(value).parameters)
        for name, value in vars(hookspecs).items()
        if manager.parse_hookspec_opts(hookspecs, name) is not None
    }


#: The arguments of every hook, by its name.
HOOKS: Mapping[str, tuple[str, ...]] = MappingProxyType(_hooks())


class Plugin:
    """One plugin: its origin and its registrations."""

    def __init__(self, name: str, package: str, version: str = "", *, module: str = "") -> None:
        self.name = name
        self.package = package
        self.version = version
        #: The private module name of a single file; empty for a package.
        self.module = module
        self.hooks: tuple[str, ...] = ()
        #: The names it registered, by kind: strategy, skill, command.
        self.registered: dict[str, list[str]] = defaultdict(list)

    @property
    def key(self) -> str:
        """The unique name in pluggy and in the counts; many packages may have an entry point 'strategies'."""
        return f"{self.package}:{self.name}"

    @property
    def label(self) -> str:
        """The name in messages."""
        return f"{self.name!r} ({' '.join(filter(None, (self.package, self.version)))})"


@dataclass(frozen=True)
class Mark:
    """One function that a plugin marks as a hook."""

    hook: str
    function: Callable[..., Any]
    is_wrapper: bool


class Implementation:
    """One plugin's implementation of one hook; it receives only the arguments that it names."""

    def __init__(self, plugin: Plugin, hook: str, function: Callable[..., Any]) -> None:
        self.plugin = plugin
        self.hook = hook
        self._function = function
        wanted = [
            one
            for one in inspect.signature(function).parameters.values()
            if one.name in HOOKS[hook] and one.kind not in _CATCH_ALL
        ]
        self._positional = tuple(one.name for one in wanted if one.kind is one.POSITIONAL_ONLY)
        self._named = tuple(one.name for one in wanted if one.kind is not one.POSITIONAL_ONLY)

    def __call__(self, arguments: Mapping[str, Any]) -> Any:
        """Call it with the arguments that it names, and return its answer."""
        positional = (arguments[name] for name in self._positional)
        return self._function(*positional, **{name: arguments[name] for name in self._named})


def marks_of(manager: pluggy.PluginManager, module: Any) -> list[Mark]:
    """Return the functions that a plugin marks with `@ceos.hookimpl`."""
    found = []
    for attribute in dir(module):
        options = manager.parse_hookimpl_opts(module, attribute)
        if options is None:
            continue
        hook = options.get("specname") or attribute
        if hook in HOOKS or not options.get("optionalhook"):
            is_wrapper = bool(options.get("wrapper") or options.get("hookwrapper"))
            found.append(Mark(hook, getattr(module, attribute), is_wrapper))
    return found


def mistakes_of(module: Any, marks: Sequence[Mark]) -> list[str]:
    """Return a sentence for each mistake in a plugin's hooks; pluggy would stop at the first."""
    hooks = {mark.hook for mark in marks}
    wrong = [
        f"defines {name} without @ceos.hookimpl"
        for name in HOOKS
        if name not in hooks and inspect.isfunction(getattr(module, name, None))
    ]
    for mark in marks:
        wrong += _mistakes_in(mark)
    if not marks and not wrong:
        wrong.append("implements no hook; mark its functions with @ceos.hookimpl")
    return wrong


def _mistakes_in(mark: Mark) -> Iterator[str]:
    hook, function = mark.hook, mark.function
    if hook not in HOOKS:
        near = difflib.get_close_matches(hook, HOOKS, n=1)
        yield f"implements an unknown hook {hook}; " + (
            f"did you mean {near[0]}?" if near else f"known: {', '.join(HOOKS)}"
        )
        return
    if mark.is_wrapper:
        yield f"wraps {hook}, but each plugin is called on its own; implement the hook without wrapper=True"
    elif inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        yield f"implements {hook} with async or yield, so calling it would do nothing; write a plain function"
    if extra := [argument for argument in _required(function) if argument not in HOOKS[hook]]:
        yield f"asks {hook} for {', '.join(map(repr, extra))}; the hook offers {', '.join(HOOKS[hook])}"


def _required(function: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments that `function` requires."""
    parameters = inspect.signature(function).parameters.values()
    return [one.name for one in parameters if one.default is one.empty and one.kind not in _CATCH_ALL]


#: The arguments of the methods of a strategy.
_STRATEGY_CALLS = {
    "brief_post": ("agent", "situation"),
    "brief_trend": ("agent", "situation", "trend"),
    "brief_event": ("agent", "situation", "event"),
    "decide": ("agent", "mention", "talk"),
}


def mistake_of_strategy(strategy: object) -> str | None:
    """Return the mistake of an object that a plugin registers as a strategy, or None."""
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


def mistake_of_command(command: Any) -> str | None:
    """Return the mistake of an object that a plugin registers as a command, or None."""
    # click is not imported, because workers load plugins too and do not need it.
    needed = ("name", "make_context", "invoke", "get_short_help_str")
    if isinstance(command, type) or not all(hasattr(command, name) for name in needed):
        hint = "; decorate the function with @click.command()" if inspect.isfunction(command) else ""
        return f"registers an object of type {type(command).__name__}, which is not a click command{hint}"
    if not isinstance(command.name, str) or not re.fullmatch(r"[a-z][a-z0-9_-]*", command.name):
        return f"registers a command named {command.name!r}; use lower-case letters, digits and dashes"
    return None
