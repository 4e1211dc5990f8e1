"""A place on disk for what memory can't hold; gone when it is of no more use."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Final

from plaudit.errors import StorageError

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a system says of a disk that takes no more."""


@contextmanager
def room(folder: Path | None) -> Iterator[Path]:
    """Make a folder, and remove it at the end with all that is in it.

    Args:
        folder: For nothing else; None: a new one where the system puts temporary files.

    Raises:
        StorageError: The disk is full.
    """
    with told_if_full(folder):
        if folder is None:
            with TemporaryDirectory(prefix="plaudit-", ignore_cleanup_errors=True) as made:
                yield Path(made)
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def told_if_full(folder: Path | None) -> Iterator[None]:
    """Say of a full disk, within, where it is and what to do.

    Args:
        folder: What is written to; None: a folder where the system puts temporary files.

    Raises:
        StorageError: The disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        place = gettempdir() if folder is None else folder.parent
        advice = ", or name a larger place with TMPDIR" if folder is None else ""
        raise StorageError(
            f"{os.strerror(error.errno or 0)} in {place}: what memory can't hold is put there, some two "
            f"kilobytes a comment, until it is measured; make room there{advice}."
        ) from error
