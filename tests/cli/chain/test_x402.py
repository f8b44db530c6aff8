"""Buying and selling as an operator does: `ceos chain buy` and `purchases`, the doctor, and the web app wired."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from helpers.evm import ACCOUNTS, Evm
from helpers.skill_setup import TIMES
from helpers.terminal import Terminal, terminal
from helpers.x402_market import BUYER, BUYER_KEY, HOST, MERCHANT, URL, Market, facilitator_site, open_market, serving

from ceos.chain.x402.wire import read_terms
from ceos.clients.http.safe_fetch import Reply
from ceos.skills.lockfile import LOCK_FILE, SkillLock
from ceos.testing import FakeRuntime, fake_runtime
from ceos.web.app import create_app

FILE = """
[[contract]]
name = "usdc"
address = "{token}"
abi = "erc20"
decimals = 6
[x402]
max_usd_per_call = "0.50"
max_usd_per_day = "0.25"
[[x402.allow]]
host = "{host}"
[[x402.offer]]
agent = "ada"
skill = "times"
usd = "0.02"
"""


class Desk:
    """An operator with a chain.toml, a terminal, and a seller at the only host there is."""

    def __init__(self, market: Market, fake: FakeRuntime, run: Terminal) -> None:
        self.market = market
        self.fake = fake
        self.run = run


@pytest.fixture
def desk(evm: Evm, ceos_home: Path, tmp_path: Path, capsys: Any, ceos_simulator: Any) -> Iterator[Desk]:
    (tmp_path / "times.py").write_text(TIMES)
    file = tmp_path / "chain.toml"
    variables = {
        "BASE_RPC_URL": evm.url,
        "BASE_PRIVATE_KEY": BUYER_KEY,
        "CEOS_CHAIN_FILE": str(file),
        "CEOS_SKILL_PATH": str(tmp_path),
        "CEOS_PUBLIC_URL": f"https://{HOST}",
        "X402_FACILITATOR_URL": "http://127.0.0.1:9/",
    }
    with (
        fake_runtime(ceos_home, simulator=ceos_simulator, **variables) as fake,
        terminal(capsys) as run,
    ):
        market = open_market(evm, fake.runtime.database)
        file.write_text(FILE.format(token=market.address, host=HOST))
        fake.runtime.clock = market.clock
        fake.runtime.skill_lock = SkillLock(tmp_path / LOCK_FILE)
        fake.apply(skills=[{"name": "times", "params": {"factor": 3}}])
        fake.runtime.chain.buyer.fetch = market.seller
        yield Desk(market, fake, run)


def test_an_operator_sees_the_price_is_asked_and_buys(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = desk.run("chain", "buy", URL, "--dry-run")
    assert (shown.code, desk.market.earned()) == (0, 0)
    assert f"one payment of 0.1 USDC from {BUYER} to {MERCHANT}" in shown.out
    keyboard = io.StringIO("y\n")
    keyboard.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", keyboard)
    bought = desk.run("chain", "buy", URL, "--key", "mine")
    assert (bought.code, bought.out.strip()) == (0, "Clocks are fine.")
    assert "The key of this purchase is mine." in bought.err
    assert "Paid 0.1 USD." in bought.err
    again = desk.run("chain", "buy", URL, "--key", "mine", "--yes", "--json")
    assert (again.data["status"], again.data["body"], desk.market.earned()) == (
        "delivered",
        "Clocks are fine.",
        100_000,
    )
    listed = desk.run("chain", "purchases")
    assert "Spent or reserved today (UTC): 0.1 USD." in listed.out
    assert [one["key"] for one in desk.run("chain", "purchases", "--json").data] == ["mine"]


def test_a_refused_purchase_prints_its_rule_and_exits_with_1(desk: Desk) -> None:
    for words, rule in (
        ([URL.replace(HOST, "evil.example.org")], "x402-host"),
        ([URL, "--max-usd", "0.05"], "x402-price"),
        ([URL.replace("https", "http")], "x402-host"),
    ):
        refused = desk.run("chain", "buy", *words, "--dry-run")
        assert refused.code == 1
        assert f"({rule})" in refused.err
    assert desk.run("chain", "buy", URL, "--max-usd", "x").code == 2
    assert desk.run("chain", "buy", URL).code == 2
    assert desk.market.seller.payments == []


def test_an_undelivered_purchase_is_delivered_by_the_same_key(desk: Desk, tmp_path: Path) -> None:
    seller = desk.market.seller
    seller.instead = lambda payment: (seller.serve(payment), Reply(503, {}, b""))[1]
    lost = desk.run("chain", "buy", URL, "--key", "mine", "--yes")
    assert lost.code == 1
    assert "is undelivered" in lost.err
    assert "--key mine sends the same payment" in lost.err
    seller.instead = lambda payment: None
    found = desk.run("chain", "buy", URL, "--key", "mine", "--yes", "--output", str(tmp_path / "report"))
    assert (found.code, (tmp_path / "report").read_bytes()) == (0, b"Clocks are fine.")
    assert (len(seller.signatures), desk.market.earned()) == (1, 100_000)


def test_a_price_that_rises_after_it_was_shown_is_refused(desk: Desk) -> None:
    seller, terms = desk.market.seller, desk.market.seller.terms

    def dearer(error: str = "") -> Reply:
        if seller.asked > 1:
            seller.accepts[0]["amount"] = "200000"
        return terms(error)

    seller.terms = dearer  # type: ignore[method-assign]
    refused = desk.run("chain", "buy", URL, "--yes")
    assert (refused.code, seller.payments) == (1, [])
    assert "(x402-price)" in refused.err


def test_the_doctor_reports_why_an_offer_cannot_be_sold(desk: Desk) -> None:
    def shop() -> list[str]:
        found = json.loads(desk.run("doctor", "--json").out)
        return [one["found"] for one in found if one["check"] == "shop"]

    before = shop()
    assert any("'times' by 'ada' cannot be served" in line for line in before)
    assert any("The facilitator could not be reached" in line for line in before)
    runtime = desk.fake.runtime
    runtime.skill_lock.allow(runtime.plugins.skill("times"))
    with facilitator_site(desk.market.facilitator) as site:
        runtime.chain.seller._facilitator._api.base_url = site.url
        assert shop() == ["1 skill on offer."]


def test_the_wired_web_app_sells_for_the_agents_own_account(desk: Desk) -> None:
    runtime = desk.fake.runtime
    runtime.skill_lock.allow(runtime.plugins.skill("times"))
    with serving(create_app(None, seller=runtime.chain.seller)) as address:
        answer = requests.get(f"{address}/x402/ada/times?number=2", timeout=60)
        lost = requests.get(f"{address}/x402/ada/nothing", timeout=60)
        paid = requests.get(f"{address}/x402/ada/times", headers={"X-PAYMENT": "%"}, timeout=60)
    terms = read_terms({"payment-required": answer.headers["payment-required"]}, b"")
    assert (answer.status_code, lost.status_code, paid.status_code) == (402, 404, 400)
    assert (terms.offers[0].pay_to, terms.offers[0].amount) == (ACCOUNTS[1], "20000")
    assert terms.resource
    assert terms.resource["url"] == f"https://{HOST}/x402/ada/times"
    assert answer.headers["access-control-allow-origin"] == "*"


def test_the_wired_buyer_stops_with_the_halt_switch(desk: Desk) -> None:
    desk.run("panic", "--reason", "stop everything")
    stopped = desk.run("chain", "buy", URL, "--key", "halted", "--yes")
    assert (stopped.code != 0, "stop everything" in stopped.err, desk.market.earned()) == (True, True, 0)
    desk.run("unpanic")
    assert desk.run("chain", "buy", URL, "--key", "halted", "--yes").code == 0
