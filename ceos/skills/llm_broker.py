"""Asks language models for skills, at an agent's expense."""

from __future__ import annotations

from collections.abc import Iterable

from ceos.clients.http.abandonable import Beside
from ceos.clients.openrouter.client import Completion, Message, OpenRouter
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.errors import HostRefused, LimitReached, ServiceError, StoreUnavailable
from ceos.runs.budget import Budget

#: Answers of models that may be under way for skills at once in this process, those nobody waits for any more included.
MODEL_CALLS = 16

SYSTEM = (
    "You help a small program that prepares a post for a social network. Do what the message asks and answer with the "
    "result only: no greeting, no explanation."
)

_model_calls = Beside("ceos-skill-model", MODEL_CALLS)


class LLMBroker:
    """Asks models for a skill at an agent's expense: its models, its daily budget."""

    def __init__(
        self, agent: Agent, openrouter: OpenRouter, budget: Budget, clock: Clock, names: Iterable[str]
    ) -> None:
        self._agent = agent
        self._openrouter = openrouter
        self._budget = budget
        self._clock = clock
        self._names = iter(names)

    def ask(self, prompt: str, *, max_tokens: int, max_usd: float, deadline: float) -> Completion:
        """Return what a model writes; raises `HostRefused`, at `deadline` (monotonic seconds) at the latest.

        The answer cannot be called off: it ends by itself, and books what it cost.
        """
        name = next(self._names)
        try:
            return _model_calls.run(lambda: self._ask(prompt, max_tokens, max_usd, name), deadline)
        except TimeoutError:
            raise HostRefused("The model did not answer in time.") from None
        except LimitReached as error:
            raise HostRefused("The agent's budget of today does not allow another answer of a model.") from error
        except (ServiceError, StoreUnavailable) as error:
            raise HostRefused("No model can be asked now.") from error

    def _ask(self, prompt: str, max_tokens: int, max_usd: float, name: str) -> Completion:
        messages = [Message(role="system", content=SYSTEM), Message(role="user", content=prompt)]
        models = (self._agent.models.text, *self._agent.models.fallbacks)
        worst = {
            model: self._openrouter.worst_case_usd(messages, models=(model,), max_tokens=max_tokens) for model in models
        }
        # A model too dear for the skill leaves the ones it can afford.
        affordable = [model for model in models if worst[model] <= max_usd]
        if not affordable:
            raise HostRefused(
                f"An answer may cost {min(worst.values()):.4f} USD, and {max_usd:.4f} USD is left of what the manifest "
                "allows; ask for fewer tokens, or shorten the prompt."
            )
        most = max(worst[model] for model in affordable)
        with self._budget.reserve(self._agent, name, most, self._clock.now()) as reservation:
            completion = self._openrouter.complete(
                messages, models=affordable, max_tokens=max_tokens, user=self._agent.id
            )
            reservation.settle(completion.cost_usd)
        return completion
