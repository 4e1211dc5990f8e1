"""The table of labelled comments as a file: Parquet, CSV or NDJSON, written batch by batch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

_ROW_GROUP: Final = 65_536  # rows; small row groups cost readers more than the memory saves


class TableFile(Protocol):
    """A file that takes tables of one schema until it is closed."""

    def write(self, table: pa.Table) -> None:
        """Append rows."""

    def close(self) -> None:
        """Write what waits; harmless when done twice."""


class _Parquet:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = _opened(path)
        self._writer = pq.ParquetWriter(self._file, schema, compression="zstd")
        self._waiting: list[pa.Table] = []
        self._n_waiting = 0

    def write(self, table: pa.Table) -> None:
        self._waiting.append(table)
        self._n_waiting += len(table)
        if self._n_waiting >= _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        waiting, n_waiting = self._waiting, self._n_waiting
        self._waiting, self._n_waiting = [], 0
        if n_waiting:
            with self._once():
                self._writer.write_table(pa.concat_tables(waiting), row_group_size=n_waiting)

    def close(self) -> None:
        if self._writer.is_open:
            self._flush()
            with self._once():
                self._writer.close()
                self._file.close()

    @contextmanager
    def _once(self) -> Iterator[None]:
        """Close after an error: what fails on a full disk fails in another way when it is done again."""
        try:
            yield
        except OSError:
            with suppress(OSError, pa.ArrowException):
                self._writer.close()
            self._writer.is_open = False
            with suppress(OSError):
                self._file.close()
            raise


class _Csv:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = _opened(path)
        self._writer = pa.csv.CSVWriter(self._file, schema)
        self.write = self._writer.write

    def close(self) -> None:
        try:
            self._writer.close()
        finally:
            self._file.close()


class _Ndjson:
    def __init__(self, path: Path, schema: pa.Schema) -> None:  # noqa: ARG002 - as the others have it
        self._file = path.open("wb")
        self.close = self._file.close

    def write(self, table: pa.Table) -> None:
        lines = (orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in _rounded(table).to_pylist())
        self._file.writelines(lines)


def _opened(path: Path) -> pa.OSFile:
    return pa.OSFile(os.fsencode(path), "wb")  # of a path as text pyarrow asks that it be UTF-8


def _rounded(table: pa.Table) -> pa.Table:
    # A float32 as the shortest decimal that means it, as the other formats show it: 0.7, not 0.69999998.
    for i, field in enumerate(table.schema):
        if field.type == pa.float32():
            shortest = table.column(i).cast(pa.string()).cast(pa.float64())
            table = table.set_column(i, pa.field(field.name, pa.float64()), shortest)
    return table


TABLE_FORMATS: Final[Mapping[str, Callable[[Path, pa.Schema], TableFile]]] = {
    "parquet": _Parquet,
    "csv": _Csv,
    "ndjson": _Ndjson,
}
"""Format, which is also the file's suffix, to the writer of it."""
