from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class Scorer(Protocol):
    def score(self, value: int) -> int: ...


class Base(ABC):
    @abstractmethod
    def score(self, value: int) -> int: ...


class Double(Base):
    def score(self, value: int) -> int:
        return value * 2


class Box(Generic[T]):
    def __init__(self, item: T) -> None:
        self.item = item


def total(values: Iterable[int], scorer: Scorer, then: Callable[[int], int] | None = None) -> int:
    result = sum(scorer.score(value) for value in values)
    return then(result) if then else result


def run(ctx, params):
    return [total(params["values"], Double(), then=lambda n: n + 1), Box("x").item, isinstance(params, Mapping)]

# params: {"values": [3, 4]}
# returns: [15, "x", true]
