"""`chain.toml`: what is accepted, the exact message for everything that is not, and the contracts it names."""

# ruff: noqa: E501  # a row of the table below is a line, or two

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from helpers.chain_config import RULES, USDC
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ceos.chain.config.checks import warnings
from ceos.chain.config.contracts import Contracts
from ceos.chain.config.loader import load_chain
from ceos.chain.config.models import ChainConfig
from ceos.errors import InvalidInput, NotFound

FRIEND = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"

FULL = f"""\
anchor = ["ada"]
confirmations = 5
stuck_seconds = 45

[[contract]]
name = "token"
address = "{FRIEND.lower()}"
abi = "token.json"
decimals = 18

[[contract]]
name = "counter"
address = "0x0000000000000000000000000000000000000abc"
abi = ["event Counted(address indexed who, uint256 number)", "scoreOf(address who) view returns (uint256)"]

[[subscription]]
name = "arrivals"
contract = "identity"
event = "Registered(uint256,string,address)"
filter = {{ agentId = [0, 7] }}
from_block = 1
agents = ["ada"]

[[subscription]]
name = "foreign"
contract = "{USDC}"
event = "event Transfer(address indexed from, address indexed to, uint256 value)"

[policy]
chains = [8453]
max_eth = "0.01"
max_eth_per_day = "0.05"
approve_above_eth = "0.005"
recipients = ["{FRIEND}"]

[[policy.allow]]
contract = "token"
functions = ["transfer(address to, uint amount)"]
agents = ["ada"]
recipients = "any"
amount = "amount"
max_amount = "2.50"

[x402]
max_usd_per_call = "0.10"
max_usd_per_day = "1"
[[x402.allow]]
host = "api.example.org"
pay_to = ["{FRIEND}"]
[[x402.offer]]
agent = "ada"
skill = "weather"
usd = "0.05"

[creator_score]
contract = "counter"
function = "scoreOf"
"""

