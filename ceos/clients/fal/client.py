"""Pictures and videos by fal.ai: a picture is one blocking call, a video is a job that is submitted and polled.

When the chosen image model fails, cheaper ones are tried in the order of `fal_models.IMAGE_MODELS` (pro-ultra, recraft,
schnell), never a more expensive one, and only while everything that may have been charged stays within `max_usd`. A
refused key, refused or flagged content and a rate limit end the search: no other model would help.

The cost of a picture is known when it arrives. After an error the caller should count the whole of `max_usd`.

Worst case of one picture: three models, each three attempts of 65 s and two waits of at most 8 s, about ten minutes.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests
import urllib3

from ceos.clients.fal.models import (
    IMAGE_MODELS,
    Aspect,
    ImageModel,
    ModelName,
    check_style,
    image_model,
    is_model,
    worst_case_usd,
)
from ceos.clients.http.api import Api, Effect, error_for, read_body, retry_after_seconds
from ceos.domain.text import byte_length
from ceos.errors import (
    KeyRefused,
    LimitReached,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    ServiceError,
    ServiceUnavailable,
)
from ceos.logs import event, redact, register_secret

__all__ = ["ContentRefused", "Fal", "Picture", "Video", "VideoJob", "is_model", "worst_case_usd"]

log = logging.getLogger(__name__)

#: Cheap text to video; its price is not published, so the caller budgets for it.
VIDEO_ENDPOINT = "fal-ai/wan/v2.2-5b/text-to-video/fast-wan"
#: A longer address cannot be embedded in a cast.
URL_BYTES = 256
#: Seconds a picture may take.
IMAGE_SECONDS = 60.0

#: A cast outlives the week that fal.ai keeps files by default; null means for ever.
_KEEP = {"X-Fal-Object-Lifecycle-Preference": '{"expiration_duration_seconds": null}'}
_VIDEO_RATIOS: dict[str, str] = {"square": "1:1", "landscape": "16:9", "portrait": "9:16"}
#: Failures that come after the work was done; a 422 of another type found fault with the request before any work.
_AFTER_WORK = {"no_media_generated", "generation_timeout", "internal_server_error", "downstream_service_error"}
#: An account without money is locked; with which status is not documented.
_LOCKED = re.compile(r"exhausted balance|user is locked|account is locked", re.IGNORECASE)
_CONTENT = re.compile(r"content[ _]policy|nsfw|safety checker", re.IGNORECASE)


class ContentRefused(RequestRefused):
    """fal.ai flagged the prompt or the result; nothing of it may be published."""


class _Wasted(RequestRefused):
    """The request failed after work that may be charged."""


@dataclass(frozen=True)
class Picture:
    """A finished picture at a public address, the model that made it, and the most that getting it can have cost."""

    url: str
    model: ModelName
    cost_usd: float
    content_type: str


@dataclass(frozen=True)
class VideoJob:
    """A submitted video; store it before waiting for it, for submitting again would pay twice."""

    request_id: str
    status_url: str
    response_url: str
    cancel_url: str


@dataclass(frozen=True)
class Video:
    """A finished video at a public address."""

    url: str
    content_type: str


class Fal:
    """fal.ai for one key.

        picture = fal.image("a lighthouse at dawn", model="recraft", style="watercolor", max_usd=0.05)

        job = fal.submit_video("waves")
        video = fal.video(job, deadline_seconds=300)

    Every method raises a `ServiceError` when fal.ai cannot or will not do it.
    """

    is_model = staticmethod(is_model)
    worst_case_usd = staticmethod(worst_case_usd)

    def __init__(
        self,
        key: str | None,
        run_url: str = "https://fal.run",
        queue_url: str = "https://queue.fal.run",
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        register_secret(key)
        self._sleep = sleep
        self._clock = clock
        self._run, self._queue = (
            _FalApi(
                "fal.ai",
                url,
                key=key,
                key_variable="FAL_KEY",
                headers=lambda secret: {"Authorization": f"Key {secret}"},
                sleep=sleep,
            )
            for url in (run_url, queue_url)
        )

    def image(
        self,
        prompt: str,
        *,
        model: ModelName,
        style: str,
        aspect: Aspect = "landscape",
        seed: int | None = None,
        max_usd: float,
    ) -> Picture:
        """Make one picture, by `model` or, when that fails, by a cheaper one; `Picture.model` says which.

        Raises `LimitReached` when the chosen model costs more than `max_usd`, and `ContentRefused` when fal.ai flagged
        the prompt or the picture. Of several failures the first is raised, that of the chosen model.
        """
        check_style(style)
        chosen = image_model(model)
        if not _fits(chosen.price_of(aspect), max_usd):
            price = chosen.price_of(aspect)
            raise LimitReached(
                f"A picture by {model} costs up to {price:.3f} USD, but {max_usd:.3f} USD are left for it."
            )
        spent, failure = 0.0, None
        for candidate in _candidates(chosen, aspect):
            price = candidate.price_of(aspect)
            if not _fits(spent + price, max_usd):
                continue
            try:
                picture = self._picture(candidate, candidate.request(prompt, style, aspect, seed), price)
                return replace(picture, cost_usd=round(spent + picture.cost_usd, 6))
            except (KeyRefused, ContentRefused, RateLimited):
                raise
            except ServiceError as error:
                failure = failure or error
                spent += price if isinstance(error, OutcomeUnknown | _Wasted) else 0.0
                kind = type(error).__name__.strip("_")
                fields = event("fal.model_failed", model=candidate.name, error=kind, status=error.status)
                log.warning("An image model failed", extra=fields)
        assert failure is not None
        raise failure

    def submit_video(self, prompt: str, *, aspect: Aspect = "landscape", seed: int | None = None) -> VideoJob:
        """Put a video into the queue and return the job; it is paid for even if its result is never fetched."""
        body = {
            "prompt": prompt,
            "aspect_ratio": _VIDEO_RATIOS[aspect],
            "enable_safety_checker": True,
            "enable_output_safety_checker": True,
        } | ({} if seed is None else {"seed": seed})
        task = "start a video"
        answer = self._call(self._queue, "POST", f"/{VIDEO_ENDPOINT}", task, effect="billed", body=body, headers=_KEEP)
        names = ("request_id", "status_url", "response_url", "cancel_url")
        values = [answer.get(name) for name in names] if isinstance(answer, dict) else []
        if not values or not all(isinstance(value, str) and value for value in values):
            raise OutcomeUnknown("fal.ai took the video but its answer does not say where to ask for it.", status=200)
        job = VideoJob(*map(str, values))
        for url in (job.status_url, job.response_url, job.cancel_url):
            self._check_own(url)
        return job

    def video(self, job: VideoJob, *, deadline_seconds: float, poll_seconds: float = 4.0) -> Video:
        """Wait for a video, at most `deadline_seconds`, then cancel it and raise `OutcomeUnknown`.

        Any other error leaves the job alone, so that the same `job` may be waited for again.
        """
        for url in (job.status_url, job.response_url, job.cancel_url):
            self._check_own(url)
        end = self._clock() + deadline_seconds
        while not self._is_completed(job):
            if self._clock() + poll_seconds > end:
                self._cancel(job)
                raise OutcomeUnknown(
                    f"fal.ai did not finish the video within {deadline_seconds:g} s; it was cancelled."
                )
            self._sleep(poll_seconds)
        output = self._call(self._queue, "GET", job.response_url, "fetch a video", effect="read")
        return Video(*_media(output, output.get("video") if isinstance(output, dict) else None, "video"))

    # One level down

    def _picture(self, model: ImageModel, body: Mapping[str, Any], price: float) -> Picture:
        output = self._call(
            self._run,
            "POST",
            f"/{model.endpoint}",
            f"make a picture by {model.name}",
            effect="billed",
            body=body,
            seconds=IMAGE_SECONDS,
            headers=_KEEP,
        )
        images = output.get("images") if isinstance(output, dict) else None
        image = images[0] if isinstance(images, list) and images and isinstance(images[0], dict) else {}
        url, content_type = _media(output, image, "picture")
        width, height = image.get("width"), image.get("height")
        if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
            price = model.price(width, height)
        return Picture(url, model.name, price, content_type)

    def _is_completed(self, job: VideoJob) -> bool:
        answer = self._call(self._queue, "GET", job.status_url, "ask for a video", effect="read")
        state = answer if isinstance(answer, dict) else {}
        if state.get("status") != "COMPLETED":
            return False
        if not state.get("error"):
            return True
        words = redact(str(state["error"]))[:300]
        kind = str(state.get("error_type") or "")
        refused = ContentRefused if _CONTENT.search(f"{kind} {words}") else RequestRefused
        raise refused(f"fal.ai could not make the video: {words}" + (f" ({kind})." if kind else "."))

    def _cancel(self, job: VideoJob) -> None:
        # Only a job that still waits can be cancelled, and the answer is not documented: nothing depends on it.
        try:
            with self._queue.open("PUT", job.cancel_url, task="cancel a video", effect="write"):
                pass
        except ServiceError as error:
            fields = event("fal.cancel_failed", request_id=job.request_id, status=error.status)
            log.warning("A video could not be cancelled", extra=fields)

    def _check_own(self, url: str) -> None:
        """Refuse an address outside the queue: its host would receive the key."""
        try:
            own, other = _origin(urlsplit(self._queue.base_url)), _origin(urlsplit(url))
        except ValueError:
            own, other = None, None
        # No blanks, control characters or backslashes, which different parsers read differently.
        if own is None or own != other or not re.fullmatch(r"[!-\[\]-~]+", url):
            raise RequestRefused(
                f"fal.ai's queue named an address outside {self._queue.base_url}, which must not be given the key."
            )

    def _call(
        self,
        api: Api,
        method: str,
        path: str,
        task: str,
        *,
        effect: Effect,
        body: Any = None,
        seconds: float = 20.0,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        answer = api.call(method, path, task=task, effect=effect, body=body, seconds=seconds, headers=headers)
        _log_request_id(answer.headers, answer.status)
        return answer.body


class _FalApi(Api):
    """The shared layer with fal.ai's three shapes of error and its hints on repeating."""

    def _error(self, response: requests.Response, task: str, effect: Effect, deadline: float) -> ServiceError:
        _log_request_id(response.headers, response.status_code)
        try:
            body = json.loads(read_body(response, deadline))
        except (ValueError, RecursionError, requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            body = None
        words, kinds = _explain(body)
        status = response.status_code
        message = f"fal.ai answered {status} when asked to {task}" + (f": {redact(words)}" if words else ".")
        if _LOCKED.search(words):
            return KeyRefused(message, status=status)
        if "content_policy_violation" in kinds or (status in (400, 403, 422) and _CONTENT.search(words)):
            return ContentRefused(message, status=status)
        if status == 422 and kinds & _AFTER_WORK:
            return _Wasted(message, status=status)
        retry_after = retry_after_seconds(response.headers)
        retryable = response.headers.get("X-Fal-Retryable", "").lower()
        if status not in (401, 402, 403, 429) and (retryable == "true" or (status == 409 and retryable != "false")):
            return ServiceUnavailable(message, status=status, retry_after=retry_after)
        if status >= 500 and retryable == "false":
            return RequestRefused(message, status=status)
        return error_for(status, message, effect, retry_after=retry_after)


def _candidates(chosen: ImageModel, aspect: Aspect) -> list[ImageModel]:
    """Return the chosen model and then, best first, those that cost no more."""
    limit = chosen.price_of(aspect)
    others = [model for model in IMAGE_MODELS if model is not chosen and model.price_of(aspect) <= limit]
    return [chosen, *others]


def _fits(usd: float, most: float) -> bool:
    """Say whether `usd` is within `most`; beyond a millionth it is the dust of binary fractions."""
    return round(usd - most, 6) <= 0


def _media(output: Any, item: Any, task: str) -> tuple[str, str]:
    """Return the address and type of a finished file, or raise: a flagged file must not be published."""
    flags = output.get("has_nsfw_concepts") if isinstance(output, dict) else None
    if any(flags) if isinstance(flags, list) else flags:
        # The file is then a black rectangle.
        raise ContentRefused(f"fal.ai flagged the {task} as not safe for work; it is not used.", status=200)
    url = item.get("url") if isinstance(item, dict) else None
    if not isinstance(url, str) or not url:
        raise _Wasted(f"fal.ai's answer holds no {task}.", status=200)
    if not url.startswith(("http://", "https://")):
        raise _Wasted(f"fal.ai gave the {task} an address that is not http(s): {url[:40]!r}.", status=200)
    if byte_length(url) > URL_BYTES:
        size = byte_length(url)
        raise _Wasted(
            f"The address of the {task} has {size:,} bytes, but a cast can embed at most {URL_BYTES}.", status=200
        )
    return url, str(item.get("content_type") or "")


def _explain(body: Any) -> tuple[str, set[str]]:
    """Return the words and the types of an error body; never the input, which an entry of `detail` may repeat."""
    detail = body.get("detail") if isinstance(body, dict) else None
    kinds: set[str] = set()
    if isinstance(body, dict) and isinstance(body.get("error_type"), str):
        kinds.add(body["error_type"])
    if isinstance(detail, list):
        entries = [item for item in detail if isinstance(item, dict)]
        kinds |= {str(item["type"]) for item in entries if item.get("type")}
        detail = "; ".join(f"{item.get('msg', 'refused')} ({item.get('type', 'no type')})" for item in entries[:3])
    elif isinstance(detail, str) and kinds:
        detail = f"{detail} ({', '.join(sorted(kinds))})"
    return (" ".join(detail.split())[:300] if isinstance(detail, str) else ""), kinds


def _origin(parts: SplitResult) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an address without user name, or None."""
    scheme, port = parts.scheme.lower(), parts.port
    if (
        scheme not in ("http", "https")
        or not parts.hostname
        or parts.username is not None
        or parts.password is not None
    ):
        return None
    return scheme, parts.hostname, port or (443 if scheme == "https" else 80)


def _log_request_id(headers: Mapping[str, str], status: int) -> None:
    if request_id := headers.get("x-fal-request-id"):
        log.debug("fal.ai answered", extra=event("fal.answered", fal_request_id=request_id, status=status))
