"""`ceos chain call`: calls a function of a contract without a transaction."""

from __future__ import annotations

import json
from typing import Any

import click

from ceos.chain.config.contracts import Contract
from ceos.cli.output import command_runtime, json_option, say, show_json
from ceos.errors import InvalidInput
from ceos.evm import values
from ceos.evm.abi import Abi, Function
from ceos.evm.client import BlockId


@click.command()
@click.argument("contract")
@click.argument("function")
@click.argument("args", nargs=-1)
@click.option("--block", type=click.IntRange(0), help="The block to read at; by default the latest.")
@click.option("--from", "sender", metavar="ADDRESS", help="The calling account, which some functions check.")
@json_option
def call(
    *, contract: str, function: str, args: tuple[str, ...], block: int | None, sender: str | None, as_json: bool
) -> None:
    """Call a function of a contract and print what it returns. Nothing is signed, and nothing changes.

    CONTRACT is a name (identity, reputation, usdc, or one of your chain.toml) or an address. FUNCTION is a name or a
    signature, which an address without an ABI needs: "totalSupply() view returns (uint256)". Lists are written as JSON.
    """
    chain = command_runtime().chain
    found = chain.contracts.find(contract)
    wanted = function_of(found, function)
    which: BlockId = "latest" if block is None else block
    arguments = values.typed(wanted, args)
    answer = chain.client.call(found.address, wanted, *arguments, block=which, sender=sender, abi=found.abi)
    _print(wanted, values.as_json(answer), as_json=as_json)


def function_of(contract: Contract, name: str) -> Function:
    """Return a function of a contract by its name or signature; raises `InvalidInput`."""
    if contract.abi is not None and ("(" not in name or _has(contract.abi, name)):
        return contract.abi.function(name)
    if "(" not in name:
        raise InvalidInput(
            f"The functions of {contract.address} are unknown; write the whole signature, such as "
            "'balanceOf(address) view returns (uint256)', or put the contract with its ABI into chain.toml."
        )
    written = name if name.startswith("function ") else f"function {name}"
    return next(iter(Abi.parse([written]).functions.values()))


def _has(abi: Abi, signature: str) -> bool:
    try:
        abi.function(signature)
    except InvalidInput:
        return False
    return True


def _print(function: Function, result: Any, *, as_json: bool) -> None:
    if as_json:
        show_json(result)
    elif len(function.outputs) == 1:
        say(_shown(result))
    else:
        for param, value in zip(function.outputs, result, strict=True):
            say(f"{param.name or param.type}: {_shown(value)}")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
