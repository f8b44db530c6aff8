"""Agents from TOML and back: every mistake of every file in one report, each with its line and the way out.

    agents.toml:9: agent 'ada', persona.topcis: unknown key; did you mean 'topics'?
    agents.toml:14: agent 'ada', schedule.timezone: expected an IANA time zone such as 'Europe/Berlin'; got 'Berlin'.

`load_agents` reads files, `parse_agents` reads a text, `export_agents` writes a text that these two can read.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from ceos.config.document import Document
from ceos.config.messages import dotted, looks_secret, shown
from ceos.config.toml import Location, table_text
from ceos.domain.agent import ONE_SIGNER, Agent
from ceos.domain.base import Frozen
from ceos.errors import InvalidInput

#: The forms of keys whose pattern is hard to read.
_FORMS = {
    "id": "1 to 32 lower-case letters, digits, '-' or '_', the first a letter or digit",
    "signer_uuid_env": "the name of an environment variable",
    "channel": "a channel's id: 1 to 16 lower-case letters, digits or '-'",
    "channels": "a channel's id: 1 to 16 lower-case letters, digits or '-'",
}


def load_agents(paths: Iterable[Path | str], strategies: Collection[str] = ()) -> list[Agent]:
    """Return the agents of all files, in order, or raise `InvalidInput` with all mistakes of all files.

    With the names of the known `strategies`, any other strategy is a mistake as well.
    """
    files = []
    for path in map(Path, paths):
        file = _AgentDocument(str(path))
        file.load_file(path)
        files.append(file)
    return _agents(files, strategies)


def parse_agents(text: str, source: str) -> list[Agent]:
    """Return the agents that `text` describes; messages call it `source`."""
    file = _AgentDocument(source)
    file.load_toml(text)
    return _agents([file])


def export_agents(agents: Iterable[Agent], *, with_secrets: bool = False) -> str:
    """Return a TOML text that `parse_agents` turns into the same agents.

    A literal `signer_uuid` is withheld unless `with_secrets`: a comment takes its place.
    """
    try:
        return "\n".join(_agent_toml(agent, with_secrets) for agent in agents)
    except TypeError as error:
        raise InvalidInput(f"A skill's parameters cannot be written to an agent file: {error}.") from error


def _agents(files: list[_AgentDocument], strategies: Collection[str] = ()) -> list[Agent]:
    agents = [agent for file in files for agent in file.validate_agents(strategies)]
    _report_repeated_ids(files)
    if problems := [line for file in files for line in file.report()]:
        raise InvalidInput("\n".join(problems))
    return agents


def _report_repeated_ids(files: list[_AgentDocument]) -> None:
    first: dict[str, str] = {}
    for file in files:
        for index, agent_id in file.strings_of("id"):
            location: Location = ("agent", index, "id")
            if agent_id in first:
                file.add_problem(location, f"already used in {first[agent_id]}; ids are unique.")
            else:
                first[agent_id] = f"{file.source}:{file.line(location)}"


class _AgentFile(Frozen):
    """The whole of an agent file."""

    agent: tuple[Agent, ...] = ()


class _AgentDocument(Document):
    """One agent file; its messages name the agent that they are about."""

    def __init__(self, source: str) -> None:
        super().__init__(source, _AgentFile, forms=_FORMS)

    def validate_agents(self, strategies: Collection[str]) -> list[Agent]:
        """Return the valid agents of the file and report everything else in it."""
        if self.report():
            return []
        self.data = _tuples(self.data)
        self.table((), _AgentFile)
        agents = [agent for _, agent in self.entries(("agent",), Agent)]
        for index, raw in enumerate(self._raw_agents()):
            # pydantic calls a model's own validator only when all fields are valid; the report should be complete.
            if isinstance(raw, dict) and ("signer_uuid" in raw) == ("signer_uuid_env" in raw):
                self.add_problem(("agent", index), f"expected {ONE_SIGNER}.")
        for index, name in self.strings_of("strategy") if strategies else ():
            if name not in strategies:
                near = difflib.get_close_matches(name, strategies, 1)
                hint = f"; did you mean {near[0]!r}?" if near else "."
                expected = ", ".join(sorted(strategies))
                self.add_problem(("agent", index, "strategy"), f"expected one of {expected}; got {shown(name)}{hint}")
        if not agents and not self.report():
            self.add_file_problem("no agent in it; a line [[agent]] begins one.")
        return agents

    def strings_of(self, key: str) -> Iterator[tuple[int, str]]:
        """Yield position and value of every agent, valid or not, that has a string under `key`."""
        for index, raw in enumerate(self._raw_agents()):
            if isinstance(raw, dict) and isinstance(raw.get(key), str):
                yield index, raw[key]

    def name_of(self, location: Location) -> str:
        """Return the name of a location in messages, with the id of its agent."""
        if len(location) < 2 or not isinstance(location[1], int):
            return dotted(location)
        raw = self._raw_agents()[location[1]]
        agent_id = raw.get("id") if isinstance(raw, dict) else None
        is_fit = isinstance(agent_id, str) and agent_id != "" and not looks_secret(agent_id)
        agent = f"agent {shown(agent_id) if is_fit else location[1] + 1}"
        return f"{agent}, {dotted(location[2:])}" if len(location) > 2 else agent

    def _raw_agents(self) -> tuple[Any, ...]:
        tables = self.data.get("agent")
        return tables if isinstance(tables, tuple) else ()


def _tuples(value: Any) -> Any:
    """Return `value` with tuples for lists, as the models hold them; the parameters of skills keep their lists."""
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: item if key == "params" else _tuples(item) for key, item in value.items()}
    return value


def _agent_toml(agent: Agent, with_secrets: bool) -> str:
    tables: dict[str, Any] = agent.model_dump()
    skills = tables.pop("skills")
    subtables = {key: tables.pop(key) for key, value in list(tables.items()) if isinstance(value, dict)}
    withheld = agent.signer_uuid is not None and not with_secrets
    if withheld:
        tables["signer_uuid"] = None
    blocks = [table_text("[[agent]]", tables)]
    if withheld:
        blocks[0] += "# signer_uuid is withheld; put it back, or name a variable with signer_uuid_env.\n"
    blocks += [table_text(f"[agent.{key}]", value) for key, value in subtables.items()]
    blocks += [table_text("[[agent.skills]]", skill) for skill in skills]
    return "\n".join(blocks)
