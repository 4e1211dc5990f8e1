"""Rows on disk, in parts that each fit into memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.signals.keys import Keys, mix

PART_ROWS: Final = 1 << 17
"""Rows a part should hold: measuring them takes some 100 MB."""

THIN: Final = 4
"""Times as many rows are held at once where they are a few numbers each."""

_BUFFER_BYTES: Final = 12 << 20  # gathered before it is cut; a part then gets some 100 kB at a time
_SEED: Final = np.uint64(0x51ED_270B_9F6C_1A2D)


class Spill:
    """Takes rows with the number of their part, gives them back part by part, each in the order it came."""

    def __init__(self, folder: Path, *, n_parts: int) -> None:
        """Prepare.

        Args:
            folder: For nothing else; made here.
            n_parts: At least 1.
        """
        self._folder, self.n_parts = folder, n_parts
        self._waiting: list[pa.Table] = []
        self._parts: list[NDArray[np.int64]] = []
        self._n_bytes = 0
        folder.mkdir(parents=True)

    def add(self, rows: pa.Table, keys: Keys) -> None:
        """Append rows; those of equal keys fall into the same part."""
        self.put(rows, part_of(keys, self.n_parts))

    def put(self, rows: pa.Table, part: NDArray[np.int64]) -> None:
        """Append rows to the parts named, from 0."""
        if len(rows):
            self._waiting.append(rows)
            self._parts.append(part)
            self._n_bytes += rows.nbytes
        if self._n_bytes >= _BUFFER_BYTES:
            self._flush()

    def parts(self) -> Iterator[pa.Table]:
        """Yield each part that holds any rows, and forget it."""
        for _, path in self.files():
            yield pa.concat_tables(streams_of(path)).combine_chunks()

    def part(self, number: int) -> pa.Table | None:
        """Return one part, None where it holds no rows, and forget it."""
        whole = list(self.blocks(number, n_rows=None))  # to its end, where the file goes
        return whole[0] if whole else None

    def blocks(self, number: int, *, n_rows: int | None, again: bool = False) -> Iterator[pa.Table]:
        """Yield the rows of one part, some at a time in the order they came, and forget it.

        Args:
            number: Of the part.
            n_rows: At least so many at a time; None for all.
            again: Whether it is wanted once more, so that it is kept.
        """
        self._flush()
        path = self._path(number)
        if not path.exists():
            return
        waiting: list[pa.Table] = []
        n_waiting = 0
        for rows in streams_of(path):
            waiting.append(rows)
            n_waiting += len(rows)
            if n_rows is not None and n_waiting >= n_rows:
                yield pa.concat_tables(waiting).combine_chunks()
                waiting, n_waiting = [], 0
        if waiting:
            yield pa.concat_tables(waiting).combine_chunks()
        if not again:
            path.unlink()

    def files(self) -> Iterator[tuple[int, Path]]:
        """Yield the number and file of each part that holds any rows, and delete it."""
        self._flush()
        for number in range(self.n_parts):
            path = self._path(number)
            if path.exists():
                yield number, path
                path.unlink()
        self._folder.rmdir()

    def _flush(self) -> None:
        if not self._waiting:
            return
        rows = pa.concat_tables(self._waiting)
        part = np.concatenate(self._parts)
        self._waiting, self._parts, self._n_bytes = [], [], 0
        rows = rows.take(pa.array(np.argsort(part, kind="stable"))).combine_chunks()
        ends = np.cumsum(np.bincount(part, minlength=self.n_parts))
        for number, (start, end) in enumerate(zip([0, *ends.tolist()], ends.tolist(), strict=False)):
            if end > start:
                _append(self._path(number), rows.slice(start, end - start))

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:05d}"


def part_of(keys: Keys, n_parts: int) -> NDArray[np.int64]:
    """Return the part of each key, spread evenly whatever the keys' low bits say."""
    mixed = mix(keys, np.full_like(keys, _SEED))
    return ((mixed >> np.uint64(32)) % np.uint64(n_parts)).astype(np.int64)


def n_parts_for(n_rows: int, *, part_rows: int = PART_ROWS) -> int:
    """Return into how many parts so many rows should be cut."""
    return max(1, -(-n_rows // part_rows))


def _append(path: Path, rows: pa.Table) -> None:
    with path.open("ab") as file, pa.ipc.new_stream(file, rows.schema) as writer:
        writer.write_table(rows)


def streams_of(path: Path) -> Iterator[pa.Table]:
    """Yield the tables of a file of Arrow streams one behind the other."""
    with pa.OSFile(os.fsencode(path), "rb") as file:  # as text it takes UTF-8 only
        while file.tell() < file.size():
            yield pa.ipc.open_stream(file).read_all()
