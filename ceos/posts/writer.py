"""Writes a draft for an assignment: prompt, model, shape and guardrails, which send a text back to the model once.

Skills take part in each step: the results of context skills go into the prompt as data, the model may call tool skills,
transform skills change the draft, and gate skills and plugins report violations as the guardrails do. A text that was
written with untrusted text in sight is judged at the end. A draft that waits for a gate or the judge is stored.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ceos.clients.openrouter.client import Completion, Message
from ceos.clients.openrouter.types import Tool
from ceos.domain.agent import Agent
from ceos.domain.posts import Brief, Draft, Part, SkillRun
from ceos.domain.text import MARKER, MAX_PARTS, SPLIT_MARKER, byte_length, clean, split_thread
from ceos.errors import DraftRejected, GateFailed, KeyRefused, RequestRefused
from ceos.guardrails.leftovers import cut_reasoning
from ceos.guardrails.quality import quality_violations
from ceos.guardrails.rules import TextContext, rule_violations
from ceos.logs import event
from ceos.plugins.manager import Plugins
from ceos.posts.assignment import Assignment, UntrustedContext
from ceos.posts.checks import draft_violations, image_violations, text_context
from ceos.posts.disclosure import with_label
from ceos.posts.history import PostHistory
from ceos.posts.judge import Judge
from ceos.posts.prompt import Material, post_prompt
from ceos.runs.deferral import RetryLater
from ceos.runs.lease import Lease
from ceos.runs.paid_model import PaidModel
from ceos.skills.session import SkillSession, SkillSessions

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


@dataclass
class _Post:
    """A post that is being written."""

    agent: Agent
    brief: Brief
    context: UntrustedContext | None
    skills: SkillSession
    recent: Sequence[str]
    #: The name of this attempt for the budget.
    call: str
    watch: Callable[[str], None] | None
    #: The results of the context skills; None before they have run.
    material: Material | None = None
    #: The cost so far without that of the skills in this session, in USD.
    spent_usd: float = 0.0
    #: The runs of skills in earlier attempts.
    earlier: tuple[SkillRun, ...] = ()

    def recorded(self, draft: Draft) -> Draft:
        """Return a draft with the runs of skills and the cost so far."""
        runs = (*self.earlier, *self.skills.record)
        return draft.model_copy(update={"skills": runs, "cost_usd": self.spent_usd + self.skills.cost_usd})


class Writer:
    """Writes drafts with a language model, inside the agent's budget."""

    def __init__(
        self, model: PaidModel, plugins: Plugins, skills: SkillSessions, history: PostHistory, judge: Judge
    ) -> None:
        self._model = model
        self._history = history
        self._plugins = plugins
        self._skills = skills
        self._judge = judge

    def write(
        self, agent: Agent, assignment: Assignment, *, slot: str, recent: Sequence[str], call: str,
        lease: Lease | None = None, watch: Callable[[str], None] | None = None,
    ) -> Draft:  # fmt: skip
        """Return a draft without violations.

        `recent` are the agent's last casts, `call` names this attempt for the budget, `lease` is that of the run, or
        None for a preview, and `watch` gets the text so far while a model writes it. A draft that waited for a check is
        checked, not written again. Raises `DraftRejected` for violations in the second version, `GateFailed`,
        `RetryLater` while a gate or the judge gives no answer, `LimitReached`, or a `ServiceError`.
        """
        skills = self._skills.start_session(agent, assignment.brief, slot, recent, call=call)
        draft = self._judge.kept_draft(lease)
        post = _Post(agent, assignment.brief, assignment.context, skills, recent, call, watch)
        if draft is not None:
            post.spent_usd, post.earlier = draft.cost_usd, draft.skills
        skills.check_gates()
        violations: list[str] = []
        for attempt in range(draft.attempts if draft else 1, 3):
            if draft is None or draft.attempts < attempt:
                draft, violations = self._version(post, attempt, violations)
            if not violations:
                draft, violations = self._checked(post, draft, lease)
            if not violations:
                return with_label(agent, draft)
        raise DraftRejected(f"the guardrails refused both versions: {' '.join(violations)}", draft=draft)

    def remember(self, agent: Agent, draft: Draft) -> None:
        """Have posts of other agents compared with a draft. Replies to different people may be alike."""
        if draft.parent is None:
            self._history.remember(agent.id, (part.text for part in draft.parts if part.text))

    def _version(self, post: _Post, attempt: int, violations: Sequence[str]) -> tuple[Draft, list[str]]:
        """Return a version of the text and its violations; `violations` are those of the version before."""
        agent, brief, context, skills = post.agent, post.brief, post.context, post.skills
        request = _Request(agent, TOKENS_PER_PART * (brief.max_parts + 1), context, post.watch)
        messages = self._messages(agent, brief, post.recent, violations, context)
        if post.material is None:
            # Skills may cost money, which would be lost if the text were too expensive afterwards.
            self._model.check_budget(agent, messages(()), max_tokens=request.max_tokens)
            post.material = skills.context()
        self._judge.check_model(agent, has_untrusted=context is not None or skills.has_untrusted)
        completion = self._complete(request, messages, post.material, skills, f"{post.call}:{attempt}")
        post.spent_usd += completion.cost_usd
        text, image_prompt = _take_image_line(clean(cut_reasoning(completion.text)), brief)
        parts = _shape(text, agent, brief, is_last=attempt == 2)
        rules = text_context(
            agent, brief, recent=post.recent, material=post.material, links=skills.links, untrusted=context
        )
        check = functools.partial(
            draft_violations,
            context=rules,
            recent=self._history.sketched(post.recent),
            finish_reason=completion.finish_reason,
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
            is_judged=bool(agent.output.judge_for(has_untrusted=context is not None or skills.has_untrusted)),
        )
        found = check(parts)
        if any(parts):
            found += [*self._history.violations(agent.id, parts), *self._plugins.violations(agent, draft)]
        if image_prompt:
            # Pictures show words.
            found += image_violations(image_prompt, rules)
        if found and any(parts):
            # The text is written again in any case, and the gates may add their violations.
            with suppress(GateFailed, RetryLater):
                found += skills.gate_violations(parts)
        elif not found and brief.max_parts > 1 and len(parts) == 1 and attempt == 1:
            found = [f"This is one post; write a thread of up to {brief.max_parts}, split by {SPLIT_MARKER}."]
        return post.recorded(draft), found

    def _checked(self, post: _Post, draft: Draft, lease: Lease | None) -> tuple[Draft, list[str]]:
        """Return a draft that keeps the rules, and the violations that gate skills and the judge find in it."""
        if draft.is_judged or post.skills.has_gates:
            draft = self._judge.keep_draft(lease, draft)
        try:
            found = post.skills.gate_violations([part.text for part in draft.parts])
        except GateFailed:
            self._judge.keep_draft(lease, post.recorded(draft))
            raise
        if not found:
            found, cost_usd = self._judge.judge(post.agent, draft, call=f"{post.call}:{draft.attempts}")
            post.spent_usd += cost_usd
        return post.recorded(draft.model_copy(update={"is_unchecked": False})), found

    @staticmethod
    def _messages(
        agent: Agent, brief: Brief, recent: Sequence[str], violations: Sequence[str], context: UntrustedContext | None
    ) -> _Messages:
        untrusted = context.text if context else ""
        return lambda material: post_prompt(
            agent, brief, recent, violations=tuple(violations), material=material, untrusted=untrusted
        )

    def _complete(
        self, request: _Request, messages: _Messages, material: Material, skills: SkillSession, call: str
    ) -> Completion:
        """Return the model's text, written with the help of skills, or without it when the service refuses that."""
        try:
            return self._converse(request, messages(material), skills, call)
        except RequestRefused as error:
            is_about_account = isinstance(error, KeyRefused) and error.status in (401, 402)
            if is_about_account or (not material and not _tools(request, skills)):
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
            # The answer of a tool may be untrusted text; a call that it causes must not be carried out.
            may_call = may_call and not skills.has_untrusted
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
    """Return the tools that the model may use: none while untrusted text is in the prompt, such as the web's."""
    return () if request.context or skills.has_untrusted else tuple(skills.tools())


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
        if len(parts) > 1 and not MARKER.search(text):
            size = byte_length(text)
            violations.insert(
                0, f"The text of {size:,} bytes was split into {len(parts)} casts of up to {agent.cast_bytes} bytes."
            )
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
    limit = agent.text_bytes
    if brief.max_parts == 1 and SPLIT_MARKER not in text and (byte_length(text) <= limit or not is_last):
        return (text,)
    # Each part takes a place in the agent's hour.
    most = max(brief.max_parts, min(MAX_SPLIT, agent.limits.casts_per_hour))
    try:
        return split_thread(text, limit=limit, max_parts=most) or ("",)
    except ValueError:
        return (text,)
