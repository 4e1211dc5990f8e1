"""Times that were cut to a day or an hour, and written as if they were exact ("2021-11-18 00:00:00").

Spreadsheets and data frames write dates so. What tells them is that all lie whole hours apart: of `LEAST`
times to the second that happens once in 3600**19. They are no exact times: a day's comments would be one
burst, and an answer of the same day would take no time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.signals.keys import Keys

HOUR_MS: Final = 3_600_000
LEAST: Final = 20
"""Times of a post, or of all posts together, that can be told to be rounded."""

_NONE: Final = np.empty(0, np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding:
    """Which posts have rounded times; false where none has.

    Attributes:
        everywhere: Whether all times of the section lie whole hours apart, however few a post has.
        posts: Else those whose own do, ascending.
    """

    everywhere: bool = False
    posts: Keys = field(default_factory=lambda: _NONE)

    @classmethod
    def of(cls, post: Keys, time: NDArray[np.int64]) -> Rounding:
        """Look at all times of a section that are said to be exact, in Unix milliseconds, and their posts."""
        if len(time) < LEAST:
            return cls()
        rest = time % HOUR_MS
        if (rest == rest[0]).all():
            return cls(everywhere=True)
        return cls(posts=Hours.of(post, time).rounded())

    def __bool__(self) -> bool:
        return self.everywhere or len(self.posts) > 0

    def marks(self, post: Keys) -> NDArray[np.bool_]:
        """Say of each comment, by its post, whether its time is rounded, should it have one."""
        return np.full(len(post), True) if self.everywhere else np.isin(post, self.posts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """How far the times of some posts lie beyond their full hours; one row a post, ascending.

    Attributes:
        post: The posts.
        low: The least of it, in milliseconds.
        high: The greatest.
        n: Times.
    """

    post: Keys
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    n: NDArray[np.int64]

    @classmethod
    def of(cls, post: Keys, time: NDArray[np.int64]) -> Hours:
        """Look at the times of some posts."""
        rest = time % HOUR_MS
        return cls.joined(post, rest, rest, np.ones(len(rest), np.int64))

    @classmethod
    def joined(
        cls, post: Keys, low: NDArray[np.int64], high: NDArray[np.int64], n: NDArray[np.int64]
    ) -> Hours:
        """Join rows, of which several may be of one post."""
        if not len(post):
            return cls(post=post, low=low, high=high, n=n)
        order = np.argsort(post)
        posts = post[order]
        starts = np.flatnonzero(np.concatenate(([True], posts[1:] != posts[:-1])))
        return cls(
            post=posts[starts],
            low=np.minimum.reduceat(low[order], starts),
            high=np.maximum.reduceat(high[order], starts),
            n=np.add.reduceat(n[order], starts),
        )

    def rounded(self) -> Keys:
        """Return the posts of which that tells that their times are rounded."""
        return self.post[(self.n >= LEAST) & (self.low == self.high)]
