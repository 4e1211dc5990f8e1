"""Who writes how often.

`author_concentration`: the share of comments that are not their author's first under the post, several in
one thread counted once, so that people who talk with each other do not look like people who flood.
Formula: sum (t - 1) / sum t over (author, post), t = threads of the author there. The same for a sample of
the authors as for all. Reduced by: author.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from plaudit.estimate import Ratio
from plaudit.facts import ONE
from plaudit.signals.keys import count_of, first_of, mix
from plaudit.signals.section import Reading, Section

FAMILY: Final = "behaviour"
NAMES: Final = ("author_concentration",)
NO_AUTHORS: Final = "Most comments come without an author."


def read(section: Section) -> list[Reading]:
    """Read how much of the section its busiest authors wrote."""
    facts = section.facts
    rows = np.flatnonzero(section.audience & (facts.author != 0))
    if not section.has_authors or not len(rows):
        return [Reading(name=NAMES[0], family=FAMILY, absent=NO_AUTHORS, hidden=True)]
    author = facts.author[rows]
    thread = facts.key[rows] if section.threads is None else section.threads.thread[rows]
    visit = first_of(mix(author, thread))
    again = visit & ~first_of(mix(author, facts.post[rows]))
    mask, strength = np.zeros(len(facts), bool), np.zeros(len(facts), np.int64)
    mask[rows] = True
    strength[rows] = np.where(again, count_of(author), 0)
    ratio = Ratio(by="author", clusters=author, top=again * ONE, bottom=visit * ONE, prior=ONE)
    return [Reading(name=NAMES[0], family=FAMILY, ratio=ratio, rows=mask, strength=strength)]
