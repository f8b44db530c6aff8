"""The host of skills: grants, refusals, costs and the record of calls."""

from __future__ import annotations

import datetime as dt
import functools
import gzip
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from helpers.evm import ACCOUNTS, Evm
from helpers.raw_server import HOST, RawServer, redirect, send
from hypothesis import given, settings
from hypothesis import strategies as st

from ceos.clients.http import safe_fetch
from ceos.clients.openrouter.client import Completion
from ceos.clients.openrouter.prices import Catalogue
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.errors import HostRefused, SandboxUnavailable, SkillError, SkillFailed, SkillOutOfMemory, SkillTimedOut
from ceos.evm.client import EvmClient
from ceos.metrics.store import MetricsStore
from ceos.operations.agents import spent_today
from ceos.runs.budget import Budget
from ceos.runs.paid_model import PaidModel
from ceos.sandbox.executor import Sandbox
from ceos.sandbox.wire import METHODS, pack_json
from ceos.skills.agent_host import AgentHost, HostFactory
from ceos.skills.grants import Grants
from ceos.skills.host import MAX_PROMPT_BYTES, READ_SECONDS, SkillHost
from ceos.skills.skill import Skill
from ceos.skills.store import SkillStore
from ceos.skills.stub_host import StubHost
from ceos.storage.catalogue import CatalogueStore
from ceos.storage.connection import Database, connect
from ceos.testing import FakeRuntime, make_agent

EVERYTHING: dict[str, Any] = {
    "http": {"hosts": [HOST], "max_calls": 2, "max_bytes": 1000},
    "llm": {"max_tokens": 500, "max_usd": 0.05},
    "memory": {"max_bytes": 100},
    "metrics": True,
    "chain": {"max_calls": 3},
    "log": True,
    "now": True,
}
TOKEN, OWNER = "0x5FbDB2315678afecb367f032d93F642f64180aa3", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def make_skill(name: str = "notes", **grants: Any) -> Skill:
    """Return a skill with these grants, or with every one."""
    manifest = {"name": name, "version": "1", "summary": "A test.", "stage": "context", "source": "def run(ctx, p): 0"}
    params = {"type": "object", "properties": {"url": {}}}
    return Skill.model_validate({**manifest, "params": params, "grants": grants or EVERYTHING})


def soon() -> float:
    return time.monotonic() + 10


def ask(host: SkillHost, method: str, *args: Any, deadline: float | None = None, **kwargs: Any) -> Any:
    return host(method, list(args), kwargs, soon() if deadline is None else deadline)


@contextmanager
def refused(words: str) -> Iterator[None]:
    with pytest.raises(HostRefused) as caught:
        yield
    assert words in str(caught.value)


Make = Callable[..., AgentHost]


def make_hosts(database: Database, model: PaidModel, clock: Clock) -> HostFactory:
    return HostFactory(SkillStore(database), model, clock, measured_casts=MetricsStore(database).measured_casts)


@pytest.fixture
def make(fake_runtime: FakeRuntime) -> Make:
    """Make the host of a run: `make(skill, params, agent=…, call=…)`."""
    runtime = fake_runtime.runtime
    hosts = make_hosts(runtime.database, runtime.paid_model, fake_runtime.clock)
    ada = fake_runtime.apply()

    def host(skill: Skill | None = None, params: Any = None, *, agent: Agent = ada, call: str = "ada:1:1") -> AgentHost:
        return hosts.host_for(agent, skill or make_skill(), params or {}, call=call)

    return host


# --- what is not granted, and what makes no sense ---


@pytest.mark.parametrize("grant", METHODS)
def test_what_is_not_granted_is_refused_even_if_the_skill_forges_the_call(make: Make, grant: str) -> None:
    host = make(make_skill(now=True) if grant != "now" else make_skill(log=True))
    for method in METHODS[grant]:
        with refused(f"ctx.{method} needs the grant {grant}, which this skill does not have"):
            ask(host, method, "x")
    assert [call.method for call in host.calls] == list(METHODS[grant])


@pytest.mark.parametrize("method", ["log", "now"])
def test_what_the_sandbox_answers_itself_is_not_asked_of_the_host(make: Make, method: str) -> None:
    with refused(f"The host does not answer ctx.{method}"):
        ask(make(), method)


@pytest.mark.parametrize(
    "method", ["", "page", "_record", "__init__", "http_get ", "x" * 9999, "\ud800", 3, None, ["http_get"]]
)
def test_an_unknown_method_is_refused(method: Any) -> None:
    host = StubHost({})
    with refused("The host has no such method"):
        host(method, [], {}, soon())
    assert len(host.calls[0].method) <= 40


