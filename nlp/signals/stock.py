"""How much of a comment others say in the same words.

Each word triple has the chance c that two others of 100 authors use it, given that its writer is among them
(see `grouping`): two people come upon the same words by chance, of three one may think that they share a
source. A word counts the largest c of its triples. A comment's stock is the mean over its words: 0
where every turn of phrase is its own, near 1 where it is stitched together from passages that others use,
whatever stands around them. At a fixed number of authors it does not grow with the size of the sample.
A text that many post as it is (see `copies`) is one use of its words, that of its first comment: copies are
counted as copies, and no phrase is made common by them alone. Reduced by: text, then triple and author.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.passages import N_IN_A_ROW
from plaudit.signals.grouping import Rows, Whole, chances
from plaudit.signals.keys import Keys

_N_SLOTS = np.uint32(2**20)
_FEW = 3  # users below which a triple is chance

Triples = NDArray[np.uint32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The triples that three authors or more use, ascending, by how many, and how many authors there are."""

    triples: Triples
    n_users: NDArray[np.int64]
    n_authors: int

    @classmethod
    def of(cls, used: Triples, *, n_authors: int) -> Common:
        """Count what `used` returned of all authors, or of some and all uses of some triples."""
        used = np.sort(used)
        starts = np.flatnonzero(np.diff(used.astype(np.int64), prepend=-1))
        n_users = np.diff(np.append(starts, len(used)))
        often = n_users >= _FEW
        return cls(triples=used[starts[often]], n_users=n_users[often], n_authors=n_authors)

    def chances(self, triples: Triples) -> Whole:
        """Return for each triple the chance in 1/65536 that two other authors use it."""
        if not len(self.triples):
            return np.zeros(len(triples), np.int64)
        found = np.zeros(len(triples), np.int64)
        # Most triples are nobody else's: a table of their low bits tells before any is searched for.
        is_taken = np.zeros(_N_SLOTS, bool)
        is_taken[self.triples % _N_SLOTS] = True
        maybe = np.flatnonzero(is_taken[triples % _N_SLOTS])
        maybe = maybe[np.argsort(triples[maybe])]  # searched for in order, they are found three times as fast
        at = np.minimum(np.searchsorted(self.triples, triples[maybe]), len(self.triples) - 1)
        there = self.triples[at] == triples[maybe]
        chance, _ = chances(self.n_users[at[there]], n_authors=self.n_authors, others=2)
        found[maybe[there]] = chance
        return found


def used(
    passages: pa.ListArray, cluster: Keys, rows: Rows, *, is_copy: NDArray[np.bool_]
) -> tuple[Triples, int]:
    """Return the triples that some comments hold, each once an author, and how many authors hold any.

    Args:
        passages: As `passages.passages_of`.
        cluster: Who wrote each comment.
        rows: Comments that count, ascending.
        is_copy: Which comments say what another, with a lower key, has said; their triples are left out.
    """
    lengths = np.diff(passages.offsets.to_numpy())
    rows = rows[lengths[rows] > 0]
    known, author = np.unique(cluster[rows], return_inverse=True)
    said_first = ~is_copy[rows]
    rows, author = rows[said_first], author[said_first]
    writer = np.repeat(author.astype(np.uint64), lengths[rows])
    triples = passages.take(pa.array(rows)).flatten().to_numpy().astype(np.uint64)
    pairs = np.sort((triples << np.uint64(32)) | writer)  # np.unique hashes, which takes ten times as long
    fresh = np.concatenate(([True], pairs[1:] != pairs[:-1])) if len(pairs) else np.zeros(0, bool)
    return (pairs[fresh] >> np.uint64(32)).astype(np.uint32), len(known)


Chances = Callable[[Triples], Whole]
"""Gives the chance of each triple, as `Common.chances`."""


def stocked(passages: pa.ListArray, rows: Rows, chances: Chances) -> Whole:
    """Return the stock of each comment in 1/65536; 0 outside `rows` and where a text has no triples.

    Args:
        passages: As `passages.passages_of`.
        rows: Comments that count, ascending.
        chances: Of all comments that count; asked once, for all triples of these rows in their order.
    """
    stock = np.zeros(len(passages), np.int64)
    chosen = passages.take(pa.array(rows))
    lengths = np.diff(chosen.offsets.to_numpy()).astype(np.int64)
    rows, lengths = rows[lengths > 0], lengths[lengths > 0]
    if not len(rows):
        return stock
    chance = chances(chosen.flatten().to_numpy())
    # Every comment has two words more than triples; each word takes the best of its three.
    n_words = lengths + N_IN_A_ROW - 1
    starts = np.cumsum(n_words) - n_words
    shared = np.flatnonzero(chance)
    place = shared + np.repeat(np.arange(len(rows)) * (N_IN_A_ROW - 1), lengths)[shared]
    word = np.zeros(int(n_words.sum()), np.int64)
    for i in range(N_IN_A_ROW):
        word[place + i] = np.maximum(word[place + i], chance[shared])
    stock[rows] = np.add.reduceat(word, starts) // n_words
    return stock
