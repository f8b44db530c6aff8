"""The middle layer of the runtime: plugins, skills, and the clients of other services."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ceos.errors import StoreUnavailable
from ceos.runtime.foundation import Foundation
from ceos.settings import secret

if TYPE_CHECKING:
    from ceos.clients.fal.client import Fal
    from ceos.clients.neynar.client import Neynar
    from ceos.clients.openrouter.client import OpenRouter
    from ceos.clients.openrouter.prices import Catalogue
    from ceos.domain.agent import Agent
    from ceos.plugins.manager import Plugins
    from ceos.posts.history import PostHistory
    from ceos.posts.judge import Judge
    from ceos.posts.publisher import Publisher
    from ceos.posts.relevance import RelevanceScorer
    from ceos.runs.paid_model import PaidModel
    from ceos.sandbox.executor import Sandbox
    from ceos.skills.lockfile import SkillLock

#: Processes of the sandbox that wait for skills, in each process of ceos; further calls at once wait for a fork.
SPARES = 2


class Services(Foundation):
    """The parts that features share."""

    @cached_property
    def plugins(self) -> Plugins:
        """The plugins, with everything they registered."""
        from ceos.plugins.manager import load_plugins

        plugins = load_plugins(self.settings.skill_path, self.settings.plugins)
        plugins.on_call = self._count_hook
        return plugins

    def _count_hook(self, plugin: str, hook: str, micros: int, failures: int, calls: int = 1) -> None:
        # A post does not fail because a call could not be counted.
        with suppress(StoreUnavailable):
            self.ops.count_hook(plugin, hook, micros, failures, calls)

    @cached_property
    def sandbox(self) -> Sandbox:
        """The sandbox that runs skills; its processes are started when they are first needed."""
        from ceos.sandbox.executor import Sandbox

        mode = self.settings.sandbox
        return Sandbox(mode=None if mode == "auto" else mode, spares=SPARES)

    @cached_property
    def skill_lock(self) -> SkillLock:
        """The lock file: the skills that the operator has allowed, with their grants."""
        from ceos.skills.lockfile import LOCK_FILE, SkillLock

        return SkillLock(self.settings.home_folder() / LOCK_FILE)

    @cached_property
    def openrouter(self) -> OpenRouter:
        """The client of OpenRouter, which writes."""
        from ceos.clients.openrouter.client import OpenRouter

        return OpenRouter(
            secret(self.settings.openrouter_api_key),
            self.settings.openrouter_base_url,
            sleep=self.sleep,
            catalogue=self.model_catalogue,
        )

    @cached_property
    def model_catalogue(self) -> Catalogue:
        """OpenRouter's models and prices, which all processes share."""
        from ceos.clients.openrouter.prices import Catalogue
        from ceos.storage.catalogue import CatalogueStore

        def fetch() -> Any:
            # The client is loaded only when the catalogue has to be read.
            return self.openrouter.fetch_models()

        return Catalogue(fetch, shared=CatalogueStore(lambda: self.database))

    @cached_property
    def paid_model(self) -> PaidModel:
        """The language models, asked at the expense of agents."""
        from ceos.runs.budget import Budget
        from ceos.runs.paid_model import PaidModel

        return PaidModel(self.openrouter, Budget(self.database), self.clock, catalogue=self.model_catalogue)

    @cached_property
    def judge(self) -> Judge:
        """The judge of finished texts."""
        from ceos.posts.judge import Judge

        return Judge(self.paid_model, self.ledger)

    @cached_property
    def relevance(self) -> RelevanceScorer:
        """The scorer of trends and mentions."""
        from ceos.posts.relevance import RelevanceScorer

        return RelevanceScorer(self.paid_model)

    @cached_property
    def fal(self) -> Fal:
        """The client of fal.ai, which makes images and videos."""
        from ceos.clients.fal.client import Fal

        return Fal(
            secret(self.settings.fal_key),
            self.settings.fal_run_url,
            self.settings.fal_queue_url,
            self.settings.fal_rest_url,
            sleep=self.sleep,
        )

    @cached_property
    def neynar(self) -> Neynar:
        """The client of Neynar, which publishes."""
        from ceos.clients.http.rate_limit import RateLimiter
        from ceos.clients.neynar.client import Neynar

        return Neynar(
            secret(self.settings.neynar_api_key),
            self.settings.neynar_base_url,
            sleep=self.sleep,
            before_request=RateLimiter(
                self.database, self.settings.neynar_per_minute, "neynar", sleep=self._wait_for_place
            ),
        )

    def signer(self, agent: Agent) -> str:
        """Return the signer id of an agent; raises `KeyRefused` when its environment variable is not set."""
        from ceos.config.signers import signer_of

        return signer_of(agent, self.settings)

    @cached_property
    def post_history(self) -> PostHistory:
        """The posts of all agents, for the check that a post repeats none of them."""
        from ceos.posts.history import PostHistory
        from ceos.storage.sketches import SketchStore

        return PostHistory(SketchStore(self.database))

    @cached_property
    def publisher(self) -> Publisher:
        """The publisher of casts and reactions."""
        from ceos.posts.publisher import Publisher
        from ceos.posts.signers import VerifiedSigners
        from ceos.runs.cast_limit import CastLimit

        return Publisher(
            self.ledger,
            self.neynar,
            self.plugins,
            CastLimit(self.database),
            VerifiedSigners(self.signer, self.agents, self.neynar).verified_signer,
            clock=self.clock,
            settle_seconds=self.settings.settle_seconds,
            stopping=self.stopping,
        )

    def close(self) -> None:
        """End the sandbox, close the connections, and release the embedded server."""
        if "sandbox" in self.__dict__:
            self.sandbox.close()
        super().close()
