"""The limit on requests, counted in Redis over all workers: never more in any minute, and posts before polls."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from helpers.http_double import HttpDouble

from ceos.clients.http.rate_limit import MINUTE_MS, SECOND_MS, RateLimiter, in_background, is_in_background
from ceos.clients.neynar.client import Neynar
from ceos.domain.posts import Kind
from ceos.errors import RateLimited, StoreUnavailable
from ceos.testing import FakeRuntime


class Places:
    """The script on a real server, whose time a test can let pass."""

    def __init__(self, fake: FakeRuntime) -> None:
        self.database = fake.runtime.database
        self.now = 0
        self.granted: list[int] = []
        self._lock = threading.Lock()

    def run_script(self, name: str, *args: str | int | float) -> Any:
        """Ask for a place and note when it was granted."""
        with self._lock:
            answer = self.database.run_script(name, *args)
            if not answer:
                client: Any = self.database.client
                # Redis's own time, for real time passes as well, and more of it on a busy machine.
                self.granted.append(int(client.zscore("ceos:pace:neynar", args[1])) + self.now)
            return answer

    def sleep(self, seconds: float) -> None:
        """Let time pass, for Redis too: places get older."""
        with self._lock:
            self.now += int(seconds * 1000)
            client: Any = self.database.client
            for token, at in client.zrange("ceos:pace:neynar", 0, -1, withscores=True):
                client.zadd("ceos:pace:neynar", {token: at - int(seconds * 1000)})


@pytest.fixture
def places(fake_runtime: FakeRuntime) -> Places:
    return Places(fake_runtime)


def paced(places: Places, per_minute: int) -> RateLimiter:
    return RateLimiter(places, per_minute, "neynar", sleep=places.sleep)


def ask(pace: Callable[[], None], places: Places, count: int) -> list[int]:
    """Ask so often, waiting as long as told, and return when each place was given."""
    before = len(places.granted)
    for _ in range(count):
        while True:
            try:
                pace()
                break
            except RateLimited as error:
                assert error.retry_after is not None
                places.sleep(error.retry_after)
    return places.granted[before:]


def most_within(moments: list[int], window: int) -> int:
    """Return the largest number of moments in any window."""
    return max(sum(start <= moment < start + window for moment in moments) for start in moments)


@pytest.mark.parametrize("per_minute", [1, 5, 59, 60, 61, 300])
def test_no_minute_ever_holds_more_than_the_limit(places: Places, per_minute: int) -> None:
    moments = ask(paced(places, per_minute), places, per_minute * 2 + 3)
    assert most_within(moments, 60_000) <= per_minute
    assert most_within(moments, 1000) <= -(-per_minute // 60)
    # And the limit is used: not much slower than allowed
    whole_minutes = (len(moments) - 1) // per_minute
    assert places.now <= whole_minutes * (MINUTE_MS + 4 * SECOND_MS)


def test_workers_share_one_limit(places: Places) -> None:
    paces = [RateLimiter(places, 600, "neynar", sleep=lambda seconds: None) for _ in range(8)]
    refused = 0

    def work(pace: RateLimiter) -> int:
        try:
            pace()
        except RateLimited:
            return 1
        return 0

    with ThreadPoolExecutor(8) as pool:
        refused = sum(pool.map(work, paces * 10))
    assert len(places.granted) == 80 - refused
    assert most_within(places.granted, 1000) <= 10


def test_what_runs_in_the_background_leaves_places_to_the_others(places: Places) -> None:
    # Given four fifths of a minute's places taken half a minute ago
    pace = paced(places, 200)
    for _ in range(160):
        places.database.run_script("pace", "neynar", uuid.uuid4().hex, 200, 200, MINUTE_MS, SECOND_MS)
    places.sleep(30)
    # Then polls wait, and posts do not
    with in_background():
        assert is_in_background()
        with pytest.raises(RateLimited) as caught:
            pace()
    assert not is_in_background()
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 32
    for _ in range(40):
        pace()
    with pytest.raises(RateLimited, match="CEOS_NEYNAR_PER_MINUTE allows 200"):
        pace()


def test_the_background_is_each_threads_own() -> None:
    seen = []
    with in_background():
        thread = threading.Thread(target=lambda: seen.append(is_in_background()))
        thread.start()
        thread.join()
        with in_background():
            pass
        seen.append(is_in_background())
    assert seen == [False, True]


def test_asking_twice_with_one_token_takes_one_place(places: Places) -> None:
    for _ in range(3):
        assert places.database.run_script("pace", "neynar", "a", 2, 2, MINUTE_MS, SECOND_MS) == 0
    assert places.database.client.zcard("ceos:pace:neynar") == 1
    assert places.database.run_script("pace", "neynar", "b", 2, 2, MINUTE_MS, SECOND_MS) == 0
    assert places.database.run_script("pace", "neynar", "c", 2, 2, MINUTE_MS, SECOND_MS) > 0
    assert places.database.run_script("pace", "other", "c", 2, 2, MINUTE_MS, SECOND_MS) == 0


def test_without_a_limit_nothing_is_asked(places: Places) -> None:
    pace = paced(places, 0)
    for _ in range(1000):
        pace()
    assert places.database.client.exists("ceos:pace:neynar") == 0


def test_every_request_asks_and_every_attempt_of_it(places: Places) -> None:
    asked = []
    with HttpDouble() as http:
        neynar = Neynar("key", f"{http.url}/v2", sleep=lambda _: None, before_request=lambda: asked.append(1))
        for status in (503, 503, 200):
            http.answer({"users": []}, status=status)
        neynar.users([3])
        assert len(asked) == len(http.requests) == 3
        http.answer({"success": True})
        neynar.react("00000000-0000-4000-8000-000000001001", "like", "0x" + "1" * 40, 3, idem="a" * 16)
        assert len(asked) == len(http.requests) == 4


@pytest.mark.parametrize("error", [RateLimited("not now", retry_after=30.0), StoreUnavailable()])
def test_what_gets_no_place_does_not_leave(places: Places, error: Exception) -> None:
    def refuse() -> None:
        raise error

    with HttpDouble() as http:
        neynar = Neynar("key", f"{http.url}/v2", sleep=lambda _: None, before_request=refuse)
        with pytest.raises(type(error)):
            neynar.publish_cast("00000000-0000-4000-8000-000000001001", "gm", idem="a" * 16)
        with pytest.raises(type(error)):
            neynar.users([3])
        assert http.requests == []


def test_a_post_without_a_place_waits_and_goes_out_once(fake_runtime: FakeRuntime) -> None:
    # Given an agent whose signer is known, and a limit that is used up
    fake = fake_runtime
    fake.apply()
    fake.post(text="The first words.")
    full = [True]

    def refuse_at_first() -> None:
        if full.pop() if full else False:
            raise RateLimited("not now", status=None, retry_after=3.0)

    fake.runtime.neynar._api._before_request = refuse_at_first
    run = fake.runtime.post("ada", text="Words of my own.", kind=Kind.ORIGINAL)
    fake.step()
    # Then the run waits for as long as it was told, and nothing counts as sent
    lease = fake.runtime.database.client.hgetall(f"ceos:run:{run}")
    assert "s0" not in lease
    assert "a0" not in lease
    assert lease["why"] == "not now"
    fake.drive()
    assert fake.runtime.runs.run(run).status == "published"
    assert [one["text"] for one in fake.casts()] == ["The first words.", "Words of my own."]
