"""Whatever a tool, a table or a damaged disk puts in a dump: every record is scored or rejected."""

from __future__ import annotations

import bz2
import csv
import io
import json
import lzma
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plaudit.errors import InputError, MappingError
from plaudit.readers import read

from .test_readers_errors import zipped
from .test_readers_formats import INFO, rows_of, write
from .test_readers_fuzz import ANYWHERE, SCALARS, n_read
from .test_readers_generic import as_arrow, as_parquet, as_workbook
from .test_readers_tools import EXAMPLES

FEW = settings(ANYWHERE, max_examples=60)
CELLS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Co", "Cn"]), max_size=20)


def leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in nested lists and objects that holds a single value: what holds it, and its key."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(inner, (dict, list)):
            yield from leaves(inner)
        else:
            yield value, key


def as_values(name: str) -> Any:
    data = EXAMPLES[name][1]
    if isinstance(data, str):
        return list(csv.DictReader(io.StringIO(data)))
    if isinstance(data, bytes):
        return [json.loads(line) for line in data.splitlines()]
    return json.loads(json.dumps(data))


@pytest.mark.parametrize("name", EXAMPLES)
@FEW
@given(data=st.data())
def test_any_value_in_any_place_of_a_tools_dump(tmp_path: Path, name: str, data: st.DataObject) -> None:
    values = as_values(name)
    n_comments = n_read([write(tmp_path, "a.json", values)], format=name)
    places = list(leaves(values))
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(places) - 1), SCALARS), max_size=4)):
        holder, key = places[at]
        holder[key] = value
    with suppress(MappingError, InputError):  # where no text is left at all
        assert n_read([write(tmp_path, "a.json", json.dumps(values))], format=name) == n_comments


def delimited(rows: list[list[str]], delimiter: str) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows([["id", "text", "author"], *rows])
    return out.getvalue().encode()


def columns(rows: list[list[str]]) -> pa.Table:
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(("id", "text", "author"))})


def parquet(rows: list[list[str]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(columns(rows), out)
    return out.getvalue()


def arrow(rows: list[list[str]]) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, columns(rows).schema) as writer:
        writer.write_table(columns(rows))
    return out.getvalue()


def workbook(rows: list[list[str]]) -> bytes:
    out, book = io.BytesIO(), openpyxl.Workbook()
    book.active.append(["id", "text", "author"])
    for row in rows:
        book.active.append([None if cell == "" else "'" + cell for cell in row])  # "=" would be a formula
    book.save(out)
    return out.getvalue()


TABLES: dict[str, Callable[[list[list[str]]], bytes]] = {
    "csv": lambda rows: delimited(rows, ","),
    "tsv": lambda rows: delimited(rows, "\t"),
    "parquet": parquet,
    "arrow": arrow,
    "excel": workbook,
}


@pytest.mark.parametrize("container", TABLES)
@FEW
@given(rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8))
@example(rows=[['"', "a\u2028b", ","], ["", "", "x"]])
def test_every_row_of_a_table_counts(tmp_path: Path, container: str, rows: list[list[str]]) -> None:
    n_rows = sum(1 for row in rows if container != "excel" or any(row))
    path = write(tmp_path, "a", TABLES[container](rows))
    assert n_read([path], format=container) == n_rows


DAMAGED: dict[str, Callable[[], bytes]] = {
    "a.parquet": as_parquet,
    "a.feather": as_arrow,
    "a.arrow": lambda: as_arrow(stream=True),
    "a.xlsx": as_workbook,
    "a.zip": lambda: zipped({"a.csv": b"text\nhello\n" * 50, "b.json": json.dumps(INFO).encode()}),
    "a.csv.bz2": lambda: bz2.compress(b"text\n" + b"hello there\n" * 500),
    "a.csv.xz": lambda: lzma.compress(b"text\n" + b"hello there\n" * 500),
}


@pytest.mark.parametrize("name", DAMAGED)
@FEW
@given(
    flips=st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 100_000),
)
def test_any_damage_is_told(tmp_path: Path, name: str, flips: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(DAMAGED[name]())
    for at, value in flips:
        data[at % len(data)] = value
    if not flips:
        del data[cut % len(data) :]
    with suppress(InputError, MappingError):
        n_read([write(tmp_path, name, bytes(data))])


@FEW
@given(
    at=st.integers(0, 10_000),
    garbage=st.binary(min_size=1, max_size=6) | st.sampled_from([b'"', b"{", b"]", b"\\", b","]),
)
def test_garbage_in_a_document_is_never_silent(tmp_path: Path, at: int, garbage: bytes) -> None:
    data = json.dumps(
        {"id": "p", "comments": [{"id": str(i), "text": f"No. {i}"} for i in range(30)]}
    ).encode()
    at %= len(data)
    path = write(tmp_path, "a.json", data[:at] + garbage + data[at:])
    with suppress(InputError, MappingError):
        rows, rejected = rows_of(path)
        assert len(rows) == 30 or rejected


def test_a_bad_byte_in_a_column_costs_one_comment(tmp_path: Path) -> None:
    texts = pa.array([b"fine", b"caf\xe9", "caf\u00e9".encode()]).view(pa.string())
    table = pa.table({"id": ["1", "2", "3"], "text": texts})
    pq.write_table(table, tmp_path / "a.parquet")
    with pa.ipc.new_file(tmp_path / "a.arrow", table.schema) as writer:
        writer.write_table(table)
    for name in ("a.parquet", "a.arrow"):
        rows, rejected = rows_of(tmp_path / name)
        assert [row["text"] for row in rows] == ["fine", "caf\u00e9"]
        assert rejected == [("bad_encoding", f"{name}:2")]


def test_offsets_that_lead_out_of_an_arrow_file(tmp_path: Path) -> None:
    data = as_arrow(stream=True)
    at = data.index((0).to_bytes(4, "little") + len("fay").to_bytes(4, "little"))  # of the column author
    bad = data[: at + 4] + (2**31 - 2).to_bytes(4, "little") + data[at + 8 :]
    with pytest.raises(InputError, match="Arrow file is damaged"):
        list(read([write(tmp_path, "a.arrow", bad)]))


def test_an_archive_of_a_version_to_come_gives_what_can_be_read(tmp_path: Path) -> None:
    """Its list of contents asks for version 6.4, which no reader knows; what it packs is whole."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.ndjson", '{"id": "1", "text": "the hinge holds"}\n')
    data = bytearray(packed.getvalue())
    data[data.index(b"PK\x01\x02") + 6] = 64
    rows, rejected = rows_of(write(tmp_path, "a.zip", bytes(data)))
    assert [row["text"] for row in rows] == ["the hinge holds"]
    assert len(rejected) == 1
