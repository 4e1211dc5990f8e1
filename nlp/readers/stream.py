"""Bytes of a source as they were before compression, in chunks; UTF-8 whatever they came in."""

from __future__ import annotations

import bz2
import codecs
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import BinaryIO, Final

import zstandard

from plaudit.readers import zstd_blocks
from plaudit.readers.spool import spooled

PACKINGS: Final = (".gz", ".zst", ".bz2", ".xz")
"""How names of packed files end."""

GZIP, ZSTD, BZIP2, XZ = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\0"
_N_CHUNK: Final = 1 << 20
_N_BITE: Final = 1 << 13  # what follows is lost where an archive is damaged, and copied where it has members
_XZ_MEMORY: Final = 256 << 20  # xz -9 takes 65 MiB; the format would allow 4 GiB
_WINDOW: Final = 1 << 31  # Pushshift's dumps need it; zstd's own limit is 2^27
_WIDE: Final = (
    (re.compile(re.escape(codecs.BOM_UTF32_LE) + b"|" + re.escape(codecs.BOM_UTF32_BE)), "utf-32"),
    (re.compile(re.escape(codecs.BOM_UTF16_LE) + b"|" + re.escape(codecs.BOM_UTF16_BE)), "utf-16"),
    # Without a mark: data begin with names of columns or with brackets, and those are ASCII.
    (re.compile(rb"(?:[\t\n\r -~]\0){2}"), "utf-16-le"),
    (re.compile(rb"(?:\0[\t\n\r -~]){2}"), "utf-16-be"),
)
_N_BEGINNING: Final = 1 << 16  # bytes that tell the encoding, and what ends a line


