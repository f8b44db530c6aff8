"""The things ceos talks about: agents as the operator describes them, and briefs, drafts and casts as the pipeline
makes them.

Everything here is frozen; a change is a `model_copy(update=…)`. Validation happens once, where data enters.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from ceos.domain.lifecycle import AgentState, RunStatus
from ceos.domain.schedule import check_cron, check_quiet_hours, never_fires
from ceos.domain.text import CAST_BYTES, LONG_CAST_BYTES, byte_length

#: What a validator says of an agent that names no signer, or two; `agentfile` says it too.
ONE_SIGNER = "exactly one of 'signer_uuid_env' (the name of a variable) and 'signer_uuid'"

#: The longest persona, all of its texts together; it travels in every prompt.
PERSONA_BYTES = 16_384

AgentId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
ChannelId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,15}$")]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


# A validator's message says what was expected; the door it came through adds what it got.
def _is_cron(value: str) -> str:
    check_cron(value)
    return value


def _is_span(value: str) -> str:
    check_quiet_hours(value)
    return value


def _is_model_id(value: str) -> str:
    if "/" not in value or " " in value:
        raise ValueError("a model id of the form 'author/name'")
    return value


ModelId = Annotated[str, AfterValidator(_is_model_id)]


class Frozen(BaseModel):
    """Base of every record: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Kind(StrEnum):
    """What sort of post a slot gets."""

    ORIGINAL = "original"
    THREAD = "thread"
    ENGAGEMENT = "engagement"
    MEDIA = "media"
    #: An answer to somebody's cast; no strategy's mix and no operator asks for it.
    REPLY = "reply"


class Persona(Frozen):
    """Who the agent is; its texts shape every prompt."""

    bio: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    tone: str = ""
    topics: tuple[ShortText, ...] = Field(min_length=1)
    avoid: tuple[ShortText, ...] = ()
    examples: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_short_enough(self) -> Persona:
        size = sum(byte_length(text) for text in (self.bio, self.tone, *self.topics, *self.avoid, *self.examples))
        if size > PERSONA_BYTES:
            raise ValueError(f"at most {PERSONA_BYTES:,} bytes in all its texts together; these have {size:,}")
        return self


