"""The hooks of ceos, which plugins implement. Arguments are passed by name; declare only those you need.

```python
import ceos

@ceos.hookimpl
def cast_published(agent, cast):
    print(f"{agent.name} published {cast.hash}")
```

There are three families. `register_…` adds vocabulary, once, at the start; a mistake there stops the start.
`review_draft` requests a decision; a plugin that fails in it counts as one that objects. The others report an event; a
plugin that fails in one affects no other plugin and no post.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from pathlib import Path

    import click

    from ceos.domain.agent import Agent
    from ceos.domain.chain_event import ChainEvent, Subscription
    from ceos.domain.lifecycle import AgentState
    from ceos.domain.mentions import Mention
    from ceos.domain.posts import Cast, Draft
    from ceos.skills.skill import Skill
    from ceos.strategy import Strategy

#: pluggy's project name, and the entry-point group of packages with plugins.
PROJECT = "ceos"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_strategies(register: Callable[[Strategy], None]) -> None:
    """Add strategies: call `register(strategy)` for each; called once, at the start."""


@hookspec
def register_skills(register: Callable[[Skill | Path | str], None]) -> None:
    """Add skills: call `register(path)` with the folder of one skill or of several; called once, at the start."""


@hookspec
def register_commands(register: Callable[[click.Command], None]) -> None:
    """Add commands to `ceos`: call `register(command)` with each click command; called once, at the start."""


@hookspec
def review_draft(agent: Agent, draft: Draft) -> str | list[str] | None:
    """Check a draft: return sentences that tell the writer what to do instead, or None to accept it."""


@hookspec
def draft_created(agent: Agent, draft: Draft) -> None:
    """A draft is written and has passed the review; it is not yet illustrated or published."""


@hookspec
def cast_published(agent: Agent, cast: Cast) -> None:
    """A cast is published; a thread reports each of its parts."""


@hookspec
def mention_received(agent: Agent, mention: Mention) -> None:
    """The agent was mentioned, answered or quoted."""


@hookspec
def agent_state_changed(agent: Agent, old: AgentState, new: AgentState, reason: str) -> None:
    """An agent changed its state; `reason` is empty in the normal course of a post."""


@hookspec
def chain_event(subscription: Subscription, event: ChainEvent) -> None:
    """A subscription found an event on chain; reported once, and again with `event.removed` if a re-org removes it."""
