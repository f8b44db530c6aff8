"""From a brief to a draft: the prompt, the model's answer, its shape, and the review that sends it back once.

Skills take part all along: what context skills found goes into the prompt as data, the model may call tool skills,
transform skills change the draft, and gate skills and plugins object like the review.
"""

from __future__ import annotations

import datetime as dt
import functools
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources

from ceos.clients.openrouter.client import Completion, Message, OpenRouter
from ceos.clients.openrouter.types import Tool
from ceos.domain.agent import Agent
from ceos.domain.posts import Brief, Draft, Part
from ceos.domain.text import MAX_PARTS, SPLIT_MARKER, byte_length, clean, split_thread
from ceos.errors import DraftRejected, RequestRefused
from ceos.guardrails.quality import objections
from ceos.logs import event
from ceos.plugins.manager import Plugins
from ceos.runs.budget import Budget
from ceos.skills.session import Review, SkillSession

log = logging.getLogger(__name__)

#: Tokens a model may use for one cast; generous, for some spend tokens on thinking.
TOKENS_PER_PART = 400
#: How many of the agent's last casts the model is shown; the review compares with all fifty.
SHOWN_CASTS = 8
#: A model may ask for tools in so many turns, for so many in all, and until so much is spent, in USD.
TOOL_TURNS, TOOL_CALLS, TOOL_USD = 3, 6, 0.10

