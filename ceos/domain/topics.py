"""Trends: casts become topics, and topics have a score that decays. Pure, so that every score can be recomputed.

    contribution of a cast = weight of its author * loudness * decay            from 0 to 1
        weight    the author's Neynar score; 0.3 for an account without one
        loudness  0.3 + 0.7 * ln(1 + echo) / ln(101), at most 1; echo = likes + 2 * recasts + replies
        decay     0.5 ^ (age / 6 h)
    strength of a topic = the sum of the best contribution of each author, + 0.5 ^ (rank / 10) if Neynar lists it as
        trending (rank 0 is the first)
    score = 100 * (1 - e ^ (-strength / 5))

Each author counts once, for at most 1, so a single viral cast raises a topic by at most 18 points. More echo, more or
better authors and newer casts never lower a score, and it stays below 100. Every part of the strength halves in the
same time, so the score of an earlier snapshot can be computed for any later moment.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from pydantic import AwareDatetime

from ceos.domain.base import Frozen
from ceos.domain.text import fit, visible

#: A cast, and with it a topic, loses half of its weight in this time.
HALF_LIFE = dt.timedelta(hours=6)
#: Older casts are ignored.
MAX_CAST_AGE = dt.timedelta(hours=48)
#: A topic that was last seen longer ago is not a trend, whatever its score.
MAX_TREND_AGE = dt.timedelta(hours=2)
#: The weight of an author without a Neynar score.
UNRATED_WEIGHT = 0.3
#: The echo at which loudness reaches 1.
MAX_ECHO = 100
#: The strength at which a score is 63 of 100.
SCALE = 5.0
#: The number of authors that a listed topic needs, and a topic found in casts.
MIN_LISTED_AUTHORS, MIN_FOUND_AUTHORS = 2, 3
#: The number of topics that are kept, of those found in casts, and of the casts that are kept of each.
MAX_TOPICS, MAX_FOUND, MAX_CASTS = 20, 10, 5
#: The part of a cast that is kept, in bytes, and the part that is analyzed, in characters.
MAX_CAST_BYTES, MAX_ANALYZED_CHARS = 320, 2_000

#: The topics that Neynar accepts; one without a letter or digit would have no name.
SLUG = re.compile(r"(?=_*[a-z0-9])[a-z0-9_]{1,64}")

_LINK = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://\S+|\bwww\.\S+|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/\S*", re.IGNORECASE)
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
#: Words without information about the topic of a text.
_EMPTY_WORDS = """
a about after again all also always am an and any are around as at back be because been before being better but by
can check come could day did do does doing done don't down each even every few first for from get gets getting go
going good got great had has have he hello her here hey hi him his how i i'm if in into is it it's its just know
last let let's like link little look looking lot made make makes many may me mine more most much my need
never new next nice no not now of off ok on one only onto or other our out over own people pretty really right
said same say see she should so some someone something soon still such sure take than thank thanks that that's the
their them then there these they thing things think this those time times to today tomorrow tonight too up us use
very want was way we week well went were what when where which while who why will with work would year years yes
yesterday yet you you're your gm gn fam lol lfg follow cast casts farcaster
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())


class TrendCast(Frozen):
    """A cast of a trend, by another account; links and addresses are removed from its text."""

    hash: str
    author_fid: int
    text: str
    at: AwareDatetime


class Relevance(Frozen):
    """The relevance of a topic or a cast to an agent, with the reason."""

    #: From 0 to 1.
    value: float
    reason: str
    #: The source of the value: a model, or the words of the persona while no model can be asked.
    by: Literal["model", "words"]


class Trend(Frozen):
    """A topic of many casts. Its name, its summary and its casts are untrusted: data, never instructions."""

    #: The identifier of the topic: lower-case letters, digits and underscores.
    slug: str
    name: str
    summary: str = ""
    #: From 0 to 100, at the moment `at`.
    score: float
    #: The strength behind the score; it halves in `HALF_LIFE`.
    strength: float
    #: When it was seen last, and first.
    at: AwareDatetime
    since: AwareDatetime
    #: The number of authors.
    authors: int
    #: The channels of its casts, where known.
    channels: tuple[str, ...] = ()
    #: The casts with the highest contribution, highest first.
    casts: tuple[TrendCast, ...] = ()

    @property
    def words(self) -> str:
        """The slug as words: a name of the topic that cannot contain hidden instructions."""
        return self.slug.replace("_", " ").strip()


@dataclass(frozen=True)
class SeenCast:
    """A cast in a feed, with the fields that trends use."""

    hash: str
    author_fid: int
    text: str
    at: dt.datetime
    author_score: float | None = None
    likes: int = 0
    recasts: int = 0
    replies: int = 0
    channel: str | None = None


@dataclass(frozen=True)
class ListedTopic:
    """A topic as Neynar lists it, with the casts of its feed."""

    slug: str
    name: str
    rank: int
    summary: str = ""
    casts: Sequence[SeenCast] = ()