@pytest.mark.parametrize(
    ("method", "args", "kwargs", "words"),
    [
        ("http_get", [], {}, "ctx.http_get(url)"),
        ("http_get", ["a", "b"], {}, "ctx.http_get(url)"),
        ("http_get", ["a"], {"url": "b"}, "ctx.http_get(url)"),
        ("http_get", ["a"], {"headers": {}}, "ctx.http_get(url)"),
        ("http_get", [["a"]], {}, "takes a URL"),
        ("http_get", [None], {}, "takes a URL"),
        ("http_feed", [], {}, "ctx.http_feed(url)"),
        ("http_page", [3], {}, "ctx.http_page takes a URL"),
        ("llm_generate", [], {"max_tokens": 5}, "ctx.llm_generate(prompt, max_tokens=200)"),
        ("llm_generate", ["hi"], {"model": "x"}, "ctx.llm_generate(prompt, max_tokens=200)"),
        ("llm_generate", [{}], {}, "takes a prompt"),
        ("llm_generate", [" \n"], {}, "takes a prompt"),
        (
            "llm_generate",
            ["x" * (MAX_PROMPT_BYTES + 1)],
            {},
            "A prompt may have at most 16,384 bytes; this one has 16,385",
        ),
        ("llm_generate", ["ü" * MAX_PROMPT_BYTES], {}, "this one has 32,768"),
        ("llm_generate", ["hi", 0], {}, "max_tokens must be a whole number"),
        ("llm_generate", ["hi", -5], {}, "max_tokens must be a whole number"),
        ("llm_generate", ["hi", True], {}, "max_tokens must be a whole number"),
        ("llm_generate", ["hi", 1.5], {}, "max_tokens must be a whole number"),
        ("llm_generate", ["hi", "9"], {}, "max_tokens must be a whole number"),
        ("memory_get", [], {}, "ctx.memory_get(key)"),
        ("memory_get", [3], {}, "A key must be a string of 1 to 200 bytes"),
        ("memory_get", [""], {}, "A key must be a string of 1 to 200 bytes"),
        ("memory_get", ["ü" * 101], {}, "A key must be a string of 1 to 200 bytes"),
        ("memory_get", ["\ud800"], {}, "A key must be a string of 1 to 200 bytes"),
        ("memory_set", ["k"], {}, "ctx.memory_set(key, value)"),
        ("memory_set", [["k"], 1], {}, "A key must be a string of 1 to 200 bytes"),
        ("memory_set", ["k", float("nan")], {}, "takes plain data"),
        ("memory_set", ["k", "\ud800"], {}, "takes plain data"),
        ("memory_set", ["k", {1, 2}], {}, "takes plain data"),
        ("memory_set", ["k", "x" * 2_000_000], {}, "this value does not fit"),
        ("metrics", [0], {}, "days must be a whole number from 1 to 365"),
        ("metrics", [366], {}, "days must be a whole number from 1 to 365"),
        ("metrics", [10**30], {}, "days must be a whole number from 1 to 365"),
        ("metrics", [True], {}, "days must be a whole number from 1 to 365"),
        ("metrics", ["30"], {}, "days must be a whole number from 1 to 365"),
        ("metrics", [30, 1], {}, "ctx.metrics(days=30)"),
        ("chain_read", [], {}, "reads one of block, fees, balance, token, token_balance, call"),
        ("chain_read", ["eth_accounts"], {}, "reads one of block"),
        ("chain_read", [["block"]], {}, "reads one of block"),
        ("chain_read", ["block", 1], {}, "ctx.chain_read('block')"),
        ("chain_read", ["balance"], {}, "ctx.chain_read('balance', address)"),
        ("chain_read", ["balance", OWNER], {"address": OWNER}, "ctx.chain_read('balance', address)"),
        ("chain_read", ["balance", OWNER], {"block": "pending"}, "ctx.chain_read('balance', address)"),
        ("chain_read", ["balance", "vitalik.eth"], {}, "address must be an address: 0x and 40 hex digits"),
        ("chain_read", ["balance", 7], {}, "address must be an address"),
        ("chain_read", ["balance", OWNER.replace("7099797", "7099798")], {}, "address must be an address"),
        ("chain_read", ["balance", OWNER.replace("C51812dc", "c51812DC")], {}, "address must be an address"),
        ("chain_read", ["token_balance", TOKEN], {}, "ctx.chain_read('token_balance', token, owner)"),
        ("chain_read", ["token_balance", TOKEN, []], {}, "owner must be an address"),
        ("chain_read", ["call", TOKEN], {}, "ctx.chain_read('call', address, function, args=[])"),
        ("chain_read", ["call", TOKEN, 5], {}, "function must be a signature"),
        ("chain_read", ["call", TOKEN, "x\n" * 9], {}, "function must be a signature"),
        ("chain_read", ["call", TOKEN, "f(" + "uint256," * 99 + ")"], {}, "function must be a signature"),
        ("chain_read", ["call", TOKEN, "f()", "x"], {}, "args must be a list of plain data"),
        ("chain_read", ["call", TOKEN, "f()", ["x" * 5000]], {}, "args must be a list of plain data, of at most 4,096"),
        ("chain_read", ["call", TOKEN, "f()", [float("nan")]], {}, "args must be a list of plain data"),
    ],
)
def test_arguments_that_make_no_sense_get_a_sentence(method: str, args: Any, kwargs: Any, words: str) -> None:
    host = StubHost({})
    with refused(words):
        host(method, args, kwargs, soon())
    assert words in host.calls[0].refused


def test_what_makes_no_sense_costs_no_read_of_the_chain() -> None:
    host = StubHost({"chain": {"block": {"number": 1}}}, make_skill(chain={"max_calls": 1}).grants)
    with refused("reads one of"):
        ask(host, "chain_read", "blocks")
    assert ask(host, "chain_read", what="block") == {"number": 1}
    with refused("The manifest allows 1 calls of ctx.chain_read per run"):
        ask(host, "chain_read", "block")


json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from([name for names in METHODS.values() for name in names]), st.lists(json_data, max_size=3))
@settings(max_examples=300)
def test_any_arguments_are_answered_with_data_or_a_sentence(method: str, args: list[Any]) -> None:
    names = ("url", "prompt", "max_tokens", "key", "value", "days", "what", "address", "function", "args")
    for kwargs in ({}, dict(zip(names, args, strict=False))):
        try:
            pack_json(StubHost({"llm": "gm"})(method, [] if kwargs else args, kwargs, soon()))
        except HostRefused as refusal:
            assert str(refusal).endswith(".")


