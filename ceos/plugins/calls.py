"""Calls of plugins' hooks and strategies; a plugin that fails is named in the log and does not affect the others."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ceos.errors import PluginError
from ceos.logs import event
from ceos.plugins.inspection import Implementation

if TYPE_CHECKING:
    from ceos.domain.posts import Brief  # loaded when a strategy is called

log = logging.getLogger(__name__)

#: Counts a call: the plugin's key, the hook, the microseconds it took, and whether it failed. For several calls
#: together: their microseconds, the number of failures and the number of calls.
OnCall = Callable[..., None]


def violations(
    implementations: Iterable[Implementation], arguments: Mapping[str, Any], on_call: OnCall | None
) -> list[str]:
    """Return the violations that the plugins find, each sentence once; a plugin that fails counts as a violation."""
    found: list[str] = []
    for one in implementations:
        sentences, failure = _call(one, arguments, on_call, sentences_of, "That counts as a violation")
        if failure:
            found.append(
                f"The plugin {one.plugin.name!r} failed while it reviewed the draft: {failure}; "
                "nothing is published without its review. The log has the traceback."
            )
        found += sentences or ()
    return list(dict.fromkeys(found))


def call_strategy(strategy: str, ask: Callable[[], Any]) -> Brief | None:
    """Return the brief of a strategy; raises `PluginError` if it fails or returns anything else."""
    from ceos.domain.posts import Brief  # noqa: PLC0415  # loaded when a strategy is called

    try:
        brief = ask()
    # Foreign code may raise anything; its sys.exit() must not look like the end of the worker.
    except (Exception, SystemExit) as error:
        raise PluginError(f"The strategy {strategy!r} failed: {type(error).__name__} {error}".strip()) from error
    if brief is not None and not isinstance(brief, Brief):
        kind = type(brief).__name__
        raise PluginError(f"The strategy {strategy!r} returned an object of type {kind}, not a ceos.Brief.")
    return brief


def notify(implementations: Iterable[Implementation], arguments: Mapping[str, Any], on_call: OnCall | None) -> None:
    """Report an event to every plugin; exceptions are logged."""
    for one in implementations:
        _call(one, arguments, on_call, lambda answer: answer, "Other plugins were not affected")


class EventDispatcher:
    """Reports many events in a row to every plugin; `save_counts` counts their calls together."""

    def __init__(self, implementations: Iterable[Implementation], on_call: OnCall | None) -> None:
        self._implementations = tuple(implementations)
        self._on_call = on_call
        #: Microseconds, failures and calls by plugin and hook.
        self._totals: dict[tuple[str, str], list[int]] = {}

    def notify(self, **arguments: Any) -> None:
        """Report one event to every plugin."""
        notify(self._implementations, arguments, self._add)

    def save_counts(self) -> None:
        """Count the calls since the last call of this method."""
        totals, self._totals = self._totals, {}
        if self._on_call is not None:
            for (plugin, hook), (micros, failures, calls) in totals.items():
                self._on_call(plugin, hook, micros, failures, calls)

    def _add(self, plugin: str, hook: str, micros: int, failed: bool) -> None:
        total = self._totals.setdefault((plugin, hook), [0, 0, 0])
        total[0] += micros
        total[1] += failed
        total[2] += 1


def _call(
    one: Implementation,
    arguments: Mapping[str, Any],
    on_call: OnCall | None,
    read: Callable[[Any], Any],
    consequence: str,
) -> tuple[Any, str]:
    """Call one implementation and return its answer, converted by `read`, and the reason if it failed."""
    answer, failure = None, ""
    started = time.perf_counter_ns()
    # Foreign code may raise anything, and its sys.exit() must not end the worker.
    try:
        answer = read(one(arguments))
    except (Exception, SystemExit) as error:
        failure = cause(error)
        plugin = one.plugin
        fields = event("plugin.failed", plugin=plugin.name, package=plugin.package, hook=one.hook)
        words = "Plugin %s failed in %s: %s. %s."
        log.error(words, plugin.label, one.hook, failure, consequence, exc_info=error, extra=fields)
    if on_call is not None:
        on_call(one.plugin.key, one.hook, (time.perf_counter_ns() - started) // 1000, bool(failure))
    return answer, failure


def sentences_of(answer: Any) -> list[str]:
    """Return the sentences in the answer of a decision hook; raises `TypeError` for any other answer."""
    if answer is None:
        return []
    sentences = [answer] if isinstance(answer, str) else answer
    if not isinstance(sentences, list | tuple) or not all(isinstance(one, str) for one in sentences):
        raise TypeError(f"it returned {_kind_of(answer)}, not a sentence, a list of sentences or None")
    return [sentence for one in sentences if (sentence := " ".join(one.split()))]


def _kind_of(answer: Any) -> str:
    if isinstance(answer, list | tuple):
        return f"a {type(answer).__name__} of " + ", ".join(sorted({type(one).__name__ for one in answer}))
    return f"an object of type {type(answer).__name__}"


def cause(error: BaseException) -> str:
    """Return type and message of an exception on one line."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # its __str__ is foreign code as well
        text = ""
    return f"{type(error).__name__} {text[:200]}".strip()
