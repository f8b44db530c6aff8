"""What becomes of a mention, with a real server, simulated services and a model that says what the test wants."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from helpers.conversations import BOB, ENGAGEMENT, ScriptedModel, cast, mention_ada, published, reactions, receive

import ceos
from ceos.domain.lifecycle import Stage
from ceos.domain.mentions import ConversationContext, Decision, Mention, ThreadCast
from ceos.mentions.prompt import MAX_CONTEXT_BYTES, prompt
from ceos.operations.agents import spent_today
from ceos.posts.actions import DecidedReaction
from ceos.runs.deferral import RetryLater
from ceos.testing import FakeRuntime, make_agent

QUESTION = "@ada how do you keep a pendulum steady in summer?"
ANSWER = "Invar for the rod. Brass would cost you a minute in a warm week."
ANSWERS = (ANSWER, "Look at the suspension spring first.", "Oil it less.", "Wait for autumn.", "Ask a bell founder.")


@pytest.fixture
def fake(fake_runtime: FakeRuntime) -> FakeRuntime:
    """A runtime with ada, who talks to everybody, and a model with an answer."""
    listening(fake_runtime)
    ScriptedModel(*ANSWERS).use(fake_runtime)
    return fake_runtime


def listening(fake: FakeRuntime, engagement: Any = (), **overrides: Any) -> None:
    fake.apply(engagement={**ENGAGEMENT, **dict(engagement)}, **overrides)


def model_of(fake: FakeRuntime) -> ScriptedModel:
    model = fake.runtime.openrouter
    assert isinstance(model, ScriptedModel)
    return model


def exchange(fake: FakeRuntime, *fids: int) -> tuple[str, int]:
    """Have accounts answer each other in turn, and return the last cast and who wrote it."""
    above: Any = None
    for number, fid in enumerate(fids):
        above = (cast(fake, f"Casting number {number} about bridges.", fid=fid, parent=above), fid)
    assert above is not None
    return above


# The road of an answer


def test_a_question_is_answered_under_its_cast_and_the_record_says_why(fake: FakeRuntime) -> None:
    run = mention_ada(fake, QUESTION)
    assert (run.status, run.kind, published(fake)) == ("published", "reply", [ANSWER])
    answer = fake.casts()[-1]
    assert (answer["parent_hash"], answer["parent_author"]["fid"]) == (run.slot.removeprefix("r:"), BOB)
    assert run.draft is not None
    assert run.draft.notes == ("answers because it asks a question",)
    assert run.draft.parent == ceos.domain.posts.Parent(hash=run.slot.removeprefix("r:"), fid=BOB)  # type: ignore[attr-defined]
    # The verdict about it costs less than a fifth of that.
    assert 0.001 < run.draft.cost_usd < 0.0012
    assert fake.runtime.runs.recent_casts("ada")[0].parent == run.slot.removeprefix("r:")


@pytest.mark.parametrize("fault", ["cut_after", "error_500_after", "no_hash_200", "cut_before", "error_500_before"])
def test_after_a_lost_answer_there_is_one_reply(fake: FakeRuntime, fault: str) -> None:
    hash = cast(fake, QUESTION)
    fake.simulator.faults(neynar={"script": [fault], "idem": "ignore"})
    run_id = receive(fake, hash)
    fake.drive()
    assert (fake.runtime.runs.run(run_id).status, published(fake)) == ("published", [ANSWER])


def test_a_reply_is_not_taken_for_a_post_of_the_same_words(fake: FakeRuntime) -> None:
    fake.post(text=ANSWER)
    hash = cast(fake, QUESTION)
    fake.simulator.faults(neynar={"script": ["cut_before", "ok"], "idem": "ignore"})
    run_id = receive(fake, hash)
    fake.drive()
    assert fake.runtime.runs.run(run_id).status == "published"
    assert [one["parent_hash"] for one in fake.casts() if one["text"] == ANSWER] == [None, hash]


def test_an_agent_under_review_has_its_answers_approved(fake: FakeRuntime) -> None:
    listening(fake, approval="review")
    run = mention_ada(fake, QUESTION)
    assert (run.status, published(fake)) == ("review", [])
    fake.runtime.ledger.decide(run.id, "approve")
    fake.drive()
    assert (fake.runtime.runs.run(run.id).status, published(fake)) == ("published", [ANSWER])


def test_posts_and_answers_of_one_agent_do_not_disturb_each_other(fake: FakeRuntime) -> None:
    run_id = receive(fake, cast(fake, QUESTION))
    post = fake.runtime.post("ada", text="A post of my own.")
    fake.drive()
    assert {fake.runtime.runs.run(one).status for one in (run_id, post)} == {"published"}
    assert sorted(published(fake)) == sorted([ANSWER, "A post of my own."])


# Filters, each with its reason


@pytest.mark.parametrize(
    ("engagement", "changes", "reason"),
    [
        ({"blocked": [BOB]}, {}, "its author is blocked"),
        ({"min_score": 0.8}, {"author_score": 0.79}, "its author has a score of 0.79; the agent wants 0.80"),
        (
            {"min_score": 0.5, "unrated_score": 0.3},
            {"author_score": None},
            "its author has no score, which counts as 0.30; the agent wants 0.50",
        ),
        ({}, {"author_fid": 1001}, "it is the agent's own cast"),
        ({}, {"text": "👀"}, "there is no text in it"),
        ({}, {"text": ""}, "there is no text in it"),
        ({"answers_per_person_per_hour": 0}, {}, "over the limit: 0 answers per person and hour"),
        ({"answers_per_thread": 0}, {}, "over the limit: 0 answers per conversation"),
    ],
)
def test_what_is_not_answered_is_ignored_with_its_reason(
    fake: FakeRuntime, engagement: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    listening(fake, engagement)
    run = mention_ada(fake, QUESTION, **changes)
    assert (run.status, run.reason, published(fake), model_of(fake).told) == ("ignored", reason, [], [])


def test_an_account_without_a_score_may_count_as_a_good_one(fake: FakeRuntime) -> None:
    listening(fake, {"min_score": 0.5, "unrated_score": 0.5})
    assert mention_ada(fake, QUESTION, author_score=None).status == "published"


def test_an_old_mention_is_not_answered(fake: FakeRuntime) -> None:
    run_id = receive(fake, cast(fake, QUESTION))
    fake.clock.advance(hours=25)
    fake.drive()
    run = fake.runtime.runs.run(run_id)
    assert (run.status, run.reason) == ("ignored", "it is more than 24 hours old")


def test_an_answer_that_waited_for_a_day_is_not_published(fake: FakeRuntime) -> None:
    listening(fake, schedule={"cron": "0 9 1 1 *", "jitter_seconds": 0})
    hash = cast(fake, QUESTION)
    fake.simulator.faults(neynar={"script": ["rate_limited"], "retry_after": 90})
    run_id = receive(fake, hash)
    fake.step()
    fake.simulator.faults(neynar={"script": []})
    fake.clock.advance(hours=25)
    fake.drive()
    assert (fake.runtime.runs.run(run_id).status, published(fake)) == ("missed", [])


def test_a_cast_that_is_gone_is_not_answered(fake: FakeRuntime) -> None:
    hash = cast(fake, QUESTION)
    run_id = receive(fake, hash)
    fake.runtime.neynar.delete_cast(f"00000000-0000-4000-8000-{BOB:012d}", hash)
    fake.drive()
    assert fake.runtime.runs.run(run_id).reason == "the cast is gone"


def test_an_answer_to_a_cast_that_is_gone_is_not_answered(fake: FakeRuntime) -> None:
    above = exchange(fake, 1001)
    run_id = receive(fake, cast(fake, "and in winter?", parent=above), kind="reply")
    fake.runtime.neynar.delete_cast(f"00000000-0000-4000-8000-{1001:012d}", above[0])
    fake.drive()
    assert fake.runtime.runs.run(run_id).reason == "the cast that it answers is gone"


def test_what_the_operator_has_answered_by_hand_is_not_answered_again(fake: FakeRuntime) -> None:
    hash = cast(fake, QUESTION)
    cast(fake, "By hand: use invar.", fid=1001, parent=(hash, BOB))
    run_id = receive(fake, hash)
    fake.drive()
    assert fake.runtime.runs.run(run_id).reason == "'ada' has answered it already"


def test_a_sibling_is_not_answered(fake: FakeRuntime) -> None:
    fake.apply(id="ben", fid=1002)
    run = mention_ada(fake, QUESTION, fid=1002)
    assert (run.status, run.reason) == ("ignored", "it is by 'ben', another agent of this operator")


# Loops


def test_a_conversation_that_is_too_deep_ends(fake: FakeRuntime) -> None:
    listening(fake, {"max_depth": 4})
    three, four = exchange(fake, BOB, 1001, BOB), exchange(fake, BOB, 1001, BOB, 1001)
    assert mention_ada(fake, QUESTION, parent=three, kind="reply").status == "published"
    run = mention_ada(fake, QUESTION, parent=four, kind="reply")
    assert run.reason == "the conversation is 4 casts deep; the agent takes part in 4"


def test_answers_as_fast_as_a_machines_end_a_conversation(fake: FakeRuntime) -> None:
    # Given three exchanges within seconds, as they are in the simulator
    above = exchange(fake, BOB, 1001, BOB, 1001, BOB, 1001)
    run = mention_ada(fake, QUESTION, parent=above, kind="reply")
    assert run.reason == "3 answers in a row came within 60 seconds each, as from a machine"


def test_two_exchanges_are_no_sign_of_a_machine(fake: FakeRuntime) -> None:
    assert mention_ada(fake, QUESTION, parent=exchange(fake, BOB, 1001, BOB, 1001), kind="reply").status == "published"


# Limits


def test_a_person_gets_so_many_answers_an_hour(fake: FakeRuntime) -> None:
    listening(fake, {"answers_per_person_per_hour": 2})
    runs = [mention_ada(fake, QUESTION) for _ in range(3)]
    assert [run.status for run in runs] == ["published", "published", "ignored"]
    assert runs[2].reason == "over the limit: 2 answers per person and hour"
    assert mention_ada(fake, QUESTION, fid=502).status == "published"
    fake.clock.advance(minutes=61)
    assert mention_ada(fake, QUESTION).status == "published"


def test_a_conversation_gets_a_limited_number_of_answers_for_all_authors(fake: FakeRuntime) -> None:
    listening(fake, {"answers_per_thread": 2})
    first = cast(fake, "Bridges, anybody?", fid=700)
    runs = [mention_ada(fake, QUESTION, fid=701 + number, parent=(first, 700)) for number in range(3)]
    assert [run.status for run in runs] == ["published", "published", "ignored"]
    assert runs[2].reason == "over the limit: 2 answers per conversation"


def test_mentions_cannot_use_up_the_places_of_posts(fake: FakeRuntime) -> None:
    listening(fake, limits={"casts_per_hour": 4})
    runs = [mention_ada(fake, QUESTION, fid=700 + number) for number in range(4)]
    assert [run.status for run in runs] == ["published"] * 3 + ["ignored"]
    assert runs[3].reason == "over the limit: 3 casts in this hour, and the rest is kept for posts"
    assert fake.post(text="There is room for me.").status == "published"


def test_mentions_cannot_use_up_the_budget_of_posts(fake: FakeRuntime) -> None:
    listening(fake, limits={"usd_per_day": 0.04})
    fake.runtime.database.run_script("reserve", "ada", "20260302", "spent", 25_000, 40_000)
    run = mention_ada(fake, QUESTION)
    assert (run.status, published(fake)) == ("limited", [])
    assert run.reason.startswith("over the limit: 0.03 USD a day, 0.0250 spent")


@pytest.mark.parametrize("kind", ["like", "recast"])
def test_reactions_have_a_limit_a_day(fake: FakeRuntime, kind: Any) -> None:
    listening(fake, {"likes_per_day": 2, "recasts_per_day": 2})
    runs = []
    for number in range(3):
        run_id = receive(fake, cast(fake, "Bridges are patient.", fid=700 + number))
        fake.runtime.mention_store.save_decision(run_id, Decision(action=kind, reason="why not"))
        fake.drive()
        runs.append(fake.runtime.runs.run(run_id))
    assert [run.status for run in runs] == ["reacted", "reacted", "ignored"]
    assert runs[2].reason == f"over the limit: 2 {kind}s a day"
    assert [found for found, _ in reactions(fake)] == [kind] * 2
    fake.clock.advance(days=1)
    assert fake.runtime.mention_store.claim_mention(make_agent(), mention_by(9), kind, fake.clock.now()) is None


def mention_by(number: int, **changes: Any) -> Mention:
    fields = {
        "hash": f"0x{number:040x}",
        "author_fid": BOB,
        "author_name": "bob",
        "text": QUESTION,
        "at": dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC),
        "kind": "mention",
        **changes,
    }
    return Mention.model_validate(fields)


def test_limits_hold_across_workers(fake: FakeRuntime) -> None:
    claims, agent, now = fake.runtime.mention_store, make_agent(), fake.clock.now()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: claims.claim_mention(agent, mention_by(n), "answer", now), range(1, 41)))
        # Whoever holds a place keeps it, however often he asks.
        again = list(pool.map(lambda n: claims.claim_mention(agent, mention_by(n), "answer", now), range(1, 41)))
    assert found.count(None) == agent.engagement.answers_per_person_per_hour == 3
    assert [one is None for one in again] == [one is None for one in found]


# Siblings


def test_two_agents_of_one_operator_never_answer_the_same_cast(fake: FakeRuntime) -> None:
    fake.apply(id="ben", fid=1002, name="Ben", engagement=ENGAGEMENT)
    hash = cast(fake, "@ada @ben which bridge do you like best?")
    ada, ben = receive(fake, hash), receive(fake, hash, agent_id="ben")
    fake.drive()
    first, second = fake.runtime.runs.run(ada), fake.runtime.runs.run(ben)
    assert {first.status, second.status} == {"published", "ignored"}
    ignored = first if first.status == "ignored" else second
    assert "another agent of this operator" in ignored.reason or "has answered it already" in ignored.reason
    assert len([one for one in fake.casts() if one["parent_hash"] == hash]) == 1


def test_one_agent_gets_a_cast_however_many_ask_at_once(fake: FakeRuntime) -> None:
    claims, now, cast_of_bob = fake.runtime.mention_store, fake.clock.now(), mention_by(1)
    agents = [make_agent(id=f"agent-{number}") for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda agent: claims.claim_mention(agent, cast_of_bob, "answer", now), agents))
    assert found.count(None) == 1
    winner = agents[found.index(None)].id
    assert {one.by for one in found if one} == {winner}


# Deciding


def test_the_first_decision_stands(fake: FakeRuntime) -> None:
    run_id = receive(fake, cast(fake, "Bridges are patient, and so is rust."))
    model = model_of(fake)
    model.score = 0.4
    # Given a worker that dies right after its decision
    lease = fake.runtime.ledger.begin_stage(run_id, Stage.WRITE) if fake.scheduler.tick() is not None else None
    assert lease is not None
    outcome = fake.runtime.responder.decide_and_write(lease, fake.runtime.agents.agent("ada"))
    assert isinstance(outcome, DecidedReaction) and outcome.kind == "like"
    assert reactions(fake) == []
    # Then the next finds the same, though it would judge otherwise, and counts nothing twice
    model.score = 0.9
    fake.runtime.ledger.defer_run(lease, 0.0, "crashed")
    fake.sent.clear()
    fake.drive()
    run = fake.runtime.runs.run(run_id)
    assert (run.status, run.reason) == ("reacted", "liked: its relevance is 0.40")
    assert (len(reactions(fake)), model.judged) == (1, 1)
    client: Any = fake.runtime.database.client
    assert client.scard("ceos:reacted:ada:20260302:like") == 1


@pytest.mark.parametrize(
    ("text", "kind", "score", "end"),
    [
        ("@ada thank you, that helped a lot!", "mention", 0.0, ("reacted", "liked: it is praise or thanks")),
        ("@ada", "mention", 0.9, ("ignored", "it names the agent and says nothing")),
        ("Lunch was fine today, soup again.", "reply", 0.1, ("ignored", "its relevance is 0.10, and it asks nothing")),
        ("My clock stopped when the bridge froze.", "reply", 0.9, ("published", "")),
        ("This is how bridges should be seen.", "quote", 0.9, ("reacted", "liked: its relevance is 0.90")),
    ],
)
def test_the_engagement_strategy_decides(
    fake: FakeRuntime, text: str, kind: str, score: float, end: tuple[str, str]
) -> None:
    model_of(fake).score = score
    run = mention_ada(fake, text, kind=kind)
    assert (run.status, run.reason) == end


GOOD = "Bridges keep their shape because every part of them leans on another one."


@pytest.mark.parametrize("kind", ["mention", "reply", "quote"])
def test_a_very_good_cast_is_recast_whatever_its_kind(fake: FakeRuntime, kind: str) -> None:
    model_of(fake).score = 0.9
    hash = cast(fake, GOOD)
    run_id = receive(fake, hash, kind=kind)
    fake.drive()
    run = fake.runtime.runs.run(run_id)
    assert (run.status, run.reason) == ("reacted", "recast: its relevance is 0.90, and its author's score is 0.90")
    assert ("recast", hash) in reactions(fake)


@pytest.mark.parametrize(
    ("text", "relevance", "score", "rules"),
    [
        pytest.param(GOOD, 0.79, 0.9, {}, id="not relevant enough"),
        pytest.param(GOOD, 0.9, 0.79, {}, id="an author of a lower score"),
        pytest.param("Bridges are patient, always.", 0.9, 0.9, {}, id="too short to stand alone"),
        pytest.param(GOOD, 0.9, 0.9, {"recast_min_relevance": 0.95}, id="a stricter relevance"),
        pytest.param(GOOD, 0.9, 0.9, {"recast_min_score": 0.95}, id="a stricter score"),
        pytest.param(GOOD, 0.9, 0.9, {"recast_min_reactions": 1}, id="nobody has liked it"),
        pytest.param(GOOD, 0.9, 0.9, {"recasts_per_day": 0}, id="no recasts"),
    ],
)
def test_other_casts_are_answered_and_not_recast(
    fake: FakeRuntime, text: str, relevance: float, score: float, rules: dict[str, Any]
) -> None:
    listening(fake, rules)
    model_of(fake).score = relevance
    assert mention_ada(fake, text, author_score=score).status == "published"
    assert reactions(fake) == []


def test_a_cast_that_others_like_is_recast_where_the_operator_asks_for_that(fake: FakeRuntime) -> None:
    listening(fake, {"recast_min_reactions": 6})
    hash = cast(fake, GOOD)
    for fid in range(800, 806):
        fake.runtime.neynar.react(f"00000000-0000-4000-8000-{fid:012d}", "like", hash, BOB, idem=f"like-{fid}")
    model_of(fake).score = 0.9
    receive(fake, hash, kind="reply")
    fake.drive()
    assert ("recast", hash) in reactions(fake)


def test_what_exceeds_the_recasts_of_a_day_is_answered(fake: FakeRuntime) -> None:
    listening(fake, {"recasts_per_day": 2})
    model_of(fake).score = 0.9
    statuses = [mention_ada(fake, f"{GOOD} So say {number} of us.", fid=900 + number).status for number in range(4)]
    assert statuses == ["reacted", "reacted", "published", "published"]


@pytest.mark.parametrize(
    ("text", "status"),
    [("Nothing beats old clocks in the morning.", "published"), ("The soup was good at noon.", "ignored")],
)
def test_without_a_model_the_topics_judge_relevance(fake: FakeRuntime, text: str, status: str) -> None:
    model_of(fake).score = None
    assert mention_ada(fake, text, kind="reply").status == status


def test_nothing_is_reacted_to_in_panic(fake: FakeRuntime) -> None:
    run_id = receive(fake, cast(fake, "@ada thank you, that helped a lot!"))
    fake.runtime.ops.set_panic("stop")
    fake.drive(rounds=2)
    assert (reactions(fake), fake.runtime.runs.run(run_id).status) == ([], "planned")
    fake.runtime.ops.set_panic(None)
    fake.drive()
    assert fake.runtime.runs.run(run_id).status == "reacted"


@pytest.mark.parametrize("status", [400, None], ids=["duplicate", "no answer"])
def test_a_like_whose_answer_was_lost_is_given_once(fake: FakeRuntime, status: int | None) -> None:
    hash, react = cast(fake, "@ada thank you, that helped a lot!"), fake.runtime.neynar.react
    lost = [ceos.OutcomeUnknown("nobody knows", status=status)]

    def react_and_lose(*args: Any, **options: Any) -> None:
        react(*args, **options)
        if lost:
            raise lost.pop()

    fake.runtime.neynar.react = react_and_lose  # type: ignore[method-assign]
    run_id = receive(fake, hash)
    fake.drive()
    assert (fake.runtime.runs.run(run_id).status, reactions(fake)) == ("reacted", [("like", hash)])


@pytest.mark.parametrize(
    "answer", [lambda: None, lambda: "answer", lambda: 1 / 0, lambda: (_ for _ in ()).throw(SystemExit(1))]
)
def test_a_strategy_that_fails_ends_the_run_and_not_the_worker(fake: FakeRuntime, answer: Any) -> None:
    class Broken(ceos.Strategy):
        name = "broken"

        def decide(self, agent: ceos.Agent, mention: ceos.Mention, talk: ceos.ConversationContext) -> ceos.Decision:
            found: ceos.Decision = answer()
            return found

    fake.runtime.plugins._strategies["broken"] = Broken()
    listening(fake, {"strategy": "broken"})
    run = mention_ada(fake, QUESTION)
    assert run.status == "failed"
    assert "The strategy 'broken'" in run.reason
    assert fake.runtime.agents.agent_statuses(["ada"])[0].failures == 0


def test_by_default_a_strategy_ignores_mentions(fake: FakeRuntime) -> None:
    listening(fake, {"strategy": "balanced"})
    assert mention_ada(fake, QUESTION).reason == "its strategy does not decide about mentions"


def test_an_unknown_strategy_is_refused_when_it_is_applied(fake: FakeRuntime) -> None:
    with pytest.raises(ceos.InvalidInput, match=r"engagement\.strategy: expected one of balanced, engagement"):
        listening(fake, {"strategy": "engagment"})


# Quiet hours


def test_mentions_wait_for_the_end_of_the_quiet_hours(fake: FakeRuntime) -> None:
    # Given an agent that sleeps until ten
    schedule = {"cron": "0 12 * * *", "jitter_seconds": 0, "quiet_hours": ["22:00-10:00"]}
    listening(fake, schedule=schedule)
    run_id = receive(fake, cast(fake, QUESTION))
    for _ in range(5):
        fake.step()
        fake.wake()
    run = fake.runtime.runs.run(run_id)
    assert (run.status, run.reason, model_of(fake).told) == ("planned", "quiet hours until 10:00 UTC", [])
    assert fake.runtime.agents.agent_statuses(["ada"])[0].state == "sleeping"
    # Then the operator can post all the same, and the mention is answered in the morning
    post = fake.runtime.post("ada", text="Not asleep.")
    fake.step()
    assert fake.runtime.runs.run(post).status == "published"
    fake.clock.set(dt.datetime(2026, 3, 2, 10, 0, tzinfo=dt.UTC))
    fake.drive()
    assert fake.runtime.runs.run(run_id).status == "published"


def test_waiting_for_the_morning_uses_nothing_up() -> None:
    assert not RetryLater(60, "quiet hours", is_limited=False).is_limited
    assert RetryLater(60, "the service is busy").is_limited


# What a model is told


def said_by(name: str, text: str, number: int, *, is_own: bool = False) -> ThreadCast:
    at = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
    return ThreadCast(hash=f"0x{number:040x}", fid=number, name=name, text=text, at=at, is_own=is_own)


def lines_of(messages: Iterable[Any]) -> list[dict[str, Any]]:
    data = [message.content for message in messages][1]
    return [json.loads(line) for line in data.splitlines() if line.startswith("{")]


def test_untrusted_text_is_data_in_a_message_of_its_own(fake: FakeRuntime) -> None:
    above = exchange(fake, 502)
    mention_ada(fake, '@ada how </b> "do" you\n\nkeep {name} steady?', parent=above)
    (messages,) = model_of(fake).told
    assert [message.role for message in messages] == ["system", "user", "user"]
    assert "Casting number 0" not in messages[0].content + messages[2].content
    assert messages[1].content.count("</") == 1
    lines = lines_of(messages)
    assert [line["text"] for line in lines][-1] == '@ada how </b> "do" you\n\nkeep {name} steady?'


def test_the_agent_knows_what_it_said_to_this_person(fake: FakeRuntime) -> None:
    mention_ada(fake, QUESTION)
    mention_ada(fake, QUESTION, fid=502)
    mention_ada(fake, QUESTION)
    assert [ANSWERS[0] in told[2].content for told in model_of(fake).told] == [False, False, True]
    assert fake.runtime.mention_store.earlier_replies("ada", BOB) == [ANSWERS[2], ANSWERS[0]]


def test_a_long_conversation_is_cut_to_its_beginning_and_its_end() -> None:
    casts = tuple(said_by(f"p{number}", f"{number} " + "word " * 110, number) for number in range(40))
    talk = ConversationContext(casts=casts)
    messages = prompt(make_agent(), mention_by(99, text="x" * 10_000), talk)
    assert len(messages[1].content.encode()) < MAX_CONTEXT_BYTES + 300
    lines = lines_of(messages)
    assert [line.get("by", line) for line in lines] == ["p0", {"left_out": 36}, "p37", "p38", "p39", "bob"]


def test_the_agents_own_casts_are_marked() -> None:
    talk = ConversationContext(casts=(said_by("ada1001", "Clocks drift.", 1, is_own=True),), quotes=("Bridges sway.",))
    lines = lines_of(prompt(make_agent(), mention_by(99), talk))
    assert [line["by"] for line in lines] == ["Ada (you)", "bob"]
    assert lines[1]["quotes"] == ["Bridges sway."]


# The gate and the second chance


def test_the_model_gets_a_second_attempt_with_the_violations(fake: FakeRuntime) -> None:
    model = ScriptedModel("See clocks.com for that.", ANSWER).use(fake)
    assert mention_ada(fake, QUESTION).status == "published"
    assert published(fake) == [ANSWER]
    assert "contains a link" in model.told[1][2].content
    assert "clocks.com" not in "".join(message.content for message in model.told[1])


def test_an_answer_that_is_objected_to_twice_is_not_given(fake: FakeRuntime) -> None:
    ScriptedModel("See clocks.com for that.").use(fake)
    run = mention_ada(fake, QUESTION)
    assert (run.status, published(fake)) == ("ignored", [])
    assert run.reason.startswith("the answer was objected to twice: The answer contains a link")


def test_guardrails_and_plugins_check_answers_too(fake: FakeRuntime) -> None:
    def violations(agent: ceos.Agent, draft: ceos.Draft) -> list[str]:
        return ['Do not say "rod".'] if draft.kind == "reply" and "rod" in draft.text else []

    fake.runtime.plugins.violations = violations  # type: ignore[method-assign]
    listening(fake, persona={"bio": "An engineer.", "topics": ["clocks"], "avoid": ["suspension"]})
    run = mention_ada(fake, QUESTION)
    model = model_of(fake)
    assert "Do not say something." in model.told[1][2].content, "what is quoted may be a stranger's"
    assert (run.status, published(fake)) == ("ignored", [])
    assert "which the agent must avoid" in run.reason


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_broken_off_answer_is_not_given(fake: FakeRuntime, reason: str) -> None:
    ScriptedModel(ANSWER, reason=reason).use(fake)
    assert mention_ada(fake, QUESTION).status == "ignored"


def test_the_money_of_a_rejected_answer_is_counted(fake: FakeRuntime) -> None:
    ScriptedModel("See clocks.com for that.").use(fake)
    mention_ada(fake, QUESTION)
    assert spent_today(fake.runtime, "ada") == pytest.approx(0.002, abs=1e-6)


# Bad input


@pytest.mark.parametrize(
    "text",
    [
        "@ada " + "how do clocks work? " * 500,
        "@ada " + "é" * 4900 + "?",
        "@ada " + "a-" * 4900 + "?",
        "@ada \u202ewhy\u202c is it so late?",
        "@ada " + "👨‍👩‍👧‍👦" * 3 + " what do you think of them?",
    ],
    ids=["long", "accents", "dashes", "direction", "families"],
)
def test_strange_casts_are_dealt_with(fake: FakeRuntime, text: str) -> None:
    run = mention_ada(fake, QUESTION, text=text)
    assert (run.status, published(fake)) == ("published", [ANSWER])


def test_a_lost_mention_ends_its_run(fake: FakeRuntime) -> None:
    run_id = receive(fake, cast(fake, QUESTION))
    fake.runtime.database.client.delete(f"ceos:mention:{run_id}")
    fake.drive()
    assert (fake.runtime.runs.run(run_id).status, fake.runtime.agents.agent_statuses(["ada"])[0].failures) == (
        "failed",
        0,
    )


def test_a_worker_that_lost_its_lease_publishes_nothing(fake: FakeRuntime) -> None:
    run_id = receive(fake, cast(fake, QUESTION))
    model = model_of(fake)
    client: Any = fake.runtime.database.client
    model.before = lambda: client.hincrby(f"ceos:run:{run_id}", "fence", 1)
    fake.step()
    assert (published(fake), fake.runtime.runs.run(run_id).status) == ([], "planned")
