"""Models that reason: the requested effort, the room they get, and the consequence of an answer without a text."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.http_double import HttpDouble

from ceos.clients.openrouter.client import Completion, Message, OpenRouter
from ceos.clients.openrouter.reasoning import SILENT_SECONDS, Reasoner, read_reasoner
from ceos.errors import AnswerUnusable, RequestRefused

THINKER, PLAIN = "acme/thinker", "acme/plain"
PROMPT = [Message(role="user", content="Say gm.")]
PRICES = {"prompt": "0.000001", "completion": "0.00001"}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def catalogue(**reasoning: Any) -> dict[str, Any]:
    """A catalogue of a model that reasons and one that does not; `reasoning` describes the first."""
    thinker = {"id": THINKER, "pricing": PRICES, "supported_parameters": ["max_tokens", "reasoning"]}
    details = {"mandatory": False, **reasoning}
    return {
        "data": [
            {**thinker, "reasoning": details},
            {"id": PLAIN, "pricing": PRICES, "supported_parameters": ["max_tokens"]},
        ]
    }


def make_client(http: HttpDouble, *, clock: Clock | None = None, **reasoning: Any) -> OpenRouter:
    """A client that knows a catalogue."""
    client = OpenRouter("key", http.url, sleep=lambda _: None, clock=clock or Clock())
    http.answer(catalogue(**reasoning))
    client.worst_case_usd(PROMPT, models=[THINKER], max_tokens=100)
    return client


def answer(text: str | None, *, reason: str = "stop", reasoned: int = 0, tokens: int = 50) -> dict[str, Any]:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": tokens,
        "cost": 0.01,
        "completion_tokens_details": {"reasoning_tokens": reasoned},
    }
    choice = {"finish_reason": reason, "message": {"content": text, "reasoning": "Hm." if reasoned else None}}
    return {"id": "gen", "model": THINKER, "choices": [choice], "usage": usage}


#: What a model that reasons to the end of its room returns.
SILENCE = answer(None, reason="length", reasoned=1600, tokens=1600)


def ask(client: OpenRouter, *models: str, **terms: Any) -> Completion:
    return client.complete(PROMPT, models=models or (THINKER,), max_tokens=100, **terms)


def sent(http: HttpDouble) -> list[tuple[str, int, Any]]:
    """The requests for a text: the model, its room, and the effort of reasoning."""
    bodies = [request.body for request in http.requests if request.method == "POST"]
    return [(body["model"], body["max_tokens"], body.get("reasoning", {}).get("effort")) for body in bodies]


@pytest.mark.parametrize(
    ("details", "wanted", "effort", "room"),
    [
        pytest.param({}, "off", "none", 100, id="it is asked not to"),
        pytest.param({"default_enabled": False}, "off", None, 100, id="it does not unless asked"),
        pytest.param({"mandatory": True}, "off", "low", 1_600, id="it must: little"),
        pytest.param(
            {"mandatory": True, "supported_efforts": ["high", "minimal"]}, "off", "minimal", 1_600, id="least"
        ),
        pytest.param(
            {"mandatory": True, "supported_efforts": ["high", "medium"]}, "off", "medium", 4_100, id="no less"
        ),
        pytest.param({}, "low", "low", 1_600, id="low"),
        pytest.param({}, "medium", "medium", 4_100, id="medium"),
        pytest.param({}, "high", "high", 8_100, id="high"),
        pytest.param({"supported_efforts": ["medium", "low"]}, "high", "medium", 4_100, id="not so high"),
        pytest.param({"supported_efforts": ["high"]}, "low", "high", 8_100, id="only high"),
        pytest.param({"supported_efforts": ["none"]}, "low", None, 100, id="on or off only"),
        pytest.param({"supported_efforts": None, "default_enabled": True}, "off", "none", 100, id="every effort"),
    ],
)
def test_a_model_is_asked_for_the_effort_and_gets_room_for_it(details, wanted, effort, room):
    with HttpDouble() as http:
        client = make_client(http, **details)
        http.answer(answer("gm"))
        assert ask(client, reasoning=wanted).text == "gm"
        assert sent(http) == [(THINKER, room, effort)]


@pytest.mark.parametrize("wanted", ["off", "high"])
def test_a_model_that_cannot_reason_is_not_asked_to(wanted):
    with HttpDouble() as http:
        client = make_client(http)
        http.answer(answer("gm"), times=2)
        ask(client, PLAIN, reasoning=wanted)
        ask(client, "acme/unknown", reasoning=wanted)
        assert sent(http) == [(PLAIN, 100, None), ("acme/unknown", 100, None)]


def test_the_agents_own_number_of_tokens_is_the_room():
    with HttpDouble() as http:
        client = make_client(http, mandatory=True)
        http.answer(answer("gm"))
        ask(client, token_limit=5_000)
        assert sent(http) == [(THINKER, 5_000, "low")]


def test_a_model_that_refuses_not_to_reason_is_asked_for_little_and_remembered():
    refusal = {"error": {"code": 400, "message": "Reasoning is mandatory for this endpoint and cannot be disabled."}}
    with HttpDouble() as http:
        client = make_client(http)
        http.answer(refusal, 400)
        http.answer(answer("gm"), times=2)
        ask(client)
        ask(client)
        assert sent(http) == [(THINKER, 100, "none"), (THINKER, 1_600, "low"), (THINKER, 1_600, "low")]


def test_another_refusal_is_not_about_reasoning():
    with HttpDouble() as http:
        client = make_client(http)
        http.answer({"error": {"code": 400, "message": "acme is not a valid model ID"}}, 400)
        with pytest.raises(RequestRefused):
            ask(client)
        assert len(sent(http)) == 1


def test_the_room_is_raised_once_and_what_it_cost_is_told():
    with HttpDouble() as http:
        client = make_client(http, mandatory=True)
        http.answer(SILENCE)
        http.answer(answer("gm", reasoned=2_000, tokens=2_004))
        found = ask(client, THINKER, PLAIN)
        assert sent(http) == [(THINKER, 1_600, "low"), (THINKER, 4_100, "low")]
    assert (found.text, found.cost_usd, found.reasoning_tokens) == ("gm", pytest.approx(0.02), 2_000)


def test_the_raised_room_is_remembered_so_that_nothing_is_paid_for_silence_again():
    with HttpDouble() as http:
        client = make_client(http, mandatory=True)
        http.answer(SILENCE)
        http.answer(answer("gm"), times=2)
        ask(client)
        assert ask(client).cost_usd == pytest.approx(0.01)
        assert sent(http)[2] == (THINKER, 4_100, "low")
        assert client.worst_case_usd(PROMPT, models=[THINKER], max_tokens=100) > 4_100 * 1e-5


def test_after_the_raised_room_the_next_model_writes():
    with HttpDouble() as http:
        client = make_client(http, mandatory=True)
        http.answer(SILENCE, times=2)
        http.answer(answer("gm"))
        found = ask(client, THINKER, PLAIN)
        assert sent(http) == [(THINKER, 1_600, "low"), (THINKER, 4_100, "low"), (PLAIN, 100, None)]
    assert (found.text, found.cost_usd) == ("gm", pytest.approx(0.03))


def test_a_silent_model_is_asked_last_for_an_hour():
    clock = Clock()
    with HttpDouble() as http:
        client = make_client(http, clock=clock, mandatory=True)
        http.answer(SILENCE, times=2)
        http.answer(answer("gm"), times=4)
        ask(client, THINKER, PLAIN)
        ask(client, THINKER, PLAIN)
        assert sent(http)[3:] == [(PLAIN, 100, None)]
        # Another number of tokens may be what it needs.
        ask(client, THINKER, PLAIN, token_limit=9_000)
        assert sent(http)[4] == (THINKER, 9_000, "low")
        clock.now += SILENT_SECONDS + 1
        ask(client, THINKER, PLAIN)
        assert sent(http)[5][0] == THINKER


def test_the_agents_own_number_of_tokens_is_not_exceeded():
    with HttpDouble() as http:
        client = make_client(http, mandatory=True)
        http.answer(SILENCE)
        http.answer(answer("gm"))
        ask(client, THINKER, PLAIN, token_limit=2_000)
        assert sent(http) == [(THINKER, 2_000, "low"), (PLAIN, 2_000, None)]


def test_the_reason_says_what_happened_and_what_to_do():
    with HttpDouble() as http:
        client = make_client(http, mandatory=True)
        http.answer(SILENCE, times=2)
        with pytest.raises(AnswerUnusable) as caught:
            ask(client)
    assert str(caught.value).startswith("No model wrote a text; choose another one, lower models.reasoning, or raise")
    assert "acme/thinker used 1,600 of its 1,600 tokens for reasoning and wrote no text." in str(caught.value)
    assert caught.value.cost_usd == pytest.approx(0.02)


def test_a_raised_room_is_asked_for_only_if_it_may_be_paid():
    totals: list[float] = []
    with HttpDouble() as http:
        client = make_client(http, mandatory=True)
        http.answer(SILENCE)
        with pytest.raises(AnswerUnusable, match="The budget does not allow acme/thinker"):
            ask(client, may_spend=lambda usd: totals.append(usd) or usd < 0.01)  # type: ignore[func-returns-value]
        assert len(sent(http)) == 1
    assert totals[0] >= 0.01 + 4_100 * 1e-5


@pytest.mark.parametrize(
    ("row", "reasoner"),
    [
        ({"supported_parameters": ["reasoning"]}, Reasoner()),
        ({"supported_parameters": ["include_reasoning"]}, None),
        ({"supported_parameters": None}, None),
        ({}, None),
        ({"supported_parameters": ["reasoning"], "reasoning": "yes"}, Reasoner()),
        (
            {
                "supported_parameters": ["reasoning"],
                "reasoning": {"mandatory": True, "supported_efforts": ["low", None]},
            },
            Reasoner(is_mandatory=True, efforts=("low", "None")),
        ),
    ],
)
def test_the_catalogue_says_how_a_model_may_be_asked(row, reasoner):
    assert read_reasoner(row) == reasoner
