"""`ceos skill …`: the tools for authors of skills, and the operator's decision on their grants."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ceos.cli.output import Verbs, command_runtime, json_option, number, say, say_line, show_json, show_table
from ceos.errors import InvalidInput, SandboxUnavailable, SkillError, StoreUnavailable
from ceos.operations.skills import switched_off_skills
from ceos.runtime import Runtime
from ceos.skills.loader import read_skill, skill_places
from ceos.skills.runner import run_examples
from ceos.skills.skill import Skill, SkillStage

#: A problem in a message of `read_skill`.
_PROBLEM = re.compile(r"(?P<file>.+?\.(?:toml|py))(?::(?P<line>\d+))?: (?P<message>.*)", re.DOTALL)


@click.group(cls=Verbs)
def skill() -> None:
    """Make, check, run, allow and list skills."""


@skill.command()
@click.argument("name")
@click.option(
    "--stage",
    type=click.Choice([str(stage) for stage in SkillStage]),
    default="context",
    show_default=True,
    help="The stage at which it runs.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The folder to write to; the current one if unset.",
)
@click.option("--single-file", is_flag=True, help="Write one file with its manifest inside.")
@json_option
def new(name: str, stage: str, folder: Path, single_file: bool, as_json: bool) -> None:
    """Write a working skill as a starting point."""
    from ceos.cli.skill.template import files  # noqa: PLC0415  # only authors need it

    if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", name):
        raise click.UsageError(f"A skill's name has 1 to 40 lower-case letters, digits or '-'; {name!r} does not.")
    written = {folder / path: text for path, text in files(name, SkillStage(stage), single=single_file).items()}
    for path in (folder / name, folder / f"{name}.py"):
        if path.exists() or path.is_symlink():
            raise InvalidInput(f"{path} exists already; nothing was written. Choose another name or --folder.")
    for path, text in written.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InvalidInput(f"{path} cannot be written: {error.strerror}.") from error
    home = folder / (f"{name}.py" if single_file else name)
    if as_json:
        return show_json({"skill": name, "path": str(home), "files": [str(path) for path in written]})
    for path in written:
        say(f"Wrote {path}.")
    return say(f"'ceos skill check {home}' checks it and runs its example.")


@skill.command()
@click.argument("targets", metavar="PATH|NAME...", nargs=-1, required=True)
@json_option
def check(targets: tuple[str, ...], as_json: bool) -> None:
    """Check skills: manifest, schema, source and all examples; exit code 1 for any mistake."""
    runtime = command_runtime()
    places: list[Path | Skill] = []
    for target in targets:
        if _is_path(target):
            if not (found := list(skill_places(Path(target)))):
                raise InvalidInput(f"{target}: there is no skill in this folder.")
            places += found
        else:
            places.append(runtime.plugins.skill(target))
    reports = [_check(runtime, place) for place in places]
    if as_json:
        show_json(reports)
    else:
        for report in reports:
            _print_check(report)
    if not all(report["ok"] for report in reports):
        sys.exit(1)


def _check(runtime: Runtime, place: Path | Skill) -> dict[str, Any]:
    report: dict[str, Any] = {"skill": None, "version": None, "path": str(place), "examples": 0, "problems": []}
    try:
        one = place if isinstance(place, Skill) else read_skill(place)
    except InvalidInput as error:
        report["problems"] = [_split(problem) for problem in error.problems]
    else:
        report |= {"skill": one.name, "version": one.version, "path": one.path, "examples": len(one.examples)}
        report["problems"] = _source_problems(runtime, one)
    return {**report, "ok": not report["problems"]}


def _split(problem: str) -> dict[str, Any]:
    found = _PROBLEM.fullmatch(problem)
    if found is None:
        return {"file": None, "line": None, "column": None, "message": problem}
    line = int(found["line"]) if found["line"] else None
    return {"file": found["file"], "line": line, "column": None, "message": found["message"]}


def _source_problems(runtime: Runtime, one: Skill) -> list[dict[str, Any]]:
    """Return what the sandbox refuses in a skill's source, or else the examples that fail."""
    file = _source_file(one)
    try:
        violations = runtime.sandbox.check(one.source, grants=one.grants.names())
    except SandboxUnavailable:
        raise
    except SkillError as error:
        # Compiling it took too much time or memory.
        return [{"file": file, "line": error.line, "column": None, "message": str(error)}]
    if violations:
        return [
            {"file": file, "line": found.line, "column": found.column, "message": found.message} for found in violations
        ]
    problems = run_examples(runtime.sandbox, one)
    return [{"file": file, "line": None, "column": None, "message": problem} for problem in problems]


