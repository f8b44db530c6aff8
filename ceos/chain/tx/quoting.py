"""The gas and fees of a transaction, determined before anything is signed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ceos.chain.tx.policy import PolicyVerdict
from ceos.chain.tx.types import TxRequest
from ceos.errors import RequestRefused
from ceos.evm.amounts import ether
from ceos.evm.types import BalanceChange, CallRequest, Fees

if TYPE_CHECKING:
    from ceos.evm.abi import Abi
    from ceos.evm.client import EvmClient

#: The bytes of a signed transaction besides its data: signature, fees, nonce, addresses. They do not compress.
ENVELOPE_BYTES = 128
#: Nodes accept a replacement only if it pays more, usually by a tenth; this is an eighth more, in thousandths.
REPLACEMENT_FEE = 1125


@dataclass(frozen=True)
class Quote:
    """The gas and fees that one transaction needs."""

    gas: int
    fees: Fees
    #: The cost of its data on L1 in wei, with a reserve.
    l1_fee: int
    #: The result of the simulated call, as hex.
    returned: str = "0x"

    @property
    def max_fee_wei(self) -> int:
        """The upper limit of all its fees."""
        return self.gas * self.fees.max_fee + self.l1_fee

    def replacing(self, old: Quote) -> Quote:
        """Return this quote with fees high enough to replace a transaction signed with `old`."""
        priority = max(self.fees.priority, _raised(old.fees.priority))
        max_fee = max(self.fees.max_fee, _raised(old.fees.max_fee), priority)
        fees = Fees(base_fee=self.fees.base_fee, priority=priority, max_fee=max_fee)
        return Quote(self.gas, fees, max(self.l1_fee, old.l1_fee), self.returned)


@dataclass(frozen=True)
class Preview:
    """The transaction that would be signed, for a person to check."""

    request: TxRequest
    account: str
    quote: Quote
    verdict: PolicyVerdict
    changes: tuple[BalanceChange, ...]
    #: The balance of the account, in wei.
    balance: int


def quote(client: EvmClient, request: TxRequest, account: str, abi: Abi | None) -> Quote:
    """Simulate a transaction and return its gas and fees; raises `Reverted` with the contract's reason."""
    call = call_request(request, account)
    returned = client.simulate(call, abi)
    gas = client.estimate_gas(call, abi)
    return Quote(gas, client.fees(), client.l1_fee(_sample_bytes(request)), returned)


def replacement_quote(client: EvmClient, old: Quote) -> Quote:
    """Return the quote of a transaction that replaces one signed with `old`."""
    return Quote(old.gas, client.fees(), old.l1_fee).replacing(old)


def check_funds(request: TxRequest, quoted: Quote, account: str, balance: int) -> None:
    """Raise `RequestRefused` unless the balance covers the maximum cost."""
    needed = request.value + quoted.max_fee_wei
    if balance < needed:
        raise RequestRefused(
            f"The account {account} has {ether(balance)} ETH and this may take {ether(needed)} ETH: send it some."
        )


def call_request(request: TxRequest, account: str) -> CallRequest:
    """Return a transaction as a call that a node can simulate."""
    return CallRequest(sender=account, to=request.to, data=request.data, value=request.value)


def _raised(fee: int) -> int:
    return (fee * REPLACEMENT_FEE + 999) // 1000


def _sample_bytes(request: TxRequest) -> bytes:
    """Return bytes that cost as much on L1 as the signed transaction will: its data and an incompressible envelope."""
    envelope, seed = b"", b""
    while len(envelope) < ENVELOPE_BYTES:
        seed = hashlib.sha256(seed).digest()
        envelope += seed
    return bytes.fromhex(request.data[2:]) + envelope[:ENVELOPE_BYTES]
