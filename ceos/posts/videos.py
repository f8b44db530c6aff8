"""The video of a draft: one paid job at most, also after crashes and repeated calls.

The run records the intent before the job is submitted and its id after it, both under the fence. No method waits: while
fal.ai works, the run is put off, and its next delivery asks once more. fal.ai has no idempotency keys, so a job of
unknown outcome is never submitted again: where a webhook may still name it, it is waited for; otherwise it counts as
paid, and the post gets a picture.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from urllib.parse import urlencode

from ceos.clients.fal.client import Fal
from ceos.clients.fal.models import Aspect
from ceos.clients.fal.videos import Video, VideoJob
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.base import Frozen
from ceos.domain.posts import Draft
from ceos.errors import OutcomeUnknown, RateLimited, RequestRefused, ServiceError, ServiceUnavailable
from ceos.logs import event
from ceos.runs.budget import Budget
from ceos.runs.deferral import RetryLater
from ceos.runs.lease import Lease
from ceos.runs.ledger import Ledger

log = logging.getLogger(__name__)

#: A video that is not finished after so many seconds is cancelled; never more than half the lateness the agent allows.
VIDEO_SECONDS = 600.0
#: Seconds between two questions for a job, and while a webhook is to report its end.
POLL_SECONDS, WEBHOOK_POLL_SECONDS = 4.0, 20.0


class VideoRecord(Frozen):
    """The record of a video in its run."""

    model: str
    #: The UTC day of the reservation, and the amount in USD.
    day: str
    max_usd: float
    #: When the submission began, milliseconds of Redis.
    began_ms: int
    #: The secret in the address of the webhook; empty without one.
    key: str = ""
    #: None until fal.ai has named the job.
    job: VideoJob | None = None


class VideoMaker:
    """Makes the videos of drafts, inside the agents' budgets."""

    def __init__(
        self, fal: Fal, budget: Budget, ledger: Ledger, clock: Clock, *, webhook: str = "",
        new_key: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:  # fmt: skip
        """Take the public address at which fal.ai's webhooks arrive, if there is one."""
        self._fal = fal
        self._budget = budget
        self._ledger = ledger
        self._clock = clock
        self._webhook = webhook
        self._new_key = new_key

    def make(self, lease: Lease, agent: Agent, draft: Draft, aspect: Aspect) -> tuple[Video, str, float]:
        """Return the finished video, its model and its cost.

        Raises `RetryLater` while it is not finished, `LimitReached` before a job that would not fit into the budget,
        and a `ServiceError`, whose `cost_usd` may have been charged, when there will be no video.
        """
        if not lease.video:
            record = self._submit(lease, agent, draft, aspect)
            raise self._wait(record, "the video is being made")
        record = VideoRecord.model_validate_json(lease.video)
        try:
            video = self._ask(lease, agent, record)
        except ServiceError as error:
            # Work that failed may be charged all the same.
            self._budget.settle(agent.id, record.day, _reservation(lease.run_id), record.max_usd)
            error.cost_usd = record.max_usd
            raise
        self._budget.settle(agent.id, record.day, _reservation(lease.run_id), record.max_usd)
        return video, record.model, record.max_usd

    def _submit(self, lease: Lease, agent: Agent, draft: Draft, aspect: Aspect) -> VideoRecord:
        model = agent.models.video
        max_usd = self._fal.video_cost_usd(model)
        name = _reservation(lease.run_id)
        day = self._budget.set_aside(agent, name, max_usd, self._clock.now())
        key = self._new_key() if self._webhook else ""
        record = VideoRecord(model=model, day=day, max_usd=max_usd, began_ms=self._ledger.now_ms(), key=key)
        self._ledger.record_video(lease, record.model_dump_json())
        webhook = f"{self._webhook}?{urlencode({'run': lease.run_id, 'key': key})}" if key else ""
        prompt = draft.image_prompt or draft.topic
        try:
            job = self._fal.submit_video(prompt, model=model, style=agent.models.style, aspect=aspect, webhook=webhook)
        except OutcomeUnknown as error:
            log.warning("It is unknown whether a video was started", extra=event("video.unknown", error=str(error)))
            raise self._wait(record, str(error)) from None
        except (ServiceError, RetryLater) as error:
            # Certainly not started: refused, or interrupted by a shutdown between two attempts.
            self._ledger.record_video(lease, "")
            if isinstance(error, ServiceError):
                self._budget.settle(agent.id, day, name, 0.0)
            raise
        self._ledger.record_video(lease, record.model_copy(update={"job": job}).model_dump_json())
        log.info("Video started", extra=event("video.started", model=model, request_id=job.request_id))
        return record

    def _ask(self, lease: Lease, agent: Agent, record: VideoRecord) -> Video:
        """Ask once for the video; raises `RetryLater` while it is not finished."""
        job = record.job
        if job is None and lease.video_told:
            job = self._fal.video_job(record.model, lease.video_told)
        limit = min(VIDEO_SECONDS, agent.schedule.max_late_minutes * 30)
        is_over = self._ledger.now_ms() - record.began_ms >= limit * 1000
        if job is None:
            if record.key and not is_over:
                raise self._wait(record, "waiting whether fal.ai reports a video of unknown outcome")
            raise OutcomeUnknown("it is unknown whether fal.ai took the video, and asking again could pay twice")
        try:
            video = self._fal.poll_video(job)
        except (RateLimited, ServiceUnavailable) as error:
            if is_over:
                raise
            raise self._wait(record, str(error)) from None
        if video is not None:
            return video
        if not is_over:
            raise self._wait(record, "the video is being made")
        self._fal.cancel_video(job)
        raise RequestRefused(f"fal.ai did not finish the video within {limit:g} s; it was cancelled")

    @staticmethod
    def _wait(record: VideoRecord, reason: str) -> RetryLater:
        seconds = WEBHOOK_POLL_SECONDS if record.key else POLL_SECONDS
        # The time since the submission limits it, not the number of questions.
        return RetryLater(seconds, reason, is_limited=False)


def _reservation(run_id: str) -> str:
    """Return the name of the reservation: the same for every delivery of the run, so that it is made once."""
    return f"{run_id}:video"
