"""The policy refuses hostile requests with the expected rule, and allows honest ones.

A hostile request comes from a model that untrusted text has manipulated, a plugin, or a mistake of the operator.
"""

# ruff: noqa: E501  # a row of the tables below is a line, or two

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from helpers.chain_config import (
    BRIDGE,
    COIN,
    ETH,
    ETH_SWAP,
    FRIEND,
    IDENTITY,
    NFT,
    PAIRS,
    ROUTER,
    SIGNED,
    SPLITTER,
    SWAP_PATH,
    THIEF,
    US,
    USDC,
    VAULT,
    WETH,
    WIDE,
    call,
    pair_swap,
    rules,
    swap,
    transfer,
    tx,
    word,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ceos.chain.config.models import Allow, TxPolicy
from ceos.chain.tx.policy import PolicyVerdict, check_outcome, evaluate
from ceos.chain.tx.types import TxRequest
from ceos.errors import PolicyRefused
from ceos.evm.calldata import Signature

SWAPS = TxPolicy(
    chains=(8453,),
    max_eth="0.05",
    max_eth_per_day="0.1",
    allow=(
        Allow(contract=ROUTER, functions=("swap(uint256 amountIn, address to)",), amount="amountIn", max_amount="9"),
        Allow(contract=ROUTER, functions=("exactOutput(uint256 most) returns (uint256)",), min_out="most"),
        Allow(contract=PAIRS, functions=("multicall(bytes[] calls)",), recipients="any"),
        Allow(contract=PAIRS, functions=("run((address target, bytes data)[] steps)",), recipients="any"),
        Allow(contract=PAIRS, functions=("execute(address target, uint256 value, bytes data)",), recipients="any"),
        Allow(contract=NFT, functions=("transferOwnership(address to)",), recipients="any"),
        Allow(contract=NFT, functions=("setApprovalForAll(address operator, bool yes)",), recipients="any"),
        Allow(contract=USDC, functions=("transfer(address to, uint256 amount)",), recipients="any"),
        Allow(contract=USDC, functions=("approve(address,uint256)",), amount="amount", max_amount="5"),
        Allow(contract=VAULT, functions=("transfer(address to, uint256 amount)",), recipients="any", amount="amount",
              max_amount="5"),
        Allow(contract=SPLITTER, functions=("transfer(int256 amount)",), amount="amount", max_amount="5"),
        Allow(contract=WIDE, functions=("transfer(uint256 amount)",), amount="amount", max_amount="5", token="nothing"),
        Allow(contract="no-such-contract", functions=("ping()",)),
    ),
)  # fmt: skip


DAYS = TxPolicy(
    chains=(8453,),
    max_eth="1",
    max_eth_per_day="1",
    allow=(
        Allow(
            contract="usdc",
            functions=("transfer(address to, uint256 amount)",),
            recipients=(FRIEND,),
            amount="amount",
            max_amount="100",
            max_amount_per_day="0.000005",
        ),
    ),
)


NUMBERS = TxPolicy(
    chains=(8453,),
    max_eth="1",
    max_eth_per_day="1",
    allow=(
        Allow(
            contract=ROUTER,
            functions=("ethUnoswapTo(uint256 to, uint256 least, uint256 pool) returns (uint256)",),
            recipients=(PAIRS,),
            max_eth="1",
            min_out="least",
        ),
    ),
)


def uno_swap(to: str, flags: int = 0) -> str:
    return call("ethUnoswapTo(uint256 a, uint256 b, uint256 c)", int(to, 16) + flags, 2**100, int(PAIRS, 16) + 2**255)


def signed(to: str = FRIEND, value: int = 10**6, nonce: bytes = b"n" * 32, signature: bytes = b"s" * 65) -> str:
    return call(SIGNED, US, to, value, 0, 2**40, nonce, signature)


def path_swap(path: str, to: str = US) -> str:
    return call(SWAP_PATH, (bytes.fromhex(path), to, 10**8, 10**15))


def packed(*addresses: str) -> str:
    return "0001f4".join(address[2:] for address in addresses)


def burn(recipient: str | bytes) -> str:
    raw = recipient if isinstance(recipient, bytes) else bytes.fromhex(word(recipient))
    return call("depositForBurn(uint256 amount, uint32 domain, bytes32 mintRecipient, address burnToken)",
                10**8, 0, raw, USDC)  # fmt: skip


def note(raw: bytes) -> str:
    return call("note(bytes words)", raw)


def disperse(to: list[str], amounts: list[int]) -> str:
    return call("disperse(address[] to, uint256[] amounts)", to, amounts)


def claim(account: str, tag: bytes = b"\0" * 20) -> str:
    nothing: list[Any] = []
    return call("claim((address to, bytes20 tag)[][2] rows)", (nothing, [(US, b"\0" * 20), (account, tag)]))


def dirty(data: str, at: int, byte: str = "01") -> str:
    """Return data with another byte at a position behind the selector."""
    start = 10 + 2 * at
    return data[:start] + byte + data[start + 2 :]


TRANSFER = transfer(FRIEND, 10**6)
REGISTER = call("register(string agentURI)", "https://example.org/ada.json")
STAKE = call("stake(int128 weight, address receiver)", -5, US)
ETH_OUT = call(ETH_SWAP, 10**6, [WETH, USDC], US, 2**40)

#: A description, the rule that must refuse it, the request, and further arguments.
HOSTILE: list[tuple[str, str, TxRequest, dict[str, Any]]] = [
    # another chain
    ("ethereum instead of base", "chain", tx(FRIEND, chain_id=1), {}),
    ("the test net, whose contracts are others", "chain", tx(FRIEND, chain_id=84532), {}),
    ("no chain at all, as before EIP-155", "chain", tx(FRIEND, chain_id=0), {}),
    ("a negative chain", "chain", tx(FRIEND, chain_id=-8453), {}),
    ("a chain that is a text", "chain", tx(FRIEND, chain_id="8453"), {}),
    ("a chain that is a float", "chain", tx(FRIEND, chain_id=8453.0), {}),
    ("an empty policy", "chain", tx(FRIEND), {"policy": TxPolicy()}),
    # creating contracts
    ("no recipient", "creation", tx("", "0x6000"), {}),
    ("None as recipient", "creation", tx(None, "0x6000"), {}),  # type: ignore[arg-type]
    ("an empty hex recipient", "creation", tx("0x", "0x6000"), {}),
    # plain ETH
    ("eth to a stranger", "recipient", tx(THIEF, value=1), {}),
    ("eth to the zero address", "recipient", tx("0x" + 40 * "0", value=1), {}),
    ("eth to a contract that may be called only", "recipient", tx(USDC, value=1), {}),
    ("nothing to a contract that has a fallback", "recipient", tx(ROUTER), {}),
    ("an address with a forged checksum", "recipient", tx(FRIEND.swapcase().replace("X", "x")), {}),
    ("the friend's address in lower case, past the check", "recipient", tx(FRIEND.lower(), value=1), {}),
    ("an address one digit short", "recipient", tx(FRIEND[:-1], value=1), {}),
    ("an address with a line end behind", "recipient", tx(FRIEND + "\n", value=1), {}),
    ("an address with letters that only look like digits", "recipient", tx("0x" + "а" * 40, value=1), {}),
    # contracts
    ("a token nobody allowed", "contract", tx(THIEF, TRANSFER), {}),
    ("usdc of another chain", "contract", tx("0x036CbD53842c5426634e7929541eC2318f3dCF7e", TRANSFER), {}),
    ("a contract that is named, but not allowed", "contract", tx(WETH, TRANSFER), {}),
    ("data to somebody who may be sent eth", "contract", tx(FRIEND, TRANSFER), {}),
    ("the precompile that recovers keys", "contract", tx("0x" + 39 * "0" + "1", TRANSFER), {}),
    ("a contract whose name nobody knows here", "contract", tx(THIEF, call("ping()")), {"policy": SWAPS}),
    # functions
    ("transferFrom, where transfer is allowed", "function",
     tx(USDC, call("transferFrom(address a, address b, uint256 c)", US, THIEF, 1)), {}),
    ("permit, where approve is allowed", "function",
     tx(USDC, call("permit(address a,address b,uint256 c,uint256 d,uint8 e,bytes32 f,bytes32 g)",
                   US, THIEF, 1, 2, 27, b"r" * 32, b"s" * 32)), {}),
    ("a name in other letters", "function", tx(USDC, call("Transfer(address a, uint256 b)", FRIEND, 1)), {}),
    ("the same name with other types", "function", tx(USDC, call("transfer(address a, uint128 b)", FRIEND, 1)), {}),
    ("a function of another allowed contract", "function", tx(IDENTITY, TRANSFER), {}),
    ("an upgrade of the registry", "function", tx(IDENTITY, call("upgradeToAndCall(address a, bytes b)", THIEF, b"")), {}),
    ("multicall around what is allowed", "function",
     tx(IDENTITY, call("multicall(bytes[] calls)", [bytes.fromhex(REGISTER[2:])])), {}),
    ("a selector of zeros", "function", tx(USDC, "0x00000000" + TRANSFER[10:]), {}),
    ("calls in a list, allowed by mistake", "function",
     tx(PAIRS, call("multicall(bytes[] calls)", [bytes.fromhex(TRANSFER[2:])])), {"policy": SWAPS}),
    ("calls in structs, allowed by mistake", "function",
     tx(PAIRS, call("run((address target, bytes data)[] steps)", [(USDC, b"x")])), {"policy": SWAPS}),
    ("any call at all, allowed by mistake", "function",
     tx(PAIRS, call("execute(address target, uint256 value, bytes data)", USDC, 0, b"x")), {"policy": SWAPS}),
    # the data of a call
    ("half a selector, for the fallback", "calldata", tx(USDC, "0xa9059c"), {}),
    ("bytes behind the last argument", "calldata", tx(USDC, TRANSFER + "00"), {}),
    ("a whole word behind the last argument", "calldata", tx(USDC, TRANSFER + word(THIEF)), {}),
    ("an amount that is cut short", "calldata", tx(USDC, TRANSFER[:-2]), {}),
    ("no arguments at all", "calldata", tx(USDC, TRANSFER[:10]), {}),
    ("dirt in front of an address", "calldata", tx(USDC, dirty(TRANSFER, 0)), {}),
    ("a bool that is 2", "calldata", tx(NFT, dirty(call("setApprovalForAll(address a, bool b)", FRIEND, True), 63, "02")), {}),
    ("dirt behind a text", "calldata", tx(IDENTITY, dirty(REGISTER, 95)), {}),
    ("a text behind a gap", "calldata",
     tx(IDENTITY, REGISTER[:10] + word(64) + word(THIEF) + REGISTER[74:]), {}),
    ("a text whose offset points at itself", "calldata", tx(IDENTITY, REGISTER[:10] + word(0) + REGISTER[74:]), {}),
    ("a text longer than the data", "calldata", tx(IDENTITY, dirty(REGISTER, 56, "ff")), {}),
    ("a list of 2^255 entries", "calldata", tx(SPLITTER, dirty(disperse([FRIEND], [1]), 64, "80")), {}),
    ("two lists that share their bytes", "calldata",
     tx(SPLITTER, call("disperse(address[] to, uint256[] amounts)", [], [])[:10] + word(64) + word(64) + word(0)), {}),
    ("a negative number with dirt in front", "calldata", tx(VAULT, dirty(STAKE, 0, "7f")), {}),
    ("a text that is no utf-8", "calldata", tx(IDENTITY, dirty(REGISTER, 64, "ff")), {}),
    ("data beyond what nodes take", "calldata", tx(VAULT, note(b"x" * 200_000)), {}),
    ("upper-case hex", "calldata", tx(USDC, "0xA9059CBB" + TRANSFER[10:]), {}),
    ("blanks among the hex", "calldata", tx(USDC, TRANSFER[:10] + " " + TRANSFER[10:]), {}),
    ("an odd number of digits", "calldata", tx(USDC, TRANSFER + "0"), {}),
    ("bytes instead of hex", "calldata", tx(USDC, bytes.fromhex(TRANSFER[2:])), {}),  # type: ignore[arg-type]
    # agents
    ("an agent that is not on the list", "agent", tx(USDC, TRANSFER, agent="bob"), {}),
    ("nobody's agent, to slip past the list", "agent", tx(USDC, TRANSFER, agent=""), {}),
    ("the agent in capitals", "agent", tx(USDC, TRANSFER, agent="ADA"), {}),
    ("the agent with a blank", "agent", tx(USDC, TRANSFER, agent="ada "), {}),
    ("the agent in cyrillic", "agent", tx(USDC, TRANSFER, agent="аdа"), {}),
    ("an agent that is another's counter", "agent", tx(FRIEND, value=1, agent="ada:eth-per-day"), {}),
    ("the agent's name with a line end", "agent", tx(FRIEND, value=1, agent="ada\n"), {}),
    ("no name but a list", "agent", tx(FRIEND, value=1, agent=["ada"]), {}),
    # recipients
    ("usdc to a thief", "recipient", tx(USDC, transfer(THIEF, 1)), {}),
    ("usdc to the zero address", "recipient", tx(USDC, transfer("0x" + 40 * "0", 1)), {}),
    ("a friend's address but for one digit", "recipient", tx(USDC, transfer(FRIEND[:-1] + "3", 1)), {}),
    ("the thief among friends", "recipient", tx(SPLITTER, disperse([FRIEND, FRIEND, THIEF], [1, 1, 1])), {}),
    ("a struct in a list in an array", "recipient", tx(VAULT, claim(THIEF)), {}),
    ("an address in 20 bytes", "recipient", tx(VAULT, claim(US, bytes.fromhex(THIEF[2:]))), {}),
    ("an address in 32 bytes", "recipient", tx(BRIDGE, burn(THIEF)), {}),
    ("an address in free bytes", "recipient", tx(VAULT, note(bytes.fromhex(THIEF[2:]))), {}),
    ("a call in free bytes", "recipient", tx(VAULT, note(bytes.fromhex(transfer(THIEF, 1)[2:]))), {}),
    ("arguments in free bytes", "recipient", tx(VAULT, note(bytes.fromhex(word(1) + word(THIEF)))), {}),
    ("an address in an agent's metadata", "recipient",
     tx(IDENTITY, call("setMetadata(uint256 a, string b, bytes c)", 0, "agentWallet", bytes.fromhex(THIEF[2:]))), {}),
    ("an address in metadata at registration", "recipient",
     tx(IDENTITY, call("register(string a, (string b, bytes c)[] d)", "x", [("k", bytes.fromhex(THIEF[2:]))])), {}),
    ("a swap for somebody else", "recipient", tx(ROUTER, swap(to=THIEF)), {}),
    ("a swap for the router itself, from where anybody takes it", "recipient", tx(ROUTER, swap(to=ROUTER)), {}),
    ("a swap into the thief's own token", "recipient", tx(ROUTER, swap(token_out=THIEF)), {}),
    ("a swap on the way through the thief's token", "recipient", tx(PAIRS, pair_swap(path=(USDC, THIEF, WETH))), {}),
    ("a signed payment for a thief", "recipient", tx(USDC, signed(THIEF)), {}),
    ("a payment of somebody else's", "recipient",
     tx(USDC, call(SIGNED, THIEF, FRIEND, 1, 0, 1, b"n" * 32, b"s" * 65)), {}),
    ("ownership, allowed to anybody by mistake", "recipient",
     tx(NFT, call("transferOwnership(address to)", THIEF)), {"policy": SWAPS}),
    ("a swap whose recipient is a number", "recipient", tx(ROUTER, uno_swap(THIEF)), {"policy": NUMBERS}),
    ("a swap whose recipient has flags above it", "recipient", tx(ROUTER, uno_swap(THIEF, 2**255)), {"policy": NUMBERS}),
    # spenders
    ("an allowance for a thief", "spender", tx(USDC, call("approve(address a, uint256 b)", THIEF, 1)), {}),
    ("an allowance of nothing for a thief", "spender", tx(USDC, call("approve(address a, uint256 b)", THIEF, 0)), {}),
    ("a bigger allowance for a thief", "spender", tx(COIN, call("increaseAllowance(address a, uint256 b)", THIEF, 1)), {}),
    ("all nfts for a thief", "spender", tx(NFT, call("setApprovalForAll(address a, bool b)", THIEF, True)), {}),
    ("all nfts, allowed to anybody by mistake", "spender",
     tx(NFT, call("setApprovalForAll(address a, bool b)", THIEF, True)), {"policy": SWAPS}),
    # eth with a call
    ("eth with a call that takes none", "value", tx(IDENTITY, REGISTER, value=1), {}),
    ("one wei more than the entry says", "value", tx(VAULT, STAKE, value=ETH // 100 + 1), {}),
    ("a swap with more eth than the entry says", "value", tx(PAIRS, ETH_OUT, value=ETH // 40), {}),
    # eth in all
    ("one wei too many", "value-per-transaction", tx(FRIEND, value=5 * ETH // 100 + 1), {}),
    ("all there is", "value-per-transaction", tx(FRIEND, value=2**256 - 1), {}),
    ("a negative amount", "value-per-transaction", tx(FRIEND, value=-ETH), {}),
    ("a float", "value-per-transaction", tx(FRIEND, value=0.01), {}),
    ("true as an amount", "value-per-transaction", tx(FRIEND, value=True), {}),
    ("a text as an amount", "value-per-transaction", tx(FRIEND, value="1"), {}),
    ("nothing, with fees of a fortune", "fee", tx(IDENTITY, REGISTER), {"max_fee_wei": ETH}),
    ("fees one wei beyond what is left", "fee", tx(FRIEND, value=2 * ETH // 100), {"max_fee_wei": 3 * ETH // 100 + 1}),
    ("negative fees that make room", "fee", tx(FRIEND, value=1), {"max_fee_wei": -ETH}),
    ("more than an agent's day", "value-per-agent", tx(FRIEND, value=4 * ETH // 100 + 1), {}),
    ("an agent's day and a fee", "value-per-agent", tx(FRIEND, value=4 * ETH // 100), {"max_fee_wei": 1}),
    ("more than an agent's day for nobody's agent", "value-per-agent", tx(FRIEND, value=45 * ETH // 1000, agent=""), {}),
    ("more than everybody's day", "value-per-day", tx(FRIEND, value=ETH // 10**4),
     {"policy": TxPolicy(chains=(8453,), max_eth="1", max_eth_per_day="0.00001", recipients=(FRIEND,))}),
    ("a wei, on a day of nothing", "value-per-day", tx(FRIEND, value=1),
     {"policy": TxPolicy(chains=(8453,), max_eth="1", recipients=(FRIEND,))}),
    # amounts of tokens
    ("one unit too many", "amount", tx(USDC, transfer(FRIEND, 100 * 10**6 + 1)), {}),
    ("all the tokens", "amount", tx(USDC, transfer(FRIEND, 2**256 - 1)), {}),
    ("an allowance without end", "amount", tx(USDC, call("approve(address a, uint256 b)", ROUTER, 2**256 - 1)), {}),
    ("a list whose sum is too much", "amount", tx(SPLITTER, disperse([FRIEND] * 3, [50 * 10**6] * 3)), {}),
    ("a swap of more than allowed", "amount", tx(ROUTER, swap(amount=10**8 + 1)), {}),
    ("a swap of another token, counted as this one", "amount", tx(ROUTER, swap(token_in=WETH, token_out=USDC)), {}),
    ("a swap whose path begins elsewhere", "amount", tx(PAIRS, pair_swap(path=(WETH, USDC))), {}),
    ("a swap without a path", "amount", tx(PAIRS, pair_swap(path=())), {}),
    ("a packed path that begins elsewhere", "amount", tx(ROUTER, path_swap(packed(WETH, USDC))), {}),
    ("a packed path that is cut short", "calldata", tx(ROUTER, path_swap(USDC[2:-2])), {}),
    ("a packed path with half a token behind", "calldata", tx(ROUTER, path_swap(packed(USDC, WETH)[:-20])), {}),
    ("a packed path through the thief's token", "recipient", tx(ROUTER, path_swap(packed(USDC, THIEF, WETH))), {}),
    ("a signed payment of too much", "amount", tx(USDC, signed(value=10**6 + 1)), {}),
    ("a transfer whose rule names no amount", "amount", tx(USDC, transfer(FRIEND, 1)), {"policy": SWAPS}),
    ("an allowance whose arguments have no names", "amount",
     tx(USDC, call("approve(address a, uint256 b)", US, 1)), {"policy": SWAPS}),
    ("a token of which nobody knows the decimals", "amount", tx(VAULT, transfer(FRIEND, 1)), {"policy": SWAPS}),
    ("an amount that may be negative", "amount", tx(SPLITTER, call("transfer(int256 a)", -1)), {"policy": SWAPS}),
    ("an amount of a token that is not there", "amount", tx(WIDE, call("transfer(uint256 a)", 1)), {"policy": SWAPS}),
    ("one unit more than a day has", "amount-per-day", tx(USDC, transfer(FRIEND, 6)), {"policy": DAYS}),
    # swaps
    ("a swap whose rule asks for no least", "swap", tx(ROUTER, call("swap(uint256 a, address b)", 1, US)), {"policy": SWAPS}),
    ("a swap that fixes what comes out", "swap", tx(ROUTER, call("exactOutput(uint256 a)", 1)), {"policy": SWAPS}),
    ("a swap that takes whatever comes", "min-out", tx(ROUTER, swap(least=0)), {}),
    ("a swap of eth that takes whatever comes", "min-out",
     tx(PAIRS, call(ETH_SWAP, 0, [WETH, USDC], US, 2**40), value=1), {}),
    ("a swap that takes much less than it should give", "min-out",
     tx(ROUTER, swap(least=10**15)), {"returned": "0x" + word(2 * 10**15)}),
    ("a swap that takes just less than it should give", "min-out",
     tx(ROUTER, swap(least=969)), {"returned": "0x" + word(1000)}),
    ("a swap of which the last amount counts", "min-out",
     tx(PAIRS, pair_swap(least=899)), {"returned": "0x" + word(32) + word(2) + word(1) + word(1000)}),
    ("a swap whose simulation gives nothing", "min-out", tx(ROUTER, swap()), {"returned": "0x" + word(0)}),
    ("a swap whose simulation says nothing", "min-out", tx(ROUTER, swap()), {"returned": "0x"}),
    ("a swap whose simulation says too much", "min-out", tx(ROUTER, swap()), {"returned": "0x" + word(1) * 2}),
    ("a swap whose simulation lists nothing", "min-out", tx(PAIRS, pair_swap()), {"returned": "0x" + word(32) + word(0)}),
]  # fmt: skip

#: Honest requests, and the rules which each would break if it were a little different.
HONEST: list[tuple[str, str, TxRequest, dict[str, Any]]] = [
    ("eth to a friend", "chain creation recipient", tx(FRIEND, value=ETH // 100), {"max_fee_wei": ETH // 1000}),
    ("as much eth as an agent's day has", "value-per-agent value-per-transaction fee",
     tx(FRIEND, value=ETH // 100), {"max_fee_wei": 3 * ETH // 100}),
    ("as much eth as everybody's day has", "value-per-day", tx(FRIEND, value=10**9),
     {"policy": TxPolicy(chains=(8453,), max_eth="1", max_eth_per_day="0.000000001", recipients=(FRIEND,))}),
    ("usdc to a friend", "contract function calldata agent recipient amount",
     tx(USDC, transfer(FRIEND, 100 * 10**6)), {"max_fee_wei": 10**12}),
    ("as much usdc as a day has", "amount-per-day", tx(USDC, transfer(FRIEND, 5)), {"policy": DAYS}),
    ("usdc to ourselves", "recipient", tx(USDC, transfer(US, 1)), {}),
    ("an allowance for the router", "spender amount", tx(USDC, call("approve(address a, uint256 b)", ROUTER, 10**8)), {}),
    ("an allowance by the operator", "agent", tx(USDC, call("approve(address a, uint256 b)", ROUTER, 1), agent=""), {}),
    ("a signed payment", "recipient amount calldata", tx(USDC, signed()), {}),
    ("a registration", "contract function calldata", tx(IDENTITY, REGISTER), {}),
    ("a registration with metadata", "recipient calldata",
     tx(IDENTITY, call("register(string a, (string b, bytes c)[] d)", "ü", [("k", b"\x01" * 32), ("l", b"")])), {}),
    ("a hash as metadata", "recipient", tx(IDENTITY, call("setMetadata(uint256 a, string b, bytes c)", 0, "s", b"\xf3" * 32)), {}),
    ("small numbers in bytes", "recipient", tx(VAULT, note(bytes.fromhex(word(64) + word(10**18)))), {}),
    ("our own account in a struct", "recipient calldata", tx(VAULT, claim(US, bytes.fromhex(US[2:]))), {}),
    ("a negative number with eth", "value calldata", tx(VAULT, STAKE, value=ETH // 100), {}),
    ("shares for a friend", "amount recipient", tx(SPLITTER, disperse([FRIEND] * 2, [50 * 10**6] * 2)), {}),
    ("a bridge to a friend", "recipient amount", tx(BRIDGE, burn(FRIEND)), {}),
    ("a call with any recipient", "recipient agent", tx(WIDE, call("ping(address a)", THIEF), agent="bob"), {}),
    ("a swap", "swap min-out amount recipient", tx(ROUTER, swap(least=970)), {"returned": "0x" + word(1000)}),
    ("a swap along a packed path", "swap amount", tx(ROUTER, path_swap(packed(USDC, WETH))), {"returned": "0x" + word(10**15)}),
    ("a swap through pairs", "min-out amount",
     tx(PAIRS, pair_swap(least=900)), {"returned": "0x" + word(32) + word(2) + word(10**9) + word(1000)}),
    ("a swap of eth", "value min-out", tx(PAIRS, ETH_OUT, value=ETH // 50), {}),
    ("a swap whose recipient and pool are numbers", "recipient", tx(ROUTER, uno_swap(US)), {"policy": NUMBERS}),
    ("nfts for a friend", "spender", tx(NFT, call("setApprovalForAll(address a, bool b)", FRIEND, True)), {}),
]  # fmt: skip


def judged(
    request: TxRequest, *, policy: TxPolicy | None = None, returned: str | None = None, **rest: Any
) -> PolicyVerdict:
    config, contracts = rules()
    verdict = evaluate(policy or config.policy, request, contracts.find, account=US, **rest)
    if returned is not None:
        check_outcome(verdict, returned)
    return verdict


@pytest.mark.parametrize(("what", "rule", "request_", "rest"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_a_hostile_request_is_refused_by_name(what: str, rule: str, request_: TxRequest, rest: dict[str, Any]) -> None:
    with pytest.raises(PolicyRefused) as refusal:
        judged(request_, **rest)
    assert (refusal.value.rule, str(refusal.value).startswith(f"rule {rule}: ")) == (rule, True), str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("what", "rules_", "request_", "rest"), HONEST, ids=[row[0] for row in HONEST])
def test_an_honest_request_is_allowed(what: str, rules_: str, request_: TxRequest, rest: dict[str, Any]) -> None:
    TxRequest.model_validate(request_.model_dump())
    assert judged(request_, **rest).caps[0].name == "eth-per-day"


def test_every_rule_refuses_something_and_lets_something_through() -> None:
    refusing = {row[1] for row in HOSTILE}
    passing = {rule for row in HONEST for rule in row[1].split()}
    assert refusing == passing
    assert len(HOSTILE) >= 60
    assert len({row[0] for row in HOSTILE}) == len(HOSTILE)


@pytest.mark.parametrize(
    ("request_", "fee", "why"),
    [
        (tx(FRIEND, value=3 * ETH // 100), 0, ""),
        (tx(FRIEND, value=3 * ETH // 100), 1, "it may cost 0.030000000000000001 ETH, more than 0.03"),
        (tx(USDC, transfer(FRIEND, 50 * 10**6)), 0, ""),
        (tx(USDC, transfer(FRIEND, 50 * 10**6 + 1)), 0, "50.000001 tokens are more than 50"),
        (
            tx(NFT, call("setApprovalForAll(address a, bool b)", FRIEND, True)),
            0,
            "setApprovalForAll hands over control",
        ),
    ],
    ids=["eth at the threshold", "a fee above it", "tokens at theirs", "one unit above it", "power over all nfts"],
)
def test_a_person_is_asked_above_a_threshold_and_for_power(request_: TxRequest, fee: int, why: str) -> None:
    assert judged(request_, max_fee_wei=fee).approval == why


def test_what_is_counted_for_a_day_is_rounded_up_and_the_limit_down() -> None:
    eth, agent, tokens = judged(tx(USDC, transfer(FRIEND, 1)), max_fee_wei=10**9 + 1).caps
    assert (eth.name, eth.amount, eth.most, eth.limit_text()) == ("eth-per-day", 2, 5 * 10**8, "0.5 ETH")
    assert judged(tx(FRIEND, agent="")).caps[1].name == "eth-per-agent-per-day:-"
    assert (agent.name, agent.amount, agent.rule) == ("eth-per-agent-per-day:ada", 2, "value-per-agent")
    assert tokens.name.startswith(f"tokens-per-day:{USDC}:")
    assert (tokens.amount, tokens.most, tokens.rule) == (1, 250_500_000, "amount-per-day")
    assert tokens.limit_text() == "250.5 tokens"


def test_a_token_of_many_decimals_is_counted_in_millionths() -> None:
    allow = Allow(contract="weth", functions=("burn(uint256 amount)",), amount="amount", max_amount="12345678901.123456789012345678",
                  max_amount_per_day="0.5")  # fmt: skip
    policy = TxPolicy(chains=(8453,), max_eth="1", max_eth_per_day="1", allow=(allow,))
    assert judged(tx(WETH, call("burn(uint256 a)", 10**12 + 1)), policy=policy).caps[1].amount == 2
    with pytest.raises(PolicyRefused, match=r"rule amount-per-day: .* allows 0\.5 tokens") as refusal:
        judged(tx(WETH, call("burn(uint256 a)", ETH)), policy=policy)
    assert refusal.value.rule == "amount-per-day"
    with pytest.raises(PolicyRefused, match="rule amount: "):
        judged(tx(WETH, call("burn(uint256 a)", 12345678901123456789012345679)), policy=policy)


def test_a_higher_limit_of_an_entry_does_not_start_its_day_again() -> None:
    config, _ = rules()
    entry = config.policy.allow[0]
    raised = entry.model_copy(update={"max_amount_per_day": Decimal(900), "max_amount": Decimal(800)})
    others = entry.model_copy(update={"agents": ("ada", "bob")})
    names = [
        judged(tx(USDC, TRANSFER), policy=config.policy.model_copy(update={"allow": (one,)})).caps[-1].name
        for one in (entry, raised, others)
    ]
    assert names[0] == names[1] != names[2]


def test_the_refusal_of_several_entries_is_that_of_the_nearest() -> None:
    with pytest.raises(PolicyRefused) as refusal:
        judged(tx(USDC, transfer(THIEF, 1)))
    assert str(refusal.value) == f"rule recipient: {THIEF}, in to of transfer, is not among its recipients."


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_data_but_the_plain_call_is_read(data: st.DataObject) -> None:
    """Given a call that is allowed, when any of its bytes changes or any are added, then it is that other call or none."""
    function = Signature.parse("register(string agentURI, (string metadataKey, bytes metadataValue)[] metadata)")
    plain = bytearray.fromhex(call("register(string a, (string b, bytes c)[] d)", "uri", [("k", b"v" * 40)])[2:])
    for _ in range(data.draw(st.integers(1, 4))):
        plain[data.draw(st.integers(4, len(plain) - 1))] = data.draw(st.integers(0, 255))
    plain += data.draw(st.binary(max_size=70))
    try:
        leaves = function.read("0x" + plain.hex())
    except ValueError:
        return
    uri, *rest = (leaf.value for leaf in leaves)
    pairs = [(key, bytes.fromhex(value[2:])) for key, value in zip(rest[::2], rest[1::2], strict=True)]
    assert call("register(string a, (string b, bytes c)[] d)", uri, pairs) == "0x" + plain.hex()
