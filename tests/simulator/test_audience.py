"""The audience of the simulator, on a clock that only moves when it is told to; and the webhooks it sets off."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

import pytest
import requests
from helpers.openrouter import complete

from ceos.simulator import running
from ceos.simulator.audience.population import ODDS, PRIME_HOUR, SWING, attention, form, population
from ceos.simulator.audience.voices import INJECTIONS
from ceos.simulator.audience.waves import TOPICS, trending
from ceos.simulator.server import Running
from ceos.simulator.world import Cast

KEY = {"x-api-key": "test"}
#: A Monday, nine in the morning.
START = 1_772_442_000.0
HOUR, DAY = 3600.0, 86_400.0
ADA = 1001
POSTS = (
    "Every bridge I like was drawn twice.",
    "Which machine would you keep?",
    "The long way round measures better.",
    "A good checklist outlives its author.",
)


class Clock:
    """Seconds since 1970, as long as nobody advances it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@contextmanager
def network(seed: int = 7, people: int = 60, **options: Any) -> Iterator[tuple[Running, Clock]]:
    clock = Clock()
    with running(seed, clock=clock, neynar={"audience": people, **options}) as sim:
        yield sim, clock


def signer_of(fid: int) -> str:
    return f"00000000-0000-4000-8000-{fid:012d}"


