"""What is kept of agents on chain: which entry of which registry is whose, and the scores that were written down.

The keys are in the map at the head of `store.py`. All of it outlives the agent's description, for what is on chain
does; and what an anchored score was made of never changes.
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
    #: Who owns the entry.
    account: Address
    #: Where it says that its registration file is.
    uri: str
    #: The transaction that registers it; None for one that was adopted.
    tx: str | None = None
    #: Its number there, from 0 on; None until the transaction is mined.
    token_id: int | None = None
    #: Whether no re-org can change the number any more.
    is_final: bool = False


class AnchoredScore(Frozen):
    """A week's score as it was, or is being, written on chain."""

    #: The canonical JSON whose hash it is.
    text: str
    hash: Hash
    token_id: int
    #: The transaction that writes it; None before there is one.
    tx: str | None = None
    #: Whether it is on chain for good.
    is_final: bool = False


class IdentityStore:
    """Registrations and anchored scores in Redis; `registry` is one by its chain, such as `eip155:8453:0x8004…`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    def registration(self, registry: str, agent_id: str) -> Registration | None:
        """Return an agent's entry, or None."""
        with redis_errors():
            row = cast("str | None", self._client.hget(f"ceos:identities:{registry}", agent_id))
        return Registration.model_validate_json(row) if row else None

    def registrations(self, registry: str) -> list[Registration]:
        """Return every agent's entry, by the names of the agents."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:identities:{registry}"))
        return [Registration.model_validate_json(row) for _, row in sorted(rows.items())]

    def keep(self, new: Registration, old: Registration | None) -> bool:
        """Put an entry in the place of the one that was read; return whether that still was there."""
        return self._swap(f"ceos:identities:{new.registry_name}", new.agent, old, new)

    def anchored(self, registry: str, agent_id: str, epoch: str) -> AnchoredScore | None:
        """Return what was written down of a week, or None."""
        with redis_errors():
            row = cast("str | None", self._client.hget(f"ceos:anchors:{registry}:{agent_id}", epoch))
        return AnchoredScore.model_validate_json(row) if row else None

    def anchors(self, registry: str, agent_id: str) -> dict[str, AnchoredScore]:
        """Return what was written down of every week, oldest first."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:anchors:{registry}:{agent_id}"))
        return {epoch: AnchoredScore.model_validate_json(row) for epoch, row in sorted(rows.items())}

    def keep_anchored(
        self, registry: str, agent_id: str, epoch: str, new: AnchoredScore, old: AnchoredScore | None
    ) -> bool:
        """Put what is known of a week in the place of what was read; return whether that still was there."""
        return self._swap(f"ceos:anchors:{registry}:{agent_id}", epoch, old, new)

    def _swap(self, key: str, field: str, old: Frozen | None, new: Frozen) -> bool:
        before = old.model_dump_json() if old else ""
        return bool(self._database.run_script("swap", key, field, before, new.model_dump_json()))
