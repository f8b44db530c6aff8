"""The Neynar client against a real local server, and its requests against the vendor's own schema."""

from __future__ import annotations

import datetime as dt
import functools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.http_double import HttpDouble, Request
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest

from ceos.clients.neynar.client import LOOKUP_PAGE, LOOKUP_PAGES, Neynar
from ceos.clients.neynar.reads import CASTS_PER_CALL, MAX_LISTED, RESPONSES_PER_CALL
from ceos.clients.neynar.types import Response, Responses
from ceos.errors import KeyRefused, OutcomeUnknown, RateLimited, RequestRefused, ServiceError, ServiceUnavailable
from ceos.logs import MASK, redact

SIGNER = "19d0c5fd-9b33-4a48-a0e2-bc7b0555baec"
IDEM = "a1b2c3d4e5f60718"
SINCE = dt.datetime(2026, 9, 1, 12, 0, tzinfo=dt.UTC)


def hash_of(number: int) -> str:
    return f"0x{number:040x}"


@pytest.fixture
def http() -> Iterator[HttpDouble]:
    with HttpDouble() as server:
        yield server


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def neynar(http: HttpDouble, waits: list[float]) -> Neynar:
    return Neynar("neynar-test-key", http.url + "/v2", sleep=waits.append)


def make_cast(number: int, text: str = "gm", *, seconds: float = 0, **overrides: Any) -> dict[str, Any]:
    """A cast as Neynar lists it, `seconds` after SINCE."""
    at = SINCE + dt.timedelta(seconds=seconds)
    return {
        "object": "cast",
        "hash": hash_of(number),
        "text": text,
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "author": {"object": "user", "fid": 1001, "username": "ada", "display_name": None},
        "parent_hash": None,
        "parent_url": None,
        "parent_author": {"fid": None},
        "embeds": [],
        "channel": None,
        "reactions": {"likes": [], "recasts": [], "likes_count": 0, "recasts_count": 0},
        "replies": {"count": 0},
    } | overrides


def published(number: int = 7) -> dict[str, Any]:
    return {"success": True, "cast": {"hash": hash_of(number), "author": {"fid": 1001}, "text": "gm"}}


def feed(*casts: dict[str, Any], cursor: str | None = None) -> dict[str, Any]:
    return {"casts": list(casts), "next": {"cursor": cursor}}


# The schema


@functools.cache
def spec() -> OpenAPI:
    document = yaml.safe_load((Path(__file__).parents[1] / "specs" / "neynar.yaml").read_text())
    # As published, it forbids every embed: 'additionalProperties: false' beside 'anyOf' allows no property at all.
    del document["components"]["schemas"]["PostCastReqBodyEmbeds"]["additionalProperties"]
    return OpenAPI.from_dict(document)


def check_against_spec(request: Request) -> None:
    arguments = {name: values if len(values) > 1 else values[0] for name, values in request.query.items()}
    spec().validate_request(
        MockRequest(
            "https://api.neynar.com",
            request.method.lower(),
            request.path,
            args=arguments,
            headers=request.headers,
            data=request.raw or None,
        )
    )


