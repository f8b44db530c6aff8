"""Selling over HTTP (x402): a skill runs once for a payment, and there is no response without a settlement."""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from helpers.evm import ACCOUNTS, Evm
from helpers.skill_setup import TIMES, skill
from helpers.web_app import Site
from helpers.x402_market import (
    BUYER,
    BUYER_KEY,
    CHAIN_ID,
    HOST,
    MERCHANT,
    USD,
    FacilitatorSite,
    Market,
    facilitator_site,
    open_market,
)

from ceos.chain.config.models import Offer
from ceos.chain.x402.facilitator import Facilitator
from ceos.chain.x402.seller import MAX_FAILURES, SaleRequest, SaleResponse, Seller
from ceos.chain.x402.skill_offers import OfferedSkill, SkillOffers
from ceos.chain.x402.store import PurchaseStatus
from ceos.chain.x402.wire import AUTHORIZATION, Authorization, read_outcome, read_terms
from ceos.clients.http.safe_fetch import Reply
from ceos.domain.agent import SkillUse
from ceos.errors import InvalidInput, RangeRefused, SandboxUnavailable
from ceos.sandbox.executor import Sandbox
from ceos.skills.lockfile import LOCK_FILE, SkillLock
from ceos.skills.params import value_problems
from ceos.testing import FakeRuntime, fake_runtime, make_agent

READER = skill(
    "reader",
    'return ctx.http_get(params["feed"])["text"]',
    "tool",
    params={"type": "object", "properties": {"feed": {"type": "string"}}, "required": ["feed"]},
    grants={"http": {"hosts_from": ["feed"]}},
)
PRICE = 20_000


class Counter:
    """A seller of the skill `times`, whose factor the operator has set, and its buyers."""

    def __init__(self, market: Market, seller: Seller, fake: FakeRuntime, site: FacilitatorSite) -> None:
        self.market = market
        self.seller = seller
        self.fake = fake
        self.site = site
        #: How often a skill was run.
        self.runs = 0

    def ask(self, header: dict[str, str] | None = None, skill: str = "times", **query: str) -> SaleResponse:
        """Ask for the product of a number and 3."""
        asked = query or {"number": "14"}
        return self.seller.serve("ada", skill, SaleRequest(f"https://{HOST}/x402/ada/{skill}", header or {}, asked))

    def payment(self, version: int = 2, **changes: Any) -> dict[str, str]:
        """Return the header of a valid payment with changes."""
        market, asked = self.market, self.ask()
        terms = read_terms(asked.headers if version == 2 else {}, asked.body)
        offer = dict(terms.offers[0].raw)
        now = int(market.clock.now().timestamp())
        order = Authorization(BUYER, MERCHANT, PRICE, 0, now + 110, "0x" + secrets.token_hex(32))
        order = replace(order, **{name: value for name, value in changes.items() if hasattr(order, name)})
        signature = market.wallets.sign_typed_data("", market.token.usdc.domain(), AUTHORIZATION, order.message())
        payload = {"signature": changes.get("signature", signature), "authorization": order.to_json()}
        told: dict[str, Any] = {"x402Version": version, "payload": payload}
        accepted = {**offer, **changes.get("accepted", {})}
        told |= (
            {"accepted": accepted} if version == 2 else {"scheme": accepted["scheme"], "network": accepted["network"]}
        )
        return {{2: "PAYMENT-SIGNATURE", 1: "X-PAYMENT"}[version]: base64.b64encode(json.dumps(told).encode()).decode()}

    def earned(self) -> int:
        return self.market.earned()


class Borrowed:
    """A sandbox that several runtimes share, and none closes."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.run, self.read_document = sandbox.run, sandbox.read_document

    def close(self) -> None:
        """Keep the sandbox open."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with closing(Sandbox()) as made:
        made.warm()
        yield made


