"""The OpenRouter client against a real socket: its traps, fall-over and costs, and our requests against the spec."""

from __future__ import annotations

import enum
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from helpers.http_double import HttpDouble, Request
from openapi_schema_validator import OAS31Validator
from pydantic import BaseModel, Field

from ceos.clients.openrouter.client import Completion, Message, OpenRouter, Tool, ToolCall
from ceos.clients.openrouter.fallback import BEGIN_SECONDS, CHOSEN_SECONDS, MAX_PAID_ANSWERS
from ceos.clients.openrouter.prices import Catalogue, Price, amount
from ceos.clients.openrouter.sse import MAX_EVENT_CHARACTERS, event_data
from ceos.clients.openrouter.strict_json import find, response_format, strict
from ceos.errors import (
    AnswerUnusable,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    ServiceError,
    ServiceUnavailable,
)

KEY = "sk-or-v1-0123456789"
MODELS = ["anthropic/claude-sonnet-4", "openai/gpt-4o-mini", "google/gemini-2.0-flash-001"]
PROMPT = [Message(role="system", content="You are Ada."), Message(role="user", content="Say gm.")]
USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14, "cost": 0.0125}
SONNET = {"id": "anthropic/claude-sonnet-4", "pricing": {"prompt": "0.000003", "completion": "0.000015"}}
MINI = {
    "id": "openai/gpt-4o-mini",
    "canonical_slug": "openai/gpt-4o-mini-2024-07-18",
    "pricing": {"prompt": "0.00000015", "completion": "0.0000006", "request": "0.001"},
    "supported_parameters": ["max_tokens", "structured_outputs"],
}
CATALOGUE = {"data": [SONNET, MINI]}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def make_client(http: HttpDouble, *, slept: list[float] | None = None, clock: Clock | None = None) -> OpenRouter:
    return OpenRouter(
        KEY, http.url + "/api/v1", sleep=(slept if slept is not None else []).append, clock=clock or Clock()
    )


def priced_client(http: HttpDouble, **options: Any) -> OpenRouter:
    """A client that has read the catalogue."""
    client = make_client(http, **options)
    http.answer(CATALOGUE)
    client.worst_case_usd(PROMPT, models=MODELS, max_tokens=100)
    return client


