"""Rows of CSV and TSV, as a stream of (number, value) like those of `containers`.

A quotation mark that is never closed would swallow the rows behind it. So a row of several lines whose
quotation is no good one is read again from its second line on, where one of its lines is a row by itself.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from plaudit.readers.containers import N_LINE_LIMIT, Numbered, lines
from plaudit.readers.format import Problem
from plaudit.readers.json_values import BAD_BYTE, decode_marking
from plaudit.readers.stream import ByteStream

N_CELL_LIMIT: Final = 1 << 20
_N_AGAIN: Final = 4  # times the characters of the table that may be read again in all, so that it ends
_BARE_RETURN = re.compile(r"(?<=\r)(?!\n)")
_SEPARATOR_LINE = re.compile(r'"?sep=(?:.|\\t)"?\s*', re.IGNORECASE)


def is_separator_line(line: str) -> bool:
    """Return whether a first line is Excel's `sep=;`, which is no row."""
    return _SEPARATOR_LINE.fullmatch(line) is not None


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names of columns, those that come again with a number: the first keeps its name."""
    found: list[str] = []
    for name in names:
        new, number = name, 1
        while name and new in found:
            number += 1
            new = f"{name} {number}"
        found.append(new)
    return found


def table_rows(stream: ByteStream, *, delimiter: str) -> Numbered:
    """Yield the rows of a table under its header as objects; blank lines are no rows."""
    csv.field_size_limit(N_CELL_LIMIT)
    found = _Lines(stream)
    strict = csv.reader(found, delimiter=delimiter, strict=True)
    loose = csv.reader(found, delimiter=delimiter)
    header: list[str] | None = None
    names: list[str] = []
    while True:
        found.begin_row()
        row: list[str] | Problem | None
        try:
            row = next(strict, None)
        except csv.Error as error:
            row = _unclosed(found, len(names), delimiter)
            row = row or _loosely(loose, found, error, n_cells=len(names), delimiter=delimiter)
        if row is None:
            return
        if isinstance(row, Problem):
            yield found.number, row
        elif header is None and row:
            header, names = row, unique_names([name.strip() for name in row])
        elif row and row == header:
            yield found.number, Problem("not_a_record", "The header stands here once more.")
        elif row:
            yield found.number, _row(row, names)


def _row(cells: list[str], header: list[str]) -> dict[str, str] | Problem:
    n_cells, n_expected = len(cells), len(header)
    if n_cells != n_expected and (n_cells < n_expected or any(cells[n_expected:])):
        return Problem("malformed_row", f"The row has {n_cells} cells, the header {n_expected}.")
    return dict(zip(header, cells, strict=False))


def _unclosed(found: _Lines, n_cells: int, delimiter: str) -> Problem | None:
    """Return what is wrong with a row that swallowed others, which are then read next; None if it did not."""
    if found.may_return and any(_is_row(line, n_cells, delimiter) for line in found.row[1:]):
        found.give_back(1)
        return Problem("malformed_row", "A quotation mark is opened here and never closed.")
    return None


def _is_row(line: str, n_cells: int, delimiter: str) -> bool:
    try:
        cells = next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return len(cells) >= n_cells and not any(cells[n_cells:])


def _loosely(
    loose: Iterator[list[str]], found: _Lines, error: csv.Error, *, n_cells: int, delimiter: str
) -> list[str] | Problem | None:
    """Read a row once more, quotation marks within a cell being characters like others."""
    row: list[str] | Problem | None = None
    if found.may_return:
        found.give_back(0)
        try:
            row = next(loose, None)
        except csv.Error as again:
            error = again
    swallowed = _unclosed(found, n_cells, delimiter)
    return swallowed or row or Problem("malformed_row", f"The row cannot be split into cells ({error}).")


class _Lines:
    """Lines of a table, and those of the row that is being read, which may be given back.

    Attributes:
        row: Lines taken since the row began.
        number: Line of the file on which the row began, from 1.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._lines = _text_lines(stream)
        self._waiting: deque[tuple[int, str]] = deque()
        self._numbers: list[int] = []
        self._n_read = self._n_again = self._n_row = 0
        self.row: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._n_row > N_LINE_LIMIT:
            raise csv.Error(f"it is longer than {N_LINE_LIMIT >> 20} MiB")
        if self._waiting:
            number, line = self._waiting.popleft()
        else:
            number, line = next(self._lines)
            self._n_read += len(line)
        self._n_row += len(line)
        self._numbers.append(number)
        self.row.append(line)
        return line

    @property
    def number(self) -> int:
        return self._numbers[0]

    @property
    def may_return(self) -> bool:
        """Whether the lines of the row may be read again."""
        return self._n_again + self._n_row <= _N_AGAIN * self._n_read

    def begin_row(self) -> None:
        self._n_row = 0
        self.row.clear()
        self._numbers.clear()

    def give_back(self, start: int) -> None:
        """Let the lines of the row from one of them on be taken again."""
        self._n_again += self._n_row
        numbered = list(zip(self._numbers[start:], self.row[start:], strict=True))
        self._waiting.extendleft(reversed(numbered))
        del self.row[start:], self._numbers[start:]
        self._n_row = sum(map(len, self.row))


def _text_lines(stream: ByteStream) -> Iterator[tuple[int, str]]:
    n_more = 0  # lines that end with a bare return: each counts, as in an editor
    for number, line in lines(stream):
        number += n_more
        if isinstance(line, Problem):
            yield number, BAD_BYTE + "\n"
            stream.is_marked = True
            continue
        try:
            text = line.decode() + "\n"
        except UnicodeDecodeError:
            stream.is_marked = True
            text = decode_marking(line) + "\n"
        if text[0] == "\ufeff":  # of tables put end to end
            text = text[1:]
        if number == 1 and is_separator_line(text):
            continue
        if "\r" in text and text.find("\r", 0, -2) >= 0:
            parts = _BARE_RETURN.split(text)
            yield from enumerate(parts, start=number)
            n_more += len(parts) - 1
        else:
            yield number, text
