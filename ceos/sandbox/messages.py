"""The messages about violations of the policy: each says what to use instead.

The policy reads these tables while it compiles.
"""

from __future__ import annotations

import builtins
import difflib
from collections.abc import Collection

_FILES = "a skill has no files: use ctx.memory_get and ctx.memory_set with the grant memory"
_WEB = "use ctx.http_get with the grant http"
_PAGES = "use ctx.http_page with the grant http; it returns title, text and more of a page"
_FEEDS = "use ctx.http_feed with the grant http; it returns the items of a feed"
_CLOCK = "use ctx.now with the grant now; a skill cannot wait"
_CODE = "a skill cannot run generated code: write a function, or keep functions in a dict"
_INSPECTION = "a skill cannot look into the interpreter"
_PROCESS = "a skill has one thread and no other processes; return from run when the work is done"
_ALONE = "a skill is synchronous: write plain functions and loops"
_NATIVE = "only part of Python's library is available; copy what you need into the skill as plain Python"
_CHANCE = "use random; it is seeded for every run"
_NUMBERS = "use math and statistics"
_EXIT = "return from run instead"

_NAMES = {
    "open": _FILES,
    "input": "a skill gets its input in ctx and params",
    "exec": _CODE,
    "eval": f"{_CODE}; json.loads reads data",
    "compile": f"{_CODE}; re.compile compiles patterns",
    "globals": "keep values that you look up by name in a dict",
    "locals": "keep values that you look up by name in a dict",
    "vars": "use dataclasses.asdict, or keep a dict",
    "dir": "use hasattr for a name that you know",
    "id": "compare with 'is', or use your own key",
    "memoryview": "use bytes and slices of it",
    "bytearray": "use bytes, or a list of numbers",
    "breakpoint": "use print; it goes to the skill's log",
    "help": "use print; it goes to the skill's log",
    "exit": _EXIT,
    "quit": _EXIT,
    "SystemExit": _EXIT,
    "KeyboardInterrupt": "raise your own exception",
    "GeneratorExit": "use try and finally",
    "BaseException": "use Exception",
    "BaseExceptionGroup": "raise one exception at a time",
    "ExceptionGroup": "raise one exception at a time",
    "aiter": _ALONE,
    "anext": _ALONE,
}

_MODULES = {
    **dict.fromkeys(("os", "pathlib", "io", "shutil", "tempfile", "glob", "csv", "sqlite3", "zipfile"), _FILES),
    **dict.fromkeys(("requests", "httpx", "aiohttp", "urllib3", "urllib.request", "urllib.error", "http"), _WEB),
    **dict.fromkeys(("http.client", "socket", "ssl", "ftplib", "smtplib", "tweepy"), _WEB),
    **dict.fromkeys(("time", "sched", "arrow", "pendulum"), _CLOCK),
    **dict.fromkeys(("subprocess", "multiprocessing", "threading", "concurrent", "signal", "pty"), _PROCESS),
    **dict.fromkeys(("concurrent.futures", "queue", "atexit", "resource", "fcntl", "posix"), _PROCESS),
    **dict.fromkeys(("asyncio", "trio", "anyio"), _ALONE),
    **dict.fromkeys(("sys", "builtins", "inspect", "types", "gc", "ctypes", "importlib", "traceback"), _INSPECTION),
    **dict.fromkeys(("ast", "dis", "code", "codeop", "runpy", "pkgutil", "marshal", "weakref"), _INSPECTION),
    **dict.fromkeys(("openai", "anthropic", "litellm"), "use ctx.llm_generate with the grant llm"),
    **dict.fromkeys(("web3", "eth_abi"), "use ctx.chain_read with the grant chain"),
    **dict.fromkeys(("pickle", "shelve", "dbm", "yaml", "toml", "tomllib"), "use json"),
    **dict.fromkeys(("secrets", "uuid", "numpy.random"), f"{_CHANCE}; hashlib makes stable names"),
    **dict.fromkeys(("numpy", "pandas", "scipy"), _NUMBERS),
    **dict.fromkeys(("bs4", "lxml", "selectolax", "html.parser", "html5lib", "trafilatura"), _PAGES),
    **dict.fromkeys(("feedparser", "xml", "xml.etree", "xml.etree.ElementTree", "xml.sax", "xml.dom"), _FEEDS),
    "logging": "use print, or ctx.log with the grant log",
    "zoneinfo": "use datetime.timezone(datetime.timedelta(hours=…))",
    "pytz": "use datetime.timezone(datetime.timedelta(hours=…))",
    "typing_extensions": "import it from typing",
    "locale": "use an f-string: f'{number:,}'",
    "difflib": "compare sets of words, or use ctx.llm_generate with the grant llm",
    "ceos": "ctx holds everything of ceos that a skill may use",
}

_OFFERS = {
    ("collections", "UserString"): "use str as the base class",
    ("collections", "UserDict"): "use dict as the base class",
    ("collections", "UserList"): "use list as the base class",
    ("datetime", "sys"): _INSPECTION,
    ("decimal", "getcontext"): "use Decimal.quantize",
    ("decimal", "setcontext"): "use Decimal.quantize",
    ("decimal", "localcontext"): "use Decimal.quantize",
    ("decimal", "Context"): "use Decimal.quantize",
    ("functools", "singledispatch"): "use isinstance or match",
    ("functools", "update_wrapper"): "use functools.wraps",
    ("hashlib", "new"): "call the algorithm by its name, such as hashlib.sha256",
    ("hashlib", "file_digest"): _FILES,
    ("json", "load"): "use json.loads",
    ("json", "dump"): "use json.dumps",
    ("json", "JSONEncoder"): "pass default= to json.dumps",
    ("json", "JSONDecoder"): "pass object_hook= to json.loads",
    ("random", "SystemRandom"): _CHANCE,
    ("string", "Formatter"): "use an f-string",
    ("dataclasses", "make_dataclass"): "write the class",
    ("dataclasses", "InitVar"): "give __init__ the parameter yourself",
    ("dataclasses", "KW_ONLY"): "use @dataclass(kw_only=True)",
}

