"""What an operator says about chains in `chain.toml`: contracts, what may be signed, what is followed and sold; pure.

Amounts are texts, for a float cannot hold a wei: `"0.01"` ETH, `"2.50"` of a token. What is not allowed is denied: an
empty file allows nothing.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ceos.domain.base import AgentId, Frozen, ShortText
from ceos.domain.chain_event import AgentIds, Listed, Name, Subscription, as_tuple
from ceos.evm.types import Address

#: ETH or whole tokens that a limit of a day can be: counters hold less than 2^53 gwei, or millionths of a token.
MOST_PER_DAY = 9_000_000
#: Nobody who gets less than this percentage of what a swap should return meant to swap.
LEAST_SHARE = 50


def _amount(value: Any) -> Any:
    if isinstance(value, Decimal) and value.is_finite() and value >= 0:
        return value
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,30}(?:\.[0-9]{1,36})?", value):
        raise ValueError('an amount from 0 on, in quotes, such as "0.01"')
    return Decimal(value)


def _daily(value: Decimal) -> Decimal:
    if value > MOST_PER_DAY:
        raise ValueError(f"at most {MOST_PER_DAY:,}, for days are counted in numbers that Redis can hold")
    return value


def _share(value: Decimal) -> Decimal:
    if not LEAST_SHARE <= value <= 100:
        raise ValueError(f'a percentage from "{LEAST_SHARE}" to "100"')
    return value


def _recipients(value: Any) -> Any:
    if value != "any" and not isinstance(value, list | tuple):
        raise ValueError('a list of addresses, or "any"')
    return as_tuple(value)


Amount = Annotated[Decimal, BeforeValidator(_amount)]
DayAmount = Annotated[Amount, AfterValidator(_daily)]
Texts = Annotated[tuple[ShortText, ...], Listed]
Addresses = Annotated[tuple[Address, ...], Listed]


class ContractEntry(Frozen):
    """`[[contract]]`: a contract by a name of its own; `identity`, `reputation` and `usdc` are there already."""

    name: Name
    address: Address
    #: A JSON file beside this one, the name of an ABI that ceos brings along (erc20, identity, reputation,
    #: multicall3), or functions, events and errors written out, such as ["event Ping(uint256 n)"].
    abi: str | Annotated[tuple[str, ...], Listed]
    #: Digits after the point, for a token. Without it no amount of it can be allowed.
    decimals: int | None = Field(default=None, ge=0, le=36)


class Allow(Frozen):
    """`[[policy.allow]]`: functions of one contract that may be called."""

    contract: str
    #: Signatures with names where other keys refer to arguments, such as "transfer(address to, uint256 amount)".
    functions: Annotated[tuple[str, ...], Listed] = Field(min_length=1)
    #: Who may; nothing means the operator and all agents.
    agents: AgentIds = ()
    #: ETH that may go with a call.
    max_eth: Amount = Decimal(0)
    #: Every address among the arguments must be one of these, or the account itself, unless "any" stands here.
    recipients: Annotated[Addresses | Literal["any"], BeforeValidator(_recipients)] = ()
    #: The argument that is an amount of tokens, and how much of it, in whole tokens of the contract (or of `token`).
    amount: str | None = None
    token: str | None = None
    #: For swaps: the argument that names the token whose amount this is; it must be `token`.
    token_argument: str | None = None
    max_amount: Amount | None = None
    max_amount_per_day: DayAmount | None = None
    approve_above: Amount | None = None
    #: For swaps: the argument that says the least that must come out, and the least share of what a simulation returns.
    min_out: str | None = None
    min_out_percent: Annotated[Amount, AfterValidator(_share)] = Decimal(97)


class Policy(Frozen):
    """`[policy]`: what may be signed. Everything else is refused."""

    chains: Annotated[tuple[int, ...], Listed] = ()
    #: ETH of one transaction, of one UTC day, and of one agent in a day: values and the highest fees together.
    max_eth: Amount = Decimal(0)
    max_eth_per_day: DayAmount = Decimal(0)
    #: The operator's own transactions have a day like that of one more agent.
    max_eth_per_agent_per_day: DayAmount | None = None
    #: Transactions that may cost more wait for a person.
    approve_above_eth: Amount | None = None
    #: Who may be sent plain ETH.
    recipients: Addresses = ()
    allow: Annotated[tuple[Allow, ...], Listed] = ()


class PaymentHost(Frozen):
    """`[[x402.allow]]`: a host that may be paid."""

    host: Annotated[str, Field(pattern=r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*$")]
    #: Who may be the recipient there; nothing means whoever the host names.
    pay_to: Addresses = ()
    agents: AgentIds = ()
    max_usd_per_call: Amount | None = None


class Offer(Frozen):
    """`[[x402.offer]]`: a tool skill that is sold through the web app."""

    agent: AgentId
    skill: ShortText
    usd: Amount
    #: Who is paid; the agent's own account by default.
    pay_to: Address | None = None
    description: str = ""


class X402(Frozen):
    """`[x402]`: what may be bought over HTTP, and what is sold; USDC on the configured chain only."""

    max_usd_per_call: Amount = Decimal(0)
    max_usd_per_day: DayAmount = Decimal(0)
    max_usd_per_agent_per_day: DayAmount | None = None
    allow: Annotated[tuple[PaymentHost, ...], Listed] = ()
    offer: Annotated[tuple[Offer, ...], Listed] = ()


class CreatorScore(Frozen):
    """`[creator_score]`: a view function that takes an account and returns its score."""

    contract: str
    function: str
    decimals: int = Field(default=0, ge=0, le=36)


class ChainConfig(Frozen):
    """The whole of `chain.toml`."""

    contract: Annotated[tuple[ContractEntry, ...], Listed] = ()
    subscription: Annotated[tuple[Subscription, ...], Listed] = ()
    policy: Policy = Policy()
    x402: X402 = X402()
    creator_score: CreatorScore | None = None
    #: Agents whose weekly scores are written on chain once the week is over.
    anchor: AgentIds = ()
    #: Blocks on top of a transaction before it counts as final.
    confirmations: int = Field(default=10, ge=0, le=1000)
    #: After so many seconds without being mined a transaction is sent again with a higher fee.
    stuck_seconds: float = Field(default=30.0, ge=1, le=3600)
