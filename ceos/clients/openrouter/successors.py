"""The model that is asked when an agent names one that OpenRouter no longer lists.

The catalogue decides whether a model exists; `models.toml` knows families, their order and the dates of retirement.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources

from ceos.clients.openrouter.prices import Listing, Price, find_listing, split_variant

#: The variant without a price; only another free one may take its place.
_FREE = "free"


@dataclass(frozen=True)
class ResolvedModel:
    """The model that is asked for a named one, and one sentence about it if an operator should know."""

    named: str
    #: None when no successor is cheap enough: the agent's next model is asked.
    used: str | None
    sentence: str = ""
    is_listed: bool = True

    @property
    def is_replaced(self) -> bool:
        """True when another model, or none, is asked in the place of the named one."""
        return self.used != self.named


@dataclass(frozen=True)
class _Model:
    id: str
    price: Price
    retired: dt.date | None


@dataclass(frozen=True)
class _Family:
    pattern: re.Pattern[str]
    models: tuple[_Model, ...]


def resolve(name: str, listings: Mapping[str, Listing], max_price_factor: float) -> ResolvedModel:
    """Return the model to ask for `name`; `listings` is the catalogue by id, empty when it could not be read.

    A listed model, and an alias (`~author/family-latest`), which the service resolves, stand for themselves. Any other
    is replaced by its first listed successor whose prompt and answer each cost at most `max_price_factor` times as
    much; the variant (`:nitro`) is kept, and a `:free` model is replaced by a free one only. A model of no known family
    is asked all the same, because the service has the last word.
    """
    listing = find_listing(listings, name)
    if not listings or name.startswith("~"):
        return ResolvedModel(name, name)
    if listing is not None:
        leaves = f"OpenRouter may remove {name} after {listing.expires}." if listing.expires else ""
        return ResolvedModel(name, name, leaves)
    base, variant = split_variant(name)
    place = _place(base)
    if place is None:
        why = f"OpenRouter does not list {name}, and ceos knows no successor of it; it is asked all the same."
        return ResolvedModel(name, name, why, is_listed=False)
    family, index, model = place
    price = Price(0.0, 0.0) if variant == _FREE else model.price
    candidates = [
        (candidate, _factor(found.price, price))
        for candidate in _later(family, index, base, variant, listings)
        if (found := find_listing(listings, candidate)) is not None and found.price is not None
    ]
    subject = f"{name} (retired by its maker on {model.retired})" if model.retired else name
    return _choose(name, subject, candidates, max_price_factor)


def _choose(name: str, subject: str, candidates: list[tuple[str, float]], limit: float) -> ResolvedModel:
    used = next((candidate for candidate, factor in candidates if factor <= limit), None)
    if used is not None:
        return ResolvedModel(
            name, used, f"OpenRouter does not list {subject}; {used} takes its place.", is_listed=False
        )
    cheapest, factor = min(candidates, key=lambda pair: pair[1], default=("", math.inf))
    if math.isfinite(factor):
        # Rounded up, so that a factor just above the limit does not read like the limit.
        times = math.ceil(round(factor * 10, 6)) / 10
        successor = f"a successor within {limit:g} times its price ({cheapest} costs {times:g} times as much)"
    else:
        successor = "a free successor" if split_variant(name)[1] == _FREE else "a successor"
    return ResolvedModel(
        name, None, f"OpenRouter lists neither {subject} nor {successor}; it is left out.", is_listed=False
    )


def _place(base: str) -> tuple[_Family, int, _Model] | None:
    """Return the family of an id, the position after which its successors begin, and the member it stands for.

    An id that is not in the file (a dated or misspelt one, `claude-sonnet-4-20250514`) stands for the member that it
    begins with, which is then its own first successor.
    """
    begins: tuple[_Family, int, _Model] | None = None
    for family in _families():
        for index, model in enumerate(family.models):
            if base == model.id:
                return family, index + 1, model
            is_longer = begins is None or len(model.id) > len(begins[2].id)
            if is_longer and f"{_dashed(base)}-".startswith(f"{_dashed(model.id)}-"):
                begins = family, index, model
    return begins


def _later(family: _Family, index: int, base: str, variant: str, listings: Mapping[str, Listing]) -> Iterator[str]:
    """Yield the ids that may follow, with the variant: those of the file, then newer ones of the catalogue."""
    suffix = f":{variant}" if variant else ""
    known = {model.id for model in family.models}
    for model in family.models[index:]:
        yield model.id + suffix
    newer = (one for one in listings if one not in known and one != base and family.pattern.fullmatch(one))
    for one in sorted(newer, key=_version):
        yield one + suffix


def _version(name: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", name)]


def _dashed(name: str) -> str:
    return name.replace(".", "-")


def _factor(price: Price, base: Price) -> float:
    """Return how many times the price of `base` a price is, in the part where it is most."""
    pairs = ((price.prompt, base.prompt), (price.completion, base.completion))
    return max((new / old if old else math.inf if new else 1.0) for new, old in pairs)


@functools.cache
def _families() -> tuple[_Family, ...]:
    data = tomllib.loads((resources.files("ceos.clients.openrouter") / "models.toml").read_text(encoding="utf-8"))
    return tuple(
        _Family(
            re.compile(family["pattern"]),
            tuple(
                _Model(one["id"], Price(one["usd"][0] / 1e6, one["usd"][1] / 1e6), one.get("retired"))
                for one in family["models"]
            ),
        )
        for family in data["family"]
    )
