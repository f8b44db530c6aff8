"""Contract events that agents follow, and the events as hooks and strategies receive them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints

from ceos.domain.base import AgentId, Frozen

Hash = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$")]


def as_tuple(value: Any) -> Any:
    """Return a list of a TOML document as a tuple, and anything else as it is."""
    return tuple(value) if isinstance(value, list) else value


Listed = BeforeValidator(as_tuple)
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
AgentIds = Annotated[tuple[AgentId, ...], Listed]


class Subscription(Frozen):
    """`[[subscription]]`: an event that is followed."""

    #: The name that commands and plugins use.
    name: Name
    #: A contract's name or address.
    contract: str
    #: The event's name, or its signature where several events share the name.
    event: str
    #: Values of indexed arguments by name; a list means any of them.
    filter: dict[str, Any] = Field(default_factory=dict)
    #: First block whose events count; without it, the present block.
    from_block: int | None = Field(default=None, ge=0)
    #: Blocks that must be on top of an event before it is delivered.
    confirmations: int = Field(default=10, ge=0, le=1000)
    #: Agents that are asked whether they post about it.
    agents: AgentIds = ()
    #: Posts of each agent about it in a UTC day.
    posts_per_day: int = Field(default=3, ge=0, le=100)


class ChainEvent(Frozen):
    """One event that a subscription follows, as hooks and strategies get it."""

    subscription: str
    #: The same for the same log, and for no other: `{block hash}:{index}`.
    id: str
    #: The contract's checksummed address.
    contract: str
    #: The event's name, such as "Registered".
    name: str
    #: Its arguments by name, as JSON: numbers whole, bytes as hex, addresses checksummed. Texts are untrusted.
    args: dict[str, Any]
    block: int
    block_hash: Hash
    tx_hash: Hash
    index: int
    #: Whether its block is no longer part of the chain: the event that was delivered before did not happen.
    removed: bool = False
    #: Whether it may have been delivered before, to a process that was killed. Check before you act.
    repeated: bool = False
