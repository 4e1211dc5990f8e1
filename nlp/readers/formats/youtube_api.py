"""YouTube Data API v3: `commentThreads.list` and `comments.list`.

https://developers.google.com/youtube/v3/docs/commentThreads#resource
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from plaudit.readers.format import Format, Problem, Record, Row, not_a_record


def _matches(value: Record) -> bool:
    if str(value.get("kind", "")).startswith("youtube#comment"):
        return True
    items = value.get("items")
    first = items[0] if isinstance(items, list) and items else value
    snippet = first.get("snippet") if isinstance(first, dict) else None
    keys = {"topLevelComment", "textOriginal", "textDisplay"}
    return isinstance(snippet, dict) and not keys.isdisjoint(snippet)


def _rows(value: Record) -> Iterator[Row | Problem]:
    items = value.get("items")
    for item in items if isinstance(items, list) else [value]:
        if isinstance(item, dict):
            yield from _thread(item)
        else:
            yield not_a_record(item)


def _thread(item: dict[str, Any]) -> Iterator[Row | Problem]:
    snippet = _object(item, "snippet")
    top = _object(snippet, "topLevelComment")
    if not top:  # an item of comments.list, or an error in place of one
        yield item, {}
        return
    post = snippet.get("videoId") or _object(top, "snippet").get("videoId")
    creator = snippet.get("channelId") or _object(top, "snippet").get("channelId")
    shared = {"post_id": post, "creator_id": creator}
    yield top, {**shared, "total_reply_count": snippet.get("totalReplyCount")}
    replies = _object(item, "replies").get("comments")
    for reply in replies if isinstance(replies, list) else ():
        if isinstance(reply, dict):
            yield reply, {**shared, "parent_id": top.get("id")}
        else:
            yield not_a_record(reply)


def _object(value: Record, key: str) -> dict[str, Any]:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


YOUTUBE_API: Final = Format(
    name="youtube-api",
    title="YouTube Data API",
    description="commentThreads.list: a page, pages one after the other, or one thread a line",
    platform="youtube",
    columns={
        "id": ("id",),
        "text": ("snippet.textOriginal", "snippet.textDisplay"),
        "author": ("snippet.authorChannelId.value", "snippet.authorDisplayName"),
        "name": ("snippet.authorDisplayName",),
        "parent_id": ("snippet.parentId",),
        "post_id": ("snippet.videoId",),
        "creator_id": ("snippet.channelId",),
        "created_at": ("snippet.publishedAt", "snippet.updatedAt"),
        "likes": ("snippet.likeCount",),
    },
    matches=_matches,
    rows=_rows,
)
