"""A file that appears whole or not at all, however the writing of it ends."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from plaudit.errors import StorageError, UsageError


class Whole:
    """A file that is written beside its place, and put there once `finish` was called.

    As a context manager; leaving it without `finish` leaves the place as it was.
    """

    def __init__(self, path: Path | str) -> None:
        """Begin it.

        Args:
            path: Its place; a file that is there is replaced.

        Raises:
            UsageError: There is no such folder, or something there that is no file.
            StorageError: It can't be written there.
        """
        self._path = Path(path)
        if self._path.exists() and not self._path.is_file():
            raise UsageError(f"{str(self._path)!r} is no file, expected the name of one: name another.")
        if not self._path.parent.is_dir():
            raise UsageError(f"There is no folder {str(self._path.parent)!r}: make it, or name another.")
        self._aside = self._path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            self._file: BinaryIO = self._aside.open("xb")
        except OSError as error:
            raise self._failed(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # closing writes what is buffered, for which a full disk has no room
            self._file.close()
        self._aside.unlink(missing_ok=True)

    def write(self, content: bytes) -> None:
        """Append to it.

        Raises:
            StorageError: It can't be written, as where the disk is full.
        """
        try:
            self._file.write(content)
        except OSError as error:
            raise self._failed(error) from None

    def finish(self) -> Path:
        """Put it into its place; return that.

        Raises:
            StorageError: It can't be written.
        """
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._aside.replace(self._path)
        except OSError as error:
            raise self._failed(error) from None
        return self._path

    def _failed(self, error: OSError) -> StorageError:
        why = error.strerror or type(error).__name__
        return StorageError(
            f"{str(self._path)!r} can't be written ({why}): make room or name another place; "
            "nothing was changed there."
        )
