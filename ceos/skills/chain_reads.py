"""Reads of the chain by skills, `ctx.chain_read(what, …)`; a question is checked before a node is asked.

Only public data can be read. Strings in the answers, such as a token's symbol, are untrusted text.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ceos.clients.http.abandonable import AbandonableCall
from ceos.errors import CeosError, HostRefused, InvalidInput, KeyRefused, RequestRefused, WrongChain
from ceos.evm.amounts import whole
from ceos.evm.types import checksummed
from ceos.evm.values import as_json

if TYPE_CHECKING:
    from ceos.evm.client import EvmClient

#: The questions, and the arguments of each.
READS: dict[str, tuple[str, ...]] = {
    "block": (),
    "fees": (),
    "balance": ("address",),
    "token": ("address",),
    "token_balance": ("token", "owner"),
    "call": ("address", "function", "args"),
}
#: Concurrent reads for skills in this process, abandoned ones included.
MAX_CONCURRENT_READS = 16
#: The length of the signature of a function, and of its arguments as JSON, in characters.
MAX_SIGNATURE_CHARS = 500
MAX_ARGS_CHARS = 4096

_ADDRESSES = ("address", "token", "owner")
_abandonable = AbandonableCall("ceos-skill-chain", MAX_CONCURRENT_READS)


@dataclass(frozen=True)
class Question:
    """One question with valid arguments."""

    what: str
    arguments: dict[str, Any]

    @classmethod
    def of(cls, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Question:
        """Return the question of `ctx.chain_read(*args, **kwargs)`; raises `HostRefused`."""
        what, *rest = args or [kwargs.get("what")]
        named = kwargs if args else {name: value for name, value in kwargs.items() if name != "what"}
        if type(what) is not str or what not in READS:
            raise HostRefused(f"ctx.chain_read reads one of {', '.join(READS)}.")
        names = READS[what]
        given = dict(zip(names, rest, strict=False))
        bound = {**({"args": []} if "args" in names else {}), **given, **named}
        if len(rest) > len(names) or given.keys() & named.keys() or bound.keys() != set(names):
            wanted = ", ".join([repr(what), *("args=[]" if name == "args" else name for name in names)])
            raise HostRefused(f"It is called as ctx.chain_read({wanted}).")
        return cls(what, {name: _checked(name, bound[name]) for name in names})

    @property
    def text(self) -> str:
        """The question in one line, the key of its answer in an example: `token_balance 0x… 0x…`."""
        words = [value for name, value in self.arguments.items() if name != "args"]
        args = self.arguments.get("args")
        return " ".join([self.what, *words, *([json.dumps(args)] if args else [])])


def read_chain(client: Callable[[], EvmClient], question: Question, deadline: float) -> Any:
    """Return the answer of the chain as plain JSON; raises `HostRefused`, at `deadline` (monotonic) at the latest."""
    try:
        return _abandonable.run(lambda: answer_of(client(), question), deadline)
    except TimeoutError:
        raise HostRefused("The chain did not answer in time.") from None
    except (KeyRefused, WrongChain) as error:
        raise HostRefused("The chain cannot be read now.") from error
    except (InvalidInput, RequestRefused) as error:
        raise HostRefused(_one_line(str(error))) from None
    except CeosError as error:
        raise HostRefused("The chain cannot be read now.") from error


def answer_of(client: EvmClient, question: Question) -> Any:
    """Return the answer of the chain as plain JSON; errors are those of the client."""
    given = question.arguments
    match question.what:
        case "block":
            block = client.head()
            time = dt.datetime.fromtimestamp(block.timestamp, dt.UTC).isoformat()
            head = {"number": block.number, "hash": block.hash, "time": time, "base_fee": block.base_fee}
            return as_json({"chain_id": client.chain_id, **head})
        case "fees":
            fees = client.fees()
            return as_json({"base_fee": fees.base_fee, "priority": fees.priority, "max_fee": fees.max_fee})
        case "balance":
            wei = client.balance(given["address"])
            return {"wei": as_json(wei), "eth": whole(wei, 18)}
        case "token":
            return _token(client, given["address"])
        case "token_balance":
            token = client.token(given["token"])
            units = client.token_balance(given["token"], given["owner"])
            amount = {"units": as_json(units), "amount": whole(units, token.decimals)}
            return {"symbol": token.symbol, "decimals": token.decimals, **amount}
    return _call(client, given["address"], given["function"], given["args"])


def _token(client: EvmClient, address: str) -> dict[str, Any]:
    token = client.token(address)
    supply = _call(client, address, "totalSupply() view returns (uint256)", [])
    return {"symbol": token.symbol, "decimals": token.decimals, "supply": whole(int(supply), token.decimals)}


def _call(client: EvmClient, address: str, signature: str, args: Sequence[Any]) -> Any:
    from ceos.evm.abi import Abi  # noqa: PLC0415  # heavy

    written = signature if signature.startswith("function ") else f"function {signature}"
    function = next(iter(Abi.parse([written]).functions.values()))
    return as_json(client.call(address, function, *args))


def _checked(name: str, value: Any) -> Any:
    if name in _ADDRESSES:
        try:
            return checksummed(value)
        except (TypeError, ValueError):
            raise HostRefused(f"{name} must be an address: 0x and 40 hex digits.") from None
    if name == "function":
        if type(value) is not str or not value.isascii() or not value.isprintable() or len(value) > MAX_SIGNATURE_CHARS:
            raise HostRefused("function must be a signature such as 'totalSupply() view returns (uint256)'.")
        return value
    try:
        fits = isinstance(value, list | tuple) and len(json.dumps(value, allow_nan=False)) <= MAX_ARGS_CHARS
    except (TypeError, ValueError, RecursionError):
        fits = False
    if not fits:
        raise HostRefused(f"args must be a list of plain data, of at most {MAX_ARGS_CHARS:,} characters as JSON.")
    return list(value)


def _one_line(text: str) -> str:
    """Return a sentence, possibly with text of a contract, as one printable line."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text[:300]).strip()
    return shown if shown.endswith(".") else f"{shown}."
