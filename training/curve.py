"""Speed against agreement: what a cascade answers at each setting of its thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plaudit.calibration import softmax
from plaudit.scores import LABELS
from plaudit.sureness import Sureness, margins, slack_of

FACTORS: Final = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Of the labels that may differ: 1 is what is served, at 0 the exact network reads everything."""
SLACKS: Final = tuple(tenth / 10 for tenth in range(13))
"""What `settle` tries, in logits a doubling of a text's tokens."""
_STEP: Final = 1000  # bounds are rounded to the thousandth


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One setting of the thresholds, on distinct texts from which no student has learnt.

    Attributes:
        factor: Of the labels and flags that may differ.
        answered: Share of the texts each network answers, the exact one last.
        agreement: Share of the labels that are those of the float32 network.
        flag_agreement: The same of each flag.
        prevalence_shift: Largest difference of a label's mean probability from the float32 network's.
        comments_per_second: Distinct texts, from the seconds each network took for one of average length on
            this machine.
    """

    factor: float
    answered: tuple[float, ...]
    agreement: float
    flag_agreement: tuple[float, ...]
    prevalence_shift: float
    comments_per_second: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types, rounded."""
        return {
            **asdict(self),
            "answered": [round(share, 4) for share in self.answered],
            "agreement": round(self.agreement, 4),
            "flag_agreement": [round(share, 4) for share in self.flag_agreement],
            "prevalence_shift": round(self.prevalence_shift, 4),
            "comments_per_second": round(self.comments_per_second),
        }


def least_margin(lead: NDArray[np.float32], wrong: NDArray[np.bool_], *, n_differing: float) -> float:
    """Return the least margin at which no more than so many answers differ from the teacher's.

    Args:
        lead: By how much the student's best label leads the second, and the slack of the text, shape (n,).
        wrong: Where its label is not the teacher's, shape (n,).
        n_differing: How many answers may differ.

    Returns:
        The margin, rounded up to 0.001; from 0.
    """
    return max(0.0, _least(lead, wrong, n_differing))


def unsure_flags(
    logits: NDArray[np.float32],
    exact: NDArray[np.float32],
    slack: NDArray[np.float32],
    *,
    borders: Sequence[float],
    n_differing: Sequence[float],
) -> tuple[tuple[float, float], ...]:
    """Return between which logits of each flag the student had better not answer.

    Args:
        logits: The student's of the texts that it is sure of, shape (n, 6).
        exact: The exact network's of the same.
        slack: By how much the range of each text is narrower on both sides, shape (n,).
        borders: The exact network's logit from which on a flag is called held; the student learnt its logits.
        n_differing: How many answers may differ in each flag.

    Returns:
        A range around each border, rounded outwards to 0.001; of no width where nothing need be passed on.
    """
    found = []
    for place, (border, most) in enumerate(zip(borders, n_differing, strict=True), len(LABELS)):
        ahead = logits[:, place].astype(np.float64) - border
        wrong = (ahead >= 0) != (exact[:, place] >= border)
        if wrong.sum() <= most:
            found.append((_rounded(border, np.rint), _rounded(border, np.rint)))
        else:
            width = max(_least(np.abs(ahead) + slack, wrong, most), 1 / _STEP)
            found.append((_rounded(border - width, np.floor), _rounded(border + width, np.ceil)))
    return tuple(found)


def _least(lead: NDArray[Any], wrong: NDArray[np.bool_], n_differing: float) -> float:
    """Return the least lead, rounded up, at which no more than so many are wrong."""
    order = np.argsort(-lead, kind="stable")
    n_answered = int(np.searchsorted(np.cumsum(wrong[order]), n_differing, side="right"))
    return _rounded(lead[order[n_answered - 1]] if n_answered else lead.max(initial=0) + 1, np.ceil)


def _rounded(value: Any, to_whole: Callable[[Any], Any]) -> float:
    return float(to_whole(float(value) * _STEP) / _STEP)


def settle(
    logits: NDArray[np.float32],
    exact: NDArray[np.float32],
    lengths: NDArray[np.int64],
    *,
    borders: Sequence[float],
    differing: float,
    flags_differing: Sequence[float],
) -> Sureness:
    """Return when a student answers, so that what it passes on has the fewest tokens.

    Of all slacks for long texts (`SLACKS`) the one that leaves the exact network least is taken. Labels are
    settled first: of what is unsure of its label, flags are asked of the exact network anyway.

    Args:
        logits: The student's, shape (n, 6).
        exact: The exact network's as it is served, shape (n, 6).
        lengths: Padded tokens of each text, shape (n,).
        borders: See `unsure_flags`.
        differing: Share of the n texts that may be answered with another label.
        flags_differing: The same of each flag.
    """
    n, lead = len(exact), margins(logits)
    wrong = logits[:, : len(LABELS)].argmax(1) != exact[:, : len(LABELS)].argmax(1)
    allowed = [share * n for share in flags_differing]
    found = []
    for per_doubling in SLACKS:
        slack = slack_of(lengths, per_doubling=per_doubling)
        least = least_margin(lead + slack, wrong, n_differing=differing * n)
        sure = Sureness(least_margin=least, slack_per_doubling=per_doubling).of(logits, lengths)
        ranges = unsure_flags(logits[sure], exact[sure], slack[sure], borders=borders, n_differing=allowed)
        found.append(Sureness(least_margin=least, unsure_flags=ranges, slack_per_doubling=per_doubling))
    return min(found, key=lambda sureness: int(lengths[~sureness.of(logits, lengths)].sum()))


def point(
    student: NDArray[np.float32],
    exact: NDArray[np.float32],
    float32: NDArray[np.float32],
    lengths: NDArray[np.int64],
    *,
    factor: float,
    borders: Sequence[float],
    differing: float,
    flags_differing: Sequence[float],
    seconds: tuple[float, float],
) -> Point:
    """Return what a cascade answers when `factor` times as many labels and flags may differ.

    Args:
        student: Logits of the small network on all n texts, shape (n, 6).
        exact: Logits of the exact network as it is served, shape (n, 6).
        float32: Logits of the network as it was trained, shape (n, 6).
        lengths: Padded tokens of each text, shape (n,).
        factor: From 0; 0 leaves the student out.
        borders: See `unsure_flags`; all three networks' flags are read at them.
        differing: Share of the texts that may have another label, at factor 1.
        flags_differing: The same of each flag.
        seconds: The student's for one text, tokenising included, then the exact network's.
    """
    sure, cost = np.zeros(len(exact), bool), seconds[1]
    if factor:
        sureness = settle(
            student, exact, lengths, borders=borders, differing=factor * differing,
            flags_differing=[factor * share for share in flags_differing],
        )  # fmt: skip
        sure = sureness.of(student, lengths)
        cost = seconds[0] + seconds[1] * float(lengths[~sure].sum() / lengths.sum())
    answers = np.where(sure[:, None], student, exact).astype(np.float64)
    labels, true_labels = answers[:, : len(LABELS)], float32[:, : len(LABELS)].astype(np.float64)
    flags, true_flags = answers[:, len(LABELS) :] >= borders, float32[:, len(LABELS) :] >= borders
    shift = softmax(labels).mean(0) - softmax(true_labels).mean(0)
    return Point(
        factor=factor,
        answered=(float(sure.mean()), float(1 - sure.mean())),
        agreement=float((labels.argmax(1) == true_labels.argmax(1)).mean()),
        flag_agreement=tuple((flags == true_flags).mean(0).tolist()),
        prevalence_shift=float(np.abs(shift).max()),
        comments_per_second=1 / cost,
    )
