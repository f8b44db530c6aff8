"""Operations on plugins: the strategies and plugins that are installed, and the calls of their hooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ceos.operations.context import Context
from ceos.operations.table import Scope, operation

if TYPE_CHECKING:
    from ceos.plugins.manager import PluginInfo
    from ceos.storage.ops import HookCount


@operation("strategy.list", Scope.READ)
def list_strategies(context: Context) -> dict[str, str]:
    """Return the summary of each strategy that an agent file may name, sorted by name."""
    return {name: strategy.summary for name, strategy in sorted(context.plugins.strategies.items())}


@operation("plugin.list", Scope.READ)
def list_plugins(context: Context) -> list[PluginInfo]:
    """Return the plugins in the order in which they were loaded."""
    return context.plugins.describe()


@operation("plugin.calls", Scope.READ)
def hook_calls(context: Context) -> Mapping[tuple[str, str], HookCount]:
    """Return the calls that all workers made, by plugin and hook."""
    return context.ops.hook_counts()
