"""Calls of language models by skills, at an agent's expense."""

from __future__ import annotations

from collections.abc import Iterable

from ceos.clients.http.abandonable import AbandonableCall
from ceos.clients.openrouter.client import Completion, Message
from ceos.domain.agent import Agent
from ceos.errors import HostRefused, LimitReached, ServiceError, StoreUnavailable
from ceos.runs.paid_model import PaidModel

#: Concurrent calls of models for skills in this process, abandoned ones included.
MAX_MODEL_CALLS = 16

SYSTEM = (
    "You help a small program that prepares a post for a social network. Do what the message asks and answer with the "
    "result only: no greeting, no explanation."
)

_model_calls = AbandonableCall("ceos-skill-model", MAX_MODEL_CALLS)


class LLMBroker:
    """Asks the agent's models for a skill, within the agent's daily budget."""

    def __init__(self, agent: Agent, model: PaidModel, names: Iterable[str]) -> None:
        self._agent = agent
        self._model = model
        self._names = iter(names)

    def ask(self, prompt: str, *, max_tokens: int, max_usd: float, deadline: float) -> Completion:
        """Return the answer of a model; raises `HostRefused`, at `deadline` (monotonic seconds) at the latest.

        A call cannot be cancelled: an abandoned one ends by itself and settles its cost.
        """
        name = next(self._names)
        try:
            return _model_calls.run(lambda: self._ask(prompt, max_tokens, max_usd, name), deadline)
        except TimeoutError:
            raise HostRefused("The model did not answer in time.") from None
        except LimitReached as error:
            raise HostRefused("The agent's budget of today does not allow another call of a model.") from error
        except (ServiceError, StoreUnavailable) as error:
            raise HostRefused("No model can be asked now.") from error

    def _ask(self, prompt: str, max_tokens: int, max_usd: float, name: str) -> Completion:
        messages = [Message(role="system", content=SYSTEM), Message(role="user", content=prompt)]
        costs = {
            model: self._model.max_cost_usd(self._agent, messages, model=model, max_tokens=max_tokens)
            for model in self._model.usable_models(self._agent)
        }
        # A model too expensive for the skill leaves the ones it can afford.
        affordable = [model for model, cost in costs.items() if cost <= max_usd]
        if not affordable:
            raise HostRefused(
                f"An answer may cost {min(costs.values()):.4f} USD, and {max_usd:.4f} USD is left of what the manifest "
                "allows; ask for fewer tokens, or shorten the prompt."
            )
        # A skill may ask for fewer tokens than a sentence needs, so a text that was cut off is an answer.
        return self._model.ask(
            self._agent, messages, call=name, max_tokens=max_tokens, models=affordable, max_usd=max_usd, whole=False
        )
