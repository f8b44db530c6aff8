"""`ceos chain wallet …`: creates keys and shows accounts. An existing key is never shown."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from ceos.cli.output import Verbs, chosen_agents, command_runtime, json_option, show_json, show_table
from ceos.errors import CeosError, InvalidInput
from ceos.evm.amounts import ether
from ceos.runtime import Runtime
from ceos.settings import Settings, secret


@click.group(cls=Verbs)
def wallet() -> None:
    """Create keys, and show the accounts of the operator and the agents."""


@wallet.command()
@click.option("--seed", is_flag=True, help="Create a seed phrase, which gives every agent its own account.")
@click.option("--file", "path", type=click.Path(path_type=Path), help="The file for the encrypted key.")
def new(seed: bool, path: Path | None) -> None:
    """Create a new account: an encrypted key file, or a seed phrase that is shown once.

    \b
    ceos chain wallet new                     # asks for a password, writes wallet.json in CEOS_HOME
    ceos chain wallet new --file ~/base.json
    ceos chain wallet new --seed              # 12 words, for BASE_SEED_PHRASE

    An existing file is never overwritten. BASE_KEYSTORE_PASSWORD is the password if it is set.
    """
    if seed and path is not None:
        raise click.UsageError("A seed phrase is not written to a file; use --seed or --file.")
    if seed:
        return _new_seed()
    settings = command_runtime().settings
    return _new_keystore(settings, (path or settings.home_folder() / "wallet.json").expanduser().absolute())


def _new_seed() -> None:
    from ceos.chain.tx.wallets import new_seed_phrase  # noqa: PLC0415  # a second, and only here

    if not sys.stdout.isatty():
        raise InvalidInput(
            "A seed phrase is shown only on a terminal, not in a file or a pipe; run the command interactively."
        )
    address, phrase = new_seed_phrase()
    click.echo(f"{phrase}\n")
    click.echo("Write these words down now: they are shown only once, and they give full access to the money.")
    click.echo(f"Set BASE_SEED_PHRASE to them. The operator's account is {address}.")


def _new_keystore(settings: Settings, path: Path) -> None:
    from ceos.chain.tx.wallets import new_keystore  # noqa: PLC0415  # a second, and only here

    _refuse_existing(path)
    address, document = new_keystore(_password(settings))
    _write_new(path, json.dumps(document))
    click.echo(f"The new account is {address}.")
    click.echo(f"Set BASE_KEYSTORE={path} and BASE_KEYSTORE_PASSWORD, and keep a copy of both in another place.")


def _password(settings: Settings) -> str:
    if known := secret(settings.base_keystore_password):
        return known
    if not sys.stdin.isatty():
        raise InvalidInput(
            "There is no terminal to ask for a password; set BASE_KEYSTORE_PASSWORD, or run the command interactively."
        )
    return str(click.prompt("Password of the key file", hide_input=True, confirmation_prompt=True))


def _refuse_existing(path: Path) -> None:
    if path.is_symlink() or path.exists():
        raise InvalidInput(f"{path} exists and may hold the only copy of a key; choose another file with --file.")


def _write_new(path: Path, text: str) -> None:
    """Write a complete file that only its owner can read, without replacing an existing one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp makes it readable by its owner only.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            # A link fails if the file exists; a rename would replace it.
            os.link(name, path)
        finally:
            Path(name).unlink()
    except FileExistsError:
        _refuse_existing(path)
        raise
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InvalidInput(f"{path} cannot be written: {why}; choose another file with --file.") from None


@wallet.command()
@click.argument("agent_ids", metavar="[AGENT...]", nargs=-1)
@click.option("--all", "all_agents", is_flag=True, help="The accounts of the operator and of all agents.")
@json_option
def show(agent_ids: tuple[str, ...], all_agents: bool, as_json: bool) -> None:
    """Show the account of the operator or of AGENTs: address, source of the key, and balance."""
    runtime = command_runtime()
    owners = chosen_agents(runtime, agent_ids, all_agents=all_agents) if agent_ids or all_agents else []
    if not agent_ids:
        owners = ["", *owners]
    documents = _with_balances(runtime, [_account(runtime, owner) for owner in owners])
    if as_json:
        return show_json(documents)
    return show_table(
        ["account of", "address", "key from", "path", "balance"],
        [
            (
                one["agent"] or "the operator",
                one["address"],
                one["source"],
                one["path"],
                None if one["balance_wei"] is None else f"{ether(int(one['balance_wei']))} ETH",
            )
            for one in documents
        ],
        empty="No accounts.",
    )


def _account(runtime: Runtime, agent_id: str) -> dict[str, Any]:
    wallets = runtime.chain.wallets
    return {
        "agent": agent_id,
        "address": wallets.address(agent_id),
        "source": wallets.source,
        "path": wallets.path(agent_id),
        "balance_wei": None,
    }


def _with_balances(runtime: Runtime, accounts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the balances to accounts; without an answer of a node they stay empty."""
    balances: dict[str, str] = {}
    try:
        for address in dict.fromkeys(one["address"] for one in accounts):
            # A string, because JSON readers lose digits of such numbers.
            balances[address] = str(runtime.chain.client.balance(address))
    except CeosError as error:
        click.echo(f"Without balances: {error}", err=True)
    return [{**one, "balance_wei": balances.get(one["address"])} for one in accounts]
