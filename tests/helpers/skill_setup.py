"""Skills at work in a test: sources where ceos looks for them, an agent that uses them, and a model of few words."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ceos import testing
from ceos.domain.agent import Agent
from ceos.domain.posts import Kind, SkillRun
from ceos.domain.runs import Run
from ceos.simulator.openrouter.caching import text_of
from ceos.skills.loader import skill_of_text
from ceos.skills.lockfile import LOCK_FILE, SkillLock
from helpers.http_double import HttpDouble

SONNET = "anthropic/claude-sonnet-4"


def skill(name: str, body: str, stage: str = "context", **manifest: Any) -> str:
    """Return the text of a skill in one file; `body` is what its `run(ctx, params)` does."""
    head = {"name": name, "version": "1.0", "summary": f"Does {name}.", "stage": stage, **manifest}
    return f"SKILL = {head!r}\n\n\ndef run(ctx, params):\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n"


PARAMS = {
    "type": "object",
    "properties": {"number": {"type": "integer", "maximum": 100}, "factor": {"type": "integer"}},
    "required": ["number", "factor"],
    "additionalProperties": False,
}
#: A tool that multiplies, and fails for 13.
TIMES = skill(
    "times",
    """
    if params["number"] == 13:
        raise ValueError("thirteen")
    return {"product": params["number"] * params["factor"]}
    """,
    "tool",
    params=PARAMS,
)


class ScriptedOpenRouter:
    """An OpenRouter that gives one prepared answer to each request and remembers what it was asked."""

    def __init__(self, http: HttpDouble) -> None:
        self._wire = http
        http.answer({"data": []})

    def says(self, *texts: str, cost: float = 0.001) -> None:
        """Answer the next requests in words."""
        for text in texts:
            self._wire.answer(_completion({"content": text}, "stop", cost))

    def calls(self, *calls: tuple[str, Any], cost: float = 0.001) -> None:
        """Answer the next request with calls of tools: pairs of a name and its arguments, as data or as a text."""
        asked = [
            {
                "id": f"call-{index}",
                "type": "function",
                "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
            }
            for index, (name, given) in enumerate(calls)
        ]
        self._wire.answer(_completion({"content": None, "tool_calls": asked}, "tool_calls", cost))

    def refuses(self, status: int, message: str, times: int = 1) -> None:
        """Refuse the next requests."""
        self._wire.answer({"error": {"code": status, "message": message}}, status, times=times)

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The bodies of the requests so far, in order."""
        return [request.body for request in self._wire.requests if request.method == "POST"]

    @property
    def prompts(self) -> list[list[tuple[str, str]]]:
        """The messages of each request, as pairs of role and text."""
        return [[(one["role"], text_of(one["content"])) for one in body["messages"]] for body in self.asked]

    @property
    def unused(self) -> int:
        """How many prepared answers nobody asked for."""
        return self._wire.unused


def _completion(message: Mapping[str, Any], finish_reason: str, cost: float) -> dict[str, Any]:
    return {
        "id": "gen-1",
        "model": SONNET,
        "choices": [{"finish_reason": finish_reason, "message": {"role": "assistant", **message}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "cost": cost},
    }


class SkillSetup:
    """A runtime whose agent, ada, uses skills in the order they were given, and the model that writes for it."""

    def __init__(self, fake: testing.FakeRuntime, model: ScriptedOpenRouter, names: list[str]) -> None:
        self.fake = fake
        self.model = model
        self._names = names

    def apply(self, params: Mapping[str, Mapping[str, Any]] | None = None, **overrides: Any) -> Agent:
        """Store an agent that uses all skills, with `params` for those they name."""
        given = params or {}
        uses = [{"name": name, "params": given.get(name, {})} for name in self._names]
        return self.fake.apply(**{"skills": uses, **overrides})

    def post(self, agent_id: str = "ada", *says: str, kind: Kind = Kind.ORIGINAL) -> Run:
        """Have an agent post, with what the model says, and return the run's record."""
        self.model.says(*says)
        return self.fake.post(agent_id, kind=kind)

    def texts(self) -> list[str]:
        """Return the texts of all casts that are out."""
        return [cast["text"] for cast in self.fake.casts()]


def skill_runs(run: Run) -> list[SkillRun]:
    """Return how the skills did for a post that has a draft."""
    assert run.draft is not None, run.reason
    return list(run.draft.skills)


def outcomes(run: Run) -> dict[str, str]:
    """Return how each skill did, by its name; for a post in which each had one turn at most."""
    ended = skill_runs(run)
    assert len({one.skill for one in ended}) == len(ended)
    return {one.skill: one.outcome for one in ended}


#: Opens a setup with skills: `open_setup(*sources, allowed=True, plugin="", simulated=False, **apply)`. In a
#: `simulated` one, the simulated OpenRouter writes instead of the model.
Open = Callable[..., SkillSetup]


@contextmanager
def skill_setups(folder: Path, home: Path, simulator: Any) -> Iterator[Open]:
    """Yield a function that opens setups; they are closed at the end of the block."""
    with HttpDouble() as http, ExitStack() as stack:

        def open_setup(
            *sources: str, allowed: bool = True, plugin: str = "", simulated: bool = False, **applied: Any
        ) -> SkillSetup:
            skills = [one for text in sources if (one := skill_of_text(text))]
            for one in skills:
                (folder / f"{one.name}.py").write_text(one.source)
            if plugin:
                (folder / "own.py").write_text(textwrap.dedent(plugin))
            variables = {"CEOS_SKILL_PATH": str(folder)}
            if not simulated:
                variables["OPENROUTER_BASE_URL"] = http.url
            fake = stack.enter_context(testing.fake_runtime(home, simulator=simulator, **variables))
            # The home is that of all tests; what one of them allows is nothing to the others.
            fake.runtime.skill_lock = SkillLock(folder / LOCK_FILE)
            for one in skills if allowed else ():
                fake.runtime.skill_lock.allow(fake.runtime.plugins.skill(one.name))
            setup = SkillSetup(fake, ScriptedOpenRouter(http), [one.name for one in skills])
            setup.apply(**applied)
            return setup

        yield open_setup
