"""Parses untrusted addresses and checks that their hosts are allowed and on the public internet."""

from __future__ import annotations

import functools
import ipaddress
import re
import socket
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import idna

from ceos.errors import HostRefused

#: The longest address, in bytes.
URL_BYTES = 2048

#: An address of a name: the family of a socket and the address to connect it to.
Place = tuple[int, tuple[Any, ...]]

_PORTS = {"http": 80, "https": 443}
#: A blank, a control character or a backslash means different things to different readers of an address.
_TWO_FACED = re.compile(r"[\x00-\x20\x7f\\]")
#: Labels of a name; the last begins with a letter, which no number and no notation of an IP address does.
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Address:
    """An address that has been taken apart and may be asked for, should its host be allowed."""

    scheme: str
    host: str
    path: str
    query: str

    @property
    def port(self) -> int:
        """The usual port of its scheme; there is no other."""
        return _PORTS[self.scheme]

    @property
    def target(self) -> str:
        """The path and query of the request."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def url(self) -> str:
        """The whole address."""
        return f"{self.scheme}://{self.host}{self.target}"


def read_address(url: str) -> Address:
    """Take an address apart; raises `HostRefused` for one that is not plain."""
    url = url.strip()
    try:
        if len(url.encode()) > URL_BYTES:
            raise HostRefused(f"The address is longer than {URL_BYTES} bytes.")
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise HostRefused("The address cannot be read; expected one such as 'https://example.org/feed.xml'.") from None
    if _TWO_FACED.search(url):
        raise HostRefused("The address has a blank, a control character or a backslash in it; encode it with quote().")
    if parts.scheme not in _PORTS:
        raise HostRefused(f"The address begins with {parts.scheme[:20]!r}; only http and https are fetched.")
    if "@" in parts.netloc:
        raise HostRefused("The address carries a login; none is ever sent.")
    name = host_name(host)
    if name is None:
        raise HostRefused(f"{host[:80]!r} is not the name of a host on the internet; IP addresses are not fetched.")
    if port not in (None, _PORTS[parts.scheme]):
        raise HostRefused(f"{name} may be asked on port {_PORTS[parts.scheme]} only, not on {port}.")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    return Address(parts.scheme, name, path, quote(parts.query, safe="/%:@!$&'()*+,;=~?[]"))


@functools.lru_cache(maxsize=1024)
def host_name(host: str) -> str | None:
    """Return a host's name in lower-case ASCII without a final dot, or None if it is not a full host name."""
    if len(host) > 253:
        return None
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            return None
    host = host.lower().removesuffix(".")
    return host if len(host) <= 253 and _NAME.fullmatch(host) else None


def check_host(host: str, hosts: Collection[str]) -> None:
    """Raise `HostRefused` unless a name, as `host_name` returns it, is one of `hosts`."""
    for allowed in hosts:
        name = host_name(allowed.removeprefix("*."))
        if name is not None and (host.endswith(f".{name}") if allowed.startswith("*.") else host == name):
            return
    known = ", ".join(sorted(hosts)[:8]) or "none"
    raise HostRefused(f"{host} is not one of the hosts that this skill may ask: {known}.")


def without_secrets(url: str) -> str:
    """Return an address for a record: without login, query and fragment, where secrets travel."""
    return re.sub(r"//[^/]*@", "//", re.split(r"[?#]", url, maxsplit=1)[0])[:200]


#: Networks outside the public internet that the library's tables do not list, and those that hide another
#: address: 6to4, Teredo and the like. 168.63.129.16 is Azure's own, reachable only from inside.
_CLOSED: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = (
    *map(ipaddress.IPv4Network, ("0.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "192.0.0.0/24", "192.31.196.0/24")),
    *map(ipaddress.IPv4Network, ("192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24", "198.18.0.0/15")),
    *map(ipaddress.IPv4Network, ("224.0.0.0/3", "168.63.129.16/32")),
    *map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")),
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: All that has been given out to hosts of the internet.
_UNICAST = ipaddress.IPv6Network("2000::/3")


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the public internet, and no other way to write or to reach a private one."""
    try:
        # One with a zone (fe80::1%eth0) is local to a link.
        ip = None if "%" in address else ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip in _NAT64:
        # What a network without IPv4 makes of an IPv4 address.
        ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip is None or not ip.is_global or (ip.version == 6 and ip not in _UNICAST):
        return False
    return not any(ip in network for network in _CLOSED if network.version == ip.version)


def look_up(host: str, port: int) -> list[Place]:
    """Ask the system where a name leads."""
    return [(family, place) for family, _, _, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
