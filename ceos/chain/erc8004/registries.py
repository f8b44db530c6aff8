"""The two registries of ERC-8004 as contracts: calls, and transactions that are sent once each."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

from ceos.chain.tx.store import tx_id
from ceos.chain.tx.types import Tx, TxRequest, TxStatus
from ceos.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from ceos.chain.config.contracts import Contracts
    from ceos.chain.tx.sender import TxSender
    from ceos.evm.abi import Abi
    from ceos.evm.client import EvmClient

#: The names of their contracts.
IDENTITY, REPUTATION = "identity", "reputation"


class Registries:
    """Calls of the registries, by the names and signatures of their functions."""

    def __init__(self, client: EvmClient, sender: TxSender, contracts: Contracts) -> None:
        self.client = client
        self.sender = sender
        self.contracts = contracts

    @property
    def registry_name(self) -> str:
        """The identity registry by its chain, as registration files name it: `eip155:8453:0x8004…`."""
        return f"eip155:{self.client.chain_id}:{self.address(IDENTITY)}"

    def address(self, name: str) -> str:
        """Return the address of a contract; raises `NotFound` where this chain has none."""
        return str(self.contracts.find(name).address)

    def abi(self, name: str) -> Abi:
        """Return the ABI of a contract; raises `InvalidInput` without one."""
        found = self.contracts.find(name).abi
        if found is None:
            raise InvalidInput(f"The contract {name!r} has no abi; add one in chain.toml.")
        return found

    def call(self, name: str, signature: str, *args: Any) -> Any:
        """Return the result of a function; raises `Reverted`."""
        return self.client.call(self.address(name), self.abi(name).function(signature), *args)

    def request(self, name: str, signature: str, *args: Any, agent: str, purpose: str) -> TxRequest:
        """Return a transaction that calls a function."""
        data = self.abi(name).function(signature).encode(*args)
        return TxRequest(chain_id=self.client.chain_id, to=self.address(name), data=data, agent=agent, purpose=purpose)

    def send_once(
        self,
        request: TxRequest,
        key: str,
        *,
        is_done: Callable[[Tx], bool] = lambda tx: tx.status is TxStatus.FINAL,
        before: Callable[[], None] = lambda: None,
    ) -> Tx:
        """Submit a transaction under a key, or return the transaction of that key that is pending or done.

        After a transaction that ended otherwise, another one is submitted under the next key. `before` runs before a
        new one is submitted, and may raise.
        """
        for number in count(1):
            name = key if number == 1 else f"{key}#{number}"
            tx = self.find_tx(tx_id(self.client.chain_id, name))
            if tx is None:
                before()
                return self.sender.submit(request, key=name)
            if not tx.status.is_over or is_done(tx):
                return tx
        raise AssertionError("unreachable")

    def find_tx(self, name: str) -> Tx | None:
        """Return the transaction of an id, or None."""
        try:
            return self.sender.tx(name)
        except NotFound:
            return None

    def has_failed(self, name: str) -> bool:
        """Say whether a transaction ended without effect, or is no longer stored."""
        tx = self.find_tx(name)
        return tx is None or (tx.status.is_over and tx.status is not TxStatus.FINAL)
