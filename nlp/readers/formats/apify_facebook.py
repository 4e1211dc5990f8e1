"""Apify's Facebook comments scraper; it does not say whom a reply answers."""

from __future__ import annotations

from typing import Any, Final

from plaudit.readers.format import Format
from plaudit.readers.recognition import has_names


def _post(value: Any) -> Any:
    # The comment's own address is its post's with a query behind it.
    return value.partition("?")[0].rstrip("/") or None if isinstance(value, str) else value


APIFY_FACEBOOK: Final = Format(
    name="apify-facebook",
    title="Apify Facebook comments",
    description="rows of the apify/facebook-comments-scraper actor",
    platform="facebook",
    columns={
        "id": ("commentId", "id"),
        "text": ("text",),
        "author": ("profileId", "profileName"),
        "name": ("profileName",),
        "post_id": ("commentUrl", "postUrl", "facebookUrl"),
        "created_at": ("date",),
        "likes": ("likesCount",),
        "total_reply_count": ("commentsCount",),
    },
    matches=has_names("text", "profilename", some=("commenturl", "facebookurl", "commentid")),
    parse={"post_id": _post},
)
