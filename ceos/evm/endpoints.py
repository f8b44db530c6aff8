"""JSON-RPC over several nodes of one chain: requests go to the first healthy endpoint, and to the next when it fails.

A read tries all nodes up to three times. A write goes to one node: without an answer it may have been carried out, and
the caller looks up its hash and sends the same bytes again (`OutcomeUnknown`). Every node must report the configured
chain before its first use, periodically, after each failure and before each write; other nodes are excluded. web3 works
on top of this (`Web3(Endpoints(...))`) and never repeats a request itself.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import tenacity
from eth_utils.crypto import keccak
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from ceos.errors import (
    InvalidInput,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    ServiceError,
    ServiceUnavailable,
    WrongChain,
)
from ceos.evm.abi_values import unhex
from ceos.evm.errors import AlreadyKnown, Effect, MethodMissing, NodeRefused, RangeTimedOut
from ceos.evm.node import Node, Request, label_of
from ceos.evm.recursion import bound_recursion
from ceos.logs import event

bound_recursion()
log = logging.getLogger(__name__)

Found = TypeVar("Found")
#: Parses the answer of a node, or raises `ServiceUnavailable`: then another node is asked.
Parser = Callable[[Any], Any]

MAX_ROUNDS = 3
#: The longest wait between two rounds in seconds; a node that asks for more is left to the caller.
MAX_WAIT = 8.0
#: The maximum number of requests in one batch; nodes refuse larger ones.
MAX_REQUESTS = 100
#: A failed node is asked last for so many seconds, doubled with each failure, up to the second number.
REST_SECONDS, MAX_REST = 5.0, 60.0
#: A node more than so many blocks behind another is unhealthy; heads are compared at most this often.
MAX_BEHIND, COMPARE_SECONDS = 20, 60.0

#: Errors of one node that another may not have.
_OF_ONE_NODE = (ServiceUnavailable, RateLimited, KeyRefused, NodeRefused, WrongChain, RangeTimedOut)
#: The same, the most informative for the caller first.
_BY_INFORMATION = (RangeTimedOut, RateLimited, ServiceUnavailable, KeyRefused, NodeRefused, WrongChain)
_backoff = tenacity.wait_exponential(multiplier=0.5, min=0.5, max=MAX_WAIT) + tenacity.wait_random(0, 0.25)


@dataclass(frozen=True)
class EndpointHealth:
    """The health of one node."""

    #: Its host; the rest of its address may hold a key.
    label: str
    is_healthy: bool
    #: The reason why it is unhealthy, in a sentence.
    why: str = ""
    latency_ms: float | None = None
    #: The number of its latest block.
    head: int | None = None


class Endpoints(JSONBaseProvider):
    """Several nodes as one web3 provider."""

    def __init__(
        self,
        urls: Sequence[str],
        chain_id: int,
        *,
        sleep: Callable[[float], None] = time.sleep,
        connect_timeout: float = 5,
        read_timeout: float = 20,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        if not urls:
            raise InvalidInput("BASE_RPC_URL names no node.")
        self.chain_id = chain_id
        self._sleep = sleep
        self._now = now
        self._compared_at = now()
        self.nodes = tuple(
            Node(url, label, chain_id, connect_timeout=connect_timeout, read_timeout=read_timeout, now=now)
            for url, label in zip(urls, _labels(urls), strict=True)
        )

    def __repr__(self) -> str:
        return f"<Endpoints {', '.join(node.label for node in self.nodes)}>"

    def request(
        self,
        method: str,
        params: Sequence[Any],
        *,
        effect: Effect = "read",
        endpoint: str | None = None,
        parse: Parser | None = None,
    ) -> Any:
        """Return the parsed result of a request, from the node with the label `endpoint` if it is given.

        Raises a `ServiceError`: `Reverted`, `RangeRefused`, `NonceTaken`, `FeeTooLow` and `RequestRefused` are answers
        of the chain or the node, `ServiceUnavailable` and `RateLimited` mean that no node could carry it out, and
        `OutcomeUnknown` that a write may have been carried out.
        """
        nodes = tuple(node for node in self.nodes if endpoint in (None, node.label))
        if not nodes:
            raise InvalidInput(f"There is no node {endpoint!r}. Known: {', '.join(node.label for node in self.nodes)}.")
        if effect == "write" or method.startswith("eth_send"):
            return self._write(method, params, nodes)
        self._compare(method)
        return self._read(lambda node: (parse or _unchanged)(node.ask(method, params)), nodes)

    def batch(self, calls: Sequence[Request], parsers: Sequence[Parser]) -> list[Any]:
        """Return the result or the `ServiceError` of every read, in their order, with few requests."""
        found: list[Any] = []
        for start in range(0, len(calls), MAX_REQUESTS):
            found += self._batch(calls[start : start + MAX_REQUESTS], parsers[start : start + MAX_REQUESTS])
        return found

    def together(self, calls: Sequence[Request], parsers: Sequence[Parser]) -> list[Any]:
        """Return the results of reads that succeed or fail together; each batch of them comes from one node."""
        found: list[Any] = []
        for start in range(0, len(calls), MAX_REQUESTS):
            part = slice(start, start + MAX_REQUESTS)
            found += self._read(partial(_all_or_error, calls[part], parsers[part]), self.nodes)
        return found

    def health(self) -> list[EndpointHealth]:
        """Ask every node for its latest block, and return the health of each."""
        self._check_heads(self.nodes)
        return [EndpointHealth(node.label, not node.why, node.why, node.latency_ms, node.head) for node in self.nodes]

    def check(self) -> None:
        """Ask every node for its chain; raises `WrongChain` for the first node of another one.

        When none answers, it raises the error of the first.
        """
        errors: list[ServiceError] = []
        for node in self.nodes:
            try:
                node.verify(again=True)
                self._mark_healthy(node)
            except ServiceError as error:
                self._mark_unhealthy(node, error)
                errors.append(error)
        wrong = [error for error in errors if isinstance(error, WrongChain)]
        if wrong or len(errors) == len(self.nodes):
            raise (wrong or errors)[0]

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Carry out a request of web3, whose parameters hold types of its own."""
        plain = json.loads(self.encode_rpc_request(method, params))["params"]
        return {"jsonrpc": "2.0", "id": 1, "result": self.request(method, plain)}

    def is_connected(self, show_traceback: bool = False) -> bool:
        """Say whether a node of our chain answers."""
        try:
            self.request("eth_chainId", [])
        except ServiceError:
            if show_traceback:
                raise
            return False
        return True

    def _read(self, ask: Callable[[Node], Found], nodes: Sequence[Node]) -> Found:
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(MAX_ROUNDS),
            wait=_wait,
            retry=tenacity.retry_if_exception(_is_temporary),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(lambda: self._round(ask, nodes))

    def _round(self, ask: Callable[[Node], Found], nodes: Sequence[Node]) -> Found:
        errors: list[ServiceError] = []
        for node in self._ordered(nodes):
            try:
                found = ask(node)
            except _OF_ONE_NODE as error:
                errors.append(error)
                self._mark_unhealthy(node, error)
                continue
            except RequestRefused:
                self._mark_healthy(node)
                raise
            self._mark_healthy(node)
            return found
        raise _most_informative(errors)

    def _write(self, method: str, params: Sequence[Any], nodes: Sequence[Node]) -> Any:
        errors: list[ServiceError] = []
        for node in self._ordered(nodes):
            try:
                return node.ask(method, params, "write")
            except _OF_ONE_NODE as error:
                # It was certainly not carried out there.
                errors.append(error)
                self._mark_unhealthy(node, error)
            except AlreadyKnown:
                if method != "eth_sendRawTransaction":
                    raise
                return "0x" + keccak(unhex(params[0])).hex()
            except OutcomeUnknown as error:
                self._mark_unhealthy(node, error)
                raise
        raise _most_informative(errors)

    def _batch(self, calls: Sequence[Request], parsers: Sequence[Parser]) -> list[Any]:
        try:
            answers = self._read(lambda node: node.ask_many(calls), self.nodes)
        except ServiceError as error:
            return [error] * len(calls)
        found = [_parsed(parse, answer) for parse, answer in zip(parsers, answers, strict=True)]
        for index, one in enumerate(found):
            # Another node may have what this one lacked, such as a block; but not every call of a batch is repeated.
            if isinstance(one, _OF_ONE_NODE):
                found[index] = self._single(calls[index], parsers[index])
                if isinstance(found[index], ServiceUnavailable | RateLimited):
                    break
        return found

    def _single(self, call: Request, parse: Parser) -> Any:
        try:
            return self.request(*call, parse=parse)
        except ServiceError as error:
            return error

    def _ordered(self, nodes: Sequence[Node]) -> list[Node]:
        """Return the usable nodes: the healthy ones as configured, then those whose rest ends first."""
        usable = [node for node in nodes if node.wrong_chain is None]
        if not usable:
            nodes[0].verify()
        return sorted(usable, key=lambda node: -math.inf if node.is_healthy else node.rests_until)

    def _compare(self, method: str) -> None:
        """Compare the heads of the nodes periodically, when a head is requested."""
        if len(self.nodes) == 1 or method not in ("eth_blockNumber", "eth_getBlockByNumber"):
            return
        if self._now() >= self._compared_at + COMPARE_SECONDS:
            self._check_heads([node for node in self.nodes if node.is_healthy])

    def _check_heads(self, nodes: Sequence[Node]) -> None:
        self._compared_at = self._now()
        for node in nodes:
            try:
                node.head = _height(node.ask("eth_blockNumber", []))
            except ServiceError as error:
                node.head = None
                self._mark_unhealthy(node, error)
        heads = sorted(node.head or 0 for node in nodes)
        # Of three or more, a single node that is ahead of all others may lie.
        best = 0 if not heads else heads[-2] if len(heads) > 2 else heads[-1]
        for node in nodes:
            if node.head is not None and best - node.head > MAX_BEHIND:
                behind = f"{node.label} is {best - node.head} blocks behind another node."
                self._mark_unhealthy(node, ServiceUnavailable(behind, retry_after=MAX_REST))
            elif node.head is not None:
                self._mark_healthy(node)

    def _mark_healthy(self, node: Node) -> None:
        if node.failures:
            log.info("A node answers again", extra=event("chain.node_well", node=node.label))
        node.failures, node.why, node.rests_until = 0, "", -math.inf

    def _mark_unhealthy(self, node: Node, error: ServiceError) -> None:
        if isinstance(error, MethodMissing):
            return
        node.distrust()
        is_wrong = isinstance(error, WrongChain)
        if not node.failures or (is_wrong and node.why != str(error)):
            name = "chain.wrong_chain" if is_wrong else "chain.node_ill"
            log.warning("A node cannot be used", extra=event(name, node=node.label, why=str(error)))
        node.failures += 1
        node.why = str(error)
        asked = getattr(error, "retry_after", None) or 0.0
        rest = REST_SECONDS * 2 ** min(node.failures - 1, 10)
        node.rests_until = self._now() + min(max(rest, asked), MAX_REST)


