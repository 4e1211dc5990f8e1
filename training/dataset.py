"""Labelled comments: what they are, and how files of them are read."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from plaudit.errors import TrainingDataError
from plaudit.scores import FLAGS, LABELS
from plaudit.text import normalize
from plaudit.training.duplicates import letters_of
from plaudit.training.exchange import Row
from plaudit.training.tables import rows_of

COLUMNS: Final = (
    "text", "label", "flags", "language", "source", "group", "post", "author", "created_at",
)  # fmt: skip
"""Columns that can be mapped to another name in the file."""
_ALIASES: Final = {
    "text": ("text", "comment", "body", "content"),
    "label": ("label", "labels_final", "class"),
}
HELD_OUT: Final = "held_out"
"""Name of the part the weights never saw; calibration is fitted there."""
_MILLISECONDS: Final = 1e11  # seconds until the year 5138: a larger number counts milliseconds
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
        group: Key that must not be split besides post and author; "" where there is none.
        active: Picked because a model was unsure of it (`chosen: active`), so harder than its source's mix.
        post: Under which it stands; "" where unknown.
        author: Who wrote it; "" where unknown.
        created_at: Unix seconds; None where unknown.
        taught: What teachers say: probabilities of the labels, then of the flags; None where none was asked.
        annotated: Somebody read it and gave the label; False where it is only the teachers' best guess.
        where: `file:row`, to name it in messages; no part of what it is.
    """

    text: str
    label: str
    flags: frozenset[str] | None = None
    unsure: bool = False
    language: str = "en"
    source: str = ""
    group: str = ""
    active: bool = False
    post: str = ""
    author: str = ""
    created_at: float | None = None
    taught: tuple[float, ...] | None = None
    annotated: bool = True
    where: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A labelled file, row by row.

    Attributes:
        path: As it was named.
        comments: The rows that can be used, in order.
        rows: The record each of them was read from.
        problems: Of every other row, `row N` and what is wrong with it.
    """

    path: str
    comments: Sequence[LabelledComment]
    rows: Sequence[Row]
    problems: Sequence[str]

    @property
    def n_rows(self) -> int:
        """Rows in the file."""
        return len(self.comments) + len(self.problems)


def examine(path: str, *, columns: Mapping[str, str] | None = None) -> Examined:
    """Read a labelled file (JSONL, JSON, CSV, TSV, Parquet, Arrow), folder or Hub data set, bad rows and all.

    Args:
        path: File, folder saved by `datasets`, or Hub name.
        columns: Our name to the file's, where the usual aliases do not fit.

    Raises:
        TrainingDataError: Nothing there, or no text or label column.
    """
    rows = rows_of(path)
    names = {name: _column(name, rows[0], columns or {}, path) for name in ("text", "label")}
    name = Path(path).name
    comments, kept, problems = [], [], []
    for number, row in enumerate(rows, start=1):
        found = _comment(row, names, columns or {}, where=f"{name}:{number}")
        if isinstance(found, str):
            problems.append(f"row {number}: {found}")
        else:
            comments.append(found)
            kept.append(row)
    return Examined(path=path, comments=comments, rows=kept, problems=problems)


def load(path: str, *, columns: Mapping[str, str] | None = None) -> list[LabelledComment]:
    """Read a labelled file as `examine` does, all of whose rows must be of use.

    Raises:
        TrainingDataError: Nothing there, no text or label column, or bad rows: an unknown label, an
            empty text. The first few are named.
    """
    return usable(examine(path, columns=columns))


def usable(examined: Examined) -> list[LabelledComment]:
    """Return the comments of a file, all of whose rows must be of use.

    Raises:
        TrainingDataError: Some are not; the first few are named.
    """
    if examined.problems:
        raise TrainingDataError(
            f"{examined.path}: {len(examined.problems):,} of {examined.n_rows:,} rows are no use; "
            f"{listed(examined.problems)}."
        )
    return list(examined.comments)


def load_named(
    paths: Sequence[str], *, columns: Mapping[str, str] | None = None
) -> dict[str, list[LabelledComment]]:
    """Read labelled files, by the name of each without its ending.

    Raises:
        TrainingDataError: As `load`; or two files of one name, or a name that is taken.
    """
    return {name: usable(each) for name, each in examine_named(paths, columns=columns).items()}


def examine_named(paths: Sequence[str], *, columns: Mapping[str, str] | None = None) -> dict[str, Examined]:
    """Read labelled files as `examine` does, by the name of each without its ending.

    Raises:
        TrainingDataError: As `examine`; or two files of one name, or a name that is taken.
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
    return {name: examine(path, columns=columns) for name, path in zip(names, paths, strict=True)}


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


def _comment(
    row: Row, names: Mapping[str, str], columns: Mapping[str, str], *, where: str
) -> LabelledComment | str:
    def cell(*candidates: str) -> Any:
        mapped = columns.get(candidates[0])
        return next((row[n] for n in ((mapped,) if mapped else candidates) if row.get(n)), None)

    text, label, taught = row.get(names["text"]), row.get(names["label"]), _taught(row)
    annotated = label is not None
    if taught is not None and not annotated:
        label = max(zip(taught, LABELS, strict=False))[1]
    flags = _flags(row.get(columns.get("flags", "flags")))
    if not isinstance(text, str) or not normalize(text):
        return "the text is empty"
    if label not in LABELS:
        return f"unknown label {label!r}, expected one of {', '.join(LABELS)}"
    return LabelledComment(
        text=text,
        label=label,
        flags=None if flags is None else flags & set(FLAGS),  # annotators keep other marks there too
        unsure=_is_true(row.get("unsure")),
        language=cell("language") or "en",
        source=cell("source") or "",
        group=str(cell("group") or ""),
        active=row.get("chosen") == "active",
        post=str(cell("post", "post_id") or ""),
        author=str(cell("author") or ""),
        created_at=_seconds(cell("created_at")),
        taught=taught,
        annotated=annotated,
        where=where,
    )


def _taught(row: Row) -> tuple[float, ...] | None:
    """Return what `plaudit-train teach` wrote beside a text; None where it wrote nothing."""
    labels, flags = row.get("probabilities"), row.get("flag_probabilities")
    if not isinstance(labels, Mapping) or not isinstance(flags, Mapping):
        return None
    values = [*(labels.get(name) for name in LABELS), *(flags.get(name) for name in FLAGS)]
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    return tuple(numbers) if len(numbers) == len(values) else None


def _seconds(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return _iso_seconds(str(value or ""))
    if not math.isfinite(number):
        return None
    return number / 1000 if number > _MILLISECONDS else number


def _iso_seconds(value: str) -> float | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _flags(value: Any) -> frozenset[str] | None:
    if value is None:
        return None
    # A cell of a CSV file: "experience addressed", "experience;addressed"; blank: no flag holds.
    return frozenset(re.findall(r"\w+", value) if isinstance(value, str) else map(str, value))


def _is_true(value: Any) -> bool:
    return value.strip().lower() in ("true", "1", "yes") if isinstance(value, str) else bool(value)


def letters(comment: LabelledComment) -> str:
    """Return what copies of a text share: its letters, or the normalised text where it has none."""
    return letters_of(comment.text)


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
