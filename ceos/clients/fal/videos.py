"""Videos by fal.ai's queue: a job is submitted once, and its id is enough to continue after a crash.

No method waits: the caller stores the job, and asks again later.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from pydantic import ValidationError

from ceos.clients.fal.api import KEEP, ContentRefused, FalApi, is_about_content
from ceos.clients.fal.files import ResultFiles, check_own, media_of
from ceos.clients.fal.models import Aspect, check_style, video_cost_usd, video_model
from ceos.domain.base import Frozen
from ceos.errors import OutcomeUnknown, RequestRefused, ServiceError
from ceos.logs import event, redact

log = logging.getLogger(__name__)

#: It becomes part of a path.
_REQUEST_ID = re.compile(r"[\w.-]{1,100}", re.ASCII)


class VideoJob(Frozen):
    """A submitted video; store it before waiting for it, for submitting again would pay twice."""

    request_id: str
    status_url: str
    response_url: str
    cancel_url: str


class Video(Frozen):
    """A finished video at a public address."""

    url: str
    content_type: str


class VideoQueue:
    """The videos of fal.ai for one key."""

    video_cost_usd = staticmethod(video_cost_usd)

    def __init__(self, queue: FalApi, files: ResultFiles) -> None:
        self._queue = queue
        self._files = files

    def submit_video(
        self, prompt: str, *, model: str, style: str, aspect: Aspect = "landscape", seed: int | None = None,
        webhook: str = "",
    ) -> VideoJob:  # fmt: skip
        """Put a video into the queue and return the job; it is paid for even if its result is never fetched.

        fal.ai calls the address `webhook` when the job has ended. After `OutcomeUnknown` the job may run, and fal.ai
        knows no idempotency: submitting again may pay twice.
        """
        check_style(style)
        chosen = video_model(model)
        answer = self._queue.call(
            "POST", f"/{chosen.endpoint}", task="start a video", effect="write",
            body=chosen.request(prompt, style, aspect, seed), headers=KEEP,
            params={"fal_webhook": webhook} if webhook else None,
        ).body  # fmt: skip
        told = answer if isinstance(answer, dict) else {}
        request_id = told.get("request_id")
        if not isinstance(request_id, str) or not _REQUEST_ID.fullmatch(request_id):
            raise OutcomeUnknown("fal.ai took the video but its answer does not name the job.", status=200)
        try:
            job = VideoJob.model_validate({name: told.get(name) for name in VideoJob.model_fields})
            self._check_urls(job)
        except (ValidationError, RequestRefused):
            # The job is paid for, so it must not be lost; the key goes to no other host.
            job = self.video_job(model, request_id)
        return job

    def video_job(self, model: str, request_id: str) -> VideoJob:
        """Return the job of a request id that came without its addresses, which drop the end of the model's path.

        Raises `RequestRefused` for an id that cannot be part of an address.
        """
        if not _REQUEST_ID.fullmatch(request_id):
            raise RequestRefused(f"{request_id[:60]!r} is not the id of a job.")
        owner, alias = video_model(model).endpoint.split("/")[:2]
        base = f"{self._queue.base_url}/{owner}/{alias}/requests/{request_id}"
        return VideoJob(
            request_id=request_id, status_url=f"{base}/status", response_url=base, cancel_url=f"{base}/cancel"
        )

    def poll_video(self, job: VideoJob) -> Video | None:
        """Return the video of a job, or None while it is not finished; asking again costs nothing.

        Raises `ContentRefused` or `RequestRefused` when there will be no video, and `RateLimited` or
        `ServiceUnavailable` when fal.ai could not be asked.
        """
        self._check_urls(job)
        answer = self._queue.call("GET", job.status_url, task="ask for a video", effect="read").body
        state = answer if isinstance(answer, dict) else {}
        if state.get("status") != "COMPLETED":
            return None
        if state.get("error"):
            words, kind = redact(str(state["error"]))[:300], str(state.get("error_type") or "")
            refused = ContentRefused if is_about_content(f"{kind} {words}") else RequestRefused
            raise refused(f"fal.ai could not make the video: {words}" + (f" ({kind})." if kind else "."))
        output: Any = self._queue.call("GET", job.response_url, task="fetch a video", effect="read").body
        url, declared = media_of(output, output.get("video") if isinstance(output, dict) else None, "video")
        return Video(url=url, content_type=self._files.check(url, declared, "video"))

    def cancel_video(self, job: VideoJob) -> None:
        """Cancel a job that is waited for no longer; whether that succeeds is unknown, and nothing depends on it."""
        self._check_urls(job)
        # Only a job that still waits can be cancelled, and the answer is not documented.
        try:
            with self._queue.open("PUT", job.cancel_url, task="cancel a video", effect="write"):
                pass
        except ServiceError as error:
            fields = event("fal.cancel_failed", request_id=job.request_id, status=error.status)
            log.warning("A video could not be cancelled", extra=fields)

    def _check_urls(self, job: VideoJob) -> None:
        for url in (job.status_url, job.response_url, job.cancel_url):
            check_own(self._queue.base_url, url)
