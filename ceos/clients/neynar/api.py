"""The requests of the Neynar client: errors in its words, and rows and pages as records."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import requests
import urllib3
from pydantic import ValidationError

from ceos.clients.http.api import ATTEMPTS, Api, Effect, error_for, explain, read_body, retry_after_seconds
from ceos.clients.neynar.types import Page, Record
from ceos.errors import OutcomeUnknown, RequestRefused, ServiceError, ServiceUnavailable
from ceos.logs import event, redact

#: Seconds that a publish may take after connecting.
PUBLISH_SECONDS = 20.0

log = logging.getLogger(__name__)

_R = TypeVar("_R", bound=Record)

_SIGNER_HINT = "If it is the signer that was refused: it must be approved and belong to this API key."


class NeynarApi(Api):
    """Sends requests to Neynar and reads their answers."""

    def write(
        self, method: str, path: str, body: Mapping[str, Any], task: str, *, attempts: int = ATTEMPTS
    ) -> dict[str, Any]:
        """Carry out a write and return its answer; raises `OutcomeUnknown` for an unreadable one."""
        answer = self.call(
            method, path, task=task, effect="write", body=body, seconds=PUBLISH_SECONDS, attempts=attempts
        ).body
        if not isinstance(answer, dict):
            raise OutcomeUnknown(f"Neynar gave an unreadable answer when asked to {task}.", status=200)
        return answer

    def do(self, method: str, path: str, body: Mapping[str, Any], task: str) -> None:
        """Carry out a write whose answer says only whether it succeeded."""
        answer = self.write(method, path, body, task)
        if answer.get("success") is False:
            words = redact(explain(answer))
            raise RequestRefused(f"Neynar refused to {task}" + (f": {words}" if words else "."), status=200)

    def get(self, path: str, params: Mapping[str, Any], task: str) -> dict[str, Any]:
        """Return the object that a read answers."""
        body = self.call("GET", path, task=task, effect="read", params=params).body
        if not isinstance(body, dict):
            raise unreadable(task, "the answer is not an object")
        return body

    def lookup(self, path: str, params: Mapping[str, Any], task: str) -> dict[str, Any] | None:
        """Return an answer, or None for 404."""
        try:
            return self.get(path, params, task)
        except RequestRefused as error:
            if error.status == 404:
                return None
            raise

    def page(
        self,
        record: type[_R],
        path: str,
        params: Mapping[str, Any],
        key: str,
        task: str,
        *,
        skips_unreadable: bool = False,
    ) -> Page[_R]:
        """Return a page of records and the cursor of the next one."""
        body = self.get(path, params, task)
        rows = self.rows(record, body, key, task, skips_unreadable=skips_unreadable)
        return Page(items=tuple(rows), cursor=cursor_of(body))

    def rows(self, record: type[_R], body: Any, key: str, task: str, *, skips_unreadable: bool = False) -> Iterator[_R]:
        """Yield the records of a list; an unreadable one is left out or refuses the answer."""
        if body is None:
            return
        rows = body.get(key) if isinstance(body, dict) else None
        if not isinstance(rows, list):
            raise unreadable(task, f"it holds no list {key!r}")
        for row in rows:
            try:
                yield read_record(record, row, task)
            except ServiceUnavailable as error:
                if not skips_unreadable:
                    raise
                log.info("Part of an answer was left out", extra=event("neynar.unreadable", error=str(error)))

    def _error(self, response: requests.Response, task: str, effect: Effect, deadline: float) -> ServiceError:
        try:
            body = json.loads(read_body(response, deadline))
        except (ValueError, RecursionError, requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            body = None
        code = str(body.get("code") or "") if isinstance(body, dict) else ""
        words = redact(_explain(body))
        status = response.status_code
        message = f"Neynar answered {status} when asked to {task}" + (f": {words}" if words else ".")
        if effect == "write" and status in (403, 404):
            message = f"{message.rstrip('.')}. {_SIGNER_HINT}"
        if status == 400 and "bad_request.duplicate" in (code + words).lower():
            # The very same message is there already; which cast it became has to be looked up.
            return OutcomeUnknown(message, status=status)
        if status == 400 and "bad_request.rate_limited" in (code + words).lower():
            status = 429
        return error_for(status, message, effect, retry_after=retry_after_seconds(response.headers))


def _explain(body: Any) -> str:
    """Return Neynar's own words and, of a validation error, its fields; never their values."""
    errors = body.get("errors") if isinstance(body, dict) else None
    paths = [item.get("path") for item in errors if isinstance(item, dict)] if isinstance(errors, list) else []
    fields = ", ".join(".".join(map(str, path)) for path in paths[:5] if isinstance(path, list))
    return explain(body) + (f" ({fields})" if fields else "")


def read_record(record: type[_R], data: Any, task: str) -> _R:
    try:
        return record.model_validate(data)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, item["loc"])) or "the answer" for item in error.errors()}))
        raise unreadable(task, f"cannot make sense of {fields}") from None


def cursor_of(body: Mapping[str, Any]) -> str | None:
    """Return the cursor of the page after an answer, or None at the end of the list."""
    following = body.get("next")
    cursor = following.get("cursor") if isinstance(following, dict) else None
    return cursor if isinstance(cursor, str) and cursor else None


def unreadable(task: str, why: str) -> ServiceUnavailable:
    """Return the error for an answer that does not hold what was asked for."""
    return ServiceUnavailable(f"Neynar gave an unreadable answer when asked to {task}: {why}.", status=200)
