"""How much a classifier's error rates differ from one source of comments to the next, beyond chance.

Rates counted on a pool of sources are an average; a community that nobody labelled has rates of its own
around it. Taken for those of one population, thousands of comments would make the average look certain, and
label shares with it.

Formula: for the comments of one label, n_s of source s with mean probabilities p_s, and p of all N, the
variance between sources is that of DerSimonian and Laird (1986), weights n_s,

    tau^2 = (sum_s n_s |p_s - p|^2 - (k - 1) sigma^2) / (N - sum_s n_s^2 / N)

with sigma^2 the variance of a comment within its source and k the number of sources. A Dirichlet distribution
of concentration A around p has the variance sum_j p_j (1 - p_j) / (A + 1): A is what makes the two equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.scores import LABELS

MIN_SOURCES: Final = 4
"""Sources with `MIN_COMMENTS` of a label that are needed to tell how they differ."""
MIN_COMMENTS: Final = 5
LEAST: Final = 5.0
"""Concentration that is not gone below: few sources tell a spread only roughly."""


def concentrations(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64], sources: Sequence[str]
) -> tuple[float | None, ...]:
    """Return for each label how closely the rates of sources lie around those of all.

    Args:
        probabilities: Of held-out comments, shape (n, 3).
        truth: Their labels, shape (n,).
        sources: Where each comes from; "" where unknown, which is no source.

    Returns:
        By label a concentration, at least `LEAST`: as many comments of a new source say as much of its rates.
        None where sources do not differ more than chance makes them, or are too few to tell.
    """
    named = np.array(sources, object)
    return tuple(
        _concentration(probabilities[rows].astype(np.float64), named[rows])
        for rows in ((truth == label) & (named != "") for label in range(len(LABELS)))
    )


def _concentration(values: NDArray[np.float64], sources: NDArray[np.object_]) -> float | None:
    _, place, sizes = np.unique(sources.astype(str), return_inverse=True, return_counts=True)
    enough = sizes >= MIN_COMMENTS
    if enough.sum() < MIN_SOURCES:
        return None
    kept = enough[place]
    values, place = values[kept], (np.cumsum(enough) - 1)[place[kept]]
    sizes, n, k = sizes[enough], len(values), int(enough.sum())
    means = np.stack([np.bincount(place, column) for column in values.T], axis=1) / sizes[:, None]
    mean = values.mean(axis=0)
    within = float(((values - means[place]) ** 2).sum()) / (n - k)
    between = float((sizes[:, None] * (means - mean) ** 2).sum())
    variance = (between - (k - 1) * within) / (n - float((sizes**2).sum()) / n)
    if variance <= 0:
        return None
    return max(LEAST, round(float((mean * (1 - mean)).sum()) / variance - 1, 1))