def _source_file(one: Skill) -> str:
    path = Path(one.path)
    return str(path / "skill.py") if path.is_dir() else one.path


def _print_check(report: Mapping[str, Any]) -> None:
    for problem in report["problems"]:
        place = ":".join(str(problem[key]) for key in ("file", "line", "column") if problem[key] is not None)
        message = problem["message"] if problem["message"].endswith((".", "?")) else f"{problem['message']}."
        say(f"{place}: {message}" if place else message)
    if report["ok"]:
        count = report["examples"]
        examples = f"{number(count, 'example')} ran" if count else "it has no examples; add some"
        say(f"{report['skill']} {report['version']} is fine; {examples}.")


@skill.command()
@click.argument("target", metavar="PATH|NAME")
@click.option("--source", is_flag=True, help="Show its source too.")
@json_option
def show(target: str, source: bool, as_json: bool) -> None:
    """Show a skill's purpose, parameters, grants, limits and permission."""
    runtime = command_runtime()
    one = read_skill(target) if _is_path(target) else runtime.plugins.skill(target)
    document = _document(runtime, one)
    if as_json:
        return show_json({**document, "source": one.source} if source else document)
    say_line(f"{one.name} {one.version}  {one.summary}")
    say_line(f"by {one.author}, license {one.license}, stage {one.stage}, from {one.path or '-'}")
    say(f"sha256   {one.sha256}")
    limits = one.limits_in_force()
    say(f"limits   {limits.seconds:g} s, {limits.memory_mb} MB a call")
    say(f"state    {document['state']}")
    for change in document["changes"]:
        say_line(f"         {change}")
    _print_grants(one)
    _print_params(one)
    for example in one.examples:
        say_line(f"example  {example.summary}")
    if source:
        say(f"\n{one.source.rstrip()}")
    return None


def _document(runtime: Runtime, one: Skill) -> dict[str, Any]:
    manifest = one.model_dump(mode="json", exclude={"source", "path"})
    for key, example in zip(manifest["examples"], one.examples, strict=True):
        if not example.has_expectation:
            del key["expect"]
    return {
        **manifest,
        "limits": one.limits_in_force()._asdict(),
        "grants_in_words": one.grants.lines(),
        "sha256": one.sha256,
        "state": runtime.skill_lock.state(one),
        "changes": runtime.skill_lock.changes(one),
        "path": one.path,
    }


def _print_grants(one: Skill) -> None:
    lines = one.grants.lines() or ["nothing: it only computes with its input"]
    for line in lines:
        say_line(f"may      {line}")


def _print_params(one: Skill) -> None:
    required = one.params.get("required", [])
    for name, schema in one.params.get("properties", {}).items():
        about = schema if isinstance(schema, dict) else {}
        kind = about.get("type", "any")
        words = [str(kind if isinstance(kind, str) else " or ".join(map(str, kind)))]
        words += ["required"] if name in required else []
        words += [f"default {json.dumps(about['default'], ensure_ascii=False)}"] if "default" in about else []
        say_line(f"param    {name} ({', '.join(words)})  {about.get('description', '')}".rstrip())


@skill.command("list")
@json_option
def list_skills(as_json: bool) -> None:
    """List the skills that agent files may name, with their grants and permissions."""
    runtime = command_runtime()
    off = _switched_off(runtime)
    packages = {name: info.package for info in runtime.plugins.describe() for name in info.skills}
    skills = [one for _, one in sorted(runtime.plugins.skills.items())]
    if as_json:
        return show_json(
            [
                {
                    "skill": one.name,
                    "version": one.version,
                    "stage": str(one.stage),
                    "summary": one.summary,
                    "grants": list(one.grants.names()),
                    "state": runtime.skill_lock.state(one),
                    "off_for": off.get(one.name, []),
                    "package": packages.get(one.name),
                    "path": one.path,
                }
                for one in skills
            ]
        )
    return show_table(
        ["skill", "version", "stage", "grants", "state", "from"],
        [
            (
                one.name,
                one.version,
                one.stage,
                ", ".join(one.grants.names()),
                _state(runtime.skill_lock.state(one), off.get(one.name, [])),
                packages.get(one.name) or one.path,
            )
            for one in skills
        ],
        empty="No skills are installed; 'ceos skill new NAME' writes one.",
    )


def _switched_off(runtime: Runtime) -> dict[str, list[str]]:
    """Return the agents that each skill is switched off for; if Redis does not answer, say so and return none."""
    try:
        return switched_off_skills(runtime)
    except StoreUnavailable as error:
        say(f"Without the agents that skills are switched off for: {error}", err=True)
        return {}


