"""The relevance of trends to an agent; a trend with words that the agent avoids has none."""

from __future__ import annotations

from collections.abc import Sequence

from ceos.domain.agent import Agent
from ceos.domain.topics import Relevance, Trend
from ceos.guardrails.quality import mentions_any
from ceos.posts.relevance import RelevanceScorer, Subject

#: Casts of a trend that a model is shown.
MAX_SHOWN_CASTS = 3


class TrendRelevance:
    """Scores trends for agents, within their budgets."""

    def __init__(self, scorer: RelevanceScorer) -> None:
        self._scorer = scorer

    def score(self, agent: Agent, trends: Sequence[Trend], *, call: str) -> dict[str, Relevance]:
        """Return the relevance of each trend to the agent, by slug; errors as for `RelevanceScorer.score`.

        A model is not shown a trend with words that the agent avoids.
        """
        avoided = Relevance(value=0.0, reason=f"touches what {agent.name} avoids", by="words")
        found = {trend.slug: avoided for trend in trends if touches_avoided(agent, trend)}
        subjects = {trend.slug: as_subject(trend) for trend in trends if trend.slug not in found}
        return found | self._scorer.score(agent, subjects, template="trend_relevance", call=call)


def as_subject(trend: Trend) -> Subject:
    """Return a trend as a subject of the scorer."""
    casts = [cast.text for cast in trend.casts]
    return Subject(
        title=f"{trend.name} {trend.words} {trend.summary}",
        texts=tuple(casts),
        shown={"name": trend.name, "summary": trend.summary, "casts": casts[:MAX_SHOWN_CASTS]},
    )


def touches_avoided(agent: Agent, trend: Trend) -> bool:
    """Say whether the title of a trend, or half of its casts, have words that the agent avoids."""
    if mentions_any(f"{trend.name} {trend.words} {trend.summary}", agent.persona.avoid):
        return True
    touching = sum(mentions_any(cast.text, agent.persona.avoid) for cast in trend.casts)
    return touching > 0 and 2 * touching >= len(trend.casts)
