r"""Tables without quotation marks, as MySQL's `INTO OUTFILE` and `--tab` and PostgreSQL's `COPY` write them.

A tab stands between cells, and a backslash before what would else end one: `\` and a line end, `\` and a tab,
`\\`; PostgreSQL writes `\n` and `\t`. `\N` is null, and a quotation mark is a character like others.

Such a table is told from one in which a backslash is a backslash, as in `C:\new`, by what no other has: cells
that are `\N`, or line ends and tabs that make more of it rows where they are escaped. It is none where a
backslash stands before anything that these never escape (`C:\dir`, `\o/`), or where cells are enclosed.
"""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Iterator
from typing import Final

from plaudit.readers.containers import N_LINE_LIMIT, Numbered
from plaudit.readers.format import Problem
from plaudit.readers.quotation import NULL
from plaudit.readers.stream import ByteStream
from plaudit.readers.table import fits, text_lines, unique_names

Cells = list[str | None]

_CELL = re.compile(r"(?:[^\t\\]+|\\.?)*+", re.DOTALL)
_ESCAPE = re.compile(r"\\([\\0bfnrtv\t\n\r])")
_MEANS: Final = {"0": "\0", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_OPEN = re.compile(r"(?<!\\)(?:\\\\)*\\\r?\n\Z")  # a line whose end is escaped
_FOREIGN = re.compile(r"(?<!\\)(?:\\\\)*\\[^\\N0bfnrtv\t\n\r]")
_NULLS = re.compile(r"(?:^|(?<=[\t\n]))\\N(?=[\t\r\n]|\Z)")
_N_AGAIN: Final = 4  # times the characters of the table that may be read again in all, so that it ends


def unquoted_rows(stream: ByteStream) -> Numbered:
    """Yield the rows of a table under its header as objects, like `table.table_rows`."""
    header: Cells | None = None
    names: list[str] = []
    for number, cells in _Rows(stream):
        if header is None:
            header, names = cells, unique_names([(cell or "").strip() for cell in cells])
        elif cells == header:
            yield number, Problem("not_a_record", "The header stands here once more.")
        elif not fits(cells, len(names)):
            detail = f"The row has {len(cells)} cells, the header {len(names)}."
            yield number, Problem("malformed_row", detail)
        else:
            yield number, dict(zip(names, cells, strict=False))


def is_unquoted(data: bytes, *, n_quoted: int) -> bool:
    """Return whether the beginning of a table is of this kind.

    Args:
        data: It, in UTF-8.
        n_quoted: Rows as long as the header that are in it where quotation marks count.
    """
    text = data.decode("utf-8", "replace")
    if "\\" not in text or _FOREIGN.search(text):
        return False
    rows = _Rows(ByteStream(io.BytesIO(data)))
    found = [cells for _, cells in rows]
    good = [cells for cells in found if fits(cells, len(found[0]))]
    n_enclosed = sum(
        any(cell and len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells) for cells in good
    )
    if 2 * n_enclosed >= len(good):
        return False
    has_nulls = _NULLS.search(text) is not None and len(good) >= n_quoted
    return has_nulls or (rows.has_escaped and len(good) > n_quoted)


class _Rows:
    """Rows of a table, each with the line it begins on.

    A line whose end is escaped goes on in the next, but where that makes no row as long as the header: then
    it stands for itself, so that a backslash at the end of a line costs no other.

    Attributes:
        has_escaped: Whether a row has gone over several lines, or held an escaped tab.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._lines = text_lines(stream)
        self._waiting: deque[tuple[int, str]] = deque()
        self._n_cells = self._n_read = self._n_again = 0
        self.has_escaped = False

    def __iter__(self) -> Iterator[tuple[int, Cells]]:
        for number, line in iter(self._next, None):
            if line.strip("\r\n"):
                cells = self._joined(line) if self._n_cells and _OPEN.search(line) else None
                cells = cells_of(_ended(line)) if cells is None else cells
                self._n_cells = self._n_cells or len(cells)
                self.has_escaped |= "\\\t" in line and fits(cells, self._n_cells)
                yield number, cells

    def _joined(self, line: str) -> Cells | None:
        """Return the cells of a row that goes on in the next lines; None where it is none, and they wait."""
        taken: list[tuple[int, str]] = []
        parts, size = [line], len(line)
        while _OPEN.search(parts[-1]) and size <= N_LINE_LIMIT and (more := self._next()) is not None:
            taken.append(more)
            parts.append(more[1])
            size += len(more[1])
        cells = cells_of(_ended("".join(parts)))
        if len(taken) and (fits(cells, self._n_cells) or self._n_again > _N_AGAIN * self._n_read):
            self.has_escaped = True
            return cells
        self._n_again += size
        self._waiting.extendleft(reversed(taken))
        return None

    def _next(self) -> tuple[int, str] | None:
        if self._waiting:
            return self._waiting.popleft()
        found = next(self._lines, None)
        self._n_read += 0 if found is None else len(found[1])
        return found


def _ended(row: str) -> str:
    return row.removesuffix("\n").removesuffix("\r")


def cells_of(row: str) -> Cells:
    r"""Return the cells of a row without the line end behind it, None for `\N`."""
    return [None if cell == NULL else _ESCAPE.sub(_meant, cell) for cell in _split(row)]


def _split(row: str) -> Iterator[str]:
    at = 0
    while True:
        cell = _CELL.match(row, at)[0]  # type: ignore[index]  # it matches nothing, too
        yield cell
        at += len(cell) + 1
        if at > len(row):
            return


def _meant(match: re.Match[str]) -> str:
    return _MEANS.get(match[1], match[1])
