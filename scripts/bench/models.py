"""The table of model faults: the calls, waits, costs and result of one post when its models fail in a given way."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ceos.clients.openrouter.client import OpenRouter
from ceos.domain.posts import Kind
from ceos.operations.agents import spent_today
from ceos.operations.posts import PostRequest, preview_post
from ceos.settings import secret
from ceos.simulator.faults import ANSWER_FAULTS
from ceos.testing import FakeRuntime, fake_runtime

CHOSEN = "anthropic/claude-sonnet-4"


@dataclass(frozen=True)
class Fault:
    """A way in which models fail, as options of the simulator."""

    name: str
    faults: dict[str, Any]
    answer_seconds: float = 90.0
    is_streamed: bool = False


@dataclass(frozen=True)
class Row:
    """The outcome of one post."""

    name: str
    called: str
    waited: str
    paid: str
    published: str


def _chosen(fault: str, **options: Any) -> dict[str, Any]:
    """Let the chosen model alone fail in this way."""
    return {fault: {"p": 1, "models": [CHOSEN]}, "retry_after": None, **options}


FAULTS = (
    Fault("none", {}),
    Fault("429", _chosen("rate_limited")),
    Fault("429, `Retry-After: 4`", _chosen("rate_limited", retry_after=4)),
    Fault("429, `Retry-After: 60`", _chosen("rate_limited", retry_after=60)),
    Fault("503", _chosen("error_503")),
    Fault("503 of every model", {"error_503": 1, "retry_after": None}),
    Fault("403 of a provider or region", _chosen("error_403_provider")),
    Fault("403 of a provider's moderation", _chosen("error_403_moderation")),
    Fault("403 of the key", {"error_403_key": 1}),
    Fault("402", {"error_402": 1}),
    Fault("`choices: []`", _chosen("no_choices")),
    Fault("empty text, free", _chosen("null_content")),
    Fault("empty text, paid", _chosen("blank_text")),
    Fault("empty text of every model, paid", {"blank_text": 1}),
    Fault("`length`, all of it reasoning", _chosen("reasoning_only")),
    Fault("`length`, half a text", _chosen("finish_length")),
    Fault("declined in `refusal`", _chosen("refusal_field")),
    Fault("retired model", {"retired_models": [CHOSEN]}),
    Fault("error in the middle of an answer", _chosen("choice_error")),
    Fault("error in the middle of a stream (dry run)", _chosen("mid_stream_error"), is_streamed=True),
    Fault("stream without an end (dry run)", _chosen("cut_stream"), is_streamed=True),
    Fault("no answer in time", _chosen("stall", stall_seconds=5), answer_seconds=0.3),
    Fault("no answer in time of every model", {"stall": 1, "stall_seconds": 5}, answer_seconds=0.3),
    Fault("connection breaks", _chosen("cut_before")),
    Fault("no JSON", _chosen("garbage_200")),
)


class _Waits(logging.Handler):
    """The seconds that a post waited: inside its asks, and between the attempts of its stage."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.asks: list[float] = []
        self.stages: list[float] = []

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "event", "") == "run.retry":
            self.stages.append(record.seconds)  # type: ignore[attr-defined]


@contextmanager
def _watched(fake: FakeRuntime, fault: Fault) -> Iterator[_Waits]:
    """Note the waits of a runtime whose models fail."""
    runtime, waits = fake.runtime, _Waits()
    settings = runtime.settings
    runtime.__dict__["openrouter"] = OpenRouter(
        secret(settings.openrouter_api_key),
        settings.openrouter_base_url,
        answer_seconds=fault.answer_seconds,
        sleep=waits.asks.append,
        catalogue=runtime.model_catalogue,
    )
    log = logging.getLogger("ceos")
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(waits)
    try:
        yield waits
    finally:
        log.removeHandler(waits)
        log.setLevel(level)


def measure(fake: FakeRuntime, fault: Fault) -> Row:
    """Post once as a new agent while the models fail in this way; needs an emptied runtime."""
    fake.apply()
    fake.runtime.model_catalogue.refresh()
    fake.simulator.faults(openrouter=fault.faults)
    if "retired_models" in fault.faults:
        fake.runtime.model_catalogue.refresh()
    with _watched(fake, fault) as waits:
        published = _preview(fake) if fault.is_streamed else _post(fake)
    asks, stages = _seconds(waits.asks), _seconds(waits.stages)
    waited = ", ".join(part for part in (asks, stages and f"{stages} between attempts") if part)
    return Row(
        name=fault.name,
        called=_called(fake),
        waited=waited or "-",
        paid=f"{spent_today(fake.runtime, 'ada'):.4f}",
        published=published,
    )


def _post(fake: FakeRuntime) -> str:
    run = fake.post(kind=Kind.ORIGINAL)
    model = run.draft.model.partition("/")[2] if run.draft else ""
    return f"post by {model}" if run.status == "published" else f"nothing, `{run.status}`"


def _preview(fake: FakeRuntime) -> str:
    request = PostRequest(agent_id="ada", kind=Kind.ORIGINAL)
    try:
        draft = preview_post(fake.runtime, request, lambda _: None)
    except Exception as error:  # the table tells every outcome
        return f"nothing, {type(error).__name__}"
    return f"draft by {draft.model.partition('/')[2]}"


def _called(fake: FakeRuntime) -> str:
    """Return the models that were asked, in order, from the requests that the simulator received."""
    asked = [
        one.get("model", CHOSEN).partition("/")[2]
        for one in fake.simulator.timeline()
        if one["service"] == "openrouter"
        and (one["what"] == "completion" or (one["what"] == "fault" and one["fault"] not in ANSWER_FAULTS))
    ]
    once, times = _repeated(asked)
    groups = [(model, len(list(same))) for model, same in groupby(once)]
    called = ", ".join(model if count == 1 else f"{model} × {count}" for model, count in groups) or "-"
    return called if times == 1 else f"{times} times: {called}"


def _seconds(waits: list[float]) -> str:
    # Without the jitter, which is chance.
    once, times = _repeated([str(math.floor(seconds)) for seconds in waits])
    if not once:
        return ""
    return f"{' + '.join(once)} s" if times == 1 else f"{times} × ({' + '.join(once)}) s"


def _repeated(items: list[str]) -> tuple[list[str], int]:
    """Return the repeated part of a list, if it has more than one item, and the number of repetitions."""
    for times in range(len(items) // 2, 1, -1):
        size, rest = divmod(len(items), times)
        if not rest and items[:size] * times == items:
            return items[:size], times
    return items, 1


def bench_models() -> None:
    """Print the table as Markdown."""
    print("| fault of the chosen model | called | waited | paid, USD | published |")
    print("| --- | --- | --- | --- | --- |")
    for fault in FAULTS:
        with fake_runtime() as fake:
            row = measure(fake, fault)
        print(f"| {row.name} | {row.called} | {row.waited} | {row.paid} | {row.published} |", flush=True)
