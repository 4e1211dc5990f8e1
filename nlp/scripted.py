"""Which texts read like what comment bots are set up to post.

A linear model of what stands in a row in the cleaned text: words, marks and emoji, one and two at a time,
hashed (Weinberger et al. 2009); their weights' sum by the root of how many there are, and a bias. It lies in
`scripted.npz`: `plaudit-train scripted` fitted it to texts that public configurations of comment bots list,
against what people write. Case, apostrophes, stretched letters and repeated marks make no difference;
handles and links are left out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.legible import legible
from plaudit.pieces import gathered, pieced

FILE: Final = "scripted.npz"
N_BUCKETS: Final = 1 << 15
"""Weights; what falls into one bucket shares one."""
IN_A_ROW: Final = 2
"""Most words, marks or emoji that are hashed together."""
MAX_READ: Final = 64
"""Words, marks and emoji read of a text, the first ones: what bots post is short."""

_N_IN_TABLE: Final = 0x10000
_FIRST_EMOJI: Final = 0x1F000
_TONES: Final = (0x1F3FB, 0x1F3FF)  # of skin
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(32)
_BREAK: Final = "\n"  # never inside a cleaned text
_NOTHING, _LETTER, _SIGN = 0, 1, 2


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
        """Return the log odds of each raw text, shape (n,), were as many bots' as its fit took for granted.

        Minus infinity for texts without words, marks and emoji.
        """
        rows = rows_of(texts)
        sums = np.bincount(rows.row, self.weights[rows.bucket], minlength=len(texts))
        scores = self.bias + sums / np.sqrt(np.maximum(rows.counts, 1))
        return np.where(rows.counts > 0, scores, -np.inf)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """What stands in a row in n texts.

    Attributes:
        bucket: int64; in no order.
        row: int64; the text that each is of.
        counts: int64, shape (n,); how many each text has.
    """

    bucket: NDArray[np.int64]
    row: NDArray[np.int64]
    counts: NDArray[np.int64]


def is_scripted(texts: Sequence[str]) -> NDArray[np.bool_]:
    """Say of each raw text, shape (n,), whether it reads more like what bots post than what people write."""
    return shipped().scores(texts) >= 0


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
    hashes, counts = _tokens([*pieces.read, *map(legible, pieces.whole)])
    hashes, counts = gathered(hashes, counts, pieces.at)
    row = np.repeat(pieces.row, counts)
    lengths = np.bincount(row, minlength=n)
    rank = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    hashes, row = hashes[rank < MAX_READ], row[rank < MAX_READ]
    buckets, rows = [], []
    for length in range(1, IN_A_ROW + 1):
        first = np.flatnonzero(row[length - 1 :] == row[: max(len(row) - length + 1, 0)])
        mixed = np.full(len(first), length, np.uint64)
        for i in range(length):
            mixed = (mixed ^ hashes[first + i]) * _GOLDEN
            mixed ^= mixed >> _SHIFT
        buckets.append((mixed % np.uint64(N_BUCKETS)).astype(np.int64))
        rows.append(row[first])
    of = np.concatenate(rows)
    return Rows(bucket=np.concatenate(buckets), row=of, counts=np.bincount(of, minlength=n))


def _tokens(lines: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the hash of each word, mark and emoji of cleaned lines, end to end, and how many each has."""
    text = "".join([line + _BREAK for line in lines]).replace("@user", " ").replace("http", " ")
    codes = np.frombuffer(text.casefold().encode("utf-32-le", "replace"), np.uint32)
    codes = codes[(codes != ord("'")) & (codes != ord("’"))]
    codes = codes[np.concatenate(([True], codes[1:] != codes[:-1])) | (codes == ord(_BREAK))]
    kinds = _kinds()[np.minimum(codes, _N_IN_TABLE)]
    kinds[(codes >= _N_IN_TABLE) & (codes < _FIRST_EMOJI)] = _LETTER
    kinds[(codes >= _TONES[0]) & (codes <= _TONES[1])] = _NOTHING
    at = np.flatnonzero(kinds)
    is_letter = kinds[at] == _LETTER
    goes_on = np.zeros(len(at), bool)
    goes_on[1:] = is_letter[1:] & is_letter[:-1] & (np.diff(at) == 1)
    starts = np.flatnonzero(~goes_on)
    if not len(starts):
        return np.empty(0, np.uint64), np.zeros(len(lines), np.int64)
    place = np.arange(len(at)) - np.repeat(starts, np.diff(np.append(starts, len(at))))
    mixed = (codes[at].astype(np.uint64) + np.uint64(1)) * _GOLDEN
    mixed = (mixed ^ (mixed >> _SHIFT)) * (np.uint64(2) * place.astype(np.uint64) + np.uint64(1))
    line = np.cumsum(codes == ord(_BREAK))[at[starts]]
    return np.add.reduceat(mixed, starts), np.bincount(line, minlength=len(lines))


@cache
def _kinds() -> NDArray[np.int8]:
    """Return what each code is; the last entry stands for all higher ones."""
    kinds = {"L": _LETTER, "M": _LETTER, "N": _LETTER, "P": _SIGN, "S": _SIGN}
    found = [kinds.get(unicodedata.category(chr(code))[0], _NOTHING) for code in range(_N_IN_TABLE)]
    table = np.array([*found, _SIGN], np.int8)
    table[0xFE00:0xFE10] = _NOTHING  # how the sign before is drawn
    return table
