"""Agents in the identity registry of ERC-8004: an entry for each, and a file that says who it is.

    identity.register("ada")            once, however often it is called and wherever it was killed
    identity.registration_file(ada)     what the registry's entry points at; the web app serves it

The number of an agent is taken from the log of our own transaction and from nowhere else: somebody else may register
between any two calls of ours. The first number of a registry is 0.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ceos.chain.config.models import ChainConfig
from ceos.chain.due_queue import DueQueue
from ceos.chain.erc8004.registries import IDENTITY, Registries
from ceos.chain.erc8004.reputation import FeedbackSummary, Reputation
from ceos.chain.erc8004.store import IdentityStore, Registration
from ceos.chain.tx.types import Tx, TxRequest, TxStatus
from ceos.domain.agent import Agent
from ceos.domain.lifecycle import AgentState
from ceos.errors import CeosError, InvalidInput, NotFound, Reverted
from ceos.logs import event
from ceos.storage.agents import AgentStore

if TYPE_CHECKING:
    from ceos.chain.tx.wallets import Wallets

log = logging.getLogger(__name__)

#: What the due queue calls the work on one agent's registration.
REGISTER = "register/"
#: How soon a registration that is under way is looked at again, in seconds.
AGAIN_SECONDS = 5.0
FILE_TYPE = "https://eips.ethereum.org/EIPS/eip-8004#registration-v1"
#: Keys of metadata that are not for everybody: the registry's own, and those of `anchoring`.
WALLET_KEY, SCORE_KEY = "agentWallet", "ceos.score."


@dataclass(frozen=True)
class AgentOnChain:
    """What the registry says of one number."""

    token_id: int
    exists: bool
    owner: str = ""
    #: Where the agent takes payments, by its own word.
    wallet: str = ""
    uri: str = ""
    #: Whether that is the address of our own registration file.
    uri_is_ours: bool = False


class Identity:
    """Registers agents, and reads and writes what the registry holds about them."""

    def __init__(
        self,
        registries: Registries,
        agents: AgentStore,
        identities: IdentityStore,
        wallets: Wallets,
        *,
        config: ChainConfig,
        public_url: str | None,
    ) -> None:
        self.registries = registries
        self._agents = agents
        self._identities = identities
        self._wallets = wallets
        self._config = config
        self._due_queue = DueQueue(agents.database)
        self._public_url = (public_url or "").rstrip("/")

    # Registering

    def request(self, agent_id: str) -> TxRequest:
        """Return the transaction that registers an agent; raises `InvalidInput` without a public address."""
        uri = self._own_uri(self._agents.agent(agent_id).id)
        purpose = f"register {agent_id} as an agent"
        return self.registries.request(IDENTITY, "register(string)", uri, agent=agent_id, purpose=purpose)

    def register(self, agent_id: str, *, another: bool = False) -> Registration:
        """Have an agent registered, or return the entry that it has or is getting; again changes nothing.

        Raises `InvalidInput` when its account has an entry that we know nothing of, unless `another` is wanted: it may
        be this agent's, registered from somewhere else.
        """
        known = self.refresh(agent_id)
        if known is not None and not self._is_in_vain(known):
            return known
        request, registry = self.request(agent_id), self.registries.registry_name

        def object_to_strangers() -> None:
            if not another:
                self.check_unknown(agent_id)

        tx = self.registries.send_once(request, f"register:{registry}:{agent_id}", before=object_to_strangers)
        new = Registration(
            agent=agent_id, registry_name=registry, account=tx.account, uri=self._uri_in(tx.request), tx=tx.id
        )
        # Whoever asks at the same moment keeps the same, for there is one transaction for both.
        if self._identities.keep(new, known):
            log.info("Registration under way", extra=event("identity.opened", agent=agent_id, tx=tx.id))
        self._due_queue.add(REGISTER + agent_id)
        return self.refresh(agent_id) or new

    def adopt(self, agent_id: str, token_id: int) -> Registration:
        """Take a number that was registered elsewhere as the agent's; its owner must be the agent's account."""
        account = self._wallets.address(self._agents.agent(agent_id).id)
        found, known = self.look(token_id), self.refresh(agent_id)
        if known is not None and known.is_final and known.token_id == token_id:
            return known
        if not found.exists or found.owner != account:
            owner = f"belongs to {found.owner}" if found.exists else "does not exist"
            raise InvalidInput(f"Number {token_id} {owner}; {agent_id} can adopt one that its account {account} owns.")
        if known is not None and not self._is_in_vain(known):
            number = f"number {known.token_id}" if known.is_final else "a registration under way"
            raise InvalidInput(f"{agent_id} has {number} already; an agent has one entry in a registry.")
        if other := next((one for one in self.registrations() if one.token_id == token_id), None):
            raise InvalidInput(f"Number {token_id} is that of {other.agent} already.")
        new = Registration(
            agent=agent_id, registry_name=self.registries.registry_name, account=account, uri=found.uri,
            token_id=token_id, is_final=True,
        )  # fmt: skip
        if not self._identities.keep(new, known):
            raise InvalidInput(f"{agent_id} was registered at this very moment by somebody else; look again.")
        return new

    def refresh(self, agent_id: str) -> Registration | None:
        """Return an agent's entry as far as it has come by now, or None."""
        known = self.registration(agent_id)
        if known is None or known.is_final or known.tx is None:
            return known
        tx = self.registries.find(known.tx)
        token_id, is_final = None, False
        if tx is not None and tx.status in (TxStatus.MINED, TxStatus.FINAL):
            token_id, is_final = self._number(tx, known), tx.status is TxStatus.FINAL
        new = known.model_copy(update={"token_id": token_id, "is_final": is_final})
        if new != known and self._identities.keep(new, known) and is_final:
            log.info("Agent registered", extra=event("identity.registered", agent=agent_id, number=token_id))
        return new

    def work(self, name: str) -> None:
        """Go on with what the due queue calls `register/{agent}`."""
        known = self.refresh(name.removeprefix(REGISTER))
        if known is None or known.is_final or self._is_in_vain(known):
            self._due_queue.remove(name)
        else:
            self._due_queue.postpone(name, AGAIN_SECONDS)

    def registered(self, agent_id: str) -> Registration:
        """Return an agent's entry with its number; raises `InvalidInput` while it has none for good."""
        known = self.refresh(agent_id)
        if known is None or self._is_in_vain(known):
            raise InvalidInput(f"{agent_id} is not registered on this chain; 'ceos chain register {agent_id}' does it.")
        if not known.is_final:
            raise InvalidInput(f"The registration of {agent_id} is not final yet ({known.tx}); wait a little.")
        return known

    def registration(self, agent_id: str) -> Registration | None:
        """Return an agent's entry as it was stored last, or None; asks no node."""
        return self._identities.registration(self.registries.registry_name, agent_id)

    def registrations(self) -> list[Registration]:
        """Return the entries of all agents as they were stored last; asks no node."""
        return self._identities.registrations(self.registries.registry_name)

    def check_unknown(self, agent_id: str) -> None:
        """Raise `InvalidInput` if an agent's account has more entries than we know of."""
        account = self._wallets.address(agent_id)
        owned = self.registries.call(IDENTITY, "balanceOf(address)", account)
        # Read after it, for what was mined in between must not count as unknown.
        known = [self.refresh(one.agent) for one in self.registrations()]
        ours = sum(one is not None and one.account == account and one.token_id is not None for one in known)
        if owned > ours:
            raise InvalidInput(
                f"The registry has {owned} of the account {account}, and {owned - ours} of them are not known here. "
                f"If one is {agent_id}, adopt it by its number (--adopt NUMBER); if none is, insist (--another)."
            )

    def _number(self, tx: Tx, known: Registration) -> int:
        """Return the number that a mined transaction of ours was given."""
        receipt = self.registries.sender.receipt(tx)
        registered = self.registries.abi(IDENTITY).event("Registered")
        # By its topic, not by its place: the deployed contracts tell in another order than the standard's text.
        for entry in receipt.logs if receipt else ():
            if entry.address == tx.request.to and entry.topics[:1] == (registered.topic,):
                told = registered.decode(entry)
                if told["owner"] == known.account:
                    return int(told["agentId"])
        raise CeosError(f"The transaction {tx.hash} of {known.agent} has registered nothing; is that the registry?")

    def _is_in_vain(self, known: Registration) -> bool:
        return not known.is_final and known.tx is not None and self.registries.is_in_vain(known.tx)

    # The registration file

    def uri(self, agent_id: str) -> str:
        """Return where an agent's registration file is, or nothing without CEOS_PUBLIC_URL."""
        return f"{self._public_url}/agents/{agent_id}/registration.json" if self._public_url else ""

    def registration_file(self, agent: Agent) -> dict[str, Any]:
        """Return what the world may know of an agent; nothing else of its description is in it."""
        known = self.registration(agent.id)
        offers = [offer for offer in self._config.x402.offer if offer.agent == agent.id]
        services = [("farcaster", f"https://farcaster.xyz/~/profiles/{agent.fid}")]
        services += [(f"x402:{offer.skill}", f"{self._public_url}/x402/{agent.id}/{offer.skill}") for offer in offers]
        (status,) = self._agents.agent_statuses([agent.id])
        return {
            "type": FILE_TYPE,
            "name": agent.name,
            "description": agent.persona.bio,
            "services": [{"name": name, "endpoint": endpoint} for name, endpoint in services],
            "x402Support": bool(offers),
            "active": status.state not in (AgentState.PAUSED, AgentState.ERROR),
            "registrations": [_entry(known)] if known and known.is_final else [],
            "supportedTrust": ["reputation"],
        }

    def public_file(self, agent_id: str) -> dict[str, Any]:
        """Return the file of an agent that is registered or being registered; raises `NotFound` for all others."""
        known = self.registration(agent_id)
        if known is None or self._is_in_vain(known):
            raise NotFound
        return self.registration_file(self._agents.agent(agent_id))

    def domain_file(self) -> dict[str, Any]:
        """Return the proof that our domain speaks for the agents that are registered from it."""
        here = set(self._agents.agent_ids())
        return {"registrations": [_entry(one) for one in self.registrations() if one.is_final and one.agent in here]}

    # What the registry says

    def look(self, token_id: int) -> AgentOnChain:
        """Return what the registry says of a number: who owns it, its wallet, and where its file is."""
        from ceos.evm.client import ContractCall  # noqa: PLC0415  # heavy

        address, abi = self.registries.address(IDENTITY), self.registries.abi(IDENTITY)
        names = ("ownerOf(uint256)", "getAgentWallet(uint256)", "tokenURI(uint256)")
        answers = self.registries.client.read(
            [ContractCall(address, abi.function(name), (token_id,)) for name in names]
        )
        for answer in answers:
            if isinstance(answer, CeosError) and not isinstance(answer, Reverted):
                raise answer
        owner, wallet, uri = ("" if isinstance(answer, CeosError) else str(answer) for answer in answers)
        ours = next((one.agent for one in self.registrations() if one.token_id == token_id), None)
        return AgentOnChain(token_id, bool(owner), owner, wallet, uri, ours is not None and uri == self.uri(ours))

    def status(self, agent_id: str) -> AgentOnChain:
        """Return what the registry says of an agent of ours; raises `InvalidInput` while it is not registered."""
        return self.look(number_of(self.registered(agent_id)))

    def metadata(self, token_id: int, key: str) -> bytes:
        """Return what is kept under a key for a number; nothing is empty."""
        found: str = self.registries.call(IDENTITY, "getMetadata(uint256,string)", token_id, key)
        return bytes.fromhex(found.removeprefix("0x"))

    def metadata_request(self, agent_id: str, key: str, value: bytes) -> TxRequest:
        """Return the transaction that keeps a value under a key for an agent."""
        number, purpose = number_of(self.registered(agent_id)), f"set {key} of {agent_id}"
        signature = "setMetadata(uint256,string,bytes)"
        return self.registries.request(IDENTITY, signature, number, key, value, agent=agent_id, purpose=purpose)

    def set_metadata(self, agent_id: str, key: str, value: bytes) -> Tx | None:
        """Keep a value under a key for an agent; None if it is there already."""
        if not key or key == WALLET_KEY or key.startswith(SCORE_KEY):
            raise InvalidInput(f"The key {key!r} is not to be set by hand; '{WALLET_KEY}' and '{SCORE_KEY}…' are not.")
        number = number_of(self.registered(agent_id))
        if self.metadata(number, key) == value:
            return None
        name = f"metadata:{self.registries.registry_name}:{number}:{key}:{hashlib.sha256(value).hexdigest()}"
        # It is not there now, so if it was written once before, something else has been written since.
        return self.registries.send_once(self.metadata_request(agent_id, key, value), name, is_done=_never)

    def uri_request(self, agent_id: str) -> TxRequest:
        """Return the transaction that points an agent's entry at our registration file."""
        number, purpose = number_of(self.registered(agent_id)), f"point the entry of {agent_id} at its file"
        uri, signature = self._own_uri(agent_id), "setAgentURI(uint256,string)"
        return self.registries.request(IDENTITY, signature, number, uri, agent=agent_id, purpose=purpose)

    def set_uri(self, agent_id: str) -> Tx | None:
        """Point an agent's entry at our registration file; None if it points there already."""
        uri, number = self._own_uri(agent_id), number_of(self.registered(agent_id))
        if self.look(number).uri == uri:
            return None
        key = f"uri:{self.registries.registry_name}:{number}:{uri}"
        return self.registries.send_once(self.uri_request(agent_id), key, is_done=_never)

    # Reputation

    @cached_property
    def others(self) -> Reputation:
        """What others think, and feedback on them."""
        return Reputation(self.registries, self._wallets, self._config.creator_score)

    def reputation(
        self, token_id: int, clients: Sequence[str] | None = None, *, tag1: str = "", tag2: str = ""
    ) -> FeedbackSummary:
        """Return the mean of the feedback on a number; see `Reputation.summary`."""
        return self.others.summary(token_id, clients, tag1=tag1, tag2=tag2)

    def creator_score(self, account: str) -> Decimal | None:
        """Return the score of an account; see `Reputation.creator_score`."""
        return self.others.creator_score(account)

    # Addresses

    def _own_uri(self, agent_id: str) -> str:
        if not self._public_url.startswith("https://"):
            raise InvalidInput(
                "CEOS_PUBLIC_URL has to be the https:// address at which others reach 'ceos web': it is written on "
                f"chain, and {agent_id} is described there."
            )
        return self.uri(agent_id)

    def _uri_in(self, request: TxRequest) -> str:
        """Return the address that a registration writes on chain; it is not always the one we would write now."""
        function = self.registries.abi(IDENTITY).function("register(string)")
        (uri,) = function.decode_call(request.data).values()
        return str(uri)


def number_of(known: Registration) -> int:
    """Return the number of an entry that is final."""
    assert known.token_id is not None, "a final registration has a number"
    return known.token_id


def _never(tx: Tx) -> bool:
    del tx
    return False


def _entry(known: Registration) -> dict[str, Any]:
    return {"agentId": known.token_id, "agentRegistry": known.registry_name}
