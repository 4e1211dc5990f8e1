"""Apify's YouTube comments scraper (seemuapps)."""

from __future__ import annotations

from typing import Final

from plaudit.readers.format import Format
from plaudit.readers.generic import FETCHED
from plaudit.readers.recognition import has_names

APIFY_YOUTUBE_SEEMUAPPS: Final = Format(
    name="apify-youtube-seemuapps",
    title="Apify YouTube comments (seemuapps)",
    description="rows of the seemuapps YouTube comments actor",
    platform="youtube",
    columns={
        "id": ("commentId",),
        "text": ("text",),
        "author": ("authorChannelId", "authorName"),
        "name": ("authorName",),
        "parent_id": ("parentCommentId",),
        "post_id": ("videoId", "videoUrl"),
        "created_at": ("publishedAt", "publishedTime", "publishedTimeText"),
        "likes": ("likeCount",),
        "is_creator": ("authorIsCreator",),
        "total_reply_count": ("replyCount",),
        "fetched_at": FETCHED,
    },
    matches=has_names("commentid", "text", "authorname", some=("authoriscreator", "parentcommentid")),
)
