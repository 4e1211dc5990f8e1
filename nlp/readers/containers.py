"""Ways in which text holds records one after the other, each as a stream of (number, value).

A number is the line a value begins on, from 1; 0 where values are counted instead. A value is what JSON
has (a row of a table: an object), or a `Problem` where none could be read.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any, Final

import orjson

from plaudit.errors import InputError
from plaudit.readers.format import Problem
from plaudit.readers.json_values import BAD_BYTE, decode_marking, read_document, read_line
from plaudit.readers.stream import ByteStream

Numbered = Iterator[tuple[int, Any]]

N_LINE_LIMIT: Final = 64 << 20
N_DOCUMENT_LIMIT: Final = 256 << 20
N_CELL_LIMIT: Final = 1 << 20


def lines(stream: ByteStream) -> Iterator[tuple[int, bytes | Problem]]:
    r"""Yield numbered lines, ended by \n and nothing else; a last one cut off by damage is left out."""
    number, pieces, size = 1, [b""], 0
    for chunk in stream:
        first, *others = chunk.split(b"\n")
        size += len(first)
        if size <= N_LINE_LIMIT:
            pieces.append(first)
        for other in others:
            yield number, (b"".join(pieces) if size <= N_LINE_LIMIT else _too_long())
            number, pieces, size = number + 1, [other], len(other)
    if size and stream.damage is None:
        yield number, (b"".join(pieces) if size <= N_LINE_LIMIT else _too_long())


def _too_long() -> Problem:
    return Problem("not_a_record", f"The line is longer than {N_LINE_LIMIT >> 20} MiB.")


def ndjson_values(stream: ByteStream) -> Numbered:
    """Yield the value of each line that is not blank."""
    loads = orjson.loads
    for number, line in lines(stream):
        if isinstance(line, Problem):
            yield number, line
            continue
        try:
            yield number, loads(line)
        except ValueError:
            if line.strip():
                yield number, read_line(line)


def plain_values(stream: ByteStream) -> Numbered:
    """Yield each line that is not blank as a string."""
    for number, line in lines(stream):
        if isinstance(line, Problem):
            yield number, line
        elif line := line.strip(b" \t\r\f\v"):
            try:
                yield number, line.decode()
            except UnicodeDecodeError as error:
                detail = f"Byte {error.start + 1} of the line is not UTF-8 text."
                yield number, Problem("bad_encoding", detail)


def document_values(stream: ByteStream) -> Numbered:
    """Yield the values of a whole JSON file.

    Raises:
        InputError: The file is larger than can be held in memory.
    """
    data = bytearray()
    for chunk in stream:
        data += chunk
        if len(data) > N_DOCUMENT_LIMIT:
            limit = f"{N_DOCUMENT_LIMIT >> 20} MiB"
            raise InputError(
                f"One JSON document of more than {limit} cannot be read at once;"
                " make it one record a line (for example with jq -c '.[]') and name that file."
            )
    values, problem, stream.is_marked = read_document(bytes(data))
    for value in values:
        yield 0, value
    if problem is not None and stream.damage is None:
        yield 0, problem


def table_rows(stream: ByteStream, *, delimiter: str) -> Numbered:
    """Yield the rows of a table under its header as objects; blank lines are no rows."""
    csv.field_size_limit(N_CELL_LIMIT)
    reader = csv.reader(_text_lines(stream), delimiter=delimiter)
    header: list[str] | None = None
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield number, Problem("malformed_row", f"The row cannot be split into cells ({error}).")
            continue
        if row is None:
            return
        if header is None and row:
            header = [name.strip() for name in row]
        elif row and header is not None:
            yield number, _row(row, header)


def _row(cells: list[str], header: list[str]) -> dict[str, str] | Problem:
    n_cells, n_expected = len(cells), len(header)
    if n_cells != n_expected and (n_cells < n_expected or any(cells[n_expected:])):
        return Problem("malformed_row", f"The row has {n_cells} cells, the header {n_expected}.")
    return dict(zip(header, cells, strict=False))


def _text_lines(stream: ByteStream) -> Iterator[str]:
    for _, line in lines(stream):
        if isinstance(line, Problem):
            yield BAD_BYTE + "\n"
            stream.is_marked = True
            continue
        try:
            yield line.decode() + "\n"
        except UnicodeDecodeError:
            stream.is_marked = True
            yield decode_marking(line) + "\n"