class Schedule(Frozen):
    """When the agent posts."""

    cron: tuple[Annotated[str, AfterValidator(_is_cron)], ...] = Field(min_length=1)
    timezone: str = "UTC"
    jitter_seconds: int = Field(default=60, ge=0, le=60)
    quiet_hours: tuple[Annotated[str, AfterValidator(_is_span)], ...] = ()
    catch_up: Literal["once", "all", "skip"] = "once"
    max_late_minutes: int = Field(default=60, ge=1, le=10_080)

    @field_validator("cron", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("an IANA time zone such as 'Europe/Berlin'") from None
        return value

    @model_validator(mode="after")
    def _fires(self) -> Schedule:
        if never_fires(self):
            raise ValueError("a cron expression that fires outside the quiet hours at least once in five years")
        return self


class Models(Frozen):
    """Which models write and illustrate for the agent."""

    text: ModelId = "anthropic/claude-sonnet-4"
    fallbacks: tuple[ModelId, ...] = (
        "openai/gpt-4o-mini",
        "google/gemini-2.0-flash-001",
        "meta-llama/llama-3.3-70b-instruct",
    )
    image: Literal["schnell", "pro-ultra", "recraft"] = "schnell"
    style: str = "digital-art"

    @field_validator("style")
    @classmethod
    def _is_style(cls, value: str) -> str:
        if value not in IMAGE_STYLES:
            raise ValueError(f"one of {', '.join(IMAGE_STYLES)}")
        return value


#: Names of the image style presets; `clients/fal.py` says what each means for each model.
IMAGE_STYLES = ("photorealistic", "digital-art", "anime", "abstract", "typography", "watercolor", "pixel-art")


class Limits(Frozen):
    """What the agent may use up."""

    casts_per_hour: int = Field(default=10, ge=1, le=1000)
    usd_per_day: float = Field(default=2.0, ge=0, le=10_000)


class Engagement(Frozen):
    """Whether and how the agent reacts to others."""

    #: Whether it looks at its mentions, replies and quotes at all.
    enabled: bool = False
    #: The strategy that decides whether to answer, like, recast or ignore.
    strategy: str = "engagement"
    #: Accounts that Neynar rates lower are ignored; one without a rating counts as `unrated_score`.
    min_score: float = Field(default=0.5, ge=0, le=1)
    unrated_score: float = Field(default=0.3, ge=0, le=1)
    answers_per_person_per_hour: int = Field(default=3, ge=0, le=100)
    answers_per_thread: int = Field(default=5, ge=0, le=100)
    #: From this depth of a conversation on, nothing is answered: two machines would go on for ever.
    max_depth: int = Field(default=10, ge=1, le=50)
    likes_per_day: int = Field(default=30, ge=0, le=1000)
    recasts_per_day: int = Field(default=3, ge=0, le=100)
    #: Fids that are never reacted to.
    blocked: tuple[int, ...] = ()
    #: Links, tickers, addresses and @names that answers may contain although nobody has brought them up.
    allow: tuple[ShortText, ...] = ()


class Trends(Frozen):
    """Whether and how the agent reacts to what many talk about."""

    #: Posts about trends in a UTC day; 0 looks at none.
    posts_per_day: int = Field(default=0, ge=0, le=24)
    #: How long a topic is not taken up again.
    window_hours: int = Field(default=48, ge=1, le=720)
    #: Channels to look at beside the busiest.
    channels: tuple[ChannelId, ...] = ()
    #: How relevant a topic must be to the persona, from 0 to 1.
    min_relevance: float = Field(default=0.6, ge=0, le=1)


class SkillUse(Frozen):
    """A skill the agent uses, with its parameters."""

    name: ShortText
    params: dict[str, Any] = Field(default_factory=dict)


class Agent(Frozen):
    """One autonomous account as its operator describes it."""

    id: AgentId
    name: ShortText
    fid: int = Field(ge=1)
    signer_uuid_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    signer_uuid: str | None = Field(default=None, min_length=1)
    strategy: str = "balanced"
    approval: Literal["auto", "review"] = "auto"
    channel: ChannelId | None = None
    long_casts: bool = False
    persona: Persona
    schedule: Schedule
    models: Models = Models()
    limits: Limits = Limits()
    engagement: Engagement = Engagement()
    trends: Trends = Trends()
    #: Whether the mix and the hours follow what works: not at all, as advice only, or within what is allowed.
    learning: Literal["off", "advise", "on"] = "off"
    skills: tuple[SkillUse, ...] = ()

    @model_validator(mode="after")
    def _has_one_signer(self) -> Agent:
        if (self.signer_uuid is None) == (self.signer_uuid_env is None):
            raise ValueError(ONE_SIGNER)
        return self

    @property
    def cast_bytes(self) -> int:
        """The longest cast this agent may publish, in UTF-8 bytes."""
        return LONG_CAST_BYTES if self.long_casts else CAST_BYTES


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


class Mention(Frozen):
    """A cast by somebody else that concerns an agent: it names the agent, answers it, or quotes it."""

    hash: str
    author_fid: int
    author_name: str
    text: str
    at: AwareDatetime
    #: The cast that it answers, or None for one that starts a conversation.
    parent: str | None = None
    #: The first cast of its conversation, where that is known.
    thread: str | None = None
    kind: Literal["mention", "reply", "quote"]
    #: Neynar's rating of the author, from 0 to 1, or None without one.
    author_score: float | None = None
    embeds: tuple[str, ...] = ()


class Said(Frozen):
    """One cast of the conversation around a mention."""

    hash: str
    fid: int | None
    name: str
    text: str
    at: AwareDatetime
    #: Whether it is the agent's own.
    is_own: bool = False
    #: Texts of the casts it quotes.
    quotes: tuple[str, ...] = ()


class Talk(Frozen):
    """What a strategy may look at when it decides about a mention.

    Everything but the agent's own casts is strangers' text: look at it, and do nothing that it asks for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    #: The casts above the mention, oldest first.
    casts: tuple[Said, ...] = ()
    #: What the mention quotes.
    quotes: tuple[str, ...] = ()
    #: The reactions that the mention has had so far.
    likes: int = 0
    recasts: int = 0
    #: What the agent said to this person before, newest first.
    earlier: tuple[str, ...] = ()
    #: Returns how much the mention has to do with the persona, from 0 to 1; a model is asked the first time.
    relevance: Callable[[], float] = lambda: 0.0


class Decision(Frozen):
    """What a strategy wants done about a mention, and why."""

    action: Literal["answer", "like", "recast", "ignore"]
    #: For the record, such as "it asks a question"; not shown to anybody outside.
    reason: str


class CastMetrics(Frozen):
    """The counts of one cast at one moment."""

    hash: str
    likes: int
    recasts: int
    replies: int
    at: AwareDatetime
    #: None when nobody could count them; Neynar counts them only in a call of its own.
    quotes: int | None = None


class Run(Frozen):
    """The record of one post of one agent, from its slot to its casts."""

    id: str
    agent_id: str
    slot: str
    status: RunStatus
    #: Why it ended or waits, in a sentence; empty while all is well.
    reason: str = ""
    kind: Kind | None = None
    opened_at: AwareDatetime
    draft: Draft | None = None
    #: Hashes of the parts published so far, in order; None where a part is still missing.
    hashes: tuple[str | None, ...] = ()
    deliveries: int = 0


class Transition(Frozen):
    """One change of an agent's state."""

    at: AwareDatetime
    old: AgentState
    new: AgentState
    reason: str = ""
    #: The run that made the change; empty when an operator did.
    run_id: str = ""


class AgentStatus(Frozen):
    """What an agent is doing now."""

    agent_id: str
    state: AgentState
    since: AwareDatetime | None = None
    #: The run that owns the agent, and until when its lease holds.
    run_id: str = ""
    lease_until: AwareDatetime | None = None
    failures: int = 0
    reason: str = ""
    next_slot: AwareDatetime | None = None
    missed: int = 0


class MissedSlot(Frozen):
    """A slot that was not fired, and why."""

    slot: AwareDatetime
    reason: str


def slot_time(slot: str) -> dt.datetime | None:
    """Return the moment of a scheduled slot (UTC milliseconds), or None for one that no schedule has set.

    Those of trends (`t:{topic}:{ms}`) and of events on chain (`e:{subscription}:{event}:{ms}`) have one too.
    """
    number = slot.rpartition(":")[2] if slot.startswith(("t:", "e:")) else slot
    return dt.datetime.fromtimestamp(int(number) / 1000, dt.UTC) if number.isdigit() else None


def run_id(agent_id: str, slot: str) -> str:
    """Return the id of the run of `agent_id` for `slot`; it is also the id of its draft."""
    return f"{agent_id}:{slot}"


def split_run_id(value: str) -> tuple[str, str]:
    """Return (agent id, slot) of a run id."""
    agent_id, _, slot = value.partition(":")
    return agent_id, slot
