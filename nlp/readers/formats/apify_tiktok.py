"""Apify's TikTok comments scraper (clockworks)."""

from __future__ import annotations

import re
from typing import Any, Final

from plaudit.readers.format import Format
from plaudit.readers.recognition import has_names

_VIDEO = re.compile(r"/(?:video|photo)/(\d+)")


def _video(value: Any) -> Any:
    found = _VIDEO.search(value) if isinstance(value, str) else None
    return found[1] if found else value


APIFY_TIKTOK: Final = Format(
    name="apify-tiktok",
    title="Apify TikTok comments",
    description="rows of the clockworks/tiktok-comments-scraper actor",
    platform="tiktok",
    columns={
        "id": ("cid",),
        "text": ("text",),
        "author": ("uid", "uniqueId"),
        "name": ("uniqueId",),
        "parent_id": ("repliesToId",),
        "post_id": ("videoWebUrl", "submittedVideoUrl"),
        "created_at": ("createTime", "createTimeISO"),
        "likes": ("diggCount",),
        "total_reply_count": ("replyCommentTotal",),
    },
    matches=has_names("cid", "text", "uniqueid", some=("diggcount", "videoweburl", "repliestoid")),
    parse={"post_id": _video},
)
