"""The table of operations: every action of an operator by name, with the scope that a caller needs for it.

    @operation("draft.approve", Scope.APPROVE)
    def approve_draft(context: Context, run_id: str) -> None:
        '''Publish a draft that waits for approval.'''

An operation whose scope is not `READ` changes something or spends money: once it has succeeded, one record of it is
logged, with the event `operator.NAME`, its subject (the argument after the context) and its caller.
"""

from __future__ import annotations

import functools
import importlib
import logging
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

from ceos.logs import event

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class Scope(StrEnum):
    """The permission that a caller needs for an operation."""

    #: Reads, and changes nothing.
    READ = "read"
    #: Writes posts as an agent.
    POST = "post"
    #: Decides about drafts.
    APPROVE = "approve"
    #: Changes agents and stops everything.
    ADMIN = "admin"


@dataclass(frozen=True)
class Operation:
    """One row of the table."""

    name: str
    scope: Scope
    function: Callable[..., Any]

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]


@dataclass(frozen=True)
class Caller:
    """The interface through which an operation is called, and the name of the operator there."""

    interface: str = "python"
    name: str = ""


_OPERATIONS: dict[str, Operation] = {}
_caller: ContextVar[Caller | None] = ContextVar("ceos_caller", default=None)


@contextmanager
def called_by(caller: Caller) -> Iterator[None]:
    """Name the caller of the operations inside the block, for their audit records."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def current_caller() -> Caller:
    """Return the caller of the present operation."""
    return _caller.get() or Caller()


def operation(name: str, scope: Scope) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a function as an operation, and audit its calls unless its scope is `READ`."""

    def register(function: Callable[P, R]) -> Callable[P, R]:
        if name in _OPERATIONS:
            raise ValueError(f"operation {name!r} is registered twice")
        _OPERATIONS[name] = Operation(name, scope, function if scope is Scope.READ else _audited(name, function))
        return _OPERATIONS[name].function

    return register


def _audited(name: str, function: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        result = function(*args, **kwargs)
        caller = current_caller()
        subject = _subject(args[1]) if len(args) > 1 else ""
        extra = event(f"operator.{name}", subject=subject, interface=caller.interface, caller=caller.name)
        log.info("Operator action", extra=extra)
        return result

    return call


def _subject(value: object) -> str:
    """Return the id or the ids of what an operation is about; texts of posts are not part of an audit record."""
    if isinstance(value, list | tuple):
        return " ".join(map(_subject, value))
    return str(getattr(value, "agent_id", "") or getattr(value, "id", "") or value)


def operations() -> Mapping[str, Operation]:
    """Return the whole table; loads every module of this package."""
    package = importlib.import_module("ceos.operations")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"ceos.operations.{module.name}")
    return MappingProxyType(_OPERATIONS)
