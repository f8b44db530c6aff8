"""The wire of OpenRouter: failures that hide in HTTP 200, the several shapes of its errors, and reading an answer."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from ceos.clients.http.api import Api, Effect, error_for, explain
from ceos.clients.openrouter.prices import amount
from ceos.clients.openrouter.types import ToolCall
from ceos.errors import RateLimited, RequestRefused, ServiceError, ServiceUnavailable
from ceos.logs import redact

#: HTTP statuses of the error types, for the errors that name a type and no status.
_STATUS_OF_TYPE = {
    "authentication": 401,
    "payment_required": 402,
    "permission_denied": 403,
    "not_found": 404,
    "rate_limit_exceeded": 429,
    "server": 500,
    "server_error": 500,
    "unmapped": 500,
    "provider_unavailable": 502,
    "provider_overloaded": 503,
    "timeout": 504,
    "context_length_exceeded": 400,
    "max_tokens_exceeded": 400,
    "token_limit_exceeded": 400,
    "string_too_long": 400,
    "invalid_request": 400,
    "invalid_prompt": 400,
    "content_policy_violation": 400,
    "refusal": 400,
    "payload_too_large": 413,
    "unprocessable": 422,
}

#: Fields that only errors of a provider or of a region have; a refused key has none of them.
_PROVIDER_FIELDS = frozenset({"provider_name", "model_slug", "requested_models", "affected_providers", "constraint"})
_MODERATION_TYPES = frozenset({"content_policy_violation", "refusal", "invalid_prompt"})
_REGION = re.compile(r"\b(?:regions?|countr(?:y|ies)|territor(?:y|ies))\b", re.IGNORECASE)


class OpenRouterApi(Api):
    """The shared layer, with OpenRouter's ways of saying that something went wrong."""

    def _inspect(self, body: Any, task: str, _effect: Effect) -> None:
        self.refuse_failure(body, task)

    def refuse_failure(self, body: Any, task: str) -> None:
        """Raise the error that an answer or an event of a stream reports in spite of its HTTP 200."""
        error = _hidden_error(body)
        if error is not None:
            raise self._refusal(200, {"error": error}, task, "billed", None)

    def _refusal(self, status: int, body: Any, task: str, effect: Effect, retry_after: float | None) -> ServiceError:
        error = body.get("error") if isinstance(body, dict) else None
        details = error if isinstance(error, dict) else {}
        availability = _mapping(details.get("availability"))
        status = _status(details, status)
        if retry_after is None:
            retry_after = amount(availability.get("retry_after"))
        message = _message(status, body, details, task)
        found = error_for(status, message, effect, retry_after=retry_after)
        if status == 403 and _is_about_provider(details):
            return RequestRefused(message, status=status)
        # The service knows best whether the same request may succeed later, except for a refused key.
        retryable = availability.get("retryable")
        if retryable is True and type(found) is RequestRefused:
            return ServiceUnavailable(message, status=status, retry_after=retry_after)
        if retryable is False and isinstance(found, RateLimited | ServiceUnavailable):
            return RequestRefused(message, status=status)
        return found


def first_choice(body: Any) -> dict[str, Any]:
    """Return the first choice of an answer or a chunk, or {} (the last chunk of a stream has none)."""
    choices = body.get("choices") if isinstance(body, dict) else None
    return _mapping(choices[0]) if isinstance(choices, list) and choices else {}


def read_text(content: Any) -> str:
    """Return the text of a message's content: a string, a list of parts, or null."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if isinstance(part, dict) and part.get("type") in ("text", None))
    return "".join(text for text in texts if isinstance(text, str))


def read_tool_calls(calls: Any) -> tuple[ToolCall, ...]:
    """Return the functions that a message asks for."""
    found = []
    for call in calls if isinstance(calls, list) else []:
        function = _mapping(_mapping(call).get("function"))
        if isinstance(function.get("name"), str):
            identity, arguments = call.get("id"), function.get("arguments")
            found.append(ToolCall(id=str(identity or ""), name=function["name"], arguments=str(arguments or "{}")))
    return tuple(found)


@dataclass(frozen=True)
class Usage:
    """The cost in USD and the tokens of an answer; None where the answer does not name them."""

    cost: float | None
    prompt: int | None
    completion: int | None
    #: Tokens of the prompt that were read from the cache of the provider, and those written to it.
    cached: int = 0
    written: int = 0


def read_usage(body: Any) -> Usage:
    """Return the cost and the tokens that an answer names."""
    usage = _mapping(body.get("usage")) if isinstance(body, dict) else {}
    cost = amount(usage.get("cost"))
    if cost is not None and usage.get("is_byok") is True:
        # With the operator's own key at the model's maker, `cost` is only OpenRouter's fee.
        cost += amount(_mapping(usage.get("cost_details")).get("upstream_inference_cost")) or 0.0
    details = _mapping(usage.get("prompt_tokens_details"))
    return Usage(
        cost,
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
        cached=_count(details.get("cached_tokens")) or 0,
        written=_count(details.get("cache_write_tokens")) or 0,
    )


def read_reasoning_tokens(body: Any) -> int:
    """Return how many of an answer's tokens the model used for reasoning."""
    usage = _mapping(body.get("usage")) if isinstance(body, dict) else {}
    return _count(_mapping(usage.get("completion_tokens_details")).get("reasoning_tokens")) or 0


def _hidden_error(body: Any) -> Any:
    top = body.get("error") if isinstance(body, dict) else None
    if top:
        return top
    choice = first_choice(body)
    error = choice.get("error")
    if isinstance(error, dict):
        # The error of a choice is the provider's, even where it does not name one.
        return {**error, "metadata": {"provider_name": "", **_mapping(error.get("metadata"))}}
    if error:
        return error
    return {"message": "the model broke off"} if choice.get("finish_reason") == "error" else None


def _is_about_provider(error: dict[str, Any]) -> bool:
    """Say whether a 403 concerns one provider, its moderation or a region, so that another model may answer."""
    metadata = _mapping(error.get("metadata"))
    about = {*metadata, *_mapping(error.get("availability"))}
    is_about_text = bool({str(metadata.get("error_type")), str(error.get("error_type"))} & _MODERATION_TYPES)
    return bool(about & _PROVIDER_FIELDS or is_about_text or _REGION.search(str(error.get("message") or "")))


def _status(error: dict[str, Any], answered: int) -> int:
    """Return the HTTP status that an error means: its own, that of its type, or the one of the answer."""
    for value in (error.get("code"), error.get("http_status")):
        number = amount(value)
        if number is not None and 400 <= number < 600:
            return math.floor(number)
    for kind in (_mapping(error.get("metadata")).get("error_type"), error.get("error_type"), error.get("code")):
        if isinstance(kind, str) and kind in _STATUS_OF_TYPE:
            return _STATUS_OF_TYPE[kind]
    return answered if answered >= 300 else 500


def _message(status: int, body: Any, error: dict[str, Any], task: str) -> str:
    words = redact(explain(body)) if body is not None else ""
    # The flagged text stands beside the reasons and stays out: it is a piece of the prompt.
    reasons = _mapping(error.get("metadata")).get("reasons")
    if isinstance(reasons, list) and reasons:
        words += f" ({', '.join(str(reason)[:40] for reason in reasons[:5])})"
    return f"OpenRouter answered {status} when asked to {task}" + (f": {words}" if words else ".")


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    number = amount(value)
    return None if number is None else math.floor(number)
