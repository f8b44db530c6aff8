"""What the host does for a skill that asks: fetch a page, ask a model, remember, tell numbers, read the chain.

    host = hosts.host_for(agent, skill, params, call=call)
    outcome = sandbox.run(skill.source, params, grants=skill.grants.names(), host=host)
    host.calls, host.cost_usd       # for the record of the draft

Each within its grant. What arrives here was written by a stranger: any method, any JSON as its arguments, whether the
grant was given or not. Whatever does not fit is a `HostRefused`, a sentence that the skill may read and carry on after.
The record tells the operator more than the skill is told.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import logging
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from ceos.clients.http import safe_fetch as guarded
from ceos.clients.http.ssrf import check_host, read_address, without_secrets
from ceos.clients.openrouter.client import MIN_TOKENS, Completion
from ceos.clock import Clock
from ceos.domain.agent import Agent
from ceos.domain.posts import Cast, CastMetrics, HostCall
from ceos.errors import CeosError, HostRefused, StoreUnavailable
from ceos.logs import event
from ceos.runs.paid_model import PaidModel
from ceos.sandbox.wire import METHODS, RESULT_BYTES
from ceos.skills.chain_reads import Question, ask
from ceos.skills.grants import Grants, MemoryGrant
from ceos.skills.llm_broker import LLMBroker
from ceos.skills.skill import Skill
from ceos.skills.store import SkillStore

if TYPE_CHECKING:
    from ceos.evm.client import EvmClient

log = logging.getLogger(__name__)

#: The longest key of a skill's memory and the longest prompt, in bytes.
KEY_BYTES = 200
PROMPT_BYTES = 16 * 1024
#: Calls beyond these are counted and limited, but not recorded one by one.
RECORDED = 100
#: So much of a question about the chain is recorded, in characters.
ABOUT_CHARS = 200
#: How far back numbers are told.
MOST_DAYS = 365
_GRANT_OF = {method: grant for grant, methods in METHODS.items() for method in methods}
#: The arguments of each method that the host answers, and what those are that may be left out.
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "http_get": ("url",),
    "llm_generate": ("prompt", "max_tokens"),
    "memory_get": ("key",),
    "memory_set": ("key", "value"),
    "metrics": ("days",),
}
_DEFAULTS: dict[str, Any] = {"max_tokens": 200, "days": 30}

#: Fetches an address before a deadline in monotonic seconds, from these hosts, up to so many bytes.
Fetch = Callable[..., guarded.Page]
#: Gives the client of the chain, which is heavy and loaded only when it is asked for.
Chain = Callable[[], "EvmClient"]
#: Returns the latest casts of an agent that were measured, each with its latest counts, newest first.
MeasuredCasts = Callable[[str], list[tuple[Cast, CastMetrics]]]


class SkillHost:
    """The host of one run of a skill, and the record of what was asked of it.

    By itself it serves a trial: pages are fetched for real, the memory ends with the run, there are no numbers, and no
    model is asked unless somebody pays. `params` are the operator's, never those that a model chose: their hosts are
    allowed where the grant says so.
    """

    def __init__(
        self,
        grants: Grants,
        params: Mapping[str, Any] | None = None,
        *,
        broker: LLMBroker | None = None,
        fetch: Fetch = guarded.get,
        chain: Chain | None = None,
    ) -> None:
        #: What was asked, in order.
        self.calls: list[HostCall] = []
        #: What the answers of models cost, in USD.
        self.cost_usd = 0.0
        self._grants = grants
        self._hosts = _hosts(grants, params or {})
        self._broker = broker
        self._fetch = fetch
        self._chain = chain
        self._notes: dict[str, str] = {}
        self._pages = 0
        self._reads = 0
        self._tokens = 0
        self._deadline = 0.0
        self._about = ""

    def __call__(self, method: str, args: list[Any], kwargs: dict[str, Any], deadline: float) -> Any:
        """Do what the skill asks before `deadline` (monotonic seconds); raises `HostRefused`."""
        begun, spent, refused = time.perf_counter(), self.cost_usd, ""
        self._about, self._deadline = "", deadline
        try:
            return self._do(method, args, kwargs)
        except HostRefused as refusal:
            # The skill reads the sentence; only the record says what lies behind it.
            refused = f"{refusal} ({refusal.__cause__})" if isinstance(refusal.__cause__, CeosError) else str(refusal)
            raise
        finally:
            self._record(
                _printable(str(method)[:40]), (time.perf_counter() - begun) * 1000, self.cost_usd - spent, refused
            )

    def _do(self, method: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        grant = _GRANT_OF.get(method) if type(method) is str else None
        if grant is None:
            raise HostRefused("The host does nothing of that name.")
        if not getattr(self._grants, grant):
            raise HostRefused(f"ctx.{method} needs the grant {grant}, which this skill does not have.")
        if method == "chain_read":
            return self._chain_read(Question.of(args, kwargs))
        if method not in _ARGUMENTS:
            raise HostRefused(f"The host does not answer ctx.{method}.")
        return getattr(self, f"_{method}")(*_bound(method, args, kwargs))

    def _record(self, method: str, ms: float, cost_usd: float, refused: str) -> None:
        if len(self.calls) < RECORDED:
            self.calls.append(
                HostCall(method=method, what=self._about, ms=round(ms, 3), cost_usd=cost_usd, refused=refused)
            )
        if log.isEnabledFor(logging.DEBUG):
            fields = event("skill.asked", method=method, what=self._about, ms=round(ms, 3), refused=refused)
            log.debug("A skill asked the host", extra=fields)

    # What a skill may ask; the arguments are any JSON

    def _http_get(self, url: Any) -> dict[str, Any]:
        grant = self._grants.http
        assert grant is not None, "checked with the grants"
        if type(url) is not str:
            raise HostRefused("ctx.http_get takes an address, a text.")
        self._about = _printable(without_secrets(url))
        if self._pages >= grant.max_calls:
            raise HostRefused(f"The manifest allows {grant.max_calls} calls of ctx.http_get a run; this is one more.")
        self._pages += 1
        page = self.page(url, grant.max_bytes, min(self._deadline, time.monotonic() + grant.seconds))
        answer = {"status": page.status, "url": page.url, "content_type": page.content_type, "text": page.text}
        # On its way into the sandbox a character may take six bytes.
        if len(page.text) * 6 > RESULT_BYTES and len(json.dumps(answer)) > RESULT_BYTES:
            raise HostRefused(
                f"{self._about} is too large to be handed over; at most {RESULT_BYTES:,} bytes of JSON are."
            )
        return answer

    def _llm_generate(self, prompt: Any, max_tokens: Any) -> str:
        grant = self._grants.llm
        assert grant is not None, "checked with the grants"
        if type(prompt) is not str or not prompt.strip():
            raise HostRefused("ctx.llm_generate takes a prompt, a text that is not empty.")
        if (size := _size(prompt)) > PROMPT_BYTES:
            raise HostRefused(f"A prompt may have {PROMPT_BYTES:,} bytes; this one has {size:,}.")
        if type(max_tokens) is not int or max_tokens < 1:
            raise HostRefused("max_tokens is a whole number from 1 on.")
        left = grant.max_tokens - self._tokens
        if left < min(MIN_TOKENS, grant.max_tokens):
            raise HostRefused(f"The {grant.max_tokens:,} tokens that the manifest allows a run are used up.")
        tokens = min(max_tokens, left)
        completion = self.answer(prompt, tokens, grant.max_usd - self.cost_usd)
        self._about = completion.model
        self._tokens += completion.completion_tokens or tokens
        self.cost_usd += completion.cost_usd
        # Half of a surrogate pair, which JSON can write, is nothing that a skill could return.
        return completion.text.encode("utf-8", "replace").decode()

    def _memory_get(self, key: Any) -> Any:
        value = self.recall(self._key(key))
        return None if value is None else json.loads(value)

    def _memory_set(self, key: Any, value: Any) -> None:
        grant = self._grants.memory
        assert grant is not None, "checked with the grants"
        key = self._key(key)
        try:
            text = (
                None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            )
            size = len(key.encode()) + len((text or "").encode())
        except (TypeError, ValueError, RecursionError):
            raise HostRefused("ctx.memory_set takes plain data: texts, numbers, lists and dicts of such.") from None
        if size > grant.max_bytes or not self.remember(key, text, grant):
            raise HostRefused(
                f"The memory of this skill holds {grant.max_bytes:,} bytes and this does not fit; set what is no "
                "longer needed to None."
            )

    def _metrics(self, days: Any) -> list[dict[str, Any]]:
        if type(days) is not int or not 1 <= days <= MOST_DAYS:
            raise HostRefused(f"days is a whole number from 1 to {MOST_DAYS}.")
        return self.numbers(days)

    def _chain_read(self, question: Question) -> Any:
        grant = self._grants.chain
        assert grant is not None, "checked with the grants"
        self._about = _printable(question.text[:ABOUT_CHARS])
        if self._reads >= grant.max_calls:
            raise HostRefused(f"The manifest allows {grant.max_calls} calls of ctx.chain_read a run; this is one more.")
        self._reads += 1
        answer = self.on_chain(question)
        if len(json.dumps(answer)) > RESULT_BYTES:
            raise HostRefused(f"The answer is too large to be handed over; at most {RESULT_BYTES:,} bytes of JSON are.")
        return answer

    def _key(self, key: Any) -> str:
        try:
            fits = type(key) is str and 1 <= len(key.encode()) <= KEY_BYTES
        except UnicodeError:
            fits = False
        if not fits:
            raise HostRefused(f"A key is a text of 1 to {KEY_BYTES} bytes.")
        self._about = _printable(str(key))
        return str(key)

    # Where the answers come from

    def page(self, url: str, max_bytes: int, deadline: float) -> guarded.Page:
        """Return the page at an address."""
        return self._fetch(url, hosts=self._hosts, max_bytes=max_bytes, deadline=deadline)

    def answer(self, prompt: str, max_tokens: int, max_usd: float) -> Completion:
        """Return what a model writes."""
        if self._broker is None:
            raise HostRefused("No model is asked in a trial without an agent that pays for it.")
        return self._broker.ask(prompt, max_tokens=max_tokens, max_usd=max_usd, deadline=self._deadline)

    def recall(self, key: str) -> str | None:
        """Return what is kept under a key, as JSON, or None."""
        return self._notes.get(key)

    def remember(self, key: str, value: str | None, grant: MemoryGrant) -> bool:
        """Keep JSON under a key, or nothing; return whether there was room."""
        after = {**self._notes, key: value}
        kept = {name: text for name, text in after.items() if text is not None}
        if _held(kept) > max(grant.max_bytes, _held(self._notes)):
            return False
        self._notes = kept
        return True

    def numbers(self, days: int) -> list[dict[str, Any]]:
        """Return the numbers of the agent's casts of so many days, newest first."""
        del days
        return []

    def on_chain(self, question: Question) -> Any:
        """Return what the chain answers, as plain JSON."""
        if self._chain is None:
            raise HostRefused("No chain is read in a trial without a node.")
        return ask(self._chain, question, self._deadline)


