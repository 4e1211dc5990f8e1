"""What fuzzing begins with: the readers' own test dumps, whole and packed."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Iterator

import openpyxl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import zstandard

from tests.test_readers_tools import EXAMPLES

_ROWS = [
    {"id": "1", "text": "which glue?", "author": "a", "parent_id": None, "likes": 3},
    {"id": "2", "text": "so &amp; good", "author": "b", "parent_id": "1", "likes": None},
]


def examples() -> Iterator[tuple[str, bytes]]:
    """Yield suffixes of file names, and data."""
    for name, data in EXAMPLES.values():
        suffix = "." + name.rpartition(".")[2]
        yield (
            suffix,
            data
            if isinstance(data, bytes)
            else (data.encode() if isinstance(data, str) else json.dumps(data).encode()),
        )
    lines = b"\n".join(json.dumps(row).encode() for row in _ROWS)
    yield ".txt", b"one comment\nanother\n"
    yield from (
        ("", pack(lines)) for pack in (gzip.compress, zstandard.compress, bz2.compress, lzma.compress)
    )
    yield ".zip", _zipped(lines)
    table = pa.Table.from_pylist(_ROWS)
    for options in ({}, {"use_dictionary": False}, {"data_page_version": "2.0", "compression": "none"}):
        sink = io.BytesIO()
        pq.write_table(table, sink, **options)
        yield ".parquet", sink.getvalue()
    for make in (pa.ipc.new_file, pa.ipc.new_stream):
        for packing in (None, "lz4"):
            sink = io.BytesIO()
            with make(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=packing)) as writer:
                writer.write_table(table)
            yield ".arrow", sink.getvalue()
    book, sink = openpyxl.Workbook(), io.BytesIO()
    for row in (list(_ROWS[0]), *(list(row.values()) for row in _ROWS)):
        book.active.append(row)
    book.save(sink)
    yield ".xlsx", sink.getvalue()


def _zipped(data: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jsonl", data)
    return sink.getvalue()
