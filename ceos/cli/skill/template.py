"""The files that `ceos skill new` writes: a working skill that shows the grants and the manifest."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from ceos.config.toml import table_text
from ceos.skills.loader import MANIFEST, SOURCE
from ceos.skills.skill import SkillStage


@dataclass(frozen=True)
class _Stage:
    """The parts of the template that differ between stages."""

    summary: str
    returns: str
    properties: Mapping[str, Any]
    example: Mapping[str, Any]
    body: str


def _read_stages() -> dict[SkillStage, _Stage]:
    text = (resources.files("ceos.cli.skill") / "stages.toml").read_text(encoding="utf-8")
    return {
        SkillStage(name): _Stage(
            row["summary"], row["returns"], json.loads(row["properties"]), json.loads(row["example"]), row["body"]
        )
        for name, row in tomllib.loads(text).items()
    }


_STAGES = _read_stages()

#: The grants: name, value in a manifest, and the methods or attributes of `ctx`.
_GRANTS: tuple[tuple[str, Any, str], ...] = (
    (
        "http",
        {"hosts": ["api.example.org"]},
        'ctx.http_get(url) -> {"status", "url", "content_type", "text"}, ctx.http_feed(url), ctx.http_page(url)',
    ),
    ("llm", {"max_tokens": 200}, "ctx.llm_generate(prompt, max_tokens=200) -> text"),
    ("memory", {"max_bytes": 4096}, "ctx.memory_get(key), ctx.memory_set(key, value)"),
    ("metrics", True, "ctx.metrics(days=30) -> the numbers of the agent's own casts"),
    ("chain", True, "ctx.chain_read('block'), ctx.chain_read('token_balance', token, owner) and so on"),
    ("log", True, "ctx.log(text)"),
    ("now", True, "ctx.now -> a datetime"),
)
_ASKED = "Its grants, which the operator reads before allowing it. A call of the host that fails raises HostError."
_PARAMS = "The parameters that an operator may set in an agent file: a JSON Schema."
_EXAMPLES = "'ceos skill check' runs every example, with its own answers of the host; it never goes online."

_SOURCE = '''\
def run(ctx, params):
    """{summary}

    Returns {returns}.
    ctx always has agent, topic, kind, draft, recent and limit; params are as the operator wrote them.
    """
{body}'''


def files(name: str, stage: SkillStage, *, single: bool) -> dict[str, str]:
    """Return the files of a new skill by their path."""
    if single:
        return {f"{name}.py": _single(name, _STAGES[stage], stage)}
    return {f"{name}/{MANIFEST}": _manifest(name, _STAGES[stage], stage), f"{name}/{SOURCE}": _source(_STAGES[stage])}


def _source(one: _Stage) -> str:
    return _SOURCE.format(summary=one.summary, returns=one.returns, body=one.body)


def _manifest(name: str, one: _Stage, stage: SkillStage) -> str:
    head = {
        "name": name,
        "version": "0.1.0",
        "summary": one.summary,
        "author": "Your name",
        "license": "MIT",
        "stage": str(stage),
    }
    params = {"type": "object", "additionalProperties": False}
    rows = [(_rows({grant: value}), gives) for grant, value, gives in _GRANTS]
    grants = "\n".join(f"# {row:<38}  # {gives}" for row, gives in rows)
    return f"""\
{_rows(head)}  # {" | ".join(SkillStage)}

# {_PARAMS}
{table_text("[params]", params)}
{table_text("[params.properties]", one.properties)}
# {_ASKED}
[grants]
{grants}

[limits]
# seconds = 2
# memory_mb = 64

# {_EXAMPLES}
{table_text("[[examples]]", one.example)}\
# answers = {{ http = {{ "https://api.example.org/" = "text" }}, llm = "text", memory = {{ key = 1 }} }}
"""


def _rows(table: Mapping[str, Any]) -> str:
    return table_text("", table).strip()


def _single(name: str, one: _Stage, stage: SkillStage) -> str:
    rows = [(f'"{grant}": {value!r},'.replace("'", '"'), gives) for grant, value, gives in _GRANTS]
    grants = "\n".join(f"        # {row:<36}  # {gives}" for row, gives in rows)
    properties = "\n".join(f'            "{key}": {json.dumps(value)},' for key, value in one.properties.items())
    example = "\n".join(f'            "{key}": {json.dumps(value)},' for key, value in one.example.items())
    return f'''\
# The manifest is a literal: it is read, never run.
SKILL = {{
    "name": "{name}",
    "version": "0.1.0",
    "summary": "{one.summary}",
    "author": "Your name",
    "license": "MIT",
    "stage": "{stage}",  # {" | ".join(SkillStage)}
    # {_PARAMS}
    "params": {{
        "type": "object",
        "properties": {{
{properties}
        }},
        "additionalProperties": False,
    }},
    # {_ASKED}
    "grants": {{
{grants}
    }},
    # {_EXAMPLES}
    "examples": [
        {{
{example}
            # "answers": {{"http": {{"https://api.example.org/": "text"}}, "llm": "text", "memory": {{"key": 1}}}},
        }},
    ],
}}


{_source(one)}'''
