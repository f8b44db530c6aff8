"""Skills: small sources by people the operator need not trust, each with a manifest that says what it is and may do.

    skill = read_skill("rss-headlines")   # a folder with skill.toml and skill.py, or one file with SKILL = {…}
    skill.grants.lines()                  # what it may ask the host for, in words
    skill.check_params({"ulr": "x"})      # ["params.ulr: unknown param; did you mean 'url'?", …]

A skill stays text here: only a child of the sandbox compiles and runs its source.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from ceos.domain.base import Frozen, ShortText
from ceos.errors import InvalidInput
from ceos.sandbox.wire import SOURCE_BYTES, check_plain
from ceos.skills.grants import ChainGrant, Grants, HttpGrant, Listed, LlmGrant, MemoryGrant
from ceos.skills.loader import (
    MANIFEST,
    SOURCE,
    Written,
    dotted,
    is_skill_file,
    leaves,
    read_written,
    sentence,
    written_text,
)
from ceos.skills.params import NO_PARAMS, Finding, plain, schema_findings, shown, value_problems, without

__all__ = [
    "ChainGrant",
    "Example",
    "Grants",
    "HttpGrant",
    "LlmGrant",
    "MemoryGrant",
    "Skill",
    "SkillLimits",
    "SkillStage",
    "is_skill_file",
    "read_skill",
    "read_skills",
    "skill_of_text",
    "skill_places",
    "usual_seconds",
]

#: What an example may say about the agent.
AGENT_KEYS = ("name", "bio", "tone", "topics", "avoid")
#: The grants whose answers an example may give.
ANSWERED = ("http", "llm", "memory", "metrics", "chain")
#: Longest params, answers, drafts and so on of an example together, as JSON.
EXAMPLE_BYTES = 16 * 1024


class SkillStage(StrEnum):
    """When a skill runs."""

    #: Before the model writes; what it returns is told to the model.
    CONTEXT = "context"
    #: On the draft; returns it changed.
    TRANSFORM = "transform"
    #: On the draft; returns objections.
    GATE = "gate"
    #: When the model asks for it while it writes.
    TOOL = "tool"

    @property
    def has_draft(self) -> bool:
        """Whether there is a draft to look at."""
        return self in (SkillStage.TRANSFORM, SkillStage.GATE)


def _stage(value: Any) -> Any:
    if not isinstance(value, str) or value not in list(SkillStage):
        raise ValueError(f"one of {', '.join(SkillStage)}")
    return SkillStage(value)


def _moment(value: Any) -> Any:
    """Let a literal, which has no dates, write a moment as a text."""
    if not isinstance(value, str):
        return value
    try:
        return dt.datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("a moment such as '2026-03-02T09:00:00Z'") from None


def _with_plain_dates(value: Any) -> Any:
    return plain(value) if isinstance(value, Mapping) else value


Texts = Annotated[tuple[str, ...], Listed]
#: Free data from a file: dates become ISO texts.
Data = Annotated[dict[str, Any], BeforeValidator(_with_plain_dates)]


class SkillLimits(Frozen):
    """What one call of a skill may use up, as the manifest says it."""

    #: Wall clock; None is 2, with the grant http or chain 10, with the llm grant 30.
    seconds: float | None = Field(default=None, ge=0.1, le=30, allow_inf_nan=False)
    memory_mb: int = Field(default=64, ge=16, le=256)


class LimitsInForce(NamedTuple):
    """What one call of a skill may use up, defaults filled in."""

    seconds: float
    memory_mb: int


class Example(Frozen):
    """One call of a skill with everything it needs, without network and clock: a test and a demonstration."""

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
        """Whether it says what must be returned; that may be None."""
        return "expect" in self.model_fields_set


class Skill(Frozen):
    """A skill: its manifest and its source text."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    version: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,31}$")]
    summary: ShortText
    author: ShortText = "unknown"
    license: ShortText = "unknown"
    stage: Annotated[SkillStage, BeforeValidator(_stage)]
    #: The JSON Schema (draft 2020-12) of its parameters.
    params: Data = Field(default_factory=lambda: dict(NO_PARAMS))
    grants: Grants = Grants()
    limits: SkillLimits = SkillLimits()
    examples: Annotated[tuple[Example, ...], Listed] = Field(default=(), max_length=50)
    #: The Python text; nobody but a child of the sandbox may compile it.
    source: str = Field(min_length=1)
    #: The folder or file it came from; not part of what it is.
    path: str = ""

    @model_validator(mode="after")
    def _holds_together(self) -> Skill:
        if findings := list(_findings(self)):
            text = "\n".join(f"{dotted(place)}: {words}" for place, words in findings)
            # In the context, for the reader of a file, who knows the lines.
            raise PydanticCustomError(FINDINGS, "{text}", {"text": text, "findings": findings})
        return self

    # Not cached: a copy with another source would keep the old one's digest.
    @property
    def sha256(self) -> str:
        """A hex digest of manifest and source; it changes with either, and not with the order of keys."""
        # Only what the author wrote: a new key of a later version of ceos must not make every skill look changed.
        told = self.model_dump(mode="json", exclude={"path"}, exclude_unset=True)
        text = json.dumps(told, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def limits_in_force(self) -> LimitsInForce:
        """Return what one call may use up."""
        return LimitsInForce(self.limits.seconds or usual_seconds(self.grants), self.limits.memory_mb)

    def check_params(self, params: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with parameters, a sentence each; none means that the skill can be called with them."""
        try:
            values = plain(params)
            check_plain(values)
        except ValueError as error:
            return [f"params: {error}."]
        except RecursionError:
            return ["params: nested too deeply."]
        return value_problems(self.params, values)

    def tool_schema(self, fixed: Mapping[str, Any]) -> dict[str, Any]:
        """Return the schema that a model is offered: without the parameters that the operator has `fixed`."""
        return without(self.params, fixed)


def usual_seconds(grants: Grants) -> float:
    """Return the wall clock of a skill that does not say: waiting for others takes longer."""
    return 30.0 if grants.llm else 10.0 if grants.http or grants.chain else 2.0


#: The type of the error that carries what `_findings` found.
FINDINGS = "skill_findings"

#: The manifest's tables by their key, for whoever names a misplaced one.
_TABLES: dict[str, type[Frozen]] = {
    "grants": Grants,
    "http": HttpGrant,
    "llm": LlmGrant,
    "memory": MemoryGrant,
    "chain": ChainGrant,
    "limits": SkillLimits,
    "examples": Example,
}
#: What names and versions look like, which a pattern says badly.
_FORMS = {
    "name": "1 to 40 lower-case letters, digits or '-', the first a letter",
    "version": "a version such as '1.0.0'",
}


def read_skill(path: Path | str) -> Skill:
    """Return the skill in a folder or single file, or raise `InvalidInput` with everything that is wrong with it."""
    skill, problems = _read(Path(path))
    if problems or skill is None:
        raise InvalidInput("\n".join(problems))
    return skill


def read_skills(path: Path | str) -> list[Skill]:
    """Return the skills at a path, by name: a skill's folder, a single file, or a folder that holds such.

    Other files and folders are passed over. Raises `InvalidInput` with everything that is wrong with any of them.
    """
    found = [_read(place) for place in skill_places(Path(path))]
    problems = [problem for _, wrong in found for problem in wrong]
    skills = sorted((skill for skill, _ in found if skill), key=lambda skill: skill.name)
    for one, next_one in pairwise(skills):
        if one.name == next_one.name:
            problems.append(
                f"{next_one.path}: name: {one.name!r} is already the name of {one.path}; rename one of them."
            )
    if problems:
        raise InvalidInput("\n".join(problems))
    return skills


def skill_of_text(text: str, label: str = "source") -> Skill | None:
    """Return the skill whose source holds its manifest, or None when it holds none; messages call it `label`."""
    written = written_text(text, label)
    if written is None:
        return None
    skill = _judged(written) if written.is_readable else None
    problems = written.report()
    if problems or skill is None:
        raise InvalidInput("\n".join(problems))
    return skill.model_copy(update={"path": ""})


def skill_places(path: Path) -> Iterator[Path]:
    """Yield where the skills at a path are: itself, or what it holds."""
    if not path.is_dir() or (path / MANIFEST).exists() or (path / SOURCE).exists():
        yield path
        return
    for entry in sorted(path.iterdir()):
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            is_skill = (entry / MANIFEST).exists() or (entry / SOURCE).exists()
        else:
            is_skill = entry.suffix == ".py" and is_skill_file(entry)
        if is_skill and leaves(entry, path):
            raise InvalidInput(f"{entry}: is a link that leads out of its folder; put the skill itself there.")
        if is_skill:
            yield entry


def _read(path: Path) -> tuple[Skill | None, list[str]]:
    """Return the skill at `path`, if it is one, and everything that is wrong with it."""
    written = read_written(path)
    skill = _judged(written) if written.is_readable else None
    if skill and path.is_dir() and skill.name != path.resolve().name:
        written.complain(("name",), f"expected {path.resolve().name!r}, the name of its folder; got {skill.name!r}.")
    return skill, written.report()


def _judged(written: Written) -> Skill | None:
    """Return the skill that was written, or complain of everything that keeps it from being one."""
    for key in [key for key in ("source", "path") if key in written.data]:
        written.complain((key,), "unknown key; the source is a file of its own.")
    # A source that could not be read is complained of already; the manifest is judged all the same.
    data = {**written.data, "source": written.source or "-", "path": str(written.path)}
    try:
        return Skill.model_validate(data, strict=True)
    except ValidationError as error:
        details = error.errors()
    for detail in details:
        if detail["type"] != FINDINGS:
            written.complain(detail["loc"], _sentence(detail))
    for place, words in _findings_in(data):
        written.complain(place, words)
    return None


def _findings_in(data: Mapping[str, Any]) -> list[Finding]:
    """Return what does not go together in a manifest, as far as the keys concerned are sound."""
    together = {key: value for key, value in data.items() if key in ("stage", "params", "grants", "examples", "source")}
    try:
        Skill.model_validate({"name": "x", "version": "0", "summary": "x", **together}, strict=True)
    except ValidationError as error:
        found = (detail["ctx"]["findings"] for detail in error.errors() if detail["type"] == FINDINGS)
        return next(found, [])
    return []


def _sentence(detail: Any) -> str:
    if detail["type"] == "string_pattern_mismatch":
        return f"expected {_FORMS[detail['loc'][-1]]}; got {shown(detail['input'])}."
    return sentence(detail, _TABLES, Skill)


def _findings(skill: Skill) -> Iterator[Finding]:
    """Yield what does not go together in a skill, each with its place."""
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
    told = example.model_dump(exclude={"now"})
    try:
        check_plain(plain(told))
        length = len(json.dumps(told))
    except (ValueError, RecursionError) as error:
        yield (), f"expected plain data; {error}."
        return
    if length > EXAMPLE_BYTES:
        yield (), f"expected at most {EXAMPLE_BYTES // 1024} KiB; it is longer."
        return
    for problem in skill.check_params(example.params):
        place, _, words = problem.partition(": ")
        yield ("params",), f"{place.removeprefix('params').lstrip('.')}: {words}".removeprefix(": ")
    if skill.stage.has_draft and example.draft is None:
        yield (), f"expected a draft; a skill of the stage {skill.stage} works on one."
    if not skill.stage.has_draft and example.draft is not None:
        yield ("draft",), f"there is no draft at the stage {skill.stage}; remove it."
    yield from _strangers("agent", example.agent, AGENT_KEYS)
    yield from _strangers("answers", example.answers, ANSWERED)
    for grant in [grant for grant in ANSWERED if grant in example.answers and not getattr(skill.grants, grant)]:
        yield ("answers", grant), f"the skill does not have the grant {grant}; add it to the grants, or remove this."


def _strangers(key: str, table: Mapping[str, Any], known: tuple[str, ...]) -> Iterator[Finding]:
    for name in [name for name in table if name not in known]:
        yield (key, name), f"unknown key; known here: {', '.join(known)}."
