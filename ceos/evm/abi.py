"""Functions, events and errors of contracts: encoding and decoding; pure.

    erc20 = Abi.named("erc20")
    data = erc20.function("transfer").encode("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", 5_000_000)

Decoded values are JSON, as described in `abi_values.py`: bytes are hex strings and addresses have their checksum.
Values to encode may have the same form or Python's own (bytes, tuples); numbers may also be strings, as typed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, TypeVar

from eth_abi.abi import encode as abi_encode
from eth_abi.abi import is_encodable
from eth_utils.crypto import keccak

from ceos.errors import InvalidInput
from ceos.evm.abi_parsing import Element, from_json, from_line
from ceos.evm.abi_values import Param, ValuesReader, element, member_names, unhex
from ceos.evm.types import Log, checksummed

Named = TypeVar("Named", "Function", "Event")

#: The reasons for which Solidity itself aborts a call, by code.
PANICS = {
    0x01: "an assertion failed",
    0x11: "a number became too large or too small",
    0x12: "a division by zero",
    0x21: "a value outside of its enum",
    0x22: "badly encoded storage",
    0x31: "pop() of an empty array",
    0x32: "an index beyond the end of an array",
    0x41: "too much memory",
    0x51: "an uninitialized function",
}
_ERROR, _PANIC = "08c379a0", "4e487b71"


class Function:
    """A function of a contract: encodes calls, decodes calls and results."""

    def __init__(self, described: Element) -> None:
        self.name = described.name
        #: The name with the types, as it is hashed.
        self.signature = described.signature
        self.inputs = described.inputs
        self.outputs = described.outputs
        self.state = described.state
        self.selector: bytes = keccak(text=self.signature)[:4]
        self._input_reader = ValuesReader(self.inputs)
        self._output_reader = ValuesReader(self.outputs)

    def __repr__(self) -> str:
        return f"<Function {self.signature}>"

    def encode(self, *args: Any, **named: Any) -> str:
        """Return the data of a call as hex; raises `InvalidInput` for values that do not fit."""
        values = _in_order(self, args, named)
        return "0x" + (self.selector + encode_values(self.inputs, values, self.signature)).hex()

    def decode_call(self, data: str) -> dict[str, Any]:
        """Return the arguments of a call by name, or by position where they have none; raises `ValueError`."""
        raw = unhex(data)
        if raw[:4] != self.selector:
            raise ValueError(f"this is not a call of {self.signature}")
        return dict(zip(argument_names(self.inputs), self._input_reader.read(raw[4:]), strict=True))

    def decode_result(self, data: str) -> Any:
        """Return the result of a call: one value, or a tuple of several or none; raises `ValueError`."""
        values = self._output_reader.read(unhex(data))
        return values[0] if len(values) == 1 else tuple(values)


class Event:
    """An event of a contract: makes topic filters for nodes and decodes logs."""

    def __init__(self, described: Element) -> None:
        self.name = described.name
        #: The name with the types, as it is hashed.
        self.signature = described.signature
        self.inputs = described.inputs
        self.anonymous = described.anonymous
        self.topic = "0x" + keccak(text=self.signature).hex()
        names = argument_names(self.inputs)
        self._names = names
        self._indexed = {name: param for name, param in zip(names, self.inputs, strict=True) if param.indexed}
        self._plain = [name for name, param in zip(names, self.inputs, strict=True) if not param.indexed]
        self._data = ValuesReader(tuple(param for param in self.inputs if not param.indexed))
        self._topics = tuple((name, _topic_reader(param)) for name, param in self._indexed.items())
        self._skipped = 0 if self.anonymous else 1
        #: The number of topics of its logs; an event with the same signature may index other arguments.
        self.topic_count = self._skipped + len(self._topics)

    def __repr__(self) -> str:
        return f"<Event {self.signature}>"

    def topics(self, filter: Mapping[str, Any] = MappingProxyType({})) -> list[str | list[str] | None]:
        """Return the topics that select this event with these values of indexed arguments.

        A list of values selects any of them. Raises `InvalidInput` for an argument that is not indexed.
        """
        unknown = [name for name in filter if name not in self._indexed]
        if unknown:
            known = ", ".join(self._indexed) or "none"
            raise InvalidInput(f"{self.signature} cannot be filtered by {unknown[0]!r}. Indexed arguments: {known}.")
        found: list[str | list[str] | None] = [] if self.anonymous else [self.topic]
        for name, param in self._indexed.items():
            wanted = filter.get(name)
            if isinstance(wanted, list | tuple):
                found.append(_any_of(param, wanted, self.signature))
            else:
                found.append(None if wanted is None else _topic(param, wanted, self.signature))
        while found and found[-1] is None:
            found.pop()
        return found

    def decode(self, log: Log) -> dict[str, Any]:
        """Return the arguments by name; raises `ValueError` for a log of another event.

        The chain keeps only the hash of an indexed string, bytes, array or struct; that hash is returned, as hex.
        """
        topics = log.topics
        if len(topics) != self.topic_count or (self._skipped and topics[0] != self.topic):
            raise ValueError(f"this log is not of {self.signature}")
        values = dict(zip(self._plain, self._data.read(unhex(log.data)), strict=True))
        for (name, read), topic in zip(self._topics, topics[self._skipped :], strict=True):
            values[name] = read(topic)
        return {name: values[name] for name in self._names}


def _topic_reader(param: Param) -> Callable[[str], Any]:
    if _is_hashed(param):
        return str
    values = ValuesReader((param,))
    return lambda topic: values.read(unhex(topic))[0]


def _is_hashed(param: Param) -> bool:
    return param.type in ("string", "bytes") or bool(param.members) or element(param) is not None


def _any_of(param: Param, values: Sequence[Any], of: str) -> list[str]:
    if not values:
        # To a node an empty list would mean any value.
        raise InvalidInput(f"{of} is filtered by an empty list of {param.name!r}: name a value, or leave it out.")
    return [_topic(param, value, of) for value in values]


def _topic(param: Param, value: Any, of: str) -> str:
    if not _is_hashed(param):
        return "0x" + encode_values((param,), (value,), of).hex()
    if param.type not in ("string", "bytes"):
        raise InvalidInput(f"{of} cannot be filtered by {param.name!r}: the chain keeps only a hash of {param.type}.")
    fitting = _fitting(param, value)
    if not isinstance(fitting, bytes if param.type == "bytes" else str):
        raise InvalidInput(f"{of} cannot be filtered by this {param.name!r}: it is not a valid {param.type}.")
    return "0x" + keccak(fitting if isinstance(fitting, bytes) else fitting.encode()).hex()


class Abi:
    """The functions, events and errors of one contract."""

    def __init__(self, elements: Iterable[Element]) -> None:
        functions, events, errors = {}, {}, {}
        for one in elements:
            try:
                if one.kind == "function":
                    functions[one.signature] = Function(one)
                elif one.kind == "event":
                    events[one.signature] = Event(one)
                else:
                    errors[one.signature] = Function(one)
            except ValueError as error:
                raise InvalidInput(f"{one.signature} cannot be used: {error}.") from None
        self.functions: Mapping[str, Function] = MappingProxyType(functions)
        self.events: Mapping[str, Event] = MappingProxyType(events)
        self.errors: Mapping[str, Function] = MappingProxyType(errors)

    @classmethod
    def parse(cls, source: Sequence[Mapping[str, Any]] | Sequence[str] | Mapping[str, Any] | str) -> Abi:
        """Return the ABI from JSON or written signatures, also as one string; raises `InvalidInput`."""
        if isinstance(source, str):
            source = _from_text(source)
        if isinstance(source, list | tuple) and any(isinstance(line, str) for line in source):
            if not all(isinstance(line, str) for line in source):
                raise InvalidInput("An ABI is either JSON or written signatures, not both in one list.")
            return cls(from_line(str(line)) for line in source)
        return cls(from_json(source))

    @classmethod
    def named(cls, name: str) -> Abi:
        """Return a bundled ABI: identity, reputation, erc20, multicall3 or gas_oracle."""
        return _named(name)

    def function(self, name_or_signature: str) -> Function:
        """Return a function by its name, or by name and types where several share the name."""
        return _find(self.functions, name_or_signature, "function")

    def event(self, name_or_signature: str) -> Event:
        """Return an event, likewise."""
        return _find(self.events, name_or_signature, "event")

    def explain_revert(self, data: str) -> str:
        """Return the reason of a revert from its data, or "" if it holds none."""
        return explain_revert(data, self.errors.values())


def _from_text(text: str) -> Any:
    if text.lstrip()[:1] not in ("[", "{"):
        return [line for line in text.splitlines() if line.strip()]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput("The ABI is not JSON.") from None


@cache
def _named(name: str) -> Abi:
    file = resources.files("ceos.evm") / "abis" / f"{name}.json"
    if not re.fullmatch(r"[a-z0-9_]+", name) or not file.is_file():
        raise InvalidInput(f"There is no ABI named {name!r}.")
    return Abi.parse(json.loads(file.read_text(encoding="utf-8")))


def _find(known: Mapping[str, Named], wanted: str, what: str) -> Named:
    name = wanted.strip()
    if "(" in name:
        described = from_line(name if name.startswith(f"{what} ") else f"{what} {name}")
        if described.signature in known:
            return known[described.signature]
        name = described.name
    found = [one for one in known.values() if one.name == name]
    if len(found) == 1 and "(" not in wanted:
        return found[0]
    near = ", ".join(one.signature for one in found) or ", ".join(list(known)[:20]) or "none"
    if found and "(" not in wanted:
        raise InvalidInput(f"There are several {what}s named {name!r}; name its types too: {near}.")
    raise InvalidInput(f"There is no {what} {wanted!r}. Known: {near}.")


def argument_names(params: Sequence[Param]) -> list[str]:
    """Return a name for each argument: its own, or its position if it has none or shares it."""
    names = [param.name for param in params]
    return [name if name and names.count(name) == 1 else str(index) for index, name in enumerate(names)]


def _in_order(function: Function, args: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
    names = argument_names(function.inputs)
    rest = names[len(args) :]
    if len(args) > len(names) or set(rest) != set(named):
        wanted = ", ".join(f"{one.type} {name}" for name, one in zip(names, function.inputs, strict=True)) or "nothing"
        raise InvalidInput(f"{function.name} takes {wanted}; {len(args) + len(named)} arguments were given.")
    return [*args, *(named[name] for name in rest)]


def encode_values(params: Sequence[Param], values: Sequence[Any], of: str) -> bytes:
    """Return ABI-encoded values; raises `InvalidInput`, naming `of`, for a value of the wrong type."""
    fitting = [_checked(param, value, of) for param, value in zip(params, values, strict=True)]
    return abi_encode([param.type for param in params], fitting)


def _checked(param: Param, value: Any, of: str) -> Any:
    try:
        fitting = _fitting(param, value)
        if not is_encodable(param.type, fitting):
            raise ValueError("it does not fit")
    except (ValueError, TypeError, OverflowError) as error:
        shown = repr(value)[:80]
        why = str(error)[:160].rstrip(".")
        raise InvalidInput(f"{of}: {shown} is not a valid {param.type} for {param.name or 'it'} ({why}).") from None
    return fitting


def _fitting(param: Param, value: Any) -> Any:
    """Return a value in the form that eth_abi encodes; raises `ValueError`."""
    array = element(param)
    if array is not None:
        if not isinstance(value, list | tuple):
            raise ValueError("a list is expected")
        return [_fitting(array[0], one) for one in value]
    if param.members:
        return _fitting_struct(param, value)
    if param.type == "address":
        return checksummed(str(value))
    if param.type.startswith("bytes"):
        return _fitting_bytes(param, value)
    return _typed(param, value) if isinstance(value, str) else value


def _typed(param: Param, text: str) -> Any:
    """Return the number or bool that a person typed as text."""
    if param.type.startswith(("uint", "int")):
        return int(text, 16) if text.lower().startswith("0x") else int(text)
    if param.type == "bool" and text in ("true", "false"):
        return text == "true"
    text.encode()
    return text


def _fitting_bytes(param: Param, value: Any) -> Any:
    raw = unhex(value) if isinstance(value, str) else value
    size = param.type.removeprefix("bytes")
    # eth_abi would pad a value that is too short.
    if size and isinstance(raw, bytes) and len(raw) != int(size):
        raise ValueError(f"these are {len(raw)} bytes")
    return raw


def _fitting_struct(param: Param, value: Any) -> tuple[Any, ...]:
    if isinstance(value, Mapping):
        names = member_names(param)
        if set(value) != set(names):
            raise ValueError(f"its members are {', '.join(names)}")
        value = [value[name] for name in names]
    if not isinstance(value, list | tuple) or len(value) != len(param.members):
        raise ValueError(f"{len(param.members)} members are expected")
    return tuple(_fitting(member, one) for member, one in zip(param.members, value, strict=True))


def explain_revert(data: str, errors: Iterable[Function] = ()) -> str:
    """Return the reason of a revert: its message, or its custom error with arguments, as in "TooMuch(number=7)"."""
    try:
        raw = unhex(data)
    except ValueError:
        return ""
    selector = raw[:4].hex()
    for one in (*errors, *_common_errors().get(selector, ())):
        if one.selector.hex() == selector:
            text = _reason(one, data)
            if text:
                return text
    return f"an unknown error 0x{selector}" if len(raw) >= 4 else ""


def _reason(error: Function, data: str) -> str:
    try:
        values = error.decode_call(data)
    except ValueError:
        return ""
    if error.signature == "Error(string)":
        return str(values["text"])[:500]
    if error.signature == "Panic(uint256)":
        return PANICS.get(values["code"], f"panic {values['code']:#x}")
    inside = ", ".join(f"{name}={_plain(value)}" for name, value in values.items())
    return f"{error.name}({inside})"[:500]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@cache
def _common_errors() -> Mapping[str, tuple[Function, ...]]:
    found: dict[str, tuple[Function, ...]] = {}
    for one in Abi.named("errors").errors.values():
        key = one.selector.hex()
        found[key] = (*found.get(key, ()), one)
    return found