CALLS: list[tuple[str, str, str, Any]] = [
    ("a plain cast", "POST", "cast/", lambda n: n.publish_cast(SIGNER, "gm", idem=IDEM)),
    (
        "a cast with embeds in a channel", "POST", "cast/",
        lambda n: n.publish_cast(SIGNER, "", idem=IDEM, embeds=("https://a.example", "https://b.net"), channel="dev"),
    ),
    ("a reply", "POST", "cast/", lambda n: n.reply(SIGNER, "hi", to=hash_of(1), to_fid=3, idem=IDEM)),
    ("a deletion", "DELETE", "cast/", lambda n: n.delete_cast(SIGNER, hash_of(1))),
    ("a like", "POST", "reaction/", lambda n: n.react(SIGNER, "like", hash_of(1), 3, idem=IDEM)),
    ("a recast taken back", "DELETE", "reaction/", lambda n: n.unreact(SIGNER, "recast", hash_of(1), 3, idem=IDEM)),
    ("a feed", "GET", "feed/user/casts/", lambda n: n.user_casts(1001, 50, "c1")),
    ("a look-up", "GET", "feed/user/casts/", lambda n: n.find_cast(1001, "gm", parent=None, since=SINCE, used=())),
    ("counts", "GET", "casts/", lambda n: n.casts([hash_of(1), hash_of(2)])),
    ("two kinds of notifications", "GET", "notifications/", lambda n: n.notifications(1001, ("mention", "reply"), 25)),
    ("accounts", "GET", "user/bulk/", lambda n: n.users([3, 194])),
    ("the key", "GET", "user/bulk/", lambda n: n.check_key()),
    ("an account by name", "GET", "user/by_username/", lambda n: n.user_by_name("@dwr")),
    ("reactions", "GET", "reactions/cast/", lambda n: n.reactions(hash_of(1))),
    ("a signer", "GET", "signer/", lambda n: n.signer(SIGNER)),
    ("a channel", "GET", "channel/", lambda n: n.channel("base")),
    ("storage", "GET", "storage/usage/", lambda n: n.storage(1001)),
    ("topics", "GET", "topic/trending/", lambda n: n.trending_topics(25)),
    ("channels", "GET", "channel/trending/", lambda n: n.trending_channels()),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "call"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
def test_requests_are_what_the_vendors_schema_describes(
    http: HttpDouble, neynar: Neynar, method: str, path: str, call: Any
) -> None:
    http.answer({"success": True, **published(), **feed(), "result": {"casts": []}, "users": [], "notifications": [],
                 "reactions": [], "topics": [], "channels": [], "user": {"fid": 3}, "channel": {"id": "base"},
                 "status": "approved"})  # fmt: skip
    call(neynar)
    [request] = http.requests
    assert (request.method, request.path) == (method, f"/v2/farcaster/{path}")
    assert request.headers["x-api-key"] == "neynar-test-key"
    check_against_spec(request)


# Publishing


def test_a_cast_carries_its_idem_and_gives_its_hash(http: HttpDouble, neynar: Neynar) -> None:
    http.answer(published(7))
    cast = neynar.publish_cast(SIGNER, "gm", idem=IDEM, embeds=("https://a.example/1.png",), channel="base")
    assert cast.hash == hash_of(7)
    assert http.requests[0].body == {
        "signer_uuid": SIGNER,
        "text": "gm",
        "idem": IDEM,
        "embeds": [{"url": "https://a.example/1.png"}],
        "channel_id": "base",
    }


def test_a_reply_names_its_parent_and_leaves_the_channel_to_it(http: HttpDouble, neynar: Neynar) -> None:
    http.answer(published())
    neynar.publish_cast(SIGNER, "two", idem=IDEM, channel="base", parent=hash_of(1), parent_fid=1001)
    body = http.requests[0].body
    assert (body["parent"], body["parent_author_fid"]) == (hash_of(1), 1001)
    assert "channel_id" not in body


def test_a_hash_without_prefix_or_in_capitals_is_made_uniform(http: HttpDouble, neynar: Neynar) -> None:
    http.answer({"success": True, "cast": {"hash": "AB" * 20}})
    assert neynar.publish_cast(SIGNER, "gm", idem=IDEM).hash == "0x" + "ab" * 20


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        pytest.param("x" * 321, {}, "321 bytes, but at most 320", id="one byte too long"),
        pytest.param("👋" * 81, {}, "324 bytes, but at most 320", id="emoji have four bytes"),
        pytest.param("x" * 1025, {"max_bytes": 1024}, "1,025 bytes, but at most 1,024", id="long cast"),
        pytest.param(" ", {}, "is empty", id="nothing to say"),
        pytest.param("gm", {"embeds": ["https://a.example"] * 5}, "5 embeds, but at most 4", id="too many embeds"),
        pytest.param("gm", {"embeds": ["https://a.example/" + "x" * 239]}, "257 bytes", id="embed too long"),
        pytest.param("gm", {"embeds": ["data:image/png;base64,AAAA"]}, "not an http", id="embed without address"),
    ],
)
def test_a_cast_that_cannot_be_accepted_is_not_sent(
    http: HttpDouble, neynar: Neynar, text: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(RequestRefused, match=words):
        neynar.publish_cast(SIGNER, text, idem=IDEM, **options)
    assert http.requests == []


def test_limits_are_met_exactly(http: HttpDouble) -> None:
    http.answer(published(), times=2)
    neynar = Neynar("neynar-test-key", http.url + "/v2")
    neynar.publish_cast(SIGNER, "👋" * 80, idem=IDEM, embeds=["https://a.example/" + "x" * 238] * 4)
    neynar.publish_cast(SIGNER, "x" * 1024, idem=IDEM, max_bytes=1024)
    assert len(http.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"body": {"success": True, "cast": {}}}, id="no hash"),
        pytest.param({"body": {"success": True, "cast": {"hash": "0x12"}}}, id="a hash that is none"),
        pytest.param({"body": {"success": False, "cast": {"hash": hash_of(1)}}}, id="success denied"),
        pytest.param({"body": ["?"]}, id="not an object"),
        pytest.param({"body": b"<html>"}, id="not JSON"),
        pytest.param({"body": published(), "cut": "unanswered"}, id="connection cut before the answer"),
        pytest.param({"body": published(), "cut": "midway"}, id="connection cut in the answer"),
        pytest.param({"body": {"message": "oops"}, "status": 500}, id="server error"),
        pytest.param({"body": {"message": "oops"}, "status": 503}, id="unavailable, perhaps after the fact"),
        pytest.param({"body": {"message": "idem was used"}, "status": 409}, id="idem answered by a conflict"),
        pytest.param(
            {"body": {"message": "bad_request.duplicate"}, "status": 400}, id="hub's duplicate in the message"
        ),
        pytest.param(
            {"body": {"message": "rejected", "code": "bad_request.duplicate"}, "status": 400},
            id="hub's duplicate as code",
        ),
    ],
)
def test_an_unclear_publish_is_an_unknown_outcome_and_is_not_repeated(
    http: HttpDouble, neynar: Neynar, waits: list[float], answer: dict[str, Any]
) -> None:
    http.answer(answer.pop("body"), **answer)
    with pytest.raises(OutcomeUnknown):
        neynar.publish_cast(SIGNER, "gm", idem=IDEM)
    assert len(http.requests) == 1
    assert waits == []


