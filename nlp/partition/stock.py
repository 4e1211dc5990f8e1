"""The word triples that many use, where memory need not hold them: `signals.stock`, some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.partition.spill import THIN, Spill
from plaudit.signals.grouping import Rows, Whole
from plaudit.signals.keys import Keys
from plaudit.signals.stock import Chances, Common, Triples, used

MOST_COMMON: Final = 1 << 21
"""Triples that many use, up to which they are held; of more, each part of the comments is told its own."""

_N_TRIPLES: Final = 1 << 20  # looked at in one go


class Stock:
    """Gathers what people say, part by part; then tells each part how common its triples are."""

    def __init__(self, folder: Path, *, n_parts: int, part_rows: int) -> None:
        """Prepare; `folder` is for nothing else."""
        self._folder, self._n_parts, self._n_rows = folder, n_parts, THIN * part_rows
        self._used = Spill(folder / "used", n_parts=n_parts)
        self._n_authors = 0
        self._common: Common | None = None
        self._told: Spill | None = None

    def add(self, passages: pa.ListArray, cluster: Keys, rows: Rows, *, is_copy: NDArray[np.bool_]) -> None:
        """Add all comments of some people, as `signals.stock.used` takes them."""
        triples, n_authors = used(passages, cluster, rows, is_copy=is_copy)
        self._n_authors += n_authors
        self._used.add(pa.table({"triple": triples}), triples.astype(np.uint64))

    def settle(self, passages: Callable[[], Iterator[tuple[int, pa.ListArray]]]) -> None:
        """Count; nothing may be added afterwards.

        Args:
            passages: Yields once more those of the comments that count, with the number of their part.
        """
        common, n_common = Spill(self._folder / "common", n_parts=self._n_parts), 0
        for number in range(self._n_parts):
            for part in self._used.blocks(number, n_rows=None):
                found = Common.of(part.column("triple").to_numpy(), n_authors=self._n_authors)
                n_common += len(found.triples)
                rows = pa.table({"triple": found.triples, "n_users": found.n_users})
                common.put(rows, np.full(len(rows), number))
        if n_common <= MOST_COMMON:
            self._common = self._joined(list(common.parts()))
        else:
            self._told = self._tell(common, passages())

    def chances_in(self, number: int) -> Chances:
        """Return what gives the chances of all triples of a part, in the order that `passages` had."""
        if self._told is None:
            return (self._common or self._joined([])).chances
        told = self._told.part(number)

        def chances(triples: Triples) -> Whole:
            found = np.zeros(len(triples), np.int64)
            if told is not None:
                found[told.column("place").to_numpy()] = told.column("chance").to_numpy()
            return found

        return chances

    def _tell(self, common: Spill, passages: Iterator[tuple[int, pa.ListArray]]) -> Spill:
        asks, told = (Spill(self._folder / name, n_parts=self._n_parts) for name in ("asks", "told"))
        for number, some in passages:
            triples = some.flatten().to_numpy()
            for start in range(0, len(triples), _N_TRIPLES):
                block = triples[start : start + _N_TRIPLES]
                place, part = start + np.arange(len(block)), np.full(len(block), number, np.int32)
                asks.add(pa.table({"triple": block, "place": place, "part": part}), block.astype(np.uint64))
        for number in range(self._n_parts):
            known = self._joined(list(common.blocks(number, n_rows=None)))
            for asking in asks.blocks(number, n_rows=_N_TRIPLES):
                chance = known.chances(asking.column("triple").to_numpy())
                answers = asking.select(["place"]).append_column("chance", pa.array(chance))
                there = pa.array(chance > 0)
                told.put(
                    answers.filter(there), asking.column("part").filter(there).to_numpy().astype(np.int64)
                )
        return told

    def _joined(self, parts: list[pa.Table]) -> Common:
        triples = np.concatenate(
            [np.empty(0, np.uint32), *(each.column("triple").to_numpy() for each in parts)]
        )
        n_users = np.concatenate(
            [np.empty(0, np.int64), *(each.column("n_users").to_numpy() for each in parts)]
        )
        order = np.argsort(triples)
        return Common(triples=triples[order], n_users=n_users[order], n_authors=self._n_authors)
