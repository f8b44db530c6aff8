"""The road of one post, with a real server and simulated services."""

from __future__ import annotations

import datetime as dt
import logging
import textwrap
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from helpers.http_double import HttpDouble

from ceos import testing
from ceos.clients.openrouter.fallback import MAX_PAID_ANSWERS
from ceos.domain.lifecycle import Stage
from ceos.domain.posts import Kind
from ceos.domain.runs import Run
from ceos.errors import DraftRejected, InvalidInput, NotFound, ServiceError
from ceos.metrics.store import MEASURE_HOURS
from ceos.operations.agents import spent_today
from ceos.operations.posts import PostRequest, preview_post
from ceos.runs.ledger import KEEP_METRICS_SECONDS
from ceos.simulator.openrouter.caching import text_of
from ceos.testing import FakeRuntime

SONNET = "anthropic/claude-sonnet-4"
FALLBACKS = ["openai/gpt-4o-mini", "google/gemini-2.0-flash-001", "meta-llama/llama-3.3-70b-instruct"]

Start = Callable[..., AbstractContextManager[FakeRuntime]]


@pytest.fixture
def fake(fake_runtime: FakeRuntime) -> FakeRuntime:
    """A runtime at 08:59 with one agent, ada, whose slots are the full hours."""
    fake_runtime.apply()
    return fake_runtime


@pytest.fixture
def start(ceos_home: Path, ceos_simulator: Any) -> Start:
    """Start a runtime with variables of one's own."""

    def start_with(**environ: Any) -> AbstractContextManager[FakeRuntime]:
        return testing.fake_runtime(ceos_home, simulator=ceos_simulator, **environ)

    return start_with


def texts(fake: FakeRuntime) -> list[str]:
    return [cast["text"] for cast in fake.casts()]


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [getattr(entry, "event", "") for entry in caplog.records]


def completions(fake: FakeRuntime) -> list[str]:
    """The models that wrote something, in order."""
    return [one["model"] for one in fake.simulator.timeline() if one["what"] == "completion"]


def slot_run(fake: FakeRuntime) -> Run:
    """Drive the slot of nine o'clock to its end."""
    fake.clock.set(dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC))
    fake.drive()
    return fake.runtime.runs.recent_runs("ada")[0]


# Each kind, end to end


def test_a_manual_post_is_published_once_and_leaves_a_record(fake: FakeRuntime) -> None:
    run = fake.post(text="Clocks drift. Measure twice.")
    assert (run.status, run.reason) == ("published", "")
    assert texts(fake) == ["Clocks drift. Measure twice."]
    assert run.hashes == (fake.casts()[0]["hash"],)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.REPLY])
def test_every_kind_is_written_published_and_recorded(fake: FakeRuntime, kind: Kind) -> None:
    run = fake.post(kind=kind)
    casts = fake.casts()
    assert (run.status, run.kind, run.reason) == ("published", kind, "")
    assert run.draft is not None
    assert run.draft.topic in ("clocks", "bridges")
    assert run.draft.model == SONNET
    assert run.draft.cost_usd > 0
    assert run.hashes == tuple(cast["hash"] for cast in casts)
    assert all(0 < len(cast["text"].encode()) <= 320 for cast in casts)
    assert [cast.text for cast in fake.runtime.runs.recent_casts("ada")][::-1] == [cast["text"] for cast in casts]


def test_a_thread_has_several_parts_each_under_the_one_before(fake: FakeRuntime) -> None:
    fake.post(kind=Kind.THREAD)
    casts = fake.casts()
    assert 3 <= len(casts) <= 5
    assert [cast["parent_hash"] for cast in casts] == [None, *(cast["hash"] for cast in casts[:-1])]


def test_a_media_post_carries_its_picture_and_no_trace_of_how_it_was_asked_for(fake: FakeRuntime) -> None:
    run = fake.post(kind=Kind.MEDIA)
    (cast,) = fake.casts()
    (embed,) = cast["embeds"]
    assert embed["url"].startswith("http")
    assert "IMAGE" not in cast["text"]
    assert run.draft is not None
    assert (run.draft.image_model, run.draft.notes) == ("schnell", ())
    assert run.draft.image_prompt


