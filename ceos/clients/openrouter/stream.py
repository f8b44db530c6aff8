"""A streamed answer: its events read as they come, put together into the answer that an unstreamed request gets."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from typing import Any

from ceos.clients.http.api import UNREADABLE, body_chunks
from ceos.clients.openrouter.api import OpenRouterApi, first_choice, read_text
from ceos.clients.openrouter.sse import event_data
from ceos.errors import OutcomeUnknown, ServiceUnavailable

#: The longest a stream may last, and the longest silence in it; keep-alive comments are not silence.
STREAM_SECONDS = 300.0
SILENCE_SECONDS = 60.0


class Collected:
    """The contents of the events of one stream so far."""

    def __init__(self) -> None:
        self.generation_id = ""
        self.is_over = False
        self._texts: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._top: dict[str, Any] = {}
        self._finish_reason: str | None = None

    def add(self, chunk: dict[str, Any]) -> str:
        """Take in one event and return its text."""
        self._top.update({key: chunk[key] for key in ("id", "model", "usage") if chunk.get(key)})
        choice = first_choice(chunk)
        if isinstance(choice.get("finish_reason"), str):
            self._finish_reason = choice["finish_reason"]
        # Any of these says that the model has finished; the text of a stream without them is incomplete.
        self.is_over = self.is_over or bool(self._finish_reason) or bool(chunk.get("usage"))
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return ""
        for call in delta.get("tool_calls") or []:
            self._add_call(call)
        text = read_text(delta.get("content"))
        self._texts.append(text)
        return text

    @property
    def is_empty(self) -> bool:
        """True when it ended without a text, a call or a reason: the host was not ready and is not paid."""
        return not (any(self._texts) or self._calls or self._finish_reason)

    def answer(self) -> dict[str, Any]:
        """Return the answer as it would have come in one piece."""
        message = {
            "content": "".join(self._texts),
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


def collect(
    api: OpenRouterApi,
    path: str,
    body: dict[str, Any],
    collected: Collected,
    *,
    task: str,
    seconds: float = STREAM_SECONDS,
) -> Generator[str, None, None]:
    """Send one request, collect its answer in `collected` and yield the pieces of text."""
    deadline = time.monotonic() + seconds
    with api.open(
        "POST", path, task=task, effect="billed", body=body, seconds=min(seconds, SILENCE_SECONDS)
    ) as response:
        collected.generation_id = response.headers.get("X-Generation-Id") or ""
        try:
            for data in event_data(body_chunks(response, deadline, SILENCE_SECONDS)):
                if data.strip() == "[DONE]":
                    collected.is_over = True
                    break
                chunk = json.loads(data)
                api.refuse_failure(chunk, task)
                piece = collected.add(chunk) if isinstance(chunk, dict) else ""
                if piece:
                    yield piece
        except UNREADABLE:
            raise OutcomeUnknown(
                f"OpenRouter broke off or was not understood when asked to {task}.", status=200
            ) from None
    if not collected.is_over:
        raise OutcomeUnknown(f"OpenRouter broke off when asked to {task}: the stream has no end.", status=200)
    if collected.is_empty:
        raise ServiceUnavailable(f"OpenRouter gave an empty answer when asked to {task}.", status=200)
