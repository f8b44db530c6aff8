"""The tokens and the cost of one post of each kind, at the list prices of the simulated catalogue.

Each kind is written twice within five minutes: the second one reads from the cache what the first one wrote to it.
Everything that a post asks of models counts: its text, the relevance of its subject, and the verdict of the judge.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ceos.domain.agent import Agent
from ceos.domain.chain_event import ChainEvent, Subscription
from ceos.domain.posts import Kind
from ceos.domain.topics import Trend, TrendCast
from ceos.mentions.poller import mention_of
from ceos.posts.relevance import RelevanceScorer
from ceos.simulator.openrouter.catalogue import MODELS as LISTED
from ceos.testing import FakeRuntime, fake_runtime
from ceos.trends.relevance import TrendRelevance
from ceos.trends.store import ClaimedTrend

#: Models that write; the default, and the first fallback.
MODELS = ("anthropic/claude-sonnet-4", "openai/gpt-4o-mini")
PERSONA = {
    "bio": "Repairs tower clocks and walks over bridges to get to them. Lives in a harbour town.",
    "tone": "dry, exact, fond of old machines",
    "topics": ["clocks", "bridges", "night trains", "tides"],
    "avoid": ["politics", "prices of tokens"],
}
#: Few examples, as an ordinary persona has, and many, with which the stable part is long enough for every cache.
EXAMPLES = (
    "The regulator in the old post office loses four seconds a week. Nobody minds. It is the only clock on the square.",
    "Replaced a brass rod with invar today. The pendulum does not know what month it is any more.",
    "A bridge is a clock with one tick a day: it grows in the afternoon and shrinks at night.",
)
PERSONAS = {"persona of 0.6 KB": EXAMPLES, "persona of 3.5 KB": EXAMPLES * 10}
RECENT = (
    "The suspension spring is the cheapest part of a clock and the one that decides.",
    "Counted the rivets on the swing bridge: 1,204. Two are newer than the others.",
    "A tower clock is wound by hand here, every Thursday, by a dentist.",
    "Oil is the enemy that you need. A drop too much and the dust moves in.",
    "The tide gauge in the harbour has written its curve since 1911, with three pauses.",
    "Found a maker's mark under the dial: a hare, and the year 1788.",
    "Expansion joints are the joints of a bridge in the plainest sense of the word.",
    "Nobody repairs a quartz movement. That is what is wrong with it.",
)
CASTS = (
    "The night train to Trieste stops at the old swing bridge for eleven minutes, and nobody has ever said why.",
    "They wait for the bridge keeper to set his clock, I was told. He sets it by the train.",
    "Took the night train again. Somewhere before dawn there is a bell, a bridge, and a smell of tar.",
)


@dataclass(frozen=True)
class Usage:
    """The tokens and the charge of all answers for one post, and the charge without a cache."""

    calls: int
    prompt: int
    cached: int
    written: int
    completion: int
    usd: float
    uncached_usd: float


def bench_cost() -> None:
    """Print the tokens and the cost of each kind for each model and persona, without and with a cache."""
    head = ("kind", "calls", "prompt", "answer", "no cache", "1st: written", "USD", "2nd: read", "USD")
    for model in MODELS:
        for label, examples in PERSONAS.items():
            print(f"\n{model}, {label}: tokens and USD of one post")
            print("{:<15}{:>6}{:>8}{:>8}{:>10}{:>14}{:>10}{:>11}{:>10}".format(*head), flush=True)
            for kind, write in KINDS.items():
                first, second = _two_posts(write, model, examples)
                print(
                    f"{kind:<15}{first.calls:>6}{first.prompt:>8}{first.completion:>8}{first.uncached_usd:>10.5f}"
                    f"{first.written:>14}{first.usd:>10.5f}{second.cached:>11}{second.usd:>10.5f}",
                    flush=True,
                )


def _two_posts(write: Callable[[FakeRuntime, Agent, int], None], model: str, examples: Sequence[str]) -> list[Usage]:
    """Return the usage of the first and of the second post of a kind."""
    with fake_runtime() as fake:
        fake.clock.set(dt.datetime.now(dt.UTC).replace(hour=12, minute=0))
        agent = fake.apply(
            strategy="text-heavy",
            models={"text": model},
            persona={**PERSONA, "examples": examples},
            schedule={"cron": "0 0 1 1 *", "jitter_seconds": 0},
            engagement={"enabled": True, "min_score": 0.0, "unrated_score": 0.0},
            trends={"posts_per_day": 5},
            limits={"casts_per_hour": 100, "usd_per_day": 100},
        )
        for text in RECENT:
            fake.post(text=text)
        return [_usage_of(fake, functools.partial(write, fake, agent, number)) for number in (1, 2)]


def _usage_of(fake: FakeRuntime, write: Callable[[], None]) -> Usage:
    begin = len(_answers(fake))
    write()
    answers = _answers(fake)[begin:]

    def total(name: str) -> Any:
        return sum(one[name] for one in answers)

    listed = [
        LISTED[one["model"]].prompt_cost(one["prompt_tokens"])
        + LISTED[one["model"]].completion_cost(one["completion_tokens"])
        for one in answers
    ]
    return Usage(
        calls=len(answers),
        prompt=total("prompt_tokens"),
        cached=total("cached_tokens"),
        written=total("cache_write_tokens"),
        completion=total("completion_tokens"),
        usd=total("cost"),
        uncached_usd=sum(listed),
    )


def _answers(fake: FakeRuntime) -> list[dict[str, Any]]:
    return [one for one in fake.simulator.timeline() if one["what"] == "completion"]


def _post(fake: FakeRuntime, agent: Agent, number: int) -> None:
    fake.post(agent.id, kind=Kind.ORIGINAL, key=f"bench-{number}")


def _refused_post(fake: FakeRuntime, agent: Agent, number: int) -> None:
    fake.simulator.faults(openrouter={"script": ["preamble", "ok"]})
    _post(fake, agent, number)


def _tool_post(fake: FakeRuntime, agent: Agent, number: int) -> None:
    skill = fake.runtime.plugins.skill("poll-maker")
    fake.runtime.skill_lock.allow(skill)
    skilled = fake.apply(**agent.model_dump(exclude={"skills"}), skills=[{"name": skill.name}])
    _post(fake, skilled, number)


def _reply(fake: FakeRuntime, agent: Agent, number: int) -> None:
    signer = f"00000000-0000-4000-8000-{500 + number:012d}"
    question = f"@ada how do you keep a pendulum of {number} metres steady in summer?"
    cast = fake.runtime.neynar.publish_cast(signer, question, idem=f"bench-{number}")
    found = fake.runtime.neynar.conversation(cast.hash)
    assert found is not None
    mention = mention_of(found.cast, "mention").model_copy(update={"author_score": 0.9, "at": fake.clock.now()})
    fake.runtime.mention_store.receive_mention(agent.id, mention, 0)
    fake.drive()


def _trend_post(fake: FakeRuntime, agent: Agent, number: int) -> None:
    now = fake.clock.now()
    casts = tuple(
        TrendCast(hash=f"0x{index:040x}", author_fid=60 + index, text=text, at=now) for index, text in enumerate(CASTS)
    )
    trend = Trend(
        slug=f"night_trains_{number}", name="Night trains", summary="People tell of night trains and a bridge.",
        score=60, strength=8, at=now, since=now, authors=3, casts=casts,
    )  # fmt: skip
    relevance = TrendRelevance(RelevanceScorer(fake.runtime.paid_model)).score(agent, [trend], call=f"bench:{number}")
    claimed = ClaimedTrend(trend=trend, relevance=relevance[trend.slug])
    fake.runtime.trend_store.open_trend_run(agent, claimed, now)
    fake.drive()


def _event_post(fake: FakeRuntime, agent: Agent, number: int) -> None:
    subscription = Subscription(name="tolls", contract="bridge", event="Paid", agents=(agent.id,), posts_per_day=9)
    block = f"0x{number:064x}"
    event = ChainEvent(
        subscription="tolls", id=f"{block}:0", contract="0x" + "11" * 20, name="Paid",
        args={"by": "0x" + "22" * 20, "amount": 7 * number, "memo": "for the night train"},
        block=number, block_hash=block, tx_hash="0x" + "33" * 32, index=0,
    )  # fmt: skip
    fake.runtime.event_posts.open_runs(subscription, event)
    fake.drive()


KINDS: dict[str, Callable[[FakeRuntime, Agent, int], None]] = {
    "ordinary post": _post,
    "reply": _reply,
    "trend post": _trend_post,
    "event post": _event_post,
    "second version": _refused_post,
    "post with tool": _tool_post,
}
