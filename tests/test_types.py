"""Only the type checker runs this file: what `import ceos` offers to authors of plugins, used as they would use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, assert_type

import ceos

if TYPE_CHECKING:
    import datetime as dt
    import random

    class Haiku(ceos.Strategy):
        name = "haiku"
        summary = "three lines"

        def brief_post(self, agent: ceos.Agent, situation: ceos.Situation) -> ceos.Brief | None:
            assert_type(agent.persona, ceos.Persona)
            assert_type(situation.kind, ceos.Kind | None)
            assert_type(situation.random, random.Random)
            assert_type(situation.now, dt.datetime)
            return ceos.Brief.text(situation.topics[0])

        def brief_trend(self, agent: ceos.Agent, situation: ceos.Situation, trend: ceos.Trend) -> ceos.Brief | None:
            assert_type(trend.words, str)
            assert_type(trend.casts[0].hash, str)
            return None

    @ceos.hookimpl
    def register_strategies(register: Callable[[ceos.Strategy], None]) -> None:
        register(Haiku())

    @ceos.hookimpl
    def review_draft(agent: ceos.Agent, draft: ceos.Draft) -> list[str]:
        return [word for word in agent.persona.avoid if word in draft.text]

    @ceos.hookimpl(trylast=True)
    def mention_received(mention: ceos.Mention) -> None:
        assert_type(mention.author_fid, int)
        assert_type(mention.parent, str | None)

    def records(draft: ceos.Draft, cast: ceos.Cast, state: ceos.AgentState) -> None:
        assert_type(draft.parts, tuple[ceos.Part, ...])
        assert_type(draft.kind, ceos.Kind)
        assert_type(cast.parent, str | None)
        assert_type(state.value, str)

    def errors() -> None:
        try:
            raise ceos.RateLimited(retry_after=2.0)
        except ceos.RateLimited as error:
            assert_type(error.retry_after, float | None)
        except ceos.InvalidInput as error:
            assert_type(error.problems, list[str])
        except (ceos.ServiceError, ceos.CeosError):
            pass

    assert_type(ceos.__version__, str)
    register_strategies(lambda strategy: None)
    ceos.Stratgy  # type: ignore[attr-defined]  # noqa: B018
    # The decorator leaves the signature as it is.
    register_strategies(1)  # type: ignore[arg-type]
