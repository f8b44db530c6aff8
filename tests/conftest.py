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
    http_double          an HTTP server that records requests and answers from a script
    imports              the product's imports and functions in figures
    injections           the hostile mentions in `injections/`, and the answers of a model that obeys them
    installed_packages   packages laid out as pip installs them
    metric_samples       invented posts and follower counts in a store
    raw_server           an HTTP server that sends bytes from a script, broken answers and TLS included
    rpc_proxy            a JSON-RPC server before a real node that lies, refuses or loses answers
    skill_setup          skills at work: their files, an agent that uses them, and an OpenRouter with prepared answers
    terminal             `ceos` commands, in this process or another, with their output and exit code
    web_app              the web app on a port, and webhooks as Neynar sends them
    x402_market          a token on a chain, a buyer, sellers and a facilitator
"""

pytest_plugins = ["ceos.testing", "helpers.evm"]
