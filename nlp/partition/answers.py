"""Which of the creators' replies say nothing new, told by the parts of other rows that they lie in."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.partition.spill import Spill
from plaudit.signals.answers import echoes
from plaudit.signals.keys import Keys

_COLUMNS: Final = ("key", "creator", "text", "n_letters", "passages")


class Answers:
    """Gathers creators' replies, then finds the echoes: all replies of some creators at a time.

    One creator's fit into memory, some 80 bytes each: nobody answers a hundred million comments.
    """

    def __init__(self, folder: Path, *, n_parts: int) -> None:
        """Prepare; `folder` is for nothing else."""
        self._folder, self._n_parts = folder, n_parts
        self._said = Spill(folder / "said", n_parts=n_parts)

    def add(self, replies: pa.Table, part: NDArray[np.int64]) -> None:
        """Add replies, with `text` as that of a section, and the part of other rows that each lies in."""
        rows = replies.select(list(_COLUMNS)).append_column("part", pa.array(part))
        self._said.add(rows, _keys(rows, "creator"))

    def settle(self) -> Spill:
        """Return the keys of the echoes, in parts as they were named; to be asked once."""
        found = Spill(self._folder / "found", n_parts=self._n_parts)
        for rows in self._said.parts():
            rows = rows.take(pa.array(np.argsort(_keys(rows, "key")))).combine_chunks()
            echoed = echoes(
                _keys(rows, "creator"),
                _keys(rows, "text"),
                n_letters=rows.column("n_letters").to_numpy(),
                passages=rows.column("passages").combine_chunks(),
            )
            repeats = rows.filter(pa.array(echoed))
            found.put(repeats.select(["key"]), repeats.column("part").to_numpy())
        return found


def _keys(rows: pa.Table, name: str) -> Keys:
    return rows.column(name).to_numpy()
