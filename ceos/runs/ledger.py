"""The run ledger: the right to advance a run, the record of its actions, and its end.

Messages are hints; the ledger is the truth. `begin_stage` gives a worker a `Lease` with a fence, which every later
write carries: a worker that slept past its lease is refused before it can send. An action is recorded before it is
sent, and its hash after it. One sorted set of open runs finds the runs that no worker processes any more.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from ceos.domain.lifecycle import RunStatus, Stage
from ceos.domain.posts import Cast, Draft, Kind
from ceos.errors import IllegalTransition, InvalidInput, NotFound, StaleLease, StoreUnavailable
from ceos.logs import event
from ceos.runs.deferral import PublishingHalted
from ceos.runs.ids import RunId
from ceos.runs.lease import Lease, lease_from
from ceos.storage.agents import AgentStore
from ceos.storage.connection import Database
from ceos.storage.runs import RunStore
from ceos.storage.sketches import SketchStore

log = logging.getLogger(__name__)

#: A run that was delivered this often without progress probably crashes its workers: it is given up.
MAX_DELIVERIES = 20
#: This many failed runs in a row stop the agent.
MAX_FAILURES = 3
#: How long the record of a published run is kept, in seconds: longer than any repeat of its messages.
KEEP_SECONDS = 48 * 3600
#: How long a failed run can be resumed, in seconds.
KEEP_DEAD_SECONDS = 7 * 86_400
#: How long the measurements of a run are kept, in seconds.
KEEP_METRICS_SECONDS = 30 * 86_400


@dataclass(frozen=True)
class Fire:
    """The next slot of one due agent, with the slots to open and those that were missed; see `lua/fire.lua`."""

    agent_id: str
    slot: int
    next_slot: int | None
    next_fire: int
    opens: Sequence[int]
    missed: Sequence[tuple[int, str]]
    unlisted: int = 0


class Ledger:
    """Opens, advances and ends runs; every method is one atomic script."""

    def __init__(
        self, database: Database, *, lease_seconds: float = 60.0, review_hours: float = 24.0,
        first_measurement_seconds: float = 3600.0,
    ) -> None:  # fmt: skip
        self.database = database
        self._review_ms = int(review_hours * 3_600_000)
        self._first_measurement_ms = int(first_measurement_seconds * 1000)
        self.lease_ms = int(lease_seconds * 1000)
        self._held: dict[str, str] = {}
        self._held_lock = threading.Lock()

    # Opening

    def fire_slots(self, items: Iterable[Fire]) -> list[str]:
        """Move due agents to their next slots and open their runs; return the runs that this call opened."""
        rows = [
            [
                item.agent_id,
                str(item.slot),
                str(item.next_slot) if item.next_slot is not None else "",
                str(item.next_fire),
                [str(slot) for slot in item.opens],
                [[str(slot), reason] for slot, reason in item.missed],
                item.unlisted,
            ]
            for item in items
        ]
        return list(self.database.run_script("fire", json.dumps(rows))) if rows else []

    def create_run(self, agent_id: str, key: str, *, kind: Kind | None = None, draft: Draft | None = None) -> str:
        """Open the run of a manual post and return its id; the same key again opens nothing new.

        Raises `NotFound` for an unknown agent, and `InvalidInput` for one that is paused or in error and for a key that
        was used with another kind, text or media.
        """
        run = RunId.manual(agent_id, key)
        status = RunStatus.ILLUSTRATED if draft else RunStatus.PLANNED
        answer = self.database.run_script(
            "create_run", agent_id, run.slot, status, kind or "", draft.model_dump_json() if draft else "",
            _order_digest(kind, draft),
        )  # fmt: skip
        if answer == "other":
            raise InvalidInput(f"The key {key!r} belongs to {str(run)!r}, which is another post; use another key.")
        if answer == "missing":
            AgentStore(self.database).agent(agent_id)
        if answer in ("paused", "error"):
            raise InvalidInput(
                f"Agent {agent_id!r} is {_state_words(answer)}; 'ceos agent resume {agent_id}' lets it go on."
            )
        return str(run)

    # Leases

    def claim_due_runs(self, limit: int = 500) -> list[tuple[str, Stage]]:
        """Return the runs that no worker processes, with their stages; the next call skips them for a lease."""
        return [(run, Stage(stage)) for run, stage in self.database.run_script("dispatch", limit, self.lease_ms)]

    def begin_stage(self, run: str, stage: Stage, token: str | None = None) -> Lease | None:
        """Lease a run for one stage; return None when it has ended, advanced, waits, or its agent is paused.

        The agent changes into `generating` or `publishing` in the same step. `token` makes a repeated call of one
        worker the same call. Raises `IllegalTransition` when the agent's state forbids the stage.
        """
        token = token or uuid.uuid4().hex
        answer = self.database.run_script(
            "begin", run, stage, token, self.lease_ms, MAX_DELIVERIES, MAX_FAILURES, KEEP_DEAD_SECONDS
        )
        if answer[0] == "illegal":
            raise IllegalTransition(f"Agent {RunId.parse(run).agent_id!r} is {answer[1]} and cannot {stage} now.")
        if answer[0] != "go":
            log.debug("Nothing to do for this run", extra=event("run.skipped", why=":".join(answer), stage=str(stage)))
            return None
        lease = lease_from(run, stage, answer)
        with self._held_lock:
            self._held[run] = lease.fence
        return lease

    def renew_leases(self) -> list[str]:
        """Extend the leases of all runs this process works on; return those it has lost."""
        with self._held_lock:
            held = dict(self._held)
        if not held:
            return []
        gone = self.database.run_script("renew", self.lease_ms, *(item for pair in held.items() for item in pair))
        with self._held_lock:
            # A run that this process has released in the meantime is not lost.
            lost = [run for run in gone if self._held.get(run) == held[run]]
            for run in lost:
                del self._held[run]
        return lost

    @contextmanager
    def hold_lease(self, lease: Lease) -> Iterator[None]:
        """Keep the lease renewed inside the block; however the block ends, renewing stops."""
        try:
            yield
        finally:
            self._release(lease)

    def _release(self, lease: Lease) -> None:
        with self._held_lock:
            if self._held.get(lease.run_id) == lease.fence:
                del self._held[lease.run_id]

    def release_leases(self) -> None:
        """Release every run that this process still holds, so that another worker goes on at once."""
        with self._held_lock:
            held, self._held = self._held, {}
        for run, fence in held.items():
            self.database.run_script("retry", run, fence, self.lease_ms, 0, "released at shutdown", "", "", "")

    def now_ms(self) -> int:
        """Return the time of Redis in milliseconds, by which leases and sends are recorded."""
        return self.database.now_ms()

    def _write(self, script: str, lease: Lease, *args: str | int) -> str:
        answer = str(self.database.run_script(script, lease.run_id, lease.fence, self.lease_ms, *args))
        if answer == "stale":
            raise StaleLease
        return answer

    # Sending

    def record_sending(self, lease: Lease, index: int) -> None:
        """Record that an action is about to be sent; after `StaleLease` or `PublishingHalted` it must not be sent."""
        answer = self._write("sending", lease, index)
        if answer == "held":
            raise PublishingHalted
        if answer == "sent":
            raise StaleLease
        lease.action(index).sent_now = int(answer)

    def record_sent(self, lease: Lease, index: int, hash: str) -> None:
        """Record the hash of an action that is carried out; after this progress the run's deliveries start again."""
        self._write("write", lease, f"h{index}", hash, "deliv", "", "waits", "")
        lease.deliveries = lease.deferrals = 0
        lease.action(index).hash = hash

    def record_unsent(self, lease: Lease, index: int, *, counts: bool) -> None:
        """Undo `record_sending` for an action that was certainly not carried out; `counts` uses up one send.

        An earlier send of unknown outcome stays on record.
        """
        action = lease.action(index)
        action.failures += int(counts)
        first, last = action.first_sent or "", action.last_sent or ""
        self._write("write", lease, f"a{index}", action.failures or "", f"s{index}", first, f"l{index}", last)

    def record_unanswered(self, lease: Lease, index: int) -> None:
        """Record a send without a readable answer: the action may have been carried out."""
        action = lease.action(index)
        action.failures += 1
        self._write("write", lease, f"a{index}", action.failures)

    # A video

    def record_video(self, lease: Lease, record: str) -> None:
        """Record the run's video as `record`, JSON: before its job is submitted, and again with the id of the job."""
        self._write("write", lease, "video", record)
        lease.video = record

    def report_video(self, run: str, key: str, request_id: str) -> str:
        """Wake a run because its video has ended, as a webhook says, and return "ok" or the reason why not.

        `key` is the secret in the webhook's address. The run learns the id of its job if it does not know it, and
        nothing else: the video itself is fetched from the queue.
        """
        return str(self.database.run_script("report_video", run, key, request_id))

    def recent_hashes(self, agent_id: str) -> set[str]:
        """Return the hashes of the agent's last casts, which belong to runs that have ended."""
        return {cast.hash for cast in RunStore(self.database).recent_casts(agent_id)}

    # Ending a stage

    def advance_run(self, lease: Lease, status: RunStatus, draft: Draft | None = None) -> None:
        """Move the run to its next status and freeze its draft; a status in review parks it.

        Places in the agent's hour that the draft does not need are given back.
        """
        self._release(lease)
        text = draft.model_dump_json() if draft else ""
        self._write("advance", lease, status, text, self._review_ms, len(draft.parts) if draft else 0)

    def keep_draft(self, lease: Lease, draft: Draft) -> None:
        """Store a draft before its checks, so that a run that waits for them is not written anew."""
        self._write("keep_draft", lease, draft.model_dump_json())

    def defer_run(self, lease: Lease, seconds: float, reason: str, *, uses: Literal["try", "wait", ""] = "try") -> None:
        """Release the run and have it processed again in `seconds`; `uses` names the counter that this increases.

        The delivery does not count, because the worker has not crashed.
        """
        tries, deferrals = lease.tries + (uses == "try"), lease.deferrals + (uses == "wait")
        deliveries = max(lease.deliveries - 1, 0)
        self._release(lease)
        self._write("retry", lease, int(seconds * 1000), reason[:300], tries, deliveries, deferrals)

    def finish_run(
        self, lease: Lease, status: RunStatus, reason: str = "", *, draft: Draft | None = None,
        casts: Sequence[Cast] = (), counts: bool = True, stops_agent: bool = False,
    ) -> None:  # fmt: skip
        """End the run; `casts` join the agent's recent casts and wait for their first measurement.

        A failure that `counts` may be the third in a row, which stops the agent; with `stops_agent` it stops at once.
        """
        self._release(lease)
        done = (RunStatus.PUBLISHED, RunStatus.IGNORED, RunStatus.REACTED)
        keep = KEEP_SECONDS if status in done else KEEP_DEAD_SECONDS
        allowed = "none" if stops_agent else MAX_FAILURES if counts else 0
        self._write(
            "finish", lease, status, reason[:300], draft.model_dump_json() if draft else "", keep,
            allowed, self._first_measurement_ms, KEEP_METRICS_SECONDS, *(cast.model_dump_json() for cast in casts),
        )  # fmt: skip

    def forget_cast(self, agent_id: str, run_id: str, hash: str) -> None:
        """Remove a cast that was deleted from the agent's recent casts and from everything that is measured.

        `run_id` is the run that published it, or empty where that is unknown. Stored scores of weeks do not change.
        """
        for cast in RunStore(self.database).recent_casts(agent_id):
            if cast.hash == hash:
                SketchStore(self.database).unlist_post(agent_id, cast.text)
        self.database.run_script("forget_cast", agent_id, run_id, hash)

    # Decisions of operators

    def decide(
        self, run: str, verb: Literal["approve", "edit", "reject", "expire", "retry", "drop"], text: str = ""
    ) -> None:
        """Approve, edit, reject or expire a parked draft; retry or drop a dead run.

        Raises `NotFound` for an unknown run and `InvalidInput` for one in another status.
        """
        answer = str(self.database.run_script("decide", run, verb, text, KEEP_DEAD_SECONDS, MAX_FAILURES))
        if answer == "ok":
            return
        if answer == "missing":
            raise NotFound(f"No draft or run named {run[:80]!r}; 'ceos draft list' shows the ones there are.")
        if answer == "removed":
            raise InvalidInput(f"The agent of {run!r} was removed; apply its file again first.")
        if answer == "wrong":
            raise InvalidInput(f"{run!r} was published by another account and cannot go on; post its text anew.")
        expected = "failed or partial" if verb in ("retry", "drop") else "in review"
        raise InvalidInput(f"Draft {run!r} is {answer}, not {expected}; it cannot be {_PAST[verb]}.")


