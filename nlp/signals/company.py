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
from plaudit.signals.keys import Keys, count_of, first_of, mix
from plaudit.signals.section import NO_AUTHORS, Reading, Section, scaled

FAMILY: Final = "behaviour"
NAME: Final = "co_commenting"
MIN_POSTS: Final = 5
MIN_TOGETHER: Final = 3
MIN_GROUP: Final = 4
MIN_OVERLAP: Final = 0.5
LINKS_BY_CHANCE: Final = 0.1
N_BANDS: Final = 8


def read(section: Section) -> Reading:
    """Read how much of the section groups of companions wrote."""
    if not section.has_authors:
        return no_authors()
    facts, rows = section.facts, visits(section)
    posts, n_visitors = np.unique(facts.post[rows], return_counts=True)
    if len(posts) < MIN_POSTS:
        return too_few(len(posts))
    often = rows[is_often(facts.author[rows])]
    size = np.ones(len(facts), np.int64)
    size[often] = group_sizes(facts.author[often], facts.post[often], posts=posts, n_visitors=n_visitors)
    mask, strength = np.zeros(len(facts), bool), np.zeros(len(facts), np.int64)
    mask[rows], strength[rows] = True, np.where(size[rows] > 1, size[rows], 0)
    ratio = ratio_of(facts.author[rows], size[rows], n_authors=n_distinct(facts.author[rows]))
    return Reading(name=NAME, family=FAMILY, ratio=ratio, rows=mask, strength=strength)


def visits(section: Section) -> Rows:
    """Return the rows that are the first of a known author under a post."""
    facts = section.facts
    rows = np.flatnonzero(section.audience & (facts.author != 0))
    return rows[first_of(mix(facts.author[rows], facts.post[rows]))]


def is_often(author: Keys) -> NDArray[np.bool_]:
    """Say of each visit whether its author made enough of them to have companions."""
    return count_of(author) >= MIN_TOGETHER


def no_authors() -> Reading:
    """Return the reading of comments by nobody knows whom."""
    return Reading(name=NAME, family=FAMILY, absent=NO_AUTHORS, hidden=True)


def too_few(n_posts: int) -> Reading:
    """Return the reading of too few posts."""
    posts = "1 post was" if n_posts == 1 else f"{n_posts} posts were"
    return Reading(name=NAME, family=FAMILY, absent=f"Only {posts} read; company takes {MIN_POSTS}.")


def ratio_of(author: Keys, group_size: Whole, *, n_authors: int) -> Ratio:
    """Return the ratio over some visits, where `n_authors` made all visits."""
    chance, pull = chances(group_size, n_authors=n_authors)
    each = np.full(len(author), ONE)
    return Ratio(
        by="author",
        clusters=author,
        top=scaled(chance, each),
        bottom=each,
        pull=scaled(pull, each),
        prior=ONE,
    )


def group_sizes(author: Keys, post: Keys, *, posts: Keys, n_visitors: Whole) -> Whole:
    """Return for each visit how many are in its author's group; 1: no group.

    Args:
        author: Of the visits of all who are often here, each post once.
        post: Of the same visits.
        posts: All posts, ascending.
        n_visitors: How many visits each had by anybody.
    """
    order = np.lexsort((post, author))
    size = np.ones(len(author), np.int64)
    if len(order):
        chance = n_visitors[np.searchsorted(posts, post[order])] / n_visitors.sum()
        size[order] = Visits(author[order], post[order], chance).group_sizes()
    return size


class Visits:
    """Under which posts some authors were seen: one row a pair, ordered by author, then post."""

    def __init__(self, author: Keys, post: Keys, chance: NDArray[np.float64]) -> None:
        """Take pairs, and of each the share of all visits that its post had."""
        start = np.concatenate(([True], author[1:] != author[:-1]))
        self.starts = np.flatnonzero(start)
        self.counts = np.diff(np.append(self.starts, len(author)))
        self.author = np.cumsum(start) - 1
        self.post, self.chance = post, chance

    def group_sizes(self) -> Whole:
        """Return for each visit how many are in its author's group; 1: no group."""
        lowest = np.arange(len(self.counts))
        if len(lowest) >= MIN_GROUP:
            one, other = self._candidates()
            linked = self.together(one, other, n_often=len(lowest))
            lowest = joined(len(lowest), one[linked], other[linked])
        size = np.bincount(lowest, minlength=len(lowest))[lowest]
        return np.where(size >= MIN_GROUP, size, 1)[self.author]

    def _candidates(self) -> tuple[Rows, Rows]:
        return unique_pairs([neighbours(self.band(i)) for i in range(N_BANDS)], len(self.counts))

    def band(self, number: int) -> Keys:
        """Return a key of each author's posts that those who share most of them are likely to share."""
        return mix(*(self._minima(2 * number + i) for i in range(2)))

    def _minima(self, seed: int) -> Keys:
        return np.minimum.reduceat(mix(np.full_like(self.post, seed + 1), self.post), self.starts)

    def together(self, one: Rows, other: Rows, *, n_often: int) -> NDArray[np.bool_]:
        """Say which pairs of authors, by place, are companions, among so many who are often here."""
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
        pair, visit = self._visits(np.concatenate((one, other)))
        posts, post = np.unique(self.post, return_inverse=True)
        key = np.sort((pair % max(len(one), 1)) * np.int64(len(posts)) + post[visit])
        twice = key[1:][key[1:] == key[:-1]]
        return np.bincount(twice // len(posts), minlength=len(one))

    def _mean_chance(self, authors: Rows, n_posts: Whole) -> NDArray[np.float64]:
        pair, visit = self._visits(authors)
        chance = np.minimum(n_posts[pair] * self.chance[visit], 1.0)
        return np.bincount(pair, chance, minlength=len(authors)) / np.maximum(self.counts[authors], 1)

    def _visits(self, authors: Rows) -> tuple[Rows, Rows]:
        counts = self.counts[authors]
        pair = np.repeat(np.arange(len(authors)), counts)
        within = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
        return pair, self.starts[authors][pair] + within


def _divergence(seen: NDArray[np.float64], likely: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return KL(seen || likely) of two chances; 0 where no more was seen than is likely."""
    likely = np.clip(likely, 1e-12, 1.0 - 1e-12)
    rest = np.maximum(1.0 - seen, 1e-300)
    kl = seen * np.log(np.maximum(seen, 1e-300) / likely) + (1.0 - seen) * np.log(rest / (1.0 - likely))
    return np.where(seen > likely, kl, 0.0)
