"""Which comments were already read: eight bytes a comment, however long the run."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]

_N_RANGES: Final = 16  # runs are joined a range at a time, so that a copy is never of all keys
_SHIFT: Final = np.uint64(60)


class SeenKeys:
    """A set of 64-bit keys that only grows, kept as sorted runs of doubling size in each range of keys."""

    def __init__(self) -> None:
        self._ranges = [_Range() for _ in range(_N_RANGES)]

    def __len__(self) -> int:
        return sum(map(len, self._ranges))

    def add(self, keys: Keys) -> NDArray[np.bool_]:
        """Add keys, shape (n,); return which are new, the first of equal ones only, shape (n,)."""
        unique, first = np.unique(keys, return_index=True)
        ends = np.searchsorted(unique >> _SHIFT, np.arange(1, _N_RANGES + 1, dtype=np.uint64))
        start, fresh = 0, np.zeros(keys.size, bool)
        for each, end in zip(self._ranges, ends.tolist(), strict=True):
            if end > start:
                fresh[first[start:end][each.add(unique[start:end])]] = True
            start = end
        return fresh


class _Range:
    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def __len__(self) -> int:
        return sum(run.size for run in self._runs)

    def add(self, unique: Keys) -> NDArray[np.bool_]:
        """Add ascending keys; return which are new."""
        new = np.ones(unique.size, bool)
        for run in self._runs:
            new &= run[np.minimum(np.searchsorted(run, unique), run.size - 1)] != unique
        self._insert(unique[new])
        return new

    def _insert(self, run: Keys) -> None:
        while self._runs and self._runs[-1].size <= 2 * run.size:
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        if run.size:
            self._runs.append(run)