def test_an_idem_that_is_replayed_gives_the_first_answer(http: HttpDouble, neynar: Neynar) -> None:
    http.answer(published(7), times=2)
    first, second = (neynar.publish_cast(SIGNER, "gm", idem=IDEM) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("status", [403, 404])
def test_a_refused_signer_is_explained_without_naming_it(http: HttpDouble, neynar: Neynar, status: int) -> None:
    http.answer({"message": f"Signer {SIGNER} not found"}, status)
    with pytest.raises(RequestRefused, match="it must be approved and belong to this API key") as caught:
        neynar.publish_cast(SIGNER, "gm", idem=IDEM)
    assert caught.value.status == status
    assert SIGNER not in str(caught.value)
    assert len(http.requests) == 1


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"message": "Invalid", "errors": [{"path": ["text"]}]}, RequestRefused),
        (401, {"message": "Incorrect API key"}, KeyRefused),
        (402, {}, KeyRefused),
        (301, {}, RequestRefused),
    ],
)
def test_refusals_are_final(
    http: HttpDouble, neynar: Neynar, status: int, body: Any, error: type[ServiceError]
) -> None:
    http.answer(body, status)
    with pytest.raises(error):
        neynar.publish_cast(SIGNER, "gm", idem=IDEM)
    assert len(http.requests) == 1


