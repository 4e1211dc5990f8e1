"""From rows of values to batches: coerced, judged, freed of duplicates, in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import is_
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa

from plaudit.comment import COMMENT_SCHEMA, PLATFORMS, Batch, Rejection, comment_key
from plaudit.pseudonym import handle_pseudonym, pseudonym
from plaudit.readers import coercion
from plaudit.readers.ages import age_of
from plaudit.readers.duplicates import SeenComments, problem_of
from plaudit.readers.format import FIELDS, Format, Problem, Record
from plaudit.readers.keeping import kept_columns, kept_schema
from plaudit.readers.mapping import Values, has_error
from plaudit.readers.options import ReadOptions
from plaudit.readers.redaction import redacted
from plaudit.text import normalize

# isalnum() holds for these, yet nothing is seen of them.
_FILLERS: Final = "\u115f\u1160\u3164\uffa0"
_JOINERS: Final = "\u200d\ufe0e\ufe0f \n"  # what is left of emoji without an emoji
_WORDS: Final = frozenset({str, type(None)})
_N_ID: Final = 4096
_T = TypeVar("_T")
_WORDED: Final = "estimated, whatever is said"
_ERROR: Final = Problem("error_record", "An error stands where a comment should.")
_pseudonym = lru_cache(maxsize=1 << 16)(pseudonym)
_handle_pseudonym = lru_cache(maxsize=1 << 16)(handle_pseudonym)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where rows come from: the source's name, its format, and columns that hold names of people.

    The name of a part of it, such as a sheet, stands behind its own where ids may begin anew in each.
    `day_first` is for its dates such as 7/8/2023, as `dates.date_of` takes it.
    """

    source: str
    format: Format
    private: frozenset[str] = frozenset()
    part: str | None = None
    day_first: bool | None = None

    @property
    def name(self) -> str:
        """The name that stands for a post where none is said."""
        return self.source if self.part is None else f"{self.source}/{self.part}"


