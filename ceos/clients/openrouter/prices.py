"""Models and prices: OpenRouter's catalogue, read once a day and shared by all processes."""

from __future__ import annotations

import datetime as dt
import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from ceos.clients.openrouter.reasoning import Reasoner, read_reasoner
from ceos.errors import ServiceError, ServiceUnavailable, StoreUnavailable
from ceos.logs import event

log = logging.getLogger(__name__)

#: Seconds for which a catalogue is good, also after a listed model was refused, for which a failed request is not
#: repeated, and after which a process looks whether another one has read a newer catalogue.
FRESH_SECONDS = 86_400.0
DOUBTED_SECONDS = 3600.0
FAILURE_SECONDS = 300.0
RECHECK_SECONDS = 60.0

#: Suffixes that choose among the hosts of a model that is listed without them, and the one that adds a search of the
#: web, whose price is not listed.
_ROUTING_SUFFIXES = frozenset({"nitro", "floor", "exacto", "thinking", "extended"})
_SEARCHING = "online"

#: The fields of a row that are kept.
_FIELDS = ("id", "canonical_slug", "supported_parameters", "reasoning", "expiration_date")
_PRICES = ("prompt", "completion", "request", "input_cache_read", "input_cache_write")


@dataclass(frozen=True)
class Price:
    """USD per token of the prompt, per token of the answer, and per request."""

    prompt: float
    completion: float
    request: float = 0.0
    #: USD per token of the prompt that is read from the cache of the provider, and that is written to it; None: as any
    #: other token.
    cache_read: float | None = None
    cache_write: float | None = None

    def of(self, prompt_tokens: float, completion_tokens: float, cached: float = 0, written: float = 0) -> float:
        """Return the USD of one request; `cached` and `written` are the parts of its prompt that the cache concerns."""
        read_price = self.prompt if self.cache_read is None else self.cache_read
        write_price = self.prompt if self.cache_write is None else self.cache_write
        fresh = max(prompt_tokens - cached - written, 0)
        prompt = self.prompt * fresh + read_price * cached + write_price * written
        return self.request + prompt + self.completion * completion_tokens

    def most(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return the most that a request with so many tokens can cost: the whole prompt may be written to the cache."""
        return max(self.of(prompt_tokens, completion_tokens), self.of(0, completion_tokens, written=prompt_tokens))


#: The price of an unlisted model, 15 and 75 USD per million tokens: more than nearly every model costs.
DEFAULT_PRICE = Price(prompt=15e-6, completion=75e-6)


@dataclass(frozen=True)
class Listing:
    """One model of the catalogue."""

    price: Price | None
    #: Request parameters that some host of the model understands; empty when the catalogue does not say.
    parameters: frozenset[str]
    #: The date after which OpenRouter may remove the model.
    expires: dt.date | None = None
    #: How it may be asked to reason; None when it does not take the parameter.
    reasoner: Reasoner | None = None


class SharedCatalogue(Protocol):
    """The catalogue that all processes share; every method may raise `StoreUnavailable`."""

    def load_newer(self, than: float) -> tuple[float, Any] | None:
        """Return the stored catalogue with the time of its reading (seconds since 1970), if it is newer."""
        ...

    def save(self, at: float, body: Any) -> None:
        """Store a catalogue that was read at this time."""
        ...

    def claim_refresh(self) -> bool:
        """Claim the next reading; return False while another process reads."""
        ...


class Catalogue:
    """The models and their prices as of at most a day ago.

    One thread fetches; the others use the cached catalogue, and wait only when there is none. `clock` returns seconds
    since 1970. A catalogue that cannot be renewed stays in use.
    """

    def __init__(
        self,
        fetch: Callable[[], Any],
        *,
        shared: SharedCatalogue | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._fetch = fetch
        self._shared = shared
        self._clock = clock
        self._lock = threading.Lock()
        self._listings: Mapping[str, Listing] = {}
        self._read_at = -math.inf
        self._is_doubted = False
        self._due = -math.inf

    def price(self, model: str) -> Price:
        """Return the price of a model, or `DEFAULT_PRICE` without an entry or a catalogue; never fails."""
        listing = find_listing(self.listings(), model)
        if listing is None or listing.price is None or split_variant(model)[1] == _SEARCHING:
            return DEFAULT_PRICE
        return listing.price

    def lacks(self, model: str, parameter: str) -> bool:
        """Say whether the catalogue is sure that no host of `model` understands `parameter`; never fetches."""
        listing = find_listing(self._listings, model)
        return listing is not None and bool(listing.parameters) and parameter not in listing.parameters

    def reasoner(self, model: str) -> Reasoner | None:
        """Return how a model may be asked to reason; None when it is not known to take `reasoning`; never fetches."""
        listing = find_listing(self._listings, model)
        return listing.reasoner if listing else None

    def listings(self, *, may_fetch: bool = True) -> Mapping[str, Listing]:
        """Return the models by id and by dated id; empty when they are not known. Never fails.

        Without `may_fetch` only the catalogue that processes share is read.
        """
        if not may_fetch and not self._listings:
            self._load_shared()
        if not may_fetch or self._clock() < self._due:
            return self._listings
        if self._lock.acquire(blocking=not self._listings):
            try:
                if self._clock() >= self._due:
                    self._renew()
            finally:
                self._lock.release()
        return self._listings

    def doubt(self, model: str) -> None:
        """Have the catalogue read again, at most once an hour, because a model that it lists was refused."""
        if find_listing(self._listings, model) and self._clock() - self._read_at >= DOUBTED_SECONDS:
            self._is_doubted, self._due = True, -math.inf

    def refresh(self) -> None:
        """Read the catalogue now; raises a `ServiceError` when it cannot be read."""
        with self._lock:
            self._read()

    def _renew(self) -> None:
        self._load_shared()
        wait = RECHECK_SECONDS
        is_old = self._clock() - self._read_at >= (DOUBTED_SECONDS if self._is_doubted else FRESH_SECONDS)
        if is_old and (self._claim() or not self._listings):
            try:
                self._read()
            except ServiceError as error:
                wait = FAILURE_SECONDS
                log.warning("Model prices unknown", extra=event("openrouter.prices_unknown", reason=str(error)))
        # Only now: until then, threads without a catalogue wait for this one.
        self._due = self._clock() + wait

    def _read(self) -> None:
        body = _reduced(self._fetch())
        if not body["data"]:
            raise ServiceUnavailable("OpenRouter lists no models.", status=200)
        self._use(self._clock(), body)
        if self._shared is not None:
            with suppress(StoreUnavailable):
                self._shared.save(self._read_at, body)

    def _load_shared(self) -> None:
        with suppress(StoreUnavailable):
            found = self._shared.load_newer(self._read_at) if self._shared else None
            if found is not None:
                self._use(*found)

    def _claim(self) -> bool:
        with suppress(StoreUnavailable):
            return self._shared is None or self._shared.claim_refresh()
        return True

    def _use(self, at: float, body: Any) -> None:
        self._listings, self._read_at, self._is_doubted = _listings(body), at, False


def split_variant(model: str) -> tuple[str, str]:
    """Return an id without its variant, and the variant: ("openai/gpt-4o-mini", "nitro")."""
    base, _, variant = model.partition(":")
    return base, variant


def find_listing(listings: Mapping[str, Listing], model: str) -> Listing | None:
    """Return the entry of a model, also under the name of a variant that is not listed apart."""
    base, variant = split_variant(model)
    return listings.get(model) or (listings.get(base) if variant in {*_ROUTING_SUFFIXES, _SEARCHING} else None)


def _reduced(body: Any) -> dict[str, Any]:
    """Return a catalogue with the fields that are used; rows without an id are left out."""
    rows = body.get("data") if isinstance(body, dict) else None
    data = []
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and isinstance(row.get("id"), str):
            pricing = row.get("pricing")
            prices = {key: pricing.get(key) for key in _PRICES} if isinstance(pricing, dict) else None
            data.append({key: row.get(key) for key in _FIELDS} | {"pricing": prices})
    return {"data": data}


def _listings(body: Mapping[str, Any]) -> dict[str, Listing]:
    """Return the entries of a reduced catalogue by id and by dated id."""
    listings: dict[str, Listing] = {}
    dated: dict[str, Listing] = {}
    for row in body["data"]:
        parameters = row.get("supported_parameters")
        listing = Listing(
            price=_read_price(row.get("pricing")),
            parameters=frozenset(map(str, parameters)) if isinstance(parameters, list) else frozenset(),
            expires=_read_date(row.get("expiration_date")),
            reasoner=read_reasoner(row),
        )
        listings[row["id"]] = listing
        # The dated id of a variant is that of the model itself, which may be gone while the variant stays.
        if isinstance(row.get("canonical_slug"), str) and not split_variant(row["id"])[1]:
            dated.setdefault(row["canonical_slug"], listing)
    return dated | listings


def _read_price(pricing: Any) -> Price | None:
    if not isinstance(pricing, dict):
        return None
    prompt, completion = amount(pricing.get("prompt")), amount(pricing.get("completion"))
    if prompt is None or completion is None:
        return None
    return Price(
        prompt,
        completion,
        amount(pricing.get("request")) or 0.0,
        cache_read=amount(pricing.get("input_cache_read")),
        cache_write=amount(pricing.get("input_cache_write")),
    )


def _read_date(value: Any) -> dt.date | None:
    try:
        return dt.date.fromisoformat(str(value)[:10]) if value else None
    except ValueError:
        return None


def amount(value: Any) -> float | None:
    """Return a sum of money given as number or string, or None; negative ones ("-1": it depends) say nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None
