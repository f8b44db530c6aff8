"""What a check of `ceos doctor` is, what it shares with the others, and what it yields."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from ceos.clients.neynar.client import Neynar
from ceos.domain.agent import Agent
from ceos.runtime import Runtime
from ceos.settings import Settings, secret
from ceos.strategy import Strategy


class Status(StrEnum):
    """How good a finding is."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """What a check found, and how to mend it; `mend` is empty when there is nothing to mend."""

    check: str
    status: Status
    found: str
    mend: str = ""


@dataclass
class Examination:
    """What the checks share: the wired system, and what earlier checks learnt."""

    runtime: Runtime
    now: Callable[[], float] = time.time
    #: None until Redis has answered.
    agents: list[Agent] | None = None
    neynar_accepts: bool = False
    strategies: dict[str, Strategy] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """The settings, with the default in the place of every bad one."""
        return self.runtime.settings

    @property
    def neynar(self) -> Neynar:
        """Neynar; while Redis is away, without the limit that is counted there."""
        if self.agents is not None:
            return self.runtime.neynar
        key = secret(self.settings.neynar_api_key)
        return Neynar(key, self.settings.neynar_base_url, sleep=self.runtime.sleep)


@dataclass(frozen=True)
class Check:
    """One check: its name, what makes it, and what it needs to make sense."""

    name: str
    make: Callable[[Examination], Iterator[Finding]]
    variables: tuple[str, ...] = ()
    needs_redis: bool = True
