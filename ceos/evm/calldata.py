"""Decodes the data of a call strictly; pure.

Contracts ignore bytes behind the last argument and find an argument wherever its offset points, and an attacker can
hide addresses there. So data counts as a call of a function only if encoding the decoded values gives the same bytes.
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
from ceos.evm.abi_values import Param, ValuesReader, element, reader, unhex
from ceos.evm.types import checksummed

#: The maximum size of the data that nodes accept.
MAX_DATA = 128 * 1024
#: A smaller number in 32 bytes is a length, an offset or an amount: so small an address has no known key.
MIN_ACCOUNT = 2**64
#: The size of an address, and of a pool fee with an address, in the packed path of a swap.
ADDRESS_BYTES, STEP_BYTES = 20, 23


@dataclass(frozen=True)
class LeafParam:
    """An argument, or a member of a struct, that has no members of its own."""

    #: Its name after those of the structs around it: `amount`, `params.amountIn`.
    path: str
    #: The type as in signatures: "uint256", "address[]".
    type: str
    #: True if a struct around it is in a list, so that it may occur many times.
    is_repeated: bool

    @property
    def base(self) -> str:
        """The type without the brackets of lists."""
        return self.type.partition("[")[0]

    @property
    def is_uint(self) -> bool:
        """Say whether it is an unsigned number, or a list of them."""
        return self.base.startswith("uint")


@dataclass(frozen=True)
class LeafValue:
    """The value of one leaf parameter in a call."""

    path: str
    type: str
    #: A number, a string, a bool, or bytes and addresses as hex.
    value: Any

    def accounts(self) -> list[str]:
        """Return the addresses in it: the address itself, or those that fill 20 or 32 bytes of a `bytes` type."""
        if self.type == "address":
            return [self.value]
        if not self.type.startswith("bytes"):
            return []
        raw = unhex(self.value)
        # The arguments of a nested call begin after four bytes of selector.
        starts = (0, 4) if self.type == "bytes" else (0,)
        words = [raw[at : at + 32] for start in starts for at in range(start, len(raw) - 31, 32)]
        found = [word[12:] for word in words if _is_account(word)]
        if len(raw) == ADDRESS_BYTES and any(raw):
            found.append(raw)
        return [checksummed("0x" + one.hex()) for one in found]

    def packed(self) -> list[str]:
        """Return the address that some swaps pack into a number, below flags in the highest bits."""
        low = self.value % 2**160
        return [checksummed(f"0x{low:040x}")] if low >= MIN_ACCOUNT else []

    def tokens(self) -> list[str]:
        """Return the tokens of a packed path (address, fee of three bytes, address, …); raises `ValueError`."""
        raw = unhex(self.value)
        if len(raw) < ADDRESS_BYTES or (len(raw) - ADDRESS_BYTES) % STEP_BYTES:
            raise ValueError("it does not consist of addresses with fees between them")
        starts = range(0, len(raw), STEP_BYTES)
        return [checksummed("0x" + raw[at : at + ADDRESS_BYTES].hex()) for at in starts]


def _is_account(word: bytes) -> bool:
    return not any(word[:12]) and int.from_bytes(word) >= MIN_ACCOUNT


@dataclass(frozen=True)
class Signature:
    """A function as a policy rule writes it."""

    name: str
    inputs: tuple[Param, ...]
    outputs: tuple[Param, ...]

    @classmethod
    def parse(cls, text: str) -> Signature:
        """Return the function that a line describes; raises `InvalidInput`."""
        described = from_line(text)
        if described.kind != "function":
            raise InvalidInput(f"{text[:80]!r} is an {described.kind}; only functions can be called.")
        try:
            for param in (*described.inputs, *described.outputs):
                reader(param)
        except ValueError as error:
            raise InvalidInput(f"{text[:80]!r} cannot be used: {error}.") from None
        return cls(described.name, described.inputs, described.outputs)

    @property
    def types(self) -> str:
        """The name with the types, as it is hashed."""
        return f"{self.name}({','.join(param.type for param in self.inputs)})"

    @cached_property
    def selector(self) -> str:
        """The first four bytes of a call, as hex."""
        return "0x" + keccak(text=self.types)[:4].hex()

    @cached_property
    def leaf_params(self) -> tuple[LeafParam, ...]:
        """The parameters without members, those within structs included."""
        return tuple(leaf for param in self.inputs for leaf in _leaf_params(param))

    def read(self, data: str) -> tuple[LeafValue, ...]:
        """Return the leaf values of a call; raises `ValueError` unless its data is the canonical encoding."""
        if not data.startswith(self.selector):
            raise ValueError(f"it does not call {self.types}")
        raw = unhex(data)
        if len(raw) > MAX_DATA:
            raise ValueError(f"it has {len(raw):,} bytes, more than nodes accept")
        values = _read(self.inputs, raw[4:])
        return tuple(leaf for param, value in zip(self.inputs, values, strict=True) for leaf in _leaves(param, value))

    def read_result(self, data: str) -> list[Any]:
        """Return the results of a call; raises `ValueError` likewise."""
        return _read(self.outputs, unhex(data))


def _read(params: tuple[Param, ...], raw: bytes) -> list[Any]:
    values = ValuesReader(params).read(raw)
    plain = [_encodable(param, value) for param, value in zip(params, values, strict=True)]
    try:
        again = encode([param.type for param in params], plain)
    except (EncodingError, OverflowError) as error:
        raise ValueError(f"its values cannot be encoded again ({type(error).__name__})") from None
    if again != raw:
        raise ValueError("it holds bytes outside of the arguments, or arguments in an unusual position")
    return values


def _members(param: Param, value: Any) -> list[tuple[Param, Any]]:
    """Return the members of a struct with their values, from a mapping or a list."""
    values = list(value.values()) if isinstance(value, Mapping) else value
    return list(zip(param.members, values, strict=True))


def _encodable(param: Param, value: Any) -> Any:
    """Return a value in the form that eth_abi encodes."""
    array = element(param)
    if array is not None:
        return [_encodable(array[0], one) for one in value]
    if param.members:
        return tuple(_encodable(member, one) for member, one in _members(param, value))
    return unhex(value) if param.type.startswith("bytes") else value


def _leaves(param: Param, value: Any, within: str = "") -> Iterator[LeafValue]:
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
    yield LeafValue(path, param.type, value)


def _leaf_params(param: Param, within: str = "", *, is_repeated: bool = False) -> Iterator[LeafParam]:
    path = _path(within, param)
    if not param.members:
        yield LeafParam(path, param.type, is_repeated)
    for member in param.members:
        yield from _leaf_params(member, path, is_repeated=is_repeated or element(param) is not None)


def _path(within: str, param: Param) -> str:
    return ".".join(filter(None, (within, param.name)))
