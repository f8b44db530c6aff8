"""What works for an agent: Thompson sampling over the kind of its posts and the hour they go out. Pure.

What is compared is *effect*: the logarithm of a post's reactions, as many times the usual for an account of its size
(see `score.relative`), cut off at ±3 so that one viral post is one good post. For each kind (and each hour) the belief
about its mean effect is a normal distribution: it starts at the mean of all posts, as uncertain as half a unit, and
narrows with every post, by the spread that the posts themselves show.

To learn is to draw from these beliefs, once for each slot and always the same for the same slot, and to use the mix
that would be best if the draw were true. The operator's mix bounds it: a kind keeps at least a third of its share and
gets at most three times it, and one without a share never gets any. Hours are bounded by the schedule: no slot is
added, and of a date's slots at most a third is passed over, never one of fewer than three, and no hour for good.
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

#: How far a share may be turned down or up.
LEAST, MOST = 1 / 3, 3.0
#: Effects beyond this are cut off.
CUT = 3.0
#: How far apart the means of two kinds may well be, before anything is known.
PRIOR_SPREAD = 0.5
#: The spread of single posts that is assumed at first, and how many posts that assumption is worth.
POST_SPREAD, POST_SPREAD_WEIGHT = 1.0, 5
#: So many measured posts are needed before anything is changed or advised.
ENOUGH = 12
#: The part of a date's slots that may be passed over, and how sure it must be that an hour brings less than two thirds
#: of what the others bring: a post that is left out brings nothing at all, so a small difference is no reason.
PASSED_OVER = 1 / 3
SURE = 0.9
WORSE = math.log(3 / 2)

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Outcome:
    """How one post did."""

    kind: Kind
    #: The hour of the schedule it was posted in, by the agent's own clock; None for a post without a slot.
    hour: int | None
    effect: float


@dataclass(frozen=True)
class Belief:
    """What is known of the mean effect of one kind or hour."""

    mean: float
    spread: float
    posts: int


@dataclass(frozen=True)
class Beliefs(Generic[K]):
    """What is known of all kinds, or all hours."""

    of: Mapping[K, Belief]

    def draw(self, chance: random.Random) -> dict[K, float]:
        """Return one possible truth."""
        return {key: chance.gauss(belief.mean, belief.spread) for key, belief in self.of.items()}

    def above(self, one: K, other: K) -> float:
        """Return how probable it is that `one` does better than `other`."""
        return _probability(self.of[one], self.of[other])

    def below_the_rest(self, one: K, by: float = 0.0) -> float:
        """Return how probable it is that `one` does worse than the mean of the others, by so much or more."""
        others = [belief for key, belief in self.of.items() if key != one]
        if not others:
            return 0.0
        spread = math.sqrt(math.fsum(belief.spread**2 for belief in others)) / len(others)
        return _probability(Belief(fmean(belief.mean for belief in others) - by, spread, 0), self.of[one])


def beliefs(outcomes: Iterable[Outcome], keys: Collection[K], key_of: Callable[[Outcome], K | None]) -> Beliefs[K]:
    """Return what the outcomes tell of each of `keys`; outcomes of others are left out, and their order is the same."""
    effects: dict[K, list[float]] = {key: [] for key in keys}
    for outcome in outcomes:
        key = key_of(outcome)
        if key in effects:
            effects[key].append(max(-CUT, min(CUT, outcome.effect)))
    everything = sorted(effect for found in effects.values() for effect in found)
    centre = math.fsum(everything) / len(everything) if everything else 0.0
    noise = _variance(effects.values())
    return Beliefs({key: _belief(found, centre, noise) for key, found in effects.items()})


def kinds(outcomes: Iterable[Outcome], shares: Mapping[Kind, int]) -> Beliefs[Kind]:
    """Return what is known of the kinds that the operator's mix allows."""
    return beliefs(outcomes, [kind for kind, share in shares.items() if share > 0], lambda one: one.kind)


def hours(outcomes: Iterable[Outcome], scheduled: Collection[int]) -> Beliefs[int]:
    """Return what is known of the hours that the schedule names."""
    return beliefs(outcomes, sorted(set(scheduled)), lambda one: one.hour)


def drawn_mix(known: Beliefs[Kind], shares: Mapping[Kind, int], chance: random.Random) -> dict[Kind, float]:
    """Return the best allowed mix for one draw from what is known."""
    return best_mix(known.draw(chance), shares)


def best_mix(effects: Mapping[Kind, float], shares: Mapping[Kind, int]) -> dict[Kind, float]:
    """Return the allowed mix with the highest mean effect, in percent; what has no share gets none."""
    mix = {kind: share * LEAST for kind, share in shares.items() if share > 0}
    rest = sum(share for share in shares.values() if share > 0) - math.fsum(mix.values())
    for kind in sorted(mix, key=lambda kind: (-effects[kind], kind)):
        more = min(rest, shares[kind] * (MOST - LEAST))
        mix[kind] += more
        rest -= more
    return mix


def expected_mix(
    known: Beliefs[Kind], shares: Mapping[Kind, int], chance: random.Random, draws: int = 500
) -> dict[Kind, float]:
    """Return the mix that learning leads to on average now."""
    mixes = [drawn_mix(known, shares, chance) for _ in range(draws)]
    return {kind: fmean(mix[kind] for mix in mixes) for kind in mixes[0]}


def passed_over(known: Beliefs[int], date_hours: Sequence[int], chance: random.Random) -> set[int]:
    """Return those hours of a date that are passed over; `date_hours` names the hour of each of its slots.

    Such an hour is `WORSE` than the others with `SURE` probability, and comes out of the draw as one of the worst.
    """
    room = int(len(date_hours) * PASSED_OVER)
    drawn = known.draw(chance)
    passed: set[int] = set()
    for hour in sorted(set(date_hours), key=lambda hour: (drawn[hour], hour)):
        slots = date_hours.count(hour)
        if slots > room or known.below_the_rest(hour, WORSE) < SURE:
            break
        # Bounded exploration: an hour that is never used again could never prove better.
        if chance.random() < LEAST:
            continue
        passed.add(hour)
        room -= slots
    return passed


def _belief(effects: Sequence[float], centre: float, noise: float) -> Belief:
    precision = len(effects) / noise + 1 / PRIOR_SPREAD**2
    mean = (math.fsum(sorted(effects)) / noise + centre / PRIOR_SPREAD**2) / precision
    return Belief(mean, math.sqrt(1 / precision), len(effects))


def _variance(groups: Iterable[Sequence[float]]) -> float:
    """Return the spread of single posts around the mean of their group, squared."""
    total, freedom = POST_SPREAD**2 * POST_SPREAD_WEIGHT, float(POST_SPREAD_WEIGHT)
    for group in groups:
        if len(group) > 1:
            middle = math.fsum(sorted(group)) / len(group)
            total += math.fsum(sorted((effect - middle) ** 2 for effect in group))
            freedom += len(group) - 1
    return total / freedom


def _probability(better: Belief, worse: Belief) -> float:
    """Return how probable it is that one mean is above the other."""
    spread = math.hypot(better.spread, worse.spread)
    return NormalDist(0, spread).cdf(better.mean - worse.mean)
