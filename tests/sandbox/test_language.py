"""The language of skills, told from the author's side: what works, what is refused, and with which words."""

import contextlib
import json
import types
from typing import Any

import pytest
from helpers.benign_skills import BenignSkill, InProcessContext, benign_skills
from hypothesis import given, settings
from hypothesis import strategies as st

from ceos.sandbox import attributes, formatting, guards, modules, names, policy, timed_re, wire

BENIGN = benign_skills()
RUN = "def run(ctx, params):\n"


def compiled(source: str, allowed: Any = ()) -> types.CodeType:
    return policy.compile_skill(source, allowed)


def run(source: str, params: Any = None, *, output: guards.Output | None = None, seed: str = "seed") -> Any:
    """Run a source in this process; only harmless ones are run here."""
    namespace = guards.make_globals(output or guards.Output(), seed)
    exec(compiled(source), namespace)
    return namespace["run"](None, params)


def returned(body: str, head: str = "", **options: Any) -> Any:
    """Run the body of `run`."""
    return run(head + "\n" + RUN + "".join(f"    {line}\n" for line in body.splitlines()), **options)


def violations(source: str, allowed: Any = ()) -> list[tuple[int | None, int | None, str]]:
    with pytest.raises(policy.Rejected) as caught:
        compiled(source, allowed)
    return caught.value.violations


# What works


def test_there_are_many_benign_sources():
    assert len(BENIGN) >= 110


@pytest.mark.parametrize("skill", BENIGN, ids=lambda skill: skill.name)
def test_a_skill_as_authors_write_them_works(skill: BenignSkill):
    code = compiled(skill.source, wire.methods(skill.grants))
    namespace = guards.make_globals(guards.Output(), "seed")
    exec(code, namespace)
    value = namespace["run"](InProcessContext(skill, guards.HostError), skill.params)
    assert json.loads(json.dumps(value)) == skill.returns


def test_annotations_are_never_evaluated():
    source = (
        "def helper(x: missing() = 1, *rest: 1 / 0) -> nowhere.at.all:\n    y: 1 / 0 = x\n    z: gone\n    return y\n"
        "class Row:\n    count: 1 / 0 = 2\n    name: undefined\n" + RUN + "    return helper() + Row.count"
    )
    assert run(source) == 3


def test_the_fields_of_a_dataclass_are_names_without_types():
    head = "from dataclasses import dataclass, fields\n@dataclass\nclass Row:\n    a: 1 / 0\n    _b: int = 2\n"
    assert returned("return [(f.type, f.default) for f in fields(Row(1))][1], Row(1)._b", head) == ((None, 2), 2)


def test_a_named_tuple_and_a_typed_dict_need_only_their_names():
    head = "from typing import NamedTuple, TypedDict\nclass P(NamedTuple):\n    x: int\n    y: int = 2\n"
    head += "class D(TypedDict):\n    a: int\n"
    assert returned("return P(1), P(1)._asdict(), D(a=3)", head) == ((1, 2), {"x": 1, "y": 2}, {"a": 3})


PRIVATE = """
_LIMIT = 2


class Box:
    __slots__ = ("_n",)

    def __init__(self, _n):
        self._n = self.__m = _n

    def total(self):
        return self._n + self.__m


def _grow(box, *, _by=1):
    box._n += _by
    return box


def run(ctx, params):
    for _, __ in [(1, 2)]:
        pass
    return _grow(Box(_LIMIT), _by=5).total(), getattr(Box(3), "_n"), __
"""


def test_private_names_are_the_authors_own():
    assert run(PRIVATE) == (9, 3, 2)


def test_a_run_prints_into_one_buffer():
    output = guards.Output()
    returned("print('a', 1, sep='-')\nprint('b', end='')\nprint()\nf = print\nf('c', flush=True)", output=output)
    assert output.lines() == ["a-1", "b", "c"]


def test_output_is_cut_off_and_says_so():
    output = guards.Output(limit=10)
    returned("for _ in range(100):\n    print('abc')", output=output)
    assert output.lines() == ["abc", "abc", "ab", "(cut off: only the first 10 characters are kept)"]


def test_output_that_just_fits_is_not_cut_off():
    output = guards.Output(limit=4)
    output.write("abc\n")
    assert output.lines() == ["abc"]


