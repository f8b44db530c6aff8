"""The recent posts of this installation's agents, for the check that a new post repeats none of them."""

from __future__ import annotations

from collections.abc import Iterable

from ceos.domain.sketch import Sketched, resembles
from ceos.guardrails.quality import TOO_SIMILAR
from ceos.storage.sketches import SketchStore


class PostHistory:
    """Sketches of texts, and the recent posts of siblings, which are the other agents of the installation."""

    def __init__(self, sketches: SketchStore) -> None:
        self._sketches = sketches

    def sketched(self, texts: Iterable[str]) -> list[Sketched]:
        """Return texts with their sketches."""
        listed = list(texts)
        return [Sketched(*pair) for pair in zip(listed, self._sketches.sketches(listed), strict=True)]

    def remember(self, agent_id: str, texts: Iterable[str]) -> None:
        """Have posts of other agents compared with these texts from now on; repeatable."""
        for text in texts:
            self._sketches.list_post(agent_id, text)

    def siblings_with(self, agent_id: str, texts: Iterable[str]) -> list[str]:
        """Return the agents other than this one that have recently posted one of these texts, or a similar one."""
        found = {
            sibling
            for text in self.sketched(text for text in texts if text)
            for sibling, sketch in self._sketches.posts_of_others(agent_id, text.sketch)
            if resembles(text.sketch, sketch, TOO_SIMILAR)
        }
        return sorted(found)

    def violations(self, agent_id: str, texts: Iterable[str]) -> list[str]:
        """Return a sentence for the model if the texts repeat a recent post of another agent."""
        if not self.siblings_with(agent_id, texts):
            return []
        return ["The post repeats a recent one by another account of the same operator; write something different."]