def test_a_validation_error_names_the_fields(http: HttpDouble, neynar: Neynar) -> None:
    errors = [{"code": "invalid_type", "received": "private", "path": ["embeds", 0, "url"], "message": "Required"}]
    http.answer({"message": "Invalid body", "code": "InvalidField", "errors": errors}, 400)
    with pytest.raises(RequestRefused, match=r"publish a cast: Invalid body \(embeds\.0\.url\)$"):
        neynar.publish_cast(SIGNER, "gm", idem=IDEM)


@pytest.mark.parametrize(
    ("headers", "wait"), [({"Retry-After": "3"}, 3.0), ({}, None)], ids=["with Retry-After", "without"]
)
def test_a_rate_limited_write_is_repeated_with_the_same_idem(
    http: HttpDouble, neynar: Neynar, waits: list[float], headers: dict[str, str], wait: float | None
) -> None:
    http.answer({"message": "slow down"}, 429, headers=headers)
    http.answer({"success": True})
    neynar.react(SIGNER, "like", hash_of(7), 1001, idem=IDEM)
    assert [request.body["idem"] for request in http.requests] == [IDEM, IDEM]
    assert len(waits) == 1
    assert waits[0] == wait or (wait is None and 1 <= waits[0] <= 2)


def test_publish_sends_one_request_because_the_ledger_counts(
    http: HttpDouble, neynar: Neynar, waits: list[float]
) -> None:
    http.answer({"message": "slow down"}, 429, headers={"Retry-After": "3"})
    with pytest.raises(RateLimited) as caught:
        neynar.publish_cast(SIGNER, "gm", idem=IDEM)
    assert (caught.value.retry_after, len(http.requests), waits) == (3.0, 1, [])


def test_the_hubs_own_rate_limit_is_a_rate_limit(http: HttpDouble, neynar: Neynar) -> None:
    http.answer({"message": "bad_request.rate_limited"}, 400, times=3)
    with pytest.raises(RateLimited):
        neynar.publish_cast(SIGNER, "gm", idem=IDEM)


def test_a_refused_connection_was_certainly_not_a_publish() -> None:
    with HttpDouble() as closed:
        pass
    with pytest.raises(ServiceUnavailable):
        Neynar("neynar-test-key", closed.url, sleep=lambda _: None).publish_cast(SIGNER, "gm", idem=IDEM)


def test_without_a_key_the_variable_is_named(http: HttpDouble) -> None:
    with pytest.raises(KeyRefused, match="NEYNAR_API_KEY"):
        Neynar(None, http.url).publish_cast(SIGNER, "gm", idem=IDEM)
    assert http.requests == []