def _state(state: str, off: list[str]) -> str:
    """Return the state of a skill in words, with the agents that it is switched off for if they are few."""
    if not off:
        return state
    return f"{state}, off for {', '.join(off) if len(off) <= 3 else number(len(off), 'agent')}"


@skill.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def allow(names: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Allow skills exactly as they are now; shows the grants of each and asks first.

    A skill that was switched off after failing too often is switched on again.
    """
    runtime = command_runtime()
    skills = [runtime.plugins.skill(name) for name in dict.fromkeys(names)]
    if not yes and (as_json or not sys.stdin.isatty()):
        raise click.UsageError("Give --yes to allow skills without being asked; there is no terminal to ask at.")
    done = []
    for one in skills:
        before = runtime.skill_lock.state(one)
        if not as_json:
            _print_decision(runtime, one)
        if not yes and before != "allowed" and not click.confirm(f"Allow {one.name} {one.version}?"):
            done.append({"skill": one.name, "change": "unchanged"})
            continue
        runtime.skill_lock.allow(one)
        off: list[str] = []
        try:
            # The operator has checked it, so its failures are reset.
            off = switched_off_skills(runtime).get(one.name, [])
            runtime.skills.reset_failures(one.name)
        except StoreUnavailable as error:
            say(f"Where {one.name} was switched off, it stays so: {error}", err=True)
        done.append({"skill": one.name, "change": "unchanged" if before == "allowed" else "allowed"})
        if not as_json:
            again = f", and is switched on again for {', '.join(off)}" if off else ""
            say(f"{one.name} {one.version} {'was allowed already' if before == 'allowed' else 'is allowed'}{again}.")
    if as_json:
        show_json(done)


def _print_decision(runtime: Runtime, one: Skill) -> None:
    say_line(f"{one.name} {one.version}  {one.summary}")
    for change in runtime.skill_lock.changes(one):
        say_line(f"changed  {change}")
    _print_grants(one)


@skill.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@json_option
def forget(names: tuple[str, ...], as_json: bool) -> None:
    """Revoke the permission of skills; agents go on without them."""
    lock = command_runtime().skill_lock
    for name in dict.fromkeys(names):
        lock.forget(name)
        if not as_json:
            say(f"{name} is not allowed any more.")
    if as_json:
        show_json([{"skill": name, "change": "forgotten"} for name in dict.fromkeys(names)])


@skill.command()
@click.argument("target", metavar="FILE|NAME")
@click.option("--params", "params_text", default="{}", metavar="JSON", help="Its parameters.")
@click.option("--grant", "extra", multiple=True, metavar="NAME", help="One more grant, such as log or http=HOST,HOST.")
@click.option("--draft", multiple=True, metavar="TEXT", help="A part of the draft; may be repeated.")
@click.option("--agent", "agent_id", help="The agent it runs for, whose budget pays for llm.")
@click.option("--seconds", type=click.FloatRange(0.05, 60), help="Wall clock; as in the manifest if unset.")
@click.option("--memory", "memory_mb", type=click.IntRange(8, 1024), metavar="MB", help="As in the manifest if unset.")
@json_option
def run(target: str, as_json: bool, **options: Any) -> None:
    """Run a skill once in the sandbox and print its value; FILE may be any source with run(ctx, params), or -.

    Pages are fetched from public addresses only; give answers of a local server in an example of the manifest.

    \b
    ceos skill run haiku.py --params '{"lines": 3}' --json
    ceos skill run plain-style --draft 'Wow!!! #gm'
    """
    from ceos.cli.skill.trial import Trial  # noqa: PLC0415  # loads the clients

    trial = Trial.of(command_runtime(), target, options)
    try:
        outcome = trial.run()
    except SkillError as error:
        _print_failure(error, as_json=as_json)
        sys.exit(1)
    if as_json:
        value = {"ok": True, "value": outcome.value, "log": list(outcome.log), "ms": round(outcome.ms, 3)}
        return show_json(value)
    for line in outcome.log:
        say(line, err=True)
    return show_json(outcome.value)


def _print_failure(error: SkillError, *, as_json: bool) -> None:
    if as_json:
        return show_json({"ok": False, "error": {"kind": error.kind, "message": str(error), "line": error.line}})
    for line in error.log:
        say(line, err=True)
    if trace := getattr(error, "traceback", ""):
        say(trace, err=True)
    # Each violation of the language rules is a line of its own.
    refused = [
        f"line {one.line}: {one.message}." if one.line else f"{one.message}."
        for one in getattr(error, "violations", ())
    ]
    for line in refused or [str(error)]:
        say_line(line, err=True)
    return None


def _is_path(target: str) -> bool:
    """Return True if a word means a file or folder; the name of an installed skill has no dot and no slash."""
    return "/" in target or "." in target or Path(target).exists()
