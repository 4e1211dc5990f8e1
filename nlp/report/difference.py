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
    one, other = (np.array([each.value, each.low, each.high]) for each in (before, after))
    value, low, high = differences(one, other, correlation=correlation).tolist()
    return Value(value=value, low=low, high=high)


def differences(
    before: NDArray[np.float64], after: NDArray[np.float64], *, correlation: float = 0.0
) -> NDArray[np.float64]:
    """Return what `difference` says of many numbers at once.

    Args:
        before: Shape (..., 3): value, low, high; NaN where there is none.
        after: Likewise.
        correlation: As there.
    """
    one, one_low, one_high = np.moveaxis(before, -1, 0)
    other, other_low, other_high = np.moveaxis(after, -1, 0)
    d = other - one
    below = _joined(other - other_low, one_high - one, correlation)
    above = _joined(other_high - other, one - one_low, correlation)
    return np.stack((d, d - below, d + above), axis=-1)


def chance(apart: Value) -> float:
    """Return how likely a difference as far from 0 is where there is none, in [0, 1] (two-sided, normal)."""
    if apart.value == 0:
        return 1.0
    room = apart.value - apart.low if apart.value > 0 else apart.high - apart.value
    z = abs(apart.value) / room * Z if room > 0 else inf
    return erfc(z / sqrt(2))


def chances(apart: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what `chance` says of many differences, of shape (..., 3) as `differences` gives them."""
    value, low, high = np.moveaxis(apart, -1, 0)
    room = np.where(value > 0, value - low, high - value)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(room > 0, np.abs(value) / room * Z, inf) / sqrt(2)
    z = np.where(value == 0, 0.0, np.where(np.isnan(value), np.nan, z))
    return np.fromiter(map(erfc, z.ravel().tolist()), np.float64, z.size).reshape(z.shape)


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


def _joined(one: NDArray[np.float64], other: NDArray[np.float64], correlation: float) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.maximum(one**2 + other**2 - 2 * correlation * one * other, 0.0)))
