"""Pairing the rows of buckets that need not fit into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from plaudit.signals.grouping import Rows, neighbours
from plaudit.signals.keys import order_of


def paired(blocks: Iterable[pa.Table]) -> Iterator[tuple[pa.Table, Rows, Rows]]:
    """Pair rows with the first of their bucket and with the one before them there, as `grouping.neighbours`.

    Args:
        blocks: All rows of some buckets, some at a time, ascending by "row"; "bucket" tells which.

    Yields:
        A table of rows, and the places there of the lower and the higher one of each pair; some twice.
    """
    before: pa.Table | None = None
    for block in blocks:
        # Of what came before, the first and the last of each bucket are all that later ones can meet.
        rows = block if before is None else pa.concat_tables([*_ends(before), block]).combine_chunks()
        low, high = neighbours(rows.column("bucket").to_numpy())
        number = rows.column("row").to_numpy()
        apart = number[low] != number[high]
        yield rows, low[apart], high[apart]
        before = rows


def _ends(rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    bucket = rows.column("bucket").to_numpy()
    order = order_of(bucket)
    change = np.flatnonzero(bucket[order][1:] != bucket[order][:-1])
    first, last = np.concatenate(([0], change + 1)), np.append(change, len(order) - 1)
    return rows.take(pa.array(order[first])), rows.take(pa.array(order[last]))
