"""Who comes back under later posts.

Formula: sum k (k - 1) / ((P - 1) sum k) over authors, k = posts an author was seen under, P posts seen: the
chance that somebody seen under one post is seen under another given one. Unlike the share of authors seen
twice, it does not grow with the number of posts read. Reduced by: author.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from plaudit.estimate import Ratio
from plaudit.facts import ONE
from plaudit.signals.keys import count_of, first_of, mix
from plaudit.signals.section import NO_AUTHORS, Reading, Section

FAMILY: Final = "returning"
NAMES: Final = ("returning_authors",)


def read(section: Section) -> list[Reading]:
    """Read how likely an author of one post writes under another."""
    facts = section.facts
    rows = np.flatnonzero(section.audience & (facts.author != 0))
    if not section.has_authors:
        return [Reading(name=NAMES[0], family=FAMILY, absent=NO_AUTHORS, hidden=True)]
    n_posts = section.community.n_posts
    if n_posts < 2:
        return [Reading(name=NAMES[0], family=FAMILY, absent="Only one post was read; returning takes two.")]
    visits = rows[first_of(mix(facts.author[rows], facts.post[rows]))]
    n_seen = count_of(facts.author[visits])
    mask, strength = np.zeros(len(facts), bool), np.zeros(len(facts), np.int64)
    mask[rows] = True
    strength[visits] = n_seen - 1
    # Whole multiples of the same number above and below the line, so that nothing is rounded.
    unit = max(ONE // (n_posts - 1), 1)
    each = unit * (n_posts - 1)
    ratio = Ratio(
        by="author",
        clusters=facts.author[visits],
        top=(n_seen - 1) * unit,
        bottom=np.full(len(visits), each),
        prior=each,
    )
    return [Reading(name=NAMES[0], family=FAMILY, ratio=ratio, rows=mask, strength=strength)]
