"""The one road of every transaction: judged, simulated, signed, stored, sent, replaced when it is stuck, receipt kept.

Whoever calls `advance` carries a transaction on from where its record says it is, and any number may do so at once:
what is sent is always what was stored, and a nonce belongs to one transaction for ever. So a crash at any instruction
neither repeats a transaction nor loses one.
"""

from __future__ import annotations

import logging
import time

from ceos.chain.quoting import Preview, check_funds
from ceos.chain.signing import SenderTools, Signer, utc_date
from ceos.chain.tx_store import Driving
from ceos.chain.types import Receipt, Tx, TxRequest, TxStatus
from ceos.errors import (
    CeosError,
    FeeTooLow,
    InvalidInput,
    KeyRefused,
    NonceTaken,
    OutcomeUnknown,
    RateLimited,
    Reverted,
    ServiceUnavailable,
    WrongChain,
)
from ceos.logs import event

log = logging.getLogger(__name__)

#: What ends before another attempt is worth it, and what only has to wait.
PASSING = (ServiceUnavailable, RateLimited, OutcomeUnknown, WrongChain, KeyRefused)
#: Seconds between two looks at a transaction that is on its way, and before one that could not go on is tried again.
LOOK_SECONDS, AGAIN_SECONDS = 2.0, 10.0
#: The same bytes are sent again when they are not mined after so many milliseconds: a node may have dropped them.
RESEND_MS = 10_000
#: So many versions of one transaction, each an eighth dearer: beyond that, fees are not what it waits for.
MOST_VERSIONS = 12
#: What the names of caps on ETH begin with; the others are on tokens.
ETH = "eth-"


