"""Reading `chain.toml`: every mistake in one report, each with its line and the way out.

    chain.toml:9: policy.allow[0].max_amuont: unknown key; did you mean 'max_amount'?
    chain.toml:9: policy.allow[0].amount: transfer moves tokens; name its argument with amount, and the limit …

`checks.py` examines the tables together, once each is valid by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ceos.chain.config.checks import Entries, check
from ceos.chain.config.models import (
    X402,
    Allow,
    ChainConfig,
    ContractEntry,
    CreatorScore,
    Offer,
    PaymentHost,
    TxPolicy,
)
from ceos.config.document import Document
from ceos.domain.chain_event import Subscription
from ceos.errors import InvalidInput
from ceos.evm.types import BASE

#: The forms of keys whose pattern is hard to read.
_FORMS = {
    "name": "1 to 32 lower-case letters, digits, '-' or '_', the first a letter or digit",
    "host": "the name of a host in lower case, without https:// and path, such as 'api.example.org'",
    "agent": "an agent's id",
    "agents": "an agent's id",
    "anchor": "an agent's id",
}


def load_chain(path: Path, agents: Collection[str] | None = None, *, chain_id: int = BASE) -> ChainConfig:
    """Return the configuration in `chain.toml`, or raise `InvalidInput` with all its mistakes.

    A missing file is an empty one: nothing is followed, sold or signed. With the ids of the known `agents`, any other
    id is a mistake as well. `chain_id` decides which contracts need no entry.
    """
    document = Document(str(path), ChainConfig, forms=_FORMS)
    if not document.load_file(path):
        return ChainConfig()
    if not (problems := document.report()):
        entries = _entries(document)
        for location, sentence in check(entries, path.parent, agents, chain_id):
            document.add_problem(location, sentence)
        problems = document.report()
    if problems:
        raise InvalidInput("\n".join(problems))
    return entries.config()


def _entries(document: Document) -> Entries:
    """Return the tables that are valid by themselves, and report what is wrong with the others."""
    contracts = document.data.get("contract")
    names = [table.get("name") for table in contracts if isinstance(table, dict)] if isinstance(contracts, list) else []
    return Entries(
        root=document.table((), ChainConfig),
        contracts=document.entries(("contract",), ContractEntry),
        subscriptions=document.entries(("subscription",), Subscription),
        policy=document.table(("policy",), TxPolicy),
        allows=document.entries(("policy", "allow"), Allow),
        x402=document.table(("x402",), X402),
        hosts=document.entries(("x402", "allow"), PaymentHost),
        offers=document.entries(("x402", "offer"), Offer),
        creator_score=document.table(("creator_score",), CreatorScore) if "creator_score" in document.data else None,
        written=frozenset(document.data),
        named=frozenset(name for name in names if isinstance(name, str)),
    )
