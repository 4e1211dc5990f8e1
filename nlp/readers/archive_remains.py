"""What is left of a ZIP archive that was cut short: its files, though the list of them at its end is gone.

Layout of the headers before each file: APPNOTE.TXT of PKWARE, 4.3.7.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

_HEADER = struct.Struct("<4s2xHH8xIIHH")
_MAGIC: Final = b"PK\x03\x04"
_ENCRYPTED, _SIZE_BEHIND = 1, 8
_STORED, _DEFLATED = 0, 8
_UNKNOWN: Final = 0xFFFFFFFF
_N_CHUNK: Final = 1 << 16
_N_BEHIND: Final = 24  # bytes that may stand between a file and the next header


@dataclass(frozen=True, slots=True, kw_only=True)
class Remnant:
    """A file of a damaged archive.

    Attributes:
        name: Its name there.
        start: Where its packed bytes begin.
        is_packed: Whether they are deflated.
        size: How many they are; None where only they themselves say.
    """

    name: str
    start: int
    is_packed: bool
    size: int | None


def remnants(opened: BinaryIO) -> Iterator[Remnant]:
    """Yield the files of a damaged archive from its beginning on, as far as one follows another."""
    at = 0
    while True:
        opened.seek(at)
        header = opened.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return
        magic, flags, method, packed, _, n_name, n_extra = _HEADER.unpack(header)
        if magic != _MAGIC or flags & _ENCRYPTED or method not in (_STORED, _DEFLATED):
            return
        name = opened.read(n_name).decode("utf-8", "replace")
        size = None if flags & _SIZE_BEHIND or packed == _UNKNOWN else packed
        if size is None and method == _STORED:
            return
        found = Remnant(
            name=name, start=at + _HEADER.size + n_name + n_extra, is_packed=method == _DEFLATED, size=size
        )
        yield found
        end = found.start + size if size is not None else _end_of(opened, found.start)
        opened.seek(end)
        at = end + max(opened.read(_N_BEHIND + len(_MAGIC)).find(_MAGIC), 0)


def _end_of(opened: BinaryIO, start: int) -> int:
    opened.seek(start)
    inflater, n_read = zlib.decompressobj(-15), 0
    try:
        while not inflater.eof and (chunk := opened.read(_N_CHUNK)):
            n_read += len(chunk)
            while chunk and not inflater.eof:
                inflater.decompress(chunk, _N_CHUNK)
                chunk = inflater.unconsumed_tail
    except zlib.error:
        return start + n_read
    return start + n_read - len(inflater.unused_data)


class RemnantFile(io.RawIOBase):
    """A pass over a file of a damaged archive; its end, or the damage, is an OSError."""

    def __init__(self, opened: BinaryIO, remnant: Remnant) -> None:
        self._raw = opened
        self._left = remnant.size
        self._inflater = zlib.decompressobj(-15) if remnant.is_packed else None
        opened.seek(remnant.start)

    def readable(self) -> bool:
        """Return true."""
        return True

    def read(self, n: int = -1, /) -> bytes:
        """Return at most n unpacked bytes; none at the end of the file.

        Raises:
            OSError: The archive ends before the file does, or is damaged.
        """
        wanted = _N_CHUNK if n < 0 else n
        if self._inflater is None:
            return self._packed(wanted)
        out = b""
        try:
            while not out and not self._inflater.eof:
                packed = self._inflater.unconsumed_tail or self._packed(min(wanted, _N_CHUNK))
                out = self._inflater.decompress(packed, wanted)
                if not packed and not out and not self._inflater.eof:
                    raise OSError("the archive ends too early")
        except zlib.error as error:
            raise OSError(f"the archive is damaged ({error})") from error
        return out

    def _packed(self, n: int) -> bytes:
        chunk = self._raw.read(n if self._left is None else min(n, self._left))
        if self._left is not None:
            if self._left and not chunk:
                raise OSError("the archive ends too early")
            self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        """Close the archive."""
        self._raw.close()
        super().close()