def test_the_record_is_fit_for_a_terminal() -> None:
    host = StubHost({})
    for method, arg in (("\x1b[2J", "x"), ("memory_get", "k\x1b[2J\n"), ("http_get", "http://\ud800\x07/")):
        with suppress(HostRefused):
            ask(host, method, arg)
    assert [(call.method, call.what) for call in host.calls] == [
        ("?[2J", ""),
        ("memory_get", "k?[2J?"),
        ("http_get", "http://??/"),
    ]
    assert all((call.refused or "-").isprintable() for call in host.calls)


def test_the_record_holds_a_hundred_calls() -> None:
    host = StubHost({"memory": {"k": 1}})
    for _ in range(120):
        assert ask(host, "memory_get", "k") == 1
    assert len(host.calls) == 100


# --- http ---


@contextmanager
def feeds(*script: Any, params: Any = None, read: Any = None, **grants: Any) -> Iterator[tuple[RawServer, SkillHost]]:
    """A host whose every name leads to a local server."""
    with RawServer(*script) as server:
        fetch = functools.partial(
            safe_fetch.get,
            resolve=lambda host, port: [server.place],
            is_allowed_address=lambda address: address == "127.0.0.1",
        )
        yield server, SkillHost(make_skill(**grants).grants, params, fetch=fetch, read=read)


def test_a_page_is_fetched_and_recorded_without_possible_secrets() -> None:
    with feeds(send(b"[1]", "Content-Type: application/json")) as (_, host):
        answer = ask(host, "http_get", f"http://{HOST}/feed?key=hush#part")
    assert answer == {
        "status": 200,
        "url": f"http://{HOST}/feed?key=hush",
        "content_type": "application/json",
        "text": "[1]",
    }
    (call,) = host.calls
    assert (call.method, call.what, call.refused, call.cost_usd) == ("http_get", f"http://{HOST}/feed", "", 0.0)
    assert call.ms > 0


def test_the_manifest_says_how_often_and_how_much() -> None:
    with feeds(send(b"x" * 1001), send(b"x" * 1000)) as (server, host):
        with refused("larger than 1,000 bytes"):
            ask(host, "http_get", f"http://{HOST}/")
        assert len(ask(host, "http_get", url=f"http://{HOST}/")["text"]) == 1000
        with refused("The manifest allows 2 calls of ctx.http_get per run"):
            ask(host, "http_get", f"http://{HOST}/")
        assert len(server.requests) == 2
    assert [bool(call.refused) for call in host.calls] == [True, False, True]


def test_only_the_hosts_of_the_manifest_are_asked_redirects_included() -> None:
    with feeds(redirect("http://evil.example.org/")) as (server, host):
        for url in ("http://evil.example.org/?x=1", f"http://{HOST}/"):
            with refused(f"evil.example.org is not one of the hosts that this skill may ask: {HOST}."):
                ask(host, "http_get", url)
        assert len(server.requests) == 1
    assert host.calls[0].what == "http://evil.example.org/"


@pytest.mark.parametrize("seconds", [(0.2, 10.0), (5.0, 0.2)], ids=["the grant's time", "the run's time"])
def test_a_slow_host_is_given_up_in_time(seconds: tuple[float, float]) -> None:
    grant, run = seconds

    def silent(connection: Any) -> None:
        connection.recv(1)

    with feeds(silent, http={"hosts": [HOST], "seconds": grant}) as (_, host):
        begun = time.monotonic()
        with refused("did not answer in time"):
            ask(host, "http_get", f"http://{HOST}/", deadline=begun + run)
        assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    ("params", "is_asked"),
    [
        ({"url": f"https://{HOST.upper()}/feed"}, True),
        ({"url": [f"http://{HOST}/a", "http://x.example.org/"]}, True),
        ({"url": HOST}, False),
        ({"url": "https://other.example.org/"}, False),
        ({"url": ["http://127.0.0.1/", 3, None, {}]}, False),
        ({"other": f"https://{HOST}/feed"}, False),
        ({}, False),
    ],
)
def test_the_hosts_in_the_operators_params_are_allowed_where_the_grant_says_so(params: Any, is_asked: bool) -> None:
    with feeds(send(), http={"hosts_from": ["url"]}, params=params) as (server, host):
        if is_asked:
            assert ask(host, "http_get", f"http://{HOST}/")["text"] == "gm"
        else:
            with refused(f"{HOST} is not one of the hosts"):
                ask(host, "http_get", f"http://{HOST}/")
        assert len(server.requests) == is_asked


def test_a_page_that_would_not_pass_into_the_sandbox_is_refused_here() -> None:
    grant = {"hosts": [HOST], "max_bytes": 1_000_000}
    with feeds(send(b"\x01" * 200_000), http=grant) as (_, host), refused("is too large; an answer has"):
        ask(host, "http_get", f"http://{HOST}/")


# --- feeds and pages ---


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


ONE = '<rss version="2.0"><channel><title>T</title><item><title>One</title><link>one</link></item></channel></rss>'
#: A grant that allows feeds of the largest size.
LARGE: dict[str, Any] = {"hosts": [HOST], "max_bytes": 5_242_880}


