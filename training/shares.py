"""How far shares of labels are off where a set's mix differs from the training data's.

The artificial prevalence protocol (Forman 2008; Esuli et al. 2023): samples are drawn from a labelled set
with every mix of labels equally likely, and each way of estimating shares is held against the mix drawn.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import numpy as np

from plaudit.prevalence import Correction
from plaudit.scores import LABELS, ErrorCounts, Scores
from plaudit.training.metrics import Labels

_N_SAMPLES: Final = 300
_SAMPLE: Final = 200  # comments: a middling post


def share_errors(
    scores: Scores,
    truth: Labels,
    error_counts: ErrorCounts | None,
    *,
    seed: int = 0,
) -> dict[str, Any] | None:
    """Return the mean absolute error of label shares by each way of estimating them.

    Args:
        scores: Of n comments.
        truth: Shape (n,).
        error_counts: Of the model, as a classifier brings them.
        seed: Of the samples.

    Returns:
        For counted labels, mean probabilities and their correction (as served): the error, averaged over
        labels, then samples; and its largest 5 %. None where a label does not occur.
    """
    rows_of = [np.flatnonzero(truth == label) for label in range(len(LABELS))]
    if not all(len(rows) for rows in rows_of):
        return None
    random = np.random.default_rng(seed)
    correction, codes = Correction.of(error_counts), np.array(scores.languages, object)
    errors: dict[str, list[float]] = {"counted": [], "mean_probability": [], "corrected": []}
    for shares in random.dirichlet(np.ones(len(LABELS)), _N_SAMPLES):
        sizes = random.multinomial(_SAMPLE, shares)
        rows = np.concatenate([random.choice(each, n) for each, n in zip(rows_of, sizes, strict=True)])
        drawn, sample = sizes / _SAMPLE, scores.probabilities[rows].astype(np.float64)
        counted = np.bincount(sample.argmax(1), minlength=len(LABELS)) / _SAMPLE
        means = sample.mean(0)
        corrected = correction.among(Counter(codes[rows].tolist())).solve(means)
        found = {"counted": counted, "mean_probability": means, "corrected": corrected}
        for name, estimate in found.items():
            errors[name].append(float(np.abs(estimate - drawn).mean()))
    return {
        "n_samples": _N_SAMPLES,
        "n_comments": _SAMPLE,
        "mean_absolute_error": {name: round(float(np.mean(each)), 4) for name, each in errors.items()},
        "p95": {name: round(float(np.percentile(each, 95)), 4) for name, each in errors.items()},
        "refusal": correction.refusal,
    }
