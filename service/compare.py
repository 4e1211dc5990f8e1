"""Two result folders, read back to be compared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from plaudit.errors import InputError, UsageError
from plaudit.partition.room import room
from plaudit.partition.spill import Spill
from plaudit.report import report_file
from plaudit.report.comparison import Comparison, Shared
from plaudit.report.comparison import compare as compare_reports
from plaudit.report.envelope import Report
from plaudit.scores import LABELS
from plaudit.service.comment_table import TABLE_FORMATS
from plaudit.service.output import REPORT, result_files
from plaudit.text import fingerprint, writable

_COLUMNS: Final = ("post_id", "id", "label")
_SCHEMA: Final = pa.schema([pa.field(name, pa.string()) for name in _COLUMNS])
_LINES: Final = 65_536
_BLOCK_BYTES: Final = 8 << 20  # of CSV; a row lies in one or two of them
_N_PARTS: Final = 64  # nine bytes a comment, in a part at a time
_LINE_NUMBER_DIGITS: Final = 7
"""Digits up to which a number is taken for the line a comment stood in, which names no comment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run left: its report, and its table of comments where it lies beside."""

    name: str
    report: Report
    comments: Path | None


def compare(before: Path, after: Path) -> Comparison:
    """Compare two result folders, or two report.json files.

    Raises:
        InputError: One of them is no result.
    """
    first, second = read_result(before), read_result(after)
    shared = unmatched = None
    try:
        shared = shared_comments(first, second)
    except InputError as error:  # the reports can still be compared
        unmatched = str(error)
    return compare_reports(
        first.report, second.report, names=(first.name, second.name), shared=shared, unmatched=unmatched
    )


def read_result(path: Path) -> Result:
    """Read what a run left.

    Raises:
        InputError: Nothing is there, or not what `plaudit score` writes.
    """
    file = path / REPORT if path.is_dir() else path
    if not file.exists():
        what = f"is a folder without {REPORT}" if path.is_dir() else "is not there"
        raise InputError(f"{path} {what}; name a folder that `plaudit score --out` wrote, or its {REPORT}.")
    try:
        report = report_file.read(file, name=str(file))
    except OSError as error:
        raise InputError(f"{file} can't be read ({error.strerror}).") from error
    tables = (file.parent / result_files(each)[0] for each in TABLE_FORMATS)
    return Result(
        name=writable(str(path)),
        report=report,
        comments=next((table for table in tables if table.is_file()), None),
    )


def shared_comments(before: Result, after: Result) -> Shared:
    """Match the comments of two runs by post and id.

    Comments whose id may be the number of their line are counted but not matched: another file has such
    numbers too.

    Raises:
        InputError: A run keeps no table of its comments, or one that can't be read.
    """
    moves = np.zeros((len(LABELS), len(LABELS)), np.int64)
    with room(None) as folder:
        first = _Labelled(before, folder / "before")
        second = _Labelled(after, folder / "after")
        for number in range(_N_PARTS):
            (keys, labels), (other_keys, other_labels) = first.part(number), second.part(number)
            _, at, also_at = np.intersect1d(keys, other_keys, assume_unique=True, return_indices=True)
            np.add.at(moves, (labels[at], other_labels[also_at]), 1)
    return Shared(
        n_before=first.n_comments,
        n_after=second.n_comments,
        n_common=int(moves.sum()),
        n_relabelled=int(moves.sum() - np.trace(moves)),
        moves=tuple(
            (one, other, int(moves[i, j]))
            for i, one in enumerate(LABELS)
            for j, other in enumerate(LABELS)
            if i != j and moves[i, j]
        ),
    )


class _Labelled:
    """Comments that can be told from all others, with their labels, on disk.

    Attributes:
        n_comments: Of the table, those that can't be told apart included.
    """

    def __init__(self, result: Result, folder: Path) -> None:
        self.n_comments = 0
        self._spill = Spill(folder, n_parts=_N_PARTS)
        for batch in _batches(result):
            posts, ids, given = (batch.column(name) for name in _COLUMNS)
            self.n_comments += len(batch)
            labels = pc.index_in(given, value_set=pa.array(LABELS))
            if labels.null_count:
                raise _unmatched(result, f"has labels other than {', '.join(LABELS)}")
            names = pc.binary_join_element_wise(posts.fill_null(""), ids, "\n")
            may_be_line = pc.and_(
                pc.less_equal(pc.utf8_length(ids), _LINE_NUMBER_DIGITS), pc.utf8_is_decimal(ids)
            )
            rows = pa.table({"name": names, "label": labels.cast(pa.int8())}).filter(pc.invert(may_be_line))
            keys = np.fromiter(map(fingerprint, rows.column("name").to_pylist()), np.uint64, len(rows))
            self._spill.add(pa.table({"key": keys, "label": rows.column("label")}), keys)

    def part(self, number: int) -> tuple[NDArray[np.uint64], NDArray[np.int8]]:
        """Return fingerprints of post and id, unique, and the index into `LABELS` of each, of one part."""
        part = self._spill.part(number)
        if part is None:
            return np.empty(0, np.uint64), np.empty(0, np.int8)
        keys, first = np.unique(part.column("key").to_numpy(), return_index=True)
        return keys, part.column("label").to_numpy()[first]


def _unmatched(result: Result, what: str) -> InputError:
    return InputError(f"Comments of the two runs were not matched: {result.name} {what}.")


def _batches(result: Result) -> Iterator[pa.RecordBatch]:
    if result.comments is None:
        raise _unmatched(result, f"has no table of comments beside its {REPORT}")
    try:
        for batch in _read(result.comments):
            yield batch.select(list(_COLUMNS)).cast(_SCHEMA)
    # What Arrow says of a row quotes it.
    except (pa.ArrowException, orjson.JSONDecodeError, KeyError, OSError) as error:
        limit = f"{_BLOCK_BYTES >> 20} MiB"
        reason = f"damaged, changed by another program, or with a row of over {limit}"
        told = f"that can't be read ({getattr(error, 'strerror', None) or reason}); score its dump again"
        raise _unmatched(result, f"has a {result.comments.name} {told}") from error


def _read(table: Path) -> Iterator[pa.RecordBatch]:
    if table.suffix == ".csv":
        # Only an unquoted nothing is null: a post may be called "NA".
        options = pa.csv.ConvertOptions(
            include_columns=list(_COLUMNS),
            column_types=_SCHEMA,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        with (
            _opened(table) as file,
            pa.csv.open_csv(
                file,
                read_options=pa.csv.ReadOptions(block_size=_BLOCK_BYTES),
                parse_options=pa.csv.ParseOptions(newlines_in_values=True),
                convert_options=options,
            ) as reader,
        ):
            yield from reader
    elif table.suffix == ".ndjson":
        with table.open("rb") as lines:
            while some := [orjson.loads(line) for line in islice(lines, _LINES)]:
                yield pa.RecordBatch.from_struct_array(pa.array(some, pa.struct(list(_SCHEMA))))
    else:
        with _opened(table) as opened, pq.ParquetFile(opened) as file:
            yield from file.iter_batches(columns=list(_COLUMNS))


def _opened(table: Path) -> pa.OSFile:
    return pa.OSFile(os.fsencode(table))  # of a path as text Arrow asks that it be UTF-8


def write_page(page: str, path: Path) -> None:
    """Write a page as one file.

    Raises:
        UsageError: It can't be written there.
    """
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--html {path} can't be written ({error.strerror}); name another file.") from error
