"""Counting keys that come in parts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.estimate import n_distinct
from plaudit.partition.spill import THIN, Spill
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


class Met:
    """How many of some keys are among others, however many come of either."""

    def __init__(self, folder: Path, *, n_parts: int) -> None:
        """Prepare; `folder` is for nothing else."""
        self._spill = Spill(folder, n_parts=n_parts)

    def add(self, keys: Keys, *, asked: bool) -> None:
        """Add keys to those that are asked for, or to those among which they are looked for."""
        self._spill.add(pa.table({"key": keys, "asked": np.full(len(keys), asked)}), keys)

    def count(self) -> int:
        """Return how many that were asked for are there; to be asked once."""
        n = 0
        for part in self._spill.parts():
            keys, asked = part.column("key").to_numpy(), part.column("asked").to_numpy()
            n += int(np.count_nonzero(np.isin(keys[asked], keys[~asked])))
        return n


class Repeats:
    """Which rows say what one with a lower key says, told by the parts of other rows that they lie in."""

    def __init__(self, folder: Path, *, n_parts: int, part_rows: int) -> None:
        """Prepare; `folder` is for nothing else."""
        self._folder, self._n_rows = folder, THIN * part_rows
        self._said = Spill(folder / "said", n_parts=n_parts)

    def add(self, said: Keys, keys: Keys, part: NDArray[np.int64]) -> None:
        """Add rows: what each says, its key, and the part of other rows that it lies in."""
        self._said.add(pa.table({"said": said, "key": keys, "part": part}), said)

    def settle(self, *, n_parts: int) -> Spill:
        """Return the keys of the repeats, in parts as they were named; to be asked once."""
        found = Spill(self._folder / "found", n_parts=n_parts)
        for number in range(self._said.n_parts):
            said, least = np.empty(0, np.uint64), np.empty(0, np.uint64)
            for block in self._said.blocks(number, n_rows=self._n_rows, again=True):
                one, other = block.column("said").to_numpy(), block.column("key").to_numpy()
                said, least = lowest(np.concatenate((said, one)), np.concatenate((least, other)))
            for block in self._said.blocks(number, n_rows=self._n_rows):
                again = (
                    least[np.searchsorted(said, block.column("said").to_numpy())]
                    != block.column("key").to_numpy()
                )
                repeats = block.filter(pa.array(again))
                found.put(repeats.select(["key"]), repeats.column("part").to_numpy())
        return found


def keys_in(part: pa.Table | None) -> Keys:
    """Return the keys of a part, ascending."""
    return np.empty(0, np.uint64) if part is None else np.sort(part.column("key").to_numpy())


def lowest(keys: Keys, values: Keys) -> tuple[Keys, Keys]:
    """Return the different keys, ascending, and the lowest value of each."""
    order = np.argsort(keys)
    keys, values = keys[order], values[order]
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    return keys[starts], np.minimum.reduceat(values, starts)


def least(keys: Keys, values: NDArray[np.int64], *, n: int) -> tuple[Keys, NDArray[np.int64]]:
    """Return of each key its n lowest values, ascending by both; keys that have fewer are there as often."""
    order = np.lexsort((values, keys))
    keys, values = keys[order], values[order]
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else order
    rank = np.arange(len(keys)) - np.repeat(starts, np.diff(np.append(starts, len(keys))))
    return keys[rank < n], values[rank < n]


def counted(keys: Keys, counts: NDArray[np.int64], more: Keys) -> tuple[Keys, NDArray[np.int64]]:
    """Return different keys, ascending, and how often each was met, with those that were met since."""
    if not len(more):
        return keys, counts
    together = np.concatenate((keys, more))
    order = np.argsort(together)
    together, each = together[order], np.concatenate((counts, np.ones(len(more), np.int64)))[order]
    starts = np.flatnonzero(np.concatenate(([True], together[1:] != together[:-1])))
    return together[starts], np.add.reduceat(each, starts)


def among(keys: Keys, some: Keys) -> NDArray[np.bool_]:
    """Say which keys are among some, which ascend."""
    if not len(some):
        return np.zeros(len(keys), bool)
    return some[np.minimum(np.searchsorted(some, keys), len(some) - 1)] == keys