def test_printing_elsewhere_is_refused():
    with pytest.raises(TypeError, match=r"print\(\) writes to the skill's log; leave out file="):
        returned("print('x', file=1)")


def test_chance_is_the_same_for_the_same_seed():
    body = "return [random.random(), random.randint(1, 99), random.choice('abc'), random.Random().random()]"
    first, again, other = (returned(body, "import random", seed=seed) for seed in ("a", "a", "b"))
    assert first == again != other


def test_chance_of_one_run_does_not_reach_another():
    body = "random.seed(1)\nreturn random.random()"
    assert returned(body, "import random", seed="a") == returned(body, "import random", seed="b")
    assert modules.facades("a")("random") is not modules.facades("a")("random")


@pytest.mark.parametrize(
    ("head", "body", "value"),
    [
        ("import urllib.parse", "return urllib.parse.quote('a b')", "a%20b"),
        ("import urllib.parse as up", "return up.quote('a b')", "a%20b"),
        ("from urllib import parse", "return parse.quote('a b')", "a%20b"),
        ("import collections.abc", "return isinstance({}, collections.abc.Mapping)", True),
        ("import math as _m", "return _m.floor(2.5)", 2),
        ("from math import floor as down, ceil", "return down(2.5) + ceil(2.5)", 5),
        ("from __future__ import annotations", "return 1", 1),
        ("import datetime", "return datetime.datetime.strptime('2026-03-02', '%Y-%m-%d').day", 2),
        ("", "return __name__", "skill"),
    ],
)
def test_imports_as_authors_write_them(head: str, body: str, value: Any):
    assert returned(body, head) == value


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("class A:\n    pass\nreturn type(A()).__name__, A.__name__, A().__class__ is A", ("A", "A", True)),
        ("return type(1) is int, type(type(1)) is type, isinstance(int, type)", (True, True, True)),
        ("return (5).__add__(2), str.__len__('abc')", (7, 3)),
        ("class E(Exception):\n    pass\ntry:\n    raise E('x') from None\nexcept E as e:\n    return e.args", ("x",)),
        ("from enum import Enum\nclass C(Enum):\n    A = 1\nreturn list(C.__members__), C(1).name", (["A"], "A")),
        ("class S:\n    __hash__ = None\n    total = 0\ns = S()\ns.total += 1\nreturn s.total, S.total", (1, 0)),
    ],
)
def test_looking_at_types_and_classes(body: str, value: Any):
    assert returned(body) == value


def test_leaving_a_with_block_shows_the_error_without_its_traceback():
    head = "class C:\n    def __enter__(self):\n        return self\n    def __exit__(self, kind, error, trace):\n"
    head += "        self.seen = [kind.__name__, str(error), trace]\n        return True\n"
    assert returned("c = C()\nwith c:\n    1 / 0\nreturn c.seen", head) == [
        "ZeroDivisionError",
        "division by zero",
        None,
    ]


def test_dotted_names_in_patterns_are_compared():
    head = "from enum import Enum\nclass C(Enum):\n    A = 1\n    B = 2\n    D = 3\n"
    body = (
        "out = []\nfor item in (C.A, C.B, [C.D, 5], [C.A, 5], 0):\n    match item:\n        case C.A:\n"
        "            out.append('a')\n        case C.B | C.D:\n            out.append('b or d')\n"
        "        case [C.D, n] if n > 1:\n            out.append(n)\n        case _:\n            out.append(None)\n"
        "return out"
    )
    assert returned(body, head) == ["a", "b or d", 5, None, None]


# Augmented assignment


AUGMENTED = """
log = []


class Box:
    def __init__(self, value):
        self.value = value


def note(name, result):
    log.append(name)
    return result


def change(box, data):
    box.value = 100
    data[0] = 200
    return 3


def run(ctx, params):
    box, data, words = Box(params), [params, [1]], {"k": [1]}
    note("owner", box).value += note("value", 5)
    note("owner", data)[note("key", 0)] -= note("value", 2)
    box.value *= change(box, data)
    data[0] += change(box, data)
    alias = data[1]
    data[1] += [2]
    words["k"] *= 2
    note("owner", data)[note("slice", slice(0, 1))] += [7]
    box.value //= 3; box.value **= 2; box.value %= 1000; box.value |= 1; box.value ^= 2; box.value &= 255
    box.value <<= 2; box.value >>= 1
    try:
        (1, 2)[note("tuple", 0)] += 1
    except TypeError:
        note("refused", None)
    return [log, box.value, data, alias is data[2], words]
"""


