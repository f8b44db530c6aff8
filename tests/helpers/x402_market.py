"""A market for x402: a token on a real chain, a buyer with a key, honest and dishonest sellers, and a facilitator.

The facilitator verifies and settles with the package `x402`: other implementations accept what it accepts.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ceos.chain.config.contracts import Contracts
from ceos.chain.config.models import X402, ChainConfig
from ceos.chain.due_queue import DueQueue
from ceos.chain.tx.wallets import Wallets
from ceos.chain.x402.buyer import Buyer
from ceos.chain.x402.store import PaymentStore
from ceos.chain.x402.usdc import UsdcToken
from ceos.clients.http.safe_fetch import Reply
from ceos.evm.client import EvmClient
from ceos.settings import Settings
from ceos.storage.connection import Database
from ceos.testing import ManualClock
from ceos.web.listener import listen
from ceos.web.server import make_server
from helpers.evm import ACCOUNTS, KEYS, Deployed, Evm

BUYER, BUYER_KEY = ACCOUNTS[1], KEYS[1]
MERCHANT = ACCOUNTS[3]
HOST = "shop.example.org"
URL = f"https://{HOST}/report?of=clocks"
CHAIN_ID = 8453
#: One USD in the token's smallest unit.
USD = 1_000_000

RULES: dict[str, Any] = {
    "max_usd_per_call": "0.50",
    "max_usd_per_day": "2.00",
    "max_usd_per_agent_per_day": "1.00",
    "allow": [{"host": HOST}],
}


def no_wait(seconds: float) -> None:
    del seconds


def x402_rules(**changes: Any) -> X402:
    """Return `[x402]` as an operator writes it."""
    return TypeAdapter(X402).validate_python({**RULES, **changes})


class Facilitator:
    """Judges and settles by the package `x402`, through a key of its own."""

    def __init__(self, evm: Evm) -> None:
        from x402 import x402FacilitatorSync
        from x402.mechanisms.evm import FacilitatorWeb3Signer
        from x402.mechanisms.evm.exact import register_exact_evm_facilitator

        self._inner = x402FacilitatorSync()
        signer = FacilitatorWeb3Signer(private_key=KEYS[2], rpc_url=evm.url)
        register_exact_evm_facilitator(self._inner, signer, networks=f"eip155:{CHAIN_ID}")
        self.verified: list[dict[str, Any]] = []
        self.settled: list[dict[str, Any]] = []

    def client(self) -> Any:
        """Return a way to it for the package's own server, without HTTP."""
        inner = self._inner

        class Client:
            def get_supported(self) -> Any:
                return inner.get_supported()

            async def verify(self, payment: Any, requirements: Any) -> Any:
                return await asyncio.to_thread(inner.verify, payment, requirements)

            async def settle(self, payment: Any, requirements: Any) -> Any:
                return await asyncio.to_thread(inner.settle, payment, requirements)

        return Client()

    def supported(self) -> dict[str, Any]:
        """Return what it takes, as its JSON."""
        told: dict[str, Any] = self._inner.get_supported().model_dump(by_alias=True, exclude_none=True)
        return told

    def verify(self, payment: Mapping[str, Any], requirements: Mapping[str, Any]) -> dict[str, Any]:
        """Say whether a payment is good, as its JSON."""
        told = self._inner.verify(*_parsed(payment, requirements)).model_dump(by_alias=True, exclude_none=True)
        self.verified.append(told)
        return told

    def settle(self, payment: Mapping[str, Any], requirements: Mapping[str, Any]) -> dict[str, Any]:
        """Carry a payment out on chain, as its JSON."""
        told = self._inner.settle(*_parsed(payment, requirements)).model_dump(by_alias=True, exclude_none=True)
        self.settled.append(told)
        return told


def _parsed(payment: Mapping[str, Any], requirements: Mapping[str, Any]) -> tuple[Any, Any]:
    from x402.schemas import PaymentPayload, PaymentRequirements
    from x402.schemas.v1 import PaymentPayloadV1, PaymentRequirementsV1

    if payment["x402Version"] == 1:
        return PaymentPayloadV1.model_validate(payment), PaymentRequirementsV1.model_validate(requirements)
    return PaymentPayload.model_validate(payment), PaymentRequirements.model_validate(requirements)


def offer(token: str, *, version: int = 2, **changes: Any) -> dict[str, Any]:
    """Return one entry of `accepts`."""
    common: dict[str, Any] = {
        "scheme": "exact",
        "network": f"eip155:{CHAIN_ID}" if version == 2 else "base",
        "asset": token,
        "payTo": MERCHANT,
        "maxTimeoutSeconds": 60,
        "extra": {"name": "USD Coin", "version": "2"},
    }
    price = {"amount": "100000"} if version == 2 else {"maxAmountRequired": "100000", "resource": URL}
    return {**common, **price, **changes}


def encoded(told: Any) -> str:
    return base64.b64encode(json.dumps(told).encode()).decode()


