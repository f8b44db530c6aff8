"""Asks and tells plugins while ceos works: each on its own, so that one that fails is named and harms no other."""

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

#: Told of every call: the plugin's key, the hook, the microseconds it took, and whether it failed. Of several calls
#: together: all their microseconds, how many failed, and how many they were.
OnCall = Callable[..., None]


def violations(
    implementations: Iterable[Implementation], arguments: Mapping[str, Any], on_call: OnCall | None
) -> list[str]:
    """Ask every plugin, and return what they object to, each sentence once; a plugin that fails objects thereby."""
    found: list[str] = []
    for one in implementations:
        sentences, failure = _call(one, arguments, on_call, sentences_of, "That counts as an objection")
        if failure:
            found.append(
                f"The plugin {one.plugin.name!r} failed while it reviewed the draft: {failure}; "
                "nothing is published without its review, and the log says where it failed."
            )
        found += sentences or ()
    return list(dict.fromkeys(found))


def call_strategy(strategy: str, ask: Callable[[], Any]) -> Brief | None:
    """Return what a strategy wants written; raises `PluginError` for one that fails or returns something else."""
    from ceos.domain.posts import Brief  # noqa: PLC0415  # loaded when a strategy is called

    try:
        brief = ask()
    # Code we did not write may raise anything; its sys.exit() must not pass for a worker's own end.
    except (Exception, SystemExit) as error:
        raise PluginError(f"The strategy {strategy!r} failed: {type(error).__name__} {error}".strip()) from error
    if brief is not None and not isinstance(brief, Brief):
        kind = type(brief).__name__
        raise PluginError(f"The strategy {strategy!r} returned an object of type {kind}, not a ceos.Brief.")
    return brief


def notify(implementations: Iterable[Implementation], arguments: Mapping[str, Any], on_call: OnCall | None) -> None:
    """Tell every plugin; what one raises is logged."""
    for one in implementations:
        _call(one, arguments, on_call, lambda answer: answer, "Other plugins were not affected")


class EventDispatcher:
    """Tells every plugin of many events in a row; the calls are counted together, when `save_counts` is called."""

    def __init__(self, implementations: Iterable[Implementation], on_call: OnCall | None) -> None:
        self._implementations = tuple(implementations)
        self._on_call = on_call
        #: Microseconds, failures and calls by plugin and hook.
        self._totals: dict[tuple[str, str], list[int]] = {}

    def notify(self, **arguments: Any) -> None:
        """Tell every plugin of one event."""
        notify(self._implementations, arguments, self._add)

    def save_counts(self) -> None:
        """Count the calls since the last time."""
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
    """Call one implementation and return (what `read` makes of its answer, why it failed)."""
    answer, failure = None, ""
    started = time.perf_counter_ns()
    # Code we did not write may raise anything, and its sys.exit() must not end the worker.
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
    """Return the sentences that a decision hook answered with; raises `TypeError` for any other answer."""
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
    except Exception:  # its __str__ is not ours either
        text = ""
    return f"{type(error).__name__} {text[:200]}".strip()
