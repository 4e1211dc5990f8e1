"""Counting keys that come in parts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.estimate import n_distinct
from plaudit.partition.spill import Spill
from plaudit.signals.keys import Keys, order_of

_MOST_WAITING: Final = 1 << 20


class KeyCounts:
    """How often each key was met; 16 bytes a different key."""

    def __init__(self) -> None:
        self.keys: Keys = np.empty(0, np.uint64)
        self.counts: NDArray[np.int64] = np.empty(0, np.int64)
        self._waiting: list[Keys] = []
        self._n_waiting = 0

    def add(self, keys: Keys) -> None:
        """Count keys."""
        self._waiting.append(keys)
        self._n_waiting += len(keys)
        if self._n_waiting > _MOST_WAITING:
            self.settle()

    def settle(self) -> None:
        """Bring `keys`, ascending, and `counts` up to date."""
        keys = np.concatenate([self.keys, *self._waiting])
        counts = np.concatenate((self.counts, np.ones(len(keys) - len(self.counts), np.int64)))
        order = order_of(keys)
        keys, counts = keys[order], counts[order]
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else order
        self.keys, self.counts = keys[starts], np.add.reduceat(counts, starts) if len(keys) else counts
        self._waiting, self._n_waiting = [], 0


class Distinct:
    """How many different keys there are, and how many of them are marked, however many come."""

    def __init__(self, folder: Path, *, n_parts: int) -> None:
        """Prepare; `folder` is for nothing else."""
        self._spill = Spill(folder, n_parts=n_parts)

    def add(self, keys: Keys, marked: NDArray[np.bool_]) -> None:
        """Add keys; those that are equal are marked alike."""
        self._spill.add(pa.table({"key": keys, "marked": marked}), keys)

    def count(self) -> tuple[int, int]:
        """Return both numbers; to be asked once."""
        n = n_marked = 0
        for part in self._spill.parts():
            keys = part.column("key").to_numpy()
            n += n_distinct(keys)
            n_marked += n_distinct(keys[part.column("marked").to_numpy()])
        return n, n_marked


class Repeats:
    """Which rows say what one with a lower key says; of them alone the keys are held."""

    def __init__(self, folder: Path, *, n_parts: int) -> None:
        """Prepare; `folder` is for nothing else."""
        self._spill = Spill(folder, n_parts=n_parts)

    def add(self, said: Keys, keys: Keys) -> None:
        """Add rows: what each says, and its key."""
        self._spill.add(pa.table({"said": said, "key": keys}), said)

    def keys(self) -> Keys:
        """Return the keys of the repeats, ascending; to be asked once."""
        found = [np.empty(0, np.uint64)]
        for part in self._spill.parts():
            found.append(repeats(part.column("said").to_numpy(), part.column("key").to_numpy()))
        return np.sort(np.concatenate(found))


def repeats(said: Keys, keys: Keys) -> Keys:
    """Return the keys of rows that say what one with a lower key says, ascending."""
    order = np.lexsort((keys, said))
    again = np.flatnonzero(said[order][1:] == said[order][:-1]) + 1
    return np.sort(keys[order[again]])


def among(keys: Keys, some: Keys) -> NDArray[np.bool_]:
    """Say which keys are among some, which ascend."""
    if not len(some):
        return np.zeros(len(keys), bool)
    return some[np.minimum(np.searchsorted(some, keys), len(some) - 1)] == keys
