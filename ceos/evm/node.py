"""One node of a chain: sends single JSON-RPC requests and makes sure that the node belongs to the configured chain."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ceos.errors import (
    KeyRefused,
    OutcomeUnknown,
    RangeRefused,
    RateLimited,
    RequestRefused,
    ServiceError,
    ServiceUnavailable,
    WrongChain,
)
from ceos.evm.errors import Effect, NodeRefused, RangeTimedOut, printable, rpc_error
from ceos.evm.http import ExchangeFailed, HttpAnswer, NodeConnection, Unreadable
from ceos.logs import register_secret

#: A part of an address this long is treated as a key; providers put theirs into the path.
MIN_KEY_CHARS = 16
#: Seconds after which a node is asked for its chain again.
TRUST_SECONDS = 60.0

#: A method and its parameters.
Request = tuple[str, Sequence[Any]]


class Node:
    """One node; messages call it by its `label`, because its address may hold a key."""

    def __init__(
        self,
        url: str,
        label: str,
        chain_id: int,
        *,
        connect_timeout: float,
        read_timeout: float,
        now: Callable[[], float],
    ) -> None:
        _register_keys(url)
        self.label = label
        self._connection = NodeConnection(url, connect_seconds=connect_timeout, read_seconds=read_timeout)
        self._chain_id = chain_id
        self._now = now
        self._ids = itertools.count(1)
        self._trusted_until = -math.inf
        #: The chain to which the node belongs, if that is another one; it gets no requests then.
        self.wrong_chain: int | None = None
        self.takes_batches = True
        self.failures = 0
        self.rests_until = -math.inf
        #: The reason why it is unhealthy, in a sentence.
        self.why = ""
        #: The time of its answers in milliseconds, newer ones counting more.
        self.latency_ms: float | None = None
        #: The number of its latest block at the last health check.
        self.head: int | None = None

    def __repr__(self) -> str:
        return f"<Node {self.label}>"

    @property
    def is_healthy(self) -> bool:
        """Say whether it is preferred to nodes that failed lately."""
        return self.wrong_chain is None and self._now() >= self.rests_until

    def ask(self, method: str, params: Sequence[Any], effect: Effect = "read") -> Any:
        """Return the result of one request; raises a `ServiceError`."""
        self.verify(again=effect == "write")
        return self._single(method, params, effect)

    def ask_many(self, calls: Sequence[Request]) -> list[Any]:
        """Return the result or the error of every request; raises an error of the node itself."""
        self.verify()
        is_batch = self.takes_batches and len(calls) > 1
        if is_batch:
            # The node may refuse the batch as such.
            with suppress(RequestRefused):
                return self._batch(calls)
        found = [self._or_error(self._body(*call), call) for call in calls]
        if is_batch:
            self.takes_batches = False
        return found

    def verify(self, *, again: bool = False) -> None:
        """Make sure that the node belongs to our chain, now and then or `again` now; raises `WrongChain`."""
        if not again and self.wrong_chain is not None:
            raise self._wrong_chain_error(self.wrong_chain)
        if not again and self._now() < self._trusted_until:
            return
        try:
            chain_id = _chain_id(self._single("eth_chainId", [], "read"))
        except (KeyRefused, NodeRefused):
            raise
        except (ValueError, RequestRefused):
            raise NodeRefused(f"{self.label} does not report its chain.") from None
        if chain_id != self._chain_id:
            self.wrong_chain = chain_id
            raise self._wrong_chain_error(chain_id)
        self.wrong_chain = None
        self._trusted_until = self._now() + TRUST_SECONDS

    def distrust(self) -> None:
        """Make the next request verify the chain first: another server may answer at the address by then."""
        self._trusted_until = -math.inf

    def _wrong_chain_error(self, chain_id: int) -> WrongChain:
        return WrongChain(
            f"{self.label} belongs to chain {chain_id}, not to {self._chain_id}: correct BASE_RPC_URL or "
            "BASE_CHAIN_ID. Nothing was signed."
        )

    def _single(self, method: str, params: Sequence[Any], effect: Effect) -> Any:
        body = self._body(method, params)
        return self._result(self._post(body, method, effect), body, effect)

    def _batch(self, calls: Sequence[Request]) -> list[Any]:
        bodies = [self._body(*call) for call in calls]
        is_search = any(method == "eth_getLogs" for method, _ in calls)
        answer = self._post(bodies, "eth_getLogs" if is_search else "a batch", "read")
        listed = answer if isinstance(answer, list) else []
        by_id = {str(one.get("id")): one for one in listed if isinstance(one, Mapping)}
        if not any(str(body["id"]) in by_id for body in bodies):
            raise RequestRefused(f"{self.label} takes no batches.")
        return [self._result_or_error(by_id.get(str(body["id"])), body) for body in bodies]

    def _or_error(self, body: dict[str, Any], call: Request) -> Any:
        return self._result_or_error(self._post(body, call[0], "read"), body)

    def _result_or_error(self, answer: Any, body: Mapping[str, Any]) -> Any:
        try:
            return self._result(answer, body, "read")
        except ServiceError as error:
            return error

    def _body(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}

    def _result(self, answer: Any, body: Mapping[str, Any], effect: Effect) -> Any:
        method = str(body["method"])
        if isinstance(answer, Mapping) and answer.get("error") is not None:
            raise rpc_error(answer["error"], node=self.label, method=method)
        # An answer to another request would be the worst of all.
        if not isinstance(answer, Mapping) or "result" not in answer or str(answer.get("id")) != str(body["id"]):
            kind = OutcomeUnknown if effect == "write" else ServiceUnavailable
            raise kind(f"{self.label} gave an unreadable answer to {method}.")
        return answer["result"]

    # HTTP

    def _post(self, body: Any, method: str, effect: Effect) -> Any:
        began = time.monotonic()
        try:
            answer = self._connection.post(body)
        except ExchangeFailed as error:
            raise self._exchange_error(error, method, effect) from None
        took = 1000 * (time.monotonic() - began)
        self.latency_ms = took if self.latency_ms is None else 0.8 * self.latency_ms + 0.2 * took
        if not answer.is_success and not self._has_rpc_error(answer, method):
            raise self._status_error(answer, method, effect)
        return answer.body

    def _exchange_error(self, error: ExchangeFailed, method: str, effect: Effect) -> ServiceError:
        if error.is_bad_url:
            return NodeRefused(f"{self.label} has no usable address: correct BASE_RPC_URL.")
        if method == "eth_getLogs" and (error.is_timeout or isinstance(error, Unreadable)):
            # The answer is too large or takes too long; for fewer blocks it is smaller.
            return RangeTimedOut(f"{self.label} gave no usable answer to eth_getLogs: {error}.")
        kind = OutcomeUnknown if effect == "write" and error.may_be_sent else ServiceUnavailable
        if isinstance(error, Unreadable):
            return kind(f"{self.label} gave an unreadable answer to {method}: {error}.")
        return kind(f"{self.label} could not be reached to run {method}: {error}.")

    def _has_rpc_error(self, answer: HttpAnswer, method: str) -> bool:
        """Say whether a failure holds a JSON-RPC error that tells more than its status; many nodes send both."""
        body = answer.body
        if not isinstance(body, Mapping) or not isinstance(body.get("error"), Mapping) or answer.status == 429:
            return False
        error = rpc_error(body["error"], node=self.label, method=method)
        return type(error) is not RequestRefused or answer.status == 400

    def _status_error(self, answer: HttpAnswer, method: str, effect: Effect) -> ServiceError:
        status = answer.status
        error = answer.body.get("error") if isinstance(answer.body, Mapping) else None
        words = printable(str(error.get("message") if isinstance(error, Mapping) else error or ""))
        message = f"{self.label} answered {status} to {method}" + (f": {words}" if words else ".")
        if status == 413 and method == "eth_getLogs":
            return RangeRefused(message, status=status)
        if status == 429:
            return RateLimited(message, status=status, retry_after=answer.retry_after)
        if status in (401, 402, 403):
            return KeyRefused(message, status=status)
        if effect == "write" and (status in (408, 409, 425) or status >= 500):
            return OutcomeUnknown(message, status=status)
        if status in (408, 425) or status >= 500:
            return ServiceUnavailable(message, status=status, retry_after=answer.retry_after)
        return NodeRefused(message, status=status)


def _chain_id(answer: Any) -> int:
    if not isinstance(answer, str) or not answer.startswith("0x") or len(answer) > 18:
        raise ValueError
    return int(answer, 16)


def label_of(url: str) -> str:
    """Return host and port of an address, the only parts that may be shown."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "node") + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "node"


def _register_keys(url: str) -> None:
    """Keep the parts of an address that may be keys out of logs and messages."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    register_secret(parts.password)
    for part in (parts.username or "", *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))):
        if len(part) >= MIN_KEY_CHARS:
            register_secret(part)