def answer(content: Any = "gm", *, usage: Any = USAGE, **overrides: Any) -> dict[str, Any]:
    """The body of a good answer; `overrides` replace fields of its choice."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}, **overrides}
    return {"id": "gen-1", "model": "openai/gpt-4o-mini-2024-07-18", "choices": [choice], "usage": usage}


def failure(code: Any, **details: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": "no luck", **details}}


def complete(client: OpenRouter, models: Sequence[str] = MODELS[:1], **options: Any) -> Completion:
    return client.complete(PROMPT, models=models, max_tokens=100, **options)


def asked(http: HttpDouble) -> list[str]:
    """The models asked, in order."""
    return [request.body["model"] for request in http.requests if request.method == "POST"]


# --- one answer ---


def test_an_answer_says_who_wrote_it_and_what_it_cost():
    with HttpDouble() as http:
        http.answer(answer(), headers={"X-Generation-Id": "gen-1"})
        found = complete(make_client(http), ["openai/gpt-4o-mini"])
    assert found == Completion(
        text="gm",
        model="openai/gpt-4o-mini-2024-07-18",
        finish_reason="stop",
        cost_usd=0.0125,
        prompt_tokens=10,
        completion_tokens=4,
        generation_id="gen-1",
    )
    request = http.requests[0]
    assert (request.method, request.path) == ("POST", "/api/v1/chat/completions")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["x-openrouter-title"] == "ceos"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("gm", "gm"),
        ([{"type": "text", "text": "g"}, {"type": "text", "text": "m"}], "gm"),
        ([{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "gm"}, "?", None], "gm"),
    ],
)
def test_content_may_be_text_or_parts(content, text):
    with HttpDouble() as http:
        http.answer(answer(content))
        assert complete(make_client(http)).text == text


@pytest.mark.parametrize("reason", ["length", "content_filter", "something-new"])
def test_the_finish_reason_is_handed_on(reason):
    with HttpDouble() as http:
        http.answer(answer(finish_reason=reason))
        assert complete(make_client(http)).finish_reason == reason


def test_tool_calls_come_without_text():
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"q": 1}'}},
        {"odd": True},
        None,
    ]
    with HttpDouble() as http:
        http.answer(answer(message={"content": None, "tool_calls": calls}, finish_reason="tool_calls"))
        found = complete(make_client(http), tools=[Tool(name="look", parameters={"type": "object"})])
    assert found.tool_calls == (ToolCall(id="c1", name="look", arguments='{"q": 1}'),)
    assert found.text == ""


# --- what a failure means ---


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        pytest.param(400, failure(400), RequestRefused, id="unknown model"),
        pytest.param(401, failure(401), KeyRefused, id="bad key"),
        pytest.param(402, failure(402), KeyRefused, id="no money"),
        pytest.param(
            403,
            failure(403, metadata={"reasons": ["violence"], "flagged_input": "x", "provider_name": "OpenAI"}),
            RequestRefused,
            id="moderated by a provider",
        ),
        pytest.param(403, failure(403, metadata={"raw": "{}", "provider_name": "X"}), RequestRefused, id="provider"),
        pytest.param(403, {"error": {"code": 403, "message": "Key limit exceeded"}}, KeyRefused, id="limit of the key"),
        pytest.param(
            403, failure(403, metadata={"error_type": "content_policy_violation"}), RequestRefused, id="policy"
        ),
        pytest.param(403, failure(403, metadata={"patterns": ["x"]}), KeyRefused, id="guardrail of the account"),
        pytest.param(403, failure(403, metadata={"error_type": "permission_denied"}), KeyRefused, id="permission"),
        pytest.param(
            403,
            {"error": {"code": 403, "message": "This model is not available in your region."}},
            RequestRefused,
            id="region in words",
        ),
        pytest.param(404, failure(404), RequestRefused, id="no endpoint"),
        pytest.param(413, failure(413), RequestRefused, id="too large"),
        pytest.param(429, failure(429), RateLimited, id="rate limit"),
        pytest.param(503, failure(503), ServiceUnavailable, id="no provider"),
        pytest.param(529, b"<html>overloaded</html>", ServiceUnavailable, id="error page"),
        pytest.param(200, failure(429), RateLimited, id="top-level error in a 200"),
        pytest.param(200, failure("server_error"), ServiceUnavailable, id="string code in a 200"),
        pytest.param(200, failure("502"), ServiceUnavailable, id="number in a string"),
        pytest.param(200, failure(None, metadata={"error_type": "payment_required"}), KeyRefused, id="type only"),
        pytest.param(200, failure("context_length_exceeded"), RequestRefused, id="type as code"),
        pytest.param(200, {"error": "it broke"}, ServiceUnavailable, id="error that is a word"),
        pytest.param(200, answer(finish_reason="error"), ServiceUnavailable, id="finish reason error"),
        pytest.param(
            200,
            answer("par", finish_reason="error", **failure(502)),
            ServiceUnavailable,
            id="choice error after a part",
        ),
        pytest.param(200, answer(**failure(403)), RequestRefused, id="moderation in a choice"),
        pytest.param(200, answer(**failure(402)), KeyRefused, id="no money in a choice"),
        pytest.param(
            404,
            {
                "error": {
                    "message": "m",
                    "http_status": 404,
                    "error_type": "not_found",
                    "availability": {"retryable": False},
                }
            },
            RequestRefused,
            id="availability error without code",
        ),
        pytest.param(
            200,
            {"error": {"message": "m", "http_status": 503, "availability": {"retryable": True, "retry_after": 2}}},
            ServiceUnavailable,
            id="availability error in a 200",
        ),
        pytest.param(404, failure(404, availability={"retryable": True}), ServiceUnavailable, id="retryable 404"),
        pytest.param(429, failure(429, availability={"retryable": False}), RequestRefused, id="hopeless 429"),
        pytest.param(
            403,
            failure(403, availability={"code": "region_restricted", "retryable": False, "requested_models": ["a/b"]}),
            RequestRefused,
            id="region",
        ),
        pytest.param(200, b"{", OutcomeUnknown, id="unreadable"),
    ],
)
def test_every_shape_of_failure_is_recognised(status, body, error):
    with HttpDouble() as http:
        http.answer(body, status, times=3)
        with pytest.raises(ServiceError) as caught:
            complete(make_client(http))
    assert type(caught.value) is error
    assert caught.value.cost_usd == 0
    assert len(asked(http)) == (3 if error in (RateLimited, ServiceUnavailable) else 1)


def test_a_moderation_flag_names_its_reason_and_never_the_prompt():
    metadata = {"reasons": ["violence"], "flagged_input": "the secret plan", "provider_name": "OpenAI"}
    with HttpDouble() as http:
        http.answer(failure(403, metadata=metadata), 403)
        with pytest.raises(RequestRefused, match=r"no luck \(violence\)") as caught:
            complete(make_client(http))
    assert "secret plan" not in str(caught.value)


def test_no_answer_may_have_been_billed_and_the_next_model_is_asked():
    with HttpDouble() as http:
        client = priced_client(http)
        most = client.worst_case_usd(PROMPT, models=MODELS[:1], max_tokens=100)
        http.answer(cut="unanswered")
        http.answer(answer())
        found = complete(client, MODELS)
        assert asked(http) == MODELS[:2]
    assert found.text == "gm"
    assert (found.cost_usd, found.cost_is_estimate) == (pytest.approx(most + USAGE["cost"]), True)


def test_no_answer_of_any_model_leaves_the_outcome_unknown():
    with HttpDouble() as http:
        client = priced_client(http)
        http.answer(cut="unanswered")
        http.answer(b"{")
        http.answer(failure(503), 503)
        with pytest.raises(OutcomeUnknown, match=r"None of the models.*claude-sonnet-4.*gpt-4o-mini.*gemini"):
            complete(client, MODELS)
        assert asked(http) == MODELS


def test_a_further_model_is_not_asked_after_an_unknown_outcome_that_used_up_the_budget():
    with HttpDouble() as http:
        client = priced_client(http)
        http.answer(cut="unanswered")
        with pytest.raises(OutcomeUnknown):
            complete(client, MODELS, may_spend=lambda _: False)
        assert asked(http) == MODELS[:1]


def test_a_missing_key_is_named_before_anything_is_sent():
    with HttpDouble() as http:
        client = OpenRouter(None, http.url)
        with pytest.raises(KeyRefused, match="OPENROUTER_API_KEY"):
            complete(client)
        assert client.worst_case_usd(PROMPT, models=MODELS, max_tokens=100) > 0
        assert http.requests == []


# --- falling over ---


@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
def test_the_chosen_model_has_three_attempts_before_the_first_fallback(status):
    slept: list[float] = []
    with HttpDouble() as http:
        http.answer(failure(status), status, times=3)
        http.answer(answer())
        assert complete(make_client(http, slept=slept), MODELS).text == "gm"
        assert asked(http) == [MODELS[0]] * 3 + [MODELS[1]]
    assert [1 <= slept[0] <= 1.5, 2 <= slept[1] <= 2.5] == [True, True]
    assert len(slept) == 2


@pytest.mark.parametrize(("status", "seconds"), [(429, "3"), (503, "0.5")])
def test_the_chosen_model_is_asked_again_when_it_says(status, seconds):
    slept: list[float] = []
    with HttpDouble() as http:
        http.answer(failure(status), status, headers={"Retry-After": seconds})
        http.answer(answer())
        assert complete(make_client(http, slept=slept), MODELS).text == "gm"
        assert asked(http) == [MODELS[0]] * 2
    assert slept == [float(seconds)]


def test_a_model_that_asks_for_a_long_wait_is_not_waited_for():
    slept: list[float] = []
    with HttpDouble() as http:
        http.answer(failure(429), 429, headers={"Retry-After": "30"})
        http.answer(answer())
        complete(make_client(http, slept=slept), MODELS)
        assert asked(http) == MODELS[:2]
    assert slept == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(400, failure(400), id="unknown model"),
        pytest.param(404, failure(404, availability={"code": "model_deprecated", "retryable": False}), id="retired"),
        pytest.param(413, failure(413), id="too large"),
        pytest.param(403, failure(403, metadata={"provider_name": "OpenAI"}), id="403 of a provider"),
        pytest.param(200, answer(**failure(403)), id="403 in a choice"),
        pytest.param(200, {"choices": [], "usage": {"cost": 0}}, id="no choice"),
        pytest.param(200, {"choices": [{"finish_reason": "stop"}], "usage": {"cost": 0}}, id="no message"),
        pytest.param(200, {"usage": {"cost": 0}}, id="no choices at all"),
        pytest.param(200, answer(None, usage={"cost": 0}), id="null"),
        pytest.param(200, answer(" \n", usage={"cost": 0}), id="blank"),
        pytest.param(200, answer([], usage={"cost": 0}), id="no parts"),
        pytest.param(200, answer(7, usage={"cost": 0}), id="no text"),
        pytest.param(200, answer("", finish_reason=None, usage=None), id="host was not ready"),
        pytest.param(200, answer("Half a", usage={"cost": 0}, finish_reason="length"), id="cut off"),
        pytest.param(200, answer("Half a", usage={"cost": 0}, finish_reason="content_filter"), id="filtered"),
    ],
)
def test_the_next_model_answers_at_once(status, body):
    slept: list[float] = []
    with HttpDouble() as http:
        http.answer(body, status)
        http.answer(answer())
        found = complete(make_client(http, slept=slept), MODELS)
        assert (found.text, found.cost_usd) == ("gm", USAGE["cost"])
        assert asked(http) == MODELS[:2]
    assert slept == []


def test_an_error_inside_200_falls_over_too():
    with HttpDouble() as http:
        http.answer(answer("Half a", **failure(502)), times=3)
        http.answer(answer(finish_reason="error"))
        http.answer(answer())
        complete(make_client(http), MODELS)
        assert asked(http) == [MODELS[0]] * 3 + MODELS[1:]


@pytest.mark.parametrize("status", [401, 402, 403])
def test_no_other_model_is_asked_when_the_key_is_refused(status):
    for body, http_status in ((failure(status), status), (failure(status), 200)):
        with HttpDouble() as http:
            http.answer(body, http_status)
            with pytest.raises(KeyRefused):
                complete(make_client(http), MODELS)
            assert len(http.requests) == 1


def test_each_fallback_is_asked_once():
    slept: list[float] = []
    with HttpDouble() as http:
        http.answer(failure(503), 503, times=9)
        with pytest.raises(ServiceUnavailable, match=r"None of the models.*claude-sonnet-4.*gpt-4o-mini.*gemini"):
            complete(make_client(http, slept=slept), MODELS)
        assert asked(http) == [MODELS[0]] * 3 + MODELS[1:]
    assert len(slept) == 2


REFUSAL = "I'm sorry, but I can't help with that. Bearer sk-or-v1-" + "0" * 64 + " " + "x" * 500


@pytest.mark.parametrize("streamed", [False, True])
def test_the_words_of_a_model_that_declines_are_told(streamed):
    body = answer(message={"content": None, "refusal": REFUSAL})
    stream = events(piece(None, refusal=REFUSAL[:20]), piece(None, refusal=REFUSAL[20:], finish_reason="stop"), LAST)
    with HttpDouble() as http:
        client = priced_client(http)
        http.answer(stream if streamed else body, times=2)
        http.answer(stream if streamed else answer())
        with pytest.raises(
            AnswerUnusable, match=r"gpt-4o-mini\S* declined: I'm sorry, but I can't help with"
        ) as caught:
            complete(client, MODELS[:1], watch=(lambda _: None) if streamed else None)
        assert "sk-or" not in str(caught.value)
        assert len(str(caught.value)) < 300
        if not streamed:
            assert complete(client, MODELS).text == "gm"


def test_what_answers_without_use_cost_is_part_of_the_price():
    with HttpDouble() as http:
        client = priced_client(http)
        http.answer(answer(None))
        http.answer(answer("Half a", finish_reason="length"))
        http.answer(answer())
        found = complete(client, MODELS)
    assert (found.text, found.cost_usd) == ("gm", pytest.approx(3 * USAGE["cost"]))


def test_a_text_that_was_cut_off_is_better_than_none():
    with HttpDouble() as http:
        client = priced_client(http)
        http.answer(answer("Half a", finish_reason="length"))
        http.answer(failure(404), 404)
        http.answer(answer(None))
        found = complete(client, MODELS)
    assert (found.text, found.finish_reason) == ("Half a", "length")
    assert found.cost_usd == pytest.approx(2 * USAGE["cost"])


def test_a_caller_may_be_content_with_a_text_that_was_cut_off():
    with HttpDouble() as http:
        http.answer(answer("Half a", finish_reason="length"))
        assert complete(make_client(http), MODELS, whole=False).text == "Half a"


def test_three_answers_are_paid_at_most_and_their_cost_is_told():
    with HttpDouble() as http:
        client = priced_client(http)
        http.answer(answer(None), times=9)
        with pytest.raises(AnswerUnusable, match="gave an empty answer") as caught:
            complete(client, [*MODELS, "a/b", "c/d"])
        assert len(asked(http)) == MAX_PAID_ANSWERS == 3
    assert caught.value.cost_usd == pytest.approx(3 * USAGE["cost"])


def test_a_key_that_is_refused_after_a_paid_answer_tells_its_cost():
    with HttpDouble() as http:
        client = priced_client(http)
        http.answer(answer(None))
        http.answer(failure(402), 402)
        with pytest.raises(KeyRefused) as caught:
            complete(client, MODELS)
    assert caught.value.cost_usd == USAGE["cost"]


def test_a_further_answer_is_asked_for_only_if_it_may_be_paid():
    totals: list[float] = []

    def may_spend(usd: float) -> bool:
        totals.append(usd)
        return False

    with HttpDouble() as http:
        client = priced_client(http)
        http.answer(answer(None))
        with pytest.raises(AnswerUnusable, match="The budget does not allow openai/gpt-4o-mini after that") as caught:
            complete(client, MODELS[:2], may_spend=may_spend)
        assert asked(http) == MODELS[:1]
        most = client.worst_case_usd(PROMPT, models=MODELS[1:2], max_tokens=100)
    assert totals == [pytest.approx(USAGE["cost"] + most)]
    assert caught.value.cost_usd == USAGE["cost"]


def test_a_failure_that_may_pass_counts_for_more_than_a_refusal():
    with HttpDouble() as http:
        http.answer(failure(429), 429, headers={"Retry-After": "30"})
        http.answer(failure(404), 404)
        with pytest.raises(RateLimited) as caught:
            complete(make_client(http), MODELS[:2])
    assert caught.value.retry_after == 30.0


def test_all_models_refusing_is_a_refusal():
    with HttpDouble() as http:
        http.answer(failure(400), 400, times=2)
        with pytest.raises(RequestRefused):
            complete(make_client(http), MODELS[:2])
        with pytest.raises(RequestRefused, match="without a model"):
            complete(make_client(http), [])


class SlowDouble(HttpDouble):
    """A service that needs so many seconds for each answer."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__()
        self._clock, self._seconds = clock, seconds

    def _next(self, request: Request) -> Any:
        self._clock.now += self._seconds
        return super()._next(request)


