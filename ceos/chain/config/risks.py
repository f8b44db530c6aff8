"""Risk classes of functions, derived from names and arguments, and what a rule must state to allow them; pure.

mover     moves tokens or permits moving them: `amount` and `max_amount` are required
swap      exchanges one token for another: `min_out` and the token that goes in are required
handover  gives power over an asset or a contract: recipients are listed, and a person approves each call
carrier   executes calls that it receives as bytes: never allowed, because the bytes cannot be evaluated
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ceos.chain.config.models import Allow
from ceos.evm.abi_values import Param, element
from ceos.evm.calldata import LeafParam, Signature

#: Words of names, in lower case and without their endings.
_MOVES = ("transfer", "approv", "permit", "allowance", "burn", "send", "disperse", "airdrop", "bridge", "deposit for")
_SWAPS = ("swap", "uniswap", "unoswap", "exact input", "exact output", "trade", "exchange", "sell to")
_EXACT_OUTPUT = ("exact output", "for exact")
_HANDS_OVER = (
    *("ownership", "owner", "admin", "upgrade", "role", "renounce", "delegate", "implementation", "minter"),
    *("operator", "authority", "guardian", "governor", "initialize", "for all", "controller", "agent wallet"),
)
_CARRIES = ("multicall", "multi call", "multi send", "exec", "aggregate", "call", "forward", "relay", "invoke")
#: They pass bytes to the recipient of the tokens, who is checked; no call is made in our name.
_NOTIFIES_RECIPIENT = ("transferAndCall", "transferFromAndCall", "approveAndCall")
#: They move one item by its number, so there is no amount; recipients are listed instead.
_ONE_ITEM = ("safeTransferFrom(address,address,uint256)", "safeTransferFrom(address,address,uint256,bytes)")


class RuleProblem(NamedTuple):
    """The reason why a rule cannot allow one of its functions."""

    #: The key of the rule that must change, and the policy rule that refuses calls until then.
    key: str
    rule: str
    why: str


def words(name: str) -> str:
    """Return the words of a name in lower case: "swapExactETHForTokens" is "swap exact eth for tokens"."""
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)).lower()


def is_mover(function: Signature) -> bool:
    """Say whether a function moves an amount of tokens, or permits it."""
    counts = any(leaf.is_uint for leaf in function.leaf_params)
    return _has(function, _MOVES) and counts and function.types not in _ONE_ITEM and not _has(function, ("ownership",))


def is_swap(function: Signature) -> bool:
    """Say whether a function exchanges one token for another."""
    return _has(function, _SWAPS)


def is_handover(function: Signature) -> bool:
    """Say whether a function gives power over an asset, or the asset itself, without an amount."""
    moves_all = _has(function, _MOVES) and not is_mover(function)
    return not is_swap(function) and (_has(function, _HANDS_OVER) or moves_all)


def is_carrier(function: Signature) -> bool:
    """Say whether bytes among the arguments are calls."""
    if function.name in _NOTIFIES_RECIPIENT:
        return False
    named = _has(function, _CARRIES) and any(leaf.base == "bytes" for leaf in function.leaf_params)
    return named or any(_lists_calls(param) for param in function.inputs)


def is_allowance(function: Signature) -> bool:
    """Say whether the address that counts belongs to a later spender."""
    return _has(function, ("approv", "allowance", "permit")) and not _has(function, ("transfer",))


def rule_problems(entry: Allow, function: Signature) -> Iterator[RuleProblem]:
    """Yield what `entry` lacks to allow `function`."""
    if is_carrier(function):
        why = f"{function.name} executes calls in bytes that cannot be evaluated; allow the functions it would call"
        yield RuleProblem("functions", "function", why)
        return
    yield from _swap_problems(entry, function) if is_swap(function) else ()
    yield from _amount_problems(entry, function)
    has_account = any(leaf.base == "address" for leaf in function.leaf_params)
    if is_handover(function) and has_account and not (entry.recipients and entry.recipients != "any"):
        why = f'{function.name} hands over control; list each address in recipients, "any" is not enough'
        yield RuleProblem("recipients", "spender" if is_allowance(function) else "recipient", why)


def _swap_problems(entry: Allow, function: Signature) -> Iterator[RuleProblem]:
    if _has(function, _EXACT_OUTPUT):
        why = f"{function.name} fixes the output, and no rule can limit its price; use an exact-input function"
        yield RuleProblem("functions", "swap", why)
        return
    if entry.min_out is None:
        why = f"{function.name} is a swap; name the argument with its minimum output in min_out"
        yield RuleProblem("min_out", "swap", why)
    if entry.amount is None and not entry.max_eth:
        why = f"{function.name} is a swap; name the argument with its input amount in amount"
        yield RuleProblem("amount", "amount", why)
    if entry.amount is not None and (entry.token is None or entry.token_argument is None):
        why = f"{function.name} is a swap; name the token that goes in with token and token_argument"
        yield RuleProblem("token_argument", "amount", why)


def _amount_problems(entry: Allow, function: Signature) -> Iterator[RuleProblem]:
    if is_mover(function) and (entry.amount is None or entry.max_amount is None):
        why = f"{function.name} moves tokens; name its argument with amount, and the limit with max_amount"
        yield RuleProblem("amount", "amount", why)
    elif (entry.amount is None) != (entry.max_amount is None):
        yield RuleProblem("amount", "amount", "amount and max_amount belong together")
    elif entry.amount is None and (entry.max_amount_per_day is not None or entry.approve_above is not None):
        yield RuleProblem("amount", "amount", "limits of tokens need amount and max_amount")
    if entry.amount is not None and not _is_uint(_leaf_param(function, entry.amount)):
        yield RuleProblem("amount", "amount", _no_uint(function, entry.amount))
    if entry.min_out is not None:
        yield from _min_out_problems(function, entry.min_out)
    if entry.token_argument is not None:
        leaf = _leaf_param(function, entry.token_argument)
        # In a list of structs, each could name another token.
        if leaf is None or leaf.is_repeated or leaf.type not in ("address", "address[]", "bytes"):
            why = f"{function.types} has no address, list of addresses or path named {entry.token_argument!r}"
            yield RuleProblem("token_argument", "amount", why)


def _min_out_problems(function: Signature, path: str) -> Iterator[RuleProblem]:
    leaf = _leaf_param(function, path)
    if not _is_uint(leaf):
        yield RuleProblem("min_out", "min-out", _no_uint(function, path))
    elif leaf is not None and (leaf.is_repeated or leaf.type != leaf.base):
        yield RuleProblem("min_out", "min-out", f"{path!r} of {function.types} is a list; it must be one number")
    elif not _returns_output(function):
        why = f"{function.name} needs 'returns (uint256 amountOut)' behind it, to compare it with the simulation"
        yield RuleProblem("functions", "min-out", why)


def _leaf_param(function: Signature, path: str) -> LeafParam | None:
    """Return the only leaf parameter with this path."""
    found = [leaf for leaf in function.leaf_params if leaf.path == path]
    return found[0] if len(found) == 1 else None


def _is_uint(leaf: LeafParam | None) -> bool:
    return leaf is not None and leaf.is_uint


def _no_uint(function: Signature, path: str) -> str:
    known = ", ".join(repr(leaf.path) for leaf in function.leaf_params if leaf.is_uint and leaf.path) or "none"
    return f"{function.types} has no single uint argument named {path!r}; it has {known}"


def _returns_output(function: Signature) -> bool:
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
