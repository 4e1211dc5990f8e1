from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.validation import statistics
from plaudit.validation.statistics import Figure, auc, mean_of, rank_correlation, ranks, resampled, stream

numbers = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=8)


@given(numbers, numbers)
def test_auc_counts_pairs(low: list[float], high: list[float]) -> None:
    pairs = [1.0 if b > a else 0.5 if a == b else 0.0 for a in low for b in high]
    assert auc(np.array(low), np.array(high)) == pytest.approx(np.mean(pairs))


def test_auc_of_nothing_is_unknown() -> None:
    assert np.isnan(auc(np.array([]), np.array([1.0])))


@given(numbers)
def test_ranks_share_ties_and_add_up(values: list[float]) -> None:
    found = ranks(np.array(values))
    assert found.sum() == pytest.approx(len(values) * (len(values) - 1) / 2)
    for value in set(values):
        assert len({found[i] for i, other in enumerate(values) if other == value}) == 1


def test_spearman_sees_order_alone() -> None:
    assert rank_correlation(np.array([0.0, 1, 2, 3]), np.exp([9.0, 5, 4, 1])) == pytest.approx(-1)
    assert np.isnan(rank_correlation(np.ones(4), np.arange(4.0)))


def test_halves_are_stepped_up_to_the_whole() -> None:
    assert statistics.spearman_brown(0.5) == pytest.approx(2 / 3)
    assert statistics.spearman_brown(1.0) == 1.0


def test_the_bootstrap_of_a_mean_is_as_wide_as_its_standard_error() -> None:
    values = np.random.RandomState(1).standard_normal(200)
    found = resampled(200, lambda rows: float(values[rows].mean()), stream(1, "bootstrap"))
    direct = mean_of(values)
    assert found.value == direct.value
    assert found.low is not None
    assert found.high is not None
    assert direct.low is not None
    assert found.high - found.low == pytest.approx(2 * (values.mean() - direct.low), rel=0.15)
    assert found.low < values.mean() < found.high


def test_little_data_has_no_interval() -> None:
    assert mean_of([]) == Figure(None)
    assert mean_of([1.0, 2.0]) == Figure(1.5)
    assert resampled(0, lambda rows: 1.0, stream(1, "none")) == Figure(None)
    assert resampled(5, lambda rows: float("nan"), stream(1, "none")) == Figure(None)


def test_shares_stay_shares() -> None:
    figure = mean_of([1.0, 1.0, 1.0, 0.0], share=True)
    assert (figure.low or 0) >= 0
    assert figure.high == 1.0


def test_streams_differ_by_name_and_seed_alone() -> None:
    one = stream(1, "a").randint(0, 10**6, 5)
    assert (one == stream(1, "a").randint(0, 10**6, 5)).all()
    assert (one != stream(1, "b").randint(0, 10**6, 5)).any()
    assert (one != stream(2, "a").randint(0, 10**6, 5)).any()


def test_figures_without_a_value_are_not_drawn() -> None:
    chart = statistics.ladder_of("t", "x", {"a": Figure(None), "b": Figure(1.0, 0.5, 2.0), "c": Figure(3.0)})
    assert chart.rungs == ("b", "c")
    (series,) = chart.series
    assert (series.y, series.low, series.high) == ((1.0, 3.0), (0.5, 3.0), (2.0, 3.0))
