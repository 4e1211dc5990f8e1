"""Texts of posts, from a file that stands beside a dump."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from plaudit.errors import InputError

_IDS: Final = ("id", "post_id")
_TEXTS: Final = ("title", "text", "description", "caption", "transcript")


def post_texts_of(path: Path) -> dict[str, str]:
    """Read a table of posts: lines of JSON, or CSV where the file is named so.

    Each has an `id` (or `post_id`), as the comments name it, and some of `title`, `text`, `description`,
    `caption` and `transcript`, which are taken together. A post that stands there twice has both texts.

    Raises:
        InputError: The file can't be read, or a line of it holds no post.
    """
    try:
        data = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The posts in {path} can't be read ({error}); name a file of UTF-8 text."
        ) from error
    rows = csv.DictReader(io.StringIO(data)) if path.suffix.lower() == ".csv" else _lines(data, path)
    return _joined(rows, path)


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
