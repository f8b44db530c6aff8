"""`ceos demo`: posting and listening end to end, without a key. The three services and the people are simulated."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import click

from ceos.cli.demo.show import Show, report
from ceos.cli.processes import stop_on_signals
from ceos.domain.lifecycle import RunStatus
from ceos.errors import CeosError
from ceos.supervisor import Supervisor, simulator_command, simulator_environ, wait_until, worker_command, write_log

#: An hour of the agents' time takes 12 s.
SPEED = 300
#: The demonstration ends when the agents have published and replied so often, each took part, one mention was liked,
#: and one that tried to steer an agent was ignored.
CASTS, THREADS, PICTURES, ANSWERS = 14, 3, 2, 3
#: It fails if that takes longer, in seconds.
MAX_SECONDS = 55.0
#: The time in which a real service would answer, in seconds; slow enough to watch.
LATENCY = {"openrouter": 0.5, "fal": 0.8, "neynar": 0.1}
#: The simulated users, and the mean time until they react, in the agents' seconds. Some of them try to steer agents,
#: and the simulated models obey them.
AUDIENCE = {"audience": 40, "audience_delay_seconds": 600}
CREDULOUS = {"obeys": 1}


@click.command()
@click.option("--seed", default=7, show_default=True, help="The same seed gives the same texts.")
@click.option("--keep", is_flag=True, help="Keep the folder with the data and the logs.")
def demo(seed: int, keep: bool) -> None:
    """Watch three agents post into a simulated Farcaster and talk to its people, 300 times as fast as life."""
    stop = stop_on_signals()
    folder = Path(tempfile.mkdtemp(prefix="ceos-demo-"))
    started = time.monotonic()
    click.echo("Three agents, a real Valkey, real worker processes; the three services and the people are simulated.\n")
    try:
        with _services(folder, seed) as (url, environ):
            show = _watch(url, environ, folder, stop.is_set)
        report(show, time.monotonic() - started)
    finally:
        if keep:
            click.echo(f"Data and logs are in {folder}.", err=True)
        else:
            import shutil  # noqa: PLC0415  # only here

            shutil.rmtree(folder, ignore_errors=True)
    if stop.is_set():
        raise click.Abort
    if not _is_complete(show):
        raise CeosError("The demonstration did not publish what it should have; 'ceos demo --keep' keeps the logs.")
    click.echo("\nNext: describe an agent of your own and give it keys, as 'ceos docs quickstart' describes.")


@contextmanager
def _services(folder: Path, seed: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Start the simulator and yield its address with the variables that point ceos at it."""
    port, origin = free_port(), int(time.time())
    url = f"http://127.0.0.1:{port}"
    config: dict[str, dict[str, float]] = {name: {"latency_seconds": seconds} for name, seconds in LATENCY.items()}
    config["neynar"] |= AUDIENCE
    config["openrouter"] |= CREDULOUS
    with write_log(folder / "simulator.log") as log_file:
        command = simulator_command(port, seed, json.dumps(config), speed=SPEED, origin=origin)
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
                "CEOS_CLOCK_ORIGIN": str(origin),
                # A minute of the agents' time takes a fifth of a second.
                "CEOS_NEYNAR_PER_MINUTE": "0",
                "CEOS_LOG_FORMAT": "text",
            },
        )
    finally:
        simulator.terminate()
        simulator.wait()


def _watch(url: str, environ: dict[str, str], folder: Path, is_stopped: Callable[[], bool]) -> Show:
    """Run the workers until enough has happened, telling it as it happens."""
    from ceos.config.agents import parse_agents  # noqa: PLC0415  # keeps 'ceos --help' instant
    from ceos.runtime import Runtime  # noqa: PLC0415
    from ceos.settings import Settings  # noqa: PLC0415

    runtime = Runtime(Settings.from_env(environ, dotenv=None))
    agents = (resources.files("ceos.cli.demo") / "agents.toml").read_text(encoding="utf-8")
    runtime.apply(parse_agents(agents, "demo"))
    show = Show(runtime.agents, runtime.runs, runtime.mention_store, url)
    with write_log(folder / "workers.log") as log_file:
        workers = Supervisor(worker_command(2, 4), environ, threads=4, log_file=log_file)
        workers.start()
    deadline = time.monotonic() + MAX_SECONDS
    try:
        while not is_stopped() and time.monotonic() < deadline and not _is_complete(show):
            show.go_on()
            time.sleep(0.2)
    finally:
        workers.stop()
        show.end()
        runtime.close()
    return show


def _is_complete(show: Show) -> bool:
    ends = Counter(run.status for run in show.mentions)
    return (
        len(show.own_casts) - ends[RunStatus.PUBLISHED] >= CASTS
        and len({run.agent_id for run in show.posts}) == 3
        and sum(len(run.hashes) > 1 for run in show.posts) >= THREADS
        and sum(bool(run.draft and run.draft.image_model) for run in show.posts) >= PICTURES
        and ends[RunStatus.PUBLISHED] >= ANSWERS
        and ends[RunStatus.REACTED] > 0
        and show.attackers_ignored > 0
    )


def free_port() -> int:
    """Return a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