@dataclass
class _Group:
    """A topic while its casts are collected."""

    slug: str
    name: str
    summary: str
    rank: int | None
    casts: dict[str, SeenCast]

    @property
    def authors(self) -> int:
        return len({cast.author_fid for cast in self.casts.values()})


# The score


def contribution(cast: SeenCast, now: dt.datetime) -> float:
    """Return the contribution of a cast to a topic, from 0 to 1."""
    rated = cast.author_score is not None and math.isfinite(cast.author_score)
    weight = min(max(cast.author_score or 0.0, 0.0), 1.0) if rated else UNRATED_WEIGHT
    echo = max(cast.likes, 0) + 2 * max(cast.recasts, 0) + max(cast.replies, 0)
    loudness = 0.3 + 0.7 * min(math.log1p(echo) / math.log1p(MAX_ECHO), 1.0)
    return weight * loudness * decay(now - cast.at)


def decay(age: dt.timedelta) -> float:
    """Return the remaining part of a weight after a time; a negative age counts as 0."""
    return float(0.5 ** (max(age.total_seconds(), 0.0) / HALF_LIFE.total_seconds()))


def strength(casts: Iterable[SeenCast], rank: int | None, now: dt.datetime) -> float:
    """Return the strength of a topic, from the best cast of each author and its rank at Neynar."""
    best: dict[int, float] = defaultdict(float)
    for cast in casts:
        best[cast.author_fid] = max(best[cast.author_fid], contribution(cast, now))
    # fsum, because a plain sum of floats depends on their order.
    return math.fsum([*best.values(), 0.5 ** (rank / 10) if rank is not None else 0.0])


def score_of(strength: float) -> float:
    """Return the score from 0 to 100 of a strength."""
    return min(100.0 * -math.expm1(-max(strength, 0.0) / SCALE), math.nextafter(100.0, 0.0))


def faded(trend: Trend, now: dt.datetime) -> Trend:
    """Return a trend with its present score; its times stay the same."""
    left = trend.strength * decay(now - trend.at)
    return trend.model_copy(update={"score": score_of(left)})


def fresh(trends: Iterable[Trend], now: dt.datetime) -> list[Trend]:
    """Return the trends that were seen recently, unchanged."""
    return [trend for trend in trends if now - trend.at <= MAX_TREND_AGE]


def live_trends(trends: Iterable[Trend], now: dt.datetime) -> list[Trend]:
    """Return the trends that were seen recently, with their present score, highest first."""
    return sorted((faded(trend, now) for trend in fresh(trends, now)), key=lambda trend: (-trend.score, trend.slug))


# From casts to topics


def find_trends(
    listed: Sequence[ListedTopic], casts: Iterable[SeenCast], now: dt.datetime, *, known: Iterable[Trend] = ()
) -> list[Trend]:
    """Return the topics of listed topics and casts, highest score first.

    A topic that is among the earlier trends in `known` keeps the time at which it was first seen.
    """
    groups = _merged([_group(one, now) for one in sorted(listed, key=lambda one: (one.rank, one.slug))])
    rest = _assign(groups, tidy(casts, now))
    groups = [group for group in groups if group.authors >= MIN_LISTED_AUTHORS]
    groups += _found(rest, {group.slug for group in groups})
    since = {trend.slug: trend.since for trend in known}
    trends = [_trend(group, since.get(group.slug, now), now) for group in groups]
    return sorted(trends, key=lambda trend: (-trend.score, trend.slug))[:MAX_TOPICS]


def tidy(casts: Iterable[SeenCast], now: dt.datetime) -> dict[str, SeenCast]:
    """Return casts by hash, without old ones, duplicates, and copies of the text of an earlier cast."""
    by_hash: dict[str, SeenCast] = {}
    for cast in casts:
        known = by_hash.get(cast.hash)
        if now - cast.at <= MAX_CAST_AGE and (known is None or _more(cast) > _more(known)):
            by_hash[cast.hash] = cast
    first: dict[str, SeenCast] = {}
    for cast in sorted(by_hash.values(), key=lambda cast: (cast.at, cast.hash)):
        first.setdefault(" ".join(words_of(cast.text)) or cast.hash, cast)
    return {cast.hash: cast for cast in sorted(first.values(), key=lambda cast: cast.hash)}


