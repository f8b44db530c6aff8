"""The simulated OpenRouter when it is offered tools: it calls one for each turn of the user, and minds the order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ceos.simulator import running
from ceos.simulator.server import Running

POLL = {
    "type": "function",
    "function": {
        "name": "poll-maker",
        "parameters": {
            "type": "object",
            "properties": {
                "question": {"type": "string", "maxLength": 40},
                "options": {"type": "array", "items": {"type": "string", "maxLength": 10}, "minItems": 3},
                "closes": {"type": "integer", "minimum": 1, "maximum": 7},
            },
            "required": ["question", "options"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}
ASKED = {"role": "user", "content": "Write one post about coffee."}
CALL = {"id": "call_1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
ANSWERED = {"role": "tool", "tool_call_id": "call_1", "content": "noon"}


@pytest.fixture(scope="module")
def running_simulator() -> Iterator[Running]:
    with running(seed=7) as simulator:
        yield simulator


@pytest.fixture
def sim(running_simulator: Running) -> Running:
    running_simulator.reset()
    return running_simulator


def chat(sim: Running, *messages: dict[str, Any], **fields: Any) -> requests.Response:
    body = {"model": "openai/gpt-4o-mini", "messages": list(messages) or [ASKED], "tools": [POLL, CLOCK]} | fields
    address = f"{sim.openrouter_url}/chat/completions"
    return requests.post(address, headers={"authorization": "Bearer test"}, json=body, timeout=60)


def choice(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["choices"][0]
    return found


def called(answer: requests.Response) -> str | None:
    """Return the name of the function called, or None for an answer in words."""
    found = choice(answer)
    calls = found["message"].get("tool_calls")
    assert (found["finish_reason"] == "tool_calls") == bool(calls) != bool(found["message"]["content"])
    return calls[0]["function"]["name"] if calls else None


def test_the_first_tool_is_called_with_arguments_that_fit_its_schema(sim: Running) -> None:
    answer = chat(sim)

    (call,) = choice(answer)["message"]["tool_calls"]
    assert (call["type"], call["function"]["name"]) == ("function", "poll-maker")
    arguments = json.loads(call["function"]["arguments"])
    assert 0 < len(arguments["question"]) <= 40
    assert len(arguments["options"]) == 3
    assert 1 <= arguments["closes"] <= 7
    assert answer.json()["usage"]["cost"] > 0


def test_two_calls_have_two_ids(sim: Running) -> None:
    ids = {choice(chat(sim))["message"]["tool_calls"][0]["id"] for _ in range(5)}
    assert len(ids) == 5


def test_with_the_tools_answer_the_model_writes(sim: Running) -> None:
    answer = chat(sim, ASKED, CALLING, ANSWERED)

    assert called(answer) is None
    assert "coffee" in choice(answer)["message"]["content"].lower()


def test_another_turn_of_the_user_gets_another_call(sim: Running) -> None:
    wrote = {"role": "assistant", "content": "Coffee first."}
    assert called(chat(sim, ASKED, CALLING, ANSWERED, wrote, {"role": "user", "content": "Again."})) == "poll-maker"


@pytest.mark.parametrize(
    ("fields", "function", "why"),
    [
        ({"tool_choice": "auto"}, "poll-maker", "free to choose"),
        ({"tool_choice": "required"}, "poll-maker", "any will do"),
        ({"tool_choice": {"type": "function", "function": {"name": "clock"}}}, "clock", "that one"),
        ({"tool_choice": "none"}, None, "none now"),
        ({"tools": []}, None, "nothing offered"),
        ({"tools": None}, None, "nothing offered"),
    ],
)
def test_the_request_says_which_tool(sim: Running, fields: dict[str, Any], function: str | None, why: str) -> None:
    assert called(chat(sim, **fields)) == function, why


def test_a_stream_calls_functions_too(sim: Running) -> None:
    assert '"finish_reason":"tool_calls"' in chat(sim, stream=True).text
    assert "tool_calls" not in chat(sim, stream=True, tool_choice="none").text


def test_tools_can_be_left_alone(sim: Running) -> None:
    sim.faults(openrouter={"tool_calls": "ignore"})
    assert called(chat(sim)) is None


@pytest.mark.parametrize("fault", ["cut_json", "finish_length"])
def test_arguments_may_come_cut_short(sim: Running, fault: str) -> None:
    sim.faults(openrouter={"script": [fault]})
    (call,) = choice(chat(sim))["message"]["tool_calls"]
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(call["function"]["arguments"])


@pytest.mark.parametrize("fault", ["refusal", "preamble", "content_filter", "split_utf8"])
def test_other_faults_spoil_an_answer_in_words(sim: Running, fault: str) -> None:
    sim.faults(openrouter={"script": [fault]})
    assert "tool_calls" not in choice(chat(sim))["message"]


def test_a_model_without_tools_refuses_them(sim: Running) -> None:
    free = "meta-llama/llama-3.3-70b-instruct:free"
    answer = chat(sim, model=free)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, 404)
    assert "No endpoints found that support tool use" in answer.json()["error"]["message"]
    assert chat(sim, model=free, tools=[]).status_code == 200
    assert called(chat(sim, model=free, models=["openai/gpt-4o-mini"])) == "poll-maker", "the next of the list does it"


def test_the_catalogue_says_who_takes_tools(sim: Running) -> None:
    found = requests.get(f"{sim.openrouter_url}/models", params={"supported_parameters": "tools"}, timeout=60).json()
    names = {model["id"] for model in found["data"]}
    assert "openai/gpt-4o-mini" in names
    assert "meta-llama/llama-3.3-70b-instruct:free" not in names


@pytest.mark.parametrize(
    ("messages", "fields", "why"),
    [
        ([ASKED, ANSWERED], {}, "an answer without a call"),
        ([ASKED, CALLING, ANSWERED, ANSWERED], {}, "two answers to one call"),
        ([ASKED, CALLING, ASKED], {}, "a call without an answer"),
        ([ASKED, CALLING], {}, "a call without an answer at the end"),
        ([ASKED, CALLING, {**ANSWERED, "tool_call_id": "call_2"}], {}, "an answer to another call"),
        ([ASKED], {"tools": [{"type": "function"}]}, "a function without a name"),
        ([ASKED], {"tools": "clock"}, "not a list"),
    ],
)
def test_a_request_that_does_not_fit_together_is_refused(
    sim: Running, messages: list[dict[str, Any]], fields: dict[str, Any], why: str
) -> None:
    assert chat(sim, *messages, **fields).status_code == 400, why


def test_an_unknown_role_is_refused(sim: Running) -> None:
    answer = chat(sim, {"role": "x", "content": "Write."})
    assert answer.status_code == 400 and "messages.0.role" in answer.json()["error"]["message"]


def test_a_streamed_answer_calls_the_tool_that_is_required(sim: Running) -> None:
    answer = chat(sim, ASKED, stream=True, tool_choice="required")
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    calls = [call for event in events for one in event["choices"] for call in one["delta"].get("tool_calls", [])]
    assert calls[0]["function"]["name"] == "poll-maker"
    assert json.loads("".join(call["function"]["arguments"] for call in calls))["question"]
