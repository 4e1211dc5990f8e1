"""What can't be sought in where it lies, on disk while it is read: unpacked tables, what pipes give once."""

from __future__ import annotations

import io
import os
import weakref
from collections.abc import Iterable
from contextlib import suppress
from tempfile import TemporaryFile, gettempdir
from typing import BinaryIO, cast

from plaudit.errors import StorageError


def spooled(chunks: Iterable[bytes]) -> BinaryIO:
    """Return bytes as a file without a name, at its start; it is gone once it is closed.

    Raises:
        StorageError: The disk for temporary files refuses; what the chunks themselves raise goes through.
    """
    copy = _opened()
    try:
        for chunk in chunks:
            _write(copy, chunk)
        _write(copy, b"", is_last=True)
    except BaseException:
        with suppress(OSError):  # it tries once more to write what did not fit
            copy.close()
        raise
    return copy


def refused(error: OSError, *, what: str) -> StorageError:
    """Return what to tell where the disk for temporary files refuses what is put there."""
    reason = error.strerror or str(error)
    with suppress(OSError):  # where all disks are full from the start, the reason names them
        reason = f"{reason} in {gettempdir()}"
    return StorageError(f"{reason}: {what}; make room there, or name a larger place with TMPDIR.")


def _opened() -> BinaryIO:
    try:
        return cast(BinaryIO, TemporaryFile())
    except OSError as error:
        raise _refused(error) from error


def _write(copy: BinaryIO, chunk: bytes, *, is_last: bool = False) -> None:
    try:
        copy.write(chunk)
        if is_last:
            copy.seek(0)  # writes what waits
    except OSError as error:
        raise _refused(error) from error


def _refused(error: OSError) -> StorageError:
    return refused(error, what="tables in archives and what a pipe gives once are put there to be read")


class Spool:
    """What a stream gives, on disk, for passes of their own over all of it."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        """Take all of it.

        Raises:
            StorageError: The disk for temporary files refuses.
        """
        self._file = spooled(chunks)
        self.close = weakref.finalize(self, self._file.close)

    def view(self) -> BinaryIO:
        """Start a pass; closing it leaves the copy."""
        return cast(BinaryIO, _View(self))

    def read_at(self, start: int, n: int) -> bytes:
        """Return up to n bytes from `start` on."""
        return os.pread(self._file.fileno(), n, start)

    def fileno(self) -> int:
        """Return the system's number of the file, for those who map it."""
        return self._file.fileno()


class _View(io.RawIOBase):
    def __init__(self, spool: Spool) -> None:
        self._spool, self._at = spool, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._spool.fileno()

    def read(self, n: int = -1, /) -> bytes:
        n_left = max(os.fstat(self.fileno()).st_size - self._at, 0)
        chunk = self._spool.read_at(self._at, n_left if n < 0 else min(n, n_left))
        self._at += len(chunk)
        return chunk

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: os.fstat(self.fileno()).st_size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at
