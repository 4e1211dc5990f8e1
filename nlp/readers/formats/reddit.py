"""Reddit comments as Pushshift and Arctic Shift keep them: `RC_*.zst`, one JSON object a line.

4CAT's CSV is made of these: https://github.com/digitalmethodsinitiative/4cat, `datasources/reddit`.
"""

from __future__ import annotations

from typing import Any, Final

from plaudit.readers.format import Format, Record


def _matches(value: Record) -> bool:
    own = {"subreddit", "subreddit_id", "link_id", "created_utc", "is_submitter", "author_fullname"}
    is_prefixed = str(value.get("parent_id", ""))[:3] in ("t1_", "t3_")
    return "body" in value and len(own & value.keys()) + 2 * is_prefixed > 1


def _parent(value: Any) -> Any:
    # A parent that is the post (t3_) means top level; bare numbers are a post's or comment's in base 36.
    if isinstance(value, str) and value.startswith("t3_"):
        return None
    return _bare(value)


def _bare(value: Any) -> Any:
    return value[3:] if isinstance(value, str) and value[:1] == "t" and value[2:3] == "_" else value


REDDIT: Final = Format(
    name="reddit",
    title="Reddit comments",
    description="RC_*.zst of Pushshift and Arctic Shift, or other rows with Reddit's own fields",
    platform="reddit",
    columns={
        "id": ("id", "name"),
        "text": ("body",),
        "author": ("author_fullname", "author"),
        "name": ("author",),
        "parent_id": ("parent_id", "parent"),  # the second ones are 4CAT's
        "post_id": ("link_id", "thread_id"),
        "created_at": ("created_utc", "created", "unix_timestamp"),
        "likes": ("score", "ups"),
        "is_creator": ("is_submitter",),
    },
    matches=_matches,
    parse={"id": _bare, "parent_id": _parent, "post_id": _bare},
)
