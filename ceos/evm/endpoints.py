"""JSON-RPC over several nodes of one chain: the first that is well is asked, the next when it fails.

A read goes round all nodes up to three times. A write goes to one node: when no answer comes, it may have been carried
out, and whoever sent it looks its hash up and sends the same bytes again (`OutcomeUnknown`). Every node must say that
it belongs to the configured chain, before its first use, now and then, after each failure and before each write; one
that does not is out. web3 works on top of this (`Web3(Endpoints(...))`); its own re-sending does not exist here.
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

from ceos.clients.http.api import PATIENCE
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
#: Makes of a node's answer what the caller wants, or raises `ServiceUnavailable`: then another node is asked.
Reading = Callable[[Any], Any]

ROUNDS = 3
#: Requests of one batch; nodes refuse larger ones.
BATCH = 100
#: A node that failed is asked last for so many seconds, doubled with each failure, up to the second number.
REST_SECONDS, LONGEST_REST = 5.0, 60.0
#: A node this many blocks behind another is not well; they are compared this often while heads are asked for.
BEHIND_BLOCKS, COMPARE_SECONDS = 20, 60.0

#: Failures of one node, which another may not have.
_OF_ONE_NODE = (ServiceUnavailable, RateLimited, KeyRefused, NodeRefused, WrongChain, RangeTimedOut)
#: The same, the one that says most about what to do first.
_TELLING = (RangeTimedOut, RateLimited, ServiceUnavailable, KeyRefused, NodeRefused, WrongChain)
_backoff = tenacity.wait_exponential(multiplier=0.5, min=0.5, max=PATIENCE) + tenacity.wait_random(0, 0.25)


@dataclass(frozen=True)
class EndpointHealth:
    """How one node is."""

    #: Its host, never more of its address.
    label: str
    is_well: bool
    #: Why it is not well, in a sentence.
    why: str = ""
    latency_ms: float | None = None
    #: The number of its latest block.
    head: int | None = None


class Endpoints(JSONBaseProvider):
    """Several nodes as one."""

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
        read: Reading | None = None,
    ) -> Any:
        """Return the result of a request, as `read` makes it, of the node with the label `endpoint` if one is named.

        Raises a `ServiceError`: `Reverted`, `RangeRefused`, `NonceTaken`, `FeeTooLow` and `RequestRefused` are the
        chain's or the node's word, `ServiceUnavailable` and `RateLimited` mean that no node could carry it out,
        `OutcomeUnknown` that a write may have been carried out.
        """
        nodes = tuple(node for node in self.nodes if endpoint in (None, node.label))
        if not nodes:
            raise InvalidInput(f"There is no node {endpoint!r}. Known: {', '.join(node.label for node in self.nodes)}.")
        if effect == "write" or method.startswith("eth_send"):
            return self._write(method, params, nodes)
        self._compare(method)
        return self._read(lambda node: (read or _as_it_is)(node.ask(method, params)), nodes)

    def batch(self, calls: Sequence[Request], reads: Sequence[Reading] | None = None) -> list[Any]:
        """Return the result or the `ServiceError` of every read, in their order, in as few turns as it takes."""
        readings = reads or [_as_it_is] * len(calls)
        found: list[Any] = []
        for start in range(0, len(calls), BATCH):
            found += self._together(calls[start : start + BATCH], readings[start : start + BATCH])
        return found

    def together(self, calls: Sequence[Request], reads: Sequence[Reading]) -> list[Any]:
        """Return the results of reads that succeed or fail together; each hundred of them comes from one node."""
        found: list[Any] = []
        for start in range(0, len(calls), BATCH):
            part = slice(start, start + BATCH)
            found += self._read(partial(_each_of, calls[part], reads[part]), self.nodes)
        return found

    def health(self) -> list[EndpointHealth]:
        """Ask every node for its latest block, and return how each is."""
        self._look_at(self.nodes)
        return [EndpointHealth(node.label, not node.why, node.why, node.latency_ms, node.head) for node in self.nodes]

    def check(self) -> None:
        """Ask every node for its chain; raises `WrongChain` for the first of another one.

        When none answers, it raises what kept the first from it.
        """
        errors: list[ServiceError] = []
        for node in self.nodes:
            try:
                node.verify(again=True)
                self._well(node)
            except ServiceError as error:
                self._ill(node, error)
                errors.append(error)
        wrong = [error for error in errors if isinstance(error, WrongChain)]
        if wrong or len(errors) == len(self.nodes):
            raise (wrong or errors)[0]

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Carry out a request of web3, which has values of its own among the parameters."""
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
            stop=tenacity.stop_after_attempt(ROUNDS),
            wait=_wait,
            retry=tenacity.retry_if_exception(_may_pass),
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
                self._ill(node, error)
                continue
            except RequestRefused:
                self._well(node)
                raise
            self._well(node)
            return found
        raise _telling(errors)

    def _write(self, method: str, params: Sequence[Any], nodes: Sequence[Node]) -> Any:
        errors: list[ServiceError] = []
        for node in self._ordered(nodes):
            try:
                return node.ask(method, params, "write")
            except _OF_ONE_NODE as error:
                # It certainly was not carried out there.
                errors.append(error)
                self._ill(node, error)
            except AlreadyKnown:
                if method != "eth_sendRawTransaction":
                    raise
                return "0x" + keccak(unhex(params[0])).hex()
            except OutcomeUnknown as error:
                self._ill(node, error)
                raise
        raise _telling(errors)

    def _together(self, calls: Sequence[Request], readings: Sequence[Reading]) -> list[Any]:
        try:
            answers = self._read(lambda node: node.ask_many(calls), self.nodes)
        except ServiceError as error:
            return [error] * len(calls)
        found = [_made(read, answer) for read, answer in zip(readings, answers, strict=True)]
        for index, one in enumerate(found):
            # What one node lacked at one moment, a block perhaps, another may have; but not each of a hundred anew.
            if isinstance(one, _OF_ONE_NODE):
                found[index] = self._alone(calls[index], readings[index])
                if isinstance(found[index], ServiceUnavailable | RateLimited):
                    break
        return found

    def _alone(self, call: Request, read: Reading) -> Any:
        try:
            return self.request(*call, read=read)
        except ServiceError as error:
            return error

    def _ordered(self, nodes: Sequence[Node]) -> list[Node]:
        """Return who may be asked: the well ones as they were named, then those whose rest ends first."""
        able = [node for node in nodes if node.stranger is None]
        if not able:
            nodes[0].verify()
        return sorted(able, key=lambda node: -math.inf if node.is_well else node.rests_until)

    def _compare(self, method: str) -> None:
        """Look now and then whether the node that tells the head tells the newest."""
        if len(self.nodes) == 1 or method not in ("eth_blockNumber", "eth_getBlockByNumber"):
            return
        if self._now() >= self._compared_at + COMPARE_SECONDS:
            self._look_at([node for node in self.nodes if node.is_well])

    def _look_at(self, nodes: Sequence[Node]) -> None:
        self._compared_at = self._now()
        for node in nodes:
            try:
                node.head = _height(node.ask("eth_blockNumber", []))
            except ServiceError as error:
                node.head = None
                self._ill(node, error)
        heads = sorted(node.head or 0 for node in nodes)
        # Of three or more, one that is ahead of all the others proves nothing against them.
        best = 0 if not heads else heads[-2] if len(heads) > 2 else heads[-1]
        for node in nodes:
            if node.head is not None and best - node.head > BEHIND_BLOCKS:
                behind = f"{node.label} is {best - node.head} blocks behind another node."
                self._ill(node, ServiceUnavailable(behind, retry_after=LONGEST_REST))
            elif node.head is not None:
                self._well(node)

    def _well(self, node: Node) -> None:
        if node.failures:
            log.info("A node answers again", extra=event("chain.node_well", node=node.label))
        node.failures, node.why, node.rests_until = 0, "", -math.inf

    def _ill(self, node: Node, error: ServiceError) -> None:
        if isinstance(error, MethodMissing):
            return
        node.doubt()
        is_wrong = isinstance(error, WrongChain)
        if not node.failures or (is_wrong and node.why != str(error)):
            name = "chain.wrong_chain" if is_wrong else "chain.node_ill"
            log.warning("A node cannot be used", extra=event(name, node=node.label, why=str(error)))
        node.failures += 1
        node.why = str(error)
        asked = getattr(error, "retry_after", None) or 0.0
        rest = REST_SECONDS * 2 ** min(node.failures - 1, 10)
        node.rests_until = self._now() + min(max(rest, asked), LONGEST_REST)


