"""The skill: the source of an author who need not be trusted, with a manifest of its purpose, grants and limits.

    skill.grants.lines()                  # the host's answers that it may ask for, in words
    skill.check_params({"ulr": "x"})      # ["params.ulr: unknown param; did you mean 'url'?", …]

`loader.py` reads skills from files. A skill stays text here: only a child of the sandbox compiles and runs its source.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from ceos.config.messages import dotted, shown
from ceos.domain.base import Frozen, ShortText
from ceos.sandbox.wire import SOURCE_BYTES, check_plain
from ceos.skills.grants import Grants, Listed
from ceos.skills.params import NO_PARAMS, Finding, plain, schema_findings, value_problems, without

#: The pydantic error type of a manifest whose keys contradict each other; its context has the findings.
INCONSISTENT = "skill_inconsistent"

#: The keys of an example's agent.
AGENT_KEYS = ("name", "bio", "tone", "topics", "avoid")
#: The grants for which an example may give answers.
ANSWERED = ("http", "llm", "memory", "metrics", "chain")
#: The size of the largest example, as JSON.
MAX_EXAMPLE_BYTES = 16 * 1024


class SkillStage(StrEnum):
    """The stage of writing at which a skill runs."""

    #: Before the model writes; the value is shown to the model.
    CONTEXT = "context"
    #: On the draft; the value is the changed draft.
    TRANSFORM = "transform"
    #: On the draft; the value is a list of violations.
    GATE = "gate"
    #: When the model calls it while it writes.
    TOOL = "tool"

    @property
    def has_draft(self) -> bool:
        """True if there is a draft at this stage."""
        return self in (SkillStage.TRANSFORM, SkillStage.GATE)


def _stage(value: Any) -> Any:
    if not isinstance(value, str) or value not in list(SkillStage):
        raise ValueError(f"one of {', '.join(SkillStage)}")
    return SkillStage(value)


def _moment(value: Any) -> Any:
    """Accept a date and time as a string, because a literal has no dates."""
    if not isinstance(value, str):
        return value
    try:
        return dt.datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("a date and time such as '2026-03-02T09:00:00Z'") from None


def _with_plain_dates(value: Any) -> Any:
    return plain(value) if isinstance(value, Mapping) else value


Texts = Annotated[tuple[str, ...], Listed]
#: Free data from a file: dates become ISO strings.
Data = Annotated[dict[str, Any], BeforeValidator(_with_plain_dates)]


class SkillLimits(Frozen):
    """The limits of one call, as the manifest has them."""

    #: Wall clock; None means 2, with the grant http or chain 10, with the grant llm 30.
    seconds: float | None = Field(default=None, ge=0.1, le=30, allow_inf_nan=False)
    memory_mb: int = Field(default=64, ge=16, le=256)


class LimitsInForce(NamedTuple):
    """The limits of one call with their defaults filled in."""

    seconds: float
    memory_mb: int


class Example(Frozen):
    """One call of a skill with everything it needs, without network and clock; a test and a demonstration."""

    summary: ShortText
    params: Data = Field(default_factory=dict)
    draft: Texts | None = None
    recent: Texts = ()
    agent: Data = Field(default_factory=dict)
    now: Annotated[AwareDatetime, BeforeValidator(_moment)] | None = None
    answers: Data = Field(default_factory=dict)
    expect: Annotated[Any, BeforeValidator(plain)] = None

    @property
    def has_expectation(self) -> bool:
        """True if it has an expected value, which may be None."""
        return "expect" in self.model_fields_set


class Skill(Frozen):
    """A skill: its manifest and its source text."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    version: Annotated[str, StringConstraints(pattern=r"^v?[0-9]+([._+-]?[0-9A-Za-z]+)*$", max_length=32)]
    summary: ShortText
    author: ShortText = "unknown"
    license: ShortText = "unknown"
    stage: Annotated[SkillStage, BeforeValidator(_stage)]
    #: The JSON Schema (draft 2020-12) of its parameters.
    params: Data = Field(default_factory=lambda: dict(NO_PARAMS))
    grants: Grants = Grants()
    limits: SkillLimits = SkillLimits()
    examples: Annotated[tuple[Example, ...], Listed] = Field(default=(), max_length=50)
    #: The Python text; only a child of the sandbox may compile it.
    source: str = Field(min_length=1)
    #: The folder or file it came from; not part of its identity.
    path: str = ""

    @model_validator(mode="after")
    def _is_consistent(self) -> Skill:
        if findings := list(_findings(self)):
            text = "\n".join(f"{dotted(place)}: {words}" for place, words in findings)
            # The context is for the loader, which adds the lines.
            raise PydanticCustomError(INCONSISTENT, "{text}", {"text": text, "findings": findings})
        return self

    # Not cached: a copy with another source would keep the old one's digest.
    @property
    def sha256(self) -> str:
        """A hex digest of manifest and source; it changes with either, and not with the order of keys."""
        # Only keys that the author wrote: a new key in a later version of ceos must not change every digest.
        written = self.model_dump(mode="json", exclude={"path"}, exclude_unset=True)
        text = json.dumps(written, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def limits_in_force(self) -> LimitsInForce:
        """Return the limits of one call."""
        return LimitsInForce(self.limits.seconds or usual_seconds(self.grants), self.limits.memory_mb)

    def check_params(self, params: Mapping[str, Any]) -> list[str]:
        """Return a sentence for each mistake in parameters; none if the skill can be called with them."""
        try:
            values = plain(params)
            check_plain(values)
        except ValueError as error:
            return [f"params: {error}."]
        except RecursionError:
            return ["params: nested too deeply."]
        return value_problems(self.params, values)

    def tool_schema(self, fixed: Mapping[str, Any]) -> dict[str, Any]:
        """Return the schema that a model is offered, without the parameters that the operator has `fixed`."""
        return without(self.params, fixed)


def usual_seconds(grants: Grants) -> float:
    """Return the default wall clock of a skill; calls of services take longer."""
    return 30.0 if grants.llm else 10.0 if grants.http or grants.chain else 2.0


def inconsistencies(data: Mapping[str, Any]) -> list[Finding]:
    """Return the inconsistencies of a manifest that is not valid, as far as the keys concerned are valid."""
    together = {key: value for key, value in data.items() if key in ("stage", "params", "grants", "examples", "source")}
    try:
        Skill.model_validate({"name": "x", "version": "0", "summary": "x", **together}, strict=True)
    except ValidationError as error:
        found = (detail["ctx"]["findings"] for detail in error.errors() if detail["type"] == INCONSISTENT)
        return next(found, [])
    return []


def _findings(skill: Skill) -> Iterator[Finding]:
    """Yield the contradictions within a skill, each with its place."""
    if len(skill.source.encode("utf-8", "replace")) > SOURCE_BYTES:
        yield (), f"expected a source of at most {SOURCE_BYTES // 1024} KiB; it is longer."
    try:
        check_plain(skill.params)
    except (ValueError, RecursionError) as error:
        yield ("params",), f"expected plain data; {error}."
        return
    wrong = [(("params", *place), words) for place, words in schema_findings(skill.params)]
    yield from wrong
    if wrong:
        return
    known = skill.params.get("properties", {})
    for index, name in enumerate(skill.grants.http.hosts_from if skill.grants.http else ()):
        if name not in known:
            expected = (
                f"one of its params: {', '.join(known)}" if known else "the name of one of its params; it has none"
            )
            yield ("grants", "http", "hosts_from", index), f"expected {expected}; got {shown(name)}."
    for index, example in enumerate(skill.examples):
        yield from (((("examples", index, *place)), words) for place, words in _example_findings(skill, example))


def _example_findings(skill: Skill, example: Example) -> Iterator[Finding]:
    data = example.model_dump(exclude={"now"})
    try:
        check_plain(plain(data))
        length = len(json.dumps(data))
    except (ValueError, RecursionError) as error:
        yield (), f"expected plain data; {error}."
        return
    if length > MAX_EXAMPLE_BYTES:
        yield (), f"expected at most {MAX_EXAMPLE_BYTES // 1024} KiB; it is longer."
        return
    for problem in skill.check_params(example.params):
        place, _, words = problem.partition(": ")
        yield ("params",), f"{place.removeprefix('params').lstrip('.')}: {words}".removeprefix(": ")
    if skill.stage.has_draft and example.draft is None:
        yield (), f"expected a draft; a skill of the stage {skill.stage} works on one."
    if not skill.stage.has_draft and example.draft is not None:
        yield ("draft",), f"there is no draft at the stage {skill.stage}; remove it."
    yield from _unknown_keys("agent", example.agent, AGENT_KEYS)
    yield from _unknown_keys("answers", example.answers, ANSWERED)
    for grant in [grant for grant in ANSWERED if grant in example.answers and not getattr(skill.grants, grant)]:
        yield ("answers", grant), f"the skill does not have the grant {grant}; add it to the grants, or remove this."


def _unknown_keys(key: str, table: Mapping[str, Any], known: tuple[str, ...]) -> Iterator[Finding]:
    for name in [name for name in table if name not in known]:
        yield (key, name), f"unknown key; known here: {', '.join(known)}."
