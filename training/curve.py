"""Speed against agreement: what a cascade answers at each setting of its thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plaudit.calibration import softmax
from plaudit.inference import margins
from plaudit.scores import LABELS

FACTORS: Final = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Of the labels that may differ: 1 is what is served, at 0 the exact network reads everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One setting of the thresholds, on distinct texts from which no student has learnt.

    Attributes:
        factor: Of the labels that may differ.
        answered: Share of the texts each network answers, the exact one last.
        agreement: Share of the labels that are those of the float32 network.
        prevalence_shift: Largest difference of a label's mean probability from the float32 network's.
        comments_per_second: Distinct texts, from the seconds each network took for one on this machine.
    """

    factor: float
    answered: tuple[float, ...]
    agreement: float
    prevalence_shift: float
    comments_per_second: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types, rounded."""
        return {
            **asdict(self),
            "answered": [round(share, 4) for share in self.answered],
            "agreement": round(self.agreement, 4),
            "prevalence_shift": round(self.prevalence_shift, 4),
            "comments_per_second": round(self.comments_per_second),
        }


def threshold(
    logits: NDArray[np.float32], truth: NDArray[np.int64], *, n_differing: float
) -> tuple[float, NDArray[np.bool_], int]:
    """Return the least margin at which no more than so many answers differ from the teacher's.

    Args:
        logits: The student's, shape (n, 6).
        truth: The teacher's labels, shape (n,).
        n_differing: How many answers may differ.

    Returns:
        The margin, rounded up to 0.001; where the student answers at it; how many of these differ.
    """
    lead = margins(logits)
    wrong = logits[:, : len(LABELS)].argmax(1) != truth
    order = np.argsort(-lead, kind="stable")
    n_answered = int(np.searchsorted(np.cumsum(wrong[order]), n_differing, side="right"))
    least = float(lead[order[n_answered - 1]]) if n_answered else float(lead.max(initial=0)) + 1
    least = float(np.ceil(least * 1000) / 1000)
    sure = lead >= np.float32(least)
    return least, sure, int((wrong & sure).sum())


def point(
    students: Sequence[NDArray[np.float32]],
    exact: NDArray[np.float32],
    float32: NDArray[np.float32],
    *,
    factor: float,
    differing: Sequence[float],
    seconds: Sequence[float],
) -> Point:
    """Return what a cascade answers when `factor` times as many labels may differ.

    Args:
        students: Logits of each student on all n texts, shape (n, 6), in the order they are asked.
        exact: Logits of the exact network as it is served, shape (n, 6).
        float32: Label logits of the network as it was trained, shape (n, 3).
        factor: From 0; 0 leaves the students out.
        differing: Share of the texts each student may answer with another label, at factor 1.
        seconds: Of each network for one text, the exact one last; tokenising counts to the first.
    """
    n = len(exact)
    truth = exact[:, : len(LABELS)].argmax(1)
    answers = exact[:, : len(LABELS)].astype(np.float64)
    left, shares, cost = np.arange(n), [], 0.0
    for logits, share, each in zip(students, differing, seconds, strict=False):
        if factor == 0:
            shares.append(0.0)
            continue
        cost += each * len(left) / n
        _, sure, _ = threshold(logits[left], truth[left], n_differing=factor * share * n)
        answers[left[sure]] = logits[left[sure], : len(LABELS)]
        shares.append(float(sure.sum()) / n)
        left = left[~sure]
    cost += seconds[-1] * len(left) / n
    shift = softmax(answers).mean(0) - softmax(float32.astype(np.float64)).mean(0)
    return Point(
        factor=factor,
        answered=(*shares, len(left) / n),
        agreement=float((answers.argmax(1) == float32.argmax(1)).mean()),
        prevalence_shift=float(np.abs(shift).max()),
        comments_per_second=1 / cost,
    )
