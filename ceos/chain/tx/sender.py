"""The one road of every transaction: judged, simulated, signed, stored, sent, replaced when it is stuck, receipt kept.

Whoever calls `advance` carries a transaction on from where its record says it is, and any number may do so at once:
what is sent is always what was stored, and a nonce belongs to one transaction for ever. So a crash at any instruction
neither repeats a transaction nor loses one.
"""

from __future__ import annotations

import logging
import time

from ceos.chain.tx.quoting import Preview, check_funds
from ceos.chain.tx.signer import APPROVED_FEES, SenderTools, Signer, utc_date
from ceos.chain.tx.store import TX, Driving
from ceos.chain.tx.types import Tx, TxRequest, TxStatus
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
    StoreUnavailable,
    WrongChain,
)
from ceos.evm.types import Receipt
from ceos.logs import event

log = logging.getLogger(__name__)

#: What ends before another attempt is worth it, and what only has to wait.
PASSING = (ServiceUnavailable, RateLimited, OutcomeUnknown, WrongChain, KeyRefused)
#: Seconds between two looks at a transaction that is on its way, and before one that could not go on is tried again.
LOOK_SECONDS, AGAIN_SECONDS = 2.0, 10.0
#: The longest time between two looks at one in a block, however deep it has to be: a node may have lied about that.
LONGEST_SECONDS = 60.0
#: The same bytes are sent again when they are not mined after so many milliseconds: a node may have dropped them.
RESEND_MS = 10_000
#: So many versions of one transaction, each an eighth dearer: beyond that, fees are not what it waits for.
MOST_VERSIONS = 12
#: Whoever was away for longer than so many milliseconds may have missed a receipt that nodes do not keep any more.
REMEMBERED_MS = 3_600_000
#: How often somebody looks again for a transaction whose receipt is gone, in seconds.
LOST_SECONDS = 600.0
#: The longest receipt that is kept with its logs, as JSON.
RECEIPT_CHARS = 65_536


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
        except StoreUnavailable:
            # Whatever was noted, it is not known here; whoever comes next reads it.
            raise
        except CeosError as error:
            return self._stop(tx_id, error)

    def _stop(self, tx_id: str, error: CeosError) -> Tx:
        """Give a transaction up that is not signed and will never be allowed; put any other off."""
        tx = self._txs.tx(tx_id)
        if tx.status is not TxStatus.PLANNED or isinstance(error, PASSING):
            return self._put_off(tx, error)
        log.warning("Transaction given up", extra=event("tx.failed", tx=tx_id, reason=str(error)))
        return self._txs.move(tx, TxStatus.FAILED, str(error))

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

    def approve(self, tx_id: str, seen: Preview | None = None) -> Tx:
        """Let a transaction go on that waits for a person; raises `InvalidInput` for any other.

        It may cost what the person has seen, by default what it takes now, with room for fees that rise meanwhile.
        """
        tx = self.awaiting(tx_id)
        quoted = seen.quote if seen else self._signer.examine(tx.request, tx.account)[0]
        most = tx.request.value + APPROVED_FEES * quoted.worst_fee
        return self._txs.move(tx, TxStatus.PLANNED, fields={"ok": str(most)})

    def reject(self, tx_id: str, reason: str) -> Tx:
        """End a transaction that waits for a person, or take the place of one that is stuck; it is never sent again."""
        driving = self._txs.driving(tx_id)
        if driving.tx.status is not TxStatus.SIGNED:
            return self._txs.move(self.awaiting(tx_id), TxStatus.REJECTED, reason)
        # A worker may store another version at the same moment.
        while driving.tx.status is TxStatus.SIGNED and not driving.cancel:
            self._signer.cancel(driving)
            driving = self._txs.driving(tx_id)
        return self.advance(tx_id)

    def tx(self, tx_id: str) -> Tx:
        """Return the record of a transaction; raises `NotFound`."""
        return self._txs.tx(tx_id)

    def receipt(self, tx: Tx) -> Receipt | None:
        """Return what became of a transaction that is mined, or None."""
        known = tx.receipt
        if known is None or known.logs:
            return known
        # There may have been too many logs to keep them.
        return self._t.client.receipt(known.tx_hash) or known

    def recent(self, count: int = 20) -> list[Tx]:
        """Return the last transactions, newest first."""
        return self._txs.recent(count)

    def under_way(self) -> list[Tx]:
        """Return every transaction that is not over, oldest first."""
        found = self._txs.those([name for name in self._t.agenda.names() if name.startswith(TX)])
        return sorted((tx for tx in found if not tx.status.is_over), key=lambda tx: tx.created_at)

    def waiting(self) -> list[Tx]:
        """Return the transactions that wait for a person, oldest first."""
        return [tx for tx in self.under_way() if tx.status is TxStatus.REVIEW]

    def spent_today(self) -> dict[str, int]:
        """Return what was signed for today, by cap: gwei of ETH, millionths of tokens."""
        return self._txs.spent(utc_date(self._t.clock.now()))

    def awaiting(self, tx_id: str) -> Tx:
        """Return a transaction that waits for a person; raises `InvalidInput` for any other."""
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
            return self._bury(driving, found)
        self._signer.check_panic()
        if driving.now - driving.sent_at >= RESEND_MS:
            try:
                self._t.client.send_raw(driving.raw, everywhere=driving.now - driving.signed_at >= RESEND_MS)
            except NonceTaken:
                return self._note_taken(driving)
            except FeeTooLow as error:
                # A node that says so of everything must not make us pay more and more.
                tx = self._txs.explain(tx, str(error))
            else:
                self._txs.note_sent(tx, driving.now)
            if found := self._mined(tx):
                return self._bury(driving, found)
        if driving.now - driving.signed_at >= self._t.config.stuck_seconds * 1000:
            return self._unstick(driving)
        self._t.agenda.put_off(tx.id, LOOK_SECONDS)
        return self._txs.tx(tx.id)

    def _unstick(self, driving: Driving) -> Tx:
        """Replace a transaction that has waited long enough, if it is the one that holds the account up."""
        tx = driving.tx
        count = self._t.client.nonce(tx.account, "latest")
        if tx.nonce is not None and count < tx.nonce:
            self._t.agenda.put_off(tx.id, AGAIN_SECONDS)
            return self._txs.explain(tx, self._held_up_by(tx, count))
        if count == tx.nonce and len(tx.hashes) < MOST_VERSIONS:
            self._signer.replace(driving)
            self._t.client.send_raw(self._txs.driving(tx.id).raw)
        self._t.agenda.put_off(tx.id, LOOK_SECONDS)
        return self._txs.tx(tx.id)

    def _held_up_by(self, tx: Tx, nonce: int) -> str:
        """Say what a transaction waits for whose account has used fewer nonces."""
        for one in self.under_way():
            if (one.request.chain_id, one.account, one.nonce) == (tx.request.chain_id, tx.account, nonce):
                return f"it waits for {one.id}, which has nonce {nonce}"
        return (
            f"it waits for nonce {nonce}, which nothing of ceos has: a node told a wrong one, or another program's "
            f"transaction was dropped; send anything with that nonce from {tx.account} with another wallet"
        )

    def _mined(self, tx: Tx) -> Receipt | None:
        return next(filter(None, self._t.client.receipts(tx.hashes)), None)

    def _note_taken(self, driving: Driving) -> Tx:
        """Decide about a nonce that the chain says is used: by us, which we will find, or for good by somebody else."""
        tx = driving.tx
        receipts, count = self._t.client.settled(tx.account, tx.hashes, self._t.config.confirmations)
        if any(receipts) or tx.nonce is None or count <= tx.nonce:
            self._t.agenda.put_off(tx.id, LOOK_SECONDS)
            return self._txs.tx(tx.id)
        if driving.now - driving.signed_at > REMEMBERED_MS:
            # To say that it did not happen would allow it to happen twice.
            self._t.agenda.put_off(tx.id, LOST_SECONDS)
            words = f"nonce {tx.nonce} is used, and no node says by what; look {tx.account} up in an explorer"
            return self._txs.explain(tx, words)
        reason = f"the account has sent another transaction with nonce {tx.nonce}, not through ceos"
        moved = self._txs.move(tx, TxStatus.FAILED, reason)
        if moved.status is TxStatus.FAILED:
            log.error("Transaction displaced", extra=event("tx.displaced", tx=tx.id, nonce=tx.nonce))
        return moved

    # In a block

    def _bury(self, driving: Driving, receipt: Receipt) -> Tx:
        self._note_mined(driving, receipt)
        driving = self._txs.driving(driving.tx.id)
        return self._deepen(driving) if driving.tx.status is TxStatus.MINED else driving.tx

    def _note_mined(self, driving: Driving, receipt: Receipt) -> Tx:
        tx = driving.tx
        value = tx.request.value if receipt.succeeded and not driving.is_void(receipt.tx_hash) else 0
        fields = {
            "hash": receipt.tx_hash,
            "block": str(receipt.block),
            "bhash": receipt.block_hash,
            "cost": str(receipt.gas_used * receipt.gas_price + receipt.l1_fee + value),
            "receipt": _short(receipt),
        }
        moved = self._txs.move(tx, TxStatus.MINED, come_from=(TxStatus.SIGNED, TxStatus.MINED), fields=fields)
        log.info("Transaction mined", extra=event("tx.mined", tx=tx.id, hash=receipt.tx_hash, block=receipt.block))
        return moved

    def _deepen(self, driving: Driving) -> Tx:
        """End a mined transaction once it is deep enough; a re-org before that sends it back on its way."""
        tx = driving.tx
        assert tx.block is not None, "it is mined"
        receipts, block, head = self._t.client.burial(tx.hashes, tx.block)
        receipt = next(filter(None, receipts), None)
        if receipt is None:
            log.warning("A re-org has removed a transaction; sending it again", extra=event("tx.reorged", tx=tx.id))
            fields = {"sent": "0", "hash": "", "block": "", "bhash": "", "cost": "", "receipt": ""}
            return self._txs.move(tx, TxStatus.SIGNED, "a re-org has removed its block", fields=fields)
        if (receipt.tx_hash, receipt.block, receipt.block_hash) != (tx.hash, tx.block, tx.block_hash):
            self._txs.move(tx, TxStatus.SIGNED, come_from=(TxStatus.MINED,))
            self._t.agenda.put_off(tx.id, LOOK_SECONDS)
            return self._note_mined(self._txs.driving(tx.id), receipt)
        if block is None or block.hash != receipt.block_hash:
            raise ServiceUnavailable(f"A node tells of {receipt.tx_hash} in a block that is not part of its chain.")
        missing = self._t.config.confirmations - (head - receipt.block)
        if missing > 0:
            self._t.agenda.put_off(tx.id, min(missing * LOOK_SECONDS, LONGEST_SECONDS))
            # What it had to wait for is over.
            return self._txs.explain(tx, "") if tx.reason else tx
        return self._end(driving, receipt)

    def _end(self, driving: Driving, receipt: Receipt) -> Tx:
        tx, is_cancelled = driving.tx, driving.is_void(receipt.tx_hash)
        is_done = receipt.succeeded and not is_cancelled
        status = TxStatus.FINAL if is_done else TxStatus.FAILED if is_cancelled else TxStatus.REVERTED
        reason = "" if is_done else "cancelled: nothing was done" if is_cancelled else self._why_reverted(tx)
        log.info("Transaction settled", extra=event(f"tx.{status}", tx=tx.id, cost_wei=tx.cost_wei, reason=reason))
        return self._txs.move(tx, status, reason)

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


def _short(receipt: Receipt) -> str:
    """Return a receipt as it is kept: without its logs if a contract has made very much of them."""
    text = receipt.model_dump_json()
    return text if len(text) <= RECEIPT_CHARS else receipt.model_copy(update={"logs": ()}).model_dump_json()
