"""Prices of models: OpenRouter's catalogue, fetched once an hour and shared by all threads of the process."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ceos.errors import NotFound, ServiceError
from ceos.logs import event

log = logging.getLogger(__name__)

#: Seconds for which a fetched catalogue is good, and for which a failed fetch is not tried again.
FRESH_SECONDS = 3600.0
FAILURE_SECONDS = 300.0

#: Suffixes that choose among the hosts of a model that is listed without them.
_ROUTING_SUFFIXES = frozenset({"nitro", "floor", "exacto", "thinking", "extended"})


@dataclass(frozen=True)
class Price:
    """USD per token of the prompt, per token of the answer, and per request."""

    prompt: float
    completion: float
    request: float = 0.0

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return the USD of one request with so many tokens."""
        return self.request + self.prompt * prompt_tokens + self.completion * completion_tokens


#: The price of an unlisted model, 15 and 75 USD per million tokens: more than nearly every model costs.
DEFAULT_PRICE = Price(prompt=15e-6, completion=75e-6)


@dataclass(frozen=True)
class _Entry:
    price: Price | None
    #: Request parameters that some host of the model understands; empty when the catalogue does not say.
    parameters: frozenset[str]


class Catalogue:
    """The models and their prices as of at most an hour ago.

    One thread fetches; the others use the cached prices, and wait only when there are none.
    """

    def __init__(self, fetch: Callable[[], Any], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: Mapping[str, _Entry] = {}
        self._due = -math.inf
        self._failure: ServiceError | None = None

    def price(self, model: str) -> Price:
        """Return the price of a model, or `DEFAULT_PRICE` without an entry or a catalogue; never fails."""
        entry = _find(self._current(), model)
        return entry.price if entry and entry.price else DEFAULT_PRICE

    def lacks(self, model: str, parameter: str) -> bool:
        """Say whether the catalogue is sure that no host of `model` understands `parameter`; never fetches."""
        entry = _find(self._entries, model)
        return entry is not None and bool(entry.parameters) and parameter not in entry.parameters

    def missing(self, names: list[str]) -> list[str]:
        """Return those of `names` that the catalogue does not list; raises a `ServiceError` when there is none.

        An alias (`~author/family-latest`) counts as listed: the service resolves it.
        """
        entries = self._current()
        if not entries:
            raise self._failure or NotFound("OpenRouter lists no models.")
        return [name for name in names if not name.startswith("~") and _find(entries, name) is None]

    def _current(self) -> Mapping[str, _Entry]:
        if self._clock() < self._due:
            return self._entries
        if self._lock.acquire(blocking=not self._entries):
            try:
                if self._clock() >= self._due:
                    self._refresh()
            finally:
                self._lock.release()
        return self._entries

    def _refresh(self) -> None:
        try:
            self._entries = _read(self._fetch()) or self._entries
            self._failure = None
            self._due = self._clock() + FRESH_SECONDS
        except ServiceError as error:
            self._failure = error
            self._due = self._clock() + FAILURE_SECONDS
            log.warning("Model prices unknown", extra=event("openrouter.prices_unknown", reason=str(error)))


def _find(entries: Mapping[str, _Entry], model: str) -> _Entry | None:
    found = entries.get(model)
    base, _, suffix = model.rpartition(":")
    return entries.get(base) if found is None and suffix in _ROUTING_SUFFIXES else found


def _read(body: Any) -> dict[str, _Entry]:
    """Return the entries of a catalogue by id and by dated id; rows that make no sense are left out."""
    rows = body.get("data") if isinstance(body, dict) else None
    entries: dict[str, _Entry] = {}
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict) or not isinstance(row.get("id"), str):
            continue
        parameters = row.get("supported_parameters")
        entry = _Entry(
            price=_read_price(row.get("pricing")),
            parameters=frozenset(map(str, parameters)) if isinstance(parameters, list) else frozenset(),
        )
        entries[row["id"]] = entry
        if isinstance(row.get("canonical_slug"), str):
            entries.setdefault(row["canonical_slug"], entry)
    return entries


def _read_price(pricing: Any) -> Price | None:
    if not isinstance(pricing, dict):
        return None
    prompt, completion = amount(pricing.get("prompt")), amount(pricing.get("completion"))
    if prompt is None or completion is None:
        return None
    return Price(prompt, completion, amount(pricing.get("request")) or 0.0)


def amount(value: Any) -> float | None:
    """Return a sum of money given as number or string, or None; negative ones ("-1": it depends) say nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None
