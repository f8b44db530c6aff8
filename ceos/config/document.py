"""Reading documents: the tables of a file become models, and all its mistakes become one report with line numbers.

    document = Document("chain.toml", ChainConfig)
    document.load_file(path)
    policy = document.table(("policy",), Policy)     # None if it is not valid
    document.report()    # ["chain.toml:9: policy.max_etH: unknown key; did you mean 'max_eth'?", …]

Agent files, `chain.toml` and the manifests of skills are read with it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ceos.config.messages import clear_key, dotted, names, wrong_value
from ceos.config.toml import Location, TomlError, line_numbers, load

Model = TypeVar("Model", bound=BaseModel)


class UnreadableFile(Exception):
    """A file is not text that can be read; `line` is 0 if the reason concerns the whole file."""

    def __init__(self, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.line = line


class MissingFile(UnreadableFile):
    """There is no file at a path."""


def read_text(path: Path, max_bytes: int | None = None) -> str:
    """Return the text of a UTF-8 file with plain line ends, or raise `UnreadableFile`."""
    try:
        with path.open("rb") as stream:
            data = stream.read() if max_bytes is None else stream.read(max_bytes + 1)
    except FileNotFoundError:
        raise MissingFile("there is no such file.") from None
    except IsADirectoryError:
        raise UnreadableFile("is a folder; name a file in it.") from None
    except (OSError, RuntimeError) as error:
        cause = getattr(error, "strerror", None) or type(error).__name__
        raise UnreadableFile(f"cannot be read: {cause}.") from None
    if max_bytes is not None and len(data) > max_bytes:
        raise UnreadableFile(f"expected at most {max_bytes // 1024} KiB; it is longer.")
    if b"\0" in data:
        raise UnreadableFile("has a zero byte; it is not a text file.", data.count(b"\n", 0, data.index(b"\0")) + 1)
    try:
        return data.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableFile("not UTF-8; save the file with that encoding.", line) from None


class Table(NamedTuple):
    """A table that a document may have."""

    #: The keys it may have.
    keys: tuple[str, ...]
    #: True if there may be several of it, under `[[…]]`.
    is_list: bool


def _tables(model: type[BaseModel], path: tuple[str, ...] = (), is_list: bool = False) -> Iterator[tuple[Any, Table]]:
    """Yield path and description of the table of a model and of all tables in it."""
    yield path, Table(tuple(model.model_fields), is_list)
    for name, field in model.model_fields.items():
        for inner, is_inner_list in _models(field.annotation):
            yield from _tables(inner, (*path, name), is_inner_list)


def _models(annotation: Any, is_list: bool = False) -> Iterator[tuple[type[BaseModel], bool]]:
    """Yield the models in a field's annotation, each with whether it stands in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, is_list
    for part in get_args(annotation):
        yield from _models(part, is_list or get_origin(annotation) is tuple)


