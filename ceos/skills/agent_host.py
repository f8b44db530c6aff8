"""The host of a skill that runs for an agent, and the factory of such hosts.

host = hosts.host_for(agent, skill, params, call=call)
outcome = sandbox.run(skill.source, params, grants=skill.grants.names(), host=host)
host.calls, host.cost_usd       # for the record of the draft
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from ceos.clients.http import safe_fetch
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.posts import Cast, CastMetrics
from ceos.errors import HostRefused, StoreUnavailable
from ceos.runs.paid_model import PaidModel
from ceos.skills.grants import MemoryGrant
from ceos.skills.host import Chain, Fetch, ReadDocument, SkillHost
from ceos.skills.llm_broker import LLMBroker
from ceos.skills.skill import Skill
from ceos.skills.store import SkillStore

#: Returns the latest casts of an agent that were measured, each with its latest counts, newest first.
MeasuredCasts = Callable[[str], list[tuple[Cast, CastMetrics]]]


class HostFactory:
    """Makes the hosts of the runs of skills."""

    def __init__(
        self,
        store: SkillStore,
        model: PaidModel,
        clock: Clock,
        *,
        measured_casts: MeasuredCasts,
        fetch: Fetch = safe_fetch.get,
        read: ReadDocument | None = None,
        chain: Chain | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.measured_casts = measured_casts
        self.fetch = fetch
        self.read = read
        self.chain = chain
        self._model = model
        self._count = itertools.count(1)

    def host_for(self, agent: Agent, skill: Skill, params: Mapping[str, Any], *, call: str) -> AgentHost:
        """Return the host of one run of `skill` for `agent`.

        `params` must be the operator's alone, because the hosts in them are allowed; `call` names the attempt for the
        budget.
        """
        return AgentHost(self, agent.id, skill, params, self.broker_for(agent, f"{call}:{skill.name}"))

    def broker_for(self, agent: Agent, call: str) -> LLMBroker:
        """Return a broker that asks models at the agent's expense."""
        # Numbered, because an answer that was abandoned may still hold the reservation under its name.
        names = (f"{call}:{next(self._count)}" for _ in itertools.repeat(None))
        return LLMBroker(agent, self._model, names)


class AgentHost(SkillHost):
    """The host of one run for an agent: it has the agent's memory, numbers and budget."""

    def __init__(
        self, factory: HostFactory, agent_id: str, skill: Skill, params: Mapping[str, Any], broker: LLMBroker
    ) -> None:
        super().__init__(
            skill.grants, params, broker=broker, fetch=factory.fetch, read=factory.read, chain=factory.chain
        )
        self._factory = factory
        self._agent_id = agent_id
        self._skill = skill.name
        #: Read once: the numbers do not change while a skill runs.
        self._measured: list[tuple[dt.datetime, dict[str, Any]]] | None = None

    def recall(self, key: str) -> str | None:
        """Return the value that the agent's skill keeps under a key, as JSON, or None."""
        try:
            return self._factory.store.skill_note(self._agent_id, self._skill, key)
        except StoreUnavailable as error:
            raise HostRefused("The memory cannot be reached now.") from error

    def remember(self, key: str, value: str | None, grant: MemoryGrant) -> bool:
        """Keep JSON for the agent's skill, and return True if it fits."""
        try:
            return self._factory.store.keep_skill_note(self._agent_id, self._skill, key, value, grant.max_bytes)
        except StoreUnavailable as error:
            raise HostRefused("The memory cannot be reached now.") from error

    def numbers(self, days: int) -> list[dict[str, Any]]:
        """Return the latest counts of those of the agent's last 50 casts that were measured."""
        if self._measured is None:
            try:
                measured = self._factory.measured_casts(self._agent_id)
            except StoreUnavailable as error:
                raise HostRefused("The numbers cannot be reached now.") from error
            self._measured = [
                (
                    cast.at,
                    {
                        "text": cast.text,
                        "at": cast.at.isoformat(),
                        "likes": counts.likes,
                        "recasts": counts.recasts,
                        "replies": counts.replies,
                    },
                )
                for cast, counts in measured
            ]
        since = self._factory.clock.now() - dt.timedelta(days=days)
        return [row for at, row in self._measured if at >= since]