def test_a_picture_that_is_the_post_is_upright(fake: FakeRuntime) -> None:
    fake.post(kind=Kind.MEDIA)
    (made,) = [item for item in fake.simulator.timeline() if item["what"] == "generated"]
    assert made["size"] == [768, 1024]


@pytest.mark.parametrize("fault", ["error_422_text", "expired_file", "empty_file", "page_file", "cut_before"])
def test_the_default_model_has_a_fallback_at_its_own_price(fake: FakeRuntime, fault: str) -> None:
    fake.simulator.faults(fal={"script": [fault]})
    run = fake.post(kind=Kind.MEDIA)
    assert run.draft is not None
    assert (run.draft.image_model, run.draft.notes) == ("schnell-2", ())


@pytest.mark.parametrize(
    ("cap", "model", "note"),
    [
        pytest.param(0.05, "recraft", None, id="enough for the next model"),
        pytest.param(0.003, "", "422 when asked to make a picture by schnell", id="enough for the chosen one alone"),
        pytest.param(0.002, "", "models.max_image_usd is 0.002, but a picture by schnell costs 0.003", id="too low"),
    ],
)
def test_a_failed_model_is_replaced_within_the_cap_of_the_agent(
    fake: FakeRuntime, cap: float, model: str, note: str | None
) -> None:
    fake.apply(models={"max_image_usd": cap})
    fake.simulator.faults(fal={"script": ["error_422_text"] * 2})
    run = fake.post(kind=Kind.MEDIA)
    assert run.draft is not None
    assert run.draft.image_model == model
    assert note is None or note in run.draft.notes[0]
    assert spent_today(fake.runtime, "ada") == pytest.approx(run.draft.cost_usd, abs=2e-6)


def test_with_money_for_the_chosen_model_alone_it_is_asked_alone(fake: FakeRuntime) -> None:
    fake.apply(models={"image": "pro-ultra"})
    run_id = fake.runtime.post("ada", kind=Kind.MEDIA)
    fake.runtime.pipeline.write(run_id)
    fake.apply(models={"image": "pro-ultra"}, limits={"usd_per_day": spent_today(fake.runtime, "ada") + 0.07})
    fake.drive()
    run = fake.runtime.runs.run(run_id)
    assert run.draft is not None
    assert (run.draft.image_model, run.draft.notes) == ("pro-ultra", ())


@pytest.mark.parametrize("kind", [Kind.ORIGINAL, Kind.THREAD, Kind.ENGAGEMENT])
def test_only_media_posts_ask_for_a_picture(fake: FakeRuntime, kind: Kind) -> None:
    fake.post(kind=kind)
    assert not any(cast["embeds"] for cast in fake.casts())