@pytest.mark.parametrize(
    "header",
    [
        "Content-Type: application/rss+xml; charset=utf-8",
        "Content-Type: application/octet-stream",
        "Content-Type: text/html",
        "Content-Type: video/feed",
        "X-Nothing: 1",
    ],
)
def test_a_feed_is_read_whatever_type_it_has_and_links_are_seen_from_where_it_was_found(
    sandbox: Sandbox, header: str
) -> None:
    moved = redirect(f"http://{HOST}/feeds/new?key=hush")
    with feeds(moved, send(ONE.encode(), header), read=sandbox.read_document, http=LARGE) as (_, host):
        feed = ask(host, "http_feed", f"http://{HOST}/old?key=hush")
    assert (feed["title"], feed["url"]) == ("T", f"http://{HOST}/feeds/new?key=hush")
    assert [(item["title"], item["link"]) for item in feed["items"]] == [("One", f"http://{HOST}/feeds/one")]
    (call,) = host.calls
    assert (call.method, call.what, call.refused) == ("http_feed", f"http://{HOST}/old", "")


def test_a_large_feed_is_read_packed_or_not(sandbox: Sandbox) -> None:
    long = ONE.replace(
        "</channel>", f"<item><title>Two</title><description>{'x' * 4_000_000}</description></item></channel>"
    )
    packed = gzip.compress(long.encode())
    script = (send(long.encode()), send(packed, "Content-Encoding: gzip"))
    with feeds(*script, read=sandbox.read_document, http=LARGE) as (_, host):
        for _ in script:
            found = ask(host, "http_feed", f"http://{HOST}/", deadline=time.monotonic() + 60)
            assert [item["title"] for item in found["items"]] == ["One", "Two"]


def test_a_page_is_read_in_its_encoding_and_only_text_is_fetched_for_it(sandbox: Sandbox) -> None:
    body = "<meta charset=windows-949><title>똠방각하</title><link rel=canonical href=/p><p>똠방각하.".encode("cp949")
    script = (send(body, "Content-Type: text/html"), send(body, "Content-Type: application/octet-stream"))
    with feeds(*script, read=sandbox.read_document, http=LARGE) as (_, host):
        page = ask(host, "http_page", f"http://{HOST}/a")
        with refused("only text is fetched"):
            ask(host, "http_page", f"http://{HOST}/a")
    assert (page["title"], page["text"], page["canonical"]) == ("똠방각하", "똠방각하.", f"http://{HOST}/p")
    assert (page["url"], page["content_type"]) == (f"http://{HOST}/a", "text/html")


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (send(b"gone", status="404 Not Found"), f"http://{HOST}/feed answered with status 404."),
        (send(ONE.encode(), status="500 Oops"), f"http://{HOST}/feed answered with status 500."),
        (send(b"<html>"), f"http://{HOST}/feed could not be read. It is not a feed of RSS, Atom or JSON Feed."),
        (send(bytes(range(256)) * 99), f"http://{HOST}/feed could not be read. It is not text."),
        (send(b"x" * 5_242_881), f"{HOST} could not be fetched: the page is larger than 5,242,880 bytes."),
    ],
    ids=["404", "500", "no feed", "no text", "too large"],
)
def test_what_is_no_feed_is_one_refusal(sandbox: Sandbox, act: Any, reason: str) -> None:
    with feeds(act, read=sandbox.read_document, http=LARGE) as (_, host), refused(reason):
        ask(host, "http_feed", f"http://{HOST}/feed?key=hush")


@pytest.mark.parametrize(
    ("error", "reason", "cause"),
    [
        (SkillTimedOut("x"), "it takes too long", ""),
        (SkillOutOfMemory("x"), "it takes too much memory", ""),
        (SandboxUnavailable("x"), "the sandbox does not work now", ""),
        (SkillFailed("x", kind="crashed"), "it is too broken", " (x)"),
    ],
)
def test_a_reader_that_fails_is_one_refusal_and_the_record_has_an_unknown_cause(
    error: SkillError, reason: str, cause: str
) -> None:
    def read(*args: Any, **options: Any) -> Any:
        raise error

    with feeds(send(), read=read, http=LARGE) as (_, host), refused(f"http://{HOST}/ could not be read: {reason}."):
        ask(host, "http_page", f"http://{HOST}/")
    assert host.calls[0].refused == f"http://{HOST}/ could not be read: {reason}.{cause}"


def test_the_reader_gets_the_document_and_the_time_that_is_left() -> None:
    asked: list[Any] = []

    def read(*args: Any, **options: Any) -> Any:
        asked.append((args, options))
        return {"items": []}

    script = (send(ONE.encode(), "Content-Type: text/xml"), send(b"gm", "Content-Type: text/html"))
    with feeds(*script, read=read, http=LARGE) as (_, host):
        ask(host, "http_feed", f"http://{HOST}/a", deadline=time.monotonic() + 5)
        ask(host, "http_page", f"http://{HOST}/b", deadline=time.monotonic() + 500)
    (feed, options), (page, more) = asked
    assert (feed, page) == (("feed", ONE.encode()), ("page", b"gm"))
    assert (options["url"], options["content_type"], options["label"]) == (f"http://{HOST}/a", "text/xml", "")
    assert options["seconds"] <= 5
    assert more["seconds"] == READ_SECONDS


def test_feeds_pages_and_texts_count_together(sandbox: Sandbox) -> None:
    grant = {"hosts": [HOST], "max_calls": 2}
    with feeds(send(ONE.encode()), read=sandbox.read_document, http=grant) as (_, host):
        ask(host, "http_get", f"http://{HOST}/")
        ask(host, "http_feed", f"http://{HOST}/")
        with refused("The manifest allows 2 calls of ctx.http_page per run"):
            ask(host, "http_page", f"http://{HOST}/")


