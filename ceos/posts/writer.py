"""Writes a draft for an assignment: prompt, model, shape and guardrails, which send a text back to the model once.

Skills take part in each step: the results of context skills go into the prompt as data, the model may call tool skills,
transform skills change the draft, and gate skills and plugins report violations as the guardrails do.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ceos.clients.openrouter.client import Completion, Message
from ceos.clients.openrouter.types import Tool
from ceos.domain.agent import Agent
from ceos.domain.posts import Brief, Draft, Part
from ceos.domain.text import MAX_PARTS, SPLIT_MARKER, byte_length, clean, split_thread
from ceos.errors import DraftRejected, RequestRefused
from ceos.guardrails.quality import quality_violations
from ceos.guardrails.rules import TextContext, rule_violations
from ceos.logs import event
from ceos.plugins.manager import Plugins
from ceos.posts.assignment import Assignment, UntrustedContext
from ceos.posts.checks import draft_violations, image_violations, text_context
from ceos.posts.history import PostHistory
from ceos.posts.prompt import Material, post_prompt
from ceos.runs.paid_model import PaidModel
from ceos.skills.session import Review, SkillSession, SkillSessions

log = logging.getLogger(__name__)

#: Tokens that a model may use for one cast; generous, because some models spend tokens on reasoning.
TOKENS_PER_PART = 400
#: The most parts into which a text is split that should have been one cast.
MAX_SPLIT = 3
#: The "model" of a text by the operator.
OPERATOR = "operator"
#: Limits of tool use in one draft: turns, calls, and USD.
MAX_TOOL_TURNS, MAX_TOOL_CALLS, MAX_TOOL_USD = 3, 6, 0.10

_IMAGE_LINE = re.compile(r"^\s*\**IMAGE\**\s*:\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)


#: Returns the messages for a model, with the material of skills.
_Messages = Callable[[Material], list[Message]]


@dataclass(frozen=True)
class _Request:
    """The common part of all requests to the model for one draft."""

    agent: Agent
    max_tokens: int
    context: UntrustedContext | None = None
    #: Gets the text while a model writes it, if anyone watches.
    watch: Callable[[str], None] | None = None


class Writer:
    """Writes drafts with a language model, inside the agent's budget."""

    def __init__(self, model: PaidModel, plugins: Plugins, skills: SkillSessions, history: PostHistory) -> None:
        self._model = model
        self._history = history
        self._plugins = plugins
        self._skills = skills

    def write(
        self, agent: Agent, assignment: Assignment, *, slot: str, recent: Sequence[str], call: str,
        watch: Callable[[str], None] | None = None,
    ) -> Draft:  # fmt: skip
        """Return a draft without violations.

        `recent` are the agent's last casts, `call` names this attempt for the budget, and `watch` gets the text so far
        while a model writes it. Raises `DraftRejected` for violations in the second attempt, `LimitReached`, or a
        `ServiceError`.
        """
        brief, context = assignment.brief, assignment.context
        skills = self._skills.start_session(agent, brief, slot, recent, call=call)
        cost = 0.0
        violations: list[str] = []
        request = _Request(agent, TOKENS_PER_PART * (brief.max_parts + 1), context, watch)
        # Skills may cost money, which would be lost if the text were too expensive afterwards.
        first = self._messages(agent, brief, recent, (), context)(())
        self._model.check_budget(agent, first, max_tokens=request.max_tokens)
        material = skills.context()
        earlier = self._history.sketched(recent)
        for attempt in (1, 2):
            messages = self._messages(agent, brief, recent, violations, context)
            completion = self._complete(request, messages, material, skills, f"{call}:{attempt}")
            cost += completion.cost_usd
            text, image_prompt = _take_image_line(clean(completion.text), brief)
            parts = _shape(text, agent, brief, is_last=attempt == 2)
            rules = text_context(agent, brief, recent, skills.links, context)
            check = functools.partial(
                draft_violations,
                context=rules,
                recent=earlier,
                finish_reason=completion.finish_reason,
                untrusted=context,
            )
            if text:
                parts = skills.transform(parts, check)
            draft = Draft(
                kind=brief.kind,
                topic=brief.topic,
                parts=tuple(Part(text=part) for part in parts),
                image_prompt=image_prompt,
                wants_video=brief.wants_video,
                model=completion.model,
                attempts=attempt,
                sources=brief.sources,
            )
            violations = self._violations(agent, draft, check, skills)
            if image_prompt:
                # Pictures show words.
                violations += image_violations(image_prompt, rules, context)
            draft = draft.model_copy(update={"skills": skills.record, "cost_usd": cost + skills.cost_usd})
            if brief.max_parts > 1 and len(parts) == 1 and attempt == 1 and not violations:
                violations = [f"This is one post; write a thread of up to {brief.max_parts}, split by {SPLIT_MARKER}."]
            if not violations:
                return draft
        raise DraftRejected(f"the guardrails refused both versions: {' '.join(violations)}", draft=draft)

    def remember(self, agent: Agent, draft: Draft) -> None:
        """Have posts of other agents compared with a draft. Replies to different people may be alike."""
        if draft.parent is None:
            self._history.remember(agent.id, (part.text for part in draft.parts if part.text))

    @staticmethod
    def _messages(
        agent: Agent, brief: Brief, recent: Sequence[str], violations: Sequence[str], context: UntrustedContext | None
    ) -> _Messages:
        untrusted = context.text if context else ""
        return lambda material: post_prompt(
            agent, brief, recent, violations=tuple(violations), material=material, untrusted=untrusted
        )

    def _violations(self, agent: Agent, draft: Draft, check: Review, skills: SkillSession) -> list[str]:
        """Return the violations that the guardrails, the gate skills and the plugins find in a draft."""
        parts = [part.text for part in draft.parts]
        found = check(parts)
        if any(parts):
            found += self._history.violations(agent.id, parts)
            found += [*skills.gate_violations(parts), *self._plugins.violations(agent, draft)]
        return found

    def _complete(
        self, request: _Request, messages: _Messages, material: Material, skills: SkillSession, call: str
    ) -> Completion:
        """Return the model's text, written with the help of skills, or without it when the service refuses that."""
        try:
            return self._converse(request, messages(material), skills, call)
        except RequestRefused as error:
            if not material and not _tools(request, skills):
                raise
            # A service may refuse the output of third-party skills, and some models know no tools.
            log.warning("Writing without skills", extra=event("draft.unaided", error=str(error)))
            return self._ask(request, messages(()), f"{call}:alone", (), may_call=False)

    def _converse(self, request: _Request, messages: Sequence[Message], skills: SkillSession, call: str) -> Completion:
        """Return the model's text after its tool calls, with the cost of all turns."""
        tools = _tools(request, skills)
        if tools:
            # Every turn repeats the prompt, so that reading it from the cache pays for writing it.
            messages = [*messages[:-1], messages[-1].model_copy(update={"cache": True})]
        spent, used, turn = 0.0, 0, 0
        while True:
            may_call = turn < MAX_TOOL_TURNS and used < MAX_TOOL_CALLS and spent < MAX_TOOL_USD
            completion = self._ask(request, messages, f"{call}:{turn}", tools, may_call=may_call)
            spent += completion.cost_usd
            asked = completion.tool_calls[: MAX_TOOL_CALLS - used] if tools and may_call else ()
            if not asked:
                return completion.model_copy(update={"cost_usd": spent})
            answers = [
                Message(role="tool", content=skills.call_tool(one.name, one.arguments), tool_call_id=one.id)
                for one in asked
            ]
            messages = [*messages, Message(role="assistant", content=completion.text, tool_calls=asked), *answers]
            used, turn = used + len(asked), turn + 1

    def _ask(
        self, request: _Request, messages: Sequence[Message], call: str, tools: Sequence[Tool], *, may_call: bool
    ) -> Completion:
        return self._model.ask(
            request.agent, messages, call=call, max_tokens=request.max_tokens, tools=tools, may_call=may_call,
            watch=request.watch,
        )  # fmt: skip


