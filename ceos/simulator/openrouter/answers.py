"""A completion as JSON or as a stream of events, with or without faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ceos.simulator.openrouter.caching import CacheUse
from ceos.simulator.openrouter.catalogue import Model
from ceos.simulator.wire import EVENT_STREAM, Reply, dump, json_reply

#: The bytes of an average token of English.
_TOKEN_BYTES = 4
#: Words per streamed chunk.
_CHUNK_WORDS = 3
_COMMENT = b": OPENROUTER PROCESSING\n\n"
_DONE = b"data: [DONE]\n\n"
#: Long enough for the halves of a character to arrive in two reads.
_SPLIT_PAUSE = 0.02


@dataclass(slots=True)
class Answer:
    """A completion before it is encoded."""

    id: str
    created: int
    model: Model
    text: str
    prompt_tokens: int
    fault: str | None
    streamed: bool
    finish: str = "stop"
    #: The function to call; the text is then its arguments as JSON.
    calls: str = ""
    #: The tokens of its reasoning, which come before the text.
    reasoning: int = 0
    cache: CacheUse = field(default_factory=CacheUse)

    @property
    def tokens(self) -> int:
        """The number of tokens of the answer."""
        return self.reasoning + (self._text_tokens if self.text or not self.reasoning else 0)

    @property
    def _text_tokens(self) -> int:
        return 0 if self.fault in {"null_content", "no_choices"} else max(len(self.text.encode()) // _TOKEN_BYTES, 1)

    @property
    def cost(self) -> float:
        """The charge in USD; failures are free."""
        if self.fault in {"choice_error", "top_level_error_200", "null_content", "no_choices"}:
            return 0.0
        return round(self.prompt_cost + self.model.completion_cost(self.tokens), 10)

    @property
    def prompt_cost(self) -> float:
        """The price of the prompt in USD."""
        return self.model.prompt_cost(self.prompt_tokens, self.cache.read, self.cache.written)

    def shorten(self, limit: int) -> None:
        """Cut the text at the token limit or by the fault."""
        self.reasoning = limit if self.fault == "reasoning_only" else min(self.reasoning, limit)
        limit -= self.reasoning
        if self.fault == "finish_length":
            limit = max(self._text_tokens // 2, 1)
        if self.fault == "content_filter":
            self.finish = "content_filter"
            self.text = self.text[:20]
        elif self._text_tokens > limit:
            self.finish = "length"
            self.text = self.text.encode()[: limit * _TOKEN_BYTES].decode(errors="ignore")

    def message(self) -> dict[str, Any]:
        """Return the message of the assistant: a text, or the call of a function."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text, "refusal": None, "reasoning": None}
        if self.fault == "refusal_field":
            message |= {"content": None, "refusal": self.text}
        if self.reasoning:
            message |= {"content": self.text or None, "reasoning": "Which words fit the topic best?"}
        if self.calls:
            function = {"name": self.calls, "arguments": self.text}
            # OpenRouter's ids differ by provider, but are unique.
            call = {"id": f"call_{self.id.rpartition('-')[2]}", "type": "function", "function": function}
            message |= {"content": None, "tool_calls": [call]}
        return message

    def usage(self) -> dict[str, Any]:
        """Token counts and the amount charged."""
        usage = {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.tokens,
            "total_tokens": self.prompt_tokens + self.tokens,
            "cost": self.cost,
            "is_byok": False,
            "prompt_tokens_details": self._cache_details(),
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
            "cost_details": {
                "upstream_inference_cost": None,
                "upstream_inference_prompt_cost": self.prompt_cost,
                "upstream_inference_completions_cost": self.model.completion_cost(self.tokens),
            },
        }
        if self.fault == "no_cost":
            del usage["cost"], usage["cost_details"]
        return usage

    def charges(self) -> dict[str, Any]:
        """Return the amount charged and the token counts that it is for."""
        return {
            "cost": self.cost,
            "prompt_tokens": self.prompt_tokens,
            "cached_tokens": self.cache.read,
            "cache_write_tokens": self.cache.written,
            "completion_tokens": self.tokens,
        }

    def _cache_details(self) -> dict[str, int]:
        details = {"cached_tokens": self.cache.read}
        # Only models that charge for writing report it.
        return details if self.model.cache_write_price is None else details | {"cache_write_tokens": self.cache.written}

    def head(self, kind: str) -> dict[str, Any]:
        """Return the fields that a completion shares with its chunks."""
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model.id,
            "provider": self.model.provider,
        }

    def generation(self) -> dict[str, Any]:
        """The record of `GET /generation`, without its date."""
        counts = {"tokens_prompt": self.prompt_tokens, "tokens_completion": self.tokens}
        nothing = (
            "upstream_id upstream_inference_cost app_id moderation_latency service_tier "
            "native_tokens_completion_images num_media_prompt num_input_audio_prompt num_media_completion "
            "num_search_results num_fetches web_search_engine external_user preset_id router provider_responses "
            "user_agent http_referer workspace_id"
        )
        return {
            **dict.fromkeys(nothing.split()),
            **counts,
            **{f"native_{name}": count for name, count in counts.items()},
            "native_tokens_reasoning": self.reasoning,
            "native_tokens_cached": self.cache.read,
            "cache_discount": round(self.model.prompt_cost(self.prompt_tokens) - self.prompt_cost, 10),
            "id": self.id,
            "model": self.model.id,
            "provider_name": self.model.provider,
            "total_cost": self.cost,
            "usage": self.cost,
            "streamed": self.streamed,
            "cancelled": False,
            "latency": 120,
            "generation_time": 240,
            "finish_reason": self.finish,
            "native_finish_reason": self.finish,
            "origin": "",
            "is_byok": False,
            "api_type": "completions",
            "data_region": "global",
        }


