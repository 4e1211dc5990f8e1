"""What somebody sent with the page's form, as something that the readers can read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Final

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from plaudit.readers import ReadOptions
from plaudit.service.page_view import Asked
from plaudit.service.problems import Problem

PASTED: Final = "The pasted text"
"""What messages of the readers call it."""

_FORMS: Final = ("multipart/form-data", "application/x-www-form-urlencoded")
_GROUPS: Final = ("", "post", "creator")
_BAD_IN_NAMES = re.compile(r"[^\w.() -]")
_MAX_NAME: Final = 100


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

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """Put it where the readers find it, for as long as they read."""
        with TemporaryDirectory(prefix="plaudit-") as folder:
            path = Path(folder) / (self.name or PASTED)
            with path.open("wb") as target:
                if self.file is None:
                    target.write(self.asked.text.encode("utf-8", "replace"))
                else:
                    copyfileobj(self.file.file, target)
            yield path


@asynccontextmanager
async def submission_of(request: Request) -> AsyncIterator[Submission]:
    """Read a form; its file is there while the block runs.

    Raises:
        Problem: It is no form (400), or nothing is in it (422).
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _FORMS:
        raise Problem(
            "bad-request",
            f"The content type is {media_type[:100] or 'missing'!r}, expected a form.",
            hint="This path serves people; programs use POST /v1/index.",
        )
    limit = request.app.state.settings.max_body_bytes  # the gate counts the whole; a text may be all of it
    async with request.form(max_files=1, max_fields=20, max_part_size=limit) as form:
        request.state.asked = asked = Asked(**{name: _field(form, name) for name in Asked.__slots__})
        file = form.get("file")
        given = file if isinstance(file, UploadFile) and (file.filename or file.size) else None
        _check(asked, given)
        yield Submission(asked=asked, file=given)


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
