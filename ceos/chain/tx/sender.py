"""The one path of every transaction: evaluate, simulate, sign, store, send, replace when stuck, confirm.

`process` continues a transaction from the state in its record, and any number of workers may call it at once: every
worker sends the stored bytes, and a nonce belongs to one transaction for ever. So a crash at any instruction neither
repeats a transaction nor loses one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ceos.chain.config.models import ChainConfig
from ceos.chain.due_queue import DueQueue
from ceos.chain.tx.quoting import Preview, call_request, check_funds
from ceos.chain.tx.signer import APPROVED_FEES, TxSigner, utc_date
from ceos.chain.tx.store import TX, InFlightTx, TxStore
from ceos.chain.tx.types import Tx, TxRequest, TxStatus
from ceos.clock import Clock
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
from ceos.evm.client import EvmClient
from ceos.evm.types import Receipt
from ceos.logs import event

log = logging.getLogger(__name__)

#: Errors that may be over at the next attempt.
TEMPORARY = (ServiceUnavailable, RateLimited, OutcomeUnknown, WrongChain, KeyRefused)
#: The time between two checks of a signed transaction, and before the next attempt after an error, in seconds.
CHECK_SECONDS, RETRY_SECONDS = 2.0, 10.0
#: The longest time between two checks of a mined one, because a node may have lied about its depth.
MAX_CHECK_SECONDS = 60.0
#: The stored bytes are sent again when they are not mined after so many milliseconds: a node may have dropped them.
RESEND_MS = 10_000
#: The maximum number of versions, each an eighth more expensive: beyond that, fees are not the obstacle.
MAX_VERSIONS = 12
#: After so many milliseconds nodes may no longer keep a receipt.
RECEIPT_KEPT_MS = 3_600_000
#: The time between two searches for a transaction whose receipt is gone, in seconds.
LOST_SECONDS = 600.0
#: The longest time between two checks of a transaction in review, in seconds.
REVIEW_SECONDS = 600.0
#: The longest receipt that is stored with its logs, as JSON.
MAX_RECEIPT_CHARS = 65_536


class TxSender:
    """Sends transactions, each exactly once, within the limits of the policy."""

    def __init__(
        self,
        signer: TxSigner,
        client: EvmClient,
        transactions: TxStore,
        due_queue: DueQueue,
        *,
        config: ChainConfig,
        clock: Clock,
        sleep: Callable[[float], None],
        review_hours: float,
    ) -> None:
        self._signer = signer
        self._client = client
        self._txs = transactions
        self._due_queue = due_queue
        self._config = config
        self._clock = clock
        self._sleep = sleep
        self._review_hours = review_hours

    # Requests of people and features

    def preview(self, request: TxRequest) -> Preview:
        """Return what would be signed, without signing or storing it; raises `PolicyRefused` or `Reverted`."""
        account = self._signer.account(request)
        quoted, verdict = self._signer.examine(request, account)
        balance = self._client.balance(account)
        tokens = [request.to] if request.data != "0x" else []
        changes = tuple(self._client.balance_changes(call_request(request, account), tokens))
        return Preview(request, account, quoted, verdict, changes, balance)

    def submit(self, request: TxRequest, *, key: str) -> Tx:
        """Accept a transaction: from now on it happens once, through any crash. The same `key` is the same transaction.

        Submitting a failed, reverted or unapproved one again starts a new attempt. Raises `PolicyRefused` with the
        rule, `Reverted` with the contract's reason, or `InvalidInput` when the key belongs to another request.
        """
        account = self._signer.account(request)
        known = self._txs.find_by_key(request.chain_id, key)
        if known and known.request == request and (known.status is TxStatus.FINAL or not known.status.is_over):
            return known
        quoted, verdict = self._signer.examine(request, account)
        check_funds(request, quoted, account, self._client.balance(account))
        tx = self._txs.create_tx(request, key, account, verdict.approval)
        log.info("Transaction submitted", extra=event("tx.opened", tx=tx.id, to=request.to, status=str(tx.status)))
        return tx

    def process(self, tx_id: str) -> Tx:
        """Continue a transaction as far as possible now, and return its record."""
        flight = self._txs.in_flight(tx_id)
        steps = {
            TxStatus.PLANNED: self._sign,
            TxStatus.REVIEW: self._expire,
            TxStatus.SIGNED: self._monitor,
            TxStatus.MINED: self._confirm,
        }
        step = steps.get(flight.tx.status)
        if step is None:
            self._due_queue.remove(tx_id)
            return flight.tx
        try:
            return step(flight)
        except StoreUnavailable:
            # The state is unknown here; the next worker reads it.
            raise
        except CeosError as error:
            return self._handle_error(tx_id, error)

    def wait(self, tx_id: str, seconds: float) -> Tx:
        """Process a transaction until it is mined, in review or over, for at most so many seconds."""
        deadline, pause = time.monotonic() + seconds, 0.05
        while True:
            tx = self.process(tx_id)
            is_moving = tx.status in (TxStatus.PLANNED, TxStatus.SIGNED)
            if not is_moving or time.monotonic() >= deadline:
                return tx
            self._sleep(pause)
            pause = min(pause * 1.5, 1.0)

    def approve(self, tx_id: str, seen: Preview | None = None) -> Tx:
        """Approve a transaction in review; raises `InvalidInput` for any other.

        It may cost what the preview showed, by default what it needs now, with room for rising fees.
        """
        tx = self.in_review(tx_id)
        quoted = seen.quote if seen else self._signer.examine(tx.request, tx.account)[0]
        max_cost = tx.request.value + APPROVED_FEES * quoted.max_fee_wei
        return self._txs.set_status(tx, TxStatus.PLANNED, fields={"ok": str(max_cost)})

    def reject(self, tx_id: str, reason: str) -> Tx:
        """End a transaction in review, or cancel a stuck one; it is never sent again."""
        flight = self._txs.in_flight(tx_id)
        if flight.tx.status is not TxStatus.SIGNED:
            return self._txs.set_status(self.in_review(tx_id), TxStatus.REJECTED, reason)
        # A worker may store another version at the same moment.
        while flight.tx.status is TxStatus.SIGNED and not flight.cancel:
            self._signer.cancel(flight)
            flight = self._txs.in_flight(tx_id)
        return self.process(tx_id)

    def tx(self, tx_id: str) -> Tx:
        """Return the record of a transaction; raises `NotFound`."""
        return self._txs.tx(tx_id)

    def receipt(self, tx: Tx) -> Receipt | None:
        """Return the receipt of a mined transaction with its logs, or None."""
        known = tx.receipt
        if known is None or known.logs:
            return known
        # It may have had too many logs to be stored with them.
        return self._client.receipt(known.tx_hash) or known

    def recent(self, count: int = 20) -> list[Tx]:
        """Return the latest transactions, newest first."""
        return self._txs.recent(count)

    def open_txs(self) -> list[Tx]:
        """Return every transaction that is not over, oldest first."""
        found = self._txs.find_all([task_id for task_id in self._due_queue.task_ids() if task_id.startswith(TX)])
        return sorted((tx for tx in found if not tx.status.is_over), key=lambda tx: tx.created_at)

    def review_queue(self) -> list[Tx]:
        """Return the transactions in review, oldest first."""
        return [tx for tx in self.open_txs() if tx.status is TxStatus.REVIEW]

    def spent_today(self) -> dict[str, int]:
        """Return the amounts signed for today by cap: gwei of ETH, millionths of tokens."""
        return self._txs.spent_on(utc_date(self._clock.now()))

    def in_review(self, tx_id: str) -> Tx:
        """Return a transaction in review; raises `InvalidInput` for any other."""
        tx = self._txs.tx(tx_id)
        if tx.status is not TxStatus.REVIEW:
            raise InvalidInput(f"{tx_id} is {tx.status} and does not wait for approval.")
        return tx

    # Sending

    def _sign(self, flight: InFlightTx) -> Tx:
        tx = self._signer.sign(flight)
        return self._monitor(self._txs.in_flight(tx.id)) if tx.status is TxStatus.SIGNED else tx

    def _monitor(self, flight: InFlightTx) -> Tx:
        """Record the receipt of a signed transaction if it is mined; else send it, again if needed, or replace it."""
        tx = flight.tx
        if receipt := self._find_receipt(tx):
            return self._record_receipt(flight, receipt)
        self._signer.check_halt()
        if flight.now - flight.sent_at >= RESEND_MS:
            try:
                self._client.send_raw(flight.raw, everywhere=flight.now - flight.signed_at >= RESEND_MS)
            except NonceTaken:
                return self._settle_taken_nonce(flight)
            except FeeTooLow as error:
                # Not a reason to raise the fee: a node that says this of every fee must not make us pay more and more.
                tx = self._txs.set_reason(tx, str(error))
            else:
                self._txs.record_sent(tx, flight.now)
            if receipt := self._find_receipt(tx):
                return self._record_receipt(flight, receipt)
        if flight.now - flight.signed_at >= self._config.stuck_seconds * 1000:
            return self._replace_stuck(flight)
        self._due_queue.postpone(tx.id, CHECK_SECONDS)
        return self._txs.tx(tx.id)

    def _replace_stuck(self, flight: InFlightTx) -> Tx:
        """Replace a transaction that has waited too long, unless it waits for another nonce."""
        tx = flight.tx
        count = self._client.nonce(tx.account, "latest")
        if tx.nonce is not None and count < tx.nonce:
            self._due_queue.postpone(tx.id, RETRY_SECONDS)
            return self._txs.set_reason(tx, self._blocked_by(tx, count))
        if count == tx.nonce and len(tx.hashes) < MAX_VERSIONS:
            self._signer.replace(flight)
            self._client.send_raw(self._txs.in_flight(tx.id).raw)
        self._due_queue.postpone(tx.id, CHECK_SECONDS)
        return self._txs.tx(tx.id)

    def _blocked_by(self, tx: Tx, nonce: int) -> str:
        """Return the reason why a transaction waits whose account has not used an earlier nonce."""
        for other in self.open_txs():
            if (other.request.chain_id, other.account, other.nonce) == (tx.request.chain_id, tx.account, nonce):
                return f"it waits for {other.id}, which has nonce {nonce}"
        return (
            f"it waits for nonce {nonce}, which no transaction of ceos has: a node reported a wrong nonce, or another "
            f"program's transaction was dropped; send anything with that nonce from {tx.account} with another wallet"
        )

    def _find_receipt(self, tx: Tx) -> Receipt | None:
        return next(filter(None, self._client.receipts(tx.hashes)), None)

    def _settle_taken_nonce(self, flight: InFlightTx) -> Tx:
        """Wait for the receipt of a nonce that was used, or fail the transaction when another one used it for good."""
        tx = flight.tx
        receipts, count = self._client.receipts_and_nonce(tx.account, tx.hashes, self._config.confirmations)
        if any(receipts) or tx.nonce is None or count <= tx.nonce:
            self._due_queue.postpone(tx.id, CHECK_SECONDS)
            return self._txs.tx(tx.id)
        if flight.now - flight.signed_at > RECEIPT_KEPT_MS:
            # To fail it would allow a second attempt, although the first may have been executed.
            self._due_queue.postpone(tx.id, LOST_SECONDS)
            reason = f"nonce {tx.nonce} is used, and no node has the receipt; look {tx.account} up in an explorer"
            return self._txs.set_reason(tx, reason)
        reason = f"the account has sent another transaction with nonce {tx.nonce}, not through ceos"
        failed = self._txs.set_status(tx, TxStatus.FAILED, reason)
        if failed.status is TxStatus.FAILED:
            log.error("Transaction displaced", extra=event("tx.displaced", tx=tx.id, nonce=tx.nonce))
        return failed

    # Confirming

    def _record_receipt(self, flight: InFlightTx, receipt: Receipt) -> Tx:
        self._set_mined(flight, receipt)
        flight = self._txs.in_flight(flight.tx.id)
        return self._confirm(flight) if flight.tx.status is TxStatus.MINED else flight.tx

    def _set_mined(self, flight: InFlightTx, receipt: Receipt) -> Tx:
        tx = flight.tx
        value = tx.request.value if receipt.succeeded and not flight.is_cancelling(receipt.tx_hash) else 0
        fields = {
            "hash": receipt.tx_hash,
            "block": str(receipt.block),
            "bhash": receipt.block_hash,
            "cost": str(receipt.gas_used * receipt.gas_price + receipt.l1_fee + value),
            "receipt": _receipt_json(receipt),
        }
        mined = self._txs.set_status(tx, TxStatus.MINED, come_from=(TxStatus.SIGNED, TxStatus.MINED), fields=fields)
        log.info("Transaction mined", extra=event("tx.mined", tx=tx.id, hash=receipt.tx_hash, block=receipt.block))
        return mined

    def _confirm(self, flight: InFlightTx) -> Tx:
        """End a mined transaction once it is deep enough; a re-org before that returns it to sending."""
        tx = flight.tx
        assert tx.block is not None, "it is mined"
        receipts, block, head = self._client.receipts_and_depth(tx.hashes, tx.block)
        receipt = next(filter(None, receipts), None)
        if receipt is None:
            log.warning("A re-org has removed a transaction; sending it again", extra=event("tx.reorged", tx=tx.id))
            fields = {"sent": "0", "hash": "", "block": "", "bhash": "", "cost": "", "receipt": ""}
            return self._txs.set_status(tx, TxStatus.SIGNED, "a re-org has removed its block", fields=fields)
        if (receipt.tx_hash, receipt.block, receipt.block_hash) != (tx.hash, tx.block, tx.block_hash):
            self._txs.set_status(tx, TxStatus.SIGNED, come_from=(TxStatus.MINED,))
            self._due_queue.postpone(tx.id, CHECK_SECONDS)
            return self._set_mined(self._txs.in_flight(tx.id), receipt)
        if block is None or block.hash != receipt.block_hash:
            raise ServiceUnavailable(f"A node reports {receipt.tx_hash} in a block that is not part of its chain.")
        missing = self._config.confirmations - (head - receipt.block)
        if missing > 0:
            self._due_queue.postpone(tx.id, min(missing * CHECK_SECONDS, MAX_CHECK_SECONDS))
            # The reason of an earlier delay no longer applies.
            return self._txs.set_reason(tx, "") if tx.reason else tx
        return self._end(flight, receipt)

    def _end(self, flight: InFlightTx, receipt: Receipt) -> Tx:
        tx, is_cancelled = flight.tx, flight.is_cancelling(receipt.tx_hash)
        is_done = receipt.succeeded and not is_cancelled
        status = TxStatus.FINAL if is_done else TxStatus.FAILED if is_cancelled else TxStatus.REVERTED
        reason = "" if is_done else "cancelled: nothing was done" if is_cancelled else self._why_reverted(tx)
        log.info("Transaction settled", extra=event(f"tx.{status}", tx=tx.id, cost_wei=tx.cost_wei, reason=reason))
        return self._txs.set_status(tx, status, reason)

    def _why_reverted(self, tx: Tx) -> str:
        try:
            self._signer.examine(tx.request, tx.account)
        except Reverted as error:
            return f"the contract refused it: {error.reason or 'without a reason'}"
        except CeosError:
            pass
        return "the contract refused it when it was mined"

    # Waiting

    def _handle_error(self, tx_id: str, error: CeosError) -> Tx:
        """Fail an unsigned transaction on a permanent error; postpone it otherwise."""
        tx = self._txs.tx(tx_id)
        if tx.status is not TxStatus.PLANNED or isinstance(error, TEMPORARY):
            return self._postpone(tx, error)
        log.warning("Transaction failed", extra=event("tx.failed", tx=tx_id, reason=str(error)))
        return self._txs.set_status(tx, TxStatus.FAILED, str(error))

    def _expire(self, flight: InFlightTx) -> Tx:
        age = flight.now / 1000 - flight.tx.created_at.timestamp()
        left = self._review_hours * 3600 - age
        if left <= 0:
            return self._txs.set_status(flight.tx, TxStatus.EXPIRED, "it was not approved in time")
        self._due_queue.postpone(flight.tx.id, min(left, REVIEW_SECONDS))
        return flight.tx

    def _postpone(self, tx: Tx, error: CeosError) -> Tx:
        log.warning("Transaction waits", extra=event("tx.waiting", tx=tx.id, reason=str(error)))
        tx = self._txs.set_reason(tx, str(error))
        self._due_queue.postpone(tx.id, max(RETRY_SECONDS, getattr(error, "retry_after", None) or 0.0))
        return tx


def _receipt_json(receipt: Receipt) -> str:
    """Return a receipt as it is stored: without its logs if they are too long."""
    text = receipt.model_dump_json()
    return text if len(text) <= MAX_RECEIPT_CHARS else receipt.model_copy(update={"logs": ()}).model_dump_json()
