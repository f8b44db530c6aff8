"""The tables of `chain.toml`: contracts, policy, subscriptions, payments and offers; pure.

Amounts are strings, because a float cannot hold a wei: `"0.01"` ETH, `"2.50"` of a token. Everything is denied unless a
table allows it: an empty file allows nothing.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ceos.domain.base import AgentId, Frozen, ShortText
from ceos.domain.chain_event import AgentIds, Listed, Name, Subscription, as_tuple
from ceos.evm.types import Address

#: The highest daily limit in ETH or whole tokens: counters hold less than 2^53 gwei, or millionths of a token.
MAX_PER_DAY = 9_000_000
#: The lowest accepted percentage of the simulated output of a swap.
MIN_SHARE = 50


def _amount(value: Any) -> Any:
    if isinstance(value, Decimal) and value.is_finite() and value >= 0:
        return value
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,30}(?:\.[0-9]{1,36})?", value):
        raise ValueError('an amount from 0 on, in quotes, such as "0.01"')
    return Decimal(value)


def _daily(value: Decimal) -> Decimal:
    if value > MAX_PER_DAY:
        raise ValueError(f"at most {MAX_PER_DAY:,}, because Redis counts no higher for a day")
    return value


def _share(value: Decimal) -> Decimal:
    if not MIN_SHARE <= value <= 100:
        raise ValueError(f'a percentage from "{MIN_SHARE}" to "100"')
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

    #: The name that commands and this file use; `identity`, `reputation`, `usdc` and `multicall3` are predefined.
    name: Name
    #: Its address, with the checksum.
    address: Address
    #: A JSON file beside this one, or `erc20`, `identity`, `reputation`, `multicall3`, or a list of signatures such
    #: as `"event Ping(uint256 n)"`.
    abi: str | Annotated[tuple[str, ...], Listed]
    #: Digits after the point, for a token; without it no amount of the token can be allowed.
    decimals: int | None = Field(default=None, ge=0, le=36)


class Allow(Frozen):
    """`[[policy.allow]]`: functions of one contract that may be called."""

    #: A contract's name or address.
    contract: str
    #: Signatures that may be called, with the names of arguments that other keys refer to, such as
    #: `"transfer(address to, uint256 amount)"`.
    functions: Annotated[tuple[str, ...], Listed] = Field(min_length=1)
    #: Agents that may call them; an empty list means the operator and all agents.
    agents: AgentIds = ()
    #: ETH that may be sent with a call.
    max_eth: Amount = Decimal(0)
    #: Every address among the arguments must be one of these or the account itself; `"any"` allows all.
    recipients: Annotated[Addresses | Literal["any"], BeforeValidator(_recipients)] = ()
    #: The argument that is an amount of tokens; functions that move tokens need it.
    amount: str | None = None
    #: The contract of that token, if it is not the called contract.
    token: str | None = None
    #: For swaps: the argument that must be `token`.
    token_argument: str | None = None
    #: Whole tokens in one call.
    max_amount: Amount | None = None
    #: Whole tokens in a UTC day through this entry.
    max_amount_per_day: DayAmount | None = None
    #: Calls with more whole tokens than this wait for `ceos draft approve`.
    approve_above: Amount | None = None
    #: Required for swaps: the argument with the smallest acceptable output.
    min_out: str | None = None
    #: Smallest share of the simulated output that `min_out` must be, in percent.
    min_out_percent: Annotated[Amount, AfterValidator(_share)] = Decimal(97)


class TxPolicy(Frozen):
    """`[policy]`: the transactions that may be signed. Everything else is refused."""

    #: Ids of the chains for which anything may be signed.
    chains: Annotated[tuple[int, ...], Listed] = ()
    #: ETH of one transaction: its value and its highest possible fees.
    max_eth: Amount = Decimal(0)
    #: The same for all transactions in a UTC day.
    max_eth_per_day: DayAmount = Decimal(0)
    #: The same for one agent; the operator's own transactions count as those of one more agent.
    max_eth_per_agent_per_day: DayAmount | None = None
    #: Transactions that may cost more wait for `ceos draft approve`.
    approve_above_eth: Amount | None = None
    #: Addresses that plain ETH may be sent to.
    recipients: Addresses = ()
    allow: Annotated[tuple[Allow, ...], Listed] = ()


class PaymentHost(Frozen):
    """`[[x402.allow]]`: a host that may be paid."""

    #: A host that may be paid.
    host: Annotated[str, Field(pattern=r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*$")]
    #: Recipients that may be paid there; an empty list means any recipient that the host names.
    pay_to: Addresses = ()
    #: Agents that may buy there; an empty list means the operator and all agents.
    agents: AgentIds = ()
    #: USDC for one purchase there.
    max_usd_per_call: Amount | None = None


class Offer(Frozen):
    """`[[x402.offer]]`: a tool skill that is sold through the web app."""

    #: The agent that sells.
    agent: AgentId
    #: A tool skill that you have allowed and that the agent has.
    skill: ShortText
    #: Its price in USDC.
    usd: Amount
    #: The recipient; without it, the agent's own account.
    pay_to: Address | None = None
    #: The description that buyers read.
    description: str = ""


class X402(Frozen):
    """`[x402]`: what may be bought over HTTP, and what is sold; USDC on the configured chain only."""

    #: USDC for one purchase.
    max_usd_per_call: Amount = Decimal(0)
    #: USDC in a UTC day.
    max_usd_per_day: DayAmount = Decimal(0)
    #: USDC in a UTC day for one agent.
    max_usd_per_agent_per_day: DayAmount | None = None
    allow: Annotated[tuple[PaymentHost, ...], Listed] = ()
    offer: Annotated[tuple[Offer, ...], Listed] = ()


class CreatorScore(Frozen):
    """`[creator_score]`: a view function that takes an account and returns its score."""

    #: A contract that stores scores of accounts.
    contract: str
    #: Its view function from an account to a score.
    function: str
    #: Digits after the point of that score.
    decimals: int = Field(default=0, ge=0, le=36)


class ChainConfig(Frozen):
    """The whole of `chain.toml`."""

    contract: Annotated[tuple[ContractEntry, ...], Listed] = ()
    subscription: Annotated[tuple[Subscription, ...], Listed] = ()
    policy: TxPolicy = TxPolicy()
    x402: X402 = X402()
    creator_score: CreatorScore | None = None
    #: Agents whose weekly scores are [written on chain](scores.md).
    anchor: AgentIds = ()
    #: Blocks on top of a transaction before it counts as final.
    confirmations: int = Field(default=10, ge=0, le=1000)
    #: Seconds without being mined after which a transaction is sent again with a higher fee.
    stuck_seconds: float = Field(default=30.0, ge=1, le=3600)
