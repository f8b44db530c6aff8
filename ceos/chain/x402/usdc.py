"""The USDC token of the configured chain: the domain of its signatures, balances, and the state of payments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ceos.chain.config.contracts import Contracts
from ceos.chain.x402.policy import USDC_BY_CHAIN, Usdc
from ceos.chain.x402.wire import Authorization
from ceos.errors import NotFound, PolicyRefused
from ceos.evm.abi import Abi
from ceos.evm.block_range import logs_between
from ceos.evm.client import EvmClient
from ceos.evm.types import Log

#: How many blocks are searched for a charged payment: one hour, longer than payments are valid.
LOOK_BACK = 1800


@dataclass(frozen=True)
class AuthorizationState:
    """The state of an authorization, as of a block."""

    is_used: bool
    #: Unix seconds of that block.
    timestamp: int


class UsdcToken:
    """The chain's USDC."""

    def __init__(self, client: EvmClient, contracts: Contracts) -> None:
        self._client = client
        self._contracts = contracts

    @property
    def chain_id(self) -> int:
        """The id of the chain."""
        return self._client.chain_id

    @cached_property
    def usdc(self) -> Usdc:
        """The token with the domain of its signatures; raises `PolicyRefused` for a token unlike USDC.

        The domain of USDC on Base is known. For another token, such as an operator's own for tests, the contract's
        domain separator has to follow from its name and version 1 or 2.
        """
        chain_id = self._client.chain_id
        try:
            contract = self._contracts.find("usdc")
        except NotFound:
            raise PolicyRefused(
                f"No USDC is known on chain {chain_id}: add a [[contract]] named usdc to chain.toml.", rule="x402-asset"
            ) from None
        known = USDC_BY_CHAIN.get(chain_id)
        if known and known.address == contract.address:
            return known
        erc20 = Abi.named("erc20")
        name = str(self._client.call(contract.address, erc20.function("name")))
        separator = self._client.call(contract.address, erc20.function("DOMAIN_SEPARATOR"))
        decimals = 18 if contract.decimals is None else contract.decimals
        for version in ("2", "1"):
            usdc = Usdc(chain_id, contract.address, name, version, decimals)
            if _separator(usdc) == separator:
                return usdc
        raise PolicyRefused(
            f"The signature domain of the contract {contract.address} is unknown, so nothing is signed for it.",
            rule="x402-domain",
        )

    def balance(self, account: str) -> int:
        """Return the balance of an account, in the smallest unit."""
        return self._client.token_balance(self.usdc.address, account)

    def authorization_state(self, sender: str, nonce: str) -> AuthorizationState:
        """Return whether an authorization was used or canceled, as of the latest block."""
        head = self._client.head()
        function = Abi.named("erc20").function("authorizationState")
        # At the same block, because another node may be behind.
        is_used = self._client.call(self.usdc.address, function, sender, nonce, block=head.number)
        return AuthorizationState(bool(is_used), head.timestamp)

    def find_payment(self, authorization: Authorization) -> str | None:
        """Return the hash of the transaction that charged an authorization, or None.

        A used authorization is not always a payment: the token also marks those that their signer canceled.
        """
        erc20 = Abi.named("erc20")
        used = erc20.event("AuthorizationUsed")
        topics = used.topics({"authorizer": authorization.sender, "nonce": authorization.nonce})
        head = self._client.head().number
        start = max(0, head - LOOK_BACK)
        logs = logs_between(self._client, self.usdc.address, topics, start, head)
        return next((log.tx_hash for log in logs if self._pays(log, authorization)), None)

    def _pays(self, used: Log, authorization: Authorization) -> bool:
        """Say whether a used authorization has led to the transfer that was signed."""
        receipt = self._client.receipt(used.tx_hash)
        transfer = Abi.named("erc20").event("Transfer")
        wanted = [authorization.sender, authorization.to, authorization.value]
        # Only the next entry counts, so that one transfer cannot stand for two payments of the same transaction.
        moves = [
            log
            for log in (receipt.logs if receipt and receipt.succeeded else ())
            if log.index == used.index + 1 and log.address == self.usdc.address
        ]
        return any(
            move.topics[:1] == (transfer.topic,) and list(transfer.decode(move).values()) == wanted for move in moves
        )


def _separator(usdc: Usdc) -> str:
    from eth_abi.abi import encode  # noqa: PLC0415  # heavy, and only needed for an unknown token
    from eth_utils.crypto import keccak  # noqa: PLC0415

    kind = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    fields = (*(keccak(text=text) for text in (kind, usdc.name, usdc.version)), usdc.chain_id, usdc.address)
    return "0x" + keccak(encode(("bytes32", "bytes32", "bytes32", "uint256", "address"), fields)).hex()
