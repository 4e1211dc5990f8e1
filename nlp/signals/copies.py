"""The same text under different names.

Formula: c_i = 1 - C(N - m, k_i - 1) / C(N - 1, k_i - 1), the chance that among m authors drawn from the N
of the section, the writer of comment i among them, another one of the k_i who posted these letters turns
up (rarefaction, Hurlbert 1971); the signal is the weighted mean of c_i. At a fixed m it does not grow with
the size of the sample. Reduced by: letters (a text's skeleton), then author.
"""

from __future__ import annotations

from math import exp, lgamma
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.estimate import Ratio
from plaudit.facts import ONE
from plaudit.signals.keys import count_of, first_of, mix
from plaudit.signals.section import NOTHING_WORDED, Reading, Section, Whole, scaled

FAMILY: Final = "copies"
NAMES: Final = ("duplicate_share",)
MIN_LETTERS: Final = 12
"""Letters below which people write the same without copying ("first", "love this")."""
N_AUTHORS: Final = 100
"""The number of authors every section is thought to be cut down to."""


def read(section: Section) -> list[Reading]:
    """Read the share of comments that other authors posted as well."""
    rows = section.worded & (section.weight > 0)
    if not rows.any():
        return [Reading(name=NAMES[0], family=FAMILY, absent=NOTHING_WORDED)]
    n_authors = len(np.unique(section.cluster[section.worded]))
    n_same = _authors_of_same_letters(section)
    chance, pull = _chances(n_same, n_authors=n_authors)
    weight = section.weight[rows]
    ratio = Ratio(
        by="author",
        clusters=section.cluster[rows],
        top=scaled(chance[rows], weight),
        bottom=weight,
        pull=scaled(pull[rows], weight),
        prior=ONE,
    )
    strength = np.where(rows & (n_same > 1), n_same, 0)
    return [Reading(name=NAMES[0], family=FAMILY, ratio=ratio, rows=rows, strength=strength)]


def _authors_of_same_letters(section: Section) -> Whole:
    facts = section.facts
    # An author's repeated text weighs 0, so each author is there once per text.
    rows = np.flatnonzero((section.weight > 0) & (facts.n_letters >= MIN_LETTERS))
    counts = np.ones(len(facts), np.int64)
    once = rows[first_of(mix(section.cluster[rows], facts.letters[rows]))]
    counts[once] = count_of(facts.letters[once])
    return counts


def _chances(n_same: Whole, *, n_authors: int) -> tuple[Whole, Whole]:
    """Return c_i and its pull, in 1/65536.

    A copier more or less moves the class's total k c(k), not only their own c: the pull is the step of
    that total (for pairs, twice c: the factor of a two-sample U-statistic).
    """
    sizes, inverse = np.unique(n_same, return_inverse=True)
    chance = np.array([_chance(int(k), n_authors) for k in sizes])
    before = np.array([_chance(int(k) - 1, n_authors) for k in sizes])
    pull = sizes * chance - (sizes - 1) * before
    return _fixed(chance)[inverse], _fixed(pull)[inverse]


def _chance(n_same: int, n_authors: int) -> float:
    m, others = min(N_AUTHORS, n_authors), n_same - 1
    if others <= 0:
        return 0.0
    if others > n_authors - m:
        return 1.0
    return 1.0 - exp(_log_choose(n_authors - m, others) - _log_choose(n_authors - 1, others))


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _fixed(shares: NDArray[np.float64]) -> Whole:
    return np.rint(shares * ONE).astype(np.int64)
