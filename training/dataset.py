"""Labelled comments: loading, checking, splitting."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from plaudit.errors import TrainingDataError
from plaudit.scores import FLAGS, LABELS
from plaudit.text import normalize, skeleton
from plaudit.training.tables import rows_of

_ALIASES: Final = {
    "text": ("text", "comment", "body", "content"),
    "label": ("label", "labels_final", "class"),
}
HELD_OUT: Final = "held_out"
"""Name of the part the weights never saw; calibration is fitted there."""
_N_SHOWN: Final = 5  # bad rows a message names


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledComment:
    """One labelled comment.

    Attributes:
        text: As written.
        label: One of `LABELS`.
        flags: Subset of `FLAGS`; None where nobody gave flags (masked in training).
        unsure: The annotator named two labels about equally right.
        language: ISO 639-1 code; "en" where the file does not say.
        source: Where it comes from, for slices; "" where unknown.
        group: Key that must not be split: the post or author where known, else "".
        active: Picked because a model was unsure of it (`chosen: active`), so harder than its source's mix.
    """

    text: str
    label: str
    flags: frozenset[str] | None = None
    unsure: bool = False
    language: str = "en"
    source: str = ""
    group: str = ""
    active: bool = False


def load(path: str, *, columns: Mapping[str, str] | None = None) -> list[LabelledComment]:
    """Read a labelled file (JSONL, JSON, CSV, TSV, Parquet, Arrow), folder or Hub data set.

    Args:
        path: File, folder saved by `datasets`, or Hub name.
        columns: Our name to the file's, where the usual aliases do not fit.

    Raises:
        TrainingDataError: Nothing there, no text or label column, or bad rows: an unknown label, an
            empty text. The first few are named.
    """
    rows = rows_of(path)
    names = {name: _column(name, rows[0], columns or {}, path) for name in ("text", "label")}
    problems: list[str] = []
    comments = []
    for number, row in enumerate(rows, start=1):
        found = _comment(row, names)
        if isinstance(found, str):
            problems.append(f"row {number}: {found}")
        else:
            comments.append(found)
    if problems:
        raise TrainingDataError(
            f"{path}: {len(problems):,} of {len(rows):,} rows are no use; {listed(problems)}."
        )
    return comments


def load_named(paths: Sequence[str]) -> dict[str, list[LabelledComment]]:
    """Read labelled files, by the name of each without its ending.

    Raises:
        TrainingDataError: As `load`; or two files of one name, or a name that is taken.
    """
    names = [Path(path).stem for path in paths]
    if HELD_OUT in names:
        raise TrainingDataError(
            f"{HELD_OUT} is what the figures of the held-out part are called; rename the file."
        )
    if len(set(names)) < len(names):
        raise TrainingDataError(
            f"Two of {', '.join(paths)} share a name, and figures are kept by name; rename one."
        )
    return {name: load(path) for name, path in zip(names, paths, strict=True)}


def listed(problems: Sequence[str]) -> str:
    """Return the first few of a list, and how many more there are."""
    more = len(problems) - _N_SHOWN
    return "; ".join(problems[:_N_SHOWN]) + (f"; and {more:,} more" if more > 0 else "")


def _column(name: str, row: Mapping[str, Any], columns: Mapping[str, str], path: str) -> str:
    for candidate in (columns[name],) if name in columns else _ALIASES[name]:
        if candidate in row:
            return candidate
    raise TrainingDataError(
        f"{path} has no {name} column; found {', '.join(row)}. Rename the one that holds it."
    )


def _comment(row: Mapping[str, Any], names: Mapping[str, str]) -> LabelledComment | str:
    text, label, flags = row.get(names["text"]), row.get(names["label"]), _flags(row.get("flags"))
    if not isinstance(text, str) or not normalize(text):
        return "the text is empty"
    if label not in LABELS:
        return f"unknown label {label!r}, expected one of {', '.join(LABELS)}"
    return LabelledComment(
        text=text,
        label=label,
        flags=None if flags is None else flags & set(FLAGS),  # annotators keep other marks there too
        unsure=_is_true(row.get("unsure")),
        language=row.get("language") or "en",
        source=row.get("source") or "",
        group=str(row.get("post_id") or row.get("post") or row.get("author") or ""),
        active=row.get("chosen") == "active",
    )


def _flags(value: Any) -> frozenset[str] | None:
    if value is None:
        return None
    # A cell of a CSV file: "experience addressed", "experience;addressed"; blank: no flag holds.
    return frozenset(re.findall(r"\w+", value) if isinstance(value, str) else map(str, value))


def _is_true(value: Any) -> bool:
    return value.strip().lower() in ("true", "1", "yes") if isinstance(value, str) else bool(value)


def letters(comment: LabelledComment) -> str:
    """Return what copies of a text share: its letters, or the normalised text where it has none."""
    return skeleton(comment.text) or normalize(comment.text)


def group_keys(comments: Sequence[LabelledComment]) -> list[str]:
    """Return the key no split may tear apart: the given group, else the letters of the text.

    A group that shares a text with another is joined to it, so that no copy is on both sides.
    """
    keys = [c.group or letters(c) for c in comments]
    if not any(c.group for c in comments):
        return keys
    root: dict[str, str] = {}

    def find(key: str) -> str:
        while (above := root.setdefault(key, key)) != key:
            root[key] = root[above]
            key = root[key]
        return key

    for comment, key in zip(comments, keys, strict=True):
        root[find(f"letters {letters(comment)}")] = find(key)
    return [find(key) for key in keys]


def split(
    comments: Sequence[LabelledComment], *, share: float, seed: int
) -> tuple[list[LabelledComment], list[LabelledComment]]:
    """Split into a larger and a smaller part (`share` of the rows), whole groups only."""
    keys = group_keys(comments)
    order = sorted(set(keys), key=lambda key: sha256(f"{seed}:{key}".encode("utf-8", "replace")).digest())
    chosen: set[str] = set()
    counts: dict[str, int] = {}
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    n_wanted, n_chosen = round(share * len(comments)), 0
    for key in order:
        if n_chosen >= n_wanted:
            break
        chosen.add(key)
        n_chosen += counts[key]
    kept = [c for c, key in zip(comments, keys, strict=True) if key not in chosen]
    return kept, [c for c, key in zip(comments, keys, strict=True) if key in chosen]


def without_leaks(
    comments: Sequence[LabelledComment], frozen: Sequence[LabelledComment]
) -> list[LabelledComment]:
    """Return the comments whose letters do not occur in a frozen set."""
    taken = {letters(c) for c in frozen}
    return [c for c in comments if letters(c) not in taken] if taken else list(comments)


def without_conflicts(comments: Sequence[LabelledComment]) -> list[LabelledComment]:
    """Return the comments whose text, as the model reads it, was given one label only."""
    labels: dict[str, set[str]] = {}
    for comment in comments:
        labels.setdefault(normalize(comment.text), set()).add(comment.label)
    return [c for c in comments if len(labels[normalize(c.text)]) == 1]


def digest(comments: Sequence[LabelledComment]) -> str:
    """Return the SHA-256 of a labelled set, whatever its order."""
    lines = sorted(f"{normalize(c.text)}\t{c.label}\t{sorted(c.flags or ())}" for c in comments)
    return sha256("\n".join(lines).encode("utf-8", "replace")).hexdigest()
