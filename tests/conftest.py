"""Settings of the suite, and the table of its helpers.

The tests of a module lie in the folder of its package: `ceos/runs/ledger.py` has `tests/runs/test_ledger.py`. The
fixtures that plugin authors use as well are in `ceos.testing`; what only our own tests need is in `helpers/`:

    benign_mentions      ordinary mentions with ordinary answers, none of which a guardrail may stop
    benign_skills        the skills in `benign/`, their inputs and their results, and a host with prepared answers
    chain_config         a `chain.toml`, and calls of contracts that it allows or forbids
    conversations        accounts that cast in the simulator, and a model with prepared answers
    erc8004_setup        a chain with both registries, and a runtime whose agents may register
    escape_skills        the hostile skills in `escapes/`
    evm                  anvil with the contracts in `contracts/`; the fixture `evm`
    functions            the product's functions in figures
    http_double          an HTTP server that records requests and answers from a script
    imports              the product's imports as a graph, in figures
    injections           the hostile mentions in `injections/`, and the answers of a model that obeys them
    installed_packages   packages laid out as pip installs them
    metric_samples       invented posts and follower counts in a store
    openrouter           one question to the simulated OpenRouter
    raw_server           an HTTP server that sends bytes from a script, broken answers and TLS included
    rpc_proxy            a JSON-RPC server before a real node that lies, refuses or loses answers
    skill_setup          skills at work: their files, an agent that uses them, and an OpenRouter with prepared answers
    terminal             `ceos` commands, in this process or another, with their output and exit code
    web_app              the web app on a port, and webhooks as Neynar sends them
    x402_market          a token on a chain, a buyer, sellers and a facilitator

A bare `pytest` leaves out the tests marked `corpus` and `slow`; `pytest -m ""` runs them too, and `scripts/test` runs
everything there is.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

pytest_plugins = ["ceos.testing", "helpers.evm"]

#: Variables of machines that must run every test: there, a skipped test is a failure.
COMPLETE = ("CI", "CEOS_REQUIRE_ANVIL")


#: How many tests were left out, here or in the processes that run the tests.
DESELECTED = pytest.StashKey[int]()


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count the tests that are left out."""
    if items:
        config = items[0].config
        config.stash[DESELECTED] = config.stash.get(DESELECTED, 0) + len(items)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over the count of a process that has run tests; each collects all of them."""
    node.config.stash[DESELECTED] = getattr(node, "workeroutput", {}).get("deselected", 0)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a session that skipped tests where all of them have to run."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["deselected"] = session.config.stash.get(DESELECTED, 0)
    if exitstatus == pytest.ExitCode.OK and _skipped(session.config) and any(map(os.environ.get, COMPLETE)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say in the last line which tests did not run and how to run them."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None:
        return
    if reasons := _skipped(config):
        terminal.write_line(f"Skipped: {'; '.join(reasons)}.", yellow=True)
    count = config.stash.get(DESELECTED, 0)
    # What the caller has deselected needs no announcement.
    if count and not {"-k", "-m"} & {str(word)[:2] for word in config.invocation_params.args}:
        line = f'{count} tests marked corpus or slow did not run: pytest -m "" or scripts/test runs them.'
        terminal.write_line(line, yellow=True)


def _skipped(config: pytest.Config) -> list[str]:
    """Return the reasons of the skipped tests, each with their number."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    reasons: dict[str, int] = {}
    for report in terminal.stats.get("skipped", ()) if terminal else ():
        reason = report.longrepr[2].removeprefix("Skipped: ").rstrip(".")
        reasons[reason] = reasons.get(reason, 0) + 1
    return [f"{count} ({reason})" for reason, count in reasons.items()]
