"""Anything tabular: columns told by their names, in whatever container."""

from __future__ import annotations

from typing import Final

from plaudit.readers.format import Format

NAMES: Final = ("author_handle", "unique_id", "username", "owner_username", "screen_name", "handle")
SHOWN: Final = (
    *("author_name", "author_display_name", "user_name", "user", "display_name", "nickname", "profile_name"),
    *("speaker", "commenter", "comment_author", "from", "name"),
    *("user.unique_id", "user.username", "owner.username", "from.username", "author.name", "from.name"),
)

FETCHED: Final = (
    *("fetched_at", "scraped_at", "crawled_at", "retrieved_at", "collected_at", "extracted_at"),
    *("downloaded_at", "scrape_time", "scrape_date", "scraping_time", "crawl_time", "retrieved_on"),
)
"""What tools call the moment at which they saw a page."""

COLUMNS: Final = {
    "id": ("id", "comment_id", "cid", "_id", "_id.$oid", "review_id"),
    "text": (
        *("text", "comment", "body", "content", "comment_text", "message", "text_original"),
        *("text_display", "comment_body", "comment_content", "full_text", "html"),
    ),
    "author": (
        *("author_id", "author_channel_id", "author_channel_id.value", "author_fullname", "user_id", "uid"),
        *("user.uid", "user.id", "owner.id", "from.id", "speaker_id", "profile_id"),
        *("author", "author.id", *NAMES, *SHOWN),
    ),
    "name": (*NAMES, "author", *SHOWN),
    "parent_id": (
        *("parent_id", "parent_comment_id", "parent", "reply_to", "in_reply_to", "in_reply_to_id"),
        *("reply_to_id", "reply_to_cid", "replies_to_id", "reply_id", "comment_parent", "parent_cid"),
        "is_reply_to",  # YouTube Data Tools
    ),
    "post_id": (
        *("post_id", "video_id", "media_id", "media.id", "link_id", "submission_id", "aweme_id"),
        *("conversation_id", "shortcode", "post_url", "video_url", "video_web_url", "page_url", "post"),
        *("comment_post_id", "post.id", "video"),
    ),
    "creator_id": ("creator_id", "creator", "creator_name", "video_channel_id", "uploader_id"),
    "created_at": (
        *("created_at", "created_at.$date", "published_at", "timestamp", "created_utc", "create_time_iso"),
        *(
            "create_time",
            "unix_timestamp",
            "time_parsed",
            "created_time",
            "created",
            "date",
            "datetime",
            "time",
        ),
        *("published", "posted_at", "creation_date", "comment_date_gmt", "comment_date", "time_text"),
        *("published_time_text", "published_time", "updated_at"),
    ),
    "likes": (
        *("likes", "like_count", "vote_count", "likes_count", "votes", "digg_count", "score", "upvotes"),
        *("num_likes", "n_likes", "comment_likes", "comment_like_count", "reactions_count", "ups"),
    ),
    "is_creator": (
        *("is_creator", "author_is_channel_owner", "author_is_uploader", "author_is_creator"),
        *("is_submitter", "is_owner", "is_channel_owner", "by_creator"),
    ),
    "platform": ("platform",),
    "total_reply_count": (
        *("total_reply_count", "reply_count", "replies_count", "num_replies", "child_comment_count"),
        *("reply_comment_total", "replies"),
    ),
    "time_precision": ("time_precision",),
    "fetched_at": FETCHED,
}
"""Generic column to the names tools give it, the contract's own first.

`channel_id` is missing on purpose: some tools mean the commenter by it, others the creator, and a wrong
guess would make every comment the creator's. So is `thread_id`: a post here, a comment there.
"""


def _container(name: str, title: str, description: str) -> Format:
    return Format(
        name=name,
        title=title,
        description=description,
        columns=COLUMNS,
        matches=lambda _: False,
        container=name,
        enclosing={"post_id": ("id", "post_id", "video_id", "media_id", "shortcode", "url")},
    )


CSV: Final = _container("csv", "CSV", "comma- or semicolon-separated values with a header")
TSV: Final = _container("tsv", "TSV", "tab-separated values with a header, as databases export them, too")
JSON: Final = _container("json", "JSON", "an array of comments, or a page holding one, replies nested or not")
NDJSON: Final = _container("ndjson", "NDJSON", "one JSON object a line")
PARQUET: Final = _container("parquet", "Parquet", "a Parquet file with a text column")
ARROW: Final = _container(
    "arrow", "Arrow", "an Arrow or Feather file, or an Arrow stream, with a text column"
)
EXCEL: Final = _container(
    "excel",
    "Excel",
    "an .xlsx workbook; each sheet with a header in its first row, and a post where several hold comments",
)
LINES: Final = _container("lines", "Plain text", "one comment a line")
