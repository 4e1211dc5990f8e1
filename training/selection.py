"""Which comments to label next: those the model is unsure of, unlike each other and what is labelled."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from plaudit.scores import FLAGS, LABELS, Classifier, Scores
from plaudit.text import normalize
from plaudit.training import duplicates
from plaudit.training.candidates import Candidate, Row, distinct, sample
from plaudit.training.duplicates import letters_of

RANDOM_SHARE: Final = 0.2
"""Of what is chosen: picked blindly, so that error rates can be learned from comments as they come."""
_SHORTLIST: Final = 20  # times as many unsure texts as wanted: diversity needs a choice
_MAX_POOL: Final = 20_000  # comments the model is asked about, drawn where there are more: a minute or so
_WIDTH: Final = 512
_WORD = re.compile(r"\w+")


def choose(
    candidates: Iterable[Candidate],
    classifier: Classifier,
    *,
    n: int,
    labelled: Sequence[str] = (),
    random_share: float = RANDOM_SHARE,
    seed: int = 13,
) -> list[Row]:
    """Return the comments to label, the most telling first, each with what the model says of it.

    Left out are copies and near duplicates of each other and of labelled texts, texts without letters, and
    languages the model does not read.

    Args:
        candidates: Comments of dumps; 20,000 of them are drawn where there are more.
        classifier: Whose uncertainty counts.
        n: How many to choose.
        labelled: Texts that have labels already.
        random_share: Of `n`, picked blindly instead; marked `chosen: random`.
        seed: Of those.
    """
    pool = sample(
        distinct(candidates, taken=set(map(letters_of, labelled))),
        n=max(_MAX_POOL, _SHORTLIST * n),
        seed=seed,
    )
    scores = classifier.classify([c.text for c in pool])
    read = [row for row in range(len(pool)) if scores.supported[row]]
    random.Random(seed).shuffle(read)  # noqa: S311 - reproducible, not secret
    n_random = round(random_share * n)
    blind, rest = read[:n_random], read[n_random:]
    unsure = uncertainty(scores.probabilities)
    rest.sort(key=lambda row: -unsure[row])
    shortlist = _without_near(
        pool, rest[: _SHORTLIST * n], known=[*labelled, *(pool[row].text for row in blind)]
    )
    taken = _spread(
        [pool[row].text for row in shortlist], unsure[shortlist], n=n - len(blind), known=labelled
    )
    chosen = [(shortlist[i], "active") for i in taken] + [(row, "random") for row in blind]
    return [_row(pool[row], scores, row, unsure=float(unsure[row]), how=how) for row, how in chosen]


def uncertainty(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return 1 less the lead of the first label over the second, shape (n,), in [0, 1]."""
    first_two = np.sort(probabilities.astype(np.float64), axis=1)[:, -2:]
    return np.asarray(1 - (first_two[:, 1] - first_two[:, 0]), np.float64)


def _without_near(pool: Sequence[Candidate], rows: Sequence[int], *, known: Sequence[str]) -> list[int]:
    firsts = duplicates.clusters([*known, *(pool[row].text for row in rows)])[len(known) :]
    return [row for i, row in enumerate(rows) if firsts[i] == len(known) + i]


def _spread(texts: Sequence[str], weights: NDArray[np.float64], *, n: int, known: Sequence[str]) -> list[int]:
    """Choose greedily by uncertainty times the distance to whatever was chosen or labelled before."""
    if not texts:
        return []
    points = vectors(texts)
    nearest = np.full(len(texts), -1.0, np.float32)
    for start in range(0, len(known), 1000):
        nearest = np.maximum(nearest, (points @ vectors(known[start : start + 1000]).T).max(axis=1))
    chosen: list[int] = []
    for _ in range(min(n, len(texts))):
        gain = weights * (1 - nearest)
        gain[chosen] = -np.inf
        best = int(gain.argmax())
        chosen.append(best)
        nearest = np.maximum(nearest, points @ points[best])
    return chosen


def vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    """Return texts as hashed words and pieces of words, shape (n, 512), each of length 1 or 0."""
    table = np.zeros((len(texts), _WIDTH), np.float32)
    for row, text in zip(table, texts, strict=True):
        words = _WORD.findall(normalize(text).casefold())
        pieces = (f" {word} "[i : i + 4] for word in words for i in range(max(1, len(word) - 1)))
        for feature in (*words, *pieces):
            hashed = crc32(feature.encode("utf-8", "replace"))
            row[hashed % _WIDTH] += 1.0 if hashed & 0x8000_0000 else -1.0
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    return np.asarray(table / np.maximum(lengths, 1e-9), np.float32)


def _row(candidate: Candidate, scores: Scores, row: int, *, unsure: float, how: str) -> Row:
    probabilities = {
        label: round(float(p), 4) for label, p in zip(LABELS, scores.probabilities[row], strict=True)
    }
    return {
        **candidate.columns,
        "text": candidate.text,
        "label": LABELS[int(scores.labels[row])],
        "flags": [flag for flag, p in zip(FLAGS, scores.flags[row], strict=True) if p > 0.5],
        "probabilities": probabilities,
        "uncertainty": round(unsure, 4),
        "language": scores.languages[row],
        "chosen": how,
    }
