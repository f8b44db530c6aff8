"""`ceos chain events`: what is followed and how far, and what was said lately."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from ceos.cli.output import command_runtime, json_option, show_json, show_table
from ceos.errors import RangeRefused
from ceos.evm.values import as_json as plain

if TYPE_CHECKING:
    from ceos.chain.events.follower import SubscriptionState
    from ceos.chain.wiring import Chain
    from ceos.evm.types import Log

#: How many blocks are looked back without --since, and how many a node is asked about at once.
LOOK_BACK, RANGE = 2_000, 500


@click.command()
@click.argument("name", required=False)
@click.option("--since", type=click.IntRange(0), help=f"The first block; by default {LOOK_BACK:,} blocks back.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many, the latest.")
@json_option
def events(name: str | None, since: int | None, limit: int, as_json: bool) -> None:
    """Show how far each subscription of chain.toml has come; with NAME, the latest events of that one.

    Events are read from the node for you to look at; nothing is handed over by it, and none is marked as seen.
    """
    chain = command_runtime().chain
    if name is None:
        states = chain.follower.state()
        return show_json(states_document(states)) if as_json else print_states(states)
    found = _latest(chain, name, since, limit)
    if as_json:
        return show_json(found)
    rows = [(one["block"], one["tx_hash"], _arguments(one["args"])) for one in found]
    return show_table(["block", "transaction", "arguments"], rows, empty="None in these blocks.")


def print_states(states: Sequence[SubscriptionState]) -> None:
    """Print how far subscriptions have come."""
    rows = [
        (
            one.name,
            one.event,
            one.next_block,
            one.lag,
            one.delivered,
            one.removed,
            one.range_blocks,
            one.reason or "well",
        )
        for one in states
    ]
    columns = ["subscription", "event", "next block", "behind", "handed over", "removed", "range", "health"]
    show_table(columns, rows, empty="Nothing is followed; [[subscription]] in chain.toml says what shall be.")


def states_document(states: Sequence[SubscriptionState]) -> list[dict[str, Any]]:
    """Return how far subscriptions have come as JSON."""
    return [one.model_dump(by_alias=True) for one in states]


def _latest(chain: Chain, name: str, since: int | None, limit: int) -> list[dict[str, Any]]:
    """Return the latest events, oldest first, read backwards from the head."""
    event_filter = chain.follower.event_filter(name)
    head = chain.client.head().number
    first = max(0, head - LOOK_BACK) if since is None else since
    found: list[dict[str, Any]] = []
    for start, end in _backwards(first, head):
        logs = _logs(chain, event_filter.address, event_filter.topics, start, end)
        for log in sorted(logs, key=lambda one: (one.block, one.index), reverse=True):
            try:
                args = plain(event_filter.event.decode(log))
            except ValueError:
                # It has the event's topic and is another one.
                continue
            found.append({"block": log.block, "tx_hash": log.tx_hash, "index": log.index, "args": args})
        if len(found) >= limit:
            break
    return found[:limit][::-1]


def _backwards(first: int, last: int) -> Iterator[tuple[int, int]]:
    while last >= first:
        start = max(first, last - RANGE + 1)
        yield start, last
        last = start - 1


def _logs(chain: Chain, address: str, topics: Sequence[Any], start: int, end: int) -> list[Log]:
    """Return the logs of a range; a node that refuses it is asked for its halves."""
    try:
        return chain.client.logs(address, topics, start, end)
    except RangeRefused:
        if start == end:
            raise
    middle = (start + end) // 2
    return _logs(chain, address, topics, start, middle) + _logs(chain, address, topics, middle + 1, end)


def _arguments(args: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in args.items())
