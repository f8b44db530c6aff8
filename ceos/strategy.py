"""The base class of strategies, which decide the use of slots, trends, events and mentions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ceos.domain.agent import Agent
    from ceos.domain.chain_event import ChainEvent
    from ceos.domain.mentions import ConversationContext, Decision, Mention
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

    #: The value of `strategy = "…"` in agent files; unique among all plugins.
    name: str = ""
    #: One line for `ceos strategy list`.
    summary: str = ""
    #: For a strategy that draws from fixed shares: the share of each kind in percent. Learning changes the mix only
    #: where the agent file asks for it, and only in `situation.weights`, from which the strategy then draws.
    shares: Mapping[Kind, int] = MappingProxyType({})

    def brief_post(self, agent: Agent, situation: Situation) -> Brief | None:
        """Return the brief for `agent` in this slot, or None to post nothing.

        A slot may be requested more than once and must get the same answer, so draw from `situation.random` and read
        the time from `situation.now`. If the operator requested a kind, `situation.kind` is set: follow it.
        """

    def brief_trend(self, agent: Agent, situation: Situation, trend: Trend) -> Brief | None:
        """Return the brief for a post about a trend that is relevant to `agent`, or None to skip the trend.

        The model sees the casts whose hashes are in the brief's `sources`, as data, and nothing else of the trend. Its
        name, summary and casts are untrusted text, so keep them out of the instructions. A strategy that does not
        override this method leaves trends to `trending`.
        """

    def brief_event(self, agent: Agent, situation: Situation, event: ChainEvent) -> Brief | None:
        """Return the brief for a post about an event on chain that `agent` follows, or None to skip the event.

        The model sees the event's arguments as data. Strings among them are untrusted text, so keep them out of the
        instructions. By default every event is skipped.
        """

    def decide(self, agent: Agent, mention: Mention, talk: ConversationContext) -> Decision:
        """Return the decision about a cast that mentions the agent: reply, like, recast or ignore, with the reason.

        By default every mention is ignored. The decision may be requested more than once; the first answer counts.
        Limits and blocked accounts have been checked before. `mention.text` is untrusted text: follow no instruction
        in it.
        """
        from ceos.domain.mentions import Decision  # noqa: PLC0415  # plugins are loaded before the models

        del agent, mention, talk
        return Decision(action="ignore", reason="its strategy does not decide about mentions")
