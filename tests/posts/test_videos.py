"""The videos of posts: one paid job at most despite crashes, no waiting worker, and a picture when there is none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from helpers.web_app import Site

from ceos.clients.fal.client import Fal
from ceos.domain.agent import Agent
from ceos.domain.lifecycle import Stage
from ceos.domain.posts import Kind
from ceos.domain.runs import Run
from ceos.operations.agents import spent_today
from ceos.posts.videos import POLL_SECONDS, VIDEO_SECONDS
from ceos.runs.budget import Budget
from ceos.runs.ledger import Ledger
from ceos.supervisor import simulator_environ, wait_until
from ceos.testing import FakeRuntime, fake_runtime
from ceos.web.fal_webhooks import FalWebhooks

#: What a video by `wan` costs at most.
PRICE = 0.05


def film_agent(fake: FakeRuntime, **overrides: Any) -> Agent:
    """Store an agent whose media posts are all videos."""
    fake.runtime.plugins.strategy("media-heavy").videos = 100  # type: ignore[attr-defined]
    models = {"video": "wan", **overrides.pop("models", {})}
    return fake.apply(strategy="media-heavy", models=models, **overrides)


@pytest.fixture
def fake(fake_runtime: FakeRuntime) -> FakeRuntime:
    film_agent(fake_runtime)
    return fake_runtime


def jobs(fake: FakeRuntime) -> int:
    """Return how many videos were paid for."""
    return fake.simulator.stats().get("fal.queued", 0)


def embeds(fake: FakeRuntime) -> list[str]:
    (cast,) = fake.casts()
    return [embed["url"].rpartition(".")[2] for embed in cast["embeds"]]


def begun(fake: FakeRuntime) -> str:
    """Write a media post and submit its video; return its run."""
    run_id = fake.runtime.post("ada", kind=Kind.MEDIA)
    assert fake.runtime.pipeline.write(run_id) is Stage.ILLUSTRATE
    assert fake.runtime.pipeline.illustrate(run_id) is None
    return run_id


def field(fake: FakeRuntime, run_id: str, name: str) -> Any:
    return fake.runtime.database.client.hget(f"ceos:run:{run_id}", name)


def age(fake: FakeRuntime, run_id: str, seconds: float) -> None:
    """Have the submission of a run's video begun so many seconds earlier."""
    record = json.loads(field(fake, run_id, "video"))
    record["began_ms"] -= int(seconds * 1000)
    fake.runtime.database.client.hset(f"ceos:run:{run_id}", "video", json.dumps(record))


# The way of a video


def test_a_post_is_published_with_its_video_and_pays_for_it_once(fake: FakeRuntime) -> None:
    run = fake.post(kind=Kind.MEDIA)
    assert run.draft is not None
    assert (run.status, run.draft.video_model, run.draft.image_model, run.draft.notes) == ("published", "wan", "", ())
    assert embeds(fake) == ["mp4"]
    assert "IMAGE" not in fake.casts()[0]["text"]
    assert jobs(fake) == 1
    assert spent_today(fake.runtime, "ada") == pytest.approx(run.draft.cost_usd, abs=2e-6)
    assert run.draft.cost_usd > PRICE


def test_a_job_with_addresses_of_another_host_is_asked_for_at_the_own_one(fake: FakeRuntime) -> None:
    fake.simulator.faults(fal={"script": ["result_on_other_host"]})
    fake.post(kind=Kind.MEDIA)
    assert (embeds(fake), jobs(fake)) == (["mp4"], 1)


def test_the_video_is_upright_and_gets_the_style_of_the_agent(fake: FakeRuntime) -> None:
    film_agent(fake, models={"style": "watercolor"})
    fake.post(kind=Kind.MEDIA)
    (made,) = [item for item in fake.simulator.timeline() if item["what"] == "queue.submitted"]
    assert "watercolor painting" in made["prompt"]


