"""What a transaction would do and cost, found out before anything is signed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ceos.chain.tx.policy import Verdict
from ceos.chain.tx.quote import Quote
from ceos.chain.tx.types import TxRequest
from ceos.errors import RequestRefused
from ceos.evm.abi import Abi
from ceos.evm.amounts import ether
from ceos.evm.client import BaseChain
from ceos.evm.types import BalanceChange

#: Bytes of a signed transaction beside its data: signature, fees, nonce, addresses. They do not compress.
ENVELOPE_BYTES = 128


@dataclass(frozen=True)
class Preview:
    """What would be signed, for a person."""

    request: TxRequest
    account: str
    quote: Quote
    verdict: Verdict
    changes: tuple[BalanceChange, ...]
    #: What the account has, in wei.
    balance: int


def quote(client: BaseChain, request: TxRequest, account: str, abi: Abi | None) -> Quote:
    """Return what a transaction takes; raises `Reverted` with what the contract says when it would fail."""
    returned = client.simulate(request, account, abi)
    gas = client.estimate_gas(request, account, abi)
    return Quote(gas, client.fees(), client.l1_fee(_as_large_as(request)), returned)


def refreshed(client: BaseChain, old: Quote) -> Quote:
    """Return what a replacement of something that was signed with `old` takes."""
    return Quote(old.gas, client.fees(), old.l1_fee).bumped(old)


def check_funds(request: TxRequest, quoted: Quote, account: str, balance: int) -> None:
    """Raise `RequestRefused` unless the account can pay the worst case."""
    needed = request.value + quoted.worst_fee
    if balance < needed:
        raise RequestRefused(
            f"The account {account} has {ether(balance)} ETH and this may take {ether(needed)} ETH: send it some."
        )


def _as_large_as(request: TxRequest) -> bytes:
    """Return bytes that cost on L1 what the signed transaction will: its data, and an envelope."""
    envelope, seed = b"", b""
    while len(envelope) < ENVELOPE_BYTES:
        seed = hashlib.sha256(seed).digest()
        envelope += seed
    return bytes.fromhex(request.data[2:]) + envelope[:ENVELOPE_BYTES]
