"""What becomes of a mention: filters, the strategy's decision, a like or a recast, or an answer that passes the gate.

Whatever happens here may happen again when a run is redelivered: the decision is stored once and then stands, and all
that is counted is counted by run, in one script. Strangers' text reaches a model only as data in a message of its own;
there are no tools, and what the model writes is published only when nothing in it can have come from a stranger.
"""

from __future__ import annotations

import datetime as dt
import functools
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from ceos.clients.neynar.client import Neynar
from ceos.clients.neynar.types import Conversation as Thread
from ceos.clients.neynar.types import FeedCast
from ceos.clients.openrouter.client import Completion
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.lifecycle import RunStatus
from ceos.domain.mentions import Decision, Mention, Talk
from ceos.domain.posts import Draft, Kind, Parent, Part
from ceos.domain.schedule import is_quiet
from ceos.domain.text import clean, fit
from ceos.errors import CeosError, KeyRefused, LimitReached, NotFound, PluginError
from ceos.guardrails.injection import detect_injection
from ceos.guardrails.quality import quality_violations
from ceos.guardrails.reply import reaction_violation, reply_violations
from ceos.logs import event, redact
from ceos.mentions.prompt import MENTION_SHOWN_BYTES, prompt, said, strangers_words
from ceos.mentions.store import Claims, Inbox
from ceos.plugins.manager import Plugins
from ceos.posts.actions import Reaction
from ceos.posts.relevance import RelevanceScorer, Subject, by_words
from ceos.posts.source import RunEnd
from ceos.runs.cast_limit import CastLimit
from ceos.runs.deferral import RetryLater
from ceos.runs.ledger import Lease
from ceos.runs.paid_model import PaidModel
from ceos.storage.agents import AgentStore

log = logging.getLogger(__name__)

#: What is older than this is not answered any more.
STALE = dt.timedelta(hours=24)
#: Tokens a model may use for an answer; generous, for some spend tokens on thinking.
ANSWER_TOKENS = 500
#: The part of the day's budget and of the hour's casts that replies may use up; the rest is for posts.
SHARE_FOR_REPLIES = 0.75
#: So many answers in a row that each came within so many seconds, and it is a machine that talks to us.
PING_PONG, PING_PONG_SECONDS = 3, 60


@dataclass(frozen=True)
class Services:
    """What conversations are led with."""

    agents: AgentStore
    inbox: Inbox
    claims: Claims
    plugins: Plugins
    model: PaidModel
    relevance: RelevanceScorer
    neynar: Neynar
    limit: CastLimit
    clock: Clock


#: A reply, a reaction, or the end of a mention that is ignored.
MentionOutcome = Draft | Reaction | RunEnd


class Ignored(CeosError):
    """Nothing is done about this mention."""


@dataclass(frozen=True)
class _Case:
    """One mention that is dealt with."""

    run_id: str
    #: Names this attempt for the budget.
    call: str
    agent: Agent
    mention: Mention


