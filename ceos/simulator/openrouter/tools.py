"""Tools in a chat completion: their validation, the next call, and the consistency of the history."""

from __future__ import annotations

from typing import Any

#: Faults that leave a call a call: it may be cut short, cost an unknown amount, or come from another model.
CALL_FAULTS = (None, "no_cost", "other_model", "cut_json", "finish_length")


#: The authors that a message may have.
_ROLES = ("system", "developer", "user", "assistant", "tool")


def are_offered(body: dict[str, Any]) -> bool:
    """Say whether the request needs a model that can call tools."""
    return bool(body.get("tools"))


def problem(body: dict[str, Any]) -> str:
    """Return the problem of the tools of a request, or of the roles and calls in its messages; "" for none."""
    for number, message in enumerate(body["messages"]):
        if message.get("role") not in _ROLES:
            return f"messages.{number}.role: expected one of {', '.join(_ROLES)}"
    tools = body.get("tools") or []
    if not isinstance(tools, list) or not all(_function(tool).get("name") for tool in tools):
        return "tools: expected an array of functions with names"
    asked: set[str] = set()
    for message in body["messages"]:
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in asked:
                return "messages with role 'tool' must be a response to a preceding message with 'tool_calls'"
            asked.remove(message["tool_call_id"])
        elif asked:
            break
        asked |= {str(call.get("id")) for call in message.get("tool_calls") or [] if isinstance(call, dict)}
    if asked:
        return f"tool_calls must be followed by tool messages; these have none: {', '.join(sorted(asked))}"
    return ""


def wanted(body: dict[str, Any]) -> dict[str, Any] | None:
    """The function that the model calls now: the one demanded, or the first offered; each turn of the user gets one."""
    choice = body.get("tool_choice")
    if choice == "none" or not are_offered(body):
        return None
    turn = [message.get("role") for message in body["messages"]]
    last_user = max((i for i, role in enumerate(turn) if role == "user"), default=-1)
    if "tool" in turn[last_user + 1 :]:
        return None
    functions = [_function(tool) for tool in body["tools"]]
    demanded = _function(choice).get("name")
    return next((function for function in functions if function["name"] == demanded), functions[0])


def _function(tool: Any) -> dict[str, Any]:
    function = tool.get("function") if isinstance(tool, dict) else None
    return function if isinstance(function, dict) else {}
