"""Logs: the shape of a line, the ids bound to it, and that no secret leaves in any of its parts."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import dramatiq
import pytest

from ceos import logs
from ceos.actors.middleware import LogContext
from ceos.logs import MASK, bind, event, redact, register_secret, set_bound

log = logging.getLogger("ceos.test_logs")

SECRET = 'q"uoted\\secret-ü-42'
FORMATS: list[Literal["json", "text"]] = ["json", "text"]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Put the log, and what is bound, back as they were."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    set_bound({})


def stream(format: Literal["json", "text"], level: str = "debug", **options: Any) -> io.StringIO:
    target = io.StringIO()
    logs.configure(level, format, target, **options)
    return target


def line(target: io.StringIO) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(target.getvalue())
    return found


# The shape


def test_a_json_line_has_time_level_logger_message_event_and_ids() -> None:
    target = stream("json")
    with bind(agent="ada", draft="ada:1", message_id="m-1"):
        log.info("Cast published", extra=event("cast.published", hash="0xabc"))
    found = line(target)
    assert found.pop("time")[:2] == "20"
    assert found == {
        "level": "INFO",
        "logger": "ceos.test_logs",
        "message": "Cast published",
        "event": "cast.published",
        "hash": "0xabc",
        "agent": "ada",
        "draft": "ada:1",
        "message_id": "m-1",
    }


def test_every_record_is_one_json_line_even_with_line_breaks_and_exceptions() -> None:
    target = stream("json")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        log.exception("It\nfailed", extra=event("x.failed", detail={"deep": ["a", 1]}))
    assert target.getvalue().count("\n") == 1
    found = line(target)
    assert (found["message"], found["detail"]) == ("It\nfailed", {"deep": ["a", 1]})
    assert "ValueError: two\nlines" in found["exc_info"]


def test_a_text_line_ends_with_the_fields() -> None:
    target = stream("text")
    with bind(agent="ada"):
        log.warning("Slots were missed", extra=event("slot.missed", count=3))
    assert target.getvalue().split(" ", 1)[1] == "WARNING Slots were missed  [count=3 agent=ada]\n"


def test_a_list_in_a_text_line_reads_as_sentences() -> None:
    target = stream("text")
    log.warning("Not by the rules", extra=event("draft.warned", reasons=["It has a link.", 'It names "@ada".']))
    assert target.getvalue().endswith('Not by the rules  [reasons=It has a link. It names "@ada".]\n')


def test_a_strangers_words_begin_no_line_of_their_own() -> None:
    target = stream("text")
    log.warning("A skill failed", extra=event("skill.failed", error="no\n12:00:00 INFO    All is well\x1b[2J"))
    assert len(target.getvalue().splitlines()) == 1
    assert "\x1b" not in target.getvalue()


@pytest.mark.parametrize(("tracebacks", "shown"), [(True, True), (False, False)])
def test_a_person_at_a_terminal_is_spared_tracebacks(tracebacks: bool, shown: bool) -> None:
    target = stream("text", tracebacks=tracebacks)
    try:
        raise ValueError("inside")
    except ValueError:
        log.warning("A plugin failed", exc_info=True)
    assert ("Traceback" in target.getvalue()) is shown
    assert "A plugin failed" in target.getvalue()


def test_a_field_of_the_call_wins_over_a_bound_one() -> None:
    target = stream("json")
    with bind(agent="ada"):
        log.info("Agent applied", extra=event("agent.applied", agent="bob"))
    assert line(target)["agent"] == "bob"


def test_bound_ids_end_with_their_block_and_nest() -> None:
    target = stream("json")
    with bind(agent="ada"):
        with bind(draft="ada:1"):
            log.info("inside")
        log.info("between")
    log.info("outside")
    inside, between, outside = map(json.loads, target.getvalue().splitlines())
    assert (inside["agent"], inside["draft"]) == ("ada", "ada:1")
    assert "draft" not in between and "agent" not in outside


def test_the_level_is_obeyed_and_chatty_libraries_are_kept_quiet() -> None:
    target = stream("json", "info")
    log.debug("no")
    logging.getLogger("urllib3").info("no")
    logging.getLogger("dramatiq.worker").info("no")
    assert target.getvalue() == ""


def test_the_middleware_binds_the_ids_of_a_message_and_unbinds_them() -> None:
    target = stream("json")
    message = dramatiq.Message[Any](
        queue_name="write", actor_name="write", args=("ada:1700",), kwargs={}, options={}, message_id="m-7"
    )
    broker: Any = None
    LogContext().before_process_message(broker, message)
    log.info("working")
    LogContext().after_process_message(broker, message)
    log.info("idle")
    working, idle = map(json.loads, target.getvalue().splitlines())
    assert {key: working[key] for key in ("agent", "draft", "message_id")} == {
        "agent": "ada",
        "draft": "ada:1700",
        "message_id": "m-7",
    }
    assert "agent" not in idle


# Secrets


@pytest.mark.parametrize(
    ("text", "left"),
    [
        pytest.param("Authorization: Bearer abcdefgh-1234", f"Authorization: Bearer {MASK}", id="header"),
        pytest.param("Bearer abcdefgh.1234.xyz", f"Bearer {MASK}", id="bearer alone"),
        pytest.param("{'x-api-key': 'NEYNAR-0001-22'}", f"{{'x-api-key': '{MASK}'}}", id="repr of headers"),
        pytest.param('{"X-Api-Key": "NEYNAR-0001-22"}', f'{{"X-Api-Key": "{MASK}"}}', id="headers in JSON"),
        pytest.param(
            '"{\\"x-api-key\\": \\"NEYNAR-0001-22\\"}"', f'"{{\\"x-api-key\\": \\"{MASK}\\"}}"', id="JSON in JSON"
        ),
        pytest.param("Authorization: Key 1234-abcd:5678efgh", f"Authorization: Key {MASK}", id="fal's header"),
        pytest.param("with Key 1234-abcd:5678efgh", f"with Key {MASK}", id="fal's key alone"),
        pytest.param("sk-or-v1-0123456789abcdef", MASK, id="OpenRouter's key alone"),
        pytest.param(
            '{"signer_uuid": "00000000-0000-4000-8000-000000001001"}', f'{{"signer_uuid": "{MASK}"}}', id="signer"
        ),
        pytest.param("?signer_uuid=00000000-0000-4000-8000-000000001001&x=1", f"?signer_uuid={MASK}&x=1", id="query"),
        pytest.param("OPENROUTER_API_KEY=abcdefghijkl", f"OPENROUTER_API_KEY={MASK}", id="assignment"),
        pytest.param("OPENROUTER_API_KEY is not set", "OPENROUTER_API_KEY is not set", id="only the name"),
        pytest.param("key: the first of all", "key: the first of all", id="plain words"),
        pytest.param("ada:m:1f2e3d is lined up", "ada:m:1f2e3d is lined up", id="ids of runs stay"),
        pytest.param("0x" + "ab" * 20, "0x" + "ab" * 20, id="hashes stay"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, left: str) -> None:
    assert redact(text) == left


def test_short_values_are_not_taken_for_secrets() -> None:
    register_secret("abc")
    register_secret(None)
    assert redact("abc") == "abc"


def test_of_two_secrets_the_longer_is_masked_whole() -> None:
    register_secret("longer-secret")
    register_secret("longer-secret-still")
    assert redact("<longer-secret-still>") == f"<{MASK}>"


def _in_message() -> None:
    log.error("refused " + SECRET)


def _in_arguments() -> None:
    log.error("refused %s and %r", SECRET, [SECRET])


def _in_a_field() -> None:
    log.error("refused", extra=event("x", reason=SECRET, headers={"x-api-key": SECRET, "nested": [{"a": SECRET}]}))


def _in_json_in_a_field() -> None:
    log.error("refused", extra=event("x", body=json.dumps({"key": SECRET}), again=json.dumps(json.dumps(SECRET))))


def _in_an_exception() -> None:
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise RuntimeError(f"with {SECRET}") from error
    except RuntimeError:
        log.exception("failed")


def _bound() -> None:
    with bind(message_id=SECRET):
        log.error("refused")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "speak", [_in_message, _in_arguments, _in_a_field, _in_json_in_a_field, _in_an_exception, _bound]
)
def test_a_registered_secret_leaves_in_no_part_of_a_record(format: Literal["json", "text"], speak: Any) -> None:
    register_secret(SECRET)
    target = stream(format)
    speak()
    assert "secret" not in target.getvalue()
    assert MASK in target.getvalue()
    if format == "json":
        line(target)
