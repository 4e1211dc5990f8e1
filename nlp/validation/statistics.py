"""Figures with their uncertainty; the unit that is resampled is always the post."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from plaudit.report.claims import Chart, Row, Series

N_RESAMPLES: Final = 400
Z_90: Final = 1.6448536269514722
"""Standard errors from the middle of a 90 % interval to its ends."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 90 % interval; the ends are None where it rests on too little to have one."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def row(self, name: str, **rest: Any) -> Row:
        """Return it as a row of a claim, with the row's other fields."""
        return Row(name=name, value=self.value, low=self.low, high=self.high, **rest)


def stream(seed: int, *names: object) -> np.random.RandomState:
    """Return the random numbers of one purpose: independent of what was drawn for others before it."""
    # RandomState's stream is frozen for good (NEP 19); Generator's may change with numpy.
    return np.random.RandomState(crc32("\0".join(map(str, (seed, *names))).encode()))


def resampled(
    n: int, statistic: Callable[[NDArray[np.intp]], float], random: np.random.RandomState
) -> Figure:
    """Return a statistic of n posts with its bootstrap interval (percentiles).

    Args:
        n: Posts there are.
        statistic: Of the posts at some positions, which may repeat; nan where it is undefined.
        random: What to draw with.
    """
    if n == 0:
        return Figure(None)
    value = statistic(np.arange(n))
    if not np.isfinite(value):
        return Figure(None)
    drawn = np.array([statistic(random.randint(0, n, n)) for _ in range(N_RESAMPLES if n > 2 else 0)])
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < N_RESAMPLES // 2:
        return Figure(float(value))
    low, high = np.percentile(drawn, (5, 95))
    return Figure(float(value), min(float(low), float(value)), max(float(high), float(value)))


def mean_of(values: Sequence[float] | Values, *, share: bool = False) -> Figure:
    """Return a mean over posts, with its standard error by post; of shares, the interval stays in [0, 1]."""
    found = np.asarray(values, np.float64)
    if not len(found):
        return Figure(None)
    value = float(found.mean())
    if len(found) < 3:
        return Figure(value)
    margin = Z_90 * float(found.std(ddof=1)) / np.sqrt(len(found))
    low, high = value - margin, value + margin
    return Figure(value, max(low, 0.0), min(high, 1.0)) if share else Figure(value, low, high)


def auc(lower: Values, higher: Values) -> float:
    """Return the chance that one of `higher` is above one of `lower`, ties by halves (Mann and Whitney)."""
    if not len(lower) or not len(higher):
        return float("nan")
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, "left")
    not_above = np.searchsorted(ordered, higher, "right")
    return float((below + not_above).mean() / 2 / len(lower))


def correlation(one: Values, other: Values) -> float:
    """Return Pearson's correlation; nan where one of both does not vary."""
    if len(one) < 3 or not one.std() or not other.std():
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def rank_correlation(one: Values, other: Values) -> float:
    """Return Spearman's correlation; nan where one of both does not vary."""
    return correlation(ranks(one), ranks(other))


def ranks(values: Values) -> Values:
    """Return ranks from 0 for the lowest; equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts + 1) / 2)[inverse], np.float64)


def spearman_brown(halves: float) -> float:
    """Return the reliability of the whole from the correlation of its halves (Spearman 1910, Brown 1910)."""
    return 2 * halves / (1 + halves) if halves > -1 else float("nan")


def series_of(name: str, x: Sequence[float], figures: Sequence[Figure], *, joined: bool = False) -> Series:
    """Return figures as points of a chart; those without a value are left out."""
    there = [(at, each) for at, each in zip(x, figures, strict=True) if each.value is not None]
    values = [each.value or 0.0 for _, each in there]
    return Series(
        name=name,
        x=tuple(float(at) for at, _ in there),
        y=tuple(values),
        low=tuple(
            value if each.low is None else each.low for value, (_, each) in zip(values, there, strict=True)
        ),
        high=tuple(
            value if each.high is None else each.high for value, (_, each) in zip(values, there, strict=True)
        ),
        joined=joined,
    )


def ladder_of(
    title: str, x_title: str, rungs: Mapping[str, Figure], *, band: tuple[float, float] | None = None
) -> Chart:
    """Return named figures as a chart; those without a value are left out."""
    there = {name: figure for name, figure in rungs.items() if figure.value is not None}
    series = series_of(x_title, range(len(there)), list(there.values()))
    return Chart(title=title, x_title=x_title, series=(series,), rungs=tuple(there), band=band)
