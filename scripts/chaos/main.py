"""Fault injection for publishing: kills workers and the server at every step, cuts off answers, and counts the casts.

    scripts/chaos.py                      at least 1,000 parts, `idem` honoured and ignored
    scripts/chaos.py --control            without the ledger's look-up: this must show duplicates
    scripts/chaos.py --parts 200 --json   smaller, for a machine to read
    scripts/chaos.py --credulous 10000    instead, posts and replies by models that obey untrusted text

It uses real worker processes, the real embedded server, and the simulated services in their own process. The verdict
compares from outside: every part of every run is exactly once in the simulated Farcaster, every thread is whole and in
order, every slot is accounted for, no run has paid for two videos, and none is left open.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import logging
import os
import random
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from ceos.domain.agent import Agent
from ceos.domain.lifecycle import RunStatus
from ceos.domain.runs import Run
from ceos.errors import CeosError
from ceos.runs.lease import idempotency_key
from ceos.runtime import Runtime
from ceos.settings import Settings
from ceos.supervisor import Supervisor, simulator_command, simulator_environ, wait_until, worker_command
from chaos.credulous import credulous

LEASE, SETTLE, SPEED = 3.0, 3.0, 10
AGENTS = 100
#: Masters with one worker each: Dramatiq stops a master when one of its workers is killed.
MASTERS = 6
#: Parts of an average post of the strategy below.
PARTS_PER_POST = 2.2

STRATEGY = '''
from ceos import hookimpl
from ceos_strategies.mix import Mix


class Chaos(Mix):
    """Mostly threads, which have the most ways to break, and some videos, which cost the most."""

    name = "chaos"

    def __init__(self):
        super().__init__(videos=100, original=40, thread=45, engagement=5, media=10)


@hookimpl
def register_strategies(register):
    register(Chaos())
'''

FAULTS: dict[str, Any] = {
    "neynar": {
        "cut_after": 0.10,
        "cut_before": 0.03,
        "error_500_before": 0.03,
        "error_500_after": 0.03,
        "rate_limited": 0.03,
        "garbage_200": 0.02,
        "retry_after": 1,
        "lookup_lag_seconds": 0.5,
        "latency_seconds": 0.05,
    },
    "openrouter": {"error_503": 0.03, "choice_error": 0.03, "latency_seconds": 0.05},
    "fal": {"cut_after": 0.05, "cut_before": 0.05, "latency_seconds": 0.05},
}


def main() -> int:
    """Run the rounds, print their verdicts, and return 0 if they are as required."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--parts", type=int, default=1000, help="at least this many parts, over all rounds")
    parser.add_argument("--idem", choices=["honour", "ignore", "both"], default="both")
    parser.add_argument(
        "--control", action="store_true", help="switch the ledger's look-up off; duplicates must appear"
    )
    parser.add_argument("--crash", type=float, default=0.005, help="chance of each crash point")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--credulous", type=int, metavar="POSTS", help="this many posts and replies of models that obey untrusted text"
    )
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    if options.credulous:
        verdict = credulous(options.credulous, options.seed)
        print(json.dumps(verdict, ensure_ascii=False))
        return 1 if verdict["published"] or verdict["leftovers"] or verdict["echoes"] else 0
    modes = ["ignore"] if options.control else ["honour", "ignore"] if options.idem == "both" else [options.idem]
    verdicts = []
    for mode in modes:
        verdict = chaos(options.parts // len(modes), mode, options)
        verdicts.append(verdict)
        if not options.json:
            print(json.dumps({key: value for key, value in verdict.items() if key != "crash_points"}), flush=True)
            print("crash points hit:", json.dumps(verdict["crash_points"]), flush=True)
    if options.json:
        print(json.dumps(verdicts))
    if options.control:
        return 0 if verdicts[0]["duplicates"] else 1
    return 0 if all(is_clean(verdict) for verdict in verdicts) else 1


def is_clean(verdict: dict[str, Any]) -> bool:
    """Say whether nothing was doubled, lost, torn or left open."""
    return not any(
        verdict[key]
        for key in ("duplicates", "lost", "broken_threads", "unaccounted_slots", "open", "strays", "paid_twice")
    )


def chaos(parts: int, idem: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run one round of at least `parts` parts and return its verdict."""
    slots = max(2, round(parts / PARTS_PER_POST / AGENTS) + 1)
    with (
        tempfile.TemporaryDirectory(prefix="ceos-chaos-") as folder,
        services(Path(folder), idem, options) as (url, environ),
    ):
        runtime = Runtime(Settings.from_env(environ, dotenv=None))
        agents = [make_agent(number, slots, runtime.clock.now()) for number in range(AGENTS)]
        runtime.apply(agents)
        begun = time.monotonic()
        with workers(environ, options.seed, runtime) as killed:
            quiet = wait_until(lambda: is_quiet(runtime), 120 + parts * 0.4, interval=0.5)
            resumed = retry_dead_runs(runtime)
        casts = requests.get(f"{url}/_sim/casts", timeout=30).json()["casts"]
        stats = requests.get(f"{url}/_sim/stats", timeout=30).json()
        runs = [run for agent in agents for run in runtime.runs.recent_runs(agent.id, 200)]
        verdict = {
            "idem": idem,
            "lookup": "off" if options.control else "on",
            **compare(runs, casts, agents, slots, runtime),
            **compare_videos(runs, stats.get("fal.queued", 0), runtime),
            "resumed": resumed,
            "open": 0 if quiet else runtime.ops.counts()["open"],
            "seconds": round(time.monotonic() - begun, 1),
            **killed,
            "faults": {key: value for key, value in stats.items() if "fault" in key or "replay" in key},
            **crashes(Path(environ["CHAOS_LOG"])),
        }
        runtime.close()
    return verdict


def make_agent(number: int, slots: int, now: dt.datetime) -> Agent:
    """Return an agent with `slots` slots, one a minute of the accelerated clock, and none for a day after that."""
    start = now + dt.timedelta(minutes=2)
    moments = [start + dt.timedelta(minutes=index) for index in range(slots)]
    return Agent.model_validate(
        {
            "id": f"agent{number:02d}",
            "name": f"Agent {number}",
            "fid": 5000 + number,
            "signer_uuid": f"00000000-0000-4000-8000-{5000 + number:012d}",
            "strategy": "chaos",
            "persona": {
                "bio": f"Number {number} of many, interested in how things fail.",
                "tone": "dry",
                "topics": [f"{thing} {number}" for thing in ("bridges", "clocks", "weather", "seeds", "ships", "maps")],
            },
            "schedule": {
                "cron": [f"{moment.minute} {moment.hour} * * *" for moment in moments],
                "jitter_seconds": 60,
                "catch_up": "all",
                "max_late_minutes": 10_080,
            },
            "models": {"video": "wan"},
            "limits": {"casts_per_hour": 1000, "usd_per_day": 1000},
        }
    )


@contextlib.contextmanager
def services(folder: Path, idem: str, options: argparse.Namespace) -> Iterator[tuple[str, dict[str, str]]]:
    """Start the simulator and yield its address with the variables of the workers."""
    (folder / "plugins").mkdir()
    (folder / "plugins" / "chaos_strategy.py").write_text(STRATEGY)
    port = 20_000 + os.getpid() % 20_000
    url = f"http://127.0.0.1:{port}"
    faults = {**FAULTS, "neynar": {**FAULTS["neynar"], "idem": idem}}
    simulator = subprocess.Popen(
        simulator_command(port, options.seed, json.dumps(faults)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: answers(url), 60)
        yield (
            url,
            {
                **{name: value for name, value in os.environ.items() if not name.startswith("CEOS_")},
                **simulator_environ(url),
                "CEOS_HOME": str(folder / "home"),
                "CEOS_SKILL_PATH": str(folder / "plugins"),
                "CEOS_LEASE_SECONDS": str(LEASE),
                "CEOS_SETTLE_SECONDS": "0" if options.control else str(SETTLE),
                "CEOS_CLOCK_SPEED": str(SPEED),
                "CEOS_CLOCK_ORIGIN": str(time.time()),
                "CEOS_LOG_LEVEL": "error",
                "CHAOS_CRASH": str(options.crash),
                "CHAOS_LOG": str(folder / "crashes.log"),
                "CHAOS_LOOKUP": "off" if options.control else "on",
                "PYTHONPATH": str(Path(__file__).parents[1]),
            },
        )
    finally:
        simulator.kill()
        simulator.wait()


def answers(url: str) -> bool:
    """Say whether the simulator is up."""
    try:
        return requests.get(f"{url}/_sim/stats", timeout=1).ok
    except requests.RequestException:
        return False


@contextlib.contextmanager
def workers(environ: dict[str, str], seed: int, runtime: Runtime) -> Iterator[dict[str, int]]:
    """Run six masters with a worker each; kill one of the workers, or the server, at random every few seconds."""
    stop = threading.Event()
    supervisors = [
        Supervisor(worker_command(1, 3, "chaos.actors"), environ, threads=3, log_file=log_file(environ))
        for _ in range(MASTERS)
    ]
    killed = {"killed_workers": 0, "killed_servers": 0}
    threads = [threading.Thread(target=one.supervise, args=(stop,), daemon=True) for one in supervisors]
    threads.append(
        threading.Thread(target=kill_at_random, args=(supervisors, seed, runtime, stop, killed), daemon=True)
    )
    for one in supervisors:
        one.start()
    for thread in threads:
        thread.start()
    try:
        yield killed
    finally:
        stop.set()
        for thread in threads:
            thread.join(15)
        for one in supervisors:
            one.kill()


def log_file(environ: dict[str, str]) -> Any:
    """Open the file for the output of the workers."""
    return (Path(environ["CHAOS_LOG"]).parent / "workers.log").open("ab")


def kill_at_random(
    supervisors: list[Supervisor], seed: int, runtime: Runtime, stop: threading.Event, killed: dict[str, int]
) -> None:
    """Kill -9 a worker every few seconds, and sometimes the server instead."""
    chance = random.Random(seed)
    while not stop.wait(chance.uniform(2, 6)):
        with contextlib.suppress(Exception):
            if chance.random() < 0.15:
                os.kill(int(runtime.database.client.info("server")["process_id"]), signal.SIGKILL)
                killed["killed_servers"] += 1
            else:
                master = chance.choice(supervisors).pid
                children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
                os.kill(int(chance.choice(children)), signal.SIGKILL)
                killed["killed_workers"] += 1


def retry_dead_runs(runtime: Runtime) -> int:
    """Retry, as an operator would, the posts that failed three sends in a row, and return their number."""
    resumed = 0
    for _ in range(5):
        with contextlib.suppress(CeosError):
            for run in runtime.runs.runs(runtime.runs.dead()):
                # Runs that ended for another reason stay as they are and count in the verdict.
                if "never showed up" in run.reason:
                    runtime.ledger.decide(run.id, "retry")
                    resumed += 1
        wait_until(lambda: is_quiet(runtime), 60, interval=0.5)
    return resumed


def is_quiet(runtime: Runtime) -> bool:
    """Say whether every slot has fired and no run is open."""
    with contextlib.suppress(Exception):
        now = runtime.clock.now_ms()
        pending = runtime.database.client.zcount("ceos:due", "-inf", now + 3_600_000)
        return not pending and not runtime.ops.counts()["open"]
    return False


def compare(
    runs: list[Run], casts: list[dict[str, Any]], agents: list[Agent], slots: int, runtime: Runtime
) -> dict[str, Any]:
    """Compare the runs with the casts of the simulated Farcaster."""
    out = Counter(cast["idem"] for cast in casts)
    by_hash = {cast["hash"]: cast for cast in casts}
    published = [run for run in runs if run.status is RunStatus.PUBLISHED]
    wanted = {idempotency_key(run.id, index) for run in published for index in range(len(run.hashes))}
    broken = 0
    for run in published:
        parents = [by_hash.get(hash or "", {}).get("parent_hash") for hash in run.hashes]
        broken += parents != [None, *run.hashes[:-1]]
    missed = sum(status.missed for status in runtime.agents.agent_statuses([agent.id for agent in agents]))
    endings = Counter(str(run.status) for run in runs)
    return {
        "runs": len(runs),
        "parts": len(wanted),
        "duplicates": sum(count - 1 for count in out.values()),
        "lost": len(wanted - set(out)),
        "broken_threads": broken,
        "strays": len(set(out) - wanted),
        "unaccounted_slots": len(agents) * slots - len(runs) - missed,
        "endings": dict(endings),
        "reasons": dict(
            Counter(run.reason[:90] for run in runs if run.reason and run.status is not RunStatus.PUBLISHED)
        ),
    }


def compare_videos(runs: list[Run], paid: int, runtime: Runtime) -> dict[str, Any]:
    """Compare the jobs that were paid for with the runs that asked for a video: each may have paid for one."""
    records = [runtime.database.client.hget(f"ceos:run:{run.id}", "video") for run in runs]
    endings = Counter(
        "video" if run.draft.video_model else "picture" if run.draft.image_model else "text"
        for run in runs
        if run.draft and run.draft.wants_video
    )
    return {"videos_paid": paid, "paid_twice": max(0, paid - len(list(filter(None, records)))), "media": dict(endings)}


def crashes(log: Path) -> dict[str, Any]:
    """Count the crash points that were hit, and measure how long each run waited for its next worker."""
    lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    hit = Counter(what.removeprefix("crash:") for what, _, _ in lines if what.startswith("crash:"))
    waits = []
    for index, (what, run, at) in enumerate(lines):
        if what.startswith("crash:") and run != "-":
            later = [
                float(other_at)
                for other, other_run, other_at in lines[index + 1 :]
                if (other, other_run) == ("begin", run)
            ]
            if later:
                waits.append(later[0] - float(at))
    waits.sort()
    return {
        "crashes": sum(hit.values()),
        "recovery_seconds": {
            "median": round(waits[len(waits) // 2], 1) if waits else None,
            "max": round(waits[-1], 1) if waits else None,
        },
        "crash_points": dict(sorted(hit.items())),
    }
