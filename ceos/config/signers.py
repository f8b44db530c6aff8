"""The signers of agents: the ids by which Neynar publishes for an account."""

from __future__ import annotations

from ceos.domain.agent import Agent
from ceos.errors import KeyRefused
from ceos.logs import register_secret
from ceos.settings import Settings


def signer_of(agent: Agent, settings: Settings) -> str:
    """Return the signer id of an agent; raises `KeyRefused` when its environment variable is not set."""
    value = agent.signer_uuid or settings.variable(agent.signer_uuid_env or "")
    if not value:
        raise KeyRefused(
            f"The signer of agent {agent.id!r} is missing: set {agent.signer_uuid_env} in the environment of the "
            "workers or in .env."
        )
    register_secret(value)
    return value
