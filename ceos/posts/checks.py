"""The guardrails of a draft: its quality, and the rules of all texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ceos.domain.agent import Agent
from ceos.domain.posts import Brief
from ceos.domain.sketch import Sketched
from ceos.domain.untrusted import texts_in
from ceos.guardrails.quality import quality_violations
from ceos.guardrails.rules import TextContext, rule_violations
from ceos.posts.assignment import UntrustedContext
from ceos.posts.prompt import Material, confidential


def text_context(
    agent: Agent,
    brief: Brief,
    *,
    recent: Sequence[str],
    material: Material,
    links: frozenset[str],
    untrusted: UntrustedContext | None,
) -> TextContext:
    """Return the context of a post: `links` are those of `material` that it may contain."""
    return TextContext(
        agent,
        own=tuple(recent),
        links=links,
        untrusted=untrusted.texts if untrusted else (),
        material=tuple(text for _, answer in material for text in texts_in(answer)),
        prompt=confidential(agent, brief),
    )


def draft_violations(
    parts: Sequence[str],
    *,
    context: TextContext,
    recent: Sequence[Sketched],
    finish_reason: str | None,
) -> list[str]:
    """Return the violations of the parts of a draft, a sentence each; `recent` are the casts it must not repeat."""
    found = quality_violations(
        parts,
        finish_reason=finish_reason,
        recent=recent,
        banned=context.agent.persona.avoid,
        limit=context.agent.text_bytes,
    )
    return [*found, *_rule_sentences(parts, context)]


def image_violations(prompt: str, context: TextContext) -> list[str]:
    """Return the violations of the description of a picture, which may show its words."""
    return _rule_sentences([prompt], dataclasses.replace(context, noun="description of the picture"))


def _rule_sentences(texts: Sequence[str], context: TextContext) -> list[str]:
    return [violation.sentence for violation in rule_violations(texts, context)]
