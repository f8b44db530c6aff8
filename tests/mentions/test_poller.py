"""The poller on a real server: in any order, overlap, restart or malformed input, each cast is received once."""

from __future__ import annotations

import datetime as dt
import json
import logging
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from helpers.terminal import Terminal, terminal

import ceos
from ceos.clients.http.rate_limit import LocallyRateLimited
from ceos.clients.neynar.types import FeedCast, Notification, Page
from ceos.domain.agent import Agent
from ceos.domain.lifecycle import RunStatus, Stage
from ceos.errors import RateLimited, RequestRefused, ServiceError, ServiceUnavailable
from ceos.mentions import poller as poller_module
from ceos.mentions import store as store_module
from ceos.mentions.poller import MentionPoller
from ceos.runs.ids import RunId
from ceos.runs.lease import Lease
from ceos.storage.agents import poll_offset
from ceos.testing import FakeRuntime, make_agent

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
LISTENS = {"enabled": True}
YEARLY = {"cron": "0 0 1 1 *", "jitter_seconds": 0}


def hash_of(number: int) -> str:
    return f"0x{number:040x}"


def mention_run(number: int) -> str:
    return str(RunId.mention("ada", hash_of(number)))


def cast(number: int, *, at: dt.datetime = NOON, author: int = 77, **fields: Any) -> dict[str, Any]:
    """A cast as Neynar sends it."""
    return {
        "object": "cast",
        "hash": hash_of(number),
        "text": f"@ada what about number {number}?",
        "timestamp": at.isoformat(),
        "author": {"object": "user", "fid": author, "username": f"user{author}", "score": 0.9},
        "embeds": [],
        **fields,
    }


def note(number: int, *, kind: str = "mention", at: dt.datetime = NOON, **fields: Any) -> dict[str, Any]:
    """A notification as Neynar sends it."""
    return {"object": "notification", "type": kind, "most_recent_timestamp": at.isoformat(), "seen": False} | {
        "cast": cast(number, at=at, **fields)
    }


class Feed:
    """Neynar's notifications and casts, from a list that the test keeps, newest first."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.full: list[dict[str, Any]] = []
        self.errors: list[ServiceError] = []
        self.asked: list[str | None] = []
        self.looked_up: list[str] = []

    def notifications(
        self, fid: int, kinds: Sequence[str], limit: int, cursor: str | None = None
    ) -> Page[Notification]:
        """One page; the cursor names the last row of the page before it."""
        self.asked.append(cursor)
        if self.errors:
            raise self.errors.pop(0)
        start = next(i for i, row in enumerate(self.rows) if str(id(row)) == cursor) + 1 if cursor else 0
        page = self.rows[start : start + limit]
        following = str(id(page[-1])) if len(self.rows) > start + limit else None
        return Page[Notification](items=tuple(map(Notification.model_validate, page)), cursor=following)

    def full_casts(self, hashes: Sequence[str]) -> dict[str, FeedCast]:
        """The casts of `full`."""
        self.looked_up += hashes
        return {row["hash"]: FeedCast.model_validate(row) for row in self.full if row["hash"] in hashes}


@pytest.fixture(name="terminal")
def terminal_fixture(fake: FakeRuntime, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    with terminal(capsys) as command_line:
        yield command_line


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def fake(fake_runtime: FakeRuntime, feed: Feed) -> Iterator[FakeRuntime]:
    """A runtime with one agent that listens since 11:00, and whose notifications are the test's."""
    fake_runtime.clock.set(NOON - dt.timedelta(hours=1))
    fake_runtime.apply(engagement=LISTENS, schedule=YEARLY)
    fake_runtime.clock.set(NOON)
    fake_runtime.runtime.mention_poller = listener(fake_runtime, feed)
    yield fake_runtime


def listener(fake: FakeRuntime, feed: Feed) -> MentionPoller:
    """A new process, as it were."""
    runtime = fake.runtime
    return MentionPoller(runtime.agents, runtime.mention_store, feed, runtime.plugins, runtime.clock)  # type: ignore[arg-type]


def ada(fake: FakeRuntime) -> Agent:
    return fake.runtime.agents.agent("ada")


def taken(fake: FakeRuntime, agent: str = "ada") -> list[str]:
    """The hashes of the casts that have runs, in the order of opening."""
    return [run.slot.removeprefix("r:") for run in reversed(fake.runtime.mention_store.mention_runs(agent, 200))]


def minutes(count: float) -> dt.timedelta:
    return dt.timedelta(minutes=count)


def begin(fake: FakeRuntime, run: str, stage: Stage = Stage.WRITE) -> Lease:
    lease = fake.runtime.ledger.begin_stage(run, stage)
    assert lease is not None
    return lease


def end(fake: FakeRuntime, run: str, status: RunStatus = RunStatus.IGNORED) -> None:
    """Decide about a mention, as a worker does."""
    fake.runtime.ledger.finish_run(begin(fake, run), status, "a reason")


def called(fake: FakeRuntime) -> list[str]:
    """The runs a scheduler would call now."""
    fake.wake()
    return [run for run, _ in fake.runtime.ledger.claim_due_runs()]


# Taking


