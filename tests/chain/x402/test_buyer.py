"""Buying over HTTP (x402): refused offers are never signed, and a purchase is paid once despite crashes."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import json
import logging
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import requests
from helpers.evm import ACCOUNTS, Evm, running_evm
from helpers.raw_server import CERTIFICATE, RawServer, head, redirect, repeat, send
from helpers.raw_server import HOST as FEEDS
from helpers.x402_market import (
    BUYER,
    BUYER_KEY,
    HOST,
    MERCHANT,
    URL,
    USD,
    FakeSeller,
    Market,
    encoded,
    offer,
    open_market,
    serving,
    x402_rules,
)
from hypothesis import given
from hypothesis import strategies as st

from ceos.chain.tx.wallets import Wallets
from ceos.chain.x402.buyer import (
    DELIVERY_SECONDS,
    GRACE_SECONDS,
    MAX_ATTEMPTS,
    MAX_RESPONSE_BYTES,
    PRICE_SECONDS,
)
from ceos.chain.x402.policy import USDC_BY_CHAIN, PaymentOffer, PurchaseRequest, Usdc, choose_offer
from ceos.chain.x402.store import PurchaseStatus, payment_nonce
from ceos.chain.x402.wire import (
    AUTHORIZATION,
    Authorization,
    PaymentTerms,
    read_outcome,
    read_payment,
    read_terms,
    write_outcome,
    write_payment,
    write_terms,
)
from ceos.clients.http import safe_fetch
from ceos.clients.http.safe_fetch import Reply
from ceos.errors import (
    HostRefused,
    InvalidInput,
    KeyRefused,
    PolicyRefused,
    RequestRefused,
    ServiceUnavailable,
    WrongChain,
)
from ceos.evm.client import EvmClient
from ceos.settings import Settings
from ceos.testing import FakeRuntime

USDC = USDC_BY_CHAIN[8453]


@pytest.fixture
def market(evm: Evm, fake_runtime: FakeRuntime) -> Market:
    return open_market(evm, fake_runtime.runtime.database)


# What is signed


def test_the_signature_is_that_of_the_fact_sheet() -> None:
    environ = {"BASE_PRIVATE_KEY": "0x" + "11" * 32, "BASE_CHAIN_ID": "84532"}
    wallets = Wallets.from_settings(Settings.from_env(environ, dotenv=None))
    sender = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"
    order = Authorization(sender, "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", 10000, 0, 1740672154, "0x" + "22" * 32)
    signature = wallets.sign_typed_data("", USDC_BY_CHAIN[84532].domain(), AUTHORIZATION, order.message())
    assert signature == (
        "0x539b619eda328caaf639e244cd5cadf32c58c4a66d79814f36705ff0c58382b3"
        "5ca8dbb3389e8f7178d35734e14f25c45670b861fffbdcce53300668b8b3be691c"
    )


def test_the_known_usdc_tokens_are_those_of_the_package() -> None:
    from x402.mechanisms.evm.default_assets import DEFAULT_ASSETS

    for chain_id, dollar in USDC_BY_CHAIN.items():
        told = DEFAULT_ASSETS[f"eip155:{chain_id}"][0]
        assert (told["asset"], told["name"], told["version"], told["decimals"]) == (
            *(dollar.address, dollar.name, dollar.version, dollar.decimals),
        )


# Which offers are taken


def told(**changes: Any) -> PaymentOffer:
    """Return an allowed offer with changes."""
    fine = PaymentOffer(2, "exact", "eip155:8453", USDC.address, "100000", MERCHANT, 60, {"name": "USD Coin"})
    return replace(fine, **changes)


HOSTILE = [
    ("x402-host", "another host", {}, {"host": "evil.example.org"}, {}),
    ("x402-host", "a host under the allowed one", {}, {"host": f"a.{HOST}"}, {}),
    ("x402-host", "a host that ends like it", {}, {"host": f"x{HOST}"}, {}),
    ("x402-host", "nothing is allowed", {}, {}, {"allow": []}),
    ("x402-agent", "another agent", {}, {"agent": "ben"}, {"allow": [{"host": HOST, "agents": ["ada"]}]}),
    ("x402-agent", "the operator", {}, {}, {"allow": [{"host": HOST, "agents": ["ada"]}]}),
    ("x402-scheme", "up to an amount", {"scheme": "upto"}, {}, {}),
    ("x402-scheme", "capital letters", {"scheme": "Exact"}, {}, {}),
    ("x402-scheme", "permit2", {"extra": {"assetTransferMethod": "permit2"}}, {}, {}),
    ("x402-network", "another chain", {"network": "eip155:1"}, {}, {}),
    ("x402-network", "the test net", {"network": "eip155:84532"}, {}, {}),
    ("x402-network", "the name of version 1", {"network": "base"}, {}, {}),
    ("x402-network", "a number alone", {"network": "8453"}, {}, {}),
    ("x402-network", "version 1 and the name of 2", {"version": 1}, {}, {}),
    ("x402-asset", "another token", {"asset": ACCOUNTS[0]}, {}, {}),
    ("x402-asset", "the test net's USDC", {"asset": USDC_BY_CHAIN[84532].address}, {}, {}),
    ("x402-asset", "no address", {"asset": "USDC"}, {}, {}),
    ("x402-asset", "a wrong checksum", {"asset": USDC.address.replace("fC", "Fc")}, {}, {}),
    ("x402-domain", "the test net's name", {"extra": {"name": "USDC", "version": "2"}}, {}, {}),
    ("x402-domain", "another version", {"extra": {"name": "USD Coin", "version": "1"}}, {}, {}),
    ("x402-domain", "a name that looks alike", {"extra": {"name": "USD\u00a0Coin"}}, {}, {}),
    ("x402-domain", "a number for a version", {"extra": {"name": "USD Coin", "version": 2}}, {}, {}),
    ("x402-domain", "no name", {"extra": {"name": None}}, {}, {}),
    ("x402-recipient", "nobody", {"pay_to": "0x" + "0" * 40}, {}, {}),
    ("x402-recipient", "the token", {"pay_to": USDC.address}, {}, {}),
    ("x402-recipient", "the buyer", {"pay_to": BUYER}, {}, {}),
    ("x402-recipient", "a wrong checksum", {"pay_to": MERCHANT.replace("93b9", "93B9")}, {}, {}),
    ("x402-recipient", "a name", {"pay_to": "merchant.eth"}, {}, {}),
    ("x402-recipient", "one not listed", {}, {}, {"allow": [{"host": HOST, "pay_to": [ACCOUNTS[0]]}]}),
    ("x402-amount", "nothing", {"amount": "0"}, {}, {}),
    ("x402-amount", "less than nothing", {"amount": "-1"}, {}, {}),
    ("x402-amount", "no number", {"amount": ""}, {}, {}),
    ("x402-amount", "hex", {"amount": "0x10"}, {}, {}),
    ("x402-amount", "a point", {"amount": "1.0"}, {}, {}),
    ("x402-amount", "a power", {"amount": "1e3"}, {}, {}),
    ("x402-amount", "an underscore", {"amount": "1_000"}, {}, {}),
    ("x402-amount", "a blank", {"amount": " 1"}, {}, {}),
    ("x402-amount", "other digits", {"amount": "\u0661\u0662"}, {}, {}),
    ("x402-amount", "a zero in front", {"amount": "01"}, {}, {}),
    ("x402-amount", "all there is", {"amount": str(2**256 - 1)}, {}, {}),
    ("x402-amount", "more than fits", {"amount": "9" * 5000}, {}, {}),
    ("x402-price", "a millionth too much", {"amount": "500001"}, {}, {}),
    ("x402-price", "too much for the host", {}, {}, {"allow": [{"host": HOST, "max_usd_per_call": "0.09"}]}),
    ("x402-price", "too much for the caller", {}, {"max_usd": Decimal("0.099999")}, {}),
    ("x402-price", "no cap in the file", {}, {}, {"max_usd_per_call": "0"}),
    ("x402-timeout", "no time", {"seconds": 0}, {}, {}),
    ("x402-timeout", "less than no time", {"seconds": -60}, {}, {}),
    ("x402-timeout", "hardly any", {"seconds": 9}, {}, {}),
]


@pytest.mark.parametrize(
    ("rule", "why", "changes", "buyer", "rules"), HOSTILE, ids=[f"{r}: {w}" for r, w, *_ in HOSTILE]
)
def test_a_hostile_offer_is_refused_by_its_rule(
    rule: str, why: str, changes: dict[str, Any], buyer: dict[str, Any], rules: dict[str, Any]
) -> None:
    del why
    who = PurchaseRequest(**{"host": HOST, "account": BUYER, **buyer})
    with pytest.raises(PolicyRefused) as caught:
        choose_offer([told(**changes)], x402_rules(**rules), who, USDC)
    assert caught.value.rule == rule
    assert f"({rule})" in str(caught.value)
    assert str(caught.value).endswith("Nothing was signed.")


def test_the_table_of_hostile_offers_begins_with_one_that_is_fine() -> None:
    choice = choose_offer([told()], x402_rules(), PurchaseRequest(HOST, account=BUYER), USDC)
    assert (choice.pay_to, choice.amount, choice.usd, choice.seconds) == (MERCHANT, 100_000, Decimal("0.1"), 60)


def test_no_payment_is_valid_for_longer_than_the_limit() -> None:
    assert choose_offer([told(seconds=10**9)], x402_rules(), PurchaseRequest(HOST, account=BUYER), USDC).seconds == 600


def test_the_cheapest_allowed_offer_is_chosen() -> None:
    offers = [told(scheme="upto", amount="1"), told(amount="300"), told(amount="200"), told(network="x", amount="1")]
    assert choose_offer(offers, x402_rules(), PurchaseRequest(HOST, account=BUYER), USDC).amount == 200


def test_a_refusal_describes_the_offer_that_passed_the_most_rules() -> None:
    offers = [told(scheme="batch"), told(amount="9000000"), told(network="eip155:1")]
    with pytest.raises(PolicyRefused) as caught:
        choose_offer(offers, x402_rules(), PurchaseRequest(HOST, account=BUYER), USDC)
    assert caught.value.rule == "x402-price"


@given(amount=st.integers(0, 10**40), decimals=st.integers(0, 36))
def test_no_rounding_exceeds_a_limit(amount: int, decimals: int) -> None:
    dollar = Usdc(8453, USDC.address, "USD Coin", decimals=decimals)
    try:
        choice = choose_offer([told(amount=str(amount))], x402_rules(), PurchaseRequest(HOST, account=BUYER), dollar)
    except PolicyRefused:
        return
    assert choice.amount * 10**6 <= 500_000 * 10**decimals


# What goes over the wire


@pytest.mark.parametrize("version", [1, 2])
def test_the_package_reads_our_payment_and_finds_the_offer_unchanged(version: Any) -> None:
    from x402.http.utils import decode_payment_signature_header

    entry = offer(USDC.address, version=version, somethingElse={"b": [1, None]})
    body = json.dumps({"x402Version": version, "accepts": [entry], "resource": {"url": URL, "more": 1}}).encode()
    terms = read_terms({} if version == 1 else {"Payment-Required": base64.b64encode(body).decode()}, body)
    order = Authorization(BUYER, MERCHANT, 100_000, 0, 1740672154, "0x" + "22" * 32)
    name, value = write_payment(terms, terms.offers[0], order, "0x" + "ab" * 65)
    assert name == {1: "X-PAYMENT", 2: "PAYMENT-SIGNATURE"}[version]
    decoded = decode_payment_signature_header(value)
    assert decoded.x402_version == version
    assert decoded.payload["authorization"] == order.to_json()
    raw = json.loads(base64.b64decode(value))
    if version == 2:
        assert (raw["accepted"], raw["resource"]) == (entry, {"url": URL, "more": 1})
    sent = read_payment({name.lower(): value})
    assert sent
    assert (sent.version, sent.authorization, sent.signature) == (version, order, "0x" + "ab" * 65)


def test_our_terms_are_read_by_the_package_and_by_ourselves() -> None:
    from x402.http.utils import decode_payment_required_header
    from x402.schemas.v1 import PaymentRequiredV1

    offers = tuple(
        PaymentOffer(number, "exact", "", "", "", "", 60, raw=offer(USDC.address, version=number))  # type: ignore[arg-type]
        for number in (2, 1)
    )
    headers, body = write_terms(PaymentTerms(2, offers, error="payment_required"), URL, "A report.")
    new = decode_payment_required_header(headers["PAYMENT-REQUIRED"])
    assert (new.x402_version, new.accepts[0].amount) == (2, "100000")
    assert PaymentRequiredV1.model_validate(body).accepts[0].max_amount_required == "100000"
    assert read_terms(headers, b"").offers[0].amount == "100000"
    assert read_terms({}, json.dumps(body).encode()).version == 1


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({}, b"", id="nothing"),
        pytest.param({}, b"<html>", id="a page"),
        pytest.param({}, b"[]", id="a list"),
        pytest.param({}, b"{}", id="no version"),
        pytest.param({}, b'{"x402Version":3,"accepts":[]}', id="a later version"),
        pytest.param({}, b'{"x402Version":true,"accepts":[]}', id="a version that is true"),
        pytest.param({}, b'{"x402Version":1,"accepts":{}}', id="no list of offers"),
        pytest.param({}, b'{"x402Version":1,"a":' + b"[" * 60_000, id="deep"),
        pytest.param({}, b'{"x402Version":1,"accepts":[],"a":"' + b"a" * 70_000 + b'"}', id="long"),
        pytest.param({"PAYMENT-REQUIRED": "%%%"}, b"", id="no base64"),
        pytest.param({"PAYMENT-REQUIRED": encoded({"x402Version": 1, "accepts": []})}, b"", id="the wrong version"),
    ],
)
def test_malformed_terms_are_refused_with_a_reason(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^it|^its"):
        read_terms(headers, body)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param('"\\ud800"', id="half a surrogate pair"),
        pytest.param("NaN", id="no number"),
        pytest.param("[" * 400 + "]" * 400, id="deep"),
    ],
)
def test_an_offer_that_no_record_can_hold_is_ignored(more: str) -> None:
    entry = json.dumps(offer(USDC.address))[:-1] + f', "more": {more}}}'
    body = f'{{"x402Version":2,"accepts":[{entry},{json.dumps(offer(USDC.address))}],"resource":{{"more":{more}}}}}'
    terms = read_terms({"payment-required": base64.b64encode(body.encode()).decode()}, b"")
    assert ([one.raw for one in terms.offers], terms.resource) == ([offer(USDC.address)], None)


@given(st.binary(max_size=300), st.text(max_size=300))
def test_arbitrary_bytes_are_refused_and_nothing_else(body: bytes, header: str) -> None:
    for read in (lambda: read_terms({"payment-required": header}, body), lambda: read_terms({}, body)):
        with suppress(ValueError):
            read()
    for name in ("payment-signature", "x-payment"):
        for value in (header, base64.b64encode(body).decode()):
            with suppress(ValueError):
                read_payment({name: value})
    assert read_outcome({"payment-response": base64.b64encode(body).decode()}) is None


def test_the_package_reads_our_result_and_we_read_its() -> None:
    from x402.http.utils import decode_payment_response_header

    headers = write_outcome(2, success=True, network="eip155:8453", transaction="0x" + "AB" * 32, payer=BUYER)
    assert decode_payment_response_header(headers["PAYMENT-RESPONSE"]).payer == BUYER
    outcome = read_outcome({name.lower(): value for name, value in headers.items()})
    assert outcome
    assert (outcome.success, outcome.transaction) == (True, "0x" + "ab" * 32)


# Buying, on a real chain


@pytest.mark.parametrize("version", [1, 2])
def test_a_purchase_is_paid_once_despite_repeated_calls(market: Market, version: int) -> None:
    market.seller = FakeSeller(market.address, market.facilitator, version=version)
    first = market.buyer().buy(URL, agent="ada", key="k")
    assert (first.status, first.body, first.usd) == (PurchaseStatus.DELIVERED, b"Clocks are fine.", Decimal("0.1"))
    assert market.evm.rpc("eth_getTransactionReceipt", first.tx)["status"] == "0x1"
    again = market.buyer().buy(URL, agent="ada", key="k")
    assert again == first
    assert market.earned() == 100_000
    assert market.balance(BUYER) == 100 * USD - 100_000
    assert (len(market.seller.payments), market.seller.asked) == (1, 1)
    assert market.buyer().spent_today() == market.buyer().spent_today("ada") == Decimal("0.1")
    assert market.due_queue.task_ids() == []


def test_another_key_is_another_purchase_and_one_key_is_not_two(market: Market) -> None:
    buyer = market.buyer()
    buyer.buy(URL, key="k1")
    buyer.buy(URL, key="k2")
    assert market.earned() == 200_000
    with pytest.raises(InvalidInput, match="belongs to another purchase"):
        buyer.buy(URL, agent="ada", key="k1")
    with pytest.raises(InvalidInput, match="belongs to another purchase"):
        buyer.buy(URL + "&x=1", key="k1")
    with pytest.raises(InvalidInput, match="cannot be the key"):
        buyer.buy(URL, key="")


def test_a_free_resource_is_fetched_without_a_signature(market: Market) -> None:
    free = market.buyer(lambda url, **_: Reply(200, {"content-type": "text/plain"}, b"gm"))
    found = free.buy(URL, key="k")
    assert (found.status, found.body, found.paid_usd) == (PurchaseStatus.FREE, b"gm", 0)
    assert market.payments.recent_purchases() == []


def test_a_dry_run_returns_the_price_and_signs_and_stores_nothing(market: Market) -> None:
    found = market.buyer().buy(URL, agent="ada", key="k", dry_run=True)
    assert (found.status, found.usd, found.pay_to, found.account) == ("planned", Decimal("0.1"), MERCHANT, BUYER)
    assert (market.seller.payments, market.payments.recent_purchases(), market.due_queue.task_ids()) == ([], [], [])
    with pytest.raises(PolicyRefused) as caught:
        market.buyer(max_usd_per_day="0.05").buy(URL, key="k", dry_run=True)
    assert caught.value.rule == "x402-per-day"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        (f"http://{HOST}/", PolicyRefused),
        (f"https://{HOST}:8443/", HostRefused),
        (f"https://ada:pw@{HOST}/", HostRefused),
        ("https://127.0.0.1/", HostRefused),
        ("https://evil.example.org/", PolicyRefused),
        (f"https://{HOST}.evil.org/", PolicyRefused),
        (f"ftp://{HOST}/", HostRefused),
    ],
)
def test_an_address_that_may_not_be_paid_is_not_even_asked(market: Market, url: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        market.buyer().buy(url, key="k")
    assert market.seller.asked == 0


def test_a_seller_inside_the_own_network_is_not_reached(market: Market) -> None:
    inside = functools.partial(safe_fetch.ask, resolve=lambda host, port: [(socket.AF_INET, ("127.0.0.1", 443))])
    with pytest.raises(HostRefused, match="no address on the public internet"):
        market.buyer(inside).buy(URL, key="k")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(301, {"location": "https://evil.example.org/"}, b""), RequestRefused),
        (Reply(404, {}, b""), RequestRefused),
        (Reply(503, {}, b""), ServiceUnavailable),
        (Reply(402, {}, b"<html>pay me"), RequestRefused),
        (Reply(402, {}, b'{"x402Version":1,"accepts":[]}'), PolicyRefused),
    ],
)
def test_an_answer_that_names_no_price_signs_nothing(market: Market, reply: Reply, error: type[Exception]) -> None:
    with pytest.raises(error):
        market.buyer(lambda url, **_: reply).buy(URL, key="k")
    assert market.payments.recent_purchases() == []


def test_offers_in_unknown_formats_are_ignored(market: Market) -> None:
    solana = {"scheme": "exact", "network": "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "lamports": 12}
    market.seller.accepts = [solana, {"scheme": "upto"}, *market.seller.accepts]  # type: ignore[list-item]
    assert market.buyer().buy(URL, key="k").is_delivered
    assert market.seller.payments[0]["accepted"] == market.seller.accepts[-1]


def test_nothing_is_signed_for_a_price_above_the_balance(market: Market) -> None:
    market.evm.send(market.address, market.coin.encode("transfer(address,uint256)", MERCHANT, 100 * USD), sender=BUYER)
    with pytest.raises(RequestRefused, match="has 0 USDC"):
        market.buyer().buy(URL, key="k")
    assert market.payments.recent_purchases() == []


def test_nothing_is_signed_while_the_node_belongs_to_another_chain(market: Market) -> None:
    with running_evm(chain_id=1) as other:
        market.token._client = EvmClient([other.url], 8453, sleep=lambda seconds: None)
        with pytest.raises(WrongChain):
            market.buyer().buy(URL, key="k")
    assert (market.seller.payments, market.payments.recent_purchases()) == ([], [])


def test_a_token_that_signs_under_another_name_is_not_paid(evm: Evm, market: Market) -> None:
    # Its code changes names where the known one does not: the separator it tells is not what its name gives.
    evm.rpc("anvil_setStorageAt", market.address, "0x" + "0" * 64, "0x" + "0" * 63 + "4")
    evm.rpc("anvil_setStorageAt", market.address, "0x" + "0" * 63 + "1", "0x" + b"Fake".hex().ljust(64, "0"))
    seen = market.token.usdc
    assert seen.name == "Fake"
    with pytest.raises(PolicyRefused) as caught:
        market.buyer().buy(URL, key="k")
    assert caught.value.rule == "x402-domain"


def test_four_concurrent_calls_with_one_key_pay_once(market: Market) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: market.buyer().buy(URL, key="k"), range(4)))
    assert len({one.id for one in found}) == 1
    assert (len(market.seller.signatures), market.earned()) == (1, 100_000)
    assert market.buyer().buy(URL, key="k").body == b"Clocks are fine."
    assert market.buyer().spent_today() == Decimal("0.1")


# The day's caps


def test_eight_at_once_never_spend_more_than_the_day_allows(market: Market) -> None:
    def buy(number: int) -> str:
        try:
            return market.buyer(max_usd_per_day="0.35").buy(URL, key=f"k{number}").status
        except PolicyRefused as refusal:
            return refusal.rule

    with ThreadPoolExecutor(8) as pool:
        ends = sorted(pool.map(buy, range(8)))
    assert ends == ["delivered"] * 3 + ["x402-per-day"] * 5
    assert len(market.seller.signatures) == 3
    assert market.earned() == 300_000


def test_an_agent_has_a_cap_of_its_own_and_days_are_those_of_utc(market: Market) -> None:
    buyer = market.buyer(max_usd_per_agent_per_day="0.15")
    midnight = market.clock.now().replace(hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    market.clock.set(midnight - dt.timedelta(seconds=1))
    market.evm.rpc("anvil_setBalance", ACCOUNTS[0], hex(10**20))
    assert buyer.buy(URL, agent="ada", key="k1").usd == Decimal("0.1")
    with pytest.raises(PolicyRefused) as caught:
        buyer.buy(URL, agent="ada", key="k2")
    assert caught.value.rule == "x402-per-agent"
    assert buyer.buy(URL, agent="ben", key="k3").usd == Decimal("0.1")
    market.clock.advance(seconds=1)
    assert buyer.spent_today() == 0
    assert buyer.buy(URL, agent="ada", key="k2").usd == Decimal("0.1")


# Crashes and sellers who do as they like


class Killed(BaseException):
    """The death of the process."""


def die_in(where: str, market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process die before or after the next call of a step."""
    when, _, step = where.partition(" ")
    owner: Any = {"sign": market.wallets, "send": market.seller}.get(step, market.payments)
    name = {"sign": "sign_typed_data", "send": "serve"}.get(step, step)
    real = getattr(owner, name)

    def dying(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(owner, name, real)
        if when == "after":
            real(*args, **kwargs)
        raise Killed

    monkeypatch.setattr(owner, name, dying)


STEPS = ["open_purchase", "sign", "move_purchase", "send", "save_response"]


@pytest.mark.parametrize("where", [f"{when} {step}" for step in STEPS for when in ("before", "after")])
def test_a_buyer_killed_at_any_step_pays_once(market: Market, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    die_in(where, market, monkeypatch)
    with pytest.raises(Killed):
        market.buyer().buy(URL, key="k")
    market.clock.advance(seconds=5)
    found = market.buyer().buy(URL, key="k")
    assert (found.status, found.body) == (PurchaseStatus.DELIVERED, b"Clocks are fine.")
    assert (len(market.seller.signatures), market.earned()) == (1, 100_000)
    assert market.buyer().spent_today() == Decimal("0.1")


def test_an_answer_that_got_lost_after_settling_is_asked_for_again_with_the_same_payment(market: Market) -> None:
    def vanish(payment: dict[str, Any]) -> Reply | None:
        market.seller.serve(payment)
        raise HostRefused("the connection broke.")

    market.seller.instead = vanish
    lost = market.buyer().buy(URL, key="k")
    assert (lost.status, lost.paid_usd, lost.body) == (PurchaseStatus.UNDELIVERED, Decimal("0.1"), b"")
    assert len(market.seller.payments) == MAX_ATTEMPTS
    market.seller.instead = lambda payment: None
    found = market.buyer().buy(URL, key="k")
    assert (found.status, found.body) == (PurchaseStatus.DELIVERED, b"Clocks are fine.")
    assert (len(market.seller.signatures), market.earned()) == (1, 100_000)


def test_a_lost_answer_is_asked_for_at_once_again(market: Market) -> None:
    def vanish(payment: dict[str, Any]) -> Reply | None:
        market.seller.serve(payment)
        market.seller.instead = lambda payment: None
        return Reply(502, {}, b"bad gateway")

    market.seller.instead = vanish
    assert market.buyer().buy(URL, key="k").is_delivered
    assert (len(market.seller.payments), len(market.seller.signatures), market.earned()) == (2, 1, 100_000)


def test_a_payment_of_unknown_state_stays_open(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*args: Any) -> Any:
        raise ServiceUnavailable

    market.seller.instead = lambda payment: Reply(500, {}, b"")
    with monkeypatch.context() as patch:
        patch.setattr(market.token, "authorization_state", silent)
        assert market.buyer().buy(URL, key="k").status is PurchaseStatus.SIGNED
        market.clock.advance(seconds=600)
        # Too late to be sent again, and too early to be given back.
        late = market.buyer().buy(URL, key="k")
        assert (late.status, late.paid_usd) == (PurchaseStatus.SIGNED, Decimal("0.1"))
        market.buyer().handle(late.id)
    assert len(market.seller.payments) == MAX_ATTEMPTS
    assert (market.due_queue.task_ids(), market.buyer().spent_today()) == ([late.id], Decimal("0.1"))


@pytest.mark.parametrize(
    ("answer", "is_charged", "status"),
    [
        pytest.param("terms", False, "refused", id="asks again"),
        pytest.param("terms", True, "undelivered", id="charges and asks again"),
        pytest.param("dearer", False, "refused", id="raises its price"),
        pytest.param("redirect", False, "refused", id="redirects"),
        pytest.param("redirect", True, "undelivered", id="charges and redirects"),
        pytest.param("error", False, "signed", id="breaks down"),
        pytest.param("error", True, "undelivered", id="charges and breaks down"),
    ],
)
def test_a_seller_that_does_not_deliver_gets_one_payment_and_no_second(
    market: Market, answer: str, is_charged: bool, status: str
) -> None:
    def misbehave(payment: dict[str, Any]) -> Reply | None:
        if is_charged:
            market.seller.serve(payment)
        if answer == "dearer":
            market.seller.accepts = [offer(market.address, amount="200000")]
        if answer == "redirect":
            return Reply(307, {"location": "https://evil.example.org/"}, b"")
        return Reply(500, {}, b"") if answer == "error" else market.seller.terms("pay again")

    market.seller.instead = misbehave
    for _ in range(2):
        assert market.buyer().buy(URL, key="k").status == status
    assert len(market.seller.signatures) == 1
    assert market.earned() == (100_000 if is_charged else 0)
    # What may still be charged stays set aside.
    assert market.buyer().spent_today() == Decimal("0.1")


def test_the_money_of_an_uncharged_payment_is_released_after_its_expiry(fake_runtime: FakeRuntime) -> None:
    with running_evm() as evm:
        market = open_market(evm, fake_runtime.runtime.database)
        market.seller.instead = lambda payment: Reply(402, {}, b"no")
        refused = market.buyer().buy(URL, key="k")
        assert (refused.status, market.due_queue.task_ids()) == (PurchaseStatus.REFUSED, [refused.id])
        # Nobody looks before it is over, and then the token is asked, not the seller.
        market.buyer().handle(refused.id)
        market.clock.advance(seconds=60 + GRACE_SECONDS)
        market.buyer().handle(refused.id)
        assert market.payments.purchase(refused.id).status is PurchaseStatus.REFUSED
        evm.rpc("evm_setNextBlockTimestamp", refused.valid_before + GRACE_SECONDS)
        evm.mine()
        market.buyer().handle(refused.id)
        assert market.due_queue.task_ids() == []
        assert market.buyer().spent_today() == 0
        sent = len(market.seller.payments)
        market.seller.instead = lambda payment: None
        again = market.buyer().buy(URL, key="k")
        assert (again.status, again.paid_usd, len(market.seller.payments)) == (PurchaseStatus.EXPIRED, 0, sent)
        assert market.buyer().buy(URL, key="k2").is_delivered


def test_after_the_signature_neither_rules_nor_a_missing_key_stop_a_delivery(market: Market) -> None:
    def lose(payment: dict[str, Any]) -> Reply:
        market.seller.serve(payment)
        return Reply(500, {}, b"")

    market.seller.instead = lose
    assert market.buyer().buy(URL, key="k").status is PurchaseStatus.UNDELIVERED
    market.seller.instead = lambda payment: None
    environ = {"BASE_RPC_URL": market.evm.url}
    market.wallets = Wallets.from_settings(Settings.from_env(environ, dotenv=None))
    for _ in range(2):
        assert market.buyer(allow=[]).buy(URL, key="k").is_delivered
    assert (len(market.seller.signatures), market.earned()) == (1, 100_000)
    with pytest.raises(KeyRefused):
        market.buyer().buy(URL, key="k2")


def test_a_payment_in_another_token_is_not_released_by_the_configured_token(market: Market) -> None:
    def lose(payment: dict[str, Any]) -> Reply:
        market.seller.serve(payment)
        raise HostRefused("the connection broke.")

    def silent(*args: Any) -> Any:
        raise ServiceUnavailable

    market.seller.instead = lose
    market.token.authorization_state = silent  # type: ignore[method-assign]
    lost = market.buyer().buy(URL, key="k")
    coin = market.evm.deploy("token", "USD Coin", 0, types=("string", "uint256"))
    other = Market(market.evm, market.database, market.clock, coin)
    market.clock.advance(seconds=600)
    market.evm.rpc("evm_setNextBlockTimestamp", lost.valid_before + GRACE_SECONDS)
    market.evm.mine()
    other.buyer().handle(lost.id)
    assert (other.payments.purchase(lost.id).status, other.buyer().spent_today()) == ("signed", Decimal("0.1"))


def test_only_the_account_that_was_shown_is_paid(market: Market) -> None:
    with pytest.raises(PolicyRefused) as caught:
        market.buyer().buy(URL, key="k", pay_to=ACCOUNTS[0])
    assert (caught.value.rule, market.seller.payments) == ("x402-recipient", [])


def test_a_payment_is_sent_again_while_the_seller_is_busy_with_it(market: Market) -> None:
    answers = [Reply(409, {"retry-after": "5"}, b"")]
    market.seller.instead = lambda payment: answers.pop() if answers else None
    assert market.buyer().buy(URL, key="k").is_delivered
    assert len(market.seller.payments) == 2


def test_a_purchase_that_redis_lost_is_not_paid_twice(market: Market) -> None:
    market.buyer().buy(URL, key="k")
    fresh: Any = market.database.client
    fresh.flushall()
    forgotten = market.buyer().buy(URL, key="k")
    assert forgotten.status in (PurchaseStatus.UNDELIVERED, PurchaseStatus.DELIVERED)
    assert market.earned() == 100_000
    nonce = payment_nonce(market.token.usdc, BUYER, "k")
    assert {payment["payload"]["authorization"]["nonce"] for payment in market.seller.payments} == {nonce}


def test_a_buyer_killed_before_it_queued_the_purchase_queues_it_later(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dying(*names: str) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(market.due_queue, "add", dying)
        market.buyer().buy(URL, key="k")
    market.seller.instead = lambda payment: market.seller.terms(payment["payload"]["signature"])
    refused = market.buyer().buy(URL, key="k")
    assert (refused.status, market.due_queue.task_ids()) == (PurchaseStatus.REFUSED, [refused.id])
    # Nor does a seller get the signature into our logs.
    assert refused.reason.endswith("[hex]")


def test_no_private_key_is_stored_and_no_signature_is_logged(market: Market, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    purchase = market.buyer().buy(URL, key="k")
    client: Any = market.database.client
    stored = json.dumps([client.hgetall(key) for key in client.keys("*") if client.type(key) == "hash"])
    assert BUYER_KEY[2:] not in stored
    assert "of=clocks" not in str(purchase)
    signature = market.seller.payments[0]["payload"]["signature"]
    ours = [record for record in caplog.records if record.name.startswith("ceos")]
    assert ours
    assert not any(signature[2:] in str(vars(record)) for record in ours)
    assert signature not in repr(market.payments.purchase(purchase.id))


# Arguments of the calls to other modules


def test_buyer_signs_nothing_while_the_installation_is_halted(market: Market) -> None:
    halted = market.buyer()
    halted.panic = lambda: "stop everything"
    with pytest.raises(ServiceUnavailable, match="stop everything"):
        halted.buy(URL, key="k")
    assert (market.seller.payments, market.earned()) == ([], 0)
    assert market.buyer().buy(URL, key="k").is_delivered


def test_buyer_checks_the_rules_again_before_it_signs_a_stored_plan(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_in("before sign", market, monkeypatch)
    with pytest.raises(Killed):
        market.buyer().buy(URL, key="k")
    with pytest.raises(PolicyRefused) as caught:
        market.buyer(max_usd_per_call="0.05").buy(URL, key="k")
    assert (caught.value.rule, market.seller.payments) == ("x402-price", [])


def test_buyer_applies_the_limit_of_agents_to_agents_only(market: Market) -> None:
    buyer = market.buyer(max_usd_per_agent_per_day="0.15")
    assert [buyer.buy(URL, key=key).is_delivered for key in ("k1", "k2")] == [True, True]


def test_buyer_limits_every_request_to_the_host_of_the_address(market: Market) -> None:
    requests_made: list[dict[str, Any]] = []

    def fetch(url: str, **limits: Any) -> Reply:
        requests_made.append({"url": url, **limits})
        return market.seller(url, **limits)

    before = time.monotonic()
    market.buyer(fetch).buy(URL, key="k")
    priced, paid = requests_made
    assert [set(one) for one in requests_made] == [
        {"url", "hosts", "max_bytes", "deadline"},
        {"url", "hosts", "max_bytes", "deadline", "headers"},
    ]
    for one, seconds in ((priced, PRICE_SECONDS), (paid, DELIVERY_SECONDS)):
        assert (one["url"], one["hosts"], one["max_bytes"]) == (URL, [HOST], MAX_RESPONSE_BYTES)
        assert before + seconds <= one["deadline"] <= time.monotonic() + seconds


# From the package's own server


def test_we_buy_from_the_package_s_own_server(market: Market) -> None:
    from fastapi import FastAPI
    from x402 import x402ResourceServer
    from x402.http.middleware.fastapi import PaymentMiddlewareASGI
    from x402.mechanisms.evm.exact import ExactEvmServerScheme

    server = x402ResourceServer(market.facilitator.client())
    server.register("eip155:8453", ExactEvmServerScheme())
    price = {"asset": market.address, "amount": "100000", "extra": {"name": "USD Coin", "version": "2"}}
    way = {"scheme": "exact", "payTo": MERCHANT, "price": price, "network": "eip155:8453"}
    app = FastAPI()
    app.add_middleware(PaymentMiddlewareASGI, routes={"GET /report": {"accepts": way}}, server=server)

    @app.get("/report")
    async def report() -> dict[str, str]:
        return {"clocks": "fine"}

    with serving(app) as address:

        def fetch(url: str, *, headers: Any = None, **limits: Any) -> Reply:
            del limits
            answer = requests.get(url.replace(f"https://{HOST}", address), headers=headers, timeout=60)
            told = {name.lower(): value for name, value in answer.headers.items()}
            return Reply(answer.status_code, told, answer.content)

        found = market.buyer(fetch).buy(URL, key="k")
        again = market.buyer(fetch).buy(URL, key="k")
    assert (found.status, json.loads(found.body)) == (PurchaseStatus.DELIVERED, {"clocks": "fine"})
    assert market.evm.rpc("eth_getTransactionReceipt", found.tx)["status"] == "0x1"
    assert (again, market.earned()) == (found, 100_000)


# Over real connections


@pytest.fixture
def tls() -> Iterator[ssl.SSLContext]:
    yield ssl.create_default_context(cafile=str(CERTIFICATE))


def connected(server: RawServer, tls: ssl.SSLContext, seconds: float | None = None) -> Any:
    """Return a `fetch` that connects every name to a server."""

    def ask(url: str, **limits: Any) -> Reply:
        if seconds is not None:
            limits["deadline"] = time.monotonic() + seconds
        return safe_fetch.ask(
            url, **limits, resolve=lambda host, port: [server.place], is_allowed_address=bool, tls=tls
        )

    return ask


def wanted(market: Market) -> Any:
    terms = encoded({"x402Version": 2, "accepts": [offer(market.address)]})
    return send(b"{}", f"PAYMENT-REQUIRED: {terms}", status="402 Payment Required")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(repeat(head("Content-Length: 99999999999"), b"x" * 65536), id="a body without end"),
        pytest.param(repeat(head("Transfer-Encoding: chunked"), b"1\r\nx\r\n"), id="drips"),
        pytest.param(repeat(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 1000), id="a head without end"),
        pytest.param(redirect("https://evil.example.org/"), id="redirects"),
    ],
)
def test_a_seller_s_connection_cannot_be_used_against_us(market: Market, tls: ssl.SSLContext, answer: Any) -> None:
    with RawServer(wanted(market), answer, tls=True) as server:
        buyer = market.buyer(connected(server, tls, 0.3), allow=[{"host": FEEDS}])
        found = buyer.buy(f"https://{FEEDS}/x", key="k")
    assert found.status in (PurchaseStatus.SIGNED, PurchaseStatus.REFUSED)
    paid = [request for request in server.requests if "PAYMENT-SIGNATURE" in request]
    assert 1 <= len(paid) <= MAX_ATTEMPTS
    assert len({line for request in paid for line in request.split("\r\n") if line.startswith("PAYMENT")}) == 1


def test_a_purchase_over_tls_sends_its_payment_to_the_host_itself(market: Market, tls: ssl.SSLContext) -> None:
    with RawServer(wanted(market), send(b"gm", "Content-Type: image/png"), tls=True) as server:
        found = market.buyer(connected(server, tls), allow=[{"host": FEEDS}]).buy(f"https://{FEEDS}/x", key="k")
    assert (found.status, found.body, found.content_type) == (PurchaseStatus.DELIVERED, b"gm", "image/png")
    assert [("PAYMENT-SIGNATURE" in request) for request in server.requests] == [False, True]
