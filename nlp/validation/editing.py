"""Comments changed on purpose: other texts, other authors, columns left out, more comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from plaudit.comment import COMMENT_SCHEMA, comment_key
from plaudit.pseudonym import handle_pseudonym, pseudonym

Comments: TypeAlias = pa.RecordBatch
"""Columns of `COMMENT_SCHEMA`."""

Rows = NDArray[np.intp]

WHO: Final = ("author", "handle")
WHEN: Final = ("created_at", "time_precision")
WHERE: Final = ("parent_id",)


def joined(parts: Sequence[Comments]) -> Comments:
    """Return the comments of all parts as one batch."""
    return pa.Table.from_batches(parts, schema=COMMENT_SCHEMA).combine_chunks().to_batches()[0]


def taken(comments: Comments, rows: Rows | NDArray[np.bool_]) -> Comments:
    """Return the comments at some positions, or of a mask, in their order."""
    positions = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
    return comments.take(pa.array(positions))


def audience(comments: Comments) -> Rows:
    """Return the positions of comments that the creator did not write."""
    return np.flatnonzero(~comments.column("is_creator").to_numpy(zero_copy_only=False))


def parents(comments: Comments) -> NDArray[np.uint64]:
    """Return the key of the comment that each one answers; 0 at top level."""
    places = pc.coalesce(comments.column("post_id"), comments.column("source")).to_pylist()
    pairs = zip(places, comments.column("parent_id").to_pylist(), strict=True)
    return np.array([0 if id_ is None else comment_key(place, id_) for place, id_ in pairs], np.uint64)


def with_column(comments: Comments, name: str, values: Sequence[Any]) -> Comments:
    """Return the comments with other values in one column."""
    field = COMMENT_SCHEMA.field(name)
    return comments.set_column(comments.schema.get_field_index(name), field, pa.array(values, field.type))


def without(comments: Comments, columns: Sequence[str]) -> Comments:
    """Return the comments as a source that leaves some columns out would have given them."""
    for name in columns:
        comments = with_column(comments, name, [None] * len(comments))
    return comments


def without_some(comments: Comments, columns: Sequence[str], rows: Rows) -> Comments:
    """Return the comments with some columns left empty at some positions."""
    for name in columns:
        comments = _put(comments, name, rows, [None] * len(rows))
    return comments


def without_creator(comments: Comments) -> Comments:
    """Return the comments as a source that names no creator would have given them."""
    return without(with_column(comments, "is_creator", [False] * len(comments)), ["creator_id"])


def rewritten(
    comments: Comments, rows: Rows, texts: Sequence[str], *, accounts: Sequence[str] | None = None
) -> Comments:
    """Return the comments with other texts at some positions.

    Args:
        comments: What to change.
        rows: Where.
        texts: One a position.
        accounts: Names of the accounts that post them, one a position; None keeps the authors.
    """
    comments = _put(comments, "text", rows, texts)
    if accounts is not None:
        comments = _put(comments, "author", rows, [pseudonym(name) for name in accounts])
        comments = _put(comments, "handle", rows, [handle_pseudonym(name) for name in accounts])
    return comments


def _put(comments: Comments, name: str, rows: Rows, values: Sequence[Any]) -> Comments:
    column = comments.column(name).to_pylist()
    for row, value in zip(rows.tolist(), values, strict=True):
        column[row] = value
    return with_column(comments, name, column)


def appended(comments: Comments, records: Sequence[Mapping[str, Any]]) -> Comments:
    """Return the comments and some more under the same post, at top level unless a record says otherwise.

    Args:
        comments: At least one; the first lends the new ones what no record says.
        records: Each with a text, the id of a new comment, and what else differs; `account` names its author.
    """
    first = comments.slice(0, 1).to_pylist()[0]
    blank = {"parent_id": None, "likes": None, "is_creator": False, "total_reply_count": None}
    place = first["post_id"] or first["source"]
    rows = []
    for given in records:
        record = {**first, **blank, **{name: value for name, value in given.items() if name != "account"}}
        record["key"] = comment_key(place, record["id"])
        if "account" in given:
            record["author"] = pseudonym(given["account"])
            record["handle"] = handle_pseudonym(given["account"])
        rows.append(record)
    return joined([comments, pa.RecordBatch.from_pylist(rows, schema=COMMENT_SCHEMA)])


def as_new(comments: Comments, *, prefix: str) -> Comments:
    """Return comments that may repeat under ids of their own, each by nobody known."""
    place = "validation"
    ids = [f"{prefix}{i}" for i in range(len(comments))]
    comments = with_column(comments, "id", ids)
    comments = with_column(comments, "post_id", [place] * len(comments))
    comments = with_column(comments, "key", [comment_key(place, each) for each in ids])
    return without(comments, ["author", "handle", "parent_id"])
