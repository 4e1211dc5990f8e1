"""The thread of every reply, found among the replies alone: a thread is known by the key it hangs on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.partition.placed import Placed
from plaudit.partition.spill import THIN, Spill, n_parts_for
from plaudit.signals.keys import Keys, row_of


class Ancestry:
    """Follows the parents of replies in steps that double, a part of the replies at a time.

    Each reply lies in a part by its key; what it knows is a key above it, and whether that is the end: the
    comment at the top of the thread, here or missing.
    """

    def __init__(self, folder: Path, *, n: int, part_rows: int) -> None:
        """Prepare for at most n replies; `folder` is for nothing else."""
        self._folder, self._n_rows = folder, THIN * part_rows
        self._n_parts = n_parts_for(n, part_rows=self._n_rows)
        self._n_open = self._n_steps = 0
        self._known = self._spill("known")

    def add(self, keys: Keys, parents: Keys, rows: NDArray[np.int64]) -> None:
        """Add replies, none its own parent: their keys, whom they answer, and the place of their row."""
        self._n_open += len(keys)
        self._know(self._known, keys, parents, rows, np.zeros(len(keys), bool))

    def settle(self, threads: Placed) -> int:
        """Tell the thread of each reply, its own key where parents lead in a circle; return of how many."""
        n_before = 0
        # While any reply leads to an end, those nearest to it come to it in the next step.
        while self._n_open not in (0, n_before):
            n_before = self._n_open
            self._step()
        for part in self._known.parts():
            key, above, row, is_end = (column.to_numpy() for column in part.columns)
            threads.put(row, np.where(is_end, above, key))
        return self._n_open

    def _step(self) -> None:
        self._n_steps += 1
        told, asks, known = self._spill("told"), self._spill("asks"), self._spill("known")
        for part in self._known.parts():
            told.add(part, part.column("key").to_numpy())
            asking = part.filter(pa.array(~part.column("is_end").to_numpy()))
            asks.add(asking, asking.column("above").to_numpy())
        self._known, self._n_open = known, 0
        for number in range(self._n_parts):
            self._answer(told.part(number), asks.blocks(number, n_rows=self._n_rows))

    def _answer(self, told: pa.Table | None, asks: Iterator[pa.Table]) -> None:
        keys, above, is_end = np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, bool)
        if told is not None:
            told = told.take(pa.array(np.argsort(told.column("key").to_numpy()))).combine_chunks()
            keys, above, _, is_end = (column.to_numpy() for column in told.columns)
            self._known.add(told.filter(pa.array(is_end)), keys[is_end])
        above, is_end = np.append(above, np.uint64(0)), np.append(is_end, True)
        for asking in asks:
            key, asked, row, _ = (column.to_numpy() for column in asking.columns)
            at = row_of(asked, keys)  # -1, the last: who is asked is no reply
            reached = is_end[at]
            self._n_open += int(np.count_nonzero(~reached))
            self._know(self._known, key, np.where(at >= 0, above[at], asked), row, reached)

    def _know(
        self, spill: Spill, key: Keys, above: Keys, row: NDArray[np.int64], is_end: NDArray[np.bool_]
    ) -> None:
        spill.add(pa.table({"key": key, "above": above, "row": row, "is_end": is_end}), key)

    def _spill(self, name: str) -> Spill:
        return Spill(self._folder / f"{name} {self._n_steps}", n_parts=self._n_parts)
