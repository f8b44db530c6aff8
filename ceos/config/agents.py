"""Agents from TOML and back: every mistake of every file in one report, each with its line and the way out.

    agents.toml:9: agent 'ada', persona.topcis: unknown key; did you mean 'topics'?
    agents.toml:14: agent 'ada', schedule.timezone: expected an IANA time zone such as 'Europe/Berlin'; got 'Berlin'.

`load_agents` reads files, `parse_agents` reads a text, `export_agents` writes what the two can read.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ceos.config.messages import clear_key, dotted, looks_secret, names, shown, wrong_value
from ceos.config.toml import Location, TomlError, line_numbers, load, table_text
from ceos.domain.agent import ONE_SIGNER, Agent, Engagement, Limits, Models, Persona, SkillUse, Trends
from ceos.domain.base import Frozen
from ceos.domain.schedule import Schedule
from ceos.errors import InvalidInput


def load_agents(paths: Iterable[Path | str], strategies: Collection[str] = ()) -> list[Agent]:
    """Return the agents of all files, in order, or raise `InvalidInput` with all that is wrong in any of them.

    With the names of the known `strategies`, an agent with another one is wrong as well.
    """
    documents = [_read(Path(path)) for path in paths]
    for document in documents if strategies else ():
        document.refuse_strategies_but(strategies)
    return _agents(documents)


def parse_agents(text: str, source: str) -> list[Agent]:
    """Return the agents that `text` describes; messages call it `source`."""
    return _agents([_Document(source, text)])


def export_agents(agents: Iterable[Agent], *, with_secrets: bool = False) -> str:
    """Return a TOML text that `parse_agents` turns into the same agents.

    A literal `signer_uuid` is withheld unless `with_secrets`: a comment takes its place.
    """
    try:
        return "\n".join(_agent_toml(agent, with_secrets) for agent in agents)
    except TypeError as error:
        raise InvalidInput(f"A skill's parameters cannot be written to an agent file: {error}.") from error


def _agents(documents: list[_Document]) -> list[Agent]:
    _refuse_repeated_ids(documents)
    if problems := [line for document in documents for line in document.report()]:
        raise InvalidInput("\n".join(problems))
    return [agent for document in documents for agent in document.agents]


def _refuse_repeated_ids(documents: list[_Document]) -> None:
    first: dict[str, str] = {}
    for document in documents:
        for index, agent_id in document.ids():
            location: Location = ("agent", index, "id")
            if agent_id in first:
                document.complain(location, f"already used in {first[agent_id]}; ids are unique.")
            else:
                first[agent_id] = f"{document.source}:{document.line(location)}"


def _read(path: Path) -> _Document:
    source = str(path)
    try:
        data = path.read_bytes()
        return _Document(source, data.decode("utf-8"))
    except FileNotFoundError:
        return _Document(source, trouble=f"{source}: there is no such file.")
    except IsADirectoryError:
        return _Document(source, trouble=f"{source}: is a folder; name the agent files in it.")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return _Document(source, trouble=f"{source}:{line}: not UTF-8; save the file with that encoding.")
    except OSError as error:
        return _Document(source, trouble=f"{source}: cannot be read: {error.strerror or type(error).__name__}.")


class _Document:
    """One agent file: its agents, and everything that is wrong with it."""

    def __init__(self, source: str, text: str = "", *, trouble: str = "") -> None:
        self.source = source
        self.agents: list[Agent] = []
        self._text = text.removeprefix("\ufeff").replace("\r\n", "\n")
        self._data: dict[str, Any] = {}
        #: Line number and message; line 0 sorts what concerns the whole file first.
        self._problems: list[tuple[int, str]] = []
        if trouble:
            self._problems.append((0, trouble))
        elif self._is_toml():
            self._validate()

    def report(self) -> list[str]:
        """Return all problems in the order of their lines."""
        return [message for _, message in sorted(self._problems, key=lambda problem: problem[0])]

    def ids(self) -> Iterator[tuple[int, str]]:
        """Yield position and id of every agent that has one, valid or not."""
        for index, raw in enumerate(self._tables()):
            if isinstance(raw, dict) and isinstance(raw.get("id"), str):
                yield index, raw["id"]

    def refuse_strategies_but(self, known: Collection[str]) -> None:
        """Complain about every agent whose strategy is not among the known ones."""
        for index, raw in enumerate(self._tables()):
            name = raw.get("strategy") if isinstance(raw, dict) else None
            if isinstance(name, str) and name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"; did you mean {near[0]!r}?" if near else "."
                expected = ", ".join(sorted(known))
                self.complain(("agent", index, "strategy"), f"expected one of {expected}; got {shown(name)}{hint}")

    def line(self, location: Location) -> int:
        """Return the line of `location`, or of the nearest table around it."""
        return next((self._lines[location[:n]] for n in range(len(location), 0, -1) if location[:n] in self._lines), 1)

    def complain(self, location: Location, sentence: str) -> None:
        """Note what is wrong at `location`."""
        line = self.line(location)
        self._problems.append((line, f"{self.source}:{line}: {self._name(location)}: {sentence}"))

    @cached_property
    def _lines(self) -> dict[Location, int]:
        return line_numbers(self._text)

    def _is_toml(self) -> bool:
        try:
            self._data = load(self._text)
        except TomlError as error:
            self._problems.append((error.line, f"{self.source}:{error.line}: not valid TOML: {error}."))
        return not self._problems

    def _validate(self) -> None:
        for key in [key for key in self._data if key != "agent"]:
            self.complain((key,), _unknown_key(key, None))
        if "agent" in self._data and not isinstance(self._data["agent"], list):
            self.complain(("agent",), "expected a list of tables; write [[agent]] with two brackets.")
        for index, raw in enumerate(self._tables()):
            self._validate_agent(index, raw)
        if not self.agents and not self._problems:
            self._problems.append((0, f"{self.source}: no agent in it; a line [[agent]] begins one."))

    def _validate_agent(self, index: int, raw: Any) -> None:
        try:
            self.agents.append(Agent.model_validate(_tuples(raw), strict=True))
        except ValidationError as error:
            # A list whose entries all failed is reported as too short as well.
            details = [item for item in error.errors() if not (item["type"] == "too_short" and item["input"])]
            for detail in details:
                location = _as_written(detail["loc"], raw)
                self.complain(("agent", index, *location), _sentence(location, detail))
            # pydantic asks a model's own validator only once all fields are valid; the report should be whole.
            if isinstance(raw, dict) and ("signer_uuid" in raw) == ("signer_uuid_env" in raw) and details[0]["loc"]:
                self.complain(("agent", index), f"expected {ONE_SIGNER}.")

    def _tables(self) -> list[Any]:
        tables = self._data.get("agent")
        return tables if isinstance(tables, list) else []

    def _name(self, location: Location) -> str:
        if len(location) < 2 or not isinstance(location[1], int):
            return clear_key(str(location[0]))
        raw = self._tables()[location[1]]
        agent_id = raw.get("id") if isinstance(raw, dict) else None
        is_fit = isinstance(agent_id, str) and agent_id != "" and not looks_secret(agent_id)
        agent = f"agent {shown(agent_id) if is_fit else location[1] + 1}"
        return f"{agent}, {dotted(location[2:])}" if len(location) > 2 else agent


def _tuples(value: Any) -> Any:
    """Return `value` with tuples for lists, as the models hold them; the parameters of skills stay as they are."""
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: item if key == "params" else _tuples(item) for key, item in value.items()}
    return value


_TABLES: dict[tuple[str, ...], type[Frozen]] = {
    (): Agent,
    ("persona",): Persona,
    ("schedule",): Schedule,
    ("models",): Models,
    ("limits",): Limits,
    ("engagement",): Engagement,
    ("trends",): Trends,
    ("skills",): SkillUse,
}

#: Keys whose pattern says less than a sentence.
_EXPECTED_FORM = {
    "id": "1 to 32 lower-case letters, digits, '-' or '_', the first a letter or digit",
    "signer_uuid_env": "the name of an environment variable",
    "channel": "a channel's id: 1 to 16 lower-case letters, digits or '-'",
    "channels": "a channel's id: 1 to 16 lower-case letters, digits or '-'",
}


def _sentence(location: Location, detail: Mapping[str, Any]) -> str:
    """Return what is wrong, in our words, for one of pydantic's findings."""
    if detail["type"] == "missing":
        is_table = (location[-1],) in _TABLES
        return f"required table is missing; add [agent.{location[-1]}]." if is_table else "required key is missing."
    if detail["type"] == "extra_forbidden":
        return _unknown_key(str(location[-1]), names(location[:-1]))
    return wrong_value(location, detail, _EXPECTED_FORM)


def _unknown_key(key: str, table: tuple[str, ...] | None) -> str:
    """Return the sentence for a key that nobody knows in `table` (None: outside of any agent)."""
    known = ["agent"] if table is None else list(_TABLES[table].model_fields)
    for home, model in _TABLES.items():
        if home != table and key in model.model_fields:
            return f"unknown key here; it belongs in {_header(home)}."
    if near := difflib.get_close_matches(key, known, n=1):
        return f"unknown key; did you mean '{near[0]}'?"
    return f"unknown key; known here: {', '.join(known)}."


def _header(table: tuple[str, ...]) -> str:
    return {(): "[[agent]]", ("skills",): "[[agent.skills]]"}.get(table, f"[agent.{'.'.join(table)}]")


def _as_written(location: Location, raw: Any) -> Location:
    """Return `location` without positions in lists that the file does not have: one cron expression may stand alone."""
    steps: list[str | int] = []
    node: Any = raw
    for step in location:
        if isinstance(step, int):
            if not isinstance(node, list):
                continue
            node = node[step]
        else:
            node = node.get(step) if isinstance(node, dict) else None
        steps.append(step)
    return tuple(steps)


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
