"""What contracts understand and say, and what strangers put into their words."""

from __future__ import annotations

import json
import time
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from eth_abi.abi import decode as oracle_decode
from eth_abi.abi import encode as oracle_encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ceos.errors import InvalidInput
from ceos.evm.abi import Abi, explain_revert
from ceos.evm.abi_values import AbiWords, Param, ValuesReader, reader
from ceos.evm.types import Log, checksummed

ADDRESS = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
HASH = "0x" + "ab" * 32


def make_log(topics: Any = (), data: str = "0x", **changes: Any) -> Log:
    fields = {"address": ADDRESS, "block": 1, "block_hash": HASH, "tx_hash": HASH, "index": 0}
    return Log(topics=tuple(topics), data=data, **{**fields, **changes})


def word(number: int) -> bytes:
    return (number % 2**256).to_bytes(32, "big")


def hexed(raw: bytes) -> str:
    return "0x" + raw.hex()


# Descriptions


@pytest.mark.parametrize(
    ("line", "signature"),
    [
        ("function transfer(address to, uint256 amount) returns (bool)", "transfer(address,uint256)"),
        ("transfer(address to, uint amount)", "transfer(address,uint256)"),
        ("transfer(address,uint256)", "transfer(address,uint256)"),
        ("function f() external view returns (uint256);", "f()"),
        ("function f(address payable to, string calldata s, bytes memory b)", "f(address,string,bytes)"),
        ("function f((uint256 a, bytes b)[] xs, tuple(int8, bool)[2] y)", "f((uint256,bytes)[],(int8,bool)[2])"),
        ("event E(uint256 indexed n, string s) anonymous", "E(uint256,string)"),
        ("error TooMuch(uint n)", "TooMuch(uint256)"),
        ("function function_like(uint256[][3] event)", "function_like(uint256[][3])"),
        ("  event   Spaced ( uint8[ ]  x )".replace("[ ]", "[]"), "Spaced(uint8[])"),
    ],
)
def test_a_line_describes_a_function_an_event_or_an_error(line: str, signature: str) -> None:
    abi = Abi.parse([line])
    assert [*abi.functions, *abi.events, *abi.errors] == [signature]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "transfer",
        "transfer(",
        "transfer(address",
        "transfer(address,)",
        "transfer(address to amount)",
        "transfer(adress to)",
        "transfer(uint7 x)",
        "transfer(uint264 x)",
        "transfer(bytes33 x)",
        "transfer(bytes0 x)",
        "transfer(uint256[0] x)",
        "transfer(uint256[99999999999] x)",
        "transfer(uint256[10000][10000] x)",
        "transfer(() x)",
        "transfer(uint256 indexed x)",
        "event E(uint256 x) returns (bool)",
        "function f() viewreturns (bool)",
        "function 2f()",
        "f(" + "(" * 100 + "uint256" + ")" * 100 + ")",
        "f(uint256" + "[]" * 100 + ")",
        "f(fixed128x18 x)",
        "f(Order order)",
        "f(uint256[" + "9" * 5000 + "] x)",
    ],
)
def test_a_line_that_describes_nothing_is_refused_in_a_sentence(line: str) -> None:
    with pytest.raises(InvalidInput, match=r"."):
        Abi.parse([line])


@given(st.text(alphabet="function event(),[]0123uint256 address indexed x\n", max_size=60) | st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_no_text_breaks_the_reading_of_descriptions(text: str) -> None:
    with suppress(InvalidInput):
        Abi.parse(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["tuple", "function", "uint256"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "name", "inputs", "outputs", "components", "indexed"]), inner)
    ),
    max_leaves=12,
)


@given(JSON)
@settings(max_examples=150, deadline=None)
def test_no_json_breaks_the_reading_of_abis(source: Any) -> None:
    with suppress(InvalidInput):
        Abi.parse(source)


def test_an_abi_is_read_from_json_text_from_a_compilers_output_and_from_lines() -> None:
    item = {"type": "function", "name": "f", "inputs": [{"type": "uint256", "name": "n"}], "outputs": []}
    assert set(Abi.parse(json.dumps([item])).functions) == {"f(uint256)"}
    assert set(Abi.parse({"abi": [item, {"type": "constructor", "inputs": []}]}).functions) == {"f(uint256)"}
    assert set(Abi.parse("function f(uint256 n)\n\nevent E()").events) == {"E()"}
    with pytest.raises(InvalidInput, match="not JSON"):
        Abi.parse("[{")


