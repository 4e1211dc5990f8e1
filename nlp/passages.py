"""Which words stand in a row: hashes of a text's word triples, in order and without the words.

A passage that many people use (a set phrase, a slogan, a text to paste) shows as triples that their comments
share, whatever stands around it. Words are runs of letters of the cleaned text: case, apostrophes, stretched
and doubled letters, digits, marks and emoji make no difference, handles and links are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from plaudit.legible import legible
from plaudit.pieces import gathered, pieced
from plaudit.runs import mixed_with, runs_of

N_IN_A_ROW: Final = 3
"""Words in a row that are hashed together."""
MAX_TRIPLES: Final = 64
"""Triples kept of a text, the first ones: what somebody says shows in a few lines."""
TRIPLES: Final = pa.list_(pa.field("item", pa.uint32(), nullable=False))
"""Arrow type of a column of triples."""


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
    words, counts = gathered(*runs_of(said, signs=False), pieces.at)
    row = np.repeat(pieces.row, counts)
    first = np.flatnonzero(row[N_IN_A_ROW - 1 :] == row[: max(len(row) - N_IN_A_ROW + 1, 0)])
    hashes = np.zeros(len(first), np.uint64)
    for i in range(N_IN_A_ROW):
        hashes = mixed_with(hashes, words[first + i])
    counts = np.bincount(row[first], minlength=len(texts))
    rank = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = (hashes[rank < MAX_TRIPLES] & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    ends = np.concatenate(([0], np.cumsum(np.minimum(counts, MAX_TRIPLES)))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(kept), type=TRIPLES)
