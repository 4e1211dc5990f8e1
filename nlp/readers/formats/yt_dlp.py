"""yt-dlp `--write-comments`: `*.info.json`, of YouTube, Instagram and others.

https://github.com/yt-dlp/yt-dlp: field list in `yt_dlp/extractor/common.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from plaudit.readers.format import Format, Problem, Record, Row, not_a_record

_SITES: Final = ("youtube", "instagram", "tiktok", "reddit", "facebook")


def _matches(value: Record) -> bool:
    comments = value.get("comments")
    first = comments[0] if isinstance(comments, list) and comments else None
    if isinstance(first, dict) and "parent" in first and not {"text", "html"}.isdisjoint(first):
        return True
    keys = {"extractor", "extractor_key", "webpage_url", "uploader_id", "channel_id", "_version"}
    is_info = ("comments" in value or "comment_count" in value) and not keys.isdisjoint(value)
    return is_info or ("author_is_uploader" in value and "parent" in value)


def _rows(value: Record) -> Iterator[Row | Problem]:
    stack: list[Any] = [value]
    while stack:
        info = stack.pop()
        entries = info.get("entries") if isinstance(info, dict) else None
        if isinstance(entries, list):  # a playlist's, or a channel's; null for a video that is gone
            stack.extend(reversed(entries))
        elif isinstance(info, dict):
            yield from _comments(info)
        else:
            yield not_a_record(info)


def _comments(value: Record) -> Iterator[Row | Problem]:
    comments = value.get("comments")
    if not isinstance(comments, list):
        yield value, {}
        return
    extractor = str(value.get("extractor_key") or value.get("extractor") or "").lower()
    site = next((name for name in _SITES if extractor.startswith(name)), "other") if extractor else None
    shared = {
        "post_id": value.get("id"),
        "creator_id": value.get("channel_id") or value.get("uploader_id"),
        "platform": site,
        "fetched_at": value.get("epoch"),
        "time_precision": None if site in (None, "youtube") else "exact",  # only YouTube's are worded
    }
    for comment in comments:
        yield (comment, shared) if isinstance(comment, dict) else not_a_record(comment)


YT_DLP: Final = Format(
    name="yt-dlp",
    title="yt-dlp info.json",
    description="*.info.json of yt-dlp --write-comments, or -J of a playlist; YouTube, Instagram and others",
    platform="youtube",
    columns={
        "id": ("id",),
        "text": ("text", "html"),
        "author": ("author_id", "author"),
        "name": ("author",),
        "parent_id": ("parent",),
        "created_at": ("timestamp", "_time_text", "time_text"),
        "likes": ("like_count",),
        "is_creator": ("author_is_uploader",),
    },
    matches=_matches,
    rows=_rows,
    estimated=True,
)
