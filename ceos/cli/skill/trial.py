"""One run of a skill for `ceos skill run`; it changes no agent."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from ceos.domain.agent import Agent
from ceos.domain.posts import Kind
from ceos.domain.text import CAST_BYTES
from ceos.errors import InvalidInput
from ceos.runtime import Runtime
from ceos.sandbox.executor import SandboxLimits, SandboxOutcome
from ceos.skills.grants import GRANTS, Grants
from ceos.skills.host import SkillHost
from ceos.skills.loader import is_skill_file, read_skill, read_source, skill_of_text
from ceos.skills.runner import EXAMPLE_AGENT
from ceos.skills.skill import Skill, usual_seconds

#: The target that means standard input.
STDIN = "-"


@dataclass(frozen=True)
class Trial:
    """A source with the inputs, grants and limits of one run."""

    runtime: Runtime
    source: str
    params: Any
    grants: Grants
    limits: SandboxLimits
    draft: list[str] | None
    agent: Agent | None

    @classmethod
    def of(cls, runtime: Runtime, target: str, options: Mapping[str, Any]) -> Trial:
        """Return the trial that the command line describes; raises `InvalidInput`, `NotFound` or a usage error."""
        params = _params(options["params_text"])
        skill, source = _found(runtime, target)
        draft = list(options["draft"]) or None
        if skill is not None:
            _refuse_misfits(skill, params, draft)
        own = skill.grants if skill else Grants()
        usual = skill.limits_in_force() if skill else None
        grants = _granted(own, options["extra"], params)
        seconds = options["seconds"] or (usual.seconds if usual else usual_seconds(grants))
        memory_mb = options["memory_mb"] or (usual.memory_mb if usual else SandboxLimits.memory_mb)
        agent = runtime.agents.agent(options["agent_id"]) if options["agent_id"] else None
        return cls(runtime, source, params, grants, SandboxLimits(seconds, memory_mb), draft, agent)

    def run(self) -> SandboxOutcome:
        """Run it; raises `SkillError`."""
        broker = self.runtime.skill_hosts.broker_for(self.agent, f"trial:{uuid.uuid4().hex}") if self.agent else None
        params = self.params if isinstance(self.params, dict) else {}
        return self.runtime.sandbox.run(
            self.source,
            self.params,
            inputs=self._inputs(),
            grants=self.grants.names(),
            host=SkillHost(
                self.grants,
                params,
                broker=broker,
                read=self.runtime.sandbox.read_document,
                chain=lambda: self.runtime.chain.client,
            ),
            limits=self.limits,
            seed="trial",
            now=self.runtime.clock.now(),
        )

    def _inputs(self) -> dict[str, Any]:
        about: dict[str, Any] = dict(EXAMPLE_AGENT)
        recent: list[str] = []
        if self.agent:
            persona = self.agent.persona
            about = {"name": self.agent.name, **persona.model_dump(mode="json", include=about.keys() - {"name"})}
            recent = [cast.text for cast in self.runtime.runs.recent_casts(self.agent.id)]
        return {
            "agent": about,
            "topic": about["topics"][0],
            "kind": str(Kind.THREAD if self.draft and len(self.draft) > 1 else Kind.ORIGINAL),
            "draft": self.draft,
            "recent": recent,
            "limit": self.agent.cast_bytes if self.agent else CAST_BYTES,
        }


def _params(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"--params is not JSON: {error}.") from None


def _found(runtime: Runtime, target: str) -> tuple[Skill | None, str]:
    """Return the skill of a target, or None for a source without a manifest, and the source."""
    path = Path(target)
    if target == STDIN:
        text = sys.stdin.read()
        skill = skill_of_text(text, "standard input")
        return skill, skill.source if skill else text
    if not path.exists() and "/" not in target and "." not in target:
        skill = runtime.plugins.skill(target)
        return skill, skill.source
    if path.is_dir() or is_skill_file(path):
        skill = read_skill(path)
        return skill, skill.source
    return None, read_source(path)


def _refuse_misfits(skill: Skill, params: Any, draft: list[str] | None) -> None:
    if not isinstance(params, dict):
        raise InvalidInput("--params is not a JSON object; this skill has a manifest, whose params are named.")
    if problems := skill.check_params(params):
        raise InvalidInput("\n".join(problems))
    if skill.stage.has_draft and draft is None:
        raise click.UsageError(f"Give a draft with --draft; {skill.name} is a skill of the stage {skill.stage}.")


def _granted(own: Grants, extra: Iterable[str], params: Any) -> Grants:
    """Return a skill's own grants with those of the command line added."""
    tables: dict[str, Any] = own.model_dump(exclude_none=True)
    for word in extra:
        name, _, hosts = word.partition("=")
        if name not in GRANTS or (hosts and name != "http"):
            known = ", ".join(GRANTS)
            raise click.UsageError(f"No grant {word!r}. Known: {known}; http takes hosts: http=api.example.org.")
        if name == "http":
            tables["http"] = _http(tables.get("http", {}), hosts, params)
        else:
            tables[name] = tables.get(name) or ({} if name in ("llm", "memory") else True)
    try:
        return Grants.model_validate(tables)
    except ValidationError as error:
        if not (tables["http"]["hosts"] or tables["http"]["hosts_from"]):
            raise click.UsageError("Give http at least one host: --grant http=api.example.org.") from None
        detail = error.errors()[0]
        raise click.UsageError(f"--grant http: {detail['msg'].removeprefix('Value error, ')}.") from None


def _http(grant: Mapping[str, Any], hosts: str, params: Any) -> dict[str, Any]:
    """Return a grant of http with these hosts added, or the hosts in the params."""
    named = params if isinstance(params, dict) else {}
    listed = [host.strip() for host in hosts.split(",") if host.strip()]
    sources = [key for key, value in named.items() if not listed and "://" in str(value)]
    return {
        **grant,
        "hosts": [*grant.get("hosts", ()), *listed],
        "hosts_from": [*grant.get("hosts_from", ()), *sources],
    }