def test_without_a_sandbox_no_feed_is_read() -> None:
    with feeds(send(ONE.encode())) as (_, host), refused("read only where there is a sandbox"):
        ask(host, "http_feed", f"http://{HOST}/")


# --- models ---


def test_a_trial_asks_no_model_without_an_agent_that_pays() -> None:
    with refused("A trial asks a model only for an agent that pays for it"):
        ask(SkillHost(make_skill().grants), "llm_generate", "gm")


# --- models ---


def completions(fake_runtime: FakeRuntime) -> list[dict[str, Any]]:
    return [one for one in fake_runtime.simulator.timeline() if one["what"] == "completion"]


def test_a_model_answers_at_the_agents_expense(fake_runtime: FakeRuntime, make: Make) -> None:
    host = make()
    text = ask(host, "llm_generate", "Write one post about clocks.", max_tokens=100)
    assert isinstance(text, str)
    assert text
    (completion,) = completions(fake_runtime)
    (call,) = host.calls
    assert (call.method, call.what) == ("llm_generate", "anthropic/claude-sonnet-4")
    assert host.cost_usd == call.cost_usd == pytest.approx(completion["cost"])
    assert spent_today(fake_runtime.runtime, "ada") == pytest.approx(completion["cost"], abs=2e-6)


def test_a_model_too_dear_for_the_skill_leaves_those_it_can_afford(make: Make) -> None:
    host = make(make_skill(llm={"max_tokens": 300, "max_usd": 0.001}))
    ask(host, "llm_generate", "Write one post about clocks.", 300)
    assert host.calls[0].what == "openai/gpt-4o-mini"


def test_what_the_manifest_allows_a_run_is_not_passed(fake_runtime: FakeRuntime, make: Make) -> None:
    host = make(make_skill(llm={"max_tokens": 300, "max_usd": 0.00001}))
    with refused("0.0000 USD is left of what the manifest allows; ask for fewer tokens"):
        ask(host, "llm_generate", "Write one post about clocks.", 300)
    assert completions(fake_runtime) == []
    assert spent_today(fake_runtime.runtime, "ada") == 0
    assert host.calls[0].refused


class Models:
    """Models that answer as the test says, and note what they were asked."""

    def __init__(self, answer: Callable[[], Completion]) -> None:
        self.asked: list[dict[str, Any]] = []
        self._answer = answer

    def worst_case_usd(self, messages: Any, **options: Any) -> float:
        return 0.01

    def complete(self, messages: Any, **options: Any) -> Completion:
        self.asked.append({"messages": messages, **options})
        return self._answer()


def paid_model(fake_runtime: FakeRuntime, models: Any) -> PaidModel:
    runtime = fake_runtime.runtime
    return PaidModel(models, Budget(runtime.database), fake_runtime.clock, catalogue=runtime.model_catalogue)


def with_models(fake_runtime: FakeRuntime, models: Models, **llm: Any) -> AgentHost:
    database = fake_runtime.runtime.database
    hosts = make_hosts(database, paid_model(fake_runtime, models), fake_runtime.clock)
    return hosts.host_for(make_agent(), make_skill(llm=llm), {}, call="ada:1:1")


def written(text: str = "gm", tokens: int = 100, cost: float = 0.004) -> Completion:
    return Completion(text=text, model="a/b", cost_usd=cost, completion_tokens=tokens)


def test_tokens_and_dollars_are_those_of_the_whole_run(fake_runtime: FakeRuntime) -> None:
    models = Models(written)
    host = with_models(fake_runtime, models, max_tokens=250, max_usd=1)
    for _ in range(3):
        ask(host, "llm_generate", "gm")
    assert [asked["max_tokens"] for asked in models.asked] == [200, 150, 50]
    with refused("The 250 tokens that the manifest allows per run are used up"):
        ask(host, "llm_generate", "gm")
    host = with_models(fake_runtime, models, max_tokens=4000, max_usd=0.013)
    ask(host, "llm_generate", "gm")
    with refused("An answer may cost 0.0100 USD, and 0.0090 USD is left"):
        ask(host, "llm_generate", "gm")
    assert host.cost_usd == 0.004


def test_a_prompt_is_all_the_skill_can_say(fake_runtime: FakeRuntime) -> None:
    models = Models(lambda: written("half \ud83d"))
    host = with_models(fake_runtime, models, max_tokens=10)
    assert ask(host, "llm_generate", prompt="gm \ud800", max_tokens=10**30) == "half ?"
    (asked,) = models.asked
    assert [message.role for message in asked["messages"]] == ["system", "user"]
    assert asked.keys() == {"messages", "models", "max_tokens", "user", "may_spend", "whole", "reasoning"}
    assert (asked["max_tokens"], asked["user"]) == (10, "ada")


def test_the_agents_daily_budget_holds_for_its_skills(fake_runtime: FakeRuntime, make: Make) -> None:
    host = make(agent=make_agent(limits={"usd_per_day": 0.0001}))
    with refused("The agent's budget of today does not allow another call"):
        ask(host, "llm_generate", "Write one post about clocks.")
    assert completions(fake_runtime) == []
    assert "over the limit: 0.00 USD a day" in host.calls[0].refused, "the operator is told more than the skill"


def test_a_service_that_fails_is_no_model_for_the_skill_and_the_whole_story_in_the_record(
    fake_runtime: FakeRuntime, make: Make
) -> None:
    fake_runtime.simulator.faults(openrouter={"error_503": 1})
    host = make()
    with refused("No model can be asked now."):
        ask(host, "llm_generate", "Write one post about clocks.")
    assert "OpenRouter" in host.calls[0].refused
    assert spent_today(fake_runtime.runtime, "ada") == 0


