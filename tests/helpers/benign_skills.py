"""The skills in `tests/benign`, written as ordinary authors write them, with the result that each must return.

A file is a plain skill. At its end, comments hold JSON: `params`, the `grants` it has, the `ctx` it meets (the
attributes of `ctx`, `now`, and the `answers` of what it calls), and what it `returns`.
"""

import datetime as dt
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "benign"

AGENT = {"name": "Ada", "bio": "Tea and mathematics.", "tone": "dry", "topics": ["tea", "maths"], "avoid": []}
INPUTS = {"agent": AGENT, "topic": "tea", "kind": "original", "draft": None, "recent": [], "limit": 320}


@dataclass(frozen=True)
class BenignSkill:
    """One skill and its one example."""

    name: str
    source: str
    params: dict[str, Any] = field(default_factory=dict)
    grants: tuple[str, ...] = ()
    ctx: dict[str, Any] = field(default_factory=dict)
    returns: Any = None

    @property
    def inputs(self) -> dict[str, Any]:
        """What `ctx` has without any grant."""
        own = {key: value for key, value in self.ctx.items() if key in INPUTS}
        return {**INPUTS, **own}

    @property
    def now(self) -> dt.datetime:
        """The time at which the skill runs."""
        return dt.datetime.fromisoformat(self.ctx.get("now", "2026-03-02T09:00:00+00:00"))

    @property
    def answers(self) -> dict[str, Any]:
        """What the calls of the host return: `http` by address, `llm`, `memory`, `metrics`."""
        return self.ctx.get("answers", {})


def benign_skills() -> list[BenignSkill]:
    """Return every skill of the folder."""
    return [read(path) for path in sorted(FOLDER.glob("*.py"))]


def read(path: Path) -> BenignSkill:
    """Return the skill in a file; the last comment for each word counts."""
    source = path.read_text(encoding="utf-8")
    told: dict[str, Any] = {}
    for line in source.splitlines():
        for word in ("params", "grants", "ctx", "returns"):
            if line.startswith(f"# {word}: "):
                told[word] = json.loads(line.partition(": ")[2])
    told["grants"] = tuple(told.get("grants", ()))
    return BenignSkill(path.stem, source, **told)


class CannedAnswers:
    """The host's side of a skill's calls, with answers written down beforehand."""

    def __init__(self, answers: dict[str, Any], refusal: type[Exception]) -> None:
        self._answers = answers
        self._memory = dict(answers.get("memory", {}))
        self._refusal = refusal

    def http_get(self, url: str) -> dict[str, Any]:
        """Return the page for an address, or refuse."""
        pages = self._answers.get("http", {})
        if url not in pages:
            raise self._refusal(f"{url} does not answer.")
        return {"status": 200, "url": url, "content_type": "text/plain", "text": pages[url]}

    def llm_generate(self, prompt: str, max_tokens: int = 200) -> str:
        """Return the model's answer."""
        return self._answers["llm"]

    def memory_get(self, key: str) -> Any:
        """Return what is kept under a key."""
        return self._memory.get(key)

    def memory_set(self, key: str, value: Any) -> None:
        """Keep a value."""
        self._memory[key] = value

    def metrics(self, days: int = 30) -> list[dict[str, Any]]:
        """Return the numbers of the agent's casts."""
        return self._answers.get("metrics", [])


class InProcessContext:
    """`ctx` for a skill that runs in this process."""

    def __init__(self, skill: BenignSkill, refusal: type[Exception], log: Any = None) -> None:
        answers = CannedAnswers(skill.answers, refusal)
        vars(self).update(skill.inputs, now=skill.now)
        for name in ("http_get", "llm_generate", "memory_get", "memory_set", "metrics"):
            setattr(self, name, getattr(answers, name))
        self.log = log or (lambda text: None)
