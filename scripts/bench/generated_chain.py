#!/usr/bin/env python3
"""A node with a generated chain of any length: real JSON-RPC over HTTP, real ABI-encoded logs.

    scripts/bench/generated_chain.py PORT HEAD     serves until it is killed

anvil makes a thousand blocks a second and cannot re-org at will; this has 50,000 blocks at once. Like many nodes it
refuses `eth_getLogs` over more than 500 blocks. `test_head` makes the chain longer; `test_reorg` replaces its last
blocks by others with other events.
"""

from __future__ import annotations

import hashlib
import json
import socket
import sys
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ceos.sandbox.kernel import die_with_parent, is_linux

#: The event that every block holds, and its contract.
EVENT = "event Counted(address indexed who, uint256 indexed number, string words)"
CONTRACT = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
CHAIN_ID, EVENTS_PER_BLOCK, MAX_BLOCKS = 8453, 2, 500


class GeneratedChain:
    """The blocks of the chain and their contents."""

    def __init__(self, head: int) -> None:
        self.head = head
        #: The first block of each re-org, in their order.
        self.reorgs: list[int] = []
        self.lock = threading.Lock()

    def version(self, number: int) -> int:
        """Return the number of the re-org that a block comes from; 0 for an original block."""
        return max((index + 1 for index, first in enumerate(self.reorgs) if first <= number), default=0)

    def block(self, number: int) -> dict[str, str]:
        """Return the head of a block."""
        return {
            "number": hex(number),
            "hash": block_hash(number, self.version(number)),
            "parentHash": block_hash(number - 1, self.version(number - 1)),
            "timestamp": hex(1_700_000_000 + 2 * number),
            "baseFeePerGas": "0x1",
        }

    def event_ids(self, first: int, last: int) -> set[str]:
        """Return the ids of all events of these blocks, as ceos names them."""
        hashes = (block_hash(number, self.version(number)) for number in range(first, last + 1))
        return {f"{one}:{index}" for one in hashes for index in range(EVENTS_PER_BLOCK)}

    def answer(self, method: str, params: list[Any]) -> str:
        """Return the result of a call as JSON; raises `ValueError` with a JSON-RPC error."""
        if method == "eth_getLogs":
            first, last = (int(params[0][name], 16) for name in ("fromBlock", "toBlock"))
            if last - first >= MAX_BLOCKS:
                raise ValueError(f"query exceeds max block range {MAX_BLOCKS}")
            numbers = range(first, min(last, self.head) + 1)
            return f"[{','.join(logs_of(number, self.version(number)) for number in numbers)}]"
        if method == "eth_getBlockByNumber":
            number = self.head if params[0] == "latest" else int(params[0], 16)
            return json.dumps(self.block(number) if number <= self.head else None)
        if method == "test_head":
            self.head = params[0]
        elif method == "test_reorg":
            self.reorgs.append(self.head - params[0] + 1)
        elif method not in ("eth_chainId", "eth_blockNumber"):
            raise ValueError(f"the method {method} does not exist")
        return json.dumps(hex(CHAIN_ID if method == "eth_chainId" else self.head))


def block_hash(number: int, version: int) -> str:
    """Return the hash of a block."""
    return "0x" + hashlib.sha256(f"{number}:{version}".encode()).hexdigest()


@cache
def logs_of(number: int, version: int) -> str:
    """Return the logs of a block as JSON, without the brackets around them."""
    from eth_abi.abi import encode  # heavy, and not needed for the ids of events alone
    from eth_utils.crypto import keccak

    topic = "0x" + keccak(text="Counted(address,uint256,string)").hex()
    found = []
    for index in range(EVENTS_PER_BLOCK):
        who = f"0x{hashlib.sha256(f'{number % 997}:{index}'.encode()).hexdigest()[:40]:0>64}"
        words = encode(["string"], [f"Number {index} of block {number}, version {version}."]).hex()
        found.append(
            {
                "address": CONTRACT,
                "topics": [topic, who, f"0x{number * EVENTS_PER_BLOCK + index:064x}"],
                "data": f"0x{words}",
                "blockNumber": hex(number),
                "blockHash": block_hash(number, version),
                "transactionHash": block_hash(number, index + 1_000_000),
                "transactionIndex": hex(index),
                "logIndex": hex(index),
                "removed": False,
            }
        )
    return ",".join(map(json.dumps, found))


def serve(chain: GeneratedChain, port: int) -> None:
    """Answer until the process is killed."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16

        def do_POST(self) -> None:
            """Answer one call or a batch of them."""
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with chain.lock:
                responses = [_response(chain, one) for one in (asked if isinstance(asked, list) else [asked])]
            text = (f"[{','.join(responses)}]" if isinstance(asked, list) else responses[0]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def setup(self) -> None:
            """Send answers without delay."""
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            super().setup()

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def _response(chain: GeneratedChain, call: dict[str, Any]) -> str:
    head = f'{{"jsonrpc":"2.0","id":{json.dumps(call["id"])}'
    try:
        return f'{head},"result":{chain.answer(call["method"], call["params"])}}}'
    except ValueError as error:
        return f'{head},"error":{{"code":-32005,"message":{json.dumps(str(error))}}}}}'


if __name__ == "__main__":
    if is_linux():
        die_with_parent()
    made = GeneratedChain(int(sys.argv[2]))
    for block in range(made.head + 1):
        logs_of(block, 0)
    serve(made, int(sys.argv[1]))