TOKEN_ABI = [
    {"type": "function", "name": "transfer", "stateMutability": "nonpayable",
     "inputs": [{"name": "to", "type": "address"}, {"name": "amount", "type": "uint256"}],
     "outputs": [{"name": "", "type": "bool"}]},
]  # fmt: skip

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a chain.toml beside an ABI, and return its path."""
    (tmp_path / "token.json").write_text(json.dumps(TOKEN_ABI))

    def write(text: str) -> Path:
        path = tmp_path / "chain.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems(path: Path) -> list[str]:
    """Return what is wrong with a file, without its folder."""
    with pytest.raises(InvalidInput) as error:
        load_chain(path, ["ada"])
    return [line.replace(f"{path}:", "").replace(str(path.parent), "…") for line in error.value.problems]


def test_a_missing_file_allows_nothing(tmp_path: Path) -> None:
    config = load_chain(tmp_path / "chain.toml")
    assert config == ChainConfig()
    assert (config.policy.chains, config.policy.allow, config.policy.max_eth) == ((), (), 0)


def test_everything_can_be_said(write: Write) -> None:
    path = write(FULL)
    config = load_chain(path, ["ada"])
    assert config.contract[0].address == FRIEND
    assert config.subscription[0].filter == {"agentId": [0, 7]}
    assert config.policy.allow[0].max_amount == Decimal("2.50")
    assert (config.x402.offer[0].usd, config.x402.allow[0].host) == (Decimal("0.05"), "api.example.org")
    assert (config.anchor, config.confirmations, config.stuck_seconds) == (("ada",), 5, 45)
    assert config.creator_score is not None
    assert ChainConfig.model_validate(config.model_dump()) == config


def test_the_rules_of_the_other_tests_are_a_valid_file(write: Write) -> None:
    assert len(load_chain(write(RULES)).policy.allow) == 14


# A line of the full file, its replacement, and the beginning of the report.
MISTAKES = [
    ("confirmations = 5", 'confirmations = "5"', "2: confirmations: expected a whole number; got '5'."),
    ("confirmations = 5", "confirmations = 5000", "2: confirmations: expected at most 1000; got 5000."),
    ("confirmations = 5", "confrimations = 5", "2: confrimations: unknown key; did you mean 'confirmations'?"),
    ("confirmations = 5", "posts_per_day = 5", "2: posts_per_day: unknown key here; it belongs in [[subscription]]."),
    ("confirmations = 5", "confirmations = ", "2: not valid TOML: Invalid value (column 17)."),
    ('anchor = ["ada"]', 'anchor = ["bob"]', "1: anchor[0]: there is no agent 'bob'; 'ceos agent list' shows the known ones."),
    ("[[contract]]\nname = \"counter\"", "[[contract]]\nname = \"token\"", "12: contract[1].name: there is another contract 'token'; keep one."),
    ('"token.json"', '"tokn.json"', "8: contract[0].abi: there is no file …/tokn.json; name a JSON file beside chain.toml, or one of erc20, identity, reputation, multicall3."),
    ('"token.json"', "5", "8: contract[0].abi: expected a string; got 5."),
    ('"event Counted(address', '"evnt Counted(address', "14: contract[1].abi: 'evnt Counted(address indexed who, uint256 number)' does not describe a function, event or error: arguments belong in parentheses. Write it like 'function transfer(address to, uint256 amount) returns (bool)'."),
    ("0x0000000000000000000000000000000000000abc", "0x" + 40 * "0", "13: contract[1].address: the zero address is not a contract."),
    (f'"{FRIEND.lower()}"', f'"{FRIEND[:-1]}D"', "7: contract[0].address: expected an address whose capital letters fit its checksum (EIP-55); copy it again."),
    ('contract = "identity"', 'contract = "idenity"', "18: subscription[0].contract: No contract named 'idenity' on chain 8453. Known: token, counter, identity, reputation, usdc, multicall3. Add a [[contract]] to chain.toml, or use its address."),
    ("Registered(uint256,string,address)", "Registered(uint256,string)", "19: subscription[0].event: There is no event 'Registered(uint256,string)'. Known: Registered(uint256,string,address)."),
    ("agentId = [0, 7]", 'agentURI = "x"', "20: subscription[0].filter: Registered(uint256,string,address) cannot be filtered by 'agentURI'. Indexed arguments: agentId, owner."),
    ("agentId = [0, 7]", "agentId = [-1]", "20: subscription[0].filter: Registered(uint256,string,address): -1 is not a valid uint256 for agentId"),
    ("chains = [8453]", "chains = 8453", "30: policy.chains: expected a list; got 8453."),
    ("chains = [8453]", "chains = []", "29: policy: names no chain, so nothing can be signed; add chains = [8453] for Base."),
    ('max_eth = "0.01"', "max_eth = 0.01", "31: policy.max_eth: expected an amount from 0 on, in quotes, such as \"0.01\"; got 0.01."),
    ('max_eth = "0.01"', 'max_eth = "1e3"', "31: policy.max_eth: expected an amount from 0 on, in quotes, such as \"0.01\"; got '1e3'."),
    ('max_eth = "0.01"', 'max_eth = "٣"', "31: policy.max_eth: expected an amount from 0 on"),
    ('max_eth = "0.01"', 'max_eth = "-1"', "31: policy.max_eth: expected an amount from 0 on"),
    ('max_eth = "0.01"', "", '29: policy: max_eth is 0, which does not even pay for gas; add max_eth = "0.001" or as much as you can lose.'),
    ('max_eth_per_day = "0.05"', 'max_eth_per_day = "10000000"', "32: policy.max_eth_per_day: expected at most 9,000,000, because Redis counts no higher for a day; got '10000000'."),
    ('approve_above_eth = "0.005"', 'approve_above_eth = "0.01"', "33: policy.approve_above_eth: is never reached, because max_eth is 0.01; make it smaller."),
    (f'recipients = ["{FRIEND}"]', f'recipients = ["0x{40 * "0"}"]', "34: policy.recipients: has the zero address; anything sent there is lost."),
    ('recipients = "any"', 'recipients = "all"', "40: policy.allow[0].recipients: expected a list of addresses, or \"any\"; got 'all'."),
    ('recipients = "any"', 'recipients = ["any"]', "40: policy.allow[0].recipients[0]: expected an address: 0x and 40 hex digits; got 'any'."),
    ('agents = ["ada"]\nrecipients', 'agents = ["Ada"]\nrecipients', "39: policy.allow[0].agents[0]: expected an agent's id; got 'Ada'."),
    ("transfer(address to, uint amount)", "transfer", "38: policy.allow[0].functions[0]: 'transfer' does not describe a function, event or error: it ends too early."),
    ("transfer(address to, uint amount)", "transfer(address to, uint7 amount)", "38: policy.allow[0].functions[0]: 'transfer(address to, uint7 amount)' cannot be used: there is no type 'uint7'."),
    ("transfer(address to, uint amount)", "event transfer(address to, uint amount)", "38: policy.allow[0].functions[0]: 'event transfer(address to, uint amount)' is an event; only functions can be called."),
    ("transfer(address to, uint amount)", "transfer(address to, uint128 amount)", "38: policy.allow[0].functions[0]: token has no function transfer(address,uint128); it has transfer(address,uint256)."),
    ("transfer(address to, uint amount)", "transfer(address to, uint amount) returns (uint256)", "38: policy.allow[0].functions[0]: transfer(address,uint256) of token returns bool."),
    ("transfer(address to, uint amount)", "transfer(address, uint)", "41: policy.allow[0].amount: transfer(address,uint256) has no single uint argument named 'amount'; it has none."),
    ('uint amount)"]', 'uint amount)", "transfer(address b, uint256 amount)"]', "38: policy.allow[0].functions[1]: another function of this entry has the selector 0xa9059cbb as well; keep one."),
    ('max_amount = "2.50"', "", "41: policy.allow[0].amount: transfer moves tokens; name its argument with amount, and the limit with max_amount."),
    ('max_amount = "2.50"', 'max_amuont = "2.50"', "42: policy.allow[0].max_amuont: unknown key; did you mean 'max_amount'?"),
    ("decimals = 18", "", "37: policy.allow[0].contract: the decimals of token are unknown, so 2.50 of it has no meaning; add decimals to its [[contract]]."),
    ('max_amount = "2.50"', 'max_amount = "2.50"\ntoken = "tokn"', "43: policy.allow[0].token: No contract named 'tokn' on chain 8453. Known: token"),
    ('max_amount = "2.50"', 'max_amount = "2.50"\nmin_out = "amount"', "38: policy.allow[0].functions: transfer needs 'returns (uint256 amountOut)' behind it, to compare it with the simulation."),
    ('max_amount = "2.50"', 'max_amount = "2.50"\nmin_out_percent = "0"', "43: policy.allow[0].min_out_percent: expected a percentage from \"50\" to \"100\"; got '0'."),
    ('[[policy.allow]]', '[policy.allow]', "36: policy.allow: expected a list of tables; write [[policy.allow]] with two brackets."),
    ('max_usd_per_day = "1"', "", '44: x402: max_usd_per_day is 0, so no host can be paid; add max_usd_per_day = "0.10" or as much as you can lose.'),
    ('host = "api.example.org"', 'host = "https://api.example.org/x"', "48: x402.allow[0].host: expected the name of a host in lower case, without https:// and path, such as 'api.example.org'; got 'https://api.example.org/x'."),
    ('usd = "0.05"', 'usd = "0"', "53: x402.offer[0].usd: expected a price such as \"0.05\"; USDC has six digits after the point."),
    ('skill = "weather"', "", "50: x402.offer[0].skill: required key is missing."),
    ('function = "scoreOf"', 'function = "scoreOff"', "57: creator_score.function: There is no function 'scoreOff'. Known: scoreOf(address)."),
    ('function = "scoreOf"', 'function = "total() returns (uint256)"', "57: creator_score.function: expected a function from an account to a number, such as 'scoreOf(address) returns (uint256)'."),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES, ids=[f"{row[1][:40]!r}" for row in MISTAKES])
def test_a_mistake_is_named_with_its_line(write: Write, old: str, new: str, message: str) -> None:
    assert old in FULL
    found = problems(write(FULL.replace(old, new, 1)))
    assert any(line.startswith(message) for line in found), "\n".join(found)


# Dangerous entries, and the first sentence about each.
CARELESS = [
    ("multicall(bytes[] calls)", "", "functions", "multicall executes calls in bytes that cannot be evaluated; allow the functions it would call."),
    ("execTransaction(address to, uint256 value, bytes data)", 'recipients = "any"', "functions", "execTransaction executes calls"),
    ("run((address to, bytes data)[] steps)", "", "functions", "run executes calls"),
    ("upgradeToAndCall(address to, bytes data)", "", "functions", "upgradeToAndCall executes calls"),
    ("transferOwnership(address to)", 'recipients = "any"', "recipients", "transferOwnership hands over control; list each address in recipients"),
    ("setApprovalForAll(address to, bool yes)", "", "recipients", "setApprovalForAll hands over control"),
    ("grantRole(bytes32 role, address to)", "", "recipients", "grantRole hands over control"),
    ("safeTransferFrom(address from, address to, uint256 id)", 'recipients = "any"', "recipients", "safeTransferFrom hands over control"),
    ("permit(address a, address b, uint256 amount, uint256 c, uint8 d, bytes32 e, bytes32 f)", "", "amount", "permit moves tokens"),
    ("burn(uint256 amount)", "", "amount", "burn moves tokens"),
    ("uniswapV3Swap(uint256 amount, uint256 least, uint256[] pools) returns (uint256)", "", "min_out", "uniswapV3Swap is a swap; name the argument with its minimum output"),
    ("swap(address a, uint256 amount, uint256 least) returns (uint256)", 'min_out = "least"', "amount", "swap is a swap; name the argument with its input amount in amount."),
    ("swap(address a, uint256 amount, uint256 least) returns (uint256)", 'min_out = "least"\namount = "amount"\nmax_amount = "5"', "token_argument", "swap is a swap; name the token that goes in with token and token_argument."),
    ("swap(uint256 amount, uint256[] least) returns (uint256)", 'min_out = "least"\nmax_eth = "1"', "min_out", "'least' of swap(uint256,uint256[]) is a list; it must be one number."),
    ("swap((uint256 least)[] x) returns (uint256)", 'min_out = "x.least"\nmax_eth = "1"', "min_out", "'x.least' of swap((uint256)[]) is a list"),
    ("swap((address token, uint256 amount)[] x, uint256 least) returns (uint256)", 'min_out = "least"\namount = "x.amount"\nmax_amount = "5"\ntoken = "usdc"\ntoken_argument = "x.token"', "token_argument", "swap((address,uint256)[],uint256) has no address, list of addresses or path named 'x.token'."),
    ("swapTokensForExactETH(uint256 amount, uint256 most)", "", "functions", "swapTokensForExactETH fixes the output"),
    ("stake(int256 amount)", 'amount = "amount"\nmax_amount = "1"\ntoken = "usdc"', "amount", "stake(int256) has no single uint argument named 'amount'"),
    ("stake(uint256 amount, uint256 amount)", 'amount = "amount"\nmax_amount = "1"', "amount", "stake(uint256,uint256) has no single uint argument named 'amount'"),
    ("stake(uint256 amount)", 'approve_above = "1"', "amount", "limits of tokens need amount and max_amount."),
    ("stake(uint256 amount)", 'max_amount = "1"', "amount", "amount and max_amount belong together."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "extra", "key", "why"), CARELESS, ids=[f"{row[0][:30]}-{row[2]}" for row in CARELESS]
)
def test_a_careless_rule_is_refused_before_it_costs_anything(
    write: Write, function: str, extra: str, key: str, why: str
) -> None:
    text = FULL[FULL.index("[policy]") : FULL.index("[[policy.allow]]")]
    found = problems(write(f'{text}[[policy.allow]]\ncontract = "{FRIEND}"\nfunctions = ["{function}"]\n{extra}\n'))
    assert any(f": policy.allow[0].{key}: {why}" in line for line in found), "\n".join(found)


def test_all_mistakes_are_in_one_report_in_the_order_of_their_lines(write: Write) -> None:
    text = FULL.replace("[8453]", "8453").replace('event = "R', 'event = "r').replace('usd = "0.05"', "usd = 1")
    found = problems(write(text))
    assert [int(line.split(":")[0]) for line in found] == [19, 30, 53]


def test_a_table_that_names_a_broken_contract_is_not_reported_itself(write: Write) -> None:
    assert len(problems(write(FULL.replace("decimals = 18", 'decimals = "18"')))) == 1
    assert len(problems(write(FULL.replace('"token.json"', '"tokn.json"')))) == 1


def test_a_private_key_in_the_wrong_place_is_not_shown(write: Write) -> None:
    key = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
    text = FULL.replace(f'recipients = ["{FRIEND}"]', f'recipients = ["0x{key}"]').replace("stuck_seconds", f'"{key}"')
    report = "\n".join(problems(write(text)))
    assert "the value is not shown here" in report
    assert key[:16] not in report


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "not UTF-8; save the file with that encoding."),
        (None, "is a folder; name a file in it."),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "chain.toml"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(InvalidInput, match=message):
        load_chain(path)


def test_windows_line_ends_and_a_byte_order_mark_do_not_matter(tmp_path: Path, write: Write) -> None:
    write("")
    path = tmp_path / "chain.toml"
    path.write_bytes(b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode())
    assert load_chain(path, ["ada"]).confirmations == 5


values = st.recursive(
    st.one_of(st.booleans(), st.integers(-5, 10**30), st.floats(), st.text(max_size=8), st.sampled_from(["any", "usdc", FRIEND])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "contract", "x"]), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_the_file_is_read_or_refused(write: Write, data: st.DataObject) -> None:
    from ceos.config.toml import table_text

    lines = FULL.splitlines()
    places = [index for index, line in enumerate(lines) if " = " in line]
    for place in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        key = lines[place].split(" = ")[0]
        lines[place] = table_text("", {key: data.draw(values)}).strip()
    try:
        load_chain(write("\n".join(lines)), ["ada"])
    except InvalidInput as error:
        assert str(error)


def test_contracts_are_found_by_name_and_by_address_in_any_case(write: Write) -> None:
    path = write(FULL)
    contracts = Contracts(load_chain(path), 8453, path.parent)
    token = contracts.find("token")
    assert (token.address, token.decimals) == (FRIEND, 18)
    assert token.abi is not None and list(token.abi.functions) == ["transfer(address,uint256)"]
    assert contracts.find(FRIEND.lower()) == contracts.find(FRIEND) == token
    assert (contracts.find("usdc").address, contracts.find(USDC).name) == (USDC, "usdc")
    unknown = contracts.find("0x" + 40 * "1")
    assert (unknown.name, unknown.abi, unknown.decimals) == ("0x" + 40 * "1", None, None)


@pytest.mark.parametrize("name", ["usdt", "USDC", "usdс", "", "0x12", FRIEND[:-1] + "D"])
def test_a_name_that_only_resembles_a_contract_is_not_found(name: str, tmp_path: Path) -> None:
    with pytest.raises((NotFound, InvalidInput)):
        Contracts(ChainConfig(), 8453, tmp_path).find(name)


def test_contracts_differ_between_chains_and_an_entry_overrides_a_built_in_one(write: Write) -> None:
    path = write(f'[[contract]]\nname = "usdc"\naddress = "{FRIEND}"\nabi = "erc20"\n')
    config = load_chain(path)
    assert Contracts(ChainConfig(), 84532, path.parent).find("usdc").address != USDC
    assert Contracts(config, 8453, path.parent).find("usdc").address == FRIEND
    with pytest.raises(NotFound, match=r"No contract named 'usdc' on chain 31337\. Known: none"):
        Contracts(ChainConfig(), 31337, path.parent).find("usdc")


def test_rules_that_give_much_power_cause_a_warning(write: Write) -> None:
    rules = list(warnings(load_chain(write(RULES))))
    assert rules == ["nft: setApprovalForAll hands over control; a person approves each call."]
    assert list(warnings(load_chain(write(FULL)))) == ["token: transfer may go to any address, up to 2.50 at a time."]
