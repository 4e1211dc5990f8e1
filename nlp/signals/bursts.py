"""Comments that arrive together, against each post's own decay curve.

Attention to a post relaxes like a power law (Crane and Sornette 2008), so between half and twice a comment's
age the rate hardly changes: the arrivals in that span say how many were to be expected within five minutes
of it. Where the two hours around were livelier (a share elsewhere, another time zone waking up), those are
what is expected. Formula: sum of (n - e) / n over arrivals whose neighbourhood holds n >= `LEAST` and
n > e + `CLEAR` sqrt(e + 1), over all arrivals; an arrival is somebody's first comment at top level.

What is seen depends on how much was read: a tenth of the comments hides a burst of thirty. Not comparable
across sizes. Reduced by: author within post, then time.

What is resampled is a crowd as a whole, where there is one, and else an author: those who came together did
not come by themselves, and a crowd that half of them make up may be none. By authors, two halves of the same
threads differed by more than the interval three times as often as it says.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from plaudit.estimate import Ratio
from plaudit.facts import ONE
from plaudit.signals.keys import Keys, first_of, mix
from plaudit.signals.section import Mask, Reading, Section, Whole

FAMILY: Final = "behaviour"
NAME: Final = "burst_share"
MIN_ARRIVALS: Final = 20
"""Arrivals a post needs to have a curve."""
N_STRAY: Final = 4
"""Arrivals at most that are put down to a wrong clock, where they lie `STRAY_MS` before all others."""
STRAY_MS: Final = 365 * 86_400_000
N_EARLY: Final = 20
"""Arrivals at most before a post's pace begins, and no more than one in as many."""
N_AFTER: Final = 15
"""Arrivals that a pause is held against: at a steady pace, one in 2**15 lasts longer than they take."""
N_EARLIEST: Final = N_EARLY + N_AFTER + 1
"""Arrivals that tell when a post began."""
LEAST: Final = 5
CLEAR: Final = 4.0
NEAR_MS: Final = 5 * 60_000
AROUND_MS: Final = 2 * 3_600_000
_ROOM: Final = 2**42
"""Milliseconds between the starts of two posts on the common axis, over a century."""
_OLDEST: Final = _ROOM * 7 // 16
"""Age up to which arrivals are told apart, sixty years; twice of it has to fit between two posts."""
_N_ROWS: Final = 1 << 16  # looked at in one go


class Axis(Protocol):
    """Numbers that ascend, as an array of them."""

    def searchsorted(self, v: Whole, side: Literal["left", "right"]) -> Whole:
        """Return how many are below each value, or, on the right, not above it."""


def read(section: Section) -> Reading:
    """Read the share of arrivals that came in bursts."""
    facts = section.facts
    if not section.community.has_exact_times:
        return no_times()
    rows = arrivals(section)
    rows = rows[busy(facts.post[rows], facts.created_at[rows])]
    if not len(rows):
        return too_few()
    post, time = facts.post[rows], facts.created_at[rows]
    crowd, excess = crowds(post, time)
    mask, strength = np.zeros(len(facts), bool), np.zeros(len(facts), np.int64)
    mask[rows], strength[rows] = True, crowd
    unit = units(section.cluster[rows], crowd, post=post, began=began(crowd, post=post, time=time))
    ratio = ratio_of(unit, excess)
    return Reading(name=NAME, family=FAMILY, ratio=ratio, rows=mask, strength=strength)


def no_times() -> Reading:
    """Return the reading of comments of which more than a tenth have no exact time."""
    few = (
        'Not nine in ten comments have exact times; "3 days ago", or a day without an hour, is none, nor '
        "are those that all lie whole hours apart, as days written as midnight do."
    )
    return Reading(name=NAME, family=FAMILY, absent=few, hidden=True)


def too_few() -> Reading:
    """Return the reading of posts without enough arrivals."""
    few = f"No post has {MIN_ARRIVALS} people who commented at top level."
    return Reading(name=NAME, family=FAMILY, absent=few)


def ratio_of(unit: Keys, excess: Whole) -> Ratio:
    """Return the ratio over some arrivals."""
    return Ratio(by="author", clusters=unit, top=excess, bottom=np.full(len(excess), ONE), prior=ONE)


def arrivals(section: Section) -> NDArray[np.intp]:
    """Return the rows of arrivals, by time, then key."""
    facts = section.facts
    rows = np.flatnonzero(section.audience & facts.exact_time & ~section.is_reply)
    rows = rows[np.argsort(facts.created_at[rows], kind="stable")]
    return rows[first_of(mix(section.cluster[rows], facts.post[rows]))]


def busy(post: Keys, time: Whole) -> NDArray[np.intp]:
    """Return which arrivals belong to posts with enough of them, by post, time and place among the given."""
    order = np.lexsort((time, post))
    counts = np.diff(np.append(np.flatnonzero(_starts(post[order])), len(order)))
    return order[np.repeat(counts >= MIN_ARRIVALS, counts)]


def crowds(post: Keys, time: Whole) -> tuple[Whole, Whole]:
    """Return how many arrived in the burst around each arrival, 0: none, and its excess in 1/65536.

    Args:
        post: Of each arrival, all those of a post together.
        time: Of each, ascending within a post.
    """
    start = _starts(post)
    number = np.cumsum(start) - 1
    counts = np.diff(np.append(np.flatnonzero(start), len(post)))
    age = ages(time, beginnings(time, counts, n_arrivals=counts)[number])
    return crowds_among(places(number, age), number, age)


