"""Tables that stand for much more than lies in them: read few rows at a time, whatever a row is."""

from __future__ import annotations

import dataclasses
import gzip
import json
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

from plaudit.errors import InputError, MappingError
from plaudit.readers import ReadOptions, columnar, parquet_pages, pieces, read

from .test_readers_formats import rows_of

TEXT = "so good, which glue? " * 50_000  # one megabyte
N = 400
IN_LITTLE_MEMORY = """
import resource, sys
from plaudit.readers import ReadOptions, read
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
(small,) = read([sys.argv[2]])
before, n, n_most = peak(), 0, 0
for batch in read([sys.argv[1]], options=ReadOptions(batch_size=2048)):
    n += batch.comments.num_rows
    n_most = max(n_most, batch.comments.nbytes)
print(n, n_most >> 20, peak() - before)
"""


def shared(n: int) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), [TEXT])})


def dictionary(path: Path) -> None:
    pq.write_table(pa.Table.from_batches([shared(N)]), path)


def prefixes(path: Path) -> None:
    schema = pa.schema([("text", pa.string())])
    with pq.ParquetWriter(path, schema, column_encoding="DELTA_BYTE_ARRAY", use_dictionary=False) as writer:
        for _ in range(0, N, 50):
            writer.write_batch(pa.record_batch([shared(50).column(0).dictionary_decode()], schema=schema))


def plain(path: Path) -> None:
    schema = pa.schema([("text", pa.string())])
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
        for _ in range(0, N, 200):
            writer.write_batch(pa.record_batch([shared(200).column(0).dictionary_decode()], schema=schema))


def arrow(path: Path) -> None:
    rows = shared(N)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with path.open("wb") as file, pa.ipc.new_file(file, rows.schema, options=options) as writer:
        writer.write_batch(rows)


def views(path: Path) -> None:
    view = struct.pack(
        "<i4sii", len(TEXT), TEXT[:4].encode(), 0, 0
    )  # length, start, which buffer, where in it
    buffers = [None, pa.py_buffer(view * N), pa.py_buffer(TEXT.encode())]
    rows = pa.record_batch({"text": pa.Array.from_buffers(pa.string_view(), N, buffers)})
    with path.open("wb") as file, pa.ipc.new_stream(file, rows.schema) as writer:
        writer.write_batch(rows)


def lines(path: Path) -> None:
    path.write_bytes(gzip.compress(json.dumps({"text": TEXT}).encode() + b"\n") * N)


def enclosed(path: Path) -> None:
    """Every comment of a page is under its post, whose id it shares."""
    page = {
        "id": TEXT[:100_000],
        "channel_id": "UC1",
        "comments": [{"id": str(i), "text": "which glue?"} for i in range(N)],
    }
    path.write_text(json.dumps(page))


@pytest.mark.parametrize("make", [dictionary, prefixes, plain, arrow, views, lines])
def test_long_values_are_read_in_bounded_memory(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """400 megabytes of texts, in batches of some sixteen."""
    make(tmp_path / "dump")
    (tmp_path / "small.txt").write_text("one comment\n")
    assert (tmp_path / "dump").stat().st_size < 4 << 20
    told = subprocess.run(
        [sys.executable, "-c", IN_LITTLE_MEMORY, tmp_path / "dump", tmp_path / "small.txt"],
        capture_output=True,
        text=True,
        check=True,
    )
    n, n_most, grown = map(int, told.stdout.split())
    assert n == N
    assert n_most <= 32
    assert grown < 240


def test_a_long_id_that_all_share_is_no_id(tmp_path: Path) -> None:
    enclosed(tmp_path / "dump.info.json")
    rejected = [r for batch in read([tmp_path / "dump.info.json"]) for r in batch.rejections]
    assert {(r.reason, r.detail) for r in rejected} == {
        ("invalid_field", "The field post_id has 100,000 characters, expected 4,096 at most.")
    }
    assert len(rejected) == N


def test_texts_come_out_the_same_however_they_are_kept(tmp_path: Path) -> None:
    texts = ["why oak?", None, "lovely", "why oak?", ""]
    ids = ["1", "2", "3", "4", "5"]
    replies = [
        [{"text": "ash", "id": "a"}],
        None,
        [],
        [{"text": "oak", "id": "b"}, {"text": "ash", "id": "c"}],
        None,
    ]
    kind = pa.list_(pa.struct({"text": pa.string(), "id": pa.string()}))
    table = pa.table({"id": ids, "text": texts, "replies": pa.array(replies, kind)})
    found = []
    for options in (
        {},
        {"use_dictionary": False},
        {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}},
        {"use_dictionary": False, "column_encoding": {"text": "DELTA_LENGTH_BYTE_ARRAY"}},
        {"row_group_size": 2, "data_page_version": "2.0", "compression": "gzip"},
    ):
        pq.write_table(table, tmp_path / "a.parquet", **options)
        found.append(rows_of(tmp_path / "a.parquet"))
    rows, rejected = found[0]
    assert [(row["id"], row["text"]) for row in rows if row["parent_id"] is None] == [
        ("1", "why oak?"),
        ("3", "lovely"),
        ("4", "why oak?"),
    ]
    assert [(row["id"], row["parent_id"]) for row in rows if row["parent_id"]] == [
        ("a", "1"),
        ("b", "4"),
        ("c", "4"),
    ]
    assert [reason for reason, _ in rejected] == ["missing_text", "empty_text"]
    assert all(each == found[0] for each in found)


