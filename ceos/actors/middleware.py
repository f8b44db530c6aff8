"""Dramatiq middleware for every message and every worker process.

It binds ids to the log, makes retries survive an outage, and runs the threads of a worker.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType
from typing import Any

import dramatiq
from dramatiq.errors import BrokerConnectionError
from dramatiq.middleware import Retries

from ceos import logs
from ceos.errors import CeosError, StoreMisconfigured, StoreUnavailable
from ceos.logs import event
from ceos.runs.ids import RunId
from ceos.runs.ledger import Renewer
from ceos.runtime import Runtime, get_runtime
from ceos.supervisor import DRAIN_MS

log = logging.getLogger(__name__)

#: A second SIGTERM so soon after the first one is a copy of it.
DUPLICATE_SIGNAL_SECONDS = 2.0
#: How often a worker puts missing tasks on chain back into the queue, in seconds.
CHAIN_REMINDER_SECONDS = 60.0
#: Exit code of a worker in which a thread died: its supervisor starts a new one.
EXIT_BROKEN = 70
#: Exit code of a worker that found Redis or a variable misconfigured.
EXIT_MISCONFIGURED = 78


class LogContext(dramatiq.Middleware):
    """Binds agent, draft and message ids to every record logged while a message is processed."""

    def before_process_message(self, broker: dramatiq.Broker, message: Any) -> None:
        """Bind the ids; the first argument of every actor is the id of a run or of an agent."""
        name = str(message.args[0]) if message.args else ""
        # A name with a slash belongs to a task on chain, not to an agent.
        run = RunId.parse(name if "/" not in name else "")
        logs.set_bound({"agent": run.agent_id, "draft": name if run.slot else "", "message_id": message.message_id})

    def after_process_message(
        self, broker: dramatiq.Broker, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """Unbind them."""
        logs.set_bound({})

    after_skip_message = after_process_message


class SafeRetries(Retries):
    """Retries that are not lost while Redis does not answer: stock Dramatiq would acknowledge the message instead."""

    def after_process_message(
        self, broker: dramatiq.Broker, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """Enqueue the retry, waiting for Redis as long as an acknowledgement does."""
        options = dict(message.options)
        while True:
            try:
                super().after_process_message(broker, message, result=result, exception=exception)
            except BrokerConnectionError:
                message.options.clear()
                message.options.update(options)
                time.sleep(1.0)
            else:
                return


class WorkerLifecycle(dramatiq.Middleware):
    """The threads of a worker process: renewer, scheduler and watchdog, from boot to shutdown."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._renewer: Renewer | None = None
        self._name = ""

    def before_worker_boot(self, broker: dramatiq.Broker, worker: Any) -> None:
        """Set up the log, load all modules, and refuse a Redis that would lose posts."""
        try:
            runtime = get_runtime()
            logs.configure(runtime.settings.log_level, runtime.settings.log_format)
            _ = runtime.plugins
            with contextlib.suppress(StoreUnavailable):
                runtime.check_servers()
                runtime.migrate()
                # Loads the modules of every stage now, not while the first posts wait for them.
                _ = runtime.pipeline
        except CeosError as error:
            log.critical("%s", error, extra=event("worker.refused"))
            # Unlike os._exit, this lets the master know that the boot is over.
            sys.exit(EXIT_MISCONFIGURED)
        _ignore_duplicate_signals()
        stop = worker.stop
        # Dramatiq waits ten minutes for running messages by default.
        worker.stop = lambda timeout=DRAIN_MS: stop(min(timeout, DRAIN_MS))
        self._name = f"{socket.gethostname()}:{os.getpid()}"

    def after_worker_boot(self, broker: Any, worker: dramatiq.Worker) -> None:
        """Start the threads."""
        from ceos.actors import backlog, send  # noqa: PLC0415  # the actors are declared after this middleware

        runtime = get_runtime()
        self._start("ceos-watchdog", lambda: self._watch(runtime, broker, worker))
        # A thread of its own, so that neither the boot nor the first post with a skill waits for it.
        threading.Thread(target=_warm_sandbox, args=(runtime,), name="ceos-sandbox", daemon=True).start()
        if runtime.settings.has_chain_file():
            threading.Thread(target=_schedule_chain_tasks, args=(runtime,), name="ceos-chain", daemon=True).start()
        if runtime.settings.scheduler == "embedded":
            self._start("ceos-scheduler", lambda: _schedule(runtime, send, backlog, self._stop))

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Take no new work: the scheduler stops, and waiting stages release their runs."""
        get_runtime().stopping.set()
        self._stop.set()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Give back what did not finish in time, and leave."""
        runtime = get_runtime()
        if self._renewer:
            self._renewer.stop()
        try:
            runtime.ledger.release_leases()
            runtime.ops.forget_worker(self._name)
        except StoreUnavailable as error:
            log.warning("Runs could not be handed back", extra=event("worker.unreleased", error=str(error)))
        runtime.close()

    def _start(self, name: str, target: Any) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _watch(self, runtime: Runtime, broker: Any, worker: Any) -> None:
        """Keep the heartbeat fresh while all threads are busy; exit when one has died or the parent is gone."""
        parent = os.getppid()
        is_checked = False
        wait = 0.0
        while not self._stop.wait(wait):
            wait = min(5.0, runtime.settings.lease_seconds / 4)
            try:
                if not is_checked:
                    runtime.check_servers()
                    runtime.migrate()
                    self._renewer = Renewer(runtime.ledger)
                    self._renewer.start()
                    self._threads.append(self._renewer)
                    is_checked = True
                runtime.ops.note_worker(self._name)
                broker.do_qsize(next(iter(broker.queues)))
            except StoreMisconfigured as error:
                log.critical("%s", error, extra=event("worker.refused"))
                os._exit(EXIT_MISCONFIGURED)
            except (StoreUnavailable, BrokerConnectionError) as error:
                log.warning("Redis does not answer", extra=event("worker.waiting", error=str(error)))
                with contextlib.suppress(StoreUnavailable):
                    runtime.ensure_server()
            except Exception:
                # The watchdog has to survive: without it there is no heartbeat, and a dead thread stays unnoticed.
                log.exception("The watchdog met an unexpected error", extra=event("worker.watchdog"))
            threads = [*worker.workers, *worker.consumers.values(), *self._threads]
            if not all(thread.is_alive() for thread in threads) and not self._stop.is_set():
                log.critical("A thread of this worker has died; exiting", extra=event("worker.broken"))
                os._exit(EXIT_BROKEN)
            if os.getppid() != parent:
                log.warning("The master process is gone; stopping", extra=event("worker.orphaned"))
                os.kill(os.getpid(), signal.SIGTERM)
                return


