"""The actors, for `dramatiq ceos.actors`: each takes an id, calls one method, and sends the message of the next stage.

Importing this module declares the broker and opens no connection.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dramatiq
from dramatiq.middleware import ShutdownNotifications, TimeLimit

from ceos.actors.broker import Broker
from ceos.actors.middleware import LogContext, SafeRetries, WorkerLifecycle
from ceos.clients.http.rate_limit import in_background
from ceos.domain.lifecycle import Stage
from ceos.logs import event
from ceos.runs.deferral import ShuttingDown
from ceos.runtime import get_runtime

log = logging.getLogger(__name__)

#: Far above the worst case of any stage: it ends Python code that hangs; the clients have time-outs of their own.
STAGE_LIMIT_MS = 3_600_000

broker = Broker(
    get_runtime().broker_url,
    middleware=[
        TimeLimit(time_limit=STAGE_LIMIT_MS),
        ShutdownNotifications(),
        # The ledger counts attempts. These retries repeat a message whose run could not be read, as in an outage.
        SafeRetries(max_retries=2, min_backoff=1000, max_backoff=10_000),
        LogContext(),
        WorkerLifecycle(),
    ],
)
dramatiq.set_broker(broker)


def send(calls: Sequence[tuple[str, Stage]]) -> None:
    """Send one message for each (run, stage) in one round trip."""
    broker.enqueue_many([broker.get_actor(stage).message(run) for run, stage in calls])


def backlog() -> int:
    """Return the number of messages that wait for the workers."""
    return broker.backlog([stage.value for stage in Stage])


@dramatiq.actor(queue_name=Stage.WRITE, actor_name=Stage.WRITE, max_retries=2, min_backoff=1000)
def write(run_id: str) -> None:
    """Write the draft of a run."""
    _send_next(run_id, get_runtime().pipeline.write(run_id))


@dramatiq.actor(queue_name=Stage.ILLUSTRATE, actor_name=Stage.ILLUSTRATE, max_retries=2, min_backoff=1000)
def illustrate(run_id: str) -> None:
    """Make the image or video of a draft."""
    _send_next(run_id, get_runtime().pipeline.illustrate(run_id))


@dramatiq.actor(queue_name=Stage.PUBLISH, actor_name=Stage.PUBLISH, max_retries=2, min_backoff=1000)
def publish(run_id: str) -> None:
    """Publish a draft, once."""
    _send_next(run_id, get_runtime().pipeline.publish(run_id))


@dramatiq.actor(queue_name=Stage.MEASURE, actor_name=Stage.MEASURE, max_retries=2, min_backoff=1000)
def measure(run_id: str) -> None:
    """Collect the counts of a published run's casts."""
    with _background_task():
        get_runtime().pipeline.measure(run_id)


@dramatiq.actor(queue_name=Stage.LISTEN, actor_name=Stage.LISTEN, priority=10, max_retries=0)
def listen(agent_id: str) -> None:
    """Poll an agent's mentions; a poll that fails is made up for by the next one."""
    with _background_task():
        get_runtime().mention_poller.poll(agent_id)


@dramatiq.actor(queue_name=Stage.COUNT, actor_name=Stage.COUNT, max_retries=0)
def count(name: str) -> None:
    """Count the accounts of all agents (`name` is "-"); an hour that fails is claimed again."""
    del name
    with _background_task():
        get_runtime().measuring.count()


@dramatiq.actor(queue_name=Stage.TRENDS, actor_name=Stage.TRENDS, priority=10, max_retries=0)
def trends(agent_id: str) -> None:
    """Read the trends ("-"), or let one agent take up a relevant one; a lost message is sent again."""
    with _background_task():
        send([(one, Stage.TRENDS) for one in get_runtime().trends.handle(agent_id)])


@dramatiq.actor(queue_name=Stage.CHAIN, actor_name=Stage.CHAIN, max_retries=0)
def chain(name: str) -> None:
    """Advance one task on chain: a transaction, a subscription or scores; an unfinished one is due again."""
    with _background_task():
        get_runtime().chain.handle(name)


@contextmanager
def _background_task() -> Iterator[None]:
    """Do work that is not a stage of a run: posts take precedence, and work that a shutdown interrupts is due again."""
    try:
        with in_background():
            yield
    except ShuttingDown:
        log.info("Interrupted by a shutdown", extra=event("errand.stopped"))


def _send_next(run_id: str, stage: Stage | None) -> None:
    if stage is not None:
        send([(run_id, stage)])