def test_a_cast_becomes_a_run_with_its_words(fake: FakeRuntime) -> None:
    given = FeedCast.model_validate(
        cast(1, parent_hash=hash_of(9), thread_hash=hash_of(8), embeds=[{"url": "https://example.org/a.png"}])
    )
    assert fake.runtime.mention_poller.receive_cast(ada(fake), given, "reply") == "opened"
    run = fake.runtime.runs.run(mention_run(1))
    assert (run.status, run.slot) == (RunStatus.PLANNED, f"r:{hash_of(1)}")
    mention = fake.runtime.mention_store.mention(run.id)
    assert mention is not None
    assert (mention.author_fid, mention.author_name, mention.author_score) == (77, "user77", 0.9)
    assert (mention.parent, mention.thread, mention.kind) == (hash_of(9), hash_of(8), "reply")
    assert (mention.text, mention.at) == ("@ada what about number 1?", NOON)
    assert mention.embeds == ("https://example.org/a.png",)
    assert fake.runtime.runs.recent_runs("ada") == [], "mentions do not push posts out of the list"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (cast(1, author=1001), "own"),
        (cast(1, at=NOON - minutes(61)), "old"),
        (cast(1, at=NOON - minutes(60) - dt.timedelta(seconds=1)), "old"),
        (cast(1, at=NOON - minutes(60)), "opened"),
        (cast(1, at=NOON - minutes(59)), "opened"),
        (cast(1, at=NOON + minutes(9)), "opened"),
        (cast(1) | {"author": None}, "ignored"),
    ],
)
def test_what_becomes_of_a_cast(fake: FakeRuntime, given: dict[str, Any], expected: str) -> None:
    assert fake.runtime.mention_poller.receive_cast(ada(fake), FeedCast.model_validate(given), "mention") == expected


def test_a_cast_is_taken_once_however_many_report_it_at_once(fake: FakeRuntime) -> None:
    given, agent = FeedCast.model_validate(cast(1)), ada(fake)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: fake.runtime.mention_poller.receive_cast(agent, given, "mention"), range(40)))
    assert sorted(answers) == ["known"] * 39 + ["opened"]
    assert fake.runtime.mention_store.counts() == {"open": 1, "opened": 1}


def test_a_cast_stays_known_after_its_record_has_expired(fake: FakeRuntime) -> None:
    given = FeedCast.model_validate(cast(1))
    fake.runtime.mention_poller.receive_cast(ada(fake), given, "mention")
    run = mention_run(1)
    end(fake, run)
    fake.runtime.database.client.delete(f"ceos:run:{run}", f"ceos:mention:{run}", "ceos:mentions:ada")
    assert fake.runtime.mention_poller.receive_cast(ada(fake), given, "mention") == "known"


def test_an_agent_that_does_not_listen_takes_nothing(fake: FakeRuntime) -> None:
    given = FeedCast.model_validate(cast(1))
    deaf = fake.apply(id="ben", fid=1002)
    assert fake.runtime.mention_poller.receive_cast(deaf, given, "mention") == "off"
    gone = fake.apply(id="cleo", fid=1003, engagement=LISTENS)
    fake.runtime.remove("cleo")
    assert fake.runtime.mention_poller.receive_cast(gone, given, "mention") == "missing"
    assert fake.runtime.database.client.keys("ceos:run:*") == []


def test_two_agents_each_take_a_cast_that_concerns_both(fake: FakeRuntime) -> None:
    ben = fake.apply(id="ben", fid=1002, engagement=LISTENS)
    given = FeedCast.model_validate(cast(1, at=NOON + minutes(1)))
    assert [fake.runtime.mention_poller.receive_cast(agent, given, "mention") for agent in (ada(fake), ben)] == [
        "opened"
    ] * 2


