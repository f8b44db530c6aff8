"""The successors of models that OpenRouter no longer lists, and the catalogue that processes share."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from ceos.clients.openrouter.prices import Catalogue, Listing, Price
from ceos.clients.openrouter.successors import resolve
from ceos.errors import ServiceUnavailable, StoreUnavailable
from ceos.simulator.openrouter.catalogue import MODELS

SONNET = "anthropic/claude-sonnet-4"
SONNET_PRICE = Price(3e-6, 15e-6, cache_read=0.3e-6, cache_write=3.75e-6)
GEMINI = "google/gemini-2.0-flash-001"
LLAMA = "meta-llama/llama-3.3-70b-instruct"


def body(*gone: str, **added: tuple[str, str]) -> dict[str, Any]:
    """Return the simulator's catalogue without the models `gone` and with others at their prices per token."""
    rows = [model.wire() for model in MODELS.values() if model.id not in gone]
    rows += [
        {"id": name.replace("__", "/"), "pricing": {"prompt": prompt, "completion": completion}}
        for name, (prompt, completion) in added.items()
    ]
    return {"data": rows}


def listings(*gone: str, **added: tuple[str, str]) -> Any:
    return Catalogue(lambda: body(*gone, **added)).listings()


@pytest.mark.parametrize(
    ("name", "gone", "factor", "used"),
    [
        pytest.param(SONNET, (), 1.5, SONNET, id="listed, whatever its maker says"),
        pytest.param(SONNET, (SONNET,), 1.5, f"{SONNET}.5", id="the next of its family"),
        pytest.param(SONNET, (SONNET, f"{SONNET}.5"), 1.5, f"{SONNET}.6", id="the next that is listed"),
        pytest.param(f"{SONNET}.6", (f"{SONNET}.6",), 1.0, "anthropic/claude-sonnet-5", id="a cheaper one"),
        pytest.param(f"{SONNET}:nitro", (SONNET,), 1.5, f"{SONNET}.5:nitro", id="the variant is kept"),
        pytest.param(f"{SONNET}:online", (), 1.5, f"{SONNET}:online", id="a variant that is not listed apart"),
        pytest.param(f"{SONNET}-20250514", (), 1.5, SONNET, id="a dated id stands for its model"),
        pytest.param(f"{SONNET}-20250514", (SONNET,), 1.5, f"{SONNET}.5", id="and for its successor"),
        pytest.param("anthropic/claude-sonnet-4-6", (), 1.5, f"{SONNET}.6", id="written as its maker does"),
        pytest.param("openai/gpt-4o-mini-2024-07-18", (), 1.5, "openai/gpt-4o-mini-2024-07-18", id="a listed date"),
        pytest.param(GEMINI, (GEMINI,), 1.5, "google/gemini-2.5-flash-lite", id="not the next, which costs six times"),
        pytest.param(GEMINI, (GEMINI,), 7, "google/gemini-2.5-flash", id="the next within a higher factor"),
        pytest.param(GEMINI, (GEMINI, "google/gemini-2.5-flash-lite"), 1.5, None, id="none within the factor"),
        pytest.param(LLAMA, (LLAMA,), 1.5, None, id="none listed"),
        pytest.param(f"{LLAMA}:free", (), 1.5, f"{LLAMA}:free", id="a free model"),
        pytest.param(f"{LLAMA}:free", (f"{LLAMA}:free",), 100, None, id="a free model never becomes a paid one"),
        pytest.param(LLAMA, (LLAMA,), 100, None, id="and a paid one is not replaced by its free variant"),
        pytest.param("nobody/nothing-9", (), 1.5, "nobody/nothing-9", id="of no family: the service has the last word"),
        pytest.param("~anthropic/claude-sonnet-latest", (SONNET,), 1.5, "~anthropic/claude-sonnet-latest", id="alias"),
    ],
)
def test_a_model_is_asked_or_its_successor(name: str, gone: tuple[str, ...], factor: float, used: str | None) -> None:
    found = resolve(name, listings(*gone), factor)
    assert (found.named, found.used) == (name, used)
    assert bool(found.sentence) is (not found.is_listed)


def test_models_newer_than_the_file_are_successors_too() -> None:
    old = {one for one in MODELS if one.startswith("anthropic/claude-sonnet")}
    newer = {
        "anthropic__claude-sonnet-10": ("0.000003", "0.000015"),
        "anthropic__claude-sonnet-6": ("0.000003", "0.000015"),
        "anthropic__claude-sonnet-5.5": ("0.000009", "0.000045"),
        "anthropic__claude-sonnet-6-image": ("0", "0"),
    }
    assert resolve(SONNET, listings(*old, **newer), 1.5).used == "anthropic/claude-sonnet-6"