def test_an_answer_of_unknown_outcome_stays_set_aside(fake_runtime: FakeRuntime, make: Make) -> None:
    fake_runtime.simulator.faults(openrouter={"cut_before": 1})
    host = make()
    with refused("No model can be asked now."):
        ask(host, "llm_generate", "Write one post about clocks.")
    assert spent_today(fake_runtime.runtime, "ada") > 0


def test_a_late_answer_is_not_waited_for_and_still_booked(fake_runtime: FakeRuntime) -> None:
    # Given a model that takes longer than the run may
    release = threading.Event()

    def late() -> Completion:
        release.wait(60)
        return written(cost=0.004)

    host = with_models(fake_runtime, Models(late))
    begun = time.monotonic()
    # When the time is up, the skill is told so, and the money stays set aside
    with refused("The model did not answer in time."):
        ask(host, "llm_generate", "gm", deadline=begun + 0.3)
    assert time.monotonic() - begun < 30
    assert spent_today(fake_runtime.runtime, "ada") == 0.01
    # Then the answer comes and books what it cost
    release.set()
    for thread in [thread for thread in threading.enumerate() if thread.name == "ceos-skill-model"]:
        thread.join(60)
    assert spent_today(fake_runtime.runtime, "ada") == 0.004


def test_runs_of_one_attempt_do_not_share_a_reservation(fake_runtime: FakeRuntime) -> None:
    release = threading.Event()

    def late() -> Completion:
        release.wait(60)
        return written()

    database = fake_runtime.runtime.database
    hosts = make_hosts(database, paid_model(fake_runtime, Models(late)), fake_runtime.clock)
    for _ in range(3):
        host = hosts.host_for(make_agent(), make_skill(), {}, call="ada:1:1")
        with refused("did not answer in time"):
            ask(host, "llm_generate", "gm", deadline=time.monotonic() + 0.3)
    assert spent_today(fake_runtime.runtime, "ada") == 0.03
    release.set()


# --- memory ---


@pytest.mark.parametrize("value", [0, "", False, [], {}, "gm ☕", 1.5, {"a": [1, None, {"b": "ü"}]}, -(2**63)])
def test_what_is_remembered_is_there_at_the_next_run(make: Make, value: Any) -> None:
    assert ask(make(), "memory_get", "k") is None
    assert ask(make(), "memory_set", "k", value) is None
    found = ask(make(), "memory_get", "k")
    assert found == value
    assert type(found) is type(value)
    ask(make(), "memory_set", "k", None)
    assert ask(make(), "memory_get", "k") is None


def test_a_memory_belongs_to_one_agent_and_one_skill(fake_runtime: FakeRuntime, make: Make) -> None:
    ben = fake_runtime.apply(id="ben")
    ask(make(), "memory_set", "k", "mine")
    ask(make(make_skill("note")), "memory_set", "s\x1fk", "near")
    assert ask(make(agent=ben), "memory_get", "k") is None
    assert ask(make(make_skill("other")), "memory_get", "k") is None
    assert ask(make(make_skill("note")), "memory_get", "k") is None
    assert ask(make(), "memory_get", "k") == "mine"


hosts = pytest.mark.parametrize("kind", ["kept", "trial"])


@hosts
def test_a_memory_is_limited_by_the_manifest(make: Make, kind: str) -> None:
    # 100 bytes of keys and values: 1 + 89 and 2 + 8
    host = make() if kind == "kept" else SkillHost(make_skill().grants)
    ask(host, "memory_set", "a", "x" * 87)
    ask(host, "memory_set", "bb", "üüü")
    for key, value in (("c", 1), ("bb", "üüüü"), ("a", "x" * 88), ("d", "x" * 500)):
        with refused("The memory of this skill holds 100 bytes, and this value does not fit"):
            ask(host, "memory_set", key, value)
    assert ask(host, "memory_get", "c") is None
    assert ask(host, "memory_get", "bb") == "üüü"
    ask(host, "memory_set", "missing", None)
    ask(host, "memory_set", "a", "x" * 86)
    ask(host, "memory_set", "bb", "üüü!")
    ask(host, "memory_set", "a", None)
    ask(host, "memory_set", "c", "x" * 86)


def test_a_narrowed_grant_lets_a_skill_tidy_up(make: Make) -> None:
    wide, narrow = (make_skill(memory={"max_bytes": size}) for size in (200, 64))
    ask(make(wide), "memory_set", "a", "x" * 50)
    ask(make(wide), "memory_set", "b", "x" * 50)
    with refused("does not fit"):
        ask(make(narrow), "memory_set", "c", 1)
    ask(make(narrow), "memory_set", "a", "x" * 40)
    ask(make(narrow), "memory_set", "a", None)
    ask(make(narrow), "memory_set", "c", 1)


def test_a_script_that_is_sent_twice_counts_once(fake_runtime: FakeRuntime, make: Make) -> None:
    client = fake_runtime.runtime.database.client
    for value in ("one", "one", "three", "three", None, None, "x" * 50, "x" * 50):
        ask(make(), "memory_set", "key", value)
        held = client.hget("ceos:memory:ada", "notes")
        assert int(str(held or 0)) == (0 if value is None else 3 + len(json.dumps(value)))
    ask(make(), "memory_set", "key", None)
    assert not client.exists("ceos:memory:ada")


