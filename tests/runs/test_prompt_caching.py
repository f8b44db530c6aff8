"""Prompt caching: the marked parts, for which models, and the booked costs."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.injections import mention

from ceos.clients.openrouter.prices import Price
from ceos.clients.openrouter.types import Message
from ceos.domain.agent import Agent
from ceos.domain.mentions import ConversationContext
from ceos.domain.posts import Brief, Kind
from ceos.domain.runs import Run
from ceos.mentions.prompt import prompt as reply_prompt
from ceos.operations.agents import spent_today
from ceos.posts.prompt import post_prompt
from ceos.posts.relevance import Subject, request
from ceos.runs.budget import Budget
from ceos.testing import FakeRuntime, make_agent

SONNET = "anthropic/claude-sonnet-4.5"
#: A persona that is longer than the shortest prompt that is cached.
PERSONA = {"bio": "An engineer of small machines.", "topics": ["clocks"], "examples": ["A clock is patient. " * 200]}


def completions(fake: FakeRuntime) -> list[dict[str, Any]]:
    return [one for one in fake.simulator.timeline() if one["what"] == "completion"]


def prompts(agent: Agent) -> dict[str, list[list[Message]]]:
    """Return two requests of each kind, for different posts, replies and subjects."""
    briefs = [Brief(kind=Kind.ORIGINAL, topic=topic, instructions=f"Write about {topic}.") for topic in ("a", "b")]
    subjects = [Subject(title=title, texts=(), shown={"name": title}) for title in ("a", "b")]
    return {
        "post": [
            post_prompt(agent, briefs[0], ["One."]),
            post_prompt(agent, briefs[1], [], violations=["No."], material=[("feed", "{}")], untrusted="data"),
        ],
        "reply": [
            reply_prompt(agent, mention("one"), ConversationContext()),
            reply_prompt(agent, mention("two"), ConversationContext(earlier=("Hm.",)), ["No."]),
        ],
        "relevance": [request(agent, [one], "trend_relevance") for one in subjects],
        "relevance of a mention": [request(agent, [one], "reply_relevance") for one in subjects],
    }


@pytest.mark.parametrize("kind", ["post", "reply", "relevance", "relevance of a mention"])
def test_the_stable_part_comes_first_is_marked_and_the_same_in_every_request(kind: str) -> None:
    one, other = prompts(make_agent())[kind]
    assert [message.cache for message in one] == [True, *[False] * (len(one) - 1)]
    assert one[0].wire(SONNET) == other[0].wire(SONNET)
    assert one[1:] != other[1:]


@pytest.mark.parametrize(
    ("model", "is_marked"),
    [
        (SONNET, True),
        ("~anthropic/claude-sonnet-latest", True),
        ("qwen/qwen-plus", True),
        ("openai/gpt-4o-mini", False),
        ("google/gemini-2.5-flash", False),
    ],
)
def test_the_mark_is_sent_where_the_provider_needs_it(model: str, is_marked: bool) -> None:
    part = {"type": "text", "text": "You are Ada.", "cache_control": {"type": "ephemeral"}}
    sent = Message(role="system", content="You are Ada.", cache=True).wire(model)
    assert sent == {"role": "system", "content": [part] if is_marked else "You are Ada."}
    assert Message(role="user", content="gm").wire(model)["content"] == "gm"


def test_the_second_post_of_an_agent_reads_what_the_first_one_wrote(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply(models={"text": SONNET}, persona=PERSONA)
    fake_runtime.post(kind=Kind.ORIGINAL)
    fake_runtime.post(kind=Kind.ORIGINAL)
    first, second = completions(fake_runtime)
    assert first["cached_tokens"] == 0
    assert second["cached_tokens"] == first["cache_write_tokens"] > 1024
    assert second["cost"] < 0.8 * first["cost"]
    assert spent_today(fake_runtime.runtime, "ada") == pytest.approx(first["cost"] + second["cost"], abs=2e-6)


def test_a_cost_that_is_not_named_is_computed_with_the_prices_of_the_cache(fake_runtime: FakeRuntime) -> None:
    fake_runtime.simulator.faults(openrouter={"no_cost": 1})
    fake_runtime.apply(models={"text": SONNET}, persona=PERSONA)

    def write() -> Run:
        return fake_runtime.post(kind=Kind.ORIGINAL)

    costs = [run.draft.cost_usd for run in (write(), write()) if run.draft]
    booked = [one["cost"] for one in completions(fake_runtime)]
    assert costs == pytest.approx(booked, rel=1e-6)


def test_prices_of_the_cache_count_and_the_most_is_a_prompt_that_is_written_whole() -> None:
    price = Price(3e-6, 15e-6, cache_read=0.3e-6, cache_write=3.75e-6)
    assert price.of(2000, 100, cached=1500) == pytest.approx(500 * 3e-6 + 1500 * 0.3e-6 + 100 * 15e-6)
    assert price.of(2000, 100, written=1500) == pytest.approx(500 * 3e-6 + 1500 * 3.75e-6 + 100 * 15e-6)
    assert price.most(2000, 100) == pytest.approx(2000 * 3.75e-6 + 100 * 15e-6)
    assert Price(3e-6, 15e-6).most(2000, 100) == Price(3e-6, 15e-6).of(2000, 100, cached=700, written=300)


@pytest.mark.parametrize(("usd", "micro"), [(0.000123, 123), (0.0000011, 2), (0.0, 0), (1.1, 1_100_000)])
def test_costs_are_booked_in_whole_millionths_rounded_up(fake_runtime: FakeRuntime, usd: float, micro: int) -> None:
    runtime = fake_runtime.runtime
    with Budget(runtime.database).reserve(make_agent(), "call", 1.5, fake_runtime.clock.now()) as reservation:
        reservation.settle(usd)
    assert round(spent_today(runtime, "ada") * 1e6) == micro
