"""Models that reason before they write: how much they are asked to, and the tokens they need for it beside the text.

Reasoning is billed as part of the answer and comes out of its `max_tokens`: a model without room for it returns no
text, with the finish reason "length", and is paid all the same.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ceos.domain.agent import Reasoning
from ceos.errors import ServiceError

#: The efforts of OpenRouter, least first, and the tokens that are left for each.
ROOM = {
    "none": 0,
    "minimal": 1_500,
    "low": 1_500,
    "medium": 4_000,
    "high": 8_000,
    "xhigh": 16_000,
    "max": 16_000,
}
#: The tokens for reasoning once the room is raised: at least so many, and twice those of the effort.
MIN_RAISED_TOKENS = 4_000
#: Some hosts refuse to write less.
MIN_TOKENS = 16
#: Seconds for which a model that wrote nothing with the raised room either is asked after the others.
SILENT_SECONDS = 3600.0


@dataclass(frozen=True)
class Reasoner:
    """The ways in which a model may be asked to reason, according to the catalogue."""

    #: It cannot be asked not to.
    is_mandatory: bool = False
    #: It reasons unless it is asked not to.
    is_default: bool = True
    #: The efforts that it knows; None: all.
    efforts: tuple[str, ...] | None = None

    def effort(self, wanted: Reasoning) -> str | None:
        """Return the effort to ask for; None to leave it out."""
        if wanted == "off" and not self.is_mandatory:
            return "none" if self.is_default else None
        order = list(ROOM)
        known = sorted((one for one in self.efforts or ROOM if one in ROOM and one != "none"), key=order.index)
        if not known:
            return None
        # `off` is the least there is.
        allowed = [one for one in known if wanted != "off" and order.index(one) <= order.index(wanted)]
        return allowed[-1] if allowed else known[0] if self.efforts else "low"


def read_reasoner(row: Mapping[str, Any]) -> Reasoner | None:
    """Return how the model of a catalogue's row may be asked to reason; None when it does not take `reasoning`."""
    parameters = row.get("supported_parameters")
    if not isinstance(parameters, list) or "reasoning" not in parameters:
        return None
    details = row.get("reasoning")
    if not isinstance(details, dict):
        return Reasoner()
    efforts = details.get("supported_efforts")
    return Reasoner(
        is_mandatory=details.get("mandatory") is True,
        is_default=details.get("default_enabled") is not False,
        efforts=tuple(map(str, efforts)) if isinstance(efforts, list) else None,
    )


@dataclass(frozen=True)
class Wish:
    """The tokens of the text that a caller wants, and the settings of the agent for reasoning."""

    text_tokens: int
    reasoning: Reasoning = "off"
    #: The tokens of an answer, reasoning included, if the file sets them.
    token_limit: int | None = None


@dataclass(frozen=True)
class Room:
    """The tokens of one request, and the effort that it names."""

    tokens: int
    effort: str | None = None
    is_raised: bool = False

    def body(self) -> dict[str, Any]:
        """Return the fields of the request."""
        # The old name, not max_completion_tokens: every host knows it, and `require_parameters` drops all others.
        sent: dict[str, Any] = {"max_tokens": self.tokens}
        return sent | {"reasoning": {"effort": self.effort}} if self.effort else sent


class Rooms:
    """Gives each request its room, and remembers in this process which models needed more."""

    def __init__(
        self, reasoner: Callable[[str], Reasoner | None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._reasoner = reasoner
        self._clock = clock
        #: Models that refused not to reason, models that needed the raised room, and the time until which a model
        #: counts as silent.
        self._unstoppable: set[str] = set()
        self._hungry: set[tuple[str, Reasoning]] = set()
        self._silent: dict[tuple[str, Reasoning, int | None], float] = {}

    def first(self, model: str, wish: Wish) -> Room:
        """Return the room of the first request to a model."""
        reasoner = self._reasoner(model)
        if model in self._unstoppable:
            reasoner = Reasoner(is_mandatory=True, efforts=reasoner.efforts if reasoner else None)
        effort = reasoner.effort(wish.reasoning) if reasoner else None
        room = _room(wish, effort, ROOM.get(effort or "none", 0))
        return self._raised(room, wish) or room if (model, wish.reasoning) in self._hungry else room

    def after_refusal(self, model: str, room: Room, wish: Wish, error: ServiceError) -> Room | None:
        """Return the room for a model that refused not to reason, or None for another refusal."""
        if room.effort != "none" or "reasoning" not in str(error).lower():
            return None
        self._unstoppable.add(model)
        return self.first(model, wish)

    def after_silence(self, model: str, room: Room, wish: Wish) -> Room | None:
        """Return the raised room for a model that used up its room without a text; None when it had it already."""
        raised = self._raised(room, wish)
        if raised is None:
            self._silent[self._key(model, wish)] = self._clock() + SILENT_SECONDS
            return None
        self._hungry.add((model, wish.reasoning))
        return raised

    def is_silent(self, model: str, wish: Wish) -> bool:
        """Say whether a model wrote nothing within the last hour, for all the room it had."""
        return self._clock() < self._silent.get(self._key(model, wish), -math.inf)

    @staticmethod
    def _raised(room: Room, wish: Wish) -> Room | None:
        if room.is_raised or wish.token_limit is not None:
            return None
        tokens = max(MIN_RAISED_TOKENS, 2 * ROOM.get(room.effort or "none", 0))
        return Room(max(wish.text_tokens, MIN_TOKENS) + tokens, room.effort, is_raised=True)

    @staticmethod
    def _key(model: str, wish: Wish) -> tuple[str, Reasoning, int | None]:
        return model, wish.reasoning, wish.token_limit


def _room(wish: Wish, effort: str | None, reasoning_tokens: int) -> Room:
    if wish.token_limit is not None:
        return Room(max(wish.token_limit, MIN_TOKENS), effort)
    return Room(max(wish.text_tokens, MIN_TOKENS) + reasoning_tokens, effort)