@pytest.mark.parametrize("fault", ["error_401", "error_422_list", "error_500_text", "nsfw_black", "rate_limited"])
def test_without_its_picture_a_post_is_published_as_text_and_says_so(
    fake: FakeRuntime, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    fake.simulator.faults(fal={fault: 1})
    with caplog.at_level(logging.WARNING, "ceos"):
        run = fake.post(kind=Kind.MEDIA)
    (cast,) = fake.casts()
    assert (run.status, cast["embeds"]) == ("published", [])
    assert run.draft is not None
    (note,) = run.draft.notes
    assert note.startswith("no picture, text only: ")
    assert "draft.unillustrated" in events(caplog)


def test_a_post_goes_into_the_agents_channel(fake: FakeRuntime) -> None:
    fake.apply(channel="base")
    fake.post(kind=Kind.ORIGINAL)
    assert fake.casts()[0]["channel"]["id"] == "base"


@pytest.mark.parametrize(("long_casts", "parts"), [(True, 1), (False, 3)])
def test_a_long_text_is_one_cast_only_where_the_agent_may_post_long_ones(
    fake: FakeRuntime, long_casts: bool, parts: int
) -> None:
    fake.apply(long_casts=long_casts)
    words = " ".join(f"Sentence number {number} is about clocks." for number in range(22))
    assert 640 < len(words) < 1024
    fake.post(text=words)
    assert len(texts(fake)) == parts
    assert " ".join(texts(fake)) == words


def test_the_schedule_and_the_operator_take_the_same_road(fake: FakeRuntime) -> None:
    run = slot_run(fake)
    assert (run.status, run.slot) == ("published", "1772442000000")
    assert len(fake.runtime.runs.recent_runs("ada")) == 1


# Posting by hand


def test_the_same_key_is_the_same_post(fake: FakeRuntime) -> None:
    first = fake.post(text="Once.", key="release-1")
    second = fake.post(text="Once.", key="release-1")
    assert (first.id, texts(fake)) == (second.id, ["Once."])


@pytest.mark.parametrize("key", ["", "a b", "a:b", "a\nb", "x" * 41])
def test_a_key_that_would_not_do_is_refused(fake: FakeRuntime, key: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be a post's key"):
        fake.runtime.post("ada", text="Once.", key=key)


def test_a_text_that_cannot_be_published_is_refused_before_it_is_lined_up(fake: FakeRuntime) -> None:
    with pytest.raises(DraftRejected):
        fake.runtime.post("ada", text=" ")
    assert fake.runtime.runs.recent_runs("ada") == []


def test_a_post_for_an_unknown_agent_is_refused(fake: FakeRuntime) -> None:
    with pytest.raises(NotFound, match="No agent named 'eve'"):
        fake.runtime.post("eve", text="Hello.")


def test_a_preview_stores_and_publishes_nothing_but_is_paid_for(fake: FakeRuntime) -> None:
    draft = preview_post(fake.runtime, PostRequest(agent_id="ada", kind=Kind.ORIGINAL))
    assert draft.text
    assert (texts(fake), fake.runtime.runs.recent_runs("ada")) == ([], [])
    assert spent_today(fake.runtime, "ada") == pytest.approx(draft.cost_usd, abs=2e-6)


# What a model may get wrong


def completion(text: str, finish_reason: str = "stop") -> dict[str, Any]:
    return {
        "id": "gen-1",
        "model": SONNET,
        "choices": [{"finish_reason": finish_reason, "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "cost": 0.001},
    }


def asked(http: HttpDouble) -> list[str]:
    """The prompts that were sent, system message and request joined."""
    bodies = [request.body for request in http.requests if request.method == "POST"]
    return ["\n".join(text_of(message["content"]) for message in body["messages"]) for body in bodies]


def test_what_the_review_objects_to_goes_back_to_the_model_once(start: Start) -> None:
    with HttpDouble() as http, start(OPENROUTER_BASE_URL=http.url) as fake:
        http.answer({"data": []})
        http.answer(completion("Sure! Here's your post: clocks drift."))
        http.answer(completion("Clocks drift."))
        fake.apply()
        run = fake.post(kind=Kind.ORIGINAL)
    assert texts_of(run) == ["Clocks drift."]
    first, second = asked(http)
    objection = "The post starts with a remark to the reader of the draft; write only the post itself."
    assert objection not in first
    assert objection in second
    assert run.draft is not None and run.draft.cost_usd == pytest.approx(0.002)


def texts_of(run: Run) -> list[str]:
    assert run.draft is not None
    return [part.text for part in run.draft.parts]


def test_two_objections_fail_the_run_visibly(start: Start) -> None:
    with HttpDouble() as http, start(OPENROUTER_BASE_URL=http.url) as fake:
        http.answer({"data": []})
        http.answer(completion("As an AI language model, I cannot write posts."), times=2)
        fake.apply()
        run = fake.post(kind=Kind.ORIGINAL)
        assert fake.runtime.runs.dead() == [run.id]
        assert spent_today(fake.runtime, "ada") == pytest.approx(0.002)
    assert run.status == "failed"
    assert run.reason.startswith("the guardrails refused both versions: The post declines the task")
    assert (http.unused, len(asked(http))) == (0, 2)


def test_the_prompt_holds_the_persona_and_the_latest_casts(start: Start) -> None:
    with HttpDouble() as http, start(OPENROUTER_BASE_URL=http.url) as fake:
        http.answer({"data": []})
        http.answer(completion("A bridge hums in the wind."))
        fake.apply()
        fake.post(text="Clocks drift. Measure twice.")
        fake.post(kind=Kind.ORIGINAL)
    (prompt,) = asked(http)
    for words in ("An engineer of small machines.", "dry", "clocks, bridges", "Clocks drift. Measure twice."):
        assert words in prompt


@pytest.mark.parametrize("fault", ["refusal", "preamble", "fenced_json", "null_content", "finish_length"])
def test_an_answer_that_cannot_be_posted_is_never_posted(fake: FakeRuntime, fault: str) -> None:
    fake.simulator.faults(openrouter={fault: 1})
    run = fake.post(kind=Kind.ORIGINAL)
    assert run.status == "failed"
    assert run.reason
    assert texts(fake) == []


@pytest.mark.parametrize("fault", ["refusal", "preamble", "fenced_json", "null_content", "finish_length"])
def test_one_bad_answer_is_made_good(fake: FakeRuntime, fault: str) -> None:
    fake.simulator.faults(openrouter={"script": [fault]})
    assert fake.post(kind=Kind.ORIGINAL).status == "published"


def test_an_agent_does_not_repeat_itself(start: Start) -> None:
    with HttpDouble() as http, start(OPENROUTER_BASE_URL=http.url) as fake:
        http.answer({"data": []})
        http.answer(completion("Clocks drift, so measure twice before noon."))
        http.answer(completion("A bridge hums in the wind."))
        fake.apply()
        fake.post(text="Clocks drift, so measure twice before noon!")
        run = fake.post(kind=Kind.ORIGINAL)
    assert texts_of(run) == ["A bridge hums in the wind."]
    assert "The post repeats the earlier one" in asked(http)[1]


# What OpenRouter may refuse


@pytest.mark.parametrize(
    "fault",
    [
        "rate_limited",
        "error_503",
        "error_529",
        "availability_error",
        "error_403_moderation",
        "error_403_provider",
        "choice_error",
        "no_choices",
        "null_content",
        "blank_text",
        "refusal_field",
        "finish_length",
    ],
)
def test_another_model_takes_over_and_is_on_record(fake: FakeRuntime, fault: str) -> None:
    fake.simulator.faults(openrouter={fault: {"p": 1, "models": [SONNET]}})
    run = fake.post(kind=Kind.ORIGINAL)
    assert run.status == "published"
    assert run.draft is not None and (run.draft.model, run.draft.attempts) == (FALLBACKS[0], 1)
    assert completions(fake)[-1] == FALLBACKS[0]
    # What answers without use cost is part of the post's price.
    costs = [one["cost"] for one in fake.simulator.timeline() if one["what"] == "completion"]
    assert run.draft.cost_usd == pytest.approx(sum(costs), abs=2e-6)
    assert spent_today(fake.runtime, "ada") == pytest.approx(sum(costs), abs=2e-6)


def test_one_refusal_that_passes_does_not_change_the_model(fake: FakeRuntime) -> None:
    fake.simulator.faults(openrouter={"script": ["rate_limited", "error_503", "ok"]})
    assert fake.post(kind=Kind.ORIGINAL).status == "published"
    assert completions(fake) == [SONNET]


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        pytest.param("openai/gpt-5-mini", 1, id="it must reason"),
        pytest.param("google/gemini-3.5-flash", 1, id="it reasons unless asked not to"),
        pytest.param("deepseek/deepseek-r1", 2, id="it reasons more than it is asked to"),
    ],
)
def test_a_model_that_reasons_writes_the_post(fake: FakeRuntime, model: str, asked: int) -> None:
    fake.apply(models={"text": model, "fallbacks": []})
    runs = [fake.post(kind=Kind.ORIGINAL) for _ in range(3)]
    assert {run.status for run in runs} == {"published"}
    assert {run.draft.model for run in runs if run.draft} == {model}
    # From the second post on, its room is known.
    assert len(completions(fake)) == 2 + asked


def test_a_model_that_only_reasons_leaves_the_post_to_a_fallback(fake: FakeRuntime) -> None:
    fake.simulator.faults(openrouter={"reasoning_only": {"p": 1, "models": [SONNET]}})
    first, second = fake.post(kind=Kind.ORIGINAL), fake.post(kind=Kind.ORIGINAL)
    assert (first.status, second.status) == ("published", "published")
    assert completions(fake) == [SONNET, SONNET, FALLBACKS[0], FALLBACKS[0]]


def test_the_words_of_the_agent_file_reach_the_model(start: Start) -> None:
    row = {"id": SONNET, "supported_parameters": ["reasoning"], "pricing": {"prompt": "0.1", "completion": "0.1"}}
    with HttpDouble() as http, start(OPENROUTER_BASE_URL=http.url) as fake:
        http.answer({"data": [row]})
        http.answer(completion("A bridge hums in the wind."))
        fake.apply(models={"reasoning": "high", "max_tokens": 6000}, limits={"usd_per_day": 10_000})
        assert fake.post(kind=Kind.ORIGINAL).status == "published"
        body = next(request.body for request in http.requests if request.method == "POST")
    assert (body["reasoning"], body["max_tokens"]) == ({"effort": "high"}, 6000)


def test_models_that_only_reason_are_named_and_do_not_stop_the_agent(fake: FakeRuntime) -> None:
    fake.simulator.faults(openrouter={"reasoning_only": 1})
    runs = [fake.post(kind=Kind.ORIGINAL) for _ in range(4)]
    assert {run.status for run in runs} == {"failed"}
    assert "tokens for reasoning and wrote no text" in runs[0].reason
    assert "long" not in runs[0].reason
    assert fake.runtime.agents.agent_statuses(["ada"])[0].state == "sleeping"


def test_a_post_that_no_model_writes_is_not_paid_again_and_does_not_stop_the_agent(fake: FakeRuntime) -> None:
    fake.simulator.faults(openrouter={"blank_text": 1})
    runs = [fake.post(kind=Kind.ORIGINAL) for _ in range(4)]
    assert {run.status for run in runs} == {"failed"}
    assert "gave an empty answer" in runs[0].reason
    assert fake.runtime.agents.agent_statuses(["ada"])[0].state == "sleeping"
    assert fake.runtime.runs.dead() == [run.id for run in reversed(runs)]
    paid = [one["cost"] for one in fake.simulator.timeline() if one["what"] == "completion"]
    assert len(paid) == 4 * MAX_PAID_ANSWERS
    assert spent_today(fake.runtime, "ada") == pytest.approx(sum(paid), abs=2e-5)


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        pytest.param({"keys": ["another"]}, "401", id="401, a wrong key"),
        pytest.param({"error_402": 1}, "402", id="402, no money"),
        pytest.param({"error_403_key": 1}, "403", id="403, the key"),
    ],
)
def test_a_refused_key_fails_at_once_and_no_other_model_is_asked(
    fake: FakeRuntime, faults: dict[str, Any], words: str
) -> None:
    fake.simulator.faults(openrouter=faults)
    run = fake.post(kind=Kind.ORIGINAL)
    assert run.status == "failed"
    assert f"OpenRouter answered {words}" in run.reason
    refusals = [one for one in fake.simulator.timeline() if one["what"] == "refused" and "chat" in one["path"]]
    assert len(refusals) == 1
    assert spent_today(fake.runtime, "ada") == 0


