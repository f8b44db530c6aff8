"""`ceos chain events`: the state of the subscriptions, and the latest events of one."""

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

#: The number of blocks searched without --since, and in one request.
LOOK_BACK, MAX_RANGE = 2_000, 500


@click.command()
@click.argument("name", required=False)
@click.option("--since", type=click.IntRange(0), help=f"The first block; by default {LOOK_BACK:,} blocks ago.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="The maximum number of events, the latest ones.",
)
@json_option
def events(name: str | None, since: int | None, limit: int, as_json: bool) -> None:
    """Show the state of each subscription of chain.toml; with NAME, its latest events.

    The events are only shown: they are not delivered to plugins or agents, and the cursor does not move.
    """
    chain = command_runtime().chain
    if name is None:
        states = chain.follower.state()
        return show_json(states_document(states)) if as_json else print_states(states)
    found = _latest(chain, name, since, limit)
    if as_json:
        return show_json(found)
    rows = [(one["block"], one["tx_hash"], _arguments(one["args"])) for one in found]
    return show_table(["block", "transaction", "arguments"], rows, empty="No events in these blocks.")


def print_states(states: Sequence[SubscriptionState]) -> None:
    """Print the state of subscriptions."""
    rows = [
        (
            one.name,
            one.event,
            one.next_block,
            one.lag,
            one.delivered,
            one.removed,
            one.range_blocks,
            one.reason or "healthy",
        )
        for one in states
    ]
    columns = ["subscription", "event", "next block", "behind", "handed over", "removed", "range", "health"]
    show_table(columns, rows, empty="Nothing is followed; add a [[subscription]] to chain.toml.")


def states_document(states: Sequence[SubscriptionState]) -> list[dict[str, Any]]:
    """Return the state of subscriptions as JSON."""
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
                # Another event with the same topic.
                continue
            found.append({"block": log.block, "tx_hash": log.tx_hash, "index": log.index, "args": args})
        if len(found) >= limit:
            break
    return found[:limit][::-1]


def _backwards(first: int, last: int) -> Iterator[tuple[int, int]]:
    while last >= first:
        start = max(first, last - MAX_RANGE + 1)
        yield start, last
        last = start - 1


def _logs(chain: Chain, address: str, topics: Sequence[Any], start: int, end: int) -> list[Log]:
    """Return the logs of a range, in halves if a node refuses it."""
    try:
        return chain.client.logs(address, topics, start, end)
    except RangeRefused:
        if start == end:
            raise
    middle = (start + end) // 2
    return _logs(chain, address, topics, start, middle) + _logs(chain, address, topics, middle + 1, end)


def _arguments(args: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in args.items())
