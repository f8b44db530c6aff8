"""Dramatiq's Redis broker, hardened against its behaviour in outages.

Messages are only hints, so correctness does not depend on this module. It makes hints arrive in milliseconds, not
minutes. It uses private names of dramatiq 2.2, and is pinned to that version:

- A Redis time-out counts as a lost connection (stock: the consumer strands what it was fetching, or its thread dies).
- Messages that this process holds in Redis but not in memory are put back in their queue (stock: stuck until a
  restart).
- The client repeats nothing by itself (stock, with host and port: one message can be enqueued twice).
- Messages are enqueued in one pipeline (stock: one round trip each).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import uuid4

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed
from redis.backoff import NoBackoff
from redis.retry import Retry

from ceos.storage.connection import MAX_CONNECTIONS

#: The messages of a process that sent no heartbeat for this long are given to other processes.
HEARTBEAT_MS = 30_000
#: Chance in a million that a command also looks for dead processes; cheap, because the broker has its own database.
MAINTENANCE_CHANCE = 100_000
#: How often a consumer looks for stranded messages.
SWEEP_SECONDS = 15.0


class Consumer(_RedisConsumer):
    """A consumer that finds messages that Redis assigns to it and memory does not hold."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._acks_key = f"{self.broker.namespace}:__acks__.{self.broker.broker_id}.{self.queue_name}"
        self._suspects: set[str] = set()
        self._swept_at = time.monotonic()

    def __next__(self) -> Any:
        if not self.message_cache and time.monotonic() - self._swept_at > SWEEP_SECONDS:
            self._swept_at = time.monotonic()
            self._sweep()
        message = super().__next__()
        if message is not None:
            self.broker.in_memory(self.queue_name).add(message.options["redis_message_id"])
        return message

    def _sweep(self) -> None:
        """Requeue messages that Redis assigns to this process and memory does not hold, twice in a row."""
        held = {_text(item) for item in self.broker.guarded(self.broker.client.smembers, self._acks_key)}
        missing = held - self.broker.in_memory(self.queue_name)
        stranded, self._suspects = missing & self._suspects, missing - self._suspects
        if stranded:
            self.logger.warning("Putting %d stranded message(s) back into queue %r.", len(stranded), self.queue_name)
            self.broker.do_requeue(self.queue_name, *stranded)

    def _forget(self, message: Any) -> None:
        self.broker.in_memory(self.queue_name).discard(message.options["redis_message_id"])

    def ack(self, message: Any) -> None:
        """Acknowledge a message and forget it."""
        super().ack(message)
        self._forget(message)

    def nack(self, message: Any) -> None:
        """Reject a message and forget it."""
        super().nack(message)
        self._forget(message)

    def requeue(self, messages: Iterable[Any]) -> None:
        """Put messages back into their queue and forget them."""
        listed = list(messages)
        super().requeue(listed)
        for message in listed:
            self._forget(message)


class Broker(RedisBroker):
    """The broker of all queues."""

    def __init__(self, url: str, middleware: Sequence[dramatiq.Middleware]) -> None:
        pool = redis.ConnectionPool.from_url(
            url,
            socket_timeout=5,
            socket_connect_timeout=5,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
            max_connections=MAX_CONNECTIONS,
        )
        self._in_memory: dict[str, set[str]] = {}
        super().__init__(
            client=redis.Redis(connection_pool=pool),
            middleware=list(middleware),
            heartbeat_timeout=HEARTBEAT_MS,
            maintenance_chance=MAINTENANCE_CHANCE,
        )

    @property
    def consumer_class(self) -> type[Consumer]:
        """The hardened consumer."""
        return Consumer

    def in_memory(self, queue_name: str) -> set[str]:
        """Return the ids of the messages of a queue that this process has in memory."""
        return self._in_memory.setdefault(queue_name, set())

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Any:
        """Create a consumer; that of a delay queue starts empty, because the worker dropped the last messages."""
        if queue_name.endswith(".DQ"):
            self._in_memory.pop(queue_name, None)
        return super().consume(queue_name, prefetch, timeout)

    @staticmethod
    def guarded(function: Callable[..., Any], *args: Any) -> Any:
        """Call Redis; a lost connection or a time-out becomes `ConnectionClosed`, from which dramatiq recovers."""
        try:
            return function(*args)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise ConnectionClosed(error) from None

    def _dispatch(self, command: str) -> Callable[..., Any]:
        dispatch = super()._dispatch(command)
        return lambda *args: self.guarded(dispatch, *args)

    def enqueue_many(self, messages: Sequence[dramatiq.Message[Any]]) -> None:
        """Enqueue messages in one round trip."""
        if len(messages) == 1:
            self.enqueue(messages[0])
            return
        script = self.scripts["dispatch"]
        stack = self.guarded(self._max_unpack_size)
        pipe = self.client.pipeline(transaction=False)
        for message in messages:
            copy = message.copy(options={"redis_message_id": str(uuid4())})
            self.emit_before("enqueue", copy, None)
            script(
                keys=[self.namespace],
                args=[
                    "enqueue", int(time.time() * 1000), copy.queue_name, self.broker_id, self.heartbeat_timeout,
                    self.dead_message_ttl, 0, stack, copy.options["redis_message_id"], copy.encode(),
                ],
                client=pipe,
            )  # fmt: skip
            self.emit_after("enqueue", copy, None)
        self.guarded(pipe.execute)

    def backlog(self, queue_names: Iterable[str]) -> int:
        """Return the number of messages in these queues."""
        pipe = self.client.pipeline(transaction=False)
        for name in queue_names:
            pipe.llen(f"{self.namespace}:{name}")
        return sum(self.guarded(pipe.execute))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