def test_an_outage_of_every_model_fails_after_three_attempts(fake: FakeRuntime) -> None:
    fake.simulator.faults(openrouter={"error_503": 1})
    run_id = fake.runtime.post("ada", kind=Kind.ORIGINAL)
    for attempt in (1, 2):
        fake.wake()
        fake.step()
        waiting = fake.runtime.runs.run(run_id)
        assert waiting.status == "planned", f"after attempt {attempt}"
        assert waiting.reason
    fake.wake()
    fake.step()
    run = fake.runtime.runs.run(run_id)
    assert run.status == "failed"
    assert run.reason.startswith("given up after 3 attempts: ")
    assert fake.runtime.runs.dead() == [run_id]


def test_an_outage_that_ends_in_time_costs_no_post(fake: FakeRuntime) -> None:
    fake.simulator.faults(openrouter={"error_503": 1})
    run_id = fake.runtime.post("ada", kind=Kind.ORIGINAL)
    fake.step()
    fake.simulator.faults(openrouter={"error_503": 0})
    fake.drive()
    assert fake.runtime.runs.run(run_id).status == "published"


def test_a_run_that_failed_in_writing_is_retried_by_command(fake: FakeRuntime) -> None:
    fake.simulator.faults(openrouter={"error_402": 1})
    run = fake.post(kind=Kind.THREAD)
    fake.simulator.faults(openrouter={"error_402": 0})
    fake.runtime.ledger.decide(run.id, "retry")
    fake.drive()
    again = fake.runtime.runs.run(run.id)
    assert (again.status, again.kind) == ("published", "thread")


