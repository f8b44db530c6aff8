"""Trending topics: the level of each topic rises and falls with the clock."""

from __future__ import annotations

from dataclasses import dataclass
from math import sin, tau

from ceos.simulator.chance import number

#: The lowest level of a trending topic.
WATER = 0.02
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic."""

    name: str
    group: str
    channel: str

    @property
    def slug(self) -> str:
        """The name in addresses."""
        return self.name.lower().replace(" ", "_")

    def level(self, seed: int, at: float) -> float:
        """Return the level from 0 to 1: it rises and falls within one to four days and is then 0 as long."""
        n = number(seed, "wave", self.name)
        period = _DAY * (1 + n % 1000 / 1000 * 3)
        height = sin(tau * (at / period + n // 1000 % 1000 / 1000))
        return height * height * (0.4 + n // 1_000_000 % 1000 / 1000 * 0.6) if height > 0 else 0.0


TOPICS = (
    Topic("Sourdough season", "food_dining", "food"),
    Topic("Stablecoin payments", "business_entrepreneurs", "base"),
    Topic("Small language models", "science_technology", "ai"),
    Topic("Night trains", "travel_adventure", "travel"),
    Topic("Balcony gardens", "other_hobbies", "garden"),
    Topic("Film photography", "arts_culture", "photography"),
    Topic("Marathon training", "fitness_health", "running"),
    Topic("Open source funding", "business_entrepreneurs", "dev"),
    Topic("Synth jams", "music", "music"),
    Topic("Comet watching", "science_technology", "farcaster"),
    Topic("Learning chess late", "learning_educational", "books"),
    Topic("Indie game nights", "gaming", "art"),
)


def trending(seed: int, at: float) -> list[tuple[float, Topic]]:
    """Return the trending topics with their levels, highest first."""
    levels = [(topic.level(seed, at), topic) for topic in TOPICS]
    return sorted(((level, topic) for level, topic in levels if level > WATER), key=lambda ranked: -ranked[0])
