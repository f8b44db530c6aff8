"""The embedded server, with real processes: shared, started on demand, kept alive, stopped with its last user."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from ceos.errors import StoreUnavailable
from ceos.storage import embedded
from ceos.storage.connection import connect
from ceos.storage.embedded import MAX_SOCKET_PATH_BYTES, EmbeddedServer, answers, socket_path
from ceos.supervisor import wait_until

#: A process that uses the server of argv[1] until its standard input ends, and tells the server's process id.
USER = """
import socket, sys
from pathlib import Path
from ceos.storage import embedded
home = Path(sys.argv[1])
server = embedded.EmbeddedServer(home)
server.ensure()
connection = socket.socket(socket.AF_UNIX)
connection.connect(str(embedded.socket_path(home)))
connection.sendall(b"INFO server\\r\\n")
print(connection.recv(8192).decode().split("process_id:")[1].split()[0], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stopped = wait_until(lambda: not answers(socket_path(tmp_path)), 60)
    assert stopped, "the server outlived its users"


def client(home: Path) -> redis.Redis:
    return connect(embedded.url(home))


def server_pid(home: Path) -> int:
    return int(client(home).info("server")["process_id"])  # type: ignore[index]


def start_user(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def told_pid(user: subprocess.Popen[str]) -> int:
    assert user.stdout is not None
    return int(user.stdout.readline())


def leave(user: subprocess.Popen[str]) -> None:
    user.communicate()


def test_it_starts_on_demand_keeps_what_it_is_given_and_stops_with_its_user(home: Path) -> None:
    server = EmbeddedServer(home)
    assert not answers(socket_path(home))
    server.ensure()
    about = client(home).config_get("appendonly") | client(home).config_get("maxmemory-policy")  # type: ignore[operator]
    assert about == {"appendonly": "yes", "maxmemory-policy": "noeviction"}
    server.release()
    assert wait_until(lambda: not answers(socket_path(home)), 60)


def test_its_data_survives_its_stop(home: Path) -> None:
    server = EmbeddedServer(home)
    server.ensure()
    client(home).set("kept", "yes")
    server.release()
    assert wait_until(lambda: not answers(socket_path(home)), 60)
    server.ensure()
    assert client(home).get("kept") == "yes"
    server.release()


def test_two_processes_share_one_server_until_the_second_leaves(home: Path) -> None:
    first, second = start_user(home), start_user(home)
    pid = told_pid(first)
    assert told_pid(second) == pid
    leave(first)
    assert server_pid(home) == pid
    leave(second)
    assert wait_until(lambda: not answers(socket_path(home)), 60)


def test_a_user_that_is_killed_counts_as_gone(home: Path) -> None:
    user = start_user(home)
    told_pid(user)
    user.kill()
    leave(user)
    assert wait_until(lambda: not answers(socket_path(home)), 60)


def test_eight_processes_at_once_start_one_server(home: Path) -> None:
    users = [start_user(home) for _ in range(8)]
    pids = {told_pid(user) for user in users}
    for user in users:
        leave(user)
    assert len(pids) == 1


def test_a_killed_server_comes_back_with_its_data(home: Path) -> None:
    server = EmbeddedServer(home)
    server.ensure()
    client(home).set("kept", "yes")
    # Everything up to a second old is on disk only once the file is synced.
    client(home).config_set("appendfsync", "always")
    client(home).set("also", "yes")
    old = server_pid(home)
    os.kill(old, signal.SIGKILL)
    assert wait_until(lambda: answers(socket_path(home)), 60)
    assert server_pid(home) != old
    assert client(home).mget("kept", "also") == ["yes", "yes"]
    server.release()


def test_a_killed_server_that_cannot_start_comes_back_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a server that died and whose files are out of order for longer than all attempts to start it last
    monkeypatch.setattr("ceos.storage.embedded.MAX_START_SECONDS", 0.5)
    monkeypatch.setattr("ceos.storage.embedded.MAX_START_ATTEMPTS", 1)
    monkeypatch.chdir(tmp_path)
    folder, path = tmp_path / "valkey", socket_path(tmp_path)
    folder.mkdir()
    tries = folder / "valkey.log"
    with embedded._supervised(folder, path):
        manifest = next((folder / "appendonlydir").glob("*.manifest"))
        whole = manifest.read_bytes()
        manifest.write_text("nonsense")
        os.kill(server_pid(tmp_path), signal.SIGKILL)
        assert wait_until(lambda: tries.read_text().count("FATAL AOF MANIFEST") > 2, 60), tries.read_text()
        # When they are mended, the server is there again
        manifest.write_bytes(whole)
        assert wait_until(lambda: answers(path), 60)


def test_a_killed_keeper_is_replaced_by_the_next_user(home: Path) -> None:
    server = EmbeddedServer(home)
    server.ensure()
    client(home).set("kept", "yes")
    pid = server_pid(home)
    keeper = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(keeper, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not answers(socket_path(home)), 60)
    server.ensure()
    assert client(home).get("kept") == "yes"
    server.release()


def test_ensure_and_release_may_be_repeated(home: Path) -> None:
    server = EmbeddedServer(home)
    server.release()
    server.ensure()
    pid = server_pid(home)
    server.ensure()
    assert server_pid(home) == pid
    server.release()
    server.release()


@pytest.mark.parametrize("name", ["with a space", "100%25", "who?#", "ümlaut"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    server = EmbeddedServer(home)
    server.ensure()
    try:
        assert client(home).ping()
    finally:
        server.release()
    assert wait_until(lambda: not answers(socket_path(home)), 60)


def test_a_path_too_long_for_a_socket_gets_one_in_the_temporary_folder(tmp_path: Path) -> None:
    home = tmp_path / ("deep" * 30)
    assert len(os.fsencode(socket_path(home))) <= MAX_SOCKET_PATH_BYTES
    assert socket_path(home) != socket_path(tmp_path / ("deep" * 31))
    server = EmbeddedServer(home)
    server.ensure()
    try:
        assert client(home).ping()
        assert (home / "valkey" / "users.lock").exists()
    finally:
        server.release()
    assert wait_until(lambda: not answers(socket_path(home)), 60)


def test_a_folder_that_is_a_file_is_named_with_the_way_out(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.write_text("")
    with pytest.raises(StoreUnavailable, match=r"cannot use .*/file/valkey: Not a directory\. Point CEOS_HOME at"):
        EmbeddedServer(home).ensure()


def test_a_server_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MAX_START_SECONDS", 1.0)
    folder = tmp_path / "valkey"
    (folder / "appendonlydir").mkdir(parents=True)
    (folder / "appendonlydir" / "appendonly.aof.manifest").write_text("this is no manifest\n")
    server = EmbeddedServer(tmp_path)
    with pytest.raises(StoreUnavailable, match=r"did not start; its log is .*valkey\.log"):
        server.ensure()
    monkeypatch.setattr(embedded, "MIN_FREE_BYTES", 1 << 80)
    with pytest.raises(StoreUnavailable, match=r"The disk that holds .*valkey is full; make room on it\.$"):
        server.ensure()
    server.release()
