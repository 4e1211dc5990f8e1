"""The traps of real dumps: each row that is read comes out right, each that is not says why."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from plaudit.comment import comment_key
from plaudit.pseudonym import handle_pseudonym, pseudonym
from plaudit.readers import ReadOptions, read, read_records

from .test_readers_formats import Rows, rows_of, write


def records(*given: dict[str, Any], **options: Any) -> tuple[Rows, list[str]]:
    rows: Rows = []
    reasons = []
    for batch in read_records(given, options=ReadOptions(**options)):
        rows += batch.comments.to_pylist()
        reasons += [rejection.reason for rejection in batch.rejections]
    return rows, reasons


def test_large_ids_stay_whole(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", b'[{"id": 7301234567890123456, "text": "Whole", "parent_id": 123.0}]')
    rows, _ = rows_of(path)
    assert rows[0]["id"] == "7301234567890123456"
    assert rows[0]["parent_id"] == "123"


def test_ids_of_spreadsheets_lose_their_decimals(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,text,parent_id\n12.0,First,\n13.0,Second,12.0\n")
    rows, _ = rows_of(path)
    assert [(row["id"], row["parent_id"]) for row in rows] == [("12", None), ("13", "12")]


@pytest.mark.parametrize("rounded", ["6.8E+18", "6,8E+18", 6.8e18])
def test_ids_that_lost_their_last_digits_are_nobodys(rounded: object) -> None:
    given = [
        {"id": str(i), "text": "Deep", "uid": rounded, "username": name, "creator": rounded}
        | {"parent_id": rounded, "post_id": rounded}
        for i, name in enumerate(["ann", "bob"])
    ]
    rows, reasons = records(*given, {"id": "2", "text": "Wide", "author_id": rounded})
    assert not reasons
    assert [row["author"] for row in rows] == [pseudonym("ann"), pseudonym("bob"), None]
    assert [row["handle"] for row in rows] == [handle_pseudonym("ann"), handle_pseudonym("bob"), None]
    assert {row[name] for row in rows for name in ("parent_id", "post_id", "creator_id")} == {None}
    assert not any(row["is_creator"] for row in rows)
    assert records(given[0], post="p")[0][0]["post_id"] == "p"
    assert records({"text": "Deep", "author": rounded})[0][0]["author"] is None


def test_people_of_a_table_that_a_spreadsheet_rounded(tmp_path: Path) -> None:
    table = (
        "cid,text,uniqueId,uid,diggCount,videoWebUrl,repliesToId\n"
        "1,Deep,ann,6.8E+18,1,https://x/video/7,\n2,Wide,bob,6.8E+18,1,https://x/video/7,7.3E+18\n"
    )
    rows, rejected = rows_of(write(tmp_path, "a.csv", table))
    assert not rejected
    assert [row["author"] for row in rows] == [pseudonym("ann"), pseudonym("bob")]
    assert rows[1]["parent_id"] is None


@pytest.mark.parametrize("parent", [None, "", "root", "0", 0, "nan", "NULL", "own", "p"])
def test_top_level_in_every_spelling(parent: object) -> None:
    rows, _ = records({"id": "own", "text": "Top", "parent_id": parent, "post_id": "p"})
    assert rows[0]["parent_id"] is None


def test_orphans_keep_their_parent() -> None:
    assert records({"id": "a", "text": "Reply", "parent_id": "lost"})[0][0]["parent_id"] == "lost"


def test_line_separators_of_unicode_are_no_line_ends(tmp_path: Path) -> None:
    text = "one\u2028two\u2029three\u0085four"
    rows, rejected = rows_of(
        write(tmp_path, "a.ndjson", json.dumps({"text": text}, ensure_ascii=False) + "\n")
    )
    assert not rejected
    assert rows[0]["text"] == text
    rows, rejected = rows_of(write(tmp_path, "a.csv", f"id,text\n1,{text}\n"))
    assert not rejected
    assert rows[0]["text"] == text
    rows, rejected = rows_of(write(tmp_path, "a.txt", text + "\n"))
    assert not rejected
    assert rows[0]["text"] == text


def test_bad_lines_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    lines = [
        b'{"id": "1", "text": "Fine"}',
        b'{"id": "2", "text": "Caf\xe9"}',
        b'{"id": "3", "text": "No end',
        b"null",
        b"[1]",
        b'{"id": "4"}',
        b'{"id": "5", "text": null, "error": "private video"}',
        b'{"id": "6", "text": ["a"]}',
        b'{"id": {"x": 1}, "text": "Id is an object"}',
        b'{"id": "7", "text": "\\u200b \\u202e"}',
        b'{"id": "8", "text": "[deleted]"}',
        b'{"id": "1", "text": "Fine"}',
        b'{"id": "9", "text": "Cut he',
    ]
    rows, rejected = rows_of(write(tmp_path, "a.jsonl", b"\n".join(lines)))
    assert [row["id"] for row in rows] == ["1"]
    assert rejected == [
        ("bad_encoding", "a.jsonl:2"),
        ("not_json", "a.jsonl:3"),
        ("not_a_record", "a.jsonl:4"),
        ("not_a_record", "a.jsonl:5"),
        ("missing_text", "a.jsonl:6"),
        ("error_record", "a.jsonl:7"),
        ("invalid_field", "a.jsonl:8"),
        ("invalid_field", "a.jsonl:9"),
        ("empty_text", "a.jsonl:10"),
        ("deleted", "a.jsonl:11"),
        ("duplicate_id", "a.jsonl:12"),
        ("not_json", "a.jsonl:13"),
    ]


def test_rows_of_a_table_that_do_not_fit(tmp_path: Path) -> None:
    table = b'id,text,likes\n1,"two\nlines",3\n\n2,short\n3,long,4,5\n4,padded,4,,\n5,caf\xe9,1\n6,ok,\n'
    rows, rejected = rows_of(write(tmp_path, "a.csv", table))
    assert [(row["id"], row["text"]) for row in rows] == [("1", "two\nlines"), ("4", "padded"), ("6", "ok")]
    assert rejected == [
        ("malformed_row", "a.csv:5"),
        ("malformed_row", "a.csv:6"),
        ("bad_encoding", "a.csv:8"),
    ]


def test_error_rows_of_a_table(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,errorDescription\n,The page is private\nFine,\n,\n")
    assert rows_of(path)[1] == [("error_record", "a.csv:2"), ("empty_text", "a.csv:4")]


def test_an_endless_cell_does_not_swallow_the_file(tmp_path: Path) -> None:
    table = 'id,text\n1,fine\n2,"never closed\n' + "x,y\n" * 400_000
    rows, rejected = rows_of(write(tmp_path, "a.csv", table))
    assert rows[0]["text"] == "fine"
    assert ("malformed_row", "a.csv:3") in rejected
    assert len(rows) > 1


def test_a_document_cut_short_keeps_what_came(tmp_path: Path) -> None:
    data = json.dumps([{"id": str(i), "text": f"Comment {i}"} for i in range(5)], indent=1)
    rows, rejected = rows_of(write(tmp_path, "a.json", data[:-25]))
    assert [row["id"] for row in rows] == ["0", "1", "2", "3"]
    assert rejected == [("not_json", "a.json:5")]


def test_a_bad_byte_in_a_document_costs_one_record(tmp_path: Path) -> None:
    data = b'[{"id": "1", "text": "caf\xe9"},\n {"id": "2", "text": "fine \xc3\xa9 \\ud83d"}]'
    rows, rejected = rows_of(write(tmp_path, "a.json", data))
    assert [row["text"] for row in rows] == ["fine \u00e9 \ufffd"]
    assert rejected == [("bad_encoding", "a.json:1")]


PACKS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


@pytest.mark.parametrize("suffix", PACKS)
def test_a_truncated_archive_keeps_what_came(tmp_path: Path, suffix: str) -> None:
    pack = PACKS[suffix]
    n_lines = 60_000 if suffix == ".bz2" else 20_000  # its blocks are of 900 kB
    lines = b"".join(
        orjson.dumps({"id": str(i), "text": f"No. {i * 7919 % 9973}"}) + b"\n" for i in range(n_lines)
    )
    packed = pack(lines)
    half = write(tmp_path, "half.jsonl" + suffix, packed[: len(packed) // 2])
    rows, rejected = rows_of(half)
    assert 1000 < len(rows) < n_lines
    assert rejected == [("truncated_archive", f"half.jsonl{suffix}:{len(rows) + 1}")]
    rows, rejected = rows_of(write(tmp_path, "two.jsonl" + suffix, packed + pack(b'{"text": "More"}')))
    assert len(rows) == n_lines + 1
    assert not rejected
    broken = bytearray(packed)
    broken[len(packed) // 2 : len(packed) // 2 + 40] = b"\xff" * 40
    rows, rejected = rows_of(write(tmp_path, "broken.jsonl" + suffix, bytes(broken)))
    assert "truncated_archive" in [reason for reason, _ in rejected]


def test_lone_surrogates_and_not_a_number(tmp_path: Path) -> None:
    lines = [
        r'{"id": "1", "text": "half \ud83d of one, whole \ud83d\ude00, \\ud83d typed"}',
        '{"id": "2", "text": "counted", "likes": NaN, "parent_id": NaN}',
    ]
    rows, rejected = rows_of(write(tmp_path, "a.jsonl", "\n".join(lines)))
    assert not rejected
    assert rows[0]["text"] == "half \ufffd of one, whole \U0001f600, \\ud83d typed"
    assert rows[1]["likes"] is None
    assert rows[1]["parent_id"] is None
    rows, _ = records(
        {"id": "\ud83d", "text": "\ud83d\ude00 \udc00", "author": "\udfff", "post_id": "\ud800"}
    )
    assert rows[0]["text"] == "\U0001f600 \ufffd"


def test_disguised_text_is_kept_as_it_is() -> None:
    texts = [
        "𝐆𝐫𝐞𝐚𝐭 finish",
        "\u202egnikcab\u202c",
        "Z\u0351\u0363\u0353a\u0315l\u031ag\u0303o\u0347",
        "ᅟreal",
    ]
    rows, reasons = records(*({"text": text} for text in texts))
    assert [row["text"] for row in rows] == texts
    assert not reasons


@pytest.mark.parametrize("text", ["", "  \n", "\u200b\u200d", "\u3164\u3164", "\ufeff", "<br>", "&nbsp;"])
def test_nothing_to_see_is_empty(text: str) -> None:
    assert records({"text": text})[1] == ["empty_text"]


def test_markup_is_undone_and_mathematics_kept() -> None:
    rows, _ = records({"text": "Don&#39;t &amp; <br/>won't"}, {"text": "a < b & b > c, <b>bold</b> claim"})
    assert [row["text"] for row in rows] == ["Don't & \nwon't", "a < b & b > c, <b>bold</b> claim"]


def test_a_number_is_a_text() -> None:
    rows, reasons = records({"text": 42}, {"text": True}, {"text": float("nan")})
    assert rows[0]["text"] == "42"
    assert reasons == ["invalid_field", "missing_text"]


@pytest.mark.parametrize("batch_size", [1, 100])
def test_a_comment_with_two_texts_is_told_from_one_that_is_there_twice(
    tmp_path: Path, batch_size: int
) -> None:
    """Which text counted depended on the order of the files, and nothing said so."""
    one, other = (
        write(
            tmp_path,
            name,
            [{"id": "1", "text": text, "post_id": "p"}, {"id": "2", "text": "C", "post_id": "p"}],
        )
        for name, text in (("a.jsonl", "A"), ("b.jsonl", "B"))
    )
    for files, text in (((one, other, other), "A"), ((other, one, one), "B")):
        rows, rejected = rows_of(*files, batch_size=batch_size)
        assert [row["text"] for row in rows] == [text, "C"]
        assert [reason for reason, _ in rejected] == ["changed_text", *["duplicate_id"] * 3]


def test_duplicates_over_files_posts_and_batches(tmp_path: Path) -> None:
    first = write(tmp_path, "a.jsonl", [{"id": "1", "text": "A", "post_id": "p"}] * 2, lines=True)
    second = write(
        tmp_path,
        "b.jsonl",
        [
            {"id": "1", "text": "A", "post_id": "p"},
            {"id": "1", "text": "A", "post_id": "q"},
            {"id": "1", "text": "no post"},
            {"id": "1", "text": "no post"},
            {"text": "no id"},
            {"text": "no id"},
        ],
        lines=True,
    )
    rows, rejected = rows_of(first, second, batch_size=2)
    assert rejected == [(("duplicate_id"), where) for where in ("a.jsonl:2", "b.jsonl:1", "b.jsonl:4")]
    assert [row["id"] for row in rows] == ["1", "1", "1", "5", "6"]
    assert rows[2]["key"] == comment_key("b.jsonl", "1")
    assert len({row["key"] for row in rows}) == 5


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = []
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        paths.append(write(tmp_path / folder, "a.jsonl", [{"id": "1", "text": "A"}], lines=True))
    rows, rejected = rows_of(*paths)
    assert not rejected
    assert [row["source"] for row in rows] == list(map(str, paths))


def test_a_folder_is_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub", "c.txt", "From lines")
    write(tmp_path, "a.csv", "text\nFrom a table\n")
    write(tmp_path, "b.json", [{"text": "From a document"}])
    write(tmp_path, "empty.csv", "")
    write(tmp_path, "video.mp4", b"\0\0\0\x18ftyp")
    rows, rejected = rows_of(tmp_path)
    assert not rejected
    assert [row["text"] for row in rows] == ["From a table", "From a document", "From lines"]


def test_creator_by_flag_id_name_or_option() -> None:
    given = [
        {"text": "flag", "is_creator": "yes", "author": "x"},
        {"text": "id", "author_id": "UC1", "author": "Gus", "creator_id": "UC1"},
        {"text": "name", "author": "@Gus", "creator": "gus"},
        {"text": "other", "author": "hal", "creator": "gus", "is_creator": "0"},
        {"text": "nobody", "creator": "gus"},
    ]
    rows, _ = records(*given)
    assert [row["is_creator"] for row in rows] == [True, True, True, False, False]
    rows, _ = records(*given, creator="hal")
    assert [row["is_creator"] for row in rows] == [True, True, True, True, False]
    assert {row["creator_id"] for row in rows} == {"hal"}


def test_options_fill_what_is_missing() -> None:
    rows, _ = records(
        {"text": "a"}, {"text": "b", "post_id": "q", "platform": "TikTok"}, post="p", platform="blog"
    )
    assert [(row["post_id"], row["platform"]) for row in rows] == [("p", "blog"), ("q", "tiktok")]


def test_authors_are_pseudonyms_even_in_rejections(tmp_path: Path) -> None:
    record = {
        **{"id": "1", "text": "", "author": "Iris", "user": {"name": "Iris"}, "writer": "Iris"},
        **{"snippet": {"authorChannelId": {"value": "Iris"}}, "long": "x" * 999},
    }
    path = write(tmp_path, "a.json", [record])
    (batch,) = read([path], options=ReadOptions(columns={"author": "writer"}))
    (rejection,) = batch.rejections
    assert rejection.record is not None
    assert "Iris" not in rejection.record
    assert len(rejection.record) < 600
    assert orjson.loads(rejection.record)["id"] == "1"
    rows, _ = records({"text": "a", "author": " Jo "}, {"text": "b", "author": "[deleted]"}, {"text": "c"})
    assert rows[0]["author"] == pseudonym("Jo")
    assert rows[0]["handle"] == handle_pseudonym("jo")
    assert rows[1]["author"] is None
    assert rows[2]["handle"] is None


def test_a_mapping_overrides_the_aliases(tmp_path: Path) -> None:
    record = {"text": "a title", "Remark": "the comment", "who": {"id": "UC1"}}
    path = write(tmp_path, "a.json", [record])
    rows, _ = rows_of(path, columns={"text": "remark", "author": "who.id"})
    assert rows[0]["text"] == "the comment"
    assert rows[0]["author"] == pseudonym("UC1")


def test_batches_have_their_size_and_add_up(tmp_path: Path) -> None:
    records_ = [{"id": str(i), "text": f"No. {i}" if i % 3 else ""} for i in range(100)]
    paths = [write(tmp_path, f"{part}.jsonl", records_, lines=True) for part in "ab"]
    batches = list(read(paths, options=ReadOptions(batch_size=30)))
    sizes = [batch.comments.num_rows + len(batch.rejections) for batch in batches]
    assert sizes == [30] * 6 + [20]
    assert sum(batch.n_bytes for batch in batches) == sum(path.stat().st_size for path in paths)


def test_progress_through_a_packed_table(tmp_path: Path) -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"text": [f"No. {i}" for i in range(100)]}), out)
    path = write(tmp_path, "a.parquet.gz", gzip.compress(out.getvalue()))
    n_bytes = [batch.n_bytes for batch in read([path], options=ReadOptions(batch_size=30))]
    assert min(n_bytes) >= 0
    assert sum(n_bytes) == path.stat().st_size


def test_a_reader_left_early_closes_its_files(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", [{"text": f"No. {i}"} for i in range(100)], lines=True)
    batches = read([path], options=ReadOptions(batch_size=10))
    assert next(batches).comments.num_rows == 10


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (b'{"text": "One"}\n{"text": "Two"}\n', b"One\nTwo\n", b'[\n{"text": "One"},\n"Two"]'):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(data))))
        batches = list(read(["-"]))
        assert [text for batch in batches for text in batch.comments["text"].to_pylist()] == ["One", "Two"]
        assert batches[0].comments["source"][0].as_py() == "stdin"


def test_missing_values_of_an_export_of_r(tmp_path: Path) -> None:
    table = (
        '"id","text","author","parent_id","post_id","created_at","likes"\n'
        '"1","Which glue?",NA,NA,NA,NA,NA\n"2","Hide glue.",NA,"1",NA,NA,3\n'
    )
    rows, rejected = rows_of(write(tmp_path, "comments.csv", table))
    assert not rejected
    assert [(row["author"], row["parent_id"], row["post_id"]) for row in rows] == [
        (None, None, None),
        (None, "1", None),
    ]
    assert {(row["created_at"], row["time_precision"]) for row in rows} == {(None, None)}
