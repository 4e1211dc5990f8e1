"""Rows of Parquet and Arrow files, as streams of (number, value) like those of `containers`."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO, Final, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import pyarrow.parquet as pq

from plaudit.readers import arrow_sizes, parquet_pages
from plaudit.readers.containers import Numbered
from plaudit.readers.format import Problem
from plaudit.readers.json_values import BAD_BYTE, decode_marking
from plaudit.readers.magic import ARROW_MAGIC
from plaudit.readers.parquet_pages import Chunk
from plaudit.readers.pieces import N_ROW_LIMIT, Unfit, is_counted, pieces
from plaudit.readers.spool import spooled
from plaudit.readers.stream import ByteStream
from plaudit.readers.table import unique_names

Wanted = Callable[[list[str]], list[str]]
"""From the names of a table's columns to those to be read."""

Chosen = Callable[[pa.Schema], list[str]]
"""From the schema of a table to the names of its columns to be read."""

N_PART_LIMIT: Final = 512 << 20
"""Bytes of a page of Parquet or a batch of Arrow, unpacked: their readers hold it whole."""

_N_ROWS: Final = 8192
_N_TYPE: Final = 60  # characters of a type that are told
_N_BUFFER: Final = 1 << 20  # bytes of a column that are fetched at once
_N_BATCH: Final = 64 << 20  # bytes of a batch of Parquet
_DAYS: Final = (-719_162, 2_932_897)  # since 1970, of the years 1 to 9999
_N_ITEMS: Final = 32 << 20  # values of a column of lists in a row group; one row may have them all


def parquet_rows(stream: ByteStream, *, wanted: Wanted | None) -> Numbered:
    """Yield the rows of a Parquet file as objects with the wanted of its columns.

    Columns of types that are not read are passed over, and named in `stream.unread`. With None for the
    wanted, to look at a table, it has all its columns, with null for what is not read.
    """
    yield from _rows(stream, kind="Parquet", batches=parquet_batches, wanted=wanted)


def arrow_rows(stream: ByteStream, *, wanted: Wanted | None) -> Numbered:
    """Yield the rows of an Arrow file (Feather version 2 is one) or stream, as `parquet_rows` does."""
    yield from _rows(stream, kind="Arrow", batches=arrow_batches, wanted=wanted)


def readable(schema: pa.Schema) -> list[str]:
    """Return the names of the columns of types that are read."""
    unread = unread_in(schema)
    return [name for name in schema.names if name not in unread]


def unread_in(schema: pa.Schema) -> dict[str, str]:
    """Return the columns of types that are not read, to those."""
    return {each.name: _shown(each.type) for each in schema if not is_counted(each.type)}


def _shown(kind: pa.DataType) -> str:
    name = str(kind)
    return name if len(name) <= _N_TYPE else f"{name[:_N_TYPE]}…"


