"""The grants of a skill: the manifest's tables, their description for operators, and their comparison."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ceos.domain.base import Frozen
from ceos.sandbox.wire import DOCUMENT_BYTES

#: Every grant, in the order in which they are listed.
GRANTS = ("http", "llm", "memory", "metrics", "chain", "log", "now")

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
#: A name, not an IP address: its last label has a letter and is not a number such as 0x7f.
_HOST = re.compile(rf"(?:{_LABEL}\.)+(?!0x[0-9a-f]*$)(?=[^.]*[a-z]){_LABEL}")


def _is_host(value: str) -> str:
    name = value.removeprefix("*.")
    if len(value) > 253 or not _HOST.fullmatch(name):
        raise ValueError(
            "a host such as 'api.example.org' or '*.example.org': a name in lower case, no IP address, no port, no path"
        )
    return value


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Host = Annotated[str, AfterValidator(_is_host)]
#: A list in a file; a tuple here.
Listed = BeforeValidator(_listed)


class HttpGrant(Frozen):
    """Fetching pages from public hosts."""

    #: Names, or `*.name` for every host under it.
    hosts: Annotated[tuple[Host, ...], Listed] = Field(default=(), max_length=50)
    #: Params that hold URLs; the operator sets them, so their hosts are allowed too.
    hosts_from: Annotated[tuple[str, ...], Listed] = Field(default=(), max_length=50)
    max_calls: int = Field(default=5, ge=1, le=50)
    #: The size limit of one page or feed; the result of `ctx.http_get` has a limit of its own besides.
    max_bytes: int = Field(default=262_144, ge=1, le=DOCUMENT_BYTES)
    seconds: float = Field(default=5.0, ge=0.1, le=30, allow_inf_nan=False)

    @model_validator(mode="after")
    def _has_hosts(self) -> HttpGrant:
        if not self.hosts and not self.hosts_from:
            raise ValueError("at least one host, in hosts or by hosts_from")
        return self

    def covers(self, host: str) -> bool:
        """Return True if a host, or a pattern of hosts, is among `hosts`."""
        name = host.removeprefix("*.")
        return any(host == own or (own.startswith("*.") and name.endswith(own[1:])) for own in self.hosts)


class LlmGrant(Frozen):
    """Asking the agent's language model, within the agent's budget."""

    max_tokens: int = Field(default=500, ge=1, le=4000)
    max_usd: float = Field(default=0.01, gt=0, le=1, allow_inf_nan=False)


class MemoryGrant(Frozen):
    """Keeping notes from one post to the next, separately for each agent."""

    max_bytes: int = Field(default=65_536, ge=64, le=1_048_576)


class ChainGrant(Frozen):
    """Reading public data of the configured chain."""

    max_calls: int = Field(default=20, ge=1, le=100)


def _chain(value: Any) -> Any:
    """Accept `chain = true` for the grant with its defaults."""
    return {True: {}, False: None}[value] if isinstance(value, bool) else value


class Grants(Frozen):
    """The grants of one skill; a method without its grant does not exist for the skill."""

    http: HttpGrant | None = None
    llm: LlmGrant | None = None
    memory: MemoryGrant | None = None
    metrics: bool = False
    chain: Annotated[ChainGrant | None, BeforeValidator(_chain)] = None
    log: bool = False
    now: bool = False

    def names(self) -> tuple[str, ...]:
        """Return the names of the given grants."""
        return tuple(name for name in GRANTS if getattr(self, name))

    def lines(self) -> list[str]:
        """Return a description of each given grant, a line each."""
        return [line for name in self.names() for line in [_words(name, getattr(self, name))]]

    def exceeds(self, other: Grants) -> list[str]:
        """Return the grants that are wider than in `other`, each in a few words."""
        wider: list[str] = []
        for name in self.names():
            mine, theirs = getattr(self, name), getattr(other, name)
            if not theirs:
                wider.append(_in_short(name, mine))
            elif not isinstance(mine, bool):
                wider += _wider(name, mine, theirs)
        return wider


def _words(name: str, grant: Any) -> str:
    match grant:
        case HttpGrant():
            return (
                f"http: read from {_places(grant)}; at most {grant.max_calls} times a run, "
                f"{size(grant.max_bytes)} and {grant.seconds:g} s each"
            )
        case LlmGrant():
            most = f"at most {grant.max_tokens:,} tokens and {grant.max_usd:g} USD a run"
            return f"llm: ask the agent's language model; {most}"
        case MemoryGrant():
            return f"memory: keep up to {size(grant.max_bytes)} of its own notes for each agent"
        case ChainGrant():
            return f"chain: read public data of the chain; at most {grant.max_calls} times a run"
    return {
        "metrics": "metrics: read the likes, recasts and replies of the agent's own casts",
        "log": "log: write to its log",
        "now": "now: know the time",
    }[name]


def _in_short(name: str, grant: Any) -> str:
    return f"http to {_places(grant)}" if isinstance(grant, HttpGrant) else name


def _places(grant: HttpGrant) -> str:
    places = [f"every host under {host[2:]}" if host.startswith("*.") else host for host in grant.hosts]
    places += [f"the host in its parameter {name!r}" for name in grant.hosts_from]
    return " and ".join(filter(None, [", ".join(places[:-1]), places[-1]]))


def _wider(name: str, mine: Any, theirs: Any) -> Iterator[str]:
    if isinstance(mine, HttpGrant):
        hosts = tuple(host for host in mine.hosts if not theirs.covers(host))
        params = tuple(param for param in mine.hosts_from if param not in theirs.hosts_from)
        if hosts or params:
            yield f"http to {_places(mine.model_copy(update={'hosts': hosts, 'hosts_from': params}))}"
    for field in type(mine).model_fields:
        new, old = getattr(mine, field), getattr(theirs, field)
        if isinstance(new, int | float) and new > old:
            yield f"{name}.{field} {new:,} instead of {old:,}"


def size(count: int) -> str:
    """Return a number of bytes with its unit."""
    return f"{count // 1024} KiB" if count % 1024 == 0 else f"{count:,} bytes"