# Strategies

PLUGIN = """
    import ceos

    class Own(ceos.Strategy):
        name = "own"

        def brief_post(self, agent, situation):
            {body}

    @ceos.hookimpl
    def register_strategies(register):
        register(Own())
"""


def with_strategy(start: Start, folder: Path, body: str) -> AbstractContextManager[FakeRuntime]:
    (folder / "own.py").write_text(textwrap.dedent(PLUGIN).format(body=body))
    return start(CEOS_SKILL_PATH=str(folder))


def test_a_strategy_from_a_file_plans_the_post(start: Start, tmp_path: Path) -> None:
    body = "return ceos.Brief.text('lighthouses', 'Write one post about lighthouses.')"
    with with_strategy(start, tmp_path, body) as fake:
        fake.apply(strategy="own")
        run = slot_run(fake)
        assert run.status == "published"
        assert run.draft is not None and run.draft.topic == "lighthouses"


def test_a_strategy_that_stays_quiet_costs_nothing_and_is_no_failure(start: Start, tmp_path: Path) -> None:
    with with_strategy(start, tmp_path, "return None") as fake:
        fake.apply(strategy="own")
        run = slot_run(fake)
        assert (run.status, run.reason) == ("missed", "the strategy 'own' chose to stay quiet")
        assert completions(fake) == []
        status = fake.runtime.agents.agent_statuses(["ada"])[0]
        assert (status.state, status.failures) == ("sleeping", 0)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('out of ideas')", "The strategy 'own' failed: ValueError out of ideas"),
        ("return 'a post'", "The strategy 'own' returned an object of type str, not a ceos.Brief."),
        ("raise SystemExit(1)", "The strategy 'own' failed: SystemExit 1"),
    ],
)
def test_a_strategy_that_fails_takes_its_own_run_down_and_nothing_else(
    start: Start, tmp_path: Path, body: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    with with_strategy(start, tmp_path, body) as fake, caplog.at_level(logging.ERROR, "ceos"):
        fake.apply(strategy="own")
        fake.apply(id="ben", fid=1002)
        run = slot_run(fake)
        assert (run.status, run.reason) == ("failed", f"given up after 3 attempts: {words}")
        assert fake.runtime.runs.recent_runs("ben")[0].status == "published"
        assert any(entry.exc_info for entry in caplog.records), "with its traceback in the log"


def test_the_same_slot_draws_the_same_brief_again(fake: FakeRuntime) -> None:
    agent = fake.runtime.agents.agent("ada")
    briefs = {fake.runtime.schedule_source.brief(agent, "1772442000000", None) for _ in range(5)}
    others = {fake.runtime.schedule_source.brief(agent, str(1772442000000 + hour), None) for hour in range(20)}
    assert len(briefs) == 1
    assert len(others) > 5


# Late, repeated, abandoned


def test_a_slot_that_comes_too_late_is_missed_and_not_written(fake: FakeRuntime) -> None:
    # Given a slot that opened while no worker ran
    fake.clock.set(dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC))
    fake.scheduler.tick()
    (called,) = fake.sent
    # When a worker comes after more than an hour
    fake.clock.advance(minutes=61)
    fake.runtime.pipeline.write(called[0])
    # Then it is not written any more
    run = fake.runtime.runs.run(called[0])
    assert (run.status, run.reason) == ("missed", "late by 61 min; the agent allows 60")
    assert completions(fake) == []