class MentionResponder:
    """Decides about mentions and writes answers."""

    def __init__(self, services: Services) -> None:
        self._s = services

    def decide_and_write(self, lease: Lease, agent: Agent) -> MentionOutcome:
        """Return the reply to a mention, the reaction to it, or the end of one that is ignored.

        Raises `RetryLater` during quiet hours, `LimitReached` when the money is used up, and a `ServiceError`.
        """
        mention = self._s.inbox.mention(lease.run_id)
        if mention is None:
            raise NotFound(f"The mention of {lease.run_id!r} is gone.")
        case = _Case(lease.run_id, f"{lease.run_id}:{lease.fence}", agent, mention)
        try:
            return self._deal_with(case)
        except Ignored as ignored:
            return RunEnd(RunStatus.IGNORED, str(ignored))

    def too_late(self, run_id: str) -> str:
        """Say why a mention is too old to be answered, or nothing."""
        mention = self._s.inbox.mention(run_id)
        if mention is None or self._s.clock.now() - mention.at <= STALE:
            return ""
        return f"it is more than {STALE // dt.timedelta(hours=1)} hours old"

    def _deal_with(self, case: _Case) -> MentionOutcome:
        self._wait_for_the_morning(case.agent)
        for reason in self._objections_to_the_author(case):
            raise Ignored(reason)
        talk = self._listen(case)
        if lure := detect_injection(strangers_words(case.mention, talk)):
            raise Ignored(f"it looks like an attempt to steer the agent: {lure}")
        decision = self._decision(case, talk)
        log.info("Mention considered", extra=event(f"mention.{decision.action}", reason=decision.reason))
        match decision.action:
            case "ignore":
                raise Ignored(decision.reason)
            case "answer":
                self._claim(case, "answer")
                return self._answer(case, talk, decision.reason)
            case kind:
                reaction = Reaction(kind, case.mention.hash, case.mention.author_fid, decision.reason)
                return self._react(case, talk, reaction)

    # Whom and what we do not react to

    def _wait_for_the_morning(self, agent: Agent) -> None:
        """Raise `RetryLater` during the agent's quiet hours, until they end."""
        now = self._s.clock.now_ms()
        if not is_quiet(agent.schedule, now):
            return
        minute = 60_000
        end = next(
            at
            for at in range(now - now % minute + minute, now + 86_400_000, minute)
            if not is_quiet(agent.schedule, at)
        )
        seconds = (end - now) / 1000 / self._s.clock.speed
        raise RetryLater(
            seconds, f"quiet hours until {dt.datetime.fromtimestamp(end / 1000, dt.UTC):%H:%M} UTC", is_limited=False
        )

    def _objections_to_the_author(self, case: _Case) -> Iterator[str]:
        """Yield what can be said against a mention without reading its conversation."""
        mention, rules = case.mention, case.agent.engagement
        if not rules.enabled:
            yield "the agent does not look at mentions any more"
        if mention.author_fid == case.agent.fid:
            yield "it is the agent's own cast"
        if ours := self._s.agents.agents_of([mention.author_fid]).get(mention.author_fid):
            yield f"it is by {ours[0]!r}, another agent of this operator"
        if mention.author_fid in rules.blocked:
            yield "its author is blocked"
        score = rules.unrated_score if mention.author_score is None else mention.author_score
        if score < rules.min_score:
            rated = "has no score, which counts as" if mention.author_score is None else "has a score of"
            yield f"its author {rated} {score:.2f}; the agent wants {rules.min_score:.2f}"
        if late := self.too_late(case.run_id):
            yield late
        if not any(char.isalnum() for char in mention.text):
            yield "there is no text in it"

    def _listen(self, case: _Case) -> Talk:
        """Return the conversation around a mention, or raise `Ignored` for one that is not to be carried on."""
        mention, agent = case.mention, case.agent
        thread = self._s.neynar.conversation(mention.hash)
        if thread is None:
            raise Ignored("the cast is gone")
        for reason in self._objections_to_the_thread(case, thread):
            raise Ignored(reason)
        return Talk(
            casts=tuple(said(cast, agent) for cast in thread.above),
            quotes=tuple(quoted.text for quoted in thread.cast.quoted if quoted.text),
            likes=thread.cast.likes,
            recasts=thread.cast.recasts,
            earlier=tuple(self._s.claims.said_to(agent.id, mention.author_fid)),
            relevance=functools.cache(functools.partial(self._relevance, case)),
        )

    def _objections_to_the_thread(self, case: _Case, thread: Thread) -> Iterator[str]:
        agent, above = case.agent, thread.above
        if thread.cast.parent_hash and thread.cast.parent_hash not in {cast.hash for cast in above}:
            yield "the cast that it answers is gone"
        if len(above) >= agent.engagement.max_depth:
            yield f"the conversation is {len(above)} casts deep; the agent takes part in {agent.engagement.max_depth}"
        if _is_ping_pong(agent.fid, [*above, thread.cast]):
            yield f"{PING_PONG} answers in a row came within {PING_PONG_SECONDS} seconds each, as from a machine"
        answers = self._s.agents.agents_of({cast.author_fid or 0 for cast in thread.answers})
        if answers:
            yield f"{next(iter(answers.values()))[0]!r} has answered it already"

    # Deciding

    def _decision(self, case: _Case, talk: Talk) -> Decision:
        """Return what the strategy wants; its first word stands, whatever a second attempt would find."""
        if (stored := self._s.claims.decision(case.run_id)) is not None:
            return stored
        name = case.agent.engagement.strategy
        try:
            decision = self._s.plugins.strategy(name).decide(case.agent, case.mention, talk)
        except CeosError:
            raise
        # Code we did not write may raise anything; its sys.exit() must not pass for a worker's own end.
        except (Exception, SystemExit) as error:
            cause = f"{type(error).__name__} {error}".strip()
            raise PluginError(f"The strategy {name!r} failed: {cause}") from error
        if not isinstance(decision, Decision):
            kind = type(decision).__name__
            raise PluginError(f"The strategy {name!r} returned an object of type {kind}, not a ceos.Decision.")
        return self._s.claims.decide(case.run_id, decision)

    def _relevance(self, case: _Case) -> float:
        """Return the relevance of a mention to the persona: a model's score, or that of its words without one."""
        text = fit(case.mention.text, MENTION_SHOWN_BYTES)
        subject = Subject(title="", texts=(text,), shown={"text": text})
        try:
            found = self._s.relevance.score(
                case.agent, {"mention": subject}, template="reply_relevance", call=f"{case.call}:relevance",
                share=SHARE_FOR_REPLIES,
            )["mention"]  # fmt: skip
        except (KeyRefused, LimitReached) as error:
            log.warning("Relevance is scored by words", extra=event("mention.unjudged", error=str(error)))
            found = by_words(case.agent, subject)
        return found.value

    def _claim(self, case: _Case, what: Literal["answer", "like", "recast"]) -> None:
        """Claim the cast for this agent, within its limits; raises `Ignored`."""
        rules, now = case.agent.engagement, self._s.clock.now()
        if what == "answer" and (taken := self._s.limit.places_taken(case.agent, now)) >= _places(case.agent):
            raise Ignored(f"over the limit: {taken} casts in this hour, and the rest is kept for posts")
        refusal = self._s.claims.claim(case.agent, case.mention, what, now)
        if refusal is None:
            return
        match refusal.obstacle:
            case "claimed":
                raise Ignored(f"{refusal.by!r}, another agent of this operator, reacts to it")
            case "person":
                raise Ignored(f"over the limit: {rules.answers_per_person_per_hour} answers per person and hour")
            case "thread":
                raise Ignored(f"over the limit: {rules.answers_per_thread} answers per conversation")
            case "day":
                allowed = rules.likes_per_day if what == "like" else rules.recasts_per_day
                raise Ignored(f"over the limit: {allowed} {what}s a day")

    # Reacting

    def _react(self, case: _Case, talk: Talk, reaction: Reaction) -> Reaction:
        """Check a reaction against the gate and the agent's limits; the publish stage carries it out."""
        if unfit := reaction_violation(case.agent, case.mention, talk):
            raise Ignored(f"it is not fit for a {reaction.kind}: {unfit}")
        self._claim(case, reaction.kind)
        return reaction

    def _answer(self, case: _Case, talk: Talk, reason: str) -> Draft:
        """Return an answer that passed the gate; raises `Ignored` when it objects twice."""
        agent, mention = case.agent, case.mention
        cost, complaint = 0.0, list[str]()
        for attempt in (1, 2):
            messages = prompt(agent, mention, talk, complaint)
            completion = self._s.model.ask(
                agent, messages, call=f"{case.call}:answer:{attempt}", max_tokens=ANSWER_TOKENS, share=SHARE_FOR_REPLIES
            )
            cost += completion.cost_usd
            text = clean(completion.text)
            draft = Draft(
                kind=Kind.REPLY,
                topic=f"an answer to fid {mention.author_fid}",
                parts=(Part(text=text),),
                model=completion.model,
                cost_usd=cost,
                notes=(f"answers because {reason}",),
                parent=Parent(hash=mention.hash, fid=mention.author_fid),
                sources=(mention.hash,),
            )
            complaint = self._objections(case, talk, completion, draft, messages[0].content)
            if not complaint:
                return draft
            log.info("An answer was objected to", extra=event("mention.objection", attempt=attempt, reasons=complaint))
        raise Ignored(f"the answer was objected to twice: {' '.join(complaint)}")

    def _objections(
        self, case: _Case, talk: Talk, completion: Completion, draft: Draft, system_prompt: str
    ) -> list[str]:
        agent, mention, text = case.agent, case.mention, draft.parts[0].text
        found = quality_violations(
            [text],
            finish_reason=completion.finish_reason,
            recent=talk.earlier,
            banned=agent.persona.avoid,
            limit=agent.cast_bytes,
        )
        if text:
            found += reply_violations(text, agent=agent, mention=mention, talk=talk, system_prompt=system_prompt)
            found += self._s.plugins.violations(agent, draft)
        if redact(text) != text:
            found.append("The answer contains what looks like a key; leave it out.")
        # What an objection quotes may be a stranger's dictation, and it goes into our own words to the model.
        return [re.sub(r'["“].*["”]', "something", sentence) for sentence in dict.fromkeys(found)]


# Small judgements


def _is_ping_pong(fid: int, casts: Sequence[FeedCast]) -> bool:
    """Say whether each of our last answers was itself answered at once."""
    waits = [
        (answer.at - ours.at).total_seconds()
        for ours, answer in pairwise(casts)
        if ours.author_fid == fid and answer.author_fid != fid
    ]
    return len(waits) >= PING_PONG and all(wait <= PING_PONG_SECONDS for wait in waits[-PING_PONG:])


def _places(agent: Agent) -> int:
    """Return how many casts of an hour there may be for answers to be among them."""
    return max(1, int(agent.limits.casts_per_hour * SHARE_FOR_REPLIES))
