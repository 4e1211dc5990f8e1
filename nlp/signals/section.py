"""A comment section made ready for its signals, and what a signal gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.estimate import Ratio, n_distinct
from plaudit.facts import ONE, Facts
from plaudit.signals.keys import Keys, count_of, first_of, mix
from plaudit.signals.likeness import classes
from plaudit.signals.threads import Threads

VOICE: Final = 3
"""Different comments after which further ones of the same author weigh no more."""

N_EVIDENCE: Final = 5

Mask = NDArray[np.bool_]
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The comments of one community, with what several signals share.

    Attributes:
        facts: Every comment, the creator's too.
        audience: Not the creator's.
        readable: Of the audience, in a language the model reads.
        worded: Of those, not made of emoji alone; the ground of every share that counts in an index.
        cluster: The author, or the comment itself where its author is unknown.
        author: Small number of each author, 0 where unknown.
        has_authors: Whether at least half of the audience's comments have one.
        text: A key that near-copies share; 0 for a comment without letters.
        weight: What a worded comment counts, in 1/65536: an author's repeated text counts once, and
            more than `VOICE` different ones share the weight of `VOICE`. 0 for the others.
        threads: None where the dump is flat.
    """

    facts: Facts
    audience: Mask
    readable: Mask
    worded: Mask
    cluster: Keys
    author: NDArray[np.intp]
    has_authors: bool
    text: Keys
    weight: Whole
    threads: Threads | None

    @classmethod
    def of(cls, facts: Facts) -> Section:
        """Prepare a section from its facts."""
        audience = ~facts.is_creator
        readable = audience & facts.supported
        worded = readable & ~facts.emoji_only
        cluster = np.where(facts.author != 0, facts.author, facts.key)
        text = classes(facts.letters, facts.grams)
        known, author = np.unique(facts.author, return_inverse=True)
        return cls(
            facts=facts,
            audience=audience,
            readable=readable,
            worded=worded,
            cluster=cluster,
            author=author + (1 if len(known) and known[0] != 0 else 0),
            has_authors=knows_authors(facts),
            text=text,
            weight=_voices(np.where(text != 0, text, facts.key), worded, cluster),
            threads=Threads.of(facts) if facts.parent.any() else None,
        )

    def n_authors(self, rows: Mask) -> int:
        """Return how many known authors wrote some comments."""
        return int(np.count_nonzero(np.bincount(self.author[rows], minlength=1)[1:]))

    def n_threads(self) -> int:
        """Return how many threads the audience wrote in; 0 where the dump is flat."""
        return 0 if self.threads is None else n_distinct(self.threads.thread[self.audience])


def knows_authors(facts: Facts) -> bool:
    """Say whether at least half of the audience's comments have an author."""
    audience = ~facts.is_creator
    return bool(audience.any() and (facts.author[audience] != 0).mean() >= 0.5)


def _voices(text: Keys, worded: Mask, cluster: Keys) -> Whole:
    rows = np.flatnonzero(worded)
    heard = rows[first_of(mix(cluster[rows], text[rows]))]
    weight = np.zeros(len(text), np.int64)
    weight[heard] = ONE * VOICE // np.maximum(count_of(cluster[heard]), VOICE)
    return weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one signal read off a section, before resampling.

    Attributes:
        name: As in the policy.
        family: labels, text, copies, conversation, returning or behaviour.
        unit: share, authors, hours, ratio or count.
        ratio: None where absent.
        rows: Comments behind it.
        strength: How clearly each comment shows it, one number a comment of the section; comments at 0
            or below are no evidence.
        absent: One sentence where the signal can't be read, else None.
        hidden: Absent because the source left something out, not because there was nothing to measure.
        scarce: Absent because it is too rare to be met among so few comments.
        ladder: For a median: the ascending values it is the median of, `ratio` being the share at or
            below it.
    """

    name: str
    family: str
    unit: str = "share"
    ratio: Ratio | None = None
    rows: Mask | None = None
    strength: NDArray[np.int64] | None = None
    absent: str | None = None
    hidden: bool = False
    scarce: bool = False
    ladder: NDArray[np.float64] | None = None


def share(
    section: Section,
    *,
    name: str,
    family: str,
    of: Mask,
    top: Whole,
    bottom: Whole | None = None,
    strength: Whole | None = None,
) -> Reading:
    """Read a weighted share or mean over comments, clustered by author.

    Args:
        section: The section.
        name: The signal's name.
        family: The signal's family.
        of: The comments it is a share of.
        top: How much of it each comment is, in 1/65536.
        bottom: What each comment counts; None: its weight.
        strength: How clearly each comment shows it; None: as `top`.
    """
    counts = section.weight if bottom is None else bottom
    rows = of & (counts > 0)
    if not rows.any():
        return Reading(name=name, family=family, absent=NOTHING_WORDED)
    return Reading(
        name=name,
        family=family,
        ratio=Ratio(
            by="author",
            clusters=section.cluster[rows],
            top=scaled(top[rows], counts[rows]),
            bottom=counts[rows],
            prior=ONE,
        ),
        rows=rows,
        strength=np.where(rows, top if strength is None else strength, 0),
    )


NOTHING_WORDED: Final = "No comment of the audience has words in a language the model reads."


def scaled(shares: NDArray[np.integer], weights: Whole) -> Whole:
    """Multiply two fixed-point columns, rounded half up."""
    return (shares.astype(np.int64) * weights + ONE // 2) // ONE


def clearest(reading: Reading, *, keys: Keys) -> NDArray[np.intp]:
    """Return the rows that show a signal best, at most `N_EVIDENCE`; ties go to the lower key."""
    if reading.strength is None:
        return np.empty(0, np.intp)
    shown = np.flatnonzero(reading.strength > 0)
    if len(shown) > 4 * N_EVIDENCE:
        strength = reading.strength[shown]
        least = np.partition(strength, len(shown) - N_EVIDENCE)[len(shown) - N_EVIDENCE]
        shown = shown[strength >= least]
    return shown[np.lexsort((keys[shown], -reading.strength[shown]))[:N_EVIDENCE]]
