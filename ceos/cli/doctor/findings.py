"""The types of the checks of `ceos doctor`: the check, the data that checks share, and the finding."""

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
    """The severity of a finding."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """The result of a check, and the way to fix it; `fix` is empty when nothing has to be fixed."""

    check: str
    status: Status
    found: str
    fix: str = ""


@dataclass
class Examination:
    """The data that checks share: the wired system, and the results of earlier checks."""

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
        """The client of Neynar; without the rate limit, which is counted in Redis, while Redis does not answer."""
        if self.agents is not None:
            return self.runtime.neynar
        key = secret(self.settings.neynar_api_key)
        return Neynar(key, self.settings.neynar_base_url, sleep=self.runtime.sleep)


@dataclass(frozen=True)
class Check:
    """One check: its name, its function, and its preconditions."""

    name: str
    make: Callable[[Examination], Iterator[Finding]]
    variables: tuple[str, ...] = ()
    needs_redis: bool = True
