"""A streamed answer: its events read as they come, put together into the answer that an unstreamed request gets.

A stream is whole when it has a finish reason or the usage. `[DONE]` alone says neither: the text before it may be half.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ceos.clients.http.api import UNREADABLE, Answer, body_chunks
from ceos.clients.openrouter.api import OpenRouterApi, first_choice, read_text
from ceos.clients.openrouter.sse import event_data
from ceos.errors import OutcomeUnknown

#: The longest silence in a stream; keep-alive comments are not silence.
SILENCE_SECONDS = 60.0


class _Collected:
    """The contents of the events of one stream so far."""

    def __init__(self) -> None:
        self.is_over = False
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._top: dict[str, Any] = {}
        self._finish_reason: str | None = None

    def add(self, chunk: dict[str, Any]) -> None:
        """Take in one event."""
        self._top.update({key: chunk[key] for key in ("id", "model", "usage") if chunk.get(key)})
        choice = first_choice(chunk)
        if isinstance(choice.get("finish_reason"), str):
            self._finish_reason = choice["finish_reason"]
        # Any of these says that the model has finished; the text of a stream without them is incomplete.
        self.is_over = self.is_over or bool(self._finish_reason) or bool(chunk.get("usage"))
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return
        for call in delta.get("tool_calls") or []:
            self._add_call(call)
        self._texts.append(read_text(delta.get("content")))
        self._refusals.append(read_text(delta.get("refusal")))

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._texts)

    def answer(self) -> dict[str, Any]:
        """Return the answer as it would have come in one piece."""
        message = {
            "content": self.text,
            "refusal": "".join(self._refusals),
            "tool_calls": [self._calls[index] for index in sorted(self._calls)],
        }
        return {**self._top, "choices": [{"message": message, "finish_reason": self._finish_reason}]}

    def _add_call(self, piece: Any) -> None:
        if not isinstance(piece, dict) or not isinstance(piece.get("function"), dict):
            return
        index, function = piece.get("index"), piece["function"]
        call = self._calls.setdefault(index if isinstance(index, int) else 0, {"id": "", "function": {"arguments": ""}})
        call["id"] = call["id"] or piece.get("id") or ""
        call["function"]["arguments"] += function.get("arguments") or ""
        if function.get("name"):
            call["function"]["name"] = function["name"]


def stream(
    api: OpenRouterApi, path: str, body: dict[str, Any], *, task: str, seconds: float, watch: Callable[[str], None]
) -> Answer:
    """Send one request, show `watch` the text as it grows, and return the answer as an unstreamed request gets it.

    A stream that breaks off, or that is not over after `seconds`, raises `OutcomeUnknown`: it may have been billed.
    """
    deadline, collected = time.monotonic() + seconds, _Collected()
    watch("")
    with api.open(
        "POST", path, task=task, effect="billed", body={**body, "stream": True}, seconds=min(seconds, SILENCE_SECONDS)
    ) as response:
        try:
            for data in event_data(body_chunks(response, deadline, SILENCE_SECONDS)):
                if data.strip() == "[DONE]":
                    break
                chunk, before = json.loads(data), collected.text
                api.refuse_failure(chunk, task)
                if isinstance(chunk, dict):
                    collected.add(chunk)
                if collected.text != before:
                    watch(collected.text)
        except UNREADABLE:
            raise OutcomeUnknown(
                f"OpenRouter broke off or was not understood when asked to {task}.", status=200
            ) from None
    if not collected.is_over:
        raise OutcomeUnknown(f"OpenRouter broke off when asked to {task}: the stream has no end.", status=200)
    return Answer(response.status_code, response.headers, collected.answer())