@given(st.integers(-(10**6), 10**6))
@settings(max_examples=30, deadline=None)
def test_augmented_assignment_is_pythons(value: int):
    plain: dict[str, Any] = {}
    exec(compile(AUGMENTED, "plain", "exec"), plain)
    assert run(AUGMENTED, value) == plain["run"](None, value)


# str.format

FIELDS = st.sampled_from(
    ["{}", "{:>5}", "{!r}", "{:{}}", "{{}}", "text", "}}", "{", "{0}", "{a}", "{a!s:^{b}}", "{a:*<9}"]
)


@given(st.lists(FIELDS, max_size=4).map("".join), st.lists(st.integers(0, 30), max_size=4))
def test_format_is_pythons_for_plain_fields(template: str, values: list[int]):
    def outcome(function: Any) -> Any:
        try:
            return function(template, *values, a="x", b=7)
        except (ValueError, IndexError, KeyError):
            # A broken template is found before anything is filled in, so the first mistake may be another.
            return None

    assert outcome(formatting.safe_format) == outcome(str.format)


@pytest.mark.parametrize(
    "body",
    [
        "return '{0.real}'.format(1)",
        "return '{0[0]}'.format([1])",
        "return '{a.real:>3}'.format_map({'a': 1})",
        "return '{0:{1.real}}'.format(1, 2)",
        "return str.format('{0.real}', 1)",
        "return str.format_map('{a.real}', {'a': 1})",
        "return getattr('{0.real}', 'for' + 'mat')(1)",
        "return list(map(str.format, ['{0.real}'], [1]))",
        "import operator\nreturn operator.methodcaller('format', 1)('{0.real}')",
        "import operator\nreturn operator.attrgetter('format')('{0.real}')(1)",
        "class S(str):\n    pass\nreturn S('{0.real}').format(1)",
        "class S(str):\n    def go(self):\n        return super().format(1)\nreturn S('{0.real}').go()",
        "from enum import StrEnum\nclass E(StrEnum):\n    A = '{0.real}'\nreturn E.A.format(1)",
    ],
)
def test_format_never_looks_into_objects(body: str):
    with pytest.raises(ValueError, match="reads an attribute or item; use an f-string"):
        returned(body)


# What is refused when it is compiled

HOOK = "names with underscores on both sides belong to Python and the sandbox; use another name"
FILES = "a skill has no files: use ctx.memory_get and ctx.memory_set with the grant memory"
LOOK = "a skill cannot look into the interpreter"
MORE = f"{LOOK}: use what the object offers without underscores"
ALONE = "a skill is synchronous: write plain functions and loops"


