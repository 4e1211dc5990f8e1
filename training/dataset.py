"""Labelled comments: what they are, and how files of them are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from plaudit.errors import TrainingDataError
from plaudit.scores import FLAGS, LABELS
from plaudit.text import normalize
from plaudit.training import annotators, cells
from plaudit.training import columns as mapped
from plaudit.training.columns import Found, cell, columns_of, flags_given, flags_of, labels_named, text_of
from plaudit.training.duplicates import letters_of
from plaudit.training.exchange import Row
from plaudit.training.tables import rows_of

HELD_OUT: Final = "held_out"
"""Name of the part the weights never saw; calibration is fitted there."""
_N_SHOWN: Final = 5  # bad rows a message names
_MAX_SHOWN: Final = 40  # letters of a cell: a text in the place of a label is nobody's to read


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
        comments: The rows that can be used, in order; what several annotators said of a comment is one.
        rows: The record each of them was read from.
        problems: Of every other row, `row N` and what is wrong with it.
        n_rows: Rows in the file.
        other_marks: How many rows have each mark that is none of our flags.
    """

    path: str
    comments: Sequence[LabelledComment]
    rows: Sequence[Row]
    problems: Sequence[str]
    n_rows: int
    other_marks: Mapping[str, int] = field(default_factory=dict)


def examine(path: str, *, columns: Mapping[str, str] | None = None) -> Examined:
    """Read a labelled file (JSONL, JSON, CSV, TSV, Parquet, Arrow), folder or Hub data set, bad rows and all.

    Args:
        path: File, folder saved by `datasets`, or Hub name.
        columns: As `options.columns_of` returns them, where the usual names do not fit.

    Raises:
        TrainingDataError: Nothing there, no text or label column, or none that was named.
    """
    rows = rows_of(path)
    found = columns_of(rows, columns or {}, path)
    is_flagged, name = flags_given(rows, found), Path(path).name
    comments, kept, problems = [], [], []
    marks: Counter[str] = Counter()
    for number, row in enumerate(rows, start=1):
        try:
            flags = flags_of(row, found) if is_flagged else None
            comments.append(_comment(row, found, columns or {}, flags, where=f"{name}:{number}"))
        except ValueError as error:
            problems.append(f"row {number}: {error}")
            continue
        kept.append(row)
        marks.update((flags or frozenset()) - {*FLAGS, *LABELS})
    people = [cells.name_of(cell(row, found["annotator"])) for row in kept]
    comments, kept = annotators.settled(comments, kept, people)
    return Examined(
        path=path, comments=comments, rows=kept, problems=problems, n_rows=len(rows), other_marks=marks
    )


def load(
    path: str, *, columns: Mapping[str, str] | None = None, taught: bool = True
) -> list[LabelledComment]:
    """Read a labelled file as `examine` does, all of whose rows must be of use.

    Args:
        path: As for `examine`.
        columns: As for `examine`.
        taught: Take rows that nobody labelled and only teachers said something of.

    Raises:
        TrainingDataError: Nothing there, no text or label column, or bad rows: an unknown label, an
            empty text, or no label where one is needed. The first few are named.
    """
    return usable(examine(path, columns=columns), taught=taught)


def usable(examined: Examined, *, taught: bool = True) -> list[LabelledComment]:
    """Return the comments of a file, all of whose rows must be of use; see `load`.

    Raises:
        TrainingDataError: Some are not; the first few are named.
    """
    if examined.problems:
        raise TrainingDataError(
            f"{examined.path}: {len(examined.problems):,} of {examined.n_rows:,} rows are no use; "
            f"{listed(examined.problems)}."
        )
    guessed = [c.where for c in examined.comments if not c.annotated]
    if guessed and not taught:
        raise TrainingDataError(
            f"{examined.path}: {len(guessed):,} of {examined.n_rows:,} rows have no label, only what "
            f"teachers say ({listed(guessed)}); expected labels that somebody gave. What `plaudit-train "
            "teach` wrote is for `build` to learn from."
        )
    return list(examined.comments)


