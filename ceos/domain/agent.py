"""Agents as the operator describes them, and what they are doing now."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from ceos.domain.base import AgentId, ChannelId, Frozen, ShortText
from ceos.domain.lifecycle import AgentState
from ceos.domain.schedule import Schedule
from ceos.domain.text import CAST_BYTES, LONG_CAST_BYTES, byte_length

#: What a validator says of an agent that names no signer, or two; `agentfile` says it too.
ONE_SIGNER = "exactly one of 'signer_uuid_env' (the name of a variable) and 'signer_uuid'"

#: The longest persona, all of its texts together; it travels in every prompt.
PERSONA_BYTES = 16_384


def _is_model_id(value: str) -> str:
    if "/" not in value or " " in value:
        raise ValueError("a model id of the form 'author/name'")
    return value


ModelId = Annotated[str, AfterValidator(_is_model_id)]


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
