"""Skills from folders and files: what is accepted, the exact message for everything that is not, and what is allowed."""

# ruff: noqa: E501  # a row of a table below is a line, or two

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ceos.errors import InvalidInput, NotFound
from ceos.skills.grants import Grants, HttpGrant
from ceos.skills.loader import is_skill_file, read_skill, read_skills
from ceos.skills.lockfile import SkillLock
from ceos.skills.skill import Skill, SkillStage

# Rows below replace lines of this manifest; the numbers in the messages are its line numbers.
GOOD = """\
name = "headlines"
version = "1.0.0"
summary = "Headlines of a feed."
author = "Ada"
license = "MIT"
stage = "context"

[params]
type = "object"
required = ["url"]
additionalProperties = false
[params.properties]
url = { type = "string", format = "uri" }
count = { type = "integer", minimum = 1, maximum = 9 }
kind = { enum = ["new", "top"] }

[grants]
log = true
[grants.http]
hosts = ["api.example.org", "*.example.net"]
hosts_from = ["url"]

[limits]
seconds = 5

[[examples]]
summary = "Two items."
params = { url = "https://feeds.example.net/a.xml" }
now = 2026-03-02T09:00:00Z
answers = { http = { "https://feeds.example.net/a.xml" = "<rss/>" } }
expect = { since = 2026-03-01 }
"""
SOURCE = "def run(ctx, params):\n    return None\n"
SINGLE = '''\
"""A skill in one file."""

SKILL = {
    "name": "shout",
    "version": "1.0.0",
    "summary": "Says it louder.",
    "stage": "transform",
    "grants": {"log": True},
    "examples": [{"summary": "Loud.", "draft": ("a", "b"), "now": "2026-03-02T09:00:00Z", "expect": ["A", "B"]}],
}


def run(ctx, params):
    return [part.upper() for part in ctx.draft]
'''


def folder(
    place: Path, manifest: str | bytes | None = GOOD, source: str | bytes | None = SOURCE, name: str = "headlines"
) -> Path:
    """Write the folder of a skill and return it."""
    path = place / name
    path.mkdir(exist_ok=True)
    for file, text in (("skill.toml", manifest), ("skill.py", source)):
        if text is not None:
            (path / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def single(place: Path, text: str | bytes = SINGLE, name: str = "shout.py") -> Path:
    """Write a skill of one file and return it."""
    path = place / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def skill(**changes: Any) -> Skill:
    """Return a small skill."""
    return Skill.model_validate(
        {"name": "x", "version": "1.0.0", "summary": "X.", "stage": "context", "source": SOURCE, **changes}
    )


def problems(path: Path) -> list[str]:
    """Return what is wrong with a skill, with paths cut to what its author would have typed."""
    with pytest.raises(InvalidInput) as caught:
        read_skill(path)
    return [problem.replace(f"{path.parent}{os.sep}", "") for problem in caught.value.problems]


# What is accepted


def test_a_folder_becomes_a_skill(tmp_path: Path) -> None:
    one = read_skill(folder(tmp_path))
    assert (one.name, one.version, one.summary, one.author, one.license) == (
        "headlines",
        "1.0.0",
        "Headlines of a feed.",
        "Ada",
        "MIT",
    )
    assert (one.stage, one.source, one.path) == (SkillStage.CONTEXT, SOURCE, str(tmp_path / "headlines"))
    assert one.grants.names() == ("http", "log")
    assert one.grants.http is not None and one.grants.http.hosts_from == ("url",)
    assert one.limits_in_force() == (5.0, 64)
    [example] = one.examples
    assert example.now == dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
    assert (example.has_expectation, example.expect) == (True, {"since": "2026-03-01"})


def test_a_single_file_becomes_a_skill_without_being_run(tmp_path: Path) -> None:
    path = single(tmp_path, SINGLE + "\nraise SystemExit('it ran')\n")
    one = read_skill(path)
    assert (one.name, one.stage, one.path) == ("shout", "transform", str(path))
    assert one.source.startswith('"""A skill in one file."""') and one.source.endswith("raise SystemExit('it ran')\n")
    assert (one.examples[0].draft, one.examples[0].expect) == (("a", "b"), ["A", "B"])


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    one = read_skill(folder(tmp_path, 'name = "headlines"\nversion = "1"\nsummary = "X."\nstage = "tool"\n'))
    assert (one.author, one.grants.names(), one.examples) == ("unknown", (), ())
    assert one.check_params({}) == []
    assert one.check_params({"a": 1}) == ["params.a: unknown param; this skill takes none."]


@pytest.mark.parametrize(
    ("grants", "limits", "seconds"),
    [
        pytest.param({}, {}, 2, id="pure"),
        pytest.param({"http": {"hosts": ["a.org"]}}, {}, 10, id="http"),
        pytest.param({"http": {"hosts": ["a.org"]}, "llm": {}}, {}, 30, id="llm"),
        pytest.param({"llm": {}}, {"seconds": 3}, 3, id="its own"),
    ],
)
def test_a_skill_that_waits_for_others_has_more_time(
    grants: dict[str, Any], limits: dict[str, Any], seconds: float
) -> None:
    assert skill(grants=grants, limits=limits).limits_in_force() == (seconds, 64)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: "\ufeff" + text, id="byte order mark"),
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="line ends of Windows"),
        pytest.param(lambda text: text.replace('version = "1.0.0"\nsummary = "Headlines of a feed."', 'summary = "Headlines of a feed."\nversion = "1.0.0"'), id="order of keys"),
        pytest.param(lambda text: text.replace("[limits]\n", "[limits] # a remark\n"), id="comment"),
    ],
)  # fmt: skip
def test_a_digest_does_not_depend_on_how_a_manifest_is_written(tmp_path: Path, change: Any) -> None:
    digest = read_skill(folder(tmp_path)).sha256
    assert change(GOOD) != GOOD
    assert read_skill(folder(tmp_path, change(GOOD))).sha256 == digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version = "1.0.0"', 'version = "1.0.1"'),
        ("Headlines of a feed.", "Headlines of feeds."),
        ('author = "Ada"\n', ""),
        ("maximum = 9", "maximum = 8"),
        ("*.example.net", "*.example.com"),
        ("log = true", "log = true\nnow = true"),
        ("log = true", "log = true\nnow = false"),
        ("seconds = 5", "seconds = 6"),
        ("Two items.", "Three items."),
        ("expect = { since = 2026-03-01 }", ""),
    ],
)
def test_a_digest_changes_with_everything_in_the_manifest(tmp_path: Path, old: str, new: str) -> None:
    digest = read_skill(folder(tmp_path)).sha256
    assert old in GOOD
    assert read_skill(folder(tmp_path, GOOD.replace(old, new))).sha256 != digest