class Document:
    """The data of one file, and every problem found in it."""

    def __init__(
        self,
        source: str,
        model: type[BaseModel],
        *,
        forms: Mapping[str, str] | None = None,
        hidden: Collection[str] = (),
    ) -> None:
        #: The name of the file in messages.
        self.source = source
        #: The data as its author wrote it; empty until it is loaded, and if it cannot be.
        self.data: dict[str, Any] = {}
        self._model = model
        #: A description of what a pattern expects, by key.
        self._forms = forms or {}
        #: Fields of the model that are not keys of the file.
        self._hidden = hidden
        #: Line number and message; line 0 sorts problems of the whole file first.
        self._problems: list[tuple[int, str]] = []
        self._find_lines: Callable[[], Mapping[Location, int]] = dict
        self._is_toml = True

    # Loading

    def load_file(self, path: Path) -> bool:
        """Load the TOML file at `path` and return True if there is one; a problem with it is kept for the report."""
        try:
            self.load_toml(read_text(path))
        except UnreadableFile as error:
            self.add_file_problem(str(error), error.line)
            return not isinstance(error, MissingFile)
        return True

    def load_toml(self, text: str) -> None:
        """Load the data of a TOML text; a syntax error is kept for the report."""
        self._find_lines = lambda: line_numbers(text)
        try:
            self.data = load(text)
        except TomlError as error:
            self.add_file_problem(f"not valid TOML: {error}.", error.line)

    def load_data(self, data: dict[str, Any], find_lines: Callable[[], Mapping[Location, int]]) -> None:
        """Take data that was not written in TOML, and a function that returns the lines of its keys."""
        self.data, self._find_lines, self._is_toml = data, find_lines, False

    # Problems

    def add_problem(self, location: Location, sentence: str) -> None:
        """Report what is wrong at `location`."""
        line, name = self.line(location), self.name_of(location)
        self._problems.append((line, f"{self.source}:{line}: {f'{name}: ' if name else ''}{sentence}"))

    def add_file_problem(self, sentence: str, line: int = 0, *, file: Path | None = None) -> None:
        """Report what is wrong with the whole file, or with one of its lines; `file` if it is another one."""
        self._problems.append((line, f"{file or self.source}{f':{line}' if line else ''}: {sentence}"))

    def report(self) -> list[str]:
        """Return all problems in the order of their lines, each once."""
        return list(dict.fromkeys(message for _, message in sorted(self._problems, key=lambda problem: problem[0])))

    def line(self, location: Location) -> int:
        """Return the line of `location`, or of the nearest table around it."""
        steps = range(len(location), -1, -1)
        return next((self._lines[location[:n]] for n in steps if location[:n] in self._lines), 1)

    def name_of(self, location: Location) -> str:
        """Return the name of a location in messages."""
        return dotted(location)

    @cached_property
    def _lines(self) -> Mapping[Location, int]:
        return self._find_lines()

    # Tables

    def entries(self, keys: tuple[str, ...], model: type[Model]) -> list[tuple[Location, Model]]:
        """Return the valid ones of a list of tables with their locations, and report what is wrong with the others."""
        raw = self._at(keys)
        if raw is not None and not isinstance(raw, list | tuple):
            self.add_problem(keys, self._list_expected(keys))
        entries: list[tuple[Location, Model]] = []
        for index, item in enumerate(raw if isinstance(raw, list | tuple) else ()):
            location: Location = (*keys, index)
            if (entry := self.validate(location, item, model)) is not None:
                entries.append((location, entry))
        return entries

    def table(self, keys: tuple[str, ...], model: type[Model]) -> Model | None:
        """Return a table without the tables in it, or report what is wrong with it and return None."""
        raw = self._at(keys)
        if isinstance(raw, dict):
            raw = {key: value for key, value in raw.items() if (*keys, key) not in self._tables}
        return self.validate(keys, {} if raw is None else raw, model)

    def validate(self, location: Location, raw: Any, model: type[Model]) -> Model | None:
        """Return the data at `location` as a model, or report what is wrong with it and return None."""
        try:
            return model.model_validate(raw, strict=True)
        except ValidationError as error:
            reported: set[Location] = set()
            for detail in error.errors():
                place = (*location, *_as_written(detail["loc"], raw))
                # A list whose entries all failed is also reported as too short, and a value that may be of several
                # types fails each of them; the first message is enough.
                is_consequence = detail["type"] in ("too_short", "literal_error") and isinstance(
                    detail["input"], list | tuple
                )
                if place not in reported and not (is_consequence and detail["input"]):
                    reported.add(place)
                    self.add_detail(place, detail)
            return None

    def add_detail(self, location: Location, detail: Any) -> None:
        """Report one error of pydantic, in our words."""
        keys = names(location)
        if detail["type"] == "missing":
            is_table = keys in self._tables and self._is_toml
            words = f"required table is missing; add {self._header(keys)}." if is_table else "required key is missing."
        elif detail["type"] == "extra_forbidden":
            words = self._unknown_key(keys[-1], keys[:-1])
        elif detail["type"] == "tuple_type" and self._is_toml and keys in self._tables:
            words = self._list_expected(keys)
        else:
            words = wrong_value(location, detail, self._forms)
        self.add_problem(location, words)

    @cached_property
    def _tables(self) -> dict[tuple[str, ...], Table]:
        tables = dict(_tables(self._model))
        root = tables[()]
        return {**tables, (): root._replace(keys=tuple(key for key in root.keys if key not in self._hidden))}

    def _at(self, keys: tuple[str, ...]) -> Any:
        node: Any = self.data
        for key in keys:
            node = node.get(key) if isinstance(node, dict) else None
        return node

    def _list_expected(self, keys: tuple[str, ...]) -> str:
        return f"expected a list of tables; write {self._header(keys)} with two brackets."

    def _header(self, keys: tuple[str, ...]) -> str:
        name = ".".join(keys)
        return f"[[{name}]]" if self._tables[keys].is_list else f"[{name}]"

    def _unknown_key(self, key: str, table: tuple[str, ...]) -> str:
        """Return the sentence for a key that does not belong in `table`."""
        known = self._tables[table].keys
        homes = [home for home, other in self._tables.items() if home != table and key in other.keys]
        near = difflib.get_close_matches(key, known, n=1)
        if near and len(homes) != 1:
            return f"unknown key; did you mean {near[0]!r}?"
        if homes:
            top = "at the top, before the first table" if self._is_toml else "at the top"
            places = " or ".join(f"in {self._header(home)}" if home else top for home in homes)
            return f"unknown key here; it belongs {places}."
        return f"unknown key; known here: {', '.join(map(clear_key, known))}."


def _as_written(location: Location, raw: Any) -> Location:
    """Return a location of pydantic as the file has it.

    Pydantic also names the choices of a union, and positions in lists that a validator made of a single value.
    """
    steps: list[str | int] = []
    node: Any = raw
    for step in location:
        if isinstance(step, str) and isinstance(node, dict):
            node = node.get(step)
        elif isinstance(step, int) and isinstance(node, list | tuple):
            node = node[step]
        else:
            continue
        steps.append(step)
    return tuple(steps)
