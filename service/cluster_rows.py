"""Batches on their way through Ray: rows of a dataset, in which tables are packed as Arrow streams."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple
from typing import Any, Final

import pyarrow as pa

from plaudit.comment import Batch, Rejection
from plaudit.service.scorers import Scored

_SCHEMA: Final = pa.schema(
    {
        **dict.fromkeys(("source", "batch", "n_bytes", "n_comments"), pa.int64()),
        "is_last": pa.bool_(),
        **dict.fromkeys(("node", "rejected"), pa.string()),
        **dict.fromkeys(("comments", "kept", "labelled", "facts"), pa.large_binary()),
    }
)


def row_of(values: Mapping[str, Any]) -> pa.Table:
    """Return a table of one row; values that are missing are null."""
    return pa.Table.from_pylist([dict(values)], schema=_SCHEMA)


def packed(batch: Batch, *, source: int, number: int, is_last: bool) -> pa.Table:
    """Return a row of a batch that was read: its number in its source, and whether none follows."""
    return row_of(
        {
            "source": source,
            "batch": number,
            "is_last": is_last,
            "n_bytes": batch.n_bytes,
            "comments": stream_of(pa.Table.from_batches([batch.comments])),
            "kept": None if batch.kept is None else stream_of(pa.Table.from_batches([batch.kept])),
            "rejected": json.dumps([astuple(each) for each in batch.rejections]),  # ASCII: lone halves too
        }
    )


def unpacked(row: Mapping[str, Any]) -> Scored:
    """Return a batch that was labelled."""
    rejections = (
        Rejection(reason=r, where=w, detail=d, record=o) for r, w, d, o in json.loads(row["rejected"])
    )
    batch = Batch(comments=batch_of(row["comments"]), rejections=tuple(rejections), n_bytes=row["n_bytes"])
    return Scored(batch=batch, labelled=batch_of(row["labelled"]), facts=_table_of(row["facts"]))


def stream_of(table: pa.Table) -> bytes:
    """Return a table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue().to_pybytes()


def _table_of(stream: bytes) -> pa.Table:
    return pa.ipc.open_stream(stream).read_all()


def batch_of(stream: bytes) -> pa.RecordBatch:
    """Return the rows of an Arrow stream as one batch."""
    table = _table_of(stream).combine_chunks()
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)
