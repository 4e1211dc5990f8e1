"""What somebody sent with the page's form, as something that the readers can read."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import unquote_to_bytes

import anyio.to_thread
from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.requests import ClientDisconnect

from plaudit.errors import StorageError
from plaudit.readers import ReadOptions
from plaudit.service.callers import Held, chunks_of, gone, whole_body
from plaudit.service.page_view import Asked
from plaudit.service.problems import Problem

PASTED: Final = "The pasted text"
"""What messages of the readers call it."""

_MULTIPART: Final = "multipart/form-data"
_ENCODED: Final = "application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 20
_PIECE: Final = 1 << 16
_GROUPS: Final = ("", "post", "creator")
_BAD_IN_NAMES = re.compile(r"[^\w.() -]")
_MAX_NAME: Final = 60  # characters, of up to 4 bytes, where a disk takes 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A form that was sent: what to score, and what is known about it.

    Attributes:
        asked: The fields, to show them again.
        file: What was uploaded; None where comments were pasted.
    """

    asked: Asked
    file: UploadFile | None

    @property
    def name(self) -> str | None:
        """A harmless name of the file, its suffixes kept; None where there is none."""
        if self.file is None:
            return None
        last = re.split(r"[\\/]", self.file.filename or "")[-1]
        return _BAD_IN_NAMES.sub("_", last)[-_MAX_NAME:].lstrip(". ") or "upload"

    def options(self, *, batch_size: int) -> ReadOptions:
        """Return how to read it, so many records at a time.

        Raises:
            MappingError: There is no such platform.
        """
        creator, platform = self.asked.creator or None, self.asked.platform or None
        return ReadOptions(creator=creator, platform=platform, batch_size=batch_size)

    @asynccontextmanager
    async def on_disk(self) -> AsyncIterator[Path]:
        """Put it where the readers find it, for as long as they read.

        Raises:
            StorageError: The disk refuses.
        """
        with _told_of_disk():
            folder = TemporaryDirectory(prefix="plaudit-", ignore_cleanup_errors=True)
        with folder as name:
            path = Path(name) / (self.name or PASTED)
            await anyio.to_thread.run_sync(self._write, path)
            yield path

    def _write(self, path: Path) -> None:
        with _told_of_disk(), path.open("wb") as target:
            if self.file is None:
                target.write(self.asked.text.encode("utf-8", "replace"))
            else:
                copyfileobj(self.file.file, target)


@asynccontextmanager
async def submission_of(request: Request) -> AsyncIterator[Submission]:
    """Read a form; its file is there, and its body counts as held, while the block runs.

    Raises:
        Problem: It is no form (400), nothing is in it (422), it does not arrive (408), there is no room for
            it (429), or its caller left.
        StorageError: The disk refuses.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in (_MULTIPART, _ENCODED):
        raise Problem(
            "bad-request",
            f"The content type is {media_type[:100] or 'missing'!r}, expected a form.",
            hint="This path serves people; programs use POST /v1/index.",
        )
    with closing(request.app.state.bodies.open()) as held:
        form = await _form(_Sent(request, held=held), is_multipart=media_type == _MULTIPART)
        try:
            request.state.asked = asked = Asked(**{name: _field(form, name) for name in Asked.__slots__})
            file = form.get("file")
            given = file if isinstance(file, UploadFile) and (file.filename or file.size) else None
            _check(asked, given)
            yield Submission(asked=asked, file=given)
        finally:
            await form.close()


class _Sent(Request):
    """A request whose body is waited for as long as others are, and counts as they do."""

    def __init__(self, request: Request, *, held: Held) -> None:
        super().__init__(request.scope, request.receive)
        self.held, self.seconds = held, float(request.app.state.settings.body_seconds)

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes."""
        async for chunk in chunks_of(self, held=self.held, seconds=self.seconds):
            yield chunk


async def _form(sent: _Sent, *, is_multipart: bool) -> FormData:
    try:
        if not is_multipart:
            body = await whole_body(sent, held=sent.held, seconds=sent.seconds)
            pairs: list[tuple[str, str]] = await anyio.to_thread.run_sync(_pairs, body)
            return FormData([*pairs])
        limit = sent.app.state.settings.max_body_bytes  # the gate counts the whole; a text may be all of it
        with _told_of_disk():
            return await sent.form(max_files=1, max_fields=_MAX_FIELDS, max_part_size=limit)
    except ClientDisconnect:
        raise gone(sent) from None


@contextmanager
def _told_of_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise StorageError(
            f"What is sent can't be put on the disk ({reason}); whoever runs the service must see to the "
            "folder for temporary files (TMPDIR)."
        ) from error


def _pairs(body: bytes) -> list[tuple[str, str]]:
    parts = body.split(b"&", _MAX_FIELDS)
    if len(parts) > _MAX_FIELDS:
        raise Problem("bad-request", f"The form has more than {_MAX_FIELDS} fields.")
    pairs = (part.partition(b"=") for part in parts)
    return [(_unescaped(name), _unescaped(value)) for name, _, value in pairs]


def _unescaped(value: bytes) -> str:
    # In pieces: meanwhile escapes take eighty times their length.
    found, start = bytearray(), 0
    while start < len(value):
        end = start + _PIECE
        escape = value.rfind(b"%", end - 2, end)  # it may go on behind the end
        end = end if escape < 0 else escape
        found += unquote_to_bytes(value[start:end].replace(b"+", b" "))
        start = end
    return found.decode("utf-8", "replace")


def _field(form: FormData, name: str) -> str:
    value = form.get(name)
    if not isinstance(value, str):
        return ""
    return value if name == "text" else value.strip()


def _check(asked: Asked, file: UploadFile | None) -> None:
    if file is None and not asked.text.strip():
        raise Problem(
            "invalid-request", "There is nothing to score yet.", hint="Paste some comments, or choose a file."
        )
    if asked.by not in _GROUPS:
        raise Problem("invalid-request", "There are only posts and creators to compare.")