def test_a_digest_changes_with_the_source_and_not_with_the_place(tmp_path: Path) -> None:
    digest = read_skill(folder(tmp_path)).sha256
    (tmp_path / "elsewhere").mkdir()
    assert read_skill(folder(tmp_path / "elsewhere")).sha256 == digest
    assert read_skill(folder(tmp_path, source=SOURCE + "#")).sha256 != digest


def test_a_changed_copy_has_a_digest_of_its_own() -> None:
    one = skill()
    assert one.sha256 != one.model_copy(update={"source": "#"}).sha256


# What is wrong with a manifest

HOST = "expected a host such as 'api.example.org' or '*.example.org': a name in lower case, no IP address, no port, no path"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # Keys
        ('name = "headlines"\n', "", "1: name: required key is missing."),
        ('stage = "context"\n', "", "1: stage: required key is missing."),
        ("summary =", "sumary =", "1: summary: required key is missing."),
        ('license = "MIT"', 'licence = "MIT"', "5: licence: unknown key; did you mean 'license'?"),
        ('author = "Ada"', "hosts = 1", "4: hosts: unknown key here; it belongs in [grants.http]."),
        ("log = true", "seconds = 5", "18: grants.seconds: unknown key here; it belongs in [grants.http] or in [limits]."),
        ("log = true", "lgo = true", "18: grants.lgo: unknown key; did you mean 'log'?"),
        ("log = true", "zzzzz = true", "18: grants.zzzzz: unknown key; known here: http, llm, memory, metrics, chain, log, now."),
        ("seconds = 5", "stage = 5", "24: limits.stage: unknown key here; it belongs at the top, before the first table."),
        ('author = "Ada"', 'source = "x"', "4: source: unknown key; the source is a file of its own."),
        # Names and texts
        ('"headlines"', '"Head lines"', "1: name: expected 1 to 40 lower-case letters, digits or '-', the first a letter; got 'Head lines'."),
        ('"headlines"', '"other"', "1: name: expected 'headlines', the name of its folder; got 'other'."),
        ('"1.0.0"', '"v 1"', "2: version: expected a version such as '1.0.0' or '1.1rc1'; got 'v 1'."),
        ('"1.0.0"', '"one"', "2: version: expected a version such as '1.0.0' or '1.1rc1'; got 'one'."),
        ('"1.0.0"', "1.0", "2: version: expected a string; got 1.0."),
        ('"Headlines of a feed."', '""', "3: summary: expected a string that is not empty; got ''."),
        ('"context"', '"contxt"', "6: stage: expected one of context, transform, gate, tool; got 'contxt'."),
        ('"context"', "5", "6: stage: expected one of context, transform, gate, tool; got 5."),
        # Params
        ('type = "object"\n', "", "8: params.type: expected type = \"object\"; parameters are a table."),
        ('"integer"', '"integr"', "14: params.properties.count.type: not a valid JSON Schema: expected one of \"array\", \"boolean\", \"integer\", \"null\", \"number\", \"object\", \"string\" or a list; got 'integr'."),
        ("maximum = 9", 'maximum = "9"', "14: params.properties.count.maximum: not a valid JSON Schema: expected a number; got '9'."),
        ('{ enum = ["new", "top"] }', '{ "$ref" = "https://evil.example/s.json" }', "15: params.properties.kind.$ref: expected a reference within this schema such as '#/$defs/name'; got 'https://evil.example/s.json'."),
        ('{ enum = ["new", "top"] }', '{ "$ref" = "file:///etc/passwd" }', "15: params.properties.kind.$ref: expected a reference within this schema such as '#/$defs/name'; got 'file:///etc/passwd'."),
        ('{ enum = ["new", "top"] }', '{ "$ref" = "#/$defs/none" }', "15: params.properties.kind.$ref: there is no '#/$defs/none' in this schema."),
        ('{ enum = ["new", "top"] }', '{ "$ref" = "#" }', "15: params.properties.kind.$ref.properties.kind.$ref: '#' refers to itself; a schema must come to an end."),
        ('{ enum = ["new", "top"] }', '{ "$id" = "https://a.example" }', "15: params.properties.kind.$id: $id is not supported; put what is shared under $defs and refer to it with $ref."),
        ('{ enum = ["new", "top"] }', '{ pattern = "(" }', "15: params.properties.kind.pattern: not a valid pattern: missing ), unterminated subpattern at position 0."),
        ('{ enum = ["new", "top"] }', '{ pattern = "^(a+)+$" }', "15: params.properties.kind.pattern: expected a simple pattern: no groups, no alternatives, at most one of * and +, few and short repetitions; use enum for choices, or check the text in run()."),
        ("additionalProperties = false", 'patternProperties = { "(a+)+" = {} }', "11: params.patternProperties: patternProperties is not supported; name the properties."),
        ("additionalProperties = false", '"$schema" = "http://json-schema.org/draft-07/schema#"', "11: params.$schema: expected draft 2020-12 (https://json-schema.org/draft/2020-12/schema), or no $schema at all."),
        # Grants
        ('"api.example.org"', '"API.example.org"', f"20: grants.http.hosts[0]: {HOST}; got 'API.example.org'."),
        ('"api.example.org"', '"example.org:8080"', f"20: grants.http.hosts[0]: {HOST}; got 'example.org:8080'."),
        ('"api.example.org"', '"https://example.org/a"', f"20: grants.http.hosts[0]: {HOST}; got 'https://example.org/a'."),
        ('"api.example.org"', '"127.0.0.1"', f"20: grants.http.hosts[0]: {HOST}; got '127.0.0.1'."),
        ('"api.example.org"', '"0x7f.0x1"', f"20: grants.http.hosts[0]: {HOST}; got '0x7f.0x1'."),
        ('"api.example.org"', '"[::1]"', f"20: grants.http.hosts[0]: {HOST}; got '[::1]'."),
        ('"api.example.org"', '"localhost"', f"20: grants.http.hosts[0]: {HOST}; got 'localhost'."),
        ('"api.example.org"', '"*"', f"20: grants.http.hosts[0]: {HOST}; got '*'."),
        ('"api.example.org"', '"*.org"', f"20: grants.http.hosts[0]: {HOST}; got '*.org'."),
        ('"api.example.org"', '"a.*.org"', f"20: grants.http.hosts[0]: {HOST}; got 'a.*.org'."),
        ('"api.example.org"', '"münchen.example"', f"20: grants.http.hosts[0]: {HOST}; got 'münchen.example'."),
        ('["api.example.org", "*.example.net"]', '"api.example.org"', "20: grants.http.hosts: expected a list; got 'api.example.org'."),
        ('hosts_from = ["url"]', 'hosts_from = ["ulr"]', "21: grants.http.hosts_from[0]: expected one of its params: url, count, kind; got 'ulr'."),
        ('hosts_from = ["url"]', "max_calls = 0", "21: grants.http.max_calls: expected at least 1; got 0."),
        ('hosts_from = ["url"]', "seconds = 31", "21: grants.http.seconds: expected at most 30; got 31."),
        ('hosts = ["api.example.org", "*.example.net"]\nhosts_from = ["url"]', "", "19: grants.http: expected at least one host, in hosts or by hosts_from."),
        ("log = true", "chain = 1", "18: grants.chain: expected a table; got 1."),
        ("log = true", "chain = { max_calls = 101 }", "18: grants.chain.max_calls: expected at most 100; got 101."),
        ("log = true", "log = 1", "18: grants.log: expected true or false; got 1."),
        ("log = true", "llm = { max_usd = 5 }", "18: grants.llm.max_usd: expected at most 1; got 5."),
        ("log = true", "memory = true", "18: grants.memory: expected a table; got true."),
        # Limits
        ("seconds = 5", "seconds = 31", "24: limits.seconds: expected at most 30; got 31."),
        ("seconds = 5", "seconds = nan", "24: limits.seconds: expected a number; got nan."),
        ("seconds = 5", "memory_mb = 8", "24: limits.memory_mb: expected at least 16; got 8."),
        # Examples
        ('url = "https://feeds', 'ulr = "https://feeds', None),
        ("params = { url", "params = { count = 0, url", "28: examples[0].params: count: expected at least 1; got 0."),
        ("[[examples]]", "[[examples]]\ndraft = ['x']", "27: examples[0].draft: there is no draft at the stage context; remove it."),
        ("[[examples]]", "[[examples]]\nagent = { nmae = 'x' }", "27: examples[0].agent.nmae: unknown key; known here: name, bio, tone, topics, avoid."),
        ("answers = { http", "answers = { htpp", "30: examples[0].answers.htpp: unknown key; known here: http, llm, memory, metrics, chain."),
        ("answers = {", "answers = { llm = 'x',", "30: examples[0].answers.llm: the skill does not have the grant llm; add it to the grants, or remove this."),
        ("now = 2026-03-02T09:00:00Z", "now = 2026-03-02T09:00:00", "29: examples[0].now: expected a date and time with its zone such as 2026-03-02T09:00:00Z; got 2026-03-02 09:00:00."),
        ("expect = { since = 2026-03-01 }", "expect = inf", "26: examples[0]: expected plain data; a number that JSON does not have."),
        ("expect = { since = 2026-03-01 }", f"expect = '{'x' * 20_000}'", "26: examples[0]: expected at most 16 KiB; it is longer."),
        # The file
        ('name = "headlines"', "name = ", "1: not valid TOML: Invalid value (column 8)."),
    ],
)  # fmt: skip
def test_a_mistake_in_a_manifest_is_one_exact_sentence(tmp_path: Path, old: str, new: str, message: str | None) -> None:
    assert old in GOOD
    found = problems(folder(tmp_path, GOOD.replace(old, new, 1)))
    if message is None:
        assert found == [
            "headlines/skill.toml:28: examples[0].params: url: required param is missing.",
            "headlines/skill.toml:28: examples[0].params: ulr: unknown param; did you mean 'url'?",
        ]
    else:
        assert f"headlines/skill.toml:{message}" in found
        assert len(found) == 1 or "required" in found[0]


