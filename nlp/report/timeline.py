"""How the labels change over time: counts per stretch of the calendar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.scores import LABELS

MAX_PERIODS: Final = 32
"""Columns that can still be told apart on a phone."""

FEW: Final = 10
"""Below so many comments a share says little: one comment moves it by more than ten points."""

_HOUR: Final = timedelta(hours=1)
_STEPS: Final[Sequence[tuple[str, timedelta | int]]] = (  # a number counts months
    ("hour", _HOUR),
    ("six hours", 6 * _HOUR),
    ("day", 24 * _HOUR),
    ("week", 7 * 24 * _HOUR),
    ("month", 1),
    ("quarter", 3),
    ("year", 12),
    ("five years", 60),
)
_EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)  # no comment under a post is older: a wrong clock
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """One stretch of time, and how many comments of each label it holds, in the order of `LABELS`."""

    title: str
    counts: tuple[int, ...]

    @property
    def n_comments(self) -> int:
        """Comments in it."""
        return sum(self.counts)

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of each label in [0, 1]; zeros where there is no comment."""
        return tuple(count / max(self.n_comments, 1) for count in self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Consecutive periods, empty ones included, the oldest first.

    Attributes:
        unit: What one period is: hour, day, week, ...
        periods: At most `MAX_PERIODS`.
        n_estimated: Comments whose time is rough: worked out from "2 years ago", or a day without an hour.
    """

    unit: str
    periods: tuple[Period, ...]
    n_estimated: int

    @property
    def n_comments(self) -> int:
        """Comments in all periods."""
        return sum(period.n_comments for period in self.periods)

    @property
    def highest(self) -> int:
        """Comments in the fullest period."""
        return max(period.n_comments for period in self.periods)


def timeline(
    times: NDArray[np.int64],
    labels: NDArray[np.int8],
    *,
    counts: NDArray[np.int64] | None = None,
    n_estimated: int = 0,
) -> Timeline | None:
    """Count labels over time in the finest unit that gives few enough periods.

    Args:
        times: Unix time of each comment in milliseconds.
        labels: Index into `LABELS` of each.
        counts: For how many comments each time and label stand; None: for one. Comments give the same
            timeline whether each has its own time or that of the hour it lies in.
        n_estimated: Of these, how many have only an estimated time.

    Returns:
        None where fewer than two periods would be left: there is no course to see.
    """
    sane = is_sane(times)
    counts = np.ones(len(times), np.int64) if counts is None else counts
    times, labels, counts = times[sane], labels[sane], counts[sane]
    if not len(times):
        return None
    first, last = (_moment(int(edge)) for edge in (times.min(), times.max()))
    courses = ((unit, _starts(first, last, step)) for unit, step in _STEPS)
    unit, starts = next(course for course in courses if len(course[1]) <= MAX_PERIODS)
    if len(starts) < 2:
        return None
    edges = np.array([_milliseconds(start) for start in starts])
    places = (np.searchsorted(edges, times, side="right") - 1) * len(LABELS) + labels
    found = np.bincount(places, counts, minlength=len(starts) * len(LABELS)).astype(np.int64)
    rows = found.reshape(-1, len(LABELS)).tolist()
    periods = tuple(
        Period(title=_title(start, unit), counts=tuple(row)) for start, row in zip(starts, rows, strict=True)
    )
    return Timeline(unit=unit, periods=periods, n_estimated=n_estimated)


def is_sane(times: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which times, in Unix milliseconds, a comment can have been written at."""
    return (times >= _milliseconds(_EARLIEST)) & (times < _milliseconds(_LATEST))


def _starts(first: datetime, last: datetime, step: timedelta | int) -> list[datetime]:
    """Return the begin of each period from first to last, or of one more than are drawn."""
    starts = [_begin(first, step)]
    while len(starts) <= MAX_PERIODS and (start := _after(starts[-1], step)) <= last:
        starts.append(start)
    return starts


def _after(start: datetime, step: timedelta | int) -> datetime:
    return start + step if isinstance(step, timedelta) else _month(_months(start) + step)


def _begin(moment: datetime, step: timedelta | int) -> datetime:
    if isinstance(step, int):
        return _month(_months(moment) // step * step)
    monday = datetime(1990, 1, 1, tzinfo=UTC)
    return monday + (moment - monday) // step * step


def _months(moment: datetime) -> int:
    return 12 * moment.year + moment.month - 1


def _month(number: int) -> datetime:
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


def _moment(milliseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _title(start: datetime, unit: str) -> str:
    if unit == "quarter":
        return f"Q{(start.month + 2) // 3} {start.year}"
    if unit == "five years":
        return f"{start.year} to {start.year + 4}"
    day = f"{start.day} {start:%b %Y}"  # %-d is not on every system
    return {"month": f"{start:%b %Y}", "year": f"{start.year}"}.get(
        unit, f"{day}, {start:%H}:00" if "hour" in unit else day
    )