def _labels(urls: Sequence[str]) -> list[str]:
    """Return a name for each address: its host, numbered where several have the same."""
    seen: Counter[str] = Counter()
    names = []
    for host in map(label_of, urls):
        seen[host] += 1
        names.append(host if seen[host] == 1 else f"{host}#{seen[host]}")
    return names


def _height(answer: Any) -> int:
    try:
        return int(answer, 16)
    except (ValueError, TypeError):
        raise ServiceUnavailable("It does not report the number of its latest block.") from None


def _unchanged(found: Any) -> Any:
    return found


def _all_or_error(calls: Sequence[Request], parsers: Sequence[Parser], node: Node) -> list[Any]:
    found = [_parsed(parse, answer) for parse, answer in zip(parsers, node.ask_many(calls), strict=True)]
    for one in found:
        if isinstance(one, ServiceError):
            raise one
    return found


def _parsed(parse: Parser, answer: Any) -> Any:
    try:
        return answer if isinstance(answer, ServiceError) else parse(answer)
    except ServiceError as error:
        return error


def _most_informative(errors: Sequence[ServiceError]) -> ServiceError:
    return min(errors, key=lambda error: next(i for i, kind in enumerate(_BY_INFORMATION) if isinstance(error, kind)))


def _is_temporary(error: BaseException) -> bool:
    return isinstance(error, RateLimited | ServiceUnavailable) and (error.retry_after or 0.0) <= MAX_WAIT


def _wait(state: tenacity.RetryCallState) -> float:
    asked = getattr(state.outcome.exception(), "retry_after", None) if state.outcome else None
    return float(asked) if asked is not None else _backoff(state)
