"""Agents in the identity registry of ERC-8004: an entry for each, and a file that describes the agent.

    identity.register("ada")            once, despite repeated calls and crashes
    identity.registration_file(ada)     the file that the entry points at; the web app serves it

The number of an agent is taken from the log of our own transaction only, because others may register between any two
of our calls. The first number of a registry is 0.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ceos.chain.config.models import ChainConfig
from ceos.chain.due_queue import DueQueue
from ceos.chain.erc8004.registries import IDENTITY, Registries
from ceos.chain.erc8004.reputation import Reputation
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

#: The prefix of the tasks that complete registrations; the agent follows.
REGISTER = "register/"
#: How often the task of a pending registration runs, in seconds.
PENDING_SECONDS = 5.0
FILE_TYPE = "https://eips.ethereum.org/EIPS/eip-8004#registration-v1"
#: Keys of metadata that `set_metadata` refuses: the registry's own, and those of `anchoring`.
WALLET_KEY, SCORE_KEY = "agentWallet", "ceos.score."


@dataclass(frozen=True)
class AgentOnChain:
    """The entry of one number in the registry."""

    token_id: int
    exists: bool
    owner: str = ""
    #: The account that receives payments, as set by the owner.
    wallet: str = ""
    uri: str = ""
    #: Whether it is the address of our own registration file.
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

    def registration_request(self, agent_id: str) -> TxRequest:
        """Return the transaction that registers an agent; raises `InvalidInput` without a public address."""
        uri = self._own_uri(self._agents.agent(agent_id).id)
        purpose = f"register {agent_id} as an agent"
        return self.registries.request(IDENTITY, "register(string)", uri, agent=agent_id, purpose=purpose)

    def register(self, agent_id: str, *, another: bool = False) -> Registration:
        """Register an agent, or return its entry, which may be pending.

        Raises `InvalidInput` when its account owns an unknown entry, unless `another` is set: the unknown entry may be
        this agent's, registered by another installation.
        """
        known = self.refresh_registration(agent_id)
        if known is not None and not self._has_failed(known):
            return known
        request, registry = self.registration_request(agent_id), self.registries.registry_name

        def check() -> None:
            if not another:
                self.check_unknown(agent_id)

        tx = self.registries.send_once(request, f"register:{registry}:{agent_id}", before=check)
        new = Registration(
            agent=agent_id, registry_name=registry, account=tx.account, uri=self._uri_in(tx.request), tx=tx.id
        )
        # A concurrent call stores the same entry, because both have the same transaction.
        if self._identities.save_registration(new, known):
            log.info("Registration submitted", extra=event("identity.opened", agent=agent_id, tx=tx.id))
        self._due_queue.add(REGISTER + agent_id)
        return self.refresh_registration(agent_id) or new

    def adopt(self, agent_id: str, token_id: int) -> Registration:
        """Assign a number that was registered elsewhere to an agent, whose account has to own it."""
        account = self._wallets.address(self._agents.agent(agent_id).id)
        found, known = self.registry_entry(token_id), self.refresh_registration(agent_id)
        if known is not None and known.is_final and known.token_id == token_id:
            return known
        if not found.exists or found.owner != account:
            owner = f"belongs to {found.owner}" if found.exists else "does not exist"
            raise InvalidInput(f"Number {token_id} {owner}; {agent_id} can adopt one that its account {account} owns.")
        if known is not None and not self._has_failed(known):
            number = f"number {known.token_id}" if known.is_final else "a pending registration"
            raise InvalidInput(f"{agent_id} already has {number}; an agent has one entry in a registry.")
        if other := next((one for one in self.registrations() if one.token_id == token_id), None):
            raise InvalidInput(f"Number {token_id} already belongs to {other.agent}.")
        new = Registration(
            agent=agent_id, registry_name=self.registries.registry_name, account=account, uri=found.uri,
            token_id=token_id, is_final=True,
        )  # fmt: skip
        if not self._identities.save_registration(new, known):
            raise InvalidInput(f"{agent_id} was registered by another process at the same time; try again.")
        return new

    def refresh_registration(self, agent_id: str) -> Registration | None:
        """Update an agent's entry from its transaction and return it, or None."""
        known = self.registration(agent_id)
        if known is None or known.is_final or known.tx is None:
            return known
        tx = self.registries.find_tx(known.tx)
        token_id, is_final = None, False
        if tx is not None and tx.status in (TxStatus.MINED, TxStatus.FINAL):
            token_id, is_final = self._number(tx, known), tx.status is TxStatus.FINAL
        new = known.model_copy(update={"token_id": token_id, "is_final": is_final})
        if new != known and self._identities.save_registration(new, known) and is_final:
            log.info("Agent registered", extra=event("identity.registered", agent=agent_id, number=token_id))
        return new

    def handle(self, task_id: str) -> None:
        """Update a pending registration, the task `register/{agent}`."""
        known = self.refresh_registration(task_id.removeprefix(REGISTER))
        if known is None or known.is_final or self._has_failed(known):
            self._due_queue.remove(task_id)
        else:
            self._due_queue.postpone(task_id, PENDING_SECONDS)

    def registered(self, agent_id: str) -> Registration:
        """Return an agent's final entry, which has a number; raises `InvalidInput` while there is none."""
        known = self.refresh_registration(agent_id)
        if known is None or self._has_failed(known):
            raise InvalidInput(f"{agent_id} is not registered on this chain; run 'ceos chain register {agent_id}'.")
        if not known.is_final:
            raise InvalidInput(f"The registration of {agent_id} is not final yet ({known.tx}); try again in a minute.")
        return known

    def registration(self, agent_id: str) -> Registration | None:
        """Return an agent's stored entry, or None, without a request to a node."""
        return self._identities.registration(self.registries.registry_name, agent_id)

    def registrations(self) -> list[Registration]:
        """Return the stored entries of all agents, without a request to a node."""
        return self._identities.registrations(self.registries.registry_name)

    def check_unknown(self, agent_id: str) -> None:
        """Raise `InvalidInput` if an agent's account owns entries that are not stored here."""
        account = self._wallets.address(agent_id)
        owned = self.registries.call(IDENTITY, "balanceOf(address)", account)
        # Read after the balance, so that an entry mined in between does not count as unknown.
        known = [self.refresh_registration(one.agent) for one in self.registrations()]
        ours = sum(one is not None and one.account == account and one.token_id is not None for one in known)
        if owned > ours:
            raise InvalidInput(
                f"The account {account} owns {owned} entries in the registry, and {owned - ours} of them are not "
                f"stored here. If one is {agent_id}, adopt it (--adopt NUMBER); otherwise register another (--another)."
            )

    def _number(self, tx: Tx, known: Registration) -> int:
        """Return the number that a mined registration got."""
        receipt = self.registries.sender.receipt(tx)
        registered = self.registries.abi(IDENTITY).event("Registered")
        # By its topic, because deployed contracts emit the logs in another order than the text of the standard.
        for entry in receipt.logs if receipt else ():
            if entry.address == tx.request.to and entry.topics[:1] == (registered.topic,):
                event_args = registered.decode(entry)
                if event_args["owner"] == known.account:
                    return int(event_args["agentId"])
        raise CeosError(
            f"The transaction {tx.hash} of {known.agent} has no log of a registration; check the registry's address."
        )

    def _has_failed(self, known: Registration) -> bool:
        return not known.is_final and known.tx is not None and self.registries.has_failed(known.tx)

    # The registration file

    def uri(self, agent_id: str) -> str:
        """Return the address of an agent's registration file, or nothing without CEOS_PUBLIC_URL."""
        return f"{self._public_url}/agents/{agent_id}/registration.json" if self._public_url else ""

    def registration_file(self, agent: Agent) -> dict[str, Any]:
        """Return the public description of an agent; no other part of its agent file is in it."""
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
        """Return the file of an agent with an entry, pending or not; raises `NotFound` for other agents."""
        known = self.registration(agent_id)
        if known is None or self._has_failed(known):
            raise NotFound
        return self.registration_file(self._agents.agent(agent_id))

    def domain_file(self) -> dict[str, Any]:
        """Return the file by which our domain vouches for the agents registered from it."""
        here = set(self._agents.agent_ids())
        return {"registrations": [_entry(one) for one in self.registrations() if one.is_final and one.agent in here]}

    # The registry

    def registry_entry(self, token_id: int) -> AgentOnChain:
        """Return the registry's entry of a number: owner, wallet and address of the file."""
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
        """Return the registry's entry of one of our agents; raises `InvalidInput` while it is not registered."""
        return self.registry_entry(number_of(self.registered(agent_id)))

    def metadata(self, token_id: int, key: str) -> bytes:
        """Return the metadata of a number under a key; empty without any."""
        found: str = self.registries.call(IDENTITY, "getMetadata(uint256,string)", token_id, key)
        return bytes.fromhex(found.removeprefix("0x"))

    def metadata_request(self, agent_id: str, key: str, value: bytes) -> TxRequest:
        """Return the transaction that sets metadata of an agent."""
        number, purpose = number_of(self.registered(agent_id)), f"set {key} of {agent_id}"
        signature = "setMetadata(uint256,string,bytes)"
        return self.registries.request(IDENTITY, signature, number, key, value, agent=agent_id, purpose=purpose)

    def set_metadata(self, agent_id: str, key: str, value: bytes) -> Tx | None:
        """Set metadata of an agent; return the transaction, or None if the value is already set."""
        if not key or key == WALLET_KEY or key.startswith(SCORE_KEY):
            raise InvalidInput(f"The key {key!r} cannot be set by hand, like '{WALLET_KEY}' and '{SCORE_KEY}…'.")
        number = number_of(self.registered(agent_id))
        if self.metadata(number, key) == value:
            return None
        name = f"metadata:{self.registries.registry_name}:{number}:{key}:{hashlib.sha256(value).hexdigest()}"
        # The value is not set now, so an earlier transaction that set it has been overwritten and is not done.
        return self.registries.send_once(self.metadata_request(agent_id, key, value), name, is_done=_never)

    def uri_request(self, agent_id: str) -> TxRequest:
        """Return the transaction that sets the address of an agent's file to ours."""
        number, purpose = number_of(self.registered(agent_id)), f"point the entry of {agent_id} at its file"
        uri, signature = self._own_uri(agent_id), "setAgentURI(uint256,string)"
        return self.registries.request(IDENTITY, signature, number, uri, agent=agent_id, purpose=purpose)

    def set_uri(self, agent_id: str) -> Tx | None:
        """Set the address of an agent's file to ours; return the transaction, or None if it is already set."""
        uri, number = self._own_uri(agent_id), number_of(self.registered(agent_id))
        if self.registry_entry(number).uri == uri:
            return None
        key = f"uri:{self.registries.registry_name}:{number}:{uri}"
        return self.registries.send_once(self.uri_request(agent_id), key, is_done=_never)

    # Reputation

    @cached_property
    def reputation(self) -> Reputation:
        """The feedback in the reputation registry."""
        return Reputation(self.registries, self._wallets, self._config.creator_score)

    # Addresses

    def _own_uri(self, agent_id: str) -> str:
        if not self._public_url.startswith("https://"):
            raise InvalidInput(
                "CEOS_PUBLIC_URL has to be the public https:// address of 'ceos web': it is written on chain as the "
                f"address of the file that describes {agent_id}."
            )
        return self.uri(agent_id)

    def _uri_in(self, request: TxRequest) -> str:
        """Return the address that a registration writes on chain; CEOS_PUBLIC_URL may have changed since."""
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
