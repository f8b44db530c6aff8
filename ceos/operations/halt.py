"""Operations on the halt switch, which stops all publishing and paying."""

from __future__ import annotations

from ceos.operations.context import Context
from ceos.operations.table import Scope, operation


@operation("halt.set", Scope.ADMIN)
def halt_publishing(context: Context, reason: str = "stopped by the operator") -> None:
    """Stop all publishing and paying on every host at once."""
    context.ops.set_panic(reason)


@operation("halt.clear", Scope.ADMIN)
def resume_publishing(context: Context) -> None:
    """Let publishing and paying continue."""
    context.ops.set_panic(None)


@operation("halt.show", Scope.READ)
def halt_reason(context: Context) -> str | None:
    """Return the reason of the halt, or None while publishing is not stopped."""
    return context.ops.panic_reason()