_ATTRIBUTES = {
    "__dict__": "use dataclasses.asdict, or keep a dict",
    "__doc__": "keep the text in a constant, or use functools.wraps",
    "__traceback__": "use str(error) and error.args",
    "__cause__": "use str(error) and error.args",
    "__context__": "use str(error) and error.args",
    "with_traceback": "raise the error as it is",
    "add_note": "put it into the error's message",
    "__wrapped__": "keep the function under its own name",
    "__annotations__": "use dataclasses.fields",
    "__dataclass_fields__": "use dataclasses.fields",
    "__setattr__": "leave out frozen=True, or compute the value in a property",
    "__name__": "use functools.wraps",
    "__qualname__": "use functools.wraps",
    "mro": "use isinstance",
    "obj": "give it another name",
}

_STATEMENTS = {
    "AsyncFunctionDef": f"async def is not available; {_ALONE}",
    "Await": f"await is not available; {_ALONE}",
    "AsyncFor": f"async for is not available; {_ALONE}",
    "AsyncWith": f"async with is not available; {_ALONE}",
    "TryStar": "except* is not available; use except",
    "TypeAlias": "the type statement is not available; leave it out, types are not checked here",
    "TypeVar": "type parameters are not available; leave them out, types are not checked here",
    "TypeVarTuple": "type parameters are not available; leave them out, types are not checked here",
    "ParamSpec": "type parameters are not available; leave them out, types are not checked here",
    "TemplateStr": "t-strings are not available; use an f-string",
}

STAR = "import * is not available; import names one by one"
RELATIVE = "a skill is one file; copy the code into it"
HOOK = "names with underscores on both sides belong to Python and the sandbox; use another name"
PATTERN_KEYWORDS = "a class pattern cannot look into attributes; use a guard: case Point() if point.x == 0"
PATTERN_CLASS = "in a class pattern only a plain builtin such as str(text) may hold another pattern; use a guard"
PATTERN_VALUE = "this pattern cannot compare with a dotted name; use a guard: case x if x == Color.RED"
METACLASS = "a class takes base classes only; leave out the keyword arguments"
NO_RUN = "a skill needs a function 'def run(ctx, params):' at the top level"
RUN_PARAMETERS = "run is called with two arguments: write 'def run(ctx, params):'"
TOO_DEEP = "the source is nested too deeply to be read; split it into smaller functions"

_BUILTINS = frozenset(name for name in dir(builtins) if not name.startswith("_"))


def name(word: str, offered: Collection[str]) -> str | None:
    """Return the message about a builtin name, or None for any other name and for an available one."""
    if word in offered or word not in _BUILTINS:
        return None
    title = f"{word}()" if word[0].islower() else word
    return f"{title} is not available; {_NAMES.get(word, _NATIVE)}"


def module(word: str) -> str:
    """Return the message about a module that cannot be imported."""
    instead = _MODULES.get(word) or _MODULES.get(word.partition(".")[0]) or _NATIVE
    return f"the module '{word}' is not available; {instead}"


def offer(module_name: str, word: str, offered: Collection[str]) -> str:
    """Return the message about a name that a module does not have here."""
    instead = _OFFERS.get((module_name, word)) or _close(word, offered)
    return f"'{word}' of the module '{module_name}' is not available; {instead}"


def own_name(word: str) -> str:
    """Return the message about a reserved name."""
    return f"'{word}' is not available; {HOOK}"


def attribute(word: str) -> str:
    """Return the message about an attribute."""
    if word in _ATTRIBUTES:
        return f"the attribute '{word}' is not available; {_ATTRIBUTES[word]}"
    if word.startswith("__") and word.endswith("__"):
        return f"the attribute '{word}' is not available; {_INSPECTION}: use what the object offers without underscores"
    if word.startswith("_"):
        return f"the attribute '{word}' is private to its class; use one without an underscore"
    return f"the attribute '{word}' is not available; {_INSPECTION}"


def method(word: str) -> str:
    """Return the message about a method that a class cannot have."""
    if word == "__new__":
        return "__new__ is not available; use __init__, or a function that makes the object"
    if word in ("__getattr__", "__getattribute__", "__setattr__", "__delattr__"):
        return f"{word} is not available; use a property, or __getitem__"
    return own_name(word)


def keyword(word: str) -> str:
    """Return the message about the name of a keyword argument."""
    return f"an argument cannot be called '{word}'; pass a dict, or use a name without a leading underscore"


def statement(kind: str) -> str:
    """Return the message about a kind of syntax."""
    return _STATEMENTS.get(kind, f"{kind} is not available; write it with plain statements")


def grant(context: str, method_name: str, grant_name: str) -> str:
    """Return the message about a method whose grant is missing."""
    return f"{context}.{method_name} needs the grant {grant_name}; add it to the manifest"


def context_name(context: str, word: str, offered: Collection[str]) -> str:
    """Return the message about a name that `ctx` does not have."""
    return f"{context} has no '{word}'; {_close(word, offered)}"


def _close(word: str, offered: Collection[str]) -> str:
    near = difflib.get_close_matches(word, sorted(offered), 1)
    if near:
        return f"did you mean {near[0]}?"
    if len(offered) <= 12:
        return f"available: {', '.join(sorted(offered))}"
    return _NATIVE
