"""The correction of counts that were stored while a thread's own parts counted as replies to it.

Each agent is corrected in one step that leaves a mark, so the correction may be repeated and interrupted, and several
workers may make it at once.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator, Mapping, Sequence

from ceos.domain.posts import CastMetrics
from ceos.errors import NotFound
from ceos.logs import event
from ceos.metrics.collector import summed
from ceos.metrics.store import CorrectionStore, StoredNumbers
from ceos.metrics.timeseries import (
    POST_COLUMNS,
    PostRecord,
    day_of,
    pack_measurements,
    pack_post,
    summarize_posts,
    unpack_measurements,
    unpack_post,
)
from ceos.runs.ids import RunId
from ceos.storage.agents import AgentStore
from ceos.storage.codec import pack, unpack
from ceos.storage.runs import RunStore

log = logging.getLogger(__name__)

#: The name of the correction, as it is stored.
OWN_PARTS = "own parts"


class OwnPartsCorrection:
    """Subtracts the replies of threads to themselves from the stored measurements of all agents."""

    def __init__(self, agents: AgentStore, runs: RunStore, store: CorrectionStore) -> None:
        self._agents = agents
        self._runs = runs
        self._store = store

    def run(self, now: dt.datetime) -> None:
        """Correct the agents that are not corrected yet; once all are, it only asks whether that is so."""
        if self._store.is_finished(OWN_PARTS):
            return
        threads = sum(self._correct(agent_id, now) for agent_id in self._agents.agent_ids())
        self._store.finish(OWN_PARTS)
        log.info("Measurements of threads were corrected", extra=event("metrics.corrected", threads=threads))

    def _correct(self, agent_id: str, now: dt.datetime) -> int:
        """Correct the threads of an agent and return their number."""
        while True:
            stored = self._store.numbers(agent_id)
            posts = {slot: unpack_post(slot, text) for slot, text in stored.posts.items()}
            threads = [post for post in posts.values() if post.parts > 1]
            changes: list[tuple[str, str, str, str]] = []
            for post in threads:
                run = RunId(agent_id, post.slot)
                old = self._store.measurements(run)
                new = self._without_own_parts(run, old)
                posts[post.slot] = corrected = _corrected(post, new)
                changes += [(self._store.metrics_key(run), hash, old[hash], new[hash]) for hash in old]
                changes.append((stored.posts_key, post.slot, stored.posts[post.slot], pack_post(corrected)))
            days = [post for post in posts.values() if any(day_of(post.at) == day_of(one.at) for one in threads)]
            changes += [(stored.series_key, *change) for change in _years(stored, days, day_of(now))]
            # A field that another worker changed in between is read again.
            if self._store.apply(agent_id, OWN_PARTS, changes):
                return len(threads)

    def _without_own_parts(self, run: RunId, rows: Mapping[str, str]) -> dict[str, str]:
        """Return the packed measurements of a thread's casts without the reply by the next part of each."""
        try:
            order = [hash for hash in self._runs.run(str(run)).hashes if hash in rows]
        except NotFound:
            # Its record has expired. The parts were stored in their order.
            order = list(rows)
        return {hash: _less_one_reply(hash, text) if hash in order[:-1] else text for hash, text in rows.items()}


def _less_one_reply(hash: str, text: str) -> str:
    return pack_measurements(_with_fewer_replies(unpack_measurements(hash, text), 1)) if text else text


def _with_fewer_replies(counts: Sequence[CastMetrics], fewer: int) -> Iterator[CastMetrics]:
    for row in counts:
        yield row.model_copy(update={"replies": max(0, row.replies - fewer)})


def _corrected(post: PostRecord, rows: Mapping[str, str]) -> PostRecord:
    """Return the record of a thread with the corrected measurements of its casts, or by its parts once they expired."""
    counts = summed(unpack_measurements(hash, text) for hash, text in rows.items() if text)
    if len(counts) < len(post.counts):
        counts = list(_with_fewer_replies(post.counts, post.parts - 1))
    return post.model_copy(update={"counts": tuple(counts)})


def _years(stored: StoredNumbers, posts: Sequence[PostRecord], today: int) -> Iterator[tuple[str, str, str]]:
    """Yield the years whose daily sums change, as (field, stored text, new text).

    Days of which single posts have expired stay as they are.
    """
    days = summarize_posts(sorted(posts, key=lambda one: one.at), today)
    for field, text in stored.years.items():
        rows = unpack(text, POST_COLUMNS, step=1)
        new = pack([(day, _replaced(numbers, days.get(day))) for day, numbers in rows], step=1)
        if new != text:
            yield field, text, new


def _replaced(numbers: tuple[int | None, ...], new: tuple[int | None, ...] | None) -> tuple[int | None, ...]:
    return new if new is not None and new[0] == numbers[0] else numbers