def test_all_mistakes_are_in_one_report_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = GOOD.replace('"1.0.0"', "1").replace("[params]\ntype", "[params]\ntpye").replace('"MIT"', "5")
    assert [problem.split(": ")[1] for problem in problems(folder(tmp_path, text, " \n"))] == [
        "is empty; it needs a function run(ctx, params).",
        "version",
        "license",
        "params.type",
    ]


def test_a_skill_at_a_draft_needs_one_in_its_examples(tmp_path: Path) -> None:
    [problem] = problems(single(tmp_path, SINGLE.replace('"draft": ("a", "b"), ', "")))
    assert problem == "shout.py:9: examples[0]: expected a draft; a skill of the stage transform works on one."


# What is wrong with files


@pytest.mark.parametrize(
    ("manifest", "source", "message"),
    [
        pytest.param(None, SOURCE, "skill.toml: is missing; a skill's folder holds skill.toml and skill.py.", id="no manifest"),
        pytest.param(GOOD, None, "skill.py: is missing; a skill's folder holds skill.toml and skill.py.", id="no source"),
        pytest.param(GOOD, " \n", "skill.py: is empty; it needs a function run(ctx, params).", id="empty source"),
        pytest.param("# nothing\n", SOURCE, "skill.toml: is empty; it needs at least name, version, summary and stage.", id="empty manifest"),
        pytest.param(GOOD, b"a = 1\n\xff", "skill.py:2: not UTF-8; save the file with that encoding.", id="Latin"),
        pytest.param(GOOD, "# -*- coding: utf-7 -*-\n" + SOURCE, "skill.py:1: says it is utf-7; save it as UTF-8 and remove that line.", id="UTF-7"),
        pytest.param(GOOD, "\n# vim: set fileencoding=rot13 :\n" + SOURCE, "skill.py:1: says it is rot13; save it as UTF-8 and remove that line.", id="ROT-13 on line 2"),
        pytest.param(GOOD, b"a = 1\n\0", "skill.py:2: has a zero byte; it is not a text file.", id="zero byte"),
        pytest.param(GOOD, "#" * (64 * 1024 + 1), "skill.py: expected at most 64 KiB; it is longer.", id="huge source"),
        pytest.param("#" * (64 * 1024 + 1), SOURCE, "skill.toml: expected at most 64 KiB; it is longer.", id="huge manifest"),
        pytest.param("a = " + "[" * 9000, SOURCE, "skill.toml:1: not valid TOML: nested too deeply.", id="deep manifest"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, manifest: Any, source: Any, message: str) -> None:
    assert problems(folder(tmp_path, manifest, source)) == [f"headlines/{message}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("x = 1\n", ": no manifest in it; begin it with a literal SKILL = {…}.", id="none"),
        pytest.param("if True:\n    SKILL = {'name': 'x'}\n", ": no manifest in it; begin it with a literal SKILL = {…}.", id="not at the top level"),
        pytest.param("def (", ":1: not valid Python: invalid syntax.", id="syntax"),
        pytest.param("SKILL = {'a': 1}\nSKILL = {'b': 1}", ":2: SKILL is assigned twice; keep one.", id="twice"),
        pytest.param("SKILL = {\n 'name': 'x',\n 'version': open('/etc/passwd').read(),\n}", ":3: SKILL: expected a literal of strings, numbers, lists and tables; it is read, never run.", id="call"),
        pytest.param("SKILL = {\n 'name': f'{1}'}", ":2: SKILL: expected a literal of strings, numbers, lists and tables; it is read, never run.", id="f-string"),
        pytest.param("A = {}\nSKILL = {**A}", ":2: SKILL: expected a literal of strings, numbers, lists and tables; it is read, never run.", id="spread"),
        pytest.param("SKILL = {[]: 1}", ":1: SKILL: expected a literal of strings, numbers, lists and tables; it is read, never run.", id="unhashable key"),
        pytest.param("SKILL = ['x']", ":1: SKILL: expected a table {…} whose keys are strings, as in a manifest.", id="list"),
        pytest.param("SKILL = {'a': [{1: 2}]}", ":1: SKILL: expected a table {…} whose keys are strings, as in a manifest.", id="number as key"),
        pytest.param("x = " + "-" * 60_000 + "1", ": nested too deeply to be read.", id="deep"),
        pytest.param("SKILL = {'a': " + "[" * 150 + "]" * 150 + "}", ":1: a: unknown key; did you mean 'name'?", id="deep literal"),
    ],
)  # fmt: skip
def test_a_single_file_is_read_and_never_run(tmp_path: Path, text: str, message: str) -> None:
    found = problems(single(tmp_path, text))
    assert found[0] == f"shout.py{message}" or message.startswith(":1: a: ")


def test_a_mistake_in_a_literal_is_reported_with_its_line(tmp_path: Path) -> None:
    text = SINGLE.replace('"stage": "transform"', '"stage": "transfrom"').replace('"log": True', '"lgo": True')
    assert problems(single(tmp_path, text)) == [
        "shout.py:7: stage: expected one of context, transform, gate, tool; got 'transfrom'.",
        "shout.py:8: grants.lgo: unknown key; did you mean 'log'?",
    ]


def test_a_literal_may_hold_nothing_that_json_does_not_have(tmp_path: Path) -> None:
    text = SINGLE.replace('"expect": ["A", "B"]', '"expect": {b"x"}')
    assert problems(single(tmp_path, text)) == [
        "shout.py:9: examples[0]: expected plain data; a value of type set, which JSON does not have."
    ]


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    secret = single(tmp_path, SOURCE, "secret.py")
    path = folder(tmp_path, source=None)
    (path / "skill.py").symlink_to(secret)
    assert problems(path) == ["headlines/skill.py: is a link that leads out of its folder; put the file itself there."]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = folder(tmp_path, source=None)
    os.mkfifo(path / "skill.py")
    assert problems(path) == ["headlines/skill.py: is not a file."]


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    assert problems(tmp_path / "none") == ["none: there is no such file or folder."]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        pytest.param(SINGLE, True, id="a skill"),
        pytest.param("SKILL: dict = {'name': 'x'}", True, id="annotated"),
        pytest.param("SKILL = {'name': open('x')}", True, id="wrong, and its author should hear of it"),
        pytest.param("SKILL = {'name': 'x'}\ndef (", True, id="a syntax error below"),
        pytest.param("def (", False, id="a syntax error"),
        pytest.param("SKILL = make()", False, id="made by a call"),
        pytest.param("import ceos\n\n@ceos.hookimpl\ndef register_skills(register):\n    SKILL = {}\n", False, id="a plugin"),
        pytest.param("TEXT = '''\nSKILL = {}\n'''", False, id="in a text"),
        pytest.param("", False, id="empty"),
    ],
)  # fmt: skip
def test_a_skill_file_is_distinguished_from_a_plugin_without_running_it(
    tmp_path: Path, text: str, is_one: bool
) -> None:
    assert is_skill_file(single(tmp_path, text)) is is_one


