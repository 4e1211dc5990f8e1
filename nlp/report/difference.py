"""How far apart two numbers are, and whether that is more than noise, told from their intervals alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, inf, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

Z: Final = 1.6448536269514722
"""Standard deviations from the value to either bound of a 90 % interval."""
FALSE_SHARE: Final = 0.1
"""Share of false alarms that is accepted among the differences called real."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A number with its 90 % interval, `low <= value <= high`, in whatever unit it has."""

    value: float
    low: float
    high: float


def difference(before: Value, after: Value, *, correlation: float = 0.0) -> Value:
    """Return after - before with its 90 % interval.

    The method of variance estimates recovery (Zou 2007, "Toward using confidence intervals to compare
    correlations"): each bound of the difference comes from the two bounds that pull it that way, so that
    lopsided intervals stay lopsided.

    Args:
        before: The first number.
        after: The second one.
        correlation: Of the two sampling errors, in [0, 1]; 0 for independent samples.
    """
    d = after.value - before.value
    below = _joined(after.value - after.low, before.high - before.value, correlation)
    above = _joined(after.high - after.value, before.value - before.low, correlation)
    return Value(value=d, low=d - below, high=d + above)


def chance(apart: Value) -> float:
    """Return how likely a difference as far from 0 is where there is none, in [0, 1] (two-sided, normal)."""
    if apart.value == 0:
        return 1.0
    room = apart.value - apart.low if apart.value > 0 else apart.high - apart.value
    z = abs(apart.value) / room * Z if room > 0 else inf
    return erfc(z / sqrt(2))


def discoveries(chances: Sequence[float]) -> list[bool]:
    """Say which of many differences are real, so that at most `FALSE_SHARE` of those are false alarms."""
    most = cutoff(np.array(chances, np.float64))
    return [chance <= most for chance in chances]


def cutoff(chances: NDArray[np.float64]) -> float:
    """Return up to which chance differences are real, as `discoveries` says; -1 where none is.

    Benjamini and Hochberg (1995), the step-up procedure.
    """
    ranked = np.sort(chances)
    real = ranked[ranked <= FALSE_SHARE * np.arange(1, len(ranked) + 1) / max(len(ranked), 1)]
    return float(real[-1]) if len(real) else -1.0


def _joined(one: float, other: float, correlation: float) -> float:
    return sqrt(max(one**2 + other**2 - 2 * correlation * one * other, 0.0))
