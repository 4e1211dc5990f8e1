"""Which texts are near-copies of each other.

Likeness: the Jaccard index of two texts' character 4-grams; from `ALIKE` on they are one text reworded. It is
worked out only for candidates: texts that share two neighbouring minima of 16 (one permutation hashing, Li et
al. 2012) and not far fewer of the others, each against the first of its bucket and the one before it there,
so that the cost is linear however many copies there are. Four bits of each minimum, kept of all texts, rule
most of them out; the grams of the others are looked at some at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.letters import MAX_GRAMS
from plaudit.signals.grouping import Rows, joined, neighbours, unique_pairs
from plaudit.signals.keys import Keys, order_of

ALIKE: Final = 0.6
"""Likeness from which two texts count as one: a word changed in ten leaves about 0.75."""
N_PARTS: Final = 16
PROMISING: Final = 0.4
"""Share of equal minima from which likeness is worked out."""
_NOTHING: Final = np.uint32(2**32 - 1)
_N_TEXTS: Final = 1 << 14  # looked at in one go
_ONES: Final = np.uint64(0x1111_1111_1111_1111)

Minima = NDArray[np.uint32]
GramsOf = Callable[[Rows], pa.ListArray]
"""Gives the grams of texts, some rows repeated, in any order."""


def classes(letters: Keys, grams: pa.ListArray) -> Keys:
    """Return a key per text that near-copies share: the smallest `letters` among them.

    Args:
        letters: Fingerprint of each text; equal ones have equal grams.
        grams: As `letters.Letters`; a text without any is alike to nothing but itself.
    """
    unique, first = _first_rows(letters)
    rows = np.flatnonzero(_lengths(grams)[first] > 0)
    if len(rows) < 2:
        return letters
    at = first[rows]

    def grams_of(chosen: Rows) -> pa.ListArray:
        return grams.take(pa.array(at[chosen]))

    starts = range(0, len(rows), _N_TEXTS)
    minima = np.concatenate(
        [minima_of(grams_of(np.arange(start, min(start + _N_TEXTS, len(rows))))) for start in starts], axis=1
    )
    digests = digests_of(minima)
    pairs = []
    n_together = 1 + _N_TEXTS // len(rows)
    for start in range(0, N_PARTS, n_together):
        parts = range(start, min(start + n_together, N_PARTS))
        found = [bucketed(minima[i], minima[(i + 1) % N_PARTS]) for i in parts]
        one, other = neighbours_of(*map(np.concatenate, zip(*found, strict=True)))
        near = promising(digests, one, other)
        pairs.append((one[near], other[near]))
    del minima
    one, other = unique_pairs(pairs, len(rows))
    alike = alike_pairs(one, other, grams_of=grams_of)
    group = np.arange(len(unique))
    group[rows] = rows[joined(len(rows), one[alike], other[alike])]
    return unique[group][np.searchsorted(unique, letters)]


def _first_rows(keys: Keys) -> tuple[Keys, Rows]:
    order = order_of(keys)
    ordered = keys[order]
    fresh = np.concatenate(([True], ordered[1:] != ordered[:-1])) if len(keys) else np.zeros(0, bool)
    return ordered[fresh], order[fresh]


def _lengths(grams: pa.ListArray) -> Rows:
    return np.diff(grams.offsets.to_numpy()).astype(np.int64)


def minima_of(grams: pa.ListArray) -> Minima:
    """Return the smallest gram of each text in each of the parts, shape (n_parts, n)."""
    n, flat = len(grams), grams.flatten().to_numpy()
    place = (flat % N_PARTS).astype(np.int64) * n + np.repeat(np.arange(n), _lengths(grams))
    found = np.full(N_PARTS * n, _NOTHING)
    # Grams ascend within a text: written backwards, the smallest is written last and stays.
    found[place[::-1]] = flat[::-1]
    return found.reshape(N_PARTS, n)


def digests_of(minima: Minima) -> Keys:
    """Return four bits of each text's minima side by side, shape (n,); 15 stands for nothing."""
    found = np.zeros(minima.shape[1], np.uint64)
    for part in minima:
        bits = np.where(part == _NOTHING, np.uint32(15), part // np.uint32(N_PARTS) % np.uint32(15))
        found = (found << np.uint64(4)) | bits
    return found


def bucketed(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> tuple[Keys, Rows]:
    """Return a bucket for each text that has both minima, and its row.

    Parts tell from a minimum which it belongs to, so that no two pairs of parts share a bucket.
    """
    there = np.flatnonzero((one != _NOTHING) & (other != _NOTHING))
    return (one[there].astype(np.uint64) << np.uint64(32)) | other[there], there


def neighbours_of(buckets: Keys, rows: Rows) -> tuple[Rows, Rows]:
    """Pair rows, ascending within a bucket, with the first of it and the one before them there."""
    low, high = neighbours(buckets)
    return rows[low], rows[high]


def promising(digests: Keys, one: Rows, other: Rows) -> NDArray[np.bool_]:
    """Say of which pairs as many minima may agree as are worth a closer look; none of these is missed."""
    first, second = digests[one], digests[other]
    differ = first ^ second
    both = first & second
    for width in (2, 1):
        differ |= differ >> np.uint64(width)
        both &= both >> np.uint64(width)
    nowhere = np.bitwise_count(both & _ONES)
    n_same = N_PARTS - np.bitwise_count(differ & _ONES) - nowhere
    return n_same / np.maximum(N_PARTS - nowhere, 1) >= PROMISING


def alike_pairs(one: Rows, other: Rows, *, grams_of: GramsOf) -> NDArray[np.bool_]:
    """Say which pairs of texts are alike."""
    found = np.zeros(len(one), bool)
    for start in range(0, len(one), _N_TEXTS):
        found[start : start + _N_TEXTS] = _alike(
            grams_of(one[start : start + _N_TEXTS]), grams_of(other[start : start + _N_TEXTS])
        )
    return found


def _alike(one: pa.ListArray, other: pa.ListArray) -> NDArray[np.bool_]:
    near = np.flatnonzero(_agreement(minima_of(one), minima_of(other)) >= PROMISING)
    alike = np.zeros(len(one), bool)
    rows = pa.array(near)
    alike[near[_likeness(one.take(rows), other.take(rows)) >= ALIKE]] = True
    return alike


def _agreement(one: Minima, other: Minima) -> NDArray[np.float64]:
    there = (one != _NOTHING) | (other != _NOTHING)
    n_there = there.sum(axis=0, dtype=np.int16)
    return ((one == other) & there).sum(axis=0, dtype=np.int16) / n_there


def _likeness(one: pa.ListArray, other: pa.ListArray) -> NDArray[np.float64]:
    """Return the Jaccard index of pairs: exact up to `MAX_GRAMS` grams, else of their sketches."""
    n = len(one)
    both = np.concatenate([_numbered(one), _numbered(other)])
    both.sort()
    again = np.concatenate((both[1:] == both[:-1], [False])) if n else np.zeros(0, bool)
    fresh = np.concatenate(([True], ~again[:-1])) if n else np.zeros(0, bool)
    pair = (both[fresh] >> np.uint64(32)).astype(np.intp)
    size = np.bincount(pair, minlength=n)
    rank = np.arange(len(pair)) - (np.cumsum(size) - size)[pair]
    # Of cut-off texts only the smallest hashes of their union are a fair sample.
    cut = np.maximum(_lengths(one), _lengths(other)) == MAX_GRAMS
    kept = ~cut[pair] | (rank < MAX_GRAMS)
    shared = np.bincount(pair[kept & again[fresh]], minlength=n)
    return shared / np.maximum(np.bincount(pair[kept], minlength=n), 1)


def _numbered(grams: pa.ListArray) -> Keys:
    pair = np.repeat(np.arange(len(grams), dtype=np.uint64), _lengths(grams))
    return (pair << np.uint64(32)) | grams.flatten().to_numpy()
