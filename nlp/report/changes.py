"""One number in two findings: how it changed, and whether that is more than noise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from plaudit.report.difference import Value, chance, cutoff, difference
from plaudit.report.envelope import Finding

VERDICTS: Final = {
    "rose": "more than noise",
    "fell": "more than noise",
    "unclear": "outside its own interval, but so many comparisons bring some of that by chance",
    "noise": "no more than noise",
    "same": "exactly the same",
    "new": "only the second run could say",
    "gone": "only the first run could say",
    "absent": "neither run could say",
}
"""What a change amounts to."""

NUMBERS: Final = ("index", "authenticity", "community_depth")
DIGITS: Final = 6
"""Of a difference, behind the point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One number in two runs.

    Attributes:
        name: Of the number, label or signal.
        kind: number, label or signal.
        unit: points (0 to 100), or the signal's.
        before: In the first run; None where it could not be said.
        after: In the second one; likewise.
        difference: after - before; None unless both are there.
        verdict: One of `VERDICTS`.
    """

    name: str
    kind: str
    unit: str
    before: Value | None
    after: Value | None
    difference: Value | None
    verdict: str


def changes_of(before: Finding, after: Finding, *, correlation: float) -> Iterator[Change]:
    """Yield the change of each number, label and signal, not judged yet."""
    for name in NUMBERS:
        values = [_value(getattr(finding, name), "value") for finding in (before, after)]
        yield _change(name, "number", "points", *values, correlation=correlation)
    for name in {**before.labels, **after.labels}:
        values = [_value(finding.labels.get(name), "share") for finding in (before, after)]
        yield _change(name, "label", "share", *values, correlation=correlation)
    rows = ({row.name: row for row in finding.signals} for finding in (before, after))
    first, second = rows
    for name in {**first, **second}:
        values = [_value(row, "value") for row in (first.get(name), second.get(name))]
        unit = (second.get(name) or first[name]).unit
        yield _change(name, "signal", unit, *values, correlation=correlation)


def _value(thing: Any, name: str) -> Value | None:
    value = None if thing is None else getattr(thing, name)
    if value is None or thing.low is None or thing.high is None:
        return None
    return Value(value=value, low=min(thing.low, value), high=max(thing.high, value))


def _change(
    name: str, kind: str, unit: str, before: Value | None, after: Value | None, *, correlation: float
) -> Change:
    apart = None if before is None or after is None else difference(before, after, correlation=correlation)
    if apart is not None:
        exact = (apart.value, apart.low, apart.high)
        value, low, high = (round(each, DIGITS) + 0.0 for each in exact)
        apart = Value(value=value, low=low, high=high)
    return Change(
        name=name,
        kind=kind,
        unit=unit,
        before=before,
        after=after,
        difference=apart,
        verdict=unjudged(before, after),
    )


def unjudged(before: Value | None, after: Value | None) -> str:
    """Return the verdict that needs no judgement: what is there in both runs is the same, or noise."""
    if before is None or after is None:
        return "absent" if before is after else "new" if before is None else "gone"
    return "same" if before == after else "noise"


def judged(changes: Iterable[Change]) -> list[Change]:
    """Give each difference its verdict, in the light of how many there are."""
    found = list(changes)
    most = cutoff(np.array(list(chances_of(found)), np.float64))
    return [judged_by(change, most) for change in found]


def chances_of(changes: Iterable[Change]) -> Iterator[float]:
    """Yield how likely each difference is that could mislead anybody.

    A difference of nothing at all, as between runs of the same comments, is none of them.
    """
    for change in changes:
        if change.difference is not None and change.difference.value:
            yield chance(change.difference)


def judged_by(change: Change, most: float) -> Change:
    """Give a difference its verdict, where those up to a chance, as `difference.cutoff`, are real."""
    apart = change.difference
    if apart is None or not apart.value or apart.low <= 0 <= apart.high:
        return change
    if chance(apart) > most:
        return replace(change, verdict="unclear")
    return replace(change, verdict="rose" if apart.value > 0 else "fell")


def real(changes: Sequence[Change]) -> list[Change]:
    """Return the changes that are more than noise."""
    return [change for change in changes if change.verdict in ("rose", "fell")]
