"""Dates as people and spreadsheets write them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.readers import ReadOptions, coercion, inspect
from plaudit.readers.dates import date_of, is_day_first, shape_of
from plaudit.readers.notes import notes_of
from plaudit.readers.preparation import Prepared
from plaudit.readers.reading import parts_of

from .test_readers_formats import rows_of, write

MOMENT = 1_690_000_000_000  # 2023-07-22 04:26:40 UTC
MIDNIGHT = MOMENT - (4 * 3600 + 26 * 60 + 40) * 1000


@pytest.mark.parametrize(
    "written",
    [
        *("2023/07/22 04:26:40", "2023-7-22 4:26:40", "22.07.2023 04:26:40", "22. 7. 2023, 04:26:40"),
        *("2023-07-22T04:26:40.000+00:00[UTC]", "2023-07-22T06:26:40+02:00[Europe/Berlin]"),
        *("2023/07/22T04:26:40Z", "2023.07.22 06:26:40 +0200", "Jul 22, 2023, 4:26:40\u202fAM"),
        *("July 22, 2023 at 4:26:40 AM", "Saturday, 22 July 2023 04:26:40", "22-Jul-2023 04:26:40"),
        *("7/22/2023 4:26:40 AM", "22/07/2023 04:26:40", "Sat Jul 22 04:26:40 +0000 2023"),
        *("1.69e+09", "1.69e+12"),  # as R writes what has no more digits
    ],
)
def test_times(written: str) -> None:
    assert coercion.as_time(written) == (MOMENT, "exact")


@pytest.mark.parametrize(
    "written", ["2023/7/22", "22.07.2023", "Jul 22, 2023", "22nd of July 2023", "7/22/2023", "Sat, 22-7-2023"]
)
def test_days(written: str) -> None:
    assert coercion.as_time(written) == (MIDNIGHT, "estimated")


def test_the_half_of_a_day_counts() -> None:
    halves = [
        date_of(f"Jul 22, 2023 {hour}:00 {half}")
        for hour, half in ((12, "AM"), (12, "p.m."), (4, "PM"), (0, "PM"))
    ]
    assert [found and found[0].hour for found in halves] == [0, 12, 16, 12]


@pytest.mark.parametrize(
    "written",
    [
        *("7/8/2023 4:26 PM", "07-08-2023", "31.02.2023", "13/13/2023", "Marble 3, 2023", "22.13.2023"),
        *("2023/07/22 25:00", "22/07/23", "1.69E+09", "in July 2023"),
    ],
)
def test_what_may_be_two_days_or_is_none(written: str) -> None:
    assert coercion.as_time(written) == (None, "estimated")


def test_a_day_above_twelve_tells_for_the_others() -> None:
    assert is_day_first(["7/8/2023", None, 5, " 22/7/2023 10:00"]) is True
    assert is_day_first(["7/8/2023", "7/22/2023"]) is False
    assert is_day_first(["7/8/2023"]) is None
    assert is_day_first(["7/22/2023", "22/7/2023"]) is None
    months = {order: date_of("7/8/2023", day_first=order) for order in (True, False)}
    assert {order: found and found[0].month for order, found in months.items()} == {True: 8, False: 7}
    assert date_of("7/22/2023", day_first=True) is None
    assert date_of("8/8/2023") == (datetime(2023, 8, 8, tzinfo=UTC), False)


TABLE = "id,text,date\n1,Which oil?,7/8/2023 4:26 PM\n2,Linseed.,7/9/2023 11:00 AM\n"


def test_dates_of_a_file_are_read_in_one_order(tmp_path: Path) -> None:
    table = TABLE + "3,Thanks!,7/22/2023 04:26\n"
    rows, rejected = rows_of(write(tmp_path, "a.csv", table), batch_size=2)
    assert not rejected
    days = [datetime.fromtimestamp(row["created_at"] / 1000, UTC).isoformat()[:16] for row in rows]
    assert days == ["2023-07-08T16:26", "2023-07-09T11:00", "2023-07-22T04:26"]


def test_dates_that_are_not_read_are_told_by_their_shape(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", TABLE)
    rows, _ = rows_of(path)
    assert {(row["created_at"], row["time_precision"]) for row in rows} == {(None, "estimated")}
    (note,) = notes_of([each for each in parts_of([path]) if isinstance(each, Prepared)])
    assert note == (
        "a.csv: 2 of the first 2 times are not read, the first written 9/9/9999 9:99 AA (9 a digit, A a"
        " letter), of which nothing tells whether the day or the month comes first; write them as"
        " 2023-07-22T16:26:40Z."
    )
    (seen,) = inspect([path], options=ReadOptions())
    assert f"a.csv: {seen.dates.note()}" == note
    words = write(tmp_path, "b.csv", "id,text,date\n1,Which oil?,2 years ago\n2,Linseed.,\n")
    assert list(notes_of([each for each in parts_of([words]) if isinstance(each, Prepared)])) == []


@pytest.mark.parametrize("written", ["2 years ago", "vor 3 Tagen (bearbeitet)", "yesterday", "", "12:30"])
def test_words_have_no_shape_of_a_date(written: str) -> None:
    assert shape_of(written) is None


@given(st.text() | st.from_regex(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}( \d{1,2}:\d\d)?( [ap]m)?", fullmatch=True))
def test_nothing_makes_them_raise(written: str) -> None:
    for day_first in (None, True, False):
        date_of(written, day_first=day_first)
        coercion.as_time(written, day_first)
    shape_of(written)
    is_day_first([written])
