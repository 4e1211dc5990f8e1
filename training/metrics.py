"""Figures of merit, plain and with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Metric = Callable[[Labels, Labels], float]


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


def f1_scores(truth: Labels, found: Labels, *, n_labels: int = 3) -> NDArray[np.float64]:
    """Return the F1 of each label; NaN for a label that neither side holds."""
    scores = np.full(n_labels, np.nan)
    for label in range(n_labels):
        hits = int(((truth == label) & (found == label)).sum())
        both = int((truth == label).sum() + (found == label).sum())
        if both:
            scores[label] = 2 * hits / both
    return scores


def macro_f1(truth: Labels, found: Labels) -> float:
    """Return the mean F1 over the labels that occur in either."""
    return float(np.nanmean(f1_scores(truth, found))) if len(truth) else float("nan")


def label_f1(label: int) -> Metric:
    """Return a metric: the F1 of one label; NaN where neither side holds it."""
    return lambda truth, found: float(f1_scores(truth, found)[label])


def precision(label: int) -> Metric:
    """Return a metric: the share of comments called `label` that are; NaN where none is called so."""
    return lambda truth, found: (
        float((truth[found == label] == label).mean()) if (found == label).any() else float("nan")
    )


def with_interval(
    metric: Metric, truth: Labels, found: Labels, *, n_draws: int = 500, seed: int = 0
) -> Figure:
    """Return the metric with a percentile bootstrap interval over comments."""
    value = metric(truth, found) if len(truth) else np.nan
    if np.isnan(value):
        return Figure(value=np.nan, low=np.nan, high=np.nan, n=len(truth))
    draw = np.random.default_rng(seed)
    rows = (draw.integers(0, len(truth), len(truth)) for _ in range(n_draws))
    draws = np.array([metric(truth[r], found[r]) for r in rows])
    low, high = np.percentile(draws[~np.isnan(draws)], [2.5, 97.5])
    # A lopsided metric of few comments can leave its own interval.
    return Figure(value=value, low=float(min(low, value)), high=float(max(high, value)), n=len(truth))


def flag_f1(targets: NDArray[np.float32], probabilities: NDArray[np.float32]) -> list[float | None]:
    """Return the F1 of each flag at 0.5 over the comments whose flags are known.

    None for a flag that neither side holds.
    """
    known = targets[:, 0] >= 0
    truth, found = targets[known] > 0.5, probabilities[known] > 0.5
    both = truth.sum(0) + found.sum(0)
    hits = (truth & found).sum(0)
    return [float(2 * hit / n) if n else None for hit, n in zip(hits, both, strict=True)]


def calibration_error(
    probabilities: NDArray[np.float32], truth: Labels, *, n_bins: int = 15, debiased: bool = True
) -> float:
    """Return the expected calibration error of the top label in equal-mass bins.

    Debiased (Kumar et al. 2019, squared form): sampling noise within each bin is taken off before the root.
    """
    confidence = probabilities.max(1)
    correct = (probabilities.argmax(1) == truth).astype(np.float64)
    order = np.argsort(confidence, kind="stable")
    total = 0.0
    for rows in np.array_split(order, min(n_bins, max(1, len(order) // 20))):
        rate = correct[rows].mean()
        gap = (confidence[rows].mean() - rate) ** 2
        noise = rate * (1 - rate) / max(1, len(rows) - 1) if debiased else 0.0
        total += len(rows) / len(order) * (gap - noise)
    return float(np.sqrt(max(0.0, total)))


def confusion(truth: Labels, found: Labels, *, n_labels: int = 3) -> list[list[int]]:
    """Return counts: row the true label, column the found one."""
    counts = np.zeros((n_labels, n_labels), int)
    np.add.at(counts, (truth, found), 1)
    return [[int(value) for value in row] for row in counts]


def slices(
    texts: Sequence[str], languages: Sequence[str], sources: Sequence[str]
) -> dict[str, NDArray[np.bool_]]:
    """Return named masks over comments: by language, source, length and punctuation."""
    n_words = np.array([len(text.split()) for text in texts])
    masks = {
        "no question mark": np.array(["?" not in text for text in texts]),
        "1 to 3 words": n_words <= 3,
        "over 30 words": n_words > 30,
    }
    for name, values in (("language", languages), ("source", sources)):
        column = np.array(values)
        masks |= {f"{name} {value or 'unknown'}": column == value for value in sorted(set(values))}
    return masks
