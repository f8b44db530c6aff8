"""Illustrating a draft, inside the agent's budget."""

from __future__ import annotations

from ceos.clients.fal.client import Fal
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.posts import Draft
from ceos.runs.budget import Budget


class Illustrator:
    """Makes the picture of a draft that wants one."""

    def __init__(self, fal: Fal, budget: Budget, clock: Clock) -> None:
        self._fal = fal
        self._budget = budget
        self._clock = clock

    def illustrate(self, agent: Agent, draft: Draft, *, call: str) -> Draft:
        """Return the draft with its picture; `call` names the attempt for the budget.

        Raises `LimitReached` before a picture that would not fit into the budget, and a `ServiceError`.
        """
        max_usd = self._fal.worst_case_usd(agent.models.image)
        with self._budget.reserve(agent, call, max_usd, self._clock.now()) as reservation:
            # Several models may be tried, and the cost of a failed attempt is not known: all of it counts.
            reservation.settle(max_usd)
            picture = self._fal.image(
                draft.image_prompt or draft.topic, model=agent.models.image, style=agent.models.style, max_usd=max_usd
            )
            reservation.settle(picture.cost_usd)
        first = draft.parts[0].model_copy(update={"embeds": (*draft.parts[0].embeds, picture.url)})
        return draft.model_copy(
            update={
                "parts": (first, *draft.parts[1:]),
                "image_model": picture.model,
                "cost_usd": draft.cost_usd + picture.cost_usd,
            }
        )
