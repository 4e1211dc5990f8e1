"""Chunks of bytes into comments to label, one a line, whatever the bytes hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from plaudit.items import Item
from plaudit.text import writable

LINE_BYTES: Final = 4 << 20  # a longer line is no comment; without a bound one file could fill the memory

_BOM: Final = b"\xef\xbb\xbf"


class Splitter:
    """Cuts bytes into lines as they arrive; a long line in small pieces costs no more than in one."""

    def __init__(self) -> None:
        self._rest, self._is_overlong = bytearray(), False

    @property
    def n_bytes(self) -> int:
        """Bytes held of a line that has no end yet."""
        return len(self._rest)

    def feed(self, chunk: bytes) -> list[bytes | None]:
        """Return the lines that a chunk completes, without their ends; None for one that is too long."""
        first, *others = chunk.split(b"\n")
        lines: list[bytes | None] = []
        self._extend(first)
        for piece in others:
            lines.append(self._taken())
            self._extend(piece)
        if len(self._rest) > LINE_BYTES:
            self._rest, self._is_overlong = bytearray(), True
        return lines

    def end(self) -> list[bytes | None]:
        """Return the last line where it has no end of its own."""
        return [self._taken()] if self._rest or self._is_overlong else []

    def _extend(self, piece: bytes) -> None:
        if not self._is_overlong:
            self._rest += piece

    def _taken(self) -> bytes | None:
        line = None if self._is_overlong else bytes(self._rest)
        self._rest, self._is_overlong = bytearray(), False
        return line


def lines_of(chunks: Iterable[bytes]) -> Iterator[list[bytes | None]]:
    """Yield the lines that each chunk completes, without their ends; None for one that is too long."""
    splitter = Splitter()
    for chunk in chunks:
        yield splitter.feed(chunk)
    if last := splitter.end():
        yield last


def item_of(line: bytes | None, *, number: int) -> Item:
    """Return what a line says: a record where it is a JSON object, else a text.

    Args:
        line: Without its end; None where it was too long to keep.
        number: Of the line, from 1; the id of what has none.
    """
    if line is None:
        return Item(id=str(number), error=f"The line is longer than {LINE_BYTES >> 20} MiB.")
    text = line.removeprefix(_BOM if number == 1 else b"").decode("utf-8", "replace")
    record = _record(text)
    if record is None:
        return Item.of(text.removesuffix("\r"), id=str(number))
    id_ = _id(record.get("id"), number=number)
    if id_ is None:
        return Item(id=str(number), error="The id is neither a string nor a number.")
    return _of_record(record, id_=id_)


def _record(line: str) -> dict[str, object] | None:
    if not line.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _id(value: object, *, number: int) -> str | None:
    if value is None or value == "":
        return str(number)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return writable(str(value))
    return None


def _of_record(record: dict[str, object], *, id_: str) -> Item:
    if "text" not in record:
        return Item(id=id_, error="The record has no text.")
    text = record["text"]
    if not isinstance(text, str | None):
        return Item(id=id_, error="The text is not a string.")
    return Item.of(text or "", id=id_)
