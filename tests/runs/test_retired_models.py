"""Retired models: an agent writes with the successor, pays its price, and the operator is told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from helpers.conversations import ENGAGEMENT, mention_ada

from ceos.cli.doctor.command import examine
from ceos.clients.openrouter.prices import Catalogue
from ceos.domain.agent import Models
from ceos.domain.posts import Kind
from ceos.errors import RequestRefused
from ceos.operations.agents import spent_today
from ceos.storage.catalogue import CatalogueStore
from ceos.testing import FakeRuntime, make_agent

SONNET, MINI = "anthropic/claude-sonnet-4", "openai/gpt-4o-mini"
GEMINI, LITE = "google/gemini-2.0-flash-001", "google/gemini-2.5-flash-lite"


@pytest.fixture
def retire(fake_runtime: FakeRuntime) -> Callable[..., None]:
    """Return a function after which OpenRouter no longer lists these models."""
    return lambda *models: fake_runtime.simulator.faults(openrouter={"retired_models": list(models)})


def asked(fake: FakeRuntime) -> list[str]:
    """Return the models that wrote, in order."""
    return [one["model"] for one in fake.simulator.timeline() if one["what"] == "completion"]


def test_the_default_names_stay() -> None:
    assert Models().text == SONNET
    assert Models().max_price_factor == 1.5


def test_a_post_is_written_by_the_successor(fake_runtime: FakeRuntime, retire: Callable[..., None]) -> None:
    retire(SONNET)
    fake_runtime.apply()
    run = fake_runtime.post()
    assert (run.status, run.draft and run.draft.model) == ("published", f"{SONNET}.5")
    assert asked(fake_runtime) == [f"{SONNET}.5"]


def test_the_price_of_the_successor_is_reserved_and_booked(
    fake_runtime: FakeRuntime, retire: Callable[..., None]
) -> None:
    sonnet_5 = "anthropic/claude-sonnet-5"
    retire(SONNET, f"{SONNET}.5", f"{SONNET}.6")
    agent = fake_runtime.apply(models={"fallbacks": ()})
    model = fake_runtime.runtime.paid_model
    assert model.usable_models(agent) == (sonnet_5,)
    worst = fake_runtime.runtime.openrouter.worst_case_usd
    options = {"messages": [], "max_tokens": 1000}
    assert worst(models=model.usable_models(agent), **options) < worst(models=[f"{SONNET}.5"], **options)
    run = fake_runtime.post()
    # The day's total is the sum of the costs, each rounded up to a millionth.
    assert run.draft
    assert spent_today(fake_runtime.runtime, "ada") == pytest.approx(run.draft.cost_usd, abs=2e-6)


def test_a_model_without_an_affordable_successor_leaves_the_post_to_the_next_one(
    fake_runtime: FakeRuntime, retire: Callable[..., None]
) -> None:
    retire(GEMINI, LITE)
    fake_runtime.apply(models={"text": GEMINI, "fallbacks": [MINI]})
    assert fake_runtime.post().status == "published"
    assert asked(fake_runtime) == [MINI]


def test_a_higher_factor_allows_a_successor(fake_runtime: FakeRuntime, retire: Callable[..., None]) -> None:
    retire(GEMINI, LITE)
    fake_runtime.apply(models={"text": GEMINI, "fallbacks": [], "max_price_factor": 4})
    fake_runtime.post()
    assert asked(fake_runtime) == ["google/gemini-3.1-flash-lite"]


def test_an_agent_without_any_usable_model_fails_with_the_reason(
    fake_runtime: FakeRuntime, retire: Callable[..., None]
) -> None:
    retire(GEMINI, LITE)
    fake_runtime.apply(models={"text": GEMINI, "fallbacks": []})
    run = fake_runtime.post()
    assert run.status == "failed"
    assert "No model can be asked." in run.reason
    assert GEMINI in run.reason
    assert asked(fake_runtime) == []
    assert spent_today(fake_runtime.runtime, "ada") == 0


def test_a_catalogue_that_cannot_be_read_changes_nothing(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    fake_runtime.runtime.openrouter.fetch_models = _fail  # type: ignore[method-assign]
    assert fake_runtime.runtime.paid_model.usable_models(make_agent()) == Models().writers


def _fail() -> None:
    raise RequestRefused("no catalogue")


def test_models_that_resolve_to_one_are_asked_once(fake_runtime: FakeRuntime, retire: Callable[..., None]) -> None:
    retire(SONNET)
    agent = fake_runtime.apply(models={"text": SONNET, "fallbacks": [f"{SONNET}.5", MINI]})
    assert fake_runtime.runtime.paid_model.usable_models(agent) == (f"{SONNET}.5", MINI)


def test_a_model_that_is_retired_during_the_day_is_replaced_from_the_next_post_on(
    fake_runtime: FakeRuntime, retire: Callable[..., None]
) -> None:
    runtime = fake_runtime.runtime
    now = [time.time()]
    runtime.model_catalogue = Catalogue(
        lambda: runtime.openrouter.fetch_models(),  # noqa: PLW0108  # the client needs the catalogue first
        shared=CatalogueStore(lambda: runtime.database),
        clock=lambda: now[0],
    )
    fake_runtime.apply(models={"fallbacks": [MINI]})
    fake_runtime.post(kind=Kind.ORIGINAL)
    retire(SONNET)
    now[0] += 7200
    fake_runtime.post(kind=Kind.ORIGINAL)
    fake_runtime.post(kind=Kind.ORIGINAL)
    assert asked(fake_runtime) == [SONNET, MINI, f"{SONNET}.5"]


def test_the_doctor_tells_workers_what_it_has_read(fake_runtime: FakeRuntime, retire: Callable[..., None]) -> None:
    fake_runtime.apply()
    fake_runtime.apply(id="bob", fid=1002, models={"text": MINI, "fallbacks": [GEMINI]})
    assert [one.status for one in examine(fake_runtime.runtime) if one.check == "models"] == ["ok"]
    retire(SONNET, GEMINI, LITE)
    found = [one for one in examine(fake_runtime.runtime) if one.check == "models"]
    assert [one.status for one in found] == ["warning", "warning"]
    assert f"{SONNET}.5 takes its place. It is used by ada." in found[0].found
    assert "it is left out. It is used by ada (as a fallback), bob (as a fallback)." in found[1].found
    shared = fake_runtime.runtime.database.client.hget("ceos:models", "rows")
    assert SONNET not in [row["id"] for row in json.loads(str(shared))["data"]]


def test_a_retired_judge_is_replaced_and_reported_too(fake_runtime: FakeRuntime, retire: Callable[..., None]) -> None:
    retire(GEMINI)
    agent = fake_runtime.apply(output={"judge": GEMINI}, models={"fallbacks": [MINI]})
    assert fake_runtime.runtime.paid_model.usable_models(agent, [agent.output.judge]) == (LITE,)
    (found,) = [one for one in examine(fake_runtime.runtime) if one.check == "models"]
    assert f"{LITE} takes its place. It is used by ada (as judge)." in found.found


def test_no_text_is_paid_for_that_no_judge_can_be_asked_about(
    fake_runtime: FakeRuntime, retire: Callable[..., None]
) -> None:
    retire(GEMINI, LITE)
    fake_runtime.apply(
        output={"judge": GEMINI, "judge_texts": "all"}, engagement=ENGAGEMENT, models={"max_price_factor": 1}
    )
    post, reply = fake_runtime.post(), mention_ada(fake_runtime, "@ada how do you keep a pendulum steady in summer?")
    assert [(run.status, GEMINI in run.reason) for run in (post, reply)] == [("failed", True)] * 2
    assert [one["model"] for one in fake_runtime.simulator.timeline() if one["what"] == "completion"] == []
