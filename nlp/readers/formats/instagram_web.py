"""Instagram's own JSON, of its app and its site: what instagrapi returns and browsers capture.

https://github.com/subzeroid/instagrapi: `instagrapi/types.py`, and what the site answers to a browser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from plaudit.readers.format import Format, Problem, Record, Row, not_a_record
from plaudit.readers.recognition import names_of

_POSTS: Final = frozenset({"shortcodemedia", "xdtshortcodemedia", "xdtapiv1mediamediaidcommentsconnection"})
_OWN: Final = frozenset(
    {
        *("createdatutc", "commentlikecount", "childcommentcount", "didreportasspam", "repliedtocommentid"),
        *("edgelikedby", "edgethreadedcomments", "viewerhasliked"),
    }
)
_AROUND: Final = frozenset(
    {"data", "graphql", "shortcode_media", "xdt_shortcode_media", "response", "items", "edges"}
)
_REPLIES: Final = ("preview_child_comments", "child_comments", "edge_threaded_comments", "replies")
_MEDIA = re.compile(r"(\d+)_(\d+)")  # a post, and whose it is


def _matches(value: Record) -> bool:
    names = names_of(value)
    if "text" in names:
        return len(names & _OWN) + ("pk" in names) > 1
    inner = value.get("graphql")
    return not names.isdisjoint(_POSTS) or (
        isinstance(inner, dict) and not names_of(inner).isdisjoint(_POSTS)
    )


def _rows(value: Record) -> Iterator[Row | Problem]:
    stack: list[tuple[Any, Record]] = [(value, {})]
    while stack:
        found, shared = stack.pop()
        if isinstance(found, list):
            stack.extend((each, shared) for each in reversed(found))
        elif not isinstance(found, dict):
            yield not_a_record(found)
        elif isinstance(found.get("node"), dict):
            stack.append((found["node"], shared))
        elif pages := _pages(found):
            below = {**shared, **_said_by_post(found)}
            stack.extend((found[key], below) for key in reversed(pages))
        else:
            yield found, shared
            below = {**shared, "parent_id": found.get("pk") or found.get("id")}
            replies = (found.get(key) for key in reversed(_REPLIES))
            stack.extend((each, below) for each in replies if isinstance(each, list) or _is_page(each))


def _pages(value: Record) -> list[str]:
    """Return the names of what in an object that is no comment holds some; one may hold none."""
    if "text" in value:  # if only null
        return []
    named = ((key, inner) for key, inner in value.items() if isinstance(inner, (dict, list)))
    return [
        key
        for key, inner in named
        if key in _AROUND or ("comment" in key and (isinstance(inner, list) or _is_page(inner)))
    ]


def _is_page(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("edges"), list)


def _said_by_post(value: Record) -> Record:
    owner, caption = value.get("owner"), value.get("caption")
    owner = caption.get("user") if isinstance(caption, dict) else owner
    person = owner if isinstance(owner, dict) else {}
    said = {
        "post_id": value.get("shortcode"),
        "creator_id": person.get("pk") or person.get("id") or person.get("username"),
    }
    return {name: each for name, each in said.items() if each is not None}


def _post(value: Any) -> Any:
    found = _MEDIA.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else value


def _owner(value: Any) -> Any:
    found = _MEDIA.fullmatch(value) if isinstance(value, str) else None
    return found[2] if found else None


INSTAGRAM_WEB: Final = Format(
    name="instagram-web",
    title="Instagram's own JSON",
    description="comments as Instagram's app and site get them: instagrapi, browser captures; replies nested",
    platform="instagram",
    columns={
        "id": ("pk", "id"),
        "text": ("text",),
        "author": ("user.pk", "user.id", "owner.id", "user_id", "user.username", "owner.username"),
        "name": ("user.username", "owner.username"),
        "parent_id": ("parent_comment_id", "replied_to_comment_id"),
        "post_id": ("media_id",),
        "creator_id": ("media_id",),
        "created_at": ("created_at_utc", "created_at"),
        "likes": ("comment_like_count", "like_count", "edge_liked_by.count"),
        "is_creator": ("is_created_by_media_owner",),
        "total_reply_count": ("child_comment_count", "edge_threaded_comments.count"),
    },
    matches=_matches,
    rows=_rows,
    parse={"post_id": _post, "creator_id": _owner},
)
