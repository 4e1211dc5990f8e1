"""Which words stand in a row: hashes of a text's word triples, in order and without the words.

A passage that many people use (a set phrase, a slogan, a text to paste) shows as triples that their comments
share, whatever stands around it. Words are runs of letters of the cleaned text: case, apostrophes, stretched
and doubled letters, digits, marks and emoji make no difference, handles and links are left out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.legible import legible
from plaudit.pieces import gathered, pieced

N_IN_A_ROW: Final = 3
"""Words in a row that are hashed together."""
MAX_TRIPLES: Final = 64
"""Triples kept of a text, the first ones: what somebody says shows in a few lines."""
TRIPLES: Final = pa.list_(pa.field("item", pa.uint32(), nullable=False))
"""Arrow type of a column of triples."""

_N_IN_TABLE: Final = 0x10000
_FIRST_EMOJI: Final = 0x1F000
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(32)
_BREAK: Final = "\n"  # never inside a cleaned text


def passages_of(texts: Sequence[str]) -> pa.ListArray:
    """Return the hashes of the word triples of raw texts, a list of uint32 a text, in the order of the words.

    A text of w words has w - 2 triples, none below three words; of long ones the first `MAX_TRIPLES`.
    """
    if not len(texts):
        return pa.array([], TRIPLES)
    pieces = pieced(texts).pieces
    said = [*pieces.read, *map(legible, pieces.whole)]
    for place in np.flatnonzero(pieces.is_plain).tolist():
        said[place] = pieces.said[place]
    words, row = _words("".join([text + _BREAK for text in said]).replace("@user", " ").replace("http", " "))
    words, counts = gathered(words, np.bincount(row, minlength=len(said)), pieces.at)
    row = np.repeat(pieces.row, counts)
    first = np.flatnonzero(row[N_IN_A_ROW - 1 :] == row[: max(len(row) - N_IN_A_ROW + 1, 0)])
    hashes = np.zeros(len(first), np.uint64)
    for i in range(N_IN_A_ROW):
        hashes = (hashes ^ words[first + i]) * _GOLDEN
        hashes ^= hashes >> _SHIFT
    counts = np.bincount(row[first], minlength=len(texts))
    rank = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = (hashes[rank < MAX_TRIPLES] & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    ends = np.concatenate(([0], np.cumsum(np.minimum(counts, MAX_TRIPLES)))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(kept), type=TRIPLES)


def _words(lines: str) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """Return the hash of each word, and which line it is of."""
    codes = np.frombuffer(lines.casefold().encode("utf-32-le", "replace"), np.uint32)
    codes = codes[(codes != ord("'")) & (codes != ord("’"))]
    codes = codes[np.concatenate(([True], codes[1:] != codes[:-1])) | (codes == ord(_BREAK))]
    inside = _letters()[np.minimum(codes, _N_IN_TABLE)] | ((codes >= _N_IN_TABLE) & (codes < _FIRST_EMOJI))
    at = np.flatnonzero(inside)
    starts = np.flatnonzero(np.diff(at, prepend=-2) > 1)
    if not len(starts):
        return np.empty(0, np.uint64), np.empty(0, np.intp)
    place = np.arange(len(at)) - np.repeat(starts, np.diff(np.append(starts, len(at))))
    mixed = (codes[at].astype(np.uint64) + np.uint64(1)) * _GOLDEN
    mixed = (mixed ^ (mixed >> _SHIFT)) * (np.uint64(2) * place.astype(np.uint64) + np.uint64(1))
    row = np.cumsum(codes == ord(_BREAK))[at[starts]]
    return np.add.reduceat(mixed, starts), row


@cache
def _letters() -> NDArray[np.bool_]:
    """Mark the codes that are letters or belong to one; the last entry stands for all higher ones."""
    kinds = (unicodedata.category(chr(code))[0] for code in range(_N_IN_TABLE))
    return np.array([*(kind in "LM" for kind in kinds), False])