class FakeSeller:
    """Stands for `guarded.ask`: a host that sells one report, by the book unless told otherwise."""

    def __init__(self, token: str, facilitator: Facilitator, *, version: int = 2) -> None:
        self.version = version
        self.accepts: list[dict[str, Any]] = [offer(token, version=version)]
        #: Every payment it was sent, in order, and what requests without one there were.
        self.payments: list[dict[str, Any]] = []
        self.asked = 0
        #: Called with each payment before it is served; what it returns is answered instead.
        self.instead: Callable[[dict[str, Any]], Reply | None] = lambda payment: None
        self._facilitator = facilitator
        self._sold: dict[str, Reply] = {}

    def terms(self, error: str = "") -> Reply:
        """Return the 402 answer."""
        told = {"x402Version": self.version, "error": error, "accepts": self.accepts}
        if self.version == 1:
            return Reply(402, {"content-type": "application/json"}, json.dumps(told).encode())
        told["resource"] = {"url": URL, "description": "A report."}
        return Reply(402, {"payment-required": encoded(told)}, b"{}")

    def __call__(self, url: str, *, headers: Mapping[str, str] | None = None, **limits: Any) -> Reply:
        """Answer a request."""
        assert url == URL
        assert limits["hosts"] == [HOST]
        name = "PAYMENT-SIGNATURE" if self.version == 2 else "X-PAYMENT"
        if not headers:
            self.asked += 1
            return self.terms()
        assert list(headers) == [name]
        payment = json.loads(base64.b64decode(headers[name]))
        self.payments.append(payment)
        return self.instead(payment) or self.serve(payment)

    def serve(self, payment: dict[str, Any]) -> Reply:
        """Settle a payment and deliver; the same one again gets the same answer."""
        nonce = payment["payload"]["authorization"]["nonce"]
        if nonce not in self._sold:
            settled = self._facilitator.settle(payment, self.accepts[-1])
            if not settled["success"]:
                return self.terms(settled["errorReason"])
            told = {"payment-response": encoded(settled), "content-type": "text/plain"}
            self._sold[nonce] = Reply(200, told, b"Clocks are fine.")
        return self._sold[nonce]

    @property
    def signatures(self) -> set[str]:
        """All different signatures it has seen."""
        return {json.dumps(payment["payload"], sort_keys=True) for payment in self.payments}


class Market:
    """A chain with a token, a buyer, and whoever sells."""

    def __init__(self, evm: Evm, database: Database, clock: ManualClock, token: Deployed) -> None:
        self.evm = evm
        self.database = database
        self.clock = clock
        self.address = token.address
        self.coin = token
        entry = {"name": "usdc", "address": token.address, "abi": "erc20", "decimals": 6}
        self.config = ChainConfig.model_validate({"contract": [entry]})
        self.contracts = Contracts(self.config, CHAIN_ID, Path())
        self.client = EvmClient([evm.url], CHAIN_ID, sleep=no_wait)
        self.token = UsdcToken(self.client, self.contracts)
        self.payments = PaymentStore(database)
        self.due_queue = DueQueue(database)
        environ = {"BASE_PRIVATE_KEY": BUYER_KEY, "BASE_RPC_URL": evm.url}
        self.wallets = Wallets.from_settings(Settings.from_env(environ, dotenv=None))
        self.facilitator = Facilitator(evm)
        self.seller = FakeSeller(self.address, self.facilitator)

    def buyer(self, fetch: Any = None, **rules: Any) -> Buyer:
        """Return what buys in a process of its own, under these rules."""
        return Buyer(
            token=self.token,
            wallets=self.wallets,
            payments=self.payments,
            config=x402_rules(**rules),
            due_queue=self.due_queue,
            clock=self.clock,
            fetch=fetch or self.seller,
            sleep=no_wait,
        )

    def balance(self, account: str) -> int:
        """Return what an account has of the token."""
        return self.token.balance(account)

    def earned(self) -> int:
        """Return what the merchant has been paid."""
        return self.balance(MERCHANT)


def open_market(evm: Evm, database: Database) -> Market:
    """Return a market whose clock shows the chain's time, which is the present: the package goes by the real one."""
    # Going back to a mark takes anvil's clock back as well, further with every test.
    evm.rpc("evm_setNextBlockTimestamp", max(int(time.time()), _stamp(evm) + 1))
    coin = evm.deploy("token", "USD Coin", 0, types=("string", "uint256"))
    evm.send(coin.address, coin.encode("mint(address,uint256)", BUYER, 100 * USD))
    return Market(evm, database, ManualClock(dt.datetime.fromtimestamp(_stamp(evm), dt.UTC)), coin)


def _stamp(evm: Evm) -> int:
    return int(evm.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


class _Handler(BaseHTTPRequestHandler):
    server: Any
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # the library's name
        self._tell(self.server.site.facilitator.supported())

    def do_POST(self) -> None:  # the library's name
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        site: FacilitatorSite = self.server.site
        way = site.facilitator.verify if self.path == "/verify" else site.facilitator.settle
        site.before(self.path)
        told = way(body["paymentPayload"], body["paymentRequirements"])
        if site.after(self.path):
            self.close_connection = True
            return
        self._tell(told)

    def _tell(self, told: Any) -> None:
        data = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        del args


class FacilitatorSite:
    """The facilitator at an address of this machine."""

    def __init__(self, facilitator: Facilitator) -> None:
        self.facilitator = facilitator
        #: Called with the path before it is done; and after it: with True, the answer gets lost.
        self.before: Callable[[str], object] = lambda path: None
        self.after: Callable[[str], bool] = lambda path: False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.site = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def start(self) -> None:
        """Begin to answer."""
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@contextmanager
def facilitator_site(facilitator: Facilitator) -> Iterator[FacilitatorSite]:
    """Serve a facilitator while the block runs."""
    site = FacilitatorSite(facilitator)
    site.start()
    try:
        yield site
    finally:
        site.stop()


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an ASGI app while the block runs; yields its address."""
    listener = listen("127.0.0.1", 0)
    server = make_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
