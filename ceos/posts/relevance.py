"""The relevance of topics and casts to an agent, scored by a model, or by their words where no model can be asked."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, create_model

from ceos.clients.openrouter.client import Message
from ceos.domain.agent import Agent
from ceos.domain.topics import Relevance, keywords
from ceos.domain.untrusted import as_data
from ceos.errors import KeyRefused, LimitReached, ServiceError
from ceos.logs import event
from ceos.posts.prompt import fill
from ceos.runs.paid_model import PaidModel

log = logging.getLogger(__name__)

#: Subjects in one request, and tokens for the score of one.
BATCH, TOKENS = 10, 80
#: The score of words that stand in the text only, not in the title.
TEXT_ONLY = 0.7


@dataclass(frozen=True)
class Subject:
    """A topic or a cast whose relevance is asked for; all of it is untrusted text."""

    title: str
    texts: tuple[str, ...]
    #: The data that a model is shown.
    shown: Mapping[str, Any]


class SubjectScore(BaseModel):
    """A model's answer about one subject; the reason comes first, so that the model writes it first."""

    reason: str
    relevance: float


class RelevanceScorer:
    """Scores subjects for agents, within their budgets."""

    def __init__(self, model: PaidModel) -> None:
        self._model = model

    def score(
        self, agent: Agent, subjects: Mapping[str, Subject], *, template: str, call: str, share: float = 1.0
    ) -> dict[str, Relevance]:
        """Return the relevance of each subject to the agent, under the subject's key.

        `template` is the system prompt; `call` names the requests for the budget, of which they may use `share`.
        Raises `LimitReached` when the budget is used up, and `KeyRefused`: then no post can be written either.
        """
        keys, found = list(subjects), dict[str, Relevance]()
        for start in range(0, len(keys), BATCH):
            batch = {key: subjects[key] for key in keys[start : start + BATCH]}
            try:
                found |= self._ask(agent, batch, template, f"{call}:{start}", share)
            except (KeyRefused, LimitReached):
                raise
            except ServiceError as error:
                log.warning("Relevance is scored by words", extra=event("relevance.by_words", error=str(error)))
                return found | {key: by_words(agent, subjects[key]) for key in keys[start:]}
        return found

    def _ask(
        self, agent: Agent, subjects: Mapping[str, Subject], template: str, call: str, share: float
    ) -> dict[str, Relevance]:
        answer, _ = self._model.ask_json(
            agent, request(agent, list(subjects.values()), template), schema_for(len(subjects)),
            call=call, max_tokens=TOKENS * (len(subjects) + 1), share=share,
        )  # fmt: skip
        return {key: _relevance(getattr(answer, f"subject_{number}")) for number, key in enumerate(subjects, start=1)}


def request(agent: Agent, subjects: Sequence[Subject], template: str) -> list[Message]:
    """Return the messages that ask a model about subjects; their untrusted text is in a message of its own."""
    persona = agent.persona
    system = fill(
        template,
        name=agent.name,
        bio=persona.bio,
        topics=", ".join(persona.topics),
        avoid=", ".join(persona.avoid) or "nothing in particular",
    )
    data = "\n".join(
        f'<subject number="{number}">\n{as_data(subject.shown)}\n</subject>'
        for number, subject in enumerate(subjects, start=1)
    )
    task = f"SubjectScore subjects 1 to {len(subjects)}, each by its number: the reason, and the relevance from 0 to 1."
    return [
        Message(role="system", content=system, cache=True),
        Message(role="user", content=fill("relevance_subjects", subjects=data)),
        Message(role="user", content=task),
    ]


@cache
def schema_for(count: int) -> type[BaseModel]:
    """Return the schema of an answer about `count` subjects: a model can neither leave one out nor invent one."""
    fields: dict[str, Any] = {f"subject_{number}": (SubjectScore, ...) for number in range(1, count + 1)}
    return create_model("Relevance", **fields)


def _relevance(score: SubjectScore) -> Relevance:
    value = score.relevance if math.isfinite(score.relevance) else 0.0
    return Relevance(value=min(max(value, 0.0), 1.0), reason=" ".join(score.reason.split())[:200], by="model")


def by_words(agent: Agent, subject: Subject) -> Relevance:
    """Return the relevance of a subject by the words that it shares with one of the agent's topics.

    1 when the title has every significant word of the topic, less for a part of them, and 0.7 of that for words that
    only the texts have.
    """
    named = keywords(subject.title)
    said = named.union(*(keywords(text) for text in subject.texts))
    best, topic = 0.0, ""
    for one in agent.persona.topics:
        wanted = keywords(one)
        if wanted:
            share = max(len(wanted & named), TEXT_ONLY * len(wanted & said)) / len(wanted)
            best, topic = max((best, topic), (share, one), key=lambda pair: pair[0])
    reason = f"shares words with {topic!r}" if topic else "shares no word with any topic of the agent"
    return Relevance(value=best, reason=reason, by="words")