def test_a_row_of_more_than_a_line_may_have_is_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(pa.table({"text": ["short", "x" * 5000, "also short"]}), tmp_path / "a.parquet")
    monkeypatch.setattr(pieces, "_N_PIECE", 1000)
    monkeypatch.setattr(columnar, "N_ROW_LIMIT", 4000)
    rows, rejected = rows_of(tmp_path / "a.parquet")
    assert [row["text"] for row in rows] == ["short", "also short"]
    assert rejected == [("not_a_record", "a.parquet:2")]


def test_what_can_only_be_held_whole_is_refused_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({"text": [f"{i} of many" * 100 for i in range(5000)]})
    pq.write_table(table, tmp_path / "a.parquet", use_dictionary=False, data_page_size=8 << 20)
    with (tmp_path / "a.arrow").open("wb") as file:
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_file(file, table.schema, options=options) as writer:
            writer.write_table(table)
    with pa.OSFile(str(tmp_path / "b.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)  # as it lies there, it need not be held
    monkeypatch.setattr(columnar, "N_PART_LIMIT", 3 << 20)
    for name, part in (("a.parquet", "a page"), ("a.arrow", "a batch")):
        with pytest.raises(InputError, match=f"{name} cannot be read: .* holds {part} of 5 MiB .3 at most"):
            read([tmp_path / name])
    assert len(rows_of(tmp_path / "b.arrow")[0]) == 5000


def test_lists_that_a_row_may_hold_all_of_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({"text": ["a"], "replies": pa.array([[{"text": "b"}] * 5000])})
    pq.write_table(table, tmp_path / "a.parquet")
    assert len(rows_of(tmp_path / "a.parquet")[0]) == 5001
    monkeypatch.setattr(columnar, "_N_ITEMS", 4000)
    with pytest.raises(InputError, match="lists too long for one row group"):
        read([tmp_path / "a.parquet"])


def test_a_type_whose_values_cannot_be_counted_is_named(tmp_path: Path) -> None:
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([10**9], pa.int32()), pa.array(["same"]))
    rows = pa.record_batch({"text": runs})
    with (tmp_path / "a.arrow").open("wb") as file, pa.ipc.new_stream(file, rows.schema) as writer:
        writer.write_batch(rows)
    with pytest.raises(InputError, match=r"a column of type run_end_encoded<.*>, which is not read"):
        read([tmp_path / "a.arrow"])


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_the_sizes_of_pages_are_read_off_their_headers(tmp_path: Path, version: str) -> None:
    texts = [f"{i:06d}" for i in range(10_000)]
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"text": texts}),
        path,
        data_page_size=10_000,
        data_page_version=version,
        write_page_checksum=True,
    )
    with path.open("rb") as file:
        ((chunk,),) = parquet_pages.chunks_of(file)
        pages = list(parquet_pages.pages_of(file, chunk))
        size = parquet_pages.size_of(file, chunk)
    assert pages[0].n_bytes == 10_000 * 10  # the words: length, and six letters
    assert pages[0].n_values == 0
    assert sum(page.n_values for page in pages) == 10_000
    assert size.as_words
    assert size.n_page == 100_000
    assert 1 <= size.n_value <= 4  # places in the dictionary


