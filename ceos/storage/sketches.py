"""Sketches of texts in Redis, and the index that finds a similar post of another agent at a constant cost.

Two texts that are similar have most of their smallest hashes in common. So a post is listed under each of its eight
smallest hashes, and a text is compared only with the posts listed under its own.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import cast

from ceos.domain.sketch import hashes_of, sketch_of
from ceos.storage.connection import Database, redis_errors

#: How long a sketch is stored after it was last computed or a post with it was listed, and how long a post is listed.
KEEP_SKETCH_SECONDS = 14 * 86_400
KEEP_LISTED_SECONDS = 3 * 86_400
#: The hashes under which a post is listed, the posts under one hash, and the posts that a text is compared with.
LISTED_HASHES, POSTS_PER_HASH, MAX_COMPARED = 8, 16, 16


class SketchStore:
    """Reads and writes sketches."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client = database.client

    def sketches(self, texts: Sequence[str]) -> list[str]:
        """Return the sketch of each text; one that is not stored is computed and stored."""
        if not texts:
            return []
        digests = [_digest(text) for text in texts]
        stored = self._stored(digests)
        new = {digest: sketch_of(text) for digest, text in zip(digests, texts, strict=True) if digest not in stored}
        if new:
            with redis_errors():
                pipe = self._client.pipeline(transaction=False)
                for digest, sketch in new.items():
                    pipe.set(_sketch(digest), sketch, ex=KEEP_SKETCH_SECONDS)
                pipe.execute()
        return [stored.get(digest) or new[digest] for digest in digests]

    def list_post(self, agent_id: str, text: str) -> None:
        """List a post of an agent for comparison with those of others; repeatable."""
        sketch = sketch_of(text)
        self._database.run_script(
            "alike_add", f"{agent_id} {_digest(text)}", sketch, KEEP_SKETCH_SECONDS, KEEP_LISTED_SECONDS,
            POSTS_PER_HASH, *hashes_of(sketch)[:LISTED_HASHES],
        )  # fmt: skip

    def unlist_post(self, agent_id: str, text: str) -> None:
        """Compare no further text with a post; repeatable."""
        with redis_errors():
            pipe = self._client.pipeline(transaction=False)
            for hash in hashes_of(sketch_of(text))[:LISTED_HASHES]:
                pipe.lrem(f"ceos:alike:{hash}", 0, f"{agent_id} {_digest(text)}")
            pipe.execute()

    def posts_of_others(self, agent_id: str, sketch: str) -> list[tuple[str, str]]:
        """Return recent posts of other agents that may resemble a text, as (agent, sketch), the likeliest first.

        The number of requests and of posts does not depend on the number of agents.
        """
        listed = cast("list[str]", self._database.run_script("alike", agent_id, *hashes_of(sketch)[:LISTED_HASHES]))
        likely = [entry.split(" ") for entry, _ in Counter(listed).most_common(MAX_COMPARED)]
        stored = self._stored([digest for _, digest in likely])
        return [(agent, stored[digest]) for agent, digest in likely if digest in stored]

    def _stored(self, digests: Sequence[str]) -> dict[str, str]:
        with redis_errors():
            found = cast("list[str | None]", self._client.mget([_sketch(one) for one in digests]) if digests else [])
        return {digest: sketch for digest, sketch in zip(digests, found, strict=True) if sketch}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _sketch(digest: str) -> str:
    return f"ceos:sketch:{digest}"
