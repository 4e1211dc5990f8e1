"""A folder that all machines of a cluster share: where what they pass on to each other lies meanwhile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from plaudit.errors import PlauditError, StorageError, UsageError
from plaudit.readers.remote import is_address, shown

_ADVICE: Final = "name another with --work, one that every machine of the cluster reads and writes"


class Place:
    """Files by name, each there whole or not at all; it may be sent to other machines.

    A file that is written again, as after a machine was lost, replaces the one before it.
    """

    def __init__(self, address: str) -> None:
        """Name a folder, or an address that fsspec knows; nothing is made yet."""
        self._is_remote = is_address(address)
        self.address = address.rstrip("/") if self._is_remote else str(Path(address).absolute())

    @classmethod
    def new(cls, work: str) -> Place:
        """Make a folder of its own below the one that was named.

        Raises:
            UsageError: It can't be written.
        """
        place = cls(work)
        place = cls(f"{place.address}/plaudit-{uuid4().hex[:12]}")
        try:
            place.write("begun", b"")
        except StorageError as error:
            raise UsageError(str(error)) from error
        return place

    def write(self, name: str, data: bytes) -> None:
        """Write a file.

        Raises:
            StorageError: It can't be written.
        """
        with self._told(name):
            if self._is_remote:
                files, root = self._files()
                files.pipe_file(f"{root}/{name}", data)
                return
            path = Path(self.address, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{path.name}.{uuid4().hex}")
            try:
                partial.write_bytes(data)
                partial.rename(path)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise

    @contextmanager
    def open(self, name: str) -> Iterator[Any]:
        """Open a file to be read.

        Raises:
            StorageError: It is not there, or can't be read; also while it is.
        """
        with self._told(name):
            if self._is_remote:
                files, root = self._files()
                with files.open(f"{root}/{name}", "rb") as remote:
                    yield remote
                return
            with Path(self.address, name).open("rb") as file:
                yield file

    def has(self, name: str) -> bool:
        """Tell whether a file is there."""
        if not self._is_remote:
            return Path(self.address, name).is_file()
        files, root = self._files()
        return bool(files.isfile(f"{root}/{name}"))

    def remove(self) -> None:
        """Remove all of it; what can't be removed stays."""
        if not self._is_remote:
            shutil.rmtree(self.address, ignore_errors=True)
            return
        with suppress(Exception):  # each store has errors of its own
            files, root = self._files()
            files.rm(root, recursive=True)

    def _files(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        files, root = url_to_fs(self.address)
        return files, root

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        try:
            yield
        except PlauditError:
            raise
        except Exception as error:  # each store has errors of its own
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
            words = f"{type(error).__name__}: {shown(str(reason))[:200]}"
            raise StorageError(f"{shown(self.address)}/{name} can't be used ({words}); {_ADVICE}.") from error
