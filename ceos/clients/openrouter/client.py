"""OpenRouter writes: texts, and JSON of a given shape, each with its cost in USD.

Several models are asked in order, one request each, and we do the falling over ourselves: see `fallback`, also for the
errors and for the worst case of an ask in seconds and USD. `complete_json` asks at most twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, Unpack

from pydantic import BaseModel, ValidationError

from ceos.clients.openrouter import strict_json
from ceos.clients.openrouter.api import OpenRouterApi
from ceos.clients.openrouter.fallback import ANSWER_SECONDS, Fallback, Needs, Route
from ceos.clients.openrouter.prices import Catalogue
from ceos.clients.openrouter.reasoning import MIN_TOKENS, Wish
from ceos.clients.openrouter.types import Completion, KeyInfo, Message, Terms, Tool, ToolCall, prompt_tokens
from ceos.errors import AnswerUnusable, RateLimited, RequestRefused, ServiceUnavailable

__all__ = ["MIN_TOKENS", "Completion", "KeyInfo", "Message", "OpenRouter", "Tool", "ToolCall"]

_Record = TypeVar("_Record", bound=BaseModel)


class OpenRouter:
    """One account at OpenRouter; safe to share between threads."""

    def __init__(
        self,
        key: str | None,
        base_url: str = "https://openrouter.ai/api/v1",
        *,
        answer_seconds: float = ANSWER_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        catalogue: Catalogue | None = None,
    ) -> None:
        self._api = OpenRouterApi(
            "OpenRouter",
            base_url,
            key=key,
            key_variable="OPENROUTER_API_KEY",
            headers=lambda key: {"Authorization": f"Bearer {key}", "X-OpenRouter-Title": "ceos"},
            sleep=sleep,
        )
        self._catalogue = catalogue or Catalogue(self.fetch_models)
        self._fallback = Fallback(self._api, self._catalogue, answer_seconds=answer_seconds, clock=clock)

    def complete(
        self,
        messages: Sequence[Message],
        *,
        models: Sequence[str],
        max_tokens: int,
        user: str | None = None,
        may_spend: Callable[[float], bool] = lambda _: True,
        **terms: Unpack[Terms],
    ) -> Completion:
        """Return the text of the first of `models` that writes one.

        `user` names the agent, so that a host that blocks one agent does not block the account. There may be tool calls
        instead of a text, and the text may be cut off when no model had a whole one: see `finish_reason`. `may_spend`,
        errors and worst case: see `fallback`.
        """
        tools = terms.get("tools", ())
        choice = {"tool_choice": "none"} if tools and not terms.get("may_call", True) else {}
        routes = [Route(model, _body(model, messages, user=user, tools=tools) | choice) for model in models]
        needs = Needs(
            prompt_tokens(messages, tools),
            _wish(max_tokens, terms),
            may_spend,
            whole=terms.get("whole", True),
            watch=terms.get("watch"),
        )
        return self._fallback.answer(routes, needs)

    def complete_json(
        self,
        messages: Sequence[Message],
        schema: type[_Record],
        *,
        models: Sequence[str],
        max_tokens: int,
        user: str | None = None,
        may_spend: Callable[[float], bool] = lambda _: True,
    ) -> tuple[_Record, Completion]:
        """Return the answer as a `schema` object, and the completion with the cost of all attempts.

        A model whose hosts cannot enforce a schema is asked for JSON in words instead. An answer that does not fit is
        shown to the model once, with its problem; after that, `AnswerUnusable` carries the cost of all attempts. The
        model is asked not to reason.
        """

        def ask(messages: Sequence[Message], spent_usd: float) -> Completion:
            needs = Needs(_json_prompt_tokens(messages, schema), Wish(max_tokens), may_spend, spent_usd=spent_usd)
            return self._fallback.answer(self._json_routes(messages, schema, models, user), needs)

        first = ask(messages, 0.0)
        try:
            return strict_json.find(schema, first.text), first
        except ValueError as error:
            problem = str(error)
        try:
            second = ask(_repair(messages, schema, first.text, problem), first.cost_usd)
        except (RateLimited, ServiceUnavailable, RequestRefused, AnswerUnusable) as error:
            raise AnswerUnusable(
                f"{_misfit(first, problem)} Asking again failed: {error}",
                cost_usd=max(first.cost_usd, error.cost_usd),
            ) from None
        both = first.plus(second).model_copy(update={"cost_usd": second.cost_usd})
        try:
            return strict_json.find(schema, second.text), both
        except ValueError as error:
            raise AnswerUnusable(_misfit(second, str(error)), cost_usd=both.cost_usd) from None

    def worst_case_usd(
        self,
        messages: Sequence[Message],
        *,
        models: Sequence[str],
        max_tokens: int,
        schema: type[BaseModel] | None = None,
        **terms: Unpack[Terms],
    ) -> float:
        """Return the most that the first paid answer can cost, to set aside before it; `schema` as in `complete_json`.

        `may_spend` is asked before a further one. Computed with the most expensive model and a token for every two
        bytes. Never fails, and asks the network at most once a day; a model of unknown price counts as 15 USD (prompt)
        and 75 USD (answer) per million tokens.
        """
        tools = terms.get("tools", ())
        prompt = prompt_tokens(messages, tools) if schema is None else _json_prompt_tokens(messages, schema)
        needs = Needs(prompt, _wish(max_tokens, terms))
        return max((self._fallback.max_cost_usd(model, needs) for model in models), default=0.0)

    def key_info(self) -> KeyInfo:
        """Return the limits and the spending of the key."""
        answer = self._api.call("GET", "/key", task="describe the key", effect="read")
        try:
            return KeyInfo.model_validate(answer.body["data"])
        except (ValidationError, KeyError, TypeError):
            raise ServiceUnavailable("OpenRouter gave an unreadable answer when asked to describe the key.") from None

    def fetch_models(self) -> Any:
        """Return the catalogue as OpenRouter answers it; raises a `ServiceError`."""
        # One short attempt: a post waits for it, and a conservative price will do.
        return self._api.call("GET", "/models", task="list its models", effect="read", seconds=10, attempts=1).body

    def _json_routes(
        self,
        messages: Sequence[Message],
        schema: type[BaseModel],
        models: Sequence[str],
        user: str | None,
    ) -> list[Route]:
        """Return two routes a model: with an enforced schema, and with the schema in words should that be refused."""
        enforced = {
            "response_format": strict_json.response_format(schema),
            # Without it, hosts that do not know `response_format` may ignore it. So no temperature is sent: a model
            # that has none would lose all of its hosts.
            "provider": {"require_parameters": True},
        }
        in_words = [*messages, Message(role="user", content=_in_words(schema))]
        routes = []
        for model in models:
            can_enforce = not self._catalogue.lacks(model, "structured_outputs")
            if can_enforce:
                routes.append(Route(model, _body(model, messages, user=user) | enforced))
            body = _body(model, in_words, user=user)
            routes.append(Route(model, body, after_refusal=can_enforce))
        return routes


def _wish(max_tokens: int, terms: Terms) -> Wish:
    return Wish(max_tokens, terms.get("reasoning", "off"), terms.get("token_limit"))


def _body(model: str, messages: Sequence[Message], *, user: str | None, tools: Sequence[Tool] = ()) -> dict[str, Any]:
    body: dict[str, Any] = {"messages": [message.wire(model) for message in messages]}
    if user is not None:
        body["user"] = user
    if tools:
        body["tools"] = [tool.wire() for tool in tools]
    return body


def _json_prompt_tokens(messages: Sequence[Message], schema: type[BaseModel]) -> int:
    """Return more tokens than the prompt has with the schema, enforced or in words."""
    return prompt_tokens(messages) + len(str(strict_json.response_format(schema)))


def _in_words(schema: type[BaseModel]) -> str:
    wanted = json.dumps(strict_json.strict(schema.model_json_schema()))
    return f"Answer with one JSON object that fits this JSON schema, and with nothing else:\n{wanted}"


def _repair(messages: Sequence[Message], schema: type[BaseModel], answer: str, problem: str) -> list[Message]:
    request = f"That answer cannot be used:\n{problem[:800]}\n\n{_in_words(schema)}"
    shown = [Message(role="assistant", content=answer)] if answer else []
    return [*messages, *shown, Message(role="user", content=request)]


def _misfit(completion: Completion, problem: str) -> str:
    cut = " It was cut short at its token limit." if completion.finish_reason == "length" else ""
    return f"{completion.model} did not answer in the form asked for: {'; '.join(problem.splitlines())[:300]}.{cut}"