@pytest.mark.parametrize("options", [ReadOptions(), ReadOptions(batch_size=7)])
def test_batches_of_short_rows_are_as_large_as_asked(tmp_path: Path, options: ReadOptions) -> None:
    pq.write_table(pa.table({"text": [f"comment {i}" for i in range(30)]}), tmp_path / "a.parquet")
    sizes = [batch.comments.num_rows for batch in read([tmp_path / "a.parquet"], options=options)]
    assert sizes == ([30] if options.batch_size > 30 else [7, 7, 7, 7, 2])


def test_chunks_are_where_the_library_says(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"id": [str(i) for i in range(50)], "text": ["a"] * 50, "tags": [["x", "y"]] * 50})
    pq.write_table(table, path, row_group_size=20, use_dictionary=["text"])
    metadata = pq.read_metadata(path)
    with path.open("rb") as file:
        found = parquet_pages.chunks_of(file)
    assert len(found) == metadata.num_row_groups == 3
    for i, group in enumerate(found):
        for j, chunk in enumerate(group):
            theirs = metadata.row_group(i).column(j)
            for name in dataclasses.asdict(chunk):
                assert getattr(chunk, name) == getattr(theirs, name)


def test_no_byte_of_a_footer_ends_the_process(tmp_path: Path) -> None:
    """pyarrow 26 aborts where it is asked for a column whose statistics contradict its schema."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["which glue?", None]}), path, store_schema=False)
    data = path.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for at in range(start, len(data) - 8):
        path.write_bytes(data[:at] + bytes([data[at] ^ 6]) + data[at + 1 :])
        with suppress(InputError, MappingError):
            assert sum(len(each.comments) + len(each.rejections) for each in read([path])) >= 0


def test_columns_of_one_name_are_told_apart(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["1", "2"]), pa.array(["a", "b"])] * 2, names=["id", "text"] * 2)
    pq.write_table(table, tmp_path / "a.parquet")
    for make in (pa.ipc.new_file, pa.ipc.new_stream):
        with make(tmp_path / f"{make.__name__}.arrow", table.schema) as writer:
            writer.write_table(table)
    for path in tmp_path.iterdir():
        (batch,) = read([path])
        assert batch.comments["text"].to_pylist() == ["a", "b"]


def test_ids_kept_as_decimals_stay_whole(tmp_path: Path) -> None:
    """As Snowflake and BigQuery write them; no float holds so many digits."""
    ids = pa.array([Decimal(7_300_000_000_000_000_001), None], pa.decimal128(38, 0))
    likes = pa.array([Decimal("3.00"), Decimal("2.50")], pa.decimal128(10, 2))
    pq.write_table(pa.table({"id": ids, "text": ["a", "b"], "likes": likes}), tmp_path / "a.parquet")
    (batch,) = read([tmp_path / "a.parquet"])
    assert batch.comments["id"].to_pylist() == ["7300000000000000001", "2"]
    assert batch.comments["likes"].to_pylist() == [3, 2]


def test_dictionaries_of_views_are_read_as_polars_writes_them(tmp_path: Path) -> None:
    """Its Categorical and Enum columns: pyarrow 26 has no kernel that writes them out."""
    words = pa.array(["which glue?", "never named", "lovely"]).cast(pa.string_view())
    texts = pa.DictionaryArray.from_arrays(pa.array([2, 0, None, 2], pa.uint32()), words)
    nobody = pa.DictionaryArray.from_arrays(pa.array([None] * 4, pa.uint32()), words.slice(0, 0))
    data = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 0, 1], pa.int8()), pa.array([b"p", b"q"], pa.binary_view())
    )
    table = pa.table({"text": texts, "author": nobody, "post_id": data})
    with (tmp_path / "a.arrow").open("wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    rows, rejected = rows_of(tmp_path / "a.arrow")
    assert [(row["text"], row["author"], row["post_id"]) for row in rows] == [
        ("lovely", None, "p"),
        ("which glue?", None, "q"),
        ("lovely", None, "q"),
    ]
    assert rejected == [("missing_text", "a.arrow:3")]
    assert columnar.plain(texts.slice(1, 3)) == ["which glue?", None, "lovely"]


def test_what_arrow_itself_cannot_read_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise pa.ArrowNotImplementedError("no kernel matching input types")

    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")
    monkeypatch.setattr(columnar, "plain", refused)
    with pytest.raises(InputError, match=r"holds what is not read \(no kernel"):
        read([tmp_path / "a.parquet"])
