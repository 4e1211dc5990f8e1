"""Generic columns in every container, and other tools through their aliases."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
import zstandard

from plaudit.comment import comment_key
from plaudit.errors import InputError, MappingError
from plaudit.pseudonym import handle_pseudonym, pseudonym
from plaudit.readers import ReadOptions, containers, read, workbook

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


def as_arrow(*, stream: bool = False) -> bytes:
    out, table = io.BytesIO(), pa.Table.from_pylist(GENERIC)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def as_workbook() -> bytes:
    out, book = io.BytesIO(), openpyxl.Workbook()
    sheet = book.active
    sheet.append(list(GENERIC[0]))
    for row in GENERIC:
        sheet.append(
            [
                datetime.fromisoformat(v).replace(tzinfo=None) if n == "created_at" and v[-1] == "Z" else v
                for n, v in row.items()
            ]
        )
    book.create_sheet("empty")
    book.save(out)
    return out.getvalue()


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
    "a.feather": as_arrow(),
    "unnamed_arrow": as_arrow(),
    "a.arrow": as_arrow(stream=True),
    "unnamed_stream": as_arrow(stream=True),
    "a.xlsx": as_workbook(),
    "unnamed_workbook": as_workbook(),
}


PACK = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("name", CONTAINERS)
def test_generic_columns_in_every_container(tmp_path: Path, name: str, packing: str) -> None:
    pack = PACK[packing]
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


@pytest.mark.parametrize("packing", PACK)
def test_plain_lines(tmp_path: Path, packing: str) -> None:
    pack = PACK[packing]
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


def test_lines_have_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_ids_that_a_spreadsheet_rounded_are_nobodys(tmp_path: Path) -> None:
    table = "id,text,parent_id\n7.30123E+18,First,\n7.30123E+18,Second,7.30123E+18\n"
    rows, rejected = rows_of(write(tmp_path, "a.csv", table))
    assert not rejected
    assert [(row["id"], row["parent_id"]) for row in rows] == [("2", None), ("3", None)]
    book = openpyxl.Workbook()
    for row in (
        ["id", "text"],
        [7301234567890123456, "First"],
        [7301234567890123457, "Second"],
        [12, "Third"],
    ):
        book.active.append(row)
    for row in list(book.active.iter_rows())[1:3]:
        row[0].value = float(row[0].value)
    book.save(tmp_path / "a.xlsx")
    rows, rejected = rows_of(tmp_path / "a.xlsx")
    assert not rejected
    assert [row["id"] for row in rows] == ["2", "3", "12"]


def test_every_sheet_is_read_and_rows_keep_their_own_number(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for name, rows in {
        "one": [
            [None, None],
            ["Text", "Author", None],
            ["Cut twice", "ann", 1],
            [None, None],
            ["Measured once", 5],
        ],
        "two": [["comment", "date"], ["Glued", datetime(2024, 3, 1, 10)], [None, datetime(2024, 3, 1)]],
    }.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    rows, rejected = rows_of(tmp_path / "a.xlsx")
    assert [(row["id"], row["text"]) for row in rows] == [
        ("3", "Cut twice"),
        ("5", "Measured once"),
        ("7", "Glued"),
    ]
    assert rows[1]["author"] == pseudonym("5")
    assert rows[2]["created_at"] == 1_709_287_200_000
    assert rejected == [("missing_text", "a.xlsx:8")]


def test_a_sheet_stands_for_a_post_where_several_hold_comments(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["How the sheets were filled"])
    tables = {
        "Video A": [["id", "comment", "reply to"], [1, "Which oil?", None], [2, "Linseed.", 1]],
        "Video B": [["id", "comment", "reply to"], [1, "Which wax?", None], [1, "Again", None]],
    }
    for name, table in tables.items():
        sheet = book.create_sheet(name)
        for row in table:
            sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    rows, rejected = rows_of(tmp_path / "a.xlsx")
    assert [(row["source"], row["text"], row["parent_id"]) for row in rows] == [
        ("a.xlsx/Video A", "Which oil?", None),
        ("a.xlsx/Video A", "Linseed.", "1"),
        ("a.xlsx/Video B", "Which wax?", None),
    ]
    assert [row["key"] for row in rows[1:]] == [
        comment_key("a.xlsx/Video A", "2"),
        comment_key("a.xlsx/Video B", "1"),
    ]
    assert rejected == [("changed_text", "a.xlsx:7")]
    del book["Video B"]
    book.save(tmp_path / "a.xlsx")
    rows, _ = rows_of(tmp_path / "a.xlsx")
    assert {row["source"] for row in rows} == {"a.xlsx"}


def test_cells_beyond_the_header_of_a_sheet_have_names(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["id", "text", "column 4"], ["1", "Fine", "x", "late", ""], ["2", ""], ["3", "Fine, too"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    options = ReadOptions(keep=("column 4", "column 4 2"))
    (batch,) = read([tmp_path / "a.xlsx"], options=options)
    assert batch.kept is not None
    assert [list(row.values()) for row in batch.kept.to_pylist()] == [["x", "late"], [None, None]]
    (rejection,) = batch.rejections
    assert rejection.record == '{"id":"2","text":null,"column 4":null,"column 4 2":null}'
    titled = openpyxl.Workbook()
    for row in (["Export of May"], ["id", "text"], ["1", "Fine"]):
        titled.active.append(row)
    titled.save(tmp_path / "b.xlsx")
    with pytest.raises(MappingError, match=r"it has: Export of May, column 2\."):
        read([tmp_path / "b.xlsx"])


def test_a_workbook_with_a_bomb_of_texts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "N_SHARED_LIMIT", 10)
    path = write(tmp_path, "a.xlsx", as_workbook())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/sharedStrings.xml", "<sst>" + "x" * 100)
    with pytest.raises(InputError, match="save its sheets as CSV"):
        read([path])


def test_a_cut_arrow_stream_keeps_what_came(tmp_path: Path) -> None:
    table = pa.table({"text": [f"No. {i}" for i in range(3000)]})
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=100)
    rows, rejected = rows_of(write(tmp_path, "a.arrow", out.getvalue()[: len(out.getvalue()) // 2]))
    assert 500 < len(rows) < 3000
    assert rejected == [("truncated_archive", f"a.arrow:{len(rows) + 1}")]


def test_comments_inherit_the_post_they_lie_in(tmp_path: Path) -> None:
    posts = [
        {"id": "p1", "title": "Oiling", "comments": [{"id": "1", "text": "Which oil?"}]},
        {
            "id": "p2",
            "title": "Waxing",
            "comments": [{"id": "1", "text": "Which wax?"}, {"text": "", "id": "2"}],
        },
    ]
    rows, rejected = rows_of(write(tmp_path, "a.json", posts))
    assert [(row["post_id"], row["text"]) for row in rows] == [("p1", "Which oil?"), ("p2", "Which wax?")]
    assert rejected == [("empty_text", "a.json:3")]
