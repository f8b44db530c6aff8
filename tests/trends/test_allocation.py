"""A fleet shares the trends: few agents for each topic, the most relevant first, with a pause between them."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections import defaultdict

import pytest

from ceos.domain.runs import Run
from ceos.domain.topics import Relevance
from ceos.testing import FakeRuntime, fake_runtime
from ceos.trends.monitor import ALL

NOW = dt.datetime.now(dt.UTC).replace(hour=12, minute=0, second=0, microsecond=0)
#: Six subjects that share no words.
SUBJECTS = (
    "Night trains to Vienna", "Brass kettle repair", "Copper spoon workshop", "Sourdough starter rescue",
    "Wooden bridge festival", "Lighthouse keepers reunion",
)  # fmt: skip
WORDS = {word for subject in SUBJECTS for word in subject.lower().split()}
HALF_HOUR = dt.timedelta(minutes=30)


@pytest.fixture(name="fake")
def fake_fixture(fake_runtime: FakeRuntime) -> FakeRuntime:
    fake_runtime.simulator.faults(neynar={"audience": 0})
    fake_runtime.clock.set(NOW)
    return fake_runtime


def fleet(fake: FakeRuntime, size: int, *topics: str, **trends: object) -> list[str]:
    """Apply agents that post about trends on these topics, all of the same persona."""
    for number in range(size):
        fake.apply(
            id=f"agent{number:02d}",
            name=f"Agent {number}",
            fid=2000 + number,
            signer_uuid=f"00000000-0000-4000-8000-{2000 + number:012d}",
            persona={"bio": "A curious one.", "topics": topics},
            schedule={"cron": "0 0 1 1 *", "jitter_seconds": 0},
            trends={"posts_per_day": 6, "min_relevance": 0.0, **trends},
        )
    return [f"agent{number:02d}" for number in range(size)]


def say(fake: FakeRuntime, subject: str, *fids: int) -> None:
    for fid in fids:
        fake.runtime.neynar.publish_cast(
            f"00000000-0000-4000-8000-{fid:012d}", f"{subject} ({fid})", idem=uuid.uuid4().hex[:16], channel="travel"
        )


def read_trends(fake: FakeRuntime, **later: float) -> None:
    """Have the workers read the trends, some time later, and carry out what follows."""
    fake.clock.advance(**later)
    fake.runtime.database.client.set("ceos:trends:due", 0, xx=True)
    fake.drive()


def trend_runs(fake: FakeRuntime, agents: list[str]) -> list[Run]:
    return [run for one in agents for run in fake.runtime.runs.recent_runs(one) if run.slot.startswith("t:")]


def moments_by_topic(runs: list[Run]) -> dict[str, list[dt.datetime]]:
    found = defaultdict(list)
    for run in runs:
        _, topic, at = run.slot.split(":")
        found[topic].append(dt.datetime.fromtimestamp(int(at) / 1000, dt.UTC))
    return {topic: sorted(moments) for topic, moments in found.items()}


def test_thirty_agents_take_six_topics_as_twelve_posts_at_least_half_an_hour_apart(fake: FakeRuntime) -> None:
    agents = fleet(fake, 30, *SUBJECTS)
    for first, subject in enumerate(SUBJECTS):
        say(fake, subject, *range(50 + 10 * first, 53 + 10 * first))
    for _ in range(8):
        read_trends(fake, minutes=15)
    runs = trend_runs(fake, agents)
    moments = moments_by_topic(runs)
    # The simulated network has trends of its own, for which the same holds.
    assert all(len(times) <= 2 for times in moments.values()), moments
    pauses = [later - earlier for times in moments.values() for earlier, later in itertools.pairwise(times)]
    assert min(pauses) >= HALF_HOUR
    ours = {topic: times for topic, times in moments.items() if set(topic.split("_")) & WORDS}
    assert len(ours) == len(SUBJECTS) and sum(map(len, ours.values())) == 2 * len(SUBJECTS), sorted(moments)
    assert {run.status for run in runs} == {"published"}


def test_a_topic_goes_to_the_agent_for_which_it_is_most_relevant(fake: FakeRuntime) -> None:
    agents = fleet(fake, 4, "night trains")
    say(fake, SUBJECTS[0], 50, 51, 52)
    fake.runtime.trends.handle(ALL)
    (trend, *_) = fake.runtime.trends.current()
    store = fake.runtime.trend_store
    values = dict(zip(agents, (0.6, 0.9, 0.7, 0.8), strict=True))
    for agent_id, value in values.items():
        store.save_relevances(agent_id, {trend.slug: Relevance(value=value, reason="so", by="model")}, [trend.slug])
    opened = [fake.runtime.trends.consider(agent_id) for agent_id in agents]
    assert opened[:3] == [[], [], []], "the others are waited for"
    assert [run.partition(":")[0] for run in opened[3]] == ["agent01"]
    fake.drive()
    read_trends(fake, minutes=31)
    assert {run.agent_id for run in trend_runs(fake, agents)} == {"agent01", "agent03"}
    read_trends(fake, minutes=31)
    assert len(trend_runs(fake, agents)) == 2, "two agents are enough"


def test_another_agent_waits_half_an_hour(fake: FakeRuntime) -> None:
    agents = fleet(fake, 3, "night trains")
    say(fake, SUBJECTS[0], 50, 51, 52)
    read_trends(fake)
    read_trends(fake, minutes=29)
    assert len(trend_runs(fake, agents)) == 1
    read_trends(fake, minutes=2)
    assert len(trend_runs(fake, agents)) == 2


def test_the_bids_of_others_count_when_one_agent_never_answers(fake: FakeRuntime) -> None:
    agents = fleet(fake, 3, "night trains")
    say(fake, SUBJECTS[0], 50, 51, 52)
    asked = fake.runtime.trends.handle(ALL)
    for agent_id in asked[:2]:
        assert fake.runtime.trends.consider(agent_id) == []
    assert trend_runs(fake, agents) == []
    fake.clock.advance(minutes=30)
    fake.runtime.trends.refresh()
    assert len(trend_runs(fake, agents)) == 1


def test_an_agent_that_cannot_post_is_not_waited_for(fake: FakeRuntime) -> None:
    agents = fleet(fake, 2, "night trains")
    say(fake, SUBJECTS[0], 50, 51, 52)
    fake.runtime.pause("agent01")
    read_trends(fake)
    assert [run.agent_id for run in trend_runs(fake, agents)] == ["agent00"]


def test_the_operator_sets_how_many_agents_take_a_topic_and_how_far_apart(
    ceos_home: object, ceos_simulator: object
) -> None:
    settings = {"CEOS_TRENDS_AGENTS_PER_TOPIC": "3", "CEOS_TRENDS_MINUTES_APART": "0"}
    with fake_runtime(ceos_home, simulator=ceos_simulator, **settings) as fake:  # type: ignore[arg-type]
        fake.clock.set(NOW)
        agents = fleet(fake, 5, "night trains")
        say(fake, SUBJECTS[0], 50, 51, 52)
        read_trends(fake)
        assert len(moments_by_topic(trend_runs(fake, agents))["night_trains"]) == 3
