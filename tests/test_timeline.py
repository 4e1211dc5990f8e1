from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.report.timeline import MAX_PERIODS, timeline

START = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
SANE = st.integers(631_152_000_000, 4_102_444_799_999)  # 1990 to the end of 2099


def course(moments, labels=None, **more):
    times = np.array([int(moment.timestamp() * 1000) for moment in moments], np.int64)
    return timeline(times, np.array(labels or [0] * len(moments), np.int8), **more)


@pytest.mark.parametrize(
    ("span", "unit", "first"),
    [
        (timedelta(hours=5), "hour", "2 Mar 2026, 08:00"),
        (timedelta(days=5), "six hours", "2 Mar 2026, 06:00"),
        (timedelta(days=20), "day", "2 Mar 2026"),
        (timedelta(days=200), "week", "2 Mar 2026"),
        (timedelta(days=700), "month", "Mar 2026"),
        (timedelta(days=2000), "quarter", "Q1 2026"),
        (timedelta(days=9000), "year", "2026"),
    ],
)
def test_the_unit_suits_the_span(span, unit, first):
    found = course([START, START + span])
    assert (found.unit, found.periods[0].title) == (unit, first)


def test_counts_stand_where_they_belong():
    found = course([START, START, START + timedelta(hours=2)], [2, 0, 1], n_estimated=1)
    assert [period.counts for period in found.periods] == [(1, 0, 1), (0, 0, 0), (0, 1, 0)]
    assert found.periods[0].shares == (0.5, 0.0, 0.5)
    assert found.periods[1].shares == (0.0, 0.0, 0.0)
    assert (found.n_comments, found.highest, found.n_estimated) == (3, 2, 1)


@pytest.mark.parametrize("moments", [[], [START], [START, START + timedelta(minutes=5)]])
def test_what_has_no_course_has_no_timeline(moments):
    assert course(moments) is None


def test_weeks_begin_on_mondays_and_decades_are_cut_in_five_years():
    weeks = course([START + timedelta(days=3), START + timedelta(days=203)])
    assert weeks.periods[0].title == "2 Mar 2026"  # a Monday
    years = course([datetime(1991, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)])
    assert (years.unit, years.periods[0].title) == ("five years", "1990 to 1994")


def test_wrong_clocks_are_left_out():
    moments = [datetime(1970, 1, 1, tzinfo=UTC), START, START + timedelta(days=2)]
    assert course(moments).n_comments == 2
    extreme = np.array([-(2**63), 2**63 - 1], np.int64)
    assert timeline(extreme, np.zeros(2, np.int8)) is None


@given(st.lists(st.tuples(SANE, st.integers(0, 2)), min_size=1, max_size=50))
def test_every_comment_is_counted_once_whatever_the_span(comments):
    times, labels = (np.array(column) for column in zip(*comments, strict=True))
    found = timeline(times.astype(np.int64), labels.astype(np.int8))
    if found is None:
        return
    assert 2 <= len(found.periods) <= MAX_PERIODS
    assert found.n_comments == len(comments)
    assert [sum(p.counts[i] for p in found.periods) for i in range(3)] == np.bincount(
        labels, minlength=3
    ).tolist()
    assert found.periods[0].n_comments > 0
    assert found.periods[-1].n_comments > 0
