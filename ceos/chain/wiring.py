"""Wires the chain features; each part is built when it is first used, because most tasks need few of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ceos.chain.config.contracts import Contracts
from ceos.chain.config.loader import load_chain
from ceos.chain.config.models import ChainConfig
from ceos.chain.due_queue import DueQueue
from ceos.chain.erc8004.anchoring import ANCHOR, ScoreAnchors
from ceos.chain.erc8004.identity import REGISTER, Identity
from ceos.chain.erc8004.registries import Registries
from ceos.chain.erc8004.store import IdentityStore
from ceos.chain.events.follower import SUBSCRIPTION, Follower, FollowerDeps
from ceos.chain.events.posts import EventPosts
from ceos.chain.events.store import EventStore
from ceos.chain.tx.sender import TxSender
from ceos.chain.tx.signer import TxSigner
from ceos.chain.tx.store import TX, TxStore
from ceos.chain.tx.wallets import Wallets
from ceos.chain.x402.buyer import Buyer
from ceos.chain.x402.facilitator import Facilitator
from ceos.chain.x402.seller import Seller
from ceos.chain.x402.skill_offers import SkillOffers
from ceos.chain.x402.store import PAY, PaymentStore
from ceos.chain.x402.usdc import UsdcToken
from ceos.clock import Clock
from ceos.errors import CeosError, InvalidInput, StoreUnavailable
from ceos.evm.client import EvmClient
from ceos.logs import event
from ceos.metrics.scorer import Scorer
from ceos.plugins.manager import Plugins
from ceos.settings import Settings
from ceos.skills.session import SkillDeps
from ceos.storage.agents import AgentStore
from ceos.storage.connection import Database
from ceos.storage.ops import OpsStore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChainDeps:
    """The services that the chain features share with the rest of ceos."""

    settings: Settings
    database: Database
    agents: AgentStore
    ops: OpsStore
    plugins: Plugins
    skills: SkillDeps
    posts: EventPosts
    scoring: Scorer
    clock: Clock
    sleep: Callable[[float], None]
    stopping: threading.Event


class Chain:
    """The chain features of this process."""

    def __init__(self, deps: ChainDeps) -> None:
        self._deps = deps
        self.settings = deps.settings
        self.due_queue = DueQueue(deps.database)

    # Configuration

    @property
    def is_used(self) -> bool:
        """Say whether this host has, or should have, a `chain.toml`."""
        return self.settings.has_chain_file()

    @cached_property
    def config(self) -> ChainConfig:
        """The content of `chain.toml`; raises `InvalidInput` with all problems in it."""
        path = self.settings.chain_file_path()
        if self.is_used and not path.exists():
            raise InvalidInput(f"{path}: there is no such file; correct CEOS_CHAIN_FILE, or leave it out.")
        return load_chain(path, chain_id=self.settings.base_chain_id)

    @cached_property
    def contracts(self) -> Contracts:
        """The contracts by name."""
        return Contracts(self.config, self.settings.base_chain_id, self.settings.chain_file_path().parent)

    # Parts

    @cached_property
    def client(self) -> EvmClient:
        """The client of the nodes."""
        return EvmClient(self.settings.rpc_urls(), self.settings.base_chain_id, sleep=self._deps.sleep)

    @cached_property
    def wallets(self) -> Wallets:
        """The accounts that sign."""
        return Wallets.from_settings(self.settings)

    @cached_property
    def sender(self) -> TxSender:
        """The sender of transactions."""
        transactions = TxStore(self._deps.database)
        signer = TxSigner(
            self.client,
            transactions,
            self.wallets,
            self.contracts,
            policy=self.config.policy,
            clock=self._deps.clock,
            halt_reason=self._deps.ops.panic_reason,
        )
        return TxSender(
            signer,
            self.client,
            transactions,
            self.due_queue,
            config=self.config,
            clock=self._deps.clock,
            sleep=self._deps.sleep,
            review_hours=self.settings.review_hours,
        )

    @cached_property
    def follower(self) -> Follower:
        """The follower of events."""
        return Follower(
            FollowerDeps(
                client=lambda: self.client,
                chain_id=self.settings.base_chain_id,
                contracts=self.contracts,
                subscriptions=self.config.subscription,
                events=EventStore(self._deps.database, lease_seconds=self.settings.lease_seconds),
                posts=self._deps.posts,
                plugins=self._deps.plugins,
                due_queue=self.due_queue,
                stopping=self._deps.stopping,
            )
        )

    @cached_property
    def identity(self) -> Identity:
        """The registrations of agents on chain."""
        return Identity(
            Registries(self.client, self.sender, self.contracts),
            self._deps.agents,
            IdentityStore(self._deps.database),
            self.wallets,
            config=self.config,
            public_url=self.settings.public_url,
        )

    @cached_property
    def anchors(self) -> ScoreAnchors:
        """The anchoring of weekly scores on chain."""
        return ScoreAnchors(
            self.identity,
            IdentityStore(self._deps.database),
            self._deps.scoring.weeks,
            agents=self._deps.agents,
            config=self.config,
            clock=self._deps.clock,
        )

    @cached_property
    def buyer(self) -> Buyer:
        """Purchases of agents."""
        return Buyer(
            token=UsdcToken(self.client, self.contracts),
            wallets=self.wallets,
            payments=PaymentStore(self._deps.database),
            config=self.config.x402,
            due_queue=self.due_queue,
            clock=self._deps.clock,
            sleep=self._deps.sleep,
            panic=self._deps.ops.panic_reason,
        )

    @cached_property
    def seller(self) -> Seller:
        """Skills that agents sell."""
        return Seller(
            self.config.x402.offer,
            SkillOffers(self._deps.skills),
            UsdcToken(self.client, self.contracts),
            PaymentStore(self._deps.database),
            Facilitator(self.settings.x402_facilitator_url, sleep=self._deps.sleep),
            account=self.wallets.address,
            clock=self._deps.clock,
            public_url=self.settings.public_url,
        )

    # Due tasks

    def start(self) -> None:
        """Queue the recurring tasks of `chain.toml`; a host without that file leaves them to others.

        Raises `StoreUnavailable`; any other error is logged, because agents post without the chain.
        """
        self._schedule(remove_others=True)

    def remind(self) -> None:
        """Queue tasks again that a host with another `chain.toml` may have removed; errors as for `start`."""
        self._schedule(remove_others=False)

    def _schedule(self, *, remove_others: bool) -> None:
        if not self.is_used:
            return
        try:
            if remove_others:
                self.follower.register()
            else:
                self.follower.remind()
            if remove_others or self.config.anchor:
                self.anchors.schedule()
        except StoreUnavailable:
            raise
        except CeosError as error:
            log.error("The chain cannot be used", extra=event("chain.unusable", error=str(error)))

    def handle(self, task_id: str) -> None:
        """Handle a due task; a host without `chain.toml` leaves it to others."""
        if not self.is_used:
            return
        try:
            for prefix, handler in _HANDLERS.items():
                if task_id.startswith(prefix):
                    handler(self, task_id)
        except CeosError as error:
            log.warning("A task on chain waits", extra=event("chain.waiting", what=task_id, error=str(error)))


#: The handler of each task, by the prefix of its id.
_HANDLERS: Mapping[str, Callable[[Chain, str], object]] = {
    TX: lambda chain, task_id: chain.sender.process(task_id),
    SUBSCRIPTION: lambda chain, task_id: chain.follower.poll(task_id),
    REGISTER: lambda chain, task_id: chain.identity.handle(task_id),
    ANCHOR: lambda chain, _: chain.anchors.handle(),
    PAY: lambda chain, task_id: chain.buyer.handle(task_id),
}
