"""How large a dump is once unpacked, found out before anything else is done with it."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa
import zstandard

from plaudit.errors import InputError
from plaudit.readers.columnar import arrow_batches, parquet_batches, readable
from plaudit.readers.magic import ARROW_MAGIC, ARROW_STREAM, PARQUET_MAGIC
from plaudit.readers.pieces import written_out
from plaudit.readers.sniffing import container_of, head_of
from plaudit.readers.source import Source
from plaudit.readers.stream import BZIP2, GZIP, XZ, ZSTD, ByteStream

_N_BITE: Final = 1 << 13  # what follows a member of an archive is copied for each member
_N_NIBBLE: Final = 1 << 9  # 4 bytes of zstd can hold 128 KiB, and all of it comes out at once
_N_OUT: Final = 1 << 20
_N_HEADER: Final = 18  # the longest header of a zstd frame
_FREE: Final = 64 << 20  # a ratio says nothing of a small file
_WINDOW: Final = 256 << 20  # Pushshift's archives declare 2 GiB however small they are
_ZIP: Final = b"PK"
_CONTENT_TYPES: Final = "[Content_Types].xml"  # what makes a ZIP archive a workbook
_TABLES: Final = (PARQUET_MAGIC, ARROW_MAGIC, ARROW_STREAM, _ZIP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a dump may be once unpacked.

    Attributes:
        n_bytes: Most bytes.
        ratio: Most bytes for each packed one, beyond the first 64 MiB.
        n_document_bytes: Most bytes of one JSON document, which can only be read as a whole.
    """

    n_bytes: int
    ratio: int
    n_document_bytes: int = 64 << 20


def check(path: Path, *, limits: Limits, on_step: Callable[[], None] = lambda: None) -> None:
    """Refuse a dump that unpacks to more than it may; what is merely damaged passes, readers tell of it.

    Args:
        path: The dump, packed or not.
        limits: What it may be.
        on_step: Called every now and then; may raise to stop.

    Raises:
        InputError: It is too large, or packed so that nobody can tell.
    """
    with path.open("rb") as file:
        magic = file.read(6)
        file.seek(0)
        if magic.startswith(_TABLES):
            _check_table(file, magic, limits, on_step=on_step)
            return
        _check_inside(file, magic)
        n_bytes = 0
        for n_bytes in _sizes(file, magic):
            _check_size(n_bytes, n_packed=file.tell(), limits=limits)
            on_step()
    if n_bytes > limits.n_document_bytes:
        _check_container(path, limits)


def _sizes(file: BinaryIO, magic: bytes) -> Iterator[int]:
    """Yield how many bytes have come out so far."""
    if magic.startswith(GZIP):
        return _gunzipped(file)
    if _is_zstd(magic):
        return _unzstd(file)
    if magic.startswith((BZIP2, XZ)):
        return _unpacked(file)
    return _plain(file)


def _plain(file: BinaryIO) -> Iterator[int]:
    yield file.seek(0, 2)


def _is_zstd(magic: bytes) -> bool:
    return magic.startswith(ZSTD) or magic[1:4] == b"\x2a\x4d\x18"


def _unpacked(file: BinaryIO) -> Iterator[int]:
    n_bytes = 0
    for chunk in ByteStream(file).unpacked():
        n_bytes += len(chunk)
        yield n_bytes


def _gunzipped(file: BinaryIO) -> Iterator[int]:
    inflater, n_bytes = zlib.decompressobj(31), 0
    try:
        while data := file.read(_N_BITE):
            while data := data.lstrip(b"\0") if inflater.eof else data:
                if inflater.eof:
                    inflater = zlib.decompressobj(31)
                n_bytes += len(inflater.decompress(data, _N_OUT))
                yield n_bytes
                data = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    except zlib.error:
        return