@pytest.fixture
def counter(evm: Evm, tmp_path: Path, ceos_home: Path, ceos_simulator: Any, sandbox: Sandbox) -> Iterator[Counter]:
    for name, source in (("times", TIMES), ("reader", READER)):
        (tmp_path / f"{name}.py").write_text(source)
    with fake_runtime(ceos_home, simulator=ceos_simulator, CEOS_SKILL_PATH=str(tmp_path)) as fake:
        runtime = fake.runtime
        runtime.sandbox = Borrowed(sandbox)  # type: ignore[assignment]
        runtime.skill_lock = SkillLock(tmp_path / LOCK_FILE)
        for name in ("times", "reader"):
            runtime.skill_lock.allow(runtime.plugins.skill(name))
        fake.apply(skills=[{"name": "times", "params": {"factor": 3}}, {"name": "reader"}])
        market = open_market(evm, runtime.database)
        runtime.clock = market.clock
        with facilitator_site(market.facilitator) as site:
            made = Counter(market, make_seller(market, fake, site.url), fake, site)
            run = made.seller._skills.run_offered

            def counted(*args: Any, **options: Any) -> Any:
                made.runs += 1
                return run(*args, **options)

            made.seller._skills.run_offered = counted  # type: ignore[method-assign]
            yield made


def make_seller(market: Market, fake: FakeRuntime, facilitator: str) -> Seller:
    fields = {"agent": "ada", "usd": "0.02", "pay_to": MERCHANT, "description": "Times."}
    return Seller(
        tuple(Offer.model_validate({**fields, "skill": name}) for name in ("times", "reader")),
        SkillOffers(fake.runtime.skill_deps),
        market.token,
        market.payments,
        Facilitator(facilitator, sleep=lambda seconds: None),
        account=lambda agent_id: ACCOUNTS[0],
        clock=market.clock,
        public_url=f"https://{HOST}",
    )


def result(served: SaleResponse) -> Any:
    """Return the outcome that a buyer got."""
    return read_outcome(served.headers)


# Paid requests


def test_a_request_without_a_payment_gets_the_terms_in_both_versions(counter: Counter) -> None:
    served = counter.ask()
    assert (served.status, counter.runs) == (402, 0)
    new, old = read_terms(served.headers, b""), read_terms({}, served.body)
    assert [(terms.version, terms.offers[0].amount, terms.offers[0].pay_to) for terms in (new, old)] == [
        (2, str(PRICE), MERCHANT),
        (1, str(PRICE), MERCHANT),
    ]
    assert new.resource
    assert new.resource["url"] == f"https://{HOST}/x402/ada/times"
    # The schema has the buyer's parameters, and not those that the operator has set.
    assert json.loads(served.body)["accepts"][0]["outputSchema"]["input"]["params"]["properties"].keys() == {"number"}


@pytest.mark.parametrize("version", [1, 2])
def test_a_paid_request_is_served_and_charged_once(counter: Counter, version: int) -> None:
    payment = counter.payment(version)
    served = counter.ask(payment)
    assert (served.status, json.loads(served.body)) == (200, {"product": 42})
    assert result(served).success
    assert counter.market.evm.rpc("eth_getTransactionReceipt", result(served).transaction)["status"] == "0x1"
    again = counter.ask(payment)
    assert (again.status, again.body, again.headers) == (200, served.body, served.headers)
    assert (counter.runs, counter.earned(), len(counter.site.facilitator.settled)) == (1, PRICE, 1)