def test_while_the_video_is_made_no_worker_waits_and_no_attempt_is_used_up(fake: FakeRuntime) -> None:
    # Given a post whose video was submitted
    run_id = begun(fake)
    due = fake.runtime.database.client.zscore("ceos:open", run_id)
    # Then the run is put off, with its job on record and the money set aside
    assert 0 < due - fake.runtime.database.now_ms() <= POLL_SECONDS * 1000
    assert json.loads(field(fake, run_id, "video"))["job"]["request_id"]
    assert fake.runtime.runs.run(run_id).reason == "the video is being made"
    assert [field(fake, run_id, name) for name in ("lease", "token", "tries", "waits")] == [None, None, "0", "0"]
    assert spent_today(fake.runtime, "ada") > PRICE
    # When it is asked once more, it is put off once more
    assert fake.runtime.pipeline.illustrate(run_id) is None
    assert (fake.runtime.runs.run(run_id).status, jobs(fake)) == ("written", 1)


def test_waiting_longer_than_any_deferral_limit_is_no_failure(fake: FakeRuntime) -> None:
    fake.simulator.faults(fal={"polls_until_done": 130})
    run_id = begun(fake)
    for _ in range(125):
        assert fake.runtime.pipeline.illustrate(run_id) is None
    fake.simulator.faults(fal={"polls_until_done": 2})
    fake.drive()
    assert (fake.runtime.runs.run(run_id).status, embeds(fake), jobs(fake)) == ("published", ["mp4"], 1)


def test_a_video_waits_for_approval_like_a_picture(fake: FakeRuntime) -> None:
    film_agent(fake, approval="review")
    run = fake.post(kind=Kind.MEDIA)
    assert (run.status, run.draft and run.draft.video_model) == ("review", "wan")


def test_a_job_that_was_started_is_finished_when_videos_are_switched_off(fake: FakeRuntime) -> None:
    run_id = begun(fake)
    film_agent(fake, models={"video": "off"})
    fake.drive()
    assert (embeds(fake), jobs(fake), fake.runtime.runs.run(run_id).status) == (["mp4"], 1, "published")


