"""Geometry of a validation's figures; the templates write the SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from plaudit.report.claims import Chart, Series
from plaudit.report.drawing import Whisker

WIDTH: Final = 560.0
HEIGHT: Final = 340.0
LEFT: Final = 52.0
RIGHT: Final = 14.0
TOP: Final = 12.0
BOTTOM: Final = 44.0
N_TONES: Final = 6
"""Colours there are for series; a seventh starts again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis: where it stands in the box, and what it says."""

    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A series as SVG.

    Attributes:
        name: For the legend.
        tone: Number of its colour, from 1.
        line: Path data through its points; empty where they are not joined.
        area: Path data of the intervals around a line; empty without.
        bars: Path data of the intervals of single points; empty without.
        dots: Their places.
    """

    name: str
    tone: int
    line: str
    area: str
    bars: str
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Values over a horizontal axis, in a box of `WIDTH` x `HEIGHT`."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    layers: tuple[Layer, ...]
    diagonal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A named value of a ladder with its whisker and its text."""

    name: str
    whisker: Whisker
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Named values on one axis; `band` is the start and width of the target, in per cent of the axis."""

    rungs: tuple[Rung, ...]
    band: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    high: float
    step: float

    @classmethod
    def over(cls, values: Sequence[float]) -> _Axis:
        low, high = min(values), max(values)
        if high - low < 1e-9:
            low, high = low - 0.5, high + 0.5
        step = _round_step((high - low) / 5)
        return cls(math.floor(low / step) * step, math.ceil(high / step) * step, step)

    def place(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        digits = max(0, -math.floor(math.log10(self.step) + 1e-9))
        n = round((self.high - self.low) / self.step)
        values = [self.low + i * self.step for i in range(n + 1)]
        return [(value, f"{value + 0.0:.{digits}f}") for value in values]


def plot(chart: Chart) -> Plot:
    """Draw values over a horizontal axis; at least one series has a point."""
    xs = [x for each in chart.series for x in each.x]
    ys = list(chain.from_iterable((*each.y, *each.low, *each.high) for each in chart.series))
    if chart.diagonal:
        xs = ys = [*xs, *ys]
    x_axis, y_axis = _Axis.over(xs), _Axis.over(ys)

    def point(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + x_axis.place(x) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - y_axis.place(y) * (HEIGHT - TOP - BOTTOM),
        )

    ends = (max(x_axis.low, y_axis.low), min(x_axis.high, y_axis.high))
    return Plot(
        x_ticks=tuple(Tick(at=point(value, y_axis.low)[0], text=text) for value, text in x_axis.ticks()),
        y_ticks=tuple(Tick(at=point(x_axis.low, value)[1], text=text) for value, text in y_axis.ticks()),
        layers=tuple(
            _layer(each, tone=i % N_TONES + 1, points=_points(each, point))
            for i, each in enumerate(chart.series)
        ),
        diagonal=_path([point(end, end) for end in ends]) if chart.diagonal else "",
    )


@dataclass(frozen=True, slots=True)
class _Points:
    middle: list[tuple[float, float]]
    low: list[tuple[float, float]]
    high: list[tuple[float, float]]


def _points(series: Series, point: Callable[[float, float], tuple[float, float]]) -> _Points:
    return _Points(
        *(
            [point(x, y) for x, y in zip(series.x, ys, strict=False)]
            for ys in (series.y, series.low, series.high)
        )
    )


def _layer(series: Series, *, tone: int, points: _Points) -> Layer:
    has_span = bool(points.low) and any(
        low != high for low, high in zip(points.low, points.high, strict=True)
    )
    area = bars = ""
    if has_span and series.joined:
        area = _path([*points.high, *reversed(points.low)]) + "Z"
    elif has_span:
        bars = "".join(_path(pair) for pair in zip(points.low, points.high, strict=True))
    return Layer(
        name=series.name,
        tone=tone,
        line=_path(points.middle) if series.joined else "",
        area=area,
        bars=bars,
        dots=tuple(points.middle),
    )


def ladder(chart: Chart) -> Ladder:
    """Draw named values on one axis; at least one."""
    (series,) = chart.series
    low, high = series.low or series.y, series.high or series.y
    axis = _Axis.over([*series.y, *low, *high, *(chart.band or ())])
    digits = 1 if axis.high - axis.low > 5 else 2

    def place(value: float) -> float:
        return min(max(100 * axis.place(value), 0.0), 100.0)

    rungs = tuple(
        Rung(
            name=name,
            whisker=Whisker(
                value=place(y),
                low=place(a),
                high=place(b),
                reference=place(0.0) if axis.low < 0 < axis.high else None,
                start=axis.ticks()[0][1],
                end=axis.ticks()[-1][1],
            ),
            text=f"{y:.{digits}f}" + (f" ({a:.{digits}f}–{b:.{digits}f})" if a != b else ""),
        )
        for name, y, a, b in zip(chart.rungs, series.y, low, high, strict=True)
    )
    band = None
    if chart.band is not None:
        start, end = (place(each) for each in chart.band)
        band = (start, end - start)
    return Ladder(rungs=rungs, band=band)


def is_empty(chart: Chart) -> bool:
    """Tell whether there is nothing to draw."""
    return not any(series.y for series in chart.series)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points) if points else ""


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(size * power for size in (1.0, 2.0, 5.0, 10.0) if size * power >= step * 0.999)
