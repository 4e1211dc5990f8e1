"""Apify's Instagram comments scraper."""

from __future__ import annotations

import re
from typing import Any, Final

from plaudit.readers.format import Format
from plaudit.readers.recognition import has_names

_POST = re.compile(r"/(?:p|reel|tv)/([\w-]+)")
_COMMENT = re.compile(r"/c/(\d+)")


def _post(value: Any) -> Any:
    found = _POST.search(value) if isinstance(value, str) else None
    return found[1] if found else value


def _comment(value: Any) -> Any:
    found = _COMMENT.search(value) if isinstance(value, str) else None
    return found[1] if found else value


APIFY_INSTAGRAM: Final = Format(
    name="apify-instagram",
    title="Apify Instagram comments",
    description="rows of the apify/instagram-comment-scraper actor; replies nested or not",
    platform="instagram",
    columns={
        "id": ("id",),
        "text": ("text",),
        "author": ("owner.id", "ownerId", "ownerUsername", "owner.username"),
        "name": ("ownerUsername", "owner.username"),
        "parent_id": ("parentCommentId", "parentCommentUrl"),
        "post_id": ("postUrl", "postId", "shortCode"),
        "created_at": ("timestamp",),
        "likes": ("likesCount",),
        "total_reply_count": ("repliesCount",),
    },
    matches=has_names(
        "text", "ownerusername", some=("posturl", "likescount", "repliescount", "ownerprofilepicurl")
    ),
    parse={"post_id": _post, "parent_id": _comment},
)
