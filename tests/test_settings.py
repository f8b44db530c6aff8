"""The settings: every variable, every mistake in one report, and what `.env` may do."""

from __future__ import annotations

from pathlib import Path

import pytest

from ceos.errors import InvalidInput
from ceos.logs import redact
from ceos.settings import Settings
from ceos.storage.addresses import database_of, next_database

REDIS_FORM = "an address like redis://host:6379/0, rediss://host:6379/0 or unix:///path?db=0"


def settings(**environ: str) -> Settings:
    return Settings.from_env(environ, dotenv=None)


def problems(**environ: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        settings(**environ)
    return caught.value.problems


def test_defaults_need_no_variable() -> None:
    plain = settings()
    assert (plain.redis_url, plain.scheduler, plain.log_format) == (None, "embedded", "json")
    assert plain.openrouter_base_url == "https://openrouter.ai/api/v1"
    assert (plain.base_chain_id, plain.neynar_base_url) == (8453, "https://api.neynar.com/v2")


def test_every_variable_has_a_sentence_of_help() -> None:
    assert [name for name, help in Settings.variables().items() if not help.endswith(".")] == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        pytest.param("CEOS_REDIS_URL", "localhost:6379", REDIS_FORM, id="no scheme"),
        pytest.param("CEOS_REDIS_URL", "http://localhost", REDIS_FORM, id="other scheme"),
        pytest.param("CEOS_REDIS_URL", "redis://localhost:port/0", REDIS_FORM, id="port is no number"),
        pytest.param("CEOS_REDIS_URL", "redis://localhost:99999/0", REDIS_FORM, id="port out of range"),
        pytest.param("CEOS_REDIS_URL", "redis://localhost/main", REDIS_FORM, id="database is no number"),
        pytest.param("CEOS_REDIS_URL", "redis://[::1/0", REDIS_FORM, id="broken address"),
        pytest.param("CEOS_BROKER_URL", "unix://?db=1", REDIS_FORM, id="socket without path"),
        pytest.param("CEOS_BROKER_URL", "unix:///tmp/x?db=one", REDIS_FORM, id="socket with a named database"),
        pytest.param("CEOS_SCHEDULER", "on", "'embedded' or 'off'", id="no such choice"),
        pytest.param("CEOS_LOG_LEVEL", "INFO", "'debug', 'info', 'warning' or 'error'", id="capitals"),
        pytest.param("OPENROUTER_BASE_URL", "openrouter.ai", "an http:// or https:// address", id="bare host"),
        pytest.param("BASE_CHAIN_ID", "base", "a whole number", id="no number"),
        pytest.param("CEOS_LEASE_SECONDS", "1", "at least 2", id="too short a lease"),
        pytest.param("CEOS_LEASE_SECONDS", "a minute", "a number", id="words"),
        pytest.param("CEOS_LEASE_SECONDS", "nan", "at most 600", id="not a number"),
        pytest.param("CEOS_REVIEW_HOURS", "0", "more than 0", id="no time to review"),
        pytest.param("CEOS_CLOCK_SPEED", "1e9", "at most 100000", id="too fast"),
    ],
)
def test_a_bad_variable_is_named_with_what_was_expected(name: str, value: str, expected: str) -> None:
    assert problems(**{name: value}) == [f"{name} is not valid: expected {expected}."]


def test_all_bad_variables_are_in_one_error_and_no_value_is_shown() -> None:
    found = problems(CEOS_REDIS_URL="sk-or-in-the-wrong-place", BASE_CHAIN_ID="secret", CEOS_LOG_FORMAT="xml")
    assert [line.split()[0] for line in found] == ["CEOS_REDIS_URL", "CEOS_LOG_FORMAT", "BASE_CHAIN_ID"]
    assert "wrong-place" not in "".join(found) and "secret" not in "".join(found)


