"""The disclosure that an agent is a program: its label, and truthful answers to those who ask.

The questions, answers and labels of each language stand in `data/disclosure.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from ceos.domain.agent import Agent
from ceos.guardrails.denylist import language_of
from ceos.guardrails.deobfuscate import normalize
from ceos.guardrails.patterns import compile_any, load_patterns

#: A letter of each script that tells the language of a text without common words of a Latin language.
_SCRIPTS = {
    "ja": "[\u3040-\u30ff]",
    "ko": "[\uac00-\ud7af]",
    "zh": "[\u4e00-\u9fff]",
    "hi": "[\u0900-\u097f]",
    "ar": "[\u0600-\u06ff]",
    "uk": "[іїєґ]",
    "ru": "[а-яё]",
}
#: The end of a clause: "are you human?" is a question about the agent, "are you real friends of Bach" is none.
_END = r"(?=\s*(?:[?.!,;:)\]…]|$|\n|or\b|oder\b|ou\b|o\b|of\b|then\b|though\b|btw\b|here\b|account\b|lol\b|behind\b))"

_DATA = load_patterns("disclosure")
_LANGUAGES: dict[str, dict[str, Any]] = {entry["code"]: entry for entry in _DATA["language"]}


def _expand(pattern: str) -> str:
    words = {**_DATA["words"], "end": _END}
    return re.sub(r"<(\w+)>", lambda match: str(words[match[1]]), pattern)


@cache
def _questions() -> dict[str, re.Pattern[str]]:
    return {code: compile_any(map(_expand, entry["questions"])) for code, entry in _LANGUAGES.items()}


_MACHINE = compile_any(_DATA["words_of_machines"]["patterns"])
_DENIAL = compile_any(_DATA["denials"]["patterns"])


def nature_question(text: str) -> str:
    """Return the language of a question whether the agent is a bot, an AI or a human; an empty string for none.

    >>> nature_question("@ada are you a bot?")
    'en'
    >>> nature_question("Is this human error or metal fatigue?")
    ''
    """
    seen = normalize(text).replace("’", "'")
    return next((code for code, pattern in _questions().items() if pattern.search(seen)), "")


def nature_violations(text: str) -> list[str]:
    """Return the violations of an answer to such a question: it has to say that the agent is a program.

    >>> nature_violations("Yes, a program writes this.")
    []
    """
    seen = normalize(text).replace("’", "'")
    if _DENIAL.search(seen) or not _MACHINE.search(seen):
        return ["You were asked whether you are a person or a program; say plainly that you are an AI."]
    return []


def truthful_answer(language: str) -> str:
    """Return an answer to such a question in a language of `nature_question`."""
    return str(_LANGUAGES[language]["answer"])


def is_disclosed(bio: str) -> bool:
    """Say whether the public bio of an account says that it is a program."""
    seen = normalize(bio).replace("’", "'")
    return bool(_MACHINE.search(seen)) and not _DENIAL.search(seen)


def disclosure_label(agent: Agent) -> str:
    """Return the label of the agent's texts in its language, or an empty string if it has none."""
    if agent.output.disclosure != "post":
        return ""
    persona = agent.persona
    return str(
        _LANGUAGES[_language(" ".join([persona.bio, persona.tone, *persona.topics, *persona.examples]))]["label"]
    )


def labelled(parts: Sequence[str], agent: Agent) -> tuple[str, ...]:
    """Return the parts of a text with the agent's label at the end of the last one."""
    label = disclosure_label(agent)
    if not label or parts[-1].rstrip().endswith(label):
        return tuple(parts)
    return (*parts[:-1], f"{parts[-1]} {label}")


def _language(text: str) -> str:
    """Return the language of a text among those that have a label, English by default."""
    found = next((code for code, letter in _SCRIPTS.items() if re.search(letter, text.casefold())), "")
    return next((code for code in (found, language_of(text)) if code in _LANGUAGES), "en")
