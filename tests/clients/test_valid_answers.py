"""Clients read all answers that their vendors' specifications allow: random ones with every permitted variation."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.http_double import HttpDouble
from helpers.valid_answers import ValidAnswers

from ceos.clients.neynar.client import Neynar
from ceos.clients.openrouter.client import Message, OpenRouter
from ceos.errors import AnswerUnusable, KeyRefused, RateLimited, RequestRefused, ServiceError, ServiceUnavailable

HASH = "0x" + "a" * 40
SIGNER = "00000000-0000-4000-8000-000000000042"
SEEDS = range(25)


@cache
def document(name: str) -> dict[str, Any]:
    text = (Path(__file__).parents[1] / "specs" / f"{name}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return loaded


READS: list[tuple[str, Callable[[Neynar], object]]] = [
    ("feed/user/casts", lambda neynar: neynar.user_casts(3)),
    ("casts", lambda neynar: neynar.casts([HASH])),
    ("casts", lambda neynar: neynar.full_casts([HASH])),
    ("cast/conversation", lambda neynar: neynar.conversation(HASH)),
    ("cast/conversation", lambda neynar: neynar.replies(HASH)),
    ("cast/quotes", lambda neynar: neynar.quotes(HASH)),
    ("reactions/cast", lambda neynar: neynar.reactions(HASH)),
    ("notifications", lambda neynar: neynar.notifications(3)),
    ("user/bulk", lambda neynar: neynar.users([3])),
    ("user/by_username", lambda neynar: neynar.user_by_name("ada")),
    ("signer", lambda neynar: neynar.signer(SIGNER)),
    ("channel", lambda neynar: neynar.channel("base")),
    ("storage/usage", lambda neynar: neynar.storage(3)),
    ("topic/trending", lambda neynar: neynar.trending_topics()),
    ("channel/trending", lambda neynar: neynar.trending_channels()),
    ("feed/topic", lambda neynar: neynar.topic_feed("tea")),
    ("feed/channels", lambda neynar: neynar.channel_feed(["base"])),
]


@pytest.mark.parametrize(("path", "read"), READS, ids=[f"{path}-{number}" for number, (path, _) in enumerate(READS)])
def test_every_read_takes_a_valid_answer(path: str, read: Callable[[Neynar], object]) -> None:
    with HttpDouble() as http:
        neynar = Neynar("key", http.url + "/v2", sleep=lambda _: None)
        for seed in SEEDS:
            body = ValidAnswers(document("neynar"), seed).answer(f"/v2/farcaster/{path}/")
            # Some reads follow the cursor.
            http.answer(body)
            http.answer(body | {"next": {"cursor": None}})
            read(neynar)
            http.discard()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_completion_is_a_text_or_a_failure_with_its_cost(seed: int) -> None:
    with HttpDouble() as http:
        client = OpenRouter("key", http.url, sleep=lambda _: None)
        http.answer(ValidAnswers(document("openrouter"), seed).answer("/models"))
        client.worst_case_usd([Message(role="user", content="gm")], models=["a/b"], max_tokens=100)
        http.answer(ValidAnswers(document("openrouter"), seed).answer("/chat/completions", "post"), times=3)
        try:
            found = client.complete([Message(role="user", content="gm")], models=["a/b"], max_tokens=100)
        except ServiceError as error:
            kinds = (AnswerUnusable, ServiceUnavailable, RateLimited, RequestRefused, KeyRefused)
            assert type(error) in kinds
            assert error.cost_usd >= 0
        else:
            assert found.text or found.tool_calls
            assert found.cost_usd >= 0


@pytest.mark.parametrize("seed", SEEDS)
def test_the_key_is_described_by_any_valid_answer(seed: int) -> None:
    with HttpDouble() as http:
        http.answer(ValidAnswers(document("openrouter"), seed).answer("/key"))
        OpenRouter("key", http.url, sleep=lambda _: None).key_info()