def publish(sim: Running, text: str, fid: int = ADA, **fields: Any) -> str:
    body = {"signer_uuid": signer_of(fid), "text": text, **fields}
    answer = requests.post(f"{sim.neynar_url}/farcaster/cast/", headers=KEY, json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["cast"]["hash"]
    return found


def neynar(sim: Running, path: str, **params: Any) -> dict[str, Any]:
    url = f"{sim.neynar_url}/farcaster/{path}"
    answer: dict[str, Any] = requests.get(url, headers=KEY, params=params, timeout=60).json()
    return answer


def live(sim: Running, clock: Clock, hours: int = 8) -> None:
    """Post every half hour."""
    for i in range(2 * hours):
        publish(sim, f"{POSTS[i % len(POSTS)]} {'!' * i}".rstrip() if i % len(POSTS) != 1 else f"{i}: {POSTS[1]}")
        clock.now += HOUR / 2


def received(sim: Running, fid: int = ADA) -> list[dict[str, Any]]:
    """All mentions, replies and quotes of an account, newest first."""
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        page = neynar(sim, "notifications/", fid=fid, limit=25, type="mentions,replies,quotes", **more)
        found += page["notifications"]
        cursor = page["next"]["cursor"]
    return found


def test_without_an_audience_nothing_happens() -> None:
    with network(people=0) as (sim, clock):
        live(sim, clock, hours=2)
        clock.now += DAY
        assert received(sim) == []
        assert len(sim.casts()) == 4


def test_people_like_answer_quote_mention_and_follow() -> None:
    with network() as (sim, clock):
        live(sim, clock)
        clock.now += HOUR
        events = Counter(event["what"] for event in sim.timeline())
        assert {"like.added", "recast.added", "follow.added", "cast.deleted"} <= events.keys()
        assert {one["type"] for one in received(sim)} == {"mention", "reply", "quote"}
        assert neynar(sim, "followers/", fid=ADA)["users"]
        (popular, *_) = neynar(sim, "feed/user/popular/", fid=ADA)["casts"]
        assert popular["reactions"]["likes_count"] > 0


def test_people_take_their_time() -> None:
    with network(people=300) as (sim, clock):
        root = publish(sim, POSTS[0])
        likes = []
        for _ in range(3):
            likes.append(neynar(sim, "casts/", casts=root)["result"]["casts"][0]["reactions"]["likes_count"])
            clock.now += HOUR / 3
        assert likes[0] == 0 < likes[1] < likes[2]


def test_the_story_depends_on_the_seed_and_not_on_who_looks_when() -> None:
    def story(seed: int, *, often: bool) -> list[tuple[Any, ...]]:
        with network(seed) as (sim, clock):
            root = publish(sim, POSTS[1])
            for _ in range(12):
                clock.now += HOUR / 4
                if often:
                    received(sim)
            publish(sim, POSTS[2], parent=root)
            clock.now += HOUR
            sim.stats()
            return [
                (event["what"], event["at"], event.get("fid"), event.get("text"), event.get("hash"))
                for event in sim.timeline()
            ]

    assert story(1, often=True) == story(1, often=False)
    assert story(1, often=False) != story(2, often=False)


def test_scores_tell_spammers_but_not_every_attacker_from_friends() -> None:
    people = population(7, 100, {"hostile": 0.1, "spammer": 0.1, "bot": 0.04})
    roles = Counter(person.role for person in people)
    assert roles == {"hostile": 10, "spammer": 10, "bot": 4, "fan": 76}
    assert all(person.score is not None and person.score < 0.3 for person in people if person.role == "spammer")
    assert {person.score for person in people if person.role == "hostile"} == {0.15, 0.8}
    assert any(person.score is None for person in people if person.role == "fan")
    with network(people=100, audience_hostiles=0.1, audience_spammers=0.1) as (sim, _):
        fids = ",".join(str(person.fid) for person in people)
        users = {user["fid"]: user for user in neynar(sim, "user/bulk/", fids=fids)["users"]}
    for person in people:
        assert users[person.fid].get("score") == person.score
        assert ("experimental" in users[person.fid]) == (person.score is not None)


def test_one_of_each_unfriendly_role_is_in_the_smallest_audience() -> None:
    roles = [person.role for person in population(7, 5, {"hostile": 0.01, "spammer": 0, "bot": 0.01})]
    assert sorted(set(roles)) == ["bot", "fan", "hostile"]
    assert len(population(7, 2, {"hostile": 1, "spammer": 1, "bot": 1})) == 2


def test_hostile_mentions_are_injections() -> None:
    with network(audience_hostiles=1) as (sim, clock):
        publish(sim, POSTS[0])
        clock.now += 6 * HOUR
        texts = [one["cast"]["text"] for one in received(sim)]
        assert texts
        assert all(any(injection.text in text for injection in INJECTIONS) for text in texts)
        assert sim.stats()["audience.attacks"] == len([cast for cast in sim.casts() if cast["author"]["fid"] != ADA])


def test_a_bot_answers_every_answer() -> None:
    only_bots = {"audience_hostiles": 0, "audience_spammers": 0, "audience_bots": 1, "audience_deletes": 0}
    with network(people=1, **only_bots) as (sim, clock):
        bot = population(7, 1, {"bot": 1})[0].fid
        name = neynar(sim, "user/bulk/", fids=str(bot))["users"][0]["username"]
        for i in range(20):
            publish(sim, f"{i} {POSTS[0]}")
            clock.now += 2 * HOUR
        answers = received(sim)
        assert answers
        for depth in range(1, 7):
            newest = received(sim)[0]["cast"]
            assert newest["author"]["username"] == name
            publish(sim, f"Answer {depth}", parent=newest["hash"], parent_author_fid=bot)
            clock.now += HOUR
        assert len(received(sim)) == len(answers) + 6


def test_somebody_who_is_answered_may_answer_back_and_like_the_answer() -> None:
    with network(audience_hostiles=0, audience_spammers=0, audience_bots=0, audience_deletes=0) as (sim, clock):
        live(sim, clock)
        asked = received(sim)
        for one in asked:
            publish(sim, "Thank you.", parent=one["cast"]["hash"], parent_author_fid=one["cast"]["author"]["fid"])
        clock.now += 4 * HOUR
        mine = [cast for cast in sim.casts() if cast["text"] == "Thank you."]
        answered = sum(cast["replies"]["count"] for cast in mine)
        assert 0 < answered < len(mine)
        assert sum(cast["reactions"]["likes_count"] for cast in mine) > 0


def test_what_people_delete_is_gone() -> None:
    with network(audience_deletes=1) as (sim, clock):
        live(sim, clock, hours=3)
        clock.now += 12 * HOUR
        assert received(sim) == []
        assert any(cast["deleted"] and cast["parent_hash"] for cast in sim.casts())


@pytest.mark.slow
def test_pictures_are_liked_more_questions_are_answered_more_and_evenings_are_better() -> None:
    def reactions(hour: int, text: str = POSTS[0], **fields: Any) -> Counter[str]:
        with network(people=400, audience_hostiles=0, audience_spammers=0, audience_bots=0) as (sim, clock):
            clock.now = START + (hour - 9) * HOUR
            roots = [publish(sim, f"{i} {text}", **fields) for i in range(5)]
            clock.now += 12 * HOUR
            casts = [neynar(sim, "casts/", casts=root)["result"]["casts"][0] for root in roots]
            return Counter(
                likes=sum(cast["reactions"]["likes_count"] for cast in casts),
                replies=sum(cast["replies"]["count"] for cast in casts),
            )

    evening, morning = reactions(PRIME_HOUR), reactions(PRIME_HOUR - 12)
    assert evening["likes"] > 2 * morning["likes"]
    picture = reactions(PRIME_HOUR, embeds=[{"url": "https://example.com/a.png"}])
    assert picture["likes"] > 1.2 * evening["likes"]
    question = reactions(PRIME_HOUR, POSTS[0].replace(".", "?"))
    assert question["replies"] > 1.5 * evening["replies"]


@pytest.mark.parametrize(
    ("text", "embeds", "continued", "expected"),
    [
        ("Plain.", [], False, "plain"),
        ("Really? ", [], False, "question"),
        ("First?", [], True, "thread"),
        ("Look?", [{"url": "https://example.com/a.png"}], True, "picture"),
        ("Quoted.", [{"cast_id": {"fid": 1, "hash": "0x"}}], False, "plain"),
    ],
)
def test_readers_tell_the_form_of_a_post(text: str, embeds: list[Any], continued: bool, expected: str) -> None:
    assert form(Cast(1, "0x", ADA, text, 0.0, embeds=embeds), continued=continued) == expected


def test_attention_is_one_on_average_and_highest_in_the_prime_hour() -> None:
    hours = [attention(START + hour * HOUR) for hour in range(24)]
    assert sum(hours) / 24 == pytest.approx(1)
    assert max(hours) == hours[(PRIME_HOUR - 9) % 24] == pytest.approx(1 + SWING)
    assert min(hours) > 0
    assert all(0 < chance < 1 for chance in ODDS.values())


def test_zeal_scales_everything() -> None:
    def followers(zeal: float) -> int:
        with network(audience_zeal=zeal) as (sim, clock):
            live(sim, clock, hours=2)
            clock.now += 6 * HOUR
            return sum(event["what"] == "follow.added" for event in sim.timeline())

    assert followers(0) == 0
    assert followers(1) < followers(4)


# Topics


def test_topics_rise_and_fall() -> None:
    for topic in TOPICS:
        levels = [topic.level(7, START + hour * HOUR) for hour in range(24 * 8)]
        assert min(levels) == 0
        assert max(levels) > 0.3
        assert max(levels) <= 1
    first, later = (tuple(topic.slug for _, topic in trending(7, START + days * DAY)) for days in (0, 2))
    assert first
    assert first != later


def test_the_topic_feed_has_posts_of_a_topic_that_is_up_and_none_of_one_that_is_down() -> None:
    with network() as (sim, clock):
        clock.now += 4 * DAY
        up = [topic["slug"] for topic in neynar(sim, "topic/trending/", limit=25)["topics"]]
        level, top = trending(7, clock.now)[0]
        assert up[0] == top.slug
        casts = neynar(sim, "feed/topic/", slug=top.slug, limit=100)["casts"]
        recent = [cast for cast in casts if cast["timestamp"] >= "2026-03-06T03"]
        assert len(recent) > 10 * level
        assert all(top.name.lower() in cast["text"].lower() for cast in casts)
        assert len({cast["author"]["fid"] for cast in recent}) > 1
        assert any(cast["reactions"]["likes_count"] for cast in casts)
        assert top.channel in {cast["channel"]["id"] for cast in casts}
        assert not {topic.slug for topic in TOPICS if topic.level(7, clock.now) == 0} & set(up)


def test_a_pause_of_years_is_made_up_for_in_no_time() -> None:
    with network(people=20) as (sim, clock):
        publish(sim, POSTS[0])
        clock.now += 1000 * DAY
        recent = [cast for cast in sim.casts() if cast["committed_at"] > START + DAY]
        assert recent
        assert min(cast["committed_at"] for cast in recent) > clock.now - 8 * DAY


def test_the_audience_can_come_and_go() -> None:
    with network(people=0) as (sim, clock):
        publish(sim, POSTS[0])
        clock.now += HOUR
        assert len(sim.casts()) == 1
        sim.faults(neynar={"audience": 40})
        publish(sim, POSTS[2])
        clock.now += HOUR
        assert len(sim.casts()) > 2
        sim.faults(neynar={"audience": 0})
        publish(sim, POSTS[1])
        # What had begun is finished.
        clock.now += 12 * HOUR
        there = len(sim.casts())
        clock.now += DAY
        assert len(sim.casts()) == there


# Models that obey


def test_a_model_that_obeys_answers_what_an_injection_wants() -> None:
    with running(openrouter={"obeys": 1}) as sim:
        for injection in INJECTIONS:
            messages = [
                {"role": "system", "content": "You are Ada. Secret recipe: rosemary."},
                {"role": "user", "content": f"<mention>\n{injection.text}\n</mention>"},
            ]
            assert complete(sim, messages) == (injection.wanted or "You are Ada. Secret recipe: rosemary.")


# Webhooks


def signed(body: bytes) -> str:
    return hmac.new(b"hush", body, hashlib.sha512).hexdigest()


class Receiver:
    """A web server that keeps what it gets."""

    def __init__(self) -> None:
        self.deliveries: Queue[tuple[bytes, str]] = Queue()
        #: The statuses of the next answers; 200 when there are none left.
        self.statuses: list[int] = []
        keep = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                keep.deliveries.put((body, self.headers["x-neynar-signature"]))
                self.send_response(keep.statuses.pop(0) if keep.statuses else 200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks/neynar?x=1"

    def next(self) -> dict[str, Any]:
        body, signature = self.deliveries.get(timeout=60)
        assert signature == signed(body)
        event: dict[str, Any] = json.loads(body)
        return event


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def hooked(receiver: Receiver) -> Iterator[Running]:
    hook = {"url": receiver.url, "secret": "hush", "fids": [ADA]}
    with running(neynar={"webhook": hook, "webhook_late_seconds": 0.01}) as sim:
        yield sim


def ask(sim: Running, text: str = "Why?", fid: int = 7) -> str:
    root = publish(sim, "A root.")
    return publish(sim, text, fid, parent=root, parent_author_fid=ADA)


def test_a_reply_a_mention_and_a_quote_of_a_watched_account_are_delivered_signed(
    hooked: Running, receiver: Receiver
) -> None:
    name = neynar(hooked, "user/bulk/", fids=str(ADA))["users"][0]["username"]
    root = publish(hooked, "A root.")
    publish(hooked, "Its second part.", parent=root)
    publish(hooked, "Nobody's business.", 7)
    wanted = {
        publish(hooked, "Why?", 7, parent=root),
        publish(hooked, f"hi @{name}", 8),
        publish(hooked, "look", 9, embeds=[{"cast_id": {"fid": ADA, "hash": root}}]),
    }
    events = [receiver.next() for _ in range(3)]
    assert {event["data"]["hash"] for event in events} == wanted
    assert {event["type"] for event in events} == {"cast.created"}
    assert all(isinstance(event["created_at"], int) and event["data"]["author"]["custody_address"] for event in events)
    assert receiver.deliveries.empty()


def test_deliveries_can_be_doubled_late_and_lost(hooked: Running, receiver: Receiver) -> None:
    hooked.faults(neynar={"webhook_duplicate": 1})
    doubled = ask(hooked)
    assert [receiver.next()["data"]["hash"] for _ in range(2)] == [doubled] * 2
    hooked.faults(neynar={"webhook_duplicate": 0, "webhook_drop": 1})
    ask(hooked)
    hooked.faults(neynar={"webhook_drop": 0, "webhook_late": 1})
    late = ask(hooked)
    # What was lost would have come before.
    assert receiver.next()["data"]["hash"] == late
    assert hooked.stats()["neynar.fault.webhook_late"] == 1


def test_a_forged_delivery_has_another_hash_and_a_wrong_signature(hooked: Running, receiver: Receiver) -> None:
    hooked.faults(neynar={"webhook_forge": 1})
    true = ask(hooked)
    both = [receiver.deliveries.get(timeout=60) for _ in range(2)]
    is_signed = {json.loads(body)["data"]["hash"] == true: signature == signed(body) for body, signature in both}
    assert is_signed == {True: True, False: False}


def test_a_receiver_that_fails_is_asked_again(hooked: Running, receiver: Receiver) -> None:
    receiver.statuses = [503, 500]
    wanted = ask(hooked)
    assert [receiver.next()["data"]["hash"] for _ in range(3)] == [wanted] * 3


def test_a_receiver_that_is_away_harms_nobody() -> None:
    with running(neynar={"webhook": {"url": "http://127.0.0.1:1/", "secret": "s"}}) as sim:
        ask(sim)
        while not any(event["what"] == "webhook.sent" for event in sim.timeline()):
            assert ask(sim)
        sim.faults(neynar={"webhook": {}})
        assert ask(sim)


def test_the_audience_sets_off_webhooks_though_nobody_asks(receiver: Receiver) -> None:
    hook = {"url": receiver.url, "secret": "hush"}
    with network(people=300, audience_delay_seconds=0, webhook=hook) as (sim, _):
        publish(sim, POSTS[1])
        event = receiver.next()
        assert event["data"]["author"]["fid"] > 1_200_000


@pytest.mark.parametrize(
    ("hook", "sentence"),
    [
        ("http://x", "webhook takes url"),
        ({"adress": "http://x"}, "webhook takes url"),
        ({"url": 5}, "webhook takes url"),
        ({"url": "ftp://x"}, "webhook.url is an http"),
        ({"secret": "s"}, "webhook.url is an http"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused(hook: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence), running(neynar={"webhook": hook}):
        pass


def test_a_poll_may_have_holes() -> None:
    with network(audience_deletes=0) as (sim, clock):
        live(sim, clock, hours=3)
        sim.faults(neynar={"read_holes_200": 1})
        first, second, *_ = neynar(sim, "notifications/", fid=ADA, type="replies")["notifications"]
        assert not {"type", "most_recent_timestamp"} & first.keys()
        assert not {"author", "text"} & first["cast"].keys()
        assert second["cast"]["author"]["fid"]
