"""A report read back from its file, however long: the numbers of its groups go to the disk, one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Final

import orjson

from plaudit.errors import InputError
from plaudit.readers.json_window import N_STEP, Ends, Window
from plaudit.report.envelope import Finding, Report
from plaudit.report.group_file import in_order
from plaudit.report.stored import group_of, parse, told_of_shape

MAX_WHOLE: Final = 32 << 20
"""Bytes of a report that memory holds whole."""

_LIMIT: Final = 256 << 20  # bytes of one value in it: a group takes some 30 kB


def read(file: Path, *, name: str) -> Report:
    """Return a report; groups of a long one come without their signals and reasons.

    Args:
        file: What `Report.to_json` wrote, indented or not.
        name: What to call it in an error.

    Raises:
        InputError: It is no JSON, or not that of a report.
        OSError: It can't be read.
        StorageError: The disk for temporary files is full.
    """
    if file.stat().st_size <= MAX_WHOLE:
        return parse(file.read_bytes(), name=name)
    with file.open("rb") as opened:
        outline = _Outline(iter(partial(opened.read, N_STEP), b""), name=name)
        groups = in_order(outline.groups(), folder=None)
        return replace(parse(outline.rest(), name=name), groups=groups)


class _Outline:
    """A report's groups as they come; then what else it says."""

    def __init__(self, chunks: Iterable[bytes], *, name: str) -> None:
        self._window, self._name = Window(chunks, limit=_LIMIT), name
        self._rest: list[bytes] = []

    def groups(self) -> Iterator[tuple[str, Finding]]:
        """Yield the groups by name."""
        window = self._window
        try:
            if window.peek() != b"{":
                raise Ends
            window.take(1)
            while window.peek() != b"}":
                name = window.scalar()
                if window.peek(gap=b" \t\r\n:") == b"[" and name == b'"groups"':
                    window.take(1)
                    yield from self._items()
                else:
                    self._rest.append((name or b"") + b":" + self._value())
        except Ends:
            raise InputError(
                f"{self._name} is not JSON (it stops being so, or ends too early, after byte "
                f"{window.position:,}); a report.json of `plaudit score` was expected."
            ) from None

    def rest(self) -> bytes:
        """Return the report without its groups."""
        return b"{%b}" % b",".join([b'"groups":[]', *self._rest])

    def _items(self) -> Iterator[tuple[str, Finding]]:
        is_closed = False
        while not is_closed:
            items, is_closed = self._window.items()
            if not items and not is_closed:
                raise Ends
            with told_of_shape(self._name):
                found = [group_of(each) for each in orjson.loads(b"[%b]" % items.strip(b" \t\r\n,"))]
            for group in found:
                slim = replace(group, reasons={}, signals=())
                yield group.key, Finding(**{each.name: getattr(slim, each.name) for each in fields(Finding)})

    def _value(self) -> bytes:
        window = self._window
        length = window.length() if window.peek() in (b"{", b"[") else None
        value = window.take(length) if length is not None else window.scalar()
        if value is None:
            raise Ends
        return value