_PAST = {
    "approve": "approved",
    "edit": "edited",
    "reject": "rejected",
    "expire": "expired",
    "retry": "retried",
    "drop": "dropped",
}


def _order_digest(kind: Kind | None, draft: Draft | None) -> str:
    """Return a digest of an operator's request for a post."""
    order = [kind, [[part.text, part.embeds] for part in draft.parts] if draft else None]
    return hashlib.sha256(json.dumps(order).encode()).hexdigest()[:16]


def _state_words(state: str) -> str:
    return "in error" if state == "error" else state


class Renewer(threading.Thread):
    """The thread that renews the leases of this process while its workers wait for slow services."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(name="ceos-renewer", daemon=True)
        self._ledger = ledger
        self._stop_event = threading.Event()

    def run(self) -> None:
        """Renew four times per lease until stopped; after an outage some leases may have ended."""
        while not self._stop_event.wait(self._ledger.lease_ms / 4000):
            try:
                lost = self._ledger.renew_leases()
            except StoreUnavailable as error:
                log.warning("Leases could not be renewed", extra=event("lease.unrenewed", error=str(error)))
                continue
            for run in lost:
                log.warning("A lease was lost to another worker", extra=event("lease.lost", draft=run))

    def stop(self) -> None:
        """End the thread after its current round."""
        self._stop_event.set()
