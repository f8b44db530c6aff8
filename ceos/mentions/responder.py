"""The response to a mention: filters, the strategy's decision, then a like, a recast, or a guarded reply.

Every step may be repeated when a run is redelivered: the first decision is stored and never replaced, and everything
that is counted is counted by run, in one script. Untrusted text reaches a model only as data in a message of its own,
without tools, and the reply is published only if nothing in it can come from untrusted text.
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
from ceos.domain.mentions import ConversationContext, Decision, Mention
from ceos.domain.posts import Draft, Kind, Parent, Part
from ceos.domain.schedule import is_quiet
from ceos.domain.sketch import Sketched
from ceos.domain.text import clean, fit
from ceos.errors import CeosError, KeyRefused, LimitReached, NotFound, PluginError
from ceos.guardrails.disclosure import nature_question, nature_violations, truthful_answer
from ceos.guardrails.injection import detect_injection
from ceos.guardrails.leftovers import cut_reasoning
from ceos.guardrails.quality import quality_violations
from ceos.guardrails.reply import reaction_violation, reply_violations
from ceos.logs import event, redact
from ceos.mentions.prompt import MAX_MENTION_BYTES, prompt, thread_cast, untrusted_texts
from ceos.mentions.store import MentionStore
from ceos.plugins.manager import Plugins
from ceos.posts.actions import DecidedReaction
from ceos.posts.disclosure import with_label
from ceos.posts.judge import Judge
from ceos.posts.relevance import RelevanceScorer, Subject, by_words
from ceos.posts.source import RunEnd
from ceos.runs.cast_limit import CastLimit
from ceos.runs.deferral import RetryLater
from ceos.runs.lease import Lease
from ceos.runs.paid_model import PaidModel
from ceos.storage.agents import AgentStore

log = logging.getLogger(__name__)

#: Older mentions are not answered.
MAX_AGE = dt.timedelta(hours=24)
#: Tokens a model may use for a reply; generous, because some models spend tokens on reasoning.
MAX_REPLY_TOKENS = 500
#: The part of the day's budget and of the hour's casts that replies may use up; the rest is reserved for posts.
MAX_REPLY_SHARE = 0.75
#: This many replies in a row, each within this many seconds, come from a machine.
MIN_PING_PONG, PING_PONG_SECONDS = 3, 60


#: A reply, a reaction, or the end of a mention that is ignored.
MentionOutcome = Draft | DecidedReaction | RunEnd


class Ignored(CeosError):
    """The mention is ignored."""


@dataclass(frozen=True)
class _Case:
    """One mention that is processed."""

    lease: Lease
    agent: Agent
    mention: Mention

    @property
    def run_id(self) -> str:
        """The run of the mention."""
        return self.lease.run_id

    @property
    def call(self) -> str:
        """The name of this attempt for the budget."""
        return f"{self.lease.run_id}:{self.lease.fence}"


class MentionResponder:
    """Decides about mentions and writes replies."""

    def __init__(
        self,
        *,
        agents: AgentStore,
        store: MentionStore,
        plugins: Plugins,
        model: PaidModel,
        judge: Judge,
        neynar: Neynar,
        limit: CastLimit,
        clock: Clock,
    ) -> None:
        self._agents = agents
        self._store = store
        self._plugins = plugins
        self._model = model
        self._judge = judge
        self._relevance = RelevanceScorer(model)
        self._neynar = neynar
        self._limit = limit
        self._clock = clock

    def decide_and_write(self, lease: Lease, agent: Agent) -> MentionOutcome:
        """Return the reply to a mention, the reaction to it, or the end of one that is ignored.

        Raises `RetryLater` during quiet hours and while the judge gives no answer, `LimitReached` when the money is
        used up, and a `ServiceError`.
        """
        mention = self._store.mention(lease.run_id)
        if mention is None:
            raise NotFound(f"The mention of {lease.run_id!r} is gone.")
        case = _Case(lease, agent, mention)
        try:
            return self._process(case)
        except Ignored as ignored:
            return RunEnd(RunStatus.IGNORED, str(ignored))

    def too_late(self, run_id: str) -> str:
        """Return the reason why a mention is too old to be answered, or an empty string."""
        mention = self._store.mention(run_id)
        if mention is None or self._clock.now() - mention.at <= MAX_AGE:
            return ""
        return f"it is more than {MAX_AGE // dt.timedelta(hours=1)} hours old"

    def _process(self, case: _Case) -> MentionOutcome:
        self._check_quiet_hours(case.agent)
        for reason in self._author_objections(case):
            raise Ignored(reason)
        context = self._read_context(case)
        if pattern := detect_injection(untrusted_texts(case.mention, context), case.agent.persona.topics):
            raise Ignored(f"it looks like an attempt to steer the agent: {pattern}")
        decision = self._decision(case, context)
        log.info("Mention considered", extra=event(f"mention.{decision.action}", reason=decision.reason))
        match decision.action:
            case "ignore":
                raise Ignored(decision.reason)
            case "answer":
                self._claim(case, "answer")
                return self._write_reply(case, context, decision.reason)
            case kind:
                reaction = DecidedReaction(kind, case.mention.hash, case.mention.author_fid, decision.reason)
                return self._react(case, context, reaction)

    # Mentions that are ignored

    def _check_quiet_hours(self, agent: Agent) -> None:
        """Raise `RetryLater` during the agent's quiet hours, until they end."""
        now = self._clock.now_ms()
        if not is_quiet(agent.schedule, now):
            return
        minute = 60_000
        end = next(
            at
            for at in range(now - now % minute + minute, now + 86_400_000, minute)
            if not is_quiet(agent.schedule, at)
        )
        seconds = (end - now) / 1000 / self._clock.speed
        raise RetryLater(
            seconds, f"quiet hours until {dt.datetime.fromtimestamp(end / 1000, dt.UTC):%H:%M} UTC", is_limited=False
        )

    def _author_objections(self, case: _Case) -> Iterator[str]:
        """Yield the reasons to ignore a mention that are known without its conversation."""
        mention, rules = case.mention, case.agent.engagement
        if not rules.enabled:
            yield "the engagement of the agent is off"
        if mention.author_fid == case.agent.fid:
            yield "it is the agent's own cast"
        if ours := self._agents.agents_of([mention.author_fid]).get(mention.author_fid):
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

    def _read_context(self, case: _Case) -> ConversationContext:
        """Return the conversation around a mention; raises `Ignored` for one that the agent does not continue."""
        mention, agent = case.mention, case.agent
        thread = self._neynar.conversation(mention.hash)
        if thread is None:
            raise Ignored("the cast is gone")
        for reason in self._thread_objections(case, thread):
            raise Ignored(reason)
        return ConversationContext(
            casts=tuple(thread_cast(cast, agent) for cast in thread.above),
            quotes=tuple(quoted.text for quoted in thread.cast.quoted if quoted.text),
            likes=thread.cast.likes,
            recasts=thread.cast.recasts,
            can_recast=self._store.claim_mention(agent, mention, "recast", self._clock.now(), only_asks=True) is None,
            earlier=tuple(self._store.earlier_replies(agent.id, mention.author_fid)),
            relevance=functools.cache(functools.partial(self._score_relevance, case)),
        )

    def _thread_objections(self, case: _Case, thread: Thread) -> Iterator[str]:
        agent, above = case.agent, thread.above
        if thread.cast.parent_hash and thread.cast.parent_hash not in {cast.hash for cast in above}:
            yield "the cast that it answers is gone"
        if len(above) >= agent.engagement.max_depth:
            yield f"the conversation is {len(above)} casts deep; the agent takes part in {agent.engagement.max_depth}"
        if _is_ping_pong(agent.fid, [*above, thread.cast]):
            yield f"{MIN_PING_PONG} answers in a row came within {PING_PONG_SECONDS} seconds each, as from a machine"
        answers = self._agents.agents_of({cast.author_fid or 0 for cast in thread.answers})
        if answers:
            yield f"{next(iter(answers.values()))[0]!r} has answered it already"

    # Deciding

    def _decision(self, case: _Case, context: ConversationContext) -> Decision:
        """Return the decision of the strategy; the first one is stored, and a second attempt returns it."""
        if (stored := self._store.decision(case.run_id)) is not None:
            return stored
        name = case.agent.engagement.strategy
        try:
            decision = self._plugins.strategy(name).decide(case.agent, case.mention, context)
        except CeosError:
            raise
        # A plugin may raise anything, and its sys.exit() must not end the worker.
        except (Exception, SystemExit) as error:
            cause = f"{type(error).__name__} {error}".strip()
            raise PluginError(f"The strategy {name!r} failed: {cause}") from error
        if not isinstance(decision, Decision):
            kind = type(decision).__name__
            raise PluginError(f"The strategy {name!r} returned an object of type {kind}, not a ceos.Decision.")
        return self._store.save_decision(case.run_id, decision)

    def _score_relevance(self, case: _Case) -> float:
        """Return the relevance of a mention to the persona: a model's score, or that of its words without one."""
        text = fit(case.mention.text, MAX_MENTION_BYTES)
        subject = Subject(title="", texts=(text,), shown={"text": text})
        # A score is not worth its money where its best outcome, an answer, is over a limit.
        if refusal := self._refusal(case, "answer", only_asks=True):
            log.info("Relevance is scored by words", extra=event("mention.unjudged", error=refusal))
            return by_words(case.agent, subject).value
        try:
            found = self._relevance.score(
                case.agent, {"mention": subject}, template="reply_relevance", call=f"{case.call}:relevance",
                share=MAX_REPLY_SHARE,
            )["mention"]  # fmt: skip
        except (KeyRefused, LimitReached) as error:
            log.warning("Relevance is scored by words", extra=event("mention.unjudged", error=str(error)))
            found = by_words(case.agent, subject)
        return found.value

    def _claim(self, case: _Case, reaction: Literal["answer", "like", "recast"]) -> None:
        """Claim the cast for this agent, within its limits; raises `Ignored`."""
        if refusal := self._refusal(case, reaction):
            raise Ignored(refusal)

    def _refusal(self, case: _Case, reaction: Literal["answer", "like", "recast"], *, only_asks: bool = False) -> str:
        """Claim the cast for this agent, and for an answer its place in the hour; return the reason of a refusal.

        With `only_asks` only the place is claimed, which the run gives back unless it answers.
        """
        agent, rules, now = case.agent, case.agent.engagement, self._clock.now()
        if reaction == "answer":
            try:
                self._limit.claim_places(agent, case.run_id, 1, now, share=MAX_REPLY_SHARE)
            except LimitReached:
                taken = self._limit.places_taken(agent, now)
                return f"over the limit: {taken} casts in this hour, and the rest is kept for posts"
        refusal = self._store.claim_mention(agent, case.mention, reaction, now, only_asks=only_asks)
        if refusal is None:
            return ""
        match refusal.obstacle:
            case "claimed":
                return f"{refusal.by!r}, another agent of this operator, reacts to it"
            case "person":
                return f"over the limit: {rules.answers_per_person_per_hour} answers per person and hour"
            case "thread":
                return f"over the limit: {rules.answers_per_thread} answers per conversation"
            case "day":
                allowed = rules.likes_per_day if reaction == "like" else rules.recasts_per_day
                return f"over the limit: {allowed} {reaction}s a day"

    # Reactions and replies

    def _react(self, case: _Case, context: ConversationContext, reaction: DecidedReaction) -> DecidedReaction:
        """Check a reaction against guardrails and limits; the publish stage sends it."""
        if violation := reaction_violation(case.agent, case.mention, context):
            raise Ignored(f"it is not fit for a {reaction.kind}: {violation}")
        self._claim(case, reaction.kind)
        return reaction

    def _write_reply(self, case: _Case, context: ConversationContext, reason: str) -> Draft:
        """Return a reply that passed all guardrails; raises `Ignored` after two refused replies."""
        draft = self._judge.kept_draft(case.lease)
        violations = list[str]()
        for attempt in range(draft.attempts if draft else 1, 3):
            if draft is None or draft.attempts < attempt:
                draft, violations = self._version(case, context, reason, draft, violations)
            if not violations and draft.is_judged:
                draft, violations = self._judged(case, draft)
            if not violations:
                return with_label(case.agent, draft.model_copy(update={"is_unchecked": False}))
            log.info("A reply was refused", extra=event("mention.objection", attempt=attempt, reasons=violations))
        if draft is not None and (language := nature_question(case.mention.text)):
            return _fixed_answer(draft, language, violations)
        raise Ignored(f"the answer was objected to twice: {' '.join(violations)}")

    def _version(
        self, case: _Case, context: ConversationContext, reason: str, before: Draft | None, violations: Sequence[str]
    ) -> tuple[Draft, list[str]]:
        """Return a reply and its violations; `violations` are those of the reply `before`."""
        agent, mention = case.agent, case.mention
        attempt = before.attempts + 1 if before else 1
        self._judge.check_model(agent, has_untrusted=True)
        messages = prompt(agent, mention, context, violations)
        completion = self._model.ask(
            agent, messages, call=f"{case.call}:answer:{attempt}", max_tokens=MAX_REPLY_TOKENS, share=MAX_REPLY_SHARE
        )
        draft = Draft(
            kind=Kind.REPLY,
            topic=f"an answer to fid {mention.author_fid}",
            parts=(Part(text=clean(cut_reasoning(completion.text))),),
            model=completion.model,
            cost_usd=completion.cost_usd + (before.cost_usd if before else 0.0),
            attempts=attempt,
            notes=(f"answers because {reason}",),
            parent=Parent(hash=mention.hash, fid=mention.author_fid),
            sources=(mention.hash,),
            is_judged=bool(agent.output.judge_for(has_untrusted=True)),
        )
        return draft, self._violations(case, context, completion, draft, messages[0].content)

    def _judged(self, case: _Case, draft: Draft) -> tuple[Draft, list[str]]:
        """Return a reply that keeps the rules, with the cost of its verdict, and the violations in that."""
        draft = self._judge.keep_draft(case.lease, draft)
        call = f"{case.call}:{draft.attempts}"
        found, cost_usd = self._judge.judge(case.agent, draft, call=call, share=MAX_REPLY_SHARE)
        return draft.model_copy(update={"cost_usd": draft.cost_usd + cost_usd}), found

    def _violations(
        self, case: _Case, context: ConversationContext, completion: Completion, draft: Draft, system_prompt: str
    ) -> list[str]:
        agent, mention, text = case.agent, case.mention, draft.parts[0].text
        found = quality_violations(
            [text],
            finish_reason=completion.finish_reason,
            recent=[Sketched.of(reply) for reply in context.earlier],
            banned=agent.persona.avoid,
            limit=agent.text_bytes,
        )
        if text:
            found += reply_violations(text, agent=agent, mention=mention, talk=context, system_prompt=system_prompt)
            found += self._plugins.violations(agent, draft)
        if nature_question(mention.text):
            found += nature_violations(text)
        if redact(text) != text:
            found.append("The answer contains what looks like a key; leave it out.")
        # Quoted text is untrusted, and violations go into our own message to the model.
        return [re.sub(r'["“].*["”]', "something", sentence) for sentence in dict.fromkeys(found)]


def _fixed_answer(draft: Draft, language: str, violations: Sequence[str]) -> Draft:
    """Return the answer to a question whether the agent is a program, for a writer that did not give one."""
    note = f"a fixed answer, because two of the writer were refused: {' '.join(violations)}"
    return draft.model_copy(
        update={
            "parts": (Part(text=truthful_answer(language)),),
            "notes": (*draft.notes, note),
            "is_judged": False,
            "is_unchecked": False,
        }
    )


def _is_ping_pong(fid: int, casts: Sequence[FeedCast]) -> bool:
    """Say whether each of the agent's last replies was itself answered at once."""
    waits = [
        (answer.at - ours.at).total_seconds()
        for ours, answer in pairwise(casts)
        if ours.author_fid == fid and answer.author_fid != fid
    ]
    return len(waits) >= MIN_PING_PONG and all(wait <= PING_PONG_SECONDS for wait in waits[-MIN_PING_PONG:])