def test_the_registries_come_with_ceos() -> None:
    identity = Abi.named("identity")
    assert identity.event("Registered").topic == "0xca52e62c367d81bb2e328eb795f7c7ba24afb478408a26c0e201d155c449bc4a"
    assert identity.event("MetadataSet").topic == "0x2c149ed548c6d2993cd73efe187df6eccabe4538091b33adbd25fafdb8a1468b"
    feedback = Abi.named("reputation").event("NewFeedback")
    assert feedback.topic == "0x6a4a61743519c9d648a14e6493f47dbe3ff1aa29e7785c96c8326a205e58febc"
    pay = Abi.named("erc20").function(
        "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"
    )
    assert pay.selector.hex() == "e3ee160e"
    assert Abi.named("erc20").function("authorizationState").selector.hex() == "e94a0102"
    assert Abi.named("gas_oracle").function("getL1Fee").selector.hex() == "49948e0e"
    assert Abi.named("multicall3").function("aggregate3").selector.hex() == "82ad56cb"


@pytest.mark.parametrize("name", ["nothing", "../config", "Identity", ""])
def test_there_are_no_other_abis(name: str) -> None:
    with pytest.raises(InvalidInput, match="no ABI named"):
        Abi.named(name)


def test_a_name_that_several_functions_share_needs_its_types() -> None:
    identity = Abi.named("identity")
    with pytest.raises(InvalidInput, match=r"several functions named 'register'.*register\(string\)"):
        identity.function("register")
    assert identity.function("register(string agentURI)").signature == "register(string)"
    assert identity.function("function register()").signature == "register()"
    with pytest.raises(InvalidInput, match=r"no function 'register\(uint256\)'. Known: register"):
        identity.function("register(uint256)")
    with pytest.raises(InvalidInput, match=r"no event 'Regstered'. Known: .*Registered"):
        identity.event("Regstered")


# Values that go in


def test_a_call_is_encoded_from_positions_names_and_texts() -> None:
    transfer = Abi.named("erc20").function("transfer")
    expected = "0xa9059cbb" + oracle_encode(["address", "uint256"], [ADDRESS, 5]).hex()
    assert transfer.encode(ADDRESS, 5) == expected
    assert transfer.encode(to=ADDRESS, amount="5") == expected
    assert transfer.encode(ADDRESS.lower(), amount="0x05") == expected
    assert transfer.decode_call(expected) == {"to": ADDRESS, "amount": 5}


def test_structs_and_lists_are_encoded_from_json() -> None:
    function = Abi.parse(["f((uint256 a, (bytes b, bool c) d)[] xs, bytes4 e)"]).function("f")
    given_ = [{"a": 1, "d": {"b": "0x0102", "c": True}}, {"a": "2", "d": {"b": "0x", "c": "false"}}]
    data = function.encode(given_, b"\x01\x02\x03\x04")
    expected = oracle_encode(
        ["(uint256,(bytes,bool))[]", "bytes4"], [[(1, (b"\x01\x02", True)), (2, (b"", False))], b"\x01\x02\x03\x04"]
    )
    assert data == hexed(function.selector + expected)
    read = function.decode_call(data)
    assert read == {
        "xs": [{"a": 1, "d": {"b": "0x0102", "c": True}}, {"a": 2, "d": {"b": "0x", "c": False}}],
        "e": "0x01020304",
    }
    assert function.encode(**read) == data


