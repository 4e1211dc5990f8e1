"""Numbers for some rows of a long table: told in any order, read in the order of the rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.partition.spill import THIN, Spill, n_parts_for
from plaudit.signals.keys import Keys


class Placed:
    """Takes numbers with the place of their row, gives them back row after row."""

    def __init__(self, folder: Path, *, n: int, part_rows: int) -> None:
        """Prepare for n rows; `folder` is for nothing else."""
        self._size = THIN * part_rows
        self._spill = Spill(folder, n_parts=n_parts_for(n, part_rows=self._size))
        self._block: Keys = np.empty(0, np.uint64)
        self._at, self._n_blocks = 0, 0

    def put(self, rows: NDArray[np.int64], numbers: Keys) -> None:
        """Tell the numbers of some rows, each at most once."""
        self._spill.put(pa.table({"row": rows, "number": numbers}), rows // self._size)

    def take(self, n: int) -> Keys:
        """Return the numbers of the next n rows, 0 where none was told; all have been told by then."""
        found = [np.empty(0, np.uint64)]
        while n:
            if self._at == len(self._block):
                self._next()
            some = self._block[self._at : self._at + n]
            found.append(some)
            self._at, n = self._at + len(some), n - len(some)
        return np.concatenate(found)

    def _next(self) -> None:
        self._block, self._at = np.zeros(self._size, np.uint64), 0
        part = self._spill.part(self._n_blocks)
        if part is not None:
            place = part.column("row").to_numpy() - self._n_blocks * self._size
            self._block[place] = part.column("number").to_numpy()
        self._n_blocks += 1
