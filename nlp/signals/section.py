"""A comment section made ready for its signals, and what a signal gives back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.estimate import Ratio, n_distinct
from plaudit.facts import ONE, Facts
from plaudit.signals.answers import echoed
from plaudit.signals.beside import answers_beside
from plaudit.signals.keys import Keys, count_of, first_of, mix
from plaudit.signals.likeness import classes
from plaudit.signals.rounding import Rounding
from plaudit.signals.stock import Common, stocked, used
from plaudit.signals.threads import Threads

VOICE: Final = 3
"""Different comments after which further ones of the same author weigh no more."""

N_EVIDENCE: Final = 5

Mask = NDArray[np.bool_]
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """What is true of all comments together, which a part of them does not show.

    Attributes:
        has_authors: Whether at least half of the audience's comments have an author.
        has_threads: Whether any comment has a parent.
        has_exact_times: Whether at least nine in ten of the audience's comments have one that is not rounded.
        has_creator: Whether the creator wrote any.
        names_creator: Whether any names the creator.
        answers_beside: Whether the creator's answers mostly stand beside what they answer, not beneath it.
        n_posts: Posts the audience wrote under.
        n_writers: Clusters that wrote something worded.
    """

    has_authors: bool
    has_threads: bool
    has_exact_times: bool
    has_creator: bool
    names_creator: bool
    answers_beside: bool
    n_posts: int
    n_writers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The comments of one community, or some of them, with what several signals share.

    Attributes:
        facts: Every comment, the creator's too.
        community: What is true of the whole.
        audience: Not the creator's.
        readable: Of the audience, in a language the model reads.
        worded: Of those, not made of emoji alone; the ground of every share that counts in an index.
        cluster: The author, or the comment itself where its author is unknown.
        author: Small number of each author, 0 where unknown.
        text: A key that near-copies share; 0 for a comment without letters.
        weight: What a worded comment counts, in 1/65536: an author's repeated text counts once, and
            more than `VOICE` different ones share the weight of `VOICE`. 0 for the others.
        stock: How much of a comment others say in the same words, in 1/65536; 0 where its weight is.
        thread: Key of the comment's thread; its own where the dump is flat.
        is_reply: Whether it has a parent, here or missing.
        echoed: Replies that say what their writer has replied before (see `answers`).
        threads: None where the dump is flat.
    """

    facts: Facts
    community: Community
    audience: Mask
    readable: Mask
    worded: Mask
    cluster: Keys
    author: NDArray[np.intp]
    text: Keys
    weight: Whole
    stock: Whole
    thread: Keys
    is_reply: Mask
    echoed: Mask
    threads: Threads | None

    @classmethod
    def of(cls, facts: Facts) -> Section:
        """Prepare a whole section from its facts; times that were rounded are not exact."""
        rounded = Rounding.of(facts.post[facts.exact_time], facts.created_at[facts.exact_time])
        if rounded:
            facts = replace(facts, exact_time=facts.exact_time & ~rounded.marks(facts.post))
        threads = Threads.of(facts) if facts.parent.any() else None
        is_reply = np.zeros(len(facts), bool) if threads is None else threads.is_reply
        text = classes(facts.letters, facts.grams)
        return cls.part(
            facts,
            community=None,
            text=text,
            thread=facts.key if threads is None else threads.thread,
            is_reply=is_reply,
            echoed=echoed(facts, text, is_reply),
            stock=None,
            threads=threads,
        )

    @classmethod
    def part(
        cls,
        facts: Facts,
        *,
        community: Community | None,
        text: Keys,
        thread: Keys,
        is_reply: Mask,
        echoed: Mask,
        stock: Whole | None,
        threads: Threads | None = None,
        weight: Whole | None = None,
    ) -> Section:
        """Prepare a part of a section.

        Args:
            facts: All comments of some authors, or of some threads, ...
            community: None where it is the whole.
            text: As the attribute, like the four that follow.
            thread: Each comment's thread.
            is_reply: Whether each is one.
            echoed: Which say nothing new.
            stock: None to work it out, which takes all comments there are.
            threads: None where nobody asks for them.
            weight: None to work it out, which takes all comments of an author.
        """
        audience = ~facts.is_creator
        readable = audience & facts.supported
        worded = readable & ~facts.emoji_only
        cluster = np.where(facts.author != 0, facts.author, facts.key)
        known, author = np.unique(facts.author, return_inverse=True)
        if weight is None:
            weight = _voices(np.where(text != 0, text, facts.key), worded, cluster)
        return cls(
            facts=facts,
            community=community or _community(facts, audience, cluster[worded]),
            audience=audience,
            readable=readable,
            worded=worded,
            cluster=cluster,
            author=author + (1 if len(known) and known[0] != 0 else 0),
            text=text,
            weight=weight,
            stock=_stock(facts, cluster, text, weight) if stock is None else stock,
            thread=thread,
            is_reply=is_reply,
            echoed=echoed,
            threads=threads,
        )

    @property
    def has_authors(self) -> bool:
        """Whether at least half of the whole audience's comments have an author."""
        return self.community.has_authors

    def n_authors(self, rows: Mask) -> int:
        """Return how many known authors wrote some comments."""
        return int(np.count_nonzero(np.bincount(self.author[rows], minlength=1)[1:]))

    def n_threads(self) -> int:
        """Return how many threads the audience wrote in; 0 where the dump is flat."""
        return n_distinct(self.thread[self.audience]) if self.community.has_threads else 0