class ByteStream:
    """One pass over a source.

    Attributes:
        n_bytes: Bytes taken from the source so far, before decompression.
        damage: What is wrong with the archive, a sentence; None while all is well. Known only when the
            iteration has ended, which it does where the damage begins.
        was_packed: Whether it is a gzip, zstd, bzip2 or xz archive; known once the iteration has begun.
        n_unpacked: Bytes given out so far.
        limit: Bytes after which no more are given out; None for all there are.
        is_marked: Whether a container put `BAD_BYTE` where bytes were no text.
        unread: Columns of a table that are passed over, to their types, which are not read.
        part: Name of the part of the source that the last record lies in, where ids may begin anew in each.
    """

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.n_bytes = 0
        self.damage: str | None = None
        self.was_packed = False
        self.n_unpacked = 0
        self.limit: int | None = None
        self.is_marked = False
        self.unread: dict[str, str] = {}
        self.part: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        r"""Yield chunks, none empty; no byte-order mark, wide encodings made UTF-8, lines ended by \n."""
        for chunk in _as_utf8(self.unpacked()):
            self.n_unpacked += len(chunk)
            yield chunk
            if self.limit is not None and self.n_unpacked >= self.limit:
                return

    def close(self) -> None:
        """Close the source."""
        self._raw.close()

    def as_file(self) -> BinaryIO:
        """Return the source as a file to seek in: itself where it can, else an unpacked copy on disk.

        Raises:
            StorageError: The disk for temporary files is full.
        """
        if self._raw.seekable():
            first = self._raw.read(6)
            self._raw.seek(0)
            if _unpacker(first) is None:
                return self._raw
        return spooled(self.unpacked())

    def unpacked(self) -> Iterator[bytes]:
        """Yield chunks as they were packed, in whatever encoding."""
        chunks = self._chunks()
        first = next(chunks, b"")
        unpack = _unpacker(first)
        self.was_packed = unpack is not None
        chunks = _after(first, chunks)
        return chunks if unpack is None else unpack(self, chunks)

    def _chunks(self) -> Iterator[bytes]:
        try:
            while chunk := self._raw.read(_N_CHUNK):
                self.n_bytes += len(chunk)
                yield chunk
        except OSError as error:
            self.damage = f"The file could not be read to its end: {error.strerror or error}."

    def _gunzip(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        inflater, begun = zlib.decompressobj(31), False
        before, data = inflater, b""
        try:
            for bite in _bites(chunks):
                data = bite
                while data := data if begun else data.lstrip(b"\0"):  # tapes pad with zeros
                    begun = True
                    before = inflater.copy()
                    if out := inflater.decompress(data, _N_CHUNK):
                        yield out
                    data = inflater.unconsumed_tail
                    if inflater.eof:
                        data, inflater, begun = inflater.unused_data, zlib.decompressobj(31), False
            if begun and (out := inflater.flush()):
                yield out
            if begun and not inflater.eof:
                self.damage = "The gzip archive ends too early."
        except zlib.error as error:
            self.damage = f"The gzip archive is damaged ({error})."
            yield from _salvaged(before, data)

    def _unzstd(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        factory = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        frame, begun = factory.decompressobj(), False
        try:
            for piece in zstd_blocks.cut(chunks):
                data = piece
                while data:
                    begun = True
                    if out := frame.decompress(data):
                        yield out
                    data = b""
                    if frame.eof:
                        data, frame, begun = frame.unused_data, factory.decompressobj(), False
            if begun:
                self.damage = "The zstd archive ends too early."
        except zstandard.ZstdError as error:
            self.damage = f"The zstd archive is damaged ({error})."

    def _unbzip2(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        return self._unpack(chunks, frames=bz2.BZ2Decompressor, kind="bzip2")

    def _unxz(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        return self._unpack(chunks, frames=lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY), kind="xz")

    def _unpack(
        self,
        chunks: Iterator[bytes],
        *,
        frames: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor],
        kind: str,
    ) -> Iterator[bytes]:
        frame, begun = frames(), False
        try:
            for bite in _bites(chunks):
                data = bite
                while data := data if begun else data.lstrip(b"\0"):  # xz pads with zeros
                    begun = True
                    while True:
                        if out := frame.decompress(data, _N_CHUNK):
                            yield out
                        data = b""
                        if frame.eof or frame.needs_input:
                            break
                    if frame.eof:
                        data, frame, begun = frame.unused_data, frames(), False
            if begun:
                self.damage = f"The {kind} archive ends too early."
        except (OSError, lzma.LZMAError) as error:
            self.damage = f"The {kind} archive is damaged ({error})."


_UNPACKERS: Final[dict[bytes, Callable[[ByteStream, Iterator[bytes]], Iterator[bytes]]]] = {
    GZIP: ByteStream._gunzip,
    ZSTD: ByteStream._unzstd,
    BZIP2: ByteStream._unbzip2,
    XZ: ByteStream._unxz,
    **{bytes([0x50 + i]) + b"\x2a\x4d\x18": ByteStream._unzstd for i in range(16)},  # skippable frames
}


def _unpacker(first: bytes) -> Callable[[ByteStream, Iterator[bytes]], Iterator[bytes]] | None:
    return next((_UNPACKERS[first[:n]] for n in (6, 4, 3, 2) if first[:n] in _UNPACKERS), None)


def _salvaged(inflater: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """Yield what a damaged piece of a gzip archive holds before the damage."""
    try:
        for at in range(len(data)):
            if out := inflater.decompress(data[at : at + 1]):
                yield out
    except zlib.error:
        return


def _bites(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _N_BITE):
            yield chunk[start : start + _N_BITE]


def _after(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from chunks


def _as_utf8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    first, chunks = _begun(chunks)
    encoding = next((name for mark, name in _WIDE if mark.match(first)), None)
    if encoding is not None:
        first, chunks = _begun(_transcoded(chunks, encoding))
    # As Macs once ended lines, and Excel for Mac still does in one of its kinds of CSV.
    return _with_line_feeds(chunks) if b"\r" in first and b"\n" not in first else chunks


def _begun(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes, up to a line end if there is one, and all again; without UTF-8's mark."""
    first, taken = b"", list[bytes]()
    for chunk in chunks:
        taken.append(chunk)
        first += chunk
        if len(first) >= 4 and (b"\n" in chunk or len(first) >= _N_BEGINNING):
            break
    mark = codecs.BOM_UTF8 if first.startswith(codecs.BOM_UTF8) else b""
    return first[len(mark) :], _without(mark, chain(taken, chunks))


def _without(mark: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    n_left = len(mark)
    for chunk in chunks:
        rest = chunk[n_left:]
        n_left -= len(chunk) - len(rest)
        if rest:
            yield rest


def _with_line_feeds(chunks: Iterator[bytes]) -> Iterator[bytes]:
    return (chunk.replace(b"\r", b"\n") for chunk in chunks)


def _transcoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for chunk in chunks:
        if text := decoder.decode(chunk):
            yield text.encode("utf-8", "replace")
    if text := decoder.decode(b"", final=True):
        yield text.encode("utf-8", "replace")
