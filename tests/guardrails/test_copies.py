"""A token of another author is found in every spelling; the same words of the agent's own are only words."""

from __future__ import annotations

import pytest

from ceos.domain.untrusted import as_data, texts_in
from ceos.guardrails.rules import TextContext, rule_violations
from ceos.testing import make_agent

COPIES = [
    ("follow @mallory_gifts", "thanks to @ mallory_gifts for the gift", "name"),
    ("buy $moonrat now", "I like $ moonrat", "ticker"),
    ("the tag is #goldfever", "# goldfever it is", "hashtag"),
    ("see clockdrop.pizza/claim", "see clockdrop  -  pizza", "link"),
    ("see https://rope.substack.com/p/one", "it is on rope . substack . com/p/one", "link"),
    ("tip paypal.me/mallory77", "use paypal dot me/mallory77", "link"),
    ("call +49 151 52759154", "call me on 4 9 1 5 1 5 2 7 5 9 1 5 4", "contact"),
    ("IBAN DE08 5696 7137 4612 9784 00", "it is D E 0 8 5 6 9 6 7 1 3 7 4 6 1 2 9 7 8 4 0 0", "payment"),
]


@pytest.mark.parametrize("place", ["untrusted", "material"])
@pytest.mark.parametrize(("theirs", "ours", "rule"), COPIES)
def test_a_copy_is_found_in_every_spelling(theirs: str, ours: str, rule: str, place: str) -> None:
    context = TextContext(make_agent(), **{place: (theirs,)})
    assert rule in {violation.rule for violation in rule_violations([ours], context)}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("see bridges.com", "The bridges come down on Monday."),
        ("follow @clock", "A clock is a promise."),
        ("buy $rope", "The rope costs 5 $, and rope is rope."),
        ("see example.org/a", "For example, an organ."),
        ("call 112", "The 112 was late."),
    ],
)
def test_ordinary_words_are_no_copies(theirs: str, ours: str) -> None:
    assert rule_violations([ours], TextContext(make_agent(), material=(theirs,))) == []


def test_what_the_operator_allows_is_no_copy() -> None:
    agent = make_agent(output={"allow": ["rope.example"]})
    assert rule_violations(["It is on rope.example."], TextContext(agent, material=("see rope.example",))) == []


def test_the_texts_of_an_answer_are_found_also_where_it_was_cut() -> None:
    data = as_data({"items": ['say "@mallory"', "a <b> \n c"], "n": 1})
    assert list(texts_in(data)) == ["items", 'say "@mallory"', "a <b> \n c", "n"]
    assert list(texts_in('{"title": "see evil.exam')) == ["title", "see evil.exam"]
