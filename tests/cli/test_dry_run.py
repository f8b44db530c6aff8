"""`ceos post --dry-run` shows a text while it is written on a terminal, and prints the finished draft anywhere."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.terminal import ceos, clean_environ

from ceos.domain.posts import Kind
from ceos.operations.posts import PostRequest, preview_post
from ceos.supervisor import simulator_environ
from ceos.testing import FakeRuntime


def environ_of(fake: FakeRuntime, home: Path) -> dict[str, str]:
    return clean_environ(home, **simulator_environ(fake.simulator.url), TERM="xterm", COLUMNS="100", LINES="40")


def on_a_terminal(*words: str, environ: dict[str, str]) -> str:
    """Run `ceos WORDS…` with a terminal as its output and return its output."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-m", "ceos", *words], env=environ, stdout=theirs, stdin=theirs) as process:
        os.close(theirs)
        written = b""
        try:
            while chunk := os.read(ours, 65536):
                written += chunk
        except OSError:  # the terminal is closed when the process ends
            pass
        finally:
            os.close(ours)
        assert process.wait(60) == 0
    return written.decode()


def test_a_terminal_shows_the_text_while_it_is_written(fake_runtime: FakeRuntime, ceos_home: Path) -> None:
    fake_runtime.apply()
    shown = on_a_terminal("post", "ada", "--dry-run", environ=environ_of(fake_runtime, ceos_home))
    assert "ada writes …" in shown
    frames, _, preview = shown.rpartition("not published")
    text = preview.split("[1/")[1].splitlines()[1].strip()
    beginning = " ".join(text.split()[:3])
    assert frames.count(beginning) >= 3
    assert fake_runtime.casts() == []


def test_elsewhere_only_the_draft_is_printed(fake_runtime: FakeRuntime, ceos_home: Path, tmp_path: Path) -> None:
    fake_runtime.apply()
    shown = ceos("post", "ada", "--dry-run", environ=environ_of(fake_runtime, ceos_home), cwd=tmp_path)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith("ada: ")
    assert "writes …" not in shown.out
    assert "\x1b" not in shown.out


def test_the_text_begins_anew_after_an_error_in_the_middle(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    fake_runtime.simulator.faults(openrouter={"script": ["mid_stream_error"]})
    seen: list[str] = []
    draft = preview_post(fake_runtime.runtime, PostRequest(agent_id="ada", kind=Kind.ORIGINAL), seen.append)
    begun = [index for index, text in enumerate(seen) if not text]
    assert len(begun) == 2
    assert seen[-1] == draft.text
    assert all(
        later.startswith(earlier) for earlier, later in zip(seen[begun[1] :], seen[begun[1] + 1 :], strict=False)
    )


@pytest.mark.parametrize("fault", ["cut_stream", "no_choices", "refusal_field"])
def test_half_a_stream_is_no_draft(fake_runtime: FakeRuntime, fault: str) -> None:
    fake_runtime.apply(models={"fallbacks": []})
    fake_runtime.simulator.faults(openrouter={fault: 1})
    seen: list[Any] = []
    with pytest.raises(Exception, match=r"broke off|gave an empty answer|declined"):
        preview_post(fake_runtime.runtime, PostRequest(agent_id="ada", kind=Kind.ORIGINAL), seen.append)
