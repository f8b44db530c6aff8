"""TOML beyond `tomllib`: the line of every key, the line of a syntax error, and writing.

line_numbers(text)             # {("agent",): 3, ("agent", 0): 3, ("agent", 0, "id"): 4, …}
table_text("[limits]", limits)  # the table as TOML
"""

from __future__ import annotations

import datetime as dt
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

#: A place in a document: table names, keys, and positions in lists.
Location = tuple[str | int, ...]

#: A longer list is written with one line for each entry.
MAX_ROW_CHARACTERS = 80

LINE_END = "\n"


class TomlError(ValueError):
    """A text is not valid TOML; the message is the reason, `line` the place."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def load(text: str) -> dict[str, Any]:
    """Return the data of a TOML text, or raise `TomlError`."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise TomlError("nested too deeply", 1) from None
    except tomllib.TOMLDecodeError as error:
        cause, _, position = str(error).rpartition(" (at ")
        if found := re.search(r"line (\d+), column (\d+)", position):
            raise TomlError(f"{cause} (column {found[2]})", int(found[1])) from None
        raise TomlError(f"{cause} (at the end of the file)", text.rstrip("\n").count("\n") + 1) from None
    except ValueError:
        # The only other error that tomllib lets through is that of int(), which refuses thousands of digits.
        raise TomlError("a number has too many digits", 1) from None


#: The tokens that decide where a statement ends: whole strings and comments, brackets and line ends.
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:\\.|[^"\\])*"' r"|'[^']*'" r"|#[^\n]*" r"|[\[\]{}\n]", re.DOTALL
)


def line_numbers(text: str) -> dict[Location, int]:
    """Return the line of every table and key of a valid TOML text; keys inside an inline table have none."""
    lines: dict[Location, int] = {}
    table: Location = ()
    lengths: dict[Location, int] = {}
    for line, statement in _statements(text):
        keys = _keys(statement)
        if statement.startswith("["):
            location = table = _table_location(keys, lengths, appends=statement.startswith("[["))
        else:
            location = (*table, *keys)
        for end in range(1, len(location) + 1):
            lines.setdefault(location[:end], line)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield every table header and every `key = value` with the number of its first line."""
    text += "\n"
    line, start, depth = 1, 0, 0
    for token in _TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if token[0] == "\n" and depth == 0:
            statement = text[start : token.start()].strip()
            if statement and not statement.startswith("#"):
                yield line, statement
            line += text.count("\n", start, token.end())
            start = token.end()


def _keys(statement: str) -> list[str]:
    """Return the parts of the dotted key of one statement, unquoted by tomllib."""
    keys = []
    node: Any = tomllib.loads(statement)
    while isinstance(node, dict) and len(node) == 1:
        ((key, node),) = node.items()
        keys.append(key)
    return keys


def _table_location(keys: list[str], lengths: dict[Location, int], *, appends: bool) -> Location:
    """Return the location of a header: in the last entry of every list of tables on the way."""
    location: Location = ()
    for position, key in enumerate(keys, 1):
        location = (*location, key)
        if appends and position == len(keys):
            lengths[location] = lengths.get(location, 0) + 1
        if location in lengths:
            location = (*location, lengths[location] - 1)
    return location


def table_text(header: str, table: Mapping[str, Any]) -> str:
    """Return a table as TOML, without values that are None; raise `TypeError` for a type that TOML does not have."""
    rows = (f"{_key_toml(key)} = {_row_toml(value)}" for key, value in table.items() if value is not None)
    return "\n".join((header, *rows, ""))


def _row_toml(value: Any) -> str:
    """Return a value that has a row of its own: long strings and lists may take several lines."""
    if isinstance(value, str) and "\n" in value:
        return f'"""\n{_escaped(value, keep=LINE_END)}"""'
    row = _toml(value)
    if isinstance(value, list | tuple) and len(row) > MAX_ROW_CHARACTERS:
        return "[\n" + "".join(f"  {_toml(item)},\n" for item in value) + "]"
    return row


def _toml(value: Any) -> str:
    """Return a value on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return f'"{_escaped(value)}"'
        case dt.date() | dt.time():
            return value.isoformat()
        case list() | tuple():
            return f"[{', '.join(_toml(item) for item in value)}]"
        case dict():
            pairs = ", ".join(f"{_key_toml(key)} = {_toml(item)}" for key, item in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
    raise TypeError(f"TOML has no value for {type(value).__name__}")


def _key_toml(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{_escaped(key)}"'


def _escaped(text: str, keep: str = "") -> str:
    """Return `text` escaped for a basic string; all escapes of JSON are also escapes of TOML."""
    escape = re.compile(r'["\\\x00-\x1f\x7f]')
    return escape.sub(lambda match: match[0] if match[0] == keep else _escape(match[0]), text)


def _escape(character: str) -> str:
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]
