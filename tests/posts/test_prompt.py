"""The part of the prompt that a post may repeat: the sentences that name its topic, and no others."""

from __future__ import annotations

from ceos.domain.posts import Brief
from ceos.guardrails.rules import TextContext, rule_violations
from ceos.posts.prompt import confidential
from ceos.testing import make_agent

INSTRUCTIONS = (
    "Write one post about spring tides at the harbour of Brest for the first day of a week. "
    "Begin with a small observation and never end with a question to the readers."
)


def rules(text: str) -> list[str]:
    agent = make_agent()
    prompt = confidential(agent, Brief.text("spring tides", INSTRUCTIONS))
    return [violation.rule for violation in rule_violations([text], TextContext(agent, prompt=prompt))]


def test_a_post_may_use_the_words_that_say_what_it_is_about() -> None:
    assert rules("The spring tides at the harbour of Brest for the first day of a week are a lesson in patience.") == []


def test_the_other_instructions_are_told_to_nobody() -> None:
    assert rules("I begin with a small observation and never end with a question to the readers.") == ["prompt"]
