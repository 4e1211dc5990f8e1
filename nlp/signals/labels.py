"""What the audience writes: praise that fits anywhere, questions, remarks on this very content.

Formula: mean probability of each label, corrected by PACC (`plaudit.prevalence`) with the error rates of the
languages they are written in, in the mixture that is found.
Reduced by: author.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.estimate import UNIT, Estimate, half_counts
from plaudit.facts import ONE
from plaudit.prevalence import MIN_COMMENTS, Correction
from plaudit.scores import LABELS
from plaudit.signals.section import Mask, Reading, Section, Whole, share

FAMILY: Final = "labels"
NAMES: Final = ("genuine_share", "generic_share", "question_share")
"""One a label, in the order of `LABELS`."""


def read(section: Section) -> Iterator[Reading]:
    """Read the label shares among worded comments, each author counted for at most three."""
    return _shares(section, names=NAMES, of=section.worded, bottom=None)


def census(section: Section) -> Iterator[Reading]:
    """Read the label shares among all readable comments, each counted once."""
    each = section.readable.astype(np.int64) * ONE
    return _shares(section, names=[f"census/{label}" for label in LABELS], of=section.readable, bottom=each)


def _shares(section: Section, *, names: Sequence[str], of: Mask, bottom: Whole | None) -> Iterator[Reading]:
    spoken = _spoken(section, of, section.weight if bottom is None else bottom)
    for name, label in zip(names, LABELS, strict=True):
        top = getattr(section.facts, label)
        # What is more likely something else counts a little, but shows the opposite.
        shown = np.where(2 * top >= ONE, top, 0)
        reading = share(section, name=name, family=FAMILY, of=of, top=top, bottom=bottom, strength=shown)
        yield replace(reading, spoken=spoken)


def _spoken(section: Section, of: Mask, counts: Whole) -> Counter[str]:
    """Return how much of what is counted is of which language."""
    rows = np.flatnonzero(of & (counts > 0))
    codes = section.facts.language.dictionary_encode()
    at = codes.indices.to_numpy(zero_copy_only=False)[rows]
    sums = np.bincount(at, counts[rows], minlength=len(codes.dictionary)).astype(np.int64)
    told = zip(codes.dictionary.to_pylist(), sums.tolist(), strict=True)
    return Counter({code: n for code, n in told if n})


def corrected(estimates: Sequence[Estimate], *, n: int, correction: Correction) -> list[Estimate]:
    """Undo the classifier's errors in the three shares, draw by draw.

    Args:
        estimates: One a label.
        n: Comments behind them; below `MIN_COMMENTS` nothing is corrected.
        correction: The error rates.
    """
    values = np.array([each.value for each in estimates])
    draws = np.stack([each.draws for each in estimates], axis=1)
    draws = np.maximum(draws, 1e-9)
    values, draws = values / values.sum(), draws / draws.sum(axis=1, keepdims=True)
    if n >= MIN_COMMENTS:
        values, draws = correction.solve(values), _never_sure(correction.solve_draws(draws), estimates[0].n)
    return [
        Estimate(value=float(values[i]), draws=np.ascontiguousarray(draws[:, i]), n=each.n)
        for i, each in enumerate(estimates)
    ]


def _never_sure(draws: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return draws of shares, shape (n_draws, n_labels), none below what a label that nobody has leaves open.

    A correction may push all draws of a rare label to 0. Still others of the same people might have had it:
    half a comment joins each label (Jeffreys' prior), beside those of n people.
    """
    halves = half_counts("corrected", len(LABELS)).T
    least = halves / (UNIT * n + halves.sum(axis=1, keepdims=True))
    draws = np.maximum(draws, least)
    return np.asarray(draws / draws.sum(axis=1, keepdims=True))
