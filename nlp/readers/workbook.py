"""Rows of Excel workbooks, as a stream of (number, value) like those of `containers`."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, Final

from plaudit.errors import PlauditError
from plaudit.readers.containers import Numbered
from plaudit.readers.stream import ByteStream
from plaudit.readers.table import unique_names

N_SHARED_LIMIT: Final = 256 << 20
"""Bytes of a workbook's table of texts, which the library holds whole."""

_SHARED: Final = "xl/sharedStrings.xml"


def workbook_rows(stream: ByteStream) -> Numbered:
    """Yield the rows of each sheet under its header as objects; empty rows are no rows.

    Numbers run on from sheet to sheet, so that each names one row only.
    """
    with stream.as_file() as opened:
        try:
            _check(opened)
            yield from _numbered(_sheets(opened))
        except PlauditError:  # of what it is fetched from
            raise
        except Exception as error:  # whatever a library of many thousand lines says of a damaged file
            reason = (str(error).splitlines() or [""])[0] or type(error).__name__
            stream.damage = f"The Excel workbook cannot be read ({reason[:120]})."


def _check(opened: BinaryIO) -> None:
    with zipfile.ZipFile(opened) as archive:
        if any(each.file_size > N_SHARED_LIMIT for each in archive.infolist() if each.filename == _SHARED):
            raise ValueError(f"more than {N_SHARED_LIMIT >> 20} MiB of texts; save its sheets as CSV")
    opened.seek(0)


def _sheets(opened: BinaryIO) -> Iterator[Iterable[Sequence[Any]]]:
    from openpyxl import load_workbook  # half a second, for those who have a workbook

    # It warns of styles and validations it does not know; there is nothing to read in them.
    warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
    book = load_workbook(opened, read_only=True, data_only=True, keep_links=False)
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # some tools write wrong ones
        yield sheet.iter_rows(values_only=True)


def _numbered(sheets: Iterable[Iterable[Sequence[Any]]]) -> Numbered:
    number = 0
    for rows in sheets:
        header: list[str] | None = None
        for row in rows:
            number += 1
            if all(cell is None or cell == "" for cell in row):
                continue
            if header is None:
                header = _header(row)
            else:
                if len(row) > len(header):
                    header = _widened(header, row)
                yield (
                    number,
                    {**dict.fromkeys(header), **dict(zip(header, row, strict=False))},
                )  # it may be short


def _widened(header: list[str], row: Sequence[Any]) -> list[str]:
    """Return a header with names for cells of a row beyond it, which are notes: cells here never shift."""
    n_cells = max((n for n, cell in enumerate(row, start=1) if cell is not None and cell != ""), default=0)
    beyond = (f"column {position}" for position in range(len(header) + 1, n_cells + 1))
    return unique_names([*header, *beyond])


def _header(row: Sequence[Any]) -> list[str]:
    names = ["" if cell is None else str(cell).strip() for cell in row]
    return unique_names([name or f"column {position}" for position, name in enumerate(names, start=1)])
