"""How the audience words it: applause, begging, own experience, bare tags, and how much is said at all.

Formula: weighted shares over worded comments, each author counted for at most three; a flag counts from
probability 1/2 on. `applause_share`: generic praise beyond doubt that speaks to nobody in particular, each by
how far beyond it is (`certainty`), a single word for `ONE_WORD` of it. Fans' praise is mostly said to
somebody, says a little more, or is one cry ("wow"); what bots post is a set phrase of a few words: of all
that was tried this tells injected bots best. Whatever a classifier takes them for, so are comments stitched
together of stock phrases (see `stock`), with hardly a word beside: filler makes applause longer, not more
genuine. `scripted_share`: generic praise that holds a phrase like those that comment bots are set up to post
(see `scripted`), or is stitched together; what is of another label does not count, however it reads.
`specificity`: content words by words, less the stock. `post_overlap`: content words that the post's own text
holds too, by all of them, less the stock; by `ENOUGH_CONTENT` where a comment has fewer, so that neither many
words nor few make it large; 0 where a comment has as many and none of its own, as a pasted title has. Reduced
by: author.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.facts import ONE
from plaudit.signals.section import Mask, Reading, Section, Whole, share

FAMILY: Final = "text"
NAMES: Final = (
    "applause_share",
    "scripted_share",
    "solicitation_share",
    "experience_share",
    "addressed_share",
    "tag_only_share",
    "emoji_only_share",
    "specificity",
    "post_overlap",
)
NO_DOUBT: Final = (2.0, 4.0)
"""Log odds of generic praise (0.881, 0.982) between which it comes to be beyond doubt."""
ONE_WORD: Final = ONE // 2
"""What a single word is worth as applause: people write most of those, but a wall of them has to show. A
fifth tells bots a little better (AUC 0.85 for 0.84 of raw applause) and would let a wall of "Cool!" pass."""
ENOUGH_TO_STITCH: Final = 5
"""Words below which people say the same without a common source ("what song is this")."""
MUCH_STOCK: Final = ONE * 2 // 5
"""Stock from which a comment may be stitched together: bare praise between two set phrases has more."""
MAX_OWN_WORDS: Final = 8
"""Words beyond the stock ones from which a comment says something, however it is wrapped."""
ENOUGH_WORDS: Final = 10
"""Words below which a comment's specificity grows with its content words, and above which it is their
density: filler can only lower it."""

ENOUGH_CONTENT: Final = 4
"""Content words below which a comment's overlap with its post grows with those they share."""


def read(section: Section) -> Iterator[Reading]:
    """Read every signal of wording."""
    facts = section.facts
    yield _applause(section)
    yield share(
        section, name="scripted_share", family=FAMILY, of=section.worded, top=_fixed(_scripted(section))
    )
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
    yield _post_overlap(section)


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
    degree = certainty(facts.generic_praise)
    degree = np.where(facts.n_words > 1, degree, degree * ONE_WORD // ONE)
    degree[2 * facts.addressed >= ONE] = 0
    degree[stitched(section)] = ONE
    return share(section, name="applause_share", family=FAMILY, of=section.worded, top=degree)


def _scripted(section: Section) -> Mask:
    return (section.facts.scripted | stitched(section)) & (2 * section.facts.generic_praise >= ONE)


def certainty(probability: NDArray[np.int32]) -> Whole:
    """Return how far beyond doubt probabilities are, all in 1/65536: 0 below `NO_DOUBT`, 1 above."""
    return _certainties()[probability]


@cache
def _certainties() -> Whole:
    low, high = NO_DOUBT
    odds = np.arange(ONE + 1) / np.maximum(ONE - np.arange(ONE + 1), 0.5)
    return np.rint(ONE * np.clip((np.log(np.maximum(odds, 1e-9)) - low) / (high - low), 0.0, 1.0)).astype(
        np.int64
    )


def stitched(section: Section) -> Mask:
    """Mark comments of which much is stock phrases, and that hardly add words of their own."""
    n_words = section.facts.n_words.astype(np.int64)
    n_own = n_words * (ONE - section.stock)
    is_stock = (section.stock >= MUCH_STOCK) & (n_words >= ENOUGH_TO_STITCH)
    return is_stock & (n_own <= MAX_OWN_WORDS * ONE)


def _specificity(section: Section) -> Whole:
    facts = section.facts
    words = np.maximum(facts.n_words, ENOUGH_WORDS).astype(np.int64)
    own = ONE - section.stock
    return np.minimum(facts.n_content_words, words) * own // words


def _post_overlap(section: Section) -> Reading:
    facts = section.facts
    known = section.worded & (facts.n_of_post >= 0)
    if not known.any():
        absent = "The texts of the posts were not given."
        return Reading(name="post_overlap", family=FAMILY, absent=absent, hidden=True)
    words = np.maximum(facts.n_content_words, ENOUGH_CONTENT).astype(np.int64)
    is_pasted = (facts.n_of_post == facts.n_content_words) & (facts.n_content_words >= ENOUGH_CONTENT)
    taken_up = np.where(is_pasted, 0, np.maximum(facts.n_of_post, 0)).astype(np.int64)
    top = taken_up * (ONE - section.stock) // words
    return share(section, name="post_overlap", family=FAMILY, of=known, top=top)


def _fixed(mask: Mask) -> Whole:
    return mask.astype(np.int64) * ONE
