"""The thread of every reply, found among the replies alone: a thread is known by the key it hangs on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plaudit.signals.keys import Keys, row_of
from plaudit.signals.threads import climb


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestry:
    """What 16 bytes a reply tell.

    Attributes:
        keys: Of the replies, ascending.
        threads: Key of the comment at the top of each, here or missing; its own where it stands there itself.
        n_looped: Replies whose parents lead in a circle; they stand at top level.
    """

    keys: Keys
    threads: Keys
    n_looped: int

    @classmethod
    def of(cls, keys: Keys, parents: Keys) -> Ancestry:
        """Follow the parents of replies, in any order; none is its own parent."""
        order = np.argsort(keys)
        keys, parents = keys[order], parents[order]
        up = row_of(parents, keys)
        np.copyto(up, np.arange(len(up)), where=up < 0)
        root, looped = climb(up)
        threads = parents[root]
        threads[looped] = keys[looped]
        return cls(keys=keys, threads=threads, n_looped=int(np.count_nonzero(looped)))

    def place(self, keys: Keys, parents: Keys) -> tuple[Keys, NDArray[np.bool_]]:
        """Return the thread of comments, and which of them are replies."""
        thread, is_reply = keys.copy(), np.zeros(len(keys), bool)
        asked = np.flatnonzero((parents != 0) & (parents != keys))
        thread[asked] = self.threads[np.searchsorted(self.keys, keys[asked])]
        is_reply[asked] = thread[asked] != keys[asked]
        return thread, is_reply
