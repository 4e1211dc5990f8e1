"""What a source is, told from its first bytes; and one clear sentence where it is nothing to read."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import orjson

from plaudit.errors import InputError
from plaudit.readers.generic import COLUMNS
from plaudit.readers.magic import ARROW_MAGIC, ARROW_STREAM, PARQUET_MAGIC
from plaudit.readers.mapping import fold
from plaudit.readers.quotation import ESCAPED
from plaudit.readers.source import Source
from plaudit.readers.stream import PACKINGS, ByteStream
from plaudit.readers.table import Dialect, allow_long_cells, is_separator_line, n_good_rows
from plaudit.readers.unquoted import is_unquoted

N_HEAD: Final = 1 << 18
BINARY_SUFFIXES: Final = frozenset({".parquet", ".pq", ".arrow", ".feather", ".ipc", ".xlsx", ".zip"})
"""How names of files end that are no text, whatever they hold."""

_DELIMITERS: Final = (",", ";", "\t", "|")
_TEXT_NAMES: Final = frozenset(map(fold, COLUMNS["text"]))
_COLUMN_NAME = re.compile(r"\w[\w./-]{0,39}(?: [\w./-]{1,39}){0,2}")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_PAGE = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml|svg)", re.IGNORECASE)
_SPREAD = re.compile(rb"\s*(?:\[|\{\s*\n)")  # a document over several lines, whatever its name says
_BLANK = re.compile(rb"\s")
_N_CODE, _N_CODE_LINES = (
    40,
    20,
)  # characters of a line that no language goes without a blank for; lines to tell by
_WORKBOOK = re.compile(rb"xl/(?:workbook|worksheets|sharedStrings|styles)|\[Content_Types\]\.xml")
_ZIP: Final = b"PK\x03\x04"
_FOREIGN: Final = {
    b"%PDF-": "a PDF document; export the comments as CSV or JSON",
    _ZIP: "a ZIP archive within an archive, or a document; unpack it, or save it as CSV",
    b"\xd0\xcf\x11\xe0": "an old Office document; save it as .xlsx or CSV",
    b"\x89PNG": "a PNG image; name a file of comments",
    b"\xff\xd8\xff": "a JPEG image; name a file of comments",
    b"GIF8": "a GIF image; name a file of comments",
    b"RIFF": "a media file; name a file of comments",
    b"SQLite format 3": "a SQLite database; export its table as CSV",
    b"FEA1": "a Feather file of version 1; write it as Feather 2 or Parquet",
    b"7z\xbc\xaf": "a 7-Zip archive; unpack it",
    b"Rar!": "a RAR archive; unpack it",
    b"\x1f\x8b": "packed twice; unpack it once",
    b"\x28\xb5\x2f\xfd": "packed twice; unpack it once",
    b"BZh": "packed twice; unpack it once",
    b"\xfd7zXZ": "packed twice; unpack it once",
    b"\x7fELF": "a program; name a file of comments",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The first bytes of a source, unpacked and in UTF-8, and whether they are all of it."""

    data: bytes
    is_whole: bool

    def lines(self) -> list[bytes]:
        """Return its lines that are not blank, without a last one that may go on."""
        lines = self.data.split(b"\n")
        return [line for line in (lines if self.is_whole else lines[:-1] or lines) if line.strip()]


def head_of(source: Source) -> Head:
    """Read the beginning of a source.

    Raises:
        InputError: The source is empty, a damaged archive, or a file of another kind altogether.
    """
    data, is_whole = bytearray(), True
    with closing(source.open()) as stream:
        for chunk in stream:
            data += chunk
            if len(data) >= N_HEAD:
                is_whole = False
                break
    head = Head(data=bytes(data[:N_HEAD]), is_whole=is_whole and stream.damage is None)
    if not head.data and stream.damage is not None:
        raise InputError(f"{source.name} cannot be unpacked: {stream.damage} Fetch or pack it again.")
    _refuse_foreign(source, head.data, was_packed=stream.was_packed)
    return head


def _refuse_foreign(source: Source, data: bytes, *, was_packed: bool) -> None:
    if not data.strip():
        if source.found:
            return
        raise InputError(f"{source.name} is empty; name a file with comments.")
    if source.name.lower().endswith(PACKINGS) and not was_packed:
        raise InputError(f"{source.name} is not the archive its name says; rename it, or fetch it again.")
    if binary_container(data) is not None:
        return
    if data.startswith(_ZIP) and not source.is_lasting:
        raise InputError(
            f"{source.name} is a ZIP archive or a document, which cannot be read as it comes in; save it and"
            " name the file."
        )
    for magic, kind in _FOREIGN.items():
        if data.startswith(magic):
            raise InputError(f"{source.name} is {kind}.")
    if len(_CONTROL.findall(data)) > len(data) // 100:
        raise InputError(f"{source.name} is no text but binary data; name a file of comments.")
    _refuse_other_encoding(source, data)


