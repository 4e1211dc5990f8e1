"""A multipart form with one file, read as it comes, in bounded memory."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final, Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from plaudit.readers.stream import PACKINGS
from plaudit.service.problems import Problem

# It warns of forms that are refused anyhow.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)

SUFFIX_OF_TYPE: Final = {
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/json": ".json",
    "application/x-ndjson": ".ndjson",
    "application/jsonl": ".jsonl",
}
"""The ending of a file by its media type, where that says something."""

_FIELD_BYTES: Final = 1 << 12
_N_PARTS: Final = 32
_SUFFIXES: Final = (".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson", ".txt", ".parquet", ".pq")


class Target(Protocol):
    """Where the file of a form goes."""

    suffix: str

    def write(self, data: bytes) -> object:
        """Append."""


def suffix_of(name: str) -> str:
    """Return the known ending of a name, in lower case, below that of an archive; else nothing."""
    lower = name.lower()
    for packed in PACKINGS:
        lower = lower.removesuffix(packed)
    return next((suffix for suffix in _SUFFIXES if lower.endswith(suffix)), "")


class Form:
    """A multipart body: one file, which goes to the upload, and short fields."""

    def __init__(self, content_type: str, upload: Target) -> None:
        """Begin to read.

        Args:
            content_type: As the request declares it.
            upload: Where the file goes.

        Raises:
            Problem: It declares no boundary (422).
        """
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if not boundary:
            raise Problem("invalid-request", "The multipart body declares no boundary.")
        self._upload = upload
        self._fields: dict[str, str] = {}
        self._n_parts, self._has_file, self._is_whole = 0, False, False
        self._header: list[bytes] = [b"", b""]
        self._headers: dict[bytes, bytes] = {}
        self._name, self._value = "", bytearray()
        self._in_file = False
        try:
            self._parser = MultipartParser(boundary, self._callbacks())  # type: ignore[arg-type]
        except FormParserError as error:
            raise _malformed() from error

    def _callbacks(self) -> Mapping[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._gather(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._gather(1, data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": lambda data, start, end: self._take(data[start:end]),
            "on_part_end": self._end,
            "on_end": self._note_end,
        }

    def write(self, data: bytes) -> None:
        """Take the next bytes of the body.

        Raises:
            Problem: It is malformed, or holds what it may not (422).
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _malformed() from error

    def finish(self) -> dict[str, str]:
        """Return the fields once the body has come.

        Raises:
            Problem: It ends too early, or holds no file (422).
        """
        if not self._is_whole:
            raise _malformed()
        if not self._has_file:
            raise Problem("invalid-request", "The form holds no file, expected one in the field 'file'.")
        return self._fields

    def _begin(self) -> None:
        self._n_parts += 1
        if self._n_parts > _N_PARTS:
            raise Problem("invalid-request", f"The form has more than {_N_PARTS} parts.")
        self._headers, self._value = {}, bytearray()

    def _gather(self, place: int, data: bytes) -> None:
        self._header[place] += data
        if len(self._header[place]) > _FIELD_BYTES:
            raise Problem("invalid-request", f"A header of the form is longer than {_FIELD_BYTES:,} bytes.")

    def _end_header(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = [b"", b""]

    def _open(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._in_file = b"filename" in options or b"filename*" in options
        if not self._in_file:
            return
        if self._has_file:
            raise Problem("invalid-request", "The form holds several files, expected one in each request.")
        self._has_file = True
        media_type = (
            self._headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        )
        name = options.get(b"filename", b"").decode("utf-8", "replace")
        self._upload.suffix = suffix_of(name) or SUFFIX_OF_TYPE.get(media_type, "")

    def _take(self, data: bytes) -> None:
        if self._in_file:
            self._upload.write(data)
            return
        self._value += data
        if len(self._value) > _FIELD_BYTES:
            raise Problem("invalid-request", f"A field of the form is longer than {_FIELD_BYTES:,} bytes.")

    def _end(self) -> None:
        if self._in_file:
            return
        if self._name in self._fields:
            raise Problem("invalid-request", "The form holds a field twice.")
        try:
            self._fields[self._name] = self._value.decode()
        except UnicodeDecodeError:
            raise Problem("invalid-request", "A field of the form is no UTF-8 text.") from None

    def _note_end(self) -> None:
        self._is_whole = True


def _malformed() -> Problem:
    return Problem("invalid-request", "The multipart body is malformed, or ends too early.")