def test_no_model_is_begun_after_two_minutes():
    clock = Clock()
    with SlowDouble(clock, BEGIN_SECONDS / 2) as http:
        http.answer(failure(404), 404, times=9)
        with pytest.raises(RequestRefused):
            complete(make_client(http, clock=clock), [*MODELS, *MODELS])
        assert asked(http) == MODELS[:2]


@pytest.mark.parametrize(
    ("seconds", "attempts"), [pytest.param(CHOSEN_SECONDS - 5, 1, id="slow"), pytest.param(2, 3, id="quick")]
)
def test_time_is_left_for_a_fallback(seconds, attempts):
    """A wait that ends after the time of the chosen model is not begun."""
    clock = Clock()
    with SlowDouble(clock, seconds) as http:
        http.answer(failure(503), 503, headers={"Retry-After": "8"}, times=attempts)
        http.answer(answer())
        complete(make_client(http, clock=clock), MODELS)
        assert asked(http) == [MODELS[0]] * attempts + [MODELS[1]]


def test_a_lonely_model_has_the_whole_time():
    clock = Clock()
    with SlowDouble(clock, CHOSEN_SECONDS) as http:
        http.answer(failure(503), 503, times=2)
        http.answer(answer())
        complete(make_client(http, clock=clock), MODELS[:1])
        assert len(asked(http)) == 3


