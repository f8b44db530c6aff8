"""Skills on disk: a folder with `skill.toml` and `skill.py`, or one file with a literal `SKILL = {…}`.

    skill = read_skill("rss-headlines")
    skills = read_skills("skills/")    # all skills of a folder

Nothing here runs or imports the files it reads. Every mistake of a manifest is reported with its line.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from ceos.config.document import Document, UnreadableFile, read_text
from ceos.config.toml import Location
from ceos.errors import InvalidInput
from ceos.sandbox.wire import SOURCE_BYTES
from ceos.skills.skill import INCONSISTENT, Skill, inconsistencies

MANIFEST = "skill.toml"
SOURCE = "skill.py"

#: The size of the longest skill.toml.
MAX_MANIFEST_BYTES = 64 * 1024

#: Fields of `Skill` that are not keys of a manifest.
_NOT_KEYS = ("source", "path")
#: The forms of keys whose pattern is hard to read.
_FORMS = {
    "name": "1 to 40 lower-case letters, digits or '-', the first a letter",
    "version": "a version such as '1.0.0' or '1.1rc1'",
}
#: A coding line as Python reads it, on one of the first two lines.
_CODING = re.compile(r"\A(?:[ \t\f]*(?:#.*)?\n)?[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_LITERAL = re.compile(r"^SKILL[ \t]*(?::[^=\n]+)?=[ \t]*\{", re.MULTILINE)


def read_skill(path: Path | str) -> Skill:
    """Return the skill in a folder or single file, or raise `InvalidInput` with all its mistakes."""
    document = SkillDocument.load(Path(path))
    skill = document.skill()
    return _valid(skill, document.report())


def read_skills(path: Path | str) -> list[Skill]:
    """Return the skills at a path, by name: a skill's folder, a single file, or a folder of them.

    Other files and folders are ignored. Raises `InvalidInput` with all mistakes of all skills.
    """
    documents = [SkillDocument.load(place) for place in skill_places(Path(path))]
    found = sorted(filter(None, [document.skill() for document in documents]), key=lambda skill: skill.name)
    problems = [problem for document in documents for problem in document.report()]
    for one, other in pairwise(found):
        if one.name == other.name:
            problems.append(f"{other.path}: name: {one.name!r} is already the name of {one.path}; rename one of them.")
    if problems:
        raise InvalidInput("\n".join(problems))
    return found


def skill_of_text(text: str, label: str = "source") -> Skill | None:
    """Return the skill whose manifest is in its source, or None if it has none; messages call the text `label`."""
    if not _has_manifest(text):
        return None
    document = SkillDocument(Path(label))
    document.source_text = text
    if len(text.encode("utf-8", "replace")) > SOURCE_BYTES:
        document.add_file_problem(f"expected at most {SOURCE_BYTES // 1024} KiB; it is longer.")
    else:
        document.load_literal(text)
    skill = document.skill()
    return _valid(skill, document.report()).model_copy(update={"path": ""})


def read_source(path: Path) -> str:
    """Return the text of a source that needs no manifest; raises `InvalidInput` if it cannot be read."""
    try:
        return _read_source_text(path, None, SOURCE_BYTES)
    except UnreadableFile as error:
        raise InvalidInput(f"{path}{f':{error.line}' if error.line else ''}: {error}") from None


def is_skill_file(path: Path | str) -> bool:
    """Return True if a Python file has a literal `SKILL = {…}`; the file is not run."""
    try:
        return _has_manifest(_read_source_text(Path(path), None, None))
    except UnreadableFile:
        return False


def skill_places(path: Path) -> Iterator[Path]:
    """Yield the paths of the skills at a path: the path itself, or the skills in the folder."""
    if not path.is_dir() or (path / MANIFEST).exists() or (path / SOURCE).exists():
        yield path
        return
    for entry in sorted(path.iterdir()):
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            is_skill = (entry / MANIFEST).exists() or (entry / SOURCE).exists()
        else:
            is_skill = entry.suffix == ".py" and is_skill_file(entry)
        if is_skill and _leaves(entry, path):
            raise InvalidInput(f"{entry}: is a link that leads out of its folder; put the skill itself there.")
        if is_skill:
            yield entry


class SkillDocument(Document):
    """A skill as its author wrote it: the manifest, the source, and every problem found in them."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), Skill, forms=_FORMS, hidden=_NOT_KEYS)
        self.path = path
        self.source_text = ""
        self._is_folder = False

    @classmethod
    def load(cls, path: Path) -> SkillDocument:
        """Return the skill in a folder or single file; problems are kept for its report."""
        document = cls(path)
        if path.is_dir():
            document._load_folder()
        elif not path.exists():
            document.add_file_problem("there is no such file or folder.")
        elif (text := document._read(path, path.parent, SOURCE_BYTES)) is not None:
            document.source_text = text
            document.load_literal(text)
        return document

    def skill(self) -> Skill | None:
        """Return the skill, or report every reason why it is not valid and return None."""
        if not self.data:
            return None
        for key in [key for key in _NOT_KEYS if key in self.data]:
            self.add_problem((key,), "unknown key; the source is a file of its own.")
        # A source that cannot be read has been reported; the manifest is validated all the same.
        data = {**self.data, "source": self.source_text or "-", "path": str(self.path)}
        skill = self.validate((), data, Skill)
        if skill is None:
            for place, words in inconsistencies(data):
                self.add_problem(place, words)
        elif self._is_folder and skill.name != (name := self.path.resolve().name):
            self.add_problem(("name",), f"expected {name!r}, the name of its folder; got {skill.name!r}.")
        return skill

    def add_detail(self, location: Location, detail: Any) -> None:
        """Report one error of pydantic, unless it is one that `skill` reports with its own location."""
        if detail["type"] != INCONSISTENT:
            super().add_detail(location, detail)

    def load_literal(self, source: str) -> None:
        """Load the manifest from the literal `SKILL = {…}` of a source; a problem with it is kept for the report."""
        try:
            node = _manifest_node(source)
            self.load_data(_evaluated(node), lambda: _node_lines(node))
        except SyntaxError as error:
            self.add_file_problem(f"not valid Python: {error.msg}.", error.lineno or 1)
        except UnreadableFile as error:
            self.add_file_problem(str(error), error.line)

    def _load_folder(self) -> None:
        self._is_folder, self.source = True, str(self.path / MANIFEST)
        manifest = self._read(self.path / MANIFEST, self.path, MAX_MANIFEST_BYTES)
        source = self._read(self.path / SOURCE, self.path, SOURCE_BYTES)
        self.source_text = source or ""
        if manifest is not None:
            self.load_toml(manifest)
            if not self.data and not self.report():
                self.add_file_problem("is empty; it needs at least name, version, summary and stage.")
        if source is not None and not source.strip():
            self.add_file_problem("is empty; it needs a function run(ctx, params).", file=self.path / SOURCE)

    def _read(self, file: Path, folder: Path, max_bytes: int) -> str | None:
        try:
            return _read_source_text(file, folder, max_bytes)
        except UnreadableFile as error:
            self.add_file_problem(str(error), error.line, file=file)
            return None


