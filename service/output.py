"""The files of a run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson
import pyarrow as pa

from plaudit.comment import Rejection
from plaudit.report.envelope import Report
from plaudit.scores import FLAGS, LABELS, Scores
from plaudit.service.comment_table import TABLE_FORMATS
from plaudit.text import writable

COMMENTS, REJECTED, PAGE = "comments.parquet", "rejected.jsonl", "report.html"
MANIFEST, REPORT = "manifest.json", "report.json"
RESULT_FILES: Final = (COMMENTS, REJECTED, PAGE, MANIFEST, REPORT)
"""What a run leaves; the last one is the sign that it is complete."""


def result_files(table_format: str = "parquet") -> tuple[str, ...]:
    """Return the names of a run's files where comments are written in this of `TABLE_FORMATS`."""
    return (f"comments.{table_format}", *RESULT_FILES[1:])


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
"""Columns of the table of comments, one row a scored comment, in input order."""


def labelled(comments: pa.RecordBatch, scores: Scores) -> pa.RecordBatch:
    """Return the rows of the table for some comments; row i of `scores` belongs to comment i."""
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


def with_kept(rows: pa.RecordBatch, kept: pa.RecordBatch | None) -> pa.RecordBatch:
    """Return the rows with the columns that were kept of the source, if any, on their right."""
    if kept is None:
        return rows
    schema = pa.schema([*rows.schema, *kept.schema])
    return pa.RecordBatch.from_arrays([*rows.columns, *kept.columns], schema=schema)


def _number(values: Any) -> pa.Array:
    return pa.array(values, pa.float32(), from_pandas=True)  # NaN becomes null


class Outputs:
    """Writers of a run's files."""

    def __init__(
        self, folder: Path, *, table_format: str = "parquet", schema: pa.Schema = LABELLED_SCHEMA
    ) -> None:
        """Open them.

        Args:
            folder: Where they are written.
            table_format: One of `TABLE_FORMATS`.
            schema: Of the table of comments.
        """
        self._folder = folder
        names = result_files(table_format)
        self._comments = TABLE_FORMATS[table_format](folder / names[0], schema)
        self._rejected: BinaryIO = (folder / REJECTED).open("wb")

    def write(self, comments: pa.Table, *, rejected: bytes) -> None:
        """Append rows of comments, and lines as `rejection_lines` makes them."""
        self._rejected.write(rejected)
        if len(comments):
            self._comments.write(comments)

    def finish(self, report: Report, *, page: str) -> None:
        """Write what waits, close, and put the report and its page beside."""
        self.close()
        (self._folder / PAGE).write_text(page, "utf-8")
        with (self._folder / REPORT).open("wb") as file:
            file.writelines(report.json_parts())

    def close(self) -> None:
        """Close the files; harmless when done twice."""
        self._rejected.close()
        self._comments.close()


def rejection_lines(rejections: Iterable[Rejection]) -> bytes:
    """Return one line of JSON a rejection."""
    return b"".join(map(_line, rejections))


def _line(rejection: Rejection) -> bytes:
    fields = {
        "reason": rejection.reason,
        "where": writable(rejection.where),
        "detail": writable(rejection.detail),
        "record": None if rejection.record is None else writable(rejection.record),
    }
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