@pytest.mark.parametrize(
    ("statement", "column", "sentence"),
    [
        ("open('x')", 5, f"open() is not available; {FILES}"),
        ("x = 1 + eval('1')", 13, "eval() is not available; a skill cannot run generated code"),
        ("exec('1')", 5, "exec() is not available; a skill cannot run generated code"),
        ("compile('1', '', 'eval')", 5, "compile() is not available"),
        ("input()", 5, "input() is not available; a skill gets its input in ctx and params"),
        ("globals()", 5, "globals() is not available; keep values that you look up by name in a dict"),
        ("vars()", 5, "vars() is not available; use dataclasses.asdict, or keep a dict"),
        ("dir()", 5, "dir() is not available; use hasattr for a name that you know"),
        ("id(1)", 5, "id() is not available; compare with 'is'"),
        ("memoryview(b'')", 5, "memoryview() is not available; use bytes and slices of it"),
        ("bytearray()", 5, "bytearray() is not available; use bytes, or a list of numbers"),
        ("breakpoint()", 5, "breakpoint() is not available; use print; it goes to the skill's log"),
        ("raise SystemExit", 11, "SystemExit is not available; return from run instead"),
        ("raise ExceptionGroup('', [])", 11, "ExceptionGroup is not available; raise one exception at a time"),
        ("import os", 12, f"the module 'os' is not available; {FILES}"),
        ("import math, os.path", 18, f"the module 'os.path' is not available; {FILES}"),
        ("import requests", 12, "the module 'requests' is not available; use ctx.http_get with the grant http"),
        ("from urllib.request import urlopen", 5, "the module 'urllib.request' is not available; use ctx.http_get"),
        ("import time", 12, "the module 'time' is not available; use ctx.now with the grant now; a skill cannot wait"),
        ("import sys", 12, f"the module 'sys' is not available; {LOOK}"),
        ("import numpy as np", 12, "the module 'numpy' is not available; use math and statistics"),
        ("import whatever", 12, "the module 'whatever' is not available; only part of Python's library"),
        ("from math import *", 22, "import * is not available; import names one by one"),
        ("from . import helpers", 5, "a skill is one file; copy the code into it"),
        ("from json import load", 22, "'load' of the module 'json' is not available; use json.loads"),
        ("from string import Formatter", 24, "'Formatter' of the module 'string' is not available; use an f-string"),
        ("from math import sqr", 22, "'sqr' of the module 'math' is not available; did you mean sqrt?"),
        ("import json; json.dump({}, 1)", 18, "'dump' of the module 'json' is not available; use json.dumps"),
        (
            "import decimal; decimal.getcontext()",
            21,
            "'getcontext' of the module 'decimal' is not available; use Decimal",
        ),
        (
            "import random; random.SystemRandom()",
            20,
            "'SystemRandom' of the module 'random' is not available; use random",
        ),
        ("import urllib.parse; urllib.parse.sys", 26, "'sys' of the module 'urllib.parse' is not available"),
        ("async def f(): pass", 5, f"async def is not available; {ALONE}"),
        ("x = (y async for y in params)", 22, f"async for is not available; {ALONE}"),
        ("try: pass\n    except* ValueError: pass", 5, "except* is not available; use except"),
        ("class A(metaclass=type): pass", 13, "a class takes base classes only; leave out the keyword arguments"),
        ("().__class__.__bases__", 5, f"the attribute '__bases__' is not available; {MORE}"),
        ("f'{().__dict__}'", 8, "the attribute '__dict__' is not available; use dataclasses.asdict, or keep a dict"),
        ("ctx._call", 5, "the attribute '_call' is private to its class; use one without an underscore"),
        ("(x for x in []).gi_frame", 5, f"the attribute 'gi_frame' is not available; {LOOK}"),
        ("params.tb_frame", 5, f"the attribute 'tb_frame' is not available; {LOOK}"),
        ("params.f_globals", 5, f"the attribute 'f_globals' is not available; {LOOK}"),
        ("params.co_code", 5, f"the attribute 'co_code' is not available; {LOOK}"),
        ("int.mro()", 5, "the attribute 'mro' is not available; use isinstance"),
        ("params.obj", 5, "the attribute 'obj' is not available; give it another name"),
        ("params.__traceback__", 5, "the attribute '__traceback__' is not available; use str(error) and error.args"),
        ("params.__init__ = 1", 5, f"the attribute '__init__' is not available; {MORE}"),
        ("params.__name__ += 'x'", 5, "the attribute '__name__' is not available; use functools.wraps"),
        ("x = __builtins__", 9, f"'__builtins__' is not available; {HOOK}"),
        ("x = __import__('os')", 9, f"'__import__' is not available; {HOOK}"),
        ("dict(__class__=1)", 10, "an argument cannot be called '__class__'; pass a dict"),
        ("class A:\n        def __getattr__(self, n): pass", 9, "__getattr__ is not available; use a property"),
        ("class A:\n        def __new__(cls): pass", 9, "__new__ is not available; use __init__"),
        ("class A:\n        __match_args__ = ()", 9, f"'__match_args__' is not available; {HOOK}"),
        ("class A:\n        def __del__(self): pass", 9, f"'__del__' is not available; {HOOK}"),
        ("def __init__(self): pass", 5, f"'__init__' is not available; {HOOK}"),
        ("match params:\n        case object(real=x): pass", 14, "a class pattern cannot look into attributes"),
        ("match params:\n        case Point(x, y): pass", 14, "in a class pattern only a plain builtin"),
        ("match params:\n        case {params.x: 1}: pass", 15, "this pattern cannot compare with a dotted name"),
        ("match params:\n        case [1] | params.x: pass", 20, "this pattern cannot compare with a dotted name"),
    ],
)
def test_a_refusal_is_a_sentence_with_its_place(statement: str, column: int, sentence: str):
    lines = statement.count("\n")
    found = violations(f"{RUN}    pass\n    {statement}\n")
    assert len(found) == 1
    line, at, message = found[0]
    assert line in (3, 3 + lines)
    assert at == column
    assert message.startswith(sentence)


