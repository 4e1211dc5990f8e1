"""Facts that stay off the machine that asked: in files of a place that all machines of a cluster share.

Who labels a batch writes its facts; tasks cut them by group; other tasks measure the groups. What comes here
are names of files, and findings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from plaudit.facts import FACTS_SCHEMA
from plaudit.index import NAME_COLUMNS
from plaudit.partition.filed import pack, unpack
from plaudit.partition.groups import names_of
from plaudit.partition.spill import part_of
from plaudit.partition.stored import Stored
from plaudit.service.cluster_place import Place

_DOUBLES: Final = ".doubles"


class FactFile(NamedTuple):
    """A batch's facts: the file, its comments but for doubles, and whether it has any."""

    name: str
    n: int
    has_doubles: bool


def write_facts(place: Place, name: str, table: pa.Table) -> None:
    """Write the facts of a batch.

    Raises:
        StorageError: The place can't be written.
    """
    sink = pa.BufferOutputStream()
    pack(sink, table)
    place.write(name, sink.getvalue().to_pybytes())


class SharedFacts:
    """Facts in files of a place, in order; each key is there once."""

    def __init__(self, place: Place, files: Sequence[FactFile] = ()) -> None:
        """Name the files that are there already."""
        self._place, self._files = place, list(files)

    def add(self, name: str, *, n: int, doubles: NDArray[np.uint64]) -> None:
        """Append a file that was written, of n comments besides those whose keys an earlier file has.

        Raises:
            StorageError: The place can't be written.
        """
        if len(doubles):
            self._place.write(name + _DOUBLES, doubles.tobytes())
        self._files.append(FactFile(name, n, bool(len(doubles))))

    def __len__(self) -> int:
        return sum(file.n for file in self._files)

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield a table a file."""
        return (self._table(file, columns) for file in self._files)

    def pieces(self, n_rows: int) -> list[SharedFacts]:
        """Return all facts in pieces of at least so many rows, but for the last."""
        found: list[SharedFacts] = []
        waiting = SharedFacts(self._place)
        for file in self._files:
            waiting._files.append(file)
            if len(waiting) >= n_rows:
                found.append(waiting)
                waiting = SharedFacts(self._place)
        return [*found, waiting] if waiting._files else found

    def _table(self, file: FactFile, columns: Sequence[str]) -> pa.Table:
        if not file.has_doubles:
            with self._place.open(file.name) as opened:
                return unpack(opened, columns=columns)
        with self._place.open(file.name) as opened:
            table = unpack(opened, columns=list(dict.fromkeys([*columns, "key"])))
        with self._place.open(file.name + _DOUBLES) as opened:
            doubles = pa.array(np.frombuffer(opened.read(), np.uint64))
        return table.filter(pc.invert(pc.is_in(table.column("key"), value_set=doubles))).select(columns)


def cut(facts: Stored, place: Place, name: str, *, by: str, n_parts: int) -> NDArray[np.int64]:
    """Write facts part by part into one file, all of a group in the same part.

    Args:
        facts: As many as memory holds.
        place: Where.
        name: Of the file.
        by: "post" or "creator".
        n_parts: At least 1.

    Returns:
        Where in the file each part ends; a column more: its rows. Shape (n_parts, 2).
    """
    tables = list(facts.tables(FACTS_SCHEMA.names))
    part = np.concatenate([part_of(names_of(rows, NAME_COLUMNS[by]), n_parts) for rows in tables])
    rows = pa.concat_tables(tables).take(pa.array(np.argsort(part, kind="stable"))).combine_chunks()
    del tables
    counts = np.bincount(part, minlength=n_parts)
    sink, ends = pa.BufferOutputStream(), np.zeros(n_parts, np.int64)
    starts = np.cumsum(counts) - counts
    for number in range(n_parts):
        if counts[number]:
            with pa.ipc.new_stream(sink, rows.schema) as writer:
                writer.write_table(rows.slice(starts[number], counts[number]))
        ends[number] = sink.tell()
    place.write(name, sink.getvalue().to_pybytes())
    return np.stack((ends, counts), axis=1)


class PartFacts:
    """The facts of one part of what several `cut` wrote."""

    def __init__(self, place: Place, slices: Sequence[tuple[str, int, int]], *, n: int) -> None:
        """Name the slices: file, start, end; and how many rows they hold together."""
        self._place, self._slices, self._n = place, tuple(slices), n

    def __len__(self) -> int:
        return self._n

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield a table a slice."""
        for name, start, end in self._slices:
            with self._place.open(name) as opened:
                opened.seek(start)
                data: Any = opened.read(end - start)
            yield pa.ipc.open_stream(data).read_all().select(columns)