def test_the_client_of_the_package_buys_from_our_seller_over_http(counter: Counter) -> None:
    from eth_account import Account
    from x402 import x402ClientSync
    from x402.http.clients import x402_requests
    from x402.mechanisms.evm.exact import register_exact_evm_client

    client = x402ClientSync()
    client.set_spend_controls(False)
    register_exact_evm_client(client, Account.from_key(BUYER_KEY), networks=f"eip155:{CHAIN_ID}")
    with Site(None, seller=counter.seller) as site, x402_requests(client) as session:
        host, port = site.address
        answer = session.get(f"http://{host}:{port}/x402/ada/times?number=5", timeout=60)
        posted = session.post(f"http://{host}:{port}/x402/ada/times", json={"number": 6}, timeout=60)
        broken = requests.post(f"http://{host}:{port}/x402/ada/times", data=b"{", timeout=60)
        nothing = requests.get(f"http://{host}:{port}/x402/ada/other", timeout=60)
    assert (answer.status_code, answer.json()) == (200, {"product": 15})
    assert (posted.status_code, posted.json()) == (200, {"product": 18})
    assert (broken.status_code, nothing.status_code) == (400, 404)
    assert (answer.headers["cache-control"], counter.earned()) == ("no-store", 2 * PRICE)


@pytest.mark.parametrize("version", [1, 2])
def test_our_buyer_buys_from_our_seller(counter: Counter, version: int) -> None:
    def fetch(url: str, *, headers: Any = None, **limits: Any) -> Reply:
        del url, limits
        served = counter.ask(dict(headers or {}), number="7")
        told = {name.lower(): value for name, value in served.headers.items()}
        if version == 1:
            told.pop("payment-required", None)
        return Reply(served.status, {**told, "content-type": served.content_type}, served.body)

    buyer = counter.market.buyer(fetch)
    bought = buyer.buy(f"https://{HOST}/x402/ada/times?number=7", agent="ada", key="k")
    assert (bought.status, json.loads(bought.body)) == (PurchaseStatus.DELIVERED, {"product": 21})
    assert buyer.spent_today("ada") * USD == counter.earned() == PRICE


# Refused payments


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"to": ACCOUNTS[0]}, "recipient_mismatch"),
        ({"value": PRICE - 1}, "value_mismatch"),
        ({"value": PRICE + 1}, "value_mismatch"),
        ({"valid_before": 1}, "valid_before"),
        ({"valid_after": 2**40}, "valid_after"),
        ({"accepted": {"scheme": "upto"}}, "unsupported_scheme"),
        ({"accepted": {"network": "eip155:1"}}, "invalid_network"),
        ({"accepted": {"amount": "1"}}, "invalid_payment_requirements"),
        ({"accepted": {"payTo": ACCOUNTS[0]}}, "invalid_payment_requirements"),
        ({"accepted": {"asset": ACCOUNTS[0]}}, "invalid_payment_requirements"),
        ({"signature": "0x" + "11" * 65}, "signature"),
    ],
)
def test_a_payment_that_does_not_match_the_terms_buys_nothing(
    counter: Counter, changes: dict[str, Any], reason: str
) -> None:
    served = counter.ask(counter.payment(**changes))
    assert served.status == 402
    assert (result(served).success, reason in result(served).reason) == (False, True)
    assert read_terms(served.headers, served.body).offers[0].amount == str(PRICE)
    assert (counter.runs, counter.earned()) == (0, 0)


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"PAYMENT-SIGNATURE": "%%%"}, {}, 400),
        ({"PAYMENT-SIGNATURE": base64.b64encode(b"{}").decode()}, {}, 400),
        ({"X-PAYMENT": base64.b64encode(b'{"x402Version":2}').decode()}, {}, 400),
        ({"X-PAYMENT": base64.b64encode(b'{"x402Version":1,"more":NaN}').decode()}, {}, 400),
        ({"X-PAYMENT": base64.b64encode(b'{"x402Version":1,"a":' + b"[" * 500 + b"]" * 500 + b"}").decode()}, {}, 400),
        (None, {"number": "NaN"}, 400),
        (None, {"number": "1000"}, 400),
        (None, {"number": "1", "factor": "1", "more": "1"}, 400),
        (None, {"number": "x"}, 400),
    ],
)
def test_a_malformed_request_is_refused_before_anything_is_charged(
    counter: Counter, headers: dict[str, str] | None, query: dict[str, str], status: int
) -> None:
    assert counter.ask(counter.payment() if headers is None else headers, **query).status == status
    assert (counter.runs, counter.site.facilitator.verified, counter.earned()) == (0, [], 0)


