"""The data of a call, read with one signature and in one way only; pure.

Contracts are generous readers: they ignore what stands behind the last argument, and find an argument wherever its
offset points. A thief hides things there. So data counts as a call of a function only if writing what was read gives
the same bytes again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eth_abi.abi import encode
from eth_abi.exceptions import EncodingError
from eth_utils.crypto import keccak

from ceos.errors import InvalidInput
from ceos.evm.abi_parsing import from_line
from ceos.evm.abi_values import Param, Sequence, element, reader, unhex
from ceos.evm.types import checksummed

#: Nodes take no larger transactions.
LARGEST_DATA = 128 * 1024
#: A number below this in 32 bytes is a length, an offset or an amount; nobody has the key of so small an address.
SMALLEST_ACCOUNT = 2**64
#: An address, and an address with the fee of a pool in front, as paths of swaps pack them.
ADDRESS_BYTES, STEP_BYTES = 20, 23


@dataclass(frozen=True)
class Place:
    """An argument, or a member of one, that has no members of its own."""

    #: Its name behind those of the structs it is in: `amount`, `params.amountIn`.
    path: str
    #: As in signatures: "uint256", "address[]".
    type: str
    #: Whether there may be many, for a struct around it is in a list.
    is_repeated: bool

    @property
    def base(self) -> str:
        """The type without the brackets of lists."""
        return self.type.partition("[")[0]

    @property
    def is_uint(self) -> bool:
        """Say whether it is a number that cannot be negative, or a list of them."""
        return self.base.startswith("uint")


@dataclass(frozen=True)
class Leaf:
    """A value of a call that has no parts, and the path of its place."""

    path: str
    type: str
    #: A whole number, a text, a bool, or bytes and addresses as hex.
    value: Any

    def accounts(self) -> list[str]:
        """Return the addresses in it: itself, or those that fill 20 or 32 bytes of what calls itself bytes."""
        if self.type == "address":
            return [self.value]
        if not self.type.startswith("bytes"):
            return []
        raw = unhex(self.value)
        # Arguments of a call within the call stand four bytes further.
        starts = (0, 4) if self.type == "bytes" else (0,)
        words = [raw[at : at + 32] for start in starts for at in range(start, len(raw) - 31, 32)]
        found = [word[12:] for word in words if _is_account(word)]
        if len(raw) == ADDRESS_BYTES and any(raw):
            found.append(raw)
        return [checksummed("0x" + one.hex()) for one in found]

    def packed(self) -> list[str]:
        """Return the address in a number, as some swaps take it: below flags in the highest bits."""
        low = self.value % 2**160
        return [checksummed(f"0x{low:040x}")] if low >= SMALLEST_ACCOUNT else []

    def tokens(self) -> list[str]:
        """Return the tokens of a packed path: address, fee of three bytes, address, and so on; raises `ValueError`."""
        raw = unhex(self.value)
        if len(raw) < ADDRESS_BYTES or (len(raw) - ADDRESS_BYTES) % STEP_BYTES:
            raise ValueError("it is not made of addresses with fees between them")
        starts = range(0, len(raw), STEP_BYTES)
        return [checksummed("0x" + raw[at : at + ADDRESS_BYTES].hex()) for at in starts]


def _is_account(word: bytes) -> bool:
    return not any(word[:12]) and int.from_bytes(word) >= SMALLEST_ACCOUNT


@dataclass(frozen=True)
class Signature:
    """A function as a rule writes it."""

    name: str
    inputs: tuple[Param, ...]
    outputs: tuple[Param, ...]

    @classmethod
    def parse(cls, text: str) -> Signature:
        """Return the function that a line describes; raises `InvalidInput`."""
        described = from_line(text)
        if described.kind != "function":
            raise InvalidInput(f"{text[:80]!r} is an {described.kind}, and only functions can be called.")
        try:
            for param in (*described.inputs, *described.outputs):
                reader(param)
        except ValueError as error:
            raise InvalidInput(f"{text[:80]!r} cannot be used: {error}.") from None
        return cls(described.name, described.inputs, described.outputs)

    @property
    def types(self) -> str:
        """The name with the types only, as it is hashed."""
        return f"{self.name}({','.join(param.type for param in self.inputs)})"

    @cached_property
    def selector(self) -> str:
        """The first four bytes of a call, as hex."""
        return "0x" + keccak(text=self.types)[:4].hex()

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Where values without parts can stand."""
        return tuple(place for param in self.inputs for place in _places(param))

    def read(self, data: str) -> tuple[Leaf, ...]:
        """Return all values of a call; raises `ValueError` unless it is written as anybody would write it."""
        if not data.startswith(self.selector):
            raise ValueError(f"it does not call {self.types}")
        raw = unhex(data)
        if len(raw) > LARGEST_DATA:
            raise ValueError(f"it has {len(raw):,} bytes, more than a node takes")
        values = _read(self.inputs, raw[4:])
        return tuple(leaf for param, value in zip(self.inputs, values, strict=True) for leaf in _leaves(param, value))

    def read_result(self, data: str) -> list[Any]:
        """Return what a call gave back; raises `ValueError` likewise."""
        return _read(self.outputs, unhex(data))


def _read(params: tuple[Param, ...], raw: bytes) -> list[Any]:
    values = Sequence(params).read(raw)
    plain = [_plain(param, value) for param, value in zip(params, values, strict=True)]
    try:
        again = encode([param.type for param in params], plain)
    except (EncodingError, OverflowError) as error:
        raise ValueError(f"its values cannot be written again ({type(error).__name__})") from None
    if again != raw:
        raise ValueError("it holds bytes that are no argument, or arguments in an unusual place")
    return values


def _members(param: Param, value: Any) -> list[tuple[Param, Any]]:
    """Return the members of a struct with their values, however the reader gave them back."""
    values = list(value.values()) if isinstance(value, Mapping) else value
    return list(zip(param.members, values, strict=True))


def _plain(param: Param, value: Any) -> Any:
    """Return a value as eth_abi takes it."""
    array = element(param)
    if array is not None:
        return [_plain(array[0], one) for one in value]
    if param.members:
        return tuple(_plain(member, one) for member, one in _members(param, value))
    return unhex(value) if param.type.startswith("bytes") else value


def _leaves(param: Param, value: Any, within: str = "") -> Iterator[Leaf]:
    array = element(param)
    if array is not None:
        for one in value:
            yield from _leaves(array[0], one, within)
        return
    path = _path(within, param)
    if param.members:
        for member, one in _members(param, value):
            yield from _leaves(member, one, path)
        return
    yield Leaf(path, param.type, value)


def _places(param: Param, within: str = "", *, is_repeated: bool = False) -> Iterator[Place]:
    path = _path(within, param)
    if not param.members:
        yield Place(path, param.type, is_repeated)
    for member in param.members:
        yield from _places(member, path, is_repeated=is_repeated or element(param) is not None)


def _path(within: str, param: Param) -> str:
    return ".".join(filter(None, (within, param.name)))
