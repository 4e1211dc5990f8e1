"""Which comments were already read: eight bytes a comment, however long the run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]


class SeenKeys:
    """A set of 64-bit keys that only grows, kept as sorted runs of doubling size."""

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def __len__(self) -> int:
        return sum(run.size for run in self._runs)

    def add(self, keys: Keys) -> NDArray[np.bool_]:
        """Add keys, shape (n,); return which are new, the first of equal ones only, shape (n,)."""
        unique, first = np.unique(keys, return_index=True)
        new = np.ones(unique.size, bool)
        for run in self._runs:
            new &= run[np.minimum(np.searchsorted(run, unique), run.size - 1)] != unique
        fresh = np.zeros(keys.size, bool)
        fresh[first[new]] = True
        self._insert(unique[new])
        return fresh

    def _insert(self, run: Keys) -> None:
        while self._runs and self._runs[-1].size <= 2 * run.size:
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        if run.size:
            self._runs.append(run)
