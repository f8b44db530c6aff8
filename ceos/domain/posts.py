"""Posts from the brief to the casts, and their counts."""

from __future__ import annotations

import random
from collections.abc import Mapping
from enum import StrEnum

from pydantic import AwareDatetime, ConfigDict, Field

from ceos.domain.base import Frozen


class Kind(StrEnum):
    """The kind of a post."""

    ORIGINAL = "original"
    THREAD = "thread"
    ENGAGEMENT = "engagement"
    MEDIA = "media"
    #: A reply to a mention; neither a strategy's mix nor an operator can request it.
    REPLY = "reply"


class Situation(Frozen):
    """The situation in which a strategy plans a post: the moment, the agent's past, and a random source.

    `random` is seeded by agent and slot, so a repeated attempt draws the same numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    slot: str
    now: AwareDatetime
    topics: tuple[str, ...]
    recent: tuple[str, ...] = ()
    #: The kind the operator asked for, if any.
    kind: Kind | None = None
    #: Shares of the kinds in percent that replace the fixed shares of a strategy, or None; see `metrics.bandit`.
    weights: Mapping[Kind, float] | None = None
    random: random.Random


class Brief(Frozen):
    """The order for a post: its kind, its topic, and the instructions for the model."""

    kind: Kind
    topic: str
    #: The instructions for the model; `{topic}` and the persona are already filled in.
    instructions: str
    #: The longest thread, in casts; 1 means a single cast.
    max_parts: int = Field(default=1, ge=1, le=10)
    wants_image: bool = False
    #: A video where the agent has a model for it, and a picture everywhere else.
    wants_video: bool = False
    #: Hashes of the casts that the post reacts to.
    sources: tuple[str, ...] = ()

    @classmethod
    def text(cls, topic: str, instructions: str | None = None) -> Brief:
        """Return the brief of a plain one-cast post on `topic`."""
        return cls(kind=Kind.ORIGINAL, topic=topic, instructions=instructions or f"Write one post about {topic}.")

    @property
    def wants_media(self) -> bool:
        """Say whether the post gets a picture or a video."""
        return self.wants_image or self.wants_video


class Part(Frozen):
    """One cast of a draft."""

    text: str
    #: Addresses of media or casts that are embedded in this part.
    embeds: tuple[str, ...] = ()


class HostCall(Frozen):
    """One request of a skill to the host, and its result."""

    #: The method of `ctx`, such as `http_get`.
    method: str
    #: The subject: an address, a key, a model.
    what: str = ""
    ms: float = 0.0
    #: Its cost in USD.
    cost_usd: float = 0.0
    #: The reason of a refusal; empty when the host answered.
    refused: str = ""


class SkillRun(Frozen):
    """One run of a skill for a draft, as recorded."""

    skill: str
    version: str = ""
    stage: str
    #: "ok", "skipped", or the kind of the `SkillError`.
    outcome: str
    #: Its result, or the reason without one, as a sentence.
    note: str = ""
    ms: float = 0.0
    calls: tuple[HostCall, ...] = ()
    #: The beginning of its output and its log.
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
    #: The content of the picture or the video; None for a post without one.
    image_prompt: str | None = None
    #: Whether that is a video, if the agent has a model for it.
    wants_video: bool = False
    model: str = ""
    image_model: str = ""
    video_model: str = ""
    cost_usd: float = 0.0
    #: The number of versions until one passed the guardrails.
    attempts: int = Field(default=1, ge=1)
    #: Notes for readers of the record, such as "image failed: …; published as text only".
    notes: tuple[str, ...] = ()
    #: The skills that took part, in order.
    skills: tuple[SkillRun, ...] = ()
    #: The cast of another account that the first part answers; None for a post that is not a reply.
    parent: Parent | None = None
    #: Hashes of the casts that it reacts to, as an explanation.
    sources: tuple[str, ...] = ()
    #: Whether it is judged before it is published.
    is_judged: bool = False
    #: Whether it still has to pass checks that can be retried: gate skills and the judge. It is never published then.
    is_unchecked: bool = False

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
