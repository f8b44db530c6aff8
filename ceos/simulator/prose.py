"""Posts, threads and replies made from a small grammar.

Each voice walks through its own shuffled decks, so two posts of one voice share no sentence until a deck is used up,
and the same seed writes the same texts in the same order.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from functools import lru_cache
from math import gcd

from ceos.simulator.chance import number
from ceos.simulator.phrases import BANKS, PHRASES, Bank

SPLIT = "---SPLIT---"
#: The usual range of bytes of a part.
SHORTEST, LONGEST = 120, 260

_VOICES = 20_000
_SENTENCE_START = re.compile(r"(?:^|[.?!] )[a-z]")


class Prose:
    """Writes for any number of voices and keeps the position of each."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._turns: OrderedDict[str, int] = OrderedDict()

    def post(self, voice: str, topic: str) -> str:
        """One post of usually 120 to 260 bytes."""
        return self._post(self._next(voice), topic)

    def thread(self, voice: str, topic: str, parts: int) -> list[str]:
        """A beginning, some middle and an end."""
        deck = self._next(voice)
        places = [deck.turn * 11 + i for i in range(parts)]
        claims = [deck.fill("thread claim", PHRASES["claims"], topic, at) for at in places]
        turns = [deck.fill("thread turn", PHRASES["turns"], topic, at) for at in places]
        leads = [deck.fill("start", PHRASES["thread_starts"], topic)]
        leads += [deck.fill("link", PHRASES["thread_links"], topic, at) for at in places[1:-1]]
        texts = [list(sentences) for sentences in zip([*leads, ""], claims, turns, strict=True)]
        texts[-1] = [claims[-1], turns[-1], deck.fill("end", PHRASES["thread_ends"], topic)]
        return [_capitals(" ".join(sentences)) for sentences in texts]

    def reply(self, voice: str, topic: str) -> str:
        """Return a reply."""
        return _capitals(self._next(voice).fill("reply", PHRASES["replies"], topic))

    def picture(self, voice: str, topic: str) -> str:
        """Return the description of a picture about a topic."""
        return self._next(f"{voice} pictures").fill("picture", PHRASES["pictures"], topic)

    def neighbour(self, voice: str, topic: str) -> str:
        """Return a post of a simulated account."""
        return _capitals(self._next(voice).fill("neighbour", PHRASES["neighbour_posts"], topic))

    def line(self, voice: str, name: str, deck: tuple[str, ...], topic: str) -> str:
        """Return one card of a given deck, filled for a topic or for the topic of a text."""
        return _capitals(self._next(voice).fill(name, deck, topic))

    def _post(self, deck: _Deck, topic: str) -> str:
        sentences = [deck.fill("opening", PHRASES["openings"], topic), deck.fill("claim", PHRASES["claims"], topic)]
        for extra in (deck.fill("ending", PHRASES["endings"], topic), deck.fill("turn", PHRASES["turns"], topic)):
            # The turn goes before the ending: it is tried second and inserted.
            longer = [*sentences, extra] if len(sentences) == 2 else [*sentences[:2], extra, sentences[2]]
            if _size(longer) <= LONGEST and (_size(sentences) < SHORTEST or deck.chance(extra) < 60):
                sentences = longer
        text = _capitals(" ".join(sentences))
        if deck.chance("emoji") < 22:
            text += " " + deck.pick("emoji", PHRASES["emoji"])
        return text

    def _next(self, voice: str) -> _Deck:
        turn = self._turns.pop(voice, 0)
        self._turns[voice] = turn + 1
        if len(self._turns) > _VOICES:
            self._turns.popitem(last=False)
        return _Deck(self.seed, voice, turn)


class _Deck:
    """The random choices of one voice for its n-th text."""

    def __init__(self, seed: int, voice: str, turn: int) -> None:
        self.turn = turn
        self._voice = f"{seed}:{voice}"

    def chance(self, what: str) -> int:
        """0 to 99."""
        return number(self._voice, self.turn, what) % 100

    def pick(self, name: str, deck: tuple[str, ...], at: int | None = None) -> str:
        """The next card; each comes once before any comes again."""
        size = len(deck)
        at = self.turn if at is None else at
        # A new offset each round: decks of one size would otherwise repeat their pairs.
        start = number(self._voice, name, at // size)
        stride = 1 + start // size % (size - 1)
        while gcd(stride, size) != 1:
            stride += 1
        return deck[(start + at * stride) % size]

    def fill(self, name: str, deck: tuple[str, ...], topic: str, at: int | None = None) -> str:
        """The next card with its placeholders filled for a topic."""
        bank = bank_of(topic)
        at = self.turn if at is None else at
        n = number(self._voice, name, at)
        return self.pick(name, deck, at).format(
            topic=topic,
            # Neighbouring cards of one deck, so that a sentence never compares a thing with itself.
            thing=self.pick("things of " + name, bank.things, 2 * at),
            other=self.pick("things of " + name, bank.things, 2 * at + 1),
            place=bank.places[n % len(bank.places)],
            unit=bank.units[n // 7 % len(bank.units)],
            n=2 + n // 11 % 9,
            big=12 + n // 13 % 180,
            day=PHRASES["days"][n // 17 % 7],
            **_agreement(topic),
        )


@lru_cache(maxsize=1024)
def bank_of(topic: str) -> Bank:
    """The details that fit a topic best; the last bank fits anything."""
    words = topic.lower().split()
    for bank in BANKS:
        if any(word == key or (len(key) > 3 and word.startswith(key)) for word in words for key in bank.keywords):
            return bank
    return BANKS[-1]


@lru_cache(maxsize=1024)
def _agreement(topic: str) -> dict[str, str]:
    if topic.endswith("s") and not topic.endswith(("ss", "is", "us", "ics")):
        return {"s": "", "is": "are", "has": "have"}
    return {"s": "s", "is": "is", "has": "has"}


def _capitals(text: str) -> str:
    return _SENTENCE_START.sub(lambda match: match[0].upper(), text)


def _size(sentences: list[str]) -> int:
    return len(" ".join(sentences).encode())
