"""The faults of the three services, their probabilities, and the other options.

A configuration is one object per service plus `latency_seconds` for all of them. Faults are probabilities from 0 to 1;
those of OpenRouter may be limited to models. `script` names the faults of the next operations, one each, before
chance is asked again; "ok" lets one pass.

    {"neynar": {"cut_after": 0.1, "idem": "ignore", "script": ["error_500_before", "ok"]},
     "openrouter": {"error_503": {"p": 1, "models": ["anthropic/claude-sonnet-4"]}},
     "latency_seconds": 0.2}

`openrouter.retired_models` are ids that the catalogue no longer lists and that are refused.
`openrouter.verdicts` has the answers of the judge about the next texts, one each: a list of categories, or a string
that is answered as it stands. Without it, simple rules judge.

Options of the simulated audience: `neynar.audience` is its size; `audience_hostiles`, `_spammers` and `_bots` are the
shares of these roles, `audience_delay_seconds` is the mean time until a user sees a cast, `audience_zeal` is a factor
of the probabilities of fans, and `audience_deletes` is the share of casts that users delete again. `neynar.webhook`
({"url", "secret", "fids"}) receives every cast that concerns these accounts, or any account with a signer.
"""

from __future__ import annotations

import random
from collections import deque
from copy import deepcopy
from typing import Any

from ceos.simulator.chance import dice

#: Faults of publishing a cast. "before" is before the cast is committed, "after" is after.
PUBLISH_FAULTS = (
    "rate_limited",
    "error_500_before",
    "cut_before",
    "late_commit",
    "error_500_after",
    "cut_after",
    "stall_after",
    "garbage_200",
    "no_hash_200",
)
READ_FAULTS = ("read_rate_limited", "read_error_500", "read_cut", "read_garbage_200", "read_holes_200")
#: Faults of webhooks; a forged delivery is sent beside the true one and has a wrong signature.
WEBHOOK_FAULTS = ("webhook_drop", "webhook_duplicate", "webhook_late", "webhook_forge")

#: Faults of fal's webhooks.
FAL_WEBHOOK_FAULTS = ("webhook_drop", "webhook_duplicate", "webhook_forge")

#: Faults that end a completion before any text; OpenRouter then tries the next model of the list.
ROUTE_FAULTS = (
    "rate_limited",
    "error_403_moderation",
    "error_403_provider",
    "error_503",
    "error_529",
    "availability_error",
)
ACCOUNT_FAULTS = ("error_402", "error_403_key", "error_500", "cut_before", "stall", "garbage_200")
#: Faults inside an answer with status 200.
ANSWER_FAULTS = (
    "choice_error",
    "top_level_error_200",
    "null_content",
    "no_choices",
    "blank_text",
    "reasoning_only",
    "finish_length",
    "content_filter",
    "fenced_json",
    "cut_json",
    "refusal",
    "refusal_field",
    "preamble",
    "obeys",
    "obeys_all",
    "leftovers",
    "no_cost",
    "other_model",
    "stream_comments",
    "split_utf8",
    "mid_stream_error",
    "mid_stream_error_string",
    "cut_stream",
)
FAL_FAULTS = (
    "rate_limited",
    "error_401",
    "error_422_list",
    "error_422_text",
    "error_infra_503",
    "error_500_text",
    "cut_before",
    "cut_after",
    "nsfw_black",
    "completed_with_error",
    "expired_file",
    "empty_file",
    "page_file",
    "result_on_other_host",
)

FAULTS: dict[str, tuple[str, ...]] = {
    "neynar": PUBLISH_FAULTS + READ_FAULTS + WEBHOOK_FAULTS,
    "openrouter": ROUTE_FAULTS + ACCOUNT_FAULTS + ANSWER_FAULTS,
    "fal": FAL_FAULTS + FAL_WEBHOOK_FAULTS,
}

#: The default of every option; its type is the type a new value must have.
OPTIONS: dict[str, dict[str, Any]] = {
    "neynar": {
        "keys": [],
        "wrong_key_status": 401,
        "signers": "any",
        "unknown_signer_status": 404,
        "unapproved_signer_status": 403,
        "embeds_max": 4,
        "pro_fids": [],
        "idem": "honour",
        "retry_after": 1,
        "stall_seconds": 35.0,
        "late_commit_seconds": 40.0,
        "late_commit_cut_seconds": None,
        "lookup_lag_seconds": 0.0,
        "missing_cast_status": 404,
        "missing_fids": [],
        "bulk_order": "asked",
        "mention_in_reply": "reply",
        "crowd": 0.0,
        "neighbours": 0,
        "neighbour_replies": 0.0,
        "audience": 0,
        "audience_hostiles": 0.08,
        "audience_spammers": 0.08,
        "audience_bots": 0.04,
        "audience_delay_seconds": 900.0,
        "audience_zeal": 1.0,
        "audience_deletes": 0.05,
        "webhook": {},
        "webhook_late_seconds": 0.3,
        "webhook_retries": 2,
    },
    "openrouter": {
        "keys": [],
        "unknown_models": "accept",
        "retired_models": [],
        "prompt_cache": "on",
        "unsupported_format": "ignore",
        "tool_calls": "use",
        "retry_after": 1,
        "credits": None,
        "stream_pause_seconds": 0.0,
        "stall_seconds": 100.0,
        "verdicts": [],
    },
    "fal": {
        "keys": [],
        "retry_after": 1,
        "polls_until_done": 2,
        "extra_keys": "ignore",
        "other_host": "",
        "webhook_seconds": 0.0,
    },
}
for _options in OPTIONS.values():
    _options["latency_seconds"] = None
    _options["script"] = []

