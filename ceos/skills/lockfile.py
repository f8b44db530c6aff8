"""The lock file `skills.lock` in CEOS_HOME: the skills that the operator has allowed.

An entry holds a skill's version, hash and grants. A skill that differs from its entry in any way is not allowed until
the operator allows it again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from ceos.domain.base import Frozen
from ceos.errors import InvalidInput, NotFound
from ceos.skills.grants import Grants
from ceos.skills.skill import Skill, SkillStage

#: The name of the file in CEOS_HOME.
LOCK_FILE = "skills.lock"


class LockEntry(Frozen):
    """The allowed state of one skill."""

    version: str
    #: The hash of manifest and source together; it decides.
    sha256: str
    #: The hash of the source alone; it only shows whether the source changed.
    source_sha256: str
    grants: Grants
    #: The stage of the skill, by which a gate is known that is no longer installed.
    stage: SkillStage | None = None


class _File(Frozen):
    """The whole lock file."""

    format: Literal[1] = 1
    skills: dict[str, LockEntry] = Field(default_factory=dict)


class SkillLock:
    """The lock file; read again after each change, so that a running worker notices a permission at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._guard = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._entries: dict[str, LockEntry] = {}

    def refusal(self, skill: Skill) -> str:
        """Return the reason why a skill is not allowed, with the way out, or an empty string."""
        entry = self.entries().get(skill.name)
        if entry is not None and entry.sha256 == skill.sha256:
            return ""
        way_out = f"with 'ceos skill show {skill.name}' and allow it with 'ceos skill allow {skill.name}'."
        if entry is None:
            return f"Skill {skill.name!r} is not allowed yet; look at it {way_out}"
        changes = "; ".join(_changes(skill, entry))
        return f"Skill {skill.name!r} is not what was allowed: {changes}. Look at it {way_out}"

    def is_gate(self, name: str) -> bool:
        """Say whether a skill, which need not be installed, was allowed as a gate."""
        try:
            entry = self.entries().get(name)
        except InvalidInput:
            return False
        return entry is not None and entry.stage is SkillStage.GATE

    def state(self, skill: Skill) -> str:
        """Return "allowed", "not allowed" or "changed"."""
        entry = self.entries().get(skill.name)
        if entry is None:
            return "not allowed"
        return "allowed" if entry.sha256 == skill.sha256 else "changed"

    def changes(self, skill: Skill) -> list[str]:
        """Return the differences of a skill from its entry; none if it has no entry or is the same."""
        entry = self.entries().get(skill.name)
        return [] if entry is None or entry.sha256 == skill.sha256 else _changes(skill, entry)

    def allow(self, skill: Skill) -> None:
        """Allow a skill exactly as it is now."""
        entry = LockEntry(
            version=skill.version, sha256=skill.sha256, source_sha256=_digest(skill.source), grants=skill.grants,
            stage=skill.stage,
        )  # fmt: skip
        with self._exclusive():
            self._write({**self.entries(), skill.name: entry})

    def forget(self, name: str) -> None:
        """Revoke the permission of a skill; raises `NotFound` if it has none."""
        with self._exclusive():
            entries = self.entries()
            if name not in entries:
                known = ", ".join(sorted(entries)) or "none yet"
                raise NotFound(f"No skill named {name!r} is allowed. Allowed: {known}.")
            self._write({key: entry for key, entry in entries.items() if key != name})

    def entries(self) -> dict[str, LockEntry]:
        """Return the entries by name; raises `InvalidInput` if the file cannot be read."""
        with self._guard:
            try:
                about = self.path.stat()
                # Every change replaces the file, so it has another inode or time.
                seen = (about.st_ino, about.st_mtime_ns, about.st_size)
                if seen != self._seen:
                    self._entries = _parse(self.path.read_bytes())
                    self._seen = seen
            except FileNotFoundError:
                self._entries, self._seen = {}, None
            except OSError as error:
                raise InvalidInput(
                    f"{self.path} cannot be read: {error.strerror}; correct its owner or its permissions."
                ) from error
            except (ValueError, RecursionError) as error:
                raise InvalidInput(
                    f"{self.path} is not a lock file of skills: {_cause(error)}. Correct it, or remove it and allow "
                    "your skills again with 'ceos skill allow'."
                ) from error
            return dict(self._entries)

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Exclude other writing processes, so that two commands at once lose no change."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # The folder is locked instead of the file, because every change replaces the file.
            handle = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)
        except OSError as error:
            raise InvalidInput(f"{self.path} cannot be written: {error.strerror or error}.") from error

    def _write(self, entries: dict[str, LockEntry]) -> None:
        whole = _File(skills=dict(sorted(entries.items())))
        text = json.dumps(whole.model_dump(mode="json", exclude_none=True), indent=2, ensure_ascii=False) + "\n"
        # mkstemp creates the file with access for its owner only, and replacing is atomic.
        handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _parse(data: bytes) -> dict[str, LockEntry]:
    return dict(_File.model_validate(json.loads(data)).skills)


def _cause(error: Exception) -> str:
    if isinstance(error, ValidationError):
        detail: Any = error.errors()[0]
        return f"{'.'.join(map(str, detail['loc'])) or 'the whole'}: {detail['msg']}"
    return " ".join(str(error).split()) or type(error).__name__


def _changes(skill: Skill, entry: LockEntry) -> list[str]:
    """Return the differences of a skill from its entry, the most important first."""
    changes = []
    if wider := skill.grants.exceeds(entry.grants):
        changes.append(f"its grants are wider: {', '.join(wider)}")
    if _digest(skill.source) != entry.source_sha256:
        changes.append(f"its source changed since {entry.version} was allowed")
    if skill.version != entry.version:
        changes.append(f"its version is {skill.version}, and {entry.version} was allowed")
    return changes or [f"its manifest changed since {entry.version} was allowed"]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
