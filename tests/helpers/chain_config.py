"""An operator's `chain.toml` for tests, and calls of what it allows, honest and forged."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector as selector_of
from eth_utils import to_checksum_address

from ceos.chain.config.contracts import Contracts
from ceos.chain.config.loader import load_chain
from ceos.chain.config.models import ChainConfig
from ceos.chain.tx.types import TxRequest
from ceos.evm.calldata import Signature


def account(number: int) -> str:
    """Return an address of nobody."""
    return to_checksum_address("0x" + (number.to_bytes(1, "big") * 20).hex())


US, FRIEND, THIEF, WETH = account(0xA1), account(0xB2), account(0xEE), "0x4200000000000000000000000000000000000006"
USDC, IDENTITY = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "0x8004A169FB4a3325136EB29fA0ceB6D2e539a432"
ROUTER, PAIRS, VAULT, NFT, SPLITTER, BRIDGE, WIDE, COIN = (account(number) for number in range(0x11, 0x19))
ETH = 10**18

SWAP = (
    "exactInputSingle((address tokenIn, address tokenOut, uint24 fee, address recipient, uint256 amountIn, "
    "uint256 amountOutMinimum, uint160 sqrtPriceLimitX96) params) returns (uint256 amountOut)"
)
SWAP_PATH = (
    "exactInput((bytes path, address recipient, uint256 amountIn, uint256 amountOutMinimum) params) "
    "returns (uint256 amountOut)"
)
PAIR_SWAP = (
    "swapExactTokensForTokens(uint256 amountIn, uint256 amountOutMin, address[] path, address to, uint256 deadline) "
    "returns (uint256[] amounts)"
)
ETH_SWAP = (
    "swapExactETHForTokens(uint256 amountOutMin, address[] path, address to, uint256 deadline) "
    "returns (uint256[] amounts)"
)
SIGNED = (
    "transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, "
    "bytes32 nonce, bytes signature)"
)

RULES = f"""
[[contract]]
name = "weth"
address = "{WETH}"
abi = "erc20"
decimals = 18

[[contract]]
name = "nft"
address = "{NFT}"
abi = "identity"

[[contract]]
name = "coin"
address = "{COIN}"
abi = ["function increaseAllowance(address spender, uint256 amount) returns (bool)"]
decimals = 0

[policy]
chains = [8453]
max_eth = "0.05"
max_eth_per_day = "0.5"
max_eth_per_agent_per_day = "0.04"
approve_above_eth = "0.03"
recipients = ["{FRIEND}"]

[[policy.allow]]
contract = "usdc"
functions = ["transfer(address to, uint256 amount)"]
agents = ["ada"]
recipients = ["{FRIEND}"]
amount = "amount"
max_amount = "100"
max_amount_per_day = "250.5"
approve_above = "50"

[[policy.allow]]
contract = "usdc"
functions = ["approve(address spender, uint256 amount)"]
recipients = ["{ROUTER}"]
amount = "amount"
max_amount = "100"

[[policy.allow]]
contract = "coin"
functions = ["increaseAllowance(address spender, uint256 amount)"]
recipients = ["{ROUTER}"]
amount = "amount"
max_amount = "100"

[[policy.allow]]
contract = "usdc"
functions = ["{SIGNED}"]
recipients = ["{FRIEND}"]
amount = "value"
max_amount = "1"

[[policy.allow]]
contract = "{ROUTER}"
functions = ["{SWAP}"]
recipients = ["{USDC}", "{WETH}"]
amount = "params.amountIn"
token = "usdc"
token_argument = "params.tokenIn"
max_amount = "100"
min_out = "params.amountOutMinimum"

[[policy.allow]]
contract = "{ROUTER}"
functions = ["{SWAP_PATH}"]
recipients = ["{USDC}", "{WETH}"]
amount = "params.amountIn"
token = "usdc"
token_argument = "params.path"
max_amount = "100"
min_out = "params.amountOutMinimum"

[[policy.allow]]
contract = "{PAIRS}"
functions = ["{PAIR_SWAP}"]
recipients = ["{USDC}", "{WETH}"]
amount = "amountIn"
token = "usdc"
token_argument = "path"
max_amount = "100"
min_out = "amountOutMin"
min_out_percent = "90"

[[policy.allow]]
contract = "{PAIRS}"
functions = ["{ETH_SWAP}"]
recipients = ["{USDC}", "{WETH}"]
max_eth = "0.02"
min_out = "amountOutMin"

[[policy.allow]]
contract = "identity"
functions = [
    "register(string agentURI)",
    "register(string agentURI, (string metadataKey, bytes metadataValue)[] metadata)",
    "setMetadata(uint256 agentId, string metadataKey, bytes metadataValue)",
]

[[policy.allow]]
contract = "nft"
functions = ["setApprovalForAll(address operator, bool approved)"]
recipients = ["{FRIEND}"]

[[policy.allow]]
contract = "{VAULT}"
functions = [
    "stake(int128 weight, address receiver)",
    "note(bytes words)",
    "claim((address to, bytes20 tag)[][2] rows)",
]
max_eth = "0.01"

[[policy.allow]]
contract = "{SPLITTER}"
functions = ["disperse(address[] to, uint256[] amounts)"]
recipients = ["{FRIEND}"]
amount = "amounts"
token = "usdc"
max_amount = "100"

[[policy.allow]]
contract = "{BRIDGE}"
functions = ["depositForBurn(uint256 amount, uint32 domain, bytes32 mintRecipient, address burnToken)"]
recipients = ["{USDC}", "{FRIEND}"]
amount = "amount"
token = "usdc"
max_amount = "100"

[[policy.allow]]
contract = "{WIDE}"
functions = ["ping(address anybody)"]
recipients = "any"
agents = ["bob"]
"""


@cache
def rules() -> tuple[ChainConfig, Contracts]:
    """Return the file above, read, and its contracts."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "chain.toml"
        path.write_text(RULES)
        config = load_chain(path, ["ada", "bob"])
        return config, Contracts(config, 8453, Path(folder))


def call(signature: str, *args: Any) -> str:
    """Return the data of a call, as any library would write it."""
    function = Signature.parse(signature)
    data = encode([param.type for param in function.inputs], args)
    return "0x" + selector_of(function.types).hex() + data.hex()


def word(value: int | str) -> str:
    """Return 32 bytes of a number or an address, as hex without 0x."""
    return f"{int(value, 16) if isinstance(value, str) else value:064x}"


def tx(to: str, data: str = "0x", **fields: Any) -> TxRequest:
    """Return a request on Base; fields that its class would refuse are taken as a plugin could smuggle them in."""
    known = {"chain_id": 8453, "to": to, "data": data, "value": 0, "agent": "ada", "purpose": "", **fields}
    return TxRequest.model_construct(**known)


def transfer(to: str, amount: int) -> str:
    """Return the data of a transfer of USDC."""
    return call("transfer(address to, uint256 amount)", to, amount)


def swap(*, token_in: str = USDC, token_out: str = WETH, to: str = US, amount: int = 10**8, least: int = 10**15) -> str:
    """Return the data of a swap on the router."""
    return call(SWAP, (token_in, token_out, 500, to, amount, least, 0))


def pair_swap(*, path: tuple[str, ...] = (USDC, WETH), to: str = US, amount: int = 10**8, least: int = 10**15) -> str:
    """Return the data of a swap through pairs."""
    return call(PAIR_SWAP, amount, least, path, to, 2**40)
