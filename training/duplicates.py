"""Near duplicates: texts that share most of their letters, found by MinHash (Broder 1997).

Texts are compared as sets of five letters in a row of their skeletons, so emoji, digits, case and
punctuation never part a copy from its source.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.legible import skeleton
from plaudit.text import normalize

THRESHOLD: Final = 0.8
"""Share of common five-letter pieces (Jaccard) from which two texts count as one."""
MIN_LETTERS: Final = 20
"""Letters below which only equal texts count: in short ones a single word is a fifth of all pieces."""

_PIECE: Final = 5
_BANDS: Final = 12
_ROWS: Final = 4  # with 12 bands, pairs of 0.8 are missed once in 700, pairs of 0.5 looked at half the time
_MAX_LETTERS: Final = 2_000
_MAX_COMPARED: Final = 20  # texts of a bucket each is held against; clusters chain further
_PRIME_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


def letters_of(text: str) -> str:
    """Return what copies of a text share: its letters, or the normalised text where it has none."""
    return skeleton(text) or normalize(text)


def clusters(texts: Sequence[str], *, threshold: float = THRESHOLD) -> NDArray[np.int64]:
    """Return for each text the index of the first text of its cluster, shape (n,).

    Clusters chain: a text belongs to one as soon as it is near any member. The answer depends on the
    texts alone, not on any seed.

    Args:
        texts: As written.
        threshold: Jaccard similarity from which two texts count as one, in (0, 1].
    """
    letters = [letters_of(text) for text in texts]
    distinct = list(dict.fromkeys(letters))
    first = {text: row for row, text in reversed(list(enumerate(letters)))}
    parent = _joined([text[:_MAX_LETTERS] for text in distinct], threshold)
    rows = {text: first[distinct[parent[i]]] for i, text in enumerate(distinct)}
    return np.fromiter((rows[text] for text in letters), np.int64, len(letters))


def _joined(texts: Sequence[str], threshold: float) -> list[int]:
    """Return the index of the first member of each text's cluster."""
    parent = list(range(len(texts)))

    def find(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    pieces = {row: _pieces(text) for row, text in enumerate(texts) if len(text) >= MIN_LETTERS}
    for bucket in _buckets(pieces):
        for place, row in enumerate(bucket):
            for other in bucket[max(0, place - _MAX_COMPARED) : place]:
                low, high = sorted((find(row), find(other)))
                if low != high and _similarity(pieces[row], pieces[other]) >= threshold:
                    parent[high] = low
    return [find(row) for row in range(len(texts))]


def _pieces(text: str) -> NDArray[np.uint64]:
    codes = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)
    hashes = np.zeros(len(codes) - _PIECE + 1, np.uint64)
    for i in range(_PIECE):
        hashes = (hashes ^ codes[i : len(codes) - _PIECE + 1 + i]) * _PRIME_MIX
        hashes ^= hashes >> np.uint64(29)
    return np.unique(hashes)


def _buckets(pieces: dict[int, NDArray[np.uint64]]) -> Iterator[list[int]]:
    """Yield rows that share a band of their MinHash signatures, in order."""
    if not pieces:
        return
    factors = np.random.default_rng(0).integers(1, 2**63, _BANDS * _ROWS, np.uint64) | np.uint64(1)
    signatures = np.stack([_signature(values, factors) for values in pieces.values()])
    rows = list(pieces)
    for band in range(_BANDS):
        found: dict[bytes, list[int]] = {}
        part = np.ascontiguousarray(signatures[:, band * _ROWS : (band + 1) * _ROWS])
        for row, signature in zip(rows, part, strict=True):
            found.setdefault(signature.tobytes(), []).append(row)
        yield from (bucket for bucket in found.values() if len(bucket) > 1)


def _signature(values: NDArray[np.uint64], factors: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = values[None, :] * factors[:, None]
    mixed ^= mixed >> np.uint64(32)
    return np.asarray((mixed * _PRIME_MIX).min(axis=1), np.uint64)


def _similarity(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)
