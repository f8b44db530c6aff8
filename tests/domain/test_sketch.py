"""Sketches of texts: exact for short ones, and close enough for long ones that a decision rarely changes."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceos.domain.sketch import SKETCH_SIZE, hashes_of, resemblance, sketch_of
from ceos.domain.text import CAST_BYTES, LONG_CAST_BYTES, shingles, similarity
from ceos.guardrails.quality import TOO_SIMILAR
from ceos.simulator.prose import Prose

#: The sketch of "Gas is cheap today!".
KNOWN = "3W3X7KmlA3SSB/jWByWHCk50EtJXI/9zJjfwWXbTdOfnkDTGkkOkl+Y6qLQk"
TOPICS = ("bridges", "clocks", "weather", "maps", "bread", "trains")


def pairs(size: int, count: int) -> list[tuple[str, str]]:
    """Return texts of up to `size` characters, each with a version in which some words are replaced."""
    chance, prose = random.Random(size), Prose(size)

    def text() -> str:
        posts = ""
        while len(posts) < size:
            posts += f" {prose.post(f'voice {chance.random()}', chance.choice(TOPICS))}"
        return posts[:size].strip()

    found = []
    for _ in range(count):
        original, other, share = text(), text().split(), chance.random() * 0.35
        words = [chance.choice(other) if chance.random() < share else word for word in original.split()]
        found.append((original, " ".join(words)))
    return found


@pytest.mark.parametrize("size", [CAST_BYTES, LONG_CAST_BYTES])
def test_a_decision_by_sketches_agrees_with_the_exact_one_outside_a_narrow_band(size: int) -> None:
    errors, wrong = [], []
    for a, b in pairs(size, 250):
        exact, estimated = similarity(a, b), resemblance(sketch_of(a), sketch_of(b))
        errors.append(estimated - exact)
        if (exact >= TOO_SIMILAR) is not (estimated >= TOO_SIMILAR):
            wrong.append(abs(exact - TOO_SIMILAR))
    assert abs(statistics.fmean(errors)) < 0.01 and statistics.pstdev(errors) < 0.035
    assert max(wrong, default=0.0) < 0.1
    assert len(wrong) < 0.15 * len(errors)


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_short_texts_are_compared_exactly(a: str, b: str) -> None:
    assert len(shingles(a)) < SKETCH_SIZE
    assert resemblance(sketch_of(a), sketch_of(b)) == pytest.approx(similarity(a, b))


def test_a_sketch_is_small_printable_and_the_same_everywhere() -> None:
    text = " ".join(f"word{number}" for number in range(400))
    sketch = sketch_of(text)
    assert len(sketch) == 4 * SKETCH_SIZE and sketch.isascii() and sketch.isprintable()
    assert hashes_of(sketch) == sorted(hashes_of(sketch))
    # Stored sketches are compared with those of later versions.
    assert sketch_of("Gas is cheap today!") == KNOWN
