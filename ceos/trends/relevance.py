"""How much topics have to do with an agent: a model judges all of them in one call; without a model, words decide."""

from __future__ import annotations

import datetime as dt
import json
import logging
import math
from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, create_model

from ceos.clients.openrouter.client import Message, OpenRouter
from ceos.domain.agent import Agent
from ceos.domain.topics import Trend, keywords
from ceos.errors import AnswerUnusable, KeyRefused, ServiceError
from ceos.guardrails.quality import mentions_any
from ceos.logs import event
from ceos.posts.writer import fill
from ceos.runs.budget import Budget
from ceos.trends.store import Relevance

log = logging.getLogger(__name__)

#: Topics in one call, casts shown of each, and tokens for the judgement of one.
BATCH, SHOWN, TOKENS = 10, 3, 80
#: What a topic is worth that only the casts, not the name of the topic, have in common with the persona.
CASTS_ONLY = 0.7


class Judgement(BaseModel):
    """What the model says of one topic; the reason comes first, so that it is thought of first."""

    reason: str
    relevance: float


class Judge:
    """Judges topics for agents, inside their budgets."""

    def __init__(self, openrouter: OpenRouter, budget: Budget) -> None:
        self._openrouter = openrouter
        self._budget = budget

    def judge(self, agent: Agent, trends: Sequence[Trend], *, call: str, at: dt.datetime) -> dict[str, Relevance]:
        """Return how relevant each topic is to the agent, by slug; `call` names the attempt for the budget.

        Topics with words that the agent avoids are not even shown to the model. Raises `LimitReached` when the budget
        is used up, and `KeyRefused`: then no post could be written either.
        """
        found = {trend.slug: _avoided(agent) for trend in trends if _touches(agent, trend)}
        rest = [trend for trend in trends if trend.slug not in found]
        for start in range(0, len(rest), BATCH):
            batch = rest[start : start + BATCH]
            try:
                found |= self._ask(agent, batch, f"{call}:{start}", at)
            except KeyRefused:
                raise
            except ServiceError as error:
                log.warning("Trends are judged by their words", extra=event("trends.unjudged", error=str(error)))
                found |= {trend.slug: by_words(agent, trend) for trend in rest[start:]}
                break
        return found

    def _ask(self, agent: Agent, trends: Sequence[Trend], call: str, at: dt.datetime) -> dict[str, Relevance]:
        messages, schema = request(agent, trends), schema_for(len(trends))
        models, tokens = (agent.models.text, *agent.models.fallbacks), TOKENS * (len(trends) + 1)
        worst = self._openrouter.worst_case_usd(messages, models=models, max_tokens=tokens, schema=schema)
        with self._budget.reserve(agent, call, worst, at) as reservation:
            try:
                answer, completion = self._openrouter.complete_json(
                    messages, schema, models=models, max_tokens=tokens, user=agent.id
                )
            except AnswerUnusable as error:
                reservation.settle(error.cost_usd)
                failure: ServiceError | None = error
            else:
                reservation.settle(completion.cost_usd)
                failure = None
        # Raised only here: an error out of the block would leave all of the reservation booked.
        if failure:
            raise failure
        return {
            trend.slug: _relevance(getattr(answer, f"topic_{number}")) for number, trend in enumerate(trends, start=1)
        }


def request(agent: Agent, trends: Sequence[Trend]) -> list[Message]:
    """Return the messages that ask a model about topics; what strangers wrote is in a message of its own."""
    persona = agent.persona
    system = fill(
        "trend_relevance",
        name=agent.name,
        bio=persona.bio,
        topics=", ".join(persona.topics),
        avoid=", ".join(persona.avoid) or "nothing in particular",
    )
    topics = "\n".join(
        f'<topic number="{number}">\n{as_data(_shown(trend))}\n</topic>' for number, trend in enumerate(trends, start=1)
    )
    task = f"Judge topics 1 to {len(trends)}, each by its number: the reason, and the relevance from 0 to 1."
    return [
        Message(role="system", content=system),
        Message(role="user", content=fill("trend_topics", topics=topics)),
        Message(role="user", content=task),
    ]


def as_data(value: Any) -> str:
    """Return a value as JSON for a prompt, in which no `<` stands that could end its element."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def _shown(trend: Trend) -> dict[str, Any]:
    return {"name": trend.name, "summary": trend.summary, "casts": [cast.text for cast in trend.casts[:SHOWN]]}


@cache
def schema_for(count: int) -> type[BaseModel]:
    """Return the shape of an answer about so many topics: a model can neither leave one out nor invent one."""
    fields: dict[str, Any] = {f"topic_{number}": (Judgement, ...) for number in range(1, count + 1)}
    return create_model("Relevance", **fields)


def _relevance(judgement: Judgement) -> Relevance:
    value = judgement.relevance if math.isfinite(judgement.relevance) else 0.0
    return Relevance(value=min(max(value, 0.0), 1.0), reason=" ".join(judgement.reason.split())[:200], by="model")


def by_words(agent: Agent, trend: Trend) -> Relevance:
    """Return how relevant a topic is by the words it shares with one of the agent's topics.

    1 when the name and the summary of the trend have every telling word of the agent's topic, less for a part of them,
    and 0.7 of that for words which only the casts have.
    """
    named = keywords(f"{trend.name} {trend.words} {trend.summary}")
    said = named.union(*(keywords(cast.text) for cast in trend.casts))
    best, topic = 0.0, ""
    for one in agent.persona.topics:
        wanted = keywords(one)
        if wanted:
            share = max(len(wanted & named), CASTS_ONLY * len(wanted & said)) / len(wanted)
            best, topic = max((best, topic), (share, one), key=lambda pair: pair[0])
    reason = f"shares words with {topic!r}" if topic else "shares no word with any topic of the agent"
    return Relevance(value=best, reason=reason, by="words")


def _touches(agent: Agent, trend: Trend) -> bool:
    """Say whether a topic, or half of what is said about it, has words that the agent avoids."""
    if mentions_any(f"{trend.name} {trend.words} {trend.summary}", agent.persona.avoid):
        return True
    touching = sum(mentions_any(cast.text, agent.persona.avoid) for cast in trend.casts)
    return touching > 0 and 2 * touching >= len(trend.casts)


def _avoided(agent: Agent) -> Relevance:
    return Relevance(value=0.0, reason=f"touches what {agent.name} avoids", by="words")
