"""Illustrating a draft, inside the agent's budget."""

from __future__ import annotations

from collections.abc import Mapping

from ceos.clients.fal.client import Fal, Picture
from ceos.clients.fal.models import Aspect
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.posts import Draft, Kind
from ceos.errors import LimitReached
from ceos.runs.budget import Budget

#: A picture may cost this many times the price of the chosen model unless the agent file says how much.
CAP_FACTOR = 3.0
#: The shape of a picture by the kind of its post: upright where it is the post, wide where it goes with a text.
ASPECTS: Mapping[Kind, Aspect] = {
    Kind.MEDIA: "portrait",
    Kind.ORIGINAL: "landscape",
    Kind.THREAD: "landscape",
    Kind.ENGAGEMENT: "landscape",
    Kind.REPLY: "landscape",
}


class Illustrator:
    """Makes the picture of a draft that wants one."""

    def __init__(self, fal: Fal, budget: Budget, clock: Clock) -> None:
        self._fal = fal
        self._budget = budget
        self._clock = clock

    def illustrate(self, agent: Agent, draft: Draft, *, call: str) -> Draft:
        """Return the draft with its picture; `call` names the attempt for the budget.

        Raises `LimitReached` before a picture that would not fit into the limits, and a `ServiceError`.
        """
        price = self._fal.image_price_usd(agent.models.image, ASPECTS[draft.kind])
        most = round(CAP_FACTOR * price, 6) if agent.models.max_image_usd is None else agent.models.max_image_usd
        if price > most:
            raise LimitReached(
                f"models.max_image_usd is {most:g}, but a picture by {agent.models.image} costs {price:g} USD"
            )
        try:
            picture = self._picture(agent, draft, most, call=call)
        except LimitReached:
            # Money for the chosen model alone may be left.
            picture = self._picture(agent, draft, price, call=f"{call}:chosen")
        first = draft.parts[0].model_copy(update={"embeds": (*draft.parts[0].embeds, picture.url)})
        return draft.model_copy(
            update={
                "parts": (first, *draft.parts[1:]),
                "image_model": picture.model,
                "cost_usd": draft.cost_usd + picture.cost_usd,
            }
        )

    def _picture(self, agent: Agent, draft: Draft, max_usd: float, *, call: str) -> Picture:
        with self._budget.reserve(agent, call, max_usd, self._clock.now()) as reservation:
            picture = self._fal.image(
                draft.image_prompt or draft.topic,
                model=agent.models.image,
                style=agent.models.style,
                aspect=ASPECTS[draft.kind],
                max_usd=max_usd,
                charge=reservation.settle,
            )
            reservation.settle(picture.cost_usd)
        return picture
