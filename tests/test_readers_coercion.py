"""Single values as tools write them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.readers import coercion

NOON = 1_709_294_400_000  # 2024-03-01 12:00 UTC


@pytest.mark.parametrize(
    ("written", "count"),
    [
        *[(12, 12), (0, 0), (-3, -3), (4.0, 4), ("7", 7), ("-7", -7), ("1,234", 1234), ("1.234", 1234)],
        *[("1.2K", 1200), ("1,2K", 1200), ("3,4 mil", 3400), ("2M", 2_000_000), ("1.5 Mio.", 1_500_000)],
        *[("1.2万", 12_000), ("3 тыс.", 3000), ("1 234", 1234), ("1\u202f234", 1234), ("12.0", 12)],
        *[("1,234,567", 1_234_567), ("1.1B", 1_100_000_000), ("+5", 5)],
        *[(None, None), ("", None), ("null", None), ("Like", None), ("many", None), (float("nan"), None)],
        *[(float("inf"), None), (True, None), ([3], None), (2**70, None), ("1e5", None), ("9" * 400, None)],
    ],
)
def test_counts(written: object, count: int | None) -> None:
    assert coercion.as_count(written) == count


@pytest.mark.parametrize(
    ("written", "time"),
    [
        *[
            (1_709_294_400, NOON),
            ("1709294400", NOON),
            (1_709_294_400.0, NOON),
            ("1709294400.25", NOON + 250),
        ],
        *[(NOON, NOON), (str(NOON), NOON), (NOON * 1000, NOON), (NOON * 1_000_000, NOON)],
        *[("2024-03-01T12:00:00Z", NOON), ("2024-03-01T12:00:00+0000", NOON), ("2024-03-01T12:00:00", NOON)],
        *[("2024-03-01 13:00:00+01:00", NOON), ("2024-03-01T12:00:00.000Z", NOON)],
        *[("2024-03-01 12:00:00 UTC", NOON), ("Fri, 01 Mar 2024 12:00:00 GMT", NOON)],
        *[(datetime(2024, 3, 1, 12), NOON), (datetime(2024, 3, 1, 12, tzinfo=UTC), NOON)],
    ],
)
def test_exact_times(written: object, time: int) -> None:
    assert coercion.as_time(written) == (time, "exact")


@pytest.mark.parametrize(
    "written", ["2 years ago (edited)", "hace 2 años", "3w", "yesterday", "99999-01-01", "Just now"]
)
def test_times_in_words_are_estimated_and_unknown(written: str) -> None:
    assert coercion.as_time(written) == (None, "estimated")


@pytest.mark.parametrize(
    "written", [None, "", "null", "NaN", "NA", 0, -5, float("nan"), True, [1], "0", 10**40]
)
def test_no_time(written: object) -> None:
    assert coercion.as_time(written) == (None, None)


def test_a_bare_date_has_no_hour() -> None:
    midnight = NOON - 12 * 3_600_000
    assert coercion.as_time("2024-03-01") == coercion.as_time(date(2024, 3, 1)) == (midnight, "estimated")


@pytest.mark.parametrize("written", ["20240301", 20_240_301, 20240301.0, "45352", "45352.0"])
def test_a_date_without_marks_and_the_days_of_a_spreadsheet(written: object) -> None:
    assert coercion.as_time(written) == (NOON - 12 * 3_600_000, "estimated")


def test_the_time_of_day_of_a_spreadsheet() -> None:
    assert coercion.as_time("45352.5") == (NOON, "exact")


@pytest.mark.parametrize("written", ["2024", "7", "99999"])
def test_numbers_that_are_no_time_of_a_comment(written: str) -> None:
    assert coercion.as_time(written) == (None, "estimated")


@pytest.mark.parametrize(
    ("written", "precision"),
    [
        ("exact", "exact"),
        ("Absolute", "exact"),
        ("relative", "estimated"),
        ("day", "estimated"),
        ("", None),
        ("NA", None),
    ],
)
def test_precisions(written: object, precision: str | None) -> None:
    assert coercion.as_precision(written) == precision


def test_what_r_writes_for_a_missing_value_is_no_id_and_nobody() -> None:
    assert coercion.as_id("NA") is None
    assert coercion.as_name(" NA ") is None
    assert (coercion.as_id("na"), coercion.as_name("na"), coercion.as_name("NAna")) == ("na", "na", "NAna")


@pytest.mark.parametrize("written", [True, "true", "TRUE", "1", 1, "yes", " Y ", 1.0])
def test_set_flags(written: object) -> None:
    assert coercion.as_flag(written)


@pytest.mark.parametrize("written", [False, None, "", "0", 0, "no", "false", "null", [], "2"])
def test_flags_not_set(written: object) -> None:
    assert not coercion.as_flag(written)


@given(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.dates()
    | st.datetimes()
    | st.from_regex(r"[-+]?[\d.,]{0,20}[A-Za-z ]{0,4}")
)
def test_nothing_makes_them_raise(written: object) -> None:
    time, precision = coercion.as_time(written)
    assert time is None or (precision is not None and 0 < time < 2**62)
    for coerce in (coercion.as_count, coercion.as_flag, coercion.as_precision, coercion.as_name):
        coerce(written)
    identity = coercion.as_id(written)
    assert identity is None or coercion.as_id(identity) == identity
