"""The members of the audience and the probabilities of their reactions, derived from the seed."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, tau
from typing import Any

from ceos.simulator.chance import number, share
from ceos.simulator.people import WITHHELD
from ceos.simulator.phrases import BANKS
from ceos.simulator.prose import bank_of
from ceos.simulator.world import Cast

#: The first fid of the audience, far from all others.
FIRST_FID = 1_200_001
#: The probability that an account sees a post, and that a follower of its author does.
SEES, SEES_FOLLOWED = 0.3, 0.8
#: The basic probabilities of reactions to a seen post.
ODDS = {
    "like": 0.3,
    "recast": 0.05,
    "follow": 0.04,
    "unfollow": 0.004,
    "reply": 0.05,
    "quote": 0.02,
    "mention": 0.03,
}
#: The factors of these probabilities by the form of a post.
FORMS: dict[str, dict[str, float]] = {
    "plain": {},
    "picture": {"like": 1.8, "recast": 1.4},
    "question": {"reply": 2.5, "like": 0.8},
    "thread": {"recast": 2.0, "follow": 2.0, "reply": 1.2},
}
#: The hour (UTC) of the most attention, and its excess over the average; half a day later attention is as much lower.
PRIME_HOUR, SWING = 18, 0.7
#: The highest probability.
_SURE = 0.95


@dataclass(frozen=True, slots=True)
class Person:
    """One account of the audience."""

    fid: int
    #: "fan", "hostile", "spammer" or "bot".
    role: str
    #: Neynar's rating; None for an account that has none yet.
    score: float | None
    #: The topic families that it likes.
    interests: frozenset[int]

    def profile(self) -> dict[str, Any]:
        """The fields of its user object that differ from the default."""
        if self.score is None:
            return {"score": WITHHELD, "experimental": WITHHELD}
        return {"score": self.score, "experimental": {"neynar_user_score": self.score}}

    def cares(self, family: int) -> float:
        """Return the factor by which it prefers a topic family."""
        return 1.6 if family in self.interests else 0.8


def population(seed: int, size: int, shares: dict[str, float]) -> list[Person]:
    """The audience: of each unfriendly role at least one where its share is not 0, and fans."""
    roles = [role for role, part in shares.items() for _ in range(_round_up(part * size))][:size]
    roles += ["fan"] * (size - len(roles))
    return [_person(seed, FIRST_FID + i, i, role) for i, role in enumerate(roles)]


def form(cast: Cast, *, continued: bool) -> str:
    """Return the kind of post that a cast is."""
    if any("url" in embed for embed in cast.embeds):
        return "picture"
    if continued:
        return "thread"
    return "question" if cast.text.rstrip().endswith("?") else "plain"


def family(cast: Cast) -> int:
    """Return the topic family of a cast."""
    return BANKS.index(bank_of(cast.text))


def appeal(seed: int, cast: Cast) -> float:
    """Return the audience's preference for a cast's topic, from 0.5 to 1.5."""
    return 0.5 + share(seed, "taste", family(cast))


def attention(at: float) -> float:
    """Return the attention at this hour of the day; 1 on average."""
    return 1 + SWING * cos(tau * (at / 3600 - PRIME_HOUR) / 24)


def odds(seed: int, person: Person, cast: Cast, action: str, *, continued: bool = False) -> float:
    """Return the probability of a reaction to a seen cast."""
    chance = ODDS[action] * FORMS[form(cast, continued=continued)].get(action, 1.0)
    if action != "unfollow":
        chance *= appeal(seed, cast) * person.cares(family(cast))
    return min(chance, _SURE)


def _person(seed: int, fid: int, i: int, role: str) -> Person:
    luck = share(seed, "score", fid)
    score: float | None = {
        # Half of them have a well-rated account, so that the score alone does not stop them.
        "hostile": 0.15 if i % 2 else 0.8,
        "spammer": 0.05 + luck * 0.15,
        "bot": 0.6 + luck * 0.2,
        "fan": 0.55 + luck * 0.4,
    }[role]
    if role == "fan" and i % 8 == 0:
        score = None if i % 16 else 0.3
    families = frozenset(number(seed, "interest", fid, n) % len(BANKS) for n in range(3))
    return Person(fid, role, score if score is None else round(score, 2), families)


def _round_up(value: float) -> int:
    return -int(-value // 1)
