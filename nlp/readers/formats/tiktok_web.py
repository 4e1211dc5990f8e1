"""TikTok's own web JSON, as Zeeschuimer and scrapers save it.

https://github.com/digitalmethodsinitiative/zeeschuimer
"""

from __future__ import annotations

from typing import Any, Final

from plaudit.readers.format import Format
from plaudit.readers.recognition import has_names


def _is_creator(label: Any) -> bool:
    return str(label).strip().casefold() == "creator"  # other labels: "Liked by creator", "Friend"


TIKTOK_WEB: Final = Format(
    name="tiktok-web",
    title="TikTok web JSON",
    description='NDJSON of Zeeschuimer, or {"comments": [...]} as the site answers; replies nested or not',
    platform="tiktok",
    columns={
        "id": ("cid",),
        "text": ("text",),
        "author": ("user.uid", "user.unique_id"),
        "name": ("user.unique_id", "user.nickname"),
        "parent_id": ("reply_id",),
        "post_id": ("aweme_id",),
        "created_at": ("create_time",),
        "likes": ("digg_count",),
        "is_creator": ("label_text",),
        "total_reply_count": ("reply_comment_total",),
    },
    matches=has_names("cid", "text", "awemeid", some=("diggcount", "replyid")),
    parse={"is_creator": _is_creator},
)
