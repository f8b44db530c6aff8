"""The base class of strategies: what an agent uses a slot for, and what it does about mentions and trends."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ceos.domain.agent import Agent
    from ceos.domain.chain_event import ChainEvent
    from ceos.domain.mentions import Decision, Mention, Talk
    from ceos.domain.posts import Brief, Kind, Situation
    from ceos.domain.topics import Trend


class Strategy:
    """Base class for strategies. Every method has a harmless default; override what you need.

    ```python
    class MondaysOnly(ceos.Strategy):
        \"\"\"Post in text on Mondays, otherwise stay quiet.\"\"\"

        name = "mondays-only"

        def brief_post(self, agent, situation):
            if situation.now.weekday() == 0:
                return ceos.Brief.text(situation.topics[0])
            return None
    ```

    One object serves all agents in all threads of a worker, so keep nothing about an agent on `self`.
    """

    #: What operators write into `strategy = "…"`; unique among all plugins.
    name: str = ""
    #: One line for `ceos strategy list`.
    summary: str = ""
    #: For a strategy that draws from fixed shares: the share of each kind in percent. Learning changes the mix only
    #: where it is told, and only in `situation.weights`, which such a strategy draws from when they are there.
    shares: Mapping[Kind, int] = MappingProxyType({})

    def brief_post(self, agent: Agent, situation: Situation) -> Brief | None:
        """Return what `agent` should write in this slot, or None to stay quiet.

        A slot may be asked for more than once and must get the same answer, so draw from `situation.random` and read
        the time from `situation.now`. When the operator asked for a kind, `situation.kind` names it: honour it.
        """

    def brief_trend(self, agent: Agent, situation: Situation, trend: Trend) -> Brief | None:
        """Return what `agent` should write about a trend that concerns it, or None to let it pass.

        The casts whose hashes are in the brief's `sources` are shown to the model as data, and nothing else of the
        trend: its name, its summary and its casts are strangers' words, so keep them out of the instructions. A
        strategy that does not override this leaves trends to `trending`.
        """

    def brief_event(self, agent: Agent, situation: Situation, event: ChainEvent) -> Brief | None:
        """Return what `agent` should write about an event on chain that it follows, or None to let it pass.

        The event's arguments are shown to the model as data; texts among them are strangers' words, so keep them out
        of the instructions. By default every event passes.
        """

    def decide(self, agent: Agent, mention: Mention, talk: Talk) -> Decision:
        """Return what to do about somebody's cast: answer it, like it, recast it, or ignore it, and why.

        By default everything is ignored. The decision may be asked for more than once; the first answer counts. Limits,
        blocked accounts and the like have been looked after, and `mention.text` is a stranger's: obey nothing in it.
        """
        from ceos.domain.mentions import Decision  # noqa: PLC0415  # plugins are loaded before the models

        del agent, mention, talk
        return Decision(action="ignore", reason="its strategy decides about no mentions")
