"""Comments that arrive together, against each post's own decay curve.

Attention to a post relaxes like a power law (Crane and Sornette 2008), so between half and twice a comment's
age the rate hardly changes: the arrivals in that span say how many were to be expected within five minutes
of it. Where the two hours around were livelier (a share elsewhere, another time zone waking up), those are
what is expected. Formula: sum of (n - e) / n over arrivals whose neighbourhood holds n >= `LEAST` and
n > e + `CLEAR` sqrt(e + 1), over all arrivals; an arrival is somebody's first comment at top level.

What is seen depends on how much was read: a tenth of the comments hides a burst of thirty. Not comparable
across sizes. Reduced by: author within post, then time.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from plaudit.estimate import Ratio
from plaudit.facts import ONE, Facts
from plaudit.signals.keys import first_of, mix
from plaudit.signals.section import Mask, Reading, Section, Whole

FAMILY: Final = "behaviour"
NAME: Final = "burst_share"
MIN_ARRIVALS: Final = 20
"""Arrivals a post needs to have a curve."""
LEAST: Final = 5
CLEAR: Final = 4.0
NEAR_MS: Final = 5 * 60_000
AROUND_MS: Final = 2 * 3_600_000
_ROOM: Final = 2**42
"""Milliseconds between the starts of two posts on the common axis, over a century."""
_N_ROWS: Final = 1 << 16  # looked at in one go


def read(section: Section) -> Reading:
    """Read the share of arrivals that came in bursts."""
    facts = section.facts
    if not section.community.has_exact_times:
        return Reading(name=NAME, family=FAMILY, absent="The comments have no exact times.", hidden=True)
    rows = _arrivals(section)
    if not len(rows):
        few = f"No post has {MIN_ARRIVALS} people who commented at top level."
        return Reading(name=NAME, family=FAMILY, absent=few)
    near, expected = _crowds(facts, rows)
    bursting = (near >= LEAST) & (near > expected + CLEAR * np.sqrt(expected + 1.0))
    excess = np.where(bursting, np.rint((1.0 - expected / near) * ONE), 0).astype(np.int64)
    mask, strength = np.zeros(len(facts), bool), np.zeros(len(facts), np.int64)
    mask[rows], strength[rows] = True, np.where(bursting, near, 0)
    ratio = Ratio(
        by="author",
        clusters=section.cluster[rows],
        top=excess,
        bottom=np.full(len(rows), ONE),
        prior=ONE,
    )
    return Reading(name=NAME, family=FAMILY, ratio=ratio, rows=mask, strength=strength)


def _arrivals(section: Section) -> np.ndarray:
    """Return the rows of arrivals, of posts with enough of them, by post and time."""
    facts = section.facts
    rows = np.flatnonzero(section.audience & facts.exact_time & ~section.is_reply)
    rows = rows[np.argsort(facts.created_at[rows], kind="stable")]
    rows = rows[first_of(mix(section.cluster[rows], facts.post[rows]))]
    _, post, counts = np.unique(facts.post[rows], return_inverse=True, return_counts=True)
    rows, post = rows[counts[post] >= MIN_ARRIVALS], post[counts[post] >= MIN_ARRIVALS]
    return rows[np.argsort(post, kind="stable")]


def _crowds(facts: Facts, rows: np.ndarray) -> tuple[Whole, np.ndarray]:
    """Return how many arrived near each arrival, itself counted, and how many were expected."""
    post, start = np.unique(facts.post[rows], return_index=True)[0], _starts(facts.post[rows])
    time = facts.created_at[rows]
    number = np.cumsum(start) - 1
    age = np.minimum(time - time[np.flatnonzero(start)][number], _ROOM // 8)
    place = age + (number * 2 + 1) * (_ROOM // 2)
    assert len(post) * _ROOM < 2**63  # noqa: S101 - two million posts in one report
    near, expected = np.empty(len(rows), np.int64), np.empty(len(rows))
    for begin in range(0, len(rows), _N_ROWS):
        block = slice(begin, begin + _N_ROWS)
        near[block], expected[block] = _around(place, place[block], age[block])
    return near, expected


def _around(place: Whole, here: Whole, age: Whole) -> tuple[Whole, np.ndarray]:
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


def _starts(posts: np.ndarray) -> Mask:
    return np.concatenate(([True], posts[1:] != posts[:-1]))


def _between(places: Whole, low: Whole, high: Whole) -> Whole:
    return np.searchsorted(places, high, "right") - np.searchsorted(places, low, "left")
