"""What the network is asked to answer, as arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from plaudit.scores import FLAGS, LABELS
from plaudit.training.config import TrainConfig
from plaudit.training.dataset import LabelledComment


def label_targets(comments: Sequence[LabelledComment], *, config: TrainConfig) -> NDArray[np.float32]:
    """Return soft targets, shape (n, 3).

    An annotator's label is smoothed, more where the annotator was unsure. What teachers say stands alone
    where nobody annotated, and is mixed in by `teacher_share` where somebody did.
    """
    targets = np.empty((len(comments), len(LABELS)), np.float32)
    for row, comment in zip(targets, comments, strict=True):
        smoothing = config.unsure_smoothing if comment.unsure else config.label_smoothing
        row[:] = smoothing / len(LABELS)
        row[LABELS.index(comment.label)] += 1 - smoothing
        if comment.taught is not None:
            share = config.teacher_share if comment.annotated else 1.0
            row[:] = (1 - share) * row + share * np.asarray(comment.taught[: len(LABELS)])
    return targets


def flag_targets(comments: Sequence[LabelledComment]) -> NDArray[np.float32]:
    """Return flags as 0 and 1, shape (n, 3); -1 where nobody gave flags (masked).

    Of a comment that nobody annotated, what teachers say: from 0 to 1.
    """
    return np.asarray([_flags(c) for c in comments], np.float32).reshape(-1, len(FLAGS))


def _flags(comment: LabelledComment) -> list[float]:
    if comment.taught is not None and not comment.annotated:
        return list(comment.taught[len(LABELS) :])
    if comment.flags is None:
        return [-1.0] * len(FLAGS)
    return [float(flag in comment.flags) for flag in FLAGS]