class StubHost(SkillHost):
    """A host that gives the answers of an example, for checks and tests: no network, no server, no clock.

        StubHost({"http": {"https://example.org/": "gm"}, "memory": {"seen": 3}}, skill.grants)

    Without `grants`, everything is granted.
    """

    def __init__(
        self, answers: Mapping[str, Any], grants: Grants | None = None, params: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(_EVERYTHING if grants is None else grants, params)
        self._is_open = grants is None
        self._answers = answers
        texts = answers.get("llm", [])
        self._texts = iter(texts if isinstance(texts, list | tuple) else [texts])
        memory = _table(answers, "memory")
        self._notes = {key: json.dumps(value) for key, value in memory.items() if value is not None}

    def page(self, url: str, max_bytes: int, deadline: float) -> guarded.Page:
        """Return the example's answer for an address."""
        del deadline
        if not self._is_open:
            check_host(read_address(url).host, self._hosts)
        found = _table(self._answers, "http").get(url)
        canned = found if isinstance(found, Mapping) else {"text": found}
        text, status = canned.get("text"), canned.get("status", 200)
        if not isinstance(text, str) or not isinstance(status, int):
            raise HostRefused(f"The example has no answer for {url!r}: neither a text nor a table with one.")
        if _size(text) > max_bytes:
            raise HostRefused(f"The example's answer for {url!r} is larger than {max_bytes:,} bytes.")
        content_type = str(canned.get("content_type", "text/plain; charset=utf-8"))
        return guarded.Page(status, url, content_type, text)

    def answer(self, prompt: str, max_tokens: int, max_usd: float) -> Completion:
        """Return the example's next text."""
        del prompt, max_tokens, max_usd
        text = next(self._texts, None)
        if text is None:
            raise HostRefused("The example has no further answer of a model.")
        return Completion(text=str(text), model="example", cost_usd=0.0)

    def numbers(self, days: int) -> list[dict[str, Any]]:
        """Return the example's numbers."""
        del days
        return list(self._answers.get("metrics", []))

    def on_chain(self, question: Question) -> Any:
        """Return the example's answer for a question, which is written as in `token_balance 0x… 0x…`."""
        answers = _table(self._answers, "chain")
        if question.text not in answers:
            raise HostRefused(f"The example has no answer for {question.text[:ABOUT_CHARS]!r}.")
        return answers[question.text]


class AgentHost(SkillHost):
    """The host of a run for an agent: its memory is kept, its numbers are told, and it pays."""

    def __init__(
        self,
        agent_id: str,
        skill: Skill,
        params: Mapping[str, Any],
        *,
        broker: LLMBroker,
        store: SkillStore,
        measured_casts: MeasuredCasts,
        clock: Clock,
        fetch: Fetch = guarded.get,
        chain: Chain | None = None,
    ) -> None:
        super().__init__(skill.grants, params, broker=broker, fetch=fetch, chain=chain)
        self._agent_id = agent_id
        self._skill = skill.name
        self._store = store
        self._measured_casts = measured_casts
        self._clock = clock
        #: Read once: they do not change while a skill runs.
        self._measured: list[tuple[dt.datetime, dict[str, Any]]] | None = None

    def recall(self, key: str) -> str | None:
        """Return what the agent's skill kept under a key, as JSON, or None."""
        try:
            return self._store.skill_note(self._agent_id, self._skill, key)
        except StoreUnavailable as error:
            raise HostRefused("The memory cannot be reached now.") from error

    def remember(self, key: str, value: str | None, grant: MemoryGrant) -> bool:
        """Keep JSON for the agent's skill; return whether there was room."""
        try:
            return self._store.keep_skill_note(self._agent_id, self._skill, key, value, grant.max_bytes)
        except StoreUnavailable as error:
            raise HostRefused("The memory cannot be reached now.") from error

    def numbers(self, days: int) -> list[dict[str, Any]]:
        """Return the latest counts of each of the agent's last 50 casts that was measured."""
        if self._measured is None:
            try:
                measured = self._measured_casts(self._agent_id)
            except StoreUnavailable as error:
                raise HostRefused("The numbers cannot be reached now.") from error
            self._measured = [
                (
                    cast.at,
                    {
                        "text": cast.text,
                        "at": cast.at.isoformat(),
                        "likes": counts.likes,
                        "recasts": counts.recasts,
                        "replies": counts.replies,
                    },
                )
                for cast, counts in measured
            ]
        since = self._clock.now() - dt.timedelta(days=days)
        return [row for at, row in self._measured if at >= since]


class HostFactory:
    """Makes the hosts of runs."""

    def __init__(
        self,
        store: SkillStore,
        model: PaidModel,
        clock: Clock,
        *,
        measured_casts: MeasuredCasts,
        fetch: Fetch = guarded.get,
        chain: Chain | None = None,
    ) -> None:
        self._store = store
        self._model = model
        self._measured_casts = measured_casts
        self._clock = clock
        self._fetch = fetch
        self._chain = chain
        self._count = itertools.count(1)

    def host_for(self, agent: Agent, skill: Skill, params: Mapping[str, Any], *, call: str) -> AgentHost:
        """Return the host of one run of `skill` for `agent`.

        `params` are the operator's alone, for the hosts in them are allowed; `call` names the attempt for the budget.
        """
        return AgentHost(
            agent.id,
            skill,
            params,
            broker=self.broker_for(agent, f"{call}:{skill.name}"),
            store=self._store,
            measured_casts=self._measured_casts,
            clock=self._clock,
            fetch=self._fetch,
            chain=self._chain,
        )

    def broker_for(self, agent: Agent, call: str) -> LLMBroker:
        """Return a way to ask models at the agent's expense, for a run whose memory and numbers are not the agent's."""
        # Counted through, for an answer that nobody waited for may still hold what it set aside under its name.
        names = (f"{call}:{next(self._count)}" for _ in itertools.repeat(None))
        return LLMBroker(agent, self._model, names)


def _bound(method: str, args: list[Any], kwargs: dict[str, Any]) -> list[Any]:
    """Return the arguments of a call in order; raises `HostRefused` for too many, too few or unknown ones."""
    names = _ARGUMENTS[method]
    given = dict(zip(names, args, strict=False))
    if len(args) <= len(names) and kwargs.keys() <= set(names) - given.keys():
        bound = {**_DEFAULTS, **given, **kwargs}
        if bound.keys() >= set(names):
            return [bound[name] for name in names]
    wanted = ", ".join(f"{name}={_DEFAULTS[name]}" if name in _DEFAULTS else name for name in names)
    raise HostRefused(f"It is called as ctx.{method}({wanted}).")


def _hosts(grants: Grants, params: Mapping[str, Any]) -> Collection[str]:
    """Return the hosts of the manifest and those that the operator's params name."""
    if grants.http is None:
        return ()
    named = []
    for name in grants.http.hosts_from:
        value = params.get(name)
        for url in value if isinstance(value, list | tuple) else [value]:
            try:
                named.append(read_address(url).host if isinstance(url, str) else "")
            except HostRefused:
                # The skill that asks for it is told why.
                continue
    return (*grants.http.hosts, *filter(None, named))


def _table(answers: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = answers.get(name)
    return table if isinstance(table, Mapping) else {}


def _printable(text: str) -> str:
    """Return a stranger's text as a record can hold it and a terminal can show it."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else "?" for sign in text)


def _size(text: str) -> int:
    """Return the bytes of a text; half of a surrogate pair counts as what it would be replaced by."""
    return len(text.encode("utf-8", "replace"))


def _held(notes: Mapping[str, str]) -> int:
    return sum(_size(key) + _size(text) for key, text in notes.items())


_EVERYTHING = Grants.model_validate(
    {
        "http": {"hosts": ("example.org",), "max_calls": 50, "max_bytes": 1_048_576},
        "llm": {"max_tokens": 4000, "max_usd": 1.0},
        "memory": {"max_bytes": 1_048_576},
        "metrics": True,
        "chain": True,
        "log": True,
        "now": True,
    }
)
