"""A dump on its way from a request to the disk, in bounded memory.

The name that a caller gives its file is never used, but for its ending where that is a known one.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import anyio
import anyio.to_thread
from fastapi import Request

from plaudit.service.callers import next_chunk
from plaudit.service.form import SUFFIX_OF_TYPE, Form
from plaudit.service.problems import Problem
from plaudit.service.storage import check_space, disk_error

MULTIPART: Final = "multipart/form-data"
ENVELOPE_BYTES: Final = 1 << 16  # what a multipart body may hold beside the file
_BUFFER_BYTES: Final = 1 << 18


class Upload:
    """A file that grows up to a limit, and is put in its place when it is whole.

    Attributes:
        n_bytes: Written so far.
        suffix: What its name or type says it is; empty where they say nothing.
    """

    def __init__(self, folder: Path, *, limit: int) -> None:
        """Begin a file in `folder`.

        Raises:
            StorageError: The disk refuses.
        """
        self.folder, self.limit = folder, limit
        self.n_bytes, self.suffix = 0, ""
        self._digest = hashlib.blake2b(digest_size=16)
        try:
            self._file: BinaryIO = (folder / "part").open("xb")
        except OSError as error:
            raise disk_error(error) from error

    def write(self, data: bytes) -> None:
        """Append.

        Raises:
            Problem: It gets longer than it may (413).
            StorageError: The disk refuses, or is too full.
        """
        self.n_bytes += len(data)
        if self.n_bytes > self.limit:
            raise Problem(
                "body-too-large",
                f"The dump is longer than {self.limit:,} bytes.",
                hint="Pack it with gzip or zstd, split it, or use `plaudit score`.",
                headers={"Connection": "close"},
            )
        self._digest.update(data)
        check_space(self.folder, len(data))  # what others send meanwhile was not known at the beginning
        try:
            self._file.write(data)
        except OSError as error:
            raise disk_error(error) from error

    @property
    def digest(self) -> str:
        """Of what was written so far, in hexadecimal."""
        return self._digest.hexdigest()

    def place(self) -> None:
        """Put the whole file in its place, so that it is there after a power cut.

        Raises:
            Problem: It is empty (422).
            StorageError: The disk refuses.
        """
        if not self.n_bytes:
            raise Problem("invalid-request", "The body holds no dump, expected a file of comments.")
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            (self.folder / "part").rename(self.folder / f"dump{self.suffix}")
            for folder in (self.folder, self.folder.parent):
                _sync(folder)
        except OSError as error:
            raise disk_error(error) from error

    def close(self) -> None:
        """Close the file; harmless when done twice."""
        self._file.close()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Sink(Protocol):
    def write(self, data: bytes) -> object: ...


async def receive(request: Request, upload: Upload) -> dict[str, str]:
    """Write the dump of a request to `upload`, as it comes; return the fields sent beside it.

    Raises:
        ClientDisconnect: The caller left.
        Problem: It does not arrive (408), is too long (413), packed in a way nobody can undo (415), or no
            multipart body (422).
        StorageError: The disk refuses.
    """
    _check_encoding(request)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MULTIPART:
        upload.suffix = SUFFIX_OF_TYPE.get(media_type, "")
        await _pour(request, upload)
        return {}
    form = Form(request.headers["content-type"], upload)
    await _pour(request, form)
    return form.finish()


async def _pour(request: Request, sink: _Sink) -> None:
    seconds: float = request.app.state.settings.body_seconds
    buffer, more = bytearray(), True  # a caller may send one byte at a time
    deadline = anyio.current_time() + seconds
    while more:
        chunk, more = await next_chunk(request, deadline=deadline, seconds=seconds)
        buffer += chunk
        if buffer and (len(buffer) >= _BUFFER_BYTES or not more):
            await anyio.to_thread.run_sync(sink.write, bytes(buffer))
            buffer.clear()
            deadline = anyio.current_time() + seconds


def _check_encoding(request: Request) -> None:
    # A packed body is a packed dump, and those are read.
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", "zstd"):
        raise Problem(
            "unsupported-media-type",
            "The body is packed, expected it as it is, or gzip or zstd.",
            hint="Pack it with one of those, or send it as it is, without the header Content-Encoding.",
        )
