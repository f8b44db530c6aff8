"""The `ceos` command. Each command's module is imported when it is called, so that `--help` stays instant."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import Any

import click

from ceos.errors import CeosError, DraftRejected, InvalidInput, KeyRefused, NotFound
from ceos.logs import redact

#: name → (module, attribute, one line of help)
COMMANDS = {
    "demo": ("demo", "demo", "Try everything: three agents, real workers, no keys, under a minute."),
    "up": ("fleet", "up", "Run worker processes with a scheduler until Ctrl-C."),
    "scheduler": ("fleet", "scheduler", "Run a scheduler on its own, for big fleets."),
    "sim": ("fleet", "sim", "Run the simulator of Neynar, OpenRouter and fal.ai."),
    "doctor": ("doctor", "doctor", "Check servers, keys, signers, models and clock, and say how to mend each."),
    "status": ("posts", "status", "Show every agent and what is under way."),
    "post": ("posts", "post", "Post now, by hand, on the same road as a scheduled post."),
    "panic": ("posts", "panic", "Stop all publishing, everywhere, at once."),
    "unpanic": ("posts", "unpanic", "Let publishing go on."),
    "agent": ("agents", "agent", "Apply, list, show, export, pause, resume and remove agents."),
    "draft": ("drafts", "draft", "List, show, edit, approve and reject drafts."),
    "dead": ("drafts", "dead", "List, retry and drop failed and partly published posts."),
    "strategy": ("plugins", "strategy", "List the posting strategies."),
    "plugin": ("plugins", "plugin", "List the plugins."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and help before it imports any of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table, which is the order of use."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command and return it."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        found: click.Command = getattr(importlib.import_module(f"ceos.cli.{module}"), attribute)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader of our output that has seen enough, such as head, is no error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # What is still buffered is written when the process ends, and must not fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command for a mistyped one, which click can do only for commands it has imported."""
        near = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if near and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"No such command {args[0]!r}. Did you mean {near[0]!r}?", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, _, help) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with 'ceos demo'. Exit codes: 0 done, 1 failed, 2 wrong usage or input.",
)
@click.version_option(package_name="ceos")
def cli() -> None:
    """ceos runs autonomous social agents: it writes, illustrates and publishes on schedule, once each."""


def main() -> None:
    """Run the command line; every error of ours becomes one line on standard error, in this one place."""
    try:
        code = cli.main(prog_name="ceos", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (InvalidInput, NotFound, DraftRejected) as error:
        click.echo(redact(str(error)), err=True)
        sys.exit(2)
    except KeyRefused as error:
        click.echo(redact(f"{str(error).rstrip('.')}. 'ceos doctor' says how to mend it."), err=True)
        sys.exit(1)
    except CeosError as error:
        click.echo(redact(str(error)), err=True)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(1)
    except Exception as error:
        # A plugin may raise anything here, and so may a mistake of ours; whoever looks for it wants the traceback.
        if os.environ.get("CEOS_LOG_LEVEL") == "debug":
            raise
        text = f"ceos met an unexpected error: {type(error).__name__}: {error}. CEOS_LOG_LEVEL=debug shows where."
        click.echo(redact(text), err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
