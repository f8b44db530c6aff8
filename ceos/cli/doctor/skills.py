"""The checks of `ceos doctor` that concern skills: their sandbox, and the skills of agents that do not run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ceos.cli.doctor.findings import Examination, Finding, Status
from ceos.cli.output import number
from ceos.domain.agent import Agent
from ceos.operations.skills import skill_refusals, skill_states
from ceos.skills.session import MAX_FAILURES

_WAYS = {
    "namespaces": "allow this user or container to make namespaces (unprivileged user namespaces)",
    "root": "allow this user or container to make namespaces",
    "landlock": "use a kernel with Landlock (5.13 or later, 'landlock' among its security modules)",
    "seccomp": "use a kernel with seccomp filters on x86_64 or aarch64",
    "capabilities": "allow this user or container to drop capabilities",
    "user": "start ceos as root to have it; the other layers hold without it",
    "oom": "let the process write to its own oom_score_adj",
}


def sandbox(examination: Examination) -> Iterator[Finding]:
    """Report the layers that isolate skills here, and each layer that is missing."""
    report = examination.runtime.sandbox.report()
    found = f"Mode {report.mode}; skills are confined by {', '.join(report.active)}."
    if report.mode == "dev":
        yield Finding("sandbox", Status.WARNING, found, _dev(examination.settings.sandbox))
    else:
        yield Finding("sandbox", Status.OK, found)
    for layer, reason in report.missing.items():
        fix = _WAYS.get(layer, "see what forbids it to this process")
        # An ordinary user cannot become another one; that is not a fault.
        status = Status.INFO if layer == "user" else Status.WARNING
        yield Finding("sandbox", status, f"The layer {layer} is missing ({reason}).", f"{fix[0].upper()}{fix[1:]}.")


def _dev(setting: str) -> str:
    if setting == "dev":
        return "CEOS_SANDBOX=dev runs skills whatever is missing; unset it before you run third-party skills."
    return "This system has no way to confine a process; run third-party skills on Linux only."


def skills(examination: Examination) -> Iterator[Finding]:
    """Report every skill of an agent that does not run."""
    if not examination.strategies:
        # The plugins could not be loaded, which is reported already.
        return
    agents = [agent for agent in examination.agents or () if agent.skills]
    idle = [finding for agent in agents for finding in _idle(examination, agent)]
    yield from idle
    if agents and not idle:
        yield Finding("skills", Status.OK, f"All skills of {number(len(agents), 'agent')} may run.")


def _idle(examination: Examination, agent: Agent) -> Iterator[Finding]:
    """Yield a finding for each skill of an agent that does not run."""
    runtime = examination.runtime
    for refusal in skill_refusals(runtime, agent):
        sentence, *fix = re.split(r"[;.] (?=[Ll]ook at it )", refusal, maxsplit=1)
        way_out = "".join(f"{words[0].upper()}{words[1:]}" for words in fix)
        yield Finding("skills", Status.WARNING, f"Agent {agent.id!r}: {sentence}.", way_out)
    for name, state in skill_states(runtime, agent).items():
        if state == "switched off":
            found = f"Agent {agent.id!r}: skill {name!r} failed {MAX_FAILURES} times in a row and is switched off."
            yield Finding("skills", Status.WARNING, found, f"Fix it, then run 'ceos skill allow {name}'.")
        elif state == "not installed":
            found = f"Agent {agent.id!r}: no skill named {name!r} is installed here."
            way_out = "Install its package, set CEOS_SKILL_PATH, or take it out of the agent's file."
            yield Finding("skills", Status.WARNING, found, way_out)
