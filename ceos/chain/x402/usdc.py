"""Which token is the dollar here, what its signatures are made over, and what it says became of a payment."""

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

#: Blocks to look back for a payment that was carried out, an hour: longer than ours are good for.
LOOK_BACK = 1800


@dataclass(frozen=True)
class AuthorizationState:
    """What the token says of an authorization, and when it said so."""

    is_used: bool
    #: Unix seconds of the block that was asked.
    timestamp: int


class UsdcToken:
    """The chain's USDC."""

    def __init__(self, client: EvmClient, contracts: Contracts) -> None:
        self._client = client
        self._contracts = contracts

    @property
    def chain_id(self) -> int:
        """The chain it is on."""
        return self._client.chain_id

    @cached_property
    def dollar(self) -> Usdc:
        """What its signatures are made over; raises `PolicyRefused` for a token that is not like USDC.

        That of USDC on Base is known. For another one, an operator's own for tests, the contract's domain separator
        must be what its name and a usual version give.
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
            dollar = Usdc(chain_id, contract.address, name, version, decimals)
            if _separator(dollar) == separator:
                return dollar
        raise PolicyRefused(
            f"The contract {contract.address} signs with a name or a version of its own, so nothing is signed for it.",
            rule="x402-domain",
        )

    def balance(self, account: str) -> int:
        """Return what an account has, in the smallest unit."""
        return self._client.token_balance(self.dollar.address, account)

    def state(self, sender: str, nonce: str) -> AuthorizationState:
        """Say whether an authorization was used (or taken back), as of the latest block."""
        head = self._client.head()
        function = Abi.named("erc20").function("authorizationState")
        # Of that very block: another node may be behind.
        is_used = self._client.call(self.dollar.address, function, sender, nonce, block=head.number)
        return AuthorizationState(bool(is_used), head.timestamp)

    def payment(self, authorization: Authorization) -> str | None:
        """Return the hash of the transaction that carried an authorization out, or None if none did.

        Used is not paid: the token also marks those that their signer took back.
        """
        erc20 = Abi.named("erc20")
        used = erc20.event("AuthorizationUsed")
        topics = used.topics({"authorizer": authorization.sender, "nonce": authorization.nonce})
        head = self._client.head().number
        start = max(0, head - LOOK_BACK)
        logs = logs_between(self._client, self.dollar.address, topics, start, head)
        return next((log.tx_hash for log in logs if self._pays(log, authorization)), None)

    def _pays(self, used: Log, authorization: Authorization) -> bool:
        """Say whether the transfer that goes with a used authorization is the one that was signed."""
        receipt = self._client.receipt(used.tx_hash)
        transfer = Abi.named("erc20").event("Transfer")
        wanted = [authorization.sender, authorization.to, authorization.value]
        # The very next entry: one transfer may not stand for two payments that share a transaction.
        moves = [
            log
            for log in (receipt.logs if receipt and receipt.succeeded else ())
            if log.index == used.index + 1 and log.address == self.dollar.address
        ]
        return any(
            move.topics[:1] == (transfer.topic,) and list(transfer.decode(move).values()) == wanted for move in moves
        )


def _separator(dollar: Usdc) -> str:
    from eth_abi.abi import encode  # noqa: PLC0415  # heavy, and only for a token that is not known
    from eth_utils.crypto import keccak  # noqa: PLC0415

    kind = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    fields = (*(keccak(text=text) for text in (kind, dollar.name, dollar.version)), dollar.chain_id, dollar.address)
    return "0x" + keccak(encode(("bytes32", "bytes32", "bytes32", "uint256", "address"), fields)).hex()
