"""Weekly scores on chain: a document with a score and its inputs, and the hash of the document in the registry.

    anchors.anchor("ada", "2026-W47")       once; an anchored score is never replaced
    anchors.verify("ada", "2026-W47")       computes the score again and compares it, value by value, with the chain

The hash is the value of the metadata `ceos.score.2026-W47` of the agent's entry, 32 bytes. The document names its
entry, so the document of one agent cannot be shown as that of another. It is stored as canonical JSON before its hash
is sent, and the same bytes are served publicly: `curl … | sha256sum` is enough to check them.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationError

from ceos import score as scores
from ceos.chain.config.models import ChainConfig
from ceos.chain.due_queue import DueQueue
from ceos.chain.erc8004.canonical_json import Difference, canonical, differences, digest_of, read
from ceos.chain.erc8004.history import MetadataWrite, metadata_writes
from ceos.chain.erc8004.identity import SCORE_KEY, Identity, number_of
from ceos.chain.erc8004.store import AnchoredScore, IdentityStore
from ceos.chain.tx.types import Tx, TxRequest, TxStatus
from ceos.clock import Clock
from ceos.domain.base import Frozen
from ceos.errors import CeosError, InvalidInput, NotFound, Reverted, StoreUnavailable
from ceos.logs import event
from ceos.score import DAY, Inputs, UnknownVersion, WeekScore, score, week_of
from ceos.storage.agents import AgentStore

log = logging.getLogger(__name__)

#: The id of the task that anchors all scores.
ANCHOR = "anchor/-"
#: How often the task runs while no score is on its way, and while one is, in seconds.
IDLE_SECONDS, PENDING_SECONDS = 1800.0, 10.0
#: Scores of this many weeks back are anchored by the task, older ones by hand.
MAX_WEEKS_BACK = 4
_EPOCH = re.compile(r"[0-9]{4}-W(?:0[1-9]|[1-4][0-9]|5[0-3])")


class ScoreDocument(Frozen):
    """The document that is hashed; docs/chain/scores.md describes its format."""

    agent: str
    epoch: str
    #: The version of the computation, see `score.VERSION`.
    version: int
    #: The agent's entry: the registry by its chain, and the number there.
    registry: str
    number: int = Field(ge=0)
    score: dict[str, float]
    inputs: Inputs

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> ScoreDocument:
        """Return a document from its JSON, with strict types; raises `InvalidInput`."""
        try:
            # As text, because strict types of JSON values are checked only there.
            return cls.model_validate_json(canonical(data), strict=True)
        except ValidationError as error:
            places = sorted({".".join(map(str, item["loc"])) or "the document" for item in error.errors()})
            raise InvalidInput(f"This is not the document of a score: {', '.join(places[:5])} is not valid.") from None


@dataclass(frozen=True)
class AnchorVerification:
    """The result of comparing a score with the chain."""

    agent: str
    epoch: str
    registry: str
    number: int
    #: The hash of the document, and the one on chain; empty where there is none.
    hash: str
    on_chain: str
    #: Every fault, as a sentence or as "inputs.posts[2].likes: anchored 14, stored now 15".
    problems: tuple[str, ...] = ()
    #: The transactions that wrote the hash, if asked for; more than one is a fault.
    written: tuple[MetadataWrite, ...] = ()
    #: Values that differ, with their paths: in the score computed again, in a file, and in the stored score.
    recomputed: tuple[Difference, ...] = ()
    in_file: tuple[Difference, ...] = ()
    stored: tuple[Difference, ...] = ()

    @property
    def ok(self) -> bool:
        """Say whether no fault was found."""
        return not self.problems


class ScoreAnchors:
    """Writes weekly scores on chain and verifies them; `weeks` returns the scored weeks of an agent, oldest first."""

    def __init__(
        self,
        identity: Identity,
        identities: IdentityStore,
        weeks: Callable[[str], Sequence[WeekScore]],
        *,
        agents: AgentStore,
        config: ChainConfig,
        clock: Clock,
    ) -> None:
        self._identity = identity
        self._identities = identities
        self._weeks = weeks
        self._agents = agents
        self._config = config
        self._clock = clock
        self._due_queue = DueQueue(agents.database)

    # Writing

    def schedule(self) -> None:
        """Queue the task if the scores of agents are to be anchored, and remove it otherwise."""
        if self._config.anchor:
            self._due_queue.add(ANCHOR)
        else:
            self._due_queue.remove(ANCHOR)

    def document(self, agent_id: str, epoch: str) -> dict[str, Any]:
        """Return the document of a week, anchored or not; raises `NotFound` for a week without a score."""
        kept = self._anchored(agent_id, check_epoch(epoch))
        found: dict[str, Any] = read(kept.text) if kept else self._stored(agent_id, epoch)
        return found

    def anchor_request(self, agent_id: str, epoch: str) -> TxRequest:
        """Return the transaction that anchors a week."""
        value = bytes.fromhex(digest_of(canonical(self.document(agent_id, epoch)))[2:])
        return self._identity.metadata_request(agent_id, SCORE_KEY + epoch, value)

    def anchor(self, agent_id: str, epoch: str) -> Tx | None:
        """Write a week's hash on chain, once; return its transaction, or None when another one has written it."""
        kept = self._store_document(agent_id, check_epoch(epoch))
        found = self._on_chain(kept.token_id, epoch)
        known = self._identity.registries.find_tx(kept.tx) if kept.tx else None
        if found and found != kept.hash:
            raise InvalidInput(
                f"{epoch} of {agent_id} is already anchored with another hash ({found}), which is never replaced."
            )
        if found and (known is None or (known.status.is_over and known.status is not TxStatus.FINAL)):
            # Written by a transaction that this installation did not send.
            self._update(agent_id, epoch, kept, is_final=True)
            return None
        key = f"anchor:{self._identity.registries.registry_name}:{kept.token_id}:{epoch}"
        tx = self._identity.registries.send_once(self.anchor_request(agent_id, epoch), key)
        self._update(agent_id, epoch, kept, tx=tx.id, is_final=tx.status is TxStatus.FINAL)
        if tx.id != kept.tx:
            log.info("Score sent to the chain", extra=event("anchor.opened", agent=agent_id, week=epoch, tx=tx.id))
        self._due_queue.add(ANCHOR)
        return tx

    def due(self) -> list[tuple[str, str]]:
        """Return the (agent, week) pairs that have to be anchored and have no transaction yet."""
        found = []
        since = week_of(self._clock.now() - MAX_WEEKS_BACK * 7 * DAY)
        for agent_id in self._config.anchor:
            try:
                known = self._identity.refresh_registration(agent_id)
            except StoreUnavailable:
                raise
            except CeosError as error:
                # The error of one registration must not delay the others.
                extra = event("anchor.failed", agent=agent_id, week="", reason=str(error))
                log.warning("A score could not be anchored", extra=extra)
                continue
            if known is None or not known.is_final:
                continue
            anchored = self._identities.anchors(self._registry, agent_id)
            weeks = [one.inputs.week for one in self._weeks(agent_id) if one.inputs.week >= since]
            found += [(agent_id, week) for week in weeks if week not in anchored or anchored[week].tx is None]
        return found

    def handle(self) -> None:
        """Anchor the due scores and update the others; a failed transaction is left to the operator."""
        for agent_id, epoch in self.due():
            try:
                self.anchor(agent_id, epoch)
            except CeosError as error:
                extra = event("anchor.failed", agent=agent_id, week=epoch, reason=str(error))
                log.warning("A score could not be anchored", extra=extra)
        is_pending = False
        for agent_id in self._agents.agent_ids():
            for epoch, kept in self._identities.anchors(self._registry, agent_id).items():
                is_pending |= self._refresh(agent_id, epoch, kept)
        if self._config.anchor or is_pending:
            self._due_queue.postpone(ANCHOR, PENDING_SECONDS if is_pending else IDLE_SECONDS)
        else:
            self._due_queue.remove(ANCHOR)

    def public_text(self, agent_id: str, epoch: str) -> bytes:
        """Return the hashed bytes for the public; raises `NotFound` for a document that was not sent to the chain.

        A document that waits for approval, or was rejected, is not public.
        """
        kept = self._anchored(agent_id, epoch) if _EPOCH.fullmatch(epoch) else None
        if kept is None or not (kept.is_final or self._is_sent(kept)):
            raise NotFound
        return kept.text.encode()

    def _is_sent(self, kept: AnchoredScore) -> bool:
        tx = self._identity.registries.find_tx(kept.tx) if kept.tx else None
        return tx is not None and tx.status in (TxStatus.SIGNED, TxStatus.MINED, TxStatus.FINAL)

    def _store_document(self, agent_id: str, epoch: str) -> AnchoredScore:
        """Return the document of a week to anchor, which is stored now if it was not before, and never replaced."""
        kept = self._anchored(agent_id, epoch)
        if kept is None:
            text = canonical(self._stored(agent_id, epoch))
            number = number_of(self._identity.registered(agent_id))
            new = AnchoredScore(text=text.decode(), hash=digest_of(text), token_id=number)
            self._identities.save_anchor(self._registry, agent_id, epoch, new, None)
            kept = self._anchored(agent_id, epoch) or new
        return kept

    def _refresh(self, agent_id: str, epoch: str, kept: AnchoredScore) -> bool:
        """Record when a week is final on chain; return whether its transaction is pending."""
        tx = self._identity.registries.find_tx(kept.tx) if kept.tx and not kept.is_final else None
        if tx is not None and tx.status is TxStatus.FINAL:
            self._update(agent_id, epoch, kept, is_final=True)
            log.info("Score anchored", extra=event("anchor.done", agent=agent_id, week=epoch, hash=kept.hash))
        return tx is not None and not tx.status.is_over

    def _update(self, agent_id: str, epoch: str, kept: AnchoredScore, **news: Any) -> None:
        # A concurrent writer has stored the same or a later state.
        self._identities.save_anchor(self._registry, agent_id, epoch, kept.model_copy(update=news), kept)

    # Checking

    def verify(
        self,
        agent_id: str,
        epoch: str,
        document: Mapping[str, Any] | None = None,
        *,
        number: int | None = None,
        with_history: bool = False,
    ) -> AnchorVerification:
        """Verify a week's score: compute it from its inputs, and compare it with the chain and with the stored score.

        `document` is the document of another operator; by default our own is verified. Its entry is taken from our own
        registration, from `number`, or from the document itself. `with_history` also searches the chain for the
        transactions that wrote the hash. Raises `NotFound` without a document, and `InvalidInput` for a malformed one.
        """
        check_epoch(epoch)
        data = dict(document) if document is not None else self.document(agent_id, epoch)
        text = canonical(data)
        parsed = ScoreDocument.of(data)
        number, problems = self._check_entry(agent_id, parsed, number)
        if (parsed.agent, parsed.epoch) != (agent_id, epoch):
            problems.append(f"the document is about {parsed.agent} in {parsed.epoch}")
        if (parsed.inputs.agent, parsed.inputs.week) != (parsed.agent, parsed.epoch):
            problems.append(f"its inputs are those of {parsed.inputs.agent} in {parsed.inputs.week}")
        on_chain, hash = self._on_chain(number, epoch), digest_of(text)
        problems += _hash_problems(on_chain, hash, epoch, number)
        written = (
            metadata_writes(self._identity.registries, number, SCORE_KEY + epoch, monday(epoch)) if with_history else []
        )
        problems += _history_problems(written, epoch, on_chain) if with_history else []
        recomputed = self._recomputed(parsed, data, problems)
        known = self._identity.registration(agent_id)
        # An agent of another operator may have the same name as one of ours.
        is_ours = known is not None and known.token_id == number
        in_file, stored = (
            self._local_differences(agent_id, epoch, data, is_file=document is not None) if is_ours else ([], [])
        )
        problems += [one.line("anchored", "computed again") for one in recomputed]
        problems += [one.line("anchored", "in the file") for one in in_file]
        problems += [one.line("anchored", "stored now") for one in stored]
        return AnchorVerification(
            agent_id, epoch, self._registry, number, hash, on_chain, tuple(problems), tuple(written), tuple(recomputed),
            tuple(in_file), tuple(stored),
        )  # fmt: skip

    def _check_entry(self, agent_id: str, parsed: ScoreDocument, number: int | None) -> tuple[int, list[str]]:
        """Return the number to verify, and the faults of the document that concern its entry."""
        known = self._identity.registration(agent_id)
        if number is None and known is not None:
            number = known.token_id
        problems = []
        if parsed.registry != self._registry:
            problems.append(f"the document belongs to the registry {parsed.registry}, and this is {self._registry}")
        if number is not None and parsed.number != number:
            problems.append(f"the document belongs to number {parsed.number}, and {agent_id} is number {number}")
        return (parsed.number if number is None else number), problems

    def _recomputed(self, parsed: ScoreDocument, data: Mapping[str, Any], problems: list[str]) -> list[Difference]:
        try:
            again = score(parsed.inputs, parsed.version)
        except UnknownVersion as unknown:
            problems.append(str(unknown))
            return []
        return differences({"score": data["score"]}, {"score": _numbers(again)})

    def _local_differences(
        self, agent_id: str, epoch: str, data: dict[str, Any], *, is_file: bool
    ) -> tuple[list[Difference], list[Difference]]:
        """Return the differences of the anchored document from a file, and from the stored score."""
        kept = self._anchored(agent_id, epoch)
        anchored = read(kept.text) if kept else data
        in_file = differences(anchored, data) if is_file else []
        week = self._week(agent_id, epoch)
        if week is None:
            return in_file, []
        now = _described(week, str(anchored.get("registry")), anchored.get("number"))
        return in_file, differences(anchored, now)

    # Reading

    @property
    def _registry(self) -> str:
        return self._identity.registries.registry_name

    def _anchored(self, agent_id: str, epoch: str) -> AnchoredScore | None:
        return self._identities.anchored(self._registry, agent_id, epoch)

    def _on_chain(self, number: int, epoch: str) -> str:
        """Return the anchored hash as hex, or nothing."""
        try:
            found = self._identity.metadata(number, SCORE_KEY + epoch)
        except Reverted:
            return ""
        return f"0x{found.hex()}" if found else ""

    def _week(self, agent_id: str, epoch: str) -> WeekScore | None:
        return next((one for one in self._weeks(agent_id) if one.inputs.week == epoch), None)

    def _stored(self, agent_id: str, epoch: str) -> dict[str, Any]:
        week = self._week(agent_id, epoch)
        if week is None:
            raise NotFound(f"{agent_id} has no score of {epoch}; a week is scored about a day after its end.")
        return _described(week, self._registry, number_of(self._identity.registered(agent_id)))


