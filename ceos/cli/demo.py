"""`ceos demo`: the main job end to end, without a key. Only the three services are simulated."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ceos.cli.fleet import stop_on_signals
from ceos.cli.output import show_table
from ceos.errors import CeosError
from ceos.fleet import Fleet, simulator_command, simulator_environ, wait_until, worker_command, write_log
from ceos.lifecycle import RunStatus
from ceos.models import Run, slot_time

#: An hour of the agents' time takes 12 s.
SPEED = 300
#: The demonstration is over when this much was published, a thread and a picture among it.
CASTS = 14
#: It has failed when that takes longer, in seconds.
PATIENCE = 55.0
#: What a real service would take to answer, in seconds; enough to watch.
LATENCY = {"openrouter": 0.5, "fal": 0.8, "neynar": 0.1}

AGENTS = """\
[[agent]]
id = "ada"
name = "Ada"
fid = 1001
signer_uuid = "00000000-0000-4000-8000-000000001001"
strategy = "balanced"
[agent.persona]
bio = "A bridge engineer who writes about how things hold up, and why they fall."
tone = "dry, precise, kind"
topics = ["bridges", "old machines", "measuring"]
[agent.schedule]
cron = "*/20 * * * *"

[[agent]]
id = "basho"
name = "Basho"
fid = 1002
signer_uuid = "00000000-0000-4000-8000-000000001002"
strategy = "text-heavy"
[agent.persona]
bio = "A walker who notices small things and writes them down."
tone = "quiet, concrete"
topics = ["weather", "walking", "tea"]
[agent.schedule]
cron = "10,40 * * * *"

