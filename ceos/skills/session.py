"""The skills of an agent during the writing of a post, stage by stage.

A failing, slow or hostile skill never fails a post. It is left out, which the log and the draft's record say. After
`MAX_FAILURES` failures in a row it is switched off for the agent until an operator allows it again. Gates are the
exception: without the answer of a gate nothing is published, unless its `on_failure` is "pass".
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ceos.clients.openrouter.types import Tool
from ceos.clock import Clock
from ceos.domain.agent import Agent, SkillUse
from ceos.domain.posts import Brief, SkillRun
from ceos.domain.text import byte_length, clean
from ceos.domain.untrusted import as_data
from ceos.errors import GateFailed, InvalidInput, SandboxUnavailable, SkillError, SkillFailed
from ceos.guardrails.provenance import links_of_skill
from ceos.logs import event
from ceos.runs.deferral import RetryLater
from ceos.sandbox.executor import Sandbox
from ceos.skills.agent_host import AgentHost, HostFactory
from ceos.skills.lockfile import SkillLock
from ceos.skills.params import plain
from ceos.skills.runner import misfit, parts_of, run_skill
from ceos.skills.skill import Skill, SkillStage
from ceos.skills.store import SkillStore
from ceos.storage.agents import AgentStore

log = logging.getLogger(__name__)

#: After this many failures in a row a skill is switched off for the agent.
MAX_FAILURES = 5
#: The size limit of one skill's answer in a prompt, in bytes of JSON.
MAX_ANSWER_BYTES = 4096
#: The number of violations that a gate may report for one draft, and their length in characters.
MAX_VIOLATIONS, MAX_VIOLATION_CHARS = 5, 300
#: The lines of a skill's log that are kept with the draft, and their length in characters.
MAX_LOG_LINES, MAX_LOG_CHARS = 20, 200

#: The grants with which a skill may return text of third parties.
UNTRUSTED_GRANTS = frozenset({"http", "chain"})
#: How long a text waits for a gate that the sandbox or a busy machine kept from its answer, in seconds.
GATE_RETRY_SECONDS = 15.0

#: Returns the violations in the parts of a draft, a sentence each.
Review = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class SkillDeps:
    """The collaborators of everything that runs skills."""

    agents: AgentStore
    store: SkillStore
    #: The installed skills by name.
    skills: Mapping[str, Skill]
    lock: SkillLock
    sandbox: Sandbox
    hosts: HostFactory
    clock: Clock


class SkillSessions:
    """The skills of all agents of this process."""

    def __init__(self, deps: SkillDeps) -> None:
        self.deps = deps

    def start_session(self, agent: Agent, brief: Brief, slot: str, recent: Sequence[str], *, call: str) -> SkillSession:
        """Return the session of the agent's skills for one post; `call` names the attempt for the budget."""
        return SkillSession(self.deps, agent, brief, slot=slot, recent=recent, call=call)

    def reset_failures(self, name: str) -> None:
        """Reset the failures of a skill, for all agents."""
        self.deps.store.forgive_skill(name, self.deps.agents.agent_ids())