@pytest.mark.parametrize(
    ("type", "value"),
    [
        ("uint8", 256),
        ("uint256", -1),
        ("uint256", 1.0),
        ("uint256", True),
        ("uint256", "1.5"),
        ("uint256", None),
        ("int8", 128),
        ("bool", 1),
        ("bool", "yes"),
        ("address", "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293Bc"),
        ("address", "vitalik.eth"),
        ("address", 5),
        ("bytes4", b"\x01"),
        ("bytes4", "0x0102030405"),
        ("bytes", "0102"),
        ("bytes", "0x1"),
        ("string", b"x"),
        ("string", "\ud800"),
        ("uint256[2]", [1]),
        ("uint256[]", 1),
        ("uint256[]", "12"),
        ("(uint256 a, bool b)", {"a": 1}),
        ("(uint256 a, bool b)", [1]),
        ("(uint256 a, bool b)", 7),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_named(type: str, value: Any) -> None:
    function = Abi.parse([f"f({type} thing)"]).function("f")
    with pytest.raises(InvalidInput, match="for thing"):
        function.encode(value)


def test_a_wrong_number_of_arguments_is_refused_with_the_right_ones() -> None:
    transfer = Abi.named("erc20").function("transfer")
    for args, named in (((ADDRESS,), {}), ((ADDRESS, 1, 2), {}), ((ADDRESS,), {"to": ADDRESS}), ((), {"x": 1})):
        with pytest.raises(InvalidInput, match="transfer takes address to, uint256 amount"):
            transfer.encode(*args, **named)


# Values that come out

LEAVES = {
    "uint8": st.integers(0, 2**8 - 1),
    "uint256": st.integers(0, 2**256 - 1),
    "int24": st.integers(-(2**23), 2**23 - 1),
    "int256": st.integers(-(2**255), 2**255 - 1),
    "bool": st.booleans(),
    "address": st.binary(min_size=20, max_size=20).map(hexed),
    "bytes3": st.binary(min_size=3, max_size=3),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bytes": st.binary(max_size=70),
    "string": st.text(max_size=40),
}


@st.composite
def typed_values(draw: Any, depth: int = 3) -> tuple[Param, Any]:
    """Draw a type and a value of it, as eth_abi takes it."""
    kind = draw(st.sampled_from(["leaf", "list", "array", "struct"])) if depth else "leaf"
    if kind == "leaf":
        type = draw(st.sampled_from(sorted(LEAVES)))
        return Param("", type), draw(LEAVES[type])
    if kind == "struct":
        parts = [draw(typed_values(depth - 1)) for _ in range(draw(st.integers(1, 3)))]
        members = tuple(Param(f"m{i}", one.type, one.members) for i, (one, _) in enumerate(parts))
        return Param("", f"({','.join(one.type for one in members)})", members), tuple(value for _, value in parts)
    inner, value = draw(typed_values(depth - 1))
    size = draw(st.integers(1, 3))
    # The same value again: what matters here is where it stands.
    suffix = f"[{size}]" if kind == "array" else "[]"
    return Param("", inner.type + suffix, inner.members), [value] * (size if kind == "array" else size - 1)


def as_json(param: Param, value: Any) -> Any:
    if isinstance(value, bytes):
        return hexed(value)
    if param.type == "address":
        return checksummed(value)
    if param.type.endswith("]"):
        inner = Param("", param.type[: param.type.rindex("[")], param.members)
        return [as_json(inner, one) for one in value]
    if param.members:
        return {one.name: as_json(one, part) for one, part in zip(param.members, value, strict=True)}
    return value


@given(st.lists(typed_values(), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_whatever_eth_abi_writes_is_read_back(parts: list[tuple[Param, Any]]) -> None:
    params = tuple(param for param, _ in parts)
    data = oracle_encode([param.type for param in params], [value for _, value in parts])
    assert ValuesReader(params).read(data) == [as_json(param, value) for param, value in parts]
    with pytest.raises(ValueError):
        ValuesReader(params).read(data[:-32])


@given(st.lists(typed_values(), min_size=1, max_size=2), st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_bytes_are_read_as_eth_abi_reads_them_or_refused(parts: list[tuple[Param, Any]], data: Any) -> None:
    params = tuple(param for param, _ in parts)
    types = [param.type for param in params]
    raw = bytearray(oracle_encode(types, [value for _, value in parts]))
    for _ in range(data.draw(st.integers(1, 3))):
        at = 32 * data.draw(st.integers(0, len(raw) // 32 - 1))
        raw[at : at + 32] = word(data.draw(st.sampled_from([0, 1, 31, 32, 33, 64, 96, 2**31, 2**255, 2**256 - 1])))
    try:
        found = ValuesReader(params).read(bytes(raw))
    except ValueError:
        found = None
    try:
        expected = oracle_decode(types, bytes(raw), strict=True)
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return
    assert found == [as_json(param, value) for param, value in zip(params, expected, strict=True)]


ANY_TYPES = st.lists(typed_values().map(lambda one: one[0]), min_size=1, max_size=3).map(tuple)


@given(
    ANY_TYPES,
    st.binary(max_size=400) | st.lists(st.integers(0, 200), max_size=12).map(lambda ns: b"".join(map(word, ns))),
)
@settings(max_examples=150, deadline=None)
def test_any_bytes_at_all_are_read_or_refused(params: tuple[Param, ...], raw: bytes) -> None:
    with suppress(ValueError):
        json.dumps(ValuesReader(params).read(raw))


def test_pointers_at_one_tail_do_not_unfold_without_end() -> None:
    # Every list has 60 heads that all point at the next list: 60^8 values in 16 kilobytes.
    width, depth = 60, 8
    levels = [word(width) + word(32 * width) * width for _ in range(depth)]
    data = word(32) + b"".join(levels) + word(0)
    param = Param("", "uint256" + "[]" * (depth + 1))
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(ValueError, match="points back"):
        ValuesReader((param,)).read(data)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert time.process_time() - began < 5
    words = AbiWords(data)
    with pytest.raises(ValueError):
        reader(param).read(words, 0, 0)
    assert words.left >= -1


@pytest.mark.parametrize("length", [2**31, 2**64, 2**255, 2**256 - 1])
@pytest.mark.parametrize("type", ["bytes", "string", "uint256[]", "string[]", "(bytes)[]", "uint8[][3]", "bool[2][]"])
def test_a_length_beyond_the_end_is_refused_unread(type: str, length: int) -> None:
    members = (Param("", "bytes"),) if type.startswith("(") else ()
    inner = [word(32) + word(1) + word(32) + word(length)] if type in ("string[]", "(bytes)[]") else []
    for data in (word(32) + word(length), word(length) + word(1), *inner):
        with pytest.raises(ValueError):
            ValuesReader((Param("", type, members),)).read(data)


# Results


def test_one_result_comes_alone_and_several_as_a_tuple() -> None:
    abi = Abi.parse(["f() returns (uint256)", "g() returns (uint256, string)", "h()"])
    assert abi.function("f").decode_result(hexed(word(7))) == 7
    assert abi.function("g").decode_result(hexed(oracle_encode(["uint256", "string"], [7, "é"]))) == (7, "é")
    assert abi.function("h").decode_result("0x") == ()


@pytest.mark.parametrize("data", ["0x", "0x01", "", "7", "0xzz", hexed(word(7)[:31])])
def test_a_result_that_is_none_is_a_value_error(data: str) -> None:
    with pytest.raises(ValueError):
        Abi.parse(["f() returns (uint256)"]).function("f").decode_result(data)


# Events

REGISTERED = Abi.named("identity").event("Registered")


def registered(agent: int = 0, uri: bytes = b"https://a.example/0.json", **changes: Any) -> Log:
    topics = (REGISTERED.topic, hexed(word(agent)), "0x" + "0" * 24 + ADDRESS[2:].lower())
    return make_log(**{"topics": topics, "data": hexed(oracle_encode(["bytes"], [uri])), **changes})


def test_an_event_is_read_in_the_order_of_its_arguments() -> None:
    found = REGISTERED.decode(registered())
    assert list(found.items()) == [("agentId", 0), ("agentURI", "https://a.example/0.json"), ("owner", ADDRESS)]


def test_a_text_that_is_no_text_does_not_stop_the_reading() -> None:
    assert REGISTERED.decode(registered(uri=b"gm \xff\xfe"))["agentURI"] == "gm \ufffd\ufffd"


def test_of_an_indexed_text_there_is_only_its_hash() -> None:
    event = Abi.parse(["event E(string indexed key, (uint256 a)[] indexed rows, uint256 value)"]).event("E")
    log = make_log((event.topic, hexed(keccak(text="gm")), HASH), hexed(word(3)))
    assert event.decode(log) == {"key": hexed(keccak(text="gm")), "rows": HASH, "value": 3}


@pytest.mark.parametrize(
    "changes",
    [
        {"topics": ()},
        {"topics": (REGISTERED.topic,)},
        {"topics": (HASH, hexed(word(0)), hexed(word(0)))},
        {"topics": (REGISTERED.topic, hexed(word(0)), hexed(word(0)), hexed(word(0)))},
        {"topics": (REGISTERED.topic, hexed(word(0)), hexed(word(2**200)))},
        {"data": "0x"},
        {"data": hexed(word(32))},
        {"data": hexed(word(2**255) + word(1))},
    ],
)
def test_a_log_of_another_event_is_a_value_error(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        REGISTERED.decode(registered(**changes))


EVENTS = [
    *(Abi.named("identity").events.values()),
    *(Abi.named("reputation").events.values()),
    Abi.parse(["event A(bytes indexed a, (uint8 b, string[] c)[] d, int128[2][] e) anonymous"]).event("A"),
    Abi.parse(["event B(bool indexed a, bytes5 indexed b, int16 indexed c, address[] d)"]).event("B"),
]
WORDS = st.lists(st.integers(0, 300) | st.sampled_from([2**255, 2**256 - 1, 2**160]), max_size=12)


@given(st.sampled_from(EVENTS), WORDS.map(lambda ns: b"".join(map(word, ns))) | st.binary(max_size=300), st.data())
@settings(max_examples=150, deadline=None)
@example(EVENTS[0], b"", None)
def test_whatever_a_log_holds_it_is_read_or_refused(event: Any, raw: bytes, data: Any) -> None:
    draw = data.draw if data else lambda strategy: []
    extra = draw(st.lists(st.integers(0, 2**256 - 1), max_size=3))
    topics = [] if event.anonymous else [event.topic]
    log = make_log([*topics, *(hexed(word(one)) for one in extra)], hexed(raw))
    try:
        found = event.decode(log)
    except ValueError:
        return
    assert set(found) == {param.name for param in event.inputs}
    json.dumps(found)


def test_a_filter_becomes_topics() -> None:
    owner = "0x" + "0" * 24 + ADDRESS[2:].lower()
    assert REGISTERED.topics() == [REGISTERED.topic]
    assert REGISTERED.topics({"agentId": 0}) == [REGISTERED.topic, hexed(word(0))]
    assert REGISTERED.topics({"owner": ADDRESS}) == [REGISTERED.topic, None, owner]
    assert REGISTERED.topics({"agentId": [1, "2"]}) == [REGISTERED.topic, [hexed(word(1)), hexed(word(2))]]
    metadata = Abi.named("identity").event("MetadataSet")
    key = metadata.inputs[1].name
    assert metadata.topics({key: "gm"}) == [metadata.topic, None, hexed(keccak(text="gm"))]


@pytest.mark.parametrize(
    ("filter", "words"),
    [
        ({"agentURI": "x"}, "cannot be filtered by 'agentURI'. Indexed arguments: agentId, owner"),
        ({"nothing": 1}, "cannot be filtered by 'nothing'"),
        ({"agentId": -1}, "is not a valid uint256"),
        ({"owner": "bob"}, "is not a valid address"),
        ({"owner": []}, "empty list"),
    ],
)
def test_a_filter_that_does_not_fit_is_refused(filter: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        REGISTERED.topics(filter)


# Refusals


def refusal(signature: str, types: list[str], values: list[Any]) -> str:
    return hexed(keccak(text=signature)[:4] + oracle_encode(types, values))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (refusal("Error(string)", ["string"], ["not today"]), "not today"),
        (refusal("Panic(uint256)", ["uint256"], [0x11]), "a number became too large or too small"),
        (refusal("Panic(uint256)", ["uint256"], [0x99]), "panic 0x99"),
        (refusal("TooMuch(uint256)", ["uint256"], [7]), "TooMuch(number=7)"),
        (refusal("ERC721NonexistentToken(uint256)", ["uint256"], [3]), "ERC721NonexistentToken(tokenId=3)"),
        ("0x11223344", "an unknown error 0x11223344"),
        ("0x08c379a0" + "ff" * 32, "an unknown error 0x08c379a0"),
        ("0x", ""),
        ("0x1122", ""),
        ("nonsense", ""),
    ],
)
def test_a_refusal_is_told_in_the_contracts_words(data: str, words: str) -> None:
    assert Abi.parse(["error TooMuch(uint256 number)"]).explain_revert(data) == words


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_no_refusal_breaks_its_explanation(raw: bytes) -> None:
    for selector in (b"", bytes.fromhex("08c379a0"), bytes.fromhex("4e487b71")):
        assert len(explain_revert(hexed(selector + raw))) <= 500
