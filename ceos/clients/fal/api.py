"""fal.ai's HTTP: three shapes of error, its hints on repeating, and the id of every request."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

import requests
import urllib3

from ceos.clients.http.api import Answer, Api, Effect, error_for, read_body, retry_after_seconds
from ceos.errors import KeyRefused, RequestRefused, ServiceError, ServiceUnavailable
from ceos.logs import event, redact

log = logging.getLogger(__name__)

#: A cast outlives the week that fal.ai keeps files by default; null means for ever.
KEEP = {"X-Fal-Object-Lifecycle-Preference": '{"expiration_duration_seconds": null}'}

#: Failures that come after the work was done; a 422 of another type found fault with the request before any work.
_AFTER_WORK = {"no_media_generated", "generation_timeout", "internal_server_error", "downstream_service_error"}
#: An account without money is locked; with which status is not documented.
_LOCKED = re.compile(r"exhausted balance|user is locked|account is locked", re.IGNORECASE)
_CONTENT = re.compile(r"content[ _]policy|nsfw|safety checker", re.IGNORECASE)


class ContentRefused(RequestRefused):
    """fal.ai flagged the prompt or the result; nothing of it may be published."""


class Wasted(RequestRefused):
    """The request failed after work that may be charged."""


class FalApi(Api):
    """One of fal.ai's addresses, with its three shapes of error and its hints on repeating."""

    def __init__(self, url: str, key: str | None, sleep: Callable[[float], None]) -> None:
        super().__init__(
            "fal.ai",
            url,
            key=key,
            key_variable="FAL_KEY",
            headers=lambda secret: {"Authorization": f"Key {secret}"},
            sleep=sleep,
        )

    def call(self, method: str, path: str, **options: Any) -> Answer:
        """Send one request and log fal.ai's id of it; for the rest as `Api.call`."""
        answer = super().call(method, path, **options)
        _log_request_id(answer.headers, answer.status)
        return answer

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
        if "content_policy_violation" in kinds or (status in (400, 403, 422) and is_about_content(words)):
            return ContentRefused(message, status=status)
        if status == 422 and kinds & _AFTER_WORK:
            return Wasted(message, status=status)
        retry_after = retry_after_seconds(response.headers)
        retryable = response.headers.get("X-Fal-Retryable", "").lower()
        may_pass = retryable == "true" or (status == 409 and retryable != "false")
        # A write of unknown outcome stays one, even if the header allows a repetition.
        if effect != "write" and status not in (401, 402, 403, 429) and may_pass:
            return ServiceUnavailable(message, status=status, retry_after=retry_after)
        if effect != "write" and status >= 500 and retryable == "false":
            return RequestRefused(message, status=status)
        return error_for(status, message, effect, retry_after=retry_after)


def is_about_content(words: str) -> bool:
    """Say whether an error is about the content of a prompt or a result."""
    return _CONTENT.search(words) is not None


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


def _log_request_id(headers: Mapping[str, str], status: int) -> None:
    if request_id := headers.get("x-fal-request-id"):
        log.debug("fal.ai answered", extra=event("fal.answered", fal_request_id=request_id, status=status))
