"""The base class of strategies: how an agent decides what a slot is used for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ceos.models import Agent, Brief, Situation


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

    def brief_post(self, agent: Agent, situation: Situation) -> Brief | None:
        """Return what `agent` should write in this slot, or None to stay quiet.

        A slot may be asked for more than once and must get the same answer, so draw from `situation.random` and read
        the time from `situation.now`. When the operator asked for a kind, `situation.kind` names it: honour it.
        """
