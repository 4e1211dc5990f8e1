"""Rows of Excel workbooks, as a stream of (number, value) like those of `containers`."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, Final

from plaudit.errors import PlauditError
from plaudit.readers.containers import Numbered
from plaudit.readers.stream import ByteStream
from plaudit.readers.table import unique_names

N_SHARED_LIMIT: Final = 256 << 20
"""Bytes of a workbook's table of texts, which the library holds whole."""

_SHARED: Final = "xl/sharedStrings.xml"


def workbook_rows(stream: ByteStream, *, has_text: Callable[[Sequence[str]], bool] | None = None) -> Numbered:
    """Yield the rows of each sheet under its header as objects; empty rows are no rows.

    Numbers run on from sheet to sheet, so that each names one row only.

    Args:
        stream: The workbook.
        has_text: Tells by its header whether a sheet holds comments. Where several do, `stream.part` is the
            name of the one that a row lies in: ids may begin anew in each.
    """
    with stream.as_file() as opened:
        try:
            _check(opened)
            sheets = _sheets(opened)
            is_several = has_text is not None and sum(map(has_text, map(_first_header, sheets))) > 1
            yield from _numbered(sheets, stream=stream, is_several=is_several)
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


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Rows that can be gone through more than once."""

    name: str
    rows: Callable[[], Iterator[Sequence[Any]]]


def _sheets(opened: BinaryIO) -> list[_Sheet]:
    from openpyxl import load_workbook  # half a second, for those who have a workbook

    # It warns of styles and validations it does not know; there is nothing to read in them.
    warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
    book = load_workbook(opened, read_only=True, data_only=True, keep_links=False)
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # some tools write wrong ones
    return [_Sheet(each.title, partial(each.iter_rows, values_only=True)) for each in book.worksheets]


def _is_empty(row: Sequence[Any]) -> bool:
    return all(cell is None or cell == "" for cell in row)


def _first_header(sheet: _Sheet) -> list[str]:
    try:
        return next((_header(row) for row in sheet.rows() if not _is_empty(row)), [])
    except PlauditError:
        raise
    except Exception:  # a damaged sheet is told of when its turn has come
        return []


def _numbered(sheets: Iterable[_Sheet], *, stream: ByteStream, is_several: bool) -> Numbered:
    number = 0
    for sheet in sheets:
        stream.part = sheet.name if is_several else None
        header: list[str] | None = None
        for row in sheet.rows():
            number += 1
            if _is_empty(row):
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