def test_columns_count_characters():
    assert violations(RUN + "    return 'äöü€😀', open\n")[0][:2] == (2, 21)


def test_all_violations_of_a_source_are_reported_at_once():
    found = violations("import os\nx = open\ndef run(ctx):\n    return ctx.__dict__, eval('1')\n")
    assert [place[0] for place in found] == [1, 2, 3, 4, 4]
    assert "run is called with two arguments: write 'def run(ctx, params):'" in [message for _, _, message in found]


def test_a_flood_of_violations_is_reported_in_part():
    assert len(violations(RUN + "    open\n" * 5000)) == policy.MAX_VIOLATIONS


def test_names_of_builtins_may_be_the_authors_own():
    assert returned("id, input, dir = 1, 2, 3\ndef open(x):\n    return x\nreturn id, input, dir, open(4)") == (
        1,
        2,
        3,
        4,
    )


def test_a_name_that_is_sometimes_a_module_is_left_alone():
    assert returned("import json\njson = params or 'text'\nreturn json.upper()") == "TEXT"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1\n", policy.messages.NO_RUN),
        ("async def run(ctx, params): pass\n", policy.messages.NO_RUN),
        ("def run(ctx): pass\n", policy.messages.RUN_PARAMETERS),
        ("def run(ctx, params, more): pass\n", policy.messages.RUN_PARAMETERS),
        ("def run(ctx, params, *, more): pass\n", policy.messages.RUN_PARAMETERS),
    ],
)
def test_run_takes_two_arguments(source: str, reason: str):
    assert reason in [message for _, _, message in violations(source)]


@pytest.mark.parametrize("parameters", ["ctx, params", "context, params=None", "ctx, params, /", "*args", "a, b, c=1"])
def test_run_may_be_written_in_several_ways(parameters: str):
    assert compiled(f"def run({parameters}):\n    return 1\n")


def test_a_method_of_ctx_needs_its_grant():
    source = "def helper(ctx):\n    return ctx.now\ndef run(c, params):\n    c.http_get('x')\n    return helper(c)\n"
    assert violations(source) == [
        (2, 12, "ctx.now needs the grant now; add it to the manifest"),
        (4, 5, "c.http_get needs the grant http; add it to the manifest"),
    ]
    assert compiled(source, wire.methods(["http", "now"]))


def test_ctx_has_nothing_else():
    (found,) = violations("def run(ctx, params):\n    return ctx.http_gets\n", wire.methods(["http"]))
    assert found == (2, 12, "ctx has no 'http_gets'; did you mean http_get?")


@pytest.mark.parametrize(
    ("source", "place", "reason"),
    [
        ("def run(ctx, params):\n    return (\n", (2, 12), "this is not Python: '(' was never closed"),
        ("return 1\n" + RUN + "    pass", (1, 1), "this is not Python: 'return' outside function"),
        (RUN + "    x = 1\n    global x\n", (3, 5), "this is not Python: name 'x' is assigned to before"),
        (RUN + "\x00", (None, None), "this is not Python: "),
        (RUN + "    '\ud800'", (None, None), "this is not Python: "),
        (RUN + "    return " + "-" * 30000 + "1", (None, None), policy.messages.TOO_DEEP),
        (RUN + "    return a" + ".b" * 20000, (None, None), policy.messages.TOO_DEEP),
        (RUN + "    return " + "(" * 300 + ")" * 300, (2, 212), "this is not Python: too many nested parentheses"),
        (RUN + "    " + "#" * wire.SOURCE_BYTES, (None, None), "the source is longer than 64 KiB; shorten it"),
    ],
    ids=["bracket", "return", "global", "null", "surrogate", "unary", "attributes", "parentheses", "long"],
)
def test_what_cannot_be_read_is_rejected(source: str, place: tuple[int | None, int | None], reason: str):
    ((line, column, message),) = violations(source)
    assert (line, column) == place
    assert message.startswith(reason)


