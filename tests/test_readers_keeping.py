"""Columns are kept as the source had them, row by row beside the comments that could be used."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from plaudit.readers import ReadOptions, read, read_records


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
