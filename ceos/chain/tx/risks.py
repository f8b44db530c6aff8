"""What a function can do with somebody's money, told by its name and arguments, and what a rule must say before it may
be called; pure.

    mover     moves tokens or lets somebody move them: `amount` and `max_amount` are required
    swap      gives one token for another: `min_out` is required, and the token that is given
    handover  gives somebody power over an asset or a contract: recipients are spelled, and a person approves each call
    carrier   takes calls as bytes and makes them: never allowed, for what is in the bytes cannot be judged
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ceos.chain.config.models import Allow
from ceos.evm.abi_values import Param, element
from ceos.evm.calldata import Place, Signature

#: Words of names, in lower case and without their endings.
_MOVES = ("transfer", "approv", "permit", "allowance", "burn", "send", "disperse", "airdrop", "bridge", "deposit for")
_SWAPS = ("swap", "uniswap", "unoswap", "exact input", "exact output", "trade", "exchange", "sell to")
_WANTS_EXACT_OUTPUT = ("exact output", "for exact")
_HANDS_OVER = (
    *("ownership", "owner", "admin", "upgrade", "role", "renounce", "delegate", "implementation", "minter"),
    *("operator", "authority", "guardian", "governor", "initialize", "for all", "controller", "agent wallet"),
)
_CARRIES = ("multicall", "multi call", "multi send", "exec", "aggregate", "call", "forward", "relay", "invoke")
#: They hand bytes to the recipient of tokens, who is checked; nothing is called in our name.
_TELLS_RECIPIENT = ("transferAndCall", "transferFromAndCall", "approveAndCall")
#: They name one thing by its number, so there is no amount; recipients are spelled instead.
_ONE_THING = ("safeTransferFrom(address,address,uint256)", "safeTransferFrom(address,address,uint256,bytes)")


class Objection(NamedTuple):
    """Why a rule does not do for one of its functions."""

    #: The key of the rule that must change, and the policy rule that refuses calls until it has.
    key: str
    rule: str
    why: str


def words(name: str) -> str:
    """Return the words of a name in lower case: "swapExactETHForTokens" is "swap exact eth for tokens"."""
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)).lower()


def is_mover(function: Signature) -> bool:
    """Say whether it moves an amount of tokens, or allows somebody to."""
    counts = any(place.is_uint for place in function.places)
    return _has(function, _MOVES) and counts and function.types not in _ONE_THING and not _has(function, ("ownership",))


def is_swap(function: Signature) -> bool:
    """Say whether it gives one token for another."""
    return _has(function, _SWAPS)


def is_handover(function: Signature) -> bool:
    """Say whether it gives somebody power over an asset, or the asset itself, without an amount."""
    moves_all = _has(function, _MOVES) and not is_mover(function)
    return not is_swap(function) and (_has(function, _HANDS_OVER) or moves_all)


def is_carrier(function: Signature) -> bool:
    """Say whether bytes among its arguments are calls."""
    if function.name in _TELLS_RECIPIENT:
        return False
    named = _has(function, _CARRIES) and any(place.base == "bytes" for place in function.places)
    return named or any(_lists_calls(param) for param in function.inputs)


def is_allowance(function: Signature) -> bool:
    """Say whether the address that counts is of somebody who may spend later."""
    return _has(function, ("approv", "allowance", "permit")) and not _has(function, ("transfer",))


def objections(entry: Allow, function: Signature) -> Iterator[Objection]:
    """Yield what `entry` would have to say for `function` to be allowed by it."""
    if is_carrier(function):
        why = f"{function.name} makes calls that stand in bytes and cannot be judged; allow the functions it would call"
        yield Objection("functions", "function", why)
        return
    yield from _swap_objections(entry, function) if is_swap(function) else ()
    yield from _amount_objections(entry, function)
    has_account = any(place.base == "address" for place in function.places)
    if is_handover(function) and has_account and not (entry.recipients and entry.recipients != "any"):
        why = f'{function.name} hands over control, so each address is spelled in recipients; "any" is not enough'
        yield Objection("recipients", "spender" if is_allowance(function) else "recipient", why)


def _swap_objections(entry: Allow, function: Signature) -> Iterator[Objection]:
    if _has(function, _WANTS_EXACT_OUTPUT):
        why = f"{function.name} fixes what comes out, and no rule can tell what is too much for it; use exact input"
        yield Objection("functions", "swap", why)
        return
    if entry.min_out is None:
        why = f"{function.name} is a swap; name the argument that says the least that must come out"
        yield Objection("min_out", "swap", why)
    if entry.amount is None and not entry.max_eth:
        yield Objection("amount", "amount", f"{function.name} is a swap; name the argument that says how much goes in")
    if entry.amount is not None and (entry.token is None or entry.token_argument is None):
        why = f"{function.name} is a swap; say with token and token_argument which token goes in"
        yield Objection("token_argument", "amount", why)


def _amount_objections(entry: Allow, function: Signature) -> Iterator[Objection]:
    if is_mover(function) and (entry.amount is None or entry.max_amount is None):
        why = f"{function.name} moves tokens; name its argument with amount, and the most with max_amount"
        yield Objection("amount", "amount", why)
    elif (entry.amount is None) != (entry.max_amount is None):
        yield Objection("amount", "amount", "amount and max_amount belong together")
    elif entry.amount is None and (entry.max_amount_per_day is not None or entry.approve_above is not None):
        yield Objection("amount", "amount", "limits of tokens need amount and max_amount")
    if entry.amount is not None and not _is_uint(_at(function, entry.amount)):
        yield Objection("amount", "amount", _no_uint(function, entry.amount))
    if entry.min_out is not None:
        yield from _min_out_objections(function, entry.min_out)
    if entry.token_argument is not None:
        place = _at(function, entry.token_argument)
        # In a list of structs, each could name another token.
        if place is None or place.is_repeated or place.type not in ("address", "address[]", "bytes"):
            why = f"{function.types} has no address, list of addresses or path named {entry.token_argument!r}"
            yield Objection("token_argument", "amount", why)


def _min_out_objections(function: Signature, path: str) -> Iterator[Objection]:
    place = _at(function, path)
    if not _is_uint(place):
        yield Objection("min_out", "min-out", _no_uint(function, path))
    elif place is not None and (place.is_repeated or place.type != place.base):
        yield Objection("min_out", "min-out", f"{path!r} of {function.types} is a list; it must be one number")
    elif not _tells_output(function):
        why = f"{function.name} needs 'returns (uint256 amountOut)' behind it, for the simulation to be compared"
        yield Objection("functions", "min-out", why)


def _at(function: Signature, path: str) -> Place | None:
    """Return the only place with this path."""
    found = [place for place in function.places if place.path == path]
    return found[0] if len(found) == 1 else None


def _is_uint(place: Place | None) -> bool:
    return place is not None and place.is_uint


def _no_uint(function: Signature, path: str) -> str:
    known = ", ".join(repr(place.path) for place in function.places if place.is_uint and place.path) or "none"
    return f"{function.types} has no single uint argument named {path!r}; it has {known}"


def _tells_output(function: Signature) -> bool:
    return len(function.outputs) == 1 and re.fullmatch(r"uint\d+(\[\])?", function.outputs[0].type) is not None


def _lists_calls(param: Param) -> bool:
    """Say whether an argument is a list of bytes, or of structs with an address and bytes."""
    array = element(param)
    if array is not None:
        inner = array[0]
        types = {member.type for member in inner.members}
        return inner.type == "bytes" or {"address", "bytes"} <= types or _lists_calls(inner)
    return any(_lists_calls(member) for member in param.members)


def _has(function: Signature, wanted: tuple[str, ...]) -> bool:
    spelled = f" {words(function.name)}"
    return any(f" {word}" in spelled for word in wanted)
