"""The host of a skill: it answers the skill's calls within their grants.

A skill may fetch pages, ask a model, keep notes, read the agent's numbers and read the chain. Its calls are untrusted:
any method and any JSON as arguments may arrive, with or without a grant. A call that does not fit is refused with
`HostRefused`, whose sentence the skill can read before it goes on. The record has more details, for the operator only.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from ceos.clients.http import safe_fetch
from ceos.clients.http.ssrf import read_address, without_secrets
from ceos.clients.openrouter.client import MIN_TOKENS, Completion
from ceos.domain.posts import HostCall
from ceos.errors import CeosError, HostRefused, SkillError
from ceos.logs import event
from ceos.sandbox.wire import METHODS, RESULT_BYTES
from ceos.skills.chain_reads import Question, read_chain
from ceos.skills.grants import Grants, MemoryGrant
from ceos.skills.llm_broker import LLMBroker

if TYPE_CHECKING:
    from ceos.evm.client import EvmClient

log = logging.getLogger(__name__)

#: Size limits of a key of a skill's memory and of a prompt, in bytes.
MAX_KEY_BYTES = 200
MAX_PROMPT_BYTES = 16 * 1024
#: More calls are counted and limited, but not recorded one by one.
MAX_RECORDED_CALLS = 100
#: Seconds that the reading of a feed or a page may take, and the reasons for its failures by the kind of the error.
READ_SECONDS = 10.0
_READ_FAILURES = {
    "wall": "it takes too long",
    "cpu": "it takes too long",
    "memory": "it takes too much memory",
    "infrastructure": "the sandbox does not work now",
}
#: Questions about the chain are cut to this many characters in the record.
MAX_RECORDED_CHARS = 200
#: The age of the oldest casts whose numbers are returned.
MAX_DAYS = 365
_GRANT_OF = {method: grant for grant, methods in METHODS.items() for method in methods}
#: The arguments of each method that the host answers, and the defaults of those that may be left out.
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "http_get": ("url",),
    "http_feed": ("url",),
    "http_page": ("url",),
    "llm_generate": ("prompt", "max_tokens"),
    "memory_get": ("key",),
    "memory_set": ("key", "value"),
    "metrics": ("days",),
}
_DEFAULTS: dict[str, Any] = {"max_tokens": 200, "days": 30}

#: Fetches an address before a deadline in monotonic seconds; its host and the size of the page are limited.
Fetch = Callable[..., safe_fetch.FetchedPage]
#: Reads a feed or a page in a locked process; see `Sandbox.read_document`.
ReadDocument = Callable[..., Any]
#: Returns the client of the chain, which is loaded only when it is needed.
Chain = Callable[[], "EvmClient"]


class SkillHost:
    """The host of one run of a skill, and the record of the skill's calls.

    This class serves a trial: pages are fetched, the memory ends with the run, there are no numbers, and a model is
    asked only through a `broker`. `params` must be the operator's, never a model's, because their hosts are allowed
    if the grant says so.
    """

    def __init__(
        self,
        grants: Grants,
        params: Mapping[str, Any] | None = None,
        *,
        broker: LLMBroker | None = None,
        fetch: Fetch = safe_fetch.get,
        read: ReadDocument | None = None,
        chain: Chain | None = None,
    ) -> None:
        #: The calls, in order.
        self.calls: list[HostCall] = []
        #: The cost of the answers of models, in USD.
        self.cost_usd = 0.0
        self._grants = grants
        self._hosts = _hosts(grants, params or {})
        self._broker = broker
        self._fetch = fetch
        self._read = read
        self._chain = chain
        self._notes: dict[str, str] = {}
        self._pages = 0
        self._reads = 0
        self._tokens = 0
        self._deadline = 0.0
        self._about = ""

    def __call__(self, method: str, args: list[Any], kwargs: dict[str, Any], deadline: float) -> Any:
        """Answer a call of the skill before `deadline` (monotonic seconds); raises `HostRefused`."""
        begun, spent, refused = time.perf_counter(), self.cost_usd, ""
        self._about, self._deadline = "", deadline
        try:
            return self._do(method, args, kwargs)
        except HostRefused as refusal:
            # The skill can read the sentence; only the record has the cause.
            refused = f"{refusal} ({refusal.__cause__})" if isinstance(refusal.__cause__, CeosError) else str(refusal)
            raise
        finally:
            self._record(
                _printable(str(method)[:40]), (time.perf_counter() - begun) * 1000, self.cost_usd - spent, refused
            )

    def _do(self, method: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        grant = _GRANT_OF.get(method) if type(method) is str else None
        if grant is None:
            raise HostRefused("The host has no such method.")
        if not getattr(self._grants, grant):
            raise HostRefused(f"ctx.{method} needs the grant {grant}, which this skill does not have.")
        if method == "chain_read":
            return self._chain_read(Question.of(args, kwargs))
        if method not in _ARGUMENTS:
            raise HostRefused(f"The host does not answer ctx.{method}.")
        return getattr(self, f"_{method}")(*_bound(method, args, kwargs))

    def _record(self, method: str, ms: float, cost_usd: float, refused: str) -> None:
        if len(self.calls) < MAX_RECORDED_CALLS:
            self.calls.append(
                HostCall(method=method, what=self._about, ms=round(ms, 3), cost_usd=cost_usd, refused=refused)
            )
        if log.isEnabledFor(logging.DEBUG):
            fields = event("skill.asked", method=method, what=self._about, ms=round(ms, 3), refused=refused)
            log.debug("Skill called the host", extra=fields)

    # The methods; their arguments are any JSON

    def _http_get(self, url: Any) -> dict[str, Any]:
        page = self._fetched("http_get", url)
        text = page.text
        answer = {"status": page.status, "url": page.url, "content_type": page.content_type, "text": text}
        # In the message to the sandbox, a character may take six bytes.
        if len(text) * 6 > RESULT_BYTES and len(json.dumps(answer)) > RESULT_BYTES:
            raise HostRefused(f"{self._about} is too large; an answer has at most {RESULT_BYTES:,} bytes of JSON.")
        return answer

    def _http_feed(self, url: Any) -> dict[str, Any]:
        return self._document("feed", self._fetched("http_feed", url, only_text=False))

    def _http_page(self, url: Any) -> dict[str, Any]:
        return self._document("page", self._fetched("http_page", url))

    def _fetched(self, method: str, url: Any, *, only_text: bool = True) -> safe_fetch.FetchedPage:
        grant = self._grants.http
        assert grant is not None, "checked with the grants"
        if type(url) is not str:
            raise HostRefused(f"ctx.{method} takes a URL as a string.")
        self._about = _printable(without_secrets(url))
        if self._pages >= grant.max_calls:
            raise HostRefused(f"The manifest allows {grant.max_calls} calls of ctx.{method} per run.")
        self._pages += 1
        deadline = min(self._deadline, time.monotonic() + grant.seconds)
        return self.page(url, grant.max_bytes, deadline, only_text=only_text)

    def _document(self, kind: str, page: safe_fetch.FetchedPage) -> dict[str, Any]:
        """Return a fetched feed or page as plain data; raises `HostRefused` if it cannot be read."""
        if page.status != 200:
            raise HostRefused(f"{self._about} answered with status {page.status}.")
        if self._read is None:
            raise HostRefused("Feeds and pages are read only where there is a sandbox.")
        seconds = min(READ_SECONDS, self._deadline - time.monotonic())
        if seconds <= 0:
            raise HostRefused(f"There is no time left to read {self._about}.")
        try:
            found = self._read(
                kind, page.body, url=page.url, content_type=page.content_type, label=page.charset, seconds=seconds
            )
        except SkillError as error:
            reason = _READ_FAILURES.get(error.kind, "it is too broken")
            cause = None if error.kind in _READ_FAILURES else error
            raise HostRefused(f"{self._about} could not be read: {reason}.") from cause
        if not isinstance(found, dict) or "unreadable" in found:
            reason = str(found["unreadable"]) if isinstance(found, dict) else "It is too broken."
            raise HostRefused(f"{self._about} could not be read. {reason}")
        return {**found, "url": page.url, "content_type": page.content_type}

    def _llm_generate(self, prompt: Any, max_tokens: Any) -> str:
        grant = self._grants.llm
        assert grant is not None, "checked with the grants"
        if type(prompt) is not str or not prompt.strip():
            raise HostRefused("ctx.llm_generate takes a prompt, a string that is not empty.")
        if (size := byte_size(prompt)) > MAX_PROMPT_BYTES:
            raise HostRefused(f"A prompt may have at most {MAX_PROMPT_BYTES:,} bytes; this one has {size:,}.")
        if type(max_tokens) is not int or max_tokens < 1:
            raise HostRefused("max_tokens must be a whole number of at least 1.")
        left = grant.max_tokens - self._tokens
        if left < min(MIN_TOKENS, grant.max_tokens):
            raise HostRefused(f"The {grant.max_tokens:,} tokens that the manifest allows per run are used up.")
        tokens = min(max_tokens, left)
        completion = self.answer(prompt, tokens, grant.max_usd - self.cost_usd)
        self._about = completion.model
        # Reasoning is paid, but the skill asked for the text only.
        self._tokens += max(completion.completion_tokens - completion.reasoning_tokens, 0) or tokens
        self.cost_usd += completion.cost_usd
        # A skill could not return half of a surrogate pair, which JSON can express.
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
            raise HostRefused("ctx.memory_set takes plain data: strings, numbers, lists and dicts of them.") from None
        if size > grant.max_bytes or not self.remember(key, text, grant):
            raise HostRefused(
                f"The memory of this skill holds {grant.max_bytes:,} bytes, and this value does not fit; set keys "
                "that are no longer needed to None."
            )

    def _metrics(self, days: Any) -> list[dict[str, Any]]:
        if type(days) is not int or not 1 <= days <= MAX_DAYS:
            raise HostRefused(f"days must be a whole number from 1 to {MAX_DAYS}.")
        return self.numbers(days)

    def _chain_read(self, question: Question) -> Any:
        grant = self._grants.chain
        assert grant is not None, "checked with the grants"
        self._about = _printable(question.text[:MAX_RECORDED_CHARS])
        if self._reads >= grant.max_calls:
            raise HostRefused(
                f"The manifest allows {grant.max_calls} calls of ctx.chain_read per run; this is one more."
            )
        self._reads += 1
        answer = self.on_chain(question)
        if len(json.dumps(answer)) > RESULT_BYTES:
            raise HostRefused(f"The answer is too large; it may have at most {RESULT_BYTES:,} bytes of JSON.")
        return answer

    def _key(self, key: Any) -> str:
        try:
            fits = type(key) is str and 1 <= len(key.encode()) <= MAX_KEY_BYTES
        except UnicodeError:
            fits = False
        if not fits:
            raise HostRefused(f"A key must be a string of 1 to {MAX_KEY_BYTES} bytes.")
        self._about = _printable(str(key))
        return str(key)

    # The sources of the answers

    def page(self, url: str, max_bytes: int, deadline: float, *, only_text: bool = True) -> safe_fetch.FetchedPage:
        """Return the answer of an address."""
        return self._fetch(url, hosts=self._hosts, max_bytes=max_bytes, deadline=deadline, only_text=only_text)

    def answer(self, prompt: str, max_tokens: int, max_usd: float) -> Completion:
        """Return the answer of a model."""
        if self._broker is None:
            raise HostRefused("A trial asks a model only for an agent that pays for it.")
        return self._broker.ask(prompt, max_tokens=max_tokens, max_usd=max_usd, deadline=self._deadline)

    def recall(self, key: str) -> str | None:
        """Return the value under a key, as JSON, or None."""
        return self._notes.get(key)

    def remember(self, key: str, value: str | None, grant: MemoryGrant) -> bool:
        """Keep JSON under a key, or remove the key, and return True if it fits."""
        after = {**self._notes, key: value}
        kept = {name: text for name, text in after.items() if text is not None}
        if _held(kept) > max(grant.max_bytes, _held(self._notes)):
            return False
        self._notes = kept
        return True

    def numbers(self, days: int) -> list[dict[str, Any]]:
        """Return the numbers of the agent's casts of the last days, newest first."""
        del days
        return []

    def on_chain(self, question: Question) -> Any:
        """Return the answer of the chain, as plain JSON."""
        if self._chain is None:
            raise HostRefused("A trial reads the chain only with a node.")
        return read_chain(self._chain, question, self._deadline)


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
    """Return the hosts of the manifest and the hosts in the operator's params."""
    if grants.http is None:
        return ()
    named = []
    for name in grants.http.hosts_from:
        value = params.get(name)
        for url in value if isinstance(value, list | tuple) else [value]:
            try:
                named.append(read_address(url).host if isinstance(url, str) else "")
            except HostRefused:
                # The skill learns the reason when it asks for the page.
                continue
    return (*grants.http.hosts, *filter(None, named))


def _printable(text: str) -> str:
    """Return untrusted text without characters that a terminal would interpret."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else "?" for sign in text)


def byte_size(text: str) -> int:
    """Return the size of a text in bytes; half of a surrogate pair counts as its replacement."""
    return len(text.encode("utf-8", "replace"))


def _held(notes: Mapping[str, str]) -> int:
    return sum(byte_size(key) + byte_size(text) for key, text in notes.items())
