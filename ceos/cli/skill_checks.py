"""The checks of `ceos doctor` that concern skills: what confines them, and whether those of the agents run."""

from __future__ import annotations

from collections.abc import Iterator

from ceos.cli.findings import Examination, Finding, Status
from ceos.skills import FAILURES_ALLOWED

_WAYS = {
    "namespaces": "allow this user or container to make namespaces (unprivileged user namespaces)",
    "root": "allow this user or container to make namespaces",
    "landlock": "use a kernel with Landlock (5.13 or later, 'landlock' among its security modules)",
    "seccomp": "use a kernel with seccomp filters on x86_64 or aarch64",
    "capabilities": "allow this user or container to drop capabilities",
    "oom": "let the process write to its own oom_score_adj",
}


def sandbox(examination: Examination) -> Iterator[Finding]:
    """Say which layers confine skills here; none is missing without a word."""
    report = examination.runtime.sandbox.report()
    found = f"Mode {report.mode}; skills are confined by {', '.join(report.active)}."
    if report.mode == "dev":
        yield Finding(
            "sandbox",
            Status.WARNING,
            found,
            "This system has no way to confine a process; run strangers' skills on Linux only.",
        )
    else:
        yield Finding("sandbox", Status.OK, found)
    for layer, reason in report.missing.items():
        mend = _WAYS.get(layer, "see what forbids it to this process")
        yield Finding(
            "sandbox", Status.WARNING, f"The layer {layer} is missing ({reason}).", f"{mend[0].upper()}{mend[1:]}."
        )


def skills(examination: Examination) -> Iterator[Finding]:
    """Say of every agent whose skills do not all run which they are."""
    runtime = examination.runtime
    agents = [agent for agent in examination.agents or () if agent.skills]
    idle = 0
    for agent in agents:
        for refusal in runtime.refusals(agent):
            idle += 1
            sentence, _, mend = refusal.partition("; ")
            yield Finding("skills", Status.WARNING, f"Agent {agent.id!r}: {sentence}.", f"{mend[0].upper()}{mend[1:]}")
        for name, count in runtime.store.skill_failures(agent.id).items():
            if count >= FAILURES_ALLOWED:
                idle += 1
                found = f"Agent {agent.id!r}: skill {name!r} failed {count} times in a row and is switched off."
                yield Finding("skills", Status.WARNING, found, f"Mend it, then run 'ceos skill allow {name}'.")
    if agents and not idle:
        yield Finding("skills", Status.OK, f"All skills of {len(agents)} agents may run.")
