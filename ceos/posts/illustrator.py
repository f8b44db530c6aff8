"""Illustrating a draft, inside the agent's budget."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ceos.clients.fal.client import Fal, Picture
from ceos.clients.fal.models import Aspect
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.posts import Draft, Kind
from ceos.errors import LimitReached, ServiceError
from ceos.logs import event
from ceos.posts.videos import VideoMaker
from ceos.runs.budget import Budget
from ceos.runs.lease import Lease

log = logging.getLogger(__name__)

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
    """Makes the video or the picture of a draft that wants one; a failure does not stop the draft."""

    def __init__(self, fal: Fal, budget: Budget, clock: Clock, videos: VideoMaker) -> None:
        self._fal = fal
        self._budget = budget
        self._clock = clock
        self._videos = videos

    def illustrate(self, lease: Lease, agent: Agent, draft: Draft) -> Draft:
        """Return the draft with its video or else its picture, or with a note that says why it has neither.

        Raises `RetryLater` while a video is not finished.
        """
        # A job that was started is finished, even if the setting has changed since.
        if draft.wants_video and (lease.video or agent.models.video != "off"):
            try:
                video, model, cost = self._videos.make(lease, agent, draft, ASPECTS[draft.kind])
            except (ServiceError, LimitReached) as error:
                log.warning("No video, making a picture", extra=event("draft.unfilmed", error=str(error)))
                cost = getattr(error, "cost_usd", 0.0)
                draft = _noted(draft, f"no video, a picture instead: {error}", cost)
            else:
                log.info("Draft illustrated", extra=event("draft.illustrated", model=model))
                return _embedded(draft, video.url, cost).model_copy(update={"video_model": model})
        try:
            picture = self._affordable_picture(agent, draft, call=f"{lease.run_id}:{lease.fence}:image")
        except (ServiceError, LimitReached) as error:
            log.warning("No picture, publishing text only", extra=event("draft.unillustrated", error=str(error)))
            return _noted(draft, f"no picture, text only: {error}")
        log.info("Draft illustrated", extra=event("draft.illustrated", model=picture.model))
        return _embedded(draft, picture.url, picture.cost_usd).model_copy(update={"image_model": picture.model})

    def _affordable_picture(self, agent: Agent, draft: Draft, *, call: str) -> Picture:
        """Return the picture; `call` names the attempt for the budget.

        Raises `LimitReached` before a picture that would not fit into the limits, and a `ServiceError`.
        """
        price = self._fal.image_price_usd(agent.models.image, ASPECTS[draft.kind])
        most = round(CAP_FACTOR * price, 6) if agent.models.max_image_usd is None else agent.models.max_image_usd
        if price > most:
            raise LimitReached(
                f"models.max_image_usd is {most:g}, but a picture by {agent.models.image} costs {price:g} USD"
            )
        try:
            return self._picture(agent, draft, most, call=call)
        except LimitReached:
            # Money for the chosen model alone may be left.
            return self._picture(agent, draft, price, call=f"{call}:chosen")

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


def _embedded(draft: Draft, url: str, cost_usd: float) -> Draft:
    """Return a draft whose first part embeds a file."""
    first = draft.parts[0].model_copy(update={"embeds": (*draft.parts[0].embeds, url)})
    return draft.model_copy(update={"parts": (first, *draft.parts[1:]), "cost_usd": draft.cost_usd + cost_usd})


def _noted(draft: Draft, note: str, cost_usd: float = 0.0) -> Draft:
    return draft.model_copy(update={"notes": (*draft.notes, note), "cost_usd": draft.cost_usd + cost_usd})
