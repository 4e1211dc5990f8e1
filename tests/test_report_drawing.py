from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.report import drawing
from plaudit.report.envelope import Interval
from tests import reports

NUMBERS = st.lists(st.floats(0, 100), min_size=3, max_size=3).map(sorted)
VALUES = st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3).map(sorted)


@given(NUMBERS)
def test_gauge_stays_inside_its_box(bounds: list[float]) -> None:
    low, value, high = bounds
    gauge = drawing.gauge(Interval(value=value, low=low, high=high))
    for path in (gauge.track, gauge.fill, gauge.span, *gauge.ends):
        for x, y in re.findall(r"([\d.]+) ([\d.]+)(?=A|L|$)", path or ""):
            assert 0 <= float(x) <= 240
            assert 0 <= float(y) <= 130


def test_abstention_draws_the_track_only() -> None:
    gauge = drawing.gauge(None)
    assert gauge.track
    assert (gauge.fill, gauge.span, gauge.ends) == (None, None, ())


@given(
    VALUES, st.none() | st.floats(-1e6, 1e6), st.sampled_from(["share", "hours", "ratio", "count", "authors"])
)
def test_whisker_keeps_order_and_axis(bounds: list[float], reference: float | None, unit: str) -> None:
    low, value, high = bounds
    whisker = drawing.whisker(reports.signal("x", "text", value, low, high, unit=unit, reference=reference))
    assert whisker is not None
    assert 0 <= whisker.low <= whisker.value <= whisker.high <= 100
    assert whisker.reference is None or 0 <= whisker.reference <= 100


def test_axis_ends_at_a_round_number_with_room_for_the_reference() -> None:
    row = reports.signal("x", "text", 0.024, 0.011, 0.043, reference=0.012)
    whisker = drawing.whisker(row)
    assert whisker is not None
    assert (whisker.start, whisker.end) == ("0", "5%")
    assert (whisker.value, whisker.side) == (pytest.approx(48), "after")
    far = drawing.whisker(replace(row, reference=0.3))
    assert far is not None
    assert (far.end, far.side) == ("40%", "before")


def test_a_share_never_gets_an_axis_beyond_the_whole() -> None:
    whisker = drawing.whisker(reports.signal("x", "text", 1.0, 0.9, 1.0))
    assert whisker is not None
    assert (whisker.value, whisker.end) == (100, "100%")


def test_absent_signals_have_no_whisker() -> None:
    assert drawing.whisker(reports.absent("x", "text", "No times.")) is None


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=5))
def test_stacked_parts_fill_the_bar(shares: dict[str, float]) -> None:
    segments = drawing.stacked(shares)
    if any(share > 0 for share in shares.values()):
        assert sum(segment.width for segment in segments) == pytest.approx(100)
    else:
        assert segments == ()
