"""Agents as the operator describes them, and their states."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from ceos.domain.base import AgentId, ChannelId, Fid, Frozen, PlainText, ShortText
from ceos.domain.judging import JudgeCategory
from ceos.domain.lifecycle import AgentState
from ceos.domain.schedule import Schedule
from ceos.domain.text import CAST_BYTES, LONG_CAST_BYTES, byte_length

#: The message for an agent without a signer, or with two; `config.agents` uses it too.
ONE_SIGNER = "exactly one of 'signer_uuid_env' (the name of a variable) and 'signer_uuid'"

#: The room for a label that discloses a text as a program's, in bytes.
LABEL_BYTES = 40

#: The longest persona, all of its texts together; it is part of every prompt.
MAX_PERSONA_BYTES = 16_384


def _is_model_id(value: str) -> str:
    if "/" not in value or " " in value:
        raise ValueError("a model id of the form 'author/name'")
    return value


ModelId = Annotated[str, AfterValidator(_is_model_id)]


def _is_judge(value: str) -> str:
    if value != "off" and ("/" not in value or " " in value):
        raise ValueError("\"off\", or a model id of the form 'author/name'")
    return value


def _judge_category(value: object) -> JudgeCategory:
    # Agent files are validated strictly, and then pydantic makes no member of an enum from a string.
    if not isinstance(value, str) or value not in tuple(JudgeCategory):
        *names, last = (f"'{one}'" for one in JudgeCategory)
        raise ValueError(f"{', '.join(names)} or {last}")
    return JudgeCategory(value)


class Persona(Frozen):
    """The character of the agent; its texts are part of every prompt."""

    #: Who the agent is. All texts of the persona together may have 16,384 bytes.
    bio: Annotated[PlainText, StringConstraints(strip_whitespace=True, min_length=1)]
    #: How it speaks.
    tone: PlainText = ""
    #: What it writes about; at least one topic.
    topics: tuple[ShortText, ...] = Field(min_length=1)
    #: Words and phrases that no post may contain.
    avoid: tuple[ShortText, ...] = ()
    #: Posts that show its voice.
    examples: tuple[PlainText, ...] = ()

    @model_validator(mode="after")
    def _is_short_enough(self) -> Persona:
        size = sum(byte_length(text) for text in (self.bio, self.tone, *self.topics, *self.avoid, *self.examples))
        if size > MAX_PERSONA_BYTES:
            raise ValueError(f"at most {MAX_PERSONA_BYTES:,} bytes in all its texts together; these have {size:,}")
        return self


#: How much a model reasons before it writes.
Reasoning = Literal["off", "low", "medium", "high"]


class Models(Frozen):
    """Which models write and illustrate for the agent."""

    #: OpenRouter's id of the model that writes.
    text: ModelId = "anthropic/claude-sonnet-4"
    #: Models that are tried next when one cannot answer.
    fallbacks: tuple[ModelId, ...] = (
        "openai/gpt-4o-mini",
        "google/gemini-2.0-flash-001",
        "meta-llama/llama-3.3-70b-instruct",
    )
    #: A model that OpenRouter no longer lists is replaced by a [successor](limits.md#retired-models) that costs at most
    #: this many times as much.
    max_price_factor: float = Field(default=1.5, ge=1, le=100)
    #: Effort of a model that can reason, before it writes: `off`, `low`, `medium` or `high`. A model that cannot be
    #: stopped gets its lowest effort. Reasoning is paid like text.
    reasoning: Reasoning = "off"
    #: Tokens of the answer for a post or a reply, reasoning included; by default as many as its parts and the reasoning
    #: need, and more at a second try of a model that used them up without a text.
    max_tokens: int | None = Field(default=None, ge=64, le=64_000)
    #: Model for pictures: `schnell` (fast), `recraft` (lettering) or `pro-ultra` (best); a failed one is replaced by
    #: the next within `max_image_usd`.
    image: Literal["schnell", "pro-ultra", "recraft"] = "schnell"
    #: The most that one picture may cost in USD, failed attempts and more expensive models included; by default three
    #: times the price of `image`.
    max_image_usd: float | None = Field(default=None, gt=0, le=10)
    #: Model for [videos](media.md#videos): `off`, `wan` (cheap) or `seedance` (better).
    video: Literal["off", "wan", "seedance"] = "off"
    #: `photorealistic`, `digital-art`, `anime`, `abstract`, `typography`, `watercolor` or `pixel-art`.
    style: str = "digital-art"

    @property
    def writers(self) -> tuple[str, ...]:
        """The models that write, in the order in which they are asked."""
        return (self.text, *self.fallbacks)

    @field_validator("style")
    @classmethod
    def _is_style(cls, value: str) -> str:
        if value not in IMAGE_STYLES:
            raise ValueError(f"one of {', '.join(IMAGE_STYLES)}")
        return value


#: The image style presets; `clients/fal` translates them for each model.
IMAGE_STYLES = ("photorealistic", "digital-art", "anime", "abstract", "typography", "watercolor", "pixel-art")


class Limits(Frozen):
    """The limits of the agent."""

    #: Casts in any 60 minutes; every part of a thread counts.
    casts_per_hour: int = Field(default=10, ge=1, le=1000)
    #: Money for texts, pictures and videos in a UTC day.
    usd_per_day: float = Field(default=2.0, ge=0, le=10_000)


class Engagement(Frozen):
    """The agent's reactions to mentions."""

    #: Whether the agent reads its mentions, replies and quotes, and [answers](mentions.md).
    enabled: bool = False
    #: The strategy that decides whether to answer, like, recast or ignore.
    strategy: str = "engagement"
    #: Accounts with a lower Neynar score are ignored.
    min_score: float = Field(default=0.5, ge=0, le=1)
    #: The score assumed for an account without one.
    unrated_score: float = Field(default=0.3, ge=0, le=1)
    #: Answers to one person in an hour.
    answers_per_person_per_hour: int = Field(default=3, ge=0, le=100)
    #: Answers in one conversation, to all participants together.
    answers_per_thread: int = Field(default=5, ge=0, le=100)
    #: Depth of a conversation from which on nothing is answered: two machines would never stop.
    max_depth: int = Field(default=10, ge=1, le=50)
    #: Likes in a UTC day.
    likes_per_day: int = Field(default=30, ge=0, le=1000)
    #: Recasts in a UTC day.
    recasts_per_day: int = Field(default=3, ge=0, le=100)
    #: Lowest relevance to the persona, from 0 to 1, of a cast that is [recast](mentions.md#recasts).
    recast_min_relevance: float = Field(default=0.8, ge=0, le=1)
    #: Lowest Neynar score of the author of such a cast.
    recast_min_score: float = Field(default=0.8, ge=0, le=1)
    #: Fewest reactions to such a cast; a recast counts as two.
    recast_min_reactions: int = Field(default=0, ge=0, le=100_000)
    #: Fids that are never reacted to.
    blocked: tuple[Fid, ...] = ()
    #: More entries like those of `output.allow`; both lists count for every text.
    allow: tuple[ShortText, ...] = ()


