"""Operations on transactions that wait for approval; the chain is loaded only when there may be one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ceos.operations.context import Context
from ceos.operations.table import Scope, operation

if TYPE_CHECKING:
    from ceos.chain.tx.types import Tx

#: Ids of transactions begin with this; ids of posts begin with an agent's id.
TX = "tx/"


def is_tx(name: str) -> bool:
    """Return True for the id of a transaction."""
    return name.startswith(TX)


@operation("transaction.waiting", Scope.READ)
def waiting_transactions(context: Context, agent_ids: Sequence[str] = ()) -> list[Tx]:
    """Return the transactions that wait for approval, of all agents by default."""
    from ceos.chain.due_queue import DueQueue  # noqa: PLC0415

    if not any(map(is_tx, DueQueue(context.database).task_ids())):
        return []
    return [tx for tx in context.chain.sender.review_queue() if not agent_ids or tx.request.agent in agent_ids]
