"""The modules that a skill may import, and their names.

A skill never holds a module: a *facade* has the listed names only and cannot be changed. Functions that could be
misused are replaced by functions with fewer options, or by functions that call the guards.
"""

from __future__ import annotations

import base64
import bisect
import calendar
import collections
import contextlib
import copy
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import heapq
import html
import itertools
import json
import math
import numbers
import operator
import random
import re
import statistics
import string
import textwrap
import unicodedata
import urllib.parse
from collections.abc import Callable
from typing import Any

from ceos.sandbox import attributes, classes, formatting, hints, timed_re
from ceos.sandbox.names import words


class Facade:
    """A module as a skill sees it."""

    __slots__ = ("__dict__", "_title")

    def __init__(self, title: str, names: dict[str, Any]) -> None:
        object.__setattr__(self, "_title", title)
        vars(self).update(names)

    def __repr__(self) -> str:
        return f"<module '{self._title}'>"

    # Never a `__name__`: from a missing name, Python's `from … import` falls back to the real modules by it.
    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(f"the module '{self._title}' does not offer '{name}' to a skill")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"the module '{self._title}' is read-only")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"the module '{self._title}' is read-only")


def _names(module: Any, names: str) -> dict[str, Any]:
    return {name: getattr(module, name) for name in names.split() if hasattr(module, name)}


def _public(module: Any, *, without: str = "") -> dict[str, Any]:
    return {name: value for name, value in vars(module).items() if name[0] != "_" and name not in without.split()}


# Replacements


def _loads(
    s: str | bytes,
    *,
    object_hook: Any = None,
    parse_float: Any = None,
    parse_int: Any = None,
    parse_constant: Any = None,
    object_pairs_hook: Any = None,
) -> Any:
    return json.loads(
        s,
        object_hook=object_hook,
        parse_float=parse_float,
        parse_int=parse_int,
        parse_constant=parse_constant,
        object_pairs_hook=object_pairs_hook,
    )


def _dumps(
    obj: Any,
    *,
    skipkeys: bool = False,
    ensure_ascii: bool = True,
    check_circular: bool = True,
    allow_nan: bool = True,
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    default: Callable[[Any], Any] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        obj,
        skipkeys=skipkeys,
        ensure_ascii=ensure_ascii,
        check_circular=check_circular,
        allow_nan=allow_nan,
        indent=indent,
        separators=separators,
        default=default,
        sort_keys=sort_keys,
    )


def _attrgetter(*names: str) -> Callable[[Any], Any]:
    paths = [name.split(".") for name in names]

    def get(target: Any) -> Any:
        values = tuple(functools.reduce(attributes.get, path, target) for path in paths)
        return values[0] if len(values) == 1 else values

    return get


