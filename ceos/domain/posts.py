"""Posts on their way from a brief to casts, and what is counted of them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from enum import StrEnum

from pydantic import (
    AwareDatetime,
    ConfigDict,
    Field,
)

from ceos.domain.base import Frozen


class Kind(StrEnum):
    """What sort of post a slot gets."""

    ORIGINAL = "original"
    THREAD = "thread"
    ENGAGEMENT = "engagement"
    MEDIA = "media"
    #: An answer to somebody's cast; no strategy's mix and no operator asks for it.
    REPLY = "reply"


class Situation(Frozen):
    """What a strategy may look at when it plans a post: the moment, the agent's past, and a source of chance.

    `random` is seeded by agent and slot, so a repeated attempt draws the same numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    slot: str
    now: AwareDatetime
    topics: tuple[str, ...]
    recent: tuple[str, ...] = ()
    #: The kind the operator asked for, if any.
    kind: Kind | None = None
    #: Shares of the kinds in percent that replace those of a strategy with fixed shares, or None; see `learning`.
    weights: Mapping[Kind, float] | None = None
    random: random.Random


class Brief(Frozen):
    """What to write: the kind of post, the topic, and the prompt file that explains the job to the model."""

    kind: Kind
    topic: str
    #: The instructions for the model; `{topic}` and the persona are already filled in.
    instructions: str
    #: How many casts a thread may have at most; 1 means a single cast.
    max_parts: int = Field(default=1, ge=1, le=10)
    wants_image: bool = False
    #: Hashes of the casts that the post reacts to.
    sources: tuple[str, ...] = ()

    @classmethod
    def text(cls, topic: str, instructions: str | None = None) -> Brief:
        """Return the brief of a plain one-cast post on `topic`."""
        return cls(kind=Kind.ORIGINAL, topic=topic, instructions=instructions or f"Write one post about {topic}.")


class Part(Frozen):
    """One cast of a draft."""

    text: str
    #: Media addresses that go with this part.
    embeds: tuple[str, ...] = ()


class HostCall(Frozen):
    """One thing a skill asked the host for, and how it went."""

    #: The method of `ctx`, such as `http_get`.
    method: str
    #: What it was about: an address, a key, a model.
    what: str = ""
    ms: float = 0.0
    #: What it cost, in USD.
    cost_usd: float = 0.0
    #: Why the host refused; empty when it answered.
    refused: str = ""


class SkillRun(Frozen):
    """One run of a skill for a draft, as its record tells it."""

    skill: str
    version: str = ""
    stage: str
    #: "ok", "skipped", or the kind of the `SkillError`.
    outcome: str
    #: What it did or why it did not, in a sentence.
    note: str = ""
    ms: float = 0.0
    calls: tuple[HostCall, ...] = ()
    #: The beginning of what it printed and logged.
    log: tuple[str, ...] = ()


class Parent(Frozen):
    """The cast that a draft answers."""

    hash: str
    fid: int


class Draft(Frozen):
    """A post before it is published; frozen in Redis before its first part is sent."""

    kind: Kind
    topic: str
    parts: tuple[Part, ...] = Field(min_length=1)
    #: What the picture should show, or None for a post without one.
    image_prompt: str | None = None
    model: str = ""
    image_model: str = ""
    cost_usd: float = 0.0
    #: How often it was written until the review let it pass.
    attempts: int = Field(default=1, ge=1)
    #: Things a reader of the record should know, such as "image failed: …; published as text only".
    notes: tuple[str, ...] = ()
    #: The skills that took part, in order.
    skills: tuple[SkillRun, ...] = ()
    #: The cast of somebody else that the first part answers; None for a post of its own.
    parent: Parent | None = None
    #: Hashes of the casts it reacts to, for whoever asks why it was written.
    sources: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The whole text, parts joined by blank lines."""
        return "\n\n".join(part.text for part in self.parts)


class Cast(Frozen):
    """A published part."""

    hash: str
    text: str
    part: int
    parent: str | None = None
    at: AwareDatetime


class CastMetrics(Frozen):
    """The counts of one cast at one moment."""

    #: The cast's hash.
    hash: str
    #: Likes so far.
    likes: int
    #: Recasts so far.
    recasts: int
    #: Replies so far.
    replies: int
    #: The moment of the count.
    at: AwareDatetime
    #: Quotes so far, up to 300; none when they could not be counted. Neynar counts them only in a separate call.
    quotes: int | None = None
