"""Who answers whom: threads rebuilt from parents, mentions and times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.facts import Facts
from plaudit.signals.keys import Keys, latest_before, mix, row_of

CREATOR: Final = 1
"""The creator's stand-in among authors: they may write without an author id."""

Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Threads:
    """The conversations of some facts; one row a comment.

    Attributes:
        thread: Key of the thread: of its first comment, here or missing.
        root: Row of the topmost comment that is here.
        is_reply: Whether it has a parent, here or missing; a reply to itself is none.
        person: Author, with `CREATOR` for the creator; 0 unknown.
        target: Row of the comment it answers; -1 where unknown, or at top level.
        follows_on: A reply beneath a comment of its own author, whoever it answers.
        to_other: A reply, and not to its own author.
        depth: Turns of talk above it: steps up to the root at which the person changes.
        n_looped: Comments whose parents lead in a circle; they stand at top level.
    """

    thread: Keys
    root: Positions
    is_reply: NDArray[np.bool_]
    person: Keys
    target: Positions
    follows_on: NDArray[np.bool_]
    to_other: NDArray[np.bool_]
    depth: Positions
    n_looped: int

    @classmethod
    def of(cls, facts: Facts) -> Threads:
        """Rebuild the threads; circles are undone, orphans stay replies."""
        rows = np.arange(len(facts))
        is_reply = (facts.parent != 0) & (facts.parent != facts.key)
        found = row_of(facts.parent, facts.key)
        up = np.where(is_reply & (found >= 0), found, rows)
        root, looped = climb(up)
        is_reply &= ~looped
        up = np.where(looped, rows, up)
        root = np.where(looped, rows, root)
        thread = np.where(is_reply[root], facts.parent[root], facts.key[root])
        person = np.where(facts.is_creator, np.uint64(CREATOR), facts.author)
        follows_on = is_reply & (up != rows) & (person != 0) & (person == person[up])
        target = _targets(facts, up, thread, person, follows_on=follows_on)
        known = (target >= 0) & (person != 0) & (person[target] != 0)
        to_other = is_reply & ~(known & (person == person[target]))
        return cls(
            thread=thread,
            root=root,
            is_reply=is_reply,
            person=person,
            target=target,
            follows_on=follows_on,
            to_other=to_other,
            depth=_depth(up, target, to_other),
            n_looped=int(np.count_nonzero(looped)),
        )


def climb(up: Positions, cost: Positions | None = None) -> tuple[Positions, NDArray[np.bool_]]:
    """Follow `up` to its end by doubling steps; also say which rows never end (a cycle).

    `cost`, where given, is summed in place along the way; it is 0 at the ends.
    """
    end = up.copy()
    for _ in range(max(len(up), 1).bit_length()):
        further = end[end]
        if (further == end).all():
            break
        if cost is not None:
            cost += cost[end]
        end = further
    return end, up[end] != end


def _targets(
    facts: Facts, up: Positions, thread: Keys, person: Keys, *, follows_on: NDArray[np.bool_]
) -> Positions:
    """Say which comment each reply answers: the mentioned person's last one, else its parent.

    Sites that keep threads flat hang every reply under the first comment. There a mention says who is
    meant, and somebody who writes again under their own comment answers who wrote there last, as far as
    exact times tell: a day alone does not say who was first.
    """
    rows = np.arange(len(facts))
    target = np.where(up != rows, up, -1)
    for answers in (_last_other(facts, up, person, follows_on), _mentioned(facts, thread, person)):
        target = np.where((answers >= 0) & (up != rows), answers, target)
    return target


def _mentioned(facts: Facts, thread: Keys, person: Keys) -> Positions:
    found = np.full(len(facts), -1)
    named, asking = np.flatnonzero(facts.handle), np.flatnonzero((facts.mention != 0) & (facts.parent != 0))
    if not (len(named) and len(asking)):
        return found
    before = latest_before(
        mix(thread[named], facts.handle[named]),
        facts.created_at[named],
        asked=mix(thread[asking], facts.mention[asking]),
        asked_times=facts.created_at[asking],
    )
    answered = np.where(before >= 0, named[before], -1)
    someone_else = (answered >= 0) & ((person[answered] != person[asking]) | (person[asking] == 0))
    found[asking] = np.where(someone_else, answered, -1)
    return found


def _last_other(facts: Facts, up: Positions, person: Keys, asking: NDArray[np.bool_]) -> Positions:
    found = np.full(len(facts), -1)
    rows = np.arange(len(facts))
    others = np.flatnonzero((up != rows) & (person != person[up]) & facts.exact_time)
    asked = np.flatnonzero(asking & facts.exact_time)
    if not (len(others) and len(asked)):
        return found
    before = latest_before(
        facts.key[up[others]],
        facts.created_at[others],
        asked=facts.key[up[asked]],
        asked_times=facts.created_at[asked] - 1,  # what came at the same time was not there to be answered
    )
    found[asked] = np.where(before >= 0, others[before], -1)
    return found


def _depth(up: Positions, target: Positions, to_other: NDArray[np.bool_]) -> Positions:
    rows = np.arange(len(up))
    toward = np.where(target >= 0, target, up)
    _, looped = climb(toward)
    # Times that tie can make two comments answer each other; the thread's own tree has no such loop.
    toward = np.where(looped, up, toward)
    depth = (to_other & (toward != rows)).astype(np.int64)
    climb(toward, depth)
    return depth
