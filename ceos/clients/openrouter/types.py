"""The requests and answers of the OpenRouter client as records."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from ceos.domain.agent import Reasoning
from ceos.domain.base import Frozen

#: Tokens a message costs beside its text: its role and the marks around it.
_TOKENS_PER_MESSAGE = 8


#: Makers whose models cache only marked parts; the others cache the beginning of every prompt, or nothing.
_MARKED_MAKERS = frozenset({"anthropic", "alibaba", "qwen"})


def needs_cache_mark(model: str) -> bool:
    """Say whether the provider of a model caches only marked parts."""
    return model.lstrip("~").partition("/")[0] in _MARKED_MAKERS


class ToolCall(Frozen):
    """A function that the model wants called; `arguments` is JSON as the model wrote it, unchecked."""

    id: str
    name: str
    arguments: str


class Message(Frozen):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    #: The calls that an assistant's turn asks for.
    tool_calls: tuple[ToolCall, ...] = ()
    #: The id of the call that a tool's turn answers.
    tool_call_id: str | None = None
    #: Whether the prompt up to the end of this message is the same in many requests, so that a provider may cache it.
    #: At most four messages of a request have this.
    cache: bool = False

    def wire(self, model: str = "") -> dict[str, Any]:
        """Return the message as OpenRouter wants it for a model, marked for the cache where the model needs it."""
        sent: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.cache and needs_cache_mark(model):
            part = {"type": "text", "text": self.content, "cache_control": {"type": "ephemeral"}}
            sent["content"] = [part]
        if self.tool_calls:
            sent["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in self.tool_calls
            ]
        if self.tool_call_id is not None:
            sent["tool_call_id"] = self.tool_call_id
        return sent


class Tool(Frozen):
    """A function that the model may ask for; `parameters` is a JSON schema."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    description: str = ""
    parameters: dict[str, Any]

    def wire(self) -> dict[str, Any]:
        """Return the tool as OpenRouter wants it."""
        return {"type": "function", "function": self.model_dump()}


class Terms(TypedDict, total=False):
    """The options of a caller beside the text itself."""

    #: The tools that the model may call. A conversation that has used them goes on naming them.
    tools: Sequence[Tool]
    #: Whether the model may use them again; True by default.
    may_call: bool
    #: How much the model may reason, `off` by default, and the tokens of the answer, reasoning included; None: as many
    #: as the text and the reasoning need.
    reasoning: Reasoning
    token_limit: int | None
    #: Whether a text that was cut off is unusable; True by default.
    whole: bool
    #: The answer is streamed, and this gets the text so far; a shorter one when a model starts anew.
    watch: Callable[[str], None] | None


class Completion(Frozen):
    """A model's text and its cost."""

    text: str
    #: The model that answered, which need not be the first one asked.
    model: str
    #: "stop", "length" (cut short), "tool_calls", "content_filter", or None when the service did not say.
    finish_reason: str | None = None
    cost_usd: float
    #: True when the service named no cost; it is then computed from prices, rather too high than too low.
    cost_is_estimate: bool = False
    prompt_tokens: int = 0
    #: The tokens of the prompt that were read from the cache of the provider, and those written to it.
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    #: Those of the completion's tokens that went into reasoning.
    reasoning_tokens: int = 0
    tool_calls: tuple[ToolCall, ...] = ()
    #: The words with which the model declined; there is no text then.
    refusal: str = ""
    generation_id: str = ""

    def plus(self, later: Completion) -> Completion:
        """Return `later` with the cost and the tokens of both."""
        return later.model_copy(
            update={
                "cost_usd": self.cost_usd + later.cost_usd,
                "cost_is_estimate": self.cost_is_estimate or later.cost_is_estimate,
                "prompt_tokens": self.prompt_tokens + later.prompt_tokens,
                "cached_tokens": self.cached_tokens + later.cached_tokens,
                "cache_write_tokens": self.cache_write_tokens + later.cache_write_tokens,
                "completion_tokens": self.completion_tokens + later.completion_tokens,
                "reasoning_tokens": self.reasoning_tokens + later.reasoning_tokens,
            }
        )


class KeyInfo(BaseModel):
    """OpenRouter's information about the key; fields that it adds later are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    #: USD that the key may spend, and the rest of it; None means without limit.
    limit_usd: float | None = Field(None, alias="limit")
    remaining_usd: float | None = Field(None, alias="limit_remaining")
    usage_usd: float = Field(0.0, alias="usage")
    usage_today_usd: float | None = Field(None, alias="usage_daily")
    is_free_tier: bool = False
    expires_at: dt.datetime | None = None


def prompt_tokens(messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int:
    """Return more tokens than these messages have: one for every two bytes, where English has one for four."""
    size = sum(len(message.content.encode("utf-8", "replace")) for message in messages)
    size += sum(len(call.arguments) + len(call.name) for message in messages for call in message.tool_calls)
    size += sum(len(json.dumps(tool.wire())) for tool in tools)
    return size // 2 + _TOKENS_PER_MESSAGE * (len(messages) + 1)