# --- streams ---


def events(*chunks: Any, done: bool = True) -> bytes:
    lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks]
    return (": OPENROUTER PROCESSING\n\n" + "".join(lines) + ("data: [DONE]\n\n" if done else "")).encode()


def piece(text: str | None = None, *, finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text, **delta}, "finish_reason": finish_reason}
    return {"id": "gen-2", "model": "openai/gpt-4o-mini", "choices": [choice]}


LAST = {"id": "gen-2", "model": "openai/gpt-4o-mini", "choices": [], "usage": USAGE}


def read_stream(
    *bodies: Any, models: Sequence[str] = MODELS[:1], client: Callable[[HttpDouble], OpenRouter] = make_client
) -> tuple[list[str], Completion]:
    """Ask for a streamed text; returns what was shown, and the answer."""
    shown: list[str] = []
    with HttpDouble() as http:
        asking = client(http)
        for body in bodies:
            http.answer(body, 200 if isinstance(body, bytes) else body["error"]["code"])
        found = complete(asking, models, watch=shown.append)
        assert all(request.body["stream"] is True for request in http.requests if request.method == "POST")
        assert http.unused == 0
    return shown, found


def test_a_stream_shows_the_text_as_it_grows_and_ends_with_the_cost():
    shown, found = read_stream(
        events(piece("", role="assistant"), piece("gm ☀"), piece("️!", finish_reason="stop"), LAST)
    )
    assert shown == ["", "gm ☀", "gm ☀️!"]
    assert found == Completion(
        text="gm ☀️!",
        model="openai/gpt-4o-mini",
        finish_reason="stop",
        cost_usd=0.0125,
        prompt_tokens=10,
        completion_tokens=4,
        generation_id="gen-2",
    )


