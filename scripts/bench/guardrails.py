"""Precision and speed of the rules of all texts, over the two corpora of the tests."""

from __future__ import annotations

import importlib
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

from bench.system import figure
from ceos.domain.posts import Brief
from ceos.guardrails.quality import quality_violations
from ceos.guardrails.rules import TextContext, rule_violations
from ceos.posts.prompt import confidential
from ceos.testing import make_agent

TESTS = Path(__file__).parents[2] / "tests"


def bench_guardrails() -> None:
    """Print the harmless texts that are refused, the breaking ones that pass, both by rule, and the time per text."""
    sys.path.append(str(TESTS))
    corpora = importlib.import_module("helpers.corpora")
    agent = make_agent()
    prompt = confidential(agent, Brief.text("clocks"))
    times: list[float] = []

    def violated(text: str, other: str = "") -> list[str]:
        context = TextContext(agent, untrusted=(other,) if other else (), prompt=prompt)
        begun = time.perf_counter()
        found = [violation.rule for violation in rule_violations([text], context)]
        times.append((time.perf_counter() - begun) * 1000)
        return found

    violated("warm up")
    good, bad = corpora.harmless(), corpora.breaking()
    refused = [rules for sample in good if (rules := violated(sample.text))]
    missed = Counter(
        sample.label
        for sample in bad
        if not violated(sample.text, sample.other)
        and not quality_violations([sample.text], finish_reason="stop", recent=(), banned=(), limit=1024)
    )
    figure(f"harmless texts refused, of {len(good)}", 100 * len(refused) / len(good), "%", "at most 1")
    for rule, count in Counter(rule for rules in refused for rule in set(rules)).items():
        figure(f"  by the rule {rule}", count, "texts")
    figure(f"texts that break a rule missed, of {len(bad)}", 100 * missed.total() / len(bad), "%", "at most 1")
    for label, count in Counter(sample.label for sample in bad).items():
        figure(f"  of {count} that break {label}", missed[label], "missed")
    figure("rules, median time per text", statistics.median(times), "ms", "under 3")
    figure("rules, 95th percentile", statistics.quantiles(times, n=20)[-1], "ms")
