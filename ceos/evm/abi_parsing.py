"""Parses descriptions of functions, events and errors: JSON from compilers, or one written line each.

function transfer(address to, uint256 amount) returns (bool)
event Registered(uint256 indexed agentId, string agentURI, address indexed owner)
error TooMuch(uint256 number)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ceos.errors import InvalidInput
from ceos.evm.abi_values import MAX_DEPTH, Param

KINDS = ("function", "event", "error")
#: Words of Solidity that do not concern the caller.
_DATA_LOCATIONS = {"memory", "calldata", "storage", "payable"}
_STATES = {"view", "pure", "payable", "nonpayable", "external", "public", "virtual", "override"}
_TOKEN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*|\[\d*\]|[(),]|\S")
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_JSON_TYPE = re.compile(r"(tuple|[a-z]+\d*)((?:\[\d*\])*)")
_WHOLE = {"uint": "uint256", "int": "int256"}


@dataclass(frozen=True)
class Element:
    """The description of a function, an event or an error."""

    kind: str
    name: str
    inputs: tuple[Param, ...]
    outputs: tuple[Param, ...] = ()
    #: view, pure, payable or nonpayable.
    state: str = "nonpayable"
    anonymous: bool = False

    @property
    def signature(self) -> str:
        """The name with the types, as it is hashed."""
        return f"{self.name}({','.join(param.type for param in self.inputs)})"


def from_json(items: Any) -> Iterator[Element]:
    """Yield the functions, events and errors of an ABI in JSON."""
    if isinstance(items, Mapping):
        items = items.get("abi")
    if not isinstance(items, list | tuple):
        raise InvalidInput("An ABI is a list of functions, events and errors, or an object that has one under 'abi'.")
    for item in items:
        if not isinstance(item, Mapping):
            raise InvalidInput(f"An ABI consists of objects; found {_short(item)}.")
        if item.get("type", "function") in KINDS:
            yield _element(item)


def _element(item: Mapping[str, Any]) -> Element:
    name = item.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput(f"An ABI has an entry without a usable name: {_short(name)}.")
    state = item.get("stateMutability")
    return Element(
        item.get("type", "function"),
        name,
        _params(item.get("inputs", []), name),
        _params(item.get("outputs", []), name),
        state if state in ("view", "pure", "payable") else "nonpayable",
        item.get("anonymous") is True,
    )


def _params(items: Any, of: str, depth: int = MAX_DEPTH) -> tuple[Param, ...]:
    if not isinstance(items, list | tuple) or depth == 0:
        raise InvalidInput(f"The ABI of {of!r} has arguments that cannot be read.")
    return tuple(_param(item, of, depth) for item in items)


def _param(item: Any, of: str, depth: int) -> Param:
    type = item.get("type") if isinstance(item, Mapping) else None
    found = _JSON_TYPE.fullmatch(type) if isinstance(type, str) else None
    if found is None:
        raise InvalidInput(f"The ABI of {of!r} has an argument of type {_short(type)}, which does not exist.")
    name = item.get("name") or ""
    if not isinstance(name, str):
        raise InvalidInput(f"The ABI of {of!r} has an argument whose name is not a string.")
    indexed = item.get("indexed") is True
    if found[1] != "tuple":
        return Param(name, _WHOLE.get(found[1], found[1]) + found[2], indexed=indexed)
    members = _params(item.get("components", []), of, depth - 1)
    return Param(name, _joined(members) + found[2], members, indexed)


def _joined(members: tuple[Param, ...]) -> str:
    return f"({','.join(member.type for member in members)})"


def _short(value: Any) -> str:
    return repr(value)[:80]


def from_line(line: str) -> Element:
    """Return the description in one line; without a leading keyword it is a function."""
    return _Line(line).element()


class _Line:
    """A parser of one line."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._tokens = _TOKEN.findall(line.strip().rstrip(";"))
        self._at = 0

    def element(self) -> Element:
        kind = self._next_token() if self._peek() in KINDS and self._peek(1) != "(" else "function"
        name = self._name("a name")
        inputs = self._list(indexed=kind == "event")
        state, anonymous = "nonpayable", False
        outputs: tuple[Param, ...] = ()
        while (word := self._peek()) is not None:
            self._next_token()
            if word in _STATES and kind == "function":
                state = word if word in ("view", "pure", "payable") else state
            elif word == "anonymous" and kind == "event":
                anonymous = True
            elif word == "returns" and kind == "function":
                outputs = self._list()
            else:
                raise self._error(f"{word!r} appears where the line should end")
        return Element(kind, name, inputs, outputs, state, anonymous)

    def _peek(self, further: int = 0) -> str | None:
        at = self._at + further
        return self._tokens[at] if at < len(self._tokens) else None

    def _next_token(self) -> str:
        token = self._peek()
        if token is None:
            raise self._error("it ends too early")
        self._at += 1
        return token

    def _name(self, what: str) -> str:
        token = self._next_token()
        if not _NAME.fullmatch(token):
            raise self._error(f"{token!r} appears where {what} should be")
        return token

    def _list(self, *, indexed: bool = False, depth: int = MAX_DEPTH) -> tuple[Param, ...]:
        if depth == 0:
            raise self._error("it is nested too deep")
        if self._next_token() != "(":
            raise self._error("arguments belong in parentheses")
        params: list[Param] = []
        if self._peek() == ")":
            self._next_token()
            return ()
        while True:
            params.append(self._param(indexed, depth))
            mark = self._next_token()
            if mark == ")":
                return tuple(params)
            if mark != ",":
                raise self._error(f"{mark!r} appears where a comma or a bracket should be")

    def _param(self, may_be_indexed: bool, depth: int) -> Param:
        members: tuple[Param, ...] = ()
        if self._peek() == "tuple" and self._peek(1) == "(":
            self._next_token()
        if self._peek() == "(":
            members = self._list(depth=depth - 1)
            type = _joined(members)
        else:
            word = self._name("a type")
            type = _WHOLE.get(word, word)
        while (self._peek() or "").startswith("["):
            type += self._next_token()
        name, indexed = "", False
        while (word_ := self._peek()) not in (",", ")", None):
            self._next_token()
            if word_ == "indexed" and may_be_indexed:
                indexed = True
            elif word_ not in _DATA_LOCATIONS:
                if name or not _NAME.fullmatch(str(word_)):
                    raise self._error(f"{word_!r} appears where a comma or a bracket should be")
                name = str(word_)
        return Param(name, type, members, indexed)

    def _error(self, why: str) -> InvalidInput:
        return InvalidInput(
            f"{self._line[:200]!r} does not describe a function, event or error: {why}. Write it like "
            "'function transfer(address to, uint256 amount) returns (bool)'."
        )
