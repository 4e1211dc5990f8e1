"""4CAT's CSV of TikTok comments.

https://github.com/digitalmethodsinitiative/4cat: `datasources/tiktok_comments`.
"""

from __future__ import annotations

from typing import Final

from plaudit.readers.format import Format
from plaudit.readers.recognition import has_names

FOUR_CAT_TIKTOK: Final = Format(
    name="4cat-tiktok",
    title="4CAT TikTok comments",
    description="CSV or NDJSON that 4CAT exports of TikTok comments",
    platform="tiktok",
    columns={
        "id": ("id",),
        "text": ("body",),
        "author": ("author",),
        "name": ("author",),
        "parent_id": ("thread_id",),  # the post's id at top level
        "post_id": ("post_id",),
        "created_at": ("unix_timestamp",),  # `timestamp` is in the server's own time zone
        "likes": ("likes",),
        "total_reply_count": ("replies",),
    },
    matches=has_names("id", "body", "threadid", "iscommentoncomment"),
)
