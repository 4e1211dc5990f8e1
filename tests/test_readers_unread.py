"""Columns of types that are not read: passed over and told where nobody needs them, else refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

from plaudit.errors import InputError
from plaudit.readers import ReadOptions, inspect, pieces, read
from plaudit.readers.notes import notes_of
from plaudit.readers.preparation import Prepared
from plaudit.readers.reading import parts_of
from plaudit.service.unpacking import Limits, check

from .test_readers_formats import rows_of


def union(values: list[str]) -> pa.Array:
    return pa.UnionArray.from_sparse(pa.array([0] * len(values), pa.int8()), [pa.array(values)])


UNREAD = {
    "union": union(["x", "y"]),
    "runs": pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["same"])),
    "view": pa.array([["a"], None], pa.list_view(pa.string())),
    "in a list": pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), union(["x", "y"])),
    "in a struct": pa.StructArray.from_arrays([union(["x", "y"])], names=["part"]),
    "of words": pa.DictionaryArray.from_arrays(pa.array([0, 0], pa.int32()), pa.array([{"a": 1}])),
    "twins": pa.StructArray.from_arrays([pa.array([1, 2])] * 2, names=["a", "a"]),
}
READ = {
    "map": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
    "duration": pa.array([timedelta(seconds=1), None], pa.duration("ns")),
    "decimal": pa.array([Decimal(10**50), None], pa.decimal256(60, 0)),
    "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16), None], pa.binary(16))),
    "time": pa.array([1, None], pa.time64("ns")),
    "view": pa.array(["a", None], pa.string_view()),
    "bytes": pa.array([b"ab", None], pa.binary(2)),
    "nothing": pa.nulls(2),
}


def as_arrow(folder: Path, name: str = "a.arrow", **columns: object) -> Path:
    table = pa.table({"text": ["so good", "Why?"]} | columns)
    with pa.OSFile(str(folder / name), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    return folder / name


def told(*paths: Path, **options: object) -> list[str]:
    parts = parts_of(paths, options=ReadOptions(**options))
    return list(notes_of([each for each in parts if isinstance(each, Prepared)]))


@pytest.mark.parametrize("name", UNREAD)
def test_one_that_nobody_needs_is_passed_over_and_told(tmp_path: Path, name: str) -> None:
    path = as_arrow(tmp_path, odd=UNREAD[name], author=["ann", "ben"])
    rows, rejected = rows_of(path)
    assert [row["text"] for row in rows] == ["so good", "Why?"]
    assert all(row["author"] for row in rows)
    assert not rejected
    (note,) = told(path)
    assert note.startswith("Passed over columns of a.arrow, of types that are not read: 'odd' (")
    (seen,) = inspect([path], options=ReadOptions())
    assert list(seen.unread) == ["odd"]


def test_one_in_a_file_of_parquet_too(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["so good", "Why?"], "odd": UNREAD["view"]}), tmp_path / "a.parquet")
    assert len(rows_of(tmp_path / "a.parquet")[0]) == 2
    assert told(tmp_path / "a.parquet") == [
        "Passed over columns of a.parquet, of types that are not read: 'odd' (list_view<element: string>)."
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"keep": ("odd",)},
        {"keep": ("odd.part",)},
        {"columns": {"likes": "odd"}},
        {"columns": {"text": "odd"}},
    ],
)
def test_one_that_was_asked_for_is_refused(tmp_path: Path, options: dict[str, object]) -> None:
    path = as_arrow(tmp_path, odd=UNREAD["union"])
    with pytest.raises(
        InputError, match=r"a.arrow holds in 'odd' a column of type sparse_union<0: string=0>, wh"
    ):
        read([path], options=ReadOptions(**options))


def test_a_text_is_taken_from_another_column_where_there_is_one(tmp_path: Path) -> None:
    path = as_arrow(tmp_path, comment=UNREAD["runs"])
    assert len(rows_of(path)[0]) == 2
    table = pa.table({"text": UNREAD["runs"], "author": ["ann", "ben"]})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(InputError, match="holds in 'text' a column of type run_end_encoded"):
        read([path])


def test_files_with_the_same_are_told_once(tmp_path: Path) -> None:
    paths = [as_arrow(tmp_path, f"{i}.arrow", odd=UNREAD["union"]) for i in range(3)]
    paths.append(as_arrow(tmp_path, "last.arrow", **{f"odd {i}": UNREAD["runs"] for i in range(7)}))
    first, second = told(*paths)
    assert first.startswith("Passed over columns of 0.arrow and of 2 others, of types")
    assert second.endswith(" and 2 more.")
    assert second.count("run_end_encoded") == 5


@pytest.mark.parametrize("name", [*UNREAD, *READ])
def test_what_is_not_read_is_what_cannot_be_counted(name: str) -> None:
    for column in [each[name] for each in (UNREAD, READ) if name in each]:
        is_counted = True
        try:
            pieces.written_out(pa.record_batch([column], ["odd"]))
            column.to_pylist()
        except ValueError:
            is_counted = False
        assert pieces.is_counted(column.type) is is_counted


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("map", '[["a",1]]'),
        ("duration", "1000"),
        ("decimal", str(10**50)),
        ("uuid", '"00000000-0000-0000-0000-000000000000"'),
        ("time", '"00:00:00"'),
    ],
)
@pytest.mark.parametrize("make", [as_arrow, None])
def test_rarer_types_are_read_and_kept(
    tmp_path: Path, name: str, kept: str, make: Callable[..., Path] | None
) -> None:
    path = tmp_path / "a.parquet"
    if make is None:
        pq.write_table(pa.table({"text": ["so good", "Why?"], "odd": READ[name]}), path)
    else:
        path = make(tmp_path, odd=READ[name])
    (batch,) = read([path], options=ReadOptions(keep=("odd",)))
    assert batch.kept is not None
    assert batch.kept["original_odd"].to_pylist() == [kept, None]
    assert told(path) == []


def test_days_and_times_beyond_those_of_python_are_none(tmp_path: Path) -> None:
    days = pa.array([2**30, 19_000], pa.date32())
    rows, rejected = rows_of(as_arrow(tmp_path, created_at=days, odd=pa.array([2**62, 1], pa.duration("s"))))
    assert [row["created_at"] for row in rows] == [None, 19_000 * 86_400_000]
    assert not rejected


def test_a_value_that_python_has_not_costs_its_row_where_it_is_needed(tmp_path: Path) -> None:
    path = as_arrow(tmp_path, odd=pa.array([[2**30], [0]], pa.list_(pa.date32())))
    assert len(rows_of(path)[0]) == 2
    rows, rejected = rows_of(path, keep=("odd",))
    assert [row["text"] for row in rows] == ["Why?"]
    assert rejected == [("invalid_field", "a.arrow:1")]


def test_a_bad_byte_in_a_list_costs_its_row_where_it_is_needed(tmp_path: Path) -> None:
    words = pa.array([b"\xff", b"oak"], pa.binary()).view(pa.string())
    replies = pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), words)
    pq.write_table(pa.table({"text": ["so good", "Why?"], "odd": replies}), tmp_path / "a.parquet")
    assert len(rows_of(tmp_path / "a.parquet")[0]) == 2
    rows, rejected = rows_of(tmp_path / "a.parquet", keep=("odd",))
    assert [row["text"] for row in rows] == ["Why?"]
    assert rejected == [("bad_encoding", "a.parquet:1")]


def test_one_beside_a_long_text_hides_nothing_from_the_service(tmp_path: Path) -> None:
    """What unpacks to too much is refused by the columns that are read, whatever else there is."""
    words = pa.DictionaryArray.from_arrays(pa.array([0] * 500, pa.int32()), ["x" * 10_000])
    table = pa.table({"text": words, "odd": union(["x"] * 500)})
    with pa.OSFile(str(tmp_path / "dump"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(InputError, match="The table unpacks to more than 1,048,576 bytes"):
        check(tmp_path / "dump", limits=Limits(n_bytes=1 << 20, ratio=250))