def check_epoch(epoch: str) -> str:
    """Return the name of a week; raises `InvalidInput` for anything else."""
    if not _EPOCH.fullmatch(epoch):
        raise InvalidInput(f"{epoch[:40]!r} is not a week; use a form such as 2026-W47.")
    monday(epoch)
    return epoch


def monday(epoch: str) -> dt.datetime:
    """Return the beginning of a week, UTC; raises `InvalidInput` for a week that its year does not have."""
    try:
        day = dt.date.fromisocalendar(int(epoch[:4]), int(epoch[6:]), 1)
    except ValueError:
        raise InvalidInput(f"{epoch} is not a week of that year.") from None
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)


def _described(week: WeekScore, registry: str, number: Any) -> dict[str, Any]:
    return {
        "agent": week.inputs.agent,
        "epoch": week.inputs.week,
        "version": week.score.version,
        "registry": registry,
        "number": number,
        "score": _numbers(week.score),
        "inputs": week.inputs.model_dump(mode="json"),
    }


def _numbers(found: scores.Score) -> dict[str, Any]:
    return found.model_dump(mode="json", exclude={"version"})


def _history_problems(written: list[MetadataWrite], epoch: str, on_chain: str) -> list[str]:
    times = ", ".join(f"0x{one.value.hex()} at {one.at:%Y-%m-%d %H:%M} UTC" for one in written)
    problems = []
    if len(written) > 1:
        problems.append(f"the hash of {epoch} was written {len(written)} times: {times}")
    if on_chain and (not written or f"0x{written[-1].value.hex()}" != on_chain):
        problems.append(
            f"no transaction since the beginning of {epoch} has written the hash on chain: it was written before that "
            "week, or the node does not return all logs"
        )
    # The score of a week cannot be known before its end.
    if any(one.at < monday(epoch) + 7 * DAY for one in written):
        problems.append(f"the hash of {epoch} was written before the end of that week: {times}")
    return problems


def _hash_problems(on_chain: str, hash: str, epoch: str, number: int) -> list[str]:
    if not on_chain:
        return [f"no hash of {epoch} is anchored for number {number}"]
    return [] if on_chain == hash else [f"the hash on chain is {on_chain}, and the hash of the document is {hash}"]
