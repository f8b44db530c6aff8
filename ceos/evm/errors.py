"""Classifies the JSON-RPC errors of nodes, which every kind of node words differently."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ceos.errors import (
    FeeTooLow,
    NonceTaken,
    OutcomeUnknown,
    RangeRefused,
    RateLimited,
    RequestRefused,
    Reverted,
    ServiceError,
    ServiceUnavailable,
)
from ceos.evm.abi import explain_revert
from ceos.logs import redact

Effect = Literal["read", "write"]


class NodeRefused(RequestRefused):
    """This node refuses the request; another may not."""


class MethodMissing(NodeRefused):
    """The node does not support this method."""


class AlreadyKnown(RequestRefused):
    """The node has the same signed bytes already, so sending them has succeeded."""


class RangeTimedOut(RangeRefused):
    """The node took too long to search so many blocks; another may be faster."""


def _pattern(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words), re.IGNORECASE)


_KNOWN = _pattern(
    "already ?known", "already imported", "known transaction", "already in (?:the )?(?:mem)?pool", "same hash"
)
_NONCE = _pattern("nonce (?:is )?too low", "invalid nonce.{0,20}lower", "old ?nonce", "nonce ?already ?used")
_FEE = _pattern(
    "underpriced",
    "fee cap less than block base fee",
    "fee per gas.{0,12}less than block base fee",
    "gas price.{0,24}too low",
    "replacement ?(?:fee too low|not ?allowed)",
    "could not replace",
    "below (?:the )?(?:minimum|base fee)",
)
_FULL = _pattern("pool is full", "pool limit")
_RATE = _pattern(
    "rate limit", "too many requests", "requests? per (?:second|minute)", "request limit", "capacity exceeded"
)
_RANGE = _pattern(
    "block range",
    "range (?:is )?too (?:large|wide)",
    r"more than [\d,]+ (?:results|logs)",
    "response size",
    "(?:query|log|result)s? .{0,40}(?:exceed|limit|too (?:large|many|big))",
    "too many (?:results|logs|blocks)",
    "limit exceeded",
    "exceed.{0,24}(?:limit|range|maximum|max)",
    r"up to (?:a )?[\d,]+ blocks?",
    "limited to",
    "timed? ?-?out",
)
_REVERT = _pattern("revert", "vm execution error", "invalid opcode", "out of gas", "stack (?:under|over)flow")
_BEHIND = _pattern(
    "header not found", "missing trie node", "unknown block", "block not found", "state.{0,40}not available"
)
_BUSY = _pattern("timed? ?-?out", "busy", "overloaded", "temporar", "try again", "unavailable", "internal error")
_MISSING = _pattern(
    "method .{0,80}(?:not|unsupported)", "(?:not |un) ?supported", "not (?:available|whitelisted|allowed|implemented)"
)


def printable(text: str, limit: int = 300) -> str:
    """Return untrusted text for a message: control characters escaped, secrets redacted, shortened."""
    escaped = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return redact(escaped)[:limit]


def rpc_error(error: Any, *, node: str, method: str) -> ServiceError:
    """Return our error for the `error` of a JSON-RPC answer; `node` is the label of the node in the message."""
    code, words, data = _parts(error)
    message = f"{node} refused {method}: {printable(words) or f'error {code}'}"
    if method.startswith("eth_send"):
        return _write_error(code, words, message)
    # Checked first: a contract may say "rate limit" or "block range" in its own words.
    if method in ("eth_call", "eth_estimateGas") and (code == 3 or data or _REVERT.search(words)):
        return _reverted(words, data)
    return _read_error(code, words, message, is_search=method == "eth_getLogs")


def _read_error(code: int, words: str, message: str, *, is_search: bool) -> ServiceError:
    kinds: tuple[tuple[object, type[ServiceError]], ...] = (
        (_RATE.search(words) or code in (429, -32016), RateLimited),
        (_BEHIND.search(words), ServiceUnavailable),
        (is_search and (_RANGE.search(words) or code == -32005), RangeRefused),
        (code == -32005, RateLimited),
        (code == -32601 or _MISSING.search(words), MethodMissing),
        (code == -32603 or _BUSY.search(words), ServiceUnavailable),
    )
    return _first(kinds, message)


def _first(kinds: Sequence[tuple[object, type[ServiceError]]], message: str) -> ServiceError:
    return next((kind(message) for fits, kind in kinds if fits), RequestRefused(message))


def _write_error(code: int, words: str, message: str) -> ServiceError:
    kinds: tuple[tuple[object, type[ServiceError]], ...] = (
        (_KNOWN.search(words), AlreadyKnown),
        (_NONCE.search(words), NonceTaken),
        (_FEE.search(words), FeeTooLow),
        (_RATE.search(words) or code in (429, -32016, -32005), RateLimited),
        (_FULL.search(words), ServiceUnavailable),
        (code == -32601, MethodMissing),
        (code == -32603 or _BUSY.search(words), OutcomeUnknown),
    )
    return _first(kinds, message)


def _reverted(words: str, data: str) -> Reverted:
    reason = explain_revert(data) if data else ""
    if not reason:
        found = re.search(r"revert(?:ed)?(?: with reason string)?:? *(.*)", words, re.IGNORECASE | re.DOTALL)
        reason = found[1].strip() if found else words.strip()
    return reverted(reason, data or "0x")


def reverted(reason: str, data: str) -> Reverted:
    """Return the error of a call that the contract refused for this reason, which is untrusted text."""
    reason = printable(reason, 500)
    return Reverted(f"The contract refused the call: {reason or 'it gave no reason'}.", reason=reason, data=data)


def _parts(error: Any) -> tuple[int, str, str]:
    """Return the code, the message and the revert data of a JSON-RPC error of any known shape."""
    if not isinstance(error, Mapping):
        return 0, str(error)[:300], ""
    code, words, data = error.get("code"), error.get("message"), error.get("data")
    for key in ("originalError", "data", "result"):
        if isinstance(data, Mapping) and data.get(key) is not None:
            data = data[key]
    found = re.search(r"0x(?:[0-9a-f]{2})+", data.lower()) if isinstance(data, str) else None
    return (
        code if isinstance(code, int) else 0,
        words[:1000] if isinstance(words, str) else "",
        found[0] if found else "",
    )