def spoil(text: str, fault: str | None, topic: str) -> str:
    """Return a text with the changes that a fault makes."""
    match fault:
        case "preamble":
            return f"Sure! Here's a post about {topic}:\n\n{text}\n\nLet me know if you would like another one!"
        case "fenced_json":
            return f"```json\n{text}\n```"
        case "cut_json":
            return text[: len(text) * 2 // 3]
        case "blank_text":
            return "\n"
        case "split_utf8":
            return text + " 🌱"
    return text


def whole_reply(answer: Answer) -> Reply:
    """The answer as one JSON object."""
    if answer.fault == "top_level_error_200":
        error = {"code": 502, "message": "Provider returned error", "metadata": {"error_type": "provider_unavailable"}}
        return json_reply({"error": error})
    message = answer.message()
    choice: dict[str, Any] = {
        "index": 0,
        "finish_reason": answer.finish,
        "native_finish_reason": answer.finish,
        "message": message,
    }
    if answer.fault == "choice_error":
        message["content"] = answer.text[: len(answer.text) // 3]
        choice["finish_reason"] = choice["native_finish_reason"] = "error"
        choice["error"] = _overloaded(502)
    elif answer.fault == "null_content":
        message["content"] = None
    choices = [] if answer.fault == "no_choices" else [choice]
    body = {**answer.head("chat.completion"), "system_fingerprint": None, "choices": choices, "usage": answer.usage()}
    return json_reply(body)


def stream_reply(answer: Answer, pause: float) -> Reply:
    """The answer as server-sent events."""
    words = [] if answer.fault in {"null_content", "no_choices"} else answer.text.split(" ")
    texts = [" ".join(words[i : i + _CHUNK_WORDS]) for i in range(0, len(words), _CHUNK_WORDS)]
    texts = [text if i == 0 else " " + text for i, text in enumerate(texts)]
    events = [_event(answer, {"role": "assistant", "content": ""})]
    if answer.calls:
        call = answer.message()["tool_calls"][0]
        begun = {**call, "index": 0, "function": {"name": answer.calls, "arguments": ""}}
        rest = [{"index": 0, "function": {"arguments": text}} for text in texts]
        events += [_event(answer, {"tool_calls": [part]}) for part in (begun, *rest)]
    else:
        field = "refusal" if answer.fault == "refusal_field" else "content"
        events += [_event(answer, {field: text}) for text in texts]
    if answer.fault in {"mid_stream_error", "mid_stream_error_string", "choice_error", "top_level_error_200"}:
        code = "server_error" if answer.fault == "mid_stream_error_string" else 502
        events = events[: max(len(events) // 2, 1)]
        broken = _chunk(answer, {"content": ""}, "error") | {"error": _overloaded(code)}
        return _events([*events, _data(broken)], pause)
    if answer.fault == "cut_stream":
        return _events(events[: max(len(events) // 2, 1)], pause)
    events.append(_event(answer, {"content": ""}, answer.finish))
    if answer.fault == "stream_comments":
        events = [piece for event in events for piece in (_COMMENT, event)]
    elif answer.fault == "split_utf8":
        events, pause = _split_characters(events), max(pause, _SPLIT_PAUSE)
    last = answer.head("chat.completion.chunk") | {"choices": [], "usage": answer.usage()}
    return _events([*events, _data(last), _DONE], pause)


def _events(chunks: list[bytes], pause: float) -> Reply:
    return Reply(200, content_type=EVENT_STREAM, chunks=chunks, pause=pause)


def _event(answer: Answer, delta: dict[str, Any], finish: str | None = None) -> bytes:
    return _data(_chunk(answer, delta, finish))


def _chunk(answer: Answer, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "native_finish_reason": finish}
    return answer.head("chat.completion.chunk") | {"choices": [choice]}


def _data(value: dict[str, Any]) -> bytes:
    return b"data: " + dump(value) + b"\n\n"


def _overloaded(code: int | str) -> dict[str, Any]:
    return {"code": code, "message": "Provider is overloaded", "metadata": {"error_type": "provider_overloaded"}}


def _split_characters(events: list[bytes]) -> list[bytes]:
    """Cut every event that has a character of several bytes in the middle of that character."""
    pieces: list[bytes] = []
    for event in events:
        lead = next((i for i, byte in enumerate(event) if byte >= 0xC0), None)
        pieces += [event] if lead is None else [event[: lead + 1], event[lead + 1 :]]
    return pieces
