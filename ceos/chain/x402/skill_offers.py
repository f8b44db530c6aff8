"""Tool skills that buyers pay for: the offers, the parameters of a buyer, and one run in the sandbox.

A buyer fills in parameters, as a model would. Parameters that the operator has set for the agent take precedence, and
the hosts that a skill may reach follow from the operator's parameters alone. A failed run is not counted as a failure
of the skill, because otherwise buyers could switch the skill off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ceos.chain.config.models import Offer
from ceos.domain.agent import Agent, SkillUse
from ceos.domain.posts import Kind
from ceos.domain.text import CAST_BYTES
from ceos.errors import InvalidInput, NotFound
from ceos.skills.params import plain
from ceos.skills.runner import run_skill
from ceos.skills.session import MAX_FAILURES, SkillDeps
from ceos.skills.skill import Skill, SkillStage

#: The beginning of a message about one parameter.
_NAMED = re.compile(r"params\.([A-Za-z0-9_-]+)[.:\[]")


@dataclass(frozen=True)
class OfferedSkill:
    """A skill on offer."""

    agent: Agent
    skill: Skill
    use: SkillUse

    @property
    def seconds(self) -> float:
        """The time limit of one run, in seconds."""
        return self.skill.limits_in_force().seconds

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the parameters that a buyer may set."""
        return self.skill.tool_schema(self.use.params)

    def params(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a run; raises `InvalidInput` with the faults of the buyer's."""
        params = {**asked, **self.use.params}
        if problems := self.skill.check_params(params):
            # Messages quote values, and a buyer must not learn those that the operator has set.
            raise InvalidInput("\n".join(dict.fromkeys(map(self._public_problem, problems))))
        return params

    def _public_problem(self, problem: str) -> str:
        name = _NAMED.match(problem)
        return problem if name and name[1] not in self.use.params else "params: these values do not fit together."

    def read_query(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return a query as parameters: a value is a string where the skill wants one, and JSON otherwise."""
        wanted = self.schema().get("properties", {})
        return {name: _value(text, wanted.get(name, {})) for name, text in query.items()}


class SkillOffers:
    """Finds and runs the skills on offer."""

    def __init__(self, deps: SkillDeps) -> None:
        self._deps = deps

    def offered_skill(self, offer: Offer) -> OfferedSkill:
        """Return the skill of an offer; raises `NotFound` with a reason for the operator while it cannot be sold."""
        where = f"The offer of {offer.skill!r} by {offer.agent!r}"
        agent = self._deps.agents.agent(offer.agent)
        use = next((use for use in agent.skills if use.name == offer.skill), None)
        skill = self._deps.skills.get(offer.skill)
        if use is None or skill is None:
            why = "the agent does not use it" if use is None else "it is not installed here"
            raise NotFound(f"{where} cannot be served: {why}.")
        if skill.stage is not SkillStage.TOOL:
            raise NotFound(
                f"{where} cannot be served: its stage is {skill.stage}, and only skills of the stage tool are sold."
            )
        if self._deps.store.skill_failures(agent.id).get(skill.name, 0) >= MAX_FAILURES:
            raise NotFound(f"{where} cannot be served: the skill is switched off; see 'ceos skill allow {skill.name}'.")
        try:
            refusal = self._deps.lock.refusal(skill)
        except InvalidInput as error:
            refusal = str(error)
        if refusal:
            raise NotFound(f"{where} cannot be served: {refusal}")
        return OfferedSkill(agent, skill, use)

    def run_offered(self, sold: OfferedSkill, params: Mapping[str, Any], *, call: str) -> Any:
        """Run a skill and return its value; `call` is the id of the run in the agent's budget. Raises `SkillError`."""
        agent, skill = sold.agent, sold.skill
        calls = self._deps.hosts.host_for(agent, skill, sold.use.params, call=call)
        persona = agent.persona
        inputs: dict[str, Any] = {
            "agent": {
                "name": agent.name,
                "bio": persona.bio,
                "tone": persona.tone,
                "topics": list(persona.topics),
                "avoid": list(persona.avoid),
            },
            "topic": "",
            "kind": str(Kind.ORIGINAL),
            "draft": None,
            # The agent's recent casts are not part of what is sold.
            "recent": [],
            "limit": CAST_BYTES,
        }
        seed, now = f"{agent.id}|{call}|{skill.name}", self._deps.clock.now()
        return run_skill(self._deps.sandbox, skill, plain(params), inputs, calls, now=now, seed=seed).value


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    kinds = schema.get("type", "string")
    if "string" in ([kinds] if isinstance(kinds, str) else kinds):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
