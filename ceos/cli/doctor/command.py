"""`ceos doctor`: checks everything that an agent needs, and says how to fix each problem.

The checks are in `checks.py`. A failed check hides no other: all are made every time.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType

import click

from ceos.cli.doctor.checks import CHECKS, check_settings
from ceos.cli.doctor.findings import Check, Examination, Finding, Status
from ceos.cli.output import json_option, log_for_person, show_json
from ceos.errors import CeosError
from ceos.logs import redact
from ceos.runtime import Runtime, get_runtime
from ceos.settings import Settings


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check servers, keys, signers, models and clock, and say how to fix each.

    Costs nothing and publishes nothing. Exit code 1 if anything failed; warnings alone give 0.
    """
    settings, problems = Settings.inspect()
    # With bad variables, the checks go on with the defaults in their place.
    runtime = Runtime(settings) if problems else get_runtime()
    log_for_person("debug" if runtime.settings.log_level == "debug" else "error")
    findings: list[Finding] = []
    found = _recorded(examine(runtime, problems), findings)
    if as_json:
        # The former name of `fix` stays for one release.
        show_json([asdict(finding) | {"mend": finding.fix} for finding in found])
    else:
        (_print_styled if sys.stdout.isatty() else _print_plain)(found)
    if any(finding.status is Status.FAILED for finding in findings):
        sys.exit(1)


def examine(
    runtime: Runtime, problems: Mapping[str, str] = MappingProxyType({}), *, now: Callable[[], float] = time.time
) -> Iterator[Finding]:
    """Make all checks and yield what they find; `problems` are the bad variables, as in `Settings.inspect`."""
    examination = Examination(runtime, now)
    yield from check_settings(problems)
    for check in CHECKS:
        obstacle = _obstacle(check, examination, problems)
        if obstacle:
            yield Finding(check.name, Status.WARNING, f"Not checked, because {obstacle}.", "Fix that first.")
            continue
        try:
            for finding in check.make(examination):
                yield replace(finding, found=_sentence(finding.found), fix=redact(finding.fix))
        except CeosError as error:
            found, fix = _halves(_sentence(str(error)))
            yield Finding(check.name, Status.FAILED, found, fix or "Fix that, and run 'ceos doctor' again.")


def _obstacle(check: Check, examination: Examination, problems: Mapping[str, str]) -> str:
    bad = [name for name in check.variables if name in problems]
    if bad:
        return f"{' and '.join(bad)} {'is' if len(bad) == 1 else 'are'} not valid"
    return "Redis could not be asked" if check.needs_redis and examination.agents is None else ""


def _sentence(text: str) -> str:
    """Return a text without secrets and with a full stop, which messages of other services often lack."""
    text = redact(text).rstrip()
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _halves(message: str) -> tuple[str, str]:
    """Split an error message into the problem and the fix."""
    found, _, fix = message.partition("; ")
    return (found.rstrip(".") + ".", fix[0].upper() + fix[1:]) if fix else (message, "")


def _recorded(findings: Iterable[Finding], record: list[Finding]) -> Iterator[Finding]:
    for finding in findings:
        record.append(finding)
        yield finding


def _print_plain(findings: Iterable[Finding]) -> None:
    """Print one line a finding, then the count."""
    seen = []
    for finding in findings:
        seen.append(finding)
        click.echo(f"{finding.status:<7}  {finding.check:<18}  {f'{finding.found} {finding.fix}'.rstrip()}")
    click.echo(_summary(seen))


def _print_styled(findings: Iterable[Finding]) -> None:
    """Print findings on a terminal as they are made, with the fix below each."""
    from rich.console import Console  # noqa: PLC0415  # only on a terminal
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    styles = {Status.OK: "green", Status.INFO: "cyan", Status.WARNING: "yellow", Status.FAILED: "bold red"}
    console, seen = Console(), []
    with console.status("Checking"):
        for finding in findings:
            seen.append(finding)
            grid = Table.grid(padding=(0, 2, 0, 0))
            grid.add_column(width=7)
            grid.add_column(width=18)
            grid.add_column()
            grid.add_row(Text(finding.status, styles[finding.status]), Text(finding.check), Text(finding.found))
            if finding.fix:
                grid.add_row("", "", Text(f"→ {finding.fix}", "dim" if finding.status is Status.INFO else ""))
            console.print(grid)
    console.print(_summary(seen), highlight=False)


def _summary(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.status for finding in findings)
    warnings = "1 warning" if counts[Status.WARNING] == 1 else f"{counts[Status.WARNING]} warnings"
    return f"{len(findings)} findings: {warnings}, {counts[Status.FAILED]} failed."
