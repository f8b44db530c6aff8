"""Transactions in Redis: requests, nonces, signed versions and the spending of each day.

The key map of `ceos.storage` describes the keys. A transaction is sent only once because its nonce is taken and its
signed bytes are stored in one step, before anything is sent, and every worker that resumes it sends the stored bytes.
Two workers that sign at the same moment use the same nonce; the script refuses the second, which discards its bytes
and signs with the next nonce. So there is no lock to lose and no gap to fill.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import cast

from ceos.chain.tx.policy import Cap
from ceos.chain.tx.quoting import Quote
from ceos.chain.tx.types import Tx, TxRequest, TxStatus
from ceos.errors import InvalidInput, NotFound
from ceos.evm.types import Fees, Receipt
from ceos.storage.connection import Database, redis_errors

#: The prefix of transaction ids; no agent id contains a slash.
TX = "tx/"
#: The maximum number of transactions listed.
MAX_LISTED = 500
#: The time for which a transaction that was not executed is kept, in seconds.
KEEP_SECONDS = 90 * 86_400
#: The time for which the spending of a day is kept, in milliseconds.
SPENT_MS = 3 * 86_400_000


def tx_id(chain_id: int, key: str) -> str:
    """Return the id of the transaction with a key."""
    return TX + hashlib.sha256(f"{chain_id}:{key}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class SignedVersion:
    """One signed version of a transaction: the bytes to send and their maximum cost."""

    raw: str
    hash: str
    #: In wei.
    max_cost: int
    caps: tuple[Cap, ...]
    quote: Quote


@dataclass(frozen=True)
class InFlightTx:
    """A transaction with the state needed to process it."""

    tx: Tx
    #: The bytes of the latest signed version.
    raw: str = ""
    #: The times at which it was signed and last sent, in milliseconds of the Redis clock; 0 for never.
    signed_at: int = 0
    sent_at: int = 0
    #: The current time of the same clock.
    now: int = 0
    caps: tuple[Cap, ...] = ()
    #: The quote of the latest signed version; None before the first.
    quote: Quote | None = None
    #: The maximum cost that a person approved, in wei; 0 before.
    approved_wei: int = 0
    #: The number of the first cancelling version, counted from 1; later versions cancel as well; 0 for none.
    cancel: int = 0

    def is_cancelling(self, tx_hash: str) -> bool:
        """Say whether a version only uses up the nonce."""
        return 0 < self.cancel <= self.tx.hashes.index(tx_hash) + 1


class TxStore:
    """Transactions, nonces and spending in Redis."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    def create_tx(self, request: TxRequest, key: str, account: str, approval: str) -> Tx:
        """Store a transaction, or return the one with this key; a reason in `approval` makes it wait for a person.

        Raises `InvalidInput` when the key belongs to another request.
        """
        name = tx_id(request.chain_id, key)
        status = TxStatus.REVIEW if approval else TxStatus.PLANNED
        self._database.run_script(
            "tx_open", name, key, request.model_dump_json(), account, status, approval, MAX_LISTED
        )
        tx = self.tx(name)
        if tx.request != request:
            raise InvalidInput(
                f"The key {key!r} belongs to another transaction already ({name}, {tx.status}); use another key."
            )
        return tx

    def find(self, name: str) -> Tx | None:
        """Return a transaction, or None for an unknown id."""
        with redis_errors():
            fields = cast("dict[str, str]", self._client.hgetall(f"ceos:{name}"))
        return _tx(name, fields) if fields else None

    def find_by_key(self, chain_id: int, key: str) -> Tx | None:
        """Return the transaction with a key, or None."""
        return self.find(tx_id(chain_id, key))

    def tx(self, name: str) -> Tx:
        """Return a transaction; raises `NotFound`."""
        found = self.find(name)
        if found is None:
            raise NotFound(f"No transaction {name[:40]!r}; 'ceos chain status' lists the open ones.")
        return found

    def in_flight(self, name: str) -> InFlightTx:
        """Return a transaction with the state needed to process it; raises `NotFound`."""
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            pipe.hgetall(f"ceos:{name}")
            pipe.time()
            fields, (seconds, micros) = pipe.execute()
        if not fields:
            raise NotFound(f"No transaction {name[:40]!r}.")
        return InFlightTx(
            tx=_tx(name, fields),
            raw=fields.get(f"raw{fields['n']}", ""),
            signed_at=int(fields.get("signed", 0)),
            sent_at=int(fields.get("sent", 0)),
            now=seconds * 1000 + micros // 1000,
            caps=tuple(Cap(**cap) for cap in json.loads(fields.get("caps", "[]"))),
            quote=_quote(fields["quote"]) if "quote" in fields else None,
            approved_wei=int(fields.get("ok", 0)),
            cancel=int(fields.get("cancel", 0)),
        )

    def recent(self, count: int = MAX_LISTED) -> list[Tx]:
        """Return the latest transactions, newest first."""
        with redis_errors():
            names = cast("list[str]", self._client.zrange("ceos:txs", 0, count - 1, desc=True))
        return self.find_all(names)

    def find_all(self, names: Sequence[str]) -> list[Tx]:
        """Return transactions by id, without the unknown ones."""
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            for name in names:
                pipe.hgetall(f"ceos:{name}")
            rows = pipe.execute() if names else []
        return [_tx(name, fields) for name, fields in zip(names, rows, strict=True) if fields]

    def next_nonce(self, chain_id: int, account: str) -> int:
        """Return the nonce after the last one used here; 0 before the first."""
        with redis_errors():
            return int(cast("str | None", self._client.get(f"ceos:tx-nonce:{chain_id}:{account}")) or 0)

    def spent_on(self, day: str) -> dict[str, int]:
        """Return the amounts reserved on a UTC day by cap, in the units of the caps."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:tx-spent:{day}"))
        return {name: int(amount) for name, amount in rows.items()}

    def store_signed(self, tx: Tx, nonce: int, chain_nonce: int, signed: SignedVersion, day: str) -> str:
        """Take a nonce and store the first signed version, both or neither; `lua/tx_sign.lua` explains the answer.

        `chain_nonce` is the next nonce of the account according to the chain, which may be lower than ours.
        """
        account = f"{tx.request.chain_id}:{tx.account}"
        return str(
            self._database.run_script(
                "tx_sign", tx.id, account, nonce, chain_nonce, signed.raw, signed.hash, str(signed.max_cost), day,
                _caps_json(signed.caps), SPENT_MS, _quote_text(signed.quote),
            )
        )  # fmt: skip

    def store_replacement(self, tx: Tx, signed: SignedVersion, *, is_cancel: bool = False) -> str:
        """Store another version with the same nonce; `lua/tx_replace.lua` explains the answer."""
        return str(
            self._database.run_script(
                "tx_replace", tx.id, str(len(tx.hashes)), signed.raw, signed.hash, str(signed.max_cost),
                _caps_json(signed.caps), "cancel" if is_cancel else "", _quote_text(signed.quote),
                SPENT_MS,
            )
        )  # fmt: skip

    def set_status(
        self,
        tx: Tx,
        status: TxStatus,
        reason: str = "",
        *,
        come_from: Sequence[TxStatus] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> Tx:
        """Change the status of a transaction and return its current record.

        Nothing changes unless its status is one of `come_from`, by default that of `tx`, and its latest version is
        that of `tx`.
        """
        allowed, seen = " ".join(come_from or (tx.status,)), (tx.hashes[-1] if tx.hashes else "")
        over, keep = ("1" if status.is_over else ""), (0 if status is TxStatus.FINAL else KEEP_SECONDS)
        extra = json.dumps(dict(fields or {}))
        self._database.run_script("tx_move", tx.id, allowed, status, reason, extra, seen, over, keep)
        return self.tx(tx.id)

    def record_sent(self, tx: Tx, at_ms: int) -> None:
        """Store the time at which a signed transaction was sent."""
        self.set_status(tx, TxStatus.SIGNED, fields={"sent": str(at_ms)})

    def set_reason(self, tx: Tx, reason: str) -> Tx:
        """Store why a transaction waits, and return its record."""
        return self.set_status(tx, tx.status, reason)


def _tx(name: str, fields: Mapping[str, str]) -> Tx:
    hashes = tuple(fields[f"hash{index}"] for index in range(1, int(fields["n"]) + 1))
    return Tx(
        id=name,
        key=fields["key"],
        request=TxRequest.model_validate_json(fields["req"]),
        status=TxStatus(fields["st"]),
        reason=fields.get("why", ""),
        account=fields["account"],
        created_at=dt.datetime.fromtimestamp(int(fields["at"]) / 1000, dt.UTC),
        nonce=_number(fields.get("nonce")),
        hashes=hashes,
        hash=fields.get("hash") or None,
        block=_number(fields.get("block")),
        block_hash=fields.get("bhash") or None,
        cost_wei=_number(fields.get("cost")),
        max_cost_wei=_number(fields.get("worst")),
        receipt=Receipt.model_validate_json(fields["receipt"]) if fields.get("receipt") else None,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _quote_text(quote: Quote) -> str:
    return " ".join(map(str, (quote.gas, quote.fees.base_fee, quote.fees.priority, quote.fees.max_fee, quote.l1_fee)))


def _quote(text: str) -> Quote:
    gas, base_fee, priority, max_fee, l1_fee = map(int, text.split())
    return Quote(gas, Fees(base_fee=base_fee, priority=priority, max_fee=max_fee), l1_fee)


def _caps_json(caps: Sequence[Cap]) -> str:
    return json.dumps([asdict(cap) for cap in caps])
