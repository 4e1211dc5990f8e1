"""Which columns of a labelled file hold what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from plaudit.errors import TrainingDataError
from plaudit.text import normalize
from plaudit.training import cells
from plaudit.training.exchange import Row

ALIASES: Final[Mapping[str, Sequence[str]]] = {
    "text": ("text", "comment", "body", "content"),
    "label": ("label", "labels_final", "class"),
    "flags": ("flags",),
    "language": ("language",),
    "source": ("source",),
    "group": ("group",),
    "post": ("post", "post_id"),
    "author": ("author",),
    "created_at": ("created_at",),
    "annotator": ("annotator", "annotator_id", "_annotator_id", "_session_id"),
}
COLUMNS: Final = tuple(ALIASES)
"""Columns that can be mapped to another name in the file."""
THEIR_LABEL: Final = "label:"
"""Before a name in `columns` that a file has for a label; what it maps to is ours."""

Found = Mapping[str, Sequence[str]]
"""Our columns to those of a file, none or several."""


def columns_of(
    rows: Sequence[Row],
    columns: Mapping[str, str],
    path: str,
    *,
    needed: Sequence[str] = ("text", "label"),
) -> Found:
    """Return which of a file's columns hold each of ours, of text and label one, of others perhaps several.

    Args:
        rows: All of the file: not every row of JSON lines names every column.
        columns: As `options.columns_of` returns them.
        path: To name the file by.
        needed: Of our columns.

    Raises:
        TrainingDataError: One that is needed, or was named, is not there.
    """
    fields = dict.fromkeys(name for row in rows for name in row)
    found: dict[str, Sequence[str]] = {}
    for ours, aliases in ALIASES.items():
        theirs = columns.get(ours)
        names: Sequence[str] = aliases
        # Another file of the same command may be under our own names, as `split` writes it.
        if theirs is not None and (theirs in fields or not theirs):
            names = (theirs,)
        there = [name for name in names if name and name in fields]
        found[ours] = there[:1] if ours in ("text", "label") else there
        if not found[ours] and (theirs or ours in needed):
            wanted = f"column {theirs!r} for {ours}" if theirs else f"{ours} column"
            raise TrainingDataError(
                f"{path} has no {wanted}; found {', '.join(fields)}. Name the one that holds it: "
                f"--map {ours}=NAME."
            )
    return found


def check_mapped(files: Mapping[str, Sequence[Row]], columns: Mapping[str, str]) -> None:
    """Refuse a mapped column that no file of a command has: `columns_of` takes ours where theirs is missing.

    Args:
        files: The rows of each, by its path.
        columns: As `options.columns_of` returns them.

    Raises:
        TrainingDataError: So it is.
    """
    fields = dict.fromkeys(name for rows in files.values() for row in rows for name in row)
    missing = [ours for ours in COLUMNS if columns.get(ours) and columns[ours] not in fields]
    if missing and fields:
        raise TrainingDataError(
            f"{', '.join(files)}: there is no column {columns[missing[0]]!r} for {missing[0]} in any; found "
            f"{', '.join(fields)}. Correct --map {missing[0]}=NAME, or leave it out."
        )


def cell(row: Row, names: Sequence[str]) -> Any:
    """Return what the first filled one of some columns holds; None where all are blank."""
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def text_of(row: Row, found: Found) -> str:
    """Return a row's text.

    Raises:
        ValueError: There is none, or nothing in it to read.
    """
    text = cell(row, found["text"])
    if text is not None and not isinstance(text, str):
        raise ValueError(f"the text is of the kind {type(text).__name__}, expected a string")
    if text is None or not normalize(text):
        raise ValueError("the text is empty")
    return text


def labels_named(columns: Mapping[str, str]) -> Mapping[str, str]:
    """Return the labels of `options.columns_of`: their names to ours."""
    return {
        name.removeprefix(THEIR_LABEL): ours for name, ours in columns.items() if name.startswith(THEIR_LABEL)
    }


def flags_given(rows: Sequence[Row], found: Found) -> bool:
    """Return whether anybody gave flags: a column of a table that is blank throughout was never filled in."""
    if not found["flags"]:
        return True  # perhaps in columns of their own, or among the labels
    said = [row.get(name) for row in rows for name in found["flags"]]
    return any(each is not None and (not isinstance(each, str) or each.strip()) for each in said)


def flags_of(row: Row, found: Found) -> frozenset[str] | None:
    """Return the marks of a row, ours and others; None where nobody gave any.

    Raises:
        ValueError: They are no names.
    """
    if found["flags"]:
        return cells.flags_of(next((row[n] for n in found["flags"] if row.get(n) is not None), None))
    return cells.flags_in_columns(row)
