"""Each tool's format as the tool writes it: told by its content alone, each field where it belongs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from plaudit.pseudonym import handle_pseudonym, pseudonym
from plaudit.readers import FORMATS, detect
from plaudit.readers.preparation import matching

from .test_readers_formats import DOWNLOADED, INFO, PAGES, reddit_comment, rows_of, write

MORNING = 1_709_287_200  # 2024-03-01 10:00 UTC

INSTAGRAM_GRAPH = {
    "data": [
        {
            **{"id": "17900000000000001", "text": "Which varnish?", "username": "ann", "like_count": 4},
            **{"timestamp": "2024-03-01T10:00:00+0000", "media": {"id": "1790"}},
            "replies": {
                "data": [
                    {
                        **{
                            "id": "17900000000000002",
                            "text": "Shellac.",
                            "from": {"id": "77", "username": "maker"},
                        },
                        **{"timestamp": "2024-03-01T11:00:00+0000", "parent_id": "17900000000000001"},
                    }
                ]
            },
        }
    ],
    "paging": {"cursors": {"after": "x"}},
}
INSTAGRAM_WEB = {
    "comments": [
        {
            **{"pk": "17900000000000001", "user_id": "5", "type": 0, "did_report_as_spam": False},
            **{"created_at": MORNING + 3600, "created_at_utc": MORNING, "content_type": "comment"},
            **{"text": "Which varnish?", "user": {"pk": "5", "username": "ann"}, "comment_like_count": 4},
            **{"media_id": "1790_77", "child_comment_count": 3},
            "preview_child_comments": [
                {
                    **{"pk": "17900000000000002", "user_id": "77", "type": 2, "text": "Shellac."},
                    **{"created_at_utc": MORNING + 60, "user": {"pk": "77", "username": "maker"}},
                    **{"comment_like_count": 0, "media_id": "1790_77"},
                    "parent_comment_id": "17900000000000001",
                }
            ],
        }
    ],
    "caption": {"pk": "1", "text": "New table", "user": {"pk": "77", "username": "maker"}},
    "status": "ok",
}
INSTALOADER = [
    {
        **{"id": 17900000000000001, "created_at": MORNING, "text": "Which varnish?", "likes_count": 4},
        "owner": {"id": "5", "username": "ann", "profile_pic_url": "x"},
        "answers": [
            {
                **{"id": 17900000000000002, "created_at": MORNING + 60, "text": "Shellac.", "likes_count": 0},
                "owner": {"id": "77", "username": "maker"},
            }
        ],
    }
]
TIKTOK_RESEARCH = {
    "data": {
        "comments": [
            {
                **{"id": 7301234567890123456, "video_id": 7300000000000000001, "text": "Which varnish?"},
                **{"parent_comment_id": 7300000000000000001, "like_count": 4, "reply_count": 1},
                "create_time": MORNING,
            },
            {
                **{"id": 7301234567890123457, "video_id": 7300000000000000001, "text": "Shellac."},
                **{"parent_comment_id": 7301234567890123456, "like_count": 0, "reply_count": 0},
                "create_time": MORNING + 60,
            },
        ],
        **{"cursor": 100, "has_more": False},
    },
    "error": {"code": "ok", "message": "", "log_id": "2024"},
}
TIKTOK_REPLY = {
    **{"cid": "7301234567890123457", "text": "Shellac.", "aweme_id": "7300000000000000001", "digg_count": 0},
    **{"create_time": MORNING + 60, "reply_id": "7301234567890123456", "label_text": "Creator"},
    "user": {"uid": "77", "unique_id": "maker", "nickname": "The Maker"},
}
TIKTOK_TOP = {
    **{"cid": "7301234567890123456", "text": "Which varnish?", "aweme_id": "7300000000000000001"},
    **{"create_time": MORNING, "reply_id": "0", "digg_count": 4, "reply_comment_total": 1},
    "user": {"uid": "5", "unique_id": "ann", "nickname": "Ann"},
}
ZEESCHUIMER = [
    {"nav_index": "1", "item_id": each["cid"], "source_platform": "tiktok-comments", "data": each}
    for each in (TIKTOK_TOP, TIKTOK_REPLY)
]
FOUR_CAT = [
    {
        **{
            "id": "7301234567890123456",
            "thread_id": "7300000000000000001",
            "author": "ann",
            "author_full": "A",
        },
        **{"body": "Which varnish?", "timestamp": "2024-03-01 12:00:00", "unix_timestamp": str(MORNING)},
        **{"likes": "4", "replies": "1", "post_id": "7300000000000000001", "is_liked_by_post_author": "yes"},
        **{"is_sticky": "no", "is_comment_on_comment": "no", "language_guess": "en"},
    },
    {
        **{
            "id": "7301234567890123457",
            "thread_id": "7301234567890123456",
            "author": "maker",
            "author_full": "",
        },
        **{"body": "Shellac.", "timestamp": "2024-03-01 12:01:00", "unix_timestamp": str(MORNING + 60)},
        **{"likes": "0", "replies": "0", "post_id": "7300000000000000001", "is_liked_by_post_author": "no"},
        **{"is_sticky": "no", "is_comment_on_comment": "yes", "language_guess": "en"},
    },
]
APIFY_YOUTUBE = [
    {
        **{"cid": "Ug1", "comment": "Which varnish?", "author": "@ann", "type": "comment", "voteCount": 4},
        **{"replyToCid": None, "publishedTimeText": "3 weeks ago (edited)", "authorIsChannelOwner": False},
        **{"pageUrl": "https://www.youtube.com/watch?v=abcdefghijk", "replyCount": 1},
    },
    {
        **{"cid": "Ug1.a", "comment": "Shellac.", "author": "@maker", "type": "reply", "voteCount": 0},
        **{"replyToCid": "Ug1", "publishedTimeText": "2 weeks ago", "authorIsChannelOwner": True},
        **{"videoId": "abcdefghijk", "pageUrl": "https://www.youtube.com/watch?v=abcdefghijk&lc=Ug1"},
    },
]
APIFY_SEEMUAPPS = [
    {
        **{"commentId": "Ug1", "text": "Which varnish?", "authorName": "@ann", "authorChannelId": "UC5"},
        **{"parentCommentId": None, "isReply": False, "likeCount": "4", "authorIsCreator": False},
    },
    {
        **{"commentId": "Ug1.a", "text": "Shellac.", "authorName": "@maker", "authorChannelId": "UC77"},
        **{"parentCommentId": "Ug1", "isReply": True, "likeCount": "0", "authorIsCreator": True},
    },
]
APIFY_INSTAGRAM = [
    {
        **{"id": "179001", "text": "Which varnish?", "ownerUsername": "ann", "likesCount": 4},
        **{"timestamp": "2024-03-01T10:00:00.000Z", "postUrl": "https://www.instagram.com/p/Cxy_1/"},
        **{"owner": {"id": "5"}, "repliesCount": 1},
        "replies": [
            {
                **{"id": "179002", "text": "Shellac.", "ownerUsername": "maker", "owner": {"id": "77"}},
                **{"timestamp": "2024-03-01T10:01:00.000Z", "likesCount": 0},
            }
        ],
    }
]
APIFY_TIKTOK = [
    {
        **{"cid": "7301", "text": "Which varnish?", "uniqueId": "ann", "uid": "5", "diggCount": 4},
        **{"createTime": MORNING, "createTimeISO": "2024-03-01T10:00:00.000Z", "repliesToId": None},
        **{"videoWebUrl": "https://www.tiktok.com/@maker/video/7300", "replyCommentTotal": 1},
        **{"likedByAuthor": True, "pinnedByAuthor": True},
    },
    {
        **{"cid": "7302", "text": "Shellac.", "uniqueId": "maker", "uid": "77", "diggCount": 0},
        **{"createTime": MORNING + 60, "createTimeISO": "2024-03-01T10:01:00.000Z", "repliesToId": "7301"},
        **{"videoWebUrl": "https://www.tiktok.com/@maker/video/7300?is_from_webapp=1"},
    },
]
APIFY_FACEBOOK = [
    {
        **{
            "commentId": "c1",
            "id": "Y29t",
            "text": "Which varnish?",
            "profileName": "Ann A",
            "profileId": "5",
        },
        **{"date": "2024-03-01T10:00:00.000Z", "likesCount": "4", "facebookUrl": "https://f.example/maker"},
        "commentUrl": "https://f.example/maker/posts/12?comment_id=9",
    },
    {
        **{"commentId": "c2", "id": "Y29u", "text": "Shellac.", "profileName": "Maker", "profileId": "77"},
        **{"date": "2024-03-01T10:01:00.000Z", "likesCount": "0", "facebookUrl": "https://f.example/maker"},
        "commentUrl": "https://f.example/maker/posts/12?comment_id=9&reply_comment_id=10",
    },
]
CONVOKIT = [
    {
        **{"id": "p1", "text": "I varnished a table.", "speaker": "maker", "conversation_id": "p1"},
        **{"reply_to": None, "timestamp": MORNING, "meta": {"score": 9, "subreddit": "woodworking"}},
    },
    {
        **{"id": "c1", "text": "Which varnish?", "speaker": "ann", "conversation_id": "p1", "reply_to": "p1"},
        **{"timestamp": MORNING + 60, "meta": {"score": 4, "subreddit": "woodworking"}},
    },
    {
        **{"id": "c2", "text": "Shellac?", "speaker": "ben", "conversation_id": "p1", "reply_to": "c1"},
        **{"timestamp": MORNING + 90, "meta": {"score": 4, "subreddit": "woodworking"}},
    },
]
UCI = (
    "COMMENT_ID,AUTHOR,DATE,CONTENT,CLASS\n"
    "z1,Ann,2013-11-07T06:20:48,Which varnish?\ufeff,1\n"
    "z2,Ben,,Shellac.,0\n"
)


def as_csv(rows: list[dict[str, Any]], *, upper: bool = False) -> str:
    """Nested fields become columns with a slash, as Apify's export does it."""
    flat = [_flat(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, names)
    writer.writeheader()
    writer.writerows(flat)
    head, _, rest = out.getvalue().partition("\r\n")
    return (head.upper() if upper else head) + "\n" + rest


def _flat(row: dict[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        found |= _flat(value, f"{above}{name}/") if isinstance(value, dict) else {above + name: value}
    return found


def as_lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


EXAMPLES: dict[str, tuple[str, Any]] = {
    "instagram-graph": ("a.json", INSTAGRAM_GRAPH),
    "instagram-web": ("comments.json", INSTAGRAM_WEB),
    "instaloader": ("2024-03-01_UTC_comments.json", INSTALOADER),
    "tiktok-research": ("a.json", TIKTOK_RESEARCH),
    "tiktok-web": ("zeeschuimer.ndjson", as_lines(ZEESCHUIMER)),
    "4cat-tiktok": ("tiktok-comments.csv", as_csv(FOUR_CAT)),
    "apify-youtube": ("dataset.json", APIFY_YOUTUBE),
    "apify-youtube-seemuapps": ("dataset.json", APIFY_SEEMUAPPS),
    "apify-instagram": ("dataset.json", APIFY_INSTAGRAM),
    "apify-tiktok": ("dataset.json", APIFY_TIKTOK),
    "apify-facebook": ("dataset.json", APIFY_FACEBOOK),
    "convokit": ("utterances.jsonl", as_lines(CONVOKIT)),
    "uci-youtube-spam": ("Youtube01-Psy.csv", UCI),
    "youtube-api": ("a.json", PAGES),
    "yt-dlp": ("a.info.json", INFO),
    "youtube-comment-downloader": ("a.json", as_lines(DOWNLOADED)),
    "reddit": ("RC.jsonl", as_lines([reddit_comment("c1", "Oil or wax?")])),
}


@pytest.mark.parametrize("name", [name for name, each in FORMATS.items() if each.container is None])
def test_every_tool_is_told_by_its_content_alone(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, EXAMPLES[name][0], EXAMPLES[name][1])
    assert detect(path).name == name
    assert detect(path.rename(tmp_path / "unnamed")).name == name


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_two_formats_claim_the_same_file(name: str) -> None:
    data = EXAMPLES[name][1]
    if isinstance(data, str):
        data = list(csv.DictReader(io.StringIO(data)))
    elif isinstance(data, bytes):
        data = [orjson.loads(line) for line in data.splitlines()]
    assert [each.name for each in matching([data])] == [name]


def top_and_reply(tmp_path: Path, name: str, **options: Any) -> list[dict[str, Any]]:
    rows, rejected = rows_of(write(tmp_path, EXAMPLES[name][0], EXAMPLES[name][1]), **options)
    assert not rejected
    return rows


def test_instagram_graph(tmp_path: Path) -> None:
    top, reply = top_and_reply(tmp_path, "instagram-graph", creator="maker")
    assert (top["id"], top["parent_id"], top["post_id"], top["likes"]) == (
        "17900000000000001",
        None,
        "1790",
        4,
    )
    assert (top["created_at"], top["time_precision"]) == (MORNING * 1000, "exact")
    assert top["author"] == pseudonym("ann")
    assert (reply["parent_id"], reply["post_id"], reply["is_creator"]) == (top["id"], "1790", True)
    assert (reply["author"], reply["handle"]) == (pseudonym("77"), handle_pseudonym("maker"))
    assert {row["platform"] for row in (top, reply)} == {"instagram"}


def test_instagram_media_with_their_comments(tmp_path: Path) -> None:
    comment = {name: value for name, value in INSTAGRAM_GRAPH["data"][0].items() if name != "media"}  # type: ignore[index]
    media = {
        **{"id": "1791", "caption": "New table", "username": "maker", "comments": {"data": [comment]}},
        "children": {"data": [{"id": "1792", "media_url": "x"}]},
    }
    path = write(tmp_path, "a.json", {"data": [media], "paging": {}})
    assert detect(path).name == "instagram-graph"
    (top, reply), rejected = rows_of(path)
    assert not rejected
    assert {top["post_id"], reply["post_id"]} == {"1791"}
    assert {top["creator_id"], reply["creator_id"]} == {"maker"}
    assert not top["is_creator"]
    assert reply["is_creator"]


def test_accounts_with_their_media_or_posts(tmp_path: Path) -> None:
    """As the Graph API answers where fields are expanded: media{comments}, posts{comments}."""
    comment = {name: value for name, value in INSTAGRAM_GRAPH["data"][0].items() if name != "media"}  # type: ignore[index]
    media = {"id": "1791", "caption": "Table", "username": "maker", "comments": {"data": [comment]}}
    path = write(tmp_path, "a.json", {"media": {"data": [media], "paging": {}}, "id": "77"})
    assert detect(path).name == "instagram-graph"
    (top, reply), rejected = rows_of(path)
    assert not rejected
    assert {top["post_id"], reply["post_id"]} == {"1791"}
    assert {top["creator_id"], reply["creator_id"]} == {"maker"}
    below = {"id": "2_4", "message": "Shellac.", "from": {"name": "Maker", "id": "77"}}
    top = {"id": "2_3", "message": "Which varnish?", "comment_count": 1, "comments": {"data": [below]}}
    posts = {"data": [{"id": "1_2", "message": "Our table", "comments": {"data": [top]}}]}
    rows, rejected = rows_of(write(tmp_path, "b.json", {"posts": posts, "id": "77"}))
    assert not rejected
    assert [(row["id"], row["parent_id"], row["post_id"]) for row in rows] == [
        ("2_3", None, "1_2"),
        ("2_4", "2_3", "1_2"),
    ]


def test_media_beside_a_text_hold_no_comments(tmp_path: Path) -> None:
    rows = [{"id": "1", "text": "Which oil?", "media": [{"id": "m", "text": "alt text"}], "posts": 3}]
    found, rejected = rows_of(write(tmp_path, "a.json", rows))
    assert [row["text"] for row in found] == ["Which oil?"]
    assert not rejected


def test_instagram_as_its_app_gets_it(tmp_path: Path) -> None:
    top, reply = top_and_reply(tmp_path, "instagram-web")
    assert (top["id"], top["post_id"], top["likes"]) == ("17900000000000001", "1790", 4)
    assert (top["created_at"], top["time_precision"]) == (MORNING * 1000, "exact")
    assert (top["author"], top["handle"]) == (pseudonym("5"), handle_pseudonym("ann"))
    assert (top["parent_id"], top["total_reply_count"]) == (None, 3)
    assert (reply["parent_id"], reply["post_id"], reply["platform"]) == (top["id"], "1790", "instagram")
    assert (top["is_creator"], reply["is_creator"]) == (False, True)


def test_instagrapi(tmp_path: Path) -> None:
    rows = [
        {
            **{"pk": f"1790000000000000{n}", "text": text, "user": {"pk": str(n), "username": f"user{n}"}},
            **{"created_at_utc": "2024-03-01T10:00:00Z", "content_type": "comment", "status": "Active"},
            **{"replied_to_comment_id": above, "has_liked": False, "like_count": n},
        }
        for n, text, above in ((1, "Which varnish?", None), (2, "Shellac.", "17900000000000001"))
    ]
    for name, data in (("a.json", rows), ("a.jsonl", as_lines(rows)), ("a.csv", as_csv(rows))):
        path = write(tmp_path, name, data)
        assert detect(path).name == "instagram-web"
        (top, reply), rejected = rows_of(path)
        assert not rejected
        assert (top["id"], top["likes"], top["created_at"]) == ("17900000000000001", 1, MORNING * 1000)
        assert (reply["parent_id"], reply["author"]) == (top["id"], pseudonym("2"))


@pytest.mark.parametrize("name", ["shortcode_media", "xdt_shortcode_media"])
def test_instagram_as_its_site_gets_it(tmp_path: Path, name: str) -> None:
    def node(n: int, text: str, *, edges: list[Any]) -> dict[str, Any]:
        return {
            "node": {
                **{"id": f"1790000000000000{n}", "text": text, "created_at": MORNING + n},
                **{"did_report_as_spam": False, "viewer_has_liked": False, "edge_liked_by": {"count": n}},
                **{"owner": {"id": str(76 + n), "username": f"user{n}"}},
                "edge_threaded_comments": {"count": len(edges), "page_info": {}, "edges": edges},
            }
        }

    media = {
        **{"id": "31", "shortcode": "Cxy_1", "owner": {"id": "78", "username": "maker"}},
        "edge_media_to_caption": {"edges": [{"node": {"text": "New table"}}]},
        "edge_media_to_parent_comment": {
            "count": 2,
            "edges": [node(1, "Which varnish?", edges=[node(2, "Shellac.", edges=[])])],
        },
        "comment_inform_treatment": {"should_have_inform_treatment": False},
    }
    for outer in ("data", "graphql"):
        path = write(tmp_path, "a.json", {outer: {name: media}, "status": "ok"})
        assert detect(path).name == "instagram-web"
        (top, reply), rejected = rows_of(path)
        assert not rejected
        assert {top["post_id"], reply["post_id"]} == {"Cxy_1"}
        assert (top["likes"], top["total_reply_count"], top["author"]) == (1, 1, pseudonym("77"))
        assert (reply["parent_id"], reply["is_creator"], top["is_creator"]) == (top["id"], True, False)
        assert (top["created_at"], top["parent_id"]) == ((MORNING + 1) * 1000, None)


def test_a_page_of_instagrams_comments_of_today(tmp_path: Path) -> None:
    comment = {name: each for name, each in INSTAGRAM_WEB["comments"][0].items() if name != "media_id"}  # type: ignore[index]
    connection = {"edges": [{"node": comment, "cursor": "x"}], "page_info": {"has_next_page": False}}
    data = {"data": {"xdt_api__v1__media__media_id__comments__connection": connection}}
    path = write(tmp_path, "a.json", data)
    assert detect(path).name == "instagram-web"
    rows, rejected = rows_of(path)
    assert not rejected
    assert [row["text"] for row in rows] == ["Which varnish?", "Shellac."]
    connection["edges"] = []
    rows, rejected = rows_of(write(tmp_path, "b.json", data))
    assert not rows
    assert not rejected


def test_instaloader(tmp_path: Path) -> None:
    top, reply = top_and_reply(tmp_path, "instaloader", creator="maker", post="Cxy")
    assert (top["id"], top["likes"], top["created_at"]) == ("17900000000000001", 4, MORNING * 1000)
    assert (reply["parent_id"], reply["is_creator"], reply["post_id"]) == (top["id"], True, "Cxy")


def test_tiktok_research(tmp_path: Path) -> None:
    top, reply = top_and_reply(tmp_path, "tiktok-research")
    assert (top["id"], top["parent_id"], top["post_id"]) == (
        "7301234567890123456",
        None,
        "7300000000000000001",
    )
    assert (reply["parent_id"], top["total_reply_count"], top["author"]) == (top["id"], 1, None)
    failed = {"data": {}, "error": {"code": "access_token_invalid", "message": "expired"}}
    _, rejected = rows_of(write(tmp_path, "b.json", [TIKTOK_RESEARCH, failed]))
    assert rejected == [("error_record", "b.json:3")]


@pytest.mark.parametrize(
    "data",
    [
        as_lines(ZEESCHUIMER),
        {"comments": [TIKTOK_TOP, TIKTOK_REPLY], "cursor": 2, "has_more": 0},
        {"status_code": 0, "comments": [{**TIKTOK_TOP, "reply_comment": [TIKTOK_REPLY]}]},
        as_csv([TIKTOK_TOP, TIKTOK_REPLY], upper=True).encode(),
    ],
    ids=["zeeschuimer", "page", "nested", "upper-case-csv"],
)
def test_tiktok_web(tmp_path: Path, data: object) -> None:
    path = write(tmp_path, "unnamed", data)
    assert detect(path).name == "tiktok-web"
    (top, reply), rejected = rows_of(path)
    assert not rejected
    assert (top["id"], top["parent_id"], top["likes"]) == ("7301234567890123456", None, 4)
    assert (top["total_reply_count"], top["created_at"]) == (1, MORNING * 1000)
    assert (top["author"], top["handle"]) == (pseudonym("5"), handle_pseudonym("ann"))
    assert (reply["parent_id"], reply["is_creator"], top["is_creator"]) == (top["id"], True, False)
    assert reply["post_id"] == "7300000000000000001"


def test_4cat_tiktok(tmp_path: Path) -> None:
    top, reply = top_and_reply(tmp_path, "4cat-tiktok")
    assert (top["parent_id"], reply["parent_id"]) == (None, top["id"])
    assert top["created_at"] == MORNING * 1000  # not `timestamp`: that is the server's own time
    assert (top["likes"], top["total_reply_count"], top["post_id"]) == (4, 1, "7300000000000000001")
    assert not top["is_creator"]


@pytest.mark.parametrize(
    ("name", "post", "author"),
    [
        ("apify-youtube", "abcdefghijk", "@ann"),
        ("apify-instagram", "Cxy_1", "5"),
        ("apify-tiktok", "7300", "5"),
        ("apify-facebook", "https://f.example/maker/posts/12", "5"),
        ("apify-youtube-seemuapps", None, "UC5"),
    ],
)
@pytest.mark.parametrize("container", ["json", "ndjson", "csv"])
def test_apify(tmp_path: Path, name: str, post: str | None, author: str, container: str) -> None:
    rows = EXAMPLES[name][1]
    if name == "apify-instagram" and container == "csv":
        rows = [{k: v for k, v in rows[0].items() if k != "replies"}, *rows[0]["replies"]]
        rows[1] |= {"parentCommentUrl": rows[0]["postUrl"] + "c/179001/", "postUrl": rows[0]["postUrl"]}
    data = {"json": rows, "ndjson": as_lines(rows), "csv": as_csv(rows)}[container]
    path = write(tmp_path, f"dataset.{container}", data)
    assert detect(path).name == name
    (top, reply), rejected = rows_of(path)
    assert not rejected
    assert (top["text"], reply["text"], top["likes"], reply["likes"]) == ("Which varnish?", "Shellac.", 4, 0)
    assert top["author"] == pseudonym(author)
    assert top["parent_id"] is None
    assert reply["parent_id"] == (None if name == "apify-facebook" else top["id"])
    assert {top["post_id"], reply["post_id"]} == {post}
    assert top["platform"] == name.split("-")[1]
    assert reply["is_creator"] == ("youtube" in name)
    if name == "apify-youtube":
        assert (top["created_at"], top["time_precision"]) == (None, "estimated")
    elif name != "apify-youtube-seemuapps":
        assert (top["created_at"], top["time_precision"]) == (MORNING * 1000, "exact")


def test_apify_error_rows(tmp_path: Path) -> None:
    failed = {"url": "https://x.example", "error": "no_items", "errorDescription": "Empty or private data"}
    path = write(tmp_path, "dataset.json", [failed, *APIFY_TIKTOK])
    assert detect(path).name == "apify-tiktok"
    assert rows_of(path)[1] == [("error_record", "dataset.json:1")]


def test_convokit(tmp_path: Path) -> None:
    post, top, reply = top_and_reply(tmp_path, "convokit")
    assert post["is_creator"]
    assert not top["is_creator"]
    assert (top["parent_id"], reply["parent_id"], reply["post_id"]) == (None, "c1", "p1")
    assert (top["likes"], top["platform"], top["author"]) == (4, "reddit", pseudonym("ann"))
    old = [
        {
            "id": "c9",
            "text": "Oil?",
            "user": "ann",
            "root": "p1",
            "reply-to": "c1",
            "reply_to": "c1",
            "timestamp": "1",
        }
    ]
    path = write(tmp_path, "b.jsonl", as_lines(old))
    assert detect(path).name == "convokit"
    assert rows_of(path)[0][0]["parent_id"] == "c1"


def test_a_folder_of_convokit_is_its_utterances(tmp_path: Path) -> None:
    write(tmp_path, "utterances.jsonl", as_lines(CONVOKIT))
    for name in ("conversations.json", "speakers.json", "corpus.json", "index.json"):
        write(tmp_path, name, json.dumps({"p1": {"title": "text of a title"}}))
    rows, rejected = rows_of(tmp_path)
    assert len(rows) == 3
    assert not rejected


def test_uci_youtube_spam(tmp_path: Path) -> None:
    first, second = top_and_reply(tmp_path, "uci-youtube-spam")
    assert (first["id"], first["created_at"], first["author"]) == ("z1", 1_383_805_248_000, pseudonym("Ann"))
    assert (second["created_at"], second["platform"]) == (None, "youtube")
