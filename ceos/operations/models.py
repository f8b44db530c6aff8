"""The operation that lists the named models that OpenRouter no longer offers, with their successors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ceos.domain.agent import Agent
from ceos.operations.context import Context
from ceos.operations.table import Scope, operation

if TYPE_CHECKING:
    from ceos.clients.openrouter.successors import ResolvedModel


@dataclass(frozen=True)
class ModelNotice:
    """One sentence about a named model, with the agents that it concerns."""

    resolved: ResolvedModel
    #: Ids of the agents that write with the model, of those that name it as a fallback, and of those whose judge it is.
    writers: tuple[str, ...]
    fallbacks: tuple[str, ...]
    judged: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The sentence."""
        return self.resolved.sentence

    @property
    def agents(self) -> tuple[str, ...]:
        """All agents that it concerns."""
        return tuple(dict.fromkeys(self.writers + self.fallbacks + self.judged))


@operation("model.notices", Scope.READ)
def model_notices(context: Context, agents: Sequence[Agent], *, may_fetch: bool = False) -> list[ModelNotice]:
    """Return a notice for each model of these agents that is replaced, left out, or about to be removed.

    The catalogue is the one that all processes share; with `may_fetch` it is read from OpenRouter if there is none or
    it is old. Returns nothing while the catalogue is unknown.
    """
    listings = context.model_catalogue.listings(may_fetch=may_fetch)
    if not listings:
        return []
    from ceos.clients.openrouter.successors import resolve  # noqa: PLC0415  # few commands ask about models

    found: dict[ResolvedModel, tuple[list[str], list[str], list[str]]] = {}
    for agent in agents:
        roles = [(min(position, 1), name) for position, name in enumerate(dict.fromkeys(agent.models.writers))]
        if agent.output.judge != "off":
            roles.append((2, agent.output.judge))
        for role, name in roles:
            resolved = resolve(name, listings, agent.models.max_price_factor)
            if resolved.sentence:
                found.setdefault(resolved, ([], [], []))[role].append(agent.id)
    return [ModelNotice(resolved, *map(tuple, users)) for resolved, users in found.items()]
