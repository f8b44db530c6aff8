"""From a brief to a draft: the prompt, the model's answer, its shape, and the review that sends it back once."""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Sequence
from importlib import resources

from ceos.budget import Budget
from ceos.clients.openrouter import Completion, Message, OpenRouter
from ceos.errors import DraftRejected
from ceos.models import Agent, Brief, Draft, Part
from ceos.review import objections
from ceos.text import MAX_PARTS, SPLIT_MARKER, byte_length, clean, split_thread

#: Tokens a model may use for one cast; generous, for some spend tokens on thinking.
TOKENS_PER_PART = 400
#: How many of the agent's last casts the model is shown; the review compares with all fifty.
SHOWN_CASTS = 8

_IMAGE_LINE = re.compile(r"^\s*\**IMAGE\**\s*:\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)


class Writer:
    """Writes drafts with a language model, inside the agent's budget."""

    def __init__(self, openrouter: OpenRouter, budget: Budget) -> None:
        self._openrouter = openrouter
        self._budget = budget

    def write(self, agent: Agent, brief: Brief, recent: Sequence[str], *, call: str, at: dt.datetime) -> Draft:
        """Return a draft that passed the review.

        `recent` are the agent's last casts, `call` names this attempt for the budget. Raises `DraftRejected` when the
        review objects twice, `LimitReached`, or a `ServiceError`.
        """
        cost = 0.0
        complaint: list[str] = []
        for attempt in (1, 2):
            messages = prompt(agent, brief, recent, complaint)
            max_tokens = TOKENS_PER_PART * (brief.max_parts + 1)
            completion = self._ask(agent, messages, max_tokens, f"{call}:{attempt}", at)
            cost += completion.cost_usd
            text, image_prompt = _take_image_line(clean(completion.text), brief)
            parts = _shape(text, agent, brief, is_last=attempt == 2)
            complaint = objections(
                parts,
                finish_reason=completion.finish_reason,
                recent=recent,
                banned=agent.persona.avoid,
                limit=agent.cast_bytes,
            )
            if brief.max_parts > 1 and len(parts) == 1 and attempt == 1 and not complaint:
                complaint = [f"This is one post; write a thread of up to {brief.max_parts}, split by {SPLIT_MARKER}."]
            if not complaint:
                return Draft(
                    kind=brief.kind,
                    topic=brief.topic,
                    parts=tuple(Part(text=part) for part in parts),
                    image_prompt=image_prompt,
                    model=completion.model,
                    cost_usd=cost,
                )
        raise DraftRejected(f"the review objected twice: {' '.join(complaint)}")

    def _ask(
        self, agent: Agent, messages: Sequence[Message], max_tokens: int, call: str, at: dt.datetime
    ) -> Completion:
        models = (agent.models.text, *agent.models.fallbacks)
        worst = self._openrouter.worst_case_usd(messages, models=models, max_tokens=max_tokens)
        with self._budget.reserve(agent, call, worst, at) as reservation:
            completion = self._openrouter.complete(messages, models=models, max_tokens=max_tokens, user=agent.id)
            reservation.settle(completion.cost_usd)
        return completion


def own_draft(agent: Agent, brief: Brief, text: str) -> Draft:
    """Return the draft of a text that the operator wrote; raises `DraftRejected` with what is wrong with it."""
    try:
        parts = split_thread(clean(text), limit=agent.cast_bytes, max_parts=MAX_PARTS)
    except ValueError as error:
        raise DraftRejected(str(error)) from None
    wrong = objections(
        parts or ("",), finish_reason=None, recent=(), banned=agent.persona.avoid, limit=agent.cast_bytes
    )
    if wrong:
        raise DraftRejected(" ".join(wrong))
    return Draft(kind=brief.kind, topic=brief.topic, parts=tuple(Part(text=part) for part in parts), model="operator")


def prompt(agent: Agent, brief: Brief, recent: Sequence[str], complaint: Sequence[str] = ()) -> list[Message]:
    """Return the messages that ask a model for this brief in the agent's voice."""
    persona = agent.persona
    system = _fill(
        "system",
        name=agent.name,
        bio=persona.bio,
        tone=persona.tone or "plain and direct",
        topics=", ".join(persona.topics),
        avoid=", ".join(persona.avoid) or "nothing in particular",
        examples="\n\n".join(persona.examples) or "(none given)",
        limit=str(agent.cast_bytes),
    )
    request = brief.instructions
    if recent:
        request += "\n\n" + _fill("recent", recent="\n".join(f"- {text}" for text in recent[:SHOWN_CASTS]))
    if complaint:
        request += "\n\n" + _fill("objection", objection=" ".join(complaint))
    return [Message(role="system", content=system), Message(role="user", content=request)]


@functools.cache
def _template(name: str) -> str:
    return (resources.files("ceos") / "prompts" / f"{name}.md").read_text(encoding="utf-8").strip()


def _fill(template: str, /, **values: str) -> str:
    # One pass, so that braces inside a persona stay what they are.
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), _template(template))


def _take_image_line(text: str, brief: Brief) -> tuple[str, str | None]:
    """Split off the line that says what the picture shows; a brief without a picture has none."""
    match = _IMAGE_LINE.search(text)
    caption = clean(_IMAGE_LINE.sub("", text)) if match else text
    if not brief.wants_image:
        return caption, None
    return caption, match[1] if match else f"{brief.topic}: {caption[:200]}"


def _shape(text: str, agent: Agent, brief: Brief, *, is_last: bool) -> tuple[str, ...]:
    """Cut the text into casts. A single post that is too long goes back to the model once; then it is split."""
    if not text:
        return ("",)
    limit = agent.cast_bytes
    if brief.max_parts == 1 and SPLIT_MARKER not in text and (byte_length(text) <= limit or not is_last):
        return (text,)
    try:
        return split_thread(text, limit=limit, max_parts=max(brief.max_parts, 3)) or ("",)
    except ValueError:
        return (text,)
