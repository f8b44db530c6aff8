"""Strategies that draw the kind of each post from fixed shares, and the prompts of the four kinds.

The prompts are files in `prompts/`: the instructions, and under `## Angles` a list. One angle is drawn for each post,
so that the posts of a day differ.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from ceos import Agent, Brief, Kind, Situation, Strategy

if TYPE_CHECKING:
    from ceos.domain.chain_event import ChainEvent

#: The lengths of threads in casts; each thread draws one of them.
THREAD_PARTS = (3, 4, 5)
#: Bytes of a cast that the prompt holds back, because models count bytes badly.
MARGIN_BYTES = 20


class Mix(Strategy):
    """Draws the kind of every slot by its share, and a topic that the agent's last posts do not mention."""

    def __init__(self, *, videos: int = 0, **shares: int) -> None:
        """Take the share of each kind in percent, as in `Mix(original=80, media=20)`.

        `videos` is the share of videos among the posts of the kind `media`, for agents with a model for videos.
        """
        self.videos = videos
        if sum(shares.values()) != 100:
            raise ValueError(f"the shares of a mix add up to 100; these to {sum(shares.values())}")
        self.shares = {Kind(kind): share for kind, share in shares.items()}
        self.summary = ", ".join(f"{share}% {kind}" for kind, share in self.shares.items())

    def brief_post(self, agent: Agent, situation: Situation) -> Brief:
        """Return the brief of this slot; a mix uses every slot."""
        # Drawn also if the operator chose a kind, so that the topic and the angle stay the same.
        drawn = situation.random.choices(list(self.shares), weights=self._weights(situation))[0]
        kind = situation.kind or drawn
        topic = _fresh_topic(agent, situation)
        parts = situation.random.choice(THREAD_PARTS)
        instructions, angles = prompt(kind)
        angle = situation.random.choice(angles)
        # Drawn last, so that switching videos on changes nothing else about a post.
        wants_video = (
            kind is Kind.MEDIA and agent.models.video != "off" and situation.random.random() * 100 < self.videos
        )
        if wants_video:
            instructions, _ = prompt("video")
        return Brief(
            kind=kind,
            topic=topic,
            instructions=fill(
                instructions,
                topic=topic,
                angle=angle,
                parts=str(parts),
                limit=str(agent.cast_bytes - MARGIN_BYTES),
            ),
            max_parts=parts if kind is Kind.THREAD else 1,
            wants_image=kind is Kind.MEDIA and not wants_video,
            wants_video=wants_video,
        )

    def brief_event(self, agent: Agent, situation: Situation, event: ChainEvent) -> Brief:
        """Return the brief for a post about an event; its instructions contain only the event's name."""
        instructions, angles = prompt("event")
        return Brief(
            kind=Kind.ORIGINAL,
            topic=event.name,
            instructions=fill(
                instructions,
                event=event.name,
                angle=situation.random.choice(angles),
                limit=str(agent.cast_bytes - MARGIN_BYTES),
            ),
        )

    def _weights(self, situation: Situation) -> list[float]:
        """Return the weight of each kind: the learned one if there is any, and 0 for a kind without a share."""
        learned = situation.weights or self.shares
        weights = [float(learned.get(kind, 0.0)) if share else 0.0 for kind, share in self.shares.items()]
        return weights if any(weights) else [float(share) for share in self.shares.values()]


def _fresh_topic(agent: Agent, situation: Situation) -> str:
    """Draw a topic, if possible one that no recent post mentions."""
    topics = situation.topics or agent.persona.topics
    recent = "\n".join(situation.recent).casefold()
    fresh = [topic for topic in topics if topic.casefold() not in recent]
    return situation.random.choice(fresh or topics)


@cache
def prompt(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the instructions and the angles of a file in `prompts/`."""
    text = resources.files(__package__).joinpath("prompts", f"{name}.md").read_text(encoding="utf-8")
    instructions, _, angles = text.partition("## Angles")
    return instructions.strip(), tuple(line.removeprefix("- ") for line in angles.strip().splitlines())


def fill(template: str, **values: str) -> str:
    """Return instructions with their placeholders filled in."""
    # One pass, so that braces inside a topic stay unchanged.
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], template)
