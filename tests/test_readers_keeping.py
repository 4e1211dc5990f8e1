"""Columns are kept as the source had them, row by row beside the comments that could be used."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plaudit.errors import MappingError
from plaudit.readers import ReadOptions, detect, read, read_records
from plaudit.readers.notes import notes_of
from plaudit.readers.reading import parts_of

from .test_readers_formats import write
from .test_readers_fuzz import ANYWHERE, VALUES


def test_values_are_kept_as_they_were_beside_usable_comments_only():
    records = [
        {"id": 1, "text": "so <b>cool</b>", "tags": ["a", 1], "author": {"name": "ann"}},
        {"id": 2, "text": "", "tags": "none"},
        {"id": 3, "text": "Why\ud83d?", "tags": None, "author": {}},
    ]
    options = ReadOptions(keep=("text", "tags", "author.name", "id"))
    (batch,) = read_records(records, options=options)
    assert batch.comments.column("id").to_pylist() == ["1", "3"]
    assert batch.kept is not None
    assert batch.kept.to_pylist() == [
        {
            "original_text": "so <b>cool</b>",
            "original_tags": '["a",1]',
            "original_author.name": "ann",
            "original_id": "1",
        },
        {
            "original_text": "Why\ufffd?",
            "original_tags": None,
            "original_author.name": None,
            "original_id": "3",
        },
    ]


def test_nothing_is_kept_unasked():
    assert next(read_records([{"text": "so cool"}])).kept is None
    assert next(read_records([{"text": ""}], options=ReadOptions(keep=("text",)))).kept.num_rows == 0


def test_columns_of_a_table_that_say_nothing_about_comments_are_read_where_kept(tmp_path):
    table = pa.table({"text": ["so cool", "Why?"], "mood": [0.5, None], "odd.name": ["x", "y"]})
    pq.write_table(table, tmp_path / "dump.parquet")
    options = ReadOptions(keep=("mood", "odd.name"), batch_size=1)
    batches = list(read([tmp_path / "dump.parquet"], options=options))
    assert [batch.kept.to_pylist() for batch in batches] == [
        [{"original_mood": "0.5", "original_odd.name": "x"}],
        [{"original_mood": None, "original_odd.name": "y"}],
    ]


def test_what_json_hardly_holds_is_kept():
    records = [{"text": "so cool", "n": {"big": 2**70, "half": ["\ud83d"]}}]
    (batch,) = read_records(records, options=ReadOptions(keep=("n",)))
    assert batch.kept.to_pylist() == [{"original_n": '{"big":1180591620717411303424,"half":["\ufffd"]}'}]


def test_a_column_that_some_files_lack_is_null_there_and_told_once(tmp_path):
    write(tmp_path, "a.csv", "text,mood,author\nso cool,glad,ann\n")
    for name in ("b.csv", "c.csv"):
        write(tmp_path, name, "text,author\nWhy?,ben\n")
    write(tmp_path, "d.jsonl", [{"text": "so good", "who": None}], lines=True)
    paths = [tmp_path / name for name in ("a.csv", "b.csv", "c.csv", "d.jsonl")]
    options = ReadOptions(keep=("mood", "author"))
    (batch,) = read(paths, options=options)
    assert batch.kept.column("original_mood").to_pylist() == ["glad", None, None, None]
    assert list(notes_of(parts_of(paths, options=options))) == [
        "b.csv has no column 'mood' to keep, nor have 2 others; it has: text, author. It is null there.",
        "d.jsonl has no column 'author' to keep; it has: text, who. It is null there.",
    ]
    with pytest.raises(
        MappingError, match=r"a.csv has no column 'who.name' to keep, nor have 3 others; it h"
    ):
        read(paths, options=ReadOptions(keep=("mood", "who.name")))


def test_a_column_that_is_null_in_the_first_records_is_there(tmp_path):
    write(tmp_path, "a.jsonl", [{"text": "so cool", "author": {"name": None}}], lines=True)
    paths = [tmp_path / "a.jsonl"]
    assert list(notes_of(parts_of(paths, options=ReadOptions(keep=("author.name",))))) == []


def test_a_file_without_a_record_neither_has_a_column_nor_lacks_it(tmp_path):
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["so cool"], "mood": ["glad"]}), tmp_path / "b.parquet")
    paths, options = [tmp_path / "a.parquet", tmp_path / "b.parquet"], ReadOptions(keep=("mood",))
    assert list(notes_of(parts_of(paths, options=options))) == []
    assert len(list(read(paths[:1], options=options))) == 1


def nested(value: object, depth: int) -> object:
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def kept(*given: dict[str, object]) -> list[str | None]:
    (batch,) = read_records(given, options=ReadOptions(keep=("x",)))
    assert batch.kept is not None
    return batch.kept.column(0).to_pylist()


def test_what_orjson_cannot_write_is_kept(tmp_path):
    assert kept({"text": "a", "x": 10**38}, {"text": "b", "x": [2**70, float("nan"), "é"]}) == [
        str(10**38),
        f'[{2**70},null,"é"]',
    ]
    (deep,) = kept({"text": "a", "x": nested("end", 300)})
    assert deep.startswith('[{"a":[{"a":')
    assert "…" in deep
    assert json.loads(deep)
    assert kept({"text": "a", "x": nested("end", 90)}) == [
        json.dumps(nested("end", 90), separators=(",", ":"))
    ]
    assert kept({"text": "a", "x": {"\ud83d": ["\udfff", 1]}}) == ['{"\ufffd":["\ufffd",1]}']
    path = tmp_path / "a.ndjson"
    path.write_bytes(b'{"text": "a \\ud83d", "x": 123456789012345678901234567890}\n')
    table = pa.table({"text": ["a"], "x": pa.array([Decimal("9" * 38)], pa.decimal128(38, 0))})
    pq.write_table(table, tmp_path / "b.parquet")
    for name, expected in (("a.ndjson", "123456789012345678901234567890"), ("b.parquet", "9" * 38)):
        (batch,) = read([tmp_path / name], options=ReadOptions(keep=("x",)))
        assert batch.kept.column(0).to_pylist() == [expected]


@ANYWHERE
@given(values=st.lists(VALUES | st.binary(max_size=3) | st.integers(), min_size=1, max_size=4))
@example(values=[10**400, nested(10**400, 500)])
@example(values=[10**5000])
def test_any_value_can_be_kept(values):
    found = kept(*({"text": str(i), "x": value} for i, value in enumerate(values)))
    assert [each is None for each in found] == [value is None for value in values]


HEARTS = {
    "yt-dlp": ("is_favorited", True),
    "youtube-comment-downloader": ("heart", True),
    "4cat-tiktok": ("is_liked_by_post_author", "yes"),
    "apify-youtube": ("hasCreatorHeart", True),
    "apify-tiktok": ("likedByAuthor", True),
}


@pytest.mark.parametrize("name", HEARTS)
def test_a_heart_of_the_creator_is_kept_on_request_and_makes_nobody_the_creator(
    tmp_path: Path, name: str
) -> None:
    column, value = HEARTS[name]
    records: dict[str, dict[str, Any]] = {
        "yt-dlp": {
            "id": "v",
            "extractor": "youtube",
            "comments": [{"id": "1", "text": "a", "parent": "root"}],
        },
        "youtube-comment-downloader": {"cid": "1", "text": "a", "votes": "1"},
        "4cat-tiktok": {"id": "1", "body": "a", "thread_id": "7", "is_comment_on_comment": "no"},
        "apify-youtube": {"cid": "1", "comment": "a", "voteCount": 1},
        "apify-tiktok": {"cid": "1", "text": "a", "uniqueId": "b", "diggCount": 1},
    }
    record = records[name]
    (record["comments"][0] if name == "yt-dlp" else record)[column] = value
    path = write(tmp_path, "a.json", [record])
    assert detect(path).name == name
    (batch,) = read([path], options=ReadOptions(keep=(column,)))
    assert batch.kept is not None
    assert batch.kept.to_pylist() == [{f"original_{column}": "true" if value is True else value}]
    assert batch.comments["is_creator"].to_pylist() == [False]
