"""The sandbox from the side of whoever calls it: what comes back, what is stopped, and what survives."""

from __future__ import annotations

import ctypes
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ceos.errors import (
    HostRefused,
    SandboxUnavailable,
    SkillError,
    SkillFailed,
    SkillForbidden,
    SkillOutOfMemory,
    SkillTimedOut,
)
from ceos.sandbox import wire
from ceos.sandbox.executor import Sandbox, SandboxLimits
from ceos.sandbox.processes import Child, Zygote
from ceos.supervisor import wait_until

ADD = "def run(ctx, params):\n    return params['n'] + 1\n"
#: For calls that run until they are stopped, and for those that end by themselves, however busy the machine is.
SHORT, AMPLE = SandboxLimits(seconds=0.3), SandboxLimits(seconds=60)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="module")
def unguarded() -> Iterator[Sandbox]:
    """A sandbox without its language layer, for children that do not speak the protocol."""
    sandbox = Sandbox(language=False, preload=("os", "struct", "json", "signal", "time"))
    yield sandbox
    sandbox.close()


def below(pid: int) -> list[int]:
    """Return the children of a process, of all its threads."""
    lists = [(task / "children").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir()]
    return [int(child) for each in lists for child in each]


def guard_of(sandbox: Sandbox) -> int:
    """Return the process that this one has started as the sandbox's."""
    assert sandbox._zygote is not None
    return sandbox._zygote._process.pid


# What comes back


def test_the_value_the_log_and_the_time_come_back(sandbox: Sandbox) -> None:
    source = (
        "def run(ctx, params):\n    print('one', 2)\n    ctx.log('three')\n    return {'n': [params['n'], None, 1.5]}\n"
    )
    outcome = sandbox.run(source, {"n": "é"}, grants=["log"], limits=AMPLE)
    assert outcome.value == {"n": ["é", None, 1.5]}
    assert list(outcome.log) == ["one 2", "three"]
    assert outcome.ms > 0


def test_inputs_are_attributes_of_ctx(sandbox: Sandbox) -> None:
    source = "def run(ctx, params):\n    return [ctx.draft, ctx.limit]\n"
    assert sandbox.run(source, inputs={"draft": ["gm"], "limit": 320}, limits=AMPLE).value == [["gm"], 320]


def test_the_host_answers_and_what_it_refuses_can_be_caught(sandbox: Sandbox) -> None:
    def host(method: str, args: list[Any], kwargs: dict[str, Any], deadline: float) -> Any:
        if args == ["b"]:
            raise HostRefused("no b today")
        return [method, args, kwargs]

    source = (
        "def run(ctx, params):\n"
        "    found = [ctx.memory_get('a'), ctx.memory_set('k', value=[1])]\n"
        "    try:\n"
        "        ctx.memory_get('b')\n"
        "    except HostError as error:\n"
        "        found.append(str(error))\n"
        "    return found\n"
    )
    outcome = sandbox.run(source, grants=["memory"], host=host, limits=AMPLE)
    assert outcome.value == [["memory_get", ["a"], {}], ["memory_set", ["k"], {"value": [1]}], "no b today"]
    assert outcome.calls == 3


def test_an_answer_that_is_too_large_is_refused_and_the_next_one_is_right(sandbox: Sandbox) -> None:
    source = (
        "def run(ctx, params):\n"
        "    try:\n        ctx.memory_get('large')\n    except HostError as error:\n        said = str(error)\n"
        "    return [said, ctx.memory_get('small')]\n"
    )
    # Six bytes a character on its way, as JSON.
    notes = {"large": "ü" * 400_000, "small": 7}
    outcome = sandbox.run(source, grants=["memory"], host=lambda _method, args, *_: notes[args[0]], limits=AMPLE)
    assert outcome.value == ["The result of ctx.memory_get is too large.", 7]


