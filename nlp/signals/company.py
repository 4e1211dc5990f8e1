"""Accounts that turn up together under the same posts, more than chance brings them together.

Two authors of three posts or more are companions where their posts overlap by a Jaccard index of 1/2 and at
three posts at least, and chance would not do that: with p_j = min(1, k n_j / V) the chance that an author of
k posts is at post j (n_j authors there, V visits in all) and e the mean of p_j over the other's posts, the
probability of s or more of their K posts is at most exp(-K KL(s / K || e)) (Chernoff 1952); it has to stay
below 1 / (10 N) for N such authors, so that chance alone links next to nobody. Loyal followers, who are
everywhere, are therefore no companions. A group is four companions or more, linked one to another.
Candidates share two of sixteen minima of their posts (MinHash, Broder 1997): the cost is linear.

Formula: the mean over visits of c, the chance that among 100 authors, the visitor among them, another one of
the visitor's group turns up (see `grouping`). Looks across posts, within what is measured. Reduced by: author
and post, then author.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.estimate import Ratio, n_distinct
from plaudit.facts import ONE
from plaudit.signals.grouping import Rows, Whole, chances, joined, neighbours, unique_pairs
from plaudit.signals.keys import Keys, first_of, mix
from plaudit.signals.section import Reading, Section, scaled

FAMILY: Final = "behaviour"
NAME: Final = "co_commenting"
MIN_POSTS: Final = 5
MIN_TOGETHER: Final = 3
MIN_GROUP: Final = 4
MIN_OVERLAP: Final = 0.5
LINKS_BY_CHANCE: Final = 0.1
N_BANDS: Final = 8


def read(section: Section) -> Reading:
    """Read how much of the section groups of companions wrote; `section` has authors."""
    facts = section.facts
    rows = np.flatnonzero(section.audience & (facts.author != 0))
    rows = rows[first_of(mix(facts.author[rows], facts.post[rows]))]
    n_posts = n_distinct(facts.post[rows])
    if n_posts < MIN_POSTS:
        posts = "1 post was" if n_posts == 1 else f"{n_posts} posts were"
        return Reading(name=NAME, family=FAMILY, absent=f"Only {posts} read; company takes {MIN_POSTS}.")
    rows = rows[np.lexsort((facts.post[rows], facts.author[rows]))]
    group_size, n_authors = _Visits(facts.author[rows], facts.post[rows]).group_sizes()
    chance, pull = chances(group_size, n_authors=n_authors)
    mask, strength = np.zeros(len(facts), bool), np.zeros(len(facts), np.int64)
    mask[rows], strength[rows] = True, np.where(group_size > 1, group_size, 0)
    each = np.full(len(rows), ONE)
    ratio = Ratio(
        by="author",
        clusters=facts.author[rows],
        top=scaled(chance, each),
        bottom=each,
        pull=scaled(pull, each),
        prior=ONE,
    )
    return Reading(name=NAME, family=FAMILY, ratio=ratio, rows=mask, strength=strength)


class _Visits:
    """Who was seen under which post: one row a pair, ordered by author, then post."""

    def __init__(self, author: Keys, post: Keys) -> None:
        start = np.concatenate(([True], author[1:] != author[:-1]))
        self.starts = np.flatnonzero(start)
        self.counts = np.diff(np.append(self.starts, len(author)))
        self.author = np.cumsum(start) - 1
        _, self.post, n_visitors = np.unique(post, return_inverse=True, return_counts=True)
        self.popularity = n_visitors / len(author)
        self.key = post

    def group_sizes(self) -> tuple[Whole, int]:
        """Return for each visit how many are in its author's group (1: no group), and how many authors."""
        often = np.flatnonzero(self.counts >= MIN_TOGETHER)
        lowest = np.arange(len(self.counts))
        if len(often) >= MIN_GROUP:
            one, other = self._candidates(often)
            linked = self._together(one, other, n_often=len(often))
            lowest = joined(len(lowest), one[linked], other[linked])
        size = np.bincount(lowest, minlength=len(lowest))[lowest]
        return np.where(size >= MIN_GROUP, size, 1)[self.author], len(lowest)

    def _candidates(self, often: Rows) -> tuple[Rows, Rows]:
        pairs = []
        for band in range(N_BANDS):
            first, second = (self._minima(2 * band + i)[often] for i in range(2))
            low, high = neighbours(mix(first, second))
            pairs.append((often[low], often[high]))
        return unique_pairs(pairs, len(self.counts))

    def _minima(self, seed: int) -> Keys:
        return np.minimum.reduceat(mix(np.full_like(self.key, seed + 1), self.key), self.starts)

    def _together(self, one: Rows, other: Rows, *, n_often: int) -> NDArray[np.bool_]:
        shared = self._shared(one, other)
        both = self.counts[one] + self.counts[other] - shared
        # Judged from the side of fewer posts: theirs are what would have to coincide.
        fewer = np.where(self.counts[one] <= self.counts[other], one, other)
        more = one + other - fewer
        likely = self._mean_chance(fewer, self.counts[more])
        surprise = self.counts[fewer] * _divergence(shared / self.counts[fewer], likely)
        clear = surprise > np.log(n_often / LINKS_BY_CHANCE)
        return clear & (shared >= MIN_TOGETHER) & (shared >= MIN_OVERLAP * both)

    def _shared(self, one: Rows, other: Rows) -> Whole:
        pair, post = self._posts(np.concatenate((one, other)))
        key = np.sort((pair % max(len(one), 1)) * np.int64(len(self.popularity)) + post)
        twice = key[1:][key[1:] == key[:-1]]
        return np.bincount(twice // len(self.popularity), minlength=len(one))

    def _mean_chance(self, authors: Rows, n_posts: Whole) -> NDArray[np.float64]:
        pair, post = self._posts(authors)
        chance = np.minimum(n_posts[pair] * self.popularity[post], 1.0)
        return np.bincount(pair, chance, minlength=len(authors)) / np.maximum(self.counts[authors], 1)

    def _posts(self, authors: Rows) -> tuple[Rows, Rows]:
        counts = self.counts[authors]
        pair = np.repeat(np.arange(len(authors)), counts)
        within = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
        return pair, self.post[self.starts[authors][pair] + within]


def _divergence(seen: NDArray[np.float64], likely: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return KL(seen || likely) of two chances; 0 where no more was seen than is likely."""
    likely = np.clip(likely, 1e-12, 1.0 - 1e-12)
    rest = np.maximum(1.0 - seen, 1e-300)
    kl = seen * np.log(np.maximum(seen, 1e-300) / likely) + (1.0 - seen) * np.log(rest / (1.0 - likely))
    return np.where(seen > likely, kl, 0.0)
