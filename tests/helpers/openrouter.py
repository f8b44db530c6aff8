"""One question to the simulated OpenRouter."""

from __future__ import annotations

from typing import Any

import requests


def complete(simulator: Any, messages: list[dict[str, Any]], **body: Any) -> str:
    """Return the text with which the simulated model answers these messages."""
    answer = requests.post(
        f"{simulator.openrouter_url}/chat/completions",
        headers={"authorization": "Bearer k"},
        json={"model": "openai/gpt-4o-mini", "messages": messages, **body},
        timeout=60,
    )
    return str(answer.json()["choices"][0]["message"]["content"])