class Sender:
    """Sends transactions, once each, as far as the policy allows."""

    def __init__(self, tools: SenderTools) -> None:
        self._t = tools
        self._txs = tools.transactions
        self._signer = Signer(tools)

    # What people and plugins ask for

    def preview(self, request: TxRequest) -> Preview:
        """Return what would be signed; nothing is signed or stored. Raises `PolicyRefused` or `Reverted`."""
        account = self._t.wallets.address(request.agent)
        quoted, verdict = self._signer.examine(request, account)
        balance = self._t.client.balance(account)
        tokens = [request.to] if request.data != "0x" else []
        changes = tuple(self._t.client.balance_changes(request, account, tokens))
        return Preview(request, account, quoted, verdict, changes, balance)

    def submit(self, request: TxRequest, *, key: str) -> Tx:
        """Take a transaction on: from here it happens once, whoever dies. The same `key` is the same transaction.

        Submitting one again that failed, was reverted or not approved tries it again. Raises `PolicyRefused` with the
        rule, `Reverted` with what the contract says, or `InvalidInput` when the key stands for another request.
        """
        account = self._t.wallets.address(request.agent)
        known = self._txs.find_by_key(request.chain_id, key)
        if known and known.request == request and (known.status is TxStatus.FINAL or not known.status.is_over):
            return known
        quoted, verdict = self._signer.examine(request, account)
        check_funds(request, quoted, account, self._t.client.balance(account))
        tx = self._txs.open(request, key, account, verdict.approval)
        log.info("Transaction taken on", extra=event("tx.opened", tx=tx.id, to=request.to, status=str(tx.status)))
        return tx

    def advance(self, tx_id: str) -> Tx:
        """Carry a transaction on, as far as it goes now, and return its record."""
        driving = self._txs.driving(tx_id)
        steps = {
            TxStatus.PLANNED: self._sign,
            TxStatus.REVIEW: self._expire,
            TxStatus.SIGNED: self._see_through,
            TxStatus.MINED: self._deepen,
        }
        step = steps.get(driving.tx.status)
        if step is None:
            self._t.agenda.remove(tx_id)
            return driving.tx
        try:
            return step(driving)
        except PASSING as error:
            return self._put_off(driving.tx, error)
        except CeosError as error:
            if driving.tx.status is not TxStatus.PLANNED:
                return self._put_off(driving.tx, error)
            log.warning("Transaction given up", extra=event("tx.failed", tx=tx_id, reason=str(error)))
            return self._txs.move(driving.tx, TxStatus.FAILED, str(error))

    def wait(self, tx_id: str, seconds: float) -> Tx:
        """Carry a transaction on until it is mined, waits for a person or is over, for so many seconds at most."""
        deadline, pause = time.monotonic() + seconds, 0.05
        while True:
            tx = self.advance(tx_id)
            is_moving = tx.status in (TxStatus.PLANNED, TxStatus.SIGNED)
            if not is_moving or time.monotonic() >= deadline:
                return tx
            self._t.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    def approve(self, tx_id: str) -> Tx:
        """Let a transaction go on that waits for a person; raises `InvalidInput` for any other."""
        tx = self._waiting(tx_id)
        return self._txs.move(tx, TxStatus.PLANNED, fields={"ok": "1"})

    def reject(self, tx_id: str, reason: str) -> Tx:
        """End a transaction that waits for a person, or take the place of one that is stuck; it is never sent again."""
        tx = self._txs.tx(tx_id)
        if tx.status is TxStatus.SIGNED:
            self._signer.cancel(self._txs.driving(tx_id))
            return self.advance(tx_id)
        return self._txs.move(self._waiting(tx_id), TxStatus.REJECTED, reason)

    def tx(self, tx_id: str) -> Tx:
        """Return the record of a transaction; raises `NotFound`."""
        return self._txs.tx(tx_id)

    def receipt(self, tx: Tx) -> Receipt | None:
        """Return what became of a transaction that is mined, or None."""
        return tx.receipt

    def recent(self, count: int = 20) -> list[Tx]:
        """Return the last transactions, newest first."""
        return self._txs.recent(count)

    def waiting(self) -> list[Tx]:
        """Return the transactions that wait for a person."""
        return [tx for tx in self._txs.recent() if tx.status is TxStatus.REVIEW]

    def spent_today(self) -> dict[str, int]:
        """Return what has been reserved or spent today, by cap: gwei of ETH, millionths of tokens."""
        return self._txs.spent(utc_date(self._t.clock.now()))

    def _waiting(self, tx_id: str) -> Tx:
        tx = self._txs.tx(tx_id)
        if tx.status is not TxStatus.REVIEW:
            raise InvalidInput(f"{tx_id} is {tx.status} and does not wait for approval.")
        return tx

    # On its way

    def _sign(self, driving: Driving) -> Tx:
        tx = self._signer.sign(driving)
        return self._see_through(self._txs.driving(tx.id)) if tx.status is TxStatus.SIGNED else tx

    def _see_through(self, driving: Driving) -> Tx:
        """Look whether a signed transaction is mined; else send it, again if need be, or replace it."""
        tx = driving.tx
        if found := self._mined(tx):
            return self._note_mined(driving, found)
        self._signer.check_panic()
        if driving.now - driving.sent_at >= RESEND_MS:
            try:
                self._t.client.send_raw(driving.raw)
            except NonceTaken:
                return self._note_taken(tx)
            except FeeTooLow as error:
                # A node that says so of everything must not make us pay more and more.
                tx = self._txs.explain(tx, str(error))
            else:
                self._txs.note_sent(tx, driving.now)
            if found := self._mined(tx):
                return self._note_mined(driving, found)
        if self._is_stuck(driving):
            self._signer.replace(driving)
            self._t.client.send_raw(self._txs.driving(tx.id).raw)
        self._t.agenda.put_off(tx.id, LOOK_SECONDS)
        return self._txs.tx(tx.id)

    def _mined(self, tx: Tx) -> Receipt | None:
        return next(filter(None, self._t.client.receipts(tx.hashes)), None)

    def _is_stuck(self, driving: Driving) -> bool:
        """Say whether a transaction has waited long enough for another version, and holds the account up itself."""
        tx = driving.tx
        if driving.now - driving.signed_at < self._t.config.stuck_seconds * 1000 or len(tx.hashes) >= MOST_VERSIONS:
            return False
        return self._t.client.nonce(tx.account, "latest") == tx.nonce

    def _note_taken(self, tx: Tx) -> Tx:
        """Decide about a nonce that the chain says is used: by us, which we will find, or for good by somebody else."""
        receipts, count = self._t.client.settled(tx.account, tx.hashes, self._t.config.confirmations)
        if any(receipts) or tx.nonce is None or count <= tx.nonce:
            self._t.agenda.put_off(tx.id, LOOK_SECONDS)
            return self._txs.tx(tx.id)
        reason = f"the account has sent another transaction with nonce {tx.nonce}, not through ceos"
        log.error("Transaction displaced", extra=event("tx.displaced", tx=tx.id, nonce=tx.nonce))
        return self._txs.move(tx, TxStatus.FAILED, reason, real={cap.name: 0 for cap in self._txs.driving(tx.id).caps})

    # In a block

    def _note_mined(self, driving: Driving, receipt: Receipt) -> Tx:
        tx = driving.tx
        version = tx.hashes.index(receipt.tx_hash) + 1
        value = tx.request.value if receipt.succeeded and version != driving.cancel else 0
        fields = {
            "hash": receipt.tx_hash,
            "block": str(receipt.block),
            "bhash": receipt.block_hash,
            "cost": str(receipt.gas_used * receipt.gas_price + receipt.l1_fee + value),
            "receipt": receipt.model_dump_json(),
        }
        moved = self._txs.move(tx, TxStatus.MINED, come_from=(TxStatus.SIGNED, TxStatus.MINED), fields=fields)
        log.info("Transaction mined", extra=event("tx.mined", tx=tx.id, hash=receipt.tx_hash, block=receipt.block))
        return self._deepen(self._txs.driving(tx.id)) if moved.status is TxStatus.MINED else moved

    def _deepen(self, driving: Driving) -> Tx:
        """End a mined transaction once it is deep enough; a re-org before that sends it back on its way."""
        tx = driving.tx
        receipt = self._mined(tx)
        if receipt is None:
            log.warning("A re-org has removed a transaction; sending it again", extra=event("tx.reorged", tx=tx.id))
            fields = {"sent": "0", "hash": "", "block": "", "bhash": "", "cost": "", "receipt": ""}
            return self._txs.move(tx, TxStatus.SIGNED, "a re-org has removed its block", fields=fields)
        if (receipt.tx_hash, receipt.block_hash) != (tx.hash, tx.block_hash):
            self._txs.move(tx, TxStatus.SIGNED, come_from=(TxStatus.MINED,))
            return self._note_mined(self._txs.driving(tx.id), receipt)
        missing = self._t.config.confirmations - (self._t.client.head().number - receipt.block)
        if missing > 0:
            self._t.agenda.put_off(tx.id, max(LOOK_SECONDS, missing * LOOK_SECONDS))
            return tx
        return self._end(driving, receipt)

    def _end(self, driving: Driving, receipt: Receipt) -> Tx:
        tx, cost = driving.tx, driving.tx.cost_wei or 0
        is_cancelled = driving.cancel > 0 and tx.hashes.index(receipt.tx_hash) + 1 == driving.cancel
        is_done = receipt.succeeded and not is_cancelled
        status = TxStatus.FINAL if is_done else TxStatus.FAILED if is_cancelled else TxStatus.REVERTED
        reason = "" if is_done else "cancelled: nothing was done" if is_cancelled else self._why_reverted(tx)
        gwei = -(-cost // 10**9)
        real = {cap.name: gwei if cap.name.startswith(ETH) else cap.amount if is_done else 0 for cap in driving.caps}
        log.info("Transaction settled", extra=event(f"tx.{status}", tx=tx.id, cost_wei=cost, reason=reason))
        return self._txs.move(tx, status, reason, real=real)

    def _why_reverted(self, tx: Tx) -> str:
        try:
            self._signer.examine(tx.request, tx.account)
        except Reverted as error:
            return f"the contract refused it: {error.reason or 'without a reason'}"
        except CeosError:
            pass
        return "the contract refused it when it was mined"

    # What does not go on

    def _expire(self, driving: Driving) -> Tx:
        age = driving.now / 1000 - driving.tx.created_at.timestamp()
        left = self._t.review_hours * 3600 - age
        if left <= 0:
            return self._txs.move(driving.tx, TxStatus.EXPIRED, "nobody approved it in time")
        self._t.agenda.put_off(driving.tx.id, min(left, 600.0))
        return driving.tx

    def _put_off(self, tx: Tx, error: CeosError) -> Tx:
        log.warning("Transaction waits", extra=event("tx.waiting", tx=tx.id, reason=str(error)))
        tx = self._txs.explain(tx, str(error))
        self._t.agenda.put_off(tx.id, max(AGAIN_SECONDS, getattr(error, "retry_after", None) or 0.0))
        return tx
