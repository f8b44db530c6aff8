"""The prompts of posts: the templates of `prompts/`, the agent's persona, and the messages that ask for a brief."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from importlib import resources

from ceos.clients.openrouter.client import Message
from ceos.domain.agent import Agent
from ceos.domain.posts import Brief

#: How many of the agent's last casts the model is shown; guardrails compare with all fifty.
MAX_SHOWN_CASTS = 8

#: Pairs of a skill's name and the JSON that it returned.
Material = Sequence[tuple[str, str]]


def post_prompt(
    agent: Agent, brief: Brief, recent: Sequence[str], *,
    violations: Sequence[str] = (), material: Material = (), untrusted: str = "",
) -> list[Message]:  # fmt: skip
    """Return the messages that ask a model for this brief in the agent's voice.

    `violations` are those of the first version, `untrusted` is the text that the post reacts to. No `<` stands in
    `material` or `untrusted` that could end their elements.
    """
    request = brief.instructions
    if recent:
        request += "\n\n" + fill("recent", recent="\n".join(f"- {text}" for text in recent[:MAX_SHOWN_CASTS]))
    if violations:
        request += "\n\n" + fill("objection", objection=" ".join(violations))
    gathered = "\n".join(f'<material from="{name}">\n{data}\n</material>' for name, data in material)
    # Untrusted text has messages of its own, before the request.
    data = [untrusted, fill("material", material=gathered) if gathered else ""]
    return [
        Message(role="system", content=in_character("system", agent), cache=True),
        *(Message(role="user", content=text) for text in data if text),
        Message(role="user", content=request),
    ]


def in_character(template: str, agent: Agent) -> str:
    """Return a system prompt of `prompts/` with the agent's persona."""
    persona = agent.persona
    return fill(
        template,
        name=agent.name,
        bio=persona.bio,
        tone=persona.tone or "plain and direct",
        topics=", ".join(persona.topics),
        avoid=", ".join(persona.avoid) or "nothing in particular",
        examples="\n\n".join(persona.examples) or "(none given)",
        limit=str(agent.text_bytes),
    )


def confidential(agent: Agent, brief: Brief) -> str:
    """Return the part of a post's prompt that no reader may learn.

    The persona's public texts are left out, and so are the sentences that name the topic: they say what to write about,
    and a post uses their words.
    """
    sentences = re.split(r"(?<=[.!?])\s+|\n", brief.instructions)
    instructions = "\n".join(sentence for sentence in sentences if not brief.topic or brief.topic not in sentence)
    return "\n".join([re.sub(r"\{\w+\}", "\n", _template("system")), agent.persona.tone, instructions])


def fill(template: str, /, **values: str) -> str:
    """Return a template of `prompts/` with its placeholders replaced."""
    # One pass, so that braces inside a persona stay what they are.
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), _template(template))


@functools.cache
def _template(name: str) -> str:
    return (resources.files("ceos.posts") / "prompts" / f"{name}.md").read_text(encoding="utf-8").strip()