def test_the_operators_parameters_take_precedence_over_a_buyers(counter: Counter) -> None:
    served = counter.ask(counter.payment(), number="2", factor="1000")
    assert json.loads(served.body) == {"product": 6}


def test_one_payment_buys_one_thing(counter: Counter) -> None:
    payment = counter.payment()
    assert counter.ask(payment).status == 200
    other = counter.ask(payment, number="15")
    assert (other.status, result(other).reason) == (402, "payment_already_used")
    assert (counter.runs, counter.earned()) == (1, PRICE)


def test_a_payment_that_was_charged_elsewhere_buys_nothing(counter: Counter) -> None:
    payment = counter.payment()
    told = json.loads(base64.b64decode(payment["PAYMENT-SIGNATURE"]))
    assert counter.site.facilitator.settle(told, told["accepted"])["success"]
    assert counter.ask(payment).status == 402
    assert counter.runs == 0


def test_a_buyer_who_spends_the_money_before_the_settlement_gets_no_response(counter: Counter) -> None:
    evm, coin = counter.market.evm, counter.market.coin

    def spend(path: str) -> None:
        if path == "/settle":
            evm.send(coin.address, coin.encode("transfer(address,uint256)", ACCOUNTS[0], 100 * USD), sender=BUYER)

    payment = counter.payment()
    counter.site.before = spend
    served = counter.ask(payment)
    assert (served.status, b"product" in served.body, result(served).success) == (402, False, False)
    assert (counter.runs, counter.earned()) == (1, 0)
    # With the money back, the same payment gets the stored response, and the skill does not run again.
    counter.site.before = lambda path: None
    evm.send(coin.address, coin.encode("transfer(address,uint256)", BUYER, 100 * USD))
    assert json.loads(counter.ask(payment).body) == {"product": 42}
    assert (counter.runs, counter.earned()) == (1, PRICE)


def test_a_nonce_used_for_another_recipient_is_not_a_payment(counter: Counter) -> None:
    """A buyer signs two authorizations with one nonce, and the other one is charged after ours was verified."""
    market = counter.market
    payment = counter.payment(nonce="0x" + "77" * 32)
    friend = Authorization(BUYER, ACCOUNTS[0], PRICE, 0, int(market.clock.now().timestamp()) + 100, "0x" + "77" * 32)
    signed = market.wallets.sign_typed_data("", market.token.usdc.domain(), AUTHORIZATION, friend.message())
    r, s, v = (bytes.fromhex(part) for part in (signed[2:66], signed[66:130], signed[130:]))
    signature = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"
    data = market.coin.encode(signature, *friend.message().values(), v[0], r, s)

    def overtake(path: str) -> None:
        if path == "/settle":
            market.evm.send(market.address, data)

    counter.site.before = overtake
    served = counter.ask(payment)
    assert (served.status, counter.earned()) == (402, 0)
    assert b"product" not in served.body


def test_a_second_payment_in_the_message_does_not_reach_the_facilitator(counter: Counter) -> None:
    ((name, value),) = counter.payment().items()
    told = json.loads(base64.b64decode(value))
    told["payload"]["permit2Authorization"] = {"from": BUYER}
    told["extensions"] = {"more": 1}
    told["accepted"]["extra"]["assetTransferMethod"] = "permit2"
    seen, verify = [], counter.site.facilitator.verify

    def judge(payment: Any, requirements: Any) -> Any:
        seen.append(payment)
        return verify(payment, requirements)

    counter.site.facilitator.verify = judge  # type: ignore[method-assign]
    assert counter.ask({name: base64.b64encode(json.dumps(told).encode()).decode()}).status == 200
    (payment,) = seen
    assert (set(payment), set(payment["payload"])) == (
        {"x402Version", "accepted", "payload"},
        {"signature", "authorization"},
    )
    assert "assetTransferMethod" not in payment["accepted"]["extra"]


