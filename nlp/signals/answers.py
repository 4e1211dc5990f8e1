"""Which replies say nothing that another one of the same writer has not said.

Of the audience's replies those whose letters, or nearly the same, their author has replied before; all
without letters are the same. Of a creator's, who may answer by the hundred:

Near-copies (see `likeness`) count once. So does a template: replies at least half of whose words stand in
word triples that run through the creator's replies (`FEW` of the different ones hold each, and one in
`ONE_IN`), with at most `OWN_WORDS` beside, be it a name. Of replies too short to hold a triple ("Hi Anna")
no more count than there are longer ones, or `FEW`. Where several say the same, that of the lowest key counts.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.facts import ONE, Facts
from plaudit.passages import N_IN_A_ROW
from plaudit.signals.grouping import Whole
from plaudit.signals.keys import Keys, first_of, mix, order_of
from plaudit.signals.stock import stocked

FEW: Final = 3
ONE_IN: Final = 50
"""Replies one of which has to hold a triple: who answers thousands uses many a turn of phrase three times."""
OWN_WORDS: Final = 3
SHORT: Final = 12
"""Letters below which a reply without a triple is a word or two: where words stand without spaces, longer
ones have none either."""

Mask = NDArray[np.bool_]
Places = NDArray[np.intp]


def echoed(facts: Facts, text: Keys, is_reply: Mask) -> Mask:
    """Mark the replies that say nothing new, of all facts; `text` as for `echoes`."""
    marked = np.zeros(len(facts), bool)
    heard = np.flatnonzero(is_signed(facts.author, is_creator=facts.is_creator) & is_reply)
    marked[heard] = ~first_of(said_by(facts.author[heard], text[heard]))
    rows = np.flatnonzero(facts.is_creator & is_reply)
    marked[rows] = echoes(
        facts.creator[rows],
        text[rows],
        n_letters=facts.n_letters[rows],
        passages=facts.passages.take(pa.array(rows)),
    )
    return marked


def is_signed(author: Keys, *, is_creator: Mask) -> Mask:
    """Mark comments of the audience by authors who are known: who may say the same again."""
    return ~is_creator & (author != 0)


def said_by(author: Keys, text: Keys) -> Keys:
    """Return a key that the same words of the same author share, and all of theirs that have no letters."""
    return mix(author, text)


def echoes(creator: Keys, text: Keys, *, n_letters: NDArray[np.int32], passages: pa.ListArray) -> Mask:
    """Mark replies that say what one with a lower key says, all replies of some creators by ascending key.

    Args:
        creator: Whose each is.
        text: A key that near-copies share.
        n_letters: As in `Facts`, like `passages`.
        passages: Likewise.
    """
    marked = ~first_of(mix(creator, text))
    rows = np.flatnonzero(~marked)
    _, whose = np.unique(creator[rows], return_inverse=True)
    passages = passages.take(pa.array(rows))
    again = _templates(whose, passages)
    is_short = (np.diff(passages.offsets.to_numpy()) == 0) & (n_letters[rows] < SHORT)
    n_longer = np.bincount(whose[~again & ~is_short], minlength=len(rows))
    short = np.flatnonzero(is_short)
    again[short] = _place(whose[short]) >= np.maximum(n_longer, FEW)[whose[short]]
    marked[rows[again]] = True
    return marked


def _templates(whose: Places, passages: pa.ListArray) -> Mask:
    """Mark the replies made of what runs through them all, but for each creator's first."""
    n_triples = np.diff(passages.offsets.to_numpy()).astype(np.int64)
    reply = np.repeat(np.arange(len(whose)), n_triples)
    said = mix(whose[reply].astype(np.uint64), passages.flatten().to_numpy().astype(np.uint64))
    least = np.maximum(np.bincount(whose)[whose[reply]] / ONE_IN, FEW)
    often = (_n_holding(said, reply) >= least).astype(np.int64) * ONE
    stock = stocked(passages, np.arange(len(whose)), lambda _: often)
    n_words = n_triples + N_IN_A_ROW - 1
    n_own = n_words * (ONE - stock) - n_words  # what `stocked` rounds off
    marked = (2 * stock >= ONE) & (n_own <= OWN_WORDS * ONE)
    made = np.flatnonzero(marked)
    marked[made[_place(whose[made]) == 0]] = False
    return marked


def _n_holding(said: Keys, reply: Places) -> Whole:
    """Return for each triple how many replies hold it; `reply` ascends."""
    order = order_of(said)
    fresh = np.ones(len(order), bool)
    fresh[1:] = said[order][1:] != said[order][:-1]
    group = np.cumsum(fresh) - 1
    fresh[1:] |= reply[order][1:] != reply[order][:-1]
    found = np.empty(len(order), np.int64)
    found[order] = np.bincount(group, fresh).astype(np.int64)[group]
    return found


def _place(whose: Places) -> Whole:
    """Return how many of the same creator's come before each."""
    order = np.argsort(whose, kind="stable")
    starts = np.flatnonzero(np.diff(whose[order], prepend=-1))
    found = np.empty(len(order), np.int64)
    found[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    return found
