"""How far probabilities can be believed: calibration error, and the points of a reliability plot."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plaudit.training.metrics import Figure, Labels, units

_N_BINS: Final = 15
_MIN_BIN: Final = 20
_N_DRAWS: Final = 300


def calibration_error(
    probabilities: NDArray[np.float32], truth: Labels, *, n_bins: int = _N_BINS, debiased: bool = True
) -> float:
    """Return the expected calibration error of the top label in equal-mass bins, in [0, 1].

    Debiased (Kumar et al. 2019, squared form): sampling noise within each bin is taken off before the root.
    """
    confidence, correct = _top(probabilities, truth)
    return _root(_squared(confidence, correct, n_bins=n_bins, n_noises=int(debiased)))


def with_interval(
    probabilities: NDArray[np.float32], truth: Labels, clusters: Labels, *, seed: int = 0
) -> Figure:
    """Return the debiased calibration error with a 95 % bootstrap interval over clusters.

    A draw from the sample carries the sample's own noise and that of the draw, so twice as much is taken
    off; a draw below 0 counts as 0. Too few clusters count as none; see `metrics`.
    """
    if len(truth) == 0:
        return Figure(value=np.nan, low=np.nan, high=np.nan, n=0)
    confidence, correct = _top(probabilities, truth)
    clusters = units(clusters)
    rows_of = [np.flatnonzero(clusters == each) for each in np.unique(clusters)]
    random = np.random.default_rng(seed)
    draws = []
    for _ in range(_N_DRAWS):
        rows = np.concatenate([rows_of[i] for i in random.integers(0, len(rows_of), len(rows_of))])
        draws.append(_root(_squared(confidence[rows], correct[rows], n_bins=_N_BINS, n_noises=2)))
    value = _root(_squared(confidence, correct, n_bins=_N_BINS, n_noises=1))
    low, high = np.percentile(draws, [2.5, 97.5])
    return Figure(value=value, low=float(min(low, value)), high=float(max(high, value)), n=len(truth))


def points(probabilities: NDArray[np.float32], truth: Labels) -> list[dict[str, Any]]:
    """Return the bins of a reliability plot: mean confidence, share right with its 95 % interval, n."""
    confidence, correct = _top(probabilities, truth)
    found = []
    for rows in _bins(confidence, _N_BINS):
        rate, n = float(correct[rows].mean()), len(rows)
        low, high = wilson(rate, n)
        found.append(
            {
                "confidence": round(float(confidence[rows].mean()), 4),
                "right": round(rate, 4),
                "low": round(low, 4),
                "high": round(high, 4),
                "n": n,
            }
        )
    return found


def wilson(rate: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    z = 1.96
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return float(max(0.0, middle - reach)), float(min(1.0, middle + reach))


def _top(
    probabilities: NDArray[np.float32], truth: Labels
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    return probabilities.max(1), (probabilities.argmax(1) == truth).astype(np.float64)


def _bins(confidence: NDArray[np.float32], n_bins: int) -> list[NDArray[np.int64]]:
    order = np.argsort(confidence, kind="stable")
    return np.array_split(order, min(n_bins, max(1, len(order) // _MIN_BIN)))


def _squared(
    confidence: NDArray[np.float32], correct: NDArray[np.float64], *, n_bins: int, n_noises: int
) -> float:
    total = 0.0
    for rows in _bins(confidence, n_bins):
        rate = correct[rows].mean()
        gap = (confidence[rows].mean() - rate) ** 2
        noise = rate * (1 - rate) / max(1, len(rows) - 1)
        total += len(rows) / len(confidence) * (gap - n_noises * noise)
    return float(total)


def _root(squared: float) -> float:
    return float(np.sqrt(max(0.0, squared)))
