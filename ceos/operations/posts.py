"""Operations on posts by hand: create one, and preview one."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import Field

from ceos.domain.agent import Agent
from ceos.domain.base import Frozen
from ceos.domain.media import MAX_EMBEDS
from ceos.domain.posts import Brief, Draft, Kind
from ceos.errors import InvalidInput
from ceos.logs import event
from ceos.operations.context import Context
from ceos.operations.table import Scope, operation
from ceos.runs.ids import RunId

if TYPE_CHECKING:
    from ceos.domain.runs import Run

log = logging.getLogger(__name__)

#: The longest key that an operator may give a post.
MAX_KEY_CHARACTERS = 40


class PostRequest(Frozen):
    """A post that an operator asks for."""

    agent_id: str
    #: None: the strategy chooses.
    kind: Kind | None = None
    #: The operator's own text; None: a model writes.
    text: str | None = None
    #: Addresses of media that the first part of the operator's own text embeds; see `operations.media`.
    embeds: tuple[str, ...] = Field(default=(), max_length=MAX_EMBEDS)
    #: The same key again is the same post; None: a new one.
    key: str | None = None


@operation("post.create", Scope.POST)
def create_post(context: Context, request: PostRequest) -> Run:
    """Open the run of a post by hand and return it; the scheduler of any worker starts it within a second.

    A text of the operator's own is published as it is, without approval. Raises `NotFound`, `InvalidInput`, also for
    a key that belongs to another post, or `DraftRejected` for a text that cannot be published.
    """
    agent = context.agents.agent(request.agent_id)
    draft = _own_draft(context, agent, request)
    return context.runs.run(context.ledger.create_run(agent.id, _key(request.key), kind=request.kind, draft=draft))


@operation("post.preview", Scope.POST)
def preview_post(context: Context, request: PostRequest, watch: Callable[[str], None] | None = None) -> Draft:
    """Return the draft that `create_post` would lead to, without storing or publishing it; raises as it does.

    `watch` gets the text so far while a model writes it, and a shorter one when the text begins anew.
    """
    agent = context.agents.agent(request.agent_id)
    if (draft := _own_draft(context, agent, request)) is not None:
        return draft
    slot = RunId.manual(agent.id, _key(None)).slot
    brief = context.schedule_source.brief(agent, slot, request.kind)
    if brief is None:
        raise InvalidInput(f"The strategy {agent.strategy!r} chose to stay quiet.")
    return context.pipeline.preview(agent, brief, slot, watch)


def _own_draft(context: Context, agent: Agent, request: PostRequest) -> Draft | None:
    """Return the draft of the operator's own text with its media, or None when a model writes."""
    if request.text is None:
        if request.embeds:
            raise InvalidInput("Media of your own go with a text of your own; a written post gets its media by fal.ai.")
        return None
    kind = request.kind or (Kind.MEDIA if request.embeds else None)
    draft = operator_draft(agent, kind, request.text)
    draft = _with_warning(draft, context.post_history.siblings_with(agent.id, (part.text for part in draft.parts)))
    first = draft.parts[0].model_copy(update={"embeds": request.embeds})
    return draft.model_copy(update={"parts": (first, *draft.parts[1:])})


def operator_draft(agent: Agent, kind: Kind | None, text: str) -> Draft:
    """Return the draft of an operator's own text; raises `DraftRejected` for one that cannot be published."""
    from ceos.posts.writer import own_draft  # noqa: PLC0415  # loads the clients of the models

    if not _is_unicode(text):
        raise InvalidInput("The text is not valid UTF-8; set the terminal, or the file that it comes from, to UTF-8.")
    brief = Brief(kind=kind or Kind.ORIGINAL, topic="(the operator's own text)", instructions="")
    return own_draft(agent, brief, text)


def _key(key: str | None) -> str:
    if key is None:
        return uuid.uuid4().hex[:12]
    if not key or len(key) > MAX_KEY_CHARACTERS or any(sign in key for sign in ": \n") or not _is_unicode(key):
        raise InvalidInput(
            f"{key[:50]!r} cannot be a post's key: use up to {MAX_KEY_CHARACTERS} letters, digits, dashes and dots."
        )
    return key


def _is_unicode(text: str) -> bool:
    """Return False for a text with bytes that were not UTF-8, which Python keeps as halves of characters."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _with_warning(draft: Draft, siblings: list[str]) -> Draft:
    """Return a draft with a note about the agents that have posted much the same; an operator may say so again."""
    if not siblings:
        return draft
    warning = f"The post resembles a recent one by {' and '.join(map(repr, siblings))}."
    log.warning("The operator's text repeats a post of another agent", extra=event("draft.repeated", agents=siblings))
    return draft.model_copy(update={"notes": (*draft.notes, f"published as you wrote it: {warning}")})
