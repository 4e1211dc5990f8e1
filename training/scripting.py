"""Fitting what tells texts that bots are set up to post from what people write; see `plaudit.scripted`."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plaudit import scripted
from plaudit.errors import TrainingDataError
from plaudit.scores import LABELS
from plaudit.scripted import Weights
from plaudit.training.dataset import LabelledComment
from plaudit.validation.material import BotText

KINDS: Final = ("praise", "emoji", "promo")
"""Kinds of bots' texts that are learnt: questions and the like are people's as they stand."""
MIN_TEXTS: Final = 100
"""Of bots, in two families at least; fewer say nothing of lists that were not seen."""
N_PEOPLE: Final = 20_000
"""Comments of people that are praise, and as many that are not; more made no difference."""
N_FOLDS: Final = 5
_BOTS_WEIGHT: Final = 0.2  # of all bots' texts together, where all of people's weigh 1
_FAMILY_POWER: Final = 0.5  # a family of lists weighs by the root of its texts: a grammar draws hundreds
_REGULARITY: Final = 3.0  # inverse, as in scikit-learn
_SEED: Final = 13
_PRAISE: Final = LABELS[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """How often texts were called scripted by models that had not seen their family or themselves.

    Attributes:
        bots: Share of bots' texts, each family alike.
        praise: Share of the generic praise of people.
        others: Share of people's other comments.
        n_families: Of bots' lists.
    """

    bots: float
    praise: float
    others: float
    n_families: int


def fit(bots: Sequence[BotText], people: Sequence[LabelledComment]) -> Weights:
    """Return weights that tell the ones' texts from the others'.

    Args:
        bots: What bots are set up to post; of `KINDS` alone is learnt.
        people: Labelled comments; bots' are not to be among them.

    Raises:
        TrainingDataError: There is too little of one of them.
    """
    bots, people = _chosen(bots, people)
    texts = [*(bot.text for bot in bots), *(comment.text for comment in people)]
    return _fitted(texts, _weights(bots, len(people)), len(bots))


def cross_validated(bots: Sequence[BotText], people: Sequence[LabelledComment]) -> Heard:
    """Fit with a fifth of the families and of people's comments left out at a time, and say what is heard.

    Args:
        bots: As in `fit`.
        people: The same.

    Raises:
        TrainingDataError: There is too little of one of them.
    """
    bots, people = _chosen(bots, people)
    is_praise = np.array([comment.label == _PRAISE for comment in people])
    called_bots, called_people = np.zeros(len(bots), bool), np.zeros(len(people), bool)
    for without_bots, without_people in _folds(bots, len(people)):
        known = [bot for bot, out in zip(bots, without_bots, strict=True) if not out]
        others = [comment.text for comment, out in zip(people, without_people, strict=True) if not out]
        texts = [*(bot.text for bot in known), *others]
        weights = _fitted(texts, _weights(known, len(others)), len(known))
        called_bots[without_bots] = (
            weights.scores([bots[i].text for i in np.flatnonzero(without_bots)]) >= scripted.SURE
        )
        called_people[without_people] = (
            weights.scores([people[i].text for i in np.flatnonzero(without_people)]) >= scripted.SURE
        )
    sizes = Counter(bot.family for bot in bots)
    each = np.array([1 / sizes[bot.family] for bot in bots])
    return Heard(
        bots=float(np.average(called_bots, weights=each)),
        praise=float(called_people[is_praise].mean()),
        others=float(called_people[~is_praise].mean()),
        n_families=len(sizes),
    )


def content_of(weights: Weights) -> bytes:
    """Return the file that `plaudit.scripted` reads, weights in 8 bits."""
    scale = max(float(np.abs(weights.weights).max()), 1e-9) / 127
    file = io.BytesIO()
    np.savez_compressed(
        file,
        weights=np.rint(weights.weights / scale).astype(np.int8),
        scale=np.float32(scale),
        bias=np.float32(weights.bias),
    )
    return file.getvalue()


def _chosen(
    bots: Sequence[BotText], people: Sequence[LabelledComment]
) -> tuple[list[BotText], list[LabelledComment]]:
    found = list({bot.text: bot for bot in bots if bot.kind in KINDS}.values())
    families = {bot.family for bot in found}
    if len(found) < MIN_TEXTS or len(families) < N_FOLDS:
        raise TrainingDataError(
            f"The lists hold {len(found):,} texts of {', '.join(KINDS)} in {len(families)} families; "
            f"expected at least {MIN_TEXTS} in {N_FOLDS}: add lists, and name each text's 'family'."
        )
    posted = {bot.text for bot in found}
    draw = np.random.RandomState(_SEED)
    chosen: list[LabelledComment] = []
    for is_praise in (True, False):
        rest = [c for c in people if (c.label == _PRAISE) == is_praise and c.text not in posted]
        if len(rest) < MIN_TEXTS:
            kind = "generic praise" if is_praise else "anything else"
            raise TrainingDataError(
                f"There are {len(rest):,} comments of people labelled {kind}; expected at least {MIN_TEXTS}."
            )
        chosen += [rest[i] for i in draw.permutation(len(rest))[:N_PEOPLE].tolist()]
    return found, chosen


def _weights(bots: Sequence[BotText], n_people: int) -> NDArray[np.float64]:
    sizes = Counter(bot.family for bot in bots)
    each = np.array([sizes[bot.family] ** -_FAMILY_POWER for bot in bots])
    return np.concatenate(
        [each / each.sum() * _BOTS_WEIGHT * N_PEOPLE, np.full(n_people, N_PEOPLE / n_people)]
    )


def _fitted(texts: Sequence[str], weights: NDArray[np.float64], n_bots: int) -> Weights:
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    rows = scripted.rows_of(texts)
    row = np.concatenate((rows.row, rows.row[rows.is_pair]))
    counts = np.bincount(row, minlength=len(texts))
    found_in = (row, np.concatenate((rows.word, rows.pair[rows.is_pair])))
    shape = (len(texts), scripted.N_BUCKETS)
    matrix: Any = csr_matrix((1 / np.sqrt(counts[row]), found_in), shape=shape)
    truth = np.arange(len(texts)) < n_bots
    found = LogisticRegression(C=_REGULARITY, max_iter=500).fit(matrix, truth, sample_weight=weights)
    return Weights(weights=found.coef_[0].astype(np.float32), bias=float(found.intercept_[0]))


def _folds(bots: Sequence[BotText], n_people: int) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    draw = np.random.RandomState(_SEED)
    families = sorted({bot.family for bot in bots})
    places: Mapping[str, int] = dict(zip(families, draw.permutation(len(families)) % N_FOLDS, strict=True))
    of_bots = np.array([places[bot.family] for bot in bots])
    of_people = draw.permutation(n_people) % N_FOLDS
    for fold in range(N_FOLDS):
        yield of_bots == fold, of_people == fold