def _labels(urls: Sequence[str]) -> list[str]:
    """Return a name for each address: its host, numbered where several have the same."""
    seen: Counter[str] = Counter()
    names = []
    for host in map(label_of, urls):
        seen[host] += 1
        names.append(host if seen[host] == 1 else f"{host}#{seen[host]}")
    return names


def _height(told: Any) -> int:
    try:
        return int(told, 16)
    except (ValueError, TypeError):
        raise ServiceUnavailable("It does not tell the number of its latest block.") from None


def _as_it_is(found: Any) -> Any:
    return found


def _each_of(calls: Sequence[Request], reads: Sequence[Reading], node: Node) -> list[Any]:
    found = [_made(read, answer) for read, answer in zip(reads, node.ask_many(calls), strict=True)]
    for one in found:
        if isinstance(one, ServiceError):
            raise one
    return found


def _made(read: Reading, answer: Any) -> Any:
    try:
        return answer if isinstance(answer, ServiceError) else read(answer)
    except ServiceError as error:
        return error


def _telling(errors: Sequence[ServiceError]) -> ServiceError:
    return min(errors, key=lambda error: next(i for i, kind in enumerate(_TELLING) if isinstance(error, kind)))


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, RateLimited | ServiceUnavailable) and (error.retry_after or 0.0) <= PATIENCE


def _wait(state: tenacity.RetryCallState) -> float:
    asked = getattr(state.outcome.exception(), "retry_after", None) if state.outcome else None
    return float(asked) if asked is not None else _backoff(state)
