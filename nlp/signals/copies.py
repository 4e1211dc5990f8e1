"""The same text under different names, reworded or not.

Formula: the weighted mean of s_i c_i. c_i is the chance that among `N_AUTHORS` authors of the section, the
writer of comment i among them, another one turns up who posted the same letters, or letters that are nearly
the same (see `likeness`); at a fixed number of authors it does not grow with the size of the sample (see
`grouping`). s_i is 1 from `ENOUGH_WORDS` words on and falls to a quarter at two: the fewer there are, the
more often people come upon them by themselves.
Reduced by: letters (a text's skeleton), likeness, then author.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

import numpy as np

from plaudit.estimate import Ratio
from plaudit.facts import ONE
from plaudit.signals.grouping import chances
from plaudit.signals.keys import count_of, first_of, mix
from plaudit.signals.section import NOTHING_WORDED, Reading, Section, Whole, scaled

FAMILY: Final = "copies"
NAMES: Final = ("duplicate_share",)
MIN_LETTERS: Final = 12
"""Letters below which people write the same without copying ("first", "love this")."""
N_AUTHORS: Final = 200
"""Authors every section is thought to be cut down to: copies of one comment each, drawn from several posts,
are hardly met among 100."""
ENOUGH_WORDS: Final = 5
"""Words from which the same text under two names counts in full: of what agrees by chance most is shorter
("happy new year", slogans), of what is copied less."""


def read(section: Section, *, n_same: Whole | None = None) -> list[Reading]:
    """Read the share of comments that other authors posted as well.

    Args:
        section: The comments.
        n_same: How many authors wrote each one's text; None to count them, which takes all who did.
    """
    rows = section.worded & (section.weight > 0)
    if not rows.any():
        return [nothing_worded()]
    n_same = _authors_of_same_text(section) if n_same is None else n_same
    chance, pull = chances(n_same, n_authors=section.community.n_writers, among=N_AUTHORS)
    n_words = section.facts.n_words.astype(np.int64)
    sure = np.clip(n_words - 1, 1, ENOUGH_WORDS - 1) * ONE // (ENOUGH_WORDS - 1)
    chance, pull = scaled(chance, sure), scaled(pull, sure)
    weight = section.weight[rows]
    ratio = Ratio(
        by="author",
        clusters=section.cluster[rows],
        top=scaled(chance[rows], weight),
        bottom=weight,
        pull=scaled(pull[rows], weight),
        prior=ONE,
    )
    strength = np.where(rows & (n_same > 1), n_same * sure, 0)
    return [Reading(name=NAMES[0], family=FAMILY, ratio=ratio, rows=rows, strength=strength)]


def seen(n_authors: int) -> float:
    """Return how much of the copies among `N_AUTHORS` authors is met among some of them, about.

    All of one text that many post; (n - 1) / (N - 1) of those that come in pairs (rarefaction, as
    `grouping.chances`). Real posts lie between: taken is the geometric mean of both.
    """
    return sqrt(min(max(n_authors - 1, 0) / (N_AUTHORS - 1), 1.0))


def nothing_worded() -> Reading:
    """Return the reading of comments without words that can be judged."""
    return Reading(name=NAMES[0], family=FAMILY, absent=NOTHING_WORDED)


def _authors_of_same_text(section: Section) -> Whole:
    facts = section.facts
    # An author's repeated text weighs 0, so each author is there once per text.
    rows = np.flatnonzero((section.weight > 0) & (facts.n_letters >= MIN_LETTERS))
    counts = np.ones(len(facts), np.int64)
    once = rows[first_of(mix(section.cluster[rows], section.text[rows]))]
    counts[once] = count_of(section.text[once])
    return counts
