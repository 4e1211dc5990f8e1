"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from plaudit.errors import TrainingDataError


def replace_file(path: Path, content: bytes) -> None:
    """Write a file beside its name and put it there when it is whole.

    Raises:
        TrainingDataError: The disk is full or the folder cannot be written; what was there stays.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise TrainingDataError(
            f"{path} cannot be written ({error.strerror or error}); free some space, or name another place."
        ) from error
