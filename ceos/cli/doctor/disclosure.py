"""The check of `ceos doctor` that looks for the disclosure in the bios of the agents' accounts."""

from __future__ import annotations

from collections.abc import Iterator

from ceos.cli.doctor.findings import Examination, Finding, Status
from ceos.errors import ServiceError
from ceos.guardrails.disclosure import is_disclosed


def disclosure(examination: Examination) -> Iterator[Finding]:
    """Check that the bio of each account says that it is a program, unless the agent file names another place."""
    agents = [agent for agent in examination.agents or [] if agent.output.disclosure == "profile"]
    if not agents or not examination.neynar_accepts:
        return
    try:
        users = examination.neynar.users([agent.fid for agent in agents])
    except ServiceError as error:
        found = f"The bios of the agents' accounts could not be read: {error}"
        yield Finding("disclosure", Status.WARNING, found, "Try again later.")
        return
    silent = [agent.id for agent in agents if agent.fid in users and not is_disclosed(users[agent.fid].bio)]
    if not silent:
        yield Finding("disclosure", Status.OK, "The bios of the agents' accounts say that they are programs.")
        return
    found = f"The bio of the account does not say that it is a program: {', '.join(silent)}."
    fix = (
        "Add a word such as 'AI' or 'bot' to the bio, or set disclosure = \"post\" or \"off\" in [agent.output] of the "
        "agent's file."
    )
    yield Finding("disclosure", Status.WARNING, found, fix)
