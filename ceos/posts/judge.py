"""Asks a judge about finished texts: a cheap model that has seen neither the untrusted text nor the instructions.

No text is published unjudged that needs a verdict. While the judge gives no answer, the run waits without a worker,
with its draft stored, and only the judge is asked again.
"""

from __future__ import annotations

import logging

from ceos.clients.openrouter.client import Message
from ceos.domain.agent import Agent
from ceos.domain.posts import Draft
from ceos.errors import (
    AnswerUnusable,
    LimitReached,
    OutcomeUnknown,
    RateLimited,
    ServiceUnavailable,
)
from ceos.guardrails.judge import Verdict, judge_instructions, judge_subject, text_id, verdict_violations
from ceos.logs import event
from ceos.runs.deferral import RetryLater
from ceos.runs.lease import Lease
from ceos.runs.ledger import Ledger
from ceos.runs.paid_model import PaidModel

log = logging.getLogger(__name__)

#: Tokens of a verdict; one is about 40 tokens long.
VERDICT_TOKENS = 160
#: How long a text waits for the next attempt to have it judged, and while the agent's budget is used up, in seconds.
JUDGE_RETRY_SECONDS, BUDGET_RETRY_SECONDS = 15.0, 60.0


class Judge:
    """Keeps drafts during their checks, and asks judges about them at the expense of the agents."""

    def __init__(self, model: PaidModel, ledger: Ledger) -> None:
        self._model = model
        self._ledger = ledger

    def kept_draft(self, lease: Lease | None) -> Draft | None:
        """Return the draft of a run that waited for a check, or None for a run whose text is still to be written."""
        draft = lease.draft if lease else None
        return draft if draft is not None and draft.is_unchecked else None

    def keep_draft(self, lease: Lease | None, draft: Draft) -> Draft:
        """Store a draft before its checks and return it as stored; a preview, without a lease, stores nothing."""
        draft = draft.model_copy(update={"is_unchecked": True})
        if lease is not None:
            self._ledger.keep_draft(lease, draft)
        return draft

    def check_model(self, agent: Agent, *, has_untrusted: bool) -> None:
        """Raise `RequestRefused`, before a text is paid for, if its judge can no longer be asked."""
        if model := agent.output.judge_for(has_untrusted=has_untrusted):
            self._model.usable_models(agent, (model,))

    def judge(self, agent: Agent, draft: Draft, *, call: str, share: float = 1.0) -> tuple[list[str], float]:
        """Return the violations in the verdict about a draft, and its cost in USD; a draft may need no verdict.

        `call` names the request for the budget, of which it may use `share`. Raises `RetryLater` without a verdict, and
        `RequestRefused` when the service refuses the judge or the key.
        """
        model = agent.output.judge
        if not draft.is_judged or model == "off":
            return [], 0.0
        try:
            verdict, cost_usd = self._verdict(agent, draft, model, call, share)
        except LimitReached as error:
            raise RetryLater(BUDGET_RETRY_SECONDS, f"the text waits for the judge: {error}") from None
        except (RateLimited, ServiceUnavailable, OutcomeUnknown, AnswerUnusable) as error:
            seconds = max(getattr(error, "retry_after", None) or 0.0, JUDGE_RETRY_SECONDS)
            raise RetryLater(seconds, f"the text waits for the judge: {error}") from error
        found = verdict_violations(verdict, agent.output.allow_categories)
        fields = event("text.judged", categories=[str(one) for one in verdict.categories], reason=verdict.reason[:200])
        log.log(logging.WARNING if found else logging.INFO, "Text judged", extra=fields)
        return found, cost_usd

    def _verdict(self, agent: Agent, draft: Draft, model: str, call: str, share: float) -> tuple[Verdict, float]:
        messages = [
            # Unlike all that follows, the same in every request, so that providers cache it.
            Message(role="system", content=judge_instructions(), cache=True),
            Message(role="user", content=judge_subject(agent, draft)),
        ]
        verdict, cost_usd = self._model.ask_json(
            agent, messages, Verdict, call=f"{call}:judge", max_tokens=VERDICT_TOKENS, models=(model,), share=share
        )
        if verdict.id != text_id([part.text for part in draft.parts], draft.image_prompt):
            raise AnswerUnusable(f"{model} answered about another text.", cost_usd=cost_usd)
        return verdict, cost_usd
