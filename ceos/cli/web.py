"""`ceos web`: receives webhooks, and serves the public pages of agents."""

from __future__ import annotations

import socket
from contextlib import suppress

import click

from ceos.cli.output import command_runtime
from ceos.errors import InvalidInput, StoreUnavailable
from ceos.settings import Settings


@click.command()
@click.option("--host", help="Address to listen at; CEOS_WEB_HOST by default.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen at; CEOS_WEB_PORT by default.")
@click.option("--fd", type=int, hidden=True, help="A listening socket that 'ceos up' passes on.")
def web(host: str | None, port: int | None, fd: int | None) -> None:
    """Receive webhooks and serve the agents' public pages until Ctrl-C.

    Neynar's webhooks need NEYNAR_WEBHOOK_SECRET, the pages and fal.ai's webhooks CEOS_PUBLIC_URL; 'ceos up' does the
    same when one is set.
    """
    from ceos import logs  # noqa: PLC0415  # keeps 'ceos --help' instant
    from ceos.web.agents import Pages  # noqa: PLC0415
    from ceos.web.app import create_app  # noqa: PLC0415
    from ceos.web.fal_webhooks import FalWebhooks  # noqa: PLC0415
    from ceos.web.listener import address_of, listen  # noqa: PLC0415
    from ceos.web.server import serve  # noqa: PLC0415
    from ceos.web.webhooks import Webhooks  # noqa: PLC0415

    runtime = command_runtime()
    settings = runtime.settings
    if not settings.wants_web():
        raise InvalidInput(
            "NEYNAR_WEBHOOK_SECRET is not set, so webhooks cannot be verified, and CEOS_PUBLIC_URL is not set, so no "
            "page is served. Set at least one of them; Neynar gives the secret when a webhook is registered."
        )
    listener = (
        socket.socket(fileno=fd)
        if fd is not None
        else listen(settings.web_host if host is None else host, settings.web_port if port is None else port)
    )
    # While Redis does not answer, senders are asked to try again; a Redis that would lose posts is refused.
    with suppress(StoreUnavailable):
        runtime.check_servers()
    secrets = settings.webhook_secrets()
    webhooks = Webhooks(secrets, runtime.agents, runtime.mention_poller.receive_cast) if secrets else None
    pages = Pages(runtime.chain.identity, runtime.chain.anchors) if settings.public_url else None
    seller = runtime.chain.seller if settings.public_url and runtime.chain.seller.offers else None
    videos = (
        FalWebhooks(runtime.fal.webhook_keys, runtime.ledger.report_video)
        if settings.public_url and settings.fal_key
        else None
    )
    app = create_app(webhooks, videos=videos, pages=pages, seller=seller, check=runtime.database.ping)
    if fd is None:
        click.echo(f"{served(settings, address_of(listener))} Ctrl-C stops.", err=True)
    logs.configure(settings.log_level, settings.log_format)
    try:
        serve(app, listener)
    finally:
        runtime.close()


def served(settings: Settings, address: str) -> str:
    """Return one sentence for each service of the web app at an address."""
    from ceos.web.webhooks import PATH  # noqa: PLC0415  # only where the web app is wanted

    webhooks = [f"Webhooks are received at {address}{PATH}."] if settings.webhook_secrets() else []
    pages = [f"Public pages are served at {address}, for {settings.public_url}."] if settings.public_url else []
    return " ".join([*webhooks, *pages])
