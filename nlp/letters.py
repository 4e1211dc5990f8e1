"""The letters of many texts at once: their fingerprints and character n-grams.

`legible.skeleton` of a text is put together from the letters of its pieces, in whole arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.legible import legible, letters_in
from plaudit.pieces import Pieces, gathered, pieced
from plaudit.text import fingerprint

N_GRAM: Final = 4
"""Letters in a row that make a gram."""
MIN_LETTERS: Final = 20
"""Letters below which a text has no grams: a changed word is then another text."""
MAX_GRAMS: Final = 64
"""Grams kept of a text: those with the smallest hashes, a fair sample (bottom-k sketch, Broder 1997)."""
GRAMS: Final = pa.list_(pa.field("item", pa.uint32(), nullable=False))
"""Arrow type of a column of grams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """What is kept of the letters of n texts, one row a text.

    Attributes:
        fingerprint: Of the skeleton; 0 where the text has no letters.
        n: Letters of the skeleton.
        grams: List of uint32 a text: the hashes of its different grams, ascending, at most `MAX_GRAMS`;
            empty below `MIN_LETTERS` letters.
    """

    fingerprint: NDArray[np.uint64]
    n: NDArray[np.int32]
    grams: pa.ListArray


def letters_of(texts: Sequence[str]) -> Letters:
    """Return the letters of raw texts."""
    letters, n = _skeletons(pieced(texts).pieces)
    skeletons = [
        letters[end - length : end] for end, length in zip(np.cumsum(n).tolist(), n.tolist(), strict=True)
    ]
    return Letters(
        fingerprint=np.fromiter((fingerprint(each) if each else 0 for each in skeletons), np.uint64, len(n)),
        n=n.astype(np.int32),
        grams=_grams(letters, n),
    )


def _skeletons(pieces: Pieces) -> tuple[str, NDArray[np.int64]]:
    """Return `legible.skeleton` of each text, all of them end to end, and the length of each."""
    said = [
        word if is_plain and word.isascii() and word.isalpha() and "http" not in word else letters_in(read)
        for word, read, is_plain in zip(pieces.said, pieces.read, pieces.is_plain.tolist(), strict=True)
    ]
    said += map(letters_in, map(legible, pieces.whole))
    codes = np.frombuffer("".join(said).encode("utf-32-le", "replace"), np.uint32)
    codes, counts = gathered(codes, np.fromiter(map(len, said), np.int64, len(said)), pieces.at)
    ends = np.concatenate(([0], np.cumsum(counts)))[pieces.ends]
    # A text's first letter stays, though the text before may end with the same.
    fresh = np.ones(len(codes) + 1, bool)
    fresh[1:-1] = codes[1:] != codes[:-1]
    fresh[ends] = True
    fresh = fresh[:-1]
    n = np.diff(np.concatenate(([0], np.cumsum(fresh)))[ends])
    return codes[fresh].tobytes().decode("utf-32-le"), n


def _grams(letters: str, n: NDArray[np.int64]) -> pa.ListArray:
    codes = np.frombuffer(letters.encode("utf-32-le", "replace"), np.uint32)
    long = n >= MIN_LETTERS
    begins = np.repeat(long, n)
    for i in range(1, N_GRAM):
        begins[(np.cumsum(n) - i)[long]] = False  # what begins there ends in the next text
    row = np.repeat(np.arange(len(n), dtype=np.uint64), np.where(long, n - N_GRAM + 1, 0))
    hashes = _hashed(codes)
    pairs = np.sort((row << np.uint64(32)) | hashes[begins[: len(hashes)]])
    pairs = pairs[np.concatenate(([True], pairs[1:] != pairs[:-1]))] if len(pairs) else pairs
    counts = np.bincount((pairs >> np.uint64(32)).astype(np.intp), minlength=len(n))
    rank = np.arange(len(pairs)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = pairs[rank < MAX_GRAMS].astype(np.uint32)
    ends = np.concatenate(([0], np.cumsum(np.minimum(counts, MAX_GRAMS)))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(kept), type=GRAMS)


def _hashed(codes: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return the hash of the letters from each one on that has enough behind it."""
    n = max(len(codes) - N_GRAM + 1, 0)
    mixed = np.zeros(n, np.uint64)
    for i in range(N_GRAM):
        mixed = (mixed ^ codes[i : i + n]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(32)
    return mixed & np.uint64(0xFFFFFFFF)