def test_a_slot_that_is_retried_by_command_is_never_too_late(fake: FakeRuntime) -> None:
    fake.simulator.faults(openrouter={"error_402": 1})
    failed = slot_run(fake)
    assert failed.status == "failed"
    fake.simulator.faults(openrouter={"error_402": 0})
    fake.clock.advance(hours=5)
    fake.runtime.pause("ada")
    fake.runtime.resume("ada")
    fake.runtime.ledger.decide(failed.id, "retry")
    fake.drive()
    assert fake.runtime.runs.run(failed.id).status == "published"


def test_a_post_by_hand_is_never_too_late(fake: FakeRuntime) -> None:
    run_id = fake.runtime.post("ada", kind=Kind.ORIGINAL)
    fake.clock.advance(days=2)
    fake.runtime.database.client.zadd("ceos:due", {"ada": 9e15})
    fake.drive()
    assert fake.runtime.runs.run(run_id).status == "published"


def test_a_draft_is_frozen_before_its_first_part_is_sent(fake: FakeRuntime) -> None:
    """However often publishing is interrupted, the words stay the ones that were written first."""
    fake.simulator.faults(neynar={"script": ["cut_before", "cut_before"]})
    run_id = fake.runtime.post("ada", kind=Kind.ORIGINAL)
    fake.step()
    draft = fake.runtime.runs.run(run_id).draft
    assert draft is not None
    fake.drive()
    assert texts(fake) == [draft.text]
    assert len(completions(fake)) == 1


