"""Whether people, and the creator, talk with each other.

Every formula is a ratio of sums over threads, which are what is resampled. Of somebody's replies that are
near-copies one counts (see `answers`), and one of those without a word: both can be posted by the hundred,
under every comment there is. What would fit anywhere ("thanks!", an emoji) counts neither of a creator nor as
an answer to a question. Where most comments name their author, one that does not may be by whom it answers:
it answers nobody. Reduced by: thread, then author within it; by author, what was said before.

- `reply_share`: people in a thread who answer somebody else there / people in a thread.
- `reciprocity`: pairs (A answers B in a thread) where B answers A there / such pairs, A of the audience.
- `thread_depth`: mean over answered threads of the turns of talk after the first answer, at most 9: 0 where
  every thread is a remark and its answer.
- `creator_reply_rate`: top-level comments with a distinct reply of the creator / top-level comments.
- `answered_question_rate`: the same with anybody's reply, among comments that are more likely a question than
  not, each weighted by how likely: the chance that remains to thousands of others would outweigh a few
  dozen questions.
- `creator_reply_latency`: median hours from a top-level comment to the creator's first reply; those that are
  dated before it are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.estimate import Ratio
from plaudit.facts import ONE, Facts
from plaudit.scores import LABELS
from plaudit.signals.keys import first_of, mix
from plaudit.signals.section import Mask, Reading, Section, Whole
from plaudit.signals.threads import Threads

FAMILY: Final = "conversation"
MAX_DEPTH: Final = 10
MS_PER_HOUR: Final = 3_600_000
FLAT: Final = "No comment here has a parent: nobody answered, or the source does not keep threads."
TORN: Final = "No reply here finds the comment it answers."
NO_CREATOR: Final = "It is not known who the creator is."
NO_REPLIES: Final = "Nobody answered anybody."
_PRAISE: Final = LABELS.index("generic_praise")
_UNITS: Final = {"thread_depth": "count", "creator_reply_latency": "hours"}
NAMES: Final = (
    "reply_share",
    "reciprocity",
    "thread_depth",
    "creator_reply_rate",
    "answered_question_rate",
    "creator_reply_latency",
)


def read(section: Section) -> Iterator[Reading]:
    """Read every signal of conversation; all absent where the dump is flat."""
    if section.threads is None:
        yield from (_absent(name, FLAT, hidden=True) for name in NAMES)
        return
    talk = _Talk.of(section, section.threads)
    yield _reply_share(talk)
    yield _reciprocity(talk)
    yield _thread_depth(talk)
    yield _creator_reply_rate(talk)
    yield _answered_question_rate(talk)
    yield _creator_reply_latency(talk)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Talk:
    """A section with its threads; one row a comment.

    Attributes:
        counted: The audience's comments at top level, and the replies that say something new.
        to_other: Replies to somebody who is surely somebody else.
        top: The audience's comments at top level.
        answered: Top-level comments under which somebody else wrote.
        by_creator: Top-level comments under which the creator wrote.
        creator_known: Whether anybody is named or marked as the creator.
    """

    facts: Facts
    section: Section
    threads: Threads
    counted: Mask
    to_other: Mask
    top: Mask
    answered: Mask
    by_creator: Mask
    creator_known: bool

    @classmethod
    def of(cls, section: Section, threads: Threads) -> _Talk:
        facts = section.facts
        is_new = threads.is_reply & ~section.echoed
        # A language that the model does not read has no label to go by.
        says_something = (section.text != 0) & ~(facts.supported & (facts.label == _PRAISE))
        counted = section.audience & (~threads.is_reply | is_new)
        counted |= facts.is_creator & is_new & says_something
        unsigned = (threads.person == 0) & section.has_authors
        # Where hardly anybody is known, unknown authors are somebody else than each other.
        other = (threads.person != threads.person[threads.root]) | (threads.person == 0)
        # Who goes on under their own comment after a reply that does not count has answered nobody.
        noise = section.audience & ~counted
        after_noise = threads.follows_on & (threads.target >= 0) & noise[threads.target]
        beside = counted & is_new & says_something & other & ~unsigned
        return cls(
            facts=facts,
            section=section,
            threads=threads,
            counted=counted,
            to_other=threads.to_other & ~unsigned & ~after_noise,
            top=section.audience & ~threads.is_reply,
            answered=_marked(threads.root[beside], len(facts)),
            by_creator=_marked(threads.root[beside & facts.is_creator], len(facts)),
            creator_known=section.community.has_creator or section.community.names_creator,
        )

    def reading(self, name: str, *, rows: Mask, top: Whole, bottom: Whole) -> Reading:
        """Read a ratio of sums over comments, clustered by thread."""
        bottom, top = np.where(rows, bottom, 0), np.where(rows, top, 0)
        ratio = Ratio(by="thread", clusters=self.threads.thread, top=top, bottom=bottom, prior=ONE)
        return _present(name, ratio=ratio, rows=rows, strength=top)


def _absent(name: str, reason: str, *, hidden: bool = False) -> Reading:
    unit = _UNITS.get(name, "share")
    return Reading(name=name, family=FAMILY, unit=unit, absent=reason, hidden=hidden, scarce=not hidden)


def _present(name: str, *, ratio: Ratio, rows: Mask, strength: Whole) -> Reading:
    unit = _UNITS.get(name, "share")
    return Reading(name=name, family=FAMILY, unit=unit, ratio=ratio, rows=rows, strength=strength)


def _marked(rows: NDArray[np.int64], n: int) -> Mask:
    mask = np.zeros(n, bool)
    mask[rows] = True
    return mask


def _reply_share(talk: _Talk) -> Reading:
    section, shown = talk.section, talk.section.audience & talk.counted
    replies = shown & talk.to_other
    # Once a person and thread: two who go on for a hundred replies would outweigh everybody else.
    person = mix(section.cluster, talk.threads.thread)
    rows = np.flatnonzero(shown)
    once = np.zeros(len(talk.facts), bool)
    once[rows[first_of(person[rows])]] = True
    answers = once & np.isin(person, person[replies])
    reading = talk.reading("reply_share", rows=shown, top=answers * ONE, bottom=once * ONE)
    return replace(reading, strength=replies * ONE)


def _reciprocity(talk: _Talk) -> Reading:
    threads = talk.threads
    target = np.maximum(threads.target, 0)
    rows = talk.counted & talk.to_other & (threads.target >= 0)
    rows &= (threads.person != 0) & (threads.person[target] != 0)
    if not (rows & talk.section.audience).any():
        return _absent("reciprocity", "No reply says whom it answers.")
    at = np.flatnonzero(rows)
    thread, one, other = threads.thread[at], threads.person[at], threads.person[target[at]]
    pair = mix(thread, one, other)
    mutual = np.isin(pair, mix(thread, other, one))
    asked = first_of(pair) & talk.section.audience[at]
    strength = np.zeros(len(rows), np.int64)
    strength[at] = mutual
    ratio = Ratio(by="thread", clusters=thread, top=(mutual & asked) * ONE, bottom=asked * ONE, prior=ONE)
    return _present("reciprocity", ratio=ratio, rows=rows & talk.section.audience, strength=strength)


def _thread_depth(talk: _Talk) -> Reading:
    threads = talk.threads
    rows = talk.counted & talk.to_other
    at = np.flatnonzero(rows)
    if not len(at):
        return _absent("thread_depth", NO_REPLIES)
    keys, inverse = np.unique(threads.thread[at], return_inverse=True)
    deepest = np.zeros(len(keys), np.int64)
    np.maximum.at(deepest, inverse, np.clip(threads.depth[at], 1, MAX_DEPTH))
    strength = np.zeros(len(rows), np.int64)
    strength[at] = threads.depth[at]
    more, each = (deepest - 1) * ONE, np.full(len(keys), ONE)
    ratio = Ratio(by="thread", clusters=keys, top=more, bottom=each, prior=ONE)
    return _present("thread_depth", ratio=ratio, rows=rows, strength=strength)


def _creator_reply_rate(talk: _Talk) -> Reading:
    name = "creator_reply_rate"
    if not talk.creator_known:
        return _absent(name, NO_CREATOR, hidden=True)
    if not talk.top.any():
        return _absent(name, "No comment of the audience stands at top level.")
    return talk.reading(name, rows=talk.top, top=talk.by_creator * ONE, bottom=talk.top * ONE)


def _answered_question_rate(talk: _Talk) -> Reading:
    name = "answered_question_rate"
    rows = talk.top & talk.section.worded & (2 * talk.facts.question >= ONE)
    asked = talk.facts.question.astype(np.int64)
    reading = talk.reading(name, rows=rows, top=asked * talk.answered, bottom=asked)
    return replace(reading, absent="The audience asked nothing at top level.", scarce=True)


def _creator_reply_latency(talk: _Talk) -> Reading:
    name = "creator_reply_latency"
    if not talk.creator_known:
        return _absent(name, NO_CREATOR, hidden=True)
    facts, root = talk.facts, talk.threads.root
    replies = np.flatnonzero(
        talk.counted & facts.is_creator & talk.threads.is_reply & facts.exact_time & facts.exact_time[root]
    )
    replies = replies[talk.top[root[replies]]]
    # Nobody answers what is not there yet: one of both clocks is wrong.
    replies = replies[facts.created_at[replies] >= facts.created_at[root[replies]]]
    if not len(replies):
        if talk.by_creator.any():
            return _absent(name, "The creator's replies have no exact times that can be true.", hidden=True)
        return _absent(name, "The creator answered no comment at top level.")
    # Sorted by time, the first row of each root is its first reply.
    replies = replies[np.argsort(facts.created_at[replies], kind="stable")]
    replies = replies[first_of(root[replies].astype(np.uint64))]
    waited = facts.created_at[replies] - facts.created_at[root[replies]]
    rows, strength = np.zeros(len(facts), bool), np.zeros(len(facts), np.int64)
    rows[root[replies]] = True
    strength[root[replies]] = np.iinfo(np.int32).max - np.minimum(waited // 1000, 2**31 - 2)
    ratio = Ratio(
        by="thread",
        clusters=talk.threads.thread[replies],
        top=np.zeros(len(replies), np.int64),
        bottom=np.full(len(replies), ONE),
        prior=ONE,
    )
    return Reading(
        name=name,
        family=FAMILY,
        unit="hours",
        ratio=ratio,
        rows=rows,
        strength=strength,
        values=waited / MS_PER_HOUR,
    )
