"""A runtime for autonomous social agents; this module exports the names for authors of plugins.

Each name is loaded on first use: `ceos --help` must not wait for pydantic.
"""

from __future__ import annotations

from importlib import import_module

# Type checkers know this name; the typing module itself would take longer to import than all the rest of this file.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ceos.domain.agent import Agent, Persona
    from ceos.domain.chain_event import ChainEvent
    from ceos.domain.lifecycle import AgentState
    from ceos.domain.mentions import ConversationContext, Decision, Mention, ThreadCast
    from ceos.domain.mentions import ConversationContext as Talk  # noqa: F401  # a former name
    from ceos.domain.mentions import ThreadCast as Said  # noqa: F401  # a former name
    from ceos.domain.posts import Brief, Cast, Draft, HostCall, Kind, Part, Situation, SkillRun
    from ceos.domain.topics import Trend
    from ceos.errors import (
        AnswerUnusable,
        CeosError,
        DraftRejected,
        FeeTooLow,
        GateFailed,
        HostRefused,
        IllegalTransition,
        InvalidInput,
        KeyRefused,
        LimitReached,
        NonceTaken,
        NotFound,
        OutcomeUnknown,
        PluginError,
        PolicyRefused,
        RangeRefused,
        RateLimited,
        RequestRefused,
        Reverted,
        SandboxUnavailable,
        ServiceError,
        ServiceUnavailable,
        SkillError,
        SkillFailed,
        SkillForbidden,
        SkillOutOfMemory,
        SkillTimedOut,
        StaleLease,
        StoreMisconfigured,
        StoreUnavailable,
        WrongAccount,
        WrongChain,
    )
    from ceos.errors import StaleLease as Fenced  # noqa: F401  # a former name
    from ceos.hookspecs import hookimpl
    from ceos.skills.skill import Skill
    from ceos.strategy import Strategy

    __version__: str

__all__ = [  # noqa: RUF022  # grouped as a reader looks for them
    # Plugins
    "hookimpl",
    "Skill",
    "Strategy",
    # Records
    "Agent",
    "AgentState",
    "Brief",
    "Cast",
    "ChainEvent",
    "ConversationContext",
    "Decision",
    "Draft",
    "HostCall",
    "Kind",
    "Mention",
    "Part",
    "Persona",
    "Situation",
    "SkillRun",
    "ThreadCast",
    "Trend",
    # Errors
    "AnswerUnusable",
    "CeosError",
    "DraftRejected",
    "GateFailed",
    "FeeTooLow",
    "HostRefused",
    "IllegalTransition",
    "InvalidInput",
    "KeyRefused",
    "LimitReached",
    "NonceTaken",
    "NotFound",
    "OutcomeUnknown",
    "PluginError",
    "PolicyRefused",
    "RangeRefused",
    "RateLimited",
    "RequestRefused",
    "Reverted",
    "SandboxUnavailable",
    "ServiceError",
    "ServiceUnavailable",
    "SkillError",
    "SkillFailed",
    "SkillForbidden",
    "SkillOutOfMemory",
    "SkillTimedOut",
    "StaleLease",
    "StoreMisconfigured",
    "StoreUnavailable",
    "WrongAccount",
    "WrongChain",
    # About
    "__version__",
]

#: The modules behind the names that are not errors.
_HOMES = {
    "hookimpl": "ceos.hookspecs",
    "Skill": "ceos.skills.skill",
    "Strategy": "ceos.strategy",
    "AgentState": "ceos.domain.lifecycle",
    "Trend": "ceos.domain.topics",
    "ChainEvent": "ceos.domain.chain_event",
} | {
    name: f"ceos.domain.{module}"
    for module, names in {
        "agent": ("Agent", "Persona"),
        "posts": ("Brief", "Cast", "Draft", "HostCall", "Kind", "Part", "Situation", "SkillRun"),
        "mentions": ("ConversationContext", "Decision", "Mention", "ThreadCast"),
    }.items()
    for name in names
}

#: Former names, which work for one more release and warn.
_RENAMED = {"Fenced": "StaleLease", "Said": "ThreadCast", "Talk": "ConversationContext"}

# Out of sight of type checkers, which would take it for a promise that every name exists.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load a public name when it is first used."""
        if name in _RENAMED:
            new = _RENAMED[name]
            message = f"ceos.{name} is deprecated and goes with the next release; use ceos.{new}."
            import_module("warnings").warn(message, DeprecationWarning, stacklevel=2)
            return __getattr__(new)
        if name not in __all__:
            raise AttributeError(f"module 'ceos' has no attribute {name!r}")
        if name == "__version__":
            value: object = import_module("importlib.metadata").version("ceos")
        else:
            value = getattr(import_module(_HOMES.get(name, "ceos.errors")), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
