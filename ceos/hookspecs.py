"""The hooks of ceos: what a plugin may implement. Arguments come by name; take only those you need.

```python
import ceos

@ceos.hookimpl
def cast_published(agent, cast):
    print(f"{agent.name} published {cast.hash}")
```

Three families, told apart by their names. `register_…` adds vocabulary, once, at start; whatever is wrong there stops
the start. `review_draft` asks for a decision; a plugin that fails while it is asked counts as one that objects. The
others report an event; a plugin that fails while it is told harms no other and no post.
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
    """Add strategies: call `register(strategy)` once for each; called once, at start."""


@hookspec
def register_skills(register: Callable[[Skill | Path | str], None]) -> None:
    """Add skills: call `register(path)` with the folder of a skill or of several; called once, at start."""


@hookspec
def register_commands(register: Callable[[click.Command], None]) -> None:
    """Add commands to `ceos`: call `register(command)` with a click command for each; called once, at start."""


@hookspec
def review_draft(agent: Agent, draft: Draft) -> str | list[str] | None:
    """Object to a draft with sentences that tell the writer what to do instead; nothing lets it pass."""


@hookspec
def draft_created(agent: Agent, draft: Draft) -> None:
    """Learn of a draft that is written and has passed the review, before it is illustrated or published."""


@hookspec
def cast_published(agent: Agent, cast: Cast) -> None:
    """Learn of a cast that is out; a thread reports each of its parts."""


@hookspec
def mention_received(agent: Agent, mention: Mention) -> None:
    """Learn that somebody mentioned, answered or quoted the agent."""


@hookspec
def agent_state_changed(agent: Agent, old: AgentState, new: AgentState, reason: str) -> None:
    """Learn that an agent changed its state, and why; `reason` is empty in the ordinary course of a post."""


@hookspec
def chain_event(subscription: Subscription, event: ChainEvent) -> None:
    """Learn of an event on chain that a subscription follows, once; `event.removed` takes an earlier one back."""