def _tools(request: _Request, skills: SkillSession) -> tuple[Tool, ...]:
    """Return the tools that the model may use: none while untrusted text is in the prompt."""
    return () if request.context else tuple(skills.tools())


def own_draft(agent: Agent, brief: Brief, text: str) -> Draft:
    """Return the draft of an operator's own text; raises `DraftRejected` with its violations."""
    try:
        parts = split_thread(clean(text), limit=agent.cast_bytes, max_parts=MAX_PARTS)
    except ValueError as error:
        raise DraftRejected(str(error)) from None
    violations = quality_violations(
        parts or ("",), finish_reason=None, recent=(), banned=agent.persona.avoid, limit=agent.cast_bytes
    )
    if violations:
        raise DraftRejected(" ".join(violations))
    warnings = [violation.sentence for violation in rule_violations(parts, TextContext(agent))]
    if warnings:
        log.warning("The operator's text would not pass the rules", extra=event("draft.warned", reasons=warnings))
    return Draft(
        kind=brief.kind,
        topic=brief.topic,
        parts=tuple(Part(text=part) for part in parts),
        model=OPERATOR,
        notes=tuple(f"published as you wrote it: {warning}" for warning in warnings),
    )


def _take_image_line(text: str, brief: Brief) -> tuple[str, str | None]:
    """Split off the line that describes the picture; a brief without a picture has none."""
    match = _IMAGE_LINE.search(text)
    caption = clean(_IMAGE_LINE.sub("", text)) if match else text
    if not brief.wants_media:
        return caption, None
    return caption, match[1] if match else f"{brief.topic}: {caption[:200]}"


def _shape(text: str, agent: Agent, brief: Brief, *, is_last: bool) -> tuple[str, ...]:
    """Split a text into casts. A single post that is too long goes back to the model once; then it is split."""
    if not text:
        return ("",)
    limit = agent.cast_bytes
    if brief.max_parts == 1 and SPLIT_MARKER not in text and (byte_length(text) <= limit or not is_last):
        return (text,)
    # Each part takes a place in the agent's hour.
    most = max(brief.max_parts, min(MAX_SPLIT, agent.limits.casts_per_hour))
    try:
        return split_thread(text, limit=limit, max_parts=most) or ("",)
    except ValueError:
        return (text,)
