r"""Tables that write a quotation mark within a cell \", as MySQL's INTO OUTFILE and Spark do."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.readers import ReadOptions, inspect
from plaudit.readers.stream import ByteStream
from plaudit.readers.table import Dialect, table_rows

from .test_readers_formats import rows_of, write
from .test_readers_fuzz_formats import FEW

Row = tuple[int, str, str | None]
NAMES = ("id", "text", "author")


def as_mysql(rows: list[Row], *, delimiter: str = ",", end: str = "\n") -> str:
    """Write as `select_export::send_data` does, with OPTIONALLY ENCLOSED BY '"'; people add the header."""
    escaped = {"\\", '"', end[0]}
    lines = [delimiter.join(NAMES)]
    for row in rows:
        cells = []
        for value in row:
            if isinstance(value, str):
                cells.append('"' + "".join(f"\\{c}" if c in escaped else c for c in value) + '"')
            else:
                cells.append(r"\N" if value is None else str(value))
        lines.append(delimiter.join(cells))
    return end.join([*lines, ""])


ROWS: list[Row] = [
    (1, 'he said "which glue, and how long?", then left', "ann"),
    (2, 'a 5" pipe and a 6"', None),
    (3, "two lines,\nand the second", 'the "maker"'),
    (4, "from C:\\dir\\", "ben"),
    (5, '"', "cem"),
    (6, 'she said ""', "dee"),
    (7, "plain, with a comma", "eve"),
]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("name", "delimiter"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t"), ("a.txt", "\t")]
)
def test_every_row_of_an_export_of_mysql_is_one(tmp_path: Path, name: str, delimiter: str, end: str) -> None:
    path = write(tmp_path, name, as_mysql(ROWS, delimiter=delimiter, end=end))
    rows, rejected = rows_of(path)
    assert not rejected
    assert [(int(row["id"]), row["text"]) for row in rows] == [row[:2] for row in ROWS]
    assert [row["author"] is None for row in rows] == [row[2] is None for row in ROWS]


def test_a_text_that_is_null_is_missing_and_none_of_its_letters(tmp_path: Path) -> None:
    data = as_mysql(ROWS).replace('"plain, with a comma"', r"\N")
    rows, rejected = rows_of(write(tmp_path, "a.csv", data))
    assert len(rows) == len(ROWS) - 1
    assert rejected == [("missing_text", "a.csv:9")]


def test_who_is_null_is_nobody_also_where_no_mark_tells_the_writer(tmp_path: Path) -> None:
    rows, _ = rows_of(write(tmp_path, "a.csv", 'id,text,author\n1,"so good",\\N\n'))
    assert rows[0]["author"] is None


PATHS = [("C:\\dir\\", "ann"), ("D:\\", "b, c"), ('see "C:\\"', "d"), ("\\\\share\\new\\", "e"), ("\\", "\\")]


@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_a_backslash_before_a_closing_mark_is_a_backslash(
    tmp_path: Path, quoting: int, delimiter: str
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=quoting).writerows([("text", "author"), *PATHS])  # type: ignore[arg-type]
    rows, rejected = rows_of(write(tmp_path, "a.csv", out.getvalue()))
    assert not rejected
    assert [row["text"] for row in rows] == [text for text, _ in PATHS]


def test_a_row_of_the_other_way_is_read_in_a_table_of_either(tmp_path: Path) -> None:
    plain = 'id,text,author\n1,"from ""C:\\dir\\""",ann\n2,"D:\\",ben\n'
    rows, rejected = rows_of(
        write(tmp_path, "a.csv", plain + '3,"so \\"good\\", he said",cem\n4,"E:\\",dee\n')
    )
    assert not rejected
    assert [row["text"] for row in rows] == ['from "C:\\dir\\"', "D:\\", 'so "good", he said', "E:\\"]
    rows, rejected = rows_of(
        write(tmp_path, "b.csv", as_mysql(ROWS) + '8,"C:\\dir\\",ann\n9,"a ""b""",ben\n')
    )
    assert not rejected
    assert [row["text"] for row in rows[-2:]] == ["C:\\dir\\", 'a "b"']


def test_a_first_mark_behind_what_is_looked_at_costs_no_row(tmp_path: Path) -> None:
    many: list[Row] = [(i, f"which glue was No. {i}? " * 10, "ann") for i in range(10, 2010)]
    path = write(tmp_path, "a.csv", as_mysql([*many, *ROWS]))
    rows, rejected = rows_of(path)
    assert not rejected
    assert [row["text"] for row in rows[-7:-4]] == [row[1] for row in ROWS[:3]]
    assert len(rows) == 2007


@pytest.mark.parametrize("end", ["", '8,"never closed \\" at all,eve\n'])
def test_a_mark_never_closed_costs_its_own_row(tmp_path: Path, end: str) -> None:
    data = as_mysql(ROWS[:3]) + '9,"never \\"closed,eve\n' + as_mysql(ROWS[3:]).split("\n", 1)[1] + end
    rows, rejected = rows_of(write(tmp_path, "a.csv", data))
    assert [int(row["id"]) for row in rows] == [row[0] for row in ROWS]
    assert [reason for reason, _ in rejected] == ["malformed_row"] * (1 + bool(end))


def test_what_was_recognised_is_told_before_it_is_scored(tmp_path: Path) -> None:
    (seen,) = inspect([write(tmp_path, "a.csv", as_mysql(ROWS))], options=ReadOptions())
    assert seen.why.endswith("""with ',' between them, and quotation marks are written \\".""")
    (seen,) = inspect([write(tmp_path, "b.csv", 'id,text\n1,"C:\\dir\\"\n')], options=ReadOptions())
    assert seen.why.endswith("with ',' between them.")


def test_json_in_a_cell_keeps_its_own_backslashes(tmp_path: Path) -> None:
    said = json.dumps({"text": 'so "good"\n'})
    rows, rejected = rows_of(write(tmp_path, "a.csv", as_mysql([(1, said, "ann")])))
    assert (rows[0]["text"], rejected) == (said, [])


TEXT = st.text(st.sampled_from('ab,;"\\N\n\r\t é'), max_size=8)


@FEW
@given(
    rows=st.lists(st.tuples(st.integers(0, 99), TEXT, st.none() | TEXT), max_size=8),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_whatever_mysql_writes_comes_out_as_it_was(rows: list[Row], delimiter: str, end: str) -> None:
    data = as_mysql(rows, delimiter=delimiter, end=end).encode()
    values = table_rows(ByteStream(io.BytesIO(data)), dialect=Dialect(delimiter=delimiter, escapes=True))
    found = [tuple(value.values()) for _, value in values]
    same = [tuple(None if cell == r"\N" else cell for cell in (str(i), *texts)) for i, *texts in rows]
    assert found == same


@FEW
@given(lines=st.lists(st.text(st.sampled_from('ab,"\\\r'), max_size=10), max_size=30))
def test_no_line_is_lost_whichever_way_it_is_read(tmp_path: Path, lines: list[str]) -> None:
    path = write(tmp_path, "a.csv", "\n".join(["id,text", "x,fine", *lines, "y,the last of them", ""]))
    rows, rejected = rows_of(path)
    told = "".join(row["text"] for row in rows)
    assert "fine" in told
    assert "the last of them" in told or rejected
