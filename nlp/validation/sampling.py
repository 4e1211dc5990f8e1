"""Parts of a post: some of its authors, or some of its threads, whole."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from plaudit.facts import Facts

Unit = Literal["author", "thread"]

_MOST_STEPS = 64  # up a thread; deeper ones are cut into pieces rather than followed forever


def clusters(facts: Facts, *, by: Unit) -> NDArray[np.uint64]:
    """Return the author or the thread of each comment.

    A comment without an author is a cluster of its own. Replies whose parent is not there form a thread
    together; so does a circle of replies.
    """
    if by == "author":
        return np.where(facts.author != 0, facts.author, facts.key)
    return roots(facts.key, facts.parent)


def roots(key: NDArray[np.uint64], parent: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the key that each comment's thread hangs on; `parent` is 0 at top level."""
    order = np.argsort(key)
    ascending = key[order]
    root = np.where(parent != 0, parent, key)
    for _ in range(_MOST_STEPS):
        at = order[np.minimum(np.searchsorted(ascending, root), max(len(key) - 1, 0))]
        up = np.where((key[at] == root) & (parent[at] != 0), parent[at], root)
        if (up == root).all():
            break
        root = up
    return root


class Sampler:
    """Draws parts of one post.

    Args:
        facts: Of the post.
        by: What is drawn whole. By author, the creator's comments stay out, as they are nobody's of the
            audience; by thread, they come with theirs.
    """

    def __init__(self, facts: Facts, *, by: Unit) -> None:
        self.facts = facts if by == "thread" else facts.take(~facts.is_creator)
        keys, self._cluster = np.unique(clusters(self.facts, by=by), return_inverse=True)
        self.n_clusters = len(keys)
        self._sizes = np.bincount(self._cluster[~self.facts.is_creator], minlength=len(keys))

    @property
    def n_comments(self) -> int:
        """Comments of the audience."""
        return int(self._sizes.sum())

    def share(self, share: float, random: np.random.RandomState) -> Facts:
        """Draw a share of the clusters, at least one."""
        return self._first(random.permutation(self.n_clusters), max(int(share * self.n_clusters), 1))

    def comments(self, n: int, random: np.random.RandomState) -> Facts:
        """Draw clusters until they hold n comments of the audience."""
        order = random.permutation(self.n_clusters)
        return self._first(order, int(np.searchsorted(np.cumsum(self._sizes[order]), n)) + 1)

    def halves(self, random: np.random.RandomState) -> tuple[Facts, Facts]:
        """Divide the clusters into two halves."""
        order = random.permutation(self.n_clusters)
        half = self.n_clusters // 2
        return self._first(order, half), self._first(order[half:], self.n_clusters - half)

    def _first(self, order: NDArray[np.intp], n: int) -> Facts:
        drawn = np.zeros(self.n_clusters, bool)
        drawn[order[:n]] = True
        return self.facts.take(drawn[self._cluster])
