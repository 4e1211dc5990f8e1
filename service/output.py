"""The four files of a run, written while it streams."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from plaudit.comment import Batch, Rejection
from plaudit.report.envelope import Report
from plaudit.scores import FLAGS, LABELS, Scores

COMMENTS, REJECTED, PAGE, REPORT = "comments.parquet", "rejected.jsonl", "report.html", "report.json"
RESULT_FILES: Final = (COMMENTS, REJECTED, PAGE, REPORT)

_IDS: Final = ("id", "post_id", "creator_id", "parent_id")
LABELLED_SCHEMA: Final = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in (*_IDS, "label")),
        *(pa.field(name, pa.float32()) for name in (*LABELS, *FLAGS)),
        pa.field("language", pa.string()),
        pa.field("supported", pa.bool_()),
        pa.field("truncated", pa.bool_()),
    ]
)
"""Columns of `comments.parquet`, one row a scored comment, in input order."""

_ROW_GROUP: Final = 65_536  # rows; small row groups cost readers more than the memory saves


def labelled(comments: pa.RecordBatch, scores: Scores) -> pa.RecordBatch:
    """Return the rows of `comments.parquet` for some comments; row i of `scores` belongs to comment i."""
    names = pa.array(LABELS)
    columns = [
        *(comments.column(name) for name in _IDS),
        names.take(pa.array(scores.labels)),
        *(_number(scores.probabilities[:, i]) for i in range(len(LABELS))),
        *(_number(scores.flags[:, i]) for i in range(len(FLAGS))),
        pa.array(scores.languages, pa.string()),
        pa.array(scores.supported),
        pa.array(scores.truncated),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=LABELLED_SCHEMA)


def _number(values: Any) -> pa.Array:
    return pa.array(values, pa.float32(), from_pandas=True)  # NaN becomes null


class Outputs:
    """Writers of the files that grow with the run; close them before the report is put beside."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parquet = pq.ParquetWriter(folder / COMMENTS, LABELLED_SCHEMA, compression="zstd")
        self._rejected: BinaryIO = (folder / REJECTED).open("wb")
        self._waiting: list[pa.RecordBatch] = []
        self._n_waiting = 0

    def write(self, batch: Batch, scores: Scores) -> None:
        """Append a batch: its comments as rows, its rejections as lines."""
        for rejection in batch.rejections:
            self._rejected.write(_line(rejection))
        if len(scores):
            self._waiting.append(labelled(batch.comments, scores))
            self._n_waiting += len(scores)
        if self._n_waiting >= _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._parquet.write_table(pa.Table.from_batches(self._waiting), row_group_size=self._n_waiting)
        self._waiting, self._n_waiting = [], 0

    def finish(self, report: Report, *, page: str) -> None:
        """Write what waits, close, and put the report and its page beside."""
        self._flush()
        self.close()
        (self._folder / PAGE).write_bytes(page.encode("utf-8", "replace"))
        (self._folder / REPORT).write_bytes(report.to_json() + b"\n")

    def close(self) -> None:
        """Close the files; harmless when done twice."""
        self._rejected.close()
        self._parquet.close()


def _line(rejection: Rejection) -> bytes:
    fields = {
        "reason": rejection.reason,
        "where": _writable(rejection.where),
        "detail": _writable(rejection.detail),
        "record": None if rejection.record is None else _writable(rejection.record),
    }
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def _writable(text: str) -> str:
    # A file name of undecodable bytes holds lone surrogates, which JSON can't.
    return text.encode("utf-8", "replace").decode()
