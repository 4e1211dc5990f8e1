"""Rows of Parquet and Arrow files, as streams of (number, value) like those of `containers`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from plaudit.readers.containers import Numbered
from plaudit.readers.json_values import BAD_BYTE, decode_marking
from plaudit.readers.stream import ByteStream

PARQUET_MAGIC: Final = b"PAR1"
ARROW_MAGIC: Final = b"ARROW1"
ARROW_STREAM: Final = b"\xff\xff\xff\xff"
"""How an Arrow stream begins, which has no magic of its own (Hugging Face's `.arrow` files are such)."""

Wanted = Callable[[list[str]], list[str]]
"""From the names of a table's columns to those to be read."""

_N_ROWS: Final = 8192


def parquet_rows(stream: ByteStream, *, wanted: Wanted) -> Numbered:
    """Yield the rows of a Parquet file as objects with the wanted of its columns."""
    yield from _rows(stream, kind="Parquet", batches=_parquet_batches, wanted=wanted)


def arrow_rows(stream: ByteStream, *, wanted: Wanted) -> Numbered:
    """Yield the rows of an Arrow file (Feather version 2 is one) or stream."""
    yield from _rows(stream, kind="Arrow", batches=_arrow_batches, wanted=wanted)


def _rows(
    stream: ByteStream,
    *,
    kind: str,
    batches: Callable[[BinaryIO, Wanted], Iterator[tuple[pa.RecordBatch, float]]],
    wanted: Wanted,
) -> Numbered:
    number = 0
    try:
        with stream.as_file() as opened:
            n_total, stream.n_bytes = stream.n_bytes or _size(opened), 0  # a copy took all of it at once
            for batch, done in batches(opened, wanted):
                names, columns = (
                    batch.schema.names,
                    [plain(column, stream=stream) for column in batch.columns],
                )
                stream.n_bytes = int(n_total * done)
                for row in zip(*columns, strict=True):
                    number += 1
                    yield number, dict(zip(names, row, strict=True))
    except (pa.ArrowException, OSError, ValueError, NotImplementedError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        stream.damage = f"The {kind} file is damaged ({reason[:120]})."


def _parquet_batches(opened: BinaryIO, wanted: Wanted) -> Iterator[tuple[pa.RecordBatch, float]]:
    file = pq.ParquetFile(opened)
    n_done, n_rows = 0, max(file.metadata.num_rows, 1)
    for batch in file.iter_batches(batch_size=_N_ROWS, columns=wanted(file.schema_arrow.names)):
        n_done += batch.num_rows
        yield batch, n_done / n_rows


def _arrow_batches(opened: BinaryIO, wanted: Wanted) -> Iterator[tuple[pa.RecordBatch, float]]:
    is_file = opened.read(len(ARROW_MAGIC)) == ARROW_MAGIC
    opened.seek(0)
    if is_file:
        file = pa.ipc.open_file(opened)
        n_batches = max(file.num_record_batches, 1)
        found = ((file.get_batch(i), i / n_batches) for i in range(file.num_record_batches))
        names = file.schema.names
    else:
        reader, n_total = pa.ipc.open_stream(opened), max(_size(opened), 1)
        found = ((batch, opened.tell() / n_total) for batch in reader)
        names = reader.schema.names
    columns = wanted(names)
    for whole, done in found:
        batch = _checked(whole.select(columns))
        for start in range(0, batch.num_rows, _N_ROWS):
            yield batch.slice(start, _N_ROWS), min(done, 1.0)
    yield pa.RecordBatch.from_pylist([], schema=pa.schema([])), 1.0


def _size(opened: BinaryIO) -> int:
    at = opened.tell()
    size = opened.seek(0, os.SEEK_END)
    opened.seek(at)
    return size


def plain(column: pa.Array, *, stream: ByteStream | None = None) -> list[Any]:
    """Return the values of a column as readers take them: times in milliseconds, bytes as text.

    A stream is told of bytes that are no text; without one they raise UnicodeDecodeError in a column of
    texts, and are replaced in one of bytes.
    """
    kind = column.type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("ms", kind.tz), safe=False).cast(pa.int64())
    elif pa.types.is_date(kind):
        column = column.cast(pa.date32())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _decoded(column, stream)
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:  # one bad byte must not cost the rest of the file
        if stream is None:
            raise
        return _decoded(column.cast(pa.large_binary()), stream)


def _decoded(column: pa.Array, stream: ByteStream | None) -> list[str | None]:
    if stream is None:
        return [v if v is None else v.decode("utf-8", "replace") for v in column.to_pylist()]
    values = [v if v is None else decode_marking(v) for v in column.to_pylist()]
    stream.is_marked |= any(v is not None and BAD_BYTE in v for v in values)
    return values


def _checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose offsets lead nowhere else; Arrow itself believes a damaged file."""
    for column in batch.columns:
        if pa.types.is_string(column.type):
            column = column.view(pa.binary())
        elif pa.types.is_large_string(column.type):
            column = column.view(pa.large_binary())
        column.validate(full=True)
    return batch
