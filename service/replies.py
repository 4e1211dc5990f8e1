"""What a service answers, and what it can be told, as the client's callers see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

Comment = str | Mapping[str, Any]
"""A text, or a record with `text` and whatever else `/docs` says of a comment."""

Report = dict[str, Any]
"""The same as the command line's report.json."""

By = Literal["none", "post", "creator"]

DumpFile = Literal["report.json", "report.html", "comments.parquet", "rejected.jsonl"]
"""What is left of a dump that is done, beside the pages of its groups."""


class Answer(TypedDict):
    """What the model says of one comment."""

    id: str
    label: Literal["genuine", "generic_praise", "question"]
    probabilities: dict[str, float]
    flags: dict[str, float]
    language: str
    supported: bool
    truncated: bool


class ItemError(TypedDict):
    """Stands in the place of an answer for a comment that can't be labelled."""

    id: str
    error: str


class ModelId(TypedDict):
    """Which model answered."""

    id: str
    hash: str
    answer: str


class Classified(TypedDict):
    """One result for each comment, in the order sent."""

    results: list[Answer | ItemError]
    model: ModelId


class Post(TypedDict, total=False):
    """What the comments stand under; only `id` is required."""

    id: str
    text: str
    published_at: str


class About(TypedDict, total=False):
    """What is known beside the comments."""

    creator_id: str
    platform: str
    follower_count: int
    by: By


class Section(About, total=False):
    """What is known beside the comments, the posts' texts included."""

    posts: Sequence[Post]


class Reading(TypedDict, total=False):
    """How to read a dump; each is as on the command line."""

    format: str
    creator: str
    post: str
    platform: str
    by: By
    columns: str


class Progress(TypedDict):
    """How far a dump is."""

    bytes_read: int
    bytes_total: int
    comments: int


class Dump(TypedDict):
    """A dump that was handed in; times are ISO 8601."""

    id: str
    status: Literal["queued", "running", "done", "failed"]
    progress: Progress
    error: str | None
    fault: Literal["dump", "service"] | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    expires_at: str | None
    links: dict[str, str]


class Dumps(TypedDict):
    """A page of dumps; `next` names the page after it."""

    dumps: list[Dump]
    next: str | None


class Correction(TypedDict, total=False):
    """What may be said beside a corrected label."""

    flags: Sequence[str]
    id: str
    note: str


class Receipt(TypedDict):
    """That a correction is kept, and the id to delete it by."""

    id: str
