"""The questions to a judge, and the meaning of its answer; `posts/judge.py` asks them.

A judge is a model that sees a finished text, the agent's name and bio, and the kind of the text. It sees neither the
instructions nor any untrusted text, so an author who has talked the writer into something has not talked to the judge.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from functools import cache

from pydantic import BaseModel, ConfigDict

from ceos.domain.agent import Agent
from ceos.domain.judging import JudgeCategory
from ceos.domain.posts import Draft
from ceos.domain.text import fit
from ceos.domain.untrusted import as_data
from ceos.guardrails.patterns import load_patterns

#: The part of a bio that the judge reads, in bytes: it is part of the price of every text.
MAX_BIO_BYTES = 600


class Verdict(BaseModel):
    """The answer of a judge about one text; the reason comes first, so that the model writes it first."""

    model_config = ConfigDict(extra="forbid")

    #: The id of the text.
    id: str
    reason: str
    categories: list[JudgeCategory]


@cache
def judge_instructions() -> str:
    """Return the instructions of the judge, which are the same for all agents and texts."""
    lines = [f"- {one['name']}: {one['meaning']}" for one in load_patterns("judge")["category"]]
    return str(load_patterns("judge")["prompt"]).strip().replace("{categories}", "\n".join(lines))


def judge_subject(agent: Agent, draft: Draft) -> str:
    """Return a draft as the judge sees it: one JSON object."""
    parts = [part.text for part in draft.parts]
    subject: dict[str, object] = {
        "account": {"name": agent.name, "bio": fit(agent.persona.bio, MAX_BIO_BYTES)},
        "kind": str(draft.kind),
        "parts": parts,
    }
    if draft.image_prompt:
        subject["picture"] = draft.image_prompt
    return as_data({**subject, "id": text_id(parts, draft.image_prompt)})


def text_id(parts: Sequence[str], picture: str | None) -> str:
    """Return the id that the verdict about a text must repeat.

    It is a digest of the text, so no text can contain its own id, and none can contain a verdict about itself.
    """
    return hashlib.sha256(json.dumps([*parts, picture]).encode()).hexdigest()[:8]


def verdict_violations(verdict: Verdict, allowed: Collection[JudgeCategory]) -> list[str]:
    """Return the violations in a verdict, a sentence each, without those of allowed categories."""
    sentences = _sentences()
    return [sentences[one] for one in dict.fromkeys(verdict.categories) if one not in allowed]


@cache
def _sentences() -> dict[JudgeCategory, str]:
    return {JudgeCategory(one["name"]): one["sentence"] for one in load_patterns("judge")["category"]}
