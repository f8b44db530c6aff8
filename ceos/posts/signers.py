"""The signers of agents, used only once Neynar has named the account that they write for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from ceos.clients.neynar.client import Neynar
from ceos.domain.agent import Agent
from ceos.errors import KeyRefused, RateLimited, RequestRefused, ServiceUnavailable
from ceos.runs.deferral import RetryLater
from ceos.storage.agents import AgentStore

#: The account of a signer is looked up again after this time, in seconds.
RECHECK_SECONDS = 86_400
#: How long to wait before the next look-up when a signer could not be looked up, in seconds.
RETRY_SECONDS = 30.0


def signer_digest(signer_uuid: str) -> str:
    """Return the digest under which the account of a signer is stored; the signer cannot be read from it."""
    return hashlib.sha256(signer_uuid.encode()).hexdigest()[:32]


class VerifiedSigners:
    """Returns the signers of agents that write for the agents' own accounts, and no others.

    A signer of another account would publish there without an error. All processes share the accounts that were
    looked up.
    """

    def __init__(self, signer: Callable[[Agent], str], agents: AgentStore, neynar: Neynar) -> None:
        self._signer = signer
        self._agents = agents
        self._neynar = neynar

    def verified_signer(self, agent: Agent) -> str:
        """Return the signer of an agent.

        Raises `KeyRefused` for a signer that is missing, unknown, not approved or of another account, and `RetryLater`
        while it cannot be looked up.
        """
        signer_uuid = self._signer(agent)
        digest = signer_digest(signer_uuid)
        fid = self._agents.signer_account(digest)
        if fid is None:
            fid = self._look_up(agent, signer_uuid)
            self._agents.save_signer_account(digest, fid, RECHECK_SECONDS)
        if fid != agent.fid:
            raise KeyRefused(
                f"The signer of agent {agent.id!r} writes for fid {fid}, but the agent has fid {agent.fid}; nothing "
                "was sent. Correct the fid in the agent's file, or the signer."
            )
        return signer_uuid

    def _look_up(self, agent: Agent, signer_uuid: str) -> int:
        try:
            signer = self._neynar.signer(signer_uuid)
        except (RateLimited, ServiceUnavailable) as error:
            seconds = RETRY_SECONDS if error.retry_after is None else error.retry_after
            raise RetryLater(seconds, f"the account of the signer could not be looked up: {error}") from None
        except KeyRefused:
            raise
        except RequestRefused as error:
            # A signer that Neynar does not know under this key cannot publish under it either.
            raise KeyRefused(
                f"Neynar does not know the signer of agent {agent.id!r} under this NEYNAR_API_KEY; nothing was sent: "
                f"{error}"
            ) from None
        if not signer.is_approved:
            raise KeyRefused(
                f"The signer of agent {agent.id!r} is not approved; its status is {signer.status!r}. Nothing was sent. "
                f"It must be approved by the owner of fid {agent.fid}."
            )
        if signer.fid is None:
            raise KeyRefused(
                f"Neynar names no account for the signer of agent {agent.id!r}; nothing was sent, because it might "
                "write for another one."
            )
        return signer.fid