def test_what_cannot_be_read_is_no_skill_file(tmp_path: Path) -> None:
    assert not is_skill_file(tmp_path / "none.py")
    assert not is_skill_file(single(tmp_path, b"\xff\xfe"))


# Several skills


def test_a_folder_of_skills_gives_all_of_them_by_name(tmp_path: Path) -> None:
    single(tmp_path)
    folder(tmp_path)
    single(tmp_path, "import os\n", "plugin.py")
    (tmp_path / "notes").mkdir()
    (tmp_path / "__pycache__").mkdir()
    assert [one.name for one in read_skills(tmp_path)] == ["headlines", "shout"]
    assert [one.name for one in read_skills(tmp_path / "headlines")] == ["headlines"]
    assert [one.name for one in read_skills(tmp_path / "shout.py")] == ["shout"]
    assert read_skills(tmp_path / "notes") == []


def test_mistakes_of_all_skills_are_in_one_report(tmp_path: Path) -> None:
    single(tmp_path, SINGLE.replace("transform", "transfrom"))
    single(tmp_path, SINGLE, "again.py")
    single(tmp_path, SINGLE, "once-more.py")
    folder(tmp_path, None)
    with pytest.raises(InvalidInput) as caught:
        read_skills(tmp_path)
    assert [problem.removeprefix(f"{tmp_path}/") for problem in caught.value.problems] == [
        "headlines/skill.toml: is missing; a skill's folder holds skill.toml and skill.py.",
        "shout.py:7: stage: expected one of context, transform, gate, tool; got 'transfrom'.",
        f"once-more.py: name: 'shout' is already the name of {tmp_path}/again.py; rename one of them.",
    ]


