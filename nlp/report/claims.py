"""What an experiment found: rows held against targets, and the figures that show them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

VERDICTS: Final = ("pass", "short", "unmeasured", "shown")
"""What a row or a claim comes to: meets its target, misses it, had no data, or has no target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a figure should lie: `least <= value <= most`; None leaves a side open."""

    least: float | None = None
    most: float | None = None

    def is_met_by(self, value: float) -> bool:
        """Tell whether a value lies inside."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure of an experiment.

    Attributes:
        name: What it is of.
        value: In `unit`; None where there was nothing to measure it on.
        low: Lower bound of its 90 % interval; None without one.
        high: Upper bound of it.
        unit: share, points, ratio or count.
        target: Where it should lie; None: for information.
        n: What it rests on.
        of: Noun of `n`, in the plural.
        note: A sentence more; empty without one.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str = "ratio"
    target: Target | None = None
    n: int = 0
    of: str = "posts"
    note: str = ""

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`, by the value alone; the interval says how sure that is."""
        if self.value is None or math.isnan(self.value):
            return "unmeasured"
        if self.target is None:
            return "shown"
        return "pass" if self.target.is_met_by(self.value) else "short"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Points of a figure, in order.

    Attributes:
        name: What they are.
        x: Horizontal positions; of a ladder, unused.
        y: Values.
        low: Lower ends of their intervals; empty without.
        high: Upper ends of them.
        joined: Whether a line joins them.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    joined: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A figure: values over a horizontal axis, or a ladder of named values with intervals.

    Attributes:
        title: What it shows.
        x_title: Of the horizontal axis.
        y_title: Of the vertical axis; empty for a ladder.
        series: What is drawn; of a ladder one.
        rungs: Names of a ladder's values, from above; empty for other figures.
        band: A horizontal range worth shading (of a ladder, a vertical one): where values should lie.
        diagonal: Whether to draw the line on which both axes agree.
    """

    title: str
    x_title: str
    y_title: str = ""
    series: tuple[Series, ...] = ()
    rungs: tuple[str, ...] = ()
    band: tuple[float, float] | None = None
    diagonal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one experiment set out to show, and what came of it.

    Attributes:
        name: Short, for options and anchors.
        title: The claim, in words.
        method: How it was measured, in sentences.
        rows: Its figures.
        charts: Its pictures.
        lacking: Why it could not be measured, or not in full; empty where it was.
    """

    name: str
    title: str
    method: str
    rows: tuple[Row, ...] = ()
    charts: tuple[Chart, ...] = ()
    lacking: str = ""

    @property
    def verdict(self) -> str:
        """`short` where any row is; `pass` where every row with a target that could be measured meets it."""
        found = [row.verdict for row in self.rows if row.target is not None]
        if "short" in found:
            return "short"
        if "pass" in found:
            return "pass"
        return "unmeasured" if found or not self.rows else "shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Every claim, and on what, with what and how it was measured.

    Attributes:
        claims: In the order of the table they answer.
        sources: Comments read, by the name of their file.
        scale: How much was measured.
        seed: Of every random choice.
        model: `id` and `hash` of the model that labelled.
        policy: `id` and `hash` of the policy that weighed.
        version: Plaudit's version.
    """

    claims: tuple[Claim, ...]
    sources: Mapping[str, int]
    scale: str
    seed: int
    model: Mapping[str, str]
    policy: Mapping[str, str]
    version: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types, each row and claim with its verdict; the order of keys is fixed."""
        found: dict[str, Any] = orjson.loads(orjson.dumps(self, option=orjson.OPT_SERIALIZE_NUMPY))
        for claim, written in zip(self.claims, found["claims"], strict=True):
            written["verdict"] = claim.verdict
            for row, line in zip(claim.rows, written["rows"], strict=True):
                line["verdict"] = row.verdict
        return found

    def to_json(self) -> bytes:
        """Return it as indented UTF-8 JSON; the same validation gives the same bytes."""
        return orjson.dumps(self.to_dict(), option=orjson.OPT_INDENT_2)
