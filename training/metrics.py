"""Figures of merit of labels, plain and with intervals, all of them functions of a table of confusions.

Intervals are percentile bootstrap ones over clusters (posts, authors), so that fifty comments under one
post do not count as fifty independent ones. A draw is a weight a cluster, so that a figure of a draw is
one product of matrices, and two models are compared on the same draws. Fewer than ten clusters of several
comments say next to nothing of how clusters differ (one gives an interval of no width at all): then the
comments themselves are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plaudit.scores import LABELS

Labels = NDArray[np.int64]
Counts = NDArray[np.float64]
"""Shape (..., 3, 3): row the true label, column the found one."""
Metric = Callable[[Counts], NDArray[np.float64]]
"""Counts of shape (..., 3, 3) to values of shape (...); NaN where there is nothing to measure."""

N_DRAWS: Final = 1000
_MIN_CLUSTERS: Final = 10
_BLOCK: Final = 100  # draws at once, so that memory stays small for large sets
_N: Final = len(LABELS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure with its 95 % bootstrap interval and the rows behind it."""

    value: float
    low: float
    high: float
    n: int

    def to_dict(self) -> dict[str, Any] | None:
        """Return rounded JSON types; None where there was nothing to measure."""
        if np.isnan(self.value):
            return None
        return {
            "value": round(self.value, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
            "n": self.n,
        }


def counts(truth: Labels, found: Labels, clusters: Labels | None = None) -> Counts:
    """Return a table of confusions a cluster, shape (n_clusters, 3, 3).

    Args:
        truth: Shape (n,), true labels.
        found: Shape (n,), found ones.
        clusters: Shape (n,), numbers as `clusters_of` returns them; None, or too few: each row its own.
    """
    names, rows = np.unique(
        np.arange(len(truth)) if clusters is None else units(clusters), return_inverse=True
    )
    table = np.zeros((len(names), _N, _N))
    np.add.at(table, (rows, truth, found), 1)
    return table


def units(clusters: Labels) -> Labels:
    """Return what is drawn: the cluster of each row, or the row itself where there are too few clusters."""
    n = len(np.unique(clusters))
    return np.arange(len(clusters)) if n < _MIN_CLUSTERS and len(clusters) >= 2 * n else clusters


def clusters_of(keys: Sequence[Hashable]) -> Labels:
    """Return a number a row, shape (n,): rows of one key share it, rows of an empty key share none."""
    numbers: dict[Hashable, int] = {}
    return np.array(
        [numbers.setdefault(key or ("row", row), len(numbers)) for row, key in enumerate(keys)], np.int64
    )


def f1(table: Counts) -> NDArray[np.float64]:
    """Return the F1 of each label, shape (..., 3); NaN for a label that neither side holds."""
    both = table.sum(-1) + table.sum(-2)
    hits = np.diagonal(table, axis1=-2, axis2=-1)
    return np.divide(2 * hits, both, out=np.full(both.shape, np.nan), where=both > 0)


def macro_f1(table: Counts) -> NDArray[np.float64]:
    """Return the mean F1 over the labels that occur on either side."""
    scores = f1(table)
    known = ~np.isnan(scores)
    n_known = known.sum(-1)
    total = np.where(known, scores, 0.0).sum(-1)
    return np.divide(total, n_known, out=np.full(total.shape, np.nan), where=n_known > 0)


def accuracy(table: Counts) -> NDArray[np.float64]:
    """Return the share of right labels."""
    total = table.sum((-2, -1))
    return np.divide(
        np.trace(table, axis1=-2, axis2=-1), total, out=np.full(total.shape, np.nan), where=total > 0
    )


def label_f1(label: int) -> Metric:
    """Return a metric: the F1 of one label."""
    return lambda table: f1(table)[..., label]


def precision(label: int) -> Metric:
    """Return a metric: the share of comments called `label` that are."""
    return lambda table: _share(table[..., label, label], table[..., :, label].sum(-1))


def recall(label: int) -> Metric:
    """Return a metric: the share of comments of `label` that are called so."""
    return lambda table: _share(table[..., label, label], table[..., label, :].sum(-1))


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)


def figure(metric: Metric, table: Counts, *, n_draws: int = N_DRAWS, seed: int = 0) -> Figure:
    """Return a metric of all clusters together, with its interval.

    Args:
        metric: As `macro_f1`.
        table: A table of confusions a cluster, as `counts` returns it.
        n_draws: Of the bootstrap.
        seed: Of the bootstrap.
    """
    n = int(table.sum())
    value = float(metric(table.sum(0)))
    draws = metric(_resampled(table, n_draws=n_draws, seed=seed)) if n else np.empty(0)
    return _with_interval(value, draws, n=n)


def difference(metric: Metric, new: Counts, old: Counts, *, n_draws: int = N_DRAWS, seed: int = 0) -> Figure:
    """Return how much higher a metric is in `new` than in `old`, paired: both have the same clusters."""
    value = float(metric(new.sum(0)) - metric(old.sum(0)))
    sides = [metric(_resampled(table, n_draws=n_draws, seed=seed)) for table in (new, old)]
    return _with_interval(value, sides[0] - sides[1], n=int(new.sum()))


def _resampled(table: Counts, *, n_draws: int, seed: int) -> Counts:
    n = len(table)
    random = np.random.default_rng(seed)
    blocks = [
        random.multinomial(n, np.full(n, 1 / n), size=min(_BLOCK, n_draws - start)) @ table.reshape(n, -1)
        for start in range(0, n_draws, _BLOCK)
    ]
    return np.concatenate(blocks).reshape(n_draws, _N, _N)


def _with_interval(value: float, draws: NDArray[np.float64], *, n: int) -> Figure:
    if np.isnan(value):
        return Figure(value=np.nan, low=np.nan, high=np.nan, n=n)
    draws = draws[~np.isnan(draws)]
    low, high = np.percentile(draws, [2.5, 97.5]) if len(draws) else (value, value)
    # A lopsided metric of few comments can leave its own interval.
    return Figure(value=value, low=float(min(low, value)), high=float(max(high, value)), n=n)


def flag_f1(targets: NDArray[np.float32], probabilities: NDArray[np.float32]) -> list[float | None]:
    """Return the F1 of each flag at 0.5 over the comments whose flags are known.

    None for a flag that neither side holds.
    """
    known = targets[:, 0] >= 0
    truth, found = targets[known] > 0.5, probabilities[known] > 0.5
    both = truth.sum(0) + found.sum(0)
    hits = (truth & found).sum(0)
    return [float(2 * hit / n) if n else None for hit, n in zip(hits, both, strict=True)]


def confusion(truth: Labels, found: Labels) -> list[list[int]]:
    """Return counts: row the true label, column the found one."""
    return [[int(value) for value in row] for row in counts(truth, found).sum(0)]
