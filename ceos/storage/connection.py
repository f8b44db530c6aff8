"""The connection to Redis: connecting, running the scripts in `lua/`, and translating errors."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from ceos.domain import lifecycle
from ceos.errors import StoreUnavailable

#: More than the threads of any process: the default of 100 is too low for a worker with 100 threads.
MAX_CONNECTIONS = 10_000
#: The scripts that write to a leased run, and therefore check the fence first.
FENCED = frozenset({"write", "sending", "advance", "retry", "finish", "keep_draft"})
#: Scripts that run so often, and need so little, that loading the library would cost more than the script.
BARE = frozenset({"event_begin"})


@contextmanager
def redis_errors() -> Iterator[None]:
    """Translate the errors of Redis into a `StoreUnavailable` with the cause and the way out."""
    try:
        yield
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        raise StoreUnavailable("Redis refuses the login; check user and password in CEOS_REDIS_URL.") from error
    except redis.exceptions.OutOfMemoryError as error:
        raise StoreUnavailable(
            "Redis is full (maxmemory reached); give it more memory. Nothing was changed."
        ) from error
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise StoreUnavailable from error
    except redis.ResponseError as error:
        words = str(error)
        if "MISCONF" in words or "No space left" in words:
            raise StoreUnavailable(
                "Redis cannot write to its disk and refuses changes; free space there. Nothing was changed."
            ) from error
        if "DB index is out of range" in words:
            raise StoreUnavailable(
                "Redis has no logical database of that number; set 'databases' in its configuration, or another number "
                "in CEOS_REDIS_URL and CEOS_BROKER_URL."
            ) from error
        if words.startswith("READONLY"):
            raise StoreUnavailable("Redis is a read-only replica; point CEOS_REDIS_URL at the primary.") from error
        raise


@functools.cache
def script(name: str) -> tuple[str, str]:
    """Return (sha1, source) of a script, which starts with the life cycle and the library unless it is bare."""
    folder = resources.files("ceos.storage") / "lua"
    own = (folder / f"{name}.lua").read_text()
    if name in BARE:
        return _digest(own), own
    legal = " ".join(f"{old}>{new}" for old, news in lifecycle.LEGAL.items() for new in sorted(news))
    stages = " ".join(f"{status}={stage}" for status, stage in lifecycle.NEXT_STAGE.items())
    head = [
        f"local LEGAL = ' {legal} '",
        f"local FINAL = ' {' '.join(sorted(lifecycle.FINAL))} '",
        # Two blanks, because a match must not consume the blank with which the next entry begins.
        f"local STAGE = ' {stages.replace(' ', '  ')} '",
        (folder / "lib.lua").read_text(),
    ]
    if name in FENCED:
        head.append((folder / "fenced.lua").read_text())
    source = "\n".join([*head, own])
    return _digest(source), source


def _digest(source: str) -> str:
    return hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


def connect(url: str) -> redis.Redis:
    """Return a client of `url` with a timeout of 5 s; it resends commands, which is safe for all our scripts."""
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=5,
        socket_connect_timeout=5,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 3),
        retry_on_error=[redis.ConnectionError, redis.TimeoutError],
        max_connections=MAX_CONNECTIONS,
    )


class Database:
    """One logical database of Redis: its client, its clock and the scripts in `lua/`.

    Each thread runs scripts on a connection of its own, which saves a third of the work of going through the pool.
    """

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self._local = threading.local()

    def run_script(self, name: str, *args: str | int | float) -> Any:
        """Run one script and return its raw answer; raises `StoreUnavailable`."""
        sha, source = script(name)
        with redis_errors():
            client = self._client_of_thread()
            try:
                return client.evalsha(sha, 0, *args)
            except redis.exceptions.NoScriptError:
                return client.eval(source, 0, *args)
            except BaseException as error:
                if not isinstance(error, Exception):
                    # Interrupted between a call and its answer; the next call on this connection would get it.
                    del self._local.client
                raise

    def ping(self) -> None:
        """Raise `StoreUnavailable` unless Redis answers."""
        with redis_errors():
            self.client.ping()

    def now_ms(self) -> int:
        """Return Redis's own time in milliseconds, which leases, sends and waiting times are stored in."""
        with redis_errors():
            seconds, micros = self.client.time()
        return seconds * 1000 + micros // 1000

    def _client_of_thread(self) -> redis.Redis:
        client: redis.Redis | None = getattr(self._local, "client", None)
        if client is None:
            pool = self.client.connection_pool
            client = self._local.client = redis.Redis(connection_pool=pool, single_connection_client=True)
        return client
