"""Input of operators that would fail, or mean something else, later on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.terminal import Terminal, agent_file
from pydantic import ValidationError

from ceos.domain.posts import Kind
from ceos.errors import DraftRejected, InvalidInput
from ceos.testing import FakeRuntime, make_agent


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


def names(count: int) -> str:
    return " ".join(f"@friend{number}" for number in range(count))


# Texts of an operator


def test_a_cast_with_more_than_ten_names_is_refused_before_any_part_is_published(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    with pytest.raises(DraftRejected, match="A part names 11 accounts with @, and a cast may name 10"):
        fake_runtime.runtime.post("ada", text=f"Hello.\n---SPLIT---\n{names(11)}")
    assert fake_runtime.post(text=f"Hello.\n---SPLIT---\n{names(10)}").status == "published"
    assert fake_runtime.post(text="Addresses such as a@b.example " * 3 + "are no names.").status == "published"


def test_an_address_longer_than_a_cast_is_refused_and_not_cut(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    address = "https://example.com/" + "a" * 380
    with pytest.raises(DraftRejected) as refusal:
        fake_runtime.runtime.post("ada", text=f"Look: {address}")
    assert str(refusal.value) == (
        f"The address {address[:60]}… of 400 bytes does not fit into a cast of 320 bytes, and a part of it leads "
        "nowhere; use a shorter one."
    )
    fake_runtime.apply(long_casts=True)
    assert fake_runtime.post(text=f"Look: {address}").status == "published"
    # Text of a script without spaces that follows an address is no part of it
    fake_runtime.apply()
    assert fake_runtime.post(text="https://example.com/a。" + "橋は静かに立つ。" * 15).status == "published"


def test_a_text_that_was_split_says_so(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    told = run("post", "ada", "--text", "x" * 640)
    assert told.code == 2
    assert told.err == (
        "The text of 640 bytes was split into 2 casts of up to 320 bytes. "
        "Two parts of the thread are identical; write each part once.\n"
    )


def test_a_text_with_bytes_that_are_not_utf_8_exits_with_2(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    told = run("post", "ada", "--text", b"caf\xe9".decode("utf-8", "surrogateescape"))
    assert (told.code, "The text is not valid UTF-8" in told.err) == (2, True)
    told = run("post", "ada", "--text", "gm", "--key", b"caf\xe9".decode("utf-8", "surrogateescape"))
    assert (told.code, "cannot be a post's key" in told.err) == (2, True)
    assert fake_runtime.runtime.runs.recent_runs("ada") == []


def test_a_key_of_another_post_exits_with_2(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    assert run("post", "ada", "--text", "Once.", "--key", "release-1").code == 0
    words = "The key 'release-1' belongs to 'ada:m:release-1', which is another post; use another key.\n"
    for text in ("--text", "Something else."), ("--kind", "original"):
        told = run("post", "ada", *text, "--key", "release-1")
        assert (told.code, told.err) == (2, words)
    # The same command is the same post, before and after it is published
    assert run("post", "ada", "--text", "Once.", "--key", "release-1").code == 0
    fake_runtime.drive()
    told = run("post", "ada", "--text", "Once.", "--key", "release-1")
    assert (told.code, told.out) == (0, "ada:m:release-1 is published already.\n")
    assert [cast["text"] for cast in fake_runtime.casts()] == ["Once."]
    assert fake_runtime.runtime.post("ada", kind=Kind.ORIGINAL, key="written") == "ada:m:written"
    with pytest.raises(InvalidInput, match="which is another post"):
        fake_runtime.runtime.post("ada", kind=Kind.THREAD, key="written")


# Agent files


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fid": "123456789012345678901234567890"}, "fid: expected at most 4294967295"),
        (
            {"persona": 'bio = "a\\u0000b"\ntopics = ["clocks"]'},
            "persona.bio: expected text without control characters",
        ),
        (
            {"persona": 'bio = "b"\ntopics = ["a\\u001bb"]'},
            "persona.topics[0]: expected text without control characters",
        ),
        ({"schedule": 'cron = "*/90 * * * *"'}, "it would fire at minute 0 only, not every 90"),
        *(
            ({"schedule": f'cron = "0 * * * *"\ntimezone = "{zone}"'}, "timezone: expected an IANA time zone")
            for zone in ("posixrules", "Factory", "right/UTC", "posix/Europe/Berlin", "localtime")
        ),
    ],
)
def test_values_of_an_agent_file_that_cannot_be_meant_are_refused(
    run: Terminal, fake_runtime: FakeRuntime, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    file = tmp_path / "agents.toml"
    file.write_text(agent_file(**changes))
    told = run("agent", "apply", str(file))
    assert told.code == 2
    assert words in told.err
    assert fake_runtime.runtime.agents.agent_ids() == []


def test_blocked_accounts_are_fids() -> None:
    with pytest.raises(ValidationError):
        make_agent(engagement={"blocked": [10**30]})
    assert make_agent(engagement={"blocked": [7]}).engagement.blocked == (7,)


def test_lines_and_tabs_stay_allowed() -> None:
    assert make_agent(persona={"bio": "One.\n\tTwo.", "topics": ["clocks"]}).persona.bio == "One.\n\tTwo."