def test_a_balance_for_one_payment_runs_the_skill_once(counter: Counter) -> None:
    """A buyer sends many payments at once, and its balance covers each of them, but not all."""
    run, payments = counter.seller._skills.run_offered, [counter.payment() for _ in range(4)]
    inner: list[SaleResponse] = []

    def greedy(*args: Any, **options: Any) -> Any:
        if not inner:
            inner.append(counter.ask(payments[1]))
        return run(*args, **options)

    counter.seller._skills.run_offered = greedy  # type: ignore[method-assign]
    assert (counter.ask(payments[0]).status, [served.status for served in inner]) == (200, [503])
    # A settled sale does not block another one of the account; an unsettled one does.
    assert counter.ask(payments[1]).status == 200
    counter.site.facilitator.settle = lambda *_: {"success": False, "errorReason": "no"}  # type: ignore[method-assign]
    assert [counter.ask(payment).status for payment in payments[2:]] == [402, 503]
    client: Any = counter.market.database.client
    kept = {client.hget(key, "st"): client.ttl(key) for key in client.keys("ceos:sale:*")}
    assert kept["answered"] <= 3600 < kept["settled"]


def test_a_change_of_the_operators_parameters_does_not_affect_a_paid_response(counter: Counter) -> None:
    payment = counter.payment()
    sold = counter.ask(payment)
    counter.fake.apply(skills=[{"name": "times", "params": {"factor": 4}}])
    assert counter.ask(payment).body == sold.body


def test_a_refusal_does_not_quote_the_operators_parameters() -> None:
    schema = {"type": "object", "properties": {"token": {"type": "string"}}, "required": ["number"], "maxProperties": 2}
    part: Any = SimpleNamespace(check_params=lambda params: value_problems(schema, params))
    sold = OfferedSkill(make_agent(), part, SkillUse(name="x", params={"token": "operators-own"}))
    with pytest.raises(InvalidInput) as caught:
        sold.params({"a": 1, "b": 2})
    assert sorted(str(caught.value).splitlines()) == [
        "params.number: required param is missing.",
        "params: these values do not fit together.",
    ]


# Failures


