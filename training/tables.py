"""Rows of a labelled file, whatever it is kept in."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson

from plaudit.errors import TrainingDataError
from plaudit.training import exchange
from plaudit.training.exchange import Row

KINDS: Final = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".arrow")
_BUILDERS: Final = {".parquet": "parquet", ".arrow": "arrow"}


def rows_of(path: str) -> list[Row]:
    """Return the rows of a labelled file, a folder saved by `datasets`, or a data set of the Hub.

    Exports of annotation tools come flattened; see `exchange`.

    Raises:
        TrainingDataError: It is not there, of no known kind, damaged or empty.
    """
    file = Path(path)
    kind = file.suffix.lower()
    if file.is_file() and kind not in KINDS:
        raise TrainingDataError(f"{path} is of an unknown kind; expected one of {', '.join(KINDS)}.")
    if not file.exists() and (kind in KINDS or path.count("/") != 1):
        raise TrainingDataError(
            f"There is no {path}; expected a labelled file, a folder or a Hub name (owner/name)."
        )
    rows = _text_rows(file, kind) if kind in KINDS and kind not in _BUILDERS else _data_set(path)
    if not rows:
        raise TrainingDataError(f"{path} holds no rows; expected labelled comments, one a row.")
    return exchange.flattened(rows, path=path)


def _text_rows(file: Path, kind: str) -> list[Row]:
    # `datasets` guesses types from the first block: a list that is empty there, a comment that reads "100".
    try:
        content = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
        if kind in (".csv", ".tsv"):
            table = content.decode()
            return _cells(table, delimiter=_delimiter(table) if kind == ".csv" else "\t", file=file)
        return _json_array(content, file) if content.lstrip()[:1] == b"[" else _json_lines(content, file)
    except UnicodeDecodeError as error:
        raise TrainingDataError(
            f"{file} is not UTF-8 ({error.reason} at byte {error.start}); convert it first."
        ) from None


def _json_array(content: bytes, file: Path) -> list[Row]:
    try:
        rows = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise TrainingDataError(f"{file} is not JSON ({error}); export it anew.") from None
    if not all(isinstance(row, dict) for row in rows):
        raise TrainingDataError(
            f"{file} holds something other than objects; expected a list of them, one a comment."
        )
    return list(rows)


def _json_lines(content: bytes, file: Path) -> list[Row]:
    rows = []
    for number, line in enumerate(content.split(b"\n"), start=1):  # at \n only: texts may hold U+2028
        if line.strip():
            rows.append(_json_line(line, where=f"{file}:{number}"))
    return rows


def _json_line(line: bytes, *, where: str) -> Row:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise TrainingDataError(f"{where} is not JSON ({error}); mend or remove the line.") from None
    if not isinstance(row, dict):
        raise TrainingDataError(f"{where} is no JSON object; expected one with text and label.")
    return row


def _delimiter(table: str) -> str:
    # Where a comma is the decimal sign, spreadsheets write a semicolon.
    header = table.split("\n", 1)[0]
    return max(",;\t", key=header.count)


def _cells(content: str, *, delimiter: str, file: Path) -> list[Row]:
    csv.field_size_limit(10_000_000)
    reader = csv.DictReader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    try:
        rows: list[Row] = list(reader)
    except csv.Error as error:
        raise TrainingDataError(f"{file}:{reader.line_num} is no CSV ({error}); export it anew.") from None
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise TrainingDataError(
                f"{file}: row {number} has more or fewer cells than the header; quote its text."
            )
    return rows


def _data_set(path: str) -> list[Row]:
    import datasets

    datasets.disable_progress_bars()
    try:
        with TemporaryDirectory() as cache:
            return _named(_opened(path, cache))
    except Exception as error:  # `datasets` lets pass what Arrow, the Hub and the network raise
        reason = str(error).split("\n")[0]
        raise TrainingDataError(
            f"{path} cannot be read by `datasets` ({reason}); export it as JSONL."
        ) from error


def _opened(path: str, cache: str) -> Any:
    import datasets

    file = Path(path)
    if file.is_file():
        builder = _BUILDERS[file.suffix.lower()]
        return datasets.load_dataset(builder, data_files=path, split="train", cache_dir=cache)
    found = datasets.load_from_disk(path) if file.is_dir() else datasets.load_dataset(path, split="train")
    if not isinstance(found, datasets.DatasetDict):
        return found
    if "train" not in found and len(found) != 1:
        raise ValueError(f"it has no part train among {', '.join(found)}; name the folder of one")
    return found["train"] if "train" in found else next(iter(found.values()))


def _named(data: Any) -> list[Row]:
    """Return the rows of a data set with the names of its classes in place of their numbers."""
    import datasets

    classes = {n: kind for n, kind in data.features.items() if isinstance(kind, datasets.ClassLabel)}
    return [
        row | {n: kind.names[row[n]] for n, kind in classes.items() if row[n] is not None and row[n] >= 0}
        for row in map(dict, data)
    ]