# The hooks cannot be named

HOOKS = ["_getattr_", "_write_", "_special_", "__metaclass__", "__builtins__", "__import__", "__build_class__", "_tmp_"]
BINDINGS = [
    "{0} = 1",
    "{0}: int = 1",
    "{0}: int",
    "{0} += 1",
    "del {0}",
    "x = {0}",
    "x = lambda: {0}",
    "(x := {0})",
    "({0} := 1)",
    "[{0} for x in []]",
    "[x for {0} in []]",
    "for {0} in []: pass",
    "for x, (y, *{0}) in []: pass",
    "with x as {0}: pass",
    "with x as (y, {0}): pass",
    "import math as {0}",
    "from math import pi as {0}",
    "def {0}(): pass",
    "def f({0}): pass",
    "def f({0}, /): pass",
    "def f(*, {0}=1): pass",
    "def f(*{0}): pass",
    "def f(**{0}): pass",
    "lambda {0}: 1",
    "lambda *{0}, **k: 1",
    "class {0}: pass",
    "class A:\n        {0} = 1",
    "class A:\n        def {0}(self): pass",
    "class A:\n        for {0} in []: pass",
    "global {0}",
    "def f():\n        nonlocal {0}",
    "try: pass\n    except ValueError as {0}: pass",
    "match x:\n        case {0}: pass",
    "match x:\n        case [*{0}]: pass",
    "match x:\n        case {{**{0}}}: pass",
    "match x:\n        case 1 as {0}: pass",
    "match x:\n        case {0}(): pass",
    "f({0}=1)",
    "x.{0}",
    "x.{0} = 1",
    "x.{0} += 1",
    "del x.{0}",
    "@{0}\n    def f(): pass",
    "def f(x={0}): pass",
    "class A({0}): pass",
    "f'{{{0}}}'",
    "f'{{1:{{{0}}}}}'",
]


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("hook", HOOKS)
def test_no_hook_can_be_named(binding: str, hook: str):
    assert violations(RUN + "    x = 1\n    " + binding.format(hook) + "\n")


@pytest.mark.parametrize("binding", [binding for binding in BINDINGS if "nonlocal" not in binding])
@pytest.mark.parametrize("name", ["_getattr", "__write", "_tmp0", "_print", "__"])
def test_a_private_name_never_reaches_the_compiled_code(binding: str, name: str):
    """Whatever a source binds, what runs has no name with a leading underscore but the sandbox's own and Python's."""
    try:
        code = compiled(RUN + "    x = 1\n    " + binding.format(name) + "\n")
    except policy.Rejected:
        return
    ours = {
        *HOOKS,
        "__name__",
        "__module__",
        "__qualname__",
        "__annotations__",
        "_",
        "_tmp0",
        "_tmp1",
        "_tmp2",
        "_tmp3",
    }
    for inner in walk(code):
        used = {*inner.co_names, *inner.co_varnames, *inner.co_freevars, *inner.co_cellvars}
        stray = {word for word in used if word.startswith("_")} - ours
        assert not stray
        # A temporary name of ours may be there, but the author's must be another.
        assert name not in used or binding in ("x.{0} += 1",)


def walk(code: types.CodeType) -> list[types.CodeType]:
    """Return a code object and all within it."""
    return [code, *(found for inner in code.co_consts if isinstance(inner, types.CodeType) for found in walk(inner))]


def test_no_identifier_is_read_as_an_underscore():
    """Python folds look-alikes before the policy sees a name, so there is no second spelling of an underscore."""
    assert violations(RUN + "    return ｅｖａｌ('1')")[0][2].startswith("eval() is not available")
    assert violations(RUN + "    return ()._﹍dict__")


# What is refused while it runs


