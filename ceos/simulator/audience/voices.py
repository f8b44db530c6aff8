"""The texts of the audience, from `data/voices.toml`."""

from __future__ import annotations

from dataclasses import dataclass

from ceos.simulator.phrases import load


@dataclass(frozen=True, slots=True)
class Injection:
    """A mention that tries to steer the model behind an agent."""

    text: str
    #: The answer of a model that obeys; empty for its own instructions.
    wanted: str = ""


VOICES = load("voices")
INJECTIONS = tuple(Injection(**row) for row in VOICES["injection"])
