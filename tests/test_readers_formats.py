"""Each source format, as its tool writes it: every field where the contract wants it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard

from plaudit.comment import COMMENT_SCHEMA, comment_key
from plaudit.pseudonym import handle_pseudonym, pseudonym
from plaudit.readers import FORMATS, ReadOptions, detect, read

Rows = list[dict[str, Any]]


def write(folder: Path, name: str, data: object, *, lines: bool = False) -> Path:
    path = folder / name
    if isinstance(data, bytes):
        path.write_bytes(data)
    elif isinstance(data, str):
        path.write_bytes(data.encode())
    elif lines:
        assert isinstance(data, list)
        path.write_bytes(b"".join(orjson.dumps(item) + b"\n" for item in data))
    else:
        path.write_bytes(json.dumps(data, indent=1).encode())
    return path


def rows_of(*paths: Path, **options: Any) -> tuple[Rows, list[tuple[str, str]]]:
    rows: Rows = []
    rejected = []
    for batch in read(list(paths), options=ReadOptions(**options)):
        assert batch.comments.schema == COMMENT_SCHEMA
        batch.comments.validate(full=True)
        rows += batch.comments.to_pylist()
        rejected += [(rejection.reason, rejection.where) for rejection in batch.rejections]
    return rows, rejected


def youtube_comment(id_: str, text: str, *, author: str = "UCviewer", **more: object) -> dict[str, Any]:
    snippet = {
        "videoId": "vid1",
        "channelId": "UCmaker",
        "textOriginal": text,
        "textDisplay": text,
        "authorDisplayName": f"@{author.lower()}",
        "authorChannelId": {"value": author},
        "likeCount": 3,
        "publishedAt": "2024-03-01T10:00:00Z",
        "updatedAt": "2024-03-02T10:00:00Z",
        **more,
    }
    return {"kind": "youtube#comment", "id": id_, "snippet": snippet}


def youtube_thread(id_: str, text: str, *replies: dict[str, Any], total: int = 0) -> dict[str, Any]:
    thread: dict[str, Any] = {
        "kind": "youtube#commentThread",
        "id": id_,
        "snippet": {
            "videoId": "vid1",
            "channelId": "UCmaker",
            "topLevelComment": youtube_comment(id_, text),
            "totalReplyCount": total,
        },
    }
    if replies:
        thread["replies"] = {"comments": list(replies)}
    return thread


def youtube_page(*threads: object) -> dict[str, Any]:
    return {"kind": "youtube#commentThreadListResponse", "nextPageToken": "x", "items": list(threads)}


REPLY = youtube_comment("t1.r1", "Use a finer grit first.", author="UCmaker", parentId="t1")
PAGES = [
    youtube_page(youtube_thread("t1", "Which grit did you use?", REPLY, total=4)),
    youtube_page(youtube_thread("t2", "The second coat saved my table.")),
]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("list.json", json.dumps(PAGES)),
        ("pretty.json", json.dumps(PAGES, indent=2)),
        ("concatenated.json", "".join(json.dumps(page, indent=2) for page in PAGES)),
        ("pages.ndjson", "\n".join(map(json.dumps, PAGES))),
        ("items.jsonl", "\n".join(json.dumps(item) for page in PAGES for item in page["items"])),
        ("unnamed", json.dumps(PAGES)),
    ],
)
def test_youtube_api_in_every_container(tmp_path: Path, name: str, data: str) -> None:
    path = write(tmp_path, name, data)
    assert detect(path) is FORMATS["youtube-api"]
    (top, reply, other), rejected = rows_of(path)
    assert not rejected
    assert top["id"] == "t1"
    assert top["parent_id"] is None
    assert top["total_reply_count"] == 4
    assert top["author"] == pseudonym("UCviewer")
    assert top["handle"] == handle_pseudonym("@ucviewer")
    assert top["post_id"] == "vid1"
    assert top["creator_id"] == "UCmaker"
    assert top["platform"] == "youtube"
    assert top["likes"] == 3
    assert top["created_at"] == 1_709_287_200_000
    assert top["time_precision"] == "exact"
    assert top["key"] == comment_key("vid1", "t1")
    assert not top["is_creator"]
    assert reply["parent_id"] == "t1"
    assert reply["is_creator"]
    assert reply["total_reply_count"] is None
    assert other["text"] == "The second coat saved my table."


def test_youtube_display_text_is_undone(tmp_path: Path) -> None:
    thread = youtube_thread("t1", "x")
    snippet = thread["snippet"]["topLevelComment"]["snippet"]
    del snippet["textOriginal"]
    snippet["textDisplay"] = (
        'Don&#39;t sand &amp; oil<br>See <a href="https://x.example/a">x.example</a> <b>now</b>'
    )
    rows, _ = rows_of(write(tmp_path, "a.json", youtube_page(thread)))
    assert rows[0]["text"] == "Don't sand & oil\nSee x.example now"


def test_youtube_error_page_and_strange_items(tmp_path: Path) -> None:
    pages = [PAGES[0], {"error": {"code": 403, "message": "quota"}}, youtube_page("lost", {"error": "gone"})]
    rows, rejected = rows_of(write(tmp_path, "a.json", pages))
    assert [row["id"] for row in rows] == ["t1", "t1.r1"]
    assert [reason for reason, _ in rejected] == ["error_record", "not_a_record", "error_record"]
    assert [where for _, where in rejected] == ["a.json:3", "a.json:4", "a.json:5"]


INFO = {
    "id": "vid9",
    "title": "Sharpening a plane",
    "channel_id": "UCmaker",
    "uploader_id": "@maker",
    "extractor": "youtube",
    "extractor_key": "Youtube",
    "_type": "video",
    "formats": [{"id": str(i), "url": "x" * 50} for i in range(40)],
    "comments": [
        {
            **{"id": "Ug1", "parent": "root", "text": "What angle?", "author": "@ann", "author_id": "UCann"},
            **{"like_count": None, "timestamp": 1_700_000_000, "_time_text": "1 year ago"},
            **{"author_is_uploader": False, "is_pinned": True},
        },
        {
            **{"id": "Ug1.a", "parent": "Ug1", "text": "Twenty-five degrees.", "author": "@maker"},
            **{"author_id": "UCmaker", "like_count": 2, "timestamp": 1_700_000_100},
            **{"author_is_uploader": True},
        },
        {"id": "Ug2", "parent": "root", "html": "Mine took an hour&#33;<br/>Worth it", "author": "@bo"},
        {"id": "Ug1", "parent": "root", "text": "What angle?", "author": "@ann", "author_id": "UCann"},
        "stray",
    ],
}


@pytest.mark.parametrize("indent", [None, 1])
def test_yt_dlp(tmp_path: Path, indent: int | None) -> None:
    path = write(tmp_path, "a.info.json", json.dumps(INFO, indent=indent))
    assert detect(path) is FORMATS["yt-dlp"]
    (top, reply, html), rejected = rows_of(path)
    assert top["parent_id"] is None
    assert top["likes"] is None
    assert top["author"] == pseudonym("UCann")
    assert top["handle"] == handle_pseudonym("ann")
    assert top["post_id"] == "vid9"
    assert top["created_at"] == 1_700_000_000_000
    assert top["time_precision"] == "estimated"
    assert reply["parent_id"] == "Ug1"
    assert reply["is_creator"]
    assert reply["creator_id"] == "UCmaker"
    assert html["text"] == "Mine took an hour!\nWorth it"
    assert html["time_precision"] is None
    assert rejected == [("duplicate_id", "a.info.json:4"), ("not_a_record", "a.info.json:5")]


def test_yt_dlp_cut_down_to_its_comments(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", {"id": "v", "title": "x", "comments": INFO["comments"]})
    assert detect(path) is FORMATS["yt-dlp"]


def test_youtube_api_flattened_to_a_table(tmp_path: Path) -> None:
    top = "snippet.topLevelComment.snippet."
    names = ["id", top + "textDisplay", top + "authorChannelId.value", top + "likeCount"]
    path = write(
        tmp_path, "a.csv", ",".join([*names, "snippet.videoId"]) + "\nt1,Oiled &amp; waxed,UC1,2,v\n"
    )
    ((row,), _) = rows_of(path)
    assert row["text"] == "Oiled & waxed"
    assert (row["author"], row["likes"], row["post_id"]) == (pseudonym("UC1"), 2, "v")


def test_yt_dlp_of_instagram_has_exact_times(tmp_path: Path) -> None:
    info = {**INFO, "extractor": "Instagram", "extractor_key": "Instagram"}
    rows, _ = rows_of(write(tmp_path, "a.info.json", info))
    assert rows[0]["platform"] == "instagram"
    assert rows[0]["time_precision"] == "exact"


DOWNLOADED = [
    {
        **{"cid": "Ugx1", "text": "I rebuilt mine in 1998.", "time": "2 years ago (edited)", "author": "@cy"},
        **{"channel": "UCcy", "votes": "1.2K", "replies": "3", "heart": False, "reply": False},
    },
    {
        **{"cid": "Ugx1.9z", "text": "Which model?", "time": "1 year ago", "time_parsed": 1_700_000_000.5},
        **{"author": "@di", "channel": "UCdi", "votes": "0", "replies": "", "heart": True, "reply": True},
    },
]


@pytest.mark.parametrize("wrapped", [False, True])
def test_youtube_comment_downloader(tmp_path: Path, wrapped: bool) -> None:
    path = write(tmp_path, "c.json", {"comments": DOWNLOADED} if wrapped else DOWNLOADED, lines=not wrapped)
    assert detect(path) is FORMATS["youtube-comment-downloader"]
    (top, reply), rejected = rows_of(path, post="vid3", creator="@di")
    assert not rejected
    assert top["likes"] == 1200
    assert top["total_reply_count"] == 3
    assert top["parent_id"] is None
    assert top["created_at"] is None
    assert top["time_precision"] == "estimated"
    assert reply["parent_id"] == "Ugx1"
    assert reply["created_at"] == 1_700_000_000_500
    assert reply["time_precision"] == "estimated"
    assert reply["total_reply_count"] is None
    assert reply["is_creator"]
    assert reply["creator_id"] == "@di"
    assert not top["is_creator"]
    assert reply["key"] == comment_key("vid3", "Ugx1.9z")


def reddit_comment(id_: str, body: str, **more: object) -> dict[str, Any]:
    return {
        **{"id": id_, "body": body, "author": "ed", "author_fullname": "t2_ed", "parent_id": "t3_post"},
        **{"link_id": "t3_post", "score": -2, "created_utc": "1700000000", "subreddit": "woodworking"},
        **more,
    }


def test_reddit_with_a_long_window(tmp_path: Path) -> None:
    comments = [
        reddit_comment("c1", "Oil or wax?"),
        reddit_comment("c2", "Oil.", parent_id="t1_c1", is_submitter=True, created_utc=1_700_000_001),
        reddit_comment("c3", "[deleted]", author="[deleted]"),
        reddit_comment("c4", "[removed]"),
        reddit_comment("c5", "Kept, though its author left.", author="[deleted]", author_fullname=None),
    ]
    lines = b"".join(orjson.dumps(comment) + b"\n" for comment in comments)
    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=31)
    squeezed = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    path = write(tmp_path, "RC_2023-11.zst", squeezed.compress(lines) + squeezed.flush())
    assert detect(path) is FORMATS["reddit"]
    (top, reply, orphaned), rejected = rows_of(path)
    assert top["parent_id"] is None
    assert top["post_id"] == "post"
    assert top["likes"] == -2
    assert top["author"] == pseudonym("t2_ed")
    assert top["handle"] == handle_pseudonym("ed")
    assert top["created_at"] == 1_700_000_000_000
    assert top["platform"] == "reddit"
    assert reply["parent_id"] == "c1"
    assert reply["is_creator"]
    assert orphaned["author"] is None
    assert orphaned["handle"] is None
    assert rejected == [("deleted", "RC_2023-11.zst:3"), ("deleted", "RC_2023-11.zst:4")]


def test_a_thread_of_reddit_itself(tmp_path: Path) -> None:
    """As `https://www.reddit.com/r/…/comments/….json` answers: the post, then its comments."""
    more = {"kind": "more", "data": {"count": 2, "id": "c8", "parent_id": "t1_c1", "children": ["c8", "c9"]}}
    reply = {"kind": "t1", "data": reddit_comment("c2", "Oil.", parent_id="t1_c1", replies="")}
    below = {"kind": "Listing", "data": {"after": None, "children": [reply, more]}}
    top = {"kind": "t1", "data": reddit_comment("c1", "Oil or wax?", replies=below)}
    post = {"kind": "t3", "data": {"id": "post", "title": "My table", "selftext": "", "author": "op"}}
    lists = [{"kind": "Listing", "data": {"children": each}} for each in ([post], [top, more])]
    path = write(tmp_path, "thread.json", lists)
    assert detect(path) is FORMATS["reddit"]
    rows, rejected = rows_of(path)
    assert [(row["id"], row["parent_id"]) for row in rows] == [("c1", None), ("c2", "c1")]
    assert [reason for reason, _ in rejected] == ["missing_text", "not_a_record", "not_a_record"]


def test_what_4cat_makes_of_reddit(tmp_path: Path) -> None:
    names = (
        "id,thread_id,timestamp,unix_timestamp,subreddit,subject,author,body,url,score,parent,subreddit_id"
    )
    rows = (
        "c1,post,2023-11-14 23:13:20,1700000000,p,,ed,Oil or wax?,,4,t3_post,",
        "c2,post,2023-11-14 23:13:21,1700000001,p,,flo,Oil.,,0,t1_c1,",
    )
    path = write(tmp_path, "reddit-search.csv", "\n".join((names, *rows)) + "\n")
    assert detect(path) is FORMATS["reddit"]
    (top, reply), rejected = rows_of(path)
    assert not rejected
    assert {(row["post_id"], row["time_precision"]) for row in (top, reply)} == {("post", "exact")}
    assert (top["parent_id"], reply["parent_id"]) == (None, "c1")
    assert top["created_at"] == 1_700_000_000_000  # not `timestamp`: that is the server's own time


def test_formats_are_listed() -> None:
    for name, format_ in FORMATS.items():
        assert format_.name == name
        assert format_.title
        assert format_.description