class SkillSession:
    """One agent's skills during the writing of one post."""

    def __init__(
        self, deps: SkillDeps, agent: Agent, brief: Brief, *, slot: str, recent: Sequence[str], call: str
    ) -> None:
        self._deps = deps
        self._agent = agent
        self._brief = brief
        self._slot = slot
        self._recent = list(recent)
        self._call = call
        self._record: list[SkillRun] = []
        #: The reason why a skill is left out of this post, by its name; empty if it is not.
        self._out: dict[str, str] = {}
        #: The failures during this post, by skill.
        self._failed: Counter[str] = Counter()
        self._failures = deps.store.skill_failures(agent.id) if agent.skills else {}
        self._cost_usd = 0.0
        self._links: frozenset[str] = frozenset()
        self._has_untrusted = False

    @property
    def links(self) -> frozenset[str]:
        """The links in the answers so far that the agent file permits in the post."""
        return self._links

    @property
    def has_untrusted(self) -> bool:
        """True if a skill that reads the network or a chain has answered, so that untrusted text may be in sight."""
        return self._has_untrusted

    @property
    def has_gates(self) -> bool:
        """True if the agent uses gate skills."""
        return any(skill and skill.stage is SkillStage.GATE for skill, _ in self._uses())

    @property
    def record(self) -> tuple[SkillRun, ...]:
        """The runs of skills so far, in order."""
        return tuple(self._record)

    @property
    def cost_usd(self) -> float:
        """The cost of the skills' own calls, in USD."""
        return self._cost_usd

    def context(self) -> list[tuple[str, str]]:
        """Return the answers of the context skills, as pairs of a skill's name and JSON."""
        answers = []
        for skill, use in self._at(SkillStage.CONTEXT):
            value = self._run(skill, use, None)
            if value is not None:
                answers.append((skill.name, _fit_json(value)))
        return answers

    def transform(self, parts: Sequence[str], review: Review) -> tuple[str, ...]:
        """Return the parts of a draft after all transform skills, in order.

        A transform after which the `review` finds violations has failed; otherwise it could end every post.
        """
        for skill, use in self._at(SkillStage.TRANSFORM):
            value = self._run(skill, use, parts, review=review)
            if value is not None:
                parts = parts_of(value)
        return tuple(parts)

    def check_gates(self) -> None:
        """Raise `GateFailed` if a gate of the agent may not run, before anything is paid for a text."""
        list(self._at(SkillStage.GATE))
        self._require_gates({})

    def gate_violations(self, parts: Sequence[str]) -> list[str]:
        """Return the violations that the gate skills find in a draft.

        If they find none, raises `RetryLater` when the sandbox or a busy machine kept a gate from its answer, and
        `GateFailed` when a gate failed. A gate with `on_failure = "pass"` is left out then.
        """
        violations, failures = [], dict[str, SkillRun]()
        for skill, use in self._at(SkillStage.GATE):
            value = self._run(skill, use, parts)
            if self._record[-1].outcome != "ok":
                failures[skill.name] = self._record[-1]
            sentences = [value] if isinstance(value, str) else value or []
            # Untrusted text for a prompt, a record and a terminal: short lines without control characters, each with
            # its author.
            lines = [" ".join(clean(sentence).split())[:MAX_VIOLATION_CHARS] for sentence in sentences]
            lines = list(filter(None, lines))[:MAX_VIOLATIONS]
            violations += [f'The check {skill.name!r} says: "{line}"' for line in lines]
        if not violations:
            self._require_gates(failures)
        return violations

    def _require_gates(self, failures: Mapping[str, SkillRun]) -> None:
        """Raise an error if a gate without which nothing is published may not run, or is among the failures."""
        for skill, use in self._uses():
            is_lost = skill is None and use.on_failure == "stop" and self._deps.lock.is_gate(use.name)
            if not is_lost and (skill is None or not _is_strict(skill, use)):
                continue
            if reason := self._out.get(use.name):
                raise GateFailed(f"the gate {use.name!r} may not run: {reason}")
            if (run := failures.get(use.name)) is None:
                continue
            if run.outcome == SandboxUnavailable.kind:
                raise RetryLater(GATE_RETRY_SECONDS, f"the text waits for the gate {use.name!r}: {run.note}")
            raise GateFailed(f"the gate {use.name!r} gave no answer: {run.note}")

    def tools(self) -> list[Tool]:
        """Return the tool skills as they are offered to the model."""
        return [
            Tool(name=skill.name, description=skill.summary, parameters=skill.tool_schema(use.params))
            for skill, use in self._at(SkillStage.TOOL)
        ]

    def call_tool(self, name: str, arguments: str) -> str:
        """Run the tool that a model called and return an answer for the model, also if the tool fails."""
        for skill, use in self._at(SkillStage.TOOL):
            if skill.name != name:
                continue
            try:
                asked = json.loads(arguments or "{}")
            except (ValueError, RecursionError):
                return _error_answer("the arguments are not JSON")
            if not isinstance(asked, dict):
                return _error_answer("the arguments are not an object")
            params = {**asked, **use.params}
            if wrong := skill.check_params(params):
                return _error_answer(" ".join(wrong))
            value = self._run(skill, use, None, params)
            return _fit_json(value) if self._record[-1].outcome == "ok" else _error_answer("the tool failed")
        return _error_answer("there is no such tool")

    def _uses(self) -> Iterator[tuple[Skill | None, SkillUse]]:
        """Yield the agent's skills in its order, None for one that is not installed."""
        for use in self._agent.skills:
            yield self._deps.skills.get(use.name), use

    def _at(self, stage: SkillStage) -> Iterator[tuple[Skill, SkillUse]]:
        """Yield the usable skills of a stage, in the agent's order."""
        for skill, use in self._uses():
            if skill is not None and skill.stage != stage:
                continue
            if use.name not in self._out:
                reason = self._refusal(use, skill)
                self._out[use.name] = reason
                if reason:
                    self._leave_out(use.name, stage, reason)
            if skill is not None and not self._out[use.name]:
                yield skill, use

    def _refusal(self, use: SkillUse, skill: Skill | None) -> str:
        """Return the reason why a skill must not run for this agent, or an empty string."""
        if skill is None:
            return f"no skill named {use.name!r} is installed here"
        if self._failures.get(use.name, 0) >= MAX_FAILURES and not _is_strict(skill, use):
            return (
                f"it failed {MAX_FAILURES} times in a row and is switched off for this agent; "
                f"'ceos skill allow {use.name}' switches it on again"
            )
        try:
            if refusal := self._deps.lock.refusal(skill):
                return refusal
        except InvalidInput as error:
            return str(error)
        # The parameters of a tool are checked when the model calls it.
        wrong = skill.check_params(use.params) if skill.stage is not SkillStage.TOOL else []
        return " ".join(wrong)

    def _leave_out(self, name: str, stage: SkillStage, reason: str) -> None:
        log.warning("Skill left out", extra=event("skill.skipped", skill=name, reason=reason))
        self._record.append(SkillRun(skill=name, stage=stage, outcome="skipped", note=reason))

    def _run(
        self,
        skill: Skill,
        use: SkillUse,
        parts: Sequence[str] | None,
        params: Mapping[str, Any] | None = None,
        review: Review | None = None,
    ) -> Any:
        """Run a skill and return its value, or None if it failed; the record has the run in both cases."""
        # A model may set parameters of a tool, but only the operator's parameters decide about allowed hosts.
        host = self._deps.hosts.host_for(self._agent, skill, use.params, call=f"{self._call}:{len(self._record)}")
        params = plain(use.params if params is None else params)
        inputs = self._inputs(parts)
        started = time.perf_counter()
        try:
            outcome = run_skill(
                self._deps.sandbox, skill, params, inputs, host,
                now=self._deps.clock.now(), seed=f"{self._agent.id}|{self._slot}|{skill.name}",
            )  # fmt: skip
            # A draft that was too long before is returned to the model for it; that is not the skill's fault.
            limit = max([self._agent.text_bytes, *map(byte_length, parts or ())])
            wrong = misfit(skill.stage, outcome.value, limit)
            if not wrong and review and parts and outcome.value is not None:
                wrong = _spoiled(parts, parts_of(outcome.value), review)
            if wrong:
                raise SkillFailed(f"The skill returned {wrong}.", log=outcome.log)
        except SkillError as error:
            self._record_run(skill, host, started, outcome=error.kind, note=str(error), output=error.log)
            self._note_failure(skill, use, error)
            return None
        self._record_run(skill, host, started, outcome="ok", output=outcome.log)
        self._note_success(skill)
        self._has_untrusted |= bool(UNTRUSTED_GRANTS & set(skill.grants.names()))
        if not skill.stage.has_draft:
            self._links |= links_of_skill(use, outcome.value)
        return outcome.value

    def _inputs(self, parts: Sequence[str] | None) -> dict[str, Any]:
        persona = self._agent.persona
        return {
            "agent": {
                "name": self._agent.name,
                "bio": persona.bio,
                "tone": persona.tone,
                "topics": list(persona.topics),
                "avoid": list(persona.avoid),
            },
            "topic": self._brief.topic,
            "kind": str(self._brief.kind),
            "draft": list(parts) if parts is not None else None,
            "recent": self._recent,
            "limit": self._agent.text_bytes,
        }

    def _note_success(self, skill: Skill) -> None:
        log.info("Skill ran", extra=event("skill.ran", skill=skill.name, ms=self._record[-1].ms))
        if self._failures.pop(skill.name, 0):
            self._deps.store.forgive_skill(skill.name, [self._agent.id])

    def _note_failure(self, skill: Skill, use: SkillUse, error: SkillError) -> None:
        fields = {"skill": skill.name, "version": skill.version, "kind": error.kind, "error": str(error)}
        log.warning("Skill failed", extra=event("skill.failed", **fields))
        # A gate that nothing is published without is never switched off: its failures end the runs.
        if isinstance(error, SandboxUnavailable) or _is_strict(skill, use):
            return
        self._failed[skill.name] += 1
        if self._failed[skill.name] > 1:
            # A tool that is called repeatedly, or a draft that is written twice, counts as one failure of the post.
            self._out[skill.name] = "it has failed twice for this post"
            return
        count = self._deps.store.count_skill_failure(self._agent.id, skill.name)
        self._failures[skill.name] = count
        if count >= MAX_FAILURES:
            self._out[skill.name] = "it has just failed once more"
            log.error("Skill switched off for the agent", extra=event("skill.disabled", **fields))

    def _record_run(
        self, skill: Skill, host: AgentHost, started: float, *, outcome: str, output: Sequence[str], note: str = ""
    ) -> None:
        self._cost_usd += host.cost_usd
        self._record.append(
            SkillRun(
                skill=skill.name,
                version=skill.version,
                stage=skill.stage,
                outcome=outcome,
                note=note,
                ms=round((time.perf_counter() - started) * 1000, 1),
                calls=tuple(host.calls),
                log=tuple(line[:MAX_LOG_CHARS] for line in output[:MAX_LOG_LINES]),
            )
        )


def _is_strict(skill: Skill, use: SkillUse) -> bool:
    """Say whether nothing is published without the answer of a skill."""
    return skill.stage is SkillStage.GATE and use.on_failure == "stop"


def _spoiled(before: Sequence[str], after: Sequence[str], review: Review) -> str:
    """Return the first violation that a transform has introduced, or an empty string."""
    violations = [] if review(before) else review(after)
    return f"a draft that the review objects to: {violations[0].rstrip('.')}" if violations else ""


def _fit_json(value: Any) -> str:
    """Return a value as JSON for a prompt, without '<' so that it cannot imitate our tags, and cut if it is long."""
    text = as_data(value)
    whole = text.encode()
    if len(whole) <= MAX_ANSWER_BYTES:
        return text
    return whole[:MAX_ANSWER_BYTES].decode(errors="ignore") + " … (cut off)"


def _error_answer(sentence: str) -> str:
    return json.dumps({"error": sentence})