def _methodcaller(name: str, /, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
    return lambda target: attributes.get(target, name)(*args, **kwargs)


# Without `memo`, in which a skill could read the parts of any object.
def _copy(x: Any) -> Any:
    return copy.copy(x)


def _deepcopy(x: Any) -> Any:
    return copy.deepcopy(x)


def _same(value: Any, /) -> Any:
    return value


_CHANCE = (
    "random uniform randint randrange choice choices sample shuffle gauss normalvariate triangular betavariate "
    "expovariate lognormvariate getrandbits randbytes getstate setstate"
)


def _chance(seed: str) -> Facade:
    """Return `random` for one run, seeded with `seed`."""
    source = random.Random(seed)  # noqa: S311 (repeatable on purpose)

    def reseed(a: Any = None) -> None:
        source.seed(seed if a is None else a)

    def make(x: Any = None) -> random.Random:
        return random.Random(source.random() if x is None else x)  # noqa: S311

    return Facade("random", {**_names(source, _CHANCE), "seed": reseed, "Random": make})


_OPERATORS = (
    "add sub mul truediv floordiv mod pow neg pos abs and_ or_ xor invert lshift rshift not_ truth eq ne lt le gt ge "
    "is_ is_not contains concat countOf indexOf getitem itemgetter"
)

_WEEKDAYS = "MONDAY TUESDAY WEDNESDAY THURSDAY FRIDAY SATURDAY SUNDAY"
_ROUNDING = "ROUND_UP ROUND_DOWN ROUND_CEILING ROUND_FLOOR ROUND_HALF_UP ROUND_HALF_DOWN ROUND_HALF_EVEN ROUND_05UP"
_SIGNALS = "DecimalException InvalidOperation DivisionByZero Inexact Rounded Overflow Underflow"

_OFFERED: dict[str, dict[str, Any]] = {
    "abc": {"ABC": hints.Hint("ABC"), "abstractmethod": _same},
    "base64": _names(
        base64,
        "b64encode b64decode standard_b64encode standard_b64decode urlsafe_b64encode urlsafe_b64decode b32encode "
        "b32decode b16encode b16decode a85encode a85decode b85encode b85decode",
    ),
    "bisect": _names(bisect, "bisect bisect_left bisect_right insort insort_left insort_right"),
    "calendar": {
        **_names(calendar, "isleap leapdays monthrange weekday monthcalendar timegm"),
        **{name: int(getattr(calendar, name)) for name in words(_WEEKDAYS)},
        **{name: tuple(getattr(calendar, name)) for name in words("month_name month_abbr day_name day_abbr")},
    },
    "collections": {
        **_names(collections, "ChainMap Counter OrderedDict defaultdict deque"),
        "namedtuple": classes.named_tuple,
    },
    "collections.abc": hints.ABSTRACT,
    "contextlib": _names(contextlib, "contextmanager nullcontext suppress"),
    "copy": {"copy": _copy, "deepcopy": _deepcopy},
    "dataclasses": {
        **_names(dataclasses, "FrozenInstanceError MISSING asdict astuple field fields is_dataclass replace"),
        "dataclass": classes.dataclass,
    },
    "datetime": _names(datetime, "MAXYEAR MINYEAR UTC date datetime time timedelta timezone tzinfo"),
    "decimal": _names(decimal, f"Decimal {_ROUNDING} {_SIGNALS}"),
    "enum": {
        **{
            kind.__name__: hints.base(kind) for kind in (enum.Enum, enum.IntEnum, enum.StrEnum, enum.Flag, enum.IntFlag)
        },
        **_names(enum, "auto unique"),
    },
    "fractions": _names(fractions, "Fraction"),
    "functools": {
        **_names(functools, "cache cached_property cmp_to_key lru_cache partial reduce"),
        "total_ordering": classes.total_ordering,
        "wraps": classes.wraps,
    },
    "hashlib": _names(
        hashlib, "md5 sha1 sha224 sha256 sha384 sha512 sha3_224 sha3_256 sha3_384 sha3_512 blake2b blake2s"
    ),
    "heapq": _names(heapq, "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest"),
    "html": _names(html, "escape unescape"),
    "itertools": _public(itertools),
    "json": {"JSONDecodeError": json.JSONDecodeError, "dumps": _dumps, "loads": _loads},
    "math": _public(math),
    "numbers": {name: hints.Hint(name, check=getattr(numbers, name)) for name in numbers.__all__},
    "operator": {**_names(operator, _OPERATORS), "attrgetter": _attrgetter, "methodcaller": _methodcaller},
    "random": vars(_chance("")),
    "re": {
        **_names(timed_re, "compile match fullmatch search findall finditer split sub subn"),
        **_names(re, "A ASCII I IGNORECASE L LOCALE M MULTILINE NOFLAG S DOTALL U UNICODE X VERBOSE"),
        **_names(re, "error PatternError escape"),
        "Match": hints.Hint("Match", check=re.Match),
        "Pattern": hints.Hint("Pattern", check=timed_re.Pattern),
    },
    "statistics": _names(statistics, " ".join(statistics.__all__)),
    "string": {
        **_names(string, "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits octdigits printable"),
        **_names(string, "punctuation whitespace capwords"),
        "Template": formatting.Template,
    },
    "textwrap": _names(textwrap, "dedent fill indent shorten wrap"),
    "typing": hints.TYPING,
    "unicodedata": _public(unicodedata, without="UCD ucd_3_2_0"),
    "urllib.parse": _names(
        urllib.parse,
        "parse_qs parse_qsl quote quote_from_bytes quote_plus unquote unquote_plus unquote_to_bytes urldefrag "
        "urlencode urljoin urlparse urlsplit urlunparse urlunsplit",
    ),
}

#: Every module by its name; each run has its own `random`, see `facades`.
MODULES = {name: Facade(name, names) for name, names in _OFFERED.items()}
MODULES["urllib"] = Facade("urllib", {"parse": MODULES["urllib.parse"]})
MODULES["collections"] = Facade("collections", {**_OFFERED["collections"], "abc": MODULES["collections.abc"]})


def offered(module: str) -> frozenset[str]:
    """Return the names of a module."""
    return frozenset(vars(MODULES[module]))


def facades(seed: str) -> Callable[[str], Facade | None]:
    """Return the function by which one run finds its modules."""
    own: dict[str, Facade] = {}

    def find(name: str) -> Facade | None:
        if name == "random" and name not in own:
            own[name] = _chance(seed)
        return own.get(name) or MODULES.get(name)

    return find