def tasks(path: str, *, columns: Mapping[str, str] | None = None) -> list[Row]:
    """Return the rows of a file, labelled or not, with `text`, `label` and `flags` under these names.

    Args:
        path: As for `examine`.
        columns: As for `examine`.

    Raises:
        TrainingDataError: Nothing there, no text column, or rows without a text.
    """
    rows = rows_of(path)
    found = columns_of(rows, columns or {}, path, needed=("text",))
    is_flagged = flags_given(rows, found)
    made, problems = [], []
    for number, row in enumerate(rows, start=1):
        try:
            flags = flags_of(row, found) if is_flagged else None
            made.append(_task(row, found, columns or {}, flags))
        except ValueError as error:
            problems.append(f"row {number}: {error}")
    if problems:
        raise TrainingDataError(
            f"{path}: {len(problems):,} of {len(rows):,} rows are no use; {listed(problems)}."
        )
    return made


def _task(row: Row, found: Found, columns: Mapping[str, str], flags: frozenset[str] | None) -> Row:
    renamed = {*found["text"], *found["label"], *found["flags"]}
    task = {name: value for name, value in row.items() if name not in renamed}
    task["text"] = text_of(row, found)
    if found["label"]:
        task["label"] = cells.label_of(cell(row, found["label"]), labels_named(columns))
    if flags is not None or found["flags"]:
        task["flags"] = None if flags is None else sorted(flags)
    return task


def load_named(
    paths: Sequence[str], *, columns: Mapping[str, str] | None = None
) -> dict[str, list[LabelledComment]]:
    """Read labelled files, by the name of each without its ending.

    Raises:
        TrainingDataError: As `load`; or two files of one name, or a name that is taken.
    """
    return {name: usable(each, taught=False) for name, each in examine_named(paths, columns=columns).items()}


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


def check_mapped(examined: Iterable[Examined], columns: Mapping[str, str]) -> None:
    """Refuse a mapped column that none of the files of a command has, as `columns.check_mapped` does."""
    mapped.check_mapped({each.path: each.rows for each in examined}, columns)


def listed(problems: Sequence[str]) -> str:
    """Return the first few of a list, and how many more there are."""
    more = len(problems) - _N_SHOWN
    return "; ".join(problems[:_N_SHOWN]) + (f"; and {more:,} more" if more > 0 else "")


def _comment(
    row: Row,
    found: Found,
    columns: Mapping[str, str],
    flags: frozenset[str] | None,
    *,
    where: str,
) -> LabelledComment:
    text, taught = text_of(row, found), cells.taught_of(row)
    label = cells.label_of(cell(row, found["label"]), labels_named(columns))
    annotated = label is not None
    if taught is not None and not annotated:
        label = max(zip(taught, LABELS, strict=False))[1]
    if label is None:
        raise ValueError(f"there is no label, expected one of {', '.join(LABELS)}")
    if label not in LABELS:
        raise ValueError(
            f"unknown label {repr(label)[:_MAX_SHOWN]}, expected one of {', '.join(LABELS)}; for another "
            f"name of one: --map {LABELS[0]}=NAME"
        )
    return LabelledComment(
        text=text,
        label=label,
        flags=None if flags is None else flags & set(FLAGS),  # annotators keep other marks there too
        unsure=cells.is_true(row.get("unsure")),
        language=cells.language_of(cell(row, found["language"])),
        source=cells.name_of(cell(row, found["source"])),
        group=cells.name_of(cell(row, found["group"])),
        active=row.get("chosen") == "active",
        post=cells.name_of(cell(row, found["post"])),
        author=cells.name_of(cell(row, found["author"])),
        created_at=cells.seconds_of(cell(row, found["created_at"])),
        taught=taught,
        annotated=annotated,
        where=where,
    )


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
