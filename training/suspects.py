"""Labels that are probably wrong, by confident learning (Northcutt et al. 2021).

Every row is judged by a model that never saw it: counted words fitted on the other folds, or a served
model on rows kept out of its training. A row is suspect where that model gives another label at least as
much probability as it usually gives to rows that carry this label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plaudit.errors import TrainingDataError
from plaudit.scores import LABELS
from plaudit.training import evaluation, splitting
from plaudit.training.baselines import CountedWords
from plaudit.training.dataset import LabelledComment

_N_FOLDS: Final = 5
_SEED: Final = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A row whose label is probably wrong.

    Attributes:
        comment: With the label given.
        suggested: The label the model would give.
        given_probability: What the model gives to the label given.
        probability: What it gives to the one suggested.
    """

    comment: LabelledComment
    suggested: str
    given_probability: float
    probability: float

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types; the comment's row first."""
        return {
            "where": self.comment.where,
            "label": self.comment.label,
            "suggested": self.suggested,
            "given_probability": round(self.given_probability, 4),
            "probability": round(self.probability, 4),
            "unsure": self.comment.unsure,
            "text": self.comment.text,
        }


def out_of_fold(comments: Sequence[LabelledComment]) -> NDArray[np.float64]:
    """Return probabilities of shape (n, 3) by counted words fitted on the other folds, groups kept whole.

    Where authors or copies tie most rows into one group, as on a channel with regulars, posts alone are.

    Raises:
        TrainingDataError: Too few groups for folds, or labels to tell apart.
    """
    keys = splitting.unwoven_keys(comments, found=splitting.ties(comments))
    order = np.random.default_rng(_SEED).permutation(sorted(set(keys)))
    if len(order) < _N_FOLDS:
        raise TrainingDataError(
            f"{len(comments):,} rows make {len(order)} groups that share no post, author or text; expected "
            f"{_N_FOLDS} or more to judge each by the others. Add comments of other posts and authors, or do "
            "without a column that ties them: --map post= or --map author=."
        )
    fold_of = {str(key): number % _N_FOLDS for number, key in enumerate(order)}
    folds = np.array([fold_of[key] for key in keys])
    found = np.empty((len(comments), len(LABELS)))
    for fold in range(_N_FOLDS):
        others = [c for c, each in zip(comments, folds, strict=True) if each != fold]
        if len({c.label for c in others}) < 2:
            raise TrainingDataError(
                f"All but {len(comments) - len(others):,} of {len(comments):,} rows have the label "
                f"{others[0].label}; expected two labels or more to tell which is wrong."
            )
        rows = np.flatnonzero(folds == fold).tolist()
        found[rows] = CountedWords(others).probabilities([comments[row].text for row in rows])
    return found


def suspects(comments: Sequence[LabelledComment], probabilities: NDArray[np.floating]) -> list[Suspect]:
    """Return the rows whose label is probably wrong, the surest first.

    Args:
        comments: Labelled.
        probabilities: Shape (n, 3), of a model that never saw the rows.
    """
    given = evaluation.truth_of(comments)
    own = np.asarray(probabilities, np.float64)[np.arange(len(given)), given]
    thresholds = np.array(
        [own[given == label].mean() if (given == label).any() else np.inf for label in range(len(LABELS))]
    )
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    likely = confident.argmax(axis=1)
    wrong = (confident.max(axis=1) > 0) & (likely != given)
    found = [
        Suspect(
            comment=comments[row],
            suggested=LABELS[likely[row]],
            given_probability=float(own[row]),
            probability=float(probabilities[row, likely[row]]),
        )
        for row in np.flatnonzero(wrong).tolist()
    ]
    return sorted(found, key=lambda each: each.given_probability - each.probability)
