"""`ceos post --image` and `--video`: media of the operator's own are checked, stored, shown and embedded."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers.raw_server import HOST, Act, RawServer, head, redirect, repeat, send, send_raw
from helpers.terminal import Terminal, terminal
from PIL import Image

from ceos.clients.http import safe_fetch
from ceos.simulator.fal.pixels import film
from ceos.testing import FakeRuntime


def drawn(form: str = "PNG", size: tuple[int, int] = (640, 480)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, form)
    return file.getvalue()


@pytest.fixture
def run(fake_runtime: FakeRuntime, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    fake_runtime.apply()
    with terminal(capsys) as command_line:
        yield command_line


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo of home.png"
    path.write_bytes(drawn())
    return path


def stored(fake: FakeRuntime) -> list[dict[str, object]]:
    return [item for item in fake.simulator.timeline() if item["what"] == "file.stored"]


def test_files_are_stored_and_embedded_in_the_first_part_in_order(
    run: Terminal, fake_runtime: FakeRuntime, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "film.mp4").write_bytes(film())
    words = ("--text", "Look.---SPLIT---And on.", "--video", str(tmp_path / "film.mp4"), "--image", str(photo))
    assert run("post", "ada", *words).code == 0
    fake_runtime.drive()
    first, second = fake_runtime.casts()
    names = [embed["url"].rpartition("/")[2] for embed in first["embeds"]]
    assert [name.rpartition(".")[2] for name in names] == ["png", "mp4"]
    assert second["embeds"] == []
    assert [item["size"] for item in stored(fake_runtime)] == [len(drawn()), len(film())]
    # The name of the file stays here.
    assert "home" not in str(first["embeds"])


def test_what_was_stored_is_served_as_it_was(run: Terminal, fake_runtime: FakeRuntime, photo: Path) -> None:
    import requests

    run("post", "ada", "--text", "Look.", "--image", str(photo))
    fake_runtime.drive()
    served = requests.get(fake_runtime.casts()[0]["embeds"][0]["url"], timeout=10)
    assert (served.content, served.headers["content-type"]) == (drawn(), "image/png")


def test_a_preview_shows_the_facts_and_uploads_nothing(run: Terminal, fake_runtime: FakeRuntime, photo: Path) -> None:
    shown = run("post", "ada", "--text", "Look.", "--image", str(photo), "--dry-run")
    assert shown.code == 0
    line = f"picture: {photo} (image/png, 640 × 480, {len(drawn()) / 1000:,.0f} kB); it is uploaded when it is posted"
    assert line in shown.out
    assert (stored(fake_runtime), fake_runtime.casts()) == ([], [])
    shown = run("post", "ada", "--text", "Look.", "--image", str(photo), "--dry-run", "--json")
    assert shown.data["ada"]["parts"][0]["embeds"] == [str(photo)]


def test_the_size_of_a_small_file_is_shown_in_bytes(run: Terminal, tmp_path: Path) -> None:
    small = drawn(size=(16, 16))
    (tmp_path / "small.png").write_bytes(small)
    shown = run("post", "ada", "--text", "Look.", "--image", str(tmp_path / "small.png"), "--dry-run")
    assert f"(image/png, 16 × 16, {len(small)} bytes)" in shown.out


def test_several_agents_share_one_upload(run: Terminal, fake_runtime: FakeRuntime, photo: Path) -> None:
    fake_runtime.apply(id="bob", fid=1002, signer_uuid="00000000-0000-4000-8000-000000001002")
    run("post", "ada", "bob", "--text", "Look.", "--image", str(photo))
    fake_runtime.drive()
    assert len(stored(fake_runtime)) == 1
    assert len({cast["embeds"][0]["url"] for cast in fake_runtime.casts()}) == 1


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(("--image", b"", "is empty"), id="an empty file"),
        pytest.param(("--image", drawn()[:20], "bad is damaged or not whole"), id="the beginning of a picture"),
        pytest.param(("--video", film()[:40], "bad is damaged or not whole"), id="the beginning of a video"),
        pytest.param(("--image", b"<svg/>", "is neither a picture nor a video"), id="a vector drawing"),
        pytest.param(("--image", film(), "is video/mp4, but a picture is JPEG, PNG, GIF, WEBP"), id="a video"),
        pytest.param(("--video", drawn(), "is image/png, but a video is MP4"), id="a picture"),
        pytest.param(("--video", b"\0\0\0\x14ftypqt  \0\0\2\0", "is video/quicktime, but"), id="QuickTime"),
        pytest.param(("--image", b"\0\0\0\x18ftypheic\0\0\0\0", "is image/heic, but"), id="HEIC"),
        pytest.param(("--image", drawn() + bytes(10 * 2**20), "has 10.0 MiB, but a picture"), id="heavy"),
        pytest.param(("--image", drawn(size=(8, 300)), "is 8 × 300 pixels, but each side"), id="a line"),
        pytest.param(
            ("--image", drawn()[:16] + struct.pack(">II", 9000, 40) + drawn()[24:], "is 9000 × 40 pixels"), id="wide"
        ),
    ],
)
def test_a_file_that_no_cast_can_show_is_refused_before_anything_is_stored(
    run: Terminal, fake_runtime: FakeRuntime, tmp_path: Path, case: tuple[str, bytes, str]
) -> None:
    option, data, words = case
    (tmp_path / "bad").write_bytes(data)
    (tmp_path / "good.png").write_bytes(drawn())
    refused = run("post", "ada", "--text", "x", "--image", str(tmp_path / "good.png"), option, str(tmp_path / "bad"))
    assert refused.code == 2
    assert words in refused.err
    assert (stored(fake_runtime), fake_runtime.runtime.runs.recent_runs("ada")) == ([], [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["--image", "missing.png", "--text", "x"], "missing.png cannot be read", id="missing"),
        pytest.param(["--image", "/", "--text", "x"], "/ cannot be read: Is a directory", id="a folder"),
        pytest.param(["--image", "a.png"], "--image and --video go with --text", id="no text"),
        pytest.param(["--image", "a.png"] * 5 + ["--text", "x"], "at most 4 files; 5 are given", id="too many"),
        pytest.param(
            ["--image", "http://127.0.0.1/a.png", "--text", "x"], "IP addresses are not fetched", id="a private address"
        ),
        pytest.param(
            ["--image", "http://localhost/a.png", "--text", "x"], "'localhost' is not the name", id="this machine"
        ),
        pytest.param(["--image", "https://a.example/" + "x" * 300, "--text", "x"], "318 bytes", id="a long address"),
    ],
)
def test_wrong_options_are_told_in_one_sentence(run: Terminal, words: list[str], message: str) -> None:
    refused = run("post", "ada", *words)
    assert (refused.code, message in refused.err) == (2, True), refused.err


def test_without_a_key_of_fal_a_file_is_not_stored(
    run: Terminal, fake_runtime: FakeRuntime, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ceos.clients.fal.client import Fal

    monkeypatch.setattr(fake_runtime.runtime, "fal", Fal(None), raising=False)
    refused = run("post", "ada", "--text", "Look.", "--image", str(photo))
    assert (refused.code, "FAL_KEY is not set" in refused.err) == (1, True)


# Addresses


@contextmanager
def site(monkeypatch: pytest.MonkeyPatch, act: Act) -> Iterator[str]:
    """Yield an address of a host whose name leads to a server of the test."""
    with RawServer(act) as server:
        monkeypatch.setattr(safe_fetch, "look_up", lambda host, port: [server.place])
        monkeypatch.setattr(safe_fetch, "is_public", lambda address: address == "127.0.0.1")
        yield f"http://{HOST}/a.png"


def part(data: bytes, whole: int, content_type: str = "image/png") -> Act:
    place = f"Content-Range: bytes 0-{len(data) - 1}/{whole}"
    return send(data, f"Content-Type: {content_type}", place, status="206 Partial Content")


def test_an_address_is_checked_and_embedded_as_it_is(
    run: Terminal, fake_runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site(monkeypatch, part(drawn(), 900_000)) as url:
        shown = run("post", "ada", "--text", "Look.", "--image", url, "--dry-run")
        assert f"picture: {url} (image/png, 640 × 480, 900 kB)\n" in shown.out
        assert run("post", "ada", "--text", "Look.", "--image", url).code == 0
    fake_runtime.drive()
    assert [embed["url"] for embed in fake_runtime.casts()[0]["embeds"]] == [url]
    assert stored(fake_runtime) == []


def test_of_a_long_file_only_the_beginning_is_read(run: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = head("Content-Type: video/mp4", f"Content-Length: {90 * 2**20}") + film()
    with site(monkeypatch, repeat(begin, bytes(65536))) as url:
        shown = run("post", "ada", "--text", "Look.", "--video", url, "--dry-run")
    assert f"video: {url} (video/mp4, 180 × 320, 94,372 kB)\n" in shown.out


@pytest.mark.parametrize(
    ("act", "words"),
    [
        pytest.param(part(drawn(), 11 * 2**20), "has 11.0 MiB", id="heavy"),
        pytest.param(part(b"<html>", 6, "text/html"), "served as 'text/html'", id="a page"),
        pytest.param(part(b"<html>", 6), "is neither a picture nor a video", id="a page under a false name"),
        pytest.param(send(b"", status="404 Not Found"), "the answer was 404", id="missing"),
        pytest.param(redirect("http://b.example/b.png"), "redirects to http://b.example/b.png", id="moved"),
        pytest.param(send_raw(b"SSH-2.0-x\r\n"), "could not be fetched", id="no web server"),
    ],
)
def test_an_address_without_a_picture_is_refused(
    run: Terminal, monkeypatch: pytest.MonkeyPatch, act: Act, words: str
) -> None:
    with site(monkeypatch, act) as url:
        refused = run("post", "ada", "--text", "Look.", "--image", url)
    assert (refused.code, words in refused.err) == (2, True), refused.err