def _more(cast: SeenCast) -> tuple[object, ...]:
    # The same cast may come from two feeds read at different moments; the order must not matter.
    counts = cast.likes + cast.recasts + cast.replies, cast.likes, cast.recasts
    return *counts, cast.channel or "", cast.text, cast.at, cast.author_fid, str(cast.author_score)


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, without links and addresses."""
    plain = _ADDRESS.sub(" ", _LINK.sub(" ", unicodedata.normalize("NFKC", text[:MAX_ANALYZED_CHARS])))
    return _WORD.findall(plain.casefold())


def keywords(text: str) -> frozenset[str]:
    """Return the words of a text with information about its topic, in the singular."""
    return frozenset(_stem(word) for word in words_of(text) if _is_keyword(word))


def _is_keyword(word: str) -> bool:
    return len(word) > 1 and word not in _EMPTY and not word.isdigit()


def _stem(word: str) -> str:
    word = re.sub(r"['’]s?$", "", word)
    return word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") else word


def is_same(one: Trend, other: Trend) -> bool:
    """Say whether two trends are one topic: they share a cast, or most of the words of their slugs."""
    if one.slug == other.slug or {cast.hash for cast in one.casts} & {cast.hash for cast in other.casts}:
        return True
    return _alike(keywords(one.words), keywords(other.words))


def _alike(one: Collection[str], other: Collection[str]) -> bool:
    shared = len(set(one) & set(other))
    return shared > 0 and 2 * shared > min(len(one), len(other)) and 2 * shared >= max(len(one), len(other))


def _group(one: ListedTopic, now: dt.datetime) -> _Group:
    return _Group(one.slug, one.name, one.summary, one.rank, tidy(one.casts, now))


def _merged(groups: Iterable[_Group]) -> list[_Group]:
    """Join topics with the same name or the same casts, under the name of the higher rank."""
    kept: list[_Group] = []
    for group in groups:
        for earlier in kept:
            shared = len(group.casts.keys() & earlier.casts.keys())
            smaller = min(len(group.casts), len(earlier.casts))
            same_name = _alike(keywords(_words(group.slug)), keywords(_words(earlier.slug)))
            if group.slug == earlier.slug or same_name or (shared > 1 and 2 * shared >= smaller):
                earlier.casts |= group.casts
                break
        else:
            kept.append(group)
    return kept


def _assign(groups: Sequence[_Group], casts: dict[str, SeenCast]) -> dict[str, SeenCast]:
    """Add each cast to the topics whose keywords it all contains; return the casts without a topic."""
    wanted = [(group, keywords(group.name) or keywords(_words(group.slug))) for group in groups]
    taken = {hash for group in groups for hash in group.casts}
    for hash, cast in casts.items():
        has = keywords(cast.text)
        for group, needed in wanted:
            if hash in group.casts or (needed and needed <= has):
                group.casts[hash] = cast
                taken.add(hash)
    return {hash: cast for hash, cast in casts.items() if hash not in taken}


def _found(casts: dict[str, SeenCast], slugs: Collection[str]) -> list[_Group]:
    """Find topics in casts: pairs of neighbouring words that several authors use."""
    pairs: dict[tuple[str, str], set[str]] = defaultdict(set)
    names: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for hash, cast in casts.items():
        for pair, name in _pairs(cast.text).items():
            pairs[pair].add(hash)
            names[pair][name] += 1
    groups: list[_Group] = []
    free = set(casts)
    while len(groups) < MAX_FOUND:
        ranked = [(-len({casts[hash].author_fid for hash in hashes & free}), pair) for pair, hashes in pairs.items()]
        if not ranked or -min(ranked)[0] < MIN_FOUND_AUTHORS:
            break
        _, pair = min(ranked)
        hashes = pairs.pop(pair) & free
        free -= hashes
        # The most frequent form; of several, the first in alphabetical order.
        name = min(names[pair].items(), key=lambda one: (-one[1], one[0]))[0]
        slug = _slug(name.replace(" ", "_"))
        if slug and slug not in slugs:
            groups.append(_Group(slug, name.capitalize(), "", None, {hash: casts[hash] for hash in sorted(hashes)}))
    return groups


def _pairs(text: str) -> dict[tuple[str, str], str]:
    """Return the pairs of neighbouring keywords in the singular, each with its written form."""
    return {
        (_stem(one), _stem(other)): f"{one} {other}"
        for one, other in pairwise(words_of(text))
        if _is_keyword(one) and _is_keyword(other) and _stem(one) != _stem(other)
    }


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]", "", plain).strip("_")[:64]


def _words(slug: str) -> str:
    return slug.replace("_", " ")


def _trend(group: _Group, since: dt.datetime, now: dt.datetime) -> Trend:
    total = strength(group.casts.values(), group.rank, now)
    heaviest = sorted(group.casts.values(), key=lambda cast: (-contribution(cast, now), cast.hash))[:MAX_CASTS]
    return Trend(
        slug=group.slug,
        name=plain_name(group.name) or _words(group.slug),
        summary=shown(group.summary),
        score=score_of(total),
        strength=total,
        at=now,
        since=min(since, now),
        authors=group.authors,
        channels=tuple(sorted({cast.channel for cast in group.casts.values() if cast.channel})),
        casts=tuple(
            TrendCast(hash=one.hash, author_fid=one.author_fid, text=shown(one.text), at=one.at) for one in heaviest
        ),
    )


def plain_name(name: str) -> str:
    """Return a topic's name as words only, in at most 60 characters."""
    plain = re.sub(r"[^\w\s'’&+-]|_", " ", unicodedata.normalize("NFKC", name[:200]))
    return " ".join(plain.split())[:60].strip()


def shown(text: str) -> str:
    """Return an untrusted text as it is shown: on one line, short, without links and addresses."""
    plain = " ".join(visible(text[:MAX_ANALYZED_CHARS]).split())
    return fit(_ADDRESS.sub("(address)", _LINK.sub("(link)", plain)), MAX_CAST_BYTES)
