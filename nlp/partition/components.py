"""What hangs together over links that need not fit into memory.

Large stars and small stars by turns (Kiveris et al. 2014): each number hands its higher neighbours, then its
lower ones, to the lowest it knows, until all that hang together have but one neighbour, the lowest of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.partition.counting import lowest
from plaudit.partition.spill import THIN, Spill, n_parts_for
from plaudit.signals.grouping import Rows
from plaudit.signals.keys import Keys

_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(2**32 - 1)


class Links:
    """Takes links between numbers, tells of each linked number the lowest that it hangs together with."""

    def __init__(self, folder: Path, *, n: int, part_rows: int) -> None:
        """Prepare for numbers below n, at most 2**32; `folder` is for nothing else."""
        self._folder, self._n_rows = folder, THIN * part_rows
        self._n_parts = n_parts_for(n, part_rows=self._n_rows)
        self._n_spills = 0
        self._links = self._spill()

    def add(self, one: Rows, other: Rows) -> None:
        """Add links between different numbers, the higher second."""
        self._put(self._links, other, one)

    def lowest(self) -> Iterator[tuple[Rows, Rows]]:
        """Yield the linked numbers that have a lower one, each once, and that; to be asked once."""
        while self._large_stars():
            self._small_stars()
        for part in self._links.parts():
            number, first = np.unique(part.column("one").to_numpy(), return_index=True)
            yield number.astype(np.int64), part.column("other").to_numpy()[first].astype(np.int64)

    def _large_stars(self) -> bool:
        """Link higher neighbours to the lowest; return False where that changed nothing."""
        both, changed = self._spill(), False
        for part in self._links.parts():
            high, low = (column.to_numpy() for column in part.columns)
            self._put(both, high, low)
            self._put(both, low, high)
        self._links = self._spill()
        for one, other, least in self._around(both):
            changed |= bool(((least < one) & (other != least)).any())
            higher = other > one
            self._put(self._links, other[higher], least[higher])
        return changed

    def _small_stars(self) -> None:
        links, self._links = self._links, self._spill()
        for one, other, least in self._around(links):
            self._put(self._links, one, least)
            apart = other != least
            self._put(self._links, other[apart], least[apart])

    def _around(self, links: Spill) -> Iterator[tuple[Keys, Keys, Keys]]:
        """Yield links with the lowest of each first number and all its neighbours."""
        for number in range(self._n_parts):
            numbers, least = np.empty(0, np.uint64), np.empty(0, np.uint64)
            for block in links.blocks(number, n_rows=self._n_rows, again=True):
                one, other = (column.to_numpy() for column in block.columns)
                together = np.concatenate((numbers, one)), np.concatenate((least, np.minimum(one, other)))
                numbers, least = lowest(*together)
            for block in links.blocks(number, n_rows=self._n_rows):
                one, other = (column.to_numpy() for column in block.columns)
                yield one, other, least[np.searchsorted(numbers, one)]

    def _put(self, spill: Spill, one: NDArray[Any], other: NDArray[Any]) -> None:
        pairs = np.sort((one.astype(np.uint64) << _HALF) | other.astype(np.uint64))
        pairs = pairs[np.concatenate(([True], pairs[1:] != pairs[:-1]))] if len(pairs) else pairs
        one, other = pairs >> _HALF, pairs & _LOW
        spill.add(pa.table({"one": one, "other": other}), one)

    def _spill(self) -> Spill:
        self._n_spills += 1
        return Spill(self._folder / f"links {self._n_spills}", n_parts=self._n_parts)
