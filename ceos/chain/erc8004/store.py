"""Registrations of agents and anchored scores in Redis; the keys are in the map at the head of `storage/__init__.py`.

Both stay when an agent is removed, because they stay on chain. The document of an anchored score never changes.
"""

from __future__ import annotations

from typing import cast

from ceos.domain.base import Frozen
from ceos.evm.types import Address, Hash
from ceos.storage.connection import Database, redis_errors


class Registration(Frozen):
    """An agent's entry in a registry of one chain."""

    agent: str
    #: The registry by its chain, as registration files name it: `eip155:8453:0x8004…`.
    registry_name: str
    #: The owner of the entry.
    account: Address
    #: The address of its registration file, as written on chain.
    uri: str
    #: The transaction that registers it; None for an adopted entry.
    tx: str | None = None
    #: Its number in the registry, from 0; None until the transaction is mined.
    token_id: int | None = None
    #: Whether the number can no longer be changed by a re-org.
    is_final: bool = False


class AnchoredScore(Frozen):
    """The document of a week's score, and its transaction."""

    #: The canonical JSON that is hashed.
    text: str
    hash: Hash
    token_id: int
    #: The transaction that writes the hash; None before it is submitted.
    tx: str | None = None
    #: Whether the transaction is final.
    is_final: bool = False


class IdentityStore:
    """Registrations and anchored scores in Redis; `registry` is a registry name such as `eip155:8453:0x8004…`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    def registration(self, registry: str, agent_id: str) -> Registration | None:
        """Return an agent's entry, or None."""
        with redis_errors():
            row = cast("str | None", self._client.hget(f"ceos:identities:{registry}", agent_id))
        return Registration.model_validate_json(row) if row else None

    def registrations(self, registry: str) -> list[Registration]:
        """Return the entries of all agents, ordered by agent."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:identities:{registry}"))
        return [Registration.model_validate_json(row) for _, row in sorted(rows.items())]

    def save_registration(self, new: Registration, old: Registration | None) -> bool:
        """Replace an entry if it is still the one that was read; return whether it was."""
        return self._swap(f"ceos:identities:{new.registry_name}", new.agent, old, new)

    def anchored(self, registry: str, agent_id: str, epoch: str) -> AnchoredScore | None:
        """Return the anchored score of a week, or None."""
        with redis_errors():
            row = cast("str | None", self._client.hget(f"ceos:anchors:{registry}:{agent_id}", epoch))
        return AnchoredScore.model_validate_json(row) if row else None

    def anchors(self, registry: str, agent_id: str) -> dict[str, AnchoredScore]:
        """Return the anchored scores of an agent by week, oldest first."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:anchors:{registry}:{agent_id}"))
        return {epoch: AnchoredScore.model_validate_json(row) for epoch, row in sorted(rows.items())}

    def save_anchor(
        self, registry: str, agent_id: str, epoch: str, new: AnchoredScore, old: AnchoredScore | None
    ) -> bool:
        """Replace the anchored score of a week if it is still the one that was read; return whether it was."""
        return self._swap(f"ceos:anchors:{registry}:{agent_id}", epoch, old, new)

    def _swap(self, key: str, field: str, old: Frozen | None, new: Frozen) -> bool:
        before = old.model_dump_json() if old else ""
        return bool(self._database.run_script("swap", key, field, before, new.model_dump_json()))
