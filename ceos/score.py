"""The weekly score of an agent: four numbers from 0 to 100 and their weighted sum. Pure; docs/metrics.md describes the
same for operators.

**Reactions** of a post are likes + 2·recasts + 3·replies + 3·quotes; what is unknown adds nothing. What is *usual* for
an account with f followers is 0.05·f^0.75 reactions, for larger accounts reach a smaller part of those who follow them.

- **Engagement** (40%): each post gets 100·(2 + reactions) / (4 + reactions + usual), which is 50 for a usual post, 75
  for three times as much, and stays under 100 whatever happens. The week gets the mean of its posts and of three
  posts of 50 that are added to every week. So one viral post adds at most 50/(posts + 3), and a newcomer with few
  followers, of whom nothing can be known yet, stands near 50 and not near 0.
- **Growth** (20%): 50 + 50·tanh(10·ln((end + 50) / (start + 50))) for the followers at the start and the end of the
  week. No change is 50, a tenth more is about 86; the 50 keep a small account's single follower from meaning much.
- **Quality** (25%): 0.4·first + 0.3·fresh + 0.3·conversation. *first* is the share of posts that passed the review
  at the first attempt, *fresh* the share of those that do not repeat an earlier cast, each with two posts added of
  which one counts. *conversation* is the mean of 100·(0.5 + replies) / (1 + replies + usual/10) over the posts and
  three of 50.
- **Uptime** (15%): 100·(published + 1) / (due + 1), where due are the slots that were published, failed or missed. What
  the operator stopped, limited or rejected is not due.

Followers that are unknown leave engagement, conversation or growth of that post or week out, never at zero.

The formula has versions, and each stays callable, so that an old score can be computed again: `score(inputs, version)`.
Version 1 counted all likes, recasts, replies and quotes, among them the replies of a thread to itself. Version 2 has
the same weights and counts those of others only.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

from pydantic import Field

from ceos.domain.base import Frozen

#: Changes whenever the same inputs would get another score, or whenever an input has another meaning.
VERSION: Final = 2
DAY = dt.timedelta(days=1)

WEIGHTS = {"engagement": 0.40, "growth": 0.20, "quality": 0.25, "uptime": 0.15}
#: Posts of 50 that are added to every week.
ADDED = 3
#: Reactions that every post is given on top, so that a single like is no wonder.
GIVEN = 2.0
GIVEN_REPLIES = 0.5
#: Followers that every account is given on top when its growth is judged.
GIVEN_FOLLOWERS = 50


class PostInputs(Frozen):
    """The input of the score from one post."""

    #: Publication, in Unix seconds.
    at: int
    #: Likes by others a day after publication.
    likes: int = Field(ge=0)
    #: Recasts by others a day after publication.
    recasts: int = Field(ge=0)
    #: Replies by others a day after publication.
    replies: int = Field(ge=0)
    #: Quotes by others a day after publication; none when they could not be counted.
    quotes: int | None = Field(default=None, ge=0)
    #: Followers of the account when the post was measured; none when they were unknown.
    followers: int | None = Field(default=None, ge=0)
    #: Drafts written until one passed the guardrails.
    attempts: int = Field(default=1, ge=1)
    #: Whether the post repeats an earlier cast.
    repeats: bool = False


class Inputs(Frozen):
    """Everything that one week's score is made of; stored with it, so that anyone can recompute it."""

    #: The agent's id.
    agent: str
    #: ISO week in UTC, such as `2026-W10`.
    week: str
    #: The posts of the week.
    posts: tuple[PostInputs, ...] = ()
    #: Followers at the start of the week.
    followers_start: int | None = Field(default=None, ge=0)
    #: Followers at the end of the week.
    followers_end: int | None = Field(default=None, ge=0)
    #: Slots of the schedule that ended in a published post.
    published: int = Field(default=0, ge=0)
    #: Slots whose post failed.
    failed: int = Field(default=0, ge=0)
    #: Slots that were missed.
    missed: int = Field(default=0, ge=0)


class Score(Frozen):
    """The score of one week, with its parts; each from 0 to 100."""

    total: float
    engagement: float
    growth: float
    quality: float
    uptime: float
    version: Literal[1, 2] = VERSION


