"""The bodies of requests, as pydantic checks them and as `/docs` shows them.

Types are strict where a wrong one is a mistake in the caller's program (422 with the field), lenient
where dumps differ (ids may be integers, counts may be "1.2K"). What a dump may well contain, such as an
empty text, is no error of the request but of that comment.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from plaudit.readers.generic import COLUMNS

_LARGEST = 9 * 10**18  # the largest ids in use have 19 digits; beyond 64 bits JSON parsers disagree


def _check(kinds: tuple[type, ...], shape: object, expected: str) -> BeforeValidator:
    """Return a check for one of some JSON types, with one sentence for all of them.

    As in JSON Schema a whole number is an integer however it is written, and a boolean is none.
    """

    def checked(value: object) -> object:
        if isinstance(value, (int, float)) and float not in kinds and abs(value) > _LARGEST:
            value = None
        elif isinstance(value, float) and float not in kinds and value.is_integer():
            value = int(value)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise PydanticCustomError("kind", "{expected}", {"expected": expected})
        return value

    return BeforeValidator(checked, json_schema_input_type=shape)


_Integer = Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)]
_Followers = Annotated[int, Field(ge=0, le=10**12)]

Identifier = Annotated[
    str, BeforeValidator(str), _check((str, int), str | _Integer, "a string or an integer")
]
Count = Annotated[Any, _check((str, float, int), str | float, "a number, or a string such as '1.2K'")]
Time = Annotated[Any, _check((str, float, int), str | float, "Unix time or an ISO 8601 string")]
Truth = Annotated[Any, _check((bool, str, int), bool | str | _Integer, "true or false")]
Followers = Annotated[_Followers, _check((int,), _Followers, "an integer")]
Platform = Literal["youtube", "instagram", "tiktok", "reddit", "facebook", "blog", "other"]


class Comment(BaseModel):
    """One comment. Only `text` is required; whatever else the source says makes the index better."""

    model_config = ConfigDict(extra="allow")  # the readers know more names than these

    text: str | None = Field(
        validation_alias=AliasChoices(*COLUMNS["text"]),
        description="What was written. Empty or null: an error or a rejection for this comment alone.",
        examples=["How long did you let the glue dry before sanding?"],
    )
    id: Identifier | None = Field(
        None,
        validation_alias=AliasChoices(*COLUMNS["id"]),
        description="Comes back as a string. Without one: the position in the request, counted from 1.",
        examples=["c1"],
    )
    author: Identifier | None = Field(
        None, description="Stable id, or name, of who wrote it; hashed on arrival, never stored or logged."
    )
    parent_id: Identifier | None = Field(None, description="Id of the comment this one answers.")
    post_id: Identifier | None = Field(None, description="Video, photo or article it stands under.")
    creator_id: Identifier | None = Field(None, description="Whose post that is.")
    created_at: Time | None = Field(None, description="Unix seconds or milliseconds, or ISO 8601.")
    likes: Count | None = Field(None, description='A number, or a string such as "1.2K".')
    is_creator: Truth | None = Field(None, description="Whether the creator of the post wrote it.")
    platform: str | None = Field(None, description="Where it was written; else the request's platform.")
    total_reply_count: Count | None = Field(None, description="Replies the source knows of, here or not.")
    time_precision: str | None = Field(None, description="`exact`, or `estimated` for relative times.")


class ClassifyRequest(BaseModel):
    """Comments to label."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "comments": [
                        {"id": "c1", "text": "How long did you let the glue dry before sanding?"},
                        {"id": "c2", "text": "so cool!!!"},
                        {"id": "c3", "text": ""},
                    ]
                }
            ]
        },
    )

    comments: list[Comment] = Field(description="At most `limits.max_comments` of `GET /v1/model`.")


class Post(BaseModel):
    """What the comments stand under."""

    id: Identifier = Field(description="As in the comments' `post_id`.", examples=["p1"])
    text: str | None = Field(
        None,
        description="Title, description, caption or transcript: what comments take up of it is a signal.",
        examples=["Restoring a 1950s chair: glue, clamps and patience"],
    )
    published_at: Time | None = Field(
        None, description="Unix seconds or milliseconds, or ISO 8601. No signal of this version uses it."
    )


class IndexRequest(BaseModel):
    """Comments to score as a section, and what is known about where they stand."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "comments": [
                        {
                            "id": "c1",
                            "text": "How long did you let the glue dry before sanding?",
                            "author": "reader-7",
                            "post_id": "p1",
                            "created_at": "2026-05-01T10:00:00Z",
                        },
                        {
                            "id": "c2",
                            "text": "Overnight.",
                            "author": "maker",
                            "parent_id": "c1",
                            "post_id": "p1",
                        },
                    ],
                    "creator_id": "maker",
                    "platform": "youtube",
                    "posts": [{"id": "p1", "text": "Restoring a 1950s chair: glue, clamps and patience"}],
                    "follower_count": 12000,
                    "by": "none",
                }
            ]
        },
    )

    comments: list[Comment] = Field(
        min_length=1, description="From 1 to `limits.max_comments` of `GET /v1/model`."
    )
    creator_id: Identifier | None = Field(
        None,
        validation_alias=AliasChoices("creator_id", "creator"),
        description="Author id or name of the creator; such comments are never counted as audience.",
    )
    platform: Platform | None = Field(
        None, description="Of comments that name none; what is usual there is the yardstick. Default: other."
    )
    posts: list[Post] = Field(
        [], description="At most `limits.max_comments`; their texts show what comments take up of them."
    )
    follower_count: Followers | None = Field(
        None, description="Of the creator. No signal of this version uses it."
    )
    by: Literal["none", "post", "creator"] = Field(
        "none", description="Whether to add a group for each post or creator."
    )