def test_tool_calls_are_put_together_from_a_stream():
    def call(index: int, arguments: str, **rest: Any) -> dict[str, Any]:
        function = {"arguments": arguments, **({"name": rest.pop("name")} if "name" in rest else {})}
        return {"index": index, "type": "function", "function": function, **rest}

    chunks = [
        piece(tool_calls=[call(0, "", id="a", name="look"), call(1, "{}", id="b", name="wait")]),
        piece(tool_calls=[call(0, '{"q":')]),
        piece(tool_calls=[call(0, " 1}")], finish_reason="tool_calls"),
        LAST,
    ]
    shown, found = read_stream(events(*chunks))
    assert shown == [""]
    assert [(call.id, call.name, call.arguments) for call in found.tool_calls] == [
        ("a", "look", '{"q": 1}'),
        ("b", "wait", "{}"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(events(piece("gm", finish_reason="stop"), done=True), id="finish reason and [DONE]"),
        pytest.param(events(piece("gm", finish_reason="stop"), done=False), id="only a finish reason"),
        pytest.param(events(piece("gm"), LAST, done=False), id="only usage"),
        pytest.param(events(piece("gm"), LAST, done=False).rstrip(), id="no blank line at the end"),
    ],
)
def test_a_stream_is_whole_when_a_reason_or_the_usage_says_so(body):
    shown, found = read_stream(body, client=priced_client)
    assert shown[-1] == found.text == "gm"
    assert found.cost_is_estimate is ("cost" not in body.decode())


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param(events(piece("gm"), done=False), OutcomeUnknown, id="no end"),
        pytest.param(events(piece("gm"), done=True), OutcomeUnknown, id="only [DONE]"),
        pytest.param(events(), OutcomeUnknown, id="[DONE] and nothing else"),
        pytest.param(b"", OutcomeUnknown, id="nothing at all"),
        pytest.param(events(piece("gm"), done=False) + b'data: {"id"', OutcomeUnknown, id="cut in an event"),
        pytest.param(b"data: what\n\n", OutcomeUnknown, id="not JSON"),
        pytest.param(events(piece("gm"), {**piece(""), **failure(429)}), RateLimited, id="int code"),
        pytest.param(events(piece("gm"), failure("server_error")), ServiceUnavailable, id="string code"),
        pytest.param(
            events(piece("gm"), piece("", finish_reason="error")), ServiceUnavailable, id="finish reason only"
        ),
        pytest.param(events(piece("gm"), failure(402), done=False), KeyRefused, id="money ran out"),
        pytest.param(events(LAST | {"usage": {"cost": 0}}), ServiceUnavailable, id="a host that was not ready"),
        pytest.param(
            events(LAST, done=False) + b"data: " + b"x" * (MAX_EVENT_CHARACTERS + 1), OutcomeUnknown, id="endless line"
        ),
    ],
)
def test_a_stream_that_fails_is_not_taken_for_a_text(body, error):
    with HttpDouble() as http:
        http.answer(body, times=3)
        with pytest.raises(ServiceError) as caught:
            complete(make_client(http), watch=lambda _: None)
    assert type(caught.value) is error


def test_a_stream_that_breaks_off_on_the_wire_may_have_been_billed():
    with HttpDouble() as http:
        http.answer(events(piece("gm " * 50), LAST), cut="midway")
        with pytest.raises(OutcomeUnknown):
            complete(make_client(http), watch=lambda _: None)
        assert asked(http) == MODELS[:1]


def test_a_stream_ends_at_its_deadline():
    with HttpDouble() as http:
        http.answer(events(piece("gm")))
        with pytest.raises(OutcomeUnknown):
            complete(OpenRouter(KEY, http.url, answer_seconds=1e-6), watch=lambda _: None)


def test_a_stream_is_repeated_and_falls_over_as_other_answers_are():
    good = events(piece("gm", finish_reason="stop"), LAST)
    broken = events(piece("half a"), failure(503))
    shown, found = read_stream(failure(503), events(failure(429)), broken, good, models=MODELS)
    assert shown == ["", "", "", "half a", "", "gm"]
    assert found.text == "gm"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("data: a\n\ndata: b\n\n", ["a", "b"]),
        ("data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]),
        ("data: a\r\rdata: b\r\r", ["a", "b"]),
        ("data: one\ndata: two\n\n", ["one\ntwo"]),
        ("data: one\r\ndata: two\r\n\r\n", ["one\ntwo"]),
        (": OPENROUTER PROCESSING\n\nevent: x\nid: 1\ndata:a\n: more\n\n\n\n", ["a"]),
        ("\ufeffdata: ☀️ und ein\u2028Trenner\n\n", ["☀️ und ein\u2028Trenner"]),
        ("data: not ended", ["not ended"]),
        ("data:  two blanks\n\ndata\n\nretry: 3\n\n", [" two blanks"]),
    ],
)
def test_events_are_read_wherever_the_network_cuts_them(text, data, size):
    raw = text.encode()
    assert list(event_data(raw[start : start + size] for start in range(0, len(raw), size))) == data