def test_nothing_of_a_publish_is_logged(http: HttpDouble, neynar: Neynar, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    http.answer(published())
    neynar.publish_cast(SIGNER, "secret plans", idem=IDEM)
    assert caplog.text == ""
    assert redact(f"{SIGNER} neynar-test-key") == f"{MASK} {MASK}"


@pytest.mark.parametrize(
    "call",
    [
        lambda n: n.delete_cast(SIGNER, hash_of(1)),
        lambda n: n.react(SIGNER, "like", hash_of(1), 3, idem=IDEM),
        lambda n: n.unreact(SIGNER, "like", hash_of(1), 3, idem=IDEM),
    ],
    ids=["delete", "react", "unreact"],
)
def test_a_write_that_answers_no_is_refused(http: HttpDouble, neynar: Neynar, call: Any) -> None:
    http.answer({"success": False, "message": "not yours"})
    with pytest.raises(RequestRefused, match="not yours"):
        call(neynar)


# Finding a lost cast


def find(neynar: Neynar, text: str = "gm", **options: Any) -> str | None:
    settings: dict[str, Any] = {"parent": None, "since": SINCE, "used": ()} | options
    return neynar.find_cast(1001, text, **settings)


PARENT = {"parent_hash": hash_of(1)}
PICTURES = {"embeds": [{"url": "https://a.example/1"}, {"cast_id": {"fid": 3}}]}


@pytest.mark.parametrize(
    ("cast", "options", "found"),
    [
        pytest.param(make_cast(9), {}, True, id="the same"),
        pytest.param(make_cast(9, "gn"), {}, False, id="another text"),
        pytest.param(make_cast(9, "GM"), {}, False, id="another case"),
        pytest.param(make_cast(9, "gm  \n"), {}, True, id="space at its end"),
        pytest.param(make_cast(9, "cafe\u0301"), {"text": "caf\u00e9"}, True, id="decomposed letters"),
        pytest.param(make_cast(9, "a\nb"), {"text": "a\r\nb"}, True, id="other line ends"),
        pytest.param(make_cast(9, "gm @dwr.eth"), {"text": "gm @Dwr.eth"}, True, id="a username in lower case"),
        pytest.param(make_cast(9, seconds=-60), {}, True, id="clocks differ by a minute"),
        pytest.param(make_cast(9, seconds=-61), {}, False, id="too old"),
        pytest.param(make_cast(9), {"used": {hash_of(9).upper().replace("0X", "0x")}}, False, id="another part's cast"),
        pytest.param(make_cast(9, **PARENT), {}, False, id="a reply, but a first part was sent"),
        pytest.param(make_cast(9), {"parent": hash_of(1)}, False, id="a first part, but a reply was sent"),
        pytest.param(make_cast(9, **PARENT), {"parent": hash_of(1)}, True, id="the same parent"),
        pytest.param(make_cast(9, parent_hash=""), {}, True, id="an empty parent"),
        pytest.param(make_cast(9, parent_url="https://farcaster.xyz/~/channel/base"), {}, True, id="in a channel"),
        pytest.param(make_cast(9, author={"fid": 3}), {}, False, id="somebody else's"),
        pytest.param(make_cast(9, author=None), {}, True, id="author left out"),
        pytest.param(make_cast(9, **PICTURES), {}, True, id="embeds do not matter beside a text"),
        pytest.param(
            make_cast(9, "", **PICTURES), {"text": "", "embeds": ["https://a.example/1"]}, True, id="same picture"
        ),
        pytest.param(
            make_cast(9, "", **PICTURES), {"text": "", "embeds": ["https://a.example/2"]}, False, id="another one"
        ),
        pytest.param(
            make_cast(9, "gm", **PICTURES), {"text": "", "embeds": ["https://a.example/1"]}, False, id="has text"
        ),
    ],
)
def test_a_lost_cast_is_recognised(
    http: HttpDouble, neynar: Neynar, cast: dict[str, Any], options: dict[str, Any], found: bool
) -> None:
    http.answer(feed(cast))
    assert find(neynar, **options) == (hash_of(9) if found else None)


def test_a_lost_cast_without_a_readable_hash_is_an_error_and_another_ones_is_not(
    http: HttpDouble, neynar: Neynar
) -> None:
    http.answer(feed(make_cast(8, "another") | {"hash": "free form"}, make_cast(9)))
    assert find(neynar) == hash_of(9)
    http.answer(feed(make_cast(9) | {"hash": "free form"}))
    with pytest.raises(ServiceUnavailable, match="has no readable hash"):
        find(neynar)


def test_of_several_equal_casts_the_oldest_is_taken(http: HttpDouble, neynar: Neynar) -> None:
    http.answer(feed(make_cast(4, seconds=9), make_cast(3, seconds=2), make_cast(2, seconds=2), cursor="older"))
    http.answer(feed(make_cast(1, seconds=-300)))
    assert find(neynar) == hash_of(2)


def test_the_look_up_follows_the_cursor_until_a_whole_page_is_too_old(http: HttpDouble, neynar: Neynar) -> None:
    http.answer(feed(make_cast(1, "pinned", seconds=-9000), make_cast(2, "a", seconds=50), cursor="p2"))
    http.answer(feed(cursor="p3"))
    http.answer(feed(make_cast(3, seconds=5), make_cast(4, "b", seconds=-3600), cursor="p4"))
    http.answer(feed(make_cast(5, "c", seconds=-3700), cursor="p5"))
    assert find(neynar) == hash_of(3)
    assert [request.query.get("cursor") for request in http.requests] == [None, ["p2"], ["p3"], ["p4"]]
    assert http.requests[0].query["limit"] == [str(LOOKUP_PAGE)]
    assert http.requests[0].query["include_replies"] == ["true"]


def test_a_look_up_that_cannot_reach_far_enough_is_an_error_not_an_absence(http: HttpDouble, neynar: Neynar) -> None:
    http.answer(feed(make_cast(1, "other"), cursor="again"), times=LOOKUP_PAGES + 5)
    with pytest.raises(ServiceUnavailable, match="could not be looked up"):
        find(neynar)
    assert len(http.requests) == LOOKUP_PAGES


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        pytest.param({"message": "down"}, 500, ServiceUnavailable, id="server error"),
        pytest.param({"message": "slow down"}, 429, RateLimited, id="rate limit"),
        pytest.param({"message": "no"}, 404, RequestRefused, id="not found is no absence"),
        pytest.param({}, 200, ServiceUnavailable, id="no list"),
        pytest.param([], 200, ServiceUnavailable, id="not an object"),
        pytest.param(feed({"hash": "0x12"}), 200, ServiceUnavailable, id="a cast that cannot be read"),
    ],
)
def test_a_failed_look_up_is_never_an_absence(
    http: HttpDouble, neynar: Neynar, body: Any, status: int, error: type[ServiceError]
) -> None:
    http.answer(body, status, times=3)
    with pytest.raises(error):
        find(neynar)