def test_the_quota_holds_with_many_workers_at_once(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    stores = [SkillStore(Database(connect(fake_runtime.runtime.redis_url))) for _ in range(2)]

    def keep(number: int) -> bool:
        return stores[number % 2].keep_skill_note("ada", "notes", f"k{number:02}", '"1234"', 100)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(keep, range(60))) == 100 // 9


def test_the_memory_goes_with_its_agent_and_a_late_skill_brings_nothing_back(
    fake_runtime: FakeRuntime, make: Make
) -> None:
    host = make()
    ask(host, "memory_set", "k", 1)
    fake_runtime.runtime.remove("ada")
    ask(host, "memory_set", "k", 2)
    assert not fake_runtime.runtime.database.client.exists("ceos:memory:ada")


def test_the_memory_stays_when_its_agent_is_changed(fake_runtime: FakeRuntime, make: Make) -> None:
    ask(make(), "memory_set", "k", 1)
    fake_runtime.apply(name="Ada the second")
    assert ask(make(), "memory_get", "k") == 1


def test_a_server_that_is_gone_is_a_refusal_for_the_skill() -> None:
    database = Database(connect("redis://127.0.0.1:1/0"))
    catalogue = Catalogue(dict, shared=CatalogueStore(lambda: database))
    model = PaidModel(Models(written), Budget(database), Clock(), catalogue=catalogue)  # type: ignore[arg-type]
    hosts = make_hosts(database, model, Clock())
    host = hosts.host_for(make_agent(), make_skill(), {}, call="x")
    for method, *args in (("memory_get", "k"), ("memory_set", "k", 1), ("metrics",)):
        with refused("cannot be reached now"):
            ask(host, method, *args)
    assert "Redis does not answer" in host.calls[0].refused


# --- numbers ---


def measure(fake_runtime: FakeRuntime, run_id: str) -> None:
    fake_runtime.clock.advance(hours=1)
    fake_runtime.runtime.pipeline.measure(run_id)


def test_the_agents_own_numbers_come_newest_first(fake_runtime: FakeRuntime, make: Make) -> None:
    # Given two measured posts, one that is not measured yet, and another agent's
    fake_runtime.apply(id="ben", fid=1002, signer_uuid="00000000-0000-4000-8000-000000001002")
    thread = fake_runtime.post(text="One clock.\n---SPLIT---\nTwo clocks.")
    measure(fake_runtime, thread.id)
    measure(fake_runtime, thread.id)
    single = fake_runtime.post(text="Three bridges.")
    measure(fake_runtime, single.id)
    measure(fake_runtime, fake_runtime.post("ben", text="Somebody else's.").id)
    fake_runtime.post(text="Too new to be measured.")
    # Then a skill is told of its own
    host = make()
    rows = ask(host, "metrics", days=365)
    assert [row["text"] for row in rows] == ["Three bridges.", "Two clocks.", "One clock."]
    assert rows[0].keys() == {"text", "at", "likes", "recasts", "replies"}
    assert dt.datetime.fromisoformat(rows[0]["at"]).tzinfo is not None
    counted = fake_runtime.runtime.metrics.cast_hashes(thread.id)
    assert [len(counts) for counts in counted.values()] == [2, 2]
    latest = counted[str(thread.hashes[1])][-1]
    assert (rows[1]["likes"], rows[1]["recasts"], rows[1]["replies"]) == (
        latest.likes,
        latest.recasts,
        latest.replies,
    )
    # And of the last month's only unless it asks for more
    fake_runtime.clock.set(dt.datetime.fromisoformat(rows[0]["at"]) + dt.timedelta(days=31))
    assert ask(host, "metrics") == []
    assert ask(host, "metrics", 40) == rows


def test_an_agent_without_casts_has_no_numbers(make: Make) -> None:
    assert ask(make(), "metrics") == []


# --- the chain ---


def on_chain(*urls: str, chain_id: int = 8453, **grants: Any) -> SkillHost:
    chain = EvmClient(urls, chain_id, sleep=lambda _: None)
    return SkillHost(make_skill(chain=grants or {"max_calls": 20}).grants, chain=lambda: chain)


def test_the_chain_is_read_as_plain_data(evm: Evm) -> None:
    token = evm.deploy("token", "USD Coin", 10**24, types=("string", "uint256")).address
    host = on_chain(evm.url)
    block = ask(host, "chain_read", "block")
    assert (block["chain_id"], block["number"]) == (8453, evm.head())
    assert dt.datetime.fromisoformat(block["time"]).tzinfo is not None
    fees = ask(host, "chain_read", "fees")
    assert fees["max_fee"] == 2 * fees["base_fee"] + fees["priority"]
    balance = ask(host, "chain_read", "balance", address=ACCOUNTS[1].lower())
    assert balance == {"wei": str(10**22), "eth": "10000"}, "beyond 2^53 a number is a text"
    assert ask(host, "chain_read", "token", token) == {"symbol": "USDC", "decimals": 6, "supply": str(10**18)}
    held = ask(host, "chain_read", "token_balance", token, ACCOUNTS[0])
    assert held == {"symbol": "USDC", "decimals": 6, "units": str(10**24), "amount": str(10**18)}
    assert ask(host, "chain_read", "token_balance", token, OWNER)["units"] == 0
    assert host.calls[2].what == f"balance {ACCOUNTS[1]}"


