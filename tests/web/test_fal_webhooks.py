"""fal.ai's webhooks: only recently signed ones are accepted, and the keys may change."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from Crypto.Signature import eddsa
from helpers.web_app import Site

from ceos.clients.fal.webhooks import is_signed, may_be_signed, public_keys
from ceos.errors import ServiceUnavailable, StoreUnavailable
from ceos.web.fal_webhooks import KEYS_SECONDS, REFRESH_SECONDS, FalWebhooks

#: A public key of RFC 8032, section 7.1, test 3.
RFC_PUBLIC = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
NOW = 1_780_000_000
BODY = json.dumps({"request_id": "r-1", "status": "OK", "payload": {}}).encode()


def make_key(number: int) -> Any:
    return eddsa.import_private_key(bytes([number]) * 32)


def raw(key: Any) -> bytes:
    found: bytes = key.public_key().export_key(format="raw")
    return found


KEY, OTHER_KEY = make_key(1), make_key(2)


def headers(body: bytes = BODY, *, key: Any = KEY, at: int = NOW, **changes: str) -> dict[str, str]:
    """Return the headers of a webhook as fal.ai signs them; `changes` replace some afterwards."""
    parts = ("r-1", "user-1", str(at))
    message = "\n".join([*parts, hashlib.sha256(body).hexdigest()])
    values = dict(zip(("request_id", "user_id", "timestamp"), parts, strict=True))
    values["signature"] = eddsa.new(key, "rfc8032").sign(message.encode()).hex()
    return {f"x-fal-webhook-{name.replace('_', '-')}": text for name, text in {**values, **changes}.items()}


@pytest.mark.parametrize(
    ("changes", "is_good"),
    [
        pytest.param({}, True, id="as it was signed"),
        pytest.param({"signature": headers()["x-fal-webhook-signature"].upper()}, True, id="the case says nothing"),
        pytest.param({"request_id": "r-2"}, False, id="another request"),
        pytest.param({"user_id": "user-2"}, False, id="another user"),
        pytest.param({"timestamp": str(NOW + 1)}, False, id="another time"),
        pytest.param({"signature": "00" * 64}, False, id="zeros"),
        pytest.param({"signature": "ff" * 64}, False, id="no point of the curve"),
    ],
)
def test_a_signature_covers_every_header_and_the_body(changes: dict[str, str], is_good: bool) -> None:
    assert is_signed(headers(**changes), BODY, [raw(OTHER_KEY), raw(KEY)]) is is_good
    assert not is_signed(headers(**changes), BODY + b" ", [raw(KEY)])
    assert not is_signed(headers(**changes), BODY, [raw(OTHER_KEY)])
    assert not is_signed(headers(**changes), BODY, [])
    assert not is_signed(headers(**changes), BODY, [b"\xff" * 32])


@pytest.mark.parametrize(
    ("changes", "now", "is_good"),
    [
        pytest.param({}, NOW, True, id="now"),
        pytest.param({}, NOW + 300, True, id="five minutes old"),
        pytest.param({}, NOW + 301, False, id="older"),
        pytest.param({}, NOW - 301, False, id="from the future"),
        pytest.param({"timestamp": ""}, NOW, False, id="no time"),
        pytest.param({"timestamp": "-5"}, NOW, False, id="no number"),
        pytest.param({"timestamp": "٣" * 10}, NOW, False, id="digits of another script"),
        pytest.param({"timestamp": "9" * 4000}, NOW, False, id="a number without end"),
        pytest.param({"signature": "ab"}, NOW, False, id="a short signature"),
        pytest.param({"signature": "zz" * 64}, NOW, False, id="no hex"),
    ],
)
def test_headers_are_checked_before_the_body_is_read(changes: dict[str, str], now: int, is_good: bool) -> None:
    assert may_be_signed(headers(**changes), now) is is_good


def jwk(key: bytes, **changes: Any) -> dict[str, Any]:
    return {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(key).rstrip(b"=").decode(), **changes}


@pytest.mark.parametrize(
    ("jwks", "keys"),
    [
        pytest.param({"keys": [jwk(RFC_PUBLIC), jwk(raw(KEY))]}, [RFC_PUBLIC, raw(KEY)], id="two keys"),
        pytest.param(
            {"keys": [jwk(b"short"), {"x": None}, {"x": "§"}, "?", jwk(RFC_PUBLIC)]}, [RFC_PUBLIC], id="some bad"
        ),
        pytest.param({"keys": None}, [], id="none"),
        pytest.param(["?"], [], id="no set"),
    ],
)
def test_keys_are_read_from_their_set(jwks: Any, keys: list[bytes]) -> None:
    assert public_keys(jwks) == keys


class Source:
    """The keys that fal.ai publishes, and the number of times they were fetched."""

    def __init__(self, *keys: Any) -> None:
        self.keys = [raw(key) for key in keys]
        self.fetched = 0

    def __call__(self) -> list[bytes]:
        self.fetched += 1
        return self.keys


class Reports(list[tuple[str, str, str]]):
    """Stands for `Ledger.report_video`."""

    answer = "ok"

    def __call__(self, run: str, key: str, request_id: str) -> str:
        self.append((run, key, request_id))
        return self.answer


def test_keys_are_fetched_seldom_and_again_when_they_have_changed() -> None:
    now = [float(NOW)]
    source = Source(KEY)
    webhooks = FalWebhooks(source, Reports(), now=lambda: now[0])

    def is_taken(key: Any) -> bool:
        return webhooks._is_signed(headers(key=key, at=int(now[0])), BODY)

    assert [is_taken(KEY) for _ in range(3)] == [True] * 3
    assert source.fetched == 1
    # Webhooks of strangers do not have them fetched over and over.
    assert [is_taken(OTHER_KEY) for _ in range(3)] == [False] * 3
    assert source.fetched == 1
    now[0] += REFRESH_SECONDS + 1
    source.keys = [raw(OTHER_KEY)]
    assert (is_taken(OTHER_KEY), source.fetched) == (True, 2)
    now[0] += KEYS_SECONDS + 1
    assert (is_taken(OTHER_KEY), source.fetched) == (True, 3)


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def source() -> Source:
    return Source(KEY)


@pytest.fixture
def site(source: Source, reports: Reports) -> Iterator[Site]:
    with Site(None, videos=FalWebhooks(source, reports, now=lambda: NOW)) as web:
        yield web


PATH = "/webhooks/fal?run=ada%3A1&key=secret-key"


def test_a_signed_webhook_is_reported_with_the_run_and_the_secret_of_its_address(
    site: Site, reports: Reports, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        assert site.ask("POST", PATH, BODY, **headers()) == (200, {"ok": True, "ignored": ""})
    assert reports == [("ada:1", "secret-key", "r-1")]
    assert "secret-key" not in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize(
    ("body", "changes", "status"),
    [
        pytest.param(BODY, {"signature": "00" * 64}, 401, id="forged"),
        pytest.param(BODY, {"signature": ""}, 401, id="not signed"),
        pytest.param(BODY, {"timestamp": "1"}, 401, id="old"),
        pytest.param(b"gm", None, 400, id="not JSON"),
        pytest.param(b"[]", None, 400, id="no object"),
        pytest.param(b'{"request_id": 5}', None, 400, id="no id"),
        pytest.param(b'{"request_id": "' + b"x" * 101 + b'"}', None, 400, id="a long id"),
        pytest.param(b"\xff" * 10, None, 400, id="not UTF-8"),
        pytest.param(b"[" * 100_000, None, 400, id="nested without end"),
    ],
)
def test_what_is_not_signed_or_names_no_job_is_refused(
    site: Site, reports: Reports, body: bytes, changes: dict[str, str] | None, status: int
) -> None:
    assert site.ask("POST", PATH, body, **headers(body, **(changes or {})))[0] == status
    assert reports == []


@pytest.mark.parametrize(
    ("outcome", "words"),
    [("unknown", "No run waits"), ("forged", "not one that this installation"), ("another", "another")],
)
def test_a_signed_webhook_about_something_else_is_ignored(
    site: Site, reports: Reports, outcome: str, words: str
) -> None:
    reports.answer = outcome
    status, answer = site.ask("POST", PATH, BODY, **headers())
    assert (status, words in answer["ignored"]) == (200, True)


@pytest.mark.parametrize("error", [StoreUnavailable(), ServiceUnavailable("fal.ai is away")])
def test_the_sender_comes_again_while_redis_or_the_keys_are_away(
    site: Site, source: Source, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(self: Any, *args: Any) -> Any:
        raise error

    owner = Reports if isinstance(error, StoreUnavailable) else Source
    monkeypatch.setattr(owner, "__call__", fail)
    assert site.ask("POST", PATH, BODY, **headers())[0] == 503


def test_without_a_public_address_there_is_no_path_for_them() -> None:
    with Site(None) as web:
        assert web.ask("POST", PATH, BODY, **headers())[0] == 404
