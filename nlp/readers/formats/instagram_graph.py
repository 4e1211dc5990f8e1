"""Instagram Graph API: the comments of a media object, or media objects with their comments.

https://developers.facebook.com/docs/instagram-platform/reference/instagram-media/comments
"""

from __future__ import annotations

from typing import Final

from plaudit.readers.format import Format, Record
from plaudit.readers.recognition import has_names

_has_names = has_names("id", "text", "timestamp", some=("username", "from", "from.username", "user"))


def _matches(value: Record) -> bool:
    # Many exports have these four names; the API's own are its numeric ids and times that end "+0000".
    own = str(value.get("timestamp", "")).endswith("+0000") and str(value.get("id", "")).isdecimal()
    return own and _has_names(value)


INSTAGRAM_GRAPH: Final = Format(
    name="instagram-graph",
    title="Instagram Graph API",
    description="comments of a media object, or media objects with their comments; replies nested",
    platform="instagram",
    columns={
        "id": ("id",),
        "text": ("text",),
        "author": ("from.id", "username", "from.username"),
        "name": ("username", "from.username"),
        "parent_id": ("parent_id",),
        "post_id": ("media.id", "media_id"),
        "creator_id": ("media.owner.id", "media.username"),
        "created_at": ("timestamp",),
        "likes": ("like_count",),
    },
    matches=_matches,
    enclosing={"post_id": ("id",), "creator_id": ("owner.id", "owner.username", "username")},
)
