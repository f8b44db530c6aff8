"""HTTP servers that send the bytes a test gives, valid or broken, under a host name with its own certificate."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from ceos.clients.http.ssrf import Place

HOST = "feeds.example.org"
#: The key and the certificate of the host, valid until 2120; it vouches for itself.
CERTIFICATE = Path(__file__).parents[1] / "certificates" / f"{HOST}.pem"

#: What a server does with a connection once it has read the head of a request.
Act = Callable[[socket.socket], None]


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, "", "")).encode("latin-1")


def send(body: bytes = b"gm", *headers: str, status: str = "200 OK") -> Act:
    return send_raw(head(f"Content-Length: {len(body)}", *headers, status=status) + body)


def send_raw(data: bytes) -> Act:
    return lambda connection: connection.sendall(data)


def redirect(to: str, status: str = "302 Found") -> Act:
    return send(b"", f"Location: {to}", status=status)


def repeat(begin: bytes, again: bytes, pause: float = 0.0) -> Act:
    """Send `begin`, and then `again` until the client has had enough."""

    def act(connection: socket.socket) -> None:
        connection.sendall(begin)
        wait = threading.Event()
        while not wait.wait(pause):
            connection.sendall(again)

    return act


def stall(begin: bytes = b"") -> Act:
    """Send `begin`, and then nothing until the client hangs up."""

    def act(connection: socket.socket) -> None:
        connection.sendall(begin)
        connection.recv(1)

    return act


class RawServer:
    """Acts out a script, one act per connection, the last one for ever; keeps the heads of requests."""

    def __init__(self, *script: Act, tls: bool = False) -> None:
        self.requests: list[str] = []
        self.connections = 0
        self._script = list(script)
        self._tls: ssl.SSLContext | None = None
        if tls:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(CERTIFICATE)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.place: Place = (socket.AF_INET, self._socket.getsockname())

    def __enter__(self) -> RawServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone does not wake accept().
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                if self._tls:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                with connection:
                    data = b""
                    while b"\r\n\r\n" not in data:
                        more = connection.recv(65536)
                        if not more:
                            return
                        data += more
                    self.requests.append(data.decode("latin-1"))
                    act = self._script.pop(0) if len(self._script) > 1 else self._script[0]
                    act(connection)
        except OSError:
            pass
