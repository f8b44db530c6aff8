"""The order in which models are asked until one gives a usable answer: attempts, deadline and money of one ask.

OpenRouter's own `models` list is not used: it would hide who failed and why, and ask on where asking on is wrong.

| the model | consequence |
| --- | --- |
| 429, 5xx, an error inside HTTP 200 | the chosen model has three attempts, each fallback one; then the next |
| unknown or retired, prompt too long, 403 of one provider, its moderation or a region | the next model at once |
| no text, because its room went into reasoning | the same model once with more room, see `reasoning`; then the next |
| an answer without a choice or a text, a declined one, one that was cut off | the next model at once; it may be paid |
| 401, 402, a 403 of the key (`KeyRefused`) | the end: every model would refuse |
| no answer in time, a broken connection, no JSON (`OutcomeUnknown`) | the next model; it counts as paid in full |

Worst case of one ask: no request begins later than `BEGIN_SECONDS` after the first, and a request lasts 5 s of
connecting and `ANSWER_SECONDS`: 215 s with any number of models. At most `MAX_PAID_ANSWERS` answers are paid, and
before each one after the first `Needs.may_spend` is asked for the total, which extends the reservation in the budget.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ceos.clients.http.api import ATTEMPTS, Answer
from ceos.clients.openrouter.api import (
    OpenRouterApi,
    Usage,
    first_choice,
    read_reasoning_tokens,
    read_text,
    read_tool_calls,
    read_usage,
)
from ceos.clients.openrouter.prices import Catalogue
from ceos.clients.openrouter.reasoning import Room, Rooms, Wish
from ceos.clients.openrouter.stream import stream
from ceos.clients.openrouter.types import Completion
from ceos.errors import (
    AnswerUnusable,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    ServiceError,
    ServiceUnavailable,
)
from ceos.logs import event, redact

log = logging.getLogger(__name__)

#: The longest a model may write before its answer arrives.
ANSWER_SECONDS = 90.0
#: After so many seconds no further request of an ask begins, and no further attempt of the chosen model while there are
#: fallbacks, so that time for them is left.
BEGIN_SECONDS, CHOSEN_SECONDS = 120.0, 30.0
#: The answers of one ask that may be paid.
MAX_PAID_ANSWERS = 3

#: The characters that are quoted of the words with which a model declined.
MAX_REFUSAL_CHARACTERS = 120

_PATH = "/chat/completions"
#: The statuses with which an unknown or retired model is refused, among others.
_UNKNOWN_MODEL = (400, 404)
#: The reasons of an answer that ended before its text did.
_CUT = ("length", "content_filter")
_NO_TEXT = "No model wrote a text; choose another one, lower models.reasoning, or raise models.max_tokens."


@dataclass(frozen=True)
class Route:
    """One way to ask: a model and the body for it."""

    model: str
    body: dict[str, Any]
    #: Only worth a try when the route before it was refused.
    after_refusal: bool = False


@dataclass(frozen=True)
class Needs:
    """The needs of an ask: the tokens of its prompt and of its answer, and the permission to pay for them."""

    prompt_tokens: int
    wish: Wish
    #: Asked before each further answer, with the most that all answers together may then cost in USD.
    may_spend: Callable[[float], bool] = lambda _: True
    #: See `Terms`.
    whole: bool = True
    watch: Callable[[str], None] | None = None
    #: The USD that were paid before this ask for the same purpose.
    spent_usd: float = 0.0


@dataclass
class _Progress:
    """The progress of one ask."""

    begun: float
    spent_usd: float
    paid_answers: int = 0
    is_estimate: bool = False
    failures: list[ServiceError] = field(default_factory=list)
    #: The first answer that has a text, but was cut off.
    cut: Completion | None = None

    def add_cost(self, usd: float, *, is_estimate: bool) -> None:
        """Add the cost of one answer."""
        self.spent_usd += usd
        self.paid_answers += usd > 0
        self.is_estimate = self.is_estimate or is_estimate

    def with_all_costs(self, completion: Completion) -> Completion:
        """Return a completion with the cost of all answers."""
        return completion.model_copy(update={"cost_usd": self.spent_usd, "cost_is_estimate": self.is_estimate})


class Fallback:
    """Asks models in order; safe to share between threads."""

    def __init__(
        self,
        api: OpenRouterApi,
        catalogue: Catalogue,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._catalogue = catalogue
        self._rooms = Rooms(catalogue.reasoner, clock=clock)
        self._answer_seconds = answer_seconds
        self._clock = clock

    def answer(self, routes: Sequence[Route], needs: Needs) -> Completion:
        """Return the first usable answer, with the cost of all answers; else the first one that was only cut off.

        Raises `AnswerUnusable` when an answer was paid and none has a text; `OutcomeUnknown` when one may have been;
        otherwise one error for all failures, one that may pass if there is any. Its `cost_usd` is the amount that was
        paid.
        """
        progress = _Progress(self._clock(), needs.spent_usd)
        ordered = sorted(routes, key=lambda route: self._rooms.is_silent(route.model, needs.wish))
        for route in ordered:
            if progress.failures and route.after_refusal and type(progress.failures[-1]) is not RequestRefused:
                continue
            room: Room | None = self._rooms.first(route.model, needs.wish)
            while room is not None and self._may_ask(route.model, room, needs, progress):
                try:
                    completion = self._ask(route, room, ordered, needs, progress)
                except KeyRefused as error:
                    error.cost_usd = progress.spent_usd
                    raise
                except OutcomeUnknown as error:
                    # It may have been billed to the end of its room.
                    progress.add_cost(self._cost_usd(route.model, room, needs), is_estimate=True)
                    self._note(route.model, error, progress)
                    break
                except (RateLimited, ServiceUnavailable, RequestRefused) as error:
                    self._note(route.model, error, progress)
                    room = self._rooms.after_refusal(route.model, room, needs.wish, error)
                    continue
                if self._settle(completion, needs, progress):
                    return progress.with_all_costs(completion)
                used_up = completion.finish_reason == "length" and _is_without_text(completion)
                room = self._rooms.after_silence(route.model, room, needs.wish) if used_up else None
        if progress.cut is not None:
            return progress.with_all_costs(progress.cut)
        raise _summary(progress)

    def max_cost_usd(self, model: str, needs: Needs) -> float:
        """Return the most that the first answer of a model can cost."""
        # The price first: it brings the catalogue, which says whether the model reasons.
        price = self._catalogue.price(model)
        return price.most(needs.prompt_tokens, self._rooms.first(model, needs.wish).tokens)

    def _cost_usd(self, model: str, room: Room, needs: Needs) -> float:
        """Return the most that one request can cost."""
        return self._catalogue.price(model).most(needs.prompt_tokens, room.tokens)

    def _may_ask(self, model: str, room: Room, needs: Needs, progress: _Progress) -> bool:
        """Say whether a request may be sent: there is time for it, and another answer may be paid."""
        if progress.failures:
            is_late = self._clock() - progress.begun >= BEGIN_SECONDS
            if is_late or progress.paid_answers >= MAX_PAID_ANSWERS:
                return False
        if not progress.spent_usd:
            return True
        allowed = needs.may_spend(progress.spent_usd + self._cost_usd(model, room, needs))
        if not allowed:
            progress.failures.append(RequestRefused(f"The budget does not allow {model} after that."))
        return allowed

    def _settle(self, completion: Completion, needs: Needs, progress: _Progress) -> bool:
        """Add the cost of an answer, record its failure if there is one, and say whether it can be used."""
        progress.add_cost(completion.cost_usd, is_estimate=completion.cost_is_estimate)
        if completion.tool_calls:
            return True
        has_text = not _is_without_text(completion)
        if has_text and not (needs.whole and completion.finish_reason in _CUT):
            return True
        if has_text and progress.cut is None:
            progress.cut = completion
        self._note(completion.model, _unusable(completion), progress)
        return False

    def _ask(self, route: Route, room: Room, routes: Sequence[Route], needs: Needs, progress: _Progress) -> Completion:
        is_chosen = route.model == routes[0].model
        has_fallbacks = routes[-1].model != route.model
        begin_within = CHOSEN_SECONDS if is_chosen and has_fallbacks else BEGIN_SECONDS
        body, task = {"model": route.model, **route.body, **room.body()}, f"write with {route.model}"
        seconds = self._answer_seconds
        answer = self._api.repeat(
            lambda: (
                self._api.send("POST", _PATH, task=task, effect="billed", body=body, seconds=seconds)
                if needs.watch is None
                else stream(self._api, _PATH, body, task=task, seconds=seconds, watch=needs.watch)
            ),
            effect="billed",
            attempts=ATTEMPTS if is_chosen else 1,
            begin_within=max(begin_within - (self._clock() - progress.begun), 0.0),
            clock=self._clock,
        )
        return self._completion(route.model, answer, room, needs)

    def _completion(self, asked: str, answer: Answer, room: Room, needs: Needs) -> Completion:
        body: dict[str, Any] = answer.body if isinstance(answer.body, dict) else {}
        choice = first_choice(body)
        message = choice["message"] if isinstance(choice.get("message"), dict) else {}
        model = body["model"] if isinstance(body.get("model"), str) and body["model"] else asked
        reason = choice.get("finish_reason")
        text, calls = read_text(message.get("content")), read_tool_calls(message.get("tool_calls"))
        refusal = read_text(message.get("refusal"))
        usage = read_usage(body)
        cost = usage.cost
        if cost is None:
            # Nothing written and no reason given is a host that was not ready; it is not billed.
            is_free = bool(choice) and not (text or calls or refusal or reason)
            written = room.tokens if usage.completion is None else usage.completion
            cost = 0.0 if is_free else self._estimate({asked, model}, usage, needs.prompt_tokens, written)
        return Completion(
            text=text,
            model=model,
            finish_reason=reason if isinstance(reason, str) else None,
            cost_usd=cost,
            cost_is_estimate=usage.cost is None,
            prompt_tokens=usage.prompt or 0,
            cached_tokens=usage.cached,
            cache_write_tokens=usage.written,
            completion_tokens=usage.completion or 0,
            reasoning_tokens=read_reasoning_tokens(body),
            tool_calls=calls,
            refusal=refusal,
            generation_id=str(body.get("id") or answer.headers.get("X-Generation-Id") or ""),
        )

    def _estimate(self, models: set[str], usage: Usage, prompt: int, written: int) -> float:
        """Price an answer without a cost: by the most expensive of `models`; `prompt` is for an unknown prompt."""
        prices = [self._catalogue.price(model) for model in models]
        if not usage.prompt:
            return max(price.most(prompt, written) for price in prices)
        return max(price.of(usage.prompt, written, usage.cached, usage.written) for price in prices)

    def _note(self, model: str, error: ServiceError, progress: _Progress) -> None:
        progress.failures.append(error)
        if isinstance(error, RequestRefused) and error.status in _UNKNOWN_MODEL:
            self._catalogue.doubt(model)
        fields = event("openrouter.model_failed", model=model, status=error.status, reason=str(error))
        log.warning("A model did not answer", extra=fields)


def _is_without_text(completion: Completion) -> bool:
    return not completion.text.strip() and not completion.tool_calls


def _unusable(completion: Completion) -> ServiceError:
    """Return the error for an unusable answer; a free one may be better at the next attempt."""
    used = f"its {completion.completion_tokens:,} tokens" if completion.completion_tokens else "all of its tokens"
    if completion.refusal.strip() and _is_without_text(completion):
        said = " ".join(redact(completion.refusal).split())
        words = f"declined: {said[:MAX_REFUSAL_CHARACTERS]}"
    elif completion.finish_reason == "content_filter":
        words = "was stopped by the content filter of its provider"
    elif not _is_without_text(completion):
        words = f"was cut off when {used} were used"
    elif completion.finish_reason == "length" and completion.reasoning_tokens:
        words = f"used {completion.reasoning_tokens:,} of {used} for reasoning and wrote no text"
    elif completion.finish_reason == "length":
        words = f"used {used} and wrote no text"
    else:
        words = "gave an empty answer"
    message = f"{completion.model} {words.rstrip('.')}."
    return AnswerUnusable(message) if completion.cost_usd else ServiceUnavailable(message, status=200)


def _summary(progress: _Progress) -> ServiceError:
    """Return one error for all failures, with all their messages."""
    failures = progress.failures
    if not failures:
        return RequestRefused("OpenRouter was asked without a model.")
    words = " ".join(map(str, failures))
    unknown = [error for error in failures if isinstance(error, OutcomeUnknown)]
    if any(isinstance(error, AnswerUnusable) for error in failures) or (progress.spent_usd and not unknown):
        return AnswerUnusable(f"{_NO_TEXT} {words}", cost_usd=progress.spent_usd)
    message = words if len(failures) == 1 else f"None of the models asked could answer. {words}"
    if unknown:
        return OutcomeUnknown(message, status=unknown[-1].status)
    passing = [error for error in failures if isinstance(error, RateLimited | ServiceUnavailable)]
    if not passing:
        return RequestRefused(message, status=failures[-1].status)
    last = passing[-1]
    return type(last)(message, status=last.status, retry_after=last.retry_after)
