"""What of readings lasts: sums and counts that add up over parts, and the clearest evidence of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from plaudit.estimate import N_BUCKETS, Sums, buckets_of
from plaudit.facts import NO_TIME, ONE, Facts, believable
from plaudit.language import UNSURE
from plaudit.scores import LABELS
from plaudit.signals.keys import Keys
from plaudit.signals.section import N_EVIDENCE, VOICE, Community, Reading, Section, clearest

LEAST_TORN: Final = 10
"""Replies of which none finds what it answers from which that is no accident."""
_NO_STRENGTH: Final = np.empty(0, np.int64)
_NO_KEYS: Final = np.empty(0, np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One signal read off some comments, without its rows; `+` joins those of two parts.

    Parts join where they share no cluster, no author and no comment: else `sums.n` and `n_authors` have to be
    counted apart.

    Attributes:
        name: As in the policy.
        family: labels, text, copies, conversation, returning or behaviour.
        unit: share, authors, hours, ratio or count.
        sums: None where absent.
        n_comments: Comments behind it.
        n_authors: Known authors behind it.
        strength: Of the clearest evidence, at most `N_EVIDENCE`, falling.
        keys: Of these comments.
        spoken: How much of `sums.bottom` is of which language; empty where that does not matter.
        values: For a median: all its values, in no order; `sums.top` then is of no meaning.
        buckets: The bucket of each value.
        absent: One sentence where absent, or should no comment be behind it.
        hidden: Absent because the source left something out, not because there was nothing to measure.
        scarce: Absent because it is too rare to be met among so few comments.
    """

    name: str
    family: str
    unit: str
    sums: Sums | None = None
    n_comments: int = 0
    n_authors: int = 0
    strength: NDArray[np.int64] = field(default_factory=lambda: _NO_STRENGTH)
    keys: Keys = field(default_factory=lambda: _NO_KEYS)
    spoken: Counter[str] = field(default_factory=Counter)
    values: NDArray[np.float64] | None = None
    buckets: NDArray[np.uint16] | None = None
    absent: str | None = None
    hidden: bool = False
    scarce: bool = False

    @classmethod
    def of(cls, section: Section, reading: Reading) -> Tally:
        """Sum a reading up."""
        told: dict[str, Any] = {"name": reading.name, "family": reading.family, "unit": reading.unit}
        if reading.ratio is None or reading.rows is None:
            return tally_of(reading)
        shown = clearest(reading, keys=section.facts.key)
        if reading.values is not None:
            told["buckets"] = buckets_of(reading.ratio.clusters).astype(np.uint16)
        return cls(
            **told,
            absent=reading.absent,
            scarce=reading.scarce,
            sums=reading.ratio.sums(),
            n_comments=int(np.count_nonzero(reading.rows)),
            n_authors=section.n_authors(reading.rows),
            strength=_NO_STRENGTH if reading.strength is None else reading.strength[shown],
            keys=section.facts.key[shown],
            spoken=reading.spoken or Counter(),
            values=reading.values,
        )

    def __add__(self, other: Tally) -> Tally:
        if self.sums is None or other.sums is None:
            if self.sums is None and other.sums is None:
                return self if self.hidden or not other.hidden else other
            return other if self.sums is None else self
        strength = np.concatenate((self.strength, other.strength))
        keys = np.concatenate((self.keys, other.keys))
        shown = np.lexsort((keys, -strength))[:N_EVIDENCE]
        return replace(
            self,
            sums=self.sums + other.sums,
            n_comments=self.n_comments + other.n_comments,
            n_authors=self.n_authors + other.n_authors,
            strength=strength[shown],
            keys=keys[shown],
            spoken=self.spoken + other.spoken,
            values=_end_to_end(self.values, other.values),
            buckets=_end_to_end(self.buckets, other.buckets),
        )

    def settled(self) -> Sums | None:
        """Return the sums to be resampled: of a median, how many values lie at or below it.

        None where absent.
        """
        if self.sums is None or not self.n_comments:
            return None
        if self.values is None or self.buckets is None:
            return self.sums
        below = (self.values <= np.median(self.values)) * ONE
        top = np.bincount(self.buckets, below, N_BUCKETS)
        n_below = int(below.sum())
        return replace(self.sums, buckets=np.stack([top, self.sums.buckets[1]]), top=n_below, pull=n_below)


def tally_of(reading: Reading) -> Tally:
    """Return the tally of a reading that says why there is none."""
    return Tally(
        name=reading.name,
        family=reading.family,
        unit=reading.unit,
        absent=reading.absent,
        hidden=reading.hidden,
        scarce=reading.scarce,
    )


