"""`ceos web`: receives webhooks."""

from __future__ import annotations

import socket
from contextlib import suppress

import click

from ceos.cli.output import command_runtime
from ceos.errors import InvalidInput, StoreUnavailable


@click.command()
@click.option("--host", help="Address to listen at; CEOS_WEB_HOST by default.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen at; CEOS_WEB_PORT by default.")
@click.option("--fd", type=int, hidden=True, help="A socket that listens already, as 'ceos up' hands it on.")
def web(host: str | None, port: int | None, fd: int | None) -> None:
    """Receive Neynar's webhooks until Ctrl-C; 'ceos up' does so too when NEYNAR_WEBHOOK_SECRET is set."""
    from ceos import logs  # noqa: PLC0415  # keeps 'ceos --help' instant
    from ceos.web.app import create_app  # noqa: PLC0415
    from ceos.web.listener import address_of, listen  # noqa: PLC0415
    from ceos.web.server import serve  # noqa: PLC0415
    from ceos.web.webhooks import PATH, Webhooks  # noqa: PLC0415

    runtime = command_runtime()
    settings = runtime.settings
    secrets = settings.webhook_secrets()
    if not secrets:
        raise InvalidInput(
            "NEYNAR_WEBHOOK_SECRET is not set, so no webhook could be told from a forged one; Neynar gives it to "
            "whoever registers a webhook."
        )
    listener = (
        socket.socket(fileno=fd)
        if fd is not None
        else listen(settings.web_host if host is None else host, settings.web_port if port is None else port)
    )
    # While Redis is away senders are asked to come again; one that would lose posts is no use at all.
    with suppress(StoreUnavailable):
        runtime.check_servers()
    app = create_app(Webhooks(secrets, runtime.store, runtime.listening.take))
    if fd is None:
        click.echo(f"Webhooks are received at {address_of(listener)}{PATH}. Ctrl-C stops.", err=True)
    logs.configure(settings.log_level, settings.log_format)
    try:
        serve(app, listener)
    finally:
        runtime.close()
