"""Times in words: an estimate where the words are fine enough and say from when they count, else none."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.readers import ReadOptions, inspect
from plaudit.readers.ages import age_of
from plaudit.service.inspect import Sight

from .test_readers_formats import INFO, rows_of, write

HOUR = 3_600_000
DAY = 24 * HOUR
WEEK = 7 * DAY
NOW = 1_709_287_200  # 2024-03-01T10:00:00Z

WORDED = {
    **{
        "3 days ago": 3 * DAY,
        "3 days ago (edited)": 3 * DAY,
        "1 hour ago": HOUR,
        "12 minutes ago": HOUR // 5,
    },
    **{
        "vor 3 Tagen (bearbeitet)": 3 * DAY,
        "vor 1 Woche": WEEK,
        "vor 2 Stunden": 2 * HOUR,
        "vor 60 Min.": HOUR,
    },
    **{"hace 3 días": 3 * DAY, "hace 2 semanas": 2 * WEEK, "il y a 3 jours": 3 * DAY, "il y a 1 heure": HOUR},
    **{"3 giorni fa": 3 * DAY, "2 ore fa": 2 * HOUR, "há 3 dias": 3 * DAY, "3 dagen geleden": 3 * DAY},
    **{"3 dni temu": 3 * DAY, "3 дня назад": 3 * DAY, "2 часа назад": 2 * HOUR, "2 години тому": 2 * HOUR},
    **{
        "3 gün önce": 3 * DAY,
        "2 minggu yang lalu": 2 * WEEK,
        "3 hari yang lalu": 3 * DAY,
        "1 saat önce": HOUR,
    },
    **{
        "3 日前": 3 * DAY,
        "2 時間前": 2 * HOUR,
        "3天前": 3 * DAY,
        "2周前": 2 * WEEK,
        "3일 전": 3 * DAY,
        "2시간 전": 2 * HOUR,
    },
    **{"قبل 3 أيام": 3 * DAY, "2 हफ़्ते पहले": 2 * WEEK, "3 दिन पहले": 3 * DAY},
    **{"2w": 2 * WEEK, "3d": 3 * DAY, "5h": 5 * HOUR, "5h ago": 5 * HOUR, "3 WEEKS AGO": 3 * WEEK},
}
NONE = [
    *("2 years ago", "1 year ago (edited)", "6 months ago", "vor 2 Jahren", "vor 1 Monat", "hace 2 años"),
    *("hace 1 mes", "il y a 2 ans", "il y a 3 mois", "1 mese fa", "há 1 mês", "2 года назад", "1 год назад"),
    *(
        "1 месяц назад",
        "2 年前",
        "3 か月前",
        "2个月前",
        "2년 전",
        "3개월 전",
        "5m",
        "3mo",
        "1y",
        "2 yıl önce",
        "1 ay önce",
    ),
    *(
        "yesterday",
        "just now",
        "",
        "3",
        "days ago",
        "1 day 3 hours ago",
        "3月5日",
        "5日",
        "3 dogs",
        "12345 days ago",
    ),
]


@pytest.mark.parametrize("words", WORDED)
def test_words_that_are_fine_enough(words: str) -> None:
    assert age_of(words) == WORDED[words]


@pytest.mark.parametrize("words", NONE)
def test_months_years_and_what_is_no_age(words: str) -> None:
    assert age_of(words) is None


@given(st.text(max_size=20) | st.from_regex(r"\A.{0,4}\d{0,5}.{0,8}\Z"))
def test_nothing_makes_it_raise(words: str) -> None:
    age = age_of(words)
    assert age is None or 0 <= age < 10_000 * WEEK


def times_of(path: Path, **options: Any) -> list[tuple[int | None, str | None]]:
    rows, rejected = rows_of(path, **options)
    assert not rejected
    return [(row["created_at"], row["time_precision"]) for row in rows]


def apify(words: str, **more: object) -> Mapping[str, object]:
    return {"cid": words, "comment": f"posted {words}", "author": "a", "publishedTimeText": words, **more}


def test_words_count_back_from_when_they_were_fetched(tmp_path: Path) -> None:
    now = {"scrapedAt": "2024-03-01T10:00:00Z"}
    given_ = [apify("3 days ago", **now), apify("2 years ago (edited)", **now), apify("5 hours ago")]
    path = write(tmp_path, "a.json", given_)
    assert times_of(path) == [(NOW * 1000 - 3 * DAY, "estimated"), (None, "estimated"), (None, "estimated")]


@pytest.mark.parametrize("fetched", ["2024-03-01", "some day", None, "", 0, [1]])
def test_a_moment_that_is_none_gives_none(tmp_path: Path, fetched: object) -> None:
    path = write(tmp_path, "a.json", [apify("3 days ago", scrapedAt=fetched)])
    assert times_of(path) == [(None, "estimated")]


def test_whatever_a_row_says_of_its_precision_words_are_estimated(tmp_path: Path) -> None:
    row = {"text": "so good", "time_text": "3 days ago", "time_precision": "exact", "fetched_at": NOW}
    assert times_of(write(tmp_path, "a.json", [row])) == [(NOW * 1000 - 3 * DAY, "estimated")]


def test_a_time_that_is_one_needs_no_words(tmp_path: Path) -> None:
    row = {"text": "so good", "created_at": NOW - 60, "time_text": "3 days ago", "fetched_at": NOW}
    assert times_of(write(tmp_path, "a.json", [row])) == [((NOW - 60) * 1000, "exact")]


def test_a_page_says_when_its_comments_were_fetched(tmp_path: Path) -> None:
    page = {
        "fetched_at": NOW,
        "comments": [
            {
                "id": "1",
                "text": "so good",
                "time": "1 day ago",
                "replies": [{"id": "2", "text": "indeed", "time": "5 hours ago"}],
            }
        ],
    }
    assert [time for time, _ in times_of(write(tmp_path, "a.json", page))] == [
        NOW * 1000 - DAY,
        NOW * 1000 - 5 * HOUR,
    ]


def test_a_table_says_it_in_a_column(tmp_path: Path) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(
        [["text", "Published Time", "Scraped At"], ["so good", "vor 1 Tag", "2024-03-01 10:00:00"]]
    )
    assert times_of(write(tmp_path, "a.csv", out.getvalue())) == [(NOW * 1000 - DAY, "estimated")]


def test_yt_dlp_says_it_of_the_video(tmp_path: Path) -> None:
    comment = {"id": "1", "text": "so good", "author": "a", "parent": "root"}
    comments = [comment | {"_time_text": "3 days ago"}, comment | {"id": "2", "_time_text": "1 year ago"}]
    info = {**INFO, "epoch": NOW, "comments": [*comments, comment | {"id": "3", "timestamp": NOW - 9}]}
    times = times_of(write(tmp_path, "a.info.json", info))
    assert times == [
        (NOW * 1000 - 3 * DAY, "estimated"),
        (None, "estimated"),
        ((NOW - 9) * 1000, "estimated"),
    ]


def test_what_is_in_words_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", [apify("2 years ago"), apify("3 days ago")])
    sight = Sight.of([str(path)], options=ReadOptions(), n_records=10)
    assert sight.to_dict()["sources"][0]["times_in_words"] == 2
    assert any('2 times say no moment, as "2 years ago" does' in line for line in sight.lines())
    (absent,) = [each.absent for each in sight.signals if each.name == "burst_share"]
    assert absent is not None
    assert '"3 days ago", or a day without an hour, is none' in absent
    (seen,) = inspect([write(tmp_path, "b.json", [{"text": "so good"}])], options=ReadOptions())
    assert seen.batch is not None
    assert seen.batch.comments["time_precision"].null_count == 1