_IMAGE_LINE = re.compile(r"^\s*\**IMAGE\**\s*:\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)


_Material = Sequence[tuple[str, str]]
#: Returns the messages for a model, with what skills have found.
_Telling = Callable[[_Material], list[Message]]


@dataclass(frozen=True)
class Given:
    """What strangers wrote and a post reacts to: shown to the model as data, and kept away from tools."""

    #: Their words, from which everything that could be passed on has been taken out.
    words: str
    #: Returns what speaks against parts of a post that was written with these words in sight.
    objections: Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class _Request:
    """What all requests to the model have in common for one draft."""

    agent: Agent
    max_tokens: int
    at: dt.datetime
    given: Given | None = None


class Writer:
    """Writes drafts with a language model, inside the agent's budget."""

    def __init__(self, openrouter: OpenRouter, budget: Budget, plugins: Plugins) -> None:
        self._openrouter = openrouter
        self._budget = budget
        self._plugins = plugins

    def write(
        self, agent: Agent, brief: Brief, recent: Sequence[str], skills: SkillSession, *, call: str, at: dt.datetime,
        given: Given | None = None,
    ) -> Draft:  # fmt: skip
        """Return a draft that passed the review.

        `recent` are the agent's last casts, `call` names this attempt for the budget, `given` is what it reacts to.
        Raises `DraftRejected` when the
        review objects twice, `LimitReached`, or a `ServiceError`.
        """
        cost = 0.0
        complaint: list[str] = []
        request = _Request(agent, TOKENS_PER_PART * (brief.max_parts + 1), at, given)
        material = skills.context()
        for attempt in (1, 2):
            told = functools.partial(prompt, agent, brief, recent, complaint, given=given)
            completion = self._complete(request, told, material, skills, f"{call}:{attempt}")
            cost += completion.cost_usd
            text, image_prompt = _take_image_line(clean(completion.text), brief)
            parts = _shape(text, agent, brief, is_last=attempt == 2)
            review = functools.partial(
                objections,
                finish_reason=completion.finish_reason,
                recent=recent,
                banned=agent.persona.avoid,
                limit=agent.cast_bytes,
            )
            if text:
                parts = skills.transform(parts, review)
            draft = Draft(
                kind=brief.kind,
                topic=brief.topic,
                parts=tuple(Part(text=part) for part in parts),
                image_prompt=image_prompt,
                model=completion.model,
                attempts=attempt,
                sources=brief.sources,
            )
            complaint = self._objections(agent, draft, review, skills)
            if given is not None:
                # Whatever is painted is read as well.
                complaint += given.objections([*(part.text for part in draft.parts), *filter(None, [image_prompt])])
            draft = draft.model_copy(update={"skills": skills.record, "cost_usd": cost + skills.cost_usd})
            if brief.max_parts > 1 and len(parts) == 1 and attempt == 1 and not complaint:
                complaint = [f"This is one post; write a thread of up to {brief.max_parts}, split by {SPLIT_MARKER}."]
            if not complaint:
                return draft
        raise DraftRejected(f"the review objected twice: {' '.join(complaint)}", draft=draft)

    def _objections(self, agent: Agent, draft: Draft, review: Review, skills: SkillSession) -> list[str]:
        """Return what our review, the gate skills and the plugins have against a draft, all at once."""
        parts = [part.text for part in draft.parts]
        found = review(parts)
        if any(parts):
            found += [*skills.gate_violations(parts), *self._plugins.violations(agent, draft)]
        return found

    def _complete(
        self, request: _Request, told: _Telling, material: _Material, skills: SkillSession, call: str
    ) -> Completion:
        """Return what the model writes with the help of skills, or without it when the service refuses that."""
        try:
            return self._converse(request, told(material), skills, call)
        except RequestRefused as error:
            if not material and not _tools(request, skills):
                raise
            # A service may object to what strangers' programs have said, and some models know no tools.
            log.warning("Writing without what skills offer", extra=event("draft.unaided", error=str(error)))
            return self._ask(request, told(()), f"{call}:alone", (), may_call=False)

    def _converse(self, request: _Request, messages: Sequence[Message], skills: SkillSession, call: str) -> Completion:
        """Return the model's text, after it has used the tools it wanted; its cost is that of all turns."""
        tools = _tools(request, skills)
        spent, used, turn = 0.0, 0, 0
        while True:
            may_call = turn < TOOL_TURNS and used < TOOL_CALLS and spent < TOOL_USD
            completion = self._ask(request, messages, f"{call}:{turn}", tools, may_call=may_call)
            spent += completion.cost_usd
            asked = completion.tool_calls[: TOOL_CALLS - used] if tools and may_call else ()
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
        agent, max_tokens = request.agent, request.max_tokens
        models = (agent.models.text, *agent.models.fallbacks)
        worst = self._openrouter.worst_case_usd(messages, models=models, max_tokens=max_tokens, tools=tools)
        with self._budget.reserve(agent, call, worst, request.at) as reservation:
            completion = self._openrouter.complete(
                messages, models=models, max_tokens=max_tokens, user=agent.id, tools=tools, may_call=may_call
            )
            reservation.settle(completion.cost_usd)
        return completion


def _tools(request: _Request, skills: SkillSession) -> tuple[Tool, ...]:
    """Return the tools the model may use: none while it reads strangers' words, which might tell it to."""
    return () if request.given else tuple(skills.tools())


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


def prompt(
    agent: Agent,
    brief: Brief,
    recent: Sequence[str],
    complaint: Sequence[str] = (),
    material: _Material = (),
    *,
    given: Given | None = None,
) -> list[Message]:
    """Return the messages that ask a model for this brief in the agent's voice.

    `material` are pairs of a skill's name and the JSON it found, in which no `<` stands that could end its element.
    What is `given` the model is always told; it is what the post is about.
    """
    system = in_character("system", agent)
    request = brief.instructions
    if recent:
        request += "\n\n" + fill("recent", recent="\n".join(f"- {text}" for text in recent[:SHOWN_CASTS]))
    if complaint:
        request += "\n\n" + fill("objection", objection=" ".join(complaint))
    gathered = "\n".join(f'<material from="{name}">\n{data}\n</material>' for name, data in material)
    # A message of its own, before the request: strangers' words are never in one with ours.
    told = [Message(role="user", content=fill("material", material=gathered))] if gathered else []
    if given is not None:
        told.insert(0, Message(role="user", content=given.words))
    return [Message(role="system", content=system), *told, Message(role="user", content=request)]


def in_character(template: str, agent: Agent) -> str:
    """Return a system prompt of `prompts/` with who the agent is and how it sounds."""
    persona = agent.persona
    return fill(
        template,
        name=agent.name,
        bio=persona.bio,
        tone=persona.tone or "plain and direct",
        topics=", ".join(persona.topics),
        avoid=", ".join(persona.avoid) or "nothing in particular",
        examples="\n\n".join(persona.examples) or "(none given)",
        limit=str(agent.cast_bytes),
    )


@functools.cache
def _template(name: str) -> str:
    return (resources.files("ceos.posts") / "prompts" / f"{name}.md").read_text(encoding="utf-8").strip()


def fill(template: str, /, **values: str) -> str:
    """Return a prompt of the folder `prompts` with its places filled in."""
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