def test_every_stage_may_be_called_any_number_of_times(fake: FakeRuntime) -> None:
    run_id = fake.runtime.post("ada", kind=Kind.MEDIA)
    pipeline = fake.runtime.pipeline
    for _ in range(3):
        for stage in (pipeline.publish, pipeline.illustrate, pipeline.write):
            for _ in range(2):
                stage(run_id)
    assert fake.runtime.runs.run(run_id).status == "published"
    assert (len(texts(fake)), len(completions(fake))) == (1, 1)
    assert fake.simulator.stats().get("neynar.idem_replays", 0) == 0


def test_a_stage_names_the_one_that_follows(fake: FakeRuntime) -> None:
    run_id = fake.runtime.post("ada", kind=Kind.MEDIA)
    pipeline = fake.runtime.pipeline
    assert pipeline.write(run_id) is Stage.ILLUSTRATE
    assert pipeline.illustrate(run_id) is Stage.PUBLISH
    assert pipeline.publish(run_id) is None


def test_a_run_nobody_knows_is_nothing_to_do(fake: FakeRuntime) -> None:
    assert fake.runtime.pipeline.write("ada:m:nobody") is None
    fake.runtime.pipeline.measure("ada:m:nobody")


# MetricsCollector


def measure(fake: FakeRuntime, run: Run) -> None:
    fake.runtime.database.client.zadd("ceos:measure", {run.id: 0})
    fake.step()


def due_in_hours(fake: FakeRuntime, run: Run) -> int | None:
    due: Any = fake.runtime.database.client.zscore("ceos:measure", run.id)
    return None if due is None else round((due - fake.runtime.ledger.now_ms()) / 3_600_000)


def test_casts_are_measured_later_and_again_later(fake: FakeRuntime) -> None:
    fake.simulator.faults(neynar={"crowd": 1.0})
    run = fake.post(kind=Kind.THREAD)
    waits = [due_in_hours(fake, run)]
    for _ in MEASURE_HOURS:
        fake.clock.advance(hours=1)
        measure(fake, run)
        waits.append(due_in_hours(fake, run))
    assert waits == [1, 5, 18, 144, None]
    measured = fake.runtime.metrics.cast_hashes(run.id)
    assert set(measured) == set(run.hashes)
    assert all(len(rows) == len(MEASURE_HOURS) for rows in measured.values())
    first = next(iter(measured.values()))
    assert first[0].at < first[-1].at
    assert 0 < fake.runtime.database.client.ttl(f"ceos:metrics:{run.id}") <= KEEP_METRICS_SECONDS


