"""The chain, wired: each part is built when it is first used, for most errands need few of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ceos.chain.config.contracts import Contracts
from ceos.chain.config.loader import load_chain
from ceos.chain.config.models import ChainConfig
from ceos.chain.due_queue import Agenda
from ceos.chain.erc8004.anchoring import ANCHOR, ScoreAnchors
from ceos.chain.erc8004.identity import REGISTER, Identity
from ceos.chain.erc8004.registries import Registries
from ceos.chain.erc8004.store import IdentityStore
from ceos.chain.events.follower import SUBSCRIPTION, Follower, FollowerDeps
from ceos.chain.events.posts import EventPosts
from ceos.chain.events.store import EventStore
from ceos.chain.tx.sender import Sender
from ceos.chain.tx.signer import SenderTools
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
from ceos.evm.client import BaseChain
from ceos.logs import event
from ceos.metrics.scorer import Scoring
from ceos.plugins.manager import Plugins
from ceos.settings import Settings
from ceos.skills.session import SkillDeps
from ceos.storage.agents import AgentStore
from ceos.storage.connection import Database
from ceos.storage.ops import OpsStore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Surroundings:
    """What the chain has to do with of the rest."""

    settings: Settings
    database: Database
    agents: AgentStore
    ops: OpsStore
    plugins: Plugins
    skills: SkillDeps
    posts: EventPosts
    scoring: Scoring
    clock: Clock
    sleep: Callable[[float], None]
    stopping: threading.Event


class Chain:
    """Everything about Base in this process."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self.settings = around.settings
        self.agenda = Agenda(around.database)

    # What the operator says

    @property
    def is_used(self) -> bool:
        """Say whether there is, or should be, a `chain.toml` on this host."""
        return self.settings.has_chain_file()

    @cached_property
    def config(self) -> ChainConfig:
        """What the operator says in `chain.toml`; raises `InvalidInput` with all that is wrong there."""
        path = self.settings.chain_file_path()
        if self.is_used and not path.exists():
            raise InvalidInput(f"{path}: there is no such file; correct CEOS_CHAIN_FILE, or leave it out.")
        return load_chain(path, chain_id=self.settings.base_chain_id)

    @cached_property
    def contracts(self) -> Contracts:
        """The contracts by name."""
        return Contracts(self.config, self.settings.base_chain_id, self.settings.chain_file_path().parent)

    # The parts

    @cached_property
    def client(self) -> BaseChain:
        """The way to the nodes."""
        return BaseChain(self.settings.rpc_urls(), self.settings.base_chain_id, sleep=self._around.sleep)

    @cached_property
    def wallets(self) -> Wallets:
        """The accounts."""
        return Wallets.from_settings(self.settings)

    @cached_property
    def sender(self) -> Sender:
        """Who sends transactions."""
        return Sender(
            SenderTools(
                client=self.client,
                transactions=TxStore(self._around.database),
                wallets=self.wallets,
                contracts=self.contracts,
                config=self.config,
                agenda=self.agenda,
                clock=self._around.clock,
                sleep=self._around.sleep,
                panic=self._around.ops.panic_reason,
                review_hours=self.settings.review_hours,
            )
        )

    @cached_property
    def follower(self) -> Follower:
        """Who follows events."""
        return Follower(
            FollowerDeps(
                client=lambda: self.client,
                chain_id=self.settings.base_chain_id,
                contracts=self.contracts,
                subscriptions=self.config.subscription,
                events=EventStore(self._around.database, lease_seconds=self.settings.lease_seconds),
                posts=self._around.posts,
                plugins=self._around.plugins,
                agenda=self.agenda,
                stopping=self._around.stopping,
            )
        )

    @cached_property
    def identity(self) -> Identity:
        """Who agents are on chain."""
        return Identity(
            Registries(self.client, self.sender, self.contracts),
            self._around.agents,
            IdentityStore(self._around.database),
            self.wallets,
            config=self.config,
            public_url=self.settings.public_url,
        )

    @cached_property
    def anchors(self) -> ScoreAnchors:
        """The weekly scores on chain."""
        return ScoreAnchors(
            self.identity,
            IdentityStore(self._around.database),
            self._around.scoring,
            agents=self._around.agents,
            config=self.config,
            clock=self._around.clock,
        )

    @cached_property
    def buyer(self) -> Buyer:
        """What agents buy."""
        return Buyer(
            UsdcToken(self.client, self.contracts),
            self.wallets,
            PaymentStore(self._around.database),
            self.config.x402,
            agenda=self.agenda,
            clock=self._around.clock,
            sleep=self._around.sleep,
            panic=self._around.ops.panic_reason,
        )

    @cached_property
    def seller(self) -> Seller:
        """What agents sell."""
        return Seller(
            self.config.x402.offer,
            SkillOffers(self._around.skills),
            UsdcToken(self.client, self.contracts),
            PaymentStore(self._around.database),
            Facilitator(self.settings.x402_facilitator_url, sleep=self._around.sleep),
            account=self.wallets.address,
            clock=self._around.clock,
            public_url=self.settings.public_url,
        )

    # The agenda

    def start(self) -> None:
        """Put on the agenda what the operator wants seen to; a host without `chain.toml` leaves that to others.

        Raises `StoreUnavailable`; whatever else is wrong is logged, and agents go on posting.
        """
        self._see_to(self._register)

    def remind(self) -> None:
        """Put on the agenda again what another host, with another `chain.toml`, may have taken off; as `start`."""
        self._see_to(self._remind)

    def _register(self) -> None:
        self.follower.register()
        self.anchors.schedule()

    def _remind(self) -> None:
        self.follower.remind()
        if self.config.anchor:
            self.anchors.schedule()

    def _see_to(self, work: Callable[[], object]) -> None:
        if not self.is_used:
            return
        try:
            work()
        except StoreUnavailable:
            raise
        except CeosError as error:
            log.error("The chain is not seen to", extra=event("chain.unusable", error=str(error)))

    def work(self, name: str) -> None:
        """Go on with something on the agenda; where the operator has said nothing, another host does."""
        if not self.is_used:
            return
        try:
            self._go_on(name)
        except CeosError as error:
            log.warning("Something on chain waits", extra=event("chain.waiting", what=name, error=str(error)))

    def _go_on(self, name: str) -> None:
        if name.startswith(TX):
            self.sender.advance(name)
        elif name.startswith(SUBSCRIPTION):
            self.follower.poll(name)
        elif name.startswith(REGISTER):
            self.identity.work(name)
        elif name.startswith(ANCHOR):
            self.anchors.work()
        elif name.startswith(PAY):
            self.buyer.work(name)
