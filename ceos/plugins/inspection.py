"""One plugin and the hooks it implements: which functions it marks, what is wrong with them, and how one is called."""

from __future__ import annotations

import difflib
import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pluggy

from ceos import hookspecs

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
    """One plugin: where it comes from and what it brought."""

    def __init__(self, name: str, package: str, version: str = "", *, module: str = "") -> None:
        self.name = name
        self.package = package
        self.version = version
        #: The private module name of a single file; empty for a package.
        self.module = module
        self.hooks: tuple[str, ...] = ()
        #: Names of what it registered, by the sort of thing.
        self.brought: dict[str, list[str]] = defaultdict(list)

    @property
    def key(self) -> str:
        """The name pluggy and the counts know it by; many packages will call their entry point 'strategies'."""
        return f"{self.package}:{self.name}"

    @property
    def label(self) -> str:
        """The name people know it by."""
        return f"{self.name!r} ({' '.join(filter(None, (self.package, self.version)))})"


@dataclass(frozen=True)
class Mark:
    """One function that a plugin marks as a hook."""

    hook: str
    function: Callable[..., Any]
    is_wrapper: bool


class Implementation:
    """One plugin's implementation of one hook; it is given only the arguments it names."""

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
        """Call it with what it needs of `arguments`, and return what it returns."""
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
    """Return everything that is wrong with a plugin's hooks, a sentence each; pluggy would stop at the first."""
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
        yield f"wraps {hook}, but each plugin is asked on its own; implement the hook without wrapper=True"
    elif inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        yield f"implements {hook} with async or yield, so calling it would do nothing; write a plain function"
    if extra := [argument for argument in _required(function) if argument not in HOOKS[hook]]:
        yield f"asks {hook} for {', '.join(map(repr, extra))}; the hook offers {', '.join(HOOKS[hook])}"


def _required(function: Callable[..., Any]) -> list[str]:
    """Return the arguments that have to be passed to `function`."""
    parameters = inspect.signature(function).parameters.values()
    return [one.name for one in parameters if one.default is one.empty and one.kind not in _CATCH_ALL]