def _end_to_end(one: Any, other: Any) -> Any:
    return None if one is None else np.concatenate((one, other))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much there is of what; `+` joins what parts know.

    Attributes:
        n_comments: The creator's too.
        n_audience: Of them, the audience's.
        n_authors: Known authors among the audience.
        n_signed: Comments of the audience that name one.
        n_wordy: Comments of the audience that are not made of emoji alone.
        n_worded: Of those, in a language the model reads.
        n_readable: Comments of the audience in such a language.
        n_unsure: Comments of the audience with words whose language can't be told, among all the former.
        labels: Readable ones by their most probable label, in the order of `LABELS`.
        n_threads: Threads the audience wrote in; 0 where the dump is flat.
        n_replies: Comments with a parent, here or missing.
        n_orphans: Of those, whose parent is missing.
        n_partial: Threads of which the source, at their first comment, counts more replies than are here.
        n_looped: Comments whose parents lead in a circle.
        n_future: Comments dated in the future.
        languages: Comments by language.
        platforms: Comments by platform.
    """

    n_comments: int = 0
    n_audience: int = 0
    n_authors: int = 0
    n_signed: int = 0
    n_wordy: int = 0
    n_worded: int = 0
    n_readable: int = 0
    n_unsure: int = 0
    labels: tuple[int, ...] = (0,) * len(LABELS)
    n_threads: int = 0
    n_replies: int = 0
    n_orphans: int = 0
    n_partial: int = 0
    n_looped: int = 0
    n_future: int = 0
    languages: Counter[str] = field(default_factory=Counter)
    platforms: Counter[str] = field(default_factory=Counter)

    @property
    def is_torn(self) -> bool:
        """Whether no reply finds the comment it answers, so that nothing is known of who talks with whom.

        One whose parents lead in a circle finds none either: nobody can have answered a later comment.
        """
        return self.n_replies + self.n_looped >= LEAST_TORN and self.n_orphans == self.n_replies

    def __add__(self, other: Counts) -> Counts:
        joined = {each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)}
        joined["labels"] = tuple(map(sum, zip(self.labels, other.labels, strict=True)))
        return Counts(**joined)


def counts_of(section: Section) -> Counts:
    """Count everything in a whole section."""
    return counts_of_talk(section) + counts_of_people(section) + counts_of_rows(section.facts)


def counts_of_people(section: Section) -> Counts:
    """Count what adds up over parts that share no author."""
    facts = section.facts
    labels = np.bincount(facts.label[section.readable], minlength=len(LABELS))
    return Counts(
        n_audience=int(np.count_nonzero(section.audience)),
        n_authors=section.n_authors(section.audience),
        n_signed=int(np.count_nonzero(section.audience & (facts.author != 0))),
        n_wordy=int(np.count_nonzero(section.audience & ~facts.emoji_only)),
        n_worded=int(np.count_nonzero(section.worded)),
        n_readable=int(np.count_nonzero(section.readable)),
        labels=tuple(labels.tolist()),
    )


def counts_of_talk(section: Section) -> Counts:
    """Count what adds up over parts that share no thread."""
    facts, threads = section.facts, section.threads
    if threads is None:
        return Counts()
    here = np.bincount(threads.root[threads.is_reply], minlength=len(facts))
    return Counts(
        n_threads=section.n_threads(),
        n_replies=int(np.count_nonzero(threads.is_reply)),
        n_orphans=int(np.count_nonzero(threads.is_reply & (threads.root == np.arange(len(facts))))),
        # Below the top sources count other things, such as direct answers alone.
        n_partial=int(np.count_nonzero(~threads.is_reply & (here < facts.total_reply_count))),
        n_looped=threads.n_looped,
    )


def counts_of_rows(facts: Facts) -> Counts:
    """Count what adds up over any parts."""
    dated = facts.created_at != NO_TIME
    return Counts(
        n_comments=len(facts),
        n_unsure=int(np.count_nonzero(_is_unsure(facts))),
        n_future=int(np.count_nonzero(dated & ~believable(facts.created_at))),
        languages=_counted(facts.language),
        platforms=_counted(facts.platform),
    )


def _is_unsure(facts: Facts) -> NDArray[np.bool_]:
    unsure = pc.equal(facts.language, UNSURE).to_numpy(zero_copy_only=False)
    return np.asarray(unsure & ~facts.is_creator & facts.supported & ~facts.emoji_only)


def _counted(names: Any) -> Counter[str]:
    found = names.value_counts()
    values, counts = found.field("values").to_pylist(), found.field("counts").to_pylist()
    return Counter(dict(zip(values, counts, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallied:
    """Everything that is told of a community, before resampling.

    Attributes:
        signals: In the order of `NAMES`.
        census: Label shares among all readable comments, each counted once, in the order of `LABELS`.
        counts: How much there is.
        community: What it is like as a whole.
        ids: Id by key of the comments that are evidence.
    """

    signals: tuple[Tally, ...]
    census: tuple[Tally, ...]
    counts: Counts
    community: Community
    ids: Mapping[int, str]

    @property
    def n_doubtful(self) -> int:
        """Comments of the audience that may be the creator's: one voice, where nobody is named so."""
        return 0 if self.community.has_creator or self.community.names_creator else VOICE
