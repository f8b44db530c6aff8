"""Haiku for ceos: two skills, a line in the log for every cast in three lines, and a command that counts syllables."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import click

import ceos

log = logging.getLogger(__name__)


@ceos.hookimpl
def register_skills(register: Callable[[Path], None]) -> None:
    register(Path(__file__).parent / "skills")


@ceos.hookimpl
def cast_published(agent: ceos.Agent, cast: ceos.Cast) -> None:
    if cast.text.count("\n") == 2:
        log.info("A haiku is out", extra={"event": "haiku.published", "by": agent.name, "hash": cast.hash})


@click.command()
@click.argument("text")
def syllables(text: str) -> None:
    """Count the syllables of a text, about."""
    click.echo(sum(max(1, len(re.findall("[aeiouy]+", word))) for word in text.lower().split()))


@ceos.hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    register(syllables)