def beginnings(time: Whole, counts: Whole, *, n_arrivals: Whole) -> Whole:
    """Return when posts began: with the first arrival, or after a few that came long before all others.

    Whoever tries a post out, or waits for it, comes before there is a pace. Counted from them the post is so
    old, once its audience comes, that a first hour like any other looks out of step; a clock that says 1970
    does the same. So a post begins after the last pause that is longer than the next `N_AFTER` arrivals took,
    with at most one arrival in `N_EARLY` before it; or that is longer than a year, with at most `N_STRAY`.

    Args:
        time: Of the first arrivals of each post, ascending, one post after the other.
        counts: How many of each post are there; `N_EARLIEST` are enough.
        n_arrivals: How many each post has.
    """
    firsts = np.cumsum(counts) - counts
    earliest = time[firsts[:, None] + np.minimum(np.arange(N_EARLIEST), counts[:, None] - 1)]
    place = np.arange(1, N_EARLY + 1)
    pause = earliest[:, place] - earliest[:, place - 1]
    is_early = pause > earliest[:, place + N_AFTER] - earliest[:, place]
    is_early &= place <= n_arrivals[:, None] // N_EARLY
    is_early |= (pause > STRAY_MS) & (place <= N_STRAY)
    return np.asarray(earliest[np.arange(len(counts)), np.where(is_early, place, 0).max(axis=1, initial=0)])


def ages(time: Whole, began: Whole) -> Whole:
    """Return how old a post was at each arrival, in milliseconds; 0 before it began."""
    return np.clip(time - began, 0, _OLDEST)


def places(number: Whole, age: Whole) -> Whole:
    """Return where arrivals lie on an axis that the posts share one behind the other.

    Args:
        number: Of each arrival's post, from 0.
        age: As `ages`.
    """
    assert int(number[-1]) < 2**63 // _ROOM - 1  # noqa: S101 - two million posts in one part of a report
    return age + (number * 2 + 1) * (_ROOM // 2)


def crowds_among(axis: Axis, number: Whole, age: Whole, *, n_rows: int = _N_ROWS) -> tuple[Whole, Whole]:
    """Return what `crowds` does of some arrivals, as `places`, among all that lie on an axis, ascending."""
    crowd, excess = np.zeros(len(age), np.int64), np.zeros(len(age), np.int64)
    for begin in range(0, len(age), n_rows):
        block = slice(begin, begin + n_rows)
        here = places(number[block], age[block])
        near, expected = _around(axis, here, age[block])
        bursting = (near >= LEAST) & (near > expected + CLEAR * np.sqrt(expected + 1.0))
        crowd[block] = np.where(bursting, near, 0)
        excess[block] = np.where(bursting, np.rint((1.0 - expected / near) * ONE), 0).astype(np.int64)
    return crowd, excess


class Last(NamedTuple):
    """An arrival that others come after: its post, time and crowd, and when its burst began."""

    post: np.uint64
    time: np.int64
    crowd: np.int64
    began: np.int64


def began(crowd: Whole, *, post: Keys, time: Whole, last: Last | None = None) -> Whole:
    """Return when the burst that no pause divides began around each arrival.

    Args:
        crowd: As `crowds`.
        post: As for `crowds`.
        time: Likewise.
        last: The arrival before these, where they are not the first.
    """
    apart = _starts(post)
    apart[1:] |= (np.diff(time) > NEAR_MS) | (crowd[:-1] == 0)
    times = time[np.maximum.accumulate(np.where(apart, np.arange(len(post)), 0))]
    if last is not None and post[0] == last.post and time[0] - last.time <= NEAR_MS and last.crowd:
        times[np.cumsum(apart) == 1] = last.began
    return times


def units(cluster: Keys, crowd: Whole, *, post: Keys, began: Whole) -> Keys:
    """Return what each arrival is resampled with: a burst that no pause divides, else its cluster."""
    return np.where(crowd > 0, mix(post, began.astype(np.uint64)), cluster)


def _around(place: Axis, here: Whole, age: Whole) -> tuple[Whole, np.ndarray]:
    near = _between(place, here - NEAR_MS, here + NEAR_MS)
    expected = np.ones(len(here))
    for low, high in (
        (here - np.maximum(age // 2, NEAR_MS), here + np.maximum(age, NEAR_MS)),
        (here - AROUND_MS, here + AROUND_MS),
    ):
        low = np.maximum(low, here - age)
        span = np.maximum(high - low - 2 * NEAR_MS, 1)
        others = np.maximum(_between(place, low, high) - near, 0)
        # Young posts have no curve yet: what is near is then what is expected.
        rate = np.where(span > 2 * NEAR_MS, others * (2 * NEAR_MS) / span, near)
        expected = np.maximum(expected, rate)
    return near, expected


def _starts(posts: Keys) -> Mask:
    return np.concatenate(([True], posts[1:] != posts[:-1])) if len(posts) else np.zeros(0, bool)


def _between(axis: Axis, low: Whole, high: Whole) -> Whole:
    return axis.searchsorted(high, "right") - axis.searchsorted(low, "left")
