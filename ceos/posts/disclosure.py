"""The label of finished drafts, for agents that disclose in each post that a program wrote it."""

from __future__ import annotations

from ceos.domain.agent import Agent
from ceos.domain.posts import Draft
from ceos.guardrails.disclosure import labelled


def with_label(agent: Agent, draft: Draft) -> Draft:
    """Return a draft with the agent's label at the end of its last part, if the agent has one."""
    texts = labelled([part.text for part in draft.parts], agent)
    last = draft.parts[-1].model_copy(update={"text": texts[-1]})
    return draft.model_copy(update={"parts": (*draft.parts[:-1], last)})
