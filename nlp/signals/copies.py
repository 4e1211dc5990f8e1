"""The same text under different names, reworded or not.

Formula: the weighted mean of s_i c_i. c_i is the chance that among some authors of the section, the writer of
comment i among them, others turn up who posted the same letters, or letters that are nearly the same
(see `likeness`); at a fixed number of authors it does not grow with the size of the sample (see `grouping`).
`duplicate_share` asks for another one among 200 authors, who hold the second of a pair and all that more
people share; `mass_copy_share` for two others among 70: pairs are none, however few people are seen, and
hardly any copies are met but of a text that one in fifty posts or more. s_i is 1 from `ENOUGH_WORDS` words on
and falls to a quarter at two: the fewer there are, the more often people come upon them by themselves.
Reduced by: letters (a text's skeleton), likeness, then author.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from types import MappingProxyType
from typing import Final

import numpy as np

from plaudit.estimate import Ratio
from plaudit.facts import ONE
from plaudit.signals.grouping import chances
from plaudit.signals.keys import count_of, first_of, mix
from plaudit.signals.section import NOTHING_WORDED, Reading, Section, Whole, scaled

FAMILY: Final = "copies"
N_AUTHORS: Final = 200
"""Authors every section is thought to be cut down to: copies of one comment each, drawn from several posts,
are hardly met among 100."""
N_FEW: Final = 70
"""The same for copies in masses: the few that any busy post holds are not met among so few, a campaign is."""
ASKED: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {"duplicate_share": (1, N_AUTHORS), "mass_copy_share": (2, N_FEW)}
)
"""By signal, how many others are to be met among how many authors."""
NAMES: Final = tuple(ASKED)
MIN_LETTERS: Final = 12
"""Letters below which people write the same without copying ("first", "love this")."""
ENOUGH_WORDS: Final = 5
"""Words from which the same text under two names counts in full: of what agrees by chance most is shorter
("happy new year", slogans), of what is copied less."""


def read(section: Section, *, n_same: Whole | None = None) -> list[Reading]:
    """Read the shares of comments that other authors posted as well.

    Args:
        section: The comments.
        n_same: How many authors wrote each one's text; None to count them, which takes all who did.
    """
    rows = section.worded & (section.weight > 0)
    if not rows.any():
        return nothing_worded()
    n_same = _authors_of_same_text(section) if n_same is None else n_same
    n_words = section.facts.n_words.astype(np.int64)
    sure = np.clip(n_words - 1, 1, ENOUGH_WORDS - 1) * ONE // (ENOUGH_WORDS - 1)
    weight = section.weight[rows]
    found = []
    for name, (others, among) in ASKED.items():
        n_writers = section.community.n_writers
        chance, pull = chances(n_same, n_authors=n_writers, among=among, others=others)
        strength = np.where(rows & (n_same > others), n_same * sure, 0)
        ratio = Ratio(
            by="author",
            clusters=section.cluster[rows],
            top=scaled(scaled(chance, sure)[rows], weight),
            bottom=weight,
            pull=scaled(scaled(pull, sure)[rows], weight),
            prior=ONE,
        )
        found.append(Reading(name=name, family=FAMILY, ratio=ratio, rows=rows, strength=strength))
    return found


def seen(name: str, n_authors: int) -> float:
    """Return how much of the copies that there are is met among some authors, about; from 0 to 1.

    All of one text that many post; (n - 1) / (N - 1) of those that come in pairs among N = `N_AUTHORS`
    (rarefaction, as `grouping.chances`). Real posts lie between: taken is the geometric mean of both. Of
    other signals: 1.
    """
    return sqrt(min(max(n_authors - 1, 0) / (N_AUTHORS - 1), 1.0)) if name in NAMES else 1.0


def nothing_worded() -> list[Reading]:
    """Return the readings of comments without words that can be judged."""
    return [Reading(name=name, family=FAMILY, absent=NOTHING_WORDED) for name in NAMES]


def _authors_of_same_text(section: Section) -> Whole:
    facts = section.facts
    # An author's repeated text weighs 0, so each author is there once per text.
    rows = np.flatnonzero((section.weight > 0) & (facts.n_letters >= MIN_LETTERS))
    counts = np.ones(len(facts), np.int64)
    once = rows[first_of(mix(section.cluster[rows], section.text[rows]))]
    counts[once] = count_of(section.text[once])
    return counts
