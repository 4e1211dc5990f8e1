from __future__ import annotations

import errno
import resource
from contextlib import closing
from dataclasses import replace

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from plaudit.comment import COMMENT_SCHEMA, Rejection
from plaudit.scores import Scores
from plaudit.service import comment_table, output
from plaudit.service.output import LABELLED_SCHEMA, Outputs, labelled
from tests.reports import full_report

COLUMNS = [
    "id",
    "post_id",
    "creator_id",
    "parent_id",
    "label",
    "genuine",
    "generic_praise",
    "question",
    "experience",
    "solicitation",
    "addressed",
    "language",
    "supported",
    "truncated",
]


def comments(*ids: str) -> pa.RecordBatch:
    given = {
        "key": 0,
        "text": "so cool",
        "post_id": "p",
        "is_creator": False,
        "platform": "other",
        "source": "a",
    }
    return pa.RecordBatch.from_pylist([{"id": id_, **given} for id_ in ids], schema=COMMENT_SCHEMA)


def scores(n: int) -> Scores:
    return Scores(
        probabilities=np.tile(np.array([0.2, 0.7, 0.1], np.float32), (n, 1)),
        flags=np.tile(np.array([0.5, 0.25, 0], np.float32), (n, 1)),
        languages=("en",) * n,
        supported=np.ones(n, bool),
        truncated=np.zeros(n, bool),
    )


def test_rows_have_the_columns_of_the_contract_in_order():
    rows = labelled(comments("a", "b"), scores(2))
    assert rows.schema.names == COLUMNS
    assert rows.column("id").to_pylist() == ["a", "b"]
    assert rows.to_pylist()[0] | {"genuine": 0, "generic_praise": 0} == {
        "id": "a",
        "post_id": "p",
        "creator_id": None,
        "parent_id": None,
        "label": "generic_praise",
        "genuine": 0,
        "generic_praise": 0,
        "question": np.float32(0.1),
        "experience": 0.5,
        "solicitation": 0.25,
        "addressed": 0.0,
        "language": "en",
        "supported": True,
        "truncated": False,
    }


def rows(*ids: str) -> pa.Table:
    return pa.Table.from_batches([labelled(comments(*ids), scores(len(ids)))])


@pytest.mark.parametrize("table_format", comment_table.TABLE_FORMATS)
def test_every_format_holds_the_same_table(tmp_path, table_format):
    outputs = Outputs(tmp_path, table_format=table_format)
    awkward = 'a "quoted", one\nof two lines'
    outputs.write(rows(awkward, "é🔥"), rejected=b"")
    outputs.write(rows("c"), rejected=b"")
    outputs.close()
    outputs.close()
    path = tmp_path / f"comments.{table_format}"
    if table_format == "ndjson":
        found = [orjson.loads(line) for line in path.read_bytes().splitlines()]
        assert found[0]["genuine"] == 0.2
    elif table_format == "csv":
        found = pa.csv.read_csv(
            path,
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(column_types=LABELLED_SCHEMA, strings_can_be_null=True),
        ).to_pylist()
    else:
        found = pq.read_table(path).to_pylist()
    expected = rows(awkward, "é🔥", "c").to_pylist()
    assert [row["id"] for row in found] == [awkward, "é🔥", "c"]
    assert [{**row, "genuine": 0, "generic_praise": 0, "question": 0} for row in found] == [
        {**row, "genuine": 0, "generic_praise": 0, "question": 0} for row in expected
    ]
    assert [row["generic_praise"] for row in found] == pytest.approx([0.7] * 3)


def test_not_a_number_becomes_null():
    flags = np.array([[np.nan, 0, 1]], np.float32)
    rows = labelled(comments("a"), replace(scores(1), flags=flags))
    assert rows.column("experience").to_pylist() == [None]
    assert rows.column("experience").null_count == 1


def test_all_rows_are_written_in_order_whatever_the_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(comment_table, "_ROW_GROUP", 4)
    outputs = Outputs(tmp_path)
    for start in range(0, 9, 3):
        outputs.write(rows(*(str(start + i) for i in range(3))), rejected=b"")
    outputs.finish(full_report(), page="<p>")
    file = pq.ParquetFile(tmp_path / "comments.parquet")
    assert file.read().column("id").to_pylist() == [str(i) for i in range(9)]
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [6, 3]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_run_without_a_comment_still_has_all_files(tmp_path):
    outputs = Outputs(tmp_path)
    outputs.write(rows(), rejected=b"")
    outputs.finish(full_report(), page="")
    assert {f.name for f in tmp_path.iterdir()} == {*output.RESULT_FILES} - {output.MANIFEST}
    table = pq.read_table(tmp_path / "comments.parquet")
    assert table.schema.equals(LABELLED_SCHEMA)
    assert table.num_rows == 0


def test_rejections_and_the_report_are_json(tmp_path):
    outputs = Outputs(tmp_path)
    rejections = (
        Rejection(reason="not_json", where="a\udcff:1", detail="found '{'", record="{é"),
        Rejection(reason="empty_text", where="a:2"),
    )
    outputs.write(rows(), rejected=output.rejection_lines(rejections))
    outputs.finish(full_report(), page="<p>é")
    lines = (tmp_path / "rejected.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line) for line in lines] == [
        {"reason": "not_json", "where": "a?:1", "detail": "found '{'", "record": "{é"},
        {"reason": "empty_text", "where": "a:2", "detail": "", "record": None},
    ]
    assert orjson.loads((tmp_path / "report.json").read_bytes()) == full_report().to_dict()
    assert (tmp_path / "report.html").read_text("utf-8") == "<p>é"


@pytest.mark.parametrize("n_bytes", [4, 500, 8192])
@pytest.mark.parametrize("table_format", comment_table.TABLE_FORMATS)
def test_a_file_that_finds_no_room_says_so(table_format, n_bytes, tmp_path):
    """Closed once more, a Parquet file said that something broke inside Plaudit."""
    rows = pa.table({"x": np.random.default_rng(0).random(0 if n_bytes < 1000 else 50_000)})
    path, before = tmp_path / "comments", resource.getrlimit(resource.RLIMIT_FSIZE)
    told = None
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
        with closing(comment_table.TABLE_FORMATS[table_format](path, rows.schema)) as file:
            file.write(rows)
            file.close()
    except OSError as error:
        told = error
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.stat().st_size <= n_bytes
    assert told is None or told.errno == errno.EFBIG
    assert told is not None or n_bytes < 1000
