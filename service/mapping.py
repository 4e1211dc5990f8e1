"""Read `--map text=body,author=who` and `--keep-columns text,author`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from plaudit.comment import GENERIC_COLUMNS
from plaudit.errors import MappingError

_NEXT = re.compile(r",(?=\s*\w+\s*=)")  # a column's own name may hold commas


def columns_of(pairs: Sequence[str]) -> dict[str, str]:
    """Return the file's column by generic name.

    Raises:
        MappingError: A pair is no NAME=COLUMN, or its name is unknown or given twice.
    """
    columns: dict[str, str] = {}
    for pair in (part for argument in pairs for part in _NEXT.split(argument)):
        name, sign, column = (piece.strip() for piece in pair.partition("="))
        if not (name and sign and column):
            raise MappingError(f"--map {pair!r} is no NAME=COLUMN pair; write it like text=body,author=who.")
        if name not in GENERIC_COLUMNS:
            known = ", ".join(GENERIC_COLUMNS)
            raise MappingError(f"--map names {name!r}, which is no field of a comment; fields are {known}.")
        if name in columns:
            raise MappingError(f"--map gives {name!r} two columns; keep one of them.")
        columns[name] = column
    return columns


def names_of(lists: Sequence[str]) -> tuple[str, ...]:
    """Return the names in comma-separated lists, each once."""
    return tuple(dict.fromkeys(name.strip() for each in lists for name in each.split(",") if name.strip()))