_CHOICES = {
    "idem": ("honour", "ignore", "conflict"),
    "signers": ("any", "strict"),
    "bulk_order": ("asked", "shuffled"),
    "mention_in_reply": ("reply", "mention", "both"),
    "unknown_models": ("accept", "refuse"),
    "prompt_cache": ("on", "off"),
    "unsupported_format": ("ignore", "refuse"),
    "tool_calls": ("use", "ignore"),
    "extra_keys": ("ignore", "refuse"),
}


class Faults:
    """The current configuration, and the random decisions by it."""

    def __init__(self, seed: int, config: dict[str, Any] | None = None) -> None:
        self.seed = seed
        self.latency_seconds = 0.0
        self.options = deepcopy(OPTIONS)
        self.chances: dict[str, dict[str, tuple[float, frozenset[str]]]] = {name: {} for name in FAULTS}
        self._scripts: dict[str, deque[str]] = {name: deque() for name in FAULTS}
        self._dice: dict[str, random.Random] = {name: dice(seed, "faults", name) for name in FAULTS}
        self.merge(config or {})

    def merge(self, config: dict[str, Any]) -> None:
        """Apply the options in `config`; ValueError, and no change, if one of them is unknown."""
        for name, value in config.items():
            if name == "latency_seconds":
                _check_number(name, value)
            elif name not in FAULTS:
                raise ValueError(f"No service named {name!r}. Known: {', '.join(FAULTS)}, and latency_seconds.")
            elif not isinstance(value, dict):
                raise ValueError(f"{name} takes an object of faults and options, not {value!r}.")
            else:
                for key, setting in value.items():
                    _check(name, key, setting)
        self._apply(config)

    def _apply(self, config: dict[str, Any]) -> None:
        self.latency_seconds = config.get("latency_seconds", self.latency_seconds)
        for service, faults in FAULTS.items():
            for key, value in config.get(service, {}).items():
                if key == "script":
                    self._scripts[service] = deque(value)
                elif key in faults:
                    self.chances[service][key] = _chance(value)
                else:
                    self.options[service][key] = value

    def view(self) -> dict[str, Any]:
        """Return the configuration in the form that `merge` takes."""
        view: dict[str, Any] = {"latency_seconds": self.latency_seconds}
        for service, faults in self.chances.items():
            chances = {
                name: {"p": p, "models": sorted(models)} if models else p for name, (p, models) in faults.items()
            }
            view[service] = self.options[service] | chances | {"script": list(self._scripts[service])}
        return view

    def latency(self, service: str) -> float:
        """Seconds to wait before a service answers."""
        options = self.options.get(service)
        own = options["latency_seconds"] if options else 0.0
        return float(self.latency_seconds if own is None else own)

    def draw(self, service: str, family: tuple[str, ...], model: str = "", *, scripted: bool = True) -> str | None:
        """Return the fault of one operation, or None."""
        script = self._scripts[service]
        if scripted and script and (script[0] in family or script[0] == "ok"):
            name = script.popleft()
            return None if name == "ok" else name
        chances = self.chances[service]
        if not chances:
            return None
        for name in family:
            p, models = chances.get(name, (0.0, frozenset()))
            if p and (not models or model in models) and self._dice[service].random() < p:
                return name
        return None


def _chance(value: Any) -> tuple[float, frozenset[str]]:
    if isinstance(value, dict):
        return float(value["p"]), frozenset(value.get("models", ()))
    return float(value), frozenset()


def _check(service: str, name: str, value: Any) -> None:
    if name in FAULTS[service]:
        _check_chance(service, name, value)
    elif name not in OPTIONS[service]:
        known = ", ".join((*FAULTS[service], *OPTIONS[service]))
        raise ValueError(f"{service} has no fault or option named {name!r}. Known: {known}.")
    elif name == "script":
        _check_script(service, value)
    elif name in _CHOICES:
        if value not in _CHOICES[name]:
            raise ValueError(f"{name} is one of {', '.join(_CHOICES[name])}, not {value!r}.")
    elif name == "webhook":
        _check_webhook(value)
    elif isinstance(default := OPTIONS[service][name], list | str):
        if not isinstance(value, type(default)):
            raise ValueError(f"{name} is a {'list' if isinstance(default, list) else 'text'}, not {value!r}.")
    elif not (default is None and value is None) and not (name == "retry_after" and value is None):
        _check_number(name, value)


def _check_webhook(value: Any) -> None:
    known = {"url": str, "secret": str, "fids": list}
    if not isinstance(value, dict) or not all(isinstance(value[key], known.get(key, ())) for key in value):
        raise ValueError(f"webhook takes url (a text), secret (a text) and fids (a list), not {value!r}.")
    if value and not str(value.get("url")).startswith(("http://", "https://")):
        raise ValueError(f"webhook.url is an http(s) address, not {value.get('url')!r}.")


def _check_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError(f"{name} is a number from 0 up, not {value!r}.")


def _check_chance(service: str, name: str, value: Any) -> None:
    p = value
    if isinstance(value, dict):
        if service != "openrouter" or not value.keys() <= {"p", "models"}:
            raise ValueError(f"{name} is a probability; only faults of openrouter may be limited to models.")
        p = value.get("p")
    if isinstance(p, bool) or not isinstance(p, int | float) or not 0 <= p <= 1:
        raise ValueError(f"{name} is a probability from 0 to 1, not {value!r}.")


def _check_script(service: str, value: Any) -> None:
    if not isinstance(value, list) or not all(name == "ok" or name in FAULTS[service] for name in value):
        raise ValueError(f"script is a list of faults of {service} or 'ok', not {value!r}.")
