"""Rows of numbers over time as short texts."""

from __future__ import annotations

import doctest
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceos.storage import codec
from ceos.storage.codec import column, pack, unpack

NUMBER = st.none() | st.integers(-(2**63), 2**63)
STEPS = st.integers(0, 60)


@st.composite
def series(draw: st.DrawFn) -> tuple[int, list[codec.Row]]:
    columns = draw(st.integers(1, 9))
    times = sorted(draw(st.sets(st.integers(0, 2**40), max_size=40)))
    numbers = st.tuples(*[NUMBER] * columns)
    return columns, [(at, draw(numbers)) for at in times]


@given(series(), STEPS)
def test_what_is_packed_comes_out_again(packed: tuple[int, list[codec.Row]], step: int) -> None:
    columns, rows = packed
    text = pack(rows, step=step)
    assert unpack(text, columns, step=step) == rows
    assert re.fullmatch(r"[A-Za-z0-9_~-]*", text)


@given(series(), STEPS)
def test_a_series_grows_at_its_end_only(packed: tuple[int, list[codec.Row]], step: int) -> None:
    _, rows = packed
    assert pack(rows, step=step).startswith(pack(rows[: len(rows) // 2], step=step))


@given(st.text(max_size=30), st.integers(1, 4))
def test_any_other_text_is_refused_or_read_but_breaks_nothing(text: str, columns: int) -> None:
    try:
        rows = unpack(text, columns)
    except ValueError as error:
        assert str(error).startswith("a time series")
    else:
        assert all(len(numbers) == columns for _, numbers in rows)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A B", "the sign ' '"),
        ("A", "in the middle of a row"),
        ("Ag", "in the middle of a number"),
        ("-A", "a row without a time"),
        ("Ag-", "the sign '-'"),
    ],
)
def test_a_text_that_is_none_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        unpack(text, 1)


def test_a_usual_hour_takes_a_sign_for_the_time_and_one_for_each_small_change() -> None:
    day = [(491_000 + hour, (1200 + hour, 88, 31)) for hour in range(24)]
    text = pack(day, step=1)
    assert (len(text), len(pack(day[:1], step=1))) == (23 * 4 + 11, 11)


def test_a_gap_is_none_and_not_zero_and_does_not_cost_the_difference() -> None:
    rows: list[codec.Row] = [(1, (1_000_000,)), (2, (None,)), (3, (1_000_001,))]
    text = pack(rows, step=1)
    assert unpack(text, 1, step=1) == rows
    assert text.endswith("A-AC"[-3:])
    assert column(rows, 0) == [(1, 1_000_000), (3, 1_000_001)]


def test_the_example_in_the_docstring_is_true() -> None:
    assert doctest.testmod(codec).failed == 0