def test_chance_is_fixed_by_the_seed(sandbox: Sandbox) -> None:
    source = "import random\ndef run(ctx, params):\n    return [random.random(), random.choice(range(1000))]\n"
    first, again, other = (sandbox.run(source, seed=seed, limits=AMPLE).value for seed in ("a", "a", "b"))
    assert first == again
    assert first != other


def test_the_clock_shows_the_moment_of_the_post_to_whoever_may_know_it(sandbox: Sandbox) -> None:
    source = (
        "from datetime import date, datetime, timezone\n"
        "def run(ctx, params):\n"
        "    return [str(x) for x in (datetime.now(), datetime.now(timezone.utc), date.today(), datetime.today())]\n"
    )
    at = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
    told = ["2026-03-02 09:00:00", "2026-03-02 09:00:00+00:00", "2026-03-02", "2026-03-02 09:00:00"]
    assert sandbox.run(source, grants=["now"], now=at, limits=AMPLE).value == told
    with pytest.raises(SkillFailed, match=r"datetime.now\(\) reads the clock; use ctx.now with the grant now"):
        sandbox.run(source, limits=AMPLE)


def test_a_failure_shows_the_skills_lines_and_no_others(sandbox: Sandbox) -> None:
    source = "def half(n):\n    return n / 0\n\ndef run(ctx, params):\n    print('so far')\n    return half(1)\n"
    with pytest.raises(SkillFailed, match=r"in line 2: ZeroDivisionError: division by zero") as caught:
        sandbox.run(source, limits=AMPLE)
    assert caught.value.line == 2
    assert caught.value.log == ("so far",)
    assert caught.value.traceback == "line 6, in run\n    return half(1)\nline 2, in half\n    return n / 0"


def test_a_source_is_checked_without_being_run(sandbox: Sandbox) -> None:
    found = sandbox.check("import os\ndef run(ctx, params):\n    return ctx.http_get('x')\n")
    assert [(one.line, one.message.split(";")[0]) for one in found] == [
        (1, "the module 'os' is not available"),
        (3, "ctx.http_get needs the grant http"),
    ]
    assert sandbox.check(ADD) == []


# What is stopped


@pytest.mark.parametrize(
    ("body", "error", "kind"),
    [
        pytest.param("while True: pass", SkillTimedOut, "wall", id="an endless loop"),
        pytest.param("return [0] * 10**9", SkillOutOfMemory, "memory", id="too much memory"),
        pytest.param("return 'x' * 2_000_000", SkillFailed, "output", id="too long a result"),
        pytest.param("return float('nan')", SkillFailed, "error", id="a number that JSON does not have"),
        pytest.param("return 2**64", SkillFailed, "error", id="a number that is too large"),
        pytest.param("return {1, 2}", SkillFailed, "error", id="a value that JSON does not have"),
        pytest.param("return '\\ud800'", SkillFailed, "error", id="half of a surrogate pair"),
        pytest.param("return __import__('os')", SkillForbidden, "rejected", id="a name it may not use"),
        pytest.param("return [ctx.memory_get('a') for _ in range(101)]", SkillFailed, "calls", id="too many calls"),
    ],
)
def test_what_goes_too_far_is_stopped(sandbox: Sandbox, body: str, error: type[SkillError], kind: str) -> None:
    with pytest.raises(error) as caught:
        sandbox.run(
            f"def run(ctx, params):\n    {body}\n",
            grants=["memory"],
            host=lambda *_: None,
            limits=SHORT if kind == "wall" else AMPLE,
        )
    assert caught.value.kind == kind
    assert sandbox.run(ADD, {"n": 1}, limits=AMPLE).value == 2


@pytest.mark.parametrize("memory_mb", [16, 64])
def test_the_budget_of_memory_comes_on_top_of_pythons_own(sandbox: Sandbox, memory_mb: int) -> None:
    take = "def run(ctx, params):\n    return len('x' * (params['mb'] << 20))\n"
    limits = SandboxLimits(seconds=60, memory_mb=memory_mb)
    assert sandbox.run(take, {"mb": memory_mb - 4}, limits=limits).value == (memory_mb - 4) << 20
    with pytest.raises(SkillOutOfMemory):
        sandbox.run(take, {"mb": memory_mb + 1}, limits=limits)


