"""The hooks of ceos: what a plugin may implement. Arguments come by name; take only those you need.

```python
import ceos

@ceos.hookimpl
def register_strategies(register):
    register(MondaysOnly())
```
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from ceos.strategy import Strategy

#: pluggy's project name, and the entry-point group of packages with plugins.
PROJECT = "ceos"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_strategies(register: Callable[[Strategy], None]) -> None:
    """Add strategies: call `register(strategy)` once for each; called once, at start."""
