"""Apify's YouTube comments scraper (streamers)."""

from __future__ import annotations

import re
from typing import Any, Final

from plaudit.readers.format import Format
from plaudit.readers.generic import FETCHED
from plaudit.readers.recognition import has_names

_VIDEO = re.compile(r"(?:[?&]v=|youtu\.be/|/shorts/|/live/)([\w-]{11})")


def _video(value: Any) -> Any:
    found = _VIDEO.search(value) if isinstance(value, str) else None
    return found[1] if found else value


APIFY_YOUTUBE: Final = Format(
    name="apify-youtube",
    title="Apify YouTube comments",
    description="rows of the streamers/youtube-comments-scraper actor",
    platform="youtube",
    columns={
        "id": ("cid",),
        "text": ("comment",),
        "author": ("author",),
        "name": ("author",),
        "parent_id": ("replyToCid",),
        "post_id": ("videoId", "pageUrl"),
        "created_at": ("publishedTimeText",),
        "likes": ("voteCount",),
        "is_creator": ("authorIsChannelOwner",),
        "total_reply_count": ("replyCount",),
        "fetched_at": FETCHED,
    },
    matches=has_names(
        "cid", "comment", some=("votecount", "authorischannelowner", "replytocid", "publishedtimetext")
    ),
    parse={"post_id": _video},
    estimated=True,
)