class Assembler:
    """Collects the records of a run and turns them into batches, over the borders of files."""

    def __init__(self, options: ReadOptions) -> None:
        self._creator = options.creator or None
        self._post = options.post or None
        self._platform = options.platform
        self._seen = SeenComments()
        self._rows: list[Values] = []
        self._records: list[Record] = []
        self._numbers: list[str] = []
        self._orders: list[int] = []
        self._rejections: list[tuple[int, Rejection]] = []
        self._parts: list[pa.RecordBatch] = []
        self._keep, self._kept = options.keep, list[pa.RecordBatch]()
        self.n_records = self.n_chars = 0

    def add(self, record: Record, values: Values, *, number: str) -> None:
        """Add a record with its values in the order of `FIELDS`, and its number in its source."""
        self._rows.append(values)
        self._records.append(record)
        self._numbers.append(number)
        self._orders.append(self.n_records)
        self.n_records += 1
        # Many may share one long value until they stand in columns.
        self.n_chars += sum([len(value) for value in values if type(value) is str])

    def reject(self, problem: Problem, *, place: Place, number: str) -> None:
        """Add something that could not be read as a record at all."""
        where = f"{place.source}:{number}"
        rejection = Rejection(reason=problem.reason, where=where, detail=problem.detail)
        self._rejections.append((self.n_records, rejection))
        self.n_records += 1

    def seal(self, place: Place) -> None:
        """Turn what was added since the last call into columns; all of it comes from this place."""
        if self._rows:
            columns = dict(zip(FIELDS, zip(*self._rows, strict=True), strict=True))
            self._columns(columns, place=place)
            for pending in (self._rows, self._records, self._numbers, self._orders):
                pending.clear()

    def take(self, *, n_bytes: int) -> Batch:
        """Return what was sealed as a batch, and start the next."""
        comments = _joined(self._parts, COMMENT_SCHEMA)
        kept = _joined(self._kept, kept_schema(self._keep)) if self._keep else None
        rejections = tuple(rejection for _, rejection in sorted(self._rejections, key=lambda each: each[0]))
        self._parts, self._kept, self._rejections = [], [], []
        self.n_records = self.n_chars = 0
        return Batch(comments=comments, rejections=rejections, n_bytes=n_bytes, kept=kept)

    def _columns(self, raw: dict[str, tuple[Any, ...]], *, place: Place) -> None:
        problems = _Problems(self._records)
        columns: dict[str, Sequence[Any]] = {}
        columns["text"] = [problems.text(i, text) for i, text in enumerate(raw["text"])]
        ids = _whole(problems.ids("id", raw["id"]), raw["id"])
        columns["id"] = [
            number if id_ is None else id_ for id_, number in zip(ids, self._numbers, strict=True)
        ]
        parents = _whole(problems.ids("parent_id", raw["parent_id"]), raw["parent_id"])
        posts = problems.short("post_id", _whole(_each(coercion.as_id, raw["post_id"]), raw["post_id"]))
        columns["post_id"] = self._filled(posts, self._post)
        columns["parent_id"] = [
            None if p in ("root", "0", "-1") or p in (id_, post) else p
            for p, id_, post in zip(parents, ids, columns["post_id"], strict=True)
        ]
        self._people(columns, raw, problems=problems)
        self._times(columns, raw, place=place)
        columns["likes"] = _each(coercion.as_count, raw["likes"])
        columns["total_reply_count"] = _each(coercion.as_count, raw["total_reply_count"])
        default = self._platform or place.format.platform
        columns["platform"] = [default if v is None else _platform(v) or default for v in raw["platform"]]
        columns["source"] = [place.name] * len(ids)
        keys = [
            comment_key(place.name if post is None else post, id_)
            if own is not None
            else comment_key(place.name, f"line {id_}")
            for post, id_, own in zip(columns["post_id"], columns["id"], ids, strict=True)
        ]
        columns["key"] = keys
        self._sift(columns, problems=problems, place=place)

    def _filled(self, values: Any, default: str | None) -> list[str | None]:
        return list(values) if default is None else [default if v is None else v for v in values]

    def _people(
        self, columns: dict[str, Sequence[Any]], raw: dict[str, tuple[Any, ...]], *, problems: _Problems
    ) -> None:
        stable = _whole(_each(coercion.as_name, raw["author"]), raw["author"])
        is_same = all(map(is_, raw["name"], raw["author"]))
        names = stable if is_same else _each(coercion.as_name, raw["name"])
        shown = [s if name is None else name for s, name in zip(stable, names, strict=True)]
        known = [name if s is None else s for s, name in zip(stable, names, strict=True)]
        columns["author"] = [None if name is None else _pseudonym(name) for name in known]
        columns["handle"] = [None if name is None else _handle_pseudonym(name) for name in shown]
        flags = list(map(coercion.as_flag, raw["is_creator"]))
        creators = problems.short(
            "creator_id", _whole(_each(coercion.as_name, raw["creator_id"]), raw["creator_id"])
        )
        named = self._creator
        columns["creator_id"] = creators if named is None else [named] * len(creators)
        if named is not None or any(creator is not None for creator in creators):
            people = zip(flags, columns["author"], columns["handle"], creators, strict=True)
            flags = [
                flag or _is_same(author, handle, creator) or _is_same(author, handle, named)
                for flag, author, handle, creator in people
            ]
        columns["is_creator"] = flags

    def _times(
        self, columns: dict[str, Sequence[Any]], raw: dict[str, tuple[Any, ...]], *, place: Place
    ) -> None:
        day_first = place.day_first
        if day_first is None:
            times = list(map(coercion.as_time, raw["created_at"]))
        else:
            times = [coercion.as_time(written, day_first) for written in raw["created_at"]]
        if any(moment is not None for moment in raw["fetched_at"]):
            times = list(map(_counted_back, times, raw["created_at"], raw["fetched_at"]))
        columns["created_at"] = [moment for moment, _ in times]
        said = _each(coercion.as_precision, raw["time_precision"])
        default = "estimated" if place.format.estimated else None
        columns["time_precision"] = [
            found and ("estimated" if found == _WORDED or moment is None else word or default or found)
            for (moment, found), word in zip(times, said, strict=True)
        ]

    def _sift(self, columns: dict[str, Sequence[Any]], *, problems: _Problems, place: Place) -> None:
        usable = np.ones(len(self._rows), bool)
        usable[list(problems.found)] = False
        rows = np.flatnonzero(usable)
        texts = columns["text"]
        fresh, changed = self._seen.add(
            np.array(columns["key"], np.uint64)[rows], [texts[row] for row in rows.tolist()]
        )
        for row, is_changed in zip(rows[~fresh].tolist(), changed[~fresh].tolist(), strict=True):
            usable[row] = False
            problems.found[row] = problem_of(is_changed=is_changed)
        for row, problem in problems.found.items():
            self._rejections.append((self._orders[row], self._rejection(row, problem, place=place)))
        batch = pa.RecordBatch.from_arrays(
            [_array(columns[field.name], field.type) for field in COMMENT_SCHEMA], schema=COMMENT_SCHEMA
        )
        self._parts.append(batch if usable.all() else batch.filter(pa.array(usable)))
        if self._keep:
            self._kept.append(kept_columns(self._records, self._keep).filter(pa.array(usable)))

    def _rejection(self, row: int, problem: Problem, *, place: Place) -> Rejection:
        where = f"{place.source}:{self._numbers[row].partition('.')[0]}"
        record = redacted(self._records[row], columns=place.private)
        return Rejection(reason=problem.reason, where=where, detail=problem.detail, record=record)