def score(inputs: Inputs, version: int = VERSION) -> Score:
    """Return the score of a week by a version of the formula; the order of the posts does not matter.

    Raises `UnknownVersion` for a version that is not in `FORMULAS`.
    """
    if version not in FORMULAS:
        known = ", ".join(map(str, FORMULAS))
        raise UnknownVersion(f"its score is of version {version}; this ceos computes the versions {known}")
    return FORMULAS[version](inputs).model_copy(update={"version": version})


class UnknownVersion(ValueError):
    """A score by a version of the formula that this ceos does not have."""


def _weighted_parts(inputs: Inputs) -> Score:
    """Return the score by the formula of versions 1 and 2."""
    parts = {
        "engagement": engagement(inputs.posts),
        "growth": growth(inputs.followers_start, inputs.followers_end),
        "quality": quality(inputs.posts),
        "uptime": 100 * (inputs.published + 1) / (inputs.published + inputs.failed + inputs.missed + 1),
    }
    total = math.fsum(WEIGHTS[name] * value for name, value in parts.items())
    # Two digits: more would claim a precision that the data lack, and would differ between machines.
    return Score(total=round(total, 2), **{name: round(value, 2) for name, value in parts.items()})


#: The formula of each version. A new version adds an entry and leaves the others unchanged.
FORMULAS: Mapping[int, Callable[[Inputs], Score]] = {1: _weighted_parts, 2: _weighted_parts}


def engagement(posts: Iterable[PostInputs]) -> float:
    """Return how much the posts were reacted to, for an account of that size."""
    return _with_added(
        100 * (GIVEN + reactions(post)) / (2 * GIVEN + reactions(post) + usual(post.followers))
        for post in posts
        if post.followers is not None
    )


def growth(start: int | None, end: int | None) -> float:
    """Return how the followers changed; 50 when they did not change or the change is unknown."""
    if start is None or end is None:
        return 50.0
    return 50 + 50 * math.tanh(10 * math.log((end + GIVEN_FOLLOWERS) / (start + GIVEN_FOLLOWERS)))


def quality(posts: Iterable[PostInputs]) -> float:
    """Return how well the posts were made: accepted at once, new, and answered."""
    posts = tuple(posts)
    conversation = _with_added(
        100 * (GIVEN_REPLIES + post.replies) / (2 * GIVEN_REPLIES + post.replies + usual(post.followers) / 10)
        for post in posts
        if post.followers is not None
    )
    first = _share(posts, lambda post: post.attempts == 1)
    fresh = _share(posts, lambda post: not post.repeats)
    return 0.4 * first + 0.3 * fresh + 0.3 * conversation


class WeekScore(Frozen):
    """A week's score with its inputs."""

    score: Score
    inputs: Inputs

    def text(self) -> str:
        """Return the canonical JSON: sorted keys, no blanks."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def monday_of(moment: dt.datetime) -> dt.datetime:
    """Return the beginning of the ISO week, UTC, of a moment."""
    day = moment.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - day.weekday() * DAY


def week_of(moment: dt.datetime) -> str:
    """Return the ISO week, UTC, of a moment, such as "2026-W10"."""
    year, week, _ = moment.astimezone(dt.UTC).isocalendar()
    return f"{year}-W{week:02d}"


def reactions(post: PostInputs) -> int:
    """Return the reactions to a post, the ones that cost more counting more."""
    return weighted(post.likes, post.recasts, post.replies, post.quotes)


def weighted(likes: int, recasts: int, replies: int, quotes: int | None) -> int:
    """Return the weighted sum of a cast's counts; unknown quotes add nothing."""
    return likes + 2 * recasts + 3 * replies + 3 * (quotes or 0)


def usual(followers: int) -> float:
    """Return how many reactions are usual for an account with so many followers."""
    return 0.05 * float(followers**0.75)


def relative(reacted: int, followers: int) -> float:
    """Return the logarithm of how many times the usual reactions a post got; 0 is usual."""
    return math.log((GIVEN + reacted) / (GIVEN + usual(followers)))


def _with_added(values: Iterable[float]) -> float:
    # Sorted, and summed exactly, so that not even the last digit depends on the order.
    listed = sorted(values)
    return math.fsum([*listed, 50.0 * ADDED]) / (len(listed) + ADDED)


def _share(posts: tuple[PostInputs, ...], holds: Callable[[PostInputs], bool]) -> float:
    return 100 * (sum(map(holds, posts)) + 1) / (len(posts) + 2)
