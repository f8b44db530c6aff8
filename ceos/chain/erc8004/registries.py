"""The two registries of ERC-8004 as contracts: reading them, and requests that write to them, each sent once."""

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

#: Their names among the contracts.
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
        """Return where a registry is; raises `InvalidInput` where this chain has none."""
        return str(self.contracts.find(name).address)

    def abi(self, name: str) -> Abi:
        """Return the functions and events of a contract; raises `InvalidInput` without any."""
        found = self.contracts.find(name).abi
        if found is None:
            raise InvalidInput(f"The contract {name!r} has no abi; give it one in chain.toml.")
        return found

    def call(self, name: str, signature: str, *args: Any) -> Any:
        """Return what a function answers; raises `Reverted`."""
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
        """Submit a transaction under a key, or return the one that is under way or done.

        One that ended otherwise is followed by another, under the next key, and is never taken up again itself.
        `before` may object before a new one is made.
        """
        for number in count(1):
            name = key if number == 1 else f"{key}#{number}"
            tx = self.find(tx_id(self.client.chain_id, name))
            if tx is None:
                before()
                return self.sender.submit(request, key=name)
            if not tx.status.is_over or is_done(tx):
                return tx
        raise AssertionError("unreachable")

    def find(self, name: str) -> Tx | None:
        """Return a transaction, or None when there is none of that id."""
        try:
            return self.sender.tx(name)
        except NotFound:
            return None

    def is_in_vain(self, name: str) -> bool:
        """Say whether a transaction has ended without having been carried out, or is not known any more."""
        tx = self.find(name)
        return tx is None or (tx.status.is_over and tx.status is not TxStatus.FINAL)
