"""Corrected labels as a file that training reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import orjson

from plaudit.service.store.feedback import Corrections


def write(corrections: Corrections, file: Path) -> int:
    """Write one JSON object a line, with `text`, `label` and `flags` where given; return how many.

    Args:
        corrections: What to write.
        file: Is replaced when all is written; "-" is stdout.

    Raises:
        StorageError: The database can't be asked.
    """
    n_written = 0
    with _opened(file) as target:
        for record in corrections.latest():
            known = {name: value for name, value in record.items() if value is not None}
            target.write(orjson.dumps(known, option=orjson.OPT_APPEND_NEWLINE))
            n_written += 1
    return n_written


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as target:
            yield target
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
