"""The only place where transactions are signed: checked, simulated, given a nonce, and stored before they are sent."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import replace

from ceos.chain.config.contracts import Contracts
from ceos.chain.config.models import TxPolicy
from ceos.chain.tx.policy import Cap, PolicyVerdict, check_outcome, eth_caps, evaluate, refused
from ceos.chain.tx.quoting import Quote, check_funds, quote, replacement_quote
from ceos.chain.tx.store import InFlightTx, SignedVersion, TxStore
from ceos.chain.tx.types import Tx, TxRequest, TxStatus
from ceos.chain.tx.wallets import Wallets
from ceos.clock import Clock
from ceos.errors import KeyRefused, PolicyRefused, ServiceUnavailable
from ceos.evm.client import EvmClient
from ceos.logs import event

log = logging.getLogger(__name__)

#: The number of times another worker may take the nonce first before this one gives up.
NONCE_ATTEMPTS = 200
#: Gas of a transfer of nothing to oneself, with room for an account that has code.
CANCEL_GAS = 60_000
#: Fees may rise to this multiple of the approved ones, because they rise while people decide.
APPROVED_FEES = 2


class TxSigner:
    """Signs the transactions that the policy allows at the moment of signing, whatever was approved before."""

    def __init__(
        self,
        client: EvmClient,
        transactions: TxStore,
        wallets: Wallets,
        contracts: Contracts,
        *,
        policy: TxPolicy,
        clock: Clock,
        halt_reason: Callable[[], str | None],
    ) -> None:
        self._client = client
        self._txs = transactions
        self._wallets = wallets
        self._contracts = contracts
        self._policy = policy
        self._clock = clock
        #: Returns why the operator has stopped everything, or None.
        self._halt_reason = halt_reason

    def account(self, request: TxRequest) -> str:
        """Return the account that would send a request; raises `KeyRefused`."""
        return self._wallets.address(request.agent)

    def examine(self, request: TxRequest, account: str) -> tuple[Quote, PolicyVerdict]:
        """Return the quote and the terms of a transaction; raises `PolicyRefused` or `Reverted`."""
        # A request that is refused anyway is not even shown to a node.
        self._evaluate(request, account, 0)
        quoted = quote(self._client, request, account, self._contracts.find(request.to).abi)
        verdict = self._evaluate(request, account, quoted.max_fee_wei)
        check_outcome(verdict, quoted.returned)
        return quoted, verdict

    def sign(self, flight: InFlightTx) -> Tx:
        """Sign a transaction with the next nonce of its account and store it, or make it wait for a person."""
        tx = flight.tx
        self.check_halt()
        self._check_account(tx)
        quoted, verdict = self.examine(tx.request, tx.account)
        if verdict.approval and not _is_approved(flight, quoted):
            risen = "its fees have risen since it was approved: " if flight.approved_wei else ""
            return self._txs.set_status(tx, TxStatus.REVIEW, f"{risen}{verdict.approval}")
        check_funds(tx.request, quoted, tx.account, self._client.balance(tx.account))
        self._client.check()
        self._sign_with_next_nonce(tx, quoted, verdict.caps)
        return self._txs.tx(tx.id)

    def replace(self, flight: InFlightTx) -> None:
        """Sign another version with higher fees and the same nonce: only one of them can be mined."""
        tx, old = flight.tx, flight.quote
        assert old is not None and tx.nonce is not None, "it is signed"
        self._check_account(tx)
        self._client.check()
        quoted = replacement_quote(self._client, old)
        if flight.cancel:
            self._store(flight, self._cancelling(tx, flight, quoted))
            return
        verdict = self._evaluate(tx.request, tx.account, quoted.max_fee_wei)
        if verdict.approval and not _is_approved(flight, quoted):
            raise refused("approval", f"a version with higher fees would have to be approved: {verdict.approval}")
        self._store(flight, self._signed(tx.request, tx.nonce, quoted, _merged(flight.caps, verdict.caps)))

    def cancel(self, flight: InFlightTx) -> None:
        """Replace a stuck transaction by one that does nothing; either of them uses the nonce.

        Nothing happens if another worker has stored another version at the same moment.
        """
        tx, old = flight.tx, flight.quote
        assert old is not None and tx.nonce is not None, "it is signed"
        self._check_account(tx)
        self._client.check()
        quoted = replacement_quote(self._client, Quote(CANCEL_GAS, old.fees, old.l1_fee))
        self._store(flight, self._cancelling(tx, flight, quoted), is_cancel=True)

    def check_halt(self) -> None:
        """Raise `ServiceUnavailable` while the operator has stopped everything: nothing is signed or sent then."""
        if reason := self._halt_reason():
            raise ServiceUnavailable(f"PANIC: nothing is signed or sent ({reason}); 'ceos unpanic' ends it.")

    def _cancelling(self, tx: Tx, flight: InFlightTx, quoted: Quote) -> SignedVersion:
        """Sign a version that only uses up the nonce: any policy allows the call, but not any amount of fees."""
        assert tx.nonce is not None, "it is signed"
        request = TxRequest(chain_id=tx.request.chain_id, to=tx.account, agent=tx.request.agent, purpose="nothing")
        caps = eth_caps(self._policy, request, quoted.max_fee_wei)
        return self._signed(request, tx.nonce, quoted, _merged(flight.caps, caps))

    def _evaluate(self, request: TxRequest, account: str, max_fee: int) -> PolicyVerdict:
        if request.chain_id != self._client.chain_id:
            raise PolicyRefused(
                f"rule chain: the transaction is for chain {request.chain_id}, BASE_CHAIN_ID is "
                f"{self._client.chain_id}.",
                rule="chain",
            )
        return evaluate(self._policy, request, self._contracts.find, account=account, max_fee_wei=max_fee)

    def _check_account(self, tx: Tx) -> None:
        """Raise `KeyRefused` unless our key is that of the account of the transaction."""
        own = self.account(tx.request)
        if own != tx.account:
            raise KeyRefused(f"{tx.id} is for the account {tx.account}, and the key here is that of {own}.")

    def _sign_with_next_nonce(self, tx: Tx, quoted: Quote, caps: tuple[Cap, ...]) -> None:
        """Sign with the next nonce until no other worker was faster; bytes with a taken nonce are discarded unsent."""
        day = utc_date(self._clock.now())
        mined, pending = self._client.nonce(tx.account, "latest"), self._client.nonce(tx.account, "pending")
        # Our own counter is read last: it includes every pending transaction that we have sent by now.
        nonce = max(mined, self._txs.next_nonce(tx.request.chain_id, tx.account))
        if pending > nonce:
            # If one of those were dropped, ours would wait for its nonce for ever.
            raise ServiceUnavailable(
                f"The account {tx.account} has transactions that are not of ceos and not mined, up to nonce "
                f"{pending - 1}; this one continues after them."
            )
        for _ in range(NONCE_ATTEMPTS):
            version = self._signed(tx.request, nonce, quoted, caps)
            answer, _, detail = self._txs.store_signed(tx, nonce, mined, version, day).partition(" ")
            if answer == "nonce":
                nonce = int(detail)
                continue
            if answer == "cap":
                raise _over(detail, caps, day)
            if answer == "signed":
                log.info("Transaction signed", extra=event("tx.signed", tx=tx.id, nonce=nonce))
            return
        raise ServiceUnavailable("Other transactions took every nonce of the account first; trying again.")

    def _signed(self, request: TxRequest, nonce: int, quoted: Quote, caps: tuple[Cap, ...]) -> SignedVersion:
        fields = {
            "type": 2,
            "chainId": request.chain_id,
            "nonce": nonce,
            "to": request.to,
            "value": request.value,
            "data": request.data,
            "gas": quoted.gas,
            "maxFeePerGas": quoted.fees.max_fee,
            "maxPriorityFeePerGas": quoted.fees.priority,
        }
        raw, hash = self._wallets.sign_transaction(request.agent, fields)
        return SignedVersion(raw, hash, request.value + quoted.max_fee_wei, caps, quoted)

    def _store(self, flight: InFlightTx, version: SignedVersion, *, is_cancel: bool = False) -> None:
        answer, _, detail = self._txs.store_replacement(flight.tx, version, is_cancel=is_cancel).partition(" ")
        if answer == "cap":
            raise _over(detail, version.caps, "the day of its first version")
        if answer == "signed":
            log.warning("Transaction replaced", extra=event("tx.replaced", tx=flight.tx.id, cancel=is_cancel))


def utc_date(moment: dt.datetime) -> str:
    """Return the UTC day whose limits apply at a moment, such as "2026-03-02"."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%d")


def _is_approved(flight: InFlightTx, quoted: Quote) -> bool:
    return flight.tx.request.value + quoted.max_fee_wei <= flight.approved_wei


def _merged(old: tuple[Cap, ...], new: tuple[Cap, ...]) -> tuple[Cap, ...]:
    """Return the caps that cover all versions: any of them may be the one that is mined."""
    caps = {cap.name: cap for cap in old}
    for cap in new:
        caps[cap.name] = replace(cap, amount=max(cap.amount, caps[cap.name].amount if cap.name in caps else 0))
    return tuple(caps.values())


def _over(name: str, caps: tuple[Cap, ...], day: str) -> PolicyRefused:
    cap = next(cap for cap in caps if cap.name == name)
    return PolicyRefused(f"rule {cap.rule}: {cap.name} would exceed {cap.limit_text()} on {day}.", rule=cap.rule)
