"""The check of `ceos doctor` that concerns webhooks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress

from ceos.cli.doctor.findings import Examination, Finding, Status
from ceos.web.webhooks import PATH

#: Time for the web app to accept a connection, in seconds.
CONNECT_SECONDS = 2.0


def webhooks(examination: Examination) -> Iterator[Finding]:
    """Check that a process receives webhooks if a secret is set for them."""
    settings = examination.settings
    count = len(settings.webhook_secrets())
    if not count:
        yield Finding("webhooks", Status.OK, "NEYNAR_WEBHOOK_SECRET is not set; mentions are found by the poll alone.")
        return
    secrets = "a secret" if count == 1 else f"{count} secrets"
    place = f"{settings.web_host}:{settings.web_port}"
    with suppress(OSError), socket.create_connection((settings.web_host, settings.web_port), CONNECT_SECONDS):
        found = f"NEYNAR_WEBHOOK_SECRET holds {secrets}; webhooks are received at http://{place}{PATH}."
        yield Finding("webhooks", Status.OK, found)
        return
    found = f"NEYNAR_WEBHOOK_SECRET holds {secrets}, but no process listens at {place} on this machine."
    yield Finding("webhooks", Status.WARNING, found, "'ceos up' and 'ceos web' do; until then the poll finds mentions.")