def _schedule(runtime: Runtime, send: Any, backlog: Any, stop: threading.Event) -> None:
    """Run the scheduler once Redis answers."""
    while not stop.is_set():
        try:
            scheduler = runtime.scheduler(send, backlog)
        except StoreUnavailable:
            stop.wait(1.0)
        else:
            return scheduler.run(stop)
    return None


def _schedule_chain_tasks(runtime: Runtime) -> None:
    """Put the tasks that `chain.toml` asks for into the queue once Redis answers, and keep them there."""
    step = runtime.chain.start
    while not runtime.stopping.is_set():
        try:
            step()
        except StoreUnavailable:
            runtime.stopping.wait(1.0)
        else:
            step = runtime.chain.remind
            runtime.stopping.wait(CHAIN_REMINDER_SECONDS)


def _warm_sandbox(runtime: Runtime) -> None:
    """Start the sandbox where the operator has allowed a skill."""
    try:
        if runtime.skill_lock.entries():
            runtime.sandbox.warm()
    except CeosError as error:
        # The first post without its skill logs the failure again.
        log.warning("The sandbox is not ready", extra=event("sandbox.failed", error=str(error)))


def _ignore_duplicate_signals() -> None:
    """Ignore the second of two SIGTERMs within two seconds.

    A supervisor that signals every process of its group reaches the workers twice, the second time through their
    master, and a second signal makes Dramatiq exit at once.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    handler = signal.getsignal(signal.SIGTERM)
    if not callable(handler):
        return
    first: list[float] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if not first or time.monotonic() - first[0] > DUPLICATE_SIGNAL_SECONDS:
            first.append(time.monotonic())
            handler(number, frame)

    signal.signal(signal.SIGTERM, handle)
