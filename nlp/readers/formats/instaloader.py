"""instaloader `*_comments.json`: an array of comments with their answers.

https://instaloader.github.io/cli-options.html#cmdoption-comments
"""

from __future__ import annotations

from typing import Final

from plaudit.readers.format import Format, Record
from plaudit.readers.recognition import has_names

_has_names = has_names("id", "text", "createdat", "owner", some=("answers", "likescount"))


def _matches(value: Record) -> bool:
    owner = value.get("owner")
    return _has_names(value) and isinstance(owner, dict) and "username" in owner


INSTALOADER: Final = Format(
    name="instaloader",
    title="instaloader comments",
    description="*_comments.json of instaloader --comments; answers nested",
    platform="instagram",
    columns={
        "id": ("id",),
        "text": ("text",),
        "author": ("owner.id", "owner.username"),
        "name": ("owner.username",),
        "created_at": ("created_at",),
        "likes": ("likes_count",),
    },
    matches=_matches,
)