@pytest.mark.parametrize(
    "body",
    [
        "return getattr(1, '__dict' + '__')",
        "return getattr(lambda: 1, '__glo' + 'bals__')",
        "return getattr((x for x in []), 'gi_' + 'frame')",
        "return list(map(getattr, [lambda: 1], ['__code__']))",
        "from functools import partial\nreturn partial(getattr, print)('__self__')",
        "from functools import reduce\nreturn reduce(getattr, ['__class__', '__mro__'], 1)",
        "from operator import attrgetter\nreturn attrgetter('real.__class__.__mro__')(1)",
        "from operator import methodcaller\nreturn methodcaller('__reduce_ex__', 4)(1)",
        "return sorted([1], key=lambda x: getattr(x, '__doc__'))",
        "try:\n    [].nothing\nexcept AttributeError as e:\n    return getattr(e, 'ob' + 'j')",
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    return getattr(e, '__trace' + 'back__')",
        "return getattr(ValueError(), 'with_trace' + 'back')",
        "return getattr(int, 'm' + 'ro')()",
        "import math\nreturn getattr(math, '__lo' + 'ader__')",
        "import math\nreturn getattr(math, 'sys')",
        "class A:\n    pass\nsetattr(A(), '__class__', int)",
        "class A:\n    pass\nsetattr(A, '__getattr__', int)",
        "class A:\n    pass\ndelattr(A, '__init__')",
    ],
)
def test_attributes_are_guarded_by_whatever_way_they_are_reached(body: str):
    with pytest.raises(AttributeError):
        returned(body)


@pytest.mark.parametrize(
    "body",
    [
        "import math\nmath.pi = 3",
        "import math\nsetattr(math, 'pi', 3)",
        "import math\ndel math.pi",
        "from collections import Counter\nCounter.x = 1",
        "import textwrap\ntextwrap.wrap.x = 1",
        "print.x = 1",
        "HostError.x = 1",
        "(1, 2)[0] = 1",
        "class S(str):\n    def startswith(self, *a):\n        return False\nreturn getattr(1, S('__class__'))",
        "return type('X', (), {})",
        "class A:\n    pass\nreturn type(type(A))('X', (), {})",
        "return type(lambda: 1)",
        "return type(x for x in [])",
        "import math\nreturn type(math)",
        "import math\nclass A(math):\n    pass",
        "class A(type):\n    pass",
        "import random\nclass A(random.Random):\n    pass",
        "from string import Template\nclass A(Template):\n    pass",
        "from enum import Enum\nreturn Enum('X', 'A B')",
        "from enum import Enum\nclass A(Enum):\n    pass\nreturn A('X', {'__getattr__': 1})",
        "from collections import namedtuple\nclass S(str):\n    def isidentifier(self):\n        return True\n"
        "return namedtuple('X', [S('a: 1')])",
        "from collections import Counter\nfrom dataclasses import dataclass\nreturn dataclass(Counter)",
        "from collections import Counter\nfrom functools import total_ordering\nreturn total_ordering(Counter)",
        "import json\nreturn json.dumps(1, cls=int)",
        "import json\nreturn json.loads('1', cls=int)",
        "import copy\nreturn copy.deepcopy([], {})",
    ],
)
def test_only_what_the_skill_made_can_be_changed_or_built_on(body: str):
    with pytest.raises(TypeError):
        returned(body)


def test_wraps_leaves_the_functions_of_the_library_alone():
    import textwrap

    returned("import functools, textwrap\nfunctools.wraps(run)(textwrap.wrap)")
    assert textwrap.wrap.__name__ == "wrap"


def test_an_import_that_was_not_seen_is_refused_while_it_runs():
    find = guards.make_globals(guards.Output(), "seed")["__builtins__"]["__import__"]
    with pytest.raises(ImportError, match="the module 'os' is not available"):
        find("os")
    assert find("_strptime") is None


def test_a_missing_name_of_a_facade_is_not_looked_up_among_real_modules():
    """`from collections import abc` would find the real one in `sys.modules` if the facade had a `__name__`."""
    namespace = {"__builtins__": {"__import__": lambda *_: modules.Facade("collections", {})}}
    with pytest.raises(ImportError):
        exec("from collections import abc", namespace)