def _refuse_other_encoding(source: Source, data: bytes) -> None:
    lines = data.split(b"\n")[:-1]
    n_bad = sum(1 for line in lines if not _is_utf8(line))
    if n_bad >= 20 and n_bad * 5 > len(lines):
        raise InputError(
            f"{source.name} is not UTF-8: {n_bad} of its first {len(lines)} lines hold other bytes;"
            " convert it first, for example with iconv -f WINDOWS-1252 -t UTF-8."
        )


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def binary_container(data: bytes) -> str | None:
    """Return the container that the first bytes of a file announce, where it is none of text."""
    if data.startswith(PARQUET_MAGIC):
        return "parquet"
    if data.startswith((ARROW_MAGIC, ARROW_STREAM)):
        return "arrow"
    return "excel" if data.startswith(_ZIP) and _WORKBOOK.search(data) else None


def is_web_page(head: Head) -> bool:
    """Return whether it is HTML or XML rather than data."""
    return _PAGE.match(head.data) is not None


def is_code(head: Head) -> bool:
    """Return whether nearly all lines are long, in ASCII and without a blank: base64, hashes, addresses."""
    lines = head.lines()
    n_long = sum(
        1 for line in lines if len(line) > _N_CODE and line.isascii() and not _BLANK.search(line.strip())
    )
    return len(lines) >= _N_CODE_LINES and n_long * 10 >= len(lines) * 9


def container_of(source: Source, head: Head, *, mapped: frozenset[str] = frozenset()) -> str:
    """Return which of `CONTAINERS` a source is; `mapped` are names the caller says its header holds."""
    binary = binary_container(head.data)
    if binary is not None:
        return binary
    if head.data.lstrip()[:1] in (b"{", b"["):
        container = _json_container(source, head)
        if container is not None:
            return container
    if source.suffix in (".json", ".jsonl", ".ndjson"):
        return "json" if source.suffix == ".json" else "ndjson"
    if source.suffix in (".tsv", ".tab"):
        return "tsv"
    if source.suffix == ".csv" or _has_header(head, mapped=mapped):
        return "tsv" if delimiter_of(head) == "\t" else "csv"
    return "lines"


def _json_container(source: Source, head: Head) -> str | None:
    lines = head.lines()
    n_values = sum(1 for line in lines if is_value(line))
    if n_values and 2 * n_values >= len(lines):
        return "json" if len(lines) == 1 and head.is_whole and source.suffix == ".json" else "ndjson"
    if source.suffix in (".jsonl", ".ndjson") and not (len(lines) > 1 and _SPREAD.match(head.data)):
        return "ndjson"
    # An array or object over several lines; a comment such as "[Verse 1] so good" is none.
    starts = re.match(rb'\s*(?:\{\s*(?:"|\}|$)|\[\s*(?:[\[{"\]]|-?\d|$))', head.data)
    return "json" if starts else None


def is_value(line: bytes) -> bool:
    """Return whether a line is a JSON object or array."""
    try:
        return isinstance(orjson.loads(line), (dict, list))
    except ValueError:
        return False


def header_of(head: Head, *, delimiter: str) -> list[str]:
    """Return the cells of the first line that is not blank."""
    return [cell.strip() for cell in next(_rows_of(head, delimiter=delimiter), [])]


def delimiter_of(head: Head) -> str:
    """Return what separates the cells of the header: the delimiter that gives most of them."""
    return max(_DELIMITERS, key=lambda delimiter: len(header_of(head, delimiter=delimiter)))


def dialect_of(head: Head, *, delimiter: str) -> Dialect:
    r"""Return how a table is written: of \" and doubled quotation marks what makes more of it rows.

    Where both make as many, a backslash is a backslash.
    """
    plain, escaped = Dialect(delimiter=delimiter), Dialect(delimiter=delimiter, escapes=True)
    if b"\\" not in head.data:
        return plain
    n_plain = n_good_rows(ByteStream(io.BytesIO(head.data)), dialect=plain)
    if delimiter == "\t" and is_unquoted(head.data, n_quoted=n_plain):
        return Dialect(delimiter=delimiter, is_unquoted=True)
    if ESCAPED.encode() not in head.data:
        return plain
    n_escaped = n_good_rows(ByteStream(io.BytesIO(head.data)), dialect=escaped)
    return escaped if n_escaped > n_plain else plain


def _has_header(head: Head, *, mapped: frozenset[str]) -> bool:
    """Return whether the first line names columns and most others have as many cells."""
    delimiter = delimiter_of(head)
    header = header_of(head, delimiter=delimiter)
    names = set(map(fold, header))
    if not (names & _TEXT_NAMES or (mapped and mapped <= {*header, *names})):
        return False
    if not all(_COLUMN_NAME.fullmatch(cell) for cell in header if cell):
        return False
    rows = list(_rows_of(head, delimiter=delimiter))[1:]
    return 2 * sum(len(row) == len(header) for row in rows) >= len(rows)


def _rows_of(head: Head, *, delimiter: str) -> Iterator[list[str]]:
    allow_long_cells()
    text = head.data.decode("utf-8", "replace").split("\n")
    text = text[is_separator_line(text[0]) :]
    try:
        yield from filter(None, csv.reader([line + "\n" for line in text], delimiter=delimiter))
    except csv.Error:
        return