def test_sentences_name_the_model_the_date_and_the_consequence() -> None:
    assert resolve(SONNET, listings(SONNET), 1.5).sentence == (
        "OpenRouter does not list anthropic/claude-sonnet-4 (retired by its maker on 2026-06-15); "
        "anthropic/claude-sonnet-4.5 takes its place."
    )
    assert resolve(GEMINI, listings(GEMINI, "google/gemini-2.5-flash-lite"), 1.5).sentence == (
        "OpenRouter lists neither google/gemini-2.0-flash-001 (retired by its maker on 2026-06-01) nor a successor "
        "within 1.5 times its price (google/gemini-3.1-flash-lite costs 3.8 times as much); it is left out."
    )
    assert resolve("a/b", listings(), 1.5).sentence == (
        "OpenRouter does not list a/b, and ceos knows no successor of it; it is asked all the same."
    )


def test_without_a_catalogue_every_model_stands_for_itself() -> None:
    assert resolve("google/gemini-1.0", {}, 1.5).used == "google/gemini-1.0"


def test_a_listed_model_that_is_about_to_go_is_asked_and_announced() -> None:
    rows = body()
    rows["data"][0]["expiration_date"] = "2026-12-15"
    found = resolve(SONNET, Catalogue(lambda: rows).listings(), 1.5)
    assert (found.used, found.is_listed) == (SONNET, True)
    assert found.sentence == "OpenRouter may remove anthropic/claude-sonnet-4 after 2026-12-15."


def test_the_dated_id_of_a_free_variant_does_not_stand_for_a_paid_model() -> None:
    assert LLAMA not in listings(LLAMA)
    assert f"{LLAMA}:free" in listings(LLAMA)


class Shared:
    """A place that processes share, and that may fail."""

    def __init__(self) -> None:
        self.found: tuple[float, Any] | None = None
        self.is_claimed = False
        self.fails = False

    def load_newer(self, than: float) -> tuple[float, Any] | None:
        if self.fails:
            raise StoreUnavailable
        return self.found if self.found and self.found[0] > than else None

    def save(self, at: float, body: Any) -> None:
        if self.fails:
            raise StoreUnavailable
        self.found, self.is_claimed = (at, body), False

    def claim_refresh(self) -> bool:
        if self.fails:
            raise StoreUnavailable
        was_claimed, self.is_claimed = self.is_claimed, True
        return not was_claimed


class Clock:
    begin = 1_800_000_000.0

    def __init__(self) -> None:
        self.now = self.begin

    def __call__(self) -> float:
        return self.now


def test_processes_read_the_catalogue_once_a_day_between_them() -> None:
    shared, clock, reads = Shared(), Clock(), []

    def fetch() -> Any:
        reads.append(clock.now)
        return body()

    processes = [Catalogue(fetch, shared=shared, clock=clock) for _ in range(3)]
    for _ in range(25):
        for one in processes:
            assert one.price(SONNET) == SONNET_PRICE
        clock.now += 3600
    assert len(reads) == 2


def test_a_process_learns_what_another_one_has_read() -> None:
    shared, clock = Shared(), Clock()
    worker = Catalogue(body, shared=shared, clock=clock)
    assert SONNET in worker.listings()
    clock.now += 120
    Catalogue(lambda: body(SONNET), shared=shared, clock=clock).refresh()
    clock.now += 120
    assert SONNET not in worker.listings()


def test_a_process_without_a_catalogue_reads_it_although_another_one_is_reading() -> None:
    shared = Shared()
    shared.is_claimed = True
    assert Catalogue(body, shared=shared).price(SONNET) == SONNET_PRICE


def test_a_catalogue_works_without_redis_and_without_openrouter() -> None:
    shared, clock = Shared(), Clock()
    shared.fails = True
    assert SONNET in Catalogue(body, shared=shared, clock=clock).listings()

    def fail() -> Any:
        raise ServiceUnavailable

    catalogue = Catalogue(fail, shared=shared, clock=clock)
    assert catalogue.listings() == {}
    with pytest.raises(ServiceUnavailable):
        catalogue.refresh()


def test_what_may_not_be_fetched_is_read_from_redis_alone() -> None:
    shared, forbidden = Shared(), threading.Event()
    catalogue = Catalogue(forbidden.set, shared=shared)
    assert catalogue.listings(may_fetch=False) == {}
    Catalogue(body, shared=shared).refresh()
    assert isinstance(catalogue.listings(may_fetch=False)[SONNET], Listing)
    assert not forbidden.is_set()


def test_a_refused_model_has_the_catalogue_read_again_at_most_once_an_hour() -> None:
    clock, reads = Clock(), []

    def fetch() -> Any:
        reads.append(clock.now)
        return body(*([SONNET] if len(reads) > 1 else []))

    catalogue = Catalogue(fetch, shared=Shared(), clock=clock)
    for minutes, count in ((0, 1), (59, 1), (61, 2), (62, 2)):
        clock.now = Clock.begin + 60 * minutes
        catalogue.listings()
        catalogue.doubt(SONNET)
        catalogue.listings()
        assert len(reads) == count, minutes
    assert SONNET not in catalogue.listings()


def test_an_empty_catalogue_is_no_catalogue() -> None:
    with pytest.raises(ServiceUnavailable, match="lists no models"):
        Catalogue(lambda: {"data": []}).refresh()
