"""OpenRouter writes: texts, streams of text, and JSON of a given shape, each with its cost in USD.

Several models are asked in order, one request each, and we do the falling over ourselves: OpenRouter's own `models`
list would also move on after a moderation flag. Who is asked next:

- `KeyRefused` (401, 402, 403, moderation): no model; every one would refuse.
- `RateLimited`, `ServiceUnavailable`, `RequestRefused` (unknown model, too long a prompt): the next model at once.
  Models before the last get one attempt, the last gets three, 1 s and 2 s apart or as `Retry-After` says, at most 8 s.
- `OutcomeUnknown` (no answer in time, a broken connection, an unreadable answer): no model; the call may have been
  billed, so the caller books its reservation, and the stage decides whether to pay again.

Worst case of a call: no attempt begins later than `BEGIN_SECONDS` after the first, and one lasts 5 s of connecting and
`ANSWER_SECONDS`: 155 s with any number of models. Only one generation of a call is ever billed. `complete_json` makes
at most two such calls.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ceos.clients.http.api import ATTEMPTS, Answer
from ceos.clients.openrouter import strict_json
from ceos.clients.openrouter.api import OpenRouterApi, first_choice, read_text, read_tool_calls, read_usage
from ceos.clients.openrouter.prices import Catalogue
from ceos.clients.openrouter.stream import STREAM_SECONDS, Collected, collect
from ceos.clients.openrouter.types import Completion, KeyInfo, Message, Tool, ToolCall, prompt_tokens
from ceos.errors import AnswerUnusable, KeyRefused, RateLimited, RequestRefused, ServiceError, ServiceUnavailable
from ceos.logs import event

__all__ = ["Completion", "KeyInfo", "Message", "OpenRouter", "Stream", "Tool", "ToolCall"]

log = logging.getLogger(__name__)

#: The longest a model may write before its answer arrives.
ANSWER_SECONDS = 90.0
#: After so many seconds no further attempt of a call begins.
BEGIN_SECONDS = 60.0
#: Some hosts refuse to write less.
MIN_TOKENS = 16

_PATH = "/chat/completions"

_T = TypeVar("_T")
_Record = TypeVar("_Record", bound=BaseModel)


@dataclass(frozen=True)
class _Route:
    """One way to ask: a model and the body for it."""

    model: str
    body: dict[str, Any]
    #: Only worth a try when the route before it was refused.
    after_refusal: bool = False


class Stream:
    """The text of an answer while it is being written; iterate once, then read `completion`.

        stream = openrouter.stream(messages, models=models, max_tokens=400)
        for piece in stream:
            print(piece, end="")
        print(stream.completion.cost_usd)

    The request is sent by the first step of the iteration, and errors are raised there, as for `OpenRouter.complete`.
    Leaving the loop early closes the connection; some hosts bill the whole answer all the same.
    """

    def __init__(self, pieces: Generator[str, None, Completion]) -> None:
        self._pieces = pieces
        self._completion: Completion | None = None

    def __iter__(self) -> Iterator[str]:
        with closing(self._pieces):
            self._completion = yield from self._pieces

    @property
    def completion(self) -> Completion:
        """The whole answer and its cost; only after the last piece."""
        if self._completion is None:
            raise RuntimeError("The stream has not been read to its end.")
        return self._completion


class OpenRouter:
    """One account at OpenRouter; safe to share between threads."""

    def __init__(
        self,
        key: str | None,
        base_url: str = "https://openrouter.ai/api/v1",
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._api = OpenRouterApi(
            "OpenRouter",
            base_url,
            key=key,
            key_variable="OPENROUTER_API_KEY",
            headers=lambda key: {"Authorization": f"Bearer {key}", "X-OpenRouter-Title": "ceos"},
            sleep=sleep,
        )
        self._catalogue = Catalogue(self._fetch_models, clock=clock)

    def complete(
        self,
        messages: Sequence[Message],
        *,
        models: Sequence[str],
        max_tokens: int,
        temperature: float | None = None,
        user: str | None = None,
        tools: Sequence[Tool] = (),
        may_call: bool = True,
    ) -> Completion:
        """Return the text of the first of `models` that answers.

        `user` names the agent, so that a host that blocks one agent does not block the account. The text may be empty
        (a refusal, or tool calls only) or cut short: see `finish_reason`. A conversation that has used `tools` goes on
        naming them; without `may_call` the model may not use them again. Errors and worst case: see the module.
        """
        body = _body(messages, max_tokens, user=user, temperature=temperature, tools=tools)
        if tools and not may_call:
            body["tool_choice"] = "none"
        return self._answer([_Route(model, body) for model in models], messages, max_tokens, tools)

    def stream(
        self,
        messages: Sequence[Message],
        *,
        models: Sequence[str],
        max_tokens: int,
        temperature: float | None = None,
        user: str | None = None,
        tools: Sequence[Tool] = (),
        seconds: float = STREAM_SECONDS,
    ) -> Stream:
        """Return the answer piece by piece; models fall over, one attempt each, until the first piece has arrived.

        A stream that breaks off, or that is not over after `seconds`, raises `OutcomeUnknown`: the yielded text is
        incomplete, and it may have been billed.
        """
        body = _body(messages, max_tokens, user=user, temperature=temperature, tools=tools) | {"stream": True}
        routes = [_Route(model, body) for model in models]
        return Stream(self._pieces(routes, prompt_tokens(messages, tools), max_tokens, seconds))

    def complete_json(
        self,
        messages: Sequence[Message],
        schema: type[_Record],
        *,
        models: Sequence[str],
        max_tokens: int,
        user: str | None = None,
    ) -> tuple[_Record, Completion]:
        """Return the answer as a `schema` object, and the completion with the cost of all attempts.

        A model whose hosts cannot enforce a schema is asked for JSON in words instead. An answer that does not fit is
        shown to the model once, with its problem; after that, `AnswerUnusable` carries the cost of all attempts.
        """
        # No temperature: with `require_parameters`, a model that has none would lose all of its hosts.
        first = self._answer(self._json_routes(messages, schema, models, max_tokens, user), messages, max_tokens)
        try:
            return strict_json.find(schema, first.text), first
        except ValueError as error:
            problem = str(error)
        again = _repair(messages, schema, first.text, problem)
        try:
            second = self._answer(self._json_routes(again, schema, models, max_tokens, user), again, max_tokens)
        except (RateLimited, ServiceUnavailable, RequestRefused) as error:
            raise AnswerUnusable(
                f"{_misfit(first, problem)} Asking again failed: {error}", cost_usd=first.cost_usd
            ) from None
        both = first.plus(second)
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
        tools: Sequence[Tool] = (),
        schema: type[BaseModel] | None = None,
    ) -> float:
        """Return the most that a call can cost, to set aside before it; with `schema`, the most of `complete_json`.

        Computed with the most expensive model and a token for every two bytes. Never fails, and asks the network at
        most once an hour; a model of unknown price counts as 15 USD (prompt) and 75 USD (answer) per million tokens.
        """
        prompt, answer = prompt_tokens(messages, tools), max(max_tokens, MIN_TOKENS)
        prices = [self._catalogue.price(model) for model in models]
        if schema is None:
            return max((price.of(prompt, answer) for price in prices), default=0.0)
        # The second request repeats the first, with the schema in words, the answer, and its problem.
        prompt += len(str(strict_json.response_format(schema)))
        both = (price.of(prompt, answer) + price.of(prompt + answer + 1000, answer) for price in prices)
        return max(both, default=0.0)

    def models_exist(self, names: Sequence[str]) -> list[str]:
        """Return those of `names` that OpenRouter does not list; raises a `ServiceError` when it does not say."""
        return self._catalogue.missing(list(names))

    def key_info(self) -> KeyInfo:
        """Return the limits and the spending of the key."""
        answer = self._api.call("GET", "/key", task="describe the key", effect="read")
        try:
            return KeyInfo.model_validate(answer.body["data"])
        except (ValidationError, KeyError, TypeError):
            raise ServiceUnavailable("OpenRouter gave an unreadable answer when asked to describe the key.") from None

    def _fetch_models(self) -> Any:
        # One short attempt: a post waits for it, and a conservative price will do.
        return self._api.call("GET", "/models", task="list its models", effect="read", seconds=10, attempts=1).body

    def _answer(
        self, routes: Sequence[_Route], messages: Sequence[Message], max_tokens: int, tools: Sequence[Tool] = ()
    ) -> Completion:
        def ask(route: _Route, attempts: int, begin_within: float) -> Answer:
            return self._api.call(
                "POST",
                _PATH,
                task=f"write with {route.model}",
                effect="billed",
                body={"model": route.model, **route.body},
                seconds=ANSWER_SECONDS,
                attempts=attempts,
                begin_within=begin_within,
            )

        route, answer = self._first_able(routes, ask)
        generation = str(answer.headers.get("X-Generation-Id") or "")
        return self._completion(route.model, answer.body, generation, prompt_tokens(messages, tools), max_tokens)

    def _pieces(
        self, routes: Sequence[_Route], prompt_guess: int, max_tokens: int, seconds: float
    ) -> Generator[str, None, Completion]:
        def ask(route: _Route, attempts: int, begin_within: float) -> tuple[Collected, str, Generator[str, None, None]]:
            del attempts, begin_within
            collected = Collected()
            body = {"model": route.model, **route.body}
            pieces = collect(self._api, _PATH, body, collected, task=f"write with {route.model}", seconds=seconds)
            # The first piece is fetched here, where the next model can still take over.
            return collected, next(pieces, ""), pieces

        route, (collected, first, pieces) = self._first_able(routes, ask)
        with closing(pieces):
            if first:
                yield first
            yield from pieces
        return self._completion(route.model, collected.answer(), collected.generation_id, prompt_guess, max_tokens)

    def _first_able(self, routes: Sequence[_Route], ask: Callable[[_Route, int, float], _T]) -> tuple[_Route, _T]:
        """Ask along the routes until one gives an answer; raises one error for the failures of all of them."""
        begun, failures = self._clock(), list[ServiceError]()
        for route in routes:
            left = BEGIN_SECONDS - (self._clock() - begun)
            if failures and (left <= 0 or (route.after_refusal and type(failures[-1]) is not RequestRefused)):
                continue
            try:
                return route, ask(route, ATTEMPTS if route.model == routes[-1].model else 1, max(left, 0.0))
            except KeyRefused:
                raise
            except (RateLimited, ServiceUnavailable, RequestRefused) as error:
                failures.append(error)
                fields = event("openrouter.model_failed", model=route.model, status=error.status, reason=str(error))
                log.warning("A model did not answer", extra=fields)
        raise _summary(failures)

    def _completion(self, asked: str, body: Any, generation: str, prompt_guess: int, max_tokens: int) -> Completion:
        choice = first_choice(body)
        message = choice.get("message") or {}
        model = body["model"] if isinstance(body.get("model"), str) and body["model"] else asked
        reason = choice.get("finish_reason")
        cost, prompt, completion = read_usage(body)
        return Completion(
            text=read_text(message.get("content")),
            model=model,
            finish_reason=reason if isinstance(reason, str) else None,
            cost_usd=self._estimate(asked, model, prompt or prompt_guess, completion, max_tokens)
            if cost is None
            else cost,
            cost_is_estimate=cost is None,
            prompt_tokens=prompt or 0,
            completion_tokens=completion or 0,
            tool_calls=read_tool_calls(message.get("tool_calls")),
            generation_id=str(body.get("id") or generation),
        )

    def _estimate(self, asked: str, answered: str, prompt: int, completion: int | None, max_tokens: int) -> float:
        """Price an answer without a cost: by the more expensive of the model asked and the one that answered."""
        tokens = max(max_tokens, MIN_TOKENS) if completion is None else completion
        return max(self._catalogue.price(model).of(prompt, tokens) for model in {asked, answered})

    def _json_routes(
        self,
        messages: Sequence[Message],
        schema: type[BaseModel],
        models: Sequence[str],
        max_tokens: int,
        user: str | None,
    ) -> list[_Route]:
        """Return two routes a model: with an enforced schema, and with the schema in words should that be refused."""
        enforced = _body(messages, max_tokens, user=user) | {
            "response_format": strict_json.response_format(schema),
            # Without it, hosts that do not know `response_format` may ignore it.
            "provider": {"require_parameters": True},
        }
        in_words = _body([*messages, Message(role="user", content=_in_words(schema))], max_tokens, user=user)
        routes = []
        for model in models:
            can_enforce = not self._catalogue.lacks(model, "structured_outputs")
            if can_enforce:
                routes.append(_Route(model, enforced))
            routes.append(_Route(model, in_words, after_refusal=can_enforce))
        return routes


def _body(
    messages: Sequence[Message],
    max_tokens: int,
    *,
    user: str | None,
    temperature: float | None = None,
    tools: Sequence[Tool] = (),
) -> dict[str, Any]:
    # The old name, not max_completion_tokens: every host knows it, and `require_parameters` drops hosts that do not.
    body: dict[str, Any] = {
        "messages": [message.wire() for message in messages],
        "max_tokens": max(max_tokens, MIN_TOKENS),
    }
    if temperature is not None:
        body["temperature"] = temperature
    if user is not None:
        body["user"] = user
    if tools:
        body["tools"] = [tool.wire() for tool in tools]
    return body


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


def _summary(failures: Sequence[ServiceError]) -> ServiceError:
    """Return one error for all failures, with all their messages: a retryable one if there is any."""
    if not failures:
        return RequestRefused("OpenRouter was asked without a model.")
    if len(failures) == 1:
        return failures[0]
    passing = [error for error in failures if isinstance(error, RateLimited | ServiceUnavailable)]
    message = f"None of the models asked could answer. {' '.join(map(str, failures))}"
    if not passing:
        return RequestRefused(message, status=failures[-1].status)
    last = passing[-1]
    return type(last)(message, status=last.status, retry_after=last.retry_after)