def _community(facts: Facts, audience: Mask, writers: Keys) -> Community:
    return Community(
        has_authors=knows_authors(facts),
        has_threads=bool(facts.parent.any()),
        has_exact_times=mostly_timed(
            int(np.count_nonzero(audience & facts.exact_time)), n=int(np.count_nonzero(audience))
        ),
        has_creator=bool(facts.is_creator.any()),
        names_creator=bool(facts.creator.any()),
        answers_beside=answers_beside(facts),
        n_posts=n_distinct(facts.post[audience]),
        n_writers=n_distinct(writers),
    )


def _stock(facts: Facts, cluster: Keys, text: Keys, weight: Whole) -> Whole:
    rows = np.flatnonzero(weight)
    is_copy = np.zeros(len(text), bool)
    # Texts too short for a triple have none that could be common, whatever they are copies of.
    said = rows[np.diff(facts.passages.offsets.to_numpy())[rows] > 0]
    is_copy[said[~first_of(text[said])]] = True
    triples, n_authors = used(facts.passages, cluster, rows, is_copy=is_copy)
    return stocked(facts.passages, rows, Common.of(triples, n_authors=n_authors).chances)


def mostly_timed(n_exact: int, *, n: int) -> bool:
    """Say whether nine in ten of n comments have an exact time: a crowd may be what lacks them."""
    return n_exact > 0 and 10 * n_exact >= 9 * n


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
        absent: One sentence where the signal can't be read, or should no comment of the whole be behind it.
        hidden: Absent because the source left something out, not because there was nothing to measure.
        scarce: Absent because it is too rare to be met among so few comments.
        spoken: How much of `ratio.bottom` is of which language, where that matters.
        values: For a median: the value of each row of `ratio`, whose `top` then is of no meaning; what is
            resampled is the share at or below the median.
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
    spoken: Counter[str] | None = None
    values: NDArray[np.float64] | None = None


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


NO_AUTHORS: Final = "Most comments come without an author."
NOTHING_WORDED: Final = "No comment of the audience has words in a language the model reads."


def scaled(shares: NDArray[np.integer], weights: Whole) -> Whole:
    """Multiply two fixed-point columns, rounded half up."""
    return (shares.astype(np.int64) * weights + ONE // 2) // ONE


def clearest(reading: Reading, *, keys: Keys) -> NDArray[np.intp]:
    """Return the rows that show a signal best, at most `N_EVIDENCE`; ties go to the lower key."""
    if reading.strength is None:
        return np.empty(0, np.intp)
    return strongest(reading.strength, keys)


def strongest(strength: NDArray[np.int64], keys: Keys) -> NDArray[np.intp]:
    """Return the rows of the greatest strength above 0, at most `N_EVIDENCE`; ties go to the lower key."""
    shown = np.flatnonzero(strength > 0)
    if len(shown) > 4 * N_EVIDENCE:
        above = strength[shown]
        least = np.partition(above, len(shown) - N_EVIDENCE)[len(shown) - N_EVIDENCE]
        shown = shown[above >= least]
    return shown[np.lexsort((keys[shown], -strength[shown]))[:N_EVIDENCE]]
