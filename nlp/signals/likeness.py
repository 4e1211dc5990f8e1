"""Which texts are near-copies of each other.

Likeness: the Jaccard index of two texts' character 4-grams; from `ALIKE` on they are one text reworded. It is
worked out only for candidates: texts that share two neighbouring minima of 16 (one permutation hashing, Li et
al. 2012) and not far fewer of the others, each against the first of its bucket and the one before it there,
so that the cost is linear however many copies there are.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.letters import MAX_GRAMS
from plaudit.signals.grouping import Rows, joined, neighbours, unique_pairs
from plaudit.signals.keys import Keys

ALIKE: Final = 0.6
"""Likeness from which two texts count as one: a word changed in ten leaves about 0.75."""
N_PARTS: Final = 16
PROMISING: Final = 0.4
"""Share of equal minima from which likeness is worked out."""
_NOTHING: Final = np.uint32(2**32 - 1)

Minima = NDArray[np.uint32]


def classes(letters: Keys, grams: pa.ListArray) -> Keys:
    """Return a key per text that near-copies share: the smallest `letters` among them.

    Args:
        letters: Fingerprint of each text; equal ones have equal grams.
        grams: As `letters.Letters`; a text without any is alike to nothing but itself.
    """
    unique, first = _first_rows(letters)
    lengths = _lengths(grams)[first]
    rows = np.flatnonzero(lengths > 0)
    if len(rows) < 2:
        return letters
    sketches = _Sketches(grams.take(pa.array(first[rows])))
    one, other = sketches.candidates()
    alike = sketches.likeness(one, other) >= ALIKE
    group = np.arange(len(unique))
    group[rows] = rows[joined(len(rows), one[alike], other[alike])]
    return unique[group][np.searchsorted(unique, letters)]


def _first_rows(keys: Keys) -> tuple[Keys, Rows]:
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    fresh = np.concatenate(([True], ordered[1:] != ordered[:-1])) if len(keys) else np.zeros(0, bool)
    return ordered[fresh], order[fresh]


def _lengths(grams: pa.ListArray) -> Rows:
    return np.diff(grams.offsets.to_numpy()).astype(np.int64)


class _Sketches:
    """The grams of n texts, end to end."""

    def __init__(self, grams: pa.ListArray) -> None:
        self.lengths = _lengths(grams)
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.grams = grams.flatten().to_numpy()

    def candidates(self) -> tuple[Rows, Rows]:
        """Return pairs of rows that may be alike, each once, the lower row first."""
        minima = self._minima()
        n = len(self.lengths)
        pairs = [_bucketed(minima[i], minima[(i + 1) % N_PARTS]) for i in range(N_PARTS)]
        one, other = unique_pairs(pairs, n)
        near = _agreement(minima, one, other) >= PROMISING
        return one[near], other[near]

    def _minima(self) -> Minima:
        """Return the smallest gram of each text in each of the parts, shape (n_parts, n)."""
        n = len(self.lengths)
        place = (self.grams % N_PARTS).astype(np.int64) * n + np.repeat(np.arange(n), self.lengths)
        found = np.full(N_PARTS * n, _NOTHING)
        # Grams ascend within a text: written backwards, the smallest is written last and stays.
        found[place[::-1]] = self.grams[::-1]
        return found.reshape(N_PARTS, n)

    def likeness(self, one: Rows, other: Rows) -> NDArray[np.float64]:
        """Return the Jaccard index of pairs: exact up to `MAX_GRAMS` grams, else of their sketches."""
        n = len(one)
        both = np.concatenate((self._of(one), self._of(other)))
        both.sort()
        again = np.concatenate((both[1:] == both[:-1], [False])) if n else np.zeros(0, bool)
        fresh = np.concatenate(([True], ~again[:-1])) if n else np.zeros(0, bool)
        pair = (both[fresh] >> np.uint64(32)).astype(np.intp)
        size = np.bincount(pair, minlength=n)
        rank = np.arange(len(pair)) - (np.cumsum(size) - size)[pair]
        # Of cut-off texts only the smallest hashes of their union are a fair sample.
        cut = np.maximum(self.lengths[one], self.lengths[other]) == MAX_GRAMS
        kept = ~cut[pair] | (rank < MAX_GRAMS)
        shared = np.bincount(pair[kept & again[fresh]], minlength=n)
        return shared / np.maximum(np.bincount(pair[kept], minlength=n), 1)

    def _of(self, rows: Rows) -> Keys:
        lengths = self.lengths[rows]
        pair = np.repeat(np.arange(len(rows), dtype=np.uint64), lengths)
        start = np.repeat(self.starts[rows] - (np.cumsum(lengths) - lengths), lengths)
        return (pair << np.uint64(32)) | self.grams[start + np.arange(len(pair))]


def _agreement(minima: Minima, one: Rows, other: Rows) -> NDArray[np.float64]:
    n_same, n_there = np.zeros(len(one), np.int16), np.zeros(len(one), np.int16)
    for part in minima:
        first, second = part[one], part[other]
        there = (first != _NOTHING) | (second != _NOTHING)
        n_there += there
        n_same += (first == second) & there
    return n_same / n_there


def _bucketed(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> tuple[Rows, Rows]:
    """Pair neighbours among the rows that have both minima."""
    there = np.flatnonzero((one != _NOTHING) & (other != _NOTHING))
    low, high = neighbours((one[there].astype(np.uint64) << np.uint64(32)) | other[there])
    return there[low], there[high]
