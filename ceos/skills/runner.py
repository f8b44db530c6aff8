"""Running skills: one run within its limits, the check of its value, and the examples."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any

from ceos.domain.text import CAST_BYTES, byte_length, clean
from ceos.errors import SkillError
from ceos.sandbox.executor import Host, Sandbox, SandboxLimits, SandboxOutcome
from ceos.skills.skill import Example, Skill, SkillStage
from ceos.skills.stub_host import StubHost

#: The number of parts that a transform may return.
MAX_PARTS = 10

#: The agent of examples and of trial runs, as far as they do not describe one.
EXAMPLE_AGENT = {
    "name": "Ada",
    "bio": "An engineer of small machines.",
    "tone": "dry",
    "topics": ["clocks"],
    "avoid": [],
}


def run_skill(
    sandbox: Sandbox,
    skill: Skill,
    params: Mapping[str, Any],
    inputs: Mapping[str, Any],
    host: Host,
    *,
    now: dt.datetime | None = None,
    seed: str = "",
) -> SandboxOutcome:
    """Run a skill within its own limits and grants; raises `SkillError`."""
    limits = skill.limits_in_force()
    return sandbox.run(
        skill.source,
        params,
        inputs=inputs,
        grants=skill.grants.names(),
        host=host,
        limits=SandboxLimits(seconds=limits.seconds, memory_mb=limits.memory_mb),
        seed=seed,
        now=now,
    )


def run_examples(sandbox: Sandbox, skill: Skill) -> list[str]:
    """Run the examples of a skill and return a sentence for each that fails."""
    problems = []
    for number, example in enumerate(skill.examples, 1):
        try:
            value = run_example(sandbox, skill, example).value
        except SkillError as error:
            problems.append(f"Example {number} ({example.summary}) failed: {error}")
            continue
        if example.has_expectation and value != example.expect:
            problems.append(
                f"Example {number} ({example.summary}) returned {_short(value)}, not {_short(example.expect)}."
            )
        elif wrong := misfit(skill.stage, value, CAST_BYTES):
            problems.append(f"Example {number} ({example.summary}) returned {wrong}.")
    return problems


def run_example(sandbox: Sandbox, skill: Skill, example: Example) -> SandboxOutcome:
    """Run one example with its own answers of the host; raises `SkillError`."""
    inputs = {
        "agent": {**EXAMPLE_AGENT, **example.agent},
        "topic": "clocks",
        "kind": "original",
        "draft": list(example.draft) if example.draft is not None else None,
        "recent": list(example.recent),
        "limit": CAST_BYTES,
    }
    return run_skill(
        sandbox,
        skill,
        example.params,
        inputs,
        StubHost(example.answers, skill.grants, example.params, read=sandbox.read_document),
        now=example.now,
        seed="example",
    )


def misfit(stage: SkillStage, value: Any, limit: int) -> str:
    """Return the mistake in the value of a skill of this stage, or an empty string."""
    return _MISFITS[stage](value, limit)


def _anything(value: Any, limit: int) -> str:
    del value, limit
    return ""


def _misfit_draft(value: Any, limit: int) -> str:
    """Return the mistake in a transform's value, which is None (unchanged), a string or a list of strings."""
    parts = [value] if isinstance(value, str) else value
    if parts is None:
        return ""
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return f"{_short(value)}; a transform returns a list of strings, a string or None"
    if not parts or not all(clean(part) for part in parts):
        return "a draft with an empty part"
    if len(parts) > MAX_PARTS:
        return f"{len(parts)} parts, more than the {MAX_PARTS} allowed"
    if (longest := max(byte_length(clean(part)) for part in parts)) > limit:
        return f"a part of {longest:,} bytes, more than the {limit:,} allowed"
    return ""


def _misfit_violations(value: Any, limit: int) -> str:
    """Return the mistake in a gate's value, which is None, a string or a list of strings."""
    del limit
    violations = [value] if isinstance(value, str) else value or []
    if not isinstance(violations, list) or not all(isinstance(one, str) for one in violations):
        return f"{_short(value)}; a gate returns a list of strings, a string or None"
    return ""


_MISFITS: dict[SkillStage, Callable[[Any, int], str]] = {
    SkillStage.CONTEXT: _anything,
    SkillStage.TRANSFORM: _misfit_draft,
    SkillStage.GATE: _misfit_violations,
    SkillStage.TOOL: _anything,
}


def parts_of(value: str | list[str]) -> list[str]:
    """Return the value of a transform as the parts of a draft."""
    return [clean(part) for part in ([value] if isinstance(value, str) else value)]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]} …"
