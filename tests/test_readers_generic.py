"""Generic columns in every container, and other tools through their aliases."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from plaudit.errors import InputError
from plaudit.pseudonym import handle_pseudonym, pseudonym
from plaudit.readers import containers, read

from .test_readers_formats import rows_of, write

GENERIC = [
    {
        **{
            "id": "1",
            "text": "Does it hold, with\ntwo screws?",
            "author": "fay",
            "parent_id": "",
            "post_id": "p",
        },
        **{"creator": "gus", "created_at": "2024-03-01T10:00:00Z", "likes": "1,234", "is_creator": "false"},
    },
    {
        **{
            "id": "2",
            "text": 'It does; "three" is safer.',
            "author": "gus",
            "parent_id": "1",
            "post_id": "p",
        },
        **{"creator": "gus", "created_at": "2024-03-01T11:00:00+01:00", "likes": "", "is_creator": ""},
    },
]


def as_table(delimiter: str, *, newline: str = "\n", upper: bool = False) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, GENERIC[0], delimiter=delimiter, lineterminator=newline)
    writer.writeheader()
    writer.writerows(GENERIC)
    head, _, rest = out.getvalue().partition(newline)
    return (head.upper() if upper else head) + newline + rest


def as_parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(GENERIC), out)
    return out.getvalue()


CONTAINERS = {
    "comma.csv": as_table(",").encode(),
    "semicolon.csv": as_table(";").encode(),
    "windows.csv": ("\ufeff" + as_table(";", newline="\r\n", upper=True)).encode(),
    "wide.csv": as_table(",").encode("utf-16"),
    "tabs.tsv": as_table("\t").encode(),
    "unnamed_table": as_table("|").encode(),
    "a.json": json.dumps(GENERIC, indent=2).encode(),
    "wrapped.json": json.dumps({"data": {"comments": GENERIC, "cursor": 2}}).encode(),
    "a.ndjson": b"\r\n\n".join(map(orjson.dumps, GENERIC)),
    "bom.ndjson": b"\xef\xbb\xbf" + b"\n".join(map(orjson.dumps, GENERIC)),
    "unnamed_lines": b"\n".join(map(orjson.dumps, GENERIC)),
    "a.parquet": as_parquet(),
    "unnamed_parquet": as_parquet(),
}


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
@pytest.mark.parametrize("name", CONTAINERS)
def test_generic_columns_in_every_container(tmp_path: Path, name: str, packing: str) -> None:
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[packing]
    path = write(tmp_path, name + packing, pack(CONTAINERS[name]))
    (top, reply), rejected = rows_of(path)
    assert not rejected
    assert top["text"] == GENERIC[0]["text"]
    assert reply["text"] == GENERIC[1]["text"]
    assert top["likes"] == 1234
    assert reply["likes"] is None
    assert top["parent_id"] is None
    assert reply["parent_id"] == "1"
    assert top["created_at"] == reply["created_at"] == 1_709_287_200_000
    assert reply["is_creator"]
    assert not top["is_creator"]
    assert reply["creator_id"] == "gus"
    assert top["source"] == path.name
    assert top["platform"] == "other"


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
def test_plain_lines(tmp_path: Path, packing: str) -> None:
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[packing]
    text = "[Verse 1] still gives me chills\n\nSo calm, and so clear\r\n\u200b\u200b\nSo calm, and so clear"
    rows, rejected = rows_of(write(tmp_path, "comments.txt" + packing, pack(text.encode())))
    assert [(row["id"], row["text"]) for row in rows] == [
        ("1", "[Verse 1] still gives me chills"),
        ("3", "So calm, and so clear"),
        ("5", "So calm, and so clear"),
    ]
    assert rejected == [("empty_text", f"comments.txt{packing}:4")]


def test_parquet_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "comment_id": pa.array([2**53 + 1, 2], pa.int64()),
            "body": pa.array(["Cut twice", "Measured once"]).dictionary_encode(),
            "likes": pa.array([1.0, None]),
            "published_at": pa.array([1_700_000_000_000_000_001, None], pa.timestamp("ns", "UTC")),
            "is_creator": [True, None],
            "embedding": [[0.5], [1.5]],
        }
    )
    path = tmp_path / "a.parquet"
    pq.write_table(table, path)
    first, second = rows_of(path)[0]
    assert first["id"] == str(2**53 + 1)
    assert first["created_at"] == 1_700_000_000_000
    assert first["likes"] == 1
    assert first["is_creator"]
    assert second["likes"] is None
    assert second["created_at"] is None
    assert not second["is_creator"]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            {
                **{"cid": "a", "comment": "Neat joint", "author": "@h", "voteCount": 7, "videoId": "v"},
                **{"publishedTimeText": "3 weeks ago", "authorIsChannelOwner": True, "replyToCid": None},
            },
            {"likes": 7, "is_creator": True, "post_id": "v", "time_precision": "estimated"},
        ),
        (
            {
                **{"id": "a", "text": "Neat joint", "ownerUsername": "h", "owner": {"id": "9"}},
                **{
                    "likesCount": 7,
                    "timestamp": "2024-03-01T10:00:00.000Z",
                    "postUrl": "https://x.example/p",
                },
            },
            {"likes": 7, "author": pseudonym("9"), "handle": handle_pseudonym("h")},
        ),
        (
            {
                **{"cid": "a", "text": "Neat joint", "uniqueId": "h", "uid": "9", "repliesToId": "b"},
                **{"diggCount": 7, "createTime": 1_709_287_200, "videoWebUrl": "https://x.example/v"},
            },
            {"parent_id": "b", "created_at": 1_709_287_200_000, "author": pseudonym("9")},
        ),
        (
            {
                **{
                    "COMMENT_ID": "a",
                    "AUTHOR": "h",
                    "DATE": "2013-11-07T06:20:48.5",
                    "CONTENT": "Neat joint",
                },
                **{"CLASS": "1"},
            },
            {"created_at": 1_383_805_248_500, "author": pseudonym("h")},
        ),
        (
            {
                **{"id": "a", "text": "Neat joint", "username": "h", "from": {"id": "9", "username": "h"}},
                **{"like_count": 7, "timestamp": "2024-03-01T10:00:00+0000", "media": {"id": "m"}},
            },
            {"post_id": "m", "created_at": 1_709_287_200_000, "author": pseudonym("9")},
        ),
        (
            {
                **{"cid": "a", "text": "Neat joint", "user": {"unique_id": "h", "uid": "9"}, "reply_id": "0"},
                **{"digg_count": 7, "create_time": 1_709_287_200, "aweme_id": "v", "reply_comment_total": 2},
            },
            {"parent_id": None, "post_id": "v", "author": pseudonym("9"), "total_reply_count": 2},
        ),
    ],
    ids=["apify-youtube", "apify-instagram", "apify-tiktok", "uci", "instagram-graph", "tiktok-web"],
)
def test_other_tools_through_aliases(
    tmp_path: Path, record: dict[str, Any], expected: dict[str, Any]
) -> None:
    rows, rejected = rows_of(write(tmp_path, "a.json", [record]))
    assert not rejected
    assert rows[0]["text"] == "Neat joint"
    assert rows[0]["id"] == "a"
    assert {name: rows[0][name] for name in expected} == expected


def test_nested_replies(tmp_path: Path) -> None:
    record = {
        **{"id": 1, "text": "How wide?", "media": {"id": "m"}},
        "replies": {"data": [{"id": 2, "text": "A palm.", "answers": [{"id": 3, "text": "Thanks!"}]}]},
    }
    rows, _ = rows_of(write(tmp_path, "a.json", {"data": [record, {"id": 4, "text": "And how deep?"}]}))
    assert [(row["id"], row["parent_id"], row["post_id"]) for row in rows] == [
        ("1", None, "m"),
        ("2", "1", "m"),
        ("3", "2", "m"),
        ("4", None, None),
    ]


def test_parquet_bytes_dates_and_decimals(tmp_path: Path) -> None:
    columns = {"text": [b"Oiled"], "date": [date(2024, 3, 1)], "likes": [Decimal("12.00")]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    ((row,), _) = rows_of(tmp_path / "a.parquet")
    assert (row["text"], row["likes"]) == ("Oiled", 12)
    assert (row["created_at"], row["time_precision"]) == (1_709_251_200_000, "estimated")


def test_instaloader_through_aliases(tmp_path: Path) -> None:
    answer = {"id": 2, "text": "Cherry.", "owner": {"id": "8", "username": "jo"}, "created_at": 1_709_287_201}
    comment = {
        "id": 1,
        "text": "Which wood?",
        "likes_count": 3,
        "created_at": 1_709_287_200,
        "answers": [answer],
    }
    top, reply = rows_of(write(tmp_path, "a.json", [{**comment, "owner": {"id": "7", "username": "k"}}]))[0]
    assert (top["author"], top["likes"], reply["parent_id"]) == (pseudonym("7"), 3, "1")
    assert reply["handle"] == handle_pseudonym("jo")


def test_lines_and_documents_have_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "N_LINE_LIMIT", 1000)
    long = json.dumps({"text": "x" * 2000})
    lines = write(tmp_path, "a.jsonl", "\n".join(['{"text": "a"}', long, '{"text": "b"}', long]))
    rows, rejected = rows_of(lines)
    assert [row["id"] for row in rows] == ["1", "3"]
    assert rejected == [("not_a_record", "a.jsonl:2"), ("not_a_record", "a.jsonl:4")]
    table = write(tmp_path, "a.csv", f"id,text\n1,a\n{'x' * 2000}\n2,b\n")
    assert [row["id"] for row in rows_of(table)[0]] == ["1", "2"]
    text = write(tmp_path, "a.txt", f"a\n{'x' * 2000}\nb\ncaf".encode() + b"\xe9")
    assert [reason for reason, _ in rows_of(text)[1]] == ["not_a_record", "bad_encoding"]
    monkeypatch.setattr(containers, "N_DOCUMENT_LIMIT", 1000)
    with pytest.raises(InputError, match="jq"):
        read([write(tmp_path, "a.json", json.dumps([{"text": "x" * 2000}], indent=1))])
