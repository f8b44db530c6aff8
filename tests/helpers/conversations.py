"""Accounts that cast in the simulator, and a model with prepared answers, for tests of mentions."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel

from ceos.clients.openrouter.client import Completion, Message, OpenRouter
from ceos.domain.runs import Run
from ceos.errors import ServiceUnavailable
from ceos.guardrails.judge import Verdict
from ceos.mentions.poller import mention_of
from ceos.testing import FakeRuntime

#: A well-rated account, and the engagement of an agent that answers every account.
BOB = 501
ENGAGEMENT = {"enabled": True, "min_score": 0.0, "unrated_score": 0.0}

#: The accounts of ada and ben.
AGENT_FIDS = (1001, 1002)

_numbers = itertools.count(1)


def signer(fid: int) -> str:
    """Return the signer of any account, as the simulator derives it."""
    return f"00000000-0000-4000-8000-{fid:012d}"


def cast(fake: FakeRuntime, text: str, fid: int = BOB, parent: Any = None, embeds: Sequence[str] = ()) -> str:
    """Publish a cast of another account, as an answer to `parent` if given, and return its hash."""
    neynar = fake.runtime.neynar
    options = {"parent": parent[0], "parent_fid": parent[1]} if parent else {}
    published = neynar.publish_cast(
        signer(fid), text, idem=f"other-{next(_numbers)}", embeds=embeds, max_bytes=10_000, **options
    )
    return published.hash


def receive(fake: FakeRuntime, hash: str, agent_id: str = "ada", kind: str = "mention", **changes: Any) -> str:
    """Put a mention of a cast into an agent's inbox and return the run's id; `changes` are fields of the mention."""
    found = fake.runtime.neynar.conversation(hash)
    assert found is not None
    mention = mention_of(found.cast, kind).model_copy(  # type: ignore[arg-type]
        update={"author_score": 0.9, "at": fake.clock.now() + dt.timedelta(seconds=1), **changes}
    )
    agent = fake.runtime.agents.agent(agent_id)
    assert fake.runtime.mention_store.receive_mention(agent.id, mention, 0) == "opened"
    return f"{agent_id}:r:{hash}"


def mention_ada(fake: FakeRuntime, words: str, /, **options: Any) -> Run:
    """Mention ada, process the mention to its end, and return the run."""
    cast_options = {name: options.pop(name) for name in ("fid", "parent", "embeds") if name in options}
    run_id = receive(fake, cast(fake, words, **cast_options), **options)
    fake.drive()
    return fake.runtime.runs.run(run_id)


def published(fake: FakeRuntime, fid: int = 1001) -> list[str]:
    """Return the texts that an account has published, in order."""
    return [one["text"] for one in fake.casts() if one["author"]["fid"] == fid]


def reactions(fake: FakeRuntime) -> list[tuple[str, str]]:
    """Return what the agents liked or recast, in order: the kind and the hash.

    The simulated audience reacts as well, at moments of the real clock, which a slow machine reaches within a test.
    """
    kinds = {"like.added": "like", "recast.added": "recast"}
    return [
        (kinds[one["what"]], one["hash"])
        for one in fake.simulator.timeline()
        if one["what"] in kinds and one["fid"] in AGENT_FIDS
    ]


def verdicts(fake: FakeRuntime) -> list[dict[str, Any]]:
    """Return the verdicts of the simulated judge, in order: their `categories`, and the texts of their `prompt`."""
    return [one for one in fake.simulator.timeline() if one["what"] == "verdict"]


class ScriptedModel:
    """Replaces OpenRouter: answers with the given texts in turn, the last one for ever, and keeps the messages."""

    def __init__(self, *answers: str, score: float | None = 0.0, reason: str = "stop") -> None:
        self.answers = list(answers)
        #: The score it gives for relevance; None: the request for a score fails.
        self.score = score
        self.reason = reason
        self.told: list[list[Message]] = []
        self.judged = 0
        #: The client of the simulated OpenRouter, which judges the texts.
        self.client: OpenRouter
        self.before: Callable[[], None] = lambda: None

    def use(self, fake: FakeRuntime) -> ScriptedModel:
        """Have a runtime write with this model."""
        # The runtime builds again everything that asked the model before.
        for name in ("paid_model", "judge", "relevance", "responder", "sources", "pipeline"):
            fake.runtime.__dict__.pop(name, None)
        before = fake.runtime.openrouter
        self.client = before.client if isinstance(before, ScriptedModel) else before
        fake.runtime.__dict__["openrouter"] = self
        return self

    def fetch_models(self) -> Any:
        raise ServiceUnavailable("the catalogue is down")

    def worst_case_usd(self, messages: Sequence[Message], **options: Any) -> float:
        return 0.01

    def complete(self, messages: Sequence[Message], **options: Any) -> Completion:
        assert not options.get("tools")
        self.before()
        self.told.append(list(messages))
        text = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return Completion(text=text, model="test/model", finish_reason=self.reason, cost_usd=0.001)

    def complete_json(self, messages: Sequence[Message], schema: type[BaseModel], **options: Any) -> Any:
        if schema is Verdict:
            return self.client.complete_json(messages, schema, **options)
        self.judged += 1
        if self.score is None:
            raise ServiceUnavailable("the model is down")
        scores = {name: {"reason": "as scripted", "relevance": self.score} for name in schema.model_fields}
        return schema.model_validate(scores), Completion(text="", model="test/model", cost_usd=0.001)
