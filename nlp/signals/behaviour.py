"""Who writes how often, when, and in whose company.

`author_concentration`: the share of comments that are not their author's first under the post, several in
one thread counted once, so that people who talk with each other do not look like people who flood.
Formula: sum (t - 1) / sum t over (author, post), t = threads of the author there. The same for a sample of
the authors as for all. Reduced by: author. `burst_share` and `co_commenting` have their own files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from plaudit.estimate import Ratio
from plaudit.facts import ONE
from plaudit.signals import bursts, company
from plaudit.signals.keys import count_of, first_of, mix
from plaudit.signals.section import NO_AUTHORS, Reading, Section

FAMILY: Final = "behaviour"
NAMES: Final = ("author_concentration", bursts.NAME, company.NAME)


def read(section: Section) -> Iterator[Reading]:
    """Read how much a few accounts, crowds and groups wrote."""
    yield concentration(section)
    yield bursts.read(section)
    yield company.read(section)


def concentration(section: Section) -> Reading:
    """Read how much of the section is not its author's first under the post."""
    if not section.has_authors:
        return Reading(name=NAMES[0], family=FAMILY, absent=NO_AUTHORS, hidden=True)
    facts = section.facts
    rows = np.flatnonzero(section.audience & (facts.author != 0))
    author = facts.author[rows]
    visit = first_of(mix(author, section.thread[rows]))
    again = visit & ~first_of(mix(author, facts.post[rows]))
    mask, strength = np.zeros(len(facts), bool), np.zeros(len(facts), np.int64)
    mask[rows] = True
    strength[rows] = np.where(again, count_of(author), 0)
    ratio = Ratio(by="author", clusters=author, top=again * ONE, bottom=visit * ONE, prior=ONE)
    return Reading(name=NAMES[0], family=FAMILY, ratio=ratio, rows=mask, strength=strength)
