"""Skills as reasonable authors write them work in the real sandbox; `tests/benign` holds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from helpers.benign_skills import BenignSkill, CannedAnswers, benign_skills

from ceos.errors import HostRefused
from ceos.sandbox.executor import Sandbox, SandboxLimits

pytestmark = pytest.mark.corpus


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


@pytest.mark.parametrize("skill", benign_skills(), ids=lambda skill: skill.name)
def test_a_reasonable_skill_returns_what_plain_python_does(sandbox: Sandbox, skill: BenignSkill) -> None:
    answers = CannedAnswers(skill.answers, HostRefused)

    def host(method: str, args: list[Any], kwargs: dict[str, Any], deadline: float) -> Any:
        return getattr(answers, method)(*args, **kwargs)

    outcome = sandbox.run(
        skill.source,
        skill.params,
        inputs=skill.inputs,
        grants=skill.grants,
        host=host,
        now=skill.now,
        limits=SandboxLimits(seconds=10),
    )
    assert outcome.value == skill.returns
