"""One node of a chain: asks it over JSON-RPC, once, and makes sure that it belongs to the chain it should."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from ceos.clients.http.api import Api
from ceos.errors import (
    KeyRefused,
    OutcomeUnknown,
    RangeRefused,
    RequestRefused,
    ServiceError,
    ServiceUnavailable,
    WrongChain,
)
from ceos.evm.errors import Effect, NodeRefused, RangeTimedOut, meant
from ceos.logs import register_secret

#: A part of an address this long is taken for a key; providers put theirs into the path.
KEY_CHARACTERS = 16
#: Seconds after which a node is asked for its chain again.
TRUST_SECONDS = 60.0

#: What the sentences of `Api` call a request, as in "could not be reached to run eth_chainId".
RUN = "run "
LOGS = RUN + "eth_getLogs"

#: A method and its parameters.
Request = tuple[str, Sequence[Any]]


class _Answered(ServiceError):
    """The answer has a status that means failure, and a JSON-RPC error that says which."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        self.body = body


class Node(Api):
    """One node; `label` is what messages call it, for its address may hold a key."""

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
        _keep_secret(url)
        super().__init__(
            label, url, key="-", key_variable="BASE_RPC_URL", headers=lambda _: {}, connect_seconds=connect_timeout
        )
        self.label = label
        self._chain_id = chain_id
        self._seconds = read_timeout
        self._now = now
        self._ids = itertools.count(1)
        self._trusted_until = -math.inf
        #: The chain to which it belongs, if that is another one; nothing is asked of it then.
        self.stranger: int | None = None
        self.takes_batches = True
        self.failures = 0
        self.rests_until = -math.inf
        #: Why it is not well, in a sentence.
        self.why = ""
        #: Milliseconds its answers take, newer ones counting more.
        self.latency_ms: float | None = None
        #: The number of its latest block, when that was last asked for its health.
        self.head: int | None = None

    def __repr__(self) -> str:
        return f"<Node {self.label}>"

    @property
    def is_well(self) -> bool:
        """Say whether it may be asked before others."""
        return self.stranger is None and self._now() >= self.rests_until

    def ask(self, method: str, params: Sequence[Any], effect: Effect = "read") -> Any:
        """Return the result of one request; raises a `ServiceError`."""
        self.verify(again=effect == "write")
        return self._single(method, params, effect)

    def ask_many(self, calls: Sequence[Request]) -> list[Any]:
        """Return the result, or the error, of every request; raises when the node as such failed."""
        self.verify()
        is_batch = self.takes_batches and len(calls) > 1
        if is_batch:
            # What is refused may be the batch as such.
            with suppress(RequestRefused):
                return self._batch(calls)
        found = [self._or_error(self._body(*call), call) for call in calls]
        if is_batch:
            self.takes_batches = False
        return found

    def verify(self, *, again: bool = False) -> None:
        """Make sure that it belongs to our chain; raises `WrongChain`, and does not ask every time unless `again`."""
        if not again and self.stranger is not None:
            raise self._wrong(self.stranger)
        if not again and self._now() < self._trusted_until:
            return
        try:
            chain_id = _chain_id(self._single("eth_chainId", [], "read"))
        except (KeyRefused, NodeRefused):
            raise
        except (ValueError, RequestRefused):
            raise NodeRefused(f"{self.label} does not say to which chain it belongs.") from None
        if chain_id != self._chain_id:
            self.stranger = chain_id
            raise self._wrong(chain_id)
        self.stranger = None
        self._trusted_until = self._now() + TRUST_SECONDS

    def doubt(self) -> None:
        """Have it asked for its chain before the next request: somebody else may answer there by then."""
        self._trusted_until = -math.inf

    def _wrong(self, chain_id: int) -> WrongChain:
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
        return [self._told(by_id.get(str(body["id"])), body) for body in bodies]

    def _or_error(self, body: dict[str, Any], call: Request) -> Any:
        return self._told(self._post(body, call[0], "read"), body)

    def _told(self, answer: Any, body: Mapping[str, Any]) -> Any:
        try:
            return self._result(answer, body, "read")
        except ServiceError as error:
            return error

    def _body(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}

    def _post(self, body: Any, method: str, effect: Effect) -> Any:
        began = time.monotonic()
        try:
            answer = self.call(
                "POST", "", task=RUN + method, effect=effect, body=body, seconds=self._seconds, attempts=1
            ).body
        except _Answered as error:
            answer = error.body
        took = 1000 * (time.monotonic() - began)
        self.latency_ms = took if self.latency_ms is None else 0.8 * self.latency_ms + 0.2 * took
        return answer

    def _result(self, answer: Any, body: Mapping[str, Any], effect: Effect) -> Any:
        method = str(body["method"])
        if isinstance(answer, Mapping) and answer.get("error") is not None:
            raise meant(answer["error"], node=self.label, method=method)
        # An answer to another request would be the worst of all.
        if not isinstance(answer, Mapping) or "result" not in answer or str(answer.get("id")) != str(body["id"]):
            kind = OutcomeUnknown if effect == "write" else ServiceUnavailable
            raise kind(f"{self.label} gave an unreadable answer to {method}.")
        return answer["result"]

    def _json(self, response: requests.Response, what: str, effect: Any, deadline: float) -> Any:
        try:
            return super()._json(response, what, effect, deadline)
        except ServiceUnavailable as error:
            if what == LOGS:
                # It is too large, or takes too long: of fewer blocks there is less.
                raise RangeTimedOut(str(error), status=error.status) from None
            raise

    def _transport_error(self, error: Exception, what: str, effect: Any) -> ServiceError:
        if what == LOGS and isinstance(error, requests.ReadTimeout):
            return RangeTimedOut(f"{self.label} did not answer eth_getLogs in time.")
        return super()._transport_error(error, what, effect)

    def _refusal(self, status: int, body: Any, what: str, effect: Any, retry_after: float | None) -> ServiceError:
        # Many send the errors of JSON-RPC with a status of their own.
        if isinstance(body, Mapping) and isinstance(body.get("error"), Mapping) and status != 429:
            found = meant(body["error"], node=self.label, method=what.removeprefix(RUN))
            if type(found) is not RequestRefused or status == 400:
                return _Answered(body)
        if status == 413 and what == LOGS:
            return RangeRefused(f"{self.label} answered 413 to eth_getLogs.", status=status)
        found = super()._refusal(status, body, what, effect, retry_after)
        return NodeRefused(str(found), status=status) if type(found) is RequestRefused else found

    def _no_address(self) -> RequestRefused:
        return NodeRefused(f"{self.label} has no usable address: correct BASE_RPC_URL.")


def _chain_id(told: Any) -> int:
    if not isinstance(told, str) or not told.startswith("0x") or len(told) > 18:
        raise ValueError
    return int(told, 16)


def label_of(url: str) -> str:
    """Return host and port of an address, all of it that may be shown."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "node") + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "node"


def _keep_secret(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    register_secret(parts.password)
    for part in (parts.username or "", *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))):
        if len(part) >= KEY_CHARACTERS:
            register_secret(part)
