"""Learning for an agent: Thompson sampling over the kind of its posts and the hour of publication. Pure.

Posts are compared by their *effect*: the logarithm of the reactions relative to those usual for an account of this
size (see `score.relative`), cut off at ±3 so that one viral post counts as one good post. The belief about the mean
effect of a kind (or an hour) is a normal distribution. It starts at the mean of all posts with a standard deviation of
0.5 and narrows with every post, by the spread of the posts themselves.

Each slot draws once from these beliefs, always the same for the same slot, and uses the mix that would be best if the
draw were true. The operator's mix bounds it: a kind keeps at least a third of its share and gets at most three times
it, and a kind without a share gets none. The schedule bounds the hours: no slot is added, at most a third of a date's
slots is skipped, none of fewer than three, and no hour is skipped for ever.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import TYPE_CHECKING, Generic, TypeVar

from ceos.domain.posts import Kind

if TYPE_CHECKING:
    import random

#: The factors by which a share may be lowered and raised.
MIN_FACTOR, MAX_FACTOR = 1 / 3, 3.0
#: Effects beyond this are cut off.
MAX_EFFECT = 3.0
#: The standard deviation of the mean of a kind before its first post.
PRIOR_SPREAD = 0.5
#: The assumed standard deviation of single posts, and the number of posts that this assumption counts for.
POST_SPREAD, POST_SPREAD_WEIGHT = 1.0, 5
#: The number of measured posts from which on learning changes or advises anything.
MIN_POSTS = 12
#: The part of a date's slots that may be skipped, and the required probability that an hour has less than two thirds of
#: the effect of the others. A skipped post has no effect at all, so a small difference is no reason to skip it.
MAX_SKIPPED = 1 / 3
MIN_PROBABILITY = 0.9
MIN_DIFFERENCE = math.log(3 / 2)

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Outcome:
    """The effect of one post."""

    kind: Kind
    #: The scheduled hour in the agent's zone; None for a post without a slot.
    hour: int | None
    effect: float


@dataclass(frozen=True)
class Belief:
    """The belief about the mean effect of one kind or hour."""

    mean: float
    spread: float
    posts: int


@dataclass(frozen=True)
class Beliefs(Generic[K]):
    """The beliefs about all kinds, or all hours."""

    of: Mapping[K, Belief]

    def draw(self, chance: random.Random) -> dict[K, float]:
        """Return one possible value of each mean effect."""
        return {key: chance.gauss(belief.mean, belief.spread) for key, belief in self.of.items()}

    def above(self, one: K, other: K) -> float:
        """Return the probability that `one` has more effect than `other`."""
        return _probability(self.of[one], self.of[other])

    def below_the_rest(self, one: K, by: float = 0.0) -> float:
        """Return the probability that `one` is below the mean of the others by at least `by`."""
        others = [belief for key, belief in self.of.items() if key != one]
        if not others:
            return 0.0
        spread = math.sqrt(math.fsum(belief.spread**2 for belief in others)) / len(others)
        return _probability(Belief(fmean(belief.mean for belief in others) - by, spread, 0), self.of[one])


def beliefs(outcomes: Iterable[Outcome], keys: Collection[K], key_of: Callable[[Outcome], K | None]) -> Beliefs[K]:
    """Return the beliefs about each of `keys`; other outcomes are ignored, and their order does not matter."""
    effects: dict[K, list[float]] = {key: [] for key in keys}
    for outcome in outcomes:
        key = key_of(outcome)
        if key in effects:
            effects[key].append(max(-MAX_EFFECT, min(MAX_EFFECT, outcome.effect)))
    everything = sorted(effect for found in effects.values() for effect in found)
    centre = math.fsum(everything) / len(everything) if everything else 0.0
    noise = _variance(effects.values())
    return Beliefs({key: _belief(found, centre, noise) for key, found in effects.items()})


def kinds(outcomes: Iterable[Outcome], shares: Mapping[Kind, int]) -> Beliefs[Kind]:
    """Return the beliefs about the kinds that the operator's mix allows."""
    return beliefs(outcomes, [kind for kind, share in shares.items() if share > 0], lambda one: one.kind)


def hours(outcomes: Iterable[Outcome], scheduled: Collection[int]) -> Beliefs[int]:
    """Return the beliefs about the hours of the schedule."""
    return beliefs(outcomes, sorted(set(scheduled)), lambda one: one.hour)


def drawn_mix(known: Beliefs[Kind], shares: Mapping[Kind, int], chance: random.Random) -> dict[Kind, float]:
    """Return the best allowed mix for one draw from the beliefs."""
    return best_mix(known.draw(chance), shares)


def best_mix(effects: Mapping[Kind, float], shares: Mapping[Kind, int]) -> dict[Kind, float]:
    """Return the allowed mix with the highest mean effect, in percent; a kind without a share gets none."""
    mix = {kind: share * MIN_FACTOR for kind, share in shares.items() if share > 0}
    rest = sum(share for share in shares.values() if share > 0) - math.fsum(mix.values())
    for kind in sorted(mix, key=lambda kind: (-effects[kind], kind)):
        more = min(rest, shares[kind] * (MAX_FACTOR - MIN_FACTOR))
        mix[kind] += more
        rest -= more
    return mix


def expected_mix(
    known: Beliefs[Kind], shares: Mapping[Kind, int], chance: random.Random, draws: int = 500
) -> dict[Kind, float]:
    """Return the mix that learning now uses on average."""
    mixes = [drawn_mix(known, shares, chance) for _ in range(draws)]
    return {kind: fmean(mix[kind] for mix in mixes) for kind in mixes[0]}


def skipped_hours(known: Beliefs[int], date_hours: Sequence[int], chance: random.Random) -> set[int]:
    """Return the hours of a date that are skipped; `date_hours` has the hour of each of its slots.

    A skipped hour is below the others by `MIN_DIFFERENCE` with `MIN_PROBABILITY`, and among the lowest of the draw.
    """
    room = int(len(date_hours) * MAX_SKIPPED)
    drawn = known.draw(chance)
    skipped: set[int] = set()
    for hour in sorted(set(date_hours), key=lambda hour: (drawn[hour], hour)):
        slots = date_hours.count(hour)
        if slots > room or known.below_the_rest(hour, MIN_DIFFERENCE) < MIN_PROBABILITY:
            break
        # Bounded exploration: an hour that is never used again could not show an improvement.
        if chance.random() < MIN_FACTOR:
            continue
        skipped.add(hour)
        room -= slots
    return skipped


def _belief(effects: Sequence[float], centre: float, noise: float) -> Belief:
    precision = len(effects) / noise + 1 / PRIOR_SPREAD**2
    mean = (math.fsum(sorted(effects)) / noise + centre / PRIOR_SPREAD**2) / precision
    return Belief(mean, math.sqrt(1 / precision), len(effects))


def _variance(groups: Iterable[Sequence[float]]) -> float:
    """Return the variance of single posts around the mean of their group."""
    total, freedom = POST_SPREAD**2 * POST_SPREAD_WEIGHT, float(POST_SPREAD_WEIGHT)
    for group in groups:
        if len(group) > 1:
            middle = math.fsum(sorted(group)) / len(group)
            total += math.fsum(sorted((effect - middle) ** 2 for effect in group))
            freedom += len(group) - 1
    return total / freedom


def _probability(better: Belief, worse: Belief) -> float:
    """Return the probability that one mean is above the other."""
    spread = math.hypot(better.spread, worse.spread)
    return NormalDist(0, spread).cdf(better.mean - worse.mean)