def test_an_error_about_an_unreadable_answer_does_not_quote_it(http: HttpDouble, neynar: Neynar) -> None:
    http.answer(feed({"hash": "private words", "timestamp": "never"}))
    with pytest.raises(ServiceUnavailable, match="timestamp") as caught:
        find(neynar)
    assert "private words" not in str(caught.value)


# Reading


def test_counts_are_read_in_chunks_and_keyed_as_asked(http: HttpDouble, neynar: Neynar) -> None:
    hashes = [hash_of(number) for number in range(CASTS_PER_CALL + 2)]
    asked = [hashes[0].upper().replace("0X", "0x"), *hashes[1:]]
    counts = {"reactions": {"likes_count": 5, "recasts_count": 2}, "replies": {"count": 1}}
    http.answer({"result": {"casts": [make_cast(0, **counts), make_cast(1)]}})
    http.answer({"message": "none of them"}, 404)
    found = neynar.casts(asked)
    assert [len(request.query["casts"][0].split(",")) for request in http.requests] == [CASTS_PER_CALL, 2]
    assert set(found) == set(asked[:2])
    first = found[asked[0]]
    assert (first.likes, first.recasts, first.replies) == (5, 2, 1)


def test_a_page_of_casts_ends_with_a_null_cursor(http: HttpDouble, neynar: Neynar) -> None:
    http.answer(feed(make_cast(1), cursor="more"))
    http.answer({"casts": [make_cast(2)]})
    first, second = neynar.user_casts(1001, 999), neynar.user_casts(1001, cursor="more")
    assert (first.cursor, second.cursor) == ("more", None)
    assert http.requests[0].query["limit"] == ["150"]
    cast = first.items[0]
    assert (cast.text, cast.at, cast.author_fid, cast.parent_hash) == ("gm", SINCE, 1001, None)