def test_any_function_of_any_contract_can_be_called(evm: Evm) -> None:
    counter = evm.deploy("counter")
    host = on_chain(evm.url)
    signature = (
        "echo(uint256 n, string words, bytes data, int128[] numbers) view returns (uint256, string, bytes, int128[])"
    )
    value = ask(host, "chain_read", "call", counter.address, signature, [str(2**200), "gm", "0x00ff", [-1, 2]])
    assert value == [str(2**200), "gm", "0x00ff", [-1, 2]]
    assert ask(host, "chain_read", "call", counter.address, "count() view returns (uint256)") == 0
    for function, args, words in (
        ("refuse(uint256)", [7], "refused"),
        ("refuse_in_words()", [], "not today"),
        ("count()(uint256)", [], "does not describe a function"),
        ("echo(uint256)", ["x"], "is not a valid uint256"),
        ("nothing() returns (uint256)", [], ""),
    ):
        with refused(words):
            ask(host, "chain_read", "call", counter.address, function, args)


def test_a_node_that_is_not_there_or_of_another_chain_tells_nothing(evm: Evm) -> None:
    with refused("A trial reads the chain only with a node"):
        ask(SkillHost(make_skill().grants), "chain_read", "block")
    for host in (on_chain("http://127.0.0.1:9"), on_chain(evm.url, chain_id=1)):
        with refused("The chain cannot be read now"):
            ask(host, "chain_read", "block")
    assert "chain 8453" in host.calls[0].refused, "the operator is told more than the skill"


def test_a_slow_node_is_given_up_in_time() -> None:
    release = threading.Event()

    class Slow:
        def head(self) -> Any:
            release.wait(60)

    slow: Any = Slow()
    host = SkillHost(make_skill().grants, chain=lambda: slow)
    with refused("The chain did not answer in time"):
        ask(host, "chain_read", "block", deadline=time.monotonic() + 0.3)
    release.set()


def test_the_runtime_gives_its_chain_to_skills(fake_runtime: FakeRuntime) -> None:
    runtime = fake_runtime.runtime
    host = runtime.skill_hosts.host_for(fake_runtime.apply(), make_skill(), {}, call="ada:1:1")
    runtime.__dict__["chain"] = type("Chain", (), {"client": EvmClient(["http://127.0.0.1:9"], 8453, sleep=bool)})
    with refused("The chain cannot be read now"):
        ask(host, "chain_read", "block")


# --- the answers of an example ---


def test_an_example_answers_for_the_world() -> None:
    host = StubHost(
        {
            "http": {
                "https://example.org/": "gm",
                "https://example.org/x": {"status": 404, "text": "no", "content_type": "text/html"},
            },
            "llm": ["one", "two"],
            "memory": {"seen": [1, 2]},
            "metrics": [{"text": "gm", "likes": 3}],
        }
    )
    page = ask(host, "http_get", "https://example.org/")
    assert (page["status"], page["text"], page["url"]) == (200, "gm", "https://example.org/")
    assert ask(host, "http_get", "https://example.org/x")["status"] == 404
    with refused("The example has no answer for 'https://example.org/other'"):
        ask(host, "http_get", "https://example.org/other")
    assert [ask(host, "llm_generate", "?") for _ in range(2)] == ["one", "two"]
    with refused("The example has no further answer of a model"):
        ask(host, "llm_generate", "?")
    assert ask(host, "memory_get", "seen") == [1, 2]
    ask(host, "memory_set", "seen", 3)
    assert ask(host, "memory_get", "seen") == 3
    assert ask(host, "metrics") == [{"text": "gm", "likes": 3}]
    assert host.cost_usd == 0


def test_an_example_is_held_to_the_manifest() -> None:
    skill = make_skill(http={"hosts": [HOST], "hosts_from": ["url"], "max_calls": 2, "max_bytes": 3})
    urls = [f"https://{HOST}/", "https://own.example.net/", "https://evil.example.org/"]
    answers = {"http": dict.fromkeys(urls, "gm") | {urls[1]: "long"}}
    with refused("evil.example.org is not one of the hosts"):
        ask(StubHost(answers, skill.grants), "http_get", urls[2])
    with refused("own.example.net is not one of the hosts"):
        ask(StubHost(answers, skill.grants), "http_get", urls[1])
    host = StubHost(answers, skill.grants, {"url": urls[1]})
    assert ask(host, "http_get", urls[0])["text"] == "gm"
    with refused("larger than 3 bytes"):
        ask(host, "http_get", urls[1])
    with refused("allows 2 calls"):
        ask(host, "http_get", urls[0])
    with refused("needs the grant memory"):
        ask(host, "memory_get", "k")


@pytest.mark.parametrize("answers", [{"http": "gm"}, {"http": {"https://example.org/": 3}}, {"memory": [1]}])
def test_an_example_with_answers_of_another_shape_answers_nothing(answers: Any) -> None:
    host = StubHost(answers)
    with refused("The example has no answer"):
        ask(host, "http_get", "https://example.org/")
    assert ask(host, "memory_get", "k") is None


# --- the record ---


def test_every_call_is_logged_at_debug_level(caplog: pytest.LogCaptureFixture) -> None:
    host = StubHost({"memory": {"k": 1}})
    with caplog.at_level(logging.DEBUG, logger="ceos.skills.host"):
        ask(host, "memory_get", "k")
        with refused("no answer"):
            ask(host, "http_get", "https://example.org/a?key=hush")
    told = [(record.__dict__["event"], record.__dict__["what"]) for record in caplog.records]
    assert told == [("skill.asked", "k"), ("skill.asked", "https://example.org/a")]
    assert "hush" not in caplog.records[0].getMessage()


def test_grants_without_anything_allow_nothing() -> None:
    host = SkillHost(Grants())
    for method in (name for names in METHODS.values() for name in names):
        with refused("needs the grant"):
            ask(host, method)