def test_without_a_model_for_videos_a_strategy_that_wants_one_gets_a_picture(
    fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = fake.runtime.post("ada", kind=Kind.MEDIA)
    fake.runtime.pipeline.write(run_id)
    film_agent(fake, models={"video": "off"})
    fake.drive()
    assert (embeds(fake), jobs(fake)) == (["png"], 0)


# Failures


@pytest.mark.parametrize(
    ("faults", "paid", "note"),
    [
        pytest.param(["rate_limited"] * 3, 0, "429", id="too busy"),
        pytest.param(["error_401"], 0, "401", id="the key refused once"),
        pytest.param(["error_500_text"], PRICE, "it is unknown whether", id="no clear answer"),
        pytest.param(["cut_before"], PRICE, "it is unknown whether", id="no answer"),
        pytest.param(["cut_after"], PRICE, "it is unknown whether", id="no answer, and the job runs"),
        pytest.param(["error_422_list"], PRICE, "content checker", id="refused content"),
        pytest.param(["completed_with_error"], PRICE, "Runner disconnected", id="failed"),
        pytest.param(["expired_file"], PRICE, "the answer was 404", id="no file"),
        pytest.param(["empty_file"], PRICE, "is empty", id="an empty file"),
        pytest.param(["page_file"], PRICE, "neither a picture nor a video", id="a page"),
    ],
)
def test_a_video_that_fails_becomes_a_picture(fake: FakeRuntime, faults: list[str], paid: float, note: str) -> None:
    fake.simulator.faults(fal={"script": faults})
    run = fake.post(kind=Kind.MEDIA)
    assert run.draft is not None
    assert (run.status, run.draft.image_model, run.draft.video_model) == ("published", "schnell", "")
    (told,) = run.draft.notes
    assert told.startswith("no video, a picture instead: ")
    assert note in told
    assert embeds(fake) == ["png"]
    assert jobs(fake) <= 1
    # A possible charge is counted, in the budget as on record.
    assert spent_today(fake.runtime, "ada") == pytest.approx(run.draft.cost_usd, abs=2e-6)
    assert (run.draft.cost_usd > PRICE) == (paid > 0)


def test_when_the_picture_fails_too_the_post_is_text(fake: FakeRuntime) -> None:
    fake.simulator.faults(fal={"error_401": 1})
    run = fake.post(kind=Kind.MEDIA)
    assert run.draft is not None
    assert [note.partition(":")[0] for note in run.draft.notes] == [
        "no video, a picture instead",
        "no picture, text only",
    ]
    assert (run.status, embeds(fake)) == ("published", [])


def test_a_video_that_the_budget_does_not_allow_becomes_a_picture(fake: FakeRuntime) -> None:
    run_id = fake.runtime.post("ada", kind=Kind.MEDIA)
    fake.runtime.pipeline.write(run_id)
    film_agent(fake, limits={"usd_per_day": spent_today(fake.runtime, "ada") + 0.02})
    fake.drive()
    run = fake.runtime.runs.run(run_id)
    assert run.draft is not None
    assert "no video, a picture instead: over the limit" in run.draft.notes[0]
    assert (embeds(fake), jobs(fake)) == (["png"], 0)


def test_a_video_that_takes_too_long_is_cancelled(fake: FakeRuntime) -> None:
    fake.simulator.faults(fal={"polls_until_done": 1000})
    run_id = begun(fake)
    age(fake, run_id, VIDEO_SECONDS)
    fake.drive()
    run = fake.runtime.runs.run(run_id)
    assert run.draft is not None
    assert "did not finish the video within 600 s; it was cancelled" in run.draft.notes[0]
    assert (embeds(fake), jobs(fake)) == (["png"], 1)


def test_an_agent_that_may_not_be_late_waits_half_of_what_it_allows(fake: FakeRuntime) -> None:
    film_agent(fake, schedule={"cron": "0 * * * *", "jitter_seconds": 0, "max_late_minutes": 2})
    fake.simulator.faults(fal={"polls_until_done": 1000})
    run_id = begun(fake)
    age(fake, run_id, 60)
    fake.drive()
    run = fake.runtime.runs.run(run_id)
    assert run.draft is not None
    assert "within 60 s" in run.draft.notes[0]


def test_a_video_that_was_finished_while_nobody_asked_is_used(fake: FakeRuntime) -> None:
    fake.simulator.faults(fal={"polls_until_done": 0})
    run_id = begun(fake)
    age(fake, run_id, 10 * VIDEO_SECONDS)
    fake.drive()
    assert (embeds(fake), jobs(fake)) == (["mp4"], 1)


def test_a_queue_that_cannot_be_asked_is_asked_again(fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = begun(fake)
    with monkeypatch.context() as broken:
        broken.setattr(fake.runtime.fal._queue, "call", _unavailable)
        assert fake.runtime.pipeline.illustrate(run_id) is None
    assert "unavailable" in fake.runtime.runs.run(run_id).reason
    fake.drive()
    assert (embeds(fake), jobs(fake)) == (["mp4"], 1)


def _unavailable(*_: Any, **__: Any) -> Any:
    from ceos.errors import ServiceUnavailable

    raise ServiceUnavailable("fal.ai is unavailable")


# Crashes


class Killed(BaseException):
    """The worker is gone."""


#: The steps of a video: the object and the method at whose beginning or end the worker dies.
STEPS: dict[str, tuple[type, str]] = {
    "reservation": (Budget, "set_aside"),
    "record": (Ledger, "record_video"),
    "submission": (Fal, "submit_video"),
    "deferral": (Ledger, "defer_run"),
    "question": (Fal, "poll_video"),
    "settlement": (Budget, "settle"),
    "advance": (Ledger, "advance_run"),
}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("step", STEPS)
def test_a_worker_that_dies_at_any_step_never_pays_for_two_videos(
    fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch, step: str, number: int, moment: str
) -> None:
    # Given a worker that dies at the first or the second time of one step
    owner, name = STEPS[step]
    original = getattr(owner, name)
    times: list[str] = []

    def dying(self: Any, *args: Any, **options: Any) -> Any:
        times.append(name)
        if len(times) == number and moment == "before":
            raise Killed
        result = original(self, *args, **options)
        if len(times) == number:
            raise Killed
        return result

    run_id = fake.runtime.post("ada", kind=Kind.MEDIA)
    fake.runtime.pipeline.write(run_id)
    monkeypatch.setattr(owner, name, dying)
    died = 0
    while died < 1 and not fake.runtime.runs.run(run_id).status.is_final:
        try:
            following = fake.runtime.pipeline.illustrate(run_id)
        except Killed:
            died += 1
        else:
            if following is not None:
                break
    monkeypatch.undo()
    # When its lease has ended and others go on
    if field(fake, run_id, "lease"):
        fake.runtime.database.client.hset(f"ceos:run:{run_id}", "lease", 1)
    fake.drive()
    # Then there is one cast, with at most one paid video, and every possible charge is counted
    run = fake.runtime.runs.run(run_id)
    assert (run.status, len(fake.casts())) == ("published", 1)
    assert jobs(fake) <= 1
    assert run.draft is not None
    assert embeds(fake) == (["mp4"] if run.draft.video_model else ["png"])
    assert spent_today(fake.runtime, "ada") >= run.draft.cost_usd - 2e-6
    assert jobs(fake) == 0 or spent_today(fake.runtime, "ada") > PRICE


KILLED_WORKER = """
    import os, signal, sys
    from ceos.runtime import Runtime
    from ceos.settings import Settings
    from importlib import import_module

    module, owner, name, moment, run_id = sys.argv[1:]
    cls = getattr(import_module(module), owner)
    original = getattr(cls, name)

    def dying(self, *args, **options):
        if moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        original(self, *args, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(cls, name, dying)
    runtime = Runtime(Settings.from_env(dotenv=None))
    for _ in range(5):
        runtime.pipeline.illustrate(run_id)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_kill_9_at_any_step_never_pays_for_two_videos(
    fake: FakeRuntime, ceos_home: Any, step: str, moment: str
) -> None:
    owner, name = STEPS[step]
    run_id = fake.runtime.post("ada", kind=Kind.MEDIA)
    fake.runtime.pipeline.write(run_id)
    environ = {**os.environ, "CEOS_HOME": str(ceos_home), **simulator_environ(fake.simulator.url)}
    words = (owner.__module__, owner.__name__, name, moment, run_id)
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED_WORKER), *words], env=environ, timeout=120, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    if field(fake, run_id, "lease"):
        fake.runtime.database.client.hset(f"ceos:run:{run_id}", "lease", 1)
    fake.drive()
    assert (fake.runtime.runs.run(run_id).status, len(fake.casts())) == ("published", 1)
    assert jobs(fake) <= 1
    # The killed worker had the true date.
    if jobs(fake):
        assert fake.runtime.runs.spent("ada", json.loads(field(fake, run_id, "video"))["day"]) >= PRICE


def test_a_shutdown_between_two_attempts_leaves_no_unknown_outcome(
    fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a queue that is too busy, and a worker that is told to stop before its second attempt
    from ceos.runs.deferral import ShuttingDown

    def stop(seconds: float) -> None:
        raise ShuttingDown

    fake.simulator.faults(fal={"script": ["rate_limited"]})
    monkeypatch.setattr(fake.runtime.fal._queue, "_sleep", stop)
    run_id = fake.runtime.post("ada", kind=Kind.MEDIA)
    fake.runtime.pipeline.write(run_id)
    assert fake.runtime.pipeline.illustrate(run_id) is None
    monkeypatch.undo()
    # Then the next worker submits the video
    fake.drive()
    assert (embeds(fake), jobs(fake)) == (["mp4"], 1)


# Webhooks


@pytest.fixture
def site(ceos_home: Any, ceos_simulator: Any) -> Iterator[tuple[FakeRuntime, Site]]:
    """A runtime whose public address is a web app at a free port, to which the simulator sends webhooks."""
    # The runtime needs the port of the web app, which is there first.
    fakes: list[FakeRuntime] = []

    def keys() -> list[bytes]:
        return fakes[0].runtime.fal.webhook_keys()

    def report(run: str, key: str, request_id: str) -> str:
        return fakes[0].runtime.ledger.report_video(run, key, request_id)

    with Site(None, videos=FalWebhooks(keys, report)) as web:
        url = "http://{}:{}".format(*web.address)
        with fake_runtime(ceos_home, simulator=ceos_simulator, CEOS_PUBLIC_URL=url) as fake:
            fakes.append(fake)
            film_agent(fake)
            yield fake, web


def told(fake: FakeRuntime, run_id: str) -> bool:
    return field(fake, run_id, "vtold") is not None


def is_due(fake: FakeRuntime, run_id: str) -> bool:
    return bool(fake.runtime.database.client.zscore("ceos:open", run_id) <= fake.runtime.database.now_ms())


def test_the_webhook_of_a_finished_video_wakes_its_run(site: tuple[FakeRuntime, Site]) -> None:
    fake, _ = site
    fake.simulator.faults(fal={"webhook_seconds": 0.2})
    run_id = begun(fake)
    assert wait_until(partial(told, fake, run_id), 20)
    assert is_due(fake, run_id)
    assert fake.runtime.pipeline.illustrate(run_id) is Stage.PUBLISH
    fake.drive()
    assert (embeds(fake), jobs(fake)) == (["mp4"], 1)


def test_a_webhook_names_the_job_whose_id_was_lost(site: tuple[FakeRuntime, Site]) -> None:
    fake, _ = site
    fake.simulator.faults(fal={"script": ["cut_after"], "webhook_seconds": 0.2})
    run_id = begun(fake)
    assert json.loads(field(fake, run_id, "video"))["job"] is None
    assert wait_until(partial(told, fake, run_id), 20)
    fake.drive()
    assert (embeds(fake), jobs(fake)) == (["mp4"], 1)


def test_a_lost_id_and_a_lost_webhook_end_in_a_picture(site: tuple[FakeRuntime, Site]) -> None:
    fake, _ = site
    fake.simulator.faults(fal={"script": ["cut_after", "webhook_drop"]})
    run_id = begun(fake)
    assert fake.runtime.pipeline.illustrate(run_id) is None
    assert fake.runtime.runs.run(run_id).reason == "waiting whether fal.ai reports a video of unknown outcome"
    age(fake, run_id, VIDEO_SECONDS)
    fake.drive()
    assert (embeds(fake), jobs(fake)) == (["png"], 1)


@pytest.mark.parametrize("fault", ["webhook_drop", "webhook_duplicate", "webhook_forge"])
def test_lost_repeated_and_forged_webhooks_change_nothing(site: tuple[FakeRuntime, Site], fault: str) -> None:
    fake, _ = site
    fake.simulator.faults(fal={"script": ["ok", fault]})
    run = fake.post(kind=Kind.MEDIA)
    assert (run.status, embeds(fake), jobs(fake)) == ("published", ["mp4"], 1)


@pytest.mark.parametrize(
    ("run", "key", "request_id", "outcome"),
    [
        pytest.param("{run}", "{key}", "{id}", "ok", id="the right one"),
        pytest.param("{run}", "guessed", "{id}", "forged", id="another secret"),
        pytest.param("{run}", "", "{id}", "forged", id="no secret"),
        pytest.param("{run}", "{key}", "job-of-a-stranger", "another", id="the job of a stranger"),
        pytest.param("ada:m:none", "{key}", "{id}", "unknown", id="an unknown run"),
        pytest.param("", "{key}", "{id}", "unknown", id="no run"),
    ],
)
def test_only_the_secret_address_and_the_own_job_wake_a_run(
    site: tuple[FakeRuntime, Site], run: str, key: str, request_id: str, outcome: str
) -> None:  # fmt: skip
    fake, _ = site
    fake.simulator.faults(fal={"script": ["ok", "webhook_drop"]})
    run_id = begun(fake)
    record = json.loads(field(fake, run_id, "video"))
    values = {"run": run_id, "key": record["key"], "id": record["job"]["request_id"]}
    words = [text.format(**values) for text in (run, key, request_id)]
    assert fake.runtime.ledger.report_video(*words) == outcome
    assert is_due(fake, run_id) == (outcome == "ok")


def test_a_webhook_without_a_secret_in_the_run_is_forged(fake: FakeRuntime) -> None:
    run_id = begun(fake)
    assert fake.runtime.ledger.report_video(run_id, "", "x") == "forged"


def test_a_webhook_after_the_end_changes_nothing(site: tuple[FakeRuntime, Site]) -> None:
    fake, _ = site
    run: Run = fake.post(kind=Kind.MEDIA)
    record = json.loads(field(fake, run.id, "video"))
    before = fake.runtime.database.client.hgetall(f"ceos:run:{run.id}")
    assert fake.runtime.ledger.report_video(run.id, record["key"], record["job"]["request_id"]) == "known"
    assert fake.runtime.database.client.hgetall(f"ceos:run:{run.id}") == before
