"""The only place where transactions are signed: judged, simulated, given a nonce, and stored before they leave."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from ceos.chain.config.contracts import Contracts
from ceos.chain.config.models import ChainConfig
from ceos.chain.due_queue import Agenda
from ceos.chain.tx.policy import Cap, Verdict, eth_caps, judge, judge_outcome, refused
from ceos.chain.tx.quote import Quote
from ceos.chain.tx.quoting import check_funds, quote, refreshed
from ceos.chain.tx.store import Driving, Signed, TxStore
from ceos.chain.tx.types import Tx, TxRequest, TxStatus
from ceos.chain.tx.wallets import Wallets
from ceos.clock import Clock
from ceos.errors import KeyRefused, PolicyRefused, ServiceUnavailable
from ceos.evm.client import BaseChain
from ceos.logs import event

log = logging.getLogger(__name__)

#: So many workers may take a nonce before us until we give our turn away.
NONCE_ATTEMPTS = 200
#: Gas of a transfer of nothing to oneself, with room for an account that has code.
CANCEL_GAS = 60_000
#: Fees may come to so many times what a person saw when they approved a transaction: fees rise while people think.
APPROVED_FEES = 2


@dataclass(frozen=True)
class SenderTools:
    """What transactions are sent with."""

    client: BaseChain
    transactions: TxStore
    wallets: Wallets
    contracts: Contracts
    config: ChainConfig
    agenda: Agenda
    clock: Clock
    sleep: Callable[[float], None]
    #: Returns why everything is stopped, or None while it is not.
    panic: Callable[[], str | None] = lambda: None
    review_hours: float = 24.0


class Signer:
    """Signs what the policy allows, at the moment of signing, whoever has allowed it before."""

    def __init__(self, tools: SenderTools) -> None:
        self._t = tools
        self._txs = tools.transactions

    def examine(self, request: TxRequest, account: str) -> tuple[Quote, Verdict]:
        """Return what a transaction takes and on what terms it is allowed; raises `PolicyRefused` or `Reverted`."""
        # What is not allowed anyway is not even shown to a node.
        self._judge(request, account, 0)
        quoted = quote(self._t.client, request, account, self._t.contracts.find(request.to).abi)
        verdict = self._judge(request, account, quoted.worst_fee)
        judge_outcome(verdict, quoted.returned)
        return quoted, verdict

    def sign(self, driving: Driving) -> Tx:
        """Sign a transaction with the account's next nonce and store that; or have it wait for a person."""
        tx = driving.tx
        self.check_panic()
        self._check_account(tx)
        quoted, verdict = self.examine(tx.request, tx.account)
        if verdict.approval and not _is_approved(driving, quoted):
            risen = "its fees have risen since it was approved: " if driving.approved_wei else ""
            return self._txs.move(tx, TxStatus.REVIEW, f"{risen}{verdict.approval}")
        check_funds(tx.request, quoted, tx.account, self._t.client.balance(tx.account))
        self._t.client.check()
        self._take_nonce(tx, quoted, verdict.caps)
        return self._txs.tx(tx.id)

    def replace(self, driving: Driving) -> None:
        """Sign another version with higher fees and the same nonce: at most one of them can ever be mined."""
        tx, old = driving.tx, driving.quote
        assert old is not None and tx.nonce is not None, "it is signed"
        self._check_account(tx)
        self._t.client.check()
        quoted = refreshed(self._t.client, old)
        if driving.cancel:
            self._store(driving, self._void(tx, driving, quoted))
            return
        verdict = self._judge(tx.request, tx.account, quoted.worst_fee)
        if verdict.approval and not _is_approved(driving, quoted):
            raise refused("approval", f"a version with higher fees would have to be approved: {verdict.approval}")
        self._store(driving, self._signed(tx.request, tx.nonce, quoted, _merged(driving.caps, verdict.caps)))

    def cancel(self, driving: Driving) -> None:
        """Take the place of a stuck transaction with one that does nothing; whichever is mined, its nonce is used.

        Nothing happens if somebody else has stored another version at the same moment.
        """
        tx, old = driving.tx, driving.quote
        assert old is not None and tx.nonce is not None, "it is signed"
        self._check_account(tx)
        self._t.client.check()
        quoted = refreshed(self._t.client, Quote(CANCEL_GAS, old.fees, old.l1_fee))
        self._store(driving, self._void(tx, driving, quoted), is_cancel=True)

    def check_panic(self) -> None:
        """Raise `ServiceUnavailable` while the operator has stopped everything: nothing is signed or sent then."""
        if reason := self._t.panic():
            raise ServiceUnavailable(f"PANIC: nothing is signed or sent ({reason}); 'ceos unpanic' lets it go on.")

    def _void(self, tx: Tx, driving: Driving, quoted: Quote) -> Signed:
        """Sign what does nothing but use the nonce: every policy allows that, but no more fees than it allows."""
        assert tx.nonce is not None, "it is signed"
        request = _nothing(tx)
        caps = eth_caps(self._t.config.policy, request, quoted.worst_fee)
        return self._signed(request, tx.nonce, quoted, _merged(driving.caps, caps))

    def _judge(self, request: TxRequest, account: str, worst_fee: int) -> Verdict:
        if request.chain_id != self._t.client.chain_id:
            raise PolicyRefused(
                f"rule chain: the transaction is for chain {request.chain_id}, BASE_CHAIN_ID is "
                f"{self._t.client.chain_id}.",
                rule="chain",
            )
        return judge(self._t.config.policy, request, self._t.contracts.find, account=account, worst_fee_wei=worst_fee)

    def _check_account(self, tx: Tx) -> None:
        """Raise `KeyRefused` unless our key is that of the account for which the transaction was taken on."""
        own = self._t.wallets.address(tx.request.agent)
        if own != tx.account:
            raise KeyRefused(f"{tx.id} is for the account {tx.account}, and the key here is that of {own}.")

    def _take_nonce(self, tx: Tx, quoted: Quote, caps: tuple[Cap, ...]) -> None:
        """Sign with the next nonce until nobody else was faster; what was signed in vain is thrown away unseen."""
        day = utc_date(self._t.clock.now())
        told, pending = self._t.client.nonce(tx.account, "latest"), self._t.client.nonce(tx.account, "pending")
        # Ours last: what we have sent by now is among the pending ones, and counted in ours.
        nonce = max(told, self._txs.next_nonce(tx.request.chain_id, tx.account))
        if pending > nonce:
            # If one of them is dropped, ours would wait for its nonce for ever.
            raise ServiceUnavailable(
                f"The account {tx.account} has transactions that are not of ceos and not mined, up to nonce "
                f"{pending - 1}; going on once they are."
            )
        for _ in range(NONCE_ATTEMPTS):
            answer = self._txs.sign(tx, nonce, told, self._signed(tx.request, nonce, quoted, caps), day)
            what, _, about = answer.partition(" ")
            if what == "nonce":
                nonce = int(about)
                continue
            if what == "cap":
                raise _over(about, caps, day)
            if what == "signed":
                log.info("Transaction signed", extra=event("tx.signed", tx=tx.id, nonce=nonce))
            return
        raise ServiceUnavailable("The account is so busy that no nonce could be taken; trying again.")

    def _signed(self, request: TxRequest, nonce: int, quoted: Quote, caps: tuple[Cap, ...]) -> Signed:
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
        raw, hash = self._t.wallets.sign_transaction(request.agent, fields)
        return Signed(raw, hash, request.value + quoted.worst_fee, caps, quoted)

    def _store(self, driving: Driving, version: Signed, *, is_cancel: bool = False) -> None:
        what, _, about = self._txs.replace(driving.tx, version, is_cancel=is_cancel).partition(" ")
        if what == "cap":
            raise _over(about, version.caps, "the day of its first version")
        if what == "signed":
            log.warning("Transaction replaced", extra=event("tx.replaced", tx=driving.tx.id, cancel=is_cancel))


def utc_date(moment: dt.datetime) -> str:
    """Return the UTC day on which something is counted, such as "2026-03-02"."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%d")


def _nothing(tx: Tx) -> TxRequest:
    """Return a request that does nothing but use a nonce."""
    return TxRequest(chain_id=tx.request.chain_id, to=tx.account, agent=tx.request.agent, purpose="nothing")


def _is_approved(driving: Driving, quoted: Quote) -> bool:
    return driving.tx.request.value + quoted.worst_fee <= driving.approved_wei


def _merged(old: tuple[Cap, ...], new: tuple[Cap, ...]) -> tuple[Cap, ...]:
    """Return the caps of all versions together: any of them may be the one that is mined."""
    caps = {cap.name: cap for cap in old}
    for cap in new:
        caps[cap.name] = replace(cap, amount=max(cap.amount, caps[cap.name].amount if cap.name in caps else 0))
    return tuple(caps.values())


def _over(name: str, caps: tuple[Cap, ...], day: str) -> PolicyRefused:
    cap = next(cap for cap in caps if cap.name == name)
    return PolicyRefused(f"rule {cap.rule}: {cap.name} would exceed {cap.shown_most()} on {day}.", rule=cap.rule)