def test_an_event_without_end_is_refused():
    line = b"data: " + b"x" * 1000 + b"\n"
    with pytest.raises(ValueError, match="too long"):
        list(event_data(line for _ in range(MAX_EVENT_CHARACTERS // 1000 + 1)))


# --- JSON ---


class Mood(enum.StrEnum):
    GOOD = "good"
    BAD = "bad"


class Note(BaseModel):
    text: str = Field(min_length=2, max_length=20)
    score: float | None = Field(None, ge=0, le=1)
    mood: Mood = Mood.GOOD


class Notes(BaseModel):
    """What the model noticed."""

    notes: list[Note] = Field(default_factory=list, max_length=5)
    best: Note | None = None
    kind: Literal["a", "b"] = "a"


GOOD_NOTE = '{"text": "gm", "score": 0.5, "mood": "bad"}'
NOTE = Note(text="gm", score=0.5, mood=Mood.BAD)


def ask_json(client: OpenRouter, models: Sequence[str] = MODELS[1:2]) -> tuple[Note, Completion]:
    return client.complete_json(PROMPT, Note, models=models, max_tokens=100, user="ada")


@pytest.mark.parametrize(
    "text",
    [
        GOOD_NOTE,
        f"```json\n{GOOD_NOTE}\n```",
        f"Sure {{thing}}! Here:\n{GOOD_NOTE}\nHope that helps {{:}}.",
        f'{{"text": 7}} or rather {GOOD_NOTE}',
        f"[{GOOD_NOTE}]",
    ],
)
def test_the_object_is_found_in_whatever_the_model_wrote(text):
    assert find(Note, text) == NOTE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no JSON object"),
        ('{"text": "gm", "sco', "no JSON object"),
        ('{"text": "g", "score": 2}', "text: String should have at least 2.*\nscore: Input should be less"),
        ('{"a":' * 20_000, "no JSON object"),
        ("{" * 100_000, "no JSON object"),
    ],
)
def test_an_object_that_does_not_fit_is_explained(text, words):
    with pytest.raises(ValueError, match=words):
        find(Note, text)


def test_a_strict_schema_requires_everything_and_allows_nothing_else():
    def check(schema: dict[str, Any]) -> None:
        if schema.get("type") == "object":
            assert schema["required"] == list(schema["properties"])
            assert schema["additionalProperties"] is False
        assert "$ref" not in schema or set(schema) <= {"$ref", "$defs"}
        assert not {"default", "minLength", "maximum", "maxItems"} & set(schema)
        for value in [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]:
            check(value)
        for value in schema.get("anyOf", []):
            check(value)

    schema = strict(Notes.model_json_schema())
    check(schema)
    assert list(schema["properties"]) == ["notes", "best", "kind"]
    assert set(schema["$defs"]) == {"Note", "Mood"}


def test_the_name_of_a_schema_is_one_the_service_accepts():
    odd = type("Box[int] " + "x" * 80, (Note,), {})
    assert response_format(odd)["json_schema"]["name"].startswith("Box_int__xxx")
    assert len(response_format(odd)["json_schema"]["name"]) == 64


def test_json_is_asked_for_with_an_enforced_schema():
    with HttpDouble() as http:
        http.answer(answer(GOOD_NOTE))
        found, completion = ask_json(make_client(http))
    assert found == NOTE
    assert completion.cost_usd == 0.0125
    body = http.requests[0].body
    assert body["provider"] == {"require_parameters": True}
    assert body["response_format"]["json_schema"]["strict"] is True
    assert body["response_format"]["json_schema"]["name"] == "Note"
    assert "temperature" not in body


@pytest.mark.parametrize("status", [400, 404])
def test_a_model_that_cannot_enforce_a_schema_is_asked_in_words(status):
    with HttpDouble() as http:
        http.answer(failure(status, availability={"code": "constraint_filtered", "retryable": False}), status)
        http.answer(answer(f"```json\n{GOOD_NOTE}\n```"))
        assert ask_json(make_client(http), MODELS)[0] == NOTE
        assert asked(http) == [MODELS[0], MODELS[0]]
    body = http.requests[1].body
    assert "response_format" not in body
    assert "provider" not in body
    assert '"additionalProperties": false' in body["messages"][-1]["content"]


def test_words_do_not_help_a_model_that_is_down():
    with HttpDouble() as http:
        http.answer(failure(503), 503, times=3)
        http.answer(answer(GOOD_NOTE))
        ask_json(make_client(http), MODELS)
        assert asked(http) == [MODELS[0]] * 3 + [MODELS[1]]


def test_a_model_known_to_lack_schemas_is_asked_in_words_at_once():
    with HttpDouble() as http:
        http.answer({"data": [{**SONNET, "supported_parameters": ["max_tokens"]}]})
        http.answer(answer(GOOD_NOTE))
        client = make_client(http)
        client.worst_case_usd(PROMPT, models=MODELS[:1], max_tokens=100, schema=Note)
        ask_json(client, MODELS[:1])
        assert "response_format" not in http.requests[1].body


def test_one_repair_shows_the_model_its_answer_and_the_error():
    with HttpDouble() as http:
        client = priced_client(http)
        http.answer(answer('{"text": "g"}'))
        http.answer(answer(GOOD_NOTE, usage={"prompt_tokens": 1, "completion_tokens": 2}))
        found, completion = ask_json(client)
    assert found == NOTE
    assert (completion.prompt_tokens, completion.completion_tokens) == (11, 6)
    assert completion.cost_usd == pytest.approx(0.0125 + 0.001 + 1 * 15e-8 + 2 * 6e-7)
    assert completion.cost_is_estimate is True
    shown, request = http.requests[2].body["messages"][-2:]
    assert shown == {"role": "assistant", "content": '{"text": "g"}'}
    assert "text: String should have at least 2 characters" in request["content"]


def test_after_one_repair_the_cost_of_both_is_reported():
    with HttpDouble() as http:
        client = priced_client(http)
        http.answer(answer("no"))
        http.answer(answer('{"text":', finish_reason="length"))
        with pytest.raises(AnswerUnusable, match="cut short at its token limit") as caught:
            ask_json(client)
        assert len(asked(http)) == 2
    assert caught.value.cost_usd == 0.025


def test_models_that_write_nothing_are_not_asked_to_repair_it():
    with HttpDouble() as http:
        http.answer(answer(None))
        with pytest.raises(AnswerUnusable, match="gave an empty answer") as caught:
            ask_json(make_client(http))
        assert len(http.requests) == 1
    assert caught.value.cost_usd == 0.0125


def test_a_repair_is_asked_for_only_if_it_may_be_paid():
    with HttpDouble() as http:
        client = priced_client(http)
        http.answer(answer("no"))
        with pytest.raises(AnswerUnusable, match="The budget does not allow") as caught:
            client.complete_json(PROMPT, Note, models=MODELS[1:2], max_tokens=100, may_spend=lambda usd: usd < 0.0125)
        assert len(asked(http)) == 1
    assert caught.value.cost_usd == 0.0125


@pytest.mark.parametrize("status", [402, 404, 429, 503])
def test_a_failed_repair_still_says_what_the_first_answer_cost(status):
    with HttpDouble() as http:
        client = priced_client(http)
        http.answer(answer("no"))
        http.answer(failure(status), status, times=3)
        with pytest.raises(AnswerUnusable, match="Asking again failed: ") as caught:
            ask_json(client)
    assert caught.value.cost_usd == 0.0125


# --- money ---


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        pytest.param({"prompt_tokens": 1000, "completion_tokens": 100}, 0.001 + 1000 * 15e-8 + 100 * 6e-7, id="absent"),
        pytest.param(
            {"prompt_tokens": 0, "completion_tokens": 100, "cost": None}, 0.001 + 19 * 15e-8 + 100 * 6e-7, id="null"
        ),
        pytest.param(None, 0.001 + 34 * 15e-8 + 100 * 6e-7, id="no usage: as bad as it can be"),
        pytest.param({"cost": "a lot"}, 0.001 + 34 * 15e-8 + 100 * 6e-7, id="nonsense"),
        pytest.param({"cost": -1, "completion_tokens": True}, 0.001 + 34 * 15e-8 + 100 * 6e-7, id="negative"),
    ],
)
def test_an_unnamed_cost_is_estimated_from_the_catalogue(usage, cost):
    with HttpDouble() as http:
        http.answer(answer(usage=usage))
        http.answer(CATALOGUE)
        found = complete(make_client(http), ["openai/gpt-4o-mini"])
    assert found.cost_is_estimate is True
    assert found.cost_usd == pytest.approx(cost, rel=0.01)


