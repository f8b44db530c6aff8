"""Neynar's webhooks without their HTTP: the signature, the cast, and the agents that it concerns.

Webhooks are the fast path beside the poll, which returns the same casts some minutes later. Both record casts by their
hashes, so a webhook may be repeated, replayed, late or missing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from ceos.clients.neynar.types import FeedCast
from ceos.domain.agent import Agent
from ceos.errors import CeosError, InvalidInput, NotFound
from ceos.logs import event
from ceos.mentions.poller import MentionKind
from ceos.storage.agents import AgentStore

log = logging.getLogger(__name__)

#: What takes a cast for an agent and says "opened", "known", "old" or why not: `MentionPoller.receive_cast`.
Take = Callable[[Agent, FeedCast, MentionKind], str]

#: The path to which Neynar sends webhooks.
PATH = "/webhooks/neynar"
#: The one type of event that is used.
CAST_CREATED = "cast.created"

_SIGNATURE = re.compile(r"[0-9a-fA-F]{128}")


class NotSigned(CeosError):
    """The webhook is not signed with the secret of NEYNAR_WEBHOOK_SECRET."""


@dataclass(frozen=True)
class WebhookReceipt:
    """The outcome of one webhook."""

    #: By agent, what `MentionPoller.receive_cast` said.
    taken: Mapping[str, str] = field(default_factory=dict)
    #: The reason why no agent was concerned; empty if one was.
    ignored: str = ""


def may_be_signature(signature: str) -> bool:
    """Return True for a text in the form of a signature; cheap enough to be checked before the body is read."""
    return _SIGNATURE.fullmatch(signature) is not None


def is_signed(body: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """Return True if one of these secrets signed a body; the time it takes reveals nothing about them."""
    if not may_be_signature(signature):
        return False
    given = signature.lower()
    # All are compared: stopping at the first match would reveal which one it was.
    matches = [hmac.compare_digest(sign(body, secret), given) for secret in secrets]
    return any(matches)


def sign(body: bytes, secret: str) -> str:
    """Return Neynar's signature of a body."""
    return hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()


class Webhooks:
    """Receives signed events, and passes on the casts that concern agents of this installation."""

    def __init__(self, secrets: Sequence[str], agents: AgentStore, take: Take) -> None:
        self._secrets = tuple(secrets)
        self._agents = agents
        self._take = take

    def receive(self, body: bytes, signature: str) -> WebhookReceipt:
        """Process one webhook; receiving it again changes nothing.

        Raises `NotSigned`, `InvalidInput` for a body that is not an event, or `StoreUnavailable`, after which
        the sender should send it again.
        """
        if not is_signed(body, signature, self._secrets):
            raise NotSigned
        type_, data = _event(body)
        if type_ != CAST_CREATED:
            return WebhookReceipt(ignored=f"Events of the type {type_[:40]!r} are not used.")
        try:
            cast = FeedCast.model_validate(data)
        except ValidationError as error:
            return _unreadable(sorted({str(item["loc"][0]) if item["loc"] else "data" for item in error.errors()}))
        if cast.author is None:
            return _unreadable(["author"])
        taken = {agent.id: self._take(agent, cast, kind) for agent, kind in self._concerned(data)}
        log.info("Webhook received", extra=event("webhook.received", hash=cast.hash, taken=taken))
        return WebhookReceipt(taken, "" if taken else "The cast concerns no agent of this installation.")

    def _concerned(self, cast: Mapping[str, Any]) -> Iterator[tuple[Agent, MentionKind]]:
        kinds = concerns(cast)
        for fid, agent_ids in self._agents.agents_of(kinds).items():
            for agent_id in agent_ids:
                # An agent may have been removed in the meantime.
                with suppress(NotFound):
                    yield self._agents.agent(agent_id), kinds[fid]


def _event(body: bytes) -> tuple[str, Any]:
    """Return the type and the data of an event."""
    try:
        read = json.loads(body.decode())
    except UnicodeDecodeError:
        raise InvalidInput("The body is not UTF-8.") from None
    except (ValueError, RecursionError):
        # The parser also refuses documents that are nested too deeply and numbers that are too long.
        raise InvalidInput("The body is not JSON.") from None
    if not isinstance(read, dict) or not isinstance(read.get("type"), str):
        raise InvalidInput("The body is not an event: expected an object with a 'type'.")
    return read["type"], read.get("data")


def _unreadable(fields: list[str]) -> WebhookReceipt:
    # The body is signed, so a repetition would be the same: refusing it would only make Neynar send it again.
    log.warning(
        "Webhook with a cast that cannot be read; the poll may find it",
        extra=event("webhook.unreadable", fields=fields),
    )
    return WebhookReceipt(ignored=f"The cast cannot be read: {', '.join(fields)}.")


def concerns(cast: Mapping[str, Any]) -> dict[int, MentionKind]:
    """Return the fids that a cast concerns, each with the way; a reply takes precedence over a mention and a quote."""
    found: dict[int, MentionKind] = {}
    ways: tuple[tuple[MentionKind, Iterator[Any]], ...] = (
        ("reply", iter([_inside(cast, "parent_author", "fid")])),
        ("mention", (_inside(one, "fid") for one in _items(cast, "mentioned_profiles"))),
        ("quote", (fid for one in _items(cast, "embeds") for fid in _quoted(one))),
    )
    for way, fids in ways:
        for fid in fids:
            # Not isinstance: to Python, true is the number 1.
            if type(fid) is int:
                found.setdefault(fid, way)
    return found


def _quoted(embed: Any) -> Iterator[Any]:
    yield _inside(embed, "cast", "author", "fid")
    yield _inside(embed, "cast_id", "fid")


def _items(data: Mapping[str, Any], name: str) -> list[Any]:
    value = data.get(name)
    return value if isinstance(value, list) else []


def _inside(data: Any, *names: str) -> Any:
    for name in names:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data