def test_nothing_within_reach_is_a_module_a_frame_or_code():
    """Walk the public attributes of everything a skill is given, as far as the guards let it."""
    # Without attributes of their own that would lead anywhere, and too many to look at one by one.
    plain = (int, str, float, bytes, types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType)
    given_builtins = guards.make_globals(guards.Output(), "seed")["__builtins__"]
    todo = [*modules.MODULES.values(), *(value for name, value in given_builtins.items() if name[0] != "_")]
    todo += [1, 1.5, "s", b"b", [], (), {}, set(), range(1), (x for x in ()), lambda: 1, ValueError("x"), property()]
    todo += [timed_re.match("a", "a"), timed_re.compile("a"), classmethod(int), super(int, 1), list[int], {}.items()]
    seen: dict[int, Any] = {}
    kinds: set[type] = set()
    while todo:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        for name in dir(value):
            with contextlib.suppress(Exception):
                found = attributes.read(value, name)
                kinds.add(type(found))
                if not isinstance(found, plain):
                    todo.append(found)
    assert not kinds & {types.ModuleType, types.FrameType, types.CodeType, types.TracebackType, types.CellType}
    assert not [value for value in seen.values() if isinstance(value, type) and issubclass(value, type)]
    assert len(seen) > 300


@pytest.mark.parametrize("name", sorted(modules.MODULES))
def test_a_module_shows_no_module_and_cannot_be_changed(name: str):
    facade = modules.MODULES[name]
    assert not any(isinstance(value, types.ModuleType) or word.startswith("_") for word, value in vars(facade).items())
    with pytest.raises(AttributeError):
        facade.anything = 1
    with pytest.raises(AttributeError):
        del facade.anything


def test_names_that_must_never_be_offered():
    never = {
        *("UserString", "UserDict", "Formatter", "update_wrapper", "getcontext", "setcontext", "localcontext"),
        *("SystemRandom", "singledispatch", "make_dataclass", "file_digest", "new", "JSONEncoder", "get_type_hints"),
        *("setitem", "delitem", "call", "TextCalendar", "ucd_3_2_0", "EnumMeta", "EnumType", "sys", "os", "builtins"),
    }
    assert not never & {word for module in modules.MODULES for word in modules.offered(module)}


# Regular expressions


@pytest.mark.parametrize(
    "call", ["re.match(p, t)", "re.compile(p).search(t)", "re.sub(p, '', t)", "list(re.finditer(p, t))"]
)
def test_a_runaway_pattern_is_stopped_and_can_be_caught(call: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(timed_re, "SECONDS", 0.05)
    body = f"p, t = r'(a+)+$', 'a' * 40 + 'b'\ntry:\n    {call}\nexcept TimeoutError as error:\n    return str(error)"
    assert returned(body, "import re").startswith("a regular expression took more than 0.05 s of processor time")


def test_the_pattern_of_a_match_is_timed_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(timed_re, "SECONDS", 0.05)
    body = (
        "m = re.match(r'(a+)+$', 'a')\ntry:\n    m.re.match('a' * 40 + 'b')\nexcept TimeoutError:\n    return 'stopped'"
    )
    assert returned(body, "import re") == "stopped"


def test_a_replacement_may_use_patterns_itself():
    body = "return re.sub(r'\\w+', lambda m: re.sub('a', 'b', m.group()), 'banana split')"
    assert returned(body, "import re") == "bbnbnb split"


def test_a_class_built_on_str_cannot_answer_the_pattern_parser():
    head = "import re\nclass S(str):\n    def __getitem__(self, i):\n        return '('\n"
    assert returned("return bool(re.match(S('ab'), 'ab'))", head) is True


# Names


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("_", "_"),
        ("plain", "plain"),
        ("_private", "ˍprivate"),
        ("__mangled", "ˍˍmangled"),
        ("__", "ˍˍ"),
        ("_hook_", "_hook_"),
        ("__dunder__", "__dunder__"),
        ("trailing_", "trailing_"),
    ],
)
def test_private_names_are_spelled_apart(name: str, spelled: str):
    assert names.respell(name) == spelled
    assert spelled.isidentifier()
    assert names.as_written(spelled) == name


def test_globals_are_made_afresh_for_every_run():
    one, two = (guards.make_globals(guards.Output(), "seed") for _ in range(2))
    assert one["__builtins__"] is not two["__builtins__"]
    one["__builtins__"]["len"] = None
    assert guards.make_globals(guards.Output(), "seed")["__builtins__"]["len"] is len