class Trends(Frozen):
    """The agent's posts about trends."""

    #: Posts about [trends](trends.md) in a UTC day; 0 switches them off.
    posts_per_day: int = Field(default=0, ge=0, le=24)
    #: Hours during which a topic is not used again.
    window_hours: int = Field(default=48, ge=1, le=720)
    #: Ids of channels to read besides the busiest ones.
    channels: tuple[ChannelId, ...] = ()
    #: Lowest relevance of a topic to the persona, from 0 to 1.
    min_relevance: float = Field(default=0.6, ge=0, le=1)


class TextOutput(Frozen):
    """The permitted contents of the agent's texts, and the judge of them."""

    #: Links, hosts, addresses, tickers, @names, hashtags and contacts that posts and answers may contain; those in the
    #: persona are always allowed. A host allows all of its pages.
    allow: tuple[ShortText, ...] = ()
    #: The model that [judges](judge.md) finished texts by their meaning, or `"off"`.
    judge: Annotated[str, AfterValidator(_is_judge)] = "openai/gpt-4o-mini"
    #: The texts that are judged: `untrusted` (those written with text of third parties in sight: replies, posts about
    #: trends and events, and posts with material from skills that read the network or a chain) or `all`.
    judge_texts: Literal["untrusted", "all"] = "untrusted"
    #: Categories of the judge that are no reason to refuse a text.
    allow_categories: tuple[Annotated[JudgeCategory, BeforeValidator(_judge_category)], ...] = ()
    #: Where readers learn that the account is a program: `profile` (in its bio, which you write, and `ceos doctor`
    #: reads), `post` (in a short [label](guardrails.md#disclosure) at the end of each text) or `off`.
    disclosure: Literal["profile", "post", "off"] = "profile"

    def judge_for(self, *, has_untrusted: bool) -> str:
        """Return the model that judges a text, or an empty string for a text that is not judged."""
        is_judged = self.judge != "off" and (has_untrusted or self.judge_texts == "all")
        return self.judge if is_judged else ""


