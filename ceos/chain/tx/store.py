"""The transactions in Redis: who wants what, the nonces, what was signed, and what a day has cost.

The keys are in the map at the head of `store.py`. What makes a transaction happen once is here: its nonce is taken and
its signed bytes are stored in one step, before anything is sent, and whoever sends it sends those bytes. Two workers
that sign at the same moment sign with the same nonce; one of them is told so, throws its bytes away, and signs with the
next. So there is no lock to lose and no gap to fill.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import cast

from ceos.chain.tx.policy import Cap
from ceos.chain.tx.quote import Quote
from ceos.chain.tx.types import Tx, TxRequest, TxStatus
from ceos.errors import InvalidInput, NotFound
from ceos.evm.types import Fees, Receipt
from ceos.storage.connection import Database, redis_errors

#: What the id of a transaction begins with; no agent's id has a slash.
TX = "tx/"
#: How many transactions are listed at most.
LISTED = 500
#: How long the record of one that was not carried out is kept, in seconds, and what a day has cost, in milliseconds.
KEEP_SECONDS = 90 * 86_400
SPENT_MS = 3 * 86_400_000


def tx_id(chain_id: int, key: str) -> str:
    """Return the id of the transaction that `key` stands for."""
    return TX + hashlib.sha256(f"{chain_id}:{key}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Signed:
    """What was signed: the bytes to send, and what they may cost."""

    raw: str
    hash: str
    #: The most it may cost, in wei.
    worst_wei: int
    caps: tuple[Cap, ...]
    quote: Quote


@dataclass(frozen=True)
class Driving:
    """What whoever drives a transaction has to know beside its record."""

    tx: Tx
    #: The last version that was signed.
    raw: str = ""
    #: When it was signed, and when it was last sent, in milliseconds of Redis's clock; 0 for never.
    signed_at: int = 0
    sent_at: int = 0
    #: The present moment by the same clock.
    now: int = 0
    caps: tuple[Cap, ...] = ()
    #: What the last version was signed with; None before the first.
    quote: Quote | None = None
    #: The most, in wei, that a person has approved; 0 before.
    approved_wei: int = 0
    #: The number of the first version, counted from 1, that only takes the place of what was wanted, as do all that
    #: follow it; 0 for none.
    cancel: int = 0

    def is_void(self, tx_hash: str) -> bool:
        """Say whether a version only takes the place of what was wanted."""
        return 0 < self.cancel <= self.tx.hashes.index(tx_hash) + 1


class TxStore:
    """Transactions, nonces and spending in Redis."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    def open(self, request: TxRequest, key: str, account: str, approval: str) -> Tx:
        """Store a transaction, or return the one that its key stands for; with a reason, it waits for approval.

        Raises `InvalidInput` when the key stands for another request.
        """
        name = tx_id(request.chain_id, key)
        status = TxStatus.REVIEW if approval else TxStatus.PLANNED
        self._database.run_script("tx_open", name, key, request.model_dump_json(), account, status, approval, LISTED)
        tx = self.tx(name)
        if tx.request != request:
            raise InvalidInput(
                f"The key {key!r} stands for another transaction already ({name}, {tx.status}); use another key."
            )
        return tx

    def find(self, name: str) -> Tx | None:
        """Return a transaction, or None if there is none of that id."""
        with redis_errors():
            fields = cast("dict[str, str]", self._client.hgetall(f"ceos:{name}"))
        return _tx(name, fields) if fields else None

    def find_by_key(self, chain_id: int, key: str) -> Tx | None:
        """Return the transaction that a key stands for, or None."""
        return self.find(tx_id(chain_id, key))

    def tx(self, name: str) -> Tx:
        """Return a transaction; raises `NotFound`."""
        found = self.find(name)
        if found is None:
            raise NotFound(f"No transaction {name[:40]!r}; 'ceos chain status' lists those that are open.")
        return found

    def driving(self, name: str) -> Driving:
        """Return a transaction with what it takes to go on with it; raises `NotFound`."""
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            pipe.hgetall(f"ceos:{name}")
            pipe.time()
            fields, (seconds, micros) = pipe.execute()
        if not fields:
            raise NotFound(f"No transaction {name[:40]!r}.")
        return Driving(
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

    def recent(self, count: int = LISTED) -> list[Tx]:
        """Return the last transactions, newest first."""
        with redis_errors():
            names = cast("list[str]", self._client.zrange("ceos:txs", 0, count - 1, desc=True))
        return self.those(names)

    def those(self, names: Sequence[str]) -> list[Tx]:
        """Return transactions by id, without those that are not known any more."""
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            for name in names:
                pipe.hgetall(f"ceos:{name}")
            rows = pipe.execute() if names else []
        return [_tx(name, fields) for name, fields in zip(names, rows, strict=True) if fields]

    def next_nonce(self, chain_id: int, account: str) -> int:
        """Return the nonce that follows the last one we have signed with; 0 before the first."""
        with redis_errors():
            return int(cast("str | None", self._client.get(f"ceos:tx-nonce:{chain_id}:{account}")) or 0)

    def spent(self, day: str) -> dict[str, int]:
        """Return what a UTC day has cost so far, by the names of the caps, in their units."""
        with redis_errors():
            rows = cast("dict[str, str]", self._client.hgetall(f"ceos:tx-spent:{day}"))
        return {name: int(amount) for name, amount in rows.items()}

    def sign(self, tx: Tx, nonce: int, told: int, signed: Signed, day: str) -> str:
        """Take a nonce and store what was signed with it, both or neither; see `lua/tx_sign.lua` for the answer.

        `told` is the account's next nonce by what the chain says, which may be lower than ours.
        """
        account = f"{tx.request.chain_id}:{tx.account}"
        return str(
            self._database.run_script(
                "tx_sign", tx.id, account, nonce, told, signed.raw, signed.hash, str(signed.worst_wei), day,
                _caps_json(signed.caps), SPENT_MS, _quote_text(signed.quote),
            )
        )  # fmt: skip

    def replace(self, tx: Tx, signed: Signed, *, is_cancel: bool = False) -> str:
        """Store another version with the same nonce; see `lua/tx_replace.lua` for the answer."""
        return str(
            self._database.run_script(
                "tx_replace", tx.id, str(len(tx.hashes)), signed.raw, signed.hash, str(signed.worst_wei),
                _caps_json(signed.caps), "cancel" if is_cancel else "", _quote_text(signed.quote),
                SPENT_MS,
            )
        )  # fmt: skip

    def move(
        self,
        tx: Tx,
        status: TxStatus,
        reason: str = "",
        *,
        come_from: Sequence[TxStatus] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> Tx:
        """Note how far a transaction has come, and return its record as it is now.

        `come_from` are the statuses that it may have, by default its own. Nothing is noted if it has another version.
        """
        allowed, seen = " ".join(come_from or (tx.status,)), (tx.hashes[-1] if tx.hashes else "")
        over, keep = ("1" if status.is_over else ""), (0 if status is TxStatus.FINAL else KEEP_SECONDS)
        told = json.dumps(dict(fields or {}))
        self._database.run_script("tx_move", tx.id, allowed, status, reason, told, seen, over, keep)
        return self.tx(tx.id)

    def note_sent(self, tx: Tx, at_ms: int) -> None:
        """Note when a signed transaction was sent."""
        self.move(tx, TxStatus.SIGNED, fields={"sent": str(at_ms)})

    def explain(self, tx: Tx, reason: str) -> Tx:
        """Note why a transaction does not go on, and return its record."""
        return self.move(tx, tx.status, reason)


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
        worst_wei=_number(fields.get("worst")),
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
