"""The source of runs that take casts and reactions back."""

from __future__ import annotations

from ceos.clock import Clock
from ceos.errors import NotFound
from ceos.posts.source import RunSource
from ceos.posts.store import Retraction, RetractionStore
from ceos.runs.ids import RunKind
from ceos.runs.lease import Lease


class RetractionSource(RunSource):
    """Runs that only publish: they delete casts, or take likes and recasts back."""

    kinds = (RunKind.RETRACTION,)

    def __init__(self, store: RetractionStore, clock: Clock) -> None:
        super().__init__(clock)
        self._store = store

    def retraction(self, lease: Lease) -> Retraction:
        """Return the retraction of the run; raises `NotFound` once it has expired."""
        found = self._store.retraction(lease.run_id)
        if found is None:
            raise NotFound(f"The retraction of the run {lease.run_id!r} is no longer stored.")
        return found
