"""A judge of texts by simple rules or by a script; it stands in for judgement, and is no measure of it."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from ceos.simulator.openrouter.caching import text_of
from ceos.simulator.phrases import load
from ceos.simulator.timeline import Timeline
from ceos.simulator.wire import dump

_RULES = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in load("judge")["rules"].items()}
_FIELDS = {"id", "reason", "categories"}


def is_verdict(schema: dict[str, Any]) -> bool:
    """Say whether a schema asks for a verdict about a text."""
    return set(schema.get("properties") or {}) == _FIELDS


class Judge:
    """Gives verdicts; `script` has those of the next texts: lists of categories, or strings to answer with."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline

    def answer(self, messages: list[dict[str, Any]], script: list[Any]) -> str:
        """Return the verdict about the text in the last message that is a JSON object."""
        # The instructions are the same for all texts.
        prompt = [sys.intern(text_of(message.get("content"))) for message in messages]
        subject = next((found for text in reversed(prompt) if (found := _subject(text))), {})
        scripted = script.pop(0) if script else None
        categories = scripted if isinstance(scripted, list) else self._by_rules(subject)
        self._timeline.record("openrouter", "verdict", categories=categories, prompt=prompt)
        if isinstance(scripted, str):
            return scripted
        reason = "as scripted" if isinstance(scripted, list) else "by simple rules"
        return dump({"id": subject.get("id", ""), "reason": reason, "categories": categories}).decode()

    @staticmethod
    def _by_rules(subject: dict[str, Any]) -> list[str]:
        text = "\n".join([*map(str, subject.get("parts", [])), str(subject.get("picture", ""))])
        return [name for name, pattern in _RULES.items() if pattern.search(text)]


def _subject(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and "parts" in found else {}
