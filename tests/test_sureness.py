"""A small network answers what it is sure of, and of a long text sooner than of a short one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.sureness import Sureness, margins, slack_of

LENGTHS = np.array([4, 8, 16, 32, 64, 128])


def said(margin: float, flag: float = 0.0) -> np.ndarray:
    return np.array([[margin, 0.0, -1.0, flag, 0.0, 0.0]] * len(LENGTHS), np.float32)


def test_margins_are_the_lead_of_the_best_over_the_second() -> None:
    logits = np.array([[1, 3, 2, 9, 9, 9], [5, -1, -2, 0, 0, 0], [0, 0, -7, 0, 0, 0]], np.float32)
    np.testing.assert_array_equal(margins(logits), [1, 6, 0])


def test_each_doubling_asks_as_much_less() -> None:
    np.testing.assert_allclose(slack_of(LENGTHS, per_doubling=0.5), [-1, -0.5, 0, 0.5, 1, 1.5])
    assert not slack_of(LENGTHS, per_doubling=0.0).any()


def test_a_long_text_is_answered_on_less_than_a_short_one() -> None:
    plain = Sureness(least_margin=1.0)
    assert plain.of(said(1.0), LENGTHS).all()
    assert not plain.of(said(0.9), LENGTHS).any()
    leaning = Sureness(least_margin=1.0, slack_per_doubling=0.5)
    assert leaning.of(said(0.5), LENGTHS).tolist() == [False, False, False, True, True, True]
    assert leaning.of(said(1.5), LENGTHS).tolist() == [False, True, True, True, True, True]


def test_ranges_of_flags_narrow_with_length_and_have_open_ends() -> None:
    tried = Sureness(least_margin=0.0, unsure_flags=((-1.0, 2.0), (0.0, 0.0), (0.0, 0.0)))
    assert tried.of(said(9.0, 2.0), LENGTHS).all()
    assert tried.of(said(9.0, -1.0), LENGTHS).all()
    assert not tried.of(said(9.0, 1.9), LENGTHS).any()
    narrowing = Sureness(
        least_margin=0.0, unsure_flags=((-1.0, 2.0), (0.0, 0.0), (0.0, 0.0)), slack_per_doubling=0.5
    )
    assert narrowing.of(said(9.0, 1.5), LENGTHS).tolist() == [False, False, False, True, True, True]
    assert narrowing.of(said(9.0, 2.4), LENGTHS).tolist() == [False, False, True, True, True, True]
    # At 128 tokens nothing is left of the range.
    assert narrowing.of(said(9.0, 0.5), LENGTHS).tolist() == [False] * 5 + [True]


def test_what_has_no_range_is_passed_on_at_no_length() -> None:
    shut = Sureness(
        least_margin=0.0, unsure_flags=((0.3, 0.3), (0.0, 0.0), (0.0, 0.0)), slack_per_doubling=1.0
    )
    assert shut.of(said(9.0, 0.3), LENGTHS).all()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 2), st.floats(0, 3))
def test_who_is_sure_of_a_text_is_sure_of_it_longer(seed: int, per_doubling: float, least: float) -> None:
    draw = np.random.default_rng(seed)
    logits = draw.normal(size=(20, 6)).astype(np.float32)
    low = draw.normal(size=3)
    ranges = tuple(zip(low, low + draw.random(3), strict=True))
    tried = Sureness(least_margin=least, unsure_flags=ranges, slack_per_doubling=per_doubling)
    found = [tried.of(logits, np.full(20, length)) for length in LENGTHS]
    for shorter, longer in pairwise(found):
        assert (shorter <= longer).all()


@pytest.mark.parametrize("n", [0, 1])
def test_few_texts_are_answered_alike(n: int) -> None:
    tried = Sureness(least_margin=1.0, unsure_flags=((0.0, 1.0),) * 3, slack_per_doubling=0.3)
    assert tried.of(said(9.0)[:n], LENGTHS[:n]).shape == (n,)
