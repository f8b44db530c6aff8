"""The one way to ask a language model: the cost is reserved, the model is asked, and the cost is settled."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import TypeVar, Unpack

from pydantic import BaseModel

from ceos.clients.openrouter.client import Completion, Message, OpenRouter
from ceos.clients.openrouter.prices import Catalogue
from ceos.clients.openrouter.successors import resolve
from ceos.clients.openrouter.types import Terms
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.errors import RequestRefused
from ceos.logs import event
from ceos.runs.budget import Budget

log = logging.getLogger(__name__)

_Record = TypeVar("_Record", bound=BaseModel)


class PaidModel:
    """Asks language models at the expense of agents, within their budgets.

    `call` names a request for the budget: two requests of one name share one reservation. `share` is the part of the
    agent's budget that the request may use up. Every method raises `LimitReached` before a request that would not fit,
    and the client's `ServiceError`. The reservation covers one answer and grows before each further one is asked for.
    A model that OpenRouter no longer lists is replaced, see `usable_models`.
    """

    def __init__(self, openrouter: OpenRouter, budget: Budget, clock: Clock, *, catalogue: Catalogue) -> None:
        self._openrouter = openrouter
        self._budget = budget
        self._clock = clock
        self._catalogue = catalogue
        self._reported: set[str] = set()

    def usable_models(self, agent: Agent, models: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the ids to ask, in order: `models`, or those of the agent; retired ones are replaced by successors.

        A model without a successor within `models.max_price_factor` is left out. Raises `RequestRefused` when none is
        left.
        """
        listings = self._catalogue.listings()
        resolved = [resolve(name, listings, agent.models.max_price_factor) for name in models or agent.models.writers]
        for one in resolved:
            if one.is_replaced and one.sentence not in self._reported:
                self._reported.add(one.sentence)
                fields = event("openrouter.model_replaced", model=one.named, used=one.used, reason=one.sentence)
                log.warning("A model is no longer listed", extra=fields)
        usable = tuple(dict.fromkeys(one.used for one in resolved if one.used is not None))
        if not usable:
            raise RequestRefused(f"No model can be asked. {' '.join(one.sentence for one in resolved)}", status=None)
        return usable

    def ask(
        self, agent: Agent, messages: Sequence[Message], *, call: str, max_tokens: int,
        models: Sequence[str] = (), share: float = 1.0, max_usd: float = math.inf, **terms: Unpack[Terms],
    ) -> Completion:  # fmt: skip
        """Return the completion of a model; `models` are those of the agent unless others are named.

        No further answer is paid that could bring the cost above `max_usd`.
        """
        models = self.usable_models(agent, models)
        terms["reasoning"] = agent.models.reasoning
        if terms.get("whole", True):
            # The length of a text that may be cut off is the caller's.
            terms["token_limit"] = agent.models.max_tokens
        first_usd = self._openrouter.worst_case_usd(messages, models=models, max_tokens=max_tokens, **terms)
        with self._budget.reserve(agent, call, first_usd, self._clock.now(), share=share) as reservation:
            completion = self._openrouter.complete(
                messages, models=models, max_tokens=max_tokens, user=agent.id,
                may_spend=lambda usd: usd <= max_usd and reservation.extend(usd), **terms,
            )  # fmt: skip
            reservation.settle(completion.cost_usd)
        _report(call, completion)
        return completion

    def ask_json(
        self, agent: Agent, messages: Sequence[Message], schema: type[_Record], *,
        call: str, max_tokens: int, models: Sequence[str] = (), share: float = 1.0,
    ) -> tuple[_Record, float]:  # fmt: skip
        """Return the answer as a `schema` object, and its cost in USD.

        Raises `AnswerUnusable`, after its cost was settled.
        """
        models = self.usable_models(agent, models)
        first_usd = self._openrouter.worst_case_usd(messages, models=models, max_tokens=max_tokens, schema=schema)
        with self._budget.reserve(agent, call, first_usd, self._clock.now(), share=share) as reservation:
            answer, completion = self._openrouter.complete_json(
                messages, schema, models=models, max_tokens=max_tokens, user=agent.id, may_spend=reservation.extend
            )
            reservation.settle(completion.cost_usd)
        _report(call, completion)
        return answer, completion.cost_usd

    def check_budget(self, agent: Agent, messages: Sequence[Message], *, max_tokens: int, share: float = 1.0) -> None:
        """Raise `LimitReached` if a request to the agent's models would not fit into its budget now."""
        max_usd = self._openrouter.worst_case_usd(
            messages, models=self.usable_models(agent), max_tokens=max_tokens,
            reasoning=agent.models.reasoning, token_limit=agent.models.max_tokens,
        )  # fmt: skip
        self._budget.check(agent, max_usd, self._clock.now(), share=share)

    def max_cost_usd(self, agent: Agent, messages: Sequence[Message], *, model: str, max_tokens: int) -> float:
        """Return the most that one answer of a model can cost, to a caller that is content with a cut one."""
        reasoning = agent.models.reasoning
        return self._openrouter.worst_case_usd(messages, models=(model,), max_tokens=max_tokens, reasoning=reasoning)


def _report(call: str, completion: Completion) -> None:
    """Log a payment, with its purpose and its tokens."""
    counts = completion.model_dump(
        include={"prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens", "cost_usd"}
    )
    log.info("Model paid", extra=event("model.paid", call=call, model=completion.model, **counts))