class SkillUse(Frozen):
    """A skill the agent uses, with its parameters."""

    #: Name of a [skill](skills.md); each has its own table `[[agent.skills]]`, and they run in this order.
    name: ShortText
    #: Its parameters.
    params: dict[str, Any] = Field(default_factory=dict)
    #: Links of its answers that posts may contain, as the skill returned them, character by character: `none`,
    #: `same-host` (those on the hosts in its parameters) or `any`.
    links: Literal["none", "same-host", "any"] = "same-host"
    #: For a gate that gives no answer: `stop` tries again and then ends the run, `pass` publishes without the gate.
    on_failure: Literal["stop", "pass"] = "stop"


class Agent(Frozen):
    """One autonomous account as its operator describes it."""

    #: 1 to 32 lower-case letters, digits, `-` or `_`; it never changes.
    id: AgentId
    #: The name used in prompts.
    name: ShortText
    #: Number of the Farcaster account.
    fid: Fid
    #: Name of the variable that holds the signer.
    signer_uuid_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    #: The signer itself; a variable is safer.
    signer_uuid: str | None = Field(default=None, min_length=1)
    #: What it posts, see `ceos strategy list`.
    strategy: str = "balanced"
    #: `auto` publishes at once, `review` waits for `ceos draft approve`; texts of your own (`ceos post --text`)
    #: never wait.
    approval: Literal["auto", "review"] = "auto"
    #: Id of the channel that posts go to.
    channel: ChannelId | None = None
    #: Allows casts of up to 1024 bytes instead of 320.
    long_casts: bool = False
    persona: Persona
    schedule: Schedule
    models: Models = Models()
    limits: Limits = Limits()
    engagement: Engagement = Engagement()
    trends: Trends = Trends()
    output: TextOutput = TextOutput()
    #: Whether the mix and the hours follow [the measured results](metrics.md#learning): `off`, `advise` (only in
    #: words) or `on`.
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

    @property
    def text_bytes(self) -> int:
        """The longest text that may be written for a cast of this agent; the rest is for a label."""
        return self.cast_bytes - (LABEL_BYTES if self.output.disclosure == "post" else 0)


class Transition(Frozen):
    """One change of an agent's state."""

    at: AwareDatetime
    old: AgentState
    new: AgentState
    reason: str = ""
    #: The run that made the change; empty when an operator did.
    run_id: str = ""


class AgentStatus(Frozen):
    """The present state of an agent."""

    agent_id: str
    state: AgentState
    since: AwareDatetime | None = None
    #: The run that owns the agent, and the end of its lease.
    run_id: str = ""
    lease_until: AwareDatetime | None = None
    failures: int = 0
    reason: str = ""
    next_slot: AwareDatetime | None = None
    missed: int = 0


class MissedSlot(Frozen):
    """A slot that was not fired, and the reason."""

    slot: AwareDatetime
    reason: str