[[agent]]
id = "coco"
name = "Coco"
fid = 1003
signer_uuid = "00000000-0000-4000-8000-000000001003"
strategy = "media-heavy"
[agent.persona]
bio = "A gardener on a city roof who photographs everything."
tone = "warm, curious"
topics = ["roof gardens", "bees", "compost"]
[agent.schedule]
cron = "5,35 * * * *"
[agent.models]
style = "watercolor"
"""


@click.command()
@click.option("--seed", default=7, show_default=True, help="The same seed gives the same texts.")
@click.option("--keep", is_flag=True, help="Keep the folder with the data and the logs.")
def demo(seed: int, keep: bool) -> None:
    """Watch three agents of different strategies publish into a simulated Farcaster, 300 times as fast as life."""
    stop = stop_on_signals()
    folder = Path(tempfile.mkdtemp(prefix="ceos-demo-"))
    started = time.monotonic()
    click.echo("Three agents, a real Valkey, real worker processes; the three services are simulated.\n")
    try:
        with _services(folder, seed) as (url, environ):
            runs, casts = _watch(url, environ, folder, stop.is_set)
        _report(runs, casts, time.monotonic() - started)
    finally:
        if keep:
            click.echo(f"Data and logs are in {folder}.", err=True)
        else:
            import shutil  # noqa: PLC0415  # only here

            shutil.rmtree(folder, ignore_errors=True)
    if stop.is_set():
        raise click.Abort
    if not _is_complete(runs, casts):
        raise CeosError("The demonstration did not publish what it should have; 'ceos demo --keep' keeps the logs.")
    click.echo("\nNext: describe an agent of your own and give it keys; the README has both on one page.")


@contextmanager
def _services(folder: Path, seed: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Start the simulator and yield its address with the variables that point ceos at it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    config = json.dumps({service: {"latency_seconds": seconds} for service, seconds in LATENCY.items()})
    with write_log(folder / "simulator.log") as log_file:
        command = simulator_command(port, seed, config)
        simulator = subprocess.Popen(command, stdout=log_file, stderr=log_file)  # noqa: S603  # our own command
    try:
        if not wait_until(lambda: simulator.poll() is not None or _is_open(port), 15):
            raise CeosError("The simulator did not start.")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CEOS_")}
        yield (
            url,
            {
                **inherited,
                **simulator_environ(url),
                "CEOS_HOME": str(folder),
                "CEOS_CLOCK_SPEED": str(SPEED),
                "CEOS_CLOCK_ORIGIN": str(int(time.time())),
                "CEOS_LOG_FORMAT": "text",
            },
        )
    finally:
        simulator.terminate()
        simulator.wait()


def _watch(url: str, environ: dict[str, str], folder: Path, is_stopped: Any) -> tuple[list[Run], list[dict[str, Any]]]:
    """Run the workers until enough is published, printing each cast as it appears."""
    import requests  # noqa: PLC0415  # keeps 'ceos --help' instant

    from ceos.agentfile import parse_agents  # noqa: PLC0415
    from ceos.runtime import Runtime  # noqa: PLC0415
    from ceos.settings import Settings  # noqa: PLC0415

    runtime = Runtime(Settings.from_env(environ, dotenv=None))
    runtime.apply(parse_agents(AGENTS, "demo"))
    names = {runtime.store.agent(agent_id).fid: agent_id for agent_id in runtime.store.agent_ids()}
    with write_log(folder / "workers.log") as log_file:
        fleet = Fleet(worker_command(2, 4), environ, threads=4, log_file=log_file)
        fleet.start()
    casts: list[dict[str, Any]] = []
    runs: list[Run] = []
    deadline = time.monotonic() + PATIENCE
    try:
        while not is_stopped() and time.monotonic() < deadline and not _is_complete(runs, casts):
            known = len(casts)
            casts = requests.get(f"{url}/_sim/casts", timeout=5).json()["casts"]
            for cast in casts[known:]:
                _print_cast(cast, names)
            runs = [run for agent_id in names.values() for run in runtime.store.recent_runs(agent_id, 100)]
            time.sleep(0.2)
    finally:
        fleet.stop()
        runs = [run for agent_id in names.values() for run in runtime.store.recent_runs(agent_id, 100)]
        casts = requests.get(f"{url}/_sim/casts", timeout=5).json()["casts"]
        runtime.close()
    return runs, casts


def _print_cast(cast: dict[str, Any], names: dict[int, str]) -> None:
    who = names.get(cast["author"]["fid"], "?")
    mark = "  ↳ " if cast.get("parent_hash") else ""
    text = " ".join(cast["text"].split())
    picture = "".join(f"\n         [picture] {embed['url']}" for embed in cast["embeds"] if "url" in embed)
    name = click.style(f"{who:<6}", fg={"ada": "cyan", "basho": "green", "coco": "magenta"}.get(who), bold=True)
    click.echo(f"{name} {mark}{text}{picture}")


def _is_complete(runs: list[Run], casts: list[dict[str, Any]]) -> bool:
    out = [run for run in runs if run.status is RunStatus.PUBLISHED and run.draft]
    return (
        len(casts) >= CASTS
        and any(len(run.hashes) > 1 for run in out)
        and any(run.draft is not None and run.draft.image_model for run in out)
        and len({run.agent_id for run in out}) == 3
    )


def _report(runs: list[Run], casts: list[dict[str, Any]], seconds: float) -> None:
    out = sorted((run for run in runs if run.status is RunStatus.PUBLISHED), key=lambda run: run.slot)
    click.echo()
    show_table(
        ["agent", "slot (UTC)", "kind", "parts", "model", "cost USD", "hash"],
        [
            (
                run.agent_id,
                slot.strftime("%m-%d %H:%M") if (slot := slot_time(run.slot)) else run.slot,
                run.kind,
                len(run.hashes),
                " + ".join(filter(None, (run.draft.model, run.draft.image_model))) if run.draft else None,
                f"{run.draft.cost_usd:.4f}" if run.draft else None,
                (run.hashes[0] or "")[:14] + "…" if run.hashes else None,
            )
            for run in out
        ],
        empty="Nothing was published.",
    )
    cost = sum(run.draft.cost_usd for run in out if run.draft)
    hashes = {cast["hash"] for cast in casts}
    known = {hash for run in out for hash in run.hashes}
    different = {(cast["author"]["fid"], cast["text"], cast["parent_hash"]) for cast in casts}
    click.echo(
        f"\n{len(out)} posts, {len(casts)} casts in {seconds:.0f} s for {cost:.4f} simulated USD; "
        f"{len(casts) - len(different)} published twice, {len(known - hashes)} lost."
    )


def free_port() -> int:
    """Return a port on this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
