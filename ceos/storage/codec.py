"""Rows of numbers over time as short texts: the stored form of a time series.

A row is a time, in a unit of the series, and a number for each column, or None where it is unknown. Only differences
are written: of the time, to one `step` after the row before; of each number, to the last known one of its column. A
difference takes one character if it lies between -16 and 15, and one more for every five bits beyond.

    >>> pack([(491_000, (1200, 88)), (491_001, (1203, None)), (491_002, (1203, 88))], step=1)
    'w~_dgrCwFAG-AAA'

All characters are ASCII letters, digits, `_`, `~` and `-`; the last stands for None.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

#: A time and a number, or None, for each column.
Row = tuple[int, tuple[int | None, ...]]

#: Thirty-two characters that end a number, and thirty-two after which it continues.
_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_~"
_VALUES = {sign: value for value, sign in enumerate(_SIGNS)}
_GAP = "-"
_MORE = 32


def pack(rows: Iterable[Row], *, step: int = 0) -> str:
    """Return rows, in the order of their times, as a text; `step` is the regular distance of two rows."""
    signs: list[str] = []
    time: int | None = None
    known: list[int] = []
    for at, numbers in rows:
        signs.append(_number(at if time is None else at - time - step))
        time = at
        known = known or [0] * len(numbers)
        for column, number in enumerate(numbers):
            if number is None:
                signs.append(_GAP)
            else:
                signs.append(_number(number - known[column]))
                known[column] = number
    return "".join(signs)


def unpack(text: str, columns: int, *, step: int = 0) -> list[Row]:
    """Return the rows of a text that `pack` made with the same `step`; raises `ValueError` for any other."""
    rows: list[Row] = []
    known = [0] * columns
    numbers = _numbers(text)
    for difference in numbers:
        if difference is None:
            raise ValueError("a time series holds a row without a time")
        row: list[int | None] = []
        for column in range(columns):
            change = next(numbers, "end")
            if change == "end":
                raise ValueError("a time series ends in the middle of a row")
            if isinstance(change, int):
                known[column] += change
            row.append(known[column] if change is not None else None)
        rows.append(((rows[-1][0] + step if rows else 0) + difference, tuple(row)))
    return rows


def column(rows: Sequence[Row], index: int) -> list[tuple[int, int]]:
    """Return the times and numbers of one column, gaps left out."""
    return [(at, number) for at, numbers in rows if (number := numbers[index]) is not None]


def _number(value: int) -> str:
    # The sign is the lowest bit, so that small numbers of either sign are short.
    rest = value << 1 if value >= 0 else (-value << 1) - 1
    signs = ""
    while rest >= _MORE:
        signs += _SIGNS[_MORE | rest & 31]
        rest >>= 5
    return signs + _SIGNS[rest]


def _numbers(text: str) -> Iterator[int | None]:
    value = shift = 0
    for sign in text:
        if sign == _GAP and not shift:
            yield None
            continue
        if sign not in _VALUES:
            raise ValueError(f"a time series holds the sign {sign!r}")
        bits = _VALUES[sign]
        value |= (bits & 31) << shift
        if bits & _MORE:
            shift += 5
            continue
        yield value >> 1 if not value & 1 else -((value + 1) >> 1)
        value = shift = 0
    if shift:
        raise ValueError("a time series ends in the middle of a number")
