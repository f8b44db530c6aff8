"""A strategy that posts about trends only."""

from __future__ import annotations

from ceos import Agent, Brief, Kind, Situation, Strategy, Trend

from .mix import MARGIN_BYTES, fill, prompt


class Trending(Strategy):
    """Writes one post about a trend, also for agents whose own strategy does not handle trends."""

    name = "trending"
    summary = "posts about trends only; also serves agents of other strategies with posts_per_day in [agent.trends]"

    def brief_trend(self, agent: Agent, situation: Situation, trend: Trend) -> Brief:
        """Return the brief for a post about a trend; its name is the only untrusted text in the instructions."""
        instructions, angles = prompt("trend")
        return Brief(
            kind=Kind.ORIGINAL,
            topic=trend.words,
            instructions=fill(
                instructions,
                topic=trend.words,
                angle=situation.random.choice(angles),
                limit=str(agent.cast_bytes - MARGIN_BYTES),
            ),
            sources=tuple(cast.hash for cast in trend.casts),
        )
