"""The facts of each post or creator, where all of them together need not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.facts import FACTS_SCHEMA, Facts, fingerprints
from plaudit.index import NAME_COLUMNS, split_ordered
from plaudit.partition.counting import KeyCounts
from plaudit.partition.spill import PART_ROWS, Spill, n_parts_for, part_of, streams_of
from plaudit.partition.stored import Stored, Streamed
from plaudit.signals.keys import Keys, row_of

_PARTS_OF_GROUPS: Final = 4  # in a part's place: these rows have all columns, and are copied as they are cut

_COUNTERS: Final = 1 << 20

Group = Facts | Stored
"""A group's facts: in memory, or on disk where there are more of them than a part holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """All facts of some groups, in a file of Arrow streams; whoever has it can measure them.

    Attributes:
        path: The file.
        by: "post" or "creator".
        n: Comments, where all are of one group, which is larger than a part; None for several groups.
    """

    path: Path
    by: str
    n: int | None

    def groups(self) -> Iterator[tuple[str, Group]]:
        """Yield each group by name."""
        if self.n is None:
            facts = Facts.unordered(pa.concat_tables(streams_of(self.path)))
            yield from split_ordered(facts, facts.order(), by=self.by)
        else:
            column = NAME_COLUMNS[self.by]
            group = Streamed(self.path, n=self.n)
            yield next(group.tables([column])).column(0)[0].as_py(), group


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """What `buckets_of` returns; the file of a bucket goes where the next one is asked for."""

    stored: Stored
    folder: Path
    by: str
    part_rows: int

    def __iter__(self) -> Iterator[Bucket]:
        column = NAME_COLUMNS[self.by]
        large, counts = _large(self.stored, column, part_rows=self.part_rows)
        n_shared = _PARTS_OF_GROUPS * n_parts_for(len(self.stored), part_rows=self.part_rows)
        spill = Spill(self.folder, n_parts=n_shared + len(large))
        for rows in self.stored.tables(FACTS_SCHEMA.names):
            names = names_of(rows, column)
            alone = row_of(names, large)
            spill.put(rows, np.where(alone >= 0, n_shared + alone, part_of(names, n_shared)))
        for number, path in spill.files():
            n = int(counts[number - n_shared]) if number >= n_shared else None
            yield Bucket(path=path, by=self.by, n=n)


def buckets_of(stored: Stored, folder: Path, *, by: str, part_rows: int = PART_ROWS) -> Buckets:
    """Return all groups in buckets, to be gone through once.

    Args:
        stored: All facts; each key is there once.
        folder: For nothing else.
        by: "post" or "creator".
        part_rows: About how many rows are looked at together.
    """
    return Buckets(stored=stored, folder=folder, by=by, part_rows=part_rows)


def chosen_of(
    stored: Stored, folder: Path, *, by: str, names: Sequence[str], most: int
) -> Iterator[tuple[str, Group]]:
    """Yield some groups by name, in this order, each before the next is asked for.

    Args:
        stored: All facts; each key is there once.
        folder: For nothing else.
        by: "post" or "creator".
        names: Of the groups.
        most: Comments up to which a group comes in memory.
    """
    column = NAME_COLUMNS[by]
    keys = fingerprints(pa.array(names, pa.string()))
    order = np.argsort(keys)
    counts = np.zeros(len(names), np.int64)
    spill = Spill(folder, n_parts=max(len(names), 1))
    for rows in stored.tables(FACTS_SCHEMA.names):
        place = row_of(names_of(rows, column), keys[order])
        kept = np.flatnonzero(place >= 0)
        chosen = order[place[kept]]
        counts += np.bincount(chosen, minlength=len(names))
        spill.put(rows.take(pa.array(kept)), chosen)
    for number, path in spill.files():
        if counts[number] > most:
            yield names[number], Streamed(path, n=int(counts[number]))
        else:
            yield names[number], Facts.from_table(pa.concat_tables(streams_of(path)))


def _large(stored: Stored, column: str, *, part_rows: int) -> tuple[Keys, NDArray[np.int64]]:
    """Return the names of groups with more than so many rows, ascending, and how many each has.

    Names are counted together first, some thousand a counter: memory does not grow with their number.
    """
    together = np.zeros(_COUNTERS, np.int64)
    for rows in stored.tables([column]):
        together += np.bincount(_counter(names_of(rows, column)), minlength=_COUNTERS)
    sizes = KeyCounts()
    if together.max() > part_rows:
        for rows in stored.tables([column]):
            names = names_of(rows, column)
            sizes.add(names[together[_counter(names)] > part_rows])
    sizes.settle()
    large = sizes.counts > part_rows
    return sizes.keys[large], sizes.counts[large]


def _counter(names: Keys) -> NDArray[np.int64]:
    return part_of(names, _COUNTERS)


def names_of(rows: pa.Table, column: str) -> Keys:
    """Return fingerprints of the names of the rows' groups."""
    return fingerprints(rows.column(column).combine_chunks())