def _valid(skill: Skill | None, problems: list[str]) -> Skill:
    if problems or skill is None:
        raise InvalidInput("\n".join(problems))
    return skill


def _read_source_text(file: Path, folder: Path | None, max_bytes: int | None) -> str:
    """Return the text of one of a skill's files, which must lie in `folder`, or raise `UnreadableFile`."""
    try:
        if folder is not None and _leaves(file, folder):
            raise UnreadableFile("is a link that leads out of its folder; put the file itself there.")
        is_missing = not file.exists()
        # Anything but a file, such as a pipe, might never end.
        if not is_missing and not file.is_file():
            raise UnreadableFile("is not a file.")
    except (OSError, RuntimeError) as error:
        raise UnreadableFile(f"cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}.") from None
    if is_missing and folder is not None:
        raise UnreadableFile(f"is missing; a skill's folder holds {MANIFEST} and {SOURCE}.")
    text = read_text(file, max_bytes)
    coding = _CODING.match(text) if file.suffix == ".py" else None
    if coding and coding[1].lower().replace("_", "-") not in ("utf-8", "utf8", "utf-8-sig"):
        raise UnreadableFile(f"says it is {coding[1]}; save it as UTF-8 and remove that line.", 1)
    return text


def _leaves(path: Path, folder: Path) -> bool:
    """Return True if a path leads out of `folder`, by a symbolic link."""
    return not path.resolve().is_relative_to(folder.resolve())


def _has_manifest(text: str) -> bool:
    try:
        return any(isinstance(node, ast.Dict) for node in _literals(text))
    except (SyntaxError, UnreadableFile):
        # The mistake is reported when the file is read as a skill.
        return _LITERAL.search(text) is not None


def _literals(source: str) -> list[ast.expr]:
    """Return the values that a source assigns to `SKILL` at its top level, unevaluated."""
    try:
        # Python prints warnings about odd literals; they concern the author of the skill only.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (RecursionError, MemoryError):
        raise UnreadableFile("nested too deeply to be read.") from None
    except ValueError as error:
        raise UnreadableFile(f"not valid Python: {error}.") from None
    found: list[ast.expr] = []
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        is_named = any(isinstance(target, ast.Name) and target.id == "SKILL" for target in targets)
        if is_named and isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            found.append(statement.value)
    return found


def _manifest_node(source: str) -> ast.expr:
    """Return the one literal that a source assigns to `SKILL`, or raise `UnreadableFile` or `SyntaxError`."""
    nodes = _literals(source)
    if not nodes:
        raise UnreadableFile("no manifest in it; begin it with a literal SKILL = {…}.")
    if len(nodes) > 1:
        raise UnreadableFile("SKILL is assigned twice; keep one.", nodes[1].lineno)
    return nodes[0]


def _evaluated(node: ast.expr) -> dict[str, Any]:
    """Return the data of a literal with lists for tuples, as TOML would have it; raises `UnreadableFile`."""
    try:
        data = ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, MemoryError):
        line = next((getattr(part, "lineno", 1) for part in ast.walk(node) if not _is_literal(part)), node.lineno)
        sentence = "SKILL: expected a literal of strings, numbers, lists and tables; it is read, never run."
        raise UnreadableFile(sentence, line) from None
    if not isinstance(data, dict) or not data or not _has_string_keys(data):
        raise UnreadableFile("SKILL: expected a table {…} whose keys are strings, as in a manifest.", node.lineno)
    return {key: _lists(item) for key, item in data.items()}


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


def _has_string_keys(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _has_string_keys(item) for key, item in value.items())
    return not isinstance(value, list | tuple) or all(_has_string_keys(item) for item in value)


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, list | tuple) else value