def test_notifications_are_asked_in_the_plural_and_told_in_the_singular(http: HttpDouble, neynar: Neynar) -> None:
    moment = {"object": "notification", "most_recent_timestamp": "2026-09-01T12:00:00.000Z", "seen": False}
    http.answer(
        {
            "unseen_notifications_count": 4,
            "notifications": [
                moment | {"type": "mention", "cast": make_cast(1, "hey @ada")},
                moment | {"type": "likes", "count": 12, "cast": {"object": "cast_dehydrated", "hash": hash_of(2)}},
                moment | {"type": "follows", "count": 2, "follows": [{"user": {"fid": 3}}]},
                moment | {"type": "tips"},
            ],
            "next": {"cursor": None},
        }
    )
    page = neynar.notifications(1001, ("mention", "reply", "like", "recast"), 99)
    assert http.requests[0].query["type"] == ["mentions", "replies", "likes", "recasts"]
    assert http.requests[0].query["limit"] == ["25"]
    assert [item.kind for item in page.items] == ["mention", "like", "follow", "tips"]
    assert [item.count for item in page.items] == [0, 12, 2, 0]
    assert page.items[0].cast is not None
    assert page.items[0].cast.text == "hey @ada"
    assert page.items[1].cast is None


@pytest.mark.parametrize(
    ("fields", "score"),
    [
        pytest.param({"score": 0.9, "experimental": {"neynar_user_score": 0.1}}, 0.9, id="new name first"),
        pytest.param({"experimental": {"neynar_user_score": 0.4, "deprecation_notice": "…"}}, 0.4, id="old name"),
        pytest.param({"score": None, "experimental": {"neynar_user_score": 0.4}}, 0.4, id="new name empty"),
        pytest.param({"score": 0.0, "experimental": {"neynar_user_score": 0.4}}, 0.0, id="zero is a score"),
        pytest.param({}, None, id="none at all"),
    ],
)
def test_a_score_is_found_under_either_name(
    http: HttpDouble, neynar: Neynar, fields: dict[str, Any], score: float | None
) -> None:
    http.answer({"users": [{"fid": 3, "username": "dwr", "display_name": None, "follower_count": 5, **fields}]})
    user = neynar.users([3])[3]
    assert user.score == score
    assert (user.display_name, user.followers) == ("", 5)


def test_users_are_asked_in_hundreds_and_mapped_by_fid(http: HttpDouble, neynar: Neynar) -> None:
    http.answer({"users": [{"fid": 50}, {"fid": 1}]})
    http.answer({"users": [{"fid": 101}]})
    assert list(neynar.users([*range(1, 102), 1])) == [50, 1, 101]
    assert [len(request.query["fids"][0].split(",")) for request in http.requests] == [100, 1]


def test_asking_for_nobody_asks_nobody(http: HttpDouble, neynar: Neynar) -> None:
    assert (neynar.users([]), neynar.casts([])) == ({}, {})
    assert http.requests == []


def test_what_does_not_exist_is_none(http: HttpDouble, neynar: Neynar) -> None:
    http.answer({"message": "not found"}, 404, times=2)
    assert neynar.user_by_name("nobody") is None
    assert neynar.channel("nowhere") is None


def test_a_name_and_a_channel_are_read(http: HttpDouble, neynar: Neynar) -> None:
    http.answer({"user": {"fid": 3, "username": "dwr"}})
    http.answer({"channel": {"id": "base", "name": "Base", "url": "https://b.example", "follower_count": 8}})
    user, channel = neynar.user_by_name("@dwr"), neynar.channel("base")
    assert user is not None
    assert user.fid == 3
    assert http.requests[0].query["username"] == ["dwr"]
    assert channel is not None
    assert (channel.name, channel.followers) == ("Base", 8)


@pytest.mark.parametrize(
    ("status", "approved"), [("approved", True), ("pending_approval", False), ("generated", False), ("revoked", False)]
)
def test_only_an_approved_signer_can_write(http: HttpDouble, neynar: Neynar, status: str, approved: bool) -> None:
    http.answer({"signer_uuid": SIGNER, "public_key": "0x1", "status": status} | ({"fid": 1001} if approved else {}))
    signer = neynar.signer(SIGNER)
    assert (signer.is_approved, signer.fid) == (approved, 1001 if approved else None)