def test_a_folder_of_skills_does_not_lead_elsewhere_either(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "headlines").symlink_to(folder(tmp_path))
    with pytest.raises(InvalidInput, match="is a link that leads out of its folder; put the skill itself there"):
        read_skills(tmp_path / "inside")


# A skill that a plugin makes


def test_a_skill_made_in_python_is_held_to_the_same_rules() -> None:
    with pytest.raises(ValueError, match=r"grants\.chain\.max_calls"):
        skill(grants={"chain": {"max_calls": 0}})
    assert skill(grants={"chain": True}).grants == skill(grants={"chain": {}}).grants
    assert skill(grants={"chain": False}).grants.names() == ()
    with pytest.raises(ValueError, match="at most 64 KiB"):
        skill(source="#" * 70_000)


# Params

PARAMS = {
    "type": "object",
    "properties": {
        "url": {"type": "string", "format": "uri"},
        "count": {"type": ["integer", "null"], "minimum": 1},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 1},
        "day": {"type": "string", "format": "date"},
        "at": {"type": "string", "pattern": r"^\d{1,2}:\d{2}$"},
    },
    "required": ["url"],
    "additionalProperties": False,
    "$defs": {"tag": {"type": "string", "maxLength": 3}},
}


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"url": "https://a.org/x?y=1"}, []),
        ({"url": "http://a.org", "count": None, "tags": ("a", "bcd"), "day": dt.date(2026, 1, 2), "at": "9:30"}, []),
        ({"url": "https://a.org", "day": "no date, which is not enforced"}, []),
        ({}, ["params.url: required param is missing."]),
        ({"url": "ftp://a.org"}, ["params.url: expected an address that begins with https:// or http://; got 'ftp://a.org'."]),
        ({"url": "https://"}, ["params.url: expected an address that begins with https:// or http://; got 'https://'."]),
        ({"url": 5}, ["params.url: expected a string; got 5."]),
        ({"url": "https://a.org", "count": "x"}, ["params.count: expected a whole number or null; got 'x'."]),
        ({"url": "https://a.org", "tags": ["a", "long"]}, ["params.tags[1]: expected at most 3 characters; got 'long'."]),
        ({"url": "https://a.org", "tags": []}, ["params.tags: expected at least one entry; got an empty list."]),
        ({"url": "https://a.org", "at": "noon"}, [r"params.at: expected a string that matches '^\\d{1,2}:\\d{2}$'; got 'noon'."]),
        ({"url": "https://a.org", "cuont": 1}, ["params.cuont: unknown param; did you mean 'count'?"]),
        ({"url": "https://a.org", "zzz": 1}, ["params.zzz: unknown param; known: url, count, tags, day, at."]),
        ({"url": "https://a.org", "count": float("nan")}, ["params: a number that JSON does not have."]),
        ({"url": "https://a.org", "count": 2**70}, ["params: a whole number of more than 64 bits."]),
        ({"url": "https://a.org", "count": b"1"}, ["params: a value of type bytes, which JSON does not have."]),
    ],
)  # fmt: skip
def test_params_are_judged_in_clear_sentences(params: dict[str, Any], said: list[str]) -> None:
    assert skill(params=PARAMS).check_params(params) == said


