"""Tables cut so small that their values fit in memory once each is written out.

A table names a value that many rows share once: a file of a few kilobytes can stand for terabytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

N_ROW_LIMIT: Final = 64 << 20
"""Bytes of one row, as `containers.N_LINE_LIMIT` of a line."""

_N_PIECE: Final = 16 << 20  # bytes
_N_ROWS: Final = 8192
_N_ROW: Final = 16  # bytes of a row that says nothing
_N_ITEM: Final = 64  # bytes of what lies in a list or struct, as an object


_COUNTED: Final = (
    *(pa.types.is_primitive, pa.types.is_null, pa.types.is_decimal),
    *(pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    *(pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary),
)


class Unfit(ValueError):  # noqa: N818 - what is wrong with a table is no fault of the program
    """Says what a table holds that can't be read in bounded memory."""


def is_counted(kind: pa.DataType) -> bool:
    """Return whether values of a type can be counted; others are not read."""
    if isinstance(kind, pa.BaseExtensionType):
        return is_counted(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return not pa.types.is_nested(kind.value_type) and is_counted(kind.value_type)
    if pa.types.is_struct(kind):  # as an object it can't have two parts of a name
        names = {each.name for each in kind}
        return len(names) == kind.num_fields and all(is_counted(each.type) for each in kind)
    if pa.types.is_map(kind):
        return is_counted(kind.key_type) and is_counted(kind.item_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return is_counted(kind.value_type)
    return any(is_kind(kind) for is_kind in _COUNTED)


def pieces(batch: pa.RecordBatch) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Yield the rows of a batch in order, few at a time, with the bytes of their values written out.

    Those of a piece of several rows are at most 16 MiB.

    Raises:
        Unfit: It has a column of a type whose values can't be counted.
    """
    for start in range(0, batch.num_rows, _N_ROWS):
        yield from _halves(batch.slice(start, _N_ROWS))


def _halves(batch: pa.RecordBatch) -> Iterator[tuple[pa.RecordBatch, int]]:
    n_bytes = written_out(batch)
    if n_bytes <= _N_PIECE or batch.num_rows <= 1:
        yield batch, n_bytes
        return
    half = batch.num_rows // 2
    yield from _halves(batch.slice(0, half))
    yield from _halves(batch.slice(half))


def written_out(batch: pa.RecordBatch) -> int:
    """Return the bytes that the rows of a batch take, each value by itself.

    Raises:
        Unfit: It has a column of a type whose values can't be counted.
    """
    return _N_ROW * batch.num_rows + sum(map(_n_bytes, batch.columns))


def _n_bytes(column: pa.Array) -> int:
    kind = column.type
    if isinstance(column, pa.ExtensionArray):
        return _n_bytes(column.storage)
    if pa.types.is_dictionary(kind):
        return _sum(pc.take(_lengths(column.dictionary), column.indices))
    if pa.types.is_struct(kind):
        return sum(map(_n_items, column.flatten()))
    if pa.types.is_fixed_size_list(kind):
        return _n_items(column.flatten())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        if not len(column):
            return 0
        start, end = column.offsets[0].as_py(), column.offsets[-1].as_py()
        items = (column.keys, column.items) if pa.types.is_map(kind) else (column.values,)
        return sum(_n_items(each.slice(start, end - start)) for each in items)
    return _sum(_lengths(column))


def _n_items(items: pa.Array) -> int:
    return _N_ITEM * len(items) + _n_bytes(items)


def _sum(lengths: pa.Array) -> int:
    return int(pc.sum(lengths).as_py() or 0)


def _lengths(values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_primitive(kind) or pa.types.is_null(kind) or pa.types.is_decimal(kind):
        return pa.repeat(pa.scalar(8, pa.int64()), len(values))
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        starts = np.frombuffer(values.buffers()[1] or b"", np.int32).reshape(-1, 4)  # length, start, place
        lengths = starts[values.offset : values.offset + len(values), 0].astype(np.int64)
        return pa.array(lengths, mask=values.is_null().to_numpy(zero_copy_only=False))
    try:
        return pc.binary_length(values).cast(pa.int64())
    except pa.ArrowNotImplementedError as error:
        raise Unfit(f"a column of type {kind}, which is not read") from error
