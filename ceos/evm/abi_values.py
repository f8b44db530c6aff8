"""Decodes untrusted ABI-encoded bytes: each type is compiled to a reader once, and a reader does bounded work.

Decoded values are JSON: numbers, strings, booleans, bytes as hex, addresses with their checksum, lists, and structs as
objects by the names of their members (as lists where a member has no name).

An honest encoding reads every word once. A hostile one points many heads at one tail, so that a few kilobytes expand
to gigabytes; therefore readers share a budget of words, and an encoding that exceeds it is refused. For this reason,
and for the speed that following events needs, eth_abi only encodes (`abi.py`); the tests compare these readers with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_utils.crypto import keccak

#: The maximum nesting of a type, and the maximum size of a fixed array in words.
MAX_DEPTH, MAX_FIXED = 12, 10_000
#: The average number of times that each word may be read.
MAX_READS = 2

_ARRAY = re.compile(r"(.*)\[(\d*)\]")
_WORD = 32


@dataclass(frozen=True)
class Param:
    """One argument: its name, its type as in signatures, and its members if it is a struct or an array of structs."""

    name: str
    type: str
    members: tuple[Param, ...] = ()
    indexed: bool = False


class AbiWords:
    """Encoded bytes with a budget of words to read."""

    __slots__ = ("data", "left", "size")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.left = MAX_READS * (self.size // _WORD + 1)

    def number(self, at: int) -> int:
        """Return the word at a position."""
        end = at + _WORD
        self.left -= 1
        if end > self.size or self.left < 0:
            raise ValueError("the data ends too early or points back at itself")
        return int.from_bytes(self.data[at:end], "big")

    def offset(self, at: int, base: int) -> int:
        """Return the position to which the word at `at` points, counted from `base`."""
        found = base + self.number(at)
        if found > self.size - _WORD:
            raise ValueError("the data points beyond its end")
        return found

    def blob(self, at: int) -> bytes:
        """Return the length-prefixed bytes at a position."""
        length = self.number(at)
        begin = at + _WORD
        if length > self.size - begin:
            raise ValueError("the data names a length beyond its end")
        self.left -= length // _WORD
        if self.left < 0:
            raise ValueError("the data points back at itself")
        return self.data[begin : begin + length]


#: Reads the value whose head is at the first position; offsets count from the second.
Read = Callable[[AbiWords, int, int], Any]


@dataclass(frozen=True)
class Reader:
    """The reader of a type, the size of its head in bytes, and True if the head is an offset of the value."""

    read: Read
    head: int
    is_dynamic: bool = False


@lru_cache(maxsize=1 << 13)
def address_text(raw: bytes) -> str:
    """Return 20 bytes as an address with its checksum (EIP-55)."""
    digits = raw.hex()
    signs = keccak(digits.encode()).hex()
    return "0x" + "".join(c.upper() if sign > "7" else c for c, sign in zip(digits, signs, strict=False))


def _unsigned(bits: int) -> Read:
    limit = 1 << bits

    def read(words: AbiWords, at: int, _base: int) -> int:
        number = words.number(at)
        if number >= limit:
            raise ValueError(f"a number is too large for uint{bits}")
        return number

    return read


def _signed(bits: int) -> Read:
    limit = 1 << (bits - 1)

    def read(words: AbiWords, at: int, _base: int) -> int:
        number = words.number(at)
        number -= (number >> 255) << 256
        if not -limit <= number < limit:
            raise ValueError(f"a number is too large for int{bits}")
        return number

    return read


def _fixed_bytes(size: int) -> Read:
    padding = 8 * (_WORD - size)

    def read(words: AbiWords, at: int, _base: int) -> str:
        number = words.number(at)
        if padding and number & ((1 << padding) - 1):
            raise ValueError(f"bytes{size} has more bytes than that")
        return f"0x{number >> padding:0{2 * size}x}"

    return read


def _address(words: AbiWords, at: int, _base: int) -> str:
    number = words.number(at)
    if number >> 160:
        raise ValueError("an address is too long")
    return address_text(number.to_bytes(20, "big"))


def _bool(words: AbiWords, at: int, _base: int) -> bool:
    number = words.number(at)
    if number > 1:
        raise ValueError("a bool is neither 0 nor 1")
    return bool(number)


def _bytes(words: AbiWords, at: int, base: int) -> str:
    return "0x" + words.blob(words.offset(at, base)).hex()


def _string(words: AbiWords, at: int, base: int) -> str:
    # Untrusted: invalid UTF-8 becomes U+FFFD, because one byte must not stop the following of a chain.
    return words.blob(words.offset(at, base)).decode("utf-8", "replace")


_PLAIN = {
    "address": Reader(_address, _WORD),
    "bool": Reader(_bool, _WORD),
    "string": Reader(_string, _WORD, is_dynamic=True),
    "bytes": Reader(_bytes, _WORD, is_dynamic=True),
}


def element(param: Param) -> tuple[Param, int | None] | None:
    """Return the element type of an array and its length (None: any), or None for another type."""
    found = _ARRAY.fullmatch(param.type)
    if found is None:
        return None
    return Param(param.name, found[1], param.members), int(found[2]) if found[2] else None


def reader(param: Param) -> Reader:
    """Return the reader of a type; raises `ValueError` for an unknown type."""
    return _reader(param, MAX_DEPTH)


def _reader(param: Param, depth: int) -> Reader:
    if depth == 0:
        raise ValueError(f"{param.type} is nested too deep")
    array = element(param)
    if array is not None:
        inner = _reader(array[0], depth - 1)
        return _listed(inner) if array[1] is None else _counted(inner, array[1], param.type)
    if param.type.startswith("("):
        return _struct(param, depth)
    if param.type in _PLAIN:
        return _PLAIN[param.type]
    found = re.fullmatch(r"(uint|int|bytes)([1-9]\d{0,2})", param.type)
    size = int(found[2]) if found else 0
    if found and found[1] == "bytes" and size <= _WORD:
        return Reader(_fixed_bytes(size), _WORD)
    if found and found[1] != "bytes" and size <= 256 and size % 8 == 0:
        return Reader(_unsigned(size) if found[1] == "uint" else _signed(size), _WORD)
    raise ValueError(f"there is no type {param.type!r}")


def _items(words: AbiWords, inner: Reader, at: int, count: int) -> list[Any]:
    head, read = inner.head, inner.read
    return [read(words, at + index * head, at) for index in range(count)]


def _listed(inner: Reader) -> Reader:
    def read(words: AbiWords, at: int, base: int) -> list[Any]:
        start = words.offset(at, base)
        count = words.number(start)
        if count > (words.size - start - _WORD) // inner.head:
            raise ValueError("the data names a length beyond its end")
        return _items(words, inner, start + _WORD, count)

    return Reader(read, _WORD, is_dynamic=True)


def _counted(inner: Reader, count: int, type: str) -> Reader:
    # Elements without a size would cost nothing from the budget.
    if not 1 <= count * inner.head // _WORD <= MAX_FIXED:
        raise ValueError(f"{type} has no usable size")

    def read(words: AbiWords, at: int, base: int) -> list[Any]:
        return _items(words, inner, words.offset(at, base) if inner.is_dynamic else at, count)

    if inner.is_dynamic:
        return Reader(read, _WORD, is_dynamic=True)
    return Reader(read, count * inner.head)


def _struct(param: Param, depth: int) -> Reader:
    if not param.members:
        raise ValueError(f"{param.type} is a struct without members")
    readers = [_reader(member, depth - 1) for member in param.members]
    head = sum(one.head for one in readers)
    is_dynamic = any(one.is_dynamic for one in readers)
    names = member_names(param)

    def read(words: AbiWords, at: int, base: int) -> Any:
        start = words.offset(at, base) if is_dynamic else at
        values, position = [], start
        for one in readers:
            values.append(one.read(words, position, start))
            position += one.head
        return dict(zip(names, values, strict=True)) if names else values

    return Reader(read, _WORD if is_dynamic else head, is_dynamic)


def member_names(param: Param) -> list[str]:
    """Return the names of a struct's members, or nothing if they are not unique."""
    names = [member.name for member in param.members]
    return names if all(names) and len(set(names)) == len(names) else []


class ValuesReader:
    """Decodes several consecutive arguments, as in a call or the data of a log."""

    def __init__(self, params: tuple[Param, ...]) -> None:
        places, position = [], 0
        for param in params:
            one = reader(param)
            places.append((one.read, position))
            position += one.head
        self._places = tuple(places)
        self._head = position

    def read(self, data: bytes) -> list[Any]:
        """Return the values; raises `ValueError` for bytes that do not encode them."""
        if len(data) < self._head:
            raise ValueError(f"{len(data)} bytes are too few")
        words = AbiWords(data)
        return [read(words, at, 0) for read, at in self._places]


def unhex(text: str) -> bytes:
    """Return the bytes of a hex string; raises `ValueError` for anything else."""
    if not text.startswith("0x"):
        raise ValueError("hex begins with 0x")
    return bytes.fromhex(text[2:])
