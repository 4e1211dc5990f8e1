"""What a comment is: one record at the edges, one Arrow batch inside."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import pyarrow as pa

PLATFORMS: Final = ("youtube", "instagram", "tiktok", "reddit", "facebook", "blog", "other")

COMMENT_SCHEMA: Final = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),  # comment_key(post_id or source, id)
        pa.field("id", pa.string(), nullable=False),  # as the source wrote it; line number without one
        pa.field("text", pa.string(), nullable=False),  # never empty, HTML already undone
        pa.field("author", pa.uint64()),  # pseudonym of the stable id, or of the name without one
        pa.field("handle", pa.uint64()),  # pseudonym of the shown @name, to resolve mentions
        pa.field("parent_id", pa.string()),  # null: top level, or unknown where the dump is flat
        pa.field("post_id", pa.string()),
        pa.field("creator_id", pa.string()),
        pa.field("created_at", pa.int64()),  # Unix time in milliseconds
        pa.field("time_precision", pa.string()),  # one of TIME_PRECISIONS; null without a time
        pa.field("likes", pa.int64()),
        pa.field("is_creator", pa.bool_(), nullable=False),  # resolved: flag, or author == creator
        pa.field("platform", pa.string(), nullable=False),  # one of PLATFORMS
        pa.field("total_reply_count", pa.int64()),  # replies the source knows of, here or not
        pa.field("source", pa.string(), nullable=False),  # the file's name, a sheet's behind it, or "request"
    ]
)
"""Columns of a batch of usable comments. Null means that the source does not say, never zero."""


def comment_key(place: str, id: str) -> int:  # noqa: A002
    """Return the 64-bit fingerprint a comment is known by, fixed over runs and machines.

    Place is the post's id, or the source's name where the post is unknown. A comment's parent is the
    comment with `comment_key(place, parent_id)`.
    """
    name = f"{place}\0{id}".encode("utf-8", "replace")
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "little")


TIME_PRECISIONS: Final = ("exact", "estimated")
"""`estimated`: worked out from "2 years ago"; timing signals leave such comments out."""

GENERIC_COLUMNS: Final = (
    "id",
    "text",
    "author",
    "parent_id",
    "post_id",
    "creator_id",
    "created_at",
    "likes",
    "is_creator",
    "platform",
    "total_reply_count",
    "time_precision",
)
"""The names every reader maps its format to; also those of the HTTP bodies. Only `text` is required."""

REJECTION_REASONS: Final = {
    "not_json": "the line or value is not valid JSON",
    "not_a_record": "the value is not an object with fields",
    "malformed_row": "the row has more or fewer cells than the header",
    "missing_text": "the record has no text field",
    "empty_text": "nothing is left of the text once blanks and invisible characters are removed",
    "deleted": "the platform or its author removed the comment",
    "error_record": "an error message stands where a comment should",
    "duplicate_id": "a comment with this id was already read for this post",
    "changed_text": "a comment with this id was already read for this post, with another text",
    "invalid_field": "a field holds a value of the wrong kind",
    "truncated_archive": "the compressed file ends too early; what came before was kept",
    "unusable_file": "a file found in a folder or archive cannot be read at all",
    "bad_encoding": "the bytes are not text in the file's encoding",
}
"""Every reason a record can be left out for, with its meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A record that could not be used, and why.

    Attributes:
        reason: A key of `REJECTION_REASONS`.
        where: `file:line` or `file:item`, counted from 1.
        detail: One sentence with what was found; never holds an author.
        record: The record as JSON, shortened, whatever names a person masked; None where there was
            nothing to keep, or nothing that could be masked with certainty.
    """

    reason: str
    where: str
    detail: str = ""
    record: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some consecutive records of a dump: the usable ones as columns, the others as rejections.

    Attributes:
        comments: Columns of `COMMENT_SCHEMA`, in input order.
        rejections: Records left out, in input order.
        n_bytes: Bytes of the (compressed) source consumed for this batch, for progress.
        kept: Columns kept as the source had them, where asked for; row i belongs to comment i.
    """

    comments: pa.RecordBatch
    rejections: tuple[Rejection, ...] = ()
    n_bytes: int = 0
    kept: pa.RecordBatch | None = None
