"""How the audience words it: applause, begging, own experience, bare tags, and how much is said at all.

Formula: weighted shares over worded comments, each author counted for at most three; a flag counts from
probability 1/2 on. `applause_share`: generic praise beyond doubt (probability `NO_DOUBT`) that speaks to
nobody in particular. Fans' praise is mostly said to somebody, or says a little more; what bots post is not:
of all that was tried it tells injected bots best. Reduced by: author.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from plaudit.facts import ONE
from plaudit.signals.section import Mask, Reading, Section, Whole, share

FAMILY: Final = "text"
NAMES: Final = (
    "applause_share",
    "solicitation_share",
    "experience_share",
    "addressed_share",
    "tag_only_share",
    "emoji_only_share",
    "specificity",
)
NO_DOUBT: Final = ONE * 9 // 10
"""Probability from which praise is generic beyond doubt, in 1/65536."""
ENOUGH_WORDS: Final = 10
"""Words below which a comment's specificity grows with its content words, and above which it is their
density: filler can only lower it."""


def read(section: Section) -> Iterator[Reading]:
    """Read every signal of wording."""
    facts = section.facts
    yield _applause(section)
    yield _flag(section, "solicitation")
    yield _flag(section, "experience")
    yield _flag(section, "addressed")
    yield share(section, name="tag_only_share", family=FAMILY, of=section.worded, top=_fixed(facts.tag_only))
    yield share(
        section,
        name="emoji_only_share",
        family=FAMILY,
        of=section.readable,
        top=_fixed(facts.emoji_only),
        bottom=_fixed(section.readable),
    )
    yield share(section, name="specificity", family=FAMILY, of=section.worded, top=_specificity(section))


def _flag(section: Section, flag: str) -> Reading:
    probability = getattr(section.facts, flag)
    shown = 2 * probability >= ONE
    return share(
        section,
        name=f"{flag}_share",
        family=FAMILY,
        of=section.worded,
        top=_fixed(shown),
        strength=np.where(shown, probability, 0),
    )


def _applause(section: Section) -> Reading:
    facts = section.facts
    shown = (facts.generic_praise >= NO_DOUBT) & (2 * facts.addressed < ONE)
    return share(
        section,
        name="applause_share",
        family=FAMILY,
        of=section.worded,
        top=_fixed(shown),
        strength=np.where(shown, facts.generic_praise, 0),
    )


def _specificity(section: Section) -> Whole:
    facts = section.facts
    words = np.maximum(facts.n_words, ENOUGH_WORDS).astype(np.int64)
    return np.minimum(facts.n_content_words, words) * ONE // words


def _fixed(mask: Mask) -> Whole:
    return mask.astype(np.int64) * ONE
