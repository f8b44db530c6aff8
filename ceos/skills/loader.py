"""Skills as they lie on disk: a folder with `skill.toml` and `skill.py`, or one file with a literal `SKILL = {…}`.

Nothing here runs or imports what it reads. A manifest comes out as the plain data its author wrote, with the line of
every key, so that whoever judges it (`ceos.skills.skill`) can say where a mistake is.
"""

from __future__ import annotations

import ast
import difflib
import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ceos.config.toml import Location, TomlError, line_numbers, load
from ceos.errors import InvalidInput
from ceos.sandbox.wire import SOURCE_BYTES
from ceos.skills.params import shown

MANIFEST = "skill.toml"
SOURCE = "skill.py"

#: Longest skill.toml; a longer one is no manifest.
MANIFEST_BYTES = 64 * 1024

_TOO_LONG = "expected at most {} KiB; it is longer."

#: A coding line as Python reads it, on one of the first two lines.
_CODING = re.compile(r"\A(?:[ \t\f]*(?:#.*)?\n)?[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_LITERAL = re.compile(r"^SKILL[ \t]*(?::[^=\n]+)?=[ \t]*\{", re.MULTILINE)


class Written:
    """A skill as its author wrote it: the manifest's data, the source, and everything that is wrong so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data: dict[str, Any] = {}
        self.source = ""
        #: The file that holds the manifest, as messages name it.
        self.manifest = str(path)
        #: Line number and message; line 0 sorts what concerns the whole file first.
        self._problems: list[tuple[int, str]] = []
        self._find_line: Callable[[], Mapping[Location, int]] = dict

    @property
    def is_readable(self) -> bool:
        """Whether there is a manifest to judge."""
        return bool(self.data)

    def report(self) -> list[str]:
        """Return all problems in the order of their lines."""
        return [message for _, message in sorted(self._problems, key=lambda problem: problem[0])]

    def complain(self, location: Location, sentence: str) -> None:
        """Note what is wrong at `location` of the manifest."""
        lines = self._find_line()
        found = (lines[location[:end]] for end in range(len(location), 0, -1) if location[:end] in lines)
        line = next(found, lines.get((), 1))
        name = f"{dotted(location)}: " if location else ""
        self._problems.append((line, f"{self.manifest}:{line}: {name}{sentence}"))

    def complain_of_file(self, file: Path, sentence: str, line: int = 0) -> None:
        """Note what is wrong with a file, or one line of it."""
        self._problems.append((line, f"{file}{f':{line}' if line else ''}: {sentence}"))

    def take_toml(self, file: Path, text: str) -> None:
        """Take the manifest out of a TOML text."""
        self.manifest = str(file)
        self._find_line = lambda: line_numbers(text)
        try:
            self.data = load(text)
        except TomlError as error:
            self.complain_of_file(file, f"not valid TOML: {error}.", error.line)
        else:
            if not self.data:
                self.complain_of_file(file, "is empty; it needs at least name, version, summary and stage.")

    def take_literal(self, file: Path, source: str) -> None:
        """Take the manifest out of the literal `SKILL = {…}` of a source."""
        try:
            nodes = _literals(source)
        except SyntaxError as error:
            return self.complain_of_file(file, f"not valid Python: {error.msg}.", error.lineno or 1)
        except _Unreadable as error:
            return self.complain_of_file(file, f"{error}.")
        if not nodes:
            return self.complain_of_file(file, "no manifest in it; begin it with a literal SKILL = {…}.")
        if len(nodes) > 1:
            return self.complain_of_file(file, "SKILL is assigned twice; keep one.", nodes[1].lineno)
        return self._evaluate(file, nodes[0])

    def _evaluate(self, file: Path, node: ast.expr) -> None:
        self._find_line = lambda: _node_lines(node)
        try:
            data = ast.literal_eval(node)
        except (ValueError, TypeError, RecursionError, MemoryError):
            line = next((getattr(part, "lineno", 1) for part in ast.walk(node) if not _is_literal(part)), node.lineno)
            sentence = "SKILL: expected a literal of texts, numbers, lists and tables; it is read, never run."
            return self.complain_of_file(file, sentence, line)
        if not isinstance(data, dict) or not data or not _has_text_keys(data):
            return self.complain_of_file(
                file, "SKILL: expected a table {…} whose keys are texts, as in a manifest.", node.lineno
            )
        self.data = _lists(data)
        return None


def read_written(path: Path) -> Written:
    """Return the skill at `path`, a folder or a single file, as it is written; problems are kept in it."""
    written = Written(path)
    if not path.is_dir():
        text = _text(written, path, path.parent, SOURCE_BYTES) if path.exists() else None
        if text is not None:
            written.source = text
            written.take_literal(path, text)
        elif not path.exists():
            written.complain_of_file(path, "there is no such file or folder.")
        return written
    manifest = _text(written, path / MANIFEST, path, MANIFEST_BYTES)
    source = _text(written, path / SOURCE, path, SOURCE_BYTES)
    written.source = source or ""
    if manifest is not None:
        written.take_toml(path / MANIFEST, manifest)
    if source is not None and not source.strip():
        written.complain_of_file(path / SOURCE, "is empty; it needs a function run(ctx, params).")
    return written


def written_text(text: str, label: str) -> Written | None:
    """Return the skill in a text that messages call `label`, or None when there is no `SKILL` in it."""
    written = Written(Path(label))
    written.source = text
    if not _has_manifest(text):
        return None
    if len(text.encode("utf-8", "replace")) > SOURCE_BYTES:
        written.complain_of_file(written.path, _TOO_LONG.format(SOURCE_BYTES // 1024))
    else:
        written.take_literal(written.path, text)
    return written


def read_source(path: Path) -> str:
    """Return a source without asking it for a manifest; raises `InvalidInput` when it cannot be read."""
    written = Written(path)
    text = _text(written, path, None, SOURCE_BYTES)
    if text is None:
        raise InvalidInput("\n".join(written.report()))
    return text


def is_skill_file(path: Path | str) -> bool:
    """Say whether a Python file has a literal `SKILL = {…}`, without running it."""
    text = _text(Written(Path(path)), Path(path), None, None)
    return text is not None and _has_manifest(text)


def _has_manifest(text: str) -> bool:
    try:
        return any(isinstance(node, ast.Dict) for node in _literals(text))
    except (SyntaxError, _Unreadable):
        # Whoever reads it as a skill reports what is wrong with it.
        return _LITERAL.search(text) is not None


def leaves(path: Path, folder: Path) -> bool:
    """Say whether a path leads out of `folder`, by a symbolic link."""
    return not path.resolve().is_relative_to(folder.resolve())


class _Unreadable(Exception):
    """Python's parser gave up, for a reason other than its syntax."""


def _text(written: Written, file: Path, folder: Path | None, most: int | None) -> str | None:
    """Return a file's text with plain line ends, or note why it cannot be had."""
    try:
        if folder is not None and leaves(file, folder):
            written.complain_of_file(file, "is a link that leads out of its folder; put the file itself there.")
            return None
        # Anything else, such as a pipe, might never end.
        if file.exists() and not file.is_file():
            written.complain_of_file(file, "is not a file.")
            return None
        with file.open("rb") as stream:
            data = stream.read() if most is None else stream.read(most + 1)
    except FileNotFoundError:
        belongs = file.name in (MANIFEST, SOURCE) and folder is not None
        sentence = (
            f"is missing; a skill's folder holds {MANIFEST} and {SOURCE}." if belongs else "there is no such file."
        )
        written.complain_of_file(file, sentence)
    except (OSError, RuntimeError) as error:
        cause = getattr(error, "strerror", None) or type(error).__name__
        written.complain_of_file(file, f"cannot be read: {cause}.")
    else:
        return _decoded(written, file, data, most)
    return None


def _decoded(written: Written, file: Path, data: bytes, most: int | None) -> str | None:
    if most is not None and len(data) > most:
        written.complain_of_file(file, _TOO_LONG.format(most // 1024))
        return None
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        written.complain_of_file(file, "has a zero byte; it is not a text.", line)
        return None
    try:
        text = data.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        written.complain_of_file(file, "not UTF-8; save the file with that encoding.", line)
        return None
    coding = _CODING.match(text) if file.suffix == ".py" else None
    if coding and coding[1].lower().replace("_", "-") not in ("utf-8", "utf8", "utf-8-sig"):
        written.complain_of_file(file, f"says it is {coding[1]}; save it as UTF-8 and remove that line.", 1)
        return None
    return text


def _literals(source: str) -> list[ast.expr]:
    """Return what a source assigns to `SKILL` at its top level, unevaluated."""
    try:
        # What Python has to say about odd literals concerns their author, and would be printed.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (RecursionError, MemoryError):
        raise _Unreadable("nested too deeply to be read") from None
    except ValueError as error:
        raise _Unreadable(f"not valid Python: {error}") from None
    found: list[ast.expr] = []
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        is_named = any(isinstance(target, ast.Name) and target.id == "SKILL" for target in targets)
        if is_named and isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            found.append(statement.value)
    return found


def _is_literal(node: ast.AST) -> bool:
    kinds = ast.Constant | ast.Dict | ast.List | ast.Tuple | ast.UnaryOp | ast.USub | ast.UAdd | ast.expr_context
    return isinstance(node, kinds)


def _node_lines(node: ast.expr, location: Location = ()) -> dict[Location, int]:
    """Return the line of every key of a literal."""
    lines: dict[Location, int] = {location: node.lineno} if not location else {}
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                lines[(*location, key.value)] = key.lineno
                lines |= _node_lines(value, (*location, key.value))
    elif isinstance(node, ast.List | ast.Tuple):
        for index, item in enumerate(node.elts):
            lines[(*location, index)] = item.lineno
            lines |= _node_lines(item, (*location, index))
    return lines


def _has_text_keys(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _has_text_keys(item) for key, item in value.items())
    return not isinstance(value, list | tuple) or all(_has_text_keys(item) for item in value)


def _lists(value: Any) -> Any:
    """Return a literal's data with lists for its tuples, as TOML would have it."""
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, list | tuple) else value


#: pydantic's error types in our words.
_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "datetime_type": "a moment such as 2026-03-02T09:00:00Z",
    "timezone_aware": "a moment with its zone such as 2026-03-02T09:00:00Z",
    "string_unicode": "a text of whole characters",
    "string_too_short": "a text that is not empty",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least one entry",
    "too_long": "at most {max_length} entries",
    "greater_than": "more than {gt:.10g}",
    "greater_than_equal": "at least {ge:.10g}",
    "less_than_equal": "at most {le:.10g}",
    "finite_number": "a number",
    "literal_error": "{expected}",
    "value_error": "{error}",
}


def sentence(detail: Mapping[str, Any], models: Mapping[str, type[BaseModel]], root: type[BaseModel]) -> str:
    """Return what is wrong, in our words, for one of pydantic's findings; `models` are the tables by their key."""
    kind, location, value = detail["type"], detail["loc"], detail["input"]
    if kind == "missing":
        return "required key is missing."
    if kind == "extra_forbidden":
        table = next((step for step in reversed(location[:-1]) if isinstance(step, str)), "")
        return _unknown_key(str(location[-1]), table, models, root)
    form = _EXPECTED.get(kind)
    expected = form.format(**detail.get("ctx", {})) if form else f"something else ({detail['msg']})"
    # A validator says what it wants, and after a semicolon perhaps what is wrong with this value.
    wanted, _, wrong = expected.partition("; ")
    return f"expected {wanted}; {wrong or f'got {shown(value)}'}."


def _unknown_key(key: str, table: str, models: Mapping[str, type[BaseModel]], root: type[BaseModel]) -> str:
    known = _keys_of(models.get(table, root))
    for home, model in (("", root), *models.items()):
        if home != table and key in _keys_of(model):
            return f"unknown key here; it belongs in [{home}]." if home else "unknown key here; it belongs at the top."
    if near := difflib.get_close_matches(key, known, n=1):
        return f"unknown key; did you mean {near[0]!r}?"
    return f"unknown key; known here: {', '.join(known)}."


def _keys_of(model: type[BaseModel]) -> list[str]:
    return [name for name in model.model_fields if name not in ("source", "path")]


def dotted(location: Location) -> str:
    """Return a location as messages name it, on one line whatever the keys are."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{repr(step[:60])[1:-1]}" for step in location)
    return "".join(steps).removeprefix(".")
