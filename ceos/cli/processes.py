"""`ceos up`, `ceos scheduler`, `ceos sim`: the long-running processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from types import FrameType

import click

from ceos.cli.output import command_runtime, number
from ceos.errors import CeosError, StoreUnavailable
from ceos.settings import Settings

#: Where the simulator listens by default.
SIMULATOR_PORT = 8787


def stop_on_signals() -> threading.Event:
    """Return an event that SIGINT, SIGTERM and a closed terminal set; a second signal ends the process at once."""
    stop = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
    # Otherwise closing the terminal would end this process and leave the workers, which have their own session.
    signal.signal(signal.SIGHUP, handle)
    return stop


@click.command()
@click.option(
    "--processes",
    default=min(2, os.cpu_count() or 1),
    show_default=True,
    type=click.IntRange(1),
    help="Worker processes.",
)
@click.option("--threads", default=8, show_default=True, type=click.IntRange(1), help="Threads in each.")
def up(processes: int, threads: int) -> None:
    """Run workers and their scheduler until Ctrl-C; the embedded server is started if CEOS_REDIS_URL is not set.

    With NEYNAR_WEBHOOK_SECRET, webhooks are received too; with CEOS_PUBLIC_URL, public pages are served.
    """
    from ceos.supervisor import Supervisor, web_command, worker_command  # noqa: PLC0415  # keeps 'ceos --help' instant

    runtime = command_runtime()
    runtime.check_servers()
    # Before anything is started, because the port may be in use. The socket outlives a restart of the web app.
    listener = _listen(runtime.settings) if runtime.settings.wants_web() else None
    ids = runtime.agents.agent_ids()
    fleet_size = f"{number(processes, 'worker process', 'worker processes')} with {number(threads, 'thread')} each"
    click.echo(f"{number(len(ids), 'agent')}, {fleet_size}. Ctrl-C stops.", err=True)
    if not ids:
        click.echo("No agents yet; 'ceos agent apply FILE' makes one, while this runs.", err=True)
    stop = stop_on_signals()
    environ = dict(os.environ)
    if sys.stderr.isatty() and "log_format" not in runtime.settings.model_fields_set:
        environ["CEOS_LOG_FORMAT"] = "text"
    workers = Supervisor(worker_command(processes, threads), environ, threads=threads)
    beside = []
    if listener:
        beside = [Supervisor(web_command(listener), environ, name="Web processes", pass_fds=[listener.fileno()])]
    for one in (workers, *beside):
        one.start()
    try:
        workers.supervise(stop, *beside)
    finally:
        click.echo("Stopping: running work is finished or released.", err=True)
        if listener:
            # New connections are refused, so that senders do not wait.
            listener.close()
        for one in beside:
            one.terminate()
        code = workers.stop()
        for one in beside:
            one.stop()
        runtime.close()
    if code:
        sys.exit(1)


def _listen(settings: Settings) -> socket.socket:
    from ceos.cli.web import served  # noqa: PLC0415  # only where the web app is wanted
    from ceos.web.listener import address_of, listen  # noqa: PLC0415

    listener = listen(settings.web_host, settings.web_port)
    click.echo(served(settings, address_of(listener)), err=True)
    return listener


@click.command()
def scheduler() -> None:
    """Run a scheduler of its own; workers may then run with CEOS_SCHEDULER=off. Any number may run at once."""
    from ceos import logs  # noqa: PLC0415  # keeps 'ceos --help' instant
    from ceos.actors import backlog, send  # noqa: PLC0415

    runtime = command_runtime()
    logs.configure(runtime.settings.log_level, runtime.settings.log_format)
    stop = stop_on_signals()
    while not stop.is_set():
        try:
            runtime.check_servers()
            break
        except StoreUnavailable as error:
            click.echo(str(error), err=True)
            stop.wait(2.0)
    else:
        return
    runtime.scheduler(send, backlog).run(stop)
    runtime.close()


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen at.  [default: 8787; COMMAND: a free one]")
@click.option("--seed", default=7, show_default=True, help="The same seed gives the same texts and faults.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--audience",
    default=0,
    show_default=True,
    type=click.IntRange(0, 10_000),
    help="People who react to what is posted.",
)
@click.argument("command", metavar="[-- COMMAND [ARGS]...]", nargs=-1)
def sim(*, port: int | None, seed: int, host: str, audience: int, command: tuple[str, ...]) -> None:
    """Run the simulator of the three services.

    It prints the variables that point ceos at it and runs until Ctrl-C. With COMMAND it starts, runs COMMAND with these
    variables in its environment, and ends with it, as in: ceos sim -- sh -c 'ceos agent apply agents.toml && ceos up'
    """
    from ceos.simulator import running, serve  # noqa: PLC0415
    from ceos.supervisor import simulator_environ  # noqa: PLC0415  # keeps 'ceos --help' instant

    config = {"neynar": {"audience": audience}}
    try:
        if command:
            with running(seed, host=host, port=port or 0, **config) as simulator:
                sys.exit(_run_command(command, simulator_environ(simulator.url)))
        port = port or SIMULATOR_PORT
        serve(port, seed=seed, host=host, config=config, listening=lambda: _announce(f"http://{host}:{port}"))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CeosError(
            f"The simulator cannot listen at {host}:{port}: {error.strerror}. Choose another one with --port or --host."
        ) from None


def _announce(url: str) -> None:
    from ceos.supervisor import simulator_environ  # noqa: PLC0415  # keeps 'ceos --help' instant

    for name, value in simulator_environ(url).items():
        click.echo(f"export {name}={value}")
    click.echo(f"# timeline: {url}/_sim/timeline   faults: POST {url}/_sim/faults")
    sys.stdout.flush()


def _run_command(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command with `environ` added to the environment and return its exit code, as a shell would."""
    try:
        process = subprocess.Popen(command, env={**os.environ, **environ})  # noqa: S603  # the operator's own command
    except OSError as error:
        raise CeosError(f"{command[0]!r} cannot be run: {error.strerror}.") from None
    # A terminal sends Ctrl-C to both processes; the command decides what to do with it.
    signal.signal(signal.SIGINT, lambda *_: None)
    for sent in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sent, lambda received, _: process.send_signal(received))
    code = process.wait()
    return code if code >= 0 else 128 - code
