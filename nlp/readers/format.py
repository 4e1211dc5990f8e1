"""What a source format is: where its comments lie, and what it calls their fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Record = Mapping[str, Any]
"""A comment as the tool wrote it."""

Row = tuple[Record, Record]
"""A comment, and generic columns it inherits from what it lies in (its page, thread or video)."""

FIELDS: Final = (
    "id",
    "text",
    "author",
    "name",
    "parent_id",
    "post_id",
    "creator_id",
    "created_at",
    "likes",
    "is_creator",
    "platform",
    "total_reply_count",
    "time_precision",
    "fetched_at",
)
"""What a format maps to: the generic columns; `name`, the author's shown name beside a stable id; and
`fetched_at`, the moment that "3 days ago" counts back from."""

CONTAINERS: Final = ("json", "ndjson", "csv", "tsv", "parquet", "arrow", "excel", "lines")
"""Ways in which records are written one after the other."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What a container or format found in place of a record: a reason, and a sentence."""

    reason: str
    detail: str


def not_a_record(value: object) -> Problem:
    """Return the problem that a value other than an object stands where a comment should."""
    return Problem("not_a_record", f"A {type(value).__name__} stands where a comment should.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One source format; all of it can be said in one small file.

    Attributes:
        name: As after `--format`.
        title: As a person calls it.
        description: One line: which tool writes it, in which container.
        columns: One of `FIELDS` to the source's names for it, the best first. Names match in any case
            and punctuation; dots reach into objects ("snippet.likeCount").
        matches: Whether a value (a line, a document, a row) is of this format and of no other.
        platform: What the comments come from, one of `PLATFORMS`.
        container: One of `CONTAINERS` where the format is nothing but its container, else None.
        rows: The comments in one value; None where a value is a comment, or a list or page of them,
            with replies nested in it or not.
        enclosing: Of an object without a text that holds comments (a post, a video): fields the comments
            inherit from it, to its names for them.
        parse: Field to a function that turns the source's value into the generic one; must not raise.
        estimated: Whether the source's times are worked out from "2 years ago".
    """

    name: str
    title: str
    description: str
    columns: Mapping[str, tuple[str, ...]]
    matches: Callable[[Record], bool]
    platform: str = "other"
    container: str | None = None
    rows: Callable[[Record], Iterable[Row | Problem]] | None = None
    enclosing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parse: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    estimated: bool = False