def test_inspect_goes_on_with_the_defaults_of_bad_variables() -> None:
    found, wrong = Settings.inspect({"CEOS_LOG_LEVEL": "loud", "BASE_CHAIN_ID": "84532"}, dotenv=None)
    assert (found.log_level, found.base_chain_id, list(wrong)) == ("info", 84532, ["CEOS_LOG_LEVEL"])


def test_an_empty_variable_counts_as_unset() -> None:
    assert settings(CEOS_REDIS_URL="", CEOS_LOG_LEVEL="").redis_url is None


def test_addresses_lose_their_last_slash() -> None:
    assert settings(NEYNAR_BASE_URL="http://localhost/v2/").neynar_base_url == "http://localhost/v2"


def test_home_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert settings(CEOS_HOME="~/x").home_folder() == Path("/home/ada/x")


def test_keys_are_not_in_the_text_of_the_settings() -> None:
    keys = settings(OPENROUTER_API_KEY="sk-or-123456789", NEYNAR_API_KEY="neynar-123456", FAL_KEY="a1b2c3:d4e5f6")
    assert not {"sk-or-123456789", "neynar-123456", "a1b2c3:d4e5f6"} & set(str(keys).split("'"))
    assert "neynar-123456" not in repr(keys)


@pytest.mark.parametrize(
    "url",
    [
        "redis://ada:pass%20word-1@localhost/0",
        "unix://ada:pass%20word-1@/tmp/valkey.sock?db=0",
        "unix:///tmp/valkey.sock?db=0&password=pass%20word-1",
    ],
)
def test_the_password_of_redis_is_a_secret(url: str) -> None:
    settings(CEOS_REDIS_URL=url)
    assert redact("login with pass word-1 failed") == "login with [redacted] failed"
    assert "word-1" not in redact(f"cannot reach {url}")


# .env


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("CEOS_LOG_LEVEL=debug\nCEOS_LOG_FORMAT=text\nADA_SIGNER=from-the-file\n")
    found = Settings.from_env({"CEOS_LOG_LEVEL": "error"}, dotenv=file)
    assert (found.log_level, found.log_format) == ("error", "text")
    assert found.variable("ADA_SIGNER") == "from-the-file"
    assert found.variable("BOB_SIGNER") is None


def test_a_bad_value_in_the_file_is_reported_like_any_other(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("CEOS_LOG_LEVEL=loud\n")
    with pytest.raises(InvalidInput, match="CEOS_LOG_LEVEL is not valid"):
        Settings.from_env({}, dotenv=file)


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"NAME=J\xfcrgen\n")
    with pytest.raises(InvalidInput, match=r"\.env is not UTF-8; save it with that encoding"):
        Settings.from_env({}, dotenv=file)


def test_no_file_is_fine(tmp_path: Path) -> None:
    assert Settings.from_env({}, dotenv=tmp_path / ".env").log_level == "info"


# Redis addresses


@pytest.mark.parametrize(
    ("url", "where", "following"),
    [
        ("redis://localhost", ("localhost", "6379", 0), "redis://localhost/1"),
        ("redis://localhost:7000/3", ("localhost", "7000", 3), "redis://localhost:7000/4"),
        ("rediss://u:p@host/0?ssl_cert_reqs=none", ("host", "6379", 0), "rediss://u:p@host/1?ssl_cert_reqs=none"),
        # redis-py lets the option win over the path, so the next database must not keep it.
        ("redis://localhost/2?db=5", ("localhost", "6379", 5), "redis://localhost/6"),
        ("unix:///tmp/a.sock", ("/tmp/a.sock", "", 0), "unix:///tmp/a.sock?db=1"),
        ("unix:///tmp/a%20b.sock?db=2", ("/tmp/a b.sock", "", 2), "unix:///tmp/a%20b.sock?db=3"),
        ("unix://u:p@/tmp/a.sock?db=1", ("/tmp/a.sock", "", 1), "unix://u:p@/tmp/a.sock?db=2"),
    ],
)
def test_the_messages_get_the_next_database_of_the_same_server(
    url: str, where: tuple[str, str, int], following: str
) -> None:
    assert (database_of(url), next_database(url)) == (where, following)