def test_counts_are_those_of_the_network(fake: FakeRuntime) -> None:
    fake.simulator.faults(neynar={"crowd": 20.0})
    run = fake.post(text="My own words.")
    measure(fake, run)
    shown = fake.runtime.neynar.casts([str(run.hashes[0])])[str(run.hashes[0])]
    ((row,),) = fake.runtime.metrics.cast_hashes(run.id).values()
    assert (row.likes, row.recasts, row.replies) == (shown.likes, shown.recasts, shown.replies)


@pytest.mark.parametrize("fault", ["read_error_500", "read_cut", "read_garbage_200", "read_rate_limited"])
def test_a_measurement_that_fails_is_a_gap_and_never_a_zero(fake: FakeRuntime, fault: str) -> None:
    run = fake.post(text="My own words.")
    fake.simulator.faults(neynar={fault: 1})
    with pytest.raises(ServiceError):
        measure(fake, run)
    assert list(fake.runtime.metrics.cast_hashes(run.id).values()) == [[]]
    due: Any = fake.runtime.database.client.zscore("ceos:measure", run.id)
    assert 0 < due - fake.runtime.ledger.now_ms() <= 600_000, "it is tried again in ten minutes"
    fake.sent.clear()
    fake.simulator.faults(neynar={fault: 0})
    measure(fake, run)
    assert [len(rows) for rows in fake.runtime.metrics.cast_hashes(run.id).values()] == [1]


def test_a_deleted_cast_leaves_a_gap_and_the_others_are_measured(fake: FakeRuntime) -> None:
    run = fake.post(kind=Kind.THREAD)
    gone, *rest = [str(hash) for hash in run.hashes]
    agent = fake.runtime.agents.agent("ada")
    fake.runtime.neynar.delete_cast(fake.runtime.signer(agent), gone)
    measure(fake, run)
    measured = fake.runtime.metrics.cast_hashes(run.id)
    assert measured[gone] == []
    assert all(len(measured[hash]) == 1 for hash in rest)


def test_a_scheduled_draft_that_only_waited_while_its_agent_was_paused_is_not_published_weeks_later(
    fake_runtime: FakeRuntime,
) -> None:
    fake_runtime.apply()
    fake_runtime.clock.set(dt.datetime(2026, 3, 2, 9, 0, 1, tzinfo=dt.UTC))
    fake_runtime.scheduler.tick()
    ((run_id, _),) = fake_runtime.sent
    fake_runtime.runtime.pipeline.write(run_id)
    fake_runtime.runtime.pause("ada")
    fake_runtime.clock.advance(days=14)
    fake_runtime.runtime.resume("ada")
    fake_runtime.sent.clear()
    fake_runtime.drive()
    run = fake_runtime.runtime.runs.run(run_id)
    assert (run.status, "late by" in run.reason) == ("missed", True)
    assert fake_runtime.casts() == []


def test_the_end_of_a_panic_wakes_what_waited_for_it(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    fake_runtime.runtime.ops.set_panic("a test")
    run_id = fake_runtime.runtime.post("ada", text="Clocks drift.")
    fake_runtime.step()
    assert fake_runtime.casts() == []
    fake_runtime.runtime.ops.set_panic(None)
    fake_runtime.step()
    assert fake_runtime.runtime.runs.run(run_id).status == "published"


def test_the_casts_of_a_thread_that_stopped_half_way_are_remembered_once(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    fake_runtime.simulator.faults(neynar={"script": ["ok", *["error_500_before"] * 3]})
    run = fake_runtime.post(text="One.\n---SPLIT---\nTwo.")
    assert run.status == "partial"
    assert [cast.text for cast in fake_runtime.runtime.runs.recent_casts("ada")] == ["One."]
    fake_runtime.runtime.ledger.decide(run.id, "retry")
    fake_runtime.drive()
    assert [cast.text for cast in fake_runtime.runtime.runs.recent_casts("ada")] == ["Two.", "One."]
