"""A chain with the two registries of ERC-8004, and a runtime whose agents may register there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth_account import Account

from ceos.chain.tx.types import Tx, TxStatus
from ceos.chain.wiring import Chain
from ceos.testing import FakeRuntime, fake_runtime
from helpers.evm import ACCOUNTS, SEED_PHRASE, Deployed, Evm

#: Where others reach the web app.
PUBLIC_URL = "https://agents.example"
FILE = """
anchor = ["ada"]
confirmations = 2

[[contract]]
name = "identity"
address = "{identity}"
abi = "identity"

[[contract]]
name = "reputation"
address = "{reputation}"
abi = "reputation"

[[contract]]
name = "counter"
address = "{counter}"
abi = ["function numbers(address who) view returns (uint256)"]

[creator_score]
contract = "counter"
function = "numbers"
decimals = 1

[policy]
chains = [8453]
max_eth = "0.1"
max_eth_per_day = "1"
{approval}

[[policy.allow]]
contract = "identity"
functions = [
    "register(string uri)",
    "setAgentURI(uint256 number, string uri)",
    "setMetadata(uint256 number, string key, bytes data)",
]

[[policy.allow]]
contract = "reputation"
functions = ["giveFeedback(uint256,int128,uint8,string,string,string,string,bytes32)"]
{extra}
"""


class Registry:
    """The registries, the runtime, and what tests do with both."""

    def __init__(
        self, evm: Evm, fake: FakeRuntime, identity: Deployed, reputation: Deployed, counter: Deployed
    ) -> None:
        self.evm = evm
        self.fake = fake
        self.identity = identity
        self.reputation = reputation
        self.counter = counter

    @property
    def chain(self) -> Chain:
        return self.fake.runtime.chain

    @property
    def name(self) -> str:
        return f"eip155:8453:{self.identity.address}"

    def add(self, agent_id: str = "ada", **overrides: Any) -> str:
        """Add an agent whose account has some ETH, and return the account."""
        self.fake.apply(id=agent_id, fid=1000 + sum(agent_id.encode()), name=agent_id.title(), **overrides)
        account = self.chain.wallets.address(agent_id)
        self.evm.rpc("anvil_setBalance", account, hex(10**18))
        return account

    def settle(self, tx_id: str | None) -> Tx:
        """Drive a transaction to its end."""
        assert tx_id is not None
        for _ in range(5):
            tx = self.chain.sender.wait(tx_id, 20)
            if tx.status is not TxStatus.MINED:
                return tx
            self.evm.mine(2)
        return tx

    def register(self, agent_id: str = "ada") -> int:
        """Register an agent for good and return its number."""
        known = self.chain.identity.register(agent_id)
        assert self.settle(known.tx).status is TxStatus.FINAL
        number = self.chain.identity.registered(agent_id).token_id
        assert number is not None
        return number

    def register_others(self, count: int = 1) -> None:
        """Register agents of another account, without our code."""
        for _ in range(count):
            self.evm.send(
                self.identity.address, self.identity.encode("register(string)", "https://x"), sender=ACCOUNTS[3]
            )

    def minted(self) -> int:
        """Return how many agents the registry has."""
        data = self.identity.encode("minted()")
        return int(self.evm.rpc("eth_call", {"to": self.identity.address, "data": data}, "latest"), 16)


@contextmanager
def registry(
    evm: Evm, home: Path, simulator: Any, folder: Path, *, to_the_letter: bool = False, approval: str = "",
    extra: str = "", **environ: str,
) -> Iterator[Registry]:  # fmt: skip
    """Deploy the registries and yield them with a runtime."""
    identity = evm.deploy("identity", to_the_letter, types=("bool",))
    reputation = evm.deploy("reputation", identity.address, types=("address",))
    counter = evm.deploy("counter")
    file = folder / "chain.toml"
    file.write_text(
        FILE.format(
            identity=identity.address, reputation=reputation.address, counter=counter.address, approval=approval,
            extra=extra,
        )
    )  # fmt: skip
    Account.enable_unaudited_hdwallet_features()
    variables = {
        "BASE_RPC_URL": evm.url,
        "BASE_SEED_PHRASE": SEED_PHRASE,
        "CEOS_CHAIN_FILE": str(file),
        "CEOS_PUBLIC_URL": PUBLIC_URL,
        **environ,
    }
    with fake_runtime(home, simulator=simulator, **variables) as fake:
        yield Registry(evm, fake, identity, reputation, counter)
