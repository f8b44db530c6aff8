"""fal.ai: direct runs and the queue."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from ceos.simulator.chance import hex_hash, number
from ceos.simulator.fal.files import FILES, Files, refuse
from ceos.simulator.fal.models import MODELS, FalModel
from ceos.simulator.fal.pixels import film
from ceos.simulator.fal.webhooks import KEYS, FalWebhooks
from ceos.simulator.faults import FAL_FAULTS, Faults
from ceos.simulator.neynar.webhooks import Delivery
from ceos.simulator.timeline import Timeline
from ceos.simulator.wire import EVENT_STREAM, Handler, Refusal, Reply, Request, Routes, json_reply

RUN, QUEUE = "/fal-run/", "/fal-queue/"
_REMEMBERED = 5_000
#: Faults that refuse a request instead of accepting it into the queue.
_AT_THE_DOOR = {"rate_limited", "error_401", "error_500_text", "cut_before"}


@dataclass(slots=True)
class Job:
    """A request in the queue, which advances with each status request."""

    id: str
    app: str
    endpoint: str
    body: dict[str, Any]
    fault: str | None
    polls: int = 0
    cancelled: bool = False
    #: The address that is called when it has ended.
    webhook: str = ""


class Fal:
    """The service behind /fal-run and /fal-queue, with its files."""

    def __init__(self, seed: int, timeline: Timeline, faults: Faults) -> None:
        self.seed = seed
        self.timeline = timeline
        self.faults = faults
        self.options = faults.options["fal"]
        self._count = 0
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self.files = Files(seed, timeline, self._check_key)
        self.webhooks = FalWebhooks(seed, timeline, faults)

    def routes(self) -> Routes:
        """fal has no fixed paths."""
        return {}

    def prefixes(self) -> dict[str, Handler]:
        """Routes with a model, a request or a file in the path."""
        return {RUN: self.run, QUEUE: self.queue, KEYS: self.webhooks.keys, **self.files.prefixes()}

    def run(self, request: Request) -> Reply:
        """Generate a file while the client waits."""
        endpoint = request.path.removeprefix(RUN).strip("/")
        body, fault = self._accept(request, endpoint)
        reply = self._finish(request, self._new_id(), endpoint, body, fault)
        return Reply(cut=True) if fault == "cut_after" else reply

    def queue(self, request: Request) -> Reply:
        """Submit, or act on a request by the URLs of the submit answer."""
        path = request.path.removeprefix(QUEUE).strip("/")
        app, found, rest = path.partition("/requests/")
        if not found:
            return self._submit(request, path)
        self._check_key(request)
        job_id, _, action = rest.partition("/")
        job = self._jobs.get(job_id)
        # The URLs have the application only: a client that appends to the endpoint gets 404.
        if job is None or job.app != app:
            raise refuse(404, "Request not found")
        match request.method, action:
            case "GET", "status":
                return self._status(request, job)
            case "GET", "status/stream":
                return self._status_stream(request, job)
            case "GET", "":
                return self._result(request, job)
            case "PUT", "cancel":
                return self._cancel(job)
        raise refuse(405, "Method Not Allowed")

    def _submit(self, request: Request, endpoint: str) -> Reply:
        if request.method != "POST":
            raise refuse(405, "Method Not Allowed")
        body, fault = self._accept(request, endpoint)
        app = "/".join(endpoint.split("/")[:2])
        job = Job(self._new_id(), app, endpoint, body, fault, webhook=request.param("fal_webhook"))
        self._jobs[job.id] = job
        if job.webhook:
            self.webhooks.promise(lambda: self._end(request, job))
        if len(self._jobs) > _REMEMBERED:
            self._jobs.popitem(last=False)
        self.timeline.record("fal", "queue.submitted", endpoint=endpoint, request_id=job.id, prompt=body["prompt"])
        self.timeline.count("fal.queued")
        if fault == "cut_after":
            # The job runs, and its client does not know its id.
            return Reply(cut=True)
        return self._answer({**self._urls(request, job), "status": "IN_QUEUE", "queue_position": 0}, job.id)

    def _status(self, request: Request, job: Job) -> Reply:
        urls = self._urls(request, job)
        done_after = int(self.options["polls_until_done"])
        job.polls += 1
        if job.polls == 1 and done_after > 0:
            return self._answer({**urls, "status": "IN_QUEUE", "queue_position": 1}, job.id, 202)
        logs = [{"message": f"step {job.polls}", "level": "INFO", "source": "USER", "timestamp": self._timestamp()}]
        shown = logs if request.flag("logs", False) else None
        if job.polls <= done_after:
            return self._answer({**urls, "status": "IN_PROGRESS", "logs": shown}, job.id, 202)
        status = {**urls, "status": "COMPLETED", "logs": shown, "metrics": {"inference_time": 0.42}}
        if job.fault == "completed_with_error":
            status |= {"error": "Runner disconnected unexpectedly", "error_type": "runner_disconnected"}
        elif job.cancelled:
            status |= {"error": "Request was cancelled", "error_type": "client_cancelled"}
        return self._answer(status, job.id)

    def _status_stream(self, request: Request, job: Job) -> Reply:
        """Return every status of a job up to its end as server-sent events."""
        chunks: list[bytes] = []
        while True:
            reply = self._status(request, job)
            chunks.append(b"data: " + reply.body + b"\n\n")
            if reply.status == 200:
                return Reply(200, content_type=EVENT_STREAM, chunks=chunks)

    def _result(self, request: Request, job: Job) -> Reply:
        if job.polls <= self.options["polls_until_done"]:
            raise refuse(400, "Request is still in progress")
        if job.cancelled:
            raise _infrastructure(499, "Request was cancelled", "client_cancelled")
        return self._finish(request, job.id, job.endpoint, job.body, job.fault)

    def _cancel(self, job: Job) -> Reply:
        if job.cancelled or job.polls > 1:
            return self._answer({"status": "ALREADY_COMPLETED"}, job.id, 400)
        job.cancelled = True
        job.polls = int(self.options["polls_until_done"]) + 1
        return self._answer({"status": "CANCELLATION_REQUESTED"}, job.id, 202)

    def _end(self, request: Request, job: Job) -> Delivery:
        """Complete a job and return its webhook."""
        job.polls = max(job.polls, int(self.options["polls_until_done"]))
        try:
            payload = json.loads(self._finish(request, job.id, job.endpoint, job.body, job.fault).body)
            told: dict[str, Any] = {"status": "OK", "payload": payload}
        except Refusal as refusal:
            error = f"Invalid status code: {refusal.reply.status}"
            told = {"status": "ERROR", "error": error, "payload": json.loads(refusal.reply.body)}
        return self.webhooks.signed(job.webhook, {"request_id": job.id, "gateway_request_id": job.id, **told})

    def _accept(self, request: Request, endpoint: str) -> tuple[dict[str, Any], str | None]:
        self._check_key(request)
        model = MODELS.get(endpoint)
        if model is None:
            raise refuse(404, f"Application {endpoint!r} not found")
        fault = self.faults.draw("fal", FAL_FAULTS)
        if fault:
            self.timeline.fault("fal", fault, endpoint=endpoint)
        if fault in _AT_THE_DOOR:
            raise self._door(fault)
        return self._input(request, model), fault

    def _input(self, request: Request, model: FalModel) -> dict[str, Any]:
        try:
            body = request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise refuse(422, [{"loc": ["body"], "msg": "JSON decode error", "type": "json_invalid"}])
        if problems := model.problems(body, extra_keys=self.options["extra_keys"] == "ignore"):
            raise refuse(422, problems)
        return body

    def _door(self, fault: str) -> Refusal:
        if fault == "rate_limited":
            refusal = refuse(429, "Too many concurrent requests")
            if self.options["retry_after"] is not None:
                refusal.reply.headers.append((b"retry-after", f"{self.options['retry_after']:g}".encode()))
            return refusal
        if fault == "error_401":
            return refuse(401, "Cannot access application. Authentication is required.")
        if fault == "error_500_text":
            return Refusal(Reply(500, b"Internal Server Error", b"text/plain"))
        return Refusal(Reply(cut=True))

    def _finish(self, request: Request, job_id: str, endpoint: str, body: dict[str, Any], fault: str | None) -> Reply:
        if fault == "error_422_list":
            problem = {
                "loc": ["body", "prompt"],
                "msg": "Flagged by a content checker.",
                "type": "content_policy_violation",
            }
            raise refuse(422, [problem], X_Fal_Retryable="false")
        if fault == "error_422_text":
            raise refuse(422, "The prompt could not be processed")
        if fault in {"error_infra_503", "completed_with_error"}:
            raise _infrastructure(503, "Runner disconnected unexpectedly", "runner_disconnected")
        output = self._output(request, MODELS[endpoint], job_id, body, fault)
        size = list(MODELS[endpoint].dimensions(body))
        self.timeline.record("fal", "generated", endpoint=endpoint, request_id=job_id, prompt=body["prompt"], size=size)
        self.timeline.count("fal.generated")
        return self._answer(output, job_id, units=len(output.get("images", "1")))

    def _output(
        self, request: Request, model: FalModel, job_id: str, body: dict[str, Any], fault: str | None
    ) -> dict[str, Any]:
        seed = body.get("seed")
        # Real seeds can be larger than a double holds exactly.
        seed = seed if isinstance(seed, int) and seed >= 0 else number(self.seed, job_id)
        kinds = {"expired_file": "gone", "nsfw_black": "black", "empty_file": "empty", "page_file": "page"}
        kind = kinds.get(fault or "", "ok")

        def url(i: int, suffix: str) -> str:
            return f"{request.origin}{FILES}{kind}-{hex_hash(8, seed, body['prompt'], i)}.{suffix}"

        if model.kind == "video":
            video = {
                "url": url(0, "mp4"),
                "content_type": "video/mp4",
                "file_name": "out.mp4",
                "file_size": len(film()),
            }
            # Not every model sends a picture of the beginning.
            poster = {"url": url(0, "png"), "content_type": "image/png"}
            return {"video": video, "poster": poster, "seed": seed, "prompt": body["prompt"]}
        if model.kind == "recraft":
            drawn = str(body.get("style", "")).startswith("vector_illustration")
            suffix, content_type = ("svg", "image/svg+xml") if drawn and kind == "ok" else ("png", "image/png")
            image = {
                "url": url(0, suffix),
                "content_type": content_type,
                "file_name": f"image.{suffix}",
                "file_size": 512,
            }
            return {"images": [image]}
        width, height = model.dimensions(body)
        count = body.get("num_images", 1)
        shape = {"width": width, "height": height, "content_type": "image/png"}
        return {
            "images": [{"url": url(i, "png"), **shape} for i in range(count)],
            "seed": seed,
            "has_nsfw_concepts": [kind == "black"] * count,
            "prompt": body["prompt"],
            "timings": {"inference": 0.42},
        }

    def _urls(self, request: Request, job: Job) -> dict[str, Any]:
        origin = request.origin
        if job.fault == "result_on_other_host":
            origin = self.options["other_host"] or origin.replace("127.0.0.1", "localhost")
        base = f"{origin}{QUEUE}{job.app}/requests/{job.id}"
        return {
            "request_id": job.id,
            "response_url": base,
            "status_url": f"{base}/status",
            "cancel_url": f"{base}/cancel",
        }

    def _answer(self, value: dict[str, Any], job_id: str, status: int = 200, units: int = 0) -> Reply:
        reply = json_reply(value, status, x_fal_request_id=job_id)
        if units:
            reply.headers.append((b"x-fal-billable-units", str(units).encode()))
        return reply

    def _check_key(self, request: Request) -> None:
        word, _, key = request.header(b"authorization").partition(" ")
        if word != "Key" or not key or (self.options["keys"] and key not in self.options["keys"]):
            raise refuse(401, "Cannot access application. Authentication is required.")

    def _new_id(self) -> str:
        self._count += 1
        digits = hex_hash(16, self.seed, "fal", self._count)
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def _timestamp(self) -> str:
        return f"{self.timeline.clock():.3f}"


def _infrastructure(status: int, detail: str, error_type: str) -> Refusal:
    return Refusal(json_reply({"detail": detail, "error_type": error_type}, status, X_Fal_Error_Type=error_type))
