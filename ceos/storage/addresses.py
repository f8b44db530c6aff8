"""Addresses of Redis: the server and the logical database that an address names."""

from __future__ import annotations

from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from ceos.errors import StoreMisconfigured


def database_of(url: str) -> tuple[str, str, int]:
    """Return (host or socket, port, logical database) of a Redis address; `?db=` wins over the path, as in redis-py."""
    parts = urlsplit(url)
    number = parse_qs(parts.query).get("db", [""])[0]
    if parts.scheme == "unix":
        return unquote(parts.path), "", int(number or 0)
    return parts.hostname or "localhost", str(parts.port or 6379), int(number or parts.path.strip("/") or 0)


def next_database(url: str) -> str:
    """Return the address of the next logical database of the same server, with the same login and options."""
    parts = urlsplit(url)
    number = database_of(url)[2] + 1
    options = [(key, value) for key, value in parse_qsl(parts.query) if key != "db"]
    if parts.scheme != "unix":
        return urlunsplit(parts._replace(path=f"/{number}", query=urlencode(options)))
    # urlunsplit() would drop the two slashes of a scheme it does not know.
    return f"unix://{parts.netloc}{parts.path}?{urlencode([*options, ('db', number)])}"


def check_databases_differ(data_url: str, broker_url: str) -> None:
    """Raise `StoreMisconfigured` if the broker and the data share one logical database."""
    if database_of(data_url) == database_of(broker_url):
        raise StoreMisconfigured(
            "The broker shares a logical database with the data, where its maintenance would block everything: set "
            "CEOS_BROKER_URL to another database of the same server, such as one ending in /1."
        )
