"""Dates as people and spreadsheets write them: 2023/07/22 4:26 PM, 22.07.2023, Jul 22, 2023.

Of 7/8/2023 nothing tells the day from the month but other dates beside it; unless they do, it is no time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_MONTHS: Final = {
    **{"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10},
    **{"nov": 11, "dec": 12, "january": 1, "february": 2, "march": 3, "april": 4, "june": 6, "july": 7},
    **{"august": 8, "sept": 9, "september": 9, "october": 10, "november": 11, "december": 12},
}
_DAY: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_NAMED: Final = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_MONTH: Final = rf"(?P<month>{_NAMED}[a-z]*)\.?"
_YEAR: Final = r"(?P<year>(?:19|20)\d\d)"
_CLOCK: Final = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d{1,9}))?)?"
    r"(?:\s*(?P<half>[ap])\.?m\.?)?"
)
_ZONE: Final = r"(?:\s*(?:(?P<zone>[+-]\d\d:?\d\d)|z|utc|gmt)(?:\[[\w/+-]+\])?)?"
_TIME: Final = rf"(?:(?:t|,?\s+(?:at\s+)?){_CLOCK}{_ZONE})?"
_WEEKDAY: Final = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
# As most words for times do not: "2 years ago" is one of millions.
_BEGINS = re.compile(
    rf"\d{{1,4}}[./-]|{_DAY.replace('?P<day>', '?:')}(?:\s+of)?[\s-]+{_NAMED}|{_NAMED}|{_WEEKDAY[:-1]}",
    re.IGNORECASE,
)
_WRITTEN: Final = tuple(
    re.compile(rf"{_WEEKDAY}{date}{_TIME}", re.IGNORECASE)
    for date in (
        rf"{_YEAR}(?P<mark>[./-])(?P<month>\d{{1,2}})(?P=mark){_DAY}",
        rf"(?P<day>\d{{1,2}})\.\s?(?P<month>\d{{1,2}})\.\s?{_YEAR}",  # with dots the day comes first
        rf"{_DAY}(?:\s+of)?[\s-]+{_MONTH},?[\s-]+{_YEAR}",
        rf"{_MONTH}\s+{_DAY},?\s+{_YEAR}",
    )
)
_EITHER_WAY = re.compile(
    rf"{_WEEKDAY}(?P<first>\d{{1,2}})(?P<mark>[/-])(?P<other>\d{{1,2}})(?P=mark){_YEAR}{_TIME}", re.IGNORECASE
)
_LIKE_A_DATE = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{2,4}|\b(?:19|20)\d\d\b|\d(?:[.,]\d+)?E\+\d+")
_EITHER = re.compile(r"9{1,2}[/-]9{1,2}[/-]9{4}")
_N_SHAPE: Final = 40


def date_of(text: str, *, day_first: bool | None = None) -> tuple[datetime, bool] | None:
    """Return the moment that a date is, in UTC unless it says otherwise, and whether it has a time of day.

    Args:
        text: What was written.
        day_first: Whether 7/8/2023 is in August; None where only the date itself may tell, as 22/7/2023.

    Returns:
        None for whatever is no such date, or may be two.
    """
    if _BEGINS.match(text) is None:
        return None
    for pattern in _WRITTEN:
        if (found := pattern.fullmatch(text)) is not None:
            word = found["month"].lower()
            return _moment(found, _MONTHS.get(word, 0) if word.isalpha() else int(word), int(found["day"]))
    either = _EITHER_WAY.fullmatch(text)
    if either is None:
        return None
    first, other = int(either["first"]), int(either["other"])
    own = _day_first(first, other)
    order = own if day_first is None else day_first
    if first != other and (order is None or own not in (None, order)):
        return None
    return _moment(either, other, first) if order else _moment(either, first, other)


def is_day_first(values: Iterable[object]) -> bool | None:
    """Return whether dates of a column such as 7/8/2023 begin with the day; None where they do not tell."""
    told = {
        _day_first(int(found["first"]), int(found["other"]))
        for value in values
        if isinstance(value, str) and (found := _EITHER_WAY.fullmatch(value.strip())) is not None
    } - {None}
    return told.pop() if len(told) == 1 else None


def shape_of(text: str) -> str | None:
    """Return how something is written that looks like a date, 9/99/9999 99:99 AA; None for any other."""
    if _LIKE_A_DATE.search(text) is None:
        return None
    return "".join("9" if c.isdecimal() else "A" if c.isalpha() else c for c in text.strip()[:_N_SHAPE])


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """How the first times of a source are written.

    Attributes:
        day_first: As `is_day_first` tells.
        n: How many there are.
        unread: The shapes of those that look like dates and are not read.
    """

    day_first: bool | None = None
    n: int = 0
    unread: tuple[str, ...] = ()

    def note(self) -> str | None:
        """Return a sentence about those that are not read; None where all are."""
        if not self.unread:
            return None
        first = self.unread[0]
        why = (
            ", of which nothing tells whether the day or the month comes first"
            if _EITHER.match(first)
            else ""
        )
        return (
            f"{len(self.unread):,} of the first {self.n:,} times are not read, the first written {first}"
            f" (9 a digit, A a letter){why}; write them as 2023-07-22T16:26:40Z."
        )


def _day_first(first: int, other: int) -> bool | None:
    return None if (first > 12) == (other > 12) else first > 12


def _moment(found: re.Match[str], month: int, day: int) -> tuple[datetime, bool] | None:
    hour, half = int(found["hour"] or 0), (found["half"] or "").lower()
    if half and hour > 12:
        return None
    hour = hour % 12 + 12 * (half == "p") if half else hour
    microsecond = int((found["part"] or "")[:6].ljust(6, "0"))
    clock = (hour, int(found["minute"] or 0), int(found["second"] or 0), microsecond)
    try:
        moment = datetime(int(found["year"]), month, day, *clock, tzinfo=_zone_of(found["zone"]))
    except ValueError:
        return None
    return moment, found["hour"] is not None


def _zone_of(written: str | None) -> timezone:
    if written is None:
        return UTC
    offset = timedelta(hours=int(written[1:3]), minutes=int(written[-2:]))
    return timezone(-offset if written[0] == "-" else offset)
