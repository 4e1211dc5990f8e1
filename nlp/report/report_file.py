"""A report read back from its file, however long: of its groups only the numbers stay."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import orjson

from plaudit.errors import InputError
from plaudit.readers.json_window import N_STEP, Ends, Window
from plaudit.report.envelope import Report
from plaudit.report.group_table import GroupTable
from plaudit.report.stored import parse, told_of_shape

MAX_WHOLE: Final = 32 << 20
"""Bytes of a report that memory holds whole."""

_LIMIT: Final = 256 << 20  # bytes of one value in it: a group takes some 7 kB

# How `Report.to_json` writes a group: on a line of its own, as line breaks and quotes in a text are escaped.
_BEGIN: Final = b'    {"'
_SIGNALS: Final = b',"signals":[{'
_AFTER_SIGNALS: Final = b'}],"coverage":{'


def read(file: Path, *, name: str) -> Report:
    """Return a report; groups of a long one come without their signals and reasons.

    Args:
        file: What `Report.to_json` wrote, indented or not.
        name: What to call it in an error.

    Raises:
        InputError: It is no JSON, or not that of a report.
        OSError: It can't be read.
    """
    if file.stat().st_size <= MAX_WHOLE:
        return parse(file.read_bytes(), name=name)
    with file.open("rb") as opened:
        outline = _Outline(iter(partial(opened.read, N_STEP), b""), name=name)
        groups = outline.groups()
        return replace(parse(outline.rest(), name=name), groups=groups)


class _Outline:
    """A report's groups as they come; then what else it says."""

    def __init__(self, chunks: Iterable[bytes], *, name: str) -> None:
        self._window, self._name = Window(chunks, limit=_LIMIT), name
        self._rest: list[bytes] = []

    def groups(self) -> GroupTable:
        """Return the groups, in the order they stand."""
        window, table = self._window, GroupTable()
        try:
            if window.peek() != b"{":
                raise Ends
            window.take(1)
            while window.peek() != b"}":
                name = window.scalar()
                if window.peek(gap=b" \t\r\n:") == b"[" and name == b'"groups"':
                    window.take(1)
                    self._add_as_written(table)
                    self._add_others(table)
                else:
                    self._rest.append((name or b"") + b":" + self._value())
        except Ends:
            raise InputError(
                f"{self._name} is not JSON (it stops being so, or ends too early, after byte "
                f"{window.position:,}); a report.json of `plaudit score` was expected."
            ) from None
        return table

    def rest(self) -> bytes:
        """Return the report without its groups."""
        return b"{%b}" % b",".join([b'"groups":[]', *self._rest])

    def _add_as_written(self, table: GroupTable) -> None:
        """Take groups as long as they stand as `Report.to_json` writes them; signals are not parsed."""
        while True:
            groups, n = _slim(self._window.held(N_STEP))
            try:
                found = orjson.loads(b"[%b]" % b",".join(groups))
            except orjson.JSONDecodeError:
                return  # of another hand
            if not found:
                return
            with told_of_shape(self._name):
                for each in found:
                    table.add(each)
            self._window.take(n)

    def _add_others(self, table: GroupTable) -> None:
        is_closed = False
        while not is_closed:
            items, is_closed = self._window.items()
            if not items and not is_closed:
                raise Ends
            with told_of_shape(self._name):
                for each in orjson.loads(b"[%b]" % items.strip(b" \t\r\n,")):
                    table.add(each)

    def _value(self) -> bytes:
        window = self._window
        length = window.length() if window.peek() in (b"{", b"[") else None
        value = window.take(length) if length is not None else window.scalar()
        if value is None:
            raise Ends
        return value


def _slim(text: bytes) -> tuple[list[bytes], int]:
    """Return the groups that a text begins with, without their signals, and how long they are together."""
    found: list[bytes] = []
    n = 0
    gap, *lines = text.split(b"\n")
    for line in [] if gap else lines[:-1]:  # the last one may go on
        if not (line.startswith(_BEGIN) and line.endswith((b"}", b"},"))):
            break
        first = line.find(_SIGNALS)
        after = line.find(_AFTER_SIGNALS, first)
        found.append((line[:first] + line[after + len(b"}]") :] if 0 <= first < after else line).strip(b" ,"))
        n += len(b"\n") + len(line)
    return found, n