def _rows(
    stream: ByteStream,
    *,
    kind: str,
    batches: Callable[[BinaryIO, Chosen], Iterator[tuple[pa.RecordBatch, float]]],
    wanted: Wanted | None,
) -> Numbered:
    def chosen(schema: pa.Schema) -> list[str]:
        stream.unread, names = unread_in(schema), readable(schema)
        if stream.unread and not names:
            raise Unfit(f"a column of type {next(iter(stream.unread.values()))}, which is not read")
        return names if wanted is None else wanted(names)

    number = 0
    try:
        with stream.as_file() as opened:
            n_total, stream.n_bytes = stream.n_bytes or _size(opened), 0  # a copy took all of it at once
            for batch, done in batches(opened, chosen):
                for piece, n_piece in pieces(batch):
                    for value in _values(piece, n_piece, stream=stream, is_look=wanted is None):
                        number += 1
                        stream.n_unpacked += n_piece // piece.num_rows
                        yield number, value
                stream.n_bytes = int(n_total * done)
    except Unfit as error:
        stream.damage = f"The {kind} file holds {error}."
    except NotImplementedError as error:  # Arrow's own, too
        stream.damage = f"The {kind} file holds what is not read ({_first_line(error)})."
    except (pa.ArrowException, OSError, ValueError) as error:
        stream.damage = f"The {kind} file is damaged ({_first_line(error)})."


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _values(
    piece: pa.RecordBatch, n_bytes: int, *, stream: ByteStream, is_look: bool
) -> Iterable[dict[str, Any] | Problem]:
    if n_bytes > N_ROW_LIMIT:  # then it is one row
        return [Problem("not_a_record", f"The row is longer than {N_ROW_LIMIT >> 20} MiB.")]
    names = unique_names(piece.schema.names)
    problems: dict[int, Problem] = {}
    columns = [plain(column, stream=stream, problems=problems) for column in piece.columns]
    rows = (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
    if is_look:
        passed_over = dict.fromkeys(stream.unread)
        return (row | passed_over for row in rows) if passed_over else rows
    return (problems.get(i, row) for i, row in enumerate(rows)) if problems else rows


def parquet_batches(opened: BinaryIO, chosen: Chosen) -> Iterator[tuple[pa.RecordBatch, float]]:
    """Yield batches of a Parquet file, texts as dictionaries, and which part of its rows is done then.

    Raises:
        Unfit: It can't be read in bounded memory.
        ArrowException, OSError, ValueError: It is damaged.
    """
    metadata = pq.read_metadata(opened)
    n_done, n_rows = 0, max(metadata.num_rows, 1)
    names = chosen(metadata.schema.to_arrow_schema())
    for group, chunks in enumerate(parquet_pages.chunks_of(opened)):
        n, words = _n_rows_at_once(opened, chunks, schema=metadata.schema, names=names)
        # As words of a dictionary, values that repeat are held once; as texts, each would be written out.
        file = pq.ParquetFile(opened, metadata=metadata, read_dictionary=words, buffer_size=_N_BUFFER)
        for batch in file.iter_batches(batch_size=n, row_groups=[group], columns=names):
            n_done += batch.num_rows
            yield batch, n_done / n_rows


def _n_rows_at_once(
    opened: BinaryIO, chunks: Sequence[Chunk], *, schema: pq.ParquetSchema, names: Sequence[str]
) -> tuple[int, list[str]]:
    """Return how many rows of a row group may be unpacked together, and which columns as dictionaries."""
    widest, words = 1, []
    if len(chunks) != len(schema):
        raise ValueError(f"{len(chunks)} columns in a row group of {len(schema)}")
    for i, chunk in enumerate(chunks):
        leaf = schema.column(i)
        if not any(f"{leaf.path}.".startswith(f"{name}.") for name in names):
            continue
        size = parquet_pages.size_of(opened, chunk)
        if size.n_page > N_PART_LIMIT:
            raise _too_large("a page", size.n_page)
        # One row may hold all there is of a list.
        if leaf.max_repetition_level and (size.n_bytes > N_PART_LIMIT or chunk.num_values > _N_ITEMS):
            raise Unfit("lists too long for one row group; write smaller ones")
        widest = max(widest, size.n_value, leaf.length)  # a length: all of its values have it
        if size.as_words and leaf.physical_type == "BYTE_ARRAY":
            words.append(leaf.path)
    return max(1, min(_N_ROWS, _N_BATCH // widest)), words


def arrow_batches(opened: BinaryIO, chosen: Chosen) -> Iterator[tuple[pa.RecordBatch, float]]:
    """Yield batches of an Arrow file or stream, and which part of it is done then.

    Raises:
        Unfit: It can't be read in bounded memory.
        ArrowException, OSError, ValueError: It is damaged.
    """
    opened = _mapped(opened)
    for size in arrow_sizes.sizes_of(opened):
        if size.is_packed and size.n_bytes > N_PART_LIMIT:
            raise _too_large("a batch", size.n_bytes)
    opened.seek(0)
    is_file = opened.read(len(ARROW_MAGIC)) == ARROW_MAGIC
    opened.seek(0)
    if is_file:
        file = pa.ipc.open_file(opened)
        n_batches = max(file.num_record_batches, 1)
        found = ((file.get_batch(i), i / n_batches) for i in range(file.num_record_batches))
        schema = file.schema
    else:
        reader, n_total = pa.ipc.open_stream(opened), max(_size(opened), 1)
        found = ((batch, opened.tell() / n_total) for batch in reader)
        schema = reader.schema
    known = set(chosen(schema))
    columns = [i for i, name in enumerate(schema.names) if name in known]  # two may have the same name
    for whole, done in found:
        yield _checked(whole.select(columns)), min(done, 1.0)
    yield pa.RecordBatch.from_pylist([], schema=pa.schema([])), 1.0


def _too_large(part: str, n_bytes: int) -> Unfit:
    n_most = N_PART_LIMIT >> 20
    return Unfit(f"{part} of {n_bytes >> 20:,} MiB ({n_most} at most are held); write smaller ones")


def _mapped(opened: BinaryIO) -> BinaryIO:
    """Return a file as one whose bytes come from the disk when they are looked at.

    One of another machine is copied first: Arrow would hold each of its batches whole.
    """
    try:
        data = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        opened.seek(0)
        with spooled(iter(lambda: opened.read(_N_BUFFER), b"")) as copy:
            if not _size(copy):  # nothing to map
                return opened
            data = mmap.mmap(copy.fileno(), 0, access=mmap.ACCESS_READ)
    return cast(BinaryIO, pa.BufferReader(pa.py_buffer(data)))


def _size(opened: BinaryIO) -> int:
    at = opened.tell()
    size = opened.seek(0, os.SEEK_END)
    opened.seek(at)
    return size


def plain(
    column: pa.Array, *, stream: ByteStream | None = None, problems: dict[int, Problem] | None = None
) -> list[Any]:
    """Return the values of a column as readers take them: times in milliseconds, bytes as text.

    A stream is told of bytes that are no text; without one they raise UnicodeDecodeError in a column of
    texts, and are replaced in one of bytes.

    Args:
        column: Of a type that is read.
        stream: Where it comes from.
        problems: Takes, by row, what can't be read of it, which is null then; without, it raises.
    """
    if pa.types.is_dictionary(column.type):
        column = _from_words(column)
    kind = column.type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("ms", kind.tz), safe=False).cast(pa.int64())
    elif pa.types.is_duration(kind):  # nanoseconds would be another thing where pandas is installed
        column = column.cast(pa.duration("ms"), safe=False).cast(pa.int64())
    elif pa.types.is_time64(kind):
        column = column.cast(pa.time64("us"), safe=False)
    elif pa.types.is_date(kind):
        column = _dated(column.cast(pa.date32(), safe=False))
    elif pa.types.is_decimal(kind):  # databases write ids as such: no float holds them
        return [v if v is None else int(v) if v == int(v) else float(v) for v in column.to_pylist()]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _decoded(column, stream)
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:  # one bad byte must not cost the rest of the file
        if stream is not None and not pa.types.is_nested(kind):
            return _decoded(column.cast(pa.large_binary()), stream)
        if problems is None:
            raise
    except (pa.ArrowException, ValueError, OverflowError, LookupError):
        if problems is None:
            raise
    return _one_by_one(column, problems)


def _from_words(column: pa.DictionaryArray) -> pa.Array:
    """Return the values of a column that names each different one once.

    pyarrow 26 can't where they are views, as in polars' Categorical and Enum; the words that are named are
    then made large strings, those alone: all of them may take any memory, however short their file.
    """
    words = column.dictionary
    if pa.types.is_string_view(words.type):
        wide = pa.large_string()
    elif pa.types.is_binary_view(words.type):
        wide = pa.large_binary()
    else:
        return column.dictionary_decode()
    named = pc.unique(column.indices).drop_null()
    chosen = [words.slice(i, 1) for i in named.to_pylist()]
    found = pa.concat_arrays(chosen or [words.slice(0, 0)]).cast(wide)
    places = pc.index_in(column.indices, value_set=named)
    return pa.DictionaryArray.from_arrays(places, found).dictionary_decode()


def _dated(days: pa.Array) -> pa.Array:
    """Return days with null for those in years that Python has not."""
    number = days.cast(pa.int32())
    known = pc.and_(pc.greater_equal(number, _DAYS[0]), pc.less(number, _DAYS[1]))
    return pc.if_else(known, days, pa.scalar(None, pa.date32()))


def _one_by_one(column: pa.Array, problems: dict[int, Problem]) -> list[Any]:
    """Return values of which Python has not all, such as times in lists beyond its years."""
    values: list[Any] = []
    for i, value in enumerate(column):
        try:
            values.append(value.as_py())
        except UnicodeDecodeError:
            problems[i] = Problem("bad_encoding", "The record holds bytes that are not UTF-8 text.")
            values.append(None)
        except (pa.ArrowException, ValueError, OverflowError, LookupError) as error:
            detail = f"The row holds what can't be read ({_first_line(error)})."
            problems[i] = Problem("invalid_field", detail)
            values.append(None)
    return values


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
