"""The options that every command with a transaction shares."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from ceos.cli.output import json_option


@dataclass(frozen=True)
class SigningOptions:
    """The values of `--dry-run`, `--wait` and `--json`."""

    dry_run: bool
    seconds: float
    as_json: bool


def signing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--wait`, `--dry-run` and `--json` to a command, as the argument `options`."""

    @functools.wraps(command)
    def run(*args: Any, dry_run: bool, seconds: float, as_json: bool, **named: Any) -> Any:
        return command(*args, options=SigningOptions(dry_run, seconds, as_json), **named)

    added = json_option(run)
    added = click.option(
        "--dry-run", is_flag=True, help="Only show what would be signed; exit code 1 if it is refused."
    )(added)
    return click.option(
        "--wait",
        "seconds",
        default=60.0,
        show_default=True,
        metavar="SECONDS",
        help="The longest wait until it is mined.",
    )(added)
