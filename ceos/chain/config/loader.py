"""Loads `chain.toml` and reports every mistake at once, each with its line and its remedy.

    chain.toml:9: policy.allow[0].max_amuont: unknown key; did you mean 'max_amount'?
    chain.toml:9: policy.allow[0].amount: transfer moves tokens; name its argument with amount, and the limit …

This module validates single tables; `checks.py` checks them against each other.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from ceos.chain.config.checks import Entries, check
from ceos.chain.config.models import (
    X402,
    Allow,
    ChainConfig,
    ContractEntry,
    CreatorScore,
    Offer,
    PaymentHost,
    TxPolicy,
)
from ceos.config.messages import clear_key, dotted, names, wrong_value
from ceos.config.toml import Location, TomlError, line_numbers, load
from ceos.domain.base import Frozen
from ceos.domain.chain_event import Subscription
from ceos.errors import InvalidInput
from ceos.evm.types import BASE

Model = TypeVar("Model", bound=Frozen)

#: The tables of the file, by their keys.
_TABLES: Mapping[tuple[str, ...], type[Frozen]] = {
    (): ChainConfig,
    ("contract",): ContractEntry,
    ("subscription",): Subscription,
    ("policy",): TxPolicy,
    ("policy", "allow"): Allow,
    ("x402",): X402,
    ("x402", "allow"): PaymentHost,
    ("x402", "offer"): Offer,
    ("creator_score",): CreatorScore,
}
#: The tables that may occur many times.
_LISTS = (("contract",), ("subscription",), ("policy", "allow"), ("x402", "allow"), ("x402", "offer"))

#: Sentences for keys whose pattern is hard to read.
_FORMS = {
    "name": "1 to 32 lower-case letters, digits, '-' or '_', the first a letter or digit",
    "host": "the name of a host in lower case, without https:// and path, such as 'api.example.org'",
    "agent": "an agent's id",
    "agents": "an agent's id",
    "anchor": "an agent's id",
}


def load_chain(path: Path, agents: Collection[str] | None = None, *, chain_id: int = BASE) -> ChainConfig:
    """Return the content of `chain.toml`, or raise `InvalidInput` with all its mistakes.

    A missing file counts as empty: nothing is followed, sold or signed. With the ids of the known `agents`, an unknown
    agent is a mistake as well. `chain_id` decides which contracts are built in.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ChainConfig()
    except IsADirectoryError:
        raise InvalidInput(f"{path}: is a folder; CEOS_CHAIN_FILE must name a TOML file.") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{path}: not UTF-8; save the file with that encoding.") from None
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror or type(error).__name__}.") from None
    document = _Document(str(path), text)
    entries = document.entries()
    for location, sentence in check(entries, path.parent, agents, chain_id):
        document.complain(location, sentence)
    if problems := document.report():
        raise InvalidInput("\n".join(problems))
    return entries.config()


