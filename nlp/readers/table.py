r"""Rows of CSV and TSV, as a stream of (number, value) like those of `containers`.

A quotation mark that is never closed would swallow the rows behind it. So a row of several lines whose
quotation is no good one is read again from its second line on, where one of its lines is a row by itself.

Within a cell a quotation mark is doubled, or written \" (`quotation`). One file may hold both, and "C:\dir\"
is read well only where a backslash is nothing else. So the table is read in the way that gives more rows of
its beginning, and a row that is none in that way in the other.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from plaudit.readers.containers import N_LINE_LIMIT, Numbered, lines
from plaudit.readers.format import Problem
from plaudit.readers.json_values import BAD_BYTE, decode_marking
from plaudit.readers.quotation import ESCAPED, NULL, Unescaper
from plaudit.readers.stream import ByteStream

N_CELL_LIMIT: Final = 1 << 20
_N_CELLS: Final = 1 << 20  # of a row: 64 MiB of delimiters would take two GB as cells
_N_AGAIN: Final = 4  # times the characters of the table that may be read again in all, so that it ends
_BARE_RETURN = re.compile(r"(?<=\r)(?!\n)")
_SEPARATOR_LINE = re.compile(r'"?sep=(?:.|\\t)"?\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    r"""How a table of text is written.

    Attributes:
        delimiter: What separates its cells.
        escapes: Whether quotation marks are rather written \" than doubled; \N is null then, as in MySQL.
        is_unquoted: Whether it has none, and a backslash stands before what would end a cell (`unquoted`).
    """

    delimiter: str
    escapes: bool = False
    is_unquoted: bool = False


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


def allow_long_cells() -> None:
    """Let the module csv read cells of up to `N_CELL_LIMIT`; more where others of this process ask for it."""
    csv.field_size_limit(max(N_CELL_LIMIT, csv.field_size_limit()))


def table_rows(stream: ByteStream, *, dialect: Dialect) -> Numbered:
    """Yield the rows of a table under its header as objects; blank lines are no rows."""
    allow_long_cells()
    found = _Lines(stream, dialect=dialect)
    strict = csv.reader(found, delimiter=dialect.delimiter, strict=True)
    loose = csv.reader(found, delimiter=dialect.delimiter)
    header: list[str] | None = None
    names: list[str] = []
    while True:
        found.begin_row()
        row: list[str] | Problem | None
        try:
            row = _next(strict, found)
            if row and header is not None and not fits(row, len(names)):
                row = _otherwise(strict, found, n_cells=len(names)) or row
        except csv.Error as error:
            row = _otherwise(strict, found, n_cells=len(names)) or _unclosed(found, len(names))
            row = row or _loosely(loose, found, error, n_cells=len(names))
        if row is None:
            return
        if isinstance(row, Problem):
            yield found.number, row
        elif header is None and row:
            header, names = row, unique_names([name.strip() for name in row])
        elif row and row == header:
            yield found.number, Problem("not_a_record", "The header stands here once more.")
        elif row:
            yield found.number, _row(row, names, null=NULL if dialect.escapes else None)


def n_good_rows(stream: ByteStream, *, dialect: Dialect) -> int:
    """Return how many rows of a table are as long as its header, read in one dialect and no other."""
    allow_long_cells()
    found = _Lines(stream, dialect=dialect)
    strict = csv.reader(found, delimiter=dialect.delimiter, strict=True)
    n_rows = n_cells = 0
    while True:
        found.begin_row()
        try:
            row = _next(strict, found)
        except csv.Error:
            if len(found.row) > 1 and not found.may_return:
                return n_rows
            found.give_back(1)
            continue
        if row is None:
            return n_rows
        n_cells = n_cells or len(row)
        n_rows += bool(row) and fits(row, n_cells)


def _next(reader: Iterator[list[str]], found: _Lines) -> list[str] | None:
    row = next(reader, None)
    if row and found.n_characters > N_CELL_LIMIT:
        _refuse_long(row)
    return row


def _refuse_long(row: Sequence[str]) -> None:
    # The limit of the module csv is one for the whole process, and may be a higher one.
    if any(len(cell) > N_CELL_LIMIT for cell in row):
        raise csv.Error(f"field larger than field limit ({N_CELL_LIMIT})")


def fits(cells: Sequence[str | None], n_expected: int) -> bool:
    """Return whether a row is as long as the header, or longer by blank cells only."""
    return len(cells) == n_expected or (len(cells) > n_expected and not any(cells[n_expected:]))


def _row(cells: list[str], header: list[str], *, null: str | None) -> dict[str, str | None] | Problem:
    if not fits(cells, len(header)):
        return Problem("malformed_row", f"The row has {len(cells)} cells, the header {len(header)}.")
    values = cells if null is None else [None if cell == null else cell for cell in cells]
    return dict(zip(header, values, strict=False))


def _otherwise(strict: Iterator[list[str]], found: _Lines, *, n_cells: int) -> list[str] | None:
    """Read a row once more in the other way; None where it is none in that way, or would swallow others."""
    if not (n_cells and found.may_return and any(ESCAPED in line for line in found.row)):
        return None
    n_lines = len(found.row)
    found.give_back(0)
    found.escapes = not found.escapes
    try:
        row = _next(strict, found)
    except csv.Error:
        row = None
    found.escapes = not found.escapes
    if row and fits(row, n_cells) and not any(found.is_row(line, n_cells) for line in found.row[1:]):
        return row
    found.give_back(0)
    found.take(n_lines)
    return None


def _unclosed(found: _Lines, n_cells: int) -> Problem | None:
    """Return what is wrong with a row that swallowed others, which are then read next; None if it did not."""
    if found.may_return and any(found.is_row(line, n_cells) for line in found.row[1:]):
        found.give_back(1)
        return Problem("malformed_row", "A quotation mark is opened here and never closed.")
    return None


def _loosely(
    loose: Iterator[list[str]], found: _Lines, error: csv.Error, *, n_cells: int
) -> list[str] | Problem | None:
    """Read a row once more, quotation marks within a cell being characters like others."""
    row: list[str] | Problem | None = None
    if found.may_return:
        found.give_back(0)
        try:
            row = _next(loose, found)
        except csv.Error as again:
            error = again
    swallowed = _unclosed(found, n_cells)
    return swallowed or row or Problem("malformed_row", f"The row cannot be split into cells ({error}).")


class _Lines:
    """Lines of a table, and those of the row that is being read, which may be given back.

    Attributes:
        row: Lines taken since the row began, as they lie there.
        number: Line of the file on which the row began, from 1.
        escapes: Whether a backslash is taken for one that escapes; changed between rows only.
    """

    def __init__(self, stream: ByteStream, *, dialect: Dialect) -> None:
        self._lines, self._delimiter, self.escapes = text_lines(stream), dialect.delimiter, dialect.escapes
        self._unescape = Unescaper(delimiter=dialect.delimiter)
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
        if len(line) > _N_CELLS and line.count(self._delimiter) > _N_CELLS:
            raise csv.Error(f"it has more than {_N_CELLS:,} cells")
        return self._unescape(line) if self.escapes else line

    @property
    def number(self) -> int:
        return self._numbers[0]

    @property
    def n_characters(self) -> int:
        """Of the row, as far as it was taken."""
        return self._n_row

    @property
    def may_return(self) -> bool:
        """Whether the lines of the row may be read again."""
        return self._n_again + self._n_row <= _N_AGAIN * self._n_read

    def begin_row(self) -> None:
        self._unescape.is_open = False
        self._n_row = 0
        self.row.clear()
        self._numbers.clear()

    def give_back(self, start: int) -> None:
        """Let the lines of the row from one of them on be taken again, as the next row or this one."""
        self._unescape.is_open = False
        self._n_again += self._n_row
        numbered = list(zip(self._numbers[start:], self.row[start:], strict=True))
        self._waiting.extendleft(reversed(numbered))
        del self.row[start:], self._numbers[start:]
        self._n_row = sum(map(len, self.row))

    def take(self, n: int) -> None:
        """Take lines that were given back, to stand where one did before."""
        for _ in range(n):
            next(self)

    def is_row(self, line: str, n_cells: int) -> bool:
        """Return whether a line is a row by itself."""
        if self.escapes:
            line = Unescaper(delimiter=self._delimiter)(line)
        try:
            cells = next(csv.reader([line], delimiter=self._delimiter, strict=True))
            if len(line) > N_CELL_LIMIT:
                _refuse_long(cells)
        except csv.Error:
            return False
        return fits(cells, n_cells)


def text_lines(stream: ByteStream) -> Iterator[tuple[int, str]]:
    """Yield numbered lines of a table, ended by one line feed; `BAD_BYTE` stands for what is no text."""
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