def test_when_too_many_are_remembered_what_is_older_than_all_of_them_is_old(
    fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MAX_RECEIVED", 3)
    casts = [FeedCast.model_validate(cast(number, at=NOON - minutes(20 - number))) for number in range(6)]
    listening = fake.runtime.mention_poller
    assert [listening.receive_cast(ada(fake), one, "mention") for one in casts] == ["opened"] * 6
    again = [listening.receive_cast(ada(fake), one, "mention") for one in casts]
    assert again == ["old"] * 3 + ["known"] * 3, "what was forgotten is too old to be taken again"


def test_a_month_later_a_replay_is_old_without_any_memory_of_it(fake: FakeRuntime) -> None:
    given = FeedCast.model_validate(cast(1))
    fake.runtime.mention_poller.receive_cast(ada(fake), given, "mention")
    fake.clock.set(NOON + dt.timedelta(days=31))
    later = FeedCast.model_validate(cast(2, at=NOON + dt.timedelta(days=31)))
    assert fake.runtime.mention_poller.receive_cast(ada(fake), later, "mention") == "opened"
    assert fake.runtime.database.client.zrange("ceos:seen:ada", 0, -1) == [hash_of(2)]
    assert fake.runtime.mention_poller.receive_cast(ada(fake), given, "mention") in ("old", "known")
    fake.runtime.database.client.delete(f"ceos:run:ada:r:{hash_of(1)}")
    assert fake.runtime.mention_poller.receive_cast(ada(fake), given, "mention") == "old"


def test_plugins_get_each_mention_once(fake: FakeRuntime, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = []
    monkeypatch.setattr(fake.runtime.plugins, "notify", lambda hook, **about: heard.append((hook, about)))
    feed.rows = [note(1), note(2, author=1001)]
    for _ in range(3):
        fake.runtime.mention_poller.poll("ada")
    mention = fake.runtime.mention_store.mention(mention_run(1))
    assert heard == [("mention_received", {"agent": ada(fake), "mention": mention})]


# Polling


def test_the_first_poll_receives_no_old_cast_and_the_next_none_twice(fake: FakeRuntime, feed: Feed) -> None:
    feed.rows = [note(number, at=NOON - minutes(90 + number)) for number in range(30)]
    assert fake.runtime.mention_poller.poll("ada") == 0
    feed.rows = [note(number, at=NOON - minutes(number - 100)) for number in range(103, 99, -1)] + feed.rows
    assert fake.runtime.mention_poller.poll("ada") == 4
    assert fake.runtime.mention_poller.poll("ada") == 0
    assert sorted(taken(fake)) == [hash_of(number) for number in range(100, 104)]


def test_a_poll_ends_at_the_watermark_and_reads_a_little_before_it_again(fake: FakeRuntime, feed: Feed) -> None:
    feed.rows = [note(number, at=NOON - minutes(number / 2)) for number in range(100)]
    fake.runtime.mention_poller.poll("ada")
    assert len(feed.asked) == 4, "down to what was there when the agent began to listen"
    feed.asked.clear()
    fake.runtime.mention_poller.poll("ada")
    assert len(feed.asked) == 3, "the page of the mark, and pages until one lies before the overlap"
    # A cast that shows up late, with an older time than what was read already
    feed.rows.insert(10, note(500, at=NOON - minutes(10)))
    assert fake.runtime.mention_poller.poll("ada") == 1


def test_a_flood_is_read_in_bounded_polls_and_no_cast_is_lost(
    fake: FakeRuntime, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller_module, "MAX_PAGES", 2)
    feed.rows = [note(number, at=NOON - minutes(number / 10)) for number in range(180)]
    opened, looks = 0, 0
    while looks < 10:
        # Each look is another process, and more comes in between
        feed.rows.insert(0, note(1000 + looks, at=NOON + minutes(looks / 10)))
        before = len(feed.asked)
        opened += listener(fake, feed).poll("ada")
        looks += 1
        assert len(feed.asked) - before <= 2
    opened += sum(listener(fake, feed).poll("ada") for _ in range(3))
    assert opened == 190
    assert fake.runtime.mention_store.counts()["opened"] == 190


def test_an_unfinished_poll_continues_soon(fake: FakeRuntime, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller_module, "MAX_PAGES", 1)
    feed.rows = [note(number, at=NOON - minutes(number / 10)) for number in range(60)]
    fake.runtime.mention_poller.poll("ada")
    assert 0 < next_look(fake) < 6


def test_a_cursor_that_is_not_accepted_any_more_is_no_loss(
    fake: FakeRuntime, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller_module, "MAX_PAGES", 1)
    feed.rows = [note(number, at=NOON - minutes(number / 10)) for number in range(60)]
    fake.runtime.mention_poller.poll("ada")
    feed.errors = [RequestRefused("Neynar answered 400 when asked to list notifications.", status=400)]
    fake.runtime.mention_poller.poll("ada")
    for _ in range(4):
        fake.runtime.mention_poller.poll("ada")
    assert sorted(taken(fake)) == [hash_of(number) for number in range(60)]


@pytest.mark.parametrize("pages", [1, 2, 3, 10])
def test_a_page_cursor_that_is_refused_repeatedly_ends_the_poll(
    fake: FakeRuntime, feed: Feed, monkeypatch: pytest.MonkeyPatch, pages: int
) -> None:
    read = feed.notifications

    def refuses_deep_ones(fid: int, kinds: Sequence[str], limit: int, cursor: str | None = None) -> Page[Notification]:
        found = read(fid, kinds, limit, cursor)
        if found.cursor is None:
            raise RequestRefused("Neynar answered 400 when asked to list notifications.", status=400)
        return found

    monkeypatch.setattr(feed, "notifications", refuses_deep_ones)
    monkeypatch.setattr(poller_module, "MAX_PAGES", pages)
    feed.rows = [note(number, at=NOON - minutes(number / 10)) for number in range(60)]
    cursor = fake.runtime.mention_store.cursor("ada")
    for _ in range(10):
        fake.runtime.mention_poller.poll("ada")
        cursor = fake.runtime.mention_store.cursor("ada")
        assert cursor is not None
        if cursor.watermark == int(NOON.timestamp() * 1000):
            break
    assert cursor is not None
    assert (cursor.watermark, cursor.page_cursor, cursor.restarted) == (int(NOON.timestamp() * 1000), "", False)
    assert sorted(taken(fake)) == [hash_of(number) for number in range(50)], "what could be read was taken"


def test_a_list_that_leads_to_itself_ends(fake: FakeRuntime, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    def turns_round(fid: int, kinds: Sequence[str], limit: int, cursor: str | None = None) -> Page[Notification]:
        feed.asked.append(cursor)
        return Page[Notification](items=(), cursor="here")

    monkeypatch.setattr(feed, "notifications", turns_round)
    fake.runtime.mention_poller.poll("ada")
    assert feed.asked == [None, "here"]


def test_a_cast_of_the_second_in_which_an_agent_began_to_listen_is_new(fake: FakeRuntime) -> None:
    begun = dt.datetime(2026, 3, 2, 12, 0, 0, 700_000, tzinfo=dt.UTC)
    agent = make_agent(id="bea", fid=1002, engagement=LISTENS)
    fake.runtime.agents.save_agent(agent, slot=None, fire=0, moves_slot=False, now_ms=int(begun.timestamp() * 1000))
    second = begun.replace(microsecond=0)
    just, before = cast(1, at=second), cast(2, at=second - dt.timedelta(seconds=1))
    listening = fake.runtime.mention_poller
    assert listening.receive_cast(agent, FeedCast.model_validate(just), "mention") == "opened"
    assert listening.receive_cast(agent, FeedCast.model_validate(before), "mention") == "old"


def test_of_two_concurrent_polls_only_one_moves_the_watermark(fake: FakeRuntime, feed: Feed) -> None:
    before = fake.runtime.mention_store.cursor("ada")
    assert before is not None
    feed.rows = [note(1)]
    fake.runtime.mention_poller.poll("ada")
    assert fake.runtime.mention_store.save_poll("ada", before, before) is None
    after = fake.runtime.mention_store.cursor("ada")
    assert after is not None
    assert after.watermark == int(NOON.timestamp() * 1000)


@pytest.mark.parametrize(
    ("error", "soonest", "latest"),
    [
        (RateLimited("too many", retry_after=7.0), 6, 8),
        (RateLimited("too many"), 8, 10_000),
        (ServiceUnavailable("down", status=503), 8, 10_000),
        (ServiceUnavailable("down", status=503, retry_after=99_999.0), 3590, 3610),
        (RequestRefused("no such fid", status=404), 8, 10_000),
    ],
)
def test_a_failed_poll_keeps_the_cursor_and_is_logged_once(
    *, fake: FakeRuntime, feed: Feed, caplog: pytest.LogCaptureFixture, error: ServiceError, soonest: int, latest: int
) -> None:
    fake.runtime.database.client.zadd("ceos:listen", {"ada": (fake.runtime.ledger.now_ms() + 9_000_000)})
    before = fake.runtime.mention_store.cursor("ada")
    feed.rows, feed.errors = [note(1)], [error] * 3
    with caplog.at_level(logging.INFO, "ceos.mentions.poller"):
        for _ in range(3):
            assert fake.runtime.mention_poller.poll("ada") == 0
        cursor = fake.runtime.mention_store.cursor("ada")
        assert before is not None
        assert cursor is not None
        assert (cursor.watermark, cursor.page_cursor, cursor.failures, cursor.reason) == (
            before.watermark,
            "",
            3,
            str(error),
        )
        assert soonest < next_look(fake) < latest
        assert fake.runtime.mention_poller.poll("ada") == 1
    events = [record.event for record in caplog.records if record.name == "ceos.mentions.poller"]  # type: ignore[attr-defined]
    assert events == ["poll.failed", "mention.received", "poll.recovered"]
    cursor = fake.runtime.mention_store.cursor("ada")
    assert cursor is not None
    assert (cursor.failures, cursor.reason) == (0, "")


def test_a_poll_that_waits_for_our_own_limit_has_not_failed(
    fake: FakeRuntime, feed: Feed, caplog: pytest.LogCaptureFixture
) -> None:
    feed.errors = [LocallyRateLimited("no room", status=None, retry_after=20.0) for _ in range(3)]
    with caplog.at_level(logging.INFO, "ceos.mentions.poller"):
        for _ in range(3):
            fake.runtime.mention_poller.poll("ada")
    cursor = fake.runtime.mention_store.cursor("ada")
    assert cursor is not None
    assert cursor.failures == 0
    assert 19 < next_look(fake) < 27
    assert [record.event for record in caplog.records] == ["poll.crowded"]  # type: ignore[attr-defined]


def test_a_poll_that_fails_on_its_second_page_keeps_the_casts_of_the_first(fake: FakeRuntime, feed: Feed) -> None:
    feed.rows = [note(number, at=NOON - minutes(number)) for number in range(40)]
    pages = feed.notifications

    def fails_later(fid: int, kinds: Sequence[str], limit: int, cursor: str | None = None) -> Page[Notification]:
        if cursor:
            raise ServiceUnavailable("down", status=500)
        return pages(fid, kinds, limit, cursor)

    feed.notifications = fails_later  # type: ignore[method-assign]
    fake.runtime.mention_poller.poll("ada")
    assert len(taken(fake)) == 25
    feed.notifications = pages  # type: ignore[method-assign]
    fake.runtime.mention_poller.poll("ada")
    assert len(taken(fake)) == 40


# When to look


def next_look(fake: FakeRuntime, agent: str = "ada") -> float:
    """Seconds until the agent looks at its mentions."""
    at = fake.runtime.database.client.zscore("ceos:listen", agent)
    assert at is not None
    return (at - fake.runtime.ledger.now_ms()) / 1000


def claim(fake: FakeRuntime) -> list[str]:
    claimed: list[str] = fake.runtime.database.run_script("due_polls", 200, 300_000)
    return claimed


def make_due(fake: FakeRuntime, *agents: str) -> None:
    fake.runtime.database.client.zadd("ceos:listen", dict.fromkeys(agents or ("ada",), 1), xx=True)


def test_agents_are_spread_over_the_interval_by_their_names(fake: FakeRuntime) -> None:
    ids = [f"agent-{number}" for number in range(150)]
    for number, agent_id in enumerate(ids):
        fake.apply(id=agent_id, fid=2000 + number, engagement=LISTENS)
    assert claim(fake) == [], "who has just begun waits for its moment"
    moments = {agent_id: fake.runtime.database.client.zscore("ceos:listen", agent_id) for agent_id in ids}
    for agent_id, moment in moments.items():
        assert moment is not None
        assert moment % 300_000 == poll_offset(agent_id) * 300_000 // 2**32
    per_minute = [sum(1 for moment in moments.values() if int(moment or 0) % 300_000 // 60_000 == n) for n in range(5)]
    assert min(per_minute) > 10


def test_a_poll_is_due_once_an_interval(fake: FakeRuntime) -> None:
    make_due(fake)
    assert claim(fake) == ["ada"]
    assert claim(fake) == []
    assert 0 < next_look(fake) <= 300


def test_the_scheduler_sends_due_polls_unless_the_queue_is_full(fake: FakeRuntime) -> None:
    make_due(fake)
    busy = fake.runtime.scheduler(fake.take, lambda: 10_000)
    busy.tick()
    assert fake.sent == []
    fake.scheduler.tick()
    assert fake.sent == [("ada", Stage.LISTEN)]


def test_a_paused_agent_is_not_polled_and_loses_nothing(fake: FakeRuntime, feed: Feed) -> None:
    fake.runtime.mention_poller.poll("ada")
    fake.runtime.pause("ada")
    assert fake.runtime.database.client.zscore("ceos:listen", "ada") is None
    feed.rows = [note(1)]
    assert fake.runtime.mention_poller.poll("ada") == 0, "even if it was called for in this very moment"
    # Applying a change does not wake it either
    fake.apply(engagement=LISTENS, name="Ada Lovelace")
    assert fake.runtime.database.client.zscore("ceos:listen", "ada") is None
    fake.runtime.resume("ada")
    assert fake.runtime.database.client.zscore("ceos:listen", "ada") == 0
    assert fake.runtime.mention_poller.poll("ada") == 1


def test_an_agent_in_error_is_skipped_and_continues_at_its_cursor(fake: FakeRuntime, feed: Feed) -> None:
    for number in range(3):
        run = fake.runtime.post("ada", text=f"This one fails, number {number}.")
        fake.runtime.ledger.finish_run(begin(fake, run, Stage.PUBLISH), RunStatus.FAILED, "a test")
    assert fake.runtime.agents.agent_statuses(["ada"])[0].state == "error"
    feed.rows = [note(1)]
    make_due(fake)
    assert claim(fake) == []
    fake.runtime.resume("ada")
    make_due(fake)
    assert claim(fake) == ["ada"]
    assert fake.runtime.mention_poller.poll("ada") == 1


def test_an_agent_that_stops_listening_is_forgotten_and_begins_anew_when_it_starts_again(
    fake: FakeRuntime, feed: Feed
) -> None:
    fake.apply()
    assert fake.runtime.database.client.zscore("ceos:listen", "ada") is None
    feed.rows = [note(1, at=NOON - minutes(5))]
    assert fake.runtime.mention_poller.poll("ada") == 0
    fake.apply(engagement=LISTENS)
    assert fake.runtime.database.client.zscore("ceos:listen", "ada") == 0
    feed.rows.insert(0, note(2, at=NOON + minutes(1)))
    assert fake.runtime.mention_poller.poll("ada") == 1
    assert taken(fake) == [hash_of(2)]


def test_removing_an_agent_ends_what_waits_and_leaves_nothing_for_ever(fake: FakeRuntime, feed: Feed) -> None:
    feed.rows = [note(number) for number in range(5)]
    fake.runtime.mention_poller.poll("ada")
    fake.runtime.remove("ada")
    fake.drive()
    client: Any = fake.runtime.database.client
    assert client.keys("ceos:*:ada") == []
    assert fake.runtime.agents.agents_of([1001]) == {}
    assert all(client.ttl(key) > 0 for key in [*client.keys("ceos:run:*"), *client.keys("ceos:mention:*")])
    runs = fake.runtime.runs.runs([mention_run(number) for number in range(5)])
    assert {run.reason for run in runs} == {"the agent was removed"}
    assert fake.runtime.mention_store.counts()["open"] == 0


def test_agents_are_found_by_their_accounts(fake: FakeRuntime) -> None:
    fake.apply(id="ben", fid=1002)
    fake.apply(id="bob", fid=1002)
    assert fake.runtime.agents.agents_of([1001, 1002, 1003]) == {1001: ["ada"], 1002: ["ben", "bob"]}
    fake.apply(id="bob", fid=1003)
    assert fake.runtime.agents.agents_of([1002, 1003]) == {1002: ["ben"], 1003: ["bob"]}
    assert fake.runtime.agents.agents_of([]) == {}


# Whose turn it is


def flood(fake: FakeRuntime, count: int) -> list[str]:
    """So many mentions at once, oldest first."""
    agent = ada(fake)
    casts = [FeedCast.model_validate(cast(number, at=NOON - minutes(59 - number / 1000))) for number in range(count)]
    return [
        str(RunId.mention("ada", one.hash))
        for one in casts
        if fake.runtime.mention_poller.receive_cast(agent, one, "mention") == "opened"
    ]


def test_one_mention_is_in_line_and_the_others_wait_in_the_order_of_their_casts(fake: FakeRuntime) -> None:
    agent = ada(fake)
    for number in (3, 1, 2):
        given = FeedCast.model_validate(cast(number, at=NOON + minutes(number)))
        fake.runtime.mention_poller.receive_cast(agent, given, "mention")
    assert fake.runtime.mention_store.waiting(["ada"]) == {"ada": 2}
    order = []
    for _ in range(3):
        (run,) = called(fake)
        order.append(run)
        end(fake, run)
    assert order == [mention_run(number) for number in (3, 1, 2)]
    assert fake.runtime.mention_store.counts() == {"open": 0, "opened": 3, "ignored": 3}


@pytest.mark.slow
def test_ten_thousand_mentions_do_not_keep_a_post_waiting(fake: FakeRuntime) -> None:
    fake.apply(engagement=LISTENS, schedule={"cron": "0 13 * * *", "jitter_seconds": 0})
    runs = flood(fake, 10_000)
    assert len(runs) == 10_000
    assert fake.runtime.ops.counts()["open"] == 1
    # A worker has begun with the first mention when a slot comes and an operator posts by hand
    first = begin(fake, runs[0])
    fake.clock.set(NOON + minutes(60))
    fake.scheduler.tick()
    manual = fake.runtime.post("ada", text="Words of my own.")
    (scheduled,) = [run.id for run in fake.runtime.runs.recent_runs("ada") if run.id != manual]
    assert fake.runtime.ledger.begin_stage(scheduled, Stage.WRITE) is None, "not while a worker is at the mention"
    fake.runtime.ledger.finish_run(first, RunStatus.IGNORED, "a reason")
    # Then both posts go before the second mention
    assert fake.runtime.ledger.begin_stage(runs[1], Stage.WRITE) is None
    fake.runtime.ledger.finish_run(begin(fake, scheduled), RunStatus.MISSED, "quiet")
    assert fake.runtime.ledger.begin_stage(runs[1], Stage.WRITE) is None
    fake.runtime.ledger.finish_run(begin(fake, manual, Stage.PUBLISH), RunStatus.FAILED, "a test")
    end(fake, runs[1])


def test_a_mention_that_waits_for_something_gives_its_turn_away(fake: FakeRuntime) -> None:
    (run,) = flood(fake, 1)
    fake.runtime.ledger.defer_run(begin(fake, run), 3600, "quiet hours", uses="wait")
    post = fake.runtime.post("ada", text="Words of my own.")
    fake.runtime.ledger.finish_run(begin(fake, post, Stage.PUBLISH), RunStatus.PUBLISHED)
    assert fake.runtime.runs.run(run).status == "planned"
    end(fake, run)
    assert fake.runtime.agents.agent_statuses(["ada"])[0].state == "sleeping"


def test_failing_mentions_do_not_stop_an_agent(fake: FakeRuntime) -> None:
    for run in flood(fake, 4):
        end(fake, run, RunStatus.FAILED)
    status = fake.runtime.agents.agent_statuses(["ada"])[0]
    assert (status.state, status.failures) == ("sleeping", 0)
    assert fake.runtime.mention_store.counts() == {"open": 0, "opened": 4, "failed": 4}
    # And one that is tried again is open again
    run_id = fake.runtime.runs.dead()[0]
    fake.runtime.ledger.decide(run_id, "retry")
    assert fake.runtime.mention_store.counts()["open"] == 1
    assert fake.runtime.mention_store.mention(run_id) is not None
    assert fake.runtime.database.client.ttl(f"ceos:mention:{run_id}") == -1


def test_mentions_beyond_the_limit_are_recorded_as_ignored(fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MAX_WAITING", 3)
    assert len(flood(fake, 6)) == 4
    ignored = fake.runtime.runs.run(mention_run(5))
    assert (ignored.status, ignored.reason) == (RunStatus.IGNORED, "too many mentions were waiting")
    assert fake.runtime.mention_store.counts() == {"open": 4, "opened": 6, "ignored": 2}


def test_ids_of_mentions_pass_wherever_runs_are_named(fake: FakeRuntime) -> None:
    (run_id,) = flood(fake, 1)
    run = fake.runtime.runs.run(run_id)
    assert (run.agent_id, run.slot) == ("ada", f"r:{hash_of(0)}")
    assert RunId.parse(run.id).moment is None
    with pytest.raises(ceos.InvalidInput, match="cannot be a post's key"):
        fake.runtime.post("ada", key=f"r:{hash_of(0)}")
    lease = begin(fake, run_id)
    assert (lease.agent_id, lease.slot) == ("ada", f"r:{hash_of(0)}")
    fake.runtime.ledger.finish_run(lease, RunStatus.PUBLISHED)
    assert fake.runtime.database.client.hget("ceos:agent:ada", "done") is None, "the watermark is one of slots"


# Bad input


BAD: list[tuple[str, Any, str]] = [
    ("nothing at all", None, "passed over"),
    ("a word", "mention", "passed over"),
    ("no type", {**note(1), "type": None}, "opened"),
    ("no type, an answer", {**note(1, parent_author={"fid": 1001}), "type": None}, "opened"),
    ("no time of its own", {**note(1), "most_recent_timestamp": None}, "opened"),
    ("a time that is none", {**note(1), "most_recent_timestamp": "yesterday"}, "opened"),
    ("a time beyond the calendar", note(1) | {"cast": cast(1) | {"timestamp": "0001-01-01T00:00:00+14:00"}}, "ignored"),
    ("no cast", {**note(1), "cast": None}, "passed over"),
    ("a cast of nothing", {**note(1), "cast": {}}, "passed over"),
    ("no hash", note(1) | {"cast": cast(1) | {"hash": None}}, "passed over"),
    ("only a hash", note(1) | {"cast": {"hash": hash_of(1)}}, "ignored"),
    ("no time of the cast", note(1) | {"cast": cast(1) | {"timestamp": None}}, "ignored"),
    ("no text", note(1, text=None), "opened"),
    ("pictures only", note(1, text="", embeds=[{"url": "https://example.org/a.png"}]), "opened"),
    ("odd embeds", note(1, embeds="none"), "opened"),
    ("embeds of embeds", note(1, embeds=[None, 3, {"url": 5}, {"cast": {"hash": "x"}}]), "opened"),
    ("ten thousand bytes", note(1, text="x" * 10_000), "opened"),
    ("far more", note(1, text="ä " * 100_000), "opened"),
    ("half a sign", note(1, text=json.loads('"\\ud83d hello"')), "opened"),
    ("zeros", note(1, text="a\x00b"), "opened"),
    ("no author", note(1) | {"cast": cast(1) | {"author": None}}, "ignored"),
    ("an author without an fid", note(1) | {"cast": cast(1) | {"author": {"username": "x"}}}, "ignored"),
    ("no score", note(1) | {"cast": cast(1) | {"author": {"fid": 77}}}, "opened"),
    ("a score in words", note(1) | {"cast": cast(1) | {"author": {"fid": 77, "score": "high"}}}, "opened"),
    ("a score of 42", note(1) | {"cast": cast(1) | {"author": {"fid": 77, "score": 42}}}, "opened"),
    ("a parent that is no hash", note(1, parent_hash="gone"), "opened"),
    ("a parent without an author", note(1, parent_hash=hash_of(2), parent_author={"fid": None}), "opened"),
    ("an odd parent's author", note(1, parent_hash=hash_of(2), parent_author={"fid": "x"}), "opened"),
    ("a bundle", {**note(1, kind="likes"), "count": 7}, "nothing"),
    ("a new kind", note(1, kind="super-mention"), "nothing"),
]


@pytest.mark.parametrize(("what", "row", "expected"), BAD, ids=[what for what, *_ in BAD])
def test_bad_input_costs_at_most_itself(
    *, fake: FakeRuntime, feed: Feed, caplog: pytest.LogCaptureFixture, what: str, row: Any, expected: str
) -> None:
    del what
    # Given a sound mention behind one that is not
    feed.rows = [row, note(2)]
    with caplog.at_level(logging.INFO, "ceos.mentions.poller"):
        for _ in range(3):
            fake.runtime.mention_poller.poll("ada")
    # Then the sound one is taken, and the other is taken, or on record as ignored, or in the log, once
    runs = {run.slot: run for run in fake.runtime.mention_store.mention_runs("ada")}
    assert runs.pop(f"r:{hash_of(2)}").status == "planned"
    logged = [record.event for record in caplog.records if record.levelno > logging.INFO]  # type: ignore[attr-defined]
    if expected in ("opened", "ignored"):
        (run,) = runs.values()
        assert run.status == ("planned" if expected == "opened" else "ignored")
        assert (run.reason != "") == (expected == "ignored")
        mention = fake.runtime.mention_store.mention(run.id)
        assert mention is not None
        assert len(mention.text.encode()) <= 10_000
    else:
        assert runs == {}
    named = {"opened": [], "nothing": [], "ignored": ["mention.unusable"], "passed over": ["notification.unreadable"]}
    assert logged == named[expected]
    cursor = fake.runtime.mention_store.cursor("ada")
    assert cursor is not None
    assert cursor.watermark == int(NOON.timestamp() * 1000)


def test_a_cast_that_comes_in_short_is_looked_up_once(fake: FakeRuntime, feed: Feed) -> None:
    feed.rows = [note(1) | {"cast": {"object": "cast_dehydrated", "hash": hash_of(1).upper().replace("0X", "0x")}}]
    feed.full = [cast(1)]
    for _ in range(3):
        fake.runtime.mention_poller.poll("ada")
    assert feed.looked_up == [hash_of(1)]
    mention = fake.runtime.mention_store.mention(mention_run(1))
    assert mention is not None
    assert mention.text == "@ada what about number 1?"


def test_a_date_far_ahead_does_not_hide_what_comes_after_it(fake: FakeRuntime, feed: Feed) -> None:
    feed.rows = [note(1, at=dt.datetime(9999, 1, 1, tzinfo=dt.UTC))]
    fake.runtime.mention_poller.poll("ada")
    feed.rows += [note(number, at=NOON + minutes(number)) for number in range(90, 50, -1)]
    assert fake.runtime.mention_poller.poll("ada") == 40


# All of it together


@pytest.mark.parametrize("seed", range(3))
def test_duplicates_reordering_restarts_and_webhooks_take_each_cast_once(
    fake: FakeRuntime, feed: Feed, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(poller_module, "MAX_PAGES", 3)
    chance = random.Random(seed)  # a repeatable jumble
    agent, listening = ada(fake), fake.runtime.mention_poller
    sent: list[dict[str, Any]] = []
    taken_runs: list[str] = []
    for number in range(400):
        at = NOON + minutes(number / 60) - dt.timedelta(seconds=chance.choice([0, 0, 0, 300]))
        sent.append(note(number, at=at))
        # It shows up near the top, not always in order, and sometimes twice
        feed.rows.insert(chance.choice([0, 0, 0, min(3, len(feed.rows))]), sent[-1])
        if chance.random() < 0.1:
            feed.rows.insert(0, {**sent[-1], "seen": True})
        while chance.random() < 0.4:
            reported = chance.choice(sent)["cast"]
            listening.receive_cast(agent, FeedCast.model_validate(reported), "mention")
        if chance.random() < 0.05:
            feed.errors = [ServiceUnavailable("down", status=500)]
        if chance.random() < 0.1:
            listening = listener(fake, feed)
            listening.poll("ada")
        if chance.random() < 0.5:
            taken_runs += _work(fake)
    for _ in range(20):
        listener(fake, feed).poll("ada")
    while more := _work(fake):
        taken_runs += more
    assert sorted(taken_runs) == sorted(mention_run(number) for number in range(400))
    assert fake.runtime.mention_store.counts() == {"open": 0, "opened": 400, "ignored": 400}


def _work(fake: FakeRuntime) -> list[str]:
    runs = called(fake)
    for run in runs:
        end(fake, run)
    return runs


# What an operator sees


def test_an_operator_sees_what_came_in_and_what_was_done(fake: FakeRuntime, terminal: Terminal) -> None:
    (run_id,) = flood(fake, 1)
    shown = terminal("status")
    assert "Mentions: 1 open; today 1 new, 0 answered, 0 liked or recast, 0 ignored." in shown.out
    end(fake, run_id)
    shown = terminal("status")
    assert "Mentions: 0 open; today 1 new, 0 answered, 0 liked or recast, 1 ignored." in shown.out
    assert terminal("status", "--json").data["mentions"] == {"open": 0, "opened": 1, "ignored": 1}
    fake.runtime.mention_poller.poll("ada")
    shown = terminal("agent", "show", "ada")
    assert "Last mentions" in shown.out
    assert "@user77" in shown.out
    assert "a reason" in shown.out
    assert ", 0 waiting" in shown.out
    (document,) = terminal("agent", "show", "ada", "--json").data
    assert document["listening"]["enabled"] is True
    assert document["mentions"][0]["mention"]["text"] == "@ada what about number 0?"
    shown = terminal("draft", "show", run_id)
    assert "by @user77 (fid 77, score" in shown.out and "@ada what about number 0?" in shown.out
    assert "Nothing was written." in shown.out
    (whole,) = terminal("draft", "show", run_id, "--json").data
    assert whole["mention"]["author_name"] == "user77"
    assert run_id not in terminal("draft", "list").out
    assert run_id not in terminal("draft", "list", "--every").out
    listed = terminal("draft", "list", "--mentions", "--agent", "ada").out.splitlines()
    assert listed[0] == f"{run_id}  ignored: a reason" and "@user77" in listed[1]
    assert [row["id"] for row in terminal("draft", "list", "--mentions", "--json").data] == [run_id]
    assert "not both" in terminal("draft", "list", "--mentions", "--every").err


def test_a_failed_poll_is_shown_with_its_reason(fake: FakeRuntime, feed: Feed, terminal: Terminal) -> None:
    feed.errors = [ServiceUnavailable("Neynar is down", status=503)]
    fake.runtime.mention_poller.poll("ada")
    assert "1 failed since: Neynar is down" in terminal("agent", "show", "ada").out
    fake.apply(id="ben", fid=1002)
    assert "listens    no;" in terminal("agent", "show", "ben").out
