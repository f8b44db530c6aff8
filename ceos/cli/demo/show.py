"""The output of `ceos demo`: posts, replies and ignored mentions as they appear, and the figures at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import click

from ceos.cli.output import number, show_table
from ceos.domain.lifecycle import RunStatus
from ceos.domain.runs import Run
from ceos.mentions.store import MentionStore
from ceos.runs.ids import RunId, RunKind, slot_moment
from ceos.simulator.audience.voices import INJECTIONS
from ceos.storage.agents import AgentStore
from ceos.storage.runs import RunStore

COLOURS = {"ada": "cyan", "basho": "green", "coco": "magenta"}
#: Texts of other people are quoted up to this many characters.
QUOTE = 70


class Show:
    """The events so far; each `go_on` prints the new ones."""

    def __init__(self, agents: AgentStore, runs: RunStore, mention_store: MentionStore, url: str) -> None:
        self._runs = runs
        self._mention_store = mention_store
        self._url = url
        self._next = 0
        self._told: set[str] = set()
        self.names = {agents.agent(agent_id).fid: agent_id for agent_id in agents.agent_ids()}
        #: All casts by hash, as they were when they appeared, and those of the agents in order.
        self.casts: dict[str, dict[str, Any]] = {}
        self.own_casts: list[dict[str, Any]] = []
        #: The agents' published posts, and their mentions that have come to an end.
        self.posts: list[Run] = []
        self.mentions: list[Run] = []
        #: How many of them were attempts to steer an agent, and led to nothing.
        self.attackers_ignored = 0
        self.followers = dict.fromkeys(self.names.values(), (0, 0))

    def go_on(self) -> None:
        """Print the events since the last call."""
        for cast in self._new_casts():
            if (name := self.names.get(cast["author"]["fid"])) is not None:
                self.own_casts.append(cast)
                self._tell_cast(name, cast)
        self._look_at_runs()
        for run in self.mentions:
            if run.id not in self._told and run.status in (RunStatus.IGNORED, RunStatus.REACTED):
                self._told.add(run.id)
                self._tell_end(run)

    def end(self) -> None:
        """Print the last events and the figures."""
        self.go_on()
        self._next = 0
        self.own_casts = [cast for cast in self._new_casts() if cast["author"]["fid"] in self.names]
        events = self._ask("timeline")["events"]
        moves = Counter({"follow.added": 1, "follow.removed": -1})
        for fid, name in self.names.items():
            won = sum(moves[event["what"]] for event in events if event.get("target") == fid)
            user = next((cast["author"] for cast in self.own_casts if cast["author"]["fid"] == fid), None)
            now = int(user["follower_count"]) if user else 0
            self.followers[name] = (now - won, now)

    def _new_casts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask(f"casts?since={self._next}")["casts"]
        self._next = found[-1]["seq"] + 1 if found else self._next
        self.casts |= {cast["hash"]: cast for cast in found}
        return found

    def _ask(self, path: str) -> dict[str, Any]:
        import requests  # noqa: PLC0415  # keeps 'ceos --help' instant

        answer: dict[str, Any] = requests.get(f"{self._url}/_sim/{path}", timeout=5).json()
        return answer

    def _look_at_runs(self) -> None:
        runs = [run for name in self.names.values() for run in self._runs.recent_runs(name, 200)]
        self.posts = [
            run for run in runs if run.status is RunStatus.PUBLISHED and RunId.parse(run.id).kind is not RunKind.MENTION
        ]
        mentions = [run for name in self.names.values() for run in self._mention_store.mention_runs(name, 200)]
        self.mentions = [run for run in mentions if run.status.is_final]

    def _tell_cast(self, name: str, cast: dict[str, Any]) -> None:
        asked = self.casts.get(cast["parent_hash"] or "")
        if asked and asked["author"]["fid"] not in self.names:
            click.echo(f"{_name(name)} {_quoted(asked['author']['username'], asked['text'])}")
            name = ""
        mark = "  ↳ " if asked else ""
        picture = "".join(f"\n         [picture] {embed['url']}" for embed in cast["embeds"] if "url" in embed)
        click.echo(f"{_name(name)} {mark}{' '.join(cast['text'].split())}{picture}")

    def _tell_end(self, run: Run) -> None:
        mention = self._mention_store.mention(run.id)
        if mention:
            is_attack = any(one.text in mention.text for one in INJECTIONS)
            self.attackers_ignored += is_attack and run.status is RunStatus.IGNORED
            mark = "♥" if run.status is RunStatus.REACTED else "✗"
            click.echo(f"{_name(run.agent_id)} {_quoted(mention.author_name, mention.text)}")
            click.echo(f"{_name('')}   {mark} {run.status}: {run.reason}")


def report(show: Show, seconds: float) -> None:
    """Print the posts, the numbers of each agent, and what it all came to."""
    posts = sorted(show.posts, key=lambda run: run.slot)
    click.echo()
    show_table(
        ["agent", "slot (UTC)", "kind", "parts", "model", "cost USD", "hash"],
        [
            (
                run.agent_id,
                slot.strftime("%m-%d %H:%M") if (slot := slot_moment(run.slot)) else run.slot,
                run.kind,
                len(run.hashes),
                " + ".join(filter(None, (run.draft.model, run.draft.image_model))) if run.draft else None,
                f"{run.draft.cost_usd:.4f}" if run.draft else None,
                (run.hashes[0] or "")[:14] + "…" if run.hashes else None,
            )
            for run in posts
        ],
        empty="Nothing was published.",
    )
    click.echo()
    show_table(
        ["agent", "followers", "likes", "recasts", "replies", "mentions", "answered", "liked", "ignored"],
        [_numbers(show, name, fid) for fid, name in show.names.items()],
        empty="No agent took part.",
    )
    click.echo(f"\n{_sum(show, posts, seconds)}")


def _numbers(show: Show, name: str, fid: int) -> tuple[object, ...]:
    casts = [cast for cast in show.own_casts if cast["author"]["fid"] == fid]
    own = {cast["parent_hash"] for cast in casts}
    ends = Counter(run.status for run in show.mentions if run.agent_id == name)
    before, now = show.followers[name]
    return (
        name,
        f"{before:,} → {now:,}",
        sum(cast["reactions"]["likes_count"] for cast in casts),
        sum(cast["reactions"]["recasts_count"] for cast in casts),
        # The parts of its own threads are answers to itself.
        sum(cast["replies"]["count"] for cast in casts) - sum(cast["hash"] in own for cast in casts),
        sum(ends.values()),
        ends[RunStatus.PUBLISHED],
        ends[RunStatus.REACTED],
        ends[RunStatus.IGNORED],
    )


def _sum(show: Show, posts: list[Run], seconds: float) -> str:
    answers = [run for run in show.mentions if run.status is RunStatus.PUBLISHED]
    out = [*posts, *answers]
    cost = sum(run.draft.cost_usd for run in out if run.draft)
    hashes = {cast["hash"] for cast in show.own_casts}
    known = {hash for run in out for hash in run.hashes}
    return (
        f"{len(posts)} posts, {len(show.own_casts)} casts in {seconds:.0f} s for {cost:.4f} simulated USD, "
        f"{number(len(answers), 'answer')} among them; "
        f"{len(show.own_casts) - _different(show.own_casts)} published twice, {len(known - hashes)} lost."
    )


def _different(casts: Iterable[dict[str, Any]]) -> int:
    return len({(cast["author"]["fid"], cast["text"], cast["parent_hash"]) for cast in casts})


def _name(name: str) -> str:
    return click.style(f"{name:<6}", fg=COLOURS.get(name), bold=True)


def _quoted(author: str, text: str) -> str:
    words = " ".join(text.split())
    return click.style(f"@{author}: {words if len(words) <= QUOTE else words[:QUOTE] + '…'}", dim=True)