def test_what_a_skill_prints_is_cut_off(sandbox: Sandbox) -> None:
    source = "def run(ctx, params):\n    for n in range(100_000):\n        print(n)\n"
    outcome = sandbox.run(source, limits=AMPLE)
    assert sum(len(line) for line in outcome.log) <= wire.OUTPUT_CHARS + 200
    assert "cut off" in outcome.log[-1]


def test_a_source_may_not_be_too_long(sandbox: Sandbox) -> None:
    with pytest.raises(SkillForbidden, match="shorten it"):
        sandbox.run(ADD + "#" * wire.SOURCE_BYTES)


@pytest.mark.parametrize(
    "params", [{"n": float("inf")}, {"n": object()}, {"n": "x" * 400_000}], ids=["infinite", "an object", "long"]
)
def test_parameters_must_be_plain_and_short(sandbox: Sandbox, params: Any) -> None:
    with pytest.raises(SkillFailed, match="The skill was given"):
        sandbox.run(ADD, params)


def test_a_slow_host_ends_the_call_at_its_deadline(sandbox: Sandbox) -> None:
    def host(method: str, args: list[Any], kwargs: dict[str, Any], deadline: float) -> Any:
        threading.Event().wait(deadline - time.monotonic())

    with pytest.raises(SkillTimedOut):
        sandbox.run("def run(ctx, params):\n    ctx.memory_get('a')\n", grants=["memory"], host=host, limits=SHORT)


# What a child that does not speak the protocol can do

FORGE = "import os, struct, json\ndef send(data):\n    os.write(0, data)\ndef run(ctx, params):\n    {body}\n"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(r"send(b'\xff\xff\xff\xff')", "violation", id="a length of four gigabytes"),
        pytest.param(r"send(struct.pack('>I', 3) + b'{{{')", "violation", id="no JSON"),
        pytest.param("send(struct.pack('>I', 4) + b'null')", "violation", id="no object"),
        pytest.param("""send(struct.pack('>I', 12) + b'{"t":"what"}')""", "violation", id="an unknown frame"),
        pytest.param("""send(struct.pack('>I', 19) + b'{"t":"result","v":9e999}'[:19])""", "violation", id="cut JSON"),
        pytest.param(
            """call = b'{"t":"call","m":"http_get","a":["x"],"k":{}}'; send(struct.pack('>I', len(call)) + call)""",
            "violation",
            id="a call it was not granted",
        ),
        pytest.param("""deep = b'['*9999; send(struct.pack('>I', 9999) + deep)""", "violation", id="deep nesting"),
        pytest.param("os._exit(0)", "crashed", id="an end without a word"),
        pytest.param("os._exit(7)", "crashed", id="an exit code of its own"),
        pytest.param(r"send(b'\0\0\1\0ab'); os._exit(0)", "crashed", id="an end within a frame"),
    ],
)
def test_forged_frames_are_refused(unguarded: Sandbox, body: str, kind: str) -> None:
    with pytest.raises(SkillError) as caught:
        unguarded.run(FORGE.format(body=body), limits=AMPLE)
    assert caught.value.kind == kind
    assert unguarded.run(ADD, {"n": 1}, limits=AMPLE).value == 2


# What survives


def test_many_threads_share_one_sandbox(sandbox: Sandbox) -> None:
    results: list[int] = []

    def call(number: int) -> None:
        results.extend(sandbox.run(ADD, {"n": number}, limits=AMPLE).value for _ in range(5))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted([number + 1 for number in range(8)] * 5)