def test_a_cost_of_zero_is_a_cost():
    with HttpDouble() as http:
        http.answer(answer(usage={**USAGE, "cost": 0}))
        found = complete(make_client(http))
    assert (found.cost_usd, found.cost_is_estimate) == (0.0, False)


def test_with_the_operators_own_key_the_upstream_cost_counts():
    usage = {**USAGE, "is_byok": True, "cost": 0.001, "cost_details": {"upstream_inference_cost": 0.02}}
    with HttpDouble() as http:
        http.answer(answer(usage=usage))
        assert complete(make_client(http)).cost_usd == pytest.approx(0.021)


def test_the_worst_case_takes_the_dearest_model_and_is_never_exceeded():
    long = [Message(role="user", content="a" * 2000)]
    with HttpDouble() as http:
        http.answer(CATALOGUE)
        client = make_client(http)
        worst = client.worst_case_usd(long, models=MODELS[:2], max_tokens=500)
        assert 1000 * 3e-6 + 500 * 15e-6 <= worst <= 1.05 * (1000 * 3e-6 + 500 * 15e-6)
        assert client.worst_case_usd(long, models=["new/model"], max_tokens=500) >= 1000 * 15e-6 + 500 * 75e-6
        assert client.worst_case_usd(long, models=MODELS[:2], max_tokens=500, schema=Note) > worst
        with_tools = client.worst_case_usd(
            long, models=MODELS[:2], max_tokens=500, tools=[Tool(name="t", description="d" * 500, parameters={})]
        )
        assert with_tools > worst
        assert len(http.requests) == 1


def test_the_worst_case_needs_no_catalogue_and_asks_again_after_some_minutes():
    clock = Clock()
    with HttpDouble() as http:
        http.answer(status=500)
        http.answer(CATALOGUE, times=2)
        catalogue = Catalogue(make_client(http).fetch_models, clock=clock)
        client = OpenRouter(KEY, http.url + "/api/v1", catalogue=catalogue)

        def worst() -> float:
            return client.worst_case_usd(PROMPT, models=MODELS[:1], max_tokens=100)

        assert worst() == worst() > 100 * 75e-6
        assert len(http.requests) == 1
        clock.now += 301
        assert worst() < 100 * 75e-6
        clock.now += 86_300
        worst()
        assert len(http.requests) == 2
        clock.now += 200
        worst()
        assert len(http.requests) == 3


