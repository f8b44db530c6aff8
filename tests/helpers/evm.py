"""A real EVM for tests: anvil on a port of its own, and our own small contracts, compiled when they are needed.

    def test_something(evm):
        counter = evm.deploy("counter")
        evm.send(counter.address, counter.encode("count()"))

anvil comes from npm (`@foundry-rs/anvil`). Without it these tests are skipped, unless CEOS_REQUIRE_ANVIL is set, as in
`.ci/run`: then they fail.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests

from ceos.sandbox.kernel import die_with_parent, is_linux

ROOT = Path(__file__).parents[2]
CONTRACTS = Path(__file__).parents[1] / "contracts"
#: anvil's own accounts, known to everybody.
KEYS = (
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
)
ACCOUNTS = (
    "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
    "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
)
SEED_PHRASE = "test test test test test test test test test test test junk"


def find_anvil() -> str | None:
    """Return the path of the program anvil, from the PATH or an npm package; None without it."""
    on_path = shutil.which("anvil")
    folders = [ROOT / "node_modules", *(Path(on_path).resolve().parents if on_path else ())]
    found = [Path(on_path)] if on_path else []
    for folder in folders:
        found += sorted(folder.glob("@foundry-rs/anvil-*/bin/anvil"))
    return next((str(path) for path in found if not _is_script(path)), None)


def _is_script(path: Path) -> bool:
    """Say whether a file is npm's script that starts anvil: killing it would leave anvil running."""
    with path.open("rb") as file:
        return file.read(2) == b"#!"


@cache
def compiled(name: str) -> tuple[list[dict[str, Any]], str]:
    """Return (ABI, bytecode) of a contract in tests/contracts."""
    import vyper

    source = (CONTRACTS / f"{name}.vy").read_text()
    found = vyper.compile_code(source, output_formats=["abi", "bytecode"])
    return found["abi"], found["bytecode"]


class Deployed:
    """A contract on the chain."""

    def __init__(self, address: str, abi: list[dict[str, Any]]) -> None:
        self.address = address
        self.abi = abi

    def encode(self, signature: str, *args: Any) -> str:
        """Return the data of a call, such as encode("transfer(address,uint256)", to, 5)."""
        from eth_abi import encode
        from eth_utils import function_signature_to_4byte_selector as selector
        from web3.utils.abi import get_abi_element

        element: Any = get_abi_element(self.abi, signature)
        from eth_utils.abi import get_abi_input_types

        data = encode(get_abi_input_types(element), args)
        return "0x" + (selector(signature) + data).hex()


class Evm:
    """One chain: JSON-RPC, and what tests do to it."""

    def __init__(self, url: str, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self.process = process
        self._session = requests.Session()

    def rpc(self, method: str, *params: Any) -> Any:
        """Call a method and return its result; a JSON-RPC error is an AssertionError."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = self._session.post(self.url, json=body, timeout=60).json()
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def mine(self, blocks: int = 1) -> None:
        """Add blocks."""
        self.rpc("anvil_mine", hex(blocks))

    def head(self) -> int:
        """Return the number of the latest block."""
        return int(self.rpc("eth_blockNumber"), 16)

    def automine(self, on: bool) -> None:
        """Have every transaction mined at once, or only when `mine` is called."""
        self.rpc("evm_setAutomine", on)

    def snapshot(self) -> str:
        """Return a mark to which `revert` can go back, as a re-org would."""
        return str(self.rpc("evm_snapshot"))

    def revert(self, mark: str) -> None:
        """Go back to a mark."""
        assert self.rpc("evm_revert", mark)

    def balance(self, address: str) -> int:
        """Return what an account has, in wei."""
        return int(self.rpc("eth_getBalance", address, "latest"), 16)

    def send(self, to: str | None, data: str = "0x", *, value: int = 0, sender: str = ACCOUNTS[0]) -> dict[str, Any]:
        """Send from one of anvil's accounts, without our code, and return the receipt."""
        request = {"from": sender, "data": data, "value": hex(value), "gas": hex(16_000_000)}
        tx = self.rpc("eth_sendTransaction", {**request, **({"to": to} if to else {})})
        receipt = self.rpc("eth_getTransactionReceipt", tx)
        if receipt is None and not self.rpc("anvil_getAutomine"):
            self.mine()
        deadline = time.monotonic() + 60
        while receipt is None and time.monotonic() < deadline:
            receipt = self.rpc("eth_getTransactionReceipt", tx)
        assert receipt is not None, "the transaction was not mined"
        assert receipt["status"] == "0x1", f"the transaction was reverted: {receipt}"
        return dict(receipt)

    def deploy(self, name: str, *args: Any, types: tuple[str, ...] = (), sender: str = ACCOUNTS[0]) -> Deployed:
        """Deploy a contract of tests/contracts, with the arguments of its constructor and their types."""
        from eth_abi import encode
        from eth_utils import to_checksum_address

        abi, bytecode = compiled(name)
        receipt = self.send(None, bytecode + encode(list(types), list(args)).hex(), sender=sender)
        return Deployed(to_checksum_address(receipt["contractAddress"]), abi)

    def place(self, name: str, address: str, *args: Any, types: tuple[str, ...] = ()) -> Deployed:
        """Put the code of a contract at an address that is known to everybody, such as that of a predeploy."""
        made = self.deploy(name, *args, types=types)
        self.rpc("anvil_setCode", address, self.rpc("eth_getCode", made.address, "latest"))
        return Deployed(address, made.abi)


@contextmanager
def running_evm(*, chain_id: int = 8453, options: tuple[str, ...] = ()) -> Iterator[Evm]:
    """Start anvil on a free port and yield it; it is killed afterwards, also when this process is killed."""
    anvil = find_anvil()
    if anvil is None:
        sentence = "anvil is not installed: npm install @foundry-rs/anvil"
        if os.environ.get("CEOS_REQUIRE_ANVIL"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [anvil, "--optimism", "--port", str(port), "--chain-id", str(chain_id), "--silent", *options]
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent if is_linux() else None,  # noqa: PLW1509  # one system call
    ) as process:
        try:
            evm = Evm(f"http://127.0.0.1:{port}", process)
            deadline = time.monotonic() + 60
            while True:
                try:
                    evm.rpc("eth_chainId")
                    break
                except requests.ConnectionError:
                    assert process.poll() is None and time.monotonic() < deadline, "anvil did not start"
                    time.sleep(0.02)
            yield evm
        finally:
            process.kill()


@pytest.fixture(scope="session")
def shared_evm() -> Iterator[Evm]:
    """One anvil for many tests; use `evm`."""
    with running_evm() as evm:
        yield evm


@pytest.fixture
def evm(shared_evm: Evm) -> Iterator[Evm]:
    """A chain as it was at the beginning, in the session's anvil; for one with other options there is `running_evm`."""
    mark = shared_evm.snapshot()
    yield shared_evm
    # First: what waits would be mined as soon as that is allowed, and on top of the mark.
    shared_evm.rpc("anvil_dropAllTransactions")
    shared_evm.automine(True)
    shared_evm.revert(mark)


def write_json(path: Path, data: Any) -> Path:
    """Write data as JSON to a file and return its path."""
    path.write_text(json.dumps(data))
    return path
