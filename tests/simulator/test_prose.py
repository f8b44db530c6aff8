"""The simulated writers: varied enough to watch, and short enough to publish."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import combinations

import pytest

from ceos.simulator.openrouter.prompts import understand
from ceos.simulator.prose import Prose


def test_posts_of_one_voice_keep_their_size_and_share_no_opening() -> None:
    prose = Prose(seed=7)
    posts = [prose.post("ada", "coffee") for _ in range(40)]
    sizes = [len(post.encode()) for post in posts]
    assert min(sizes) >= 100
    assert max(sizes) <= 275
    assert len({post[:18] for post in posts}) > 30
    assert max(SequenceMatcher(None, a, b).ratio() for a, b in combinations(posts[:20], 2)) < 0.8


def test_parts_of_a_thread_fit_a_cast_each() -> None:
    prose = Prose(seed=7)
    threads = [prose.thread("ada", "base gas fees", parts) for parts in range(2, 11)]
    assert [len(thread) for thread in threads] == list(range(2, 11))
    assert all(len(part.encode()) <= 320 for thread in threads for part in thread)
    assert all(len(set(thread)) == len(thread) for thread in threads)


@pytest.mark.parametrize(
    ("system", "prompt", "topic", "parts"),
    [
        ("", "Topic: night trains\nWrite one post.", "night trains", 0),
        ("", "Write one post about coffee that people will want to answer.", "coffee", 0),
        ("", 'Write about "slow travel".', "slow travel", 0),
        ("Topics: tea", "Write one post.", "tea", 0),
        ("", "Write a thread of 5 posts about tea. No numbering, no “thread”.\n---SPLIT---", "tea", 5),
        ("Parts are separated by ---SPLIT---", "Write one post about tea, not a thread.", "tea", 0),
        ("Parts are separated by ---SPLIT---", "Write a thread about tea in 3 to 4 parts.", "tea in 3 to 4 parts", 3),
        ("", "gm", "small everyday experiments", 0),
    ],
)
def test_prompts_are_understood(system: str, prompt: str, topic: str, parts: int) -> None:
    wish = understand([{"role": "system", "content": system}, {"role": "user", "content": prompt}], "")
    assert (wish.topic, wish.parts) == (topic, parts)
