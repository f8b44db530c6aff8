"""The host of examples and tests: its answers are written beforehand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ceos.clients.http.safe_fetch import FetchedPage
from ceos.clients.http.ssrf import check_host, read_address
from ceos.clients.openrouter.client import Completion
from ceos.errors import HostRefused
from ceos.skills.chain_reads import Question
from ceos.skills.grants import Grants
from ceos.skills.host import MAX_RECORDED_CHARS, ReadDocument, SkillHost

#: The grants of a stub host that is given none.
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


class StubHost(SkillHost):
    """A host that gives the answers of an example, without network, server and clock.

        StubHost({"http": {"https://example.org/": "gm"}, "memory": {"seen": 3}}, skill.grants)

    Without `grants`, everything is granted.
    """

    def __init__(
        self,
        answers: Mapping[str, Any],
        grants: Grants | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        read: ReadDocument | None = None,
    ) -> None:
        super().__init__(_EVERYTHING if grants is None else grants, params, read=read)
        self._is_open = grants is None
        self._answers = answers
        texts = answers.get("llm", [])
        self._texts = iter(texts if isinstance(texts, list | tuple) else [texts])
        memory = _table(answers, "memory")
        self._notes = {key: json.dumps(value) for key, value in memory.items() if value is not None}

    def page(self, url: str, max_bytes: int, deadline: float, *, only_text: bool = True) -> FetchedPage:
        """Return the example's answer for an address: a text, or in a test the bytes of one."""
        del deadline, only_text
        if not self._is_open:
            check_host(read_address(url).host, self._hosts)
        found = _table(self._answers, "http").get(url)
        canned = found if isinstance(found, Mapping) else {"text": found}
        text, status = canned.get("text"), canned.get("status", 200)
        if not isinstance(text, str | bytes) or not isinstance(status, int):
            raise HostRefused(f"The example has no answer for {url!r}: neither a string nor a table with a text.")
        body = text.encode("utf-8", "replace") if isinstance(text, str) else text
        if len(body) > max_bytes:
            raise HostRefused(f"The example's answer for {url!r} is larger than {max_bytes:,} bytes.")
        usual = "text/plain; charset=utf-8" if isinstance(text, str) else ""
        content_type = str(canned.get("content_type", usual))
        return FetchedPage(status, url, content_type, body, "utf-8" if isinstance(text, str) else "")

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
        """Return the example's answer to a question that is written like `token_balance 0x… 0x…`."""
        answers = _table(self._answers, "chain")
        if question.text not in answers:
            raise HostRefused(f"The example has no answer for {question.text[:MAX_RECORDED_CHARS]!r}.")
        return answers[question.text]


def _table(answers: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = answers.get(name)
    return table if isinstance(table, Mapping) else {}