def test_a_killed_zygote_is_replaced() -> None:
    sandbox = Sandbox(spares=1)
    try:
        assert sandbox.run(ADD, {"n": 1}, limits=AMPLE).value == 2
        os.kill(guard_of(sandbox), signal.SIGKILL)
        assert sandbox.run(ADD, {"n": 2}, limits=AMPLE).value == 3
    finally:
        sandbox.close()


def test_a_zygote_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    # Given a process with a sandbox, which is killed,
    program = (
        "import os, signal\nfrom ceos.sandbox.executor import Sandbox\n"
        "sandbox = Sandbox()\nsandbox.warm()\nprint(sandbox._zygote._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=180, check=False)
    guard = int(done.stdout)
    # when its guard is waited for, then it ends too.
    descriptor = _pidfd(guard)
    if descriptor is not None:
        import select

        assert select.select([descriptor], [], [], 60)[0]
        os.close(descriptor)


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def test_the_start_of_the_sandbox_is_not_counted_as_time_of_the_skill(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a start during which more time passes than the skill has,
    passed = [0.0]
    clock = time.monotonic

    def start(*settings: Any) -> Zygote:
        passed[0] += 30
        return Zygote(*settings)

    monkeypatch.setattr(time, "monotonic", lambda: clock() + passed[0])
    monkeypatch.setattr("ceos.sandbox.executor.Zygote", start)
    sandbox = Sandbox(spares=1)
    try:
        # when it runs, then it has all of its time.
        outcome = sandbox.run(ADD, {"n": 1}, limits=SandboxLimits(seconds=20))
        assert (outcome.value, outcome.ms < 20_000) == (2, True)
    finally:
        sandbox.close()


def test_a_forked_process_gets_a_zygote_of_its_own(sandbox: Sandbox) -> None:
    sandbox.warm()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            value = sandbox.run(ADD, {"n": 4}, limits=AMPLE).value
            os.write(write, json.dumps([value, guard_of(sandbox)]).encode())
            sandbox.close()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    value, guard = json.loads(os.read(read, 100))
    os.close(read)
    os.close(write)
    assert value == 5
    assert guard != guard_of(sandbox)
    assert sandbox.run(ADD, {"n": 1}, limits=AMPLE).value == 2


def test_a_process_forked_while_a_thread_holds_the_lock_is_not_locked_out(sandbox: Sandbox) -> None:
    sandbox.warm()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with sandbox._changed:
            held.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if sandbox.run(ADD, {"n": 4}, limits=AMPLE).value == 5 else 2
            sandbox.close()
        finally:
            os._exit(code)
    done.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_start_that_fails_is_said_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox(spares=1)
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.tempdir", "/there/is/no/such/folder")
        with pytest.raises(SandboxUnavailable, match="could not be started"):
            sandbox.run(ADD, {"n": 1}, limits=AMPLE)
    sandbox._paused = (0.0, "")
    assert sandbox.run(ADD, {"n": 1}, limits=AMPLE).value == 2
    sandbox.close()


def test_without_threads_nobody_waits_for_a_start(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox(spares=1)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(SandboxUnavailable, match="can't start new thread"):
            sandbox.run(ADD, {"n": 1}, limits=AMPLE)
    assert sandbox.run(ADD, {"n": 1}, limits=AMPLE).value == 2
    sandbox.close()


class Stopped(Exception):
    """What Dramatiq's time limit is here."""


def test_a_call_that_is_stopped_while_it_waits_leaves_the_sandbox_usable(sandbox: Sandbox) -> None:
    # Given a call that waits for the lock,
    sandbox.warm()
    raised: list[BaseException] = []

    def call() -> None:
        try:
            sandbox.run(ADD, {"n": 1}, limits=AMPLE)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=call)
    with sandbox._changed:
        thread.start()
        assert wait_until(lambda: sys._current_frames()[thread.ident or 0].f_code.co_name == "_acquire", 60)
        # when an exception is raised in its thread, the way Dramatiq does that, and comes with the lock,
        assert thread.ident is not None
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(Stopped))
    thread.join()
    # then the lock is free again.
    assert [type(error) for error in raised] == [Stopped]
    assert sandbox.run(ADD, {"n": 1}, limits=AMPLE).value == 2


def test_a_child_that_nobody_got_is_ended_and_leaves_nothing(sandbox: Sandbox) -> None:
    sandbox.warm()
    before = {path.name for path in Path("/proc/self/fd").iterdir()}
    _, child = sandbox._take(time.monotonic() + 60)
    assert {path.name for path in Path("/proc/self/fd").iterdir()} != before
    del child
    assert {path.name for path in Path("/proc/self/fd").iterdir()} == before


#: In a process of its own: in one with other threads, descriptors come and go.
WITHOUT_DESCRIPTORS = """
import os, resource
from ceos.errors import SandboxUnavailable
from ceos.sandbox.executor import SandboxLimits, Sandbox

source = "def run(ctx, params):\\n    return params['n'] + 1\\n"
sandbox = Sandbox(spares=2)
sandbox.run(source, {"n": 1}, limits=SandboxLimits(seconds=60))
guard, before = sandbox._zygote._process.pid, resource.getrlimit(resource.RLIMIT_NOFILE)
free = os.open(os.devnull, os.O_RDONLY)
os.close(free)
# One is left, for the child's socket, but none for what it is killed by.
resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, before[1]))
try:
    print(sandbox.run(source, {"n": 1}, limits=SandboxLimits(seconds=60)).value)
except SandboxUnavailable as error:
    print(error)
resource.setrlimit(resource.RLIMIT_NOFILE, before)
print(sandbox.run(source, {"n": 1}, limits=SandboxLimits(seconds=60)).value, sandbox._zygote._process.pid == guard)
sandbox.close()
"""


def test_a_process_without_free_descriptors_says_so_and_recovers() -> None:
    command = [sys.executable, "-c", WITHOUT_DESCRIPTORS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    refused, recovered = done.stdout.splitlines()
    assert "too many files open" in refused
    assert recovered == "2 True"


def test_the_zygote_has_no_environment_and_only_its_socket() -> None:
    sandbox = Sandbox(spares=1)
    try:
        sandbox.warm()
        guard = guard_of(sandbox)
        for pid in (guard, *below(guard)):
            try:
                assert Path(f"/proc/{pid}/environ").read_bytes() == b""
                links = sorted(str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir())
            except PermissionError:
                # Not even whoever started it may look.
                continue
            assert all(link.startswith(("/dev/null", "socket:", "anon_inode:", "(deleted)")) for link in links), links
    finally:
        sandbox.close()


def test_nothing_is_left_after_closing() -> None:
    before = {path.name for path in Path("/proc/self/fd").iterdir()}
    sandbox = Sandbox()
    sandbox.run(ADD, {"n": 1}, limits=AMPLE)
    guard = guard_of(sandbox)
    sandbox.close()
    assert not Path(f"/proc/{guard}").exists()
    assert {path.name for path in Path("/proc/self/fd").iterdir()} == before


def test_a_child_that_does_not_read_cannot_hold_the_host() -> None:
    import socket

    ours, theirs = socket.socketpair()
    child = Child(ours, None)
    with pytest.raises(Exception) as caught:
        child.send(b"x" * 10_000_000, time.monotonic() + 0.05)
    assert type(caught.value).__name__ == "Late"
    ours.close()
    theirs.close()


# Layers


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there are no layers elsewhere")
def test_standard_needs_seccomp_and_says_what_it_has(sandbox: Sandbox) -> None:
    report = sandbox.report()
    assert report.mode == "standard"
    assert {"process", "rlimits", "seccomp", "no_new_privs"} <= set(report.active)
    assert set(report.missing).isdisjoint(report.active)


#: Runs a sandbox in a process whose kernel refuses some system calls; prints what came of it.
HANDICAPPED = """
import json, logging, os, struct, sys
from pathlib import Path
from ceos.sandbox import kernel, seccomp
from ceos.sandbox.executor import SandboxLimits, Sandbox
from ceos.errors import SkillError
from ceos.supervisor import wait_until
def below(pid):
    lists = [(task / "children").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir()]
    found = [int(child) for each in lists for child in each]
    return found + [deeper for child in found for deeper in below(child)]
program = []
for refused in sys.argv[2:]:
    name, _, first = refused.partition(":")
    number = seccomp._number(name) if name in seccomp._NUMBERS else int(name)
    refuse = [seccomp._answer(0x00050001)]
    if first:
        refuse = [seccomp._load(16), seccomp._jump_equal(int(first), 0, 1), *refuse]
    program += [seccomp._load(0), seccomp._jump_equal(number, 0, len(refuse)), *refuse]
program.append(seccomp._answer(0x7FFF0000))
kernel.refuse_privileges()
kernel.Filter(b"".join(struct.pack("=HBBI", *one) for one in program)).apply()
records = []
handler = logging.Handler()
handler.emit = lambda record: records.append([record.levelname, record.__dict__.get("missing")])
logging.getLogger("ceos.sandbox.processes").addHandler(handler)
sandbox = Sandbox(mode=sys.argv[1], spares=1)
try:
    try:
        sandbox.run("def run(ctx, params):\\n    while True: pass\\n", limits=SandboxLimits(seconds=0.3))
    except SkillError as error:
        if error.kind != "wall":
            raise
    value = sandbox.run("def run(ctx, params):\\n    return 7\\n", limits=SandboxLimits(seconds=60)).value
    def states():
        try:
            return [Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[0] for pid in below(os.getpid())]
        except (FileNotFoundError, ProcessLookupError):
            return ["ended meanwhile"]
    seen = []
    def settled():
        seen[:] = states()
        return set(seen) == {"S"}
    wait_until(settled, 60)
    print(json.dumps({"value": value, "missing": dict(sandbox.report().missing), "log": records, "states": seen}))
except SkillError as error:
    print(json.dumps({"error": str(error), "kind": error.kind}))
sandbox.close()
"""


def handicapped(mode: str, *refused: str) -> dict[str, Any]:
    """Return what a sandbox says in a process in which these system calls are refused."""
    command = [sys.executable, "-c", HANDICAPPED, mode, *refused]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.stdout, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_without_namespaces_skills_run_and_the_loss_is_logged() -> None:
    said = handicapped("standard", "unshare")
    assert said["value"] == 7
    assert "namespaces" in said["missing"]
    assert [level for level, missing in said["log"] if missing and "namespaces" in missing] == ["WARNING"]


def test_without_landlock_skills_run_and_the_loss_is_logged() -> None:
    said = handicapped("standard", "444")
    assert said["value"] == 7
    assert "landlock" in said["missing"]


@pytest.mark.parametrize("refused", ["pidfd_open", "pidfd_send_signal"])
def test_without_pidfds_the_zygote_ends_what_the_host_has_done_with(refused: str) -> None:
    said = handicapped("standard", refused)
    assert said["value"] == 7
    # The spare among them waits, and nothing computes any more.
    assert set(said["states"]) == {"S"}, said["states"]


def test_strict_refuses_to_run_without_namespaces() -> None:
    said = handicapped("strict", "unshare")
    assert said["kind"] == "infrastructure"
    assert "mode 'strict' needs namespaces" in said["error"]


def test_standard_refuses_to_run_without_seccomp() -> None:
    said = handicapped("standard", "prctl:22")
    assert said["kind"] == "infrastructure"
    assert "seccomp" in said["error"]


def test_an_unavailable_sandbox_raises_at_once_while_it_rests() -> None:
    sandbox = Sandbox(mode="strict")
    sandbox._paused = (time.monotonic() + 60, "no such luck")
    with pytest.raises(SandboxUnavailable, match="no such luck"):
        sandbox.run(ADD, {"n": 1}, limits=AMPLE)
