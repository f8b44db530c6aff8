"""The socket of the web app, opened before anything is started, so that a port in use is reported first."""

from __future__ import annotations

import socket

from ceos.errors import CeosError


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free port. Raises `CeosError` when the address cannot be used."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # The protocol is named because asyncio disables Nagle's delay only for sockets that are marked as TCP.
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(2048)
        except OSError:
            listener.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not an address"
        raise CeosError(
            f"The web app cannot listen at {host}:{port}: {reason}. Choose another address with CEOS_WEB_HOST and "
            "CEOS_WEB_PORT."
        ) from None
    return listener


def address_of(listener: socket.socket) -> str:
    """Return the address of a listening socket as the beginning of a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
