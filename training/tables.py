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
    if file.is_file() and file.suffix not in KINDS:
        raise TrainingDataError(f"{path} is of an unknown kind; expected one of {', '.join(KINDS)}.")
    if not file.exists() and (file.suffix in KINDS or path.count("/") != 1):
        raise TrainingDataError(
            f"There is no {path}; expected a labelled file, a folder or a Hub name (owner/name)."
        )
    rows = _text_rows(file) if file.suffix in KINDS and file.suffix not in _BUILDERS else _data_set(path)
    if not rows:
        raise TrainingDataError(f"{path} holds no rows; expected labelled comments, one a row.")
    return exchange.flattened(rows, path=path)


def _text_rows(file: Path) -> list[Row]:
    # `datasets` guesses types from the first block: a list that is empty there, a comment that reads "100".
    try:
        content = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
        if file.suffix in (".csv", ".tsv"):
            return _cells(content.decode(), delimiter="," if file.suffix == ".csv" else "\t", file=file)
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
            return [dict(row) for row in _opened(path, cache)]
    except Exception as error:  # `datasets` lets pass what Arrow, the Hub and the network raise
        reason = str(error).split("\n")[0]
        raise TrainingDataError(
            f"{path} cannot be read by `datasets` ({reason}); export it as JSONL."
        ) from error


def _opened(path: str, cache: str) -> Any:
    import datasets

    file = Path(path)
    if file.is_file():
        return datasets.load_dataset(_BUILDERS[file.suffix], data_files=path, split="train", cache_dir=cache)
    found = datasets.load_from_disk(path) if file.is_dir() else datasets.load_dataset(path, split="train")
    return found["train"] if isinstance(found, datasets.DatasetDict) else found
