"""youtube-comment-downloader: one comment a line, or `{"comments": [...]}`.

https://github.com/egbertbouman/youtube-comment-downloader
"""

from __future__ import annotations

from typing import Any, Final

from plaudit.readers.format import Format, Record
from plaudit.readers.generic import FETCHED


def _matches(value: Record) -> bool:
    comments = value.get("comments")
    first = comments[0] if isinstance(comments, list) and comments else value
    own = {"votes", "heart", "reply", "time_parsed"}
    return isinstance(first, dict) and {"cid", "text"} <= first.keys() and not own.isdisjoint(first)


def _parent(cid: Any) -> str | None:
    # A reply's id is its thread's, a dot, and its own.
    thread, dot, _ = cid.partition(".") if isinstance(cid, str) else ("", "", "")
    return thread if dot else None


YOUTUBE_COMMENT_DOWNLOADER: Final = Format(
    name="youtube-comment-downloader",
    title="youtube-comment-downloader",
    description='NDJSON of the tool of this name, or {"comments": [...]}',
    platform="youtube",
    columns={
        "id": ("cid",),
        "text": ("text",),
        "author": ("channel", "author"),
        "name": ("author",),
        "parent_id": ("cid",),
        "post_id": ("video_id",),
        "created_at": ("time_parsed", "time"),
        "likes": ("votes",),
        "total_reply_count": ("replies",),
        "fetched_at": FETCHED,
    },
    matches=_matches,
    parse={"parent_id": _parent},
    estimated=True,
)
