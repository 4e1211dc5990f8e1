"""TikTok Research API, `/v2/research/video/comment/list/`; it never names an author.

https://developers.tiktok.com/doc/research-api-specs-query-video-comments
"""

from __future__ import annotations

from typing import Final

from plaudit.readers.format import Format, Record
from plaudit.readers.recognition import has_names, names_of

_has_names = has_names("id", "text", "videoid", "createtime", some=("parentcommentid", "likecount"))
_AUTHORS: Final = frozenset({"user", "author", "username", "uniqueid", "uid"})


def _matches(value: Record) -> bool:
    return _has_names(value) and names_of(value).isdisjoint(_AUTHORS)


TIKTOK_RESEARCH: Final = Format(
    name="tiktok-research",
    title="TikTok Research API",
    description="pages of the video comment list, or rows of it; without authors",
    platform="tiktok",
    columns={
        "id": ("id",),
        "text": ("text",),
        "parent_id": ("parent_comment_id",),  # the video's id at top level
        "post_id": ("video_id",),
        "created_at": ("create_time",),
        "likes": ("like_count",),
        "total_reply_count": ("reply_count",),
    },
    matches=_matches,
)
