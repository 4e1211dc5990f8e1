from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from plaudit.signals.keys import count_of, first_of, latest_before, mix, order_of, row_of

small = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), max_size=12)


def keys(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


def test_mix_tells_order_and_members_apart() -> None:
    one, other = keys(1, 2, 1), keys(2, 1, 1)
    assert len(set(mix(one, other).tolist())) == 3
    assert mix(one, other)[0] == mix(keys(1), keys(2))[0]


@given(st.lists(st.sampled_from([0, 1, 2, 3, 2**63, 2**64 - 1]), max_size=60))
def test_order_is_that_of_a_stable_sort(values: list[int]) -> None:
    assert order_of(keys(*values)).tolist() == np.argsort(keys(*values), kind="stable").tolist()


def test_first_and_count() -> None:
    assert first_of(keys(5, 3, 5, 3, 9)).tolist() == [True, True, False, False, True]
    assert count_of(keys(5, 3, 5, 3, 5)).tolist() == [3, 2, 3, 2, 3]
    assert first_of(keys()).tolist() == []


def test_row_of() -> None:
    assert row_of(keys(7, 1, 8, 99), keys(1, 7, 9)).tolist() == [1, 0, -1, -1]
    assert row_of(keys(7), keys()).tolist() == [-1]


@given(small, small)
def test_latest_before_is_what_a_loop_finds(
    rows: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    found = latest_before(
        keys(*(group for group, _ in rows)),
        np.array([time for _, time in rows], np.int64),
        asked=keys(*(group for group, _ in asked)),
        asked_times=np.array([time for _, time in asked], np.int64),
    )
    for (group, time), row in zip(asked, found.tolist(), strict=True):
        earlier = [(t, i) for i, (g, t) in enumerate(rows) if g == group and t <= time]
        assert row == (max(earlier)[1] if earlier else -1)