@pytest.mark.parametrize("depth", [50, 600, 900])
def test_params_of_any_depth_are_judged(depth: int) -> None:
    # A model may write such a thing where a tool takes a list.
    deep: Any = json.loads("[" * depth + "]" * depth)
    (said,) = skill(params=PARAMS).check_params({"url": "https://a.org", "tags": deep})
    assert "nested" in said


def test_a_tool_schema_omits_the_parameters_that_the_operator_set() -> None:
    tool = skill(stage="tool", params=PARAMS)
    offered = tool.tool_schema({"url": "https://a.org", "count": 3})
    assert list(offered["properties"]) == ["tags", "day", "at"] and "required" not in offered
    assert tool.tool_schema({}) == PARAMS
    assert "url" in tool.params["properties"]


@pytest.mark.parametrize(
    ("pattern", "is_fit"),
    [
        (r"^[a-z][a-z0-9-]{0,39}$", True),
        (r"^\d{4}-\d{2}-\d{2}$", True),
        (r"^#?[0-9a-f]{6}$", True),
        (r"^[^\]()|*+]+$", True),
        (r"^a+b*$", False),
        (r"^a|b$", False),
        (r"(?i)^a$", False),
        ("^" + "a?" * 30 + "$", False),
        (r"^a{1,900}b{1,900}$", False),
        (r"^a?b?c?d+$", True),
        (r"a?a?a?a?a?a?a?a?a*b", False),
    ],
)
def test_a_pattern_that_may_take_long_is_refused(pattern: str, is_fit: bool) -> None:
    params = {"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}}
    if is_fit:
        assert skill(params=params).params == params
    else:
        with pytest.raises(ValueError, match="expected a simple pattern"):
            skill(params=params)


def test_a_schema_that_multiplies_by_references_is_refused() -> None:
    levels = {f"l{level}": {"anyOf": [{"$ref": f"#/$defs/l{level + 1}"}] * 2} for level in range(30)}
    params = {"type": "object", "properties": {"a": {"$ref": "#/$defs/l0"}}, "$defs": {**levels, "l30": {}}}
    with pytest.raises(ValueError, match="expected a schema of at most 500 tables, references followed"):
        skill(params=params)


def test_jsonschema_is_loaded_only_for_a_skill_with_params() -> None:
    code = (
        "import sys; from ceos.skills.skill import Skill;"
        "Skill(name='x', version='1', summary='x', stage='gate', source='x').check_params({}); print('jsonschema' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# Grants


def test_grants_are_described_in_words() -> None:
    grants = Grants.model_validate(
        {
            "http": {"hosts": ["a.org", "*.b.org"], "hosts_from": ["url"], "max_bytes": 1000},
            "llm": {},
            "memory": {},
            "metrics": True,
            "log": True,
            "now": True,
        }
    )
    assert grants.lines() == [
        "http: read from a.org, every host under b.org and the host in its parameter 'url'; at most 5 times a run, 1,000 bytes and 5 s each",
        "llm: ask the agent's language model; at most 500 tokens and 0.01 USD a run",
        "memory: keep up to 64 KiB of its own notes for each agent",
        "metrics: read the likes, recasts and replies of the agent's own casts",
        "log: write to its log",
        "now: know the time",
    ]


HTTP = {"hosts": ["a.org", "*.b.org"], "hosts_from": ["url"]}


@pytest.mark.parametrize(
    ("new", "wider"),
    [
        ({}, []),
        ({"http": HTTP}, []),
        ({"http": {"hosts": ["x.b.org", "*.y.b.org"]}}, []),
        ({"http": {**HTTP, "max_calls": 2}}, []),
        ({"http": {"hosts": ["b.org"]}}, ["http to b.org"]),
        ({"http": {"hosts": ["*.a.org"]}}, ["http to every host under a.org"]),
        ({"http": {"hosts": ["eb.org"]}}, ["http to eb.org"]),
        ({"http": {**HTTP, "hosts": ["a.org", "example.net"]}}, ["http to example.net"]),
        ({"http": {"hosts_from": ["url", "feed"]}}, ["http to the host in its parameter 'feed'"]),
        ({"http": {**HTTP, "max_calls": 6, "seconds": 9}}, ["http.max_calls 6 instead of 5", "http.seconds 9 instead of 5"]),
        ({"llm": {}, "now": True}, ["llm", "now"]),
        ({"memory": {"max_bytes": 100}}, []),
        ({"memory": {"max_bytes": 70_000}}, ["memory.max_bytes 70,000 instead of 65,536"]),
    ],
)  # fmt: skip
def test_wider_grants_are_named(new: dict[str, Any], wider: list[str]) -> None:
    old = Grants.model_validate({"http": HTTP, "memory": {}})
    assert [line.replace(".0", "") for line in Grants.model_validate(new).exceeds(old)] == wider


def test_a_star_covers_subdomains_and_not_the_name_itself() -> None:
    grant = HttpGrant(hosts=("*.b.org",))
    assert [grant.covers(host) for host in ("x.b.org", "x.y.b.org", "b.org", "eb.org", "b.org.evil.com")] == [
        True,
        True,
        False,
        False,
        False,
    ]


# The lock


@pytest.fixture
def lock(tmp_path: Path) -> SkillLock:
    return SkillLock(tmp_path / "home" / "skills.lock")


def test_nothing_is_allowed_until_the_operator_says_so(lock: SkillLock) -> None:
    assert (lock.entries(), lock.state(skill())) == ({}, "not allowed")
    assert (
        lock.refusal(skill())
        == "Skill 'x' is not allowed yet; look at it with 'ceos skill show x' and allow it with 'ceos skill allow x'."
    )
    lock.allow(skill())
    assert (lock.refusal(skill()), lock.state(skill())) == ("", "allowed")
    assert (lock.path.stat().st_mode & 0o777, lock.path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    entry = json.loads(lock.path.read_text())["skills"]["x"]
    assert list(entry) == ["version", "sha256", "source_sha256", "grants", "stage"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": SOURCE + "#"}, "its source changed since 1.0.0 was allowed"),
        ({"version": "1.1.0"}, "its version is 1.1.0, and 1.0.0 was allowed"),
        ({"summary": "Y."}, "its manifest changed since 1.0.0 was allowed"),
        ({"grants": {}}, "its manifest changed since 1.0.0 was allowed"),
        ({"grants": {"log": True, "http": {"hosts": ["example.net"]}}}, "its grants are wider: http to example.net"),
        ({"grants": {"log": True, "now": True}, "source": "#", "version": "2"}, "its grants are wider: now; its source changed since 1.0.0 was allowed; its version is 2, and 1.0.0 was allowed"),
    ],
)  # fmt: skip
def test_a_change_needs_a_new_permission_and_is_described_exactly(
    lock: SkillLock, changes: dict[str, Any], said: str
) -> None:
    lock.allow(skill(grants={"log": True}))
    changed = skill(**{"grants": {"log": True}, **changes})
    assert (
        lock.refusal(changed)
        == f"Skill 'x' is not what was allowed: {said}. Look at it with 'ceos skill show x' and allow it with 'ceos skill allow x'."
    )
    assert (lock.state(changed), lock.changes(changed)) == ("changed", said.split("; "))
    lock.allow(changed)
    assert lock.refusal(changed) == ""


def test_where_a_skill_lies_does_not_matter(lock: SkillLock) -> None:
    lock.allow(skill(path="/one"))
    assert lock.refusal(skill(path="/two")) == ""


def test_a_running_worker_sees_a_permission_that_another_process_gives_or_takes(lock: SkillLock) -> None:
    worker = SkillLock(lock.path)
    assert worker.state(skill()) == "not allowed"
    lock.allow(skill())
    assert worker.state(skill()) == "allowed"
    lock.forget("x")
    assert worker.state(skill()) == "not allowed"


def test_forgetting_an_unknown_skill_names_the_allowed_ones(lock: SkillLock) -> None:
    with pytest.raises(NotFound, match=r"No skill named 'y' is allowed. Allowed: none yet\."):
        lock.forget("y")
    lock.allow(skill())
    with pytest.raises(NotFound, match=r"No skill named 'y' is allowed. Allowed: x\."):
        lock.forget("y")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 2, "skills": {}}', '{"format": 1, "skills": {"x": {}}}', "[" * 9000]
)
def test_a_broken_lock_file_is_named_with_the_way_out(lock: SkillLock, text: str) -> None:
    lock.path.parent.mkdir()
    lock.path.write_text(text)
    for ask in (lock.entries, lambda: lock.refusal(skill()), lambda: lock.allow(skill()), lambda: lock.forget("x")):
        with pytest.raises(InvalidInput) as caught:
            ask()
        assert str(caught.value).startswith(f"{lock.path} is not a lock file of skills: ")
        assert str(caught.value).endswith(
            "Correct it, or remove it and allow your skills again with 'ceos skill allow'."
        )
    assert lock.path.read_text() == text


def test_permissions_given_at_once_are_all_kept(lock: SkillLock) -> None:
    names = [f"s{number}" for number in range(24)]
    workers = [threading.Thread(target=SkillLock(lock.path).allow, args=(skill(name=name),)) for name in names]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(lock.entries()) == sorted(names)
    assert [file.name for file in lock.path.parent.iterdir()] == ["skills.lock"]