def test_a_node_that_searches_few_blocks_at_once_finds_the_payment(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = counter.market
    market.evm.mine(700)
    logs = market.client.logs

    def narrow(address: Any, topics: Any, start: int, end: int) -> Any:
        if end - start >= 200:
            raise RangeRefused
        return logs(address, topics, start, end)

    monkeypatch.setattr(market.client, "logs", narrow)
    counter.site.after = lambda path: path == "/settle"
    assert (counter.ask(counter.payment()).status, counter.earned()) == (200, PRICE)


def test_a_sale_that_outlives_its_lease_is_not_charged(counter: Counter) -> None:
    client: Any = counter.market.database.client
    run, payment = counter.seller._skills.run_offered, counter.payment()

    def slow(*args: Any, **options: Any) -> Any:
        client.delete(*client.keys("ceos:sale:*"))
        return run(*args, **options)

    counter.seller._skills.run_offered = slow  # type: ignore[method-assign]
    assert (counter.ask(payment).status, counter.earned()) == (503, 0)
    counter.seller._skills.run_offered = run  # type: ignore[method-assign]
    assert (counter.ask(payment).status, counter.earned()) == (200, PRICE)


@pytest.mark.parametrize(
    "told",
    [
        {"success": False, "errorReason": "settlement_pending", "transaction": "0x" + "ab" * 32},
        {"success": True, "transaction": ""},
    ],
)
def test_an_unknown_settlement_is_neither_served_nor_charged_again(counter: Counter, told: dict[str, Any]) -> None:
    settle, payment = counter.site.facilitator.settle, counter.payment()
    counter.site.facilitator.settle = lambda *_: told  # type: ignore[method-assign]
    served = counter.ask(payment)
    assert (served.status, b"product" in served.body) == (503, False)
    counter.site.facilitator.settle = settle  # type: ignore[method-assign]
    assert (counter.ask(payment).status, counter.runs, counter.earned()) == (200, 1, PRICE)


def test_two_concurrent_requests_run_the_skill_once(counter: Counter) -> None:
    payment = counter.payment()
    gate, run = threading.Barrier(2, timeout=60), counter.seller._skills.run_offered

    def slow(*args: Any, **options: Any) -> Any:
        gate.wait()
        gate.wait()
        return run(*args, **options)

    counter.seller._skills.run_offered = slow  # type: ignore[method-assign]
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(counter.ask, payment)
        gate.wait()
        second = counter.ask(payment)
        gate.wait()
        assert first.result().status == 200
    assert (second.status, second.headers["retry-after"]) == (409, "5")
    assert (counter.ask(payment).body, counter.earned()) == (first.result().body, PRICE)


class Killed(BaseException):
    """The death of the process."""


@pytest.mark.parametrize("step", ["verify", "run", "answered", "settle", "settled"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_seller_killed_at_any_step_charges_once_and_serves(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    market, payment = counter.market, counter.payment()
    seller, record_sale = counter.seller, market.payments.record_sale
    owner: Any = {"verify": seller._facilitator, "settle": seller._facilitator, "run": seller._skills}.get(
        step, market.payments
    )
    name = {"answered": "record_sale", "settled": "record_sale", "run": "run_offered"}.get(step, step)
    real = getattr(owner, name)

    def dying(*args: Any, **options: Any) -> Any:
        if name == "record_sale" and args[2] != step:
            return real(*args, **options)
        if when == "after":
            real(*args, **options)
        # A dead process records nothing more.
        monkeypatch.setattr(market.payments, "record_sale", lambda *args, **options: True)
        raise Killed

    monkeypatch.setattr(owner, name, dying)
    with pytest.raises(Killed):
        counter.ask(payment)
    monkeypatch.setattr(owner, name, real)
    monkeypatch.setattr(market.payments, "record_sale", record_sale)
    client: Any = market.database.client
    (sale,) = client.keys("ceos:sale:*")
    if client.hget(sale, "st") != "settled":
        assert counter.ask(payment).status == 409
        client.hset(sale, "lease", 0)
    served = counter.ask(payment)
    assert (served.status, json.loads(served.body)) == (200, {"product": 42})
    assert counter.earned() == PRICE
    assert counter.runs <= 2 if step in ("run", "answered") else counter.runs == 1


def test_a_lost_settlement_is_found_on_chain(counter: Counter) -> None:
    counter.site.after = lambda path: path == "/settle"
    served = counter.ask(counter.payment())
    assert (served.status, json.loads(served.body)) == (200, {"product": 42})
    assert counter.market.evm.rpc("eth_getTransactionReceipt", result(served).transaction)["status"] == "0x1"
    assert counter.earned() == PRICE


def test_buyers_are_asked_to_retry_while_the_facilitator_is_down(counter: Counter) -> None:
    counter.site.stop()
    payment = counter.payment()
    assert counter.ask(payment).status == 503
    assert (counter.runs, counter.earned()) == (0, 0)
    with facilitator_site(counter.market.facilitator) as site:
        counter.seller = make_seller(counter.market, counter.fake, site.url)
        assert counter.ask(payment).status == 200
    counter.site._server = site._server


def test_a_failing_skill_costs_nothing_and_is_tried_a_limited_number_of_times(counter: Counter) -> None:
    payment = counter.payment()
    statuses = [counter.ask(payment, number="13").status for _ in range(MAX_FAILURES + 1)]
    assert statuses == [500] * MAX_FAILURES + [402]
    assert (counter.runs, counter.earned()) == (MAX_FAILURES, 0)
    # Buyers cannot switch a skill off for the agent.
    assert counter.fake.runtime.skill_store.skill_failures("ada") == {}


def test_an_unavailable_sandbox_does_not_count_as_a_failure(counter: Counter) -> None:
    payment, run = counter.payment(), counter.seller._skills.run_offered

    def away(*args: Any, **options: Any) -> Any:
        raise SandboxUnavailable

    counter.seller._skills.run_offered = away  # type: ignore[method-assign]
    assert [counter.ask(payment).status for _ in range(MAX_FAILURES + 1)] == [503] * (MAX_FAILURES + 1)
    counter.seller._skills.run_offered = run  # type: ignore[method-assign]
    assert (counter.ask(payment).status, counter.earned()) == (200, PRICE)


def test_only_skills_that_the_agent_uses_and_the_operator_allowed_are_sold(counter: Counter) -> None:
    assert counter.ask(skill="other").status == 404
    runtime = counter.fake.runtime
    runtime.skill_lock.forget("times")
    assert counter.ask().status == 404
    runtime.skill_lock.allow(runtime.plugins.skill("times"))
    assert counter.ask().status == 402
    counter.fake.apply(skills=[])
    assert counter.ask().status == 404


def test_a_buyers_parameter_opens_no_host(counter: Counter) -> None:
    hosts = counter.fake.runtime.skill_hosts
    host_for, asked = hosts.host_for, []

    def watched(*args: Any, **options: Any) -> Any:
        made = host_for(*args, **options)
        asked.append(made)
        return made

    hosts.host_for = watched  # type: ignore[method-assign]
    served = counter.ask(counter.payment(), skill="reader", feed="https://evil.example.org/")
    assert (served.status, counter.earned()) == (500, 0)
    (call,) = asked[0].calls
    assert "not one of the hosts" in call.refused


# Arguments of the calls to other modules


def test_skill_offers_run_a_skill_with_the_operators_grants_and_without_the_agents_history(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[tuple[Any, ...]] = []
    hosts: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    deps = counter.fake.runtime.skill_deps

    def run_skill(*args: Any, **options: Any) -> Any:
        runs.append((args, options))
        return SimpleNamespace(value={"product": 0})

    host_for = deps.hosts.host_for

    def watched(*args: Any, **options: Any) -> Any:
        hosts.append((args, options))
        return host_for(*args, **options)

    monkeypatch.setattr("ceos.chain.x402.skill_offers.run_skill", run_skill)
    monkeypatch.setattr(deps.hosts, "host_for", watched)
    offers = SkillOffers(deps)
    found = offers.offered_skill(counter.seller.offers[0])
    assert offers.run_offered(found, {"number": 14, "factor": 3}, call="x402:1:2") == {"product": 0}
    ((args, options),) = runs
    sandbox, skill, params, inputs, host = args
    assert (sandbox, skill.name, params) == (deps.sandbox, "times", {"number": 14, "factor": 3})
    assert (inputs["recent"], inputs["draft"], inputs["topic"]) == ([], None, "")
    assert options == {"now": counter.market.clock.now(), "seed": "ada|x402:1:2|times"}
    ((asked, named),) = hosts
    assert (asked[0].id, asked[1].name, asked[2], named) == ("ada", "times", {"factor": 3}, {"call": "x402:1:2"})
    assert host is not None


def test_seller_claims_a_payment_by_its_nonce_for_longer_than_serving_takes(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims: list[tuple[Any, ...]] = []
    claim = counter.market.payments.claim_payment

    def watched(*args: Any) -> Any:
        claims.append(args)
        return claim(*args)

    monkeypatch.setattr(counter.market.payments, "claim_payment", watched)
    assert counter.ask(counter.payment(nonce="0x" + "55" * 32)).status == 200
    ((payment, digest, token, lease_ms, max_failures),) = claims
    assert payment == f"eip155:{CHAIN_ID}:{BUYER.lower()}:0x{'55' * 32}"
    assert (len(digest), len(token), lease_ms, max_failures) == (64, 32, 240_000, MAX_FAILURES)