class _Problems:
    """What is wrong with the records of a batch, by row."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self.found: dict[int, Problem] = {}

    def text(self, row: int, text: object) -> str | None:
        """Return a text without markup, noting what is wrong with it."""
        if not isinstance(text, str):
            return self._other_text(row, text)
        if "<" in text or "&" in text:
            text = coercion.without_html(text)
        first = text[:1]
        if not ("!" <= first <= "~" or (first.isalnum() and first not in _FILLERS)) and _is_blank(text):
            problem = Problem("empty_text", "The text is blank or invisible.")
            self.found[row] = _ERROR if has_error(self._records[row]) else problem
        elif first == "[" and coercion.is_deleted(text):
            self.found[row] = Problem("deleted", "The comment was removed; only its place is left.")
        return text

    def _other_text(self, row: int, text: object) -> str | None:
        if isinstance(text, (int, float)) and not isinstance(text, bool) and text == text:
            return str(text)
        record = self._records[row]
        if text is None or text != text:
            problem = Problem("missing_text", "The record has no text.")
            self.found[row] = _ERROR if has_error(record) else problem
        else:
            self.found[row] = Problem("invalid_field", f"The text is a {type(text).__name__}, not a string.")
        return None

    def ids(self, name: str, values: Sequence[object]) -> list[str | None]:
        """Return ids as strings, noting those that are none."""
        if values.count(None) == len(values):
            return [None] * len(values)
        ids = list(map(coercion.as_id, values))
        unread = [row for row, id_ in enumerate(ids) if id_ is None and values[row] is not None]
        for row in unread:
            value = values[row]
            if isinstance(value, (dict, list, bool)) and row not in self.found:
                detail = f"The field {name} is a {type(value).__name__}, not a string or number."
                self.found[row] = Problem("invalid_field", detail)
        return self.short(name, ids)

    def short(self, name: str, ids: list[str | None]) -> list[str | None]:
        """Return ids but those that are too long to be any, noting them."""
        for row, id_ in enumerate(ids):
            if id_ is not None and len(id_) > _N_ID:
                ids[row] = None
                detail = f"The field {name} has {len(id_):,} characters, expected {_N_ID:,} at most."
                self.found.setdefault(row, Problem("invalid_field", detail))
        return ids


def _each(coerce: Callable[[object], _T | None], values: Sequence[object]) -> list[_T | None]:
    """Coerce a column; one in which nothing is said takes no time, one that repeats itself little."""
    if values.count(None) == len(values):
        return [None] * len(values)
    if set(map(type, values)) <= _WORDS:  # elsewhere 1, 1.0 and True would be taken for each other
        different = set(values)
        if 2 * len(different) < len(values):
            known = {value: coerce(value) for value in different}
            return [known[value] for value in values]
    return list(map(coerce, values))


def _counted_back(
    time: tuple[int | None, str | None], written: object, fetched: object
) -> tuple[int | None, str | None]:
    """Return a time, or what words such as "3 days ago" count back to from when they were fetched."""
    if time[0] is not None or not isinstance(written, str):
        return time
    now, precision = coercion.as_time(fetched)
    age = age_of(written) if now is not None and precision == "exact" else None
    return time if now is None or age is None or age >= now else (now - age, _WORDED)


def _whole(ids: list[str | None], values: Sequence[object]) -> list[str | None]:
    """Return ids but those that lost their last digits: one may be that of several people or things."""
    return [
        None if id_ is not None and (type(v) is float or "+" in id_) and coercion.is_rounded(v) else id_
        for id_, v in zip(ids, values, strict=True)
    ]


def _joined(parts: Sequence[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    batches = pa.Table.from_batches(parts, schema).combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=schema)


def _is_blank(text: str) -> bool:
    return not normalize(text).strip(_JOINERS).strip()


def _is_same(author: int | None, handle: int | None, person: str | None) -> bool:
    return person is not None and (author == _pseudonym(person) or handle == _handle_pseudonym(person))


def _platform(value: object) -> str | None:
    name = str(value).strip().lower()
    return name if name in PLATFORMS else ("other" if name else None)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:  # lone halves of UTF-16 pairs; whole pairs become their character
        mended = [
            v if v is None else v.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            for v in values
        ]
        return pa.array(mended, kind)
