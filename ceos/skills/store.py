"""The state of skills in Redis: what they remember for an agent, and how often they failed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from ceos.storage.connection import Database, redis_errors


class SkillStore:
    """Reads and writes the notes and the failures of skills."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    def skill_note(self, agent_id: str, skill: str, key: str) -> str | None:
        """Return the note that a skill keeps for an agent under a key, or None."""
        with redis_errors():
            return cast("str | None", self._client.hget(f"ceos:memory:{agent_id}", f"{skill}\x1f{key}"))

    def keep_skill_note(self, agent_id: str, skill: str, key: str, note: str | None, max_bytes: int) -> bool:
        """Keep a note for a skill and an agent, or remove it; return whether all its notes fit into `max_bytes`.

        Notes for a removed agent are not kept.
        """
        return bool(self._database.run_script("remember", agent_id, skill, key, note or "", max_bytes))

    def skill_failures(self, agent_id: str) -> dict[str, int]:
        """Return how often in a row each of an agent's skills has failed; skills that work are left out."""
        with redis_errors():
            found = cast("dict[str, str]", self._client.hgetall(f"ceos:skills:{agent_id}"))
        return {name: int(count) for name, count in found.items()}

    def count_skill_failure(self, agent_id: str, skill: str) -> int:
        """Count one more failure in a row and return their number."""
        with redis_errors():
            return self._client.hincrby(f"ceos:skills:{agent_id}", skill, 1)

    def forgive_skill(self, skill: str, agent_ids: Iterable[str]) -> None:
        """Reset the failures of a skill for these agents."""
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            for agent_id in agent_ids:
                pipe.hdel(f"ceos:skills:{agent_id}", skill)
            pipe.execute()
