"""Texts of posts, from a file that stands beside a dump."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from plaudit.errors import InputError
from plaudit.readers.format import Problem
from plaudit.readers.sniffing import N_HEAD, Head, delimiter_of, dialect_of
from plaudit.readers.stream import ByteStream
from plaudit.readers.table import table_rows
from plaudit.readers.unquoted import unquoted_rows

_TABLES: Final = (".csv", ".tsv", ".tab")
_IDS: Final = ("id", "post_id")
_TEXTS: Final = ("title", "text", "description", "caption", "transcript")


def post_texts_of(path: Path) -> dict[str, str]:
    """Read a table of posts: lines of JSON, or CSV or TSV where the file is named so.

    Each has an `id` (or `post_id`), as the comments name it, and some of `title`, `text`, `description`,
    `caption` and `transcript`, which are taken together. A post that stands there twice has both texts.

    Raises:
        InputError: The file can't be read, or a line or row of it holds no post.
    """
    try:
        data = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The posts in {path} can't be read ({error}); name a file of UTF-8 text."
        ) from error
    rows = _rows(data, path) if path.suffix.lower() in _TABLES else _lines(data, path)
    return _joined(rows, path)


def _rows(data: str, path: Path) -> Iterator[Mapping[str, Any]]:
    encoded = data.encode()
    head = Head(data=encoded[:N_HEAD], is_whole=len(encoded) <= N_HEAD)
    dialect = dialect_of(head, delimiter=delimiter_of(head))
    stream = ByteStream(io.BytesIO(encoded))
    rows = unquoted_rows(stream) if dialect.is_unquoted else table_rows(stream, dialect=dialect)
    for number, row in rows:
        if isinstance(row, Problem):
            raise InputError(
                f"Line {number} of {path} begins no row that can be read: {row.detail} Expected a row like "
                "its header; mend that line, or export the table anew."
            )
        yield row


def _lines(data: str, path: Path) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(data.split("\n"), start=1):
        if line.strip():
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise InputError(
                    f"Line {number} of {path} is no JSON ({error}); expected an object with an id and a text."
                ) from error


def _joined(rows: Iterable[Any], path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, row in enumerate(rows, start=1):
        given = row if isinstance(row, Mapping) else {}
        id_ = next((given[name] for name in _IDS if given.get(name) not in (None, "")), None)
        texts = [given[name] for name in _TEXTS if isinstance(given.get(name), str)]
        if id_ is None or not texts:
            raise InputError(
                f"Post {number} of {path} lacks {'an id' if id_ is None else 'a text'}; expected the fields "
                f"{' or '.join(_IDS)}, and {', '.join(_TEXTS[:-1])} or {_TEXTS[-1]}."
            )
        found[str(id_)] = "\n".join([*([found[str(id_)]] if str(id_) in found else []), *texts])
    return found
