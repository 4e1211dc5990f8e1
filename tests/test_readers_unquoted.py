r"""Tables without quotation marks, as MySQL's INTO OUTFILE and PostgreSQL's COPY write them."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.readers import ReadOptions, inspect
from plaudit.readers.stream import ByteStream
from plaudit.readers.unquoted import unquoted_rows

from .test_readers_formats import rows_of, write
from .test_readers_fuzz_formats import FEW

Rows = list[tuple[str | None, ...]]
Writer = Callable[[Rows], str]
NAMES = ("id", "text", "author")


def as_mysql(rows: Rows) -> str:
    """Write as `select_export::send_data` does by default; people add the header."""
    return _written(rows, lambda c: "\\0" if c == "\0" else f"\\{c}" if c in "\\\t\n" else c)


def as_postgres(rows: Rows) -> str:
    """Write as `CopyAttributeOutText` does, with HEADER."""
    names = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v", "\\": "\\"}
    return _written(rows, lambda c: f"\\{names[c]}" if c in names else c)


def _written(rows: Rows, escaped: Callable[[str], str]) -> str:
    cells = [[r"\N" if cell is None else "".join(map(escaped, cell)) for cell in row] for row in rows]
    return "\n".join("\t".join(row) for row in [list(NAMES), *cells]) + "\n"


WRITERS = {"mysql": as_mysql, "postgres": as_postgres}
ROWS: Rows = [
    ("1", 'he said "which glue, and how long?"', "ann"),
    ("2", '"never closed', None),
    ("3", "two lines,\nand the second", "the maker"),
    ("4", "from C:\\new\\dir\\", "ben"),
    ("5", "a\ttab", "cem"),
    ("6", "\u00af\\_(\u30c4)_/\u00af", "dee"),
    ("7", "\\N, he wrote", "eve"),
]


@pytest.mark.parametrize("name", ["a.tsv", "a.txt", "unnamed"])
@pytest.mark.parametrize("writer", WRITERS.values(), ids=[*WRITERS])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_row_of_an_export_is_one(tmp_path: Path, name: str, writer: Writer, end: str) -> None:
    path = write(tmp_path, name, writer(ROWS).replace("\n", end))
    rows, rejected = rows_of(path)
    assert not rejected
    assert [(row["id"], row["text"].replace("\r", "")) for row in rows] == [row[:2] for row in ROWS]
    assert [row["author"] is None for row in rows] == [row[2] is None for row in ROWS]


def test_texts_of_several_lines_tell_it_where_nothing_is_null(tmp_path: Path) -> None:
    rows, rejected = rows_of(write(tmp_path, "a.tsv", as_mysql(ROWS[2:5])))
    assert [row["text"] for row in rows] == [row[1] for row in ROWS[2:5]]
    assert not rejected


def test_a_text_that_is_null_is_missing(tmp_path: Path) -> None:
    rows, rejected = rows_of(write(tmp_path, "a.tsv", as_mysql([*ROWS, ("8", None, "fay")])))
    assert len(rows) == len(ROWS)
    assert rejected == [("missing_text", "a.tsv:10")]


PLAIN: dict[str, list[tuple[str, str]]] = {
    "a path": [("which glue", "ann"), ("C:\\new", "ben"), ("C:\\table\\new", "cem")],
    "a path at the end": [("D:\\", "ann"), ("so good", "D:\\"), ("E:\\", "F:\\"), ("so true", "ben")],
    "a path beside a null": [("C:\\dir\\new", "\\N"), ("so good", "ann"), ("C:\\new", "\\N")],
    "a shrug": [("so good", "\\N"), ("\u00af\\_(\u30c4)_/\u00af and \\n", "ann")],
    "JSON": [('{"a": "so good\\n"}', "ann"), ('{"a": "\\u00e9"}', "\\N")],
    "a mark": [('"so" good\\t', "ann"), ('so "good"', "ben"), ('"', "cem")],
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_backslash_of_a_plain_table_is_a_backslash(tmp_path: Path, name: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter="\t", lineterminator="\n").writerows([("text", "author"), *PLAIN[name]])
    rows, rejected = rows_of(write(tmp_path, "a.tsv", out.getvalue()))
    assert [row["text"] for row in rows] == [text for text, _ in PLAIN[name]]
    assert not rejected


def test_cells_in_quotation_marks_are_read_without_them(tmp_path: Path) -> None:
    rows, rejected = rows_of(
        write(tmp_path, "a.tsv", 'id\ttext\tauthor\n1\t"so good"\t\\N\n2\t"and\\\nso on"\t"ann"\n')
    )
    assert [row["text"] for row in rows] == ["so good", "and\\\nso on"]
    assert rows[0]["author"] is None
    assert not rejected


def test_what_stands_behind_what_was_looked_at(tmp_path: Path) -> None:
    many: Rows = [(str(i), f"which glue was No. {i}? " * 10, None) for i in range(10, 2010)]
    last = "y\tended by\\\nz\tC:\\dir, and \\x\tfay\nx\tshort\nz\tC:\\dir\tfay\n"
    rows, rejected = rows_of(write(tmp_path, "a.tsv", as_mysql([*many, *ROWS]) + last))
    assert [row["text"] for row in rows[-8:]] == [*(row[1] for row in ROWS), "C:\\dir, and \\x"]
    n = 2001 + len(ROWS) + 1  # lines of the others; one text is of two
    assert rejected == [
        ("malformed_row", f"a.tsv:{n + 1}"),
        ("malformed_row", f"a.tsv:{n + 3}"),
        ("changed_text", f"a.tsv:{n + 4}"),
    ]


def test_it_is_told_before_it_is_scored(tmp_path: Path) -> None:
    (seen,) = inspect([write(tmp_path, "a.tsv", as_mysql(ROWS))], options=ReadOptions())
    assert seen.why.endswith(r"with tabs between them, and a backslash escapes, \N being null.")
    (seen,) = inspect([write(tmp_path, "b.tsv", "text\tauthor\nC:\\new\tann\n")], options=ReadOptions())
    assert seen.why.endswith("with tabs between them.")


def test_rows_that_never_end_are_given_up(tmp_path: Path) -> None:
    """Read again from each of its lines, such a table would take the square of its length."""
    path = write(tmp_path, "a.tsv", as_mysql(ROWS) + "x\\\n" * 60_000)
    start = time.process_time()
    rows, rejected = rows_of(path)
    assert len(rows) == len(ROWS)
    assert rejected
    assert time.process_time() - start < 60  # hours, else


CELL = st.text(st.sampled_from('ab,"\\N0nt\n\t\v\f\0 é\u2028'), max_size=8)


@FEW
@given(rows=st.lists(st.tuples(CELL, st.none() | CELL, CELL), max_size=8), kind=st.sampled_from([*WRITERS]))
def test_whatever_is_written_comes_out_as_it_was(rows: Rows, kind: str) -> None:
    data = WRITERS[kind](rows).encode()
    found = [tuple(value.values()) for _, value in unquoted_rows(ByteStream(io.BytesIO(data)))]
    assert found == rows


@FEW
@given(lines=st.lists(st.text(st.sampled_from('ab\t\\\r"N'), max_size=10), max_size=30))
def test_no_line_is_lost(tmp_path: Path, lines: list[str]) -> None:
    path = write(
        tmp_path, "a.tsv", "\n".join(["id\ttext", "x\tfine", "z\t\\N", *lines, "y\tthe last of them", ""])
    )
    rows, rejected = rows_of(path)
    told = "".join(row["text"] for row in rows)
    assert "fine" in told
    assert "the last of them" in told or rejected
