"""`ceos chain …`; as with `ceos` itself, the module of a command is imported when the command is called."""

from __future__ import annotations

import importlib

import click

#: name → (module of ceos.cli.chain, one line of help); each module defines the command under its name.
COMMANDS = {
    "status": ("status", "Show nodes, accounts, balances, the latest transactions and subscriptions."),
    "call": ("call", "Call a function of a contract, without a transaction."),
    "events": ("events", "Show the state of subscriptions, or the latest events of one."),
    "send": ("send", "Send a transaction within the policy; --dry-run only shows it."),
    "register": ("identity", "Register an agent in the ERC-8004 identity registry."),
    "metadata": ("identity", "Show or set the value of a key of an agent in the registry."),
    "feedback": ("identity", "Give feedback to an agent in the ERC-8004 reputation registry."),
    "reputation": ("identity", "Show the feedback of others on an agent."),
    "anchor": ("identity", "Write the hash of an agent's weekly score on chain."),
    "verify": ("identity", "Check an agent's score of a week against the hash on chain."),
    "buy": ("pay", "Fetch an address that asks for payment (x402)."),
    "purchases": ("pay", "List purchases."),
    "wallet": ("wallet", "Create keys and show accounts."),
}


class LazyVerbs(click.Group):
    """A group whose help comes from the table; only a command that runs loads web3."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table, which is the order of use."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command and return it."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        found: click.Command = getattr(importlib.import_module(f"ceos.cli.chain.{module}"), cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in COMMANDS.items()])


@click.group(cls=LazyVerbs)
def chain() -> None:
    """Read from Base, and send transactions that your chain.toml allows.

    \b
    ceos chain status
    ceos chain call usdc balanceOf 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC
    ceos chain send 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC --value 0.01 --dry-run
    """
