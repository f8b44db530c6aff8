from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(order=True, frozen=True)
class Ranked:
    score: int
    name: str

    def better(self, by: int = 1) -> Ranked:
        return replace(self, score=self.score + by)


def run(ctx, params):
    ranked = sorted(Ranked(score, name) for name, score in params["scores"])
    best = ranked[-1].better(by=3)
    return [[item.name for item in ranked], best.score, best == Ranked(5, "b"), hash(best) == hash(Ranked(5, "b"))]

# params: {"scores": [["b", 2], ["a", 2], ["c", 1]]}
# returns: [["c", "a", "b"], 5, true, true]
