"""Geometry of the page's small charts; the templates write the SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from plaudit.report.difference import Value
from plaudit.report.envelope import Interval, LabelShare, SignalRow
from plaudit.report.phrases import change as change_of
from plaudit.report.phrases import quantity

CENTRE_X: Final = 120.0
CENTRE_Y: Final = 116.0
RADIUS: Final = 88.0
OUTER_RADIUS: Final = 106.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A half circle from 0 to 100: SVG path data in a box of 240 x 130.

    Attributes:
        track: The whole half circle.
        fill: From 0 to the value; None where the number abstains.
        span: The 90 % interval, on a wider circle; None likewise.
        ends: The interval's end marks.
    """

    track: str
    fill: str | None = None
    span: str | None = None
    ends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Whisker:
    """A value with its interval on an axis; every position is a percentage of the axis.

    Attributes:
        value: Where the dot stands.
        low: Where the interval begins.
        high: Where it ends.
        reference: Where the usual value stands; None without one.
        start: The axis' first number, in words.
        end: The axis' last number, in words.
    """

    value: float
    low: float
    high: float
    reference: float | None
    start: str
    end: str

    @property
    def side(self) -> str:
        """Where a caption of the reference mark has room: after it, centred on it, or before it."""
        if self.reference is None or 30 <= self.reference <= 70:
            return "centre"
        return "after" if self.reference < 30 else "before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A piece of a stacked bar: where it starts and how wide it is, in per cent."""

    name: str
    start: float
    width: float


def gauge(number: Interval | None) -> Gauge:
    """Draw a number from 0 to 100, or an empty track for an abstention."""
    track = _arc(0, 100, radius=RADIUS)
    if number is None:
        return Gauge(track=track)
    return Gauge(
        track=track,
        fill=_arc(0, max(number.value, 0.5), radius=RADIUS),
        span=_arc(number.low, max(number.high, number.low + 0.5), radius=OUTER_RADIUS),
        ends=(_tick(number.low), _tick(number.high)),
    )


def scale(number: Interval) -> Whisker:
    """Place a number from 0 to 100 on a straight axis."""
    return Whisker(value=number.value, low=number.low, high=number.high, reference=None, start="0", end="100")


def share_whisker(share: LabelShare) -> Whisker:
    """Place a label's share on an axis from 0 to 100 %; the reference mark is the raw share."""
    return Whisker(
        value=_percent(share.share),
        low=_percent(share.low),
        high=_percent(share.high),
        reference=_percent(share.raw_share),
        start="0%",
        end="100%",
    )


def whisker(row: SignalRow) -> Whisker | None:
    """Place a signal on an axis that holds its interval and its reference; None where it is absent."""
    if row.value is None:
        return None
    low = row.value if row.low is None else row.low
    high = row.value if row.high is None else row.high
    points = [low, high, row.value, *([] if row.reference is None else [row.reference])]
    start, end = min(0.0, *points), _round_up(max(points), limit=1.0 if row.unit == "share" else math.inf)

    def place(x: float) -> float:
        return _percent((x - start) / (end - start))

    return Whisker(
        value=place(row.value),
        low=place(low),
        high=place(high),
        reference=None if row.reference is None else place(row.reference),
        start=_axis(start, row.unit),
        end=_axis(end, row.unit),
    )


def change(apart: Value, *, limit: float, unit: str) -> Whisker:
    """Place a difference on an axis with no change in its middle; `limit` is at either end."""

    def place(x: float) -> float:
        return _percent(0.5 + x / (2 * limit))

    return Whisker(
        value=place(apart.value),
        low=place(apart.low),
        high=place(apart.high),
        reference=50.0,
        start=change_of(-limit, unit),
        end=change_of(limit, unit),
    )


def change_limit(differences: Iterable[Value]) -> float:
    """Return the end of an axis that holds differences and their intervals."""
    return _round_up(max((abs(x) for d in differences for x in (d.low, d.high)), default=0.0), limit=math.inf)


def stacked(shares: Mapping[str, float]) -> tuple[Segment, ...]:
    """Place parts next to each other so that they fill a bar; empty where all are zero."""
    total = sum(shares.values())
    segments: list[Segment] = []
    for name, share in shares.items():
        if share > 0:
            start = segments[-1].start + segments[-1].width if segments else 0.0
            segments.append(Segment(name=name, start=start, width=100 * share / total))
    return tuple(segments)


def _percent(share: float) -> float:
    return min(max(100 * share, 0.0), 100.0)


def _axis(x: float, unit: str) -> str:
    return "0" if x == 0 else quantity(x, unit).replace(".0 ", " ")


def _round_up(x: float, *, limit: float) -> float:
    """Return the next 1, 2, 5 times a power of ten with a little air above x."""
    if x <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(x))
    steps = [step * power for step in (1, 2, 3, 4, 5, 7.5, 10, 20)]
    return min(next((step for step in steps if step >= 1.08 * x), 20 * power), max(limit, x))


def _point(x: float, radius: float) -> str:
    angle = math.pi * (1 - min(max(x, 0.0), 100.0) / 100)
    return f"{CENTRE_X + radius * math.cos(angle):.2f} {CENTRE_Y - radius * math.sin(angle):.2f}"


def _arc(low: float, high: float, *, radius: float) -> str:
    return f"M{_point(low, radius)}A{radius:g} {radius:g} 0 0 1 {_point(high, radius)}"


def _tick(x: float) -> str:
    return f"M{_point(x, OUTER_RADIUS - 5)}L{_point(x, OUTER_RADIUS + 5)}"
