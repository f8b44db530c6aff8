#!/usr/bin/env python3
"""Sends transactions of one account from several threads of several processes, which are killed all the time.

    scripts/chaos/chain.py                          200 transactions, 2 processes of 2 threads
    scripts/chaos/chain.py --count 40 --crash 0.05  fewer, with a higher chance of a crash around every step

Each process kills itself with -9 before or after any step (storing, signing, sending, reading) by chance, and is
started again. Every transaction calls `increase` of a counter with its own text; in the end each text must be on chain
once, and the nonces must be 0 to count-1. Exit code 1 if not. Needs anvil, and the contracts in `tests`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from helpers.evm import KEYS, Evm, running_evm  # type: ignore[import-not-found]  # noqa: E402

from ceos.sandbox.kernel import die_with_parent, is_linux  # noqa: E402

#: The account of all transactions: one that anvil knows and that has done nothing yet.
KEY = KEYS[1]
#: A run fails when no transaction ends for so many seconds.
STANDSTILL_SECONDS = 240.0
#: The methods with a crash point before and after them.
STEPS = {
    "TxStore": ("create_tx", "store_signed", "set_status", "store_replacement", "in_flight"),
    "EvmClient": ("send_raw", "receipts", "receipts_and_depth", "simulate", "nonce"),
}


@dataclass
class Outcome:
    """The result of a run."""

    count: int
    mined: int
    twice: int
    lost: int
    nonces_are_whole: bool
    crashes: int
    seconds: float

    @property
    def is_good(self) -> bool:
        """Say whether each transaction happened once."""
        return self.mined == self.count and not self.twice and not self.lost and self.nonces_are_whole


def main() -> None:
    """Run a worker, or the supervisor with its workers."""
    if "CHAOS_CHANCE" in os.environ:
        work()
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--crash", type=float, default=0.02, help="chance of a crash at each point")
    options = parser.parse_args()
    outcome = run(options.count, options.crash)
    print(json.dumps({**asdict(outcome), "good": outcome.is_good}))
    sys.exit(0 if outcome.is_good else 1)


def run(count: int, chance: float) -> Outcome:
    """Send `count` transactions while processes die, and count what is on chain."""
    from ceos.runtime import Runtime
    from ceos.settings import Settings

    with tempfile.TemporaryDirectory(prefix="ceos-chaos-") as folder, running_evm(options=("--block-time", "1")) as evm:
        home = Path(folder)
        counter = evm.deploy("counter")
        (home / "chain.toml").write_text(CHAIN_FILE.format(address=counter.address))
        environ = {
            "CEOS_HOME": folder,
            "BASE_RPC_URL": evm.url,
            "BASE_PRIVATE_KEY": KEY,
            "CEOS_LOG_LEVEL": "error",
        }
        runtime = Runtime(Settings.from_env(environ, dotenv=None))
        started = time.monotonic()
        try:
            submit(runtime, counter.encode, counter.address, count)
            crashes = supervise(runtime, {**environ, "CHAOS_CHANCE": str(chance), "PATH": os.environ["PATH"]}, count)
            account = runtime.chain.wallets.address()
        finally:
            runtime.close()
        seconds = time.monotonic() - started
        return compare(evm, counter.address, account, count=count, crashes=crashes, seconds=seconds)


#: The chain.toml of the run.
CHAIN_FILE = """
confirmations = 2
[[contract]]
name = "counter"
address = "{address}"
abi = ["function increase(string words)"]
[policy]
chains = [8453]
max_eth = "0.01"
max_eth_per_day = "10"
[[policy.allow]]
contract = "counter"
functions = ["increase(string words)"]
"""


def submit(runtime: Any, encode: Callable[..., str], address: str, count: int) -> None:
    """Submit the transactions, each twice, as a client that lost the answer does."""
    from ceos.chain.tx.types import TxRequest

    for index in range(count):
        request = TxRequest(chain_id=8453, to=address, data=encode("increase(string)", f"number {index}"))
        first = runtime.chain.sender.submit(request, key=f"chaos:{index}")
        assert runtime.chain.sender.submit(request, key=f"chaos:{index}").id == first.id


def supervise(runtime: Any, environ: dict[str, str], count: int) -> int:
    """Keep two workers running until every transaction is done, and return the number of restarts."""
    workers: list[subprocess.Popen[bytes]] = []
    crashes, left, deadline = 0, count + 1, 0.0
    try:
        while open_tasks := len(runtime.chain.due_queue.task_ids()):
            # A busy machine takes long for everything; only a standstill is a failure.
            if open_tasks < left:
                left, deadline = open_tasks, time.monotonic() + STANDSTILL_SECONDS
            if time.monotonic() >= deadline:
                break
            for worker in [worker for worker in workers if worker.poll() is not None]:
                assert worker.returncode == -signal.SIGKILL, f"a worker exited with {worker.returncode}"
                workers.remove(worker)
                crashes += 1
            while len(workers) < 2:
                workers.append(subprocess.Popen([sys.executable, __file__], env=environ))
            time.sleep(0.1)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    return crashes


def compare(evm: Evm, address: str, account: str, *, count: int, crashes: int, seconds: float) -> Outcome:
    """Compare the chain with the transactions."""
    logs = evm.rpc("eth_getLogs", {"address": address, "fromBlock": "0x0", "toBlock": "latest"})
    words = Counter(bytes.fromhex(log["data"][2:])[64:].rstrip(b"\0").decode() for log in logs)
    sent = [
        int(tx["nonce"], 16)
        for number in range(evm.head() + 1)
        for tx in evm.rpc("eth_getBlockByNumber", hex(number), True)["transactions"]
        if tx["from"].lower() == account.lower()
    ]
    return Outcome(
        count=count,
        mined=len(sent),
        twice=sum(times > 1 for times in words.values()),
        lost=sum(f"number {index}" not in words for index in range(count)),
        nonces_are_whole=sorted(sent) == list(range(count)),
        crashes=crashes,
        seconds=round(seconds, 1),
    )


# A worker


def work() -> None:
    """Process transactions in two threads until the process is killed, mostly by itself."""
    if is_linux():
        die_with_parent()
    from ceos.chain.tx.store import TxStore
    from ceos.evm.client import EvmClient
    from ceos.runtime import get_runtime

    chance = float(os.environ["CHAOS_CHANCE"])
    for kind in (TxStore, EvmClient):
        for step in STEPS[kind.__name__]:
            setattr(kind, step, between_crash_points(getattr(kind, step), chance))
    runtime = get_runtime()

    def process_due() -> None:
        while True:
            # A short lease, so that another worker soon follows one that died with a transaction.
            names = runtime.database.run_script("chain_due", 5, 2000)
            for name in names:
                runtime.chain.handle(name)
            if not names:
                time.sleep(0.05)

    for _ in range(2):
        threading.Thread(target=process_due).start()


def between_crash_points(method: Callable[..., Any], chance: float) -> Callable[..., Any]:
    """Wrap a method in a crash point before and one after it."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        crash_point(chance)
        try:
            return method(*args, **kwargs)
        finally:
            crash_point(chance)

    return wrapped


def crash_point(chance: float) -> None:
    """Kill this process, or do nothing."""
    if random.random() < chance:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