def test_an_old_price_is_kept_when_the_catalogue_cannot_be_renewed():
    clock, answers = Clock(), [CATALOGUE]

    def fetch() -> Any:
        if not answers:
            raise ServiceUnavailable
        return answers.pop()

    catalogue = Catalogue(fetch, clock=clock)
    assert catalogue.price("anthropic/claude-sonnet-4") == Price(3e-6, 15e-6)
    clock.now += 90_000
    assert catalogue.price("anthropic/claude-sonnet-4") == Price(3e-6, 15e-6)


def test_threads_fetch_the_catalogue_once_and_do_not_wait_for_its_renewal():
    clock, fetching, release, fetches = Clock(), threading.Event(), threading.Event(), []

    def fetch() -> Any:
        fetches.append(1)
        fetching.set()
        assert release.wait(10)
        return CATALOGUE

    catalogue = Catalogue(fetch, clock=clock)
    found: list[Price] = []
    threads = [threading.Thread(target=lambda: found.append(catalogue.price(MODELS[1]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    release.set()
    for thread in threads:
        thread.join()
    assert found == [Price(15e-8, 6e-7, 0.001)] * 8
    assert len(fetches) == 1

    clock.now += 90_000
    release.clear()
    fetching.clear()
    renewal = threading.Thread(target=catalogue.price, args=(MODELS[1],))
    renewal.start()
    assert fetching.wait(10)
    assert catalogue.price(MODELS[1]) == Price(15e-8, 6e-7, 0.001)
    release.set()
    renewal.join()
    assert len(fetches) == 2


@pytest.mark.parametrize(
    ("body", "model", "price"),
    [
        (CATALOGUE, "openai/gpt-4o-mini:nitro", Price(15e-8, 6e-7, 0.001)),
        (CATALOGUE, "openai/gpt-4o-mini-2024-07-18", Price(15e-8, 6e-7, 0.001)),
        (CATALOGUE, "openai/gpt-4o-mini:free", Price(15e-6, 75e-6)),
        ({"data": [{"id": "auto", "pricing": {"prompt": "-1", "completion": "-1"}}]}, "auto", Price(15e-6, 75e-6)),
        (
            {"data": [None, 7, {"id": 3}, {"id": "x"}, {"id": "y", "pricing": {"prompt": "?"}}]},
            "y",
            Price(15e-6, 75e-6),
        ),
        ({"data": "none"}, "x", Price(15e-6, 75e-6)),
        ([], "x", Price(15e-6, 75e-6)),
    ],
)
def test_a_price_is_looked_up_or_assumed_to_be_high(body, model, price):
    assert Catalogue(lambda: body).price(model) == price


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("0.5", 0.5),
        (2, 2.0),
        (0, 0.0),
        ("-1", None),
        ("nan", None),
        (10**400, None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_amounts(value, number):
    assert amount(value) == number


def test_the_key_is_described():
    data = {"label": "sk-or-v1-012...789", "limit": None, "limit_remaining": 3.5, "usage": 1.5, "is_free_tier": False}
    with HttpDouble() as http:
        http.answer({"data": {**data, "new_field": 1}})
        http.answer({"data": None})
        info = make_client(http).key_info()
        assert (info.limit_usd, info.remaining_usd, info.usage_usd, info.is_free_tier) == (None, 3.5, 1.5, False)
        with pytest.raises(ServiceUnavailable, match="unreadable"):
            make_client(http).key_info()


# --- our requests against the vendor's specification ---


@pytest.fixture(scope="module")
def chat_request() -> OAS31Validator:
    spec = yaml.load((Path(__file__).parents[1] / "specs" / "openrouter.yaml").read_text(), Loader=yaml.CSafeLoader)
    return OAS31Validator({"$ref": "#/components/schemas/ChatRequest", "components": spec["components"]})


def test_our_requests_fit_the_specification(chat_request):
    tool = Tool(name="look", description="Look it up.", parameters={"type": "object", "properties": {}})
    turns = [
        *PROMPT,
        Message(role="assistant", content="", tool_calls=(ToolCall(id="c1", name="look", arguments="{}"),)),
        Message(role="tool", content="42", tool_call_id="c1"),
    ]
    with HttpDouble() as http:
        client = make_client(http)
        http.answer(answer(), times=2)
        client.complete(PROMPT, models=MODELS[:1], max_tokens=1, user="ada")
        client.complete(turns, models=MODELS[:1], max_tokens=100, tools=[tool])
        http.answer(events(piece("gm", finish_reason="stop"), LAST))
        complete(client, watch=lambda _: None)
        http.answer(failure(404), 404)
        http.answer(answer("no"))
        http.answer(CATALOGUE)
        http.answer(answer(GOOD_NOTE))
        ask_json(client)
    bodies = [request.body for request in http.requests if request.method == "POST"]
    assert [bool(body.get("stream")) for body in bodies] == [False, False, True, False, False, False]
    assert bodies[0]["max_tokens"] == 16
    for body in bodies:
        chat_request.validate(body)
    # The validator looks into the body, and is not content with anything.
    assert not chat_request.is_valid({**bodies[0], "messages": [{"role": "nobody", "content": "x"}]})
    assert not chat_request.is_valid({**bodies[3], "provider": {"require_parameters": True, "unknown": 1}})