def responses(found: Responses | None) -> tuple[Response, ...]:
    assert found is not None
    return found.items


def test_the_accounts_that_respond_to_a_cast_are_listed(http: HttpDouble, neynar: Neynar) -> None:
    like = {"reaction_type": "like", "reaction_timestamp": "2026-09-01T12:00:00Z", "user": {"fid": 3}}
    http.answer({"reactions": [like, {**like, "user": None}], "next": {"cursor": None}})
    answers = [
        {"hash": hash_of(2), "timestamp": "2026-09-01T12:00:00Z", "author": {"fid": 4}},
        {"hash": hash_of(3), "author": {"fid": 5}},
    ]
    http.answer({"conversation": {"cast": {"hash": hash_of(1), "direct_replies": answers}}, "next": {"cursor": None}})
    http.answer({"message": "Cast not found"}, 404)
    http.answer({"conversation": None})
    assert [(one.kind, one.fid) for one in responses(neynar.reactions(hash_of(1)))] == [("like", 3), ("like", None)]
    deleted = "a deleted answer leaves a stub without a time"
    assert [(one.kind, one.fid) for one in responses(neynar.replies(hash_of(1)))] == [("reply", 4)], deleted
    assert neynar.replies(hash_of(1)) is None
    with pytest.raises(ServiceUnavailable, match="unreadable"):
        neynar.replies(hash_of(1))


@pytest.mark.parametrize(
    ("pages", "listed", "is_complete"),
    [
        ([0], 0, True),
        ([7], 7, True),
        ([RESPONSES_PER_CALL, 30], 130, True),
        ([RESPONSES_PER_CALL] * 9, MAX_LISTED, False),
    ],
)
def test_responses_are_listed_page_by_page_up_to_a_bound(
    http: HttpDouble, neynar: Neynar, pages: list[int], listed: int, is_complete: bool
) -> None:
    for number, size in enumerate(pages):
        quotes = [{"object": "cast", "hash": hash_of(index), "author": {"fid": index + 1}} for index in range(size)]
        cursor = f"c{number}" if number + 1 < len(pages) else None
        http.answer({"casts": quotes, "next": {"cursor": cursor}})
    found = neynar.quotes(hash_of(1))
    assert found is not None and (len(found.items), found.is_complete) == (listed, is_complete)


def test_storage_is_read(http: HttpDouble, neynar: Neynar) -> None:
    http.answer({"total_active_units": 2, "casts": {"capacity": 200, "used": 150}})
    storage = neynar.storage(1001)
    assert (storage.casts_used, storage.casts_capacity, storage.units) == (150, 200, 2)


def test_what_is_hot_comes_from_topics_and_channels_whose_counts_are_strings(http: HttpDouble, neynar: Neynar) -> None:
    http.answer({"topics": [{"name": "Gas", "slug": "gas", "summary": None, "authors": []}], "next": {"cursor": None}})
    http.answer({"channels": [{"channel": {"id": "base", "name": "Base"}, "cast_count_1d": "1234"}]})
    [topic], [channel] = neynar.trending_topics(), neynar.trending_channels()
    assert (topic.slug, topic.summary) == ("gas", "")
    assert (channel.id, channel.casts_1d) == ("base", 1234)


def test_a_wrong_key_or_address_fails_the_check(http: HttpDouble, neynar: Neynar) -> None:
    http.answer({"message": "Incorrect API key"}, 401)
    with pytest.raises(KeyRefused):
        neynar.check_key()
    http.answer({"message": "no such page"}, 404)
    with pytest.raises(RequestRefused):
        neynar.check_key()


def test_a_read_rides_out_a_blip(http: HttpDouble, neynar: Neynar, waits: list[float]) -> None:
    http.answer(cut="unanswered")
    http.answer({}, 502)
    http.answer({"users": [{"fid": 3}]})
    assert set(neynar.users([3])) == {3}
    assert len(waits) == 2
