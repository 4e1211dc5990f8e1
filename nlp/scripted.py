"""Which texts read like what comment bots are set up to post.

A linear model of what stands in a row in the cleaned text: words, marks and emoji, one and two at a time,
hashed (Weinberger et al. 2009); their weights' sum by the root of how many there are, and a bias. It lies in
`scripted.npz`: `plaudit-train scripted` fitted it to texts that public configurations of comment bots list,
against what people write. A text reads as its best stretch of a few words does: what stands around a set
phrase takes nothing from it. Case, apostrophes, stretched letters and repeated marks make no difference;
handles and links are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.legible import legible
from plaudit.pieces import gathered, pieced
from plaudit.runs import mixed_with, runs_of

FILE: Final = "scripted.npz"
N_BUCKETS: Final = 1 << 15
"""Weights; what falls into one bucket shares one."""
STRETCH: Final = (2, 6)
"""Words, marks and emoji of the stretches looked at; a text of fewer is one. Longer ones hear no more of
bots' texts; whole texts tell more of them, and filler hides them there (`training/TRIED.md`)."""
SURE: Final = 1.5
"""Log odds from which a stretch is scripted: people's praise holds likely ones too, sure ones hardly."""
MAX_READ: Final = 256
"""Words, marks and emoji read of a text, the first ones."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """The model.

    Attributes:
        weights: float32, shape (`N_BUCKETS`,).
        bias: Added to the sum; at 0 a text is as likely the one as the other.
    """

    weights: NDArray[np.float32]
    bias: float

    def scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the log odds of the best stretch of each raw text, shape (n,).

        Were as many of all texts bots' as the fit took for granted; minus infinity for texts without words,
        marks and emoji.
        """
        rows = rows_of(texts)
        best = np.full(len(texts), -np.inf)
        # Numbers of 24 bits add up exactly in 53: what stands before in the batch leaves no trace.
        total = np.concatenate(([0.0], np.cumsum(self._of_each(rows))))
        pairs = self._of_pairs(rows)
        least, most = STRETCH
        lengths = np.bincount(rows.row, minlength=len(texts))
        for length in range(1, most + 1):
            last = length - 1
            starts = np.flatnonzero(rows.row[last:] == rows.row[: max(len(rows.row) - last, 0)])
            if length < least:
                starts = starts[lengths[rows.row[starts]] == length]
            # The pair that its last word begins lies outside.
            sums = total[starts + length] - total[starts] - pairs[starts + last]
            np.maximum.at(best, rows.row[starts], self.bias + sums / np.sqrt(2 * length - 1))
        return best

    def _of_each(self, rows: Rows) -> NDArray[np.float64]:
        return self.weights[rows.word].astype(np.float64) + self._of_pairs(rows)

    def _of_pairs(self, rows: Rows) -> NDArray[np.float64]:
        return np.where(rows.is_pair, self.weights[rows.pair], 0.0).astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """The words, marks and emoji of n texts, end to end.

    Attributes:
        word: int64; the bucket of each.
        pair: int64; that of it and the next.
        is_pair: Whether the next is of the same text.
        row: int64; the text that each is of, ascending.
    """

    word: NDArray[np.int64]
    pair: NDArray[np.int64]
    is_pair: NDArray[np.bool_]
    row: NDArray[np.int64]


def is_scripted(texts: Sequence[str]) -> NDArray[np.bool_]:
    """Say of each raw text, shape (n,), whether a stretch of it surely reads like what bots post."""
    return shipped().scores(texts) >= SURE


@cache
def shipped() -> Weights:
    """Return the model that comes with the library."""
    with files("plaudit").joinpath(FILE).open("rb") as file, np.load(file) as stored:
        weights = stored["weights"].astype(np.float32) * np.float32(stored["scale"])
        return Weights(weights=weights, bias=float(stored["bias"]))


def rows_of(texts: Sequence[str]) -> Rows:
    """Return what stands in a row in raw texts."""
    n = len(texts)
    pieces = pieced(texts).pieces
    hashes, counts = runs_of([*pieces.read, *map(legible, pieces.whole)], signs=True)
    hashes, counts = gathered(hashes, counts, pieces.at)
    row = np.repeat(pieces.row, counts)
    lengths = np.bincount(row, minlength=n)
    rank = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    hashes, row = hashes[rank < MAX_READ], row[rank < MAX_READ]
    is_pair = np.zeros(len(row), bool)
    is_pair[:-1] = row[1:] == row[:-1]
    return Rows(
        word=_bucket(mixed_with(np.full(len(row), 1, np.uint64), hashes)),
        pair=_bucket(mixed_with(mixed_with(np.full(len(row), 2, np.uint64), hashes), np.roll(hashes, -1))),
        is_pair=is_pair,
        row=row,
    )


def _bucket(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (hashes % np.uint64(N_BUCKETS)).astype(np.int64)
