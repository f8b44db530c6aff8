"""The `ceos` command. Each command's module is imported when it is called, so that `--help` stays instant.

Plugins may add commands. They are loaded only for a name that is not built in, and for `--help` if any may exist.
"""

from __future__ import annotations

import difflib
import getpass
import importlib
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from ceos.errors import CeosError, DraftRejected, InvalidInput, KeyRefused, NotFound
from ceos.logs import redact
from ceos.plugins.reserved_commands import COMMANDS

#: The note that is shown when plugins could not be loaded.
MISSING = "Commands of plugins are missing; 'ceos plugin list' says why."


class LazyGroup(click.Group):
    """A group that knows its commands' names and help before it imports any of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table, which is the order of use, and then those of plugins."""
        del ctx
        with suppress(CeosError):
            return [*COMMANDS, *sorted(plugin_commands())]
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command and return it; raises `PluginError` if it may belong to a broken plugin."""
        del ctx
        if cmd_name not in COMMANDS:
            return plugin_commands().get(cmd_name)
        module, attribute, _ = COMMANDS[cmd_name]
        found: click.Command = getattr(importlib.import_module(f"ceos.cli.{module}"), attribute)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader that closes the pipe early, such as head, is not an error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The rest of the buffer is written when the process ends, and must not fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command for a mistyped one, which click can do only for commands it has imported."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            known, hint = list(COMMANDS), ""
            try:
                known += plugin_commands()
            except CeosError:
                # A report on plugins does not help a user who mistyped the name of a built-in command.
                if not difflib.get_close_matches(name, known):
                    raise
                hint = f" {MISSING}"
            near = difflib.get_close_matches(name, known, n=1)
            if near and name not in known:
                raise click.UsageError(f"No such command {name!r}. Did you mean {near[0]!r}?{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing the built-in ones; a broken plugin loses only its own lines."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, _, help) in COMMANDS.items()])
        try:
            added = plugin_commands()
        except CeosError:
            formatter.write_paragraph()
            formatter.write_text(MISSING)
            return
        if added:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(name, added[name].get_short_help_str(limit=200)) for name in sorted(added)])


def plugin_commands() -> Mapping[str, click.Command]:
    """Return the commands of plugins by name; loads the plugins if any may exist besides the built-in ones."""
    if not _may_have_plugins():
        return {}
    from ceos.cli.output import command_runtime  # noqa: PLC0415  # keeps 'ceos --help' instant

    return command_runtime().plugins.commands


def _may_have_plugins() -> bool:
    from importlib.metadata import entry_points  # noqa: PLC0415  # most commands do not need it

    if os.environ.get("CEOS_SKILL_PATH"):
        return True
    if any(point.dist is None or point.dist.name != "ceos" for point in entry_points(group="ceos")):
        return True
    with suppress(OSError):
        return b"CEOS_SKILL_PATH" in Path(".env").read_bytes()
    return False


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with 'ceos demo'. Exit codes: 0 done, 1 failed, 2 wrong usage or input.",
)
@click.version_option(package_name="ceos")
def cli() -> None:
    """ceos runs autonomous social agents: it writes, illustrates and publishes on schedule, once each."""


def main() -> None:
    """Run the command line; every `CeosError` becomes one line on standard error, in this one place."""
    from ceos.operations.table import Caller, called_by  # noqa: PLC0415  # keeps 'import ceos.cli' quick

    try:
        with called_by(Caller("cli", _user())):
            code = cli.main(prog_name="ceos", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (InvalidInput, NotFound, DraftRejected) as error:
        click.echo(redact(str(error)), err=True)
        sys.exit(2)
    except KeyRefused as error:
        click.echo(redact(f"{str(error).rstrip('.')}. 'ceos doctor' says how to fix it."), err=True)
        sys.exit(1)
    except CeosError as error:
        click.echo(redact(str(error)), err=True)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(1)
    except Exception as error:
        # A plugin or a mistake of ceos may raise anything here; a developer sees the traceback at level debug.
        if os.environ.get("CEOS_LOG_LEVEL") == "debug":
            raise
        text = f"ceos met an unexpected error: {type(error).__name__}: {error}. CEOS_LOG_LEVEL=debug shows where."
        click.echo(redact(text), err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _user() -> str:
    """Return the name of the user of this process, for audit records."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


if __name__ == "__main__":
    main()