class _Document:
    """One file: its tables and their mistakes."""

    def __init__(self, source: str, text: str) -> None:
        self._source = source
        self._text = text.removeprefix("\ufeff").replace("\r\n", "\n")
        self._problems: list[tuple[int, str]] = []
        try:
            self._data = load(self._text)
        except TomlError as error:
            raise InvalidInput(f"{source}:{error.line}: not valid TOML: {error}.") from None

    def report(self) -> list[str]:
        """Return all problems in the order of their lines, each once: the functions of one rule share many."""
        return list(dict.fromkeys(message for _, message in sorted(self._problems, key=lambda problem: problem[0])))

    def complain(self, location: Location, sentence: str) -> None:
        """Record a mistake at `location`."""
        steps = range(len(location), 0, -1)
        line = next((self._lines[location[:n]] for n in steps if location[:n] in self._lines), 1)
        self._problems.append((line, f"{self._source}:{line}: {dotted(location)}: {sentence}"))

    def entries(self) -> Entries:
        """Return the tables that are valid by themselves; record the mistakes of the others."""
        return Entries(
            root=self._table((), ChainConfig),
            contracts=self._list(("contract",), ContractEntry),
            subscriptions=self._list(("subscription",), Subscription),
            policy=self._table(("policy",), TxPolicy),
            allows=self._list(("policy", "allow"), Allow),
            x402=self._table(("x402",), X402),
            hosts=self._list(("x402", "allow"), PaymentHost),
            offers=self._list(("x402", "offer"), Offer),
            creator_score=self._table(("creator_score",), CreatorScore) if "creator_score" in self._data else None,
            written=frozenset(self._data),
            named=frozenset(name for table in self._tables(("contract",)) if isinstance(name := _name_of(table), str)),
        )

    @cached_property
    def _lines(self) -> dict[Location, int]:
        return line_numbers(self._text)

    def _at(self, keys: tuple[str, ...]) -> Any:
        node: Any = self._data
        for key in keys:
            node = node.get(key) if isinstance(node, dict) else None
        return node

    def _tables(self, keys: tuple[str, ...]) -> list[Any]:
        raw = self._at(keys)
        return raw if isinstance(raw, list) else []

    def _list(self, keys: tuple[str, ...], model: type[Model]) -> list[tuple[Location, Model]]:
        """Return the valid tables of a list, each with its location."""
        if self._at(keys) is not None and not isinstance(self._at(keys), list):
            self.complain(keys, f"expected a list of tables; write [[{'.'.join(keys)}]] with two brackets.")
        found: list[tuple[Location, Model]] = []
        for index, item in enumerate(self._tables(keys)):
            at: Location = (*keys, index)
            entry = self._model(at, item, model)
            if entry is not None:
                found.append((at, entry))
        return found

    def _table(self, keys: tuple[str, ...], model: type[Model]) -> Model | None:
        """Return a table without its inner tables, which are validated separately."""
        raw = self._at(keys)
        inner = {table[-1] for table in _TABLES if table and table[:-1] == keys}
        if isinstance(raw, dict):
            raw = {key: value for key, value in raw.items() if key not in inner}
        return self._model(keys, {} if raw is None else raw, model)

    def _model(self, location: Location, raw: Any, model: type[Model]) -> Model | None:
        try:
            return model.model_validate(raw, strict=True)
        except ValidationError as error:
            reported: set[Location] = set()
            for detail in error.errors():
                where = (*location, *_as_written(detail["loc"], raw))
                # A union of types yields one error for each; the first is enough.
                is_other_type = detail["type"] == "literal_error" and isinstance(detail["input"], tuple)
                if where not in reported and not is_other_type:
                    reported.add(where)
                    self.complain(where, _sentence(where, detail))
            return None


def _name_of(table: Any) -> Any:
    return table.get("name") if isinstance(table, dict) else None


def _as_written(location: Location, raw: Any) -> Location:
    """Return `location` without the names that pydantic gives to the members of a union."""
    steps: list[str | int] = []
    node: Any = raw
    for step in location:
        is_key = isinstance(node, dict) and isinstance(step, str)
        if is_key or (isinstance(node, list | tuple) and isinstance(step, int)):
            steps.append(step)
            node = node.get(step) if isinstance(node, dict) else node[int(step)]
    return tuple(steps)


def _sentence(location: Location, detail: Any) -> str:
    if detail["type"] == "missing":
        return "required key is missing."
    if detail["type"] == "extra_forbidden":
        return _unknown_key(str(location[-1]), names(location[:-1]))
    return wrong_value(location, detail, _FORMS)


def _unknown_key(key: str, table: tuple[str, ...]) -> str:
    known = list(_TABLES[table].model_fields)
    if near := difflib.get_close_matches(key, known, n=1):
        return f"unknown key; did you mean '{near[0]}'?"
    for home, model in _TABLES.items():
        if home != table and key in model.model_fields:
            return f"unknown key here; it belongs in {_header(home)}."
    return f"unknown key; known here: {', '.join(map(clear_key, known))}."


def _header(table: tuple[str, ...]) -> str:
    if not table:
        return "the top of the file, before the first table"
    name = ".".join(table)
    return f"[[{name}]]" if table in _LISTS else f"[{name}]"