def _unzstd(file: BinaryIO) -> Iterator[int]:
    unpacker, n_bytes = zstandard.ZstdDecompressor(max_window_size=1 << 31), 0
    frame, is_new, window, n_frame = unpacker.decompressobj(), True, 0, 0
    try:
        while data := file.read(_N_NIBBLE):
            while data:
                if is_new:
                    window, n_frame, is_new = _window(data), 0, False
                n_out = len(frame.decompress(data))
                n_bytes, n_frame = n_bytes + n_out, n_frame + n_out
                if min(window, n_frame) > _WINDOW:
                    raise InputError(
                        f"The zstd archive needs more than {_WINDOW >> 20} MiB of memory to unpack; pack it "
                        "again without --long."
                    )
                yield n_bytes
                data = b""
                if frame.eof:
                    data, frame, is_new = frame.unused_data, unpacker.decompressobj(), True
    except zstandard.ZstdError:
        return


def _window(data: bytes) -> int:
    try:
        return zstandard.get_frame_parameters(data[:_N_HEADER]).window_size
    except zstandard.ZstdError:
        return 1 << 31  # the header is cut in two by the end of a bite: the worst it may say


def _check_size(n_bytes: int, *, n_packed: int, limits: Limits) -> None:
    if n_bytes > limits.n_bytes:
        raise InputError(
            f"The dump unpacks to more than {limits.n_bytes:,} bytes, the most that is taken; split it."
        )
    if n_bytes > max(_FREE, limits.ratio * n_packed):
        raise InputError(
            f"The archive unpacks to more than {limits.ratio} times its size, which comments never do; send "
            "what is in it."
        )


def _check_inside(file: BinaryIO, magic: bytes) -> None:
    """Refuse a table inside an archive: what it unpacks to cannot be told without unpacking all of it."""
    first = b""
    if _is_zstd(magic):
        unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 31)
        with suppress(zstandard.ZstdError):
            first = unpacker.stream_reader(file, read_across_frames=True, closefd=False).read(len(magic))
    else:
        first = next(ByteStream(file).unpacked(), b"")
    file.seek(0)
    if first.startswith(_TABLES):
        raise InputError("The archive holds a table, which is packed in itself; send that as it is.")


def _check_table(file: BinaryIO, magic: bytes, limits: Limits, *, on_step: Callable[[], None]) -> None:
    """Refuse a table by what its values take written out: one that many rows share lies in it once."""
    if magic.startswith(_ZIP):
        _refuse_if_large(_told_of_workbook(file), 0, limits)
        return
    n_bytes = n_rows = 0
    batches = parquet_batches if magic.startswith(PARQUET_MAGIC) else arrow_batches
    try:
        for batch, _ in batches(file, readable):
            n_bytes, n_rows = n_bytes + written_out(batch), n_rows + batch.num_rows
            _refuse_if_large(n_bytes, n_rows, limits)
            on_step()
    except (pa.ArrowException, OSError, ValueError, NotImplementedError):
        return  # readers stop there too, and tell of it


def _refuse_if_large(n_bytes: int, n_rows: int, limits: Limits) -> None:
    if n_bytes > limits.n_bytes:
        raise InputError(
            f"The table unpacks to more than {limits.n_bytes:,} bytes, the most that is taken, within"
            f" {n_rows:,} rows; split it."
        )


def _told_of_workbook(file: BinaryIO) -> int:
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        # Readers would take what is left of it, and nothing tells how much that is.
        raise InputError("The workbook or ZIP archive is damaged; send it again.") from None
    if all(each.filename != _CONTENT_TYPES for each in members):
        raise InputError(
            "ZIP archives are not taken here; send each file in it by itself, or packed with gzip."
        )
    return sum(each.file_size for each in members)


def _check_container(path: Path, limits: Limits) -> None:
    source = Source(path, name=path.name)
    if container_of(source, head_of(source)) == "json":
        raise InputError(
            f"One JSON document of more than {limits.n_document_bytes >> 20} MiB is not taken; make it one "
            "record a line (for example with jq -c '.[]') and send that."
        )
